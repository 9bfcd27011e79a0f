/* The engine: the list of holes, and how an object's granules are cut from it and given back. Written once, compiled by
 * tsp4k.c, tsp128k.c and tsp16m.c, which say which integer a link is (TSP_LINK) and whether large heaps have an index
 * (TSP_INDEX, TSP_INDEX_AT). In order of inclusion:
 *
 *      hole.h        the bytes of a hole
 *      map.h         where objects end, in heaps that remember sizes
 *      chunks.h      the index: the holes around a granule
 *      bins.h        the index: a hole that is large enough
 *      engine.h      the list, and all that changes it
 *      placement.h   which hole an object is cut from
 *      objects.h     allocate, deallocate, resize: with the lock held
 *      calls.h       the public functions on objects, which take the lock
 *      look.h        on what a heap holds: usage, walk, sites
 *      heaps.h       on heaps: init, extend, once
 *      check.h       the validator, and attach
 *
 * DESIGN.md has the reasons and figures.
 *
 * All holes are on one list, in order of address, by their gaps. Gaps are in granules and positive; 0 ends the list. So
 * it runs upwards whatever the bytes say: a walk can neither leave the heap nor turn in a circle, even over a heap that
 * somebody scribbled on. The handle holds the list's head in the same arrangement, as if it were a hole that ends at
 * granule 0. */

#include "hole.h"
#include "map.h"
#if TSP_INDEX
#include "chunks.h"
#include "bins.h"
#else
/* Without an index there is nothing to keep, and nobody who denies it. */
static ALWAYS_INLINE int is_indexed(const heap *h) {
    (void)h;
    return 0;
}
static ALWAYS_INLINE void set_index(const heap *h) {
    (void)h;
}
static ALWAYS_INLINE unsigned class_of(size_t size) {
    (void)size;
    return 0;
}
static ALWAYS_INLINE void bin_in(const heap *h, size_t end, size_t size) {
    (void)h, (void)end, (void)size;
}
static ALWAYS_INLINE int bin_out(const heap *h, size_t end, size_t size, unsigned c) {
    (void)h, (void)end, (void)size, (void)c;
    return 1;
}
static ALWAYS_INLINE int bin_move(const heap *h, size_t end, size_t was, unsigned c, size_t is) {
    (void)h, (void)end, (void)was, (void)c, (void)is;
    return 1;
}
static ALWAYS_INLINE void note_hole(const heap *h, size_t end) {
    (void)h, (void)end;
}
static ALWAYS_INLINE void forget_hole(const heap *h, size_t end, size_t before) {
    (void)h, (void)end, (void)before;
}
#endif

/* Whether a call on an object can find damage: an index is never trusted, since it would lead anywhere. */
#define CAN_FAIL (TSP_CHECK || TSP_INDEX)

/* Instead of a size: the list is damaged. */
#define DAMAGED ((size_t)-1)

/* -- The list ------------------------------------------------------------------------------------------------------ */

/* A position in the list: the last hole before it, and its end. */
typedef struct place {
    byte *at;
    size_t end;
} place;

/* The position behind the holes that end at `last` or before. 0: the index is damaged. (0 - 1 is large, so that one
 * comparison ends a walk both at its limit and at its end.) */
