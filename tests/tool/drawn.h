/* Traces that are drawn, for the tests of what shows them. SPDX-License-Identifier: BSD-3-Clause */
#ifndef DRAWN_H
#define DRAWN_H

#include "trace.h"

#include <stdint.h>
#include <string.h>

enum { MOST_DRAWN = 2000, DRAWN_SITES = 15 };

static uint64_t drawn_last;

static size_t drawn(size_t below) {
    drawn_last = drawn_last * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(drawn_last >> 33) % below;
}

/* How: at most so many operations and objects at once, and so large; sites 0: the trace knows of none. */
typedef struct drawing {
    size_t operations, live, largest, sites, aligns;
} drawing;

/* What an object of so many bytes takes of a heap: a multiple of 8, or less than that in granules. */
static inline size_t takes(size_t granule, size_t size) {
    const size_t to = size < 8 ? granule : 8;
    return (size + to - 1) / to * to;
}

/* The last two that were drawn stay. */
static trace draw_trace(unsigned seed, const drawing *how) {
    static struct {
        op ops[MOST_DRAWN];
        uint32_t site_of[MOST_DRAWN];
        char text[DRAWN_SITES][64], *names[DRAWN_SITES];
    } papers[2], *on;
    static unsigned drawings;
    trace t = {.name = "drawn", .file = "drawn.trace", .count = how->operations, .largest_align = 1};
    static uint32_t ids[MOST_DRAWN], aligns[MOST_DRAWN];
    static size_t sizes[MOST_DRAWN];
    size_t n = 0, bytes = 0;
    on = &papers[drawings++ % 2];
    t.ops = on->ops;
    drawn_last = seed;
    for (size_t i = 0; i < t.count; i++) {
        op *o = &t.ops[i];
        const size_t which = n ? drawn(n) : 0, kind = n == 0 ? 0 : n == how->live ? 1 + drawn(2) : drawn(5);
        *o = (op){.kind = kind == 1 ? 'r' : kind == 2 ? 'f' : 'a', .line = (uint32_t)(2 * i + 3), .align = 1};
        o->id = o->kind == 'a' ? t.ids++ : ids[which];
        if (o->kind != 'f') o->size = drawn(20) ? 1 + drawn(drawn(3) ? how->largest / 8 + 1 : how->largest) : 0;
        if (o->kind == 'a' && how->aligns) o->align = 1u << drawn(how->aligns);
        if (o->align > t.largest_align) t.largest_align = o->align;
        if (o->kind == 'a') {
            ids[n] = o->id;
            aligns[n] = o->align;
            sizes[n++] = o->size;
            bytes += o->size;
        } else {
            o->align = aligns[which];
            bytes = bytes - sizes[which] + o->size;
            sizes[which] = o->size;
            if (o->kind == 'f') {
                ids[which] = ids[--n];
                sizes[which] = sizes[n];
                aligns[which] = aligns[n];
            }
        }
        if (bytes > t.peak) t.peak = bytes;
        on->site_of[i] = how->sites ? (uint32_t)drawn(how->sites) : 0;
    }
    if (how->sites) { /* the last one and each third has no name */
        t.sites = on->site_of;
        t.site_names = on->names;
        t.site_count = (uint32_t)how->sites - 1;
        for (size_t i = 0; i < how->sites; i++) {
            snprintf(on->text[i], sizeof on->text[i], "cook%u (soup.c:%u) < main", (unsigned)(i * 7 % how->sites), (unsigned)i);
            on->names[i] = i % 3 ? on->text[i] : NULL;
        }
    }
    return t;
}

#endif
