/* The engine: holes, and how objects are cut from them and given back. Written once, compiled by tsp4k.c, tsp128k.c and
 * tsp16m.c, which say which integer a link is (TSP_LINK) and whether there is an express lane (TSP_EXPRESS). The public
 * functions that wrap it are in interface.h, the validator in check.h; DESIGN.md has the reasons and the figures.
 *
 * The heap is `granules` granules of two links each. A live object is a run of granules and nothing else. A hole is a
 * maximal run of free granules. It describes itself in its last ones, so that cutting an object from its low end, or
 * growing it downwards, moves nothing:
 *
 *      start of the hole                                  its end
 *        v                                                   v
 *        [ ...free... | hop  -  | gap  top | jump size ][ live object ...
 *                       3rd-last   2nd-last    last granule
 *
 *                                         of a single granule: [ gap size ]
 *
 *      size  granules in this hole
 *      gap   distance to the end of the next hole                                         every hole
 *      jump  distance to the end of the next big hole (two granules or more)              big holes
 *      hop   distance to the end of the next station (a big hole picked by its address)   stations
 *      top   no hole after this station, up to and including the next one, is larger      stations
 *
 * All distances are in granules and positive; 0 ends a list. So each list runs upwards whatever the bytes say: a walk
 * can neither leave the heap nor turn in a circle, even over a heap that somebody scribbled on. The handle holds the
 * heads of the lists in the same arrangement, as if it were a hole that ends at granule 0.
 *
 * Two units: `bytes` is bytes; everything else counts granules. A hole is named by its end, the index of the first
 * granule after it: 1 to `granules`, so 0 is "none". */

#include "teaspoon.h"

#include <stddef.h>
#include <string.h>

#define TSP_PASTE2(a, b) a##_##b
#define TSP_PASTE(a, b) TSP_PASTE2(a, b)
#define V_(name) TSP_PASTE(TSP_V, name)

typedef TSP_V heap;
typedef TSP_LINK link;
typedef unsigned char byte;

/* ALWAYS_INLINE: what is shorter than a call to it. HOT: the paths that programs spend their time on, one function each
 * unless size matters more. */
#ifdef __GNUC__
#define ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define ALWAYS_INLINE inline
#endif
#ifdef __OPTIMIZE_SIZE__
#define HOT
#else
#define HOT ALWAYS_INLINE
#endif

enum {
    GRANULE = 2 * sizeof(link), /* bytes */
    BIG = 2,                    /* granules that a hole needs for a jump link of its own */
    STATION = 3,                /* and for a hop link */
    STAYS = TSP_EXPRESS ? STATION : BIG, /* a hole cut down to this size keeps its places in the lists */
    SEGMENTS = 2, /* of the express lane in which a fit is looked for, once there is one */
    SINGLES = 32  /* holes among which a single one is looked for, before a big one is cut */
};

#define LINK_MAX ((link)-1)

/* -- The bytes of a hole ---------------------------------------------------------------------------------------- */

/* The last granule of the hole that ends at `end`. */
static ALWAYS_INLINE byte *node(const heap *h, size_t end) {
    return h->base + end * GRANULE - GRANULE;
}

/* The handle, as the last granule of a big hole that ends at 0. */
static ALWAYS_INLINE byte *head(const heap *h) {
    return (byte *)h + offsetof(heap, jump);
}

/* memcpy, because the bytes are the caller's and may have any effective type. It compiles to one load or store (by its
 * builtin name even where -ffreestanding has taken the plain one away). */
static ALWAYS_INLINE size_t get(const byte *field) {
    link value;
#ifdef __GNUC__
    __builtin_memcpy(&value, __builtin_assume_aligned(field, sizeof value), sizeof value);
#else
    memcpy(&value, field, sizeof value);
#endif
    return value;
}

static ALWAYS_INLINE void set(byte *field, size_t to) {
    link value = (link)to;
#ifdef __GNUC__
    __builtin_memcpy(__builtin_assume_aligned(field, sizeof value), &value, sizeof value);
#else
    memcpy(field, &value, sizeof value);
#endif
}

/* The fields of a node. */
#define SIZE(node) ((node) + sizeof(link))
#define JUMP(node) (node)
#define GAP_OF_SINGLE(node) (node)
#define GAP_OF_BIG(node) ((node)-GRANULE)
#define TOP(node) ((node)-GRANULE + sizeof(link))
#define HOP(node) ((node)-2 * GRANULE)

static ALWAYS_INLINE byte *gap_of(byte *node, size_t size) {
    return size >= BIG ? GAP_OF_BIG(node) : GAP_OF_SINGLE(node);
}

