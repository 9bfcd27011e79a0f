/* The command `teaspoon`: records what programs ask of malloc, and runs it through the allocator. This file reads the
 * command line. SPDX-License-Identifier: BSD-3-Clause
 *
 *     main.c  -> fit.c (tables)  compare.c  search.c (the smallest heap)  vary.c  verify.c (replay)  picture.c
 *                    fail.c (requests made to fail)
 *                decode.c (what adapters/tsp_record.h sends, as a trace)
 *                look.c (a heap in a memory dump)
 *                sites.c (top, leaks, diff)  export.c  pins.c (why a request finds no room)
 *                view.c (a page, over history.c)  svg.c
 *                record.c (runs a program, over preload/record.c)  convert.c (what it wrote, as traces)  symbols.c
 *                    replay.c (operations on a heap)  family.c (the three families)  trace.c (the reader)  say.c */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "say.h"
#include "vary.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const usage =
    "Usage: teaspoon fit [OPTION]... TRACE...                   find the smallest heap that a program needs\n"
    "       teaspoon replay --heap BYTES [OPTION]... TRACE...   verify one heap, and draw it\n"
    "       teaspoon record [-o FILE] [--sites] -- PROGRAM...   record what a program asks of malloc\n"
    "       teaspoon decode [-o FILE] RECORDING                 make a trace of what a microcontroller has sent\n"
    "       teaspoon look [--handle ADDRESS] DUMP...            verify and draw a heap in a memory dump\n"
    "       teaspoon view [-o FILE] [OPTION]... TRACE...        a page to look at, or --svg: the heap over time\n"
    "       teaspoon top TRACE...                               who holds memory at the peak\n"
    "       teaspoon leaks TRACE...                             what is never given back\n"
    "       teaspoon diff BEFORE AFTER                          which sites ask for more than they did\n"
    "       teaspoon export --to FORMAT [-o FILE] TRACE         the same for heaptrack, flame graphs and Perfetto\n"
    "       teaspoon help [COMMAND]\n"
    "       teaspoon --version\n";

static const char *const help =
    "\n"
    "Replays what a program asked of malloc through the teaspoon allocator. A TRACE is a text file, plain or\n"
    "gzip'ed, such as record writes, or - for standard input; its lines are\n"
    "\n"
    "    a ID SIZE ALIGN     allocate an object; IDs count from 0, ALIGN 0 means that the program did not say\n"
    "    r ID NEWSIZE        resize it\n"
    "    f ID                free it\n"
    "    ... NAME=VALUE      further columns, such as the site that a call came from\n"
    "    # ...               comment; if the first line reads `# name: NAME, ...`, that is the trace's name\n"
    "\n"
    "Options of fit, replay and view:\n"
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
    "Usage: teaspoon fit [--variant 4k|128k|16m|auto] [--sized|--malloc] [--align 4|8|16] [--for 32] [--max BYTES]\n"
    "                    [--vary[=N] | --compare] [--tsv|--json] TRACE...\n"
    "\n"
    "Finds the smallest heap that serves every request of a trace, by replaying it in heap after heap. Prints, for\n"
    "each trace: its name, the variant and the interface, the peak of live bytes as the program asked for them, the\n"
    "heap's bytes, those of the handle (the structure outside the heap, as large as it is in this build), both over\n"
    "the peak, and the number of operations.\n"
    "\n"
    "The smallest heap is the smallest multiple of 8 bytes with which, and with the next 16 multiples of 8, the\n"
    "replay succeeds: a single size may succeed by luck. For peaks of up to 200 KiB (and a million operations) the\n"
    "search begins at the bytes that are live at the peak, goes up, and leaves nothing out. For larger ones it begins\n"
    "where one heap that grows whenever it must ends up, brackets the size from there in growing steps, and goes up\n"
    "from 4 times 17 sizes below one that fails; nothing within 4 times 17 below what it prints will do.\n"
    "\n"
    "    --max BYTES         exit with 1 if a trace needs a larger heap than that, such as 2000, 32K or 1M\n"
    "    --vary[=N]          what another run may need: also replays N (100) variations of the trace, in which sizes "
    "are\n"
    "                        up to 5 % off, one in eight neighbouring calls about different objects is swapped, and "
    "one\n"
    "                        run in four is broken off and begun anew around what is never freed; always the same "
    "ones.\n"
    "                        Prints the heaps in which 99 % and all of them pass, and the round number to give; --max "
    "is\n"
    "                        then about all of them. Takes some hundred replays\n"
    "    --for 32            count the handle of a 32-bit target\n"
    "    --compare           instead, the smallest heap in each family and kind, with alignments of 8 and 4, and of a\n"
    "                        library built with -DTSP_ROUND=4; bytes of code on a Cortex-M0+; and steps, on average and\n"
    "                        of the slowest call: a step is a link or a word of the index, read or written\n"
    "    --tsv               a table for programs: tabs, one header line, no mean\n"
    "    --json              the same as an array of objects\n"
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

