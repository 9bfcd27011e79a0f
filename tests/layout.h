/* A small heap as a drawing: which granules are live, which of them begin an object, and what the heap's bytes must
 * then be. It is the picture of DESIGN.md section 2 and the placement of section 4 once more, told in sets of granules
 * and without a line of the engine; explore.c holds the engine against it in every state. SPDX-License-Identifier:
 * BSD-3-Clause */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "family.h"

typedef uint32_t set; /* of granules; one number for each that is in it */

enum { NONE = 99 }; /* instead of a granule */

#ifndef TSP_LANE_BITS
#define TSP_LANE_BITS 3
#endif
#ifndef TSP_LARGE
#define TSP_LARGE 32
#endif

typedef struct layout {
    set live, begins;
} layout;

/* What stays the same while a heap is explored. */
static unsigned granules;
static uintptr_t base; /* address of granule 0 */

static inline set from_to(unsigned a, unsigned b) {
    return ((set)1 << b) - ((set)1 << a);
}

static inline unsigned lowest(set s) {
    return (unsigned)__builtin_ctz(s);
}

static inline unsigned count(set s) {
    return (unsigned)__builtin_popcount(s);
}

static inline unsigned in_granules(size_t bytes) {
    return bytes > granules * GRANULE ? NONE : (unsigned)(round_up(bytes) / GRANULE);
}

/* The end of the object that begins at a. */
static inline unsigned object_end(const layout *l, unsigned a) {
    return lowest((~l->live | l->begins | from_to(granules, granules + 1)) & ~from_to(0, a + 1));
}

/* With an object [a, a + n) more, and without the one that begins at a. */
static inline layout with(layout l, unsigned a, unsigned n) {
    l.live |= from_to(a, a + n);
    l.begins |= from_to(a, a + 1);
    return l;
}

static inline layout without(layout l, unsigned a) {
    l.live &= ~from_to(a, object_end(&l, a));
    l.begins &= ~from_to(a, a + 1);
    return l;
}

/* The first hole at or after `at`. */
static inline int hole_from(const layout *l, unsigned at, unsigned *start, unsigned *end) {
    set free = ~l->live & from_to(0, granules) & ~from_to(0, at);
    if (free == 0) return 0;
    *start = lowest(free);
    *end = *start + lowest(~(free >> *start));
    return 1;
}

/* The first granule at or after a where an object of this alignment may begin. */
static inline unsigned aligned_from(unsigned a, size_t align) {
    while ((base + a * GRANULE) & (align - 1)) a++;
    return a;
}

/* On how many lanes is the hole that ends at `end`? */
static inline unsigned lanes_at(unsigned end, unsigned size) {
    const unsigned hash = end * 40503u % 65536;
    unsigned lanes = 0, below = 65536u >> TSP_LANE_BITS;
    for (; lanes < LANES && hash < below && size >= lanes + 2; lanes++) below >>= TSP_LANE_BITS;
    return lanes;
}

/* The last granule up to a where an object of this alignment may begin; one does. */
static inline unsigned aligned_to(unsigned a, size_t align) {
    while ((base + a * GRANULE) & (align - 1)) a--;
    return a;
}

/* Where an object of n granules goes: into the first hole that it fits exactly; else, if it is small, to the low end of
 * the first that it fits into, and if it is large, to the high end of the last. With lanes, only holes up to the first
 * station at or behind a fit count. One that is moved to grow is not large. */
static inline unsigned placed(const layout *l, unsigned n, size_t align, int grown) {
    const int large = !grown && n > granules / TSP_LARGE;
    unsigned start, end = 0, at = NONE;
    while (n <= granules && hole_from(l, end, &start, &end)) {
        if (aligned_from(start, align) + n <= end) {
            if (end - start == n) return start;
            if (large) at = aligned_to(end - n, align);
            else if (at == NONE) at = aligned_from(start, align);
        }
        if (at != NONE && lanes_at(end, end - start)) break;
    }
    return at;
}

/* Whether the object [a, b) can be one of n granules where it is. */
static inline int stays(const layout *l, unsigned a, unsigned n, size_t align) {
    return aligned_from(a, align) == a && n <= granules - a &&
           !(from_to(a, a + n) & ((l->live & ~from_to(a, object_end(l, a)))));
}

/* Where it goes within its own granules and the holes on both sides. */
static inline unsigned slid(const layout *l, unsigned a, unsigned n, size_t align) {
    const set others = l->live & ~from_to(a, object_end(l, a));
    unsigned low = a, high = a, at;
    while (low && !(others >> (low - 1) & 1)) low--;
    while (high < granules && !(others >> high & 1)) high++;
    at = aligned_from(low, align);
    return n <= granules && at + n <= high ? at : NONE;
}

/* -- The bytes ----------------------------------------------------------------------------------------------------- */

/* The links of the granule that ends at `end`, in the heap or, where `end` is 0, in the handle. */
enum { GAP, SIZE };
static inline unsigned char *link_at(unsigned char *bytes, TSP_V *h, unsigned end, unsigned lane, int which) {
    if (end) return bytes + (end - lane) * GRANULE - GRANULE + (size_t)which * GRANULE / 2;
#if LANES
    if (lane) return (unsigned char *)(lane == 3 ? &h->hop3 : lane == 2 ? &h->hop2 : &h->hop1);
#endif
    return (unsigned char *)&h->gap;
}

static inline void put(unsigned char *link, size_t value) {
    const uint16_t small = (uint16_t)value;
    const uint32_t large = (uint32_t)value;
    memcpy(link, GRANULE == 4 ? (const void *)&small : (const void *)&large, GRANULE / 2);
}

static inline size_t got(const unsigned char *link) {
    uint16_t small;
    uint32_t large;
    memcpy(&small, link, sizeof small);
    memcpy(&large, link, GRANULE / 2);
    return GRANULE == 4 ? small : large;
}

/* Draws what the layout says of handle and bytes, and nothing else: links, sizes, marks and counts. */
static inline void draw(const layout *l, unsigned char *bytes, TSP_V *h, int sized) {
    unsigned start, end = 0, last[4] = {0}, largest[4] = {0};
    while (hole_from(l, end, &start, &end)) {
        put(link_at(bytes, h, last[0], 0, GAP), end - last[0]);
        put(link_at(bytes, h, end, 0, SIZE), end - start);
        last[0] = end;
        for (unsigned lane = 1; lane <= LANES; lane++) {
            if (end - start > largest[lane]) largest[lane] = end - start;
            if (lane > lanes_at(end, end - start)) continue;
            put(link_at(bytes, h, last[lane], lane, GAP), end - last[lane]);
            put(link_at(bytes, h, end, lane, SIZE), largest[lane]);
            last[lane] = end;
            largest[lane] = 0;
        }
    }
    for (unsigned lane = 0; lane <= LANES; lane++) put(link_at(bytes, h, last[lane], lane, GAP), 0);
    put((unsigned char *)&h->used, count(l->live));
    put((unsigned char *)&h->objects, count(l->begins));
    if (!sized) {
        memset(bytes + granules * GRANULE, 0, (granules + 7) / 8);
        for (set b = l->begins; b; b &= b - 1) {
            unsigned at = object_end(l, lowest(b)) - 1;
            bytes[granules * GRANULE + at / 8] |= (unsigned char)(1u << at % 8);
        }
    }
}

#endif
