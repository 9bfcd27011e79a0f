/* The engine: the list of holes, and how an object's granules are cut from it and given back. Written once, compiled by
 * tsp4k.c, tsp128k.c and tsp16m.c, which say which integer a link is (TSP_LINK) and whether large heaps have an index
 * (TSP_INDEX, TSP_INDEX_AT). In order of inclusion:
 *
 *      hole.h        the bytes of a hole
 *      map.h         where objects end, in heaps that remember sizes
 *      chunks.h      the index: the holes around a granule
 *      bins.h        the index: a hole that is large enough
 *      spans.h       the index: where a long object ends
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
 * All holes are on one list, in order of address, by their gaps, and the list ends beyond the heap. So it runs upwards
 * whatever the bytes say: a walk can neither leave the heap nor turn in a circle, even over a heap that somebody
 * scribbled on. The handle holds the list's head in the same arrangement, as if it were a hole that ends at granule 0. */

#include "hole.h"
#include "map.h"
#if TSP_INDEX
#include "chunks.h"
#include "bins.h"
#include "spans.h"
#else
/* Without an index there is nothing to keep, and nobody who denies it. */
static ALWAYS_INLINE int is_indexed(const heap *h) {
    (void)h;
    return 0;
}
static ALWAYS_INLINE void set_index(const heap *h) {
    (void)h;
}
static ALWAYS_INLINE void note_span(const heap *h, size_t a, size_t b) {
    (void)h, (void)a, (void)b;
}
#endif

/* Whether a call on an object can find damage: an index is never trusted, since it would lead anywhere. */
#define CAN_FAIL (TSP_CHECK || TSP_INDEX)

/* Instead of a size: the list is damaged. */
#define DAMAGED ((size_t)-1)

/* -- The list ------------------------------------------------------------------------------------------------------ */

/* A position in the list: the last hole before it, its end, and the end of the hole behind it. */
typedef struct place {
    byte *at;
    size_t end, next;
} place;

/* The position behind the holes that end before `bound`. 0: the index is damaged. */
static HOT int find(const heap *h, size_t bound, place *p) {
    byte *n = head(h);
    size_t end = 0, next;
#if TSP_INDEX
    if (is_indexed(h) && bound > 1) {
        if (!nearest(h, bound - 1, &end)) return 0;
        if (end) n = node(h, end);
    }
#endif
    next = after(n, end);
    if (next < bound) {
        do {
            end = next;
            next = after(node(h, end), end);
        } while (next < bound);
        ANEW(end);
        n = node(h, end);
    }
    p->at = n;
    p->end = end;
    p->next = next;
    return 1;
}

/* The hole that ends at `end`, behind one that ends at `before`: its size. 0: there is none, the list ends before it.
 * DAMAGED: there can be none like that. */
static inline size_t size_of(const heap *h, size_t end, size_t before) {
    size_t size;
    if (end > h->granules) return !TSP_CHECK || end == (size_t)h->granules + 1 ? 0 : DAMAGED;
    size = get(SIZE(node(h, end)));
    return !TSP_CHECK || size - 1 < end - before ? size : DAMAGED;
}

/* -- A run, and what becomes of it -------------------------------------------------------------------------------- */

/* An object, or what a caller takes for one: the granules [a, b), and the holes that they touch, as far as [low, high).
 * A hole that an object is to be cut from is the one after an object of no granules.
 *      low [ before ] a [ object ] b [ after ] high */
typedef struct extent {
    size_t a, b, low, high;
    place p; /* before and behind both holes */
} extent;

/* Why an object can not end at b: the hole that ends at `end`, the first that does behind the object's beginning, is in
 * its way. */
static COLD tsp_status reason(const heap *h, size_t b, size_t end, size_t before) {
    const size_t size = size_of(h, end, before);
    if (b > h->granules) return TSP_WRONG_SIZE;
    return size == DAMAGED || end - size >= b ? TSP_CORRUPT : TSP_ALREADY_FREE;
}

