/* The engine: holes, and how objects are cut from them and given back. Written once, compiled by tsp4k.c, tsp128k.c and
 * tsp16m.c, which say which integer a link is (TSP_LINK) and whether there is an express lane (TSP_EXPRESS). The public
 * functions that wrap it are in interface.h, the validator in check.h; DESIGN.md has the reasons and the figures.
 *
 * The heap is `granules` granules of two links each. A live object is a run of granules and nothing else. A hole is a
 * maximal run of free granules. It describes itself in its last ones, so that cutting an object from its low end, or
 * growing it downwards, moves nothing:
 *
 *      start of the hole                                 its end
 *        v                                                  v
 *        [ ...free... | hop . | jump top | gap  size ][ live object ...
 *                       3rd-last  2nd-last   last granule
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
 * Two units: `size_t ..._bytes` is bytes; everything else counts granules. A hole is named by its end: the index of the
 * first granule after it, 1 to `granules`; so 0 is "none". */

#include "teaspoon.h"

#include <stddef.h>
#include <string.h>

#define TSP_PASTE2(a, b) a##_##b
#define TSP_PASTE(a, b) TSP_PASTE2(a, b)
#define V_(name) TSP_PASTE(TSP_V, name)

typedef TSP_V heap;
typedef TSP_LINK link;
typedef unsigned char byte;

enum {
    GRANULE = 2 * sizeof(link), /* bytes */
    FITS = 8,                   /* how many fits, in order of address, the best is chosen from */
    BIG = 2,                    /* granules that a hole needs for a jump link */
    STATION = 3,                /* and for a hop link */
    STAYS = TSP_EXPRESS ? STATION : BIG /* a hole cut down to this many granules keeps its places in the lists */
};

#define LINK_MAX ((link)-1)

/* -- The bytes of a hole ---------------------------------------------------------------------------------------- */

/* The last granule of the hole that ends at `end`. */
static inline byte *node(const heap *h, size_t end) {
    return h->base + end * GRANULE - GRANULE;
}

/* The handle, as the last granule of a hole that ends at 0. */
static inline byte *head(const heap *h) {
    return (byte *)h + offsetof(heap, gap);
}

/* memcpy, because the bytes are the caller's and may have any effective type. It compiles to one load or store. */
static inline size_t get(const byte *field) {
    link value;
#ifdef __GNUC__
    memcpy(&value, __builtin_assume_aligned(field, sizeof value), sizeof value);
#else
    memcpy(&value, field, sizeof value);
#endif
    return value;
}

static inline void set(byte *field, size_t to) {
    link value = (link)to;
#ifdef __GNUC__
    memcpy(__builtin_assume_aligned(field, sizeof value), &value, sizeof value);
#else
    memcpy(field, &value, sizeof value);
#endif
}

/* The fields, as offsets from the last granule. */
#define GAP(node) (node)
#define SIZE(node) ((node) + sizeof(link))
#define JUMP(node) ((node)-GRANULE)
#define TOP(node) ((node)-GRANULE + sizeof(link))
#define HOP(node) ((node)-2 * GRANULE)

/* -- The lists --------------------------------------------------------------------------------------------------- */

/* Where in the lists a position is: for each list the last node before it, and that node's end. */
typedef struct place {
    byte *gap, *jump;
    size_t gap_end, jump_end;
#if TSP_EXPRESS
    byte *hop;
    size_t hop_end;
#endif
} place;

/* The holes that end before granule `at`. Cost: the walk. */
static inline void find(const heap *h, size_t at, place *p) {
    byte *n = head(h);
    size_t end = 0, d;
#if TSP_EXPRESS
    while ((d = get(HOP(n))) >= STATION && d < at - end) {
        end += d;
        n = node(h, end);
    }
    p->hop = n;
    p->hop_end = end;
#endif
    while ((d = get(JUMP(n))) >= BIG && d < at - end) {
        end += d;
        n = node(h, end);
    }
    p->jump = n;
    p->jump_end = end;
    while ((d = get(GAP(n))) > 0 && d < at - end) {
        end += d;
        n = node(h, end);
    }
    p->gap = n;
    p->gap_end = end;
}

/* before -> after  =>  before -> new -> after, where new is `distance` beyond before. */
static inline void link_in(byte *before, byte *new, size_t distance) {
    size_t d = get(before);
    set(new, d ? d - distance : 0);
    set(before, distance);
}

