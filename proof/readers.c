/* Fuzz target for what the command reads: traces as text and gzip'ed, recordings of tsp_record.h, memory dumps. Whatever
 * the bytes, it answers; a trace that it takes keeps the format's promises. readers.sh lets libFuzzer at it, or replays.
 * The first byte says which reader; the rest is the file. SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include "command.h"
#include "say.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

enum { MOST_PEAK = 1 << 20 };

static const char *as_file(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    if (file == NULL || (size && fwrite(bytes, 1, size, file) != size) || fclose(file)) abort();
    return path;
}

/* IDs are dense and never used again, an r or an f is about what lives, and the peak is the peak. */
static void judge(const trace *t) {
    size_t *sizes = calloc((size_t)t->ids + 1, sizeof *sizes), live = 0, peak = 0;
    char *lives = calloc((size_t)t->ids + 1, 1);
    uint32_t ids = 0, line = 0;
    if (sizes == NULL || lives == NULL) abort();
    for (size_t i = 0; i < t->count; i++) {
        const op *o = &t->ops[i];
        if (o->id >= t->ids || (o->kind == 'a' ? o->id != ids++ : !lives[o->id])) abort();
        if (o->align == 0 || (o->align & (o->align - 1)) || o->align > LARGEST_ALIGN) abort();
        if (o->align > t->largest_align || o->line < line) abort();
        line = o->line;
        live = live - sizes[o->id] + o->size;
        sizes[o->id] = o->size;
        lives[o->id] = o->kind != 'f';
        if (live > peak) peak = live;
    }
    if (ids != t->ids || peak != t->peak || t->count == 0) abort();
    free(sizes);
    free(lives);
}

static void read_trace(const char *path) {
    trace t;
    if (!trace_read(&t, path, 8)) return;
    judge(&t);
    trace_drop(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    static char path[64], packed[64];
    options how = {.quiet = 1, .sized = 1, .align = 8};
    unsigned which;
    if (*path == '\0') {
        snprintf(path, sizeof path, "/proc/self/fd/%d", memfd_create("input", 0));
        snprintf(packed, sizeof packed, "/proc/self/fd/%d", memfd_create("other", 0));
        if (freopen("/dev/null", "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL) abort();
    }
    if (size == 0) return 0;
    which = *input++ % 5;
    size--;
    if (which == 4) { /* a dump says where its heap is */
        char name[80], *files[] = {name};
        snprintf(name, sizeof name, "%s@0x20000000", as_file(path, input, size));
        how.handle_given = size % 2;
        how.handle = 0x20000000;
        look_at(files, 1, &how);
    } else if (which == 3) { /* what it makes of them is a trace */
        how.output = packed;
        if (decode_recording(as_file(path, input, size), &how) == DONE) {
            trace t;
            if (!trace_read(&t, packed, 8)) abort();
            judge(&t);
            trace_drop(&t);
        }
    } else if (which == 2) { /* text, gzip'ed here: so that what is inside is reached too */
        gzFile out = gzopen(packed, "wb");
        if (out == NULL || (size && gzwrite(out, input, (unsigned)size) != (int)size) || gzclose(out)) abort();
        read_trace(packed);
    } else { /* 0: text; 1: whatever it is */
        read_trace(as_file(path, input, size));
    }
    return 0;
}

#ifdef REPLAY
int main(int argc, char **argv) {
    static uint8_t input[1 << 20];
    FILE *said = fdopen(dup(1), "w");
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) return perror(argv[i]), 2;
        alarm(20);
        LLVMFuzzerTestOneInput(input, fread(input, 1, sizeof input, file));
        fclose(file);
    }
    fprintf(said, "%d inputs replayed\n", argc - 1);
    return fclose(said) != 0;
}
#endif
