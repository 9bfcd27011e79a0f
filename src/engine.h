/* The engine: holes, and how objects are cut from them and given back. Written once, compiled by tsp4k.c, tsp128k.c and
 * tsp16m.c, which say which integer a link is (TSP_LINK) and whether there are express lanes (TSP_LANES, or 0). The
 * public functions around it are in interface.h, the validator in check.h; DESIGN.md has the reasons and figures.
 *
 * The heap is `granules` granules of two links each. A live object is a run of granules and nothing else. A hole is a
 * maximal run of free granules. It describes itself in its last ones, so that cutting an object from its low end, or
 * growing it downwards, moves nothing:
 *
 *      start of the hole                                            its end
 *        v                                                            v
 *        [ ...free... | hop3 top3 | hop2 top2 | hop1 top1 | gap  size ][ live object ...
 *                                  third-last  second-last  last granule
 *
 *      size  granules in this hole
 *      gap   distance to the end of the next hole
 *      hopL  distance to the end of the next station of lane L: a hole of more than L granules, picked by its address
 *      topL  the size of the largest hole after the lane's station before this, up to and including this
 *
 * The lanes let a search pass whole stretches of holes (Pugh, "Skip lists", 1990), and only holes with room to spare
 * carry them. All distances are in granules and positive; 0 ends a list. So each list runs upwards whatever the bytes
 * say: a walk can neither leave the heap nor turn in a circle, even over a heap that somebody scribbled on. The handle
 * holds the heads of the lists in the same arrangement, as if it were a hole that ends at granule 0; nothing is before
 * it, so where a hole has its size and tops it has counts.
 *
 * Two units: `bytes` is bytes; everything else counts granules. A hole is named by its end, the index of the first
 * granule after it: 1 to `granules`. */

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
 * unless size matters more. COLD: what they seldom need, out of their way. */
#ifdef __GNUC__
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define COLD __attribute__((noinline))
#else
#define ALWAYS_INLINE inline
#define COLD
#endif
#ifdef __OPTIMIZE_SIZE__
#define HOT
#else
#define HOT ALWAYS_INLINE
#endif

enum {
    GRANULE = 2 * sizeof(link), /* bytes */
    STAYS = 1 + TSP_LANES       /* a hole cut down to this size keeps its place in the lists */
};

#define LINK_MAX ((size_t)(link)-1)

#include "debug.h"

/* -- The bytes of a hole ---------------------------------------------------------------------------------------- */

/* The last granule of the hole that ends at `end`. */
static ALWAYS_INLINE byte *node(const heap *h, size_t end) {
    return h->base + end * GRANULE - GRANULE;
}

/* The handle, as the last granule of a hole that ends at 0. */
static ALWAYS_INLINE byte *head(const heap *h) {
    return (byte *)h + offsetof(heap, gap);
}

/* memcpy, because the bytes are the caller's and may have any effective type. It compiles to one load or store (by its
 * builtin name even where -ffreestanding has taken the plain one away). */
static ACCESS size_t get(const byte *field) {
    link value;
#ifdef __GNUC__
    ASIDE(__builtin_memcpy(&value, __builtin_assume_aligned(field, sizeof value), sizeof value));
#else
    ASIDE(memcpy(&value, field, sizeof value));
#endif
    return value;
}

static ACCESS void set(byte *field, size_t to) {
    link value = (link)to;
#ifdef __GNUC__
    ASIDE(__builtin_memcpy(__builtin_assume_aligned(field, sizeof value), &value, sizeof value));
#else
    ASIDE(memcpy(field, &value, sizeof value));
#endif
}

/* The fields of a node. */
#define GAP(node) (node)
#define SIZE(node) ((node) + sizeof(link))
#define HOP(node, lane) ((node) - (lane)*GRANULE)
#define TOP(node, lane) ((node) - (lane)*GRANULE + sizeof(link))

/* -- The lists --------------------------------------------------------------------------------------------------- */

/* A position in the lists: the last hole before it (lane 0) and the last station of each lane, and their ends. */
typedef struct place {
    byte *at[1 + TSP_LANES];
    size_t end[1 + TSP_LANES];
} place;

/* The distance from a hole to the next on its lane; 0: there is none, or none within `most`. */
static ALWAYS_INLINE size_t hop(const byte *node, unsigned lane, size_t most) {
    size_t d = get(HOP(node, lane));
    return d > lane && d <= most ? d : 0;
}

/* The position behind the holes that end at `last` or before. (0 - 1 is large, so that one comparison ends a walk both
 * at its limit and at its end.) */