/* -- The lists --------------------------------------------------------------------------------------------------- */

/* Where in the lists a position is: for each list the last link before it, and the end of the hole that holds it. */
typedef struct place {
    byte *gap, *jump; /* the links themselves */
    size_t gap_end, jump_end;
#if TSP_EXPRESS
    byte *station; /* the node */
    size_t station_end;
#endif
} place;

/* From the big hole at p->jump through the single ones that end at `last` or before. */
static inline void find_gap(const heap *h, size_t last, place *p) {
    size_t end = p->jump_end, d;
    byte *gap = end == 1 ? p->jump : GAP_OF_BIG(p->jump); /* no big hole ends at 1; believing so would lead outside */
    while ((d = get(gap)) - 1 < last - end) {
        end += d;
        gap = GAP_OF_SINGLE(node(h, end));
    }
    p->gap = gap;
    p->gap_end = end;
}

/* The holes that end at `last` or before. (0 - 1 is large, so one comparison ends a walk at its limit and at its end.) */
static inline void find(const heap *h, size_t last, place *p) {
    byte *n = head(h);
    size_t end = 0, d;
#if TSP_EXPRESS
    while ((d = get(HOP(n))) >= STATION && d <= last - end) {
        end += d;
        n = node(h, end);
    }
    p->station = n;
    p->station_end = end;
#endif
    while ((d = get(JUMP(n))) - 1 < last - end) {
        end += d;
        n = node(h, end);
    }
    p->jump = JUMP(n);
    p->jump_end = end;
    find_gap(h, last, p);
}

/* before -> after  =>  before -> new -> after, where new is `distance` beyond before. */
static inline void link_in(byte *before, byte *new, size_t distance) {
    size_t d = get(before);
    set(before, distance);
    set(new, d ? d - distance : 0);
}

/* before -> old -> after  =>  before -> after */
static inline void link_out(byte *before, const byte *old) {
    size_t d = get(old);
    set(before, d ? get(before) + d : 0);
}

#if TSP_EXPRESS
/* One large enough hole in 2^(16 - TSP_EXPRESS) is a station: Fibonacci hashing (Knuth, TAOCP 3, 6.4) of its end, so
 * that a regular layout does not make all of them stations, or none. */
static inline int is_station(size_t end, size_t size) {
    return size >= STATION && (uint16_t)((uint16_t)end * 40503u) >> TSP_EXPRESS == 0;
}

static inline void raise_top(byte *station, size_t size) {
    if (get(TOP(station)) < size) set(TOP(station), size);
}
#endif

/* Makes the free granules [end - size, end) a hole, directly after p. */
static inline void insert(const heap *h, const place *p, size_t end, size_t size) {
    byte *n = node(h, end);
    if (size >= BIG) link_in(p->jump, JUMP(n), end - p->jump_end);
    link_in(p->gap, gap_of(n, size), end - p->gap_end);
    set(SIZE(n), size);
#if TSP_EXPRESS
    if (is_station(end, size)) {
        link_in(HOP(p->station), HOP(n), end - p->station_end);
        set(TOP(n), get(TOP(p->station)));
    }
    raise_top(p->station, size);
#endif
}

/* Takes the hole directly after p out of the lists. */
static inline void extract(const heap *h, const place *p, size_t end, size_t size) {
    byte *n = node(h, end);
    link_out(p->gap, gap_of(n, size));
    if (size >= BIG) link_out(p->jump, JUMP(n));
#if TSP_EXPRESS
    if (size >= STATION && get(HOP(p->station)) == end - p->station_end) {
        link_out(HOP(p->station), HOP(n));
        raise_top(p->station, get(TOP(n)));
    }
#endif
}

/* Cuts the granules [start, start + n) from the hole just after p; what is left of it stays a hole.
 *      [ lead | n granules | tail ]  =>  [ lead ] object [ tail ] */
static void cut(const heap *h, const place *p, size_t end, size_t size, size_t start, size_t n) {
    size_t lead = start + size - end, tail = size - lead - n;
    if (tail >= STAYS) {
        set(SIZE(node(h, end)), tail); /* its end, and with it its place in the lists, stays */
    } else {
        extract(h, p, end, size);
        if (tail) insert(h, p, end, tail);
    }
    if (lead) insert(h, p, start, lead);
}

/* -- Placement ---------------------------------------------------------------------------------------------------- */

/* Instead of a granule: there is no place; the lists are damaged. */
#define NOWHERE ((size_t)-1)
#define DAMAGED ((size_t)-2)