static HOT int find(const heap *h, size_t last, place *p) {
    byte *n = head(h);
    size_t end = 0, d;
#if TSP_INDEX
    if (is_indexed(h) && last) {
        if (!nearest(h, last, &end)) return 0;
        if (end) n = node(h, end);
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
    p->at = n;
    p->end = end;
    return 1;
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

/* The hole after the one at node `before`, which ends at `end`: returns its size, *next is its end. 0 and
 * `granules` + 1 if there is none, DAMAGED if there can be none like that. */
static inline size_t hole_after(const heap *h, const byte *before, size_t end, size_t *next) {
    size_t d = get(GAP(before)), size;
    *next = (size_t)h->granules + 1;
    if (d == 0) return 0;
    if (TSP_CHECK && d > h->granules - end) return DAMAGED;
    *next = end + d;
    size = get(SIZE(node(h, *next)));
    return !TSP_CHECK || size - 1 < d ? size : DAMAGED;
}

/* -- Holes come, go, and change at their low end ------------------------------------------------------------------- */

/* Makes the free granules [end - size, end) a hole, directly behind p. */
static HOT void insert(const heap *h, const place *p, size_t end, size_t size) {
    byte *n = node(h, end);
    set(SIZE(n), size);
    link_in(GAP(p->at), GAP(n), end - p->end);
    if (is_indexed(h)) {
        note_hole(h, end);
        bin_in(h, end, size);
    }
}

/* Takes the hole directly behind p out. Like what follows, returns 0 if its bin denies it: then nothing has changed. */
static HOT int extract(const heap *h, const place *p, size_t end, size_t size) {
    if (is_indexed(h)) {
        if (!bin_out(h, end, size, class_of(size))) return 0;
        forget_hole(h, end, p->end);
    }
    link_out(GAP(p->at), GAP(node(h, end)));
    (void)size;
    return 1;
}

/* A hole keeps its end, and with it its place in the list. */
static ALWAYS_INLINE int reach(const heap *h, size_t end, size_t was, size_t is) {
    if (is_indexed(h) && !bin_move(h, end, was, class_of(was), is)) return 0;
    set(SIZE(node(h, end)), is);
    (void)was;
    return 1;
}

/* -- A run, and what becomes of it -------------------------------------------------------------------------------- */

/* An object, or what a caller takes for one: the granules [a, b), and the holes that they touch. A hole that an object is
 * to be cut from is the one after an object of no granules.
 *      [ before ][a, b)[ after ] */
typedef struct extent {
    size_t a, b;
    size_t before, after; /* granules; 0: there is none */
    place p;              /* before both holes */
} extent;

/* Whether all of [a, b) can be an object, a < b. Finds what it touches. */
static HOT tsp_status examine(const heap *h, extent *o) {
    size_t size, end;
    if (!find(h, o->a - (o->a != 0), &o->p) && CAN_FAIL) return TSP_CORRUPT;
    size = hole_after(h, o->p.at, o->p.end, &end);
    o->before = 0;
    if (end == o->a) {
        o->before = size;
        size = hole_after(h, node(h, o->a), o->a, &end);
    }
    if (TSP_CHECK) {
        if (size == DAMAGED || o->before == DAMAGED) return TSP_CORRUPT;
        if (end - size < o->b) return TSP_ALREADY_FREE;
        if (!o->before && !may_begin(h, o->a)) return TSP_INTERIOR;
    }
    o->after = end - size == o->b ? size : 0;
    return TSP_OK;
}

/* Every change is this one: the run of an object and the holes that it touches becomes the object of n granules at
 * `start`, or none, and what is left to its sides. `moved` of the object's bytes move to their new place.
 *      [ before ] object [ after ]  =>  [ lead ] object [ tail ]
 * A hole that keeps its end keeps its place in the list. */
static HOT tsp_status refill(const heap *h, const extent *o, size_t start, size_t n, size_t moved) {
    const size_t low = o->a - o->before, high = o->b + o->after;
    const size_t lead = start - low, tail = high - start - n;
    const int begins = start != o->a; /* elsewhere: a hole before it goes, and one may come */
    place p = o->p;
    if (o->before) {
        if (!begins) {
            p.at = node(h, o->a);
            p.end = o->a;
        } else if (!extract(h, &p, o->a, o->before) && TSP_CHECK) {
            return TSP_CORRUPT;
        }
    }
    if (o->after && !(tail && !moved ? reach(h, high, o->after, tail) : extract(h, &p, high, o->after)) && TSP_CHECK) {
        if (o->before && begins) insert(h, &p, o->a, o->before);
        return TSP_CORRUPT;
    }
    if (moved) {
        debug_open(h, low, o->a);
        debug_open(h, o->b, high);
        memmove(h->base + start * GRANULE, h->base + o->a * GRANULE, moved);
        debug_shut(h, low, start);
        debug_shut(h, high - tail, high);
    }
    if (tail && (moved || !o->after)) insert(h, &p, high, tail);
    if (lead && begins) insert(h, &p, start, lead);
    return TSP_OK;
}

/* The same for callers that can afford a call. */
static COLD tsp_status change(const heap *h, const extent *o, size_t start, size_t n, size_t moved) {
    return refill(h, o, start, n, moved);
}
