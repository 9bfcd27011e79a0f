/* What the command says on its way: numbers, JSON's text, messages, progress on a terminal of our own, and files read
 * whole. Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#define _XOPEN_SOURCE 700

#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int passed, failed;

static void ok(int condition, const char *what, size_t n) {
    passed += condition != 0;
    failed += !condition;
    if (condition) return;
    printf("FAILED: %s: %zu\n", what, n);
    if (getenv("TSP_TEST_STOP")) exit(1);
}

/* Groups of three digits, from the right. */
static void numbers(void) {
    const size_t most = SIZE_MAX;
    for (size_t n = 0, i = 0; i < 200; n = i < 100 ? n * 3 / 2 + i : most - (most >> (i - 100) / 2 % 60), i++) {
        char expected[40], *to = expected + sizeof expected - 1, got[32];
        size_t left = n, digits = 0;
        *to = '\0';
        do {
            if (digits && digits % 3 == 0) *--to = ',';
            *--to = (char)('0' + left % 10);
            digits++;
        } while (left /= 10);
        ok(strcmp(commas(got, n), to) == 0 && strcmp(COMMAS(n), to) == 0, to, n);
    }
}

static char said[1 << 16];

static size_t all_of(FILE *f) {
    size_t n;
    rewind(f);
    n = fread(said, 1, sizeof said - 1, f);
    said[n] = '\0';
    fclose(f);
    return n;
}

static void texts(void) {
    for (int c = 1; c < 256; c++) {
        const char text[] = {'<', (char)c, 'x', '\0'};
        char expected[20];
        FILE *f = tmpfile();
        if (f == NULL) continue;
        json_text(f, text);
        all_of(f);
        if (c < 32 || c == '<' || c == '&') snprintf(expected, sizeof expected, "\"\\u003c\\u%04xx\"", (unsigned)c);
        else snprintf(expected, sizeof expected, c == '"' || c == '\\' ? "\"\\u003c\\%cx\"" : "\"\\u003c%cx\"", c);
        ok(strcmp(said, expected) == 0, "text in JSON", (size_t)c);
    }
}

static void files(void) {
    for (size_t i = 0; i < 40; i++) {
        const size_t size = i < 2 ? i : ((size_t)1 << 15) * (1 + i / 3) - 1 + i % 3;
        char *whole, *text = malloc(size + 1);
        size_t got = 1;
        FILE *f = tmpfile();
        if (f == NULL || text == NULL) break;
        for (size_t at = 0; at < size; at++) text[at] = (char)(at * 31 + at / 251);
        fwrite(text, 1, size, f);
        rewind(f);
        whole = read_all(f, &got);
        ok(whole && got == size && memcmp(whole, text, size) == 0 && whole[size] == '\0', "a file of so many bytes", size);
        free(whole);
        free(text);
        fclose(f);
    }
    FILE *folder = fopen(".", "r");
    size_t got;
    errno = 0;
    ok(read_all(folder, &got) == NULL && errno == EISDIR, "a folder is no file", (size_t)errno);
    if (folder) fclose(folder);
    errno = ENOENT;
    ok(read_all(NULL, &got) == NULL && got == 0 && errno == ENOENT, "what could not be opened", (size_t)errno);
}

/* -- On a terminal --------------------------------------------------------------------------------------------------- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What has come since, as text in `said`; it is waited for if it must come. */
static size_t shown(int terminal, int must) {
    struct pollfd p = {.fd = terminal, .events = POLLIN};
    size_t n = 0;
    while (n < sizeof said - 1 && poll(&p, 1, must && n == 0 ? 20000 : 0) == 1) {
        const ssize_t got = read(terminal, said + n, sizeof said - 1 - n);
        if (got <= 0) break;
        n += (size_t)got;
    }
    said[n] = '\0';
    return n;
}

static void terminal(void) {
    const int ours = posix_openpt(O_RDWR | O_NOCTTY), before = dup(STDERR_FILENO);
    double began, last = 0, due = 0; /* due: by then it must be there */
    size_t lines = 0;
    if (ours < 0 || grantpt(ours) || unlockpt(ours) || ptsname(ours) == NULL) {
        printf("skipped: progress (no terminal of our own)\n");
        return;
    }
    dup2(open(ptsname(ours), O_RDWR | O_NOCTTY), STDERR_FILENO);
    ok(complain(7, "%s of %d", "two", 3) == 7, "complain returns the code", 7);
    shown(ours, 1);
    ok(strcmp(said, "teaspoon: two of 3\r\n") == 0, "a message in one line", strlen(said));
    progress_end();
    ok(shown(ours, 0) == 0, "nothing to erase", 0);
    for (began = now(); lines < 6 && now() < began + 60;) {
        const double asked = now();
        progress("stir", "lunch", 1234567, "spoons");
        if (due == 0) due = now() + 1;
        if (shown(ours, asked >= due) == 0) {
            ok(asked < due, "no later", lines);
            continue;
        }
        due = now() + 0.1;
        lines++;
        ok(strcmp(said, "\rstir lunch: 1,234,567 spoons ...\033[K") == 0, "a line of progress", strlen(said));
        ok(lines > 1 ? now() - last >= 0.1 : now() - began >= 1, "no sooner", lines);
        last = asked;
    }
    ok(lines == 6, "and again and again", lines);
    complain(0, "done");
    shown(ours, 1);
    ok(strcmp(said, "\r\033[Kteaspoon: done\r\n") == 0, "a message erases it", strlen(said));
    complain(0, "done");
    shown(ours, 1);
    ok(strcmp(said, "teaspoon: done\r\n") == 0, "once", strlen(said));
    dup2(before, STDERR_FILENO);
}

/* Where stderr is a file, there is none; and where there is no memory, an end. */
static pid_t elsewhere(FILE *f) {
    const pid_t child = fork();
    int status;
    if (child == 0) {
        dup2(fileno(f), STDERR_FILENO);
        for (const double began = now(); now() < began + 1.3;) progress("stir", "lunch", 1, "spoons");
        need(&status);
        need(NULL);
        _exit(0);
    }
    return child;
}

static void ended(FILE *f, pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    all_of(f);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "without memory the command ends", (size_t)status);
    ok(strcmp(said, "teaspoon: this machine has no memory left for the command itself\n") == 0, said, strlen(said));
}

int main(void) {
    FILE *f = tmpfile();
    const pid_t child = f ? elsewhere(f) : -1;
    numbers();
    texts();
    files();
    terminal();
    if (child > 0) ended(f, child);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