static const char *const help_record =
    "Usage: teaspoon record [-o FILE] [--sites[=N]] [--quiet] [--] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs a program, and writes what it asks of malloc and its kin (calloc, realloc, aligned_alloc, C23's sized "
    "frees,\n"
    "C++'s new and delete, and so on) as a trace for the other subcommands. Any dynamically linked program for Linux\n"
    "will do, with threads, whatever allocator it uses, and however it ends. Each process of it gets a trace of its\n"
    "own; a child of fork begins with the objects that were alive in its parent.\n"
    "\n"
    "    -o, --output FILE   the trace of the first process (PROGRAM.trace), gzip'ed if that ends in .gz; those of\n"
    "                        others are FILE with a number and the program before the ending: cc.2-cc1.trace\n"
    "    --sites[=N]         note where each call came from, N frames deep (1 to 15, default 4); names of functions\n"
    "                        and lines are found in the programs' debug information\n"
    "    -q, --quiet         do not say on stderr what was recorded\n"
    "\n"
    "Exit status: the program's; 128 and the signal's number if one ended it; 2 if it could not be recorded.\n"
    "\n"
    "Try: teaspoon record -o ls.trace -- ls -l; teaspoon fit ls.trace\n";

static const char *const help_decode =
    "Usage: teaspoon decode [-o FILE] [--quiet] RECORDING\n"
    "\n"
    "Makes a trace of what a microcontroller has sent by adapters/tsp_record.h: a file, or - for standard input. It "
    "may\n"
    "begin and end anywhere, and bytes may be missing: what cannot be placed is left out, and counted on stderr, as "
    "are\n"
    "calls that the sink had no room for.\n"
    "\n"
    "    -o, --output FILE   where the trace goes (standard output)\n"
    "    -q, --quiet         do not say on stderr what was decoded\n"
    "\n"
    "Try: teaspoon decode -o board.trace uart.bin; teaspoon fit --for 32 board.trace\n";

static const char *const help_look =
    "Usage: teaspoon look [--handle ADDRESS] [--variant 4k|128k|16m] [--for 16|32|64] [--quiet] DUMP...\n"
    "\n"
    "Verifies a heap in a memory dump of any machine, draws it, and lists its objects and holes. A DUMP is a core file,\n"
    "or FILE@ADDRESS: raw bytes, of which the first was at that address, such as gdb's `dump binary memory` writes;\n"
    "several are taken together. Byte order and size of pointers are found out. tool/look.gdb does it in one command.\n"
    "\n"
    "    --handle ADDRESS    the handle's, such as gdb's `print &kitchen` shows; without it, every sound heap is shown\n"
    "    --for 16|32|64      bits of the machine's pointers\n"
    "    -q, --quiet         no list\n"
    "\n"
    "Exit status: 3 if the heap is damaged, or there is none; then one line says where and how.\n"
    "\n"
    "Try: teaspoon look --handle 0x20000400 ram.bin@0x20000000\n";

static const char *const help_view =
    "Usage: teaspoon view [-o FILE] [--heap BYTES] [--variant 4k|128k|16m|auto]... [--sized] [--malloc]\n"
    "                     [--align 4|8|16] [--svg] TRACE...\n"
    "\n"
    "Replays a trace and writes a page that any browser opens from disk, without a network: the heap as address "
    "against\n"
    "time, where each object is a rectangle and holes are blank; below it bytes, holes, and the largest hole; what "
    "the\n"
    "heap holds at the moment that you point at, who holds the peak, and what is never given back. The wheel zooms in\n"
    "time, with Shift in address; dragging moves; a click sets the moment, and the arrow keys go from call to call.\n"
    "If a request finds no room the page ends there, and shows the fewest objects without which there would be room.\n"
    "\n"
    "Several traces, variants and kinds are drawn side by side, 8 at most.\n"
    "\n"
    "    -o, --output FILE   the page (NAME.html)\n"
    "    --heap BYTES        the heap's size, or min, for what `teaspoon fit` finds: the default\n"
    "    --svg               a picture of one heap instead, for documents (NAME.svg)\n"
    "\n"
    "`teaspoon help` explains the other options.\n"
    "\n"
    "Try: teaspoon view --variant 4k --variant 16m traces/small/lua_sensor.trace.gz\n";

