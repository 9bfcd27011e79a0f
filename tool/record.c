/* teaspoon record: runs a program with a library before its allocator that notes every call (preload/record.c), and
 * makes a trace of what was noted for each process of it. SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE

#include "command.h"
#include "convert.h"
#include "recording.h"
#include "say.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIBRARY "libteaspoon-record.so"

static char *print(const char *format, const char *a, const char *b, const char *c) {
    int length = snprintf(NULL, 0, format, a, b, c);
    char *text = need(malloc((size_t)length + 1));
    snprintf(text, (size_t)length + 1, format, a, b, c);
    return text;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *find_part(const char *name) {
    static const char *const places[] = {"%s/%s", "%s/../lib/teaspoon/%s"};
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = '\0';
    if (strrchr(own, '/')) *strrchr(own, '/') = '\0';
    for (int i = 0; i < 2; i++) {
        char *path = print(places[i], own, name, "");
        if (access(path, R_OK) == 0) return path;
        free(path);
    }
    complain(BAD_INPUT, "there is no %s in %s or %s/../lib/teaspoon", name, own, own);
    return NULL;
}

/* -- The program
 * -------------------------------------------------------------------------------------------------------- */

static volatile pid_t program;

static void pass_on(int number) {
    if (program > 0) kill(program, number);
}

static void become(char **words, const char *library, const char *directory, unsigned frames) {
    const char *others = getenv("LD_PRELOAD");
    char depth[16];
    snprintf(depth, sizeof depth, "%u", frames);
    setenv("LD_PRELOAD", others && *others ? print("%s:%s", library, others, "") : library, 1);
    setenv(RECORDING_DIRECTORY, directory, 1);
    setenv(RECORDING_FRAMES, depth, 1);
    execvp(*words, words);
}

/* Runs it to its end. -1: it cannot be run, which has been said. The keyboard's signals are for the program alone. */
static int run_program(char **words, const char *library, const char *directory, unsigned frames, int *status) {
    struct sigaction ignore = {.sa_handler = SIG_IGN}, pass = {.sa_handler = pass_on}, interrupt, quit, terminate;
    int channel[2], why = 0;
    if (pipe(channel) != 0) return complain(BAD_INPUT, "cannot make a pipe: %s", strerror(errno)), -1;
    fcntl(channel[1], F_SETFD, FD_CLOEXEC);
    sigaction(SIGINT, &ignore, &interrupt);
    sigaction(SIGQUIT, &ignore, &quit);
    fflush(NULL);
    program = fork();
    if (program == 0) {
        sigaction(SIGINT, &interrupt, NULL);
        sigaction(SIGQUIT, &quit, NULL);
        close(channel[0]);
        become(words, library, directory, frames);
        why = errno;
        if (write(channel[1], &why, sizeof why) < 0) _exit(127);
        _exit(127);
    }
    close(channel[1]);
    if (program < 0) return complain(BAD_INPUT, "cannot make a process: %s", strerror(errno)), -1;
    sigaction(SIGTERM, &pass, &terminate);
    while (read(channel[0], &why, sizeof why) < 0 && errno == EINTR) continue;
    close(channel[0]);
    while (waitpid(program, status, 0) < 0 && errno == EINTR) continue;
    program = 0;
    sigaction(SIGTERM, &terminate, NULL);
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGQUIT, &quit, NULL);
    if (why) return complain(BAD_INPUT, "cannot run %s: %s", *words, strerror(why)), -1;
    return 0;
}

/* -- The traces
 * --------------------------------------------------------------------------------------------------------- */

/* FILE for the first process; for the others cc.trace.gz becomes cc.2-cc1.trace.gz. */
static char *trace_file(const char *file, size_t i, const char *name) {
    const char *base = base_name(file), *end = base + strlen(base), *dot;
    char number[32], *head, *path;
    if (i == 0) return print("%s", file, "", "");
    if (end - base > 3 && strcmp(end - 3, ".gz") == 0) end -= 3;
    dot = end > base ? end - 1 : end;
    while (dot > base && *dot != '.') dot--;
    if (dot == base) dot = end;
    head = need(strndup(file, (size_t)(dot - file)));
    snprintf(number, sizeof number, ".%zu-", i + 1);
    path = print("%s%s%s", head, number, name);
    free(head);
    head = print("%s%s%s", path, dot, "");
    free(path);
    return head;
}

enum { SAID = 20 }; /* traces that get a line on stderr: a shell script has hundreds of processes */

static int write_traces(recordings *all, const char *file, int quiet) {
    int ok = 1;
    for (size_t i = 0; i < recordings_count(all); i++) {
        char *name = trace_file(file, i, recording_program(all, i));
        converted c;
        if (!recording_convert(all, i, name, &c)) {
            ok = 0;
        } else {
            if (!quiet && i < SAID)
                fprintf(stderr, "teaspoon: %s: %s operations of %s, at most %s bytes live, %s at the end\n", name,
                        COMMAS(c.operations), recording_program(all, i), COMMAS((size_t)c.peak),
                        COMMAS((size_t)c.live));
            if (c.lost)
                ok = complain(BAD_INPUT, "%s: %s calls could not be recorded; is the disk full?", name,
                              COMMAS((size_t)c.lost)) == DONE;
        }
        free(name);
    }
    if (!quiet && recordings_count(all) > SAID)
        fprintf(stderr, "teaspoon: and %s more traces beside it\n", COMMAS(recordings_count(all) - SAID));
    return ok;
}

static void remove_directory(const char *directory) {
    DIR *d = opendir(directory);
    for (struct dirent *entry; d && (entry = readdir(d)) != NULL;)
        if (*entry->d_name != '.') unlinkat(dirfd(d), entry->d_name, 0);
    if (d) closedir(d);
    rmdir(directory);
}

int record_program(char **words, const options *how) {
    char *library = find_part(LIBRARY), *file, *template, *directory;
    int status = 0, code;
    recordings *all;
    if (library == NULL) return BAD_INPUT;
    if (strpbrk(library, " :"))
        return complain(BAD_INPUT, "a library with a blank or colon in its path cannot be preloaded: %s", library);
    file = how->output ? print("%s", how->output, "", "") : print("%s.trace", base_name(*words), "", "");
    template = print("%s.XXXXXX", file, "", "");
    if (mkdtemp(template) == NULL)
        return complain(BAD_INPUT, "cannot make a directory %s: %s", template, strerror(errno));
    directory = need(realpath(template, NULL));
    if (run_program(words, library, directory, how->frames, &status) != 0) {
        remove_directory(directory);
        return BAD_INPUT;
    }
    all = recordings_open(directory);
    if (WIFSIGNALED(status))
        fprintf(stderr, "teaspoon: %s was ended by signal %d (%s)\n", *words, WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (recordings_count(all) == 0)
        code = complain(BAD_INPUT,
                        "%s called no malloc that can be recorded: is it static, set-user-ID, of another "
                        "word size, or with a malloc of its own?",
                        *words);
    else if (!write_traces(all, file, how->quiet)) code = BAD_INPUT;
    recordings_close(all);
    remove_directory(directory);
    free(directory);
    free(template);
    free(file);
    free(library);
    return code;
}
