/* Placement: which hole an object is cut from. Small objects gather at the heap's low end, large ones at its high end,
 * so that small ones that live long do not stand in the way of large ones. An object that is moved to grow counts as
 * small, since it may grow again.
 *
 *      without an index   the first hole that it fits exactly; else, if small, the first that it fits into, and if
 *                         large the last
 *      with an index      one of its own bin, of which a few are tried; else of the next bin that is not empty
 *
 * A small object is cut from the low end of its hole, a large one from the high end. */

#ifndef TSP_LARGE
#define TSP_LARGE 32 /* less makes some objects small in heaps as small as tests exhaust */
#endif

/* More than 1/32 of the heap is large. */
static ALWAYS_INLINE int is_large(const heap *h, size_t n) {
    return n > h->granules / TSP_LARGE;
}

/* Granules between the one at `at` and the next that is aligned; mask is the alignment less one. */
static inline size_t padding(const byte *at, size_t mask) {
    return ((0 - (size_t)(uintptr_t)at) & mask) / GRANULE;
}

/* A hole to cut an object from. */
typedef struct spot {
    byte *hole;      /* its node; NULL: there is none */
    size_t size;     /* in granules */
    size_t distance; /* from the end of the hole before it to its own */
    size_t lead;     /* bytes of it before the first that is aligned */
} spot;

/* Bytes of a hole before the first that is aligned; mask is the alignment less one. */
static ALWAYS_INLINE size_t lead_in(const byte *hole, size_t size, size_t mask) {
    return ((size - 1) * GRANULE - (size_t)(uintptr_t)hole) & mask;
}

/* -- Along the list ------------------------------------------------------------------------------------------------ */

/* To the next hole; 0 if there is none within `left` granules. */
static ALWAYS_INLINE int advance(byte **hole, size_t *distance, size_t *left) {
    *distance = get(GAP(*hole));
    if (*distance - 1 >= *left) return 0;
    *left -= *distance;
    *hole += *distance * GRANULE;
    return 1;
}

/* Looks for a hole that n granules fit into: for a small object the first, for a large one the last, but for either the
 * first that it fits exactly. */
static HOT void scan(const heap *h, size_t n, size_t mask, int large, spot *best) {
    size_t left = h->granules, d = get(GAP(head(h)));
    byte *hole;
    if (d - 1 >= left) return;
    left -= d;
    hole = node(h, d);
    do {
        size_t size = get(SIZE(hole));
        if (size >= n) {
            size_t lead = lead_in(hole, size, mask);
            if (lead <= (size - n) * GRANULE) {
                if (FAST || size == n || large || best->hole == NULL) {
                    best->hole = hole;
                    best->size = size;
                    best->distance = d;
                    best->lead = lead;
                }
                if (size == n) return;
                if (FAST && !large) break;
            }
        }
    } while (advance(&hole, &d, &left));
    if (!FAST || best->hole == NULL || large) return;
    while (advance(&hole, &d, &left))
        if (get(SIZE(hole)) == n && lead_in(hole, n, mask) == 0) {
            best->hole = hole;
            best->size = n;
            best->distance = d;
            best->lead = 0;
            return;
        }
}

/* -- By the index -------------------------------------------------------------------------------------------------- */

#if TSP_INDEX

enum {
    FEW = 4,    /* holes of an object's own bin that are tried before it gets one that fits for sure */
    MANY = 16,  /* that are tried where there is none like that: then the request fails */
    ROVES = 16, /* holes in which one of one granule is looked for */
    NONE = 0    /* instead of a hole's end */
};

/* Among the first `tries` holes of the bins [*c, sure), one that n granules fit into: its end, with *c its bin. NONE, or
 * DAMAGED. */
static COLD size_t try_bins(const heap *h, size_t n, size_t mask, unsigned *c, unsigned sure, unsigned tries) {
    for (; *c < sure; *c = next_bin(h, *c + 1)) {
        size_t end = get(bin(h, *c));
        do {
            const size_t size = binned(h, end);
            if (size == 0) return DAMAGED;
            if (size >= n && lead_in(node(h, end), size, mask) <= (size - n) * GRANULE) return end;
            if (--tries == 0) return NONE;
            end = get(NEXT(first(h, end, size)));
        } while (end);
    }
    return NONE;
}

