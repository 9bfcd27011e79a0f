/* The command `teaspoon`: runs the traces of real programs through the allocator. This file reads the command line.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 *     main.c  -> fit.c (the smallest heap)  verify.c (replay)  picture.c
 *                    fail.c (requests made to fail)
 *                    replay.c (operations on a heap)  family.c (the three families)  trace.c (the reader)  say.c */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "say.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const usage =
    "Usage: teaspoon fit [OPTION]... TRACE...                   find the smallest heap that a program needs\n"
    "       teaspoon replay --heap BYTES [OPTION]... TRACE...   verify one heap, and draw it\n"
    "       teaspoon help [fit | replay]\n"
    "       teaspoon --version\n";

static const char *const help =
    "\n"
    "Replays what a program asked of malloc through the teaspoon allocator. A TRACE is a text file, plain or\n"
    "gzip'ed, or - for standard input; its lines are\n"
    "\n"
    "    a ID SIZE ALIGN     allocate an object; IDs count from 0, ALIGN 0 means that the program did not say\n"
    "    r ID NEWSIZE        resize it\n"
    "    f ID                free it\n"
    "    # ...               comment; if the first line reads `# name: NAME, ...`, that is the trace's name\n"
    "\n"
    "Options of fit and replay:\n"
    "    --variant V         4k, 128k or 16m: the family of functions; or auto, which is the default: 4k for\n"
    "                        peaks up to 8 KiB, 128k up to 256 KiB, 16m beyond, and the next one where that fails\n"
    "    --sized             a heap with no bytes per object; the program gives sizes back (the default)\n"
    "    --malloc            a heap that remembers sizes, so that free(pointer) will do\n"
    "    --align A           4, 8 or 16: where a trace gives no alignment, that of an object is the largest power\n"
    "                        of two that is at most its size and at most A (default 8)\n"
    "\n"
    "Exit status: 0 all went well; 1 a trace does not fit; 2 wrong command line, malformed trace, or a file that\n"
    "cannot be read or written; 3 the heap broke a promise.\n"
    "\n"
    "Try: teaspoon fit traces/tiny/*.gz\n"
    "     teaspoon replay --heap min traces/small/lua_sensor.trace.gz\n";

static const char *const help_fit =
    "Usage: teaspoon fit [--variant 4k|128k|16m|auto] [--sized|--malloc] [--align 4|8|16] [--tsv] TRACE...\n"
    "\n"
    "Finds the smallest heap that serves every request of a trace, by replaying it in heap after heap. Prints, for\n"
    "each trace: its name, the variant and the interface, the peak of live bytes as the program asked for them, the\n"
    "heap's bytes, those of the handle (the structure outside the heap, as large as it is in this build), both over\n"
    "the peak, and the number of operations.\n"
    "\n"
    "The smallest heap is the smallest multiple of 8 bytes with which, and with the next 16 multiples of 8, the\n"
    "replay succeeds: a single size may succeed by luck. For peaks of up to 200 KiB the search begins at the bytes\n"
    "that are live at the peak, goes up, and leaves nothing out. For larger ones it brackets the size with growing\n"
    "steps, bisects, goes up until 17 in a row succeed, and then goes down until 64 in a row have failed.\n"
    "\n"
    "    --tsv               a table for programs: tabs, one header line, no mean\n"
    "\n"
    "`teaspoon help` explains the other options, and what a trace looks like.\n";

static const char *const help_replay =
    "Usage: teaspoon replay --heap BYTES [--variant 4k|128k|16m|auto] [--sized|--malloc] [--align 4|8|16] [--check]\n"
    "                       [--fail N | --fail-each K] TRACE...\n"
    "\n"
    "Replays a trace once, in a heap of BYTES. Fills every object with a pattern of its own and verifies it, byte for\n"
    "byte, when the object is resized or freed or has survived to the end; verifies that objects are aligned and\n"
    "inside the heap; and has the heap check itself. Then prints the heap's usage at the end, in bytes but for\n"
    "objects and failed:\n"
    "\n"
    "    total     what the heap can hand out         largest   the largest size that could be had now\n"
    "    used      taken by objects                   low_free  the lowest that free has been\n"
    "    free      not used                           failed    requests that found no memory\n"
    "    objects   live ones\n"
    "\n"
    "and a picture of the heap when it was at its fullest. If a request fails, it says which, and draws that moment.\n"
    "\n"
    "    --heap BYTES        the heap's size, such as 2000, 8K or 1M; or min, for what `teaspoon fit` finds\n"
    "    --check             have the heap check itself after each operation, not only after each thousand\n"
    "    --fail N            have the N-th request find no memory, of those that need more than their object has: the\n"
    "                        heap is filled to the brim for that moment. Verifies that the request fails and changes\n"
    "                        nothing; goes on as a program would that can do without that object (or with the old\n"
    "                        one, if it was to grow); at the end frees everything, which must leave one hole\n"
    "    --fail-each K       the same with every K-th request in turn, each in a replay of its own; 1: with every one\n"
    "\n"
    "`teaspoon help` explains the other options, and what a trace looks like.\n";

static int misused(const char *message, const char *what) {
    if (message) fprintf(stderr, "teaspoon: %s%s\n", message, what);
    fputs(usage, stderr);
    fputs("`teaspoon help` says more.\n", stderr);
    return BAD_INPUT;
}

static int show_help(const char *about) {
    if (about == NULL) {
        fputs(usage, stdout);
        fputs(help, stdout);
    } else if (strcmp(about, "fit") == 0) {
        fputs(help_fit, stdout);
    } else if (strcmp(about, "replay") == 0) {
        fputs(help_replay, stdout);
    } else {
        return misused("there is no help about ", about);
    }
    return DONE;
}