/* before -> old -> after  =>  before -> after */
static inline void link_out(byte *before, const byte *old) {
    size_t d = get(old);
    set(before, d ? get(before) + d : 0);
}

#if TSP_EXPRESS
/* One big hole in sixteen is a station: Fibonacci hashing (Knuth, TAOCP 3, 6.4) of its end, so that regular layouts do
 * not make all of them stations, or none. */
static inline int is_station(size_t end, size_t size) {
    return size >= STATION && (uint16_t)((uint16_t)end * 40503u) >> TSP_EXPRESS == 0;
}

static inline void raise_top(byte *station, size_t size) {
    if (get(TOP(station)) < size) set(TOP(station), size);
}
#endif

/* Makes the free granules [end - size, end) a hole, directly after p. */
static void insert(const heap *h, const place *p, size_t end, size_t size) {
    byte *n = node(h, end);
    set(SIZE(n), size);
    link_in(GAP(p->gap), GAP(n), end - p->gap_end);
    if (size >= BIG) link_in(JUMP(p->jump), JUMP(n), end - p->jump_end);
#if TSP_EXPRESS
    if (is_station(end, size)) {
        link_in(HOP(p->hop), HOP(n), end - p->hop_end);
        set(TOP(n), get(TOP(p->hop)));
    }
    raise_top(p->hop, size);
#endif
}

/* Takes the hole directly after p out of the lists. */
static void extract(const heap *h, const place *p, size_t end, size_t size) {
    byte *n = node(h, end);
    link_out(GAP(p->gap), GAP(n));
    if (size >= BIG) link_out(JUMP(p->jump), JUMP(n));
#if TSP_EXPRESS
    if (size >= STATION && get(HOP(p->hop)) == end - p->hop_end) {
        link_out(HOP(p->hop), HOP(n));
        raise_top(p->hop, get(TOP(n)));
    }
#endif
}

/* -- Placement ---------------------------------------------------------------------------------------------------- */

/* A hole, where it is in the lists, and how many of its granules to leave before the object. */
typedef struct spot {
    place at; /* at.gap and at.gap_end are filled in by take, and only if it needs them */
    size_t end, size, lead;
} spot;

/* Looks for n granules among the big holes: the smallest of the first FITS that fit, in order of address, or the first
 * that fits exactly. TSP_NO_MEMORY if none does. */