static const char *const help_top =
    "Usage: teaspoon top [--all] [--json] TRACE...\n"
    "\n"
    "Prints who holds memory when the most bytes are live: bytes as they were asked for, their share of the peak,\n"
    "objects, and how many calls came from there in all. A site is a call stack, innermost first, of a trace that was\n"
    "recorded with --sites; in others objects are told apart by size. A resized object is its resize's.\n"
    "\n"
    "    --all               every row, not only the first 20\n"
    "    --json              every row, as an array of objects\n"
    "\n"
    "Try: teaspoon record --sites -o ls.trace -- ls -l; teaspoon top ls.trace\n";

static const char *const help_leaks =
    "Usage: teaspoon leaks [--all] [--json] [--max BYTES] TRACE...\n"
    "\n"
    "Prints what is never given back, by site as `teaspoon top` does, with the line of the trace that made the oldest\n"
    "of these objects.\n"
    "\n"
    "    --max BYTES         exit with 1 if a trace leaves more than that, such as 0, 2000 or 32K\n"
    "    --all               every row, not only the first 20\n"
    "    --json              every row, as an array of objects\n";

static const char *const help_diff =
    "Usage: teaspoon diff [--all] [--json] BEFORE AFTER\n"
    "\n"
    "Prints which sites differ between two traces, of a program before and after a change say; those that grew most\n"
    "come first. Columns: how much they grew when the most bytes are live, what they held before and after, how many\n"
    "calls more they made, and how many bytes more they never give back. Sites are the same if functions and files\n"
    "are, whatever the lines; where a trace names no sites, sizes are compared.\n"
    "\n"
    "    --all               every row, not only the first 20\n"
    "    --json              every row, as an array of objects\n";

static const char *const help_export =
    "Usage: teaspoon export --to heaptrack|folded|chrome [-o FILE] TRACE\n"
    "\n"
    "Writes a trace as other tools read it:\n"
    "\n"
    "    --to heaptrack      for heaptrack_print and heaptrack_gui\n"
    "    --to folded         call stacks and the bytes that they hold at the peak, a line each, for flame graphs\n"
    "    --to chrome         JSON for Perfetto and chrome://tracing: live bytes and objects, and each object as a "
    "span\n"
    "    -o, --output FILE   not to standard output\n"
    "\n"
    "Try: teaspoon export --to heaptrack -o app.heaptrack app.trace && heaptrack_print app.heaptrack\n";

/* One line, since the usage would hide it. */
static int misused(const char *message, const char *what) {
    return complain(BAD_INPUT, "%s%s; see `teaspoon help`", message, what);
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

/* What getopt returns for an option that has no letter. */
enum {
    VARIANT = 256,
    SIZED,
    MALLOC,
    ALIGN,
    TSV,
    JSON,
    ALL,
    SVG,
    TO,
    MAX,
    FOR,
    VARY,
    COMPARE,
    HEAP,
    CHECK,
    FAIL,
    FAIL_EACH,
    SITES,
    HANDLE,
    MACHINE
};

static const struct option fit_options[] = {
    {"variant", 1, NULL, VARIANT}, {"sized", 0, NULL, SIZED}, {"malloc", 0, NULL, MALLOC},
    {"align", 1, NULL, ALIGN},     {"tsv", 0, NULL, TSV},     {"json", 0, NULL, JSON},
    {"max", 1, NULL, MAX},         {"for", 1, NULL, FOR},     {"vary", 2, NULL, VARY},
    {"compare", 0, NULL, COMPARE}, {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0},
};
static const struct option replay_options[] = {
    {"variant", 1, NULL, VARIANT}, {"sized", 0, NULL, SIZED},
    {"malloc", 0, NULL, MALLOC},   {"align", 1, NULL, ALIGN},
    {"heap", 1, NULL, HEAP},       {"check", 0, NULL, CHECK},
    {"fail", 1, NULL, FAIL},       {"fail-each", 1, NULL, FAIL_EACH},
    {"help", 0, NULL, 'h'},        {NULL, 0, NULL, 0},
};
static const struct option record_options[] = {
    {"output", 1, NULL, 'o'}, {"sites", 2, NULL, SITES}, {"quiet", 0, NULL, 'q'},
    {"help", 0, NULL, 'h'},   {NULL, 0, NULL, 0},
};
static const struct option decode_options[] = {
    {"output", 1, NULL, 'o'}, {"quiet", 0, NULL, 'q'}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0}};