static inline void find(const heap *h, size_t last, place *p) {
    byte *n = head(h);
    size_t end = 0, d;
#if TSP_LANES
    for (unsigned lane = TSP_LANES; lane; lane--) {
        while ((d = hop(n, lane, last - end)) != 0) n = node(h, end += d);
        p->at[lane] = n;
        p->end[lane] = end;
    }
#endif
    last -= end;
    if ((d = get(GAP(n))) - 1 < last) {
        n = node(h, end + d);
        for (;;) {
            last -= d;
            end += d;
            if ((d = get(GAP(n))) - 1 >= last) break;
            n += d * GRANULE;
        }
    }
    p->at[0] = n;
    p->end[0] = end;
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

#if TSP_LANES
#ifndef TSP_LANE_BITS
#define TSP_LANE_BITS 3 /* fewer make lanes of a few holes, so that small heaps test them */
#endif

/* How many lanes a hole is on: one in 8 is on the first, one in 64 on the second too, one in 512 on the third, if they
 * are large enough. Fibonacci hashing (Knuth, TAOCP 3, 6.4) of the end, so that a regular layout does not make all
 * of them stations, or none. */
static inline unsigned lanes_of(size_t end, size_t size) {
    unsigned hash = (uint16_t)((uint16_t)end * 40503u), lane = 0;
    while (lane < TSP_LANES && size > lane + 1 && hash >> (16 - TSP_LANE_BITS * (lane + 1)) == 0) lane++;
    return lane;
}

/* Sets the top of the station that follows one of this lane that ends at `end`, if there is one, from what the lane
 * below says. */
static void set_top(const heap *h, const byte *at, size_t end, unsigned lane) {
    size_t left = hop(at, lane, h->granules - end), top = 0, d;
    byte *station;
    if (!left) return;
    station = node(h, end + left);
    while ((d = hop(at, lane - 1, left)) != 0) {
        at = node(h, end += d);
        left -= d;
        if (get(TOP(at, lane - 1)) > top) top = get(TOP(at, lane - 1));
    }
    set(TOP(station, lane), top);
}
#endif

/* Keeps the tops right when of the holes behind p one of `was` granules becomes one of `is`. */
static inline void adjust_tops(const heap *h, const place *p, size_t was, size_t is) {
#if TSP_LANES
    for (unsigned lane = 1; lane <= TSP_LANES; lane++) {
        size_t d = hop(p->at[lane], lane, h->granules - p->end[lane]), top;
        byte *station;
        if (!d) return;
        station = node(h, p->end[lane] + d);
        top = get(TOP(station, lane));
        if (is >= top) set(TOP(station, lane), is);
        else if (was >= top) set_top(h, p->at[lane], p->end[lane], lane);
        else return;
    }
#else
    (void)h, (void)p, (void)was, (void)is;
#endif
}

/* Makes the free granules [end - size, end) a hole, directly behind p. */
static inline void insert(const heap *h, const place *p, size_t end, size_t size) {
    byte *n = node(h, end);
    set(SIZE(n), size);
    link_in(GAP(p->at[0]), GAP(n), end - p->end[0]);
#if TSP_LANES
    for (unsigned lane = 1, lanes = lanes_of(end, size); lane <= lanes; lane++) {
        link_in(HOP(p->at[lane], lane), HOP(n, lane), end - p->end[lane]);
        set_top(h, p->at[lane], p->end[lane], lane);
        set_top(h, n, end, lane);
    }
#endif
    adjust_tops(h, p, 0, size);
}

/* Takes the hole directly behind p out of the lists. */
static inline void extract(const heap *h, const place *p, size_t end, size_t size) {
    byte *n = node(h, end);
    link_out(GAP(p->at[0]), GAP(n));
#if TSP_LANES
    for (unsigned lane = 1; lane <= TSP_LANES && size > lane; lane++) {
        byte *before = p->at[lane];
        size_t d = get(HOP(before, lane));
        if (d != end - p->end[lane]) break;
        link_out(HOP(before, lane), HOP(n, lane));
        d = hop(before, lane, h->granules - p->end[lane]);
        if (d) {
            byte *after = node(h, p->end[lane] + d);
            if (get(TOP(after, lane)) < get(TOP(n, lane))) set(TOP(after, lane), get(TOP(n, lane)));
        }
    }
#else
    (void)size;
#endif
}

/* Cuts the granules [start, start + n) from the hole directly behind p; what is left of it stays a hole.
 *      [ lead | n granules | tail ]  =>  [ lead ] object [ tail ] */
static inline void cut(const heap *h, const place *p, size_t end, size_t size, size_t start, size_t n) {
    size_t lead = start + size - end, tail = size - lead - n;
    if (tail >= STAYS) {
        set(SIZE(node(h, end)), tail); /* its end, and with it its place in the lists, stays */
    } else {
        extract(h, p, end, size);
        if (tail) insert(h, p, end, tail);
    }
    if (lead) insert(h, p, start, lead);
    adjust_tops(h, p, size, 0);
}

/* -- Placement ---------------------------------------------------------------------------------------------------- */

/* Granules between the one at `at` and the next that is aligned; mask is the alignment less one. */
static inline size_t padding(const byte *at, size_t mask) {
    return ((0 - (size_t)(uintptr_t)at) & mask) / GRANULE;
}

/* Small objects gather at the heap's low end, large ones at its high end, so that small ones that live long do not
 * stand in the way of large ones. An object that is moved to grow counts as small, since it may grow again. */
#ifndef TSP_LARGE
#define TSP_LARGE 32 /* less makes some objects small in heaps as small as tests exhaust */
#endif

/* More than 1/32 of the heap is large. */
static ALWAYS_INLINE int is_large(const heap *h, size_t n) {
    return n > h->granules / TSP_LARGE;
}

/* A hole to cut an object from. */
typedef struct spot {
    byte *hole;      /* its node; NULL: there is none */
    size_t size;     /* in granules */
    size_t distance; /* from the end of the hole before it to its own */
    size_t lead;     /* bytes of it before the first that is aligned */
} spot;

/* To the next hole; 0 if there is none within `left` granules. */
static ALWAYS_INLINE int advance(byte **hole, size_t *distance, size_t *left) {
    *distance = get(GAP(*hole));
    if (*distance - 1 >= *left) return 0;
    *left -= *distance;
    *hole += *distance * GRANULE;
    return 1;
}

/* Bytes of a hole before the first that is aligned; mask is the alignment less one. */
static ALWAYS_INLINE size_t lead_in(const byte *hole, size_t size, size_t mask) {
    return ((size - 1) * GRANULE - (size_t)(uintptr_t)hole) & mask;
}

/* Looks at the holes behind the one that ends at `end` (node: before), to the one that ends at `stop`, for one that n
 * granules fit into: for a small object the first, for a large one the last, but for either the first that it fits
 * exactly. */
static HOT void scan(const heap *h, const byte *before, size_t end, size_t stop, size_t n, size_t mask, int large,
                     spot *best) {
    size_t left = stop - end, d = get(GAP(before));
    byte *hole;
    if (d - 1 >= left) return;
    left -= d;
    hole = node(h, end + d);
    do {
        size_t size = get(SIZE(hole));
        if (size >= n) {
            size_t lead = lead_in(hole, size, mask);
            if (lead <= (size - n) * GRANULE) {
                best->hole = hole;
                best->size = size;
                best->distance = d;
                best->lead = lead;
                if (size == n) return;
                if (!large) break;
            }
        }
    } while (advance(&hole, &d, &left));
    if (best->hole == NULL || large) return;
    while (advance(&hole, &d, &left))
        if (get(SIZE(hole)) == n && lead_in(hole, n, mask) == 0) {
            best->hole = hole;
            best->size = n;
            best->distance = d;
            best->lead = 0;
            return;
        }
}

#if TSP_LANES
/* As scan over the whole heap, but rides past what is too small by its tops, and gets off after the first segment of
 * lane 1 that has a fit. (It looks in vain into one in which something is large enough, but not where it would be
 * aligned.) p becomes the stations before the best. */
static void ride(const heap *h, size_t n, size_t mask, int large, place *p, spot *best) {
    unsigned lane = TSP_LANES;
    byte *at = head(h), *station = at;
    size_t end = 0, next[TSP_LANES + 2]; /* by lane: where the station after p's ends */
    next[TSP_LANES + 1] = (size_t)-1;
    for (;;) {
        size_t d;
        while ((d = hop(at, lane, h->granules - end)) != 0) {
            station = node(h, end + d);
            if (get(TOP(station, lane)) >= n) break;
            at = station;
            end += d;
        }
        if (end >= next[lane + 1]) { /* after a look in vain: on by the lane above */
            lane++;
            at = node(h, end = next[lane]);
            continue;
        }
        p->at[lane] = at;
        p->end[lane] = end;
        next[lane] = d ? end + d : (size_t)-1;
        if (--lane) continue;
        scan(h, at, end, d ? end + d : h->granules, n, mask, large, best);
        if (best->hole || !d) return;
        lane = 1;
        at = station;
        end += d;
    }
}
#endif

/* Takes n granules from the low end of a hole or, for a large object, from its high end; with express lanes, from a
 * hole in the first segment that has one. */
static HOT tsp_status claim(const heap *h, size_t n, size_t mask, int large, byte **object) {
    size_t end, over, lead;
    place p;
    spot best = {NULL, 0, 0, 0};
#if TSP_LANES
    for (unsigned lane = 1; lane <= TSP_LANES; lane++) {
        p.at[lane] = head(h);
        p.end[lane] = 0;
    }
    if (h->hop1) ride(h, n, mask, large, &p, &best);
    else
#endif
        scan(h, head(h), 0, h->granules, n, mask, large, &best);
    if (best.hole == NULL) return TSP_NO_MEMORY;
    if (best.size > best.distance) return TSP_CORRUPT;
    over = best.size - n;
    lead = best.lead;
    if (large) lead += (over * GRANULE - lead) & ~mask; /* as far as it will go */
    *object = best.hole + GRANULE - best.size * GRANULE + lead;
    if (lead == 0 && over >= STAYS) { /* as cut would do, in one store */
        set(SIZE(best.hole), over);
        adjust_tops(h, &p, best.size, over);
        return TSP_OK;
    }
    end = (size_t)(best.hole - h->base) / GRANULE + 1;
    p.end[0] = end - best.distance;
    p.at[0] = p.end[0] ? best.hole - best.distance * GRANULE : head(h);
    cut(h, &p, end, best.size, end - best.size + lead / GRANULE, n);
    return TSP_OK;
}

/* What a handle's state says. A handle that is all zero has not been made: no granules, so nothing can be had. The rest
 * names what the heap's bytes look like, so that a heap is not attached by a library that was built to other rules. */
enum {
    UNMADE = 0,
    FORMAT = 2 + 8 * (TSP_ROUND > 4) + 16 * (TSP_ROUND > 8) + 32 * (TSP_GUARD_ > 0) + 64 * (TSP_LANES > 0),
    SIZED = FORMAT,
    REMEMBERS = FORMAT + 1
};

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

/* The end of the object that begins at granule a; more than `granules` if there is no mark. */
static size_t find_mark(const heap *h, size_t a) {
    const byte *m = map(h);
    size_t i = a / 8, bytes = ((size_t)h->granules + 7) / 8;
    unsigned bits = (unsigned)m[i] >> a % 8 << a % 8;
    while (bits == 0) {
        uint32_t four;
        i++;
        while (bytes - i >= sizeof four && (memcpy(&four, m + i, sizeof four), four == 0)) i += sizeof four;
        if (i >= bytes) return (size_t)h->granules + 1;
        bits = m[i];
    }
    for (a = i * 8; !(bits & 1); bits >>= 1) a++;
    return a + 1;
}

/* -- Giving back -------------------------------------------------------------------------------------------------- */

/* Instead of a size: the lists are damaged. */
#define DAMAGED ((size_t)-1)

/* The hole after the one at node `before`, which ends at `end`: returns its size, *next is its end. 0 and
 * `granules` + 1 if there is none, DAMAGED if there can be none like that. */
static inline size_t hole_after(const heap *h, const byte *before, size_t end, size_t *next) {
    size_t d = get(GAP(before)), size;
    *next = (size_t)h->granules + 1;
    if (d == 0) return 0;
    if (d > h->granules - end) return DAMAGED;
    *next = end + d;
    size = get(SIZE(node(h, *next)));
    return size - 1 < d ? size : DAMAGED;
}

/* An object, or what a caller takes for one: the granules [a, b), and the holes that they touch.
 *      [ before ][a, b)[ after ] */
typedef struct extent {
    size_t a, b;
    size_t before, after; /* granules; 0: there is none */
    size_t end;           /* of the hole after it */
    place p;              /* before both holes */
} extent;

/* Whether all of [a, b) can be an object, a < b. Finds what it touches. */
static HOT tsp_status examine(const heap *h, extent *o) {
    size_t size;
    find(h, o->a - (o->a != 0), &o->p);
    size = hole_after(h, o->p.at[0], o->p.end[0], &o->end);
    o->before = 0;
    if (o->end == o->a) {
        o->before = size;
        size = hole_after(h, node(h, o->a), o->a, &o->end);
    }
    if (size == DAMAGED || o->before == DAMAGED) return TSP_CORRUPT;
    if (o->end - size < o->b) return TSP_ALREADY_FREE;
    if (!o->before && !may_begin(h, o->a)) return TSP_INTERIOR;
    o->after = o->end - size == o->b ? size : 0;
    return TSP_OK;
}

/* Makes its granules free, and one hole with those that they touch.
 *      [ before ][a, b)[ after ]  =>  [ one hole ] */
static HOT void release(const heap *h, const extent *o) {
    size_t size = o->before + (o->b - o->a) + o->after;
    if (o->before) extract(h, &o->p, o->a, o->before);
    if (o->after >= STAYS) { /* it only grows downwards */
        set(SIZE(node(h, o->end)), size);
        adjust_tops(h, &o->p, 0, size);
        return;
    }
    if (o->after) extract(h, &o->p, o->end, o->after);
    insert(h, &o->p, o->after ? o->end : o->b, size);
}