static inline tsp_status find_fit(const heap *h, size_t n, size_t align, spot *best) {
    /* The padding that granule g needs before it is (odd - g) & mask. */
    size_t mask = align / GRANULE ? align / GRANULE - 1 : 0, odd = 0 - (size_t)((uintptr_t)h->base / GRANULE);
    size_t end = 0, d, tries = FITS;
    byte *before = head(h);
    best->size = (size_t)-1;
#if TSP_EXPRESS
    for (;;) {
        byte *station = before;
        size_t station_end = end, stop = h->granules;
        size_t hop = get(HOP(station));
        if (hop >= STATION && hop <= stop - end) stop = end + hop;
        if (get(TOP(station)) >= n) {
#else
    size_t stop = h->granules;
    {
        {
#endif
            while ((d = get(JUMP(before))) >= BIG && d <= stop - end) {
                byte *hole = before;
                size_t size;
                end += d;
                before = node(h, end);
                size = get(SIZE(before));
                if (size >= n && size < best->size) {
                    size_t lead = (odd - (end - size)) & mask;
                    if (size > d) return TSP_CORRUPT;
                    if (size - lead < n || lead > size) continue;
                    best->at.jump = hole;
                    best->at.jump_end = end - d;
#if TSP_EXPRESS
                    best->at.hop = station;
                    best->at.hop_end = station_end;
#endif
                    best->end = end;
                    best->size = size;
                    best->lead = lead;
                    if (size == n) return TSP_OK;
                }
                if (size >= n && --tries == 0) return TSP_OK;
            }
        }
#if TSP_EXPRESS
        if (stop == h->granules) break;
        before = node(h, stop);
        end = stop;
#endif
    }
    return best->size == (size_t)-1 ? TSP_NO_MEMORY : TSP_OK;
}

/* A hole of a single granule, for an object of one: the first that fits among the first `limit` holes. */
static inline tsp_status find_single(const heap *h, size_t align, size_t limit, spot *best) {
    size_t mask = align / GRANULE ? align / GRANULE - 1 : 0, odd = 0 - (size_t)((uintptr_t)h->base / GRANULE);
    size_t end = 0, d;
    const byte *n = head(h);
    for (; limit-- && (d = get(GAP(n))) > 0 && d <= h->granules - end;) {
        end += d;
        n = node(h, end);
        if (get(SIZE(n)) == 1 && ((odd - (end - 1)) & mask) == 0) {
            find(h, end, &best->at);
            best->end = end;
            best->size = 1;
            best->lead = 0;
            return TSP_OK;
        }
    }
    return TSP_NO_MEMORY;
}

/* Cuts n granules from a hole; what is left of it stays a hole. *start is the first granule cut.
 *      [ lead | n granules | tail ]  =>  [ lead ] object [ tail ] */
static tsp_status take(const heap *h, spot *s, size_t n, size_t *start) {
    size_t tail = s->size - s->lead - n;
    *start = s->end - s->size + s->lead;
    if (s->lead == 0 && tail >= STAYS) { /* the hole's end, and with it its place in the lists, stays */
        set(SIZE(node(h, s->end)), tail);
        return TSP_OK;
    }
    find(h, s->end, &s->at);
    if (get(GAP(s->at.gap)) != s->end - s->at.gap_end) return TSP_CORRUPT;
    if (tail >= STAYS) {
        set(SIZE(node(h, s->end)), tail);
    } else {
        extract(h, &s->at, s->end, s->size);
        if (tail) insert(h, &s->at, s->end, tail);
    }
    if (s->lead) insert(h, &s->at, *start, s->lead);
    return TSP_OK;
}

/* Finds a place for n granules, and takes it. */
static tsp_status claim(const heap *h, size_t n, size_t align, size_t *start) {
    spot s;
    tsp_status status;
    if (n == 1 && find_single(h, align, 4 * FITS, &s) == TSP_OK) return take(h, &s, n, start);
    status = find_fit(h, n, align, &s);
    if (status == TSP_NO_MEMORY && n == 1) status = find_single(h, align, (size_t)-1, &s);
    return status == TSP_OK ? take(h, &s, n, start) : status;
}

/* -- Giving back -------------------------------------------------------------------------------------------------- */

/* What lies around the live granules [a, b). */
typedef struct around {
    place at;          /* the holes that end before a */
    size_t before;     /* size of the hole that ends at a, or 0 */
    size_t after;      /* size of the hole that begins at b, or 0 */
    size_t after_end;  /* and its end */
} around;

/* Looks around [a, b), where a < b <= granules. TSP_ALREADY_FREE if any of it is in a hole. */
static inline tsp_status look(const heap *h, size_t a, size_t b, around *r) {
    size_t end, d, size;
    find(h, a, &r->at);
    r->before = r->after = 0;
    end = r->at.gap_end;
    d = get(GAP(r->at.gap));
    if (d == 0) return TSP_OK;
    if (d > h->granules - end) return TSP_CORRUPT;
    end += d;
    size = get(SIZE(node(h, end)));
    if (size - 1 >= d) return TSP_CORRUPT;
    if (end == a) {
        r->before = size;
        d = get(GAP(node(h, end)));
        if (d == 0) return TSP_OK;
        if (d > h->granules - end) return TSP_CORRUPT;
        end += d;
        size = get(SIZE(node(h, end)));
        if (size - 1 >= d) return TSP_CORRUPT;
    }
    if (end - size < b) return TSP_ALREADY_FREE;
    if (end - size == b) {
        r->after = size;
        r->after_end = end;
    }
    return TSP_OK;
}

/* Makes [a, b) free, and one hole with the holes that it touches.
 *      [ before ] [a, b) [ after ]  =>  [ one hole ] */
static void release(const heap *h, const around *r, size_t a, size_t b) {
    size_t size = r->before + (b - a) + r->after;
    if (r->before) extract(h, &r->at, a, r->before);
    if (r->after >= STAYS) { /* it only grows downwards */
        set(SIZE(node(h, r->after_end)), size);
#if TSP_EXPRESS
        raise_top(r->at.hop, size);
#endif
        return;
    }
    if (r->after) extract(h, &r->at, b = r->after_end, r->after);
    insert(h, &r->at, b, size);
}
