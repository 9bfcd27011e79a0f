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

static op drawn_ops[MOST_DRAWN];
static uint32_t drawn_site_of[MOST_DRAWN];
static char drawn_text[DRAWN_SITES][64], *drawn_names[DRAWN_SITES];

static trace draw_trace(unsigned seed, const drawing *how) {
    trace t = {.name = "drawn", .file = "drawn.trace", .ops = drawn_ops, .count = how->operations, .largest_align = 1};
    static uint32_t ids[MOST_DRAWN];
    static size_t sizes[MOST_DRAWN];
    size_t n = 0, bytes = 0;
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
            sizes[n++] = o->size;
            bytes += o->size;
        } else {
            bytes = bytes - sizes[which] + o->size;
            sizes[which] = o->size;
            if (o->kind == 'f') {
                ids[which] = ids[--n];
                sizes[which] = sizes[n];
            } else { /* as the reader has it */
                for (size_t k = i; k-- > 0;)
                    if (t.ops[k].id == o->id) o->align = t.ops[k].align;
            }
        }
        if (bytes > t.peak) t.peak = bytes;
        drawn_site_of[i] = how->sites ? (uint32_t)drawn(how->sites) : 0;
    }
    if (how->sites) { /* the last one and each third has no name */
        t.sites = drawn_site_of;
        t.site_names = drawn_names;
        t.site_count = (uint32_t)how->sites - 1;
        for (size_t i = 0; i < how->sites; i++) {
            snprintf(drawn_text[i], sizeof drawn_text[i], "cook%u (soup.c:%u) < main", (unsigned)(i * 7 % how->sites), (unsigned)i);
            drawn_names[i] = i % 3 ? drawn_text[i] : NULL;
        }
    }
    return t;
}

#endif
