/* teaspoon decode: what adapters/tsp_record.h has sent, as a trace. SPDX-License-Identifier: BSD-3-Clause
 *
 * Bytes may be missing anywhere. Events say where they begin, are numbered, and give addresses as distances from the
 * last one: after a gap, what comes before the next full address is skipped. What the calls in a gap did shows later: an
 * object where another one is means that the other has been freed. */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "say.h"

#include "../adapters/tsp_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct live {
    uint64_t at, size;
    uint32_t id;
} live;

typedef struct decoder {
    const unsigned char *bytes;
    size_t size;
    op *ops;
    size_t count;
    live *objects; /* by address */
    size_t object_count, object_room;
    uint32_t ids;
    uint64_t last;    /* address, in units */
    uint64_t resized; /* address of the object that was resized last */
    unsigned unit, pointer; /* logarithms */
    uint32_t align;
    int placed; /* `last` is known */
    int moves;  /* the last event was a resize, so the next may say that the object has moved */
    size_t events, skipped, gaps, cut_bytes, strangers;
    uint64_t dropped;
} decoder;

static size_t place_of(const decoder *d, uint64_t at) { /* the first object that ends behind it */
    size_t low = 0, high = d->object_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const live *x = &d->objects[middle];
        if (x->at + (x->size ? x->size : 1) > at) high = middle;
        else low = middle + 1;
    }
    return low;
}

static live *find_live(const decoder *d, uint64_t at) {
    const size_t i = place_of(d, at);
    return i < d->object_count && d->objects[i].at == at ? &d->objects[i] : NULL;
}

static void add_op(decoder *d, char kind, uint32_t id, uint64_t size, uint32_t align) {
    if ((d->count & (d->count - 1)) == 0) d->ops = need(realloc(d->ops, (d->count * 2 + 1) * sizeof *d->ops));
    d->ops[d->count++] = (op){(size_t)size, id, 0, align, kind};
}

static void remove_live(decoder *d, live *x) {
    memmove(x, x + 1, (size_t)(d->objects + --d->object_count - x) * sizeof *x);
}

/* What is there has been freed, though nobody said so. */
static void clear(decoder *d, uint64_t at, uint64_t size) {
    for (size_t i; (i = place_of(d, at)) < d->object_count && d->objects[i].at < at + (size ? size : 1);) {
        add_op(d, 'f', d->objects[i].id, 0, 0);
        remove_live(d, &d->objects[i]);
    }
}

static void put_live(decoder *d, live x) {
    size_t i;
    clear(d, x.at, x.size);
    if (d->object_count == d->object_room) {
        d->object_room = d->object_room * 2 + 64;
        d->objects = need(realloc(d->objects, d->object_room * sizeof *d->objects));
    }
    i = place_of(d, x.at);
    memmove(d->objects + i + 1, d->objects + i, (d->object_count++ - i) * sizeof x);
    d->objects[i] = x;
}

static void is_new(decoder *d, uint64_t at, uint64_t size) {
    const live *x = find_live(d, at);
    const op *o = d->count ? &d->ops[d->count - 1] : NULL;
    if (o && o->kind == 'a' && x && x->id == o->id && x->size == size) return; /* a calloc over a malloc */
    put_live(d, (live){at, size, d->ids});
    add_op(d, 'a', d->ids++, size, d->align);
}

static void is_freed(decoder *d, uint64_t at) {
    live *x = find_live(d, at);
    if (x == NULL) {
        d->strangers++;
        return;
    }
    add_op(d, 'f', x->id, 0, 0);
    remove_live(d, x);
}

static void is_resized(decoder *d, uint64_t at, uint64_t size) {
    live *x = find_live(d, at);
    d->resized = at;
    if (x == NULL) {
        /* A realloc over malloc and free says so when it has moved. */
        const op *o = d->count > 1 ? &d->ops[d->count - 2] : NULL;
        if (o && o->kind == 'a' && o[1].kind == 'f') return;
        d->strangers++;
        is_new(d, at, size);
        return;
    }
    if (x->size < size && x + 1 < d->objects + d->object_count && x[1].at < at + size) { /* it will say where it is */
        add_op(d, 'r', x->id, size, 0);
        x->size = x[1].at - at;
        return;
    }
    add_op(d, 'r', x->id, size, 0);
    x->size = size;
}

static void is_moved(decoder *d, uint64_t to) {
    live *x = find_live(d, d->resized), moved;
    if (x == NULL) { /* ..., a new, f old => r old */
        op *o = &d->ops[d->count - 2];
        x = find_live(d, to);
        if (x == NULL || x->id != o->id) return;
        x->id = o[1].id;
        *o = (op){(size_t)x->size, x->id, 0, 0, 'r'};
        d->count--;
        d->ids--;
        return;
    }
    moved = *x;
    remove_live(d, x);
    moved.at = to;
    moved.size = d->ops[d->count - 1].size; /* of the resize */
    put_live(d, moved);
}

/* So far that the sender begins anew there. */
static int is_far(uint64_t a, uint64_t b) {
    return (a > b ? a - b : b - a) >> 27 != 0;
}

/* Addresses begin again where the sender's do. Of 64 bits the highest four say nothing, so that no object wraps here. */
static uint64_t in_space(const decoder *d, uint64_t at) {
    static const uint64_t last[] = {0, UINT16_MAX, UINT32_MAX, UINT64_MAX >> 4};
    return at & last[d->pointer] >> d->unit;
}

static void step(decoder *d, uint64_t distance) {
    d->last = in_space(d, d->last + ((distance >> 1) ^ (0 - (distance & 1))));
}