/* Whether all of [a, b) can be an object, a < b. Finds what it touches. */
static HOT tsp_status examine(const heap *h, extent *o) {
    const size_t granules = h->granules;
    size_t before, end;
    int well;
    if (!find(h, o->a, &o->p) && CAN_FAIL) return TSP_CORRUPT;
    before = o->p.end;
    end = o->p.next;
    o->low = o->a;
    if (end == o->a) {
        const size_t size = size_of(h, end, before);
        if (TSP_CHECK && size == DAMAGED) return TSP_CORRUPT;
        o->low -= size;
        before = end;
        end = after(node(h, end), end);
    }
    o->high = o->b;
    o->p.next = end;
    if (end <= granules) {
        const size_t room = end - o->b, size = get(SIZE(node(h, end)));
        well = end >= o->b && size - 1 < room;
        if (size == room) {
            o->high = end;
            o->p.next = after(node(h, end), end);
            well &= o->p.next <= granules + 1;
        }
    } else {
        well = end == granules + 1 && o->b < end;
    }
    return !TSP_CHECK || well ? TSP_OK : reason(h, o->b, end, before);
}

#if TSP_INDEX

/* Before a run is refilled: the index forgets the holes that go. One that keeps end and size stays as it is, and one that
 * keeps its end only moves. 0: a bin denies one; then nothing has changed. */
static HOT int forget_holes(const heap *h, const extent *o, size_t start, size_t stop, size_t moved) {
    const size_t before = start != o->a ? o->a - o->low : 0, rear = o->high - o->b;
    const int stays = stop < o->high && !moved;
    if (before && !bin_out(h, o->a, before, class_of(before))) return 0;
    if (rear) {
        const unsigned c = class_of(rear);
        if (!(stays ? bin_move(h, o->high, rear, c, o->high - stop) : bin_out(h, o->high, rear, c))) {
            if (before) bin_in(h, o->a, before);
            return 0;
        }
        if (!stays) forget_hole(h, o->high, o->low < o->a ? o->a : o->p.end);
    }
    if (before) forget_hole(h, o->a, o->p.end);
    forget_span(h, o->a, o->b);
    return 1;
}

/* And afterwards: it notes those that have come. */
static HOT void note_holes(const heap *h, const extent *o, size_t start, size_t stop, size_t moved) {
    if (stop < o->high && (moved || o->high == o->b)) {
        note_hole(h, o->high);
        bin_in(h, o->high, o->high - stop);
    }
    if (o->low < start && start != o->a) {
        note_hole(h, start);
        bin_in(h, start, start - o->low);
    }
}

#else

static ALWAYS_INLINE int forget_holes(const heap *h, const extent *o, size_t start, size_t stop, size_t moved) {
    (void)h, (void)o, (void)start, (void)stop, (void)moved;
    return 1;
}
static ALWAYS_INLINE void note_holes(const heap *h, const extent *o, size_t start, size_t stop, size_t moved) {
    (void)h, (void)o, (void)start, (void)stop, (void)moved;
}

#endif

/* A run without its object is one hole. */
static HOT tsp_status release(const heap *h, const extent *o) {
    byte *n = node(h, o->high);
    if (is_indexed(h) && !forget_holes(h, o, o->low, o->low, 0)) return TSP_CORRUPT;
    set(SIZE(n), o->high - o->low);
    join(o->p.at, o->p.end, o->high);
    join(n, o->high, o->p.next);
    if (is_indexed(h)) note_holes(h, o, o->low, o->low, 0);
    return TSP_OK;
}

/* Every change is this one: the run of an object and the holes that it touches becomes the object of n granules at
 * `start`, or none, and what is left to its sides. `moved` of the object's bytes move to their new place.
 *      low [ before ] object [ after ] high  =>  low [ lead ] object [ tail ] high */
static HOT tsp_status refill(const heap *h, const extent *o, size_t start, size_t n, size_t moved) {
    const size_t stop = start + n;
    byte *at = o->p.at;
    size_t end = o->p.end;
    if (is_indexed(h) && !forget_holes(h, o, start, stop, moved)) return TSP_CORRUPT;
    if (moved) {
        debug_open(h, o->low, o->a);
        debug_open(h, o->b, o->high);
        memmove(h->base + start * GRANULE, h->base + o->a * GRANULE, moved);
        debug_shut(h, o->low, start);
        debug_shut(h, stop, o->high);
    }
    if (o->low < start) {
        join(at, end, start);
        at = node(h, end = start);
        set(SIZE(at), start - o->low);
    }
    if (stop < o->high) {
        join(at, end, o->high);
        at = node(h, end = o->high);
        set(SIZE(at), o->high - stop);
    }
    join(at, end, o->p.next);
    if (is_indexed(h)) note_holes(h, o, start, stop, moved);
    return TSP_OK;
}

/* The same for callers that can afford a call. */
static COLD tsp_status change(const heap *h, const extent *o, size_t start, size_t n, size_t moved) {
    return refill(h, o, start, n, moved);
}