/* 1000, 8K, 1M, 2G */
static int parse_bytes(const char *text, size_t *bytes) {
    static const char *const units = "KMG";
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    size_t shift = 0;
    if (*text < '0' || *text > '9') return 0;
    if (*end) {
        const char *unit = strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);
        if (unit == NULL || end[1]) return 0;
        shift = 10 * (size_t)(unit - units + 1);
    }
    if (n > SIZE_MAX / 2 >> shift) return 0;
    *bytes = (size_t)n << shift;
    return 1;
}

/* What getopt returns for an option. */
enum { VARIANT = 1, SIZED, MALLOC, ALIGN, TSV, HEAP, CHECK, FAIL, FAIL_EACH, HELP };

static const struct option fit_options[] = {
    {"variant", 1, NULL, VARIANT}, {"sized", 0, NULL, SIZED}, {"malloc", 0, NULL, MALLOC}, {"align", 1, NULL, ALIGN},
    {"tsv", 0, NULL, TSV},         {"help", 0, NULL, HELP},   {NULL, 0, NULL, 0},
};
static const struct option replay_options[] = {
    {"variant", 1, NULL, VARIANT}, {"sized", 0, NULL, SIZED},
    {"malloc", 0, NULL, MALLOC},   {"align", 1, NULL, ALIGN},
    {"heap", 1, NULL, HEAP},       {"check", 0, NULL, CHECK},
    {"fail", 1, NULL, FAIL},       {"fail-each", 1, NULL, FAIL_EACH},
    {"help", 0, NULL, HELP},       {NULL, 0, NULL, 0},
};

/* One option. Returns 0 after saying what is wrong with it. */
static int take_option(int option, const char *value, options *how) {
    switch (option) {
    case VARIANT:
        how->family = family_named(value);
        if (how->family || strcmp(value, "auto") == 0) return 1;
        misused("--variant is 4k, 128k, 16m or auto, not ", value);
        return 0;
    case ALIGN:
        how->align = strcmp(value, "4") == 0 ? 4 : strcmp(value, "8") == 0 ? 8 : strcmp(value, "16") == 0 ? 16 : 0;
        if (how->align) return 1;
        misused("--align is 4, 8 or 16, not ", value);
        return 0;
    case HEAP:
        how->heap_given = 1;
        how->heap_least = strcmp(value, "min") == 0;
        if (how->heap_least || parse_bytes(value, &how->heap)) return 1;
        misused("--heap is a number of bytes such as 2000, 8K or 1M, or min; not ", value);
        return 0;
    case FAIL:
    case FAIL_EACH:
        how->fail_step = 0;
        if (parse_bytes(value, option == FAIL ? &how->fail : &how->fail_step) && (how->fail || how->fail_step)) {
            if (option == FAIL_EACH) how->fail = 1;
            return 1;
        }
        misused(option == FAIL ? "--fail is the number of a request, from 1; not "
                               : "--fail-each is a number of requests, at least 1; not ",
                value);
        return 0;
    case SIZED: how->sized = 1; return 1;
    case MALLOC: how->sized = 0; return 1;
    case TSV: how->tsv = 1; return 1;
    case CHECK: how->check = 1; return 1;
    default: misused(NULL, NULL); return 0; /* getopt has said what is wrong */
    }
}

/* A subcommand: all traces are read before any work is done, so that a mistake in the last one shows at once. */
static int run(int argc, char **argv, int fits) {
    options how = {.sized = 1, .align = 8};
    trace *traces;
    size_t count, from_stdin = 0;
    int option, code;
    argv[0] = fits ? "teaspoon fit" : "teaspoon replay"; /* for getopt's messages */
    while ((option = getopt_long(argc, argv, "", fits ? fit_options : replay_options, NULL)) != -1) {
        if (option == HELP) return show_help(fits ? "fit" : "replay");
        if (!take_option(option, optarg, &how)) return BAD_INPUT;
    }
    if (!fits && !how.heap_given) return misused("replay needs --heap BYTES", "");
    count = (size_t)(argc - optind);
    if (count == 0) return misused("no trace given", "");
    for (size_t i = 0; i < count; i++) from_stdin += strcmp(argv[(size_t)optind + i], "-") == 0;
    if (from_stdin > 1) return misused("standard input can be read only once", "");
    traces = need(calloc(count, sizeof *traces));
    for (size_t i = 0; i < count; i++)
        if (!trace_read(&traces[i], argv[(size_t)optind + i], how.align)) exit(BAD_INPUT);
    code = (fits ? fit_traces : replay_traces)(traces, count, &how);
    for (size_t i = 0; i < count; i++) trace_drop(&traces[i]);
    free(traces);
    return code;
}

int main(int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : NULL;
    int code;
    if (command == NULL) return misused("what shall it do?", "");
    if (strcmp(command, "fit") == 0 || strcmp(command, "replay") == 0) {
        code = run(argc - 1, argv + 1, *command == 'f');
    } else if (strcmp(command, "help") == 0 || strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        code = argc > 3 ? misused("too many words after help", "") : show_help(argc > 2 ? argv[2] : NULL);
    } else if (strcmp(command, "--version") == 0) {
        code = DONE;
        printf("teaspoon %s\n", tsp_version());
    } else {
        code = misused("there is no command ", command);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) code = complain(BAD_INPUT, "cannot write the output");
    return code;
}