static const struct option look_options[] = {
    {"handle", 1, NULL, HANDLE}, {"variant", 1, NULL, VARIANT}, {"for", 1, NULL, MACHINE},
    {"quiet", 0, NULL, 'q'},     {"help", 0, NULL, 'h'},        {NULL, 0, NULL, 0},
};
static const struct option view_options[] = {
    {"variant", 1, NULL, VARIANT}, {"sized", 0, NULL, SIZED}, {"malloc", 0, NULL, MALLOC},
    {"align", 1, NULL, ALIGN},     {"heap", 1, NULL, HEAP},   {"svg", 0, NULL, SVG},
    {"output", 1, NULL, 'o'},      {"help", 0, NULL, 'h'},    {NULL, 0, NULL, 0},
};
static const struct option export_options[] = {
    {"to", 1, NULL, TO},
    {"output", 1, NULL, 'o'},
    {"help", 0, NULL, 'h'},
    {NULL, 0, NULL, 0},
};
static const struct option table_options[] = {
    {"all", 0, NULL, ALL},
    {"json", 0, NULL, JSON},
    {"help", 0, NULL, 'h'},
    {NULL, 0, NULL, 0},
};
static const struct option leaks_options[] = {
    {"all", 0, NULL, ALL}, {"json", 0, NULL, JSON}, {"max", 1, NULL, MAX}, {"help", 0, NULL, 'h'}, {NULL, 0, NULL, 0},
};

/* The subcommands. */
typedef struct subcommand {
    const char *name, *title; /* title: for getopt's messages */
    const char *const *help;
    const struct option *options;
    const char *letters;
    int (*work)(const trace *traces, size_t count, const options *how); /* NULL: record, decode and look, which read none */
} subcommand;
static const subcommand subcommands[] = {
    {"fit", "teaspoon fit", &help_fit, fit_options, "h", fit_traces},
    {"replay", "teaspoon replay", &help_replay, replay_options, "h", replay_traces},
    {"record", "teaspoon record", &help_record, record_options, "+ho:q", NULL}, /* +: what follows is the program's */
    {"decode", "teaspoon decode", &help_decode, decode_options, "ho:q", NULL},
    {"look", "teaspoon look", &help_look, look_options, "hq", NULL},
    {"view", "teaspoon view", &help_view, view_options, "ho:", view_traces},
    {"top", "teaspoon top", &help_top, table_options, "h", print_top_sites},
    {"leaks", "teaspoon leaks", &help_leaks, leaks_options, "h", print_leaking_sites},
    {"diff", "teaspoon diff", &help_diff, table_options, "h", print_difference},
    {"export", "teaspoon export", &help_export, export_options, "ho:", export_trace},
    {0},
};

