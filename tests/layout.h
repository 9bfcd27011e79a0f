/* A small heap as a drawing: which granules are live, which of them begin an object, and what the heap's bytes must
 * then be. It is the picture of DESIGN.md section 2 and the placement of section 4 once more, told in sets of granules
 * and without a line of the engine; explore.c holds the engine against it in every state. SPDX-License-Identifier:
 * BSD-3-Clause */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "family.h"

typedef uint32_t set; /* of granules; one number for each that is in it */

enum { NONE = 99 }; /* instead of a granule */

#define LANES_tsp4k 0
#define LANES_tsp128k 0
#define LANES_tsp16m 2
#define LANES OF_FAMILY(LANES_)

#ifndef TSP_LANE_BITS
#define TSP_LANE_BITS 4
#endif
#ifndef TSP_LARGE
#define TSP_LARGE 32
#endif

typedef struct layout {
    set live, begins;
    uint64_t tops; /* with lanes: four bits for each top, the head's first, then station by station; 15 is no bound */
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
    const unsigned lane_1 = hash < 65536u >> TSP_LANE_BITS, lane_2 = hash < 131072u >> 2 * TSP_LANE_BITS;
    return LANES == 0 || !lane_1 || size < 2 ? 0 : !lane_2 || size < 3 ? 1 : 2;
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
    if (lane) return (unsigned char *)(lane == 2 ? &h->hop2 : which == GAP ? &h->hop1 : &h->top1);
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
    unsigned start, end = 0, last[3] = {0, 0, 0};
    uint64_t tops = l->tops;
    if (LANES) tops >>= 4;
    while (hole_from(l, end, &start, &end)) {
        put(link_at(bytes, h, last[0], 0, GAP), end - last[0]);
        put(link_at(bytes, h, end, 0, SIZE), end - start);
        last[0] = end;
        for (unsigned lane = 1, lanes = lanes_at(end, end - start); lane <= lanes; lane++, tops >>= 4) {
            put(link_at(bytes, h, last[lane], lane, GAP), end - last[lane]);
            put(link_at(bytes, h, end, lane, SIZE), tops % 16 == 15 ? GRANULES : tops % 16);
            last[lane] = end;
        }
    }
    for (unsigned lane = 0; lane <= LANES; lane++) put(link_at(bytes, h, last[lane], lane, GAP), 0);
    if (LANES && last[1]) put(link_at(bytes, h, 0, 1, SIZE), l->tops % 16 == 15 ? GRANULES : l->tops % 16);
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

/* Notes one top. 0: it is not a number that a call could have left there. */
static inline int note_top(layout *l, unsigned *shift, size_t top) {
    if (*shift > 60 || (top > 14 && top != GRANULES)) return 0;
    l->tops |= (uint64_t)(top > 14 ? 15 : top) << *shift;
    *shift += 4;
    return 1;
}

/* Reads the tops of a heap that has this layout. 0: one of them is no bound on the holes up to the lane's next station.
 */
static inline int read_tops(layout *l, unsigned char *bytes, TSP_V *h) {
    unsigned start, end = 0, shift = 0, any = 0;
    size_t bound[3] = {0, got(link_at(bytes, h, 0, 1, SIZE)), GRANULES};
    l->tops = 0;
    while (hole_from(l, end, &start, &end)) any |= lanes_at(end, end - start);
    if (!any) return 1; /* without stations there are no tops; what the head has is not read */
    if (!note_top(l, &shift, bound[1])) return 0;
    for (end = 0; hole_from(l, end, &start, &end);) {
        if (end - start > bound[1] || end - start > bound[2]) return 0;
        for (unsigned lane = 1; lane <= lanes_at(end, end - start); lane++) {
            bound[lane] = got(link_at(bytes, h, end, lane, SIZE));
            if (!note_top(l, &shift, bound[lane])) return 0;
        }
    }
    return 1;
}

#endif