/* What is said besides calls. Returns 0 if nobody says so. */
static int decode_other(decoder *d, uint64_t what, uint64_t n) {
    switch (what) {
    case TSP_RECORD_STATE:
        if ((n & 3) == 0) return 0; /* pointers of 2, 4 or 8 bytes */
        d->unit = n >> 2 & 3;
        d->pointer = n & 3;
        n = in_space(d, n >> 4);
        if (d->placed && d->last != n && !is_far(n, d->last)) d->gaps++;
        d->last = n;
        d->placed = 1;
        return 1;
    case TSP_RECORD_DROPPED: d->dropped = n; return 1;
    case TSP_RECORD_ALIGN: d->align = n <= 20 ? 1u << n : 0; return n <= 20;
    case TSP_RECORD_MOVED:
        if (!d->moves) return 0;
        d->moves = 0;
        step(d, n);
        is_moved(d, d->last << d->unit);
        return 1;
    default: return 0;
    }
}

/* The bytes of one event behind its first. Returns 0 if there can be none like that. */
static int decode(decoder *d, unsigned header, const unsigned char *at, size_t length) {
    const size_t first_length = (header >> 3 & 3) + 1;
    const unsigned kind = header >> 5 & 3;
    uint64_t first = 0, second = 0;
    if (length < first_length || length - first_length > 10) return 0;
    if (kind != TSP_RECORD_FREE ? length == first_length : length > first_length) return 0;
    for (size_t i = first_length; i-- > 0;) first = first << 7 | at[i];
    for (size_t i = length; i-- > first_length;) second = second << 7 | at[i];
    if (kind == TSP_RECORD_OTHER) return decode_other(d, first, second);
    if (second >> 31) return 0; /* no such machine */
    if (d->placed) {
        step(d, first);
        if (kind == TSP_RECORD_NEW) is_new(d, d->last << d->unit, second);
        if (kind == TSP_RECORD_FREE) is_freed(d, d->last << d->unit);
        if (kind == TSP_RECORD_RESIZED) is_resized(d, d->last << d->unit, second);
    }
    *(d->placed ? &d->events : &d->skipped) += 1;
    d->moves = d->placed && kind == TSP_RECORD_RESIZED;
    d->align = 0;
    return 1;
}

/* Something is missing, or is not what was sent. */
static void lose_place(decoder *d) {
    d->gaps++;
    d->placed = d->moves = 0;
}

static void decode_all(decoder *d) {
    unsigned next = 8; /* what comes first may have any number */
    for (size_t i = 0, end; i < d->size; i = end) {
        const unsigned header = d->bytes[i];
        for (end = i + 1; end < d->size && d->bytes[end] < 128;) end++;
        if (header < 128) {
            d->cut_bytes += end - i;
            continue;
        }
        if (next < 8 && (header & 7) != next) lose_place(d);
        next = (header + 1) & 7;
        if (!decode(d, header, d->bytes + i + 1, end - i - 1)) {
            d->cut_bytes += end - i;
            lose_place(d);
        }
    }
}

static unsigned char *slurp(const char *file, size_t *size) {
    FILE *in = strcmp(file, "-") ? fopen(file, "rb") : stdin;
    char *bytes = read_all(in, size);
    if (bytes == NULL) complain(BAD_INPUT, "cannot read %s: %s", file, strerror(errno));
    if (in && in != stdin) fclose(in);
    return (unsigned char *)bytes;
}

static int print_trace(const decoder *d, const options *how, const char *file) {
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    FILE *out = how->output ? fopen(how->output, "w") : stdout;
    int failed;
    if (out == NULL) return complain(BAD_INPUT, "cannot write %s: %s", how->output, strerror(errno));
    fprintf(out, "# name: %.*s, decoded by teaspoon, pointer size: %u\n", (int)strcspn(name, ".,\n"), name,
            1u << d->pointer);
    for (size_t i = 0; i < d->count; i++) {
        const op *o = &d->ops[i];
        if (o->kind == 'a') fprintf(out, "a %u %zu %u\n", o->id, o->size, o->align);
        if (o->kind == 'r') fprintf(out, "r %u %zu\n", o->id, o->size);
        if (o->kind == 'f') fprintf(out, "f %u\n", o->id);
    }
    if (out == stdout) return DONE; /* main sees whether that could be written */
    failed = ferror(out);
    failed |= fclose(out) != 0;
    return failed ? complain(BAD_INPUT, "cannot write %s", how->output) : DONE;
}

int decode_recording(const char *file, const options *how) {
    decoder d = {0};
    unsigned char *bytes = slurp(file, &d.size);
    int code;
    if (bytes == NULL) return BAD_INPUT;
    d.bytes = bytes;
    decode_all(&d);
    if (d.count == 0) code = complain(BAD_INPUT, "%s: nothing in %s bytes that tsp_record.h has sent", file, COMMAS(d.size));
    else code = print_trace(&d, how, file);
    if (code == DONE && !how->quiet) {
        complain(DONE, "%s: %s calls in %s bytes, %.1f each; %s dropped by the sink", file, COMMAS(d.events),
                 COMMAS(d.size), (double)d.size / (double)(d.events + d.skipped), COMMAS((size_t)d.dropped));
        if (d.gaps || d.cut_bytes || d.skipped)
            complain(DONE, "%s: cut in %s places; %s bytes and %s calls could not be placed", file, COMMAS(d.gaps),
                     COMMAS(d.cut_bytes), COMMAS(d.skipped));
        if (d.strangers)
            complain(DONE, "%s: %s calls about objects that nobody has seen come", file, COMMAS(d.strangers));
    }
    free(bytes);
    free(d.ops);
    free(d.objects);
    return code;
}