static const subcommand *subcommand_named(const char *name) {
    for (const subcommand *c = subcommands; c->name; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

static int show_help(const char *about) {
    if (about == NULL) {
        fputs(usage, stdout);
        fputs(help, stdout);
        return DONE;
    }
    if (subcommand_named(about) == NULL) return misused("there is no help about ", about);
    fputs(*subcommand_named(about)->help, stdout);
    return DONE;
}

/* One option. Returns 0 after saying what is wrong with it. */
static int take_option(int option, const char *value, options *how) {
    size_t n;
    switch (option) {
    case VARIANT:
        how->family = family_named(value);
        if (how->variants < sizeof how->variant / sizeof *how->variant) how->variant[how->variants++] = how->family;
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
    case MAX:
        how->max_given = 1;
        if (parse_bytes(value, &how->max)) return 1;
        misused("--max is a number of bytes such as 2000, 8K or 1M; not ", value);
        return 0;
    case FOR:
        how->bits = strcmp(value, "32") == 0 ? 32 : strcmp(value, "64") == 0 ? 64 : 0;
        if (how->bits == 32 || how->bits == 8 * sizeof(void *)) return 1;
        misused("--for is 32 or the pointers' bits of this machine; not ", value);
        return 0;
    case MACHINE:
        how->bits = strcmp(value, "16") == 0 ? 16 : strcmp(value, "32") == 0 ? 32 : strcmp(value, "64") == 0 ? 64 : 0;
        if (how->bits) return 1;
        misused("--for is 16, 32 or 64; not ", value);
        return 0;
    case HANDLE: {
        char *end;
        how->handle_given = 1;
        how->handle = strtoull(value, &end, 0);
        if (*value >= '0' && *value <= '9' && *end == '\0') return 1;
        misused("--handle is an address such as 0x20000400; not ", value);
        return 0;
    }
    case VARY:
        if (value && (!parse_bytes(value, &n) || n < 1 || n > MOST_VARIATIONS)) {
            misused("--vary is a number of variations, 1 to 10000; not ", value);
            return 0;
        }
        how->variations = value ? (uint32_t)n : 100;
        return 1;
    case SITES:
        if (value && (!parse_bytes(value, &n) || n < 1 || n > 15)) {
            misused("--sites is a number of frames, 1 to 15; not ", value);
            return 0;
        }
        how->frames = value ? (unsigned)n : 4;
        return 1;
    case 'o': how->output = value; return 1;
    case 'q': how->quiet = 1; return 1;
    case SIZED:
    case MALLOC:
        how->sized = option == SIZED;
        how->kinds |= 1 << how->sized;
        return 1;
    case SVG: how->svg = 1; return 1;
    case TO: how->to = value; return 1;
    case TSV: how->tsv = 1; return 1;
    case JSON: how->json = 1; return 1;
    case ALL: how->all = 1; return 1;
    case COMPARE: how->compare = 1; return 1;
    case CHECK: how->check = 1; return 1;
    default: return 0; /* getopt has said what is wrong */
    }
}

/* Reads all traces before any work is done, so that a mistake in the last one shows at once. */
static int work_on(char **files, size_t count, const options *how,
                   int (*work)(const trace *, size_t, const options *)) {
    trace *traces = need(calloc(count, sizeof *traces));
    int code;
    for (size_t i = 0; i < count; i++)
        if (!trace_read(&traces[i], files[i], how->align)) exit(BAD_INPUT);
    code = work(traces, count, how);
    for (size_t i = 0; i < count; i++) trace_drop(&traces[i]);
    free(traces);
    return code;
}

static int run(int argc, char **argv, const subcommand *command) {
    options how = {.sized = 1, .align = 8};
    size_t count, from_stdin = 0;
    char **rest;
    int option;
    argv[0] = (char *)(uintptr_t)command->title;
    while ((option = getopt_long(argc, argv, command->letters, command->options, NULL)) != -1) {
        if (option == 'h') return show_help(command->name);
        if (!take_option(option, optarg, &how)) return BAD_INPUT;
    }
    rest = argv + optind;
    count = (size_t)(argc - optind);
    if (command->options == decode_options)
        return count == 1 ? decode_recording(rest[0], &how) : misused("decode needs one recording", "");
    if (command->options == look_options)
        return count ? look_at(rest, count, &how) : misused("look needs a memory dump", "");
    if (command->work == NULL) return count ? record_program(rest, &how) : misused("record needs a program to run", "");
    if (command->work == replay_traces && !how.heap_given) return misused("replay needs --heap BYTES", "");
    if (count == 0) return misused("no trace given", "");
    if (how.compare && (how.json || how.variations || how.max_given))
        return misused("--compare is a table of its own, without --json, --vary and --max", "");
    if (how.tsv && how.json) return misused("--tsv or --json, not both", "");
    for (size_t i = 0; i < count; i++) from_stdin += strcmp(rest[i], "-") == 0;
    if (from_stdin > 1) return misused("standard input can be read only once", "");
    if (how.compare) return work_on(rest, count, &how, compare_traces);
    return work_on(rest, count, &how, command->work);
}

static int is_one_of(const char *word, const char *a, const char *b, const char *c) {
    return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

int main(int argc, char **argv) {
    const char *command = argc > 1 ? argv[1] : NULL;
    int code;
    if (command == NULL) return misused("what shall it do", "");
    if (subcommand_named(command)) {
        code = run(argc - 1, argv + 1, subcommand_named(command));
    } else if (is_one_of(command, "help", "--help", "-h")) {
        code = argc > 3 ? misused("too many words after help", "") : show_help(argc > 2 ? argv[2] : NULL);
    } else if (is_one_of(command, "version", "--version", "-V")) {
        code = DONE;
        printf("teaspoon %s\n", tsp_version());
    } else {
        code = misused("there is no command ", command);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) code = complain(BAD_INPUT, "cannot write the output");
    return code;
}