/* A hole for n granules: its end, with *c its bin. NONE, or DAMAGED. */
static HOT size_t fit(const heap *h, size_t n, size_t mask, unsigned *c) {
    const size_t room = n + (mask >= GRANULE ? mask / GRANULE : 0);
    const unsigned sure = room <= h->granules ? class_above(room) : (unsigned)CLASSES, own = next_bin(h, class_of(n));
    size_t end;
    *c = own;
    if (own < sure) {
        if ((end = try_bins(h, n, mask, c, sure, FEW)) != NONE) return end;
        *c = next_bin(h, sure);
    }
    if (*c == CLASSES) return try_bins(h, n, mask, (*c = own, c), sure, MANY);
    end = get(bin(h, *c));
    return binned(h, end) >= room ? end : DAMAGED;
}

/* A hole of one granule: its end, with the position before it. The search goes on where it ended last, or where such a
 * hole came last. NONE: there is none among the next ROVES, or no hole at all. */
static COLD size_t rove(const heap *h, place *p) {
    byte *rover = h->index + ROVER;
    const word from = get_word(rover);
    size_t end = NONE;
    if (get(GAP(head(h))) == 0) return NONE;
    if (!find(h, from <= h->granules ? from : 0, p)) return DAMAGED;
    for (unsigned i = 0; i < ROVES; i++) {
        size_t size = hole_after(h, p->at, p->end, &end);
        if (size == DAMAGED) return DAMAGED;
        if (size == 1) break;
        p->at = size ? node(h, end) : head(h); /* behind the last hole begins the first */
        p->end = size ? end : 0;
        end = NONE;
    }
    set_word(rover, (word)p->end);
    return end;
}

static HOT tsp_status claim_by_index(const heap *h, size_t n, size_t mask, int large, byte **object) {
    size_t end = NONE, size, over, lead;
    unsigned c;
    extent o;
    if (n == 1 && mask < GRANULE) {
        end = rove(h, &o.p);
        if (end - 1 < h->granules) {
            *object = node(h, end);
            return extract(h, &o.p, end, 1) ? TSP_OK : TSP_CORRUPT;
        }
    }
    if (end == NONE) end = fit(h, n, mask, &c);
    if (end == NONE) return TSP_NO_MEMORY;
    if (end == DAMAGED) return TSP_CORRUPT;
    size = get(SIZE(node(h, end)));
    over = size - n;
    lead = lead_in(node(h, end), size, mask);
    if (large) lead += (over * GRANULE - lead) & ~mask;
    *object = first(h, end, size) + lead;
    if (lead == 0 && over) {
        if (!bin_move(h, end, size, c, over)) return TSP_CORRUPT;
        set(SIZE(node(h, end)), over);
        return TSP_OK;
    }
    if (!find(h, end - 1, &o.p) || get(GAP(o.p.at)) != end - o.p.end || size > end - o.p.end) return TSP_CORRUPT;
    if (!over) return extract(h, &o.p, end, size) ? TSP_OK : TSP_CORRUPT;
    o.a = o.b = end - size;
    o.before = 0;
    o.after = size;
    return change(h, &o, o.a + lead / GRANULE, n, 0);
}

#endif

/* Takes n granules from the low end of a hole or, for a large object, from its high end. */
static HOT tsp_status claim(const heap *h, size_t n, size_t mask, int large, byte **object) {
    size_t end, over, lead;
    extent o;
    spot best = {NULL, 0, 0, 0};
#if TSP_INDEX
    if (is_indexed(h)) return claim_by_index(h, n, mask, large, object);
#endif
    scan(h, n, mask, large, &best);
    if (best.hole == NULL) return TSP_NO_MEMORY;
    if (TSP_CHECK && best.size > best.distance) return TSP_CORRUPT;
    over = best.size - n;
    lead = best.lead;
    if (large) lead += (over * GRANULE - lead) & ~mask; /* as far as it will go */
    *object = best.hole + GRANULE - best.size * GRANULE + lead;
    if (FAST && lead == 0 && over) { /* as change would do, in one store */
        set(SIZE(best.hole), over);
        return TSP_OK;
    }
    end = (size_t)(best.hole - h->base) / GRANULE + 1;
    o.p.end = end - best.distance;
    o.p.at = o.p.end ? best.hole - best.distance * GRANULE : head(h);
    if (FAST && !over) {
        link_out(GAP(o.p.at), GAP(best.hole));
        return TSP_OK;
    }
    o.a = o.b = end - best.size;
    o.before = 0;
    o.after = best.size;
    return change(h, &o, o.a + lead / GRANULE, n, 0);
}