/* Granules between the one at `at` and the next that is aligned; mask is the alignment less one. */
static inline size_t padding(const byte *at, size_t mask) {
    return ((0 - (size_t)(uintptr_t)at) & mask) / GRANULE;
}

/* A hole to cut an object from: the best so far. */
typedef struct spot {
    size_t end, distance; /* of the hole; and how far the big hole before it is (0: there is no spot) */
    size_t excess;        /* granules that the hole has more than the object */
    size_t lead;          /* bytes of them that go before it, for its alignment */
#if TSP_EXPRESS
    byte *station;
    size_t station_end;
#endif
} spot;

/* Looks at the big holes after the one that ends at `end` (node: before), to the one that ends at `stop`, for a smaller one
 * than *best that n granules fit into. An exact fit ends the search. */
static HOT void scan(const heap *h, const byte *before, size_t end, size_t stop, size_t n, size_t mask, spot *best) {
    size_t left = stop - end, d = get(JUMP(before)), best_excess = best->excess;
    const byte *hole;
    if (d - 1 >= left) return;
    for (hole = node(h, end + d);; hole += d * GRANULE) {
        size_t excess = get(SIZE(hole)) - n;
        left -= d;
        if (excess < best_excess) { /* and not negative */
            size_t lead = ((n + excess - 1) * GRANULE - (size_t)(uintptr_t)hole) & mask;
            if (lead <= excess * GRANULE) {
                best_excess = excess;
                best->end = stop - left;
                best->distance = d;
                best->lead = lead;
                if (excess == 0) break;
            }
        }
        d = get(JUMP(hole));
        if (d - 1 >= left) break;
    }
    best->excess = best_excess;
}

/* Cuts n granules from the best hole. Returns their start. */
static HOT size_t claim_best(const heap *h, size_t n, const spot *best) {
    size_t end = best->end, size = best->excess + n, start = end - size;
    place p;
    if (size > best->distance) return DAMAGED;
    if (best->lead == 0 && best->excess >= STAYS) {
        set(SIZE(node(h, end)), best->excess);
        return start;
    }
    p.jump_end = end - best->distance;
    p.jump = p.jump_end ? node(h, p.jump_end) : head(h);
#if TSP_EXPRESS
    p.station = best->station;
    p.station_end = best->station_end;
#endif
    find_gap(h, end - 1, &p);
    if (get(p.gap) != end - p.gap_end) return DAMAGED;
    if (best->excess == 0) {
        extract(h, &p, end, size);
        return start;
    }
    start += best->lead / GRANULE;
    cut(h, &p, end, size, start, n);
    return start;
}

/* Takes a hole of one granule: the first that is aligned, among the first `limit` holes. Returns its start. */
static size_t claim_single(const heap *h, size_t mask, size_t limit) {
    size_t end = 0, d;
    byte *hole, *gap = GAP_OF_BIG(head(h));
    place p;
    while (limit-- && (d = get(gap)) - 1 < h->granules - end) {
        size_t size = get(SIZE(hole = node(h, end += d)));
        if (size > d) return DAMAGED;
        if (size == 1 && padding(hole, mask) == 0) {
            find(h, end - 1, &p);
            if (get(p.gap) != end - p.gap_end) return DAMAGED;
            extract(h, &p, end, 1);
            return end - 1;
        }
        gap = gap_of(hole, size);
    }
    return NOWHERE;
}

/* Takes n granules from the smallest hole that they fit into, the first of that size; with an express lane, from the
 * smallest in the first segments that have any. A single granule prefers a hole of one. Returns their start. */
static HOT size_t claim(const heap *h, size_t n, size_t mask) {
    spot best;
    if (n == 1) {
        size_t start = claim_single(h, mask, SINGLES);
        if (start != NOWHERE) return start;
    }
    best.excess = (size_t)-1 - n;
    best.distance = 0;
#if TSP_EXPRESS
    {
        byte *station = best.station = head(h);
        size_t end = best.station_end = 0, stop, segments = SEGMENTS;
        for (; end < h->granules; station = node(h, end = stop)) {
            size_t hop = get(HOP(station)), was = best.excess;
            stop = hop >= STATION && hop <= h->granules - end ? end + hop : h->granules;
            if (get(TOP(station)) < n) continue;
            if (best.distance && segments-- == 0) break;
            scan(h, station, end, stop, n, mask, &best);
            if (best.excess != was) {
                best.station = station;
                best.station_end = end;
                if (best.excess == 0) break;
            }
        }
    }
#else
    scan(h, head(h), 0, h->granules, n, mask, &best);
#endif
    if (best.distance) return claim_best(h, n, &best);
    return n == 1 ? claim_single(h, mask, (size_t)-1) : NOWHERE;
}

/* What a handle's state says. A handle that is all zero has not been made: no granules, so nothing can be had. */
enum { UNMADE, SIZED, REMEMBERS };

/* -- The size map: one bit per granule, set where an object ends -------------------------------------------------- */

static ALWAYS_INLINE byte *map(const heap *h) {
    return h->base + (size_t)h->granules * GRANULE;
}

static ALWAYS_INLINE int is_mark(const heap *h, size_t granule) {
    return map(h)[granule / 8] >> granule % 8 & 1;
}

/* Whether an object can begin at granule a, where no hole ends. A sized heap does not know. */
static ALWAYS_INLINE int may_begin(const heap *h, size_t a) {
    return h->state != REMEMBERS || a == 0 || is_mark(h, a - 1);
}

/* Sets or clears the mark of the object that ends at `end`. */
static inline void flip_mark(const heap *h, size_t end) {
    if (h->state == REMEMBERS) map(h)[(end - 1) / 8] ^= (byte)(1u << (end - 1) % 8);
}

/* The end of the object that begins at granule a; `granules` + 1 if there is no mark. */
static size_t find_mark(const heap *h, size_t a) {
    const byte *m = map(h);
    size_t i = a / 8, bytes = ((size_t)h->granules + 7) / 8;
    unsigned bits = (unsigned)m[i] >> a % 8 << a % 8;
    while (bits == 0) {
        uint32_t four;
        if (++i >= bytes) return (size_t)h->granules + 1;
        while (bytes - i >= sizeof four && (memcpy(&four, m + i, sizeof four), four == 0)) i += sizeof four;
        if (i >= bytes) return (size_t)h->granules + 1;
        bits = m[i];
    }
    for (a = i * 8; !(bits & 1); bits >>= 1) a++;
    return a < h->granules ? a + 1 : (size_t)h->granules + 1;
}

/* -- Giving back -------------------------------------------------------------------------------------------------- */

/* The hole after the link `gap` of a hole that ends at `end`: returns its size, *next is its end. 0 and `granules` + 1 if
 * there is none, DAMAGED if there can be none like that. */
static inline size_t hole_after(const heap *h, const byte *gap, size_t end, size_t *next) {
    size_t d = get(gap), size;
    *next = (size_t)h->granules + 1;
    if (d == 0) return 0;
    if (d > h->granules - end) return DAMAGED;
    *next = end + d;
    size = get(SIZE(node(h, *next)));
    return size - 1 < d ? size : DAMAGED;
}

/* Whether all of [a, b) can be an object, a < b. Then p is the place before the next hole. */
static tsp_status examine(const heap *h, size_t a, size_t b, place *p) {
    size_t end, size;
    find(h, b, p);
    size = hole_after(h, p->gap, p->gap_end, &end);
    if (size == DAMAGED) return TSP_CORRUPT;
    if (p->gap_end > a || end - size < b) return TSP_ALREADY_FREE;
    if (p->gap_end != a && !may_begin(h, a)) return TSP_INTERIOR;
    return b > h->granules ? TSP_CORRUPT : TSP_OK;
}

/* Makes the live granules [a, b) free, and one hole with the holes that they touch. a < b <= granules.
 *      [ before ] [a, b) [ after ]  =>  [ one hole ] */
static HOT tsp_status release(const heap *h, size_t a, size_t b) {
    size_t end, size, before = 0;
    place p;
    find(h, a ? a - 1 : 0, &p);
    size = hole_after(h, p.gap, p.gap_end, &end);
    if (end == a) {
        before = size;
        size = hole_after(h, gap_of(node(h, a), before), a, &end);
    }
    if (size == DAMAGED || before == DAMAGED) return TSP_CORRUPT;
    if (end - size < b) return TSP_ALREADY_FREE;
    if (!before && !may_begin(h, a)) return TSP_INTERIOR;
    if (before) extract(h, &p, a, before);
    if (end - size > b) { /* touches nothing behind it */
        insert(h, &p, b, b - a + before);
    } else if (size >= STAYS) {
        set(SIZE(node(h, end)), size += b - a + before); /* it only grows downwards */
#if TSP_EXPRESS
        raise_top(p.station, size);
#endif
    } else {
        extract(h, &p, end, size);
        insert(h, &p, end, size + b - a + before);
    }
    return TSP_OK;
}
