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

/* Bytes of a hole before the first that is aligned; mask is the alignment less one. */
static ALWAYS_INLINE size_t lead_in(const byte *hole, size_t size, size_t mask) {
    return ((size - 1) * GRANULE - (size_t)(uintptr_t)hole) & mask;
}

/* The last of such places that leaves so many bytes behind it; `lead` is the first. */
static ALWAYS_INLINE size_t last_lead(size_t lead, size_t bytes, size_t mask) {
    return lead + ((bytes - lead) & ~mask);
}

/* Whether n granules fit into it. */
static ALWAYS_INLINE int fits_into(const byte *hole, size_t size, size_t n, size_t mask) {
    return size >= n && lead_in(hole, size, mask) <= (size - n) * GRANULE;
}

/* -- Along the list ------------------------------------------------------------------------------------------------ */

/* Where a walk is. */
typedef struct step {
    byte *hole;      /* its node */
    size_t distance; /* from the end of the hole before it to its own */
    size_t left;     /* granules behind it */
} step;

/* To the next hole; 0 if there is none. */
static ALWAYS_INLINE int advance(step *s) {
    const size_t distance = distance_of(s->hole);
    if (distance > s->left) return 0;
    s->distance = distance;
    s->left -= distance;
    s->hole += distance * GRANULE;
    return 1;
}

/* Cuts n granules from a hole that they fit into, from this one on: for a small object the first, for a large one the
 * last, but for either the first that it fits exactly. */
static COLD tsp_status claim_from(const heap *h, step s, size_t n, size_t mask, int large, byte **object) {
    step best = {NULL, 0, 0};
    size_t size, lead, before;
    extent o;
    do {
        size = get(SIZE(s.hole));
        if (size < n || (size > n && best.hole && !large) || !fits_into(s.hole, size, n, mask)) continue;
        best = s;
        if (size == n) break;
    } while (advance(&s));
    if (!best.hole) return TSP_NO_MEMORY;
    size = get(SIZE(best.hole));
    if (TSP_CHECK && size > best.distance) return TSP_CORRUPT;
    lead = lead_in(best.hole, size, mask);
    if (large) lead = last_lead(lead, (size - n) * GRANULE, mask);
    *object = best.hole + GRANULE - size * GRANULE + lead;
    o.high = h->granules - best.left;
    o.p.next = after(best.hole, o.high);
    o.p.end = before = o.high - best.distance;
    o.p.at = before ? node(h, before) : head(h);
    o.a = o.b = o.low = o.high - size;
    return change(h, &o, o.a + lead / GRANULE, n, 0);
}

/* The same for a small object, sooner: most change one link. */
static HOT tsp_status claim_small(const heap *h, step s, size_t n, size_t mask, byte **object) {
    step fit_at;
    byte *before;
    size_t size;
    for (;;) {
        size = get(SIZE(s.hole));
        if (size >= n) {
            const size_t lead = lead_in(s.hole, size, mask);
            if (lead == 0) break;
            if (lead <= (size - n) * GRANULE) return claim_from(h, s, n, mask, 0, object);
        }
        if (!advance(&s)) return TSP_NO_MEMORY;
    }
    fit_at = s;
    while (size != n) {
        if (!advance(&s)) {
            if (TSP_CHECK && size > fit_at.distance) return TSP_CORRUPT;
            set(SIZE(fit_at.hole), size - n);
            *object = fit_at.hole + GRANULE - size * GRANULE;
            return TSP_OK;
        }
        if (get(SIZE(s.hole)) == n && lead_in(s.hole, n, mask) == 0) break;
    }
    if (TSP_CHECK && n > s.distance) return TSP_CORRUPT;
    before = s.distance == h->granules - s.left ? head(h) : s.hole - s.distance * GRANULE;
    set(GAP(before), s.distance + get(GAP(s.hole)));
    *object = s.hole + GRANULE - n * GRANULE;
    return TSP_OK;
}

/* -- By the index -------------------------------------------------------------------------------------------------- */

#if TSP_INDEX

enum {
    FEW = 4,   /* holes of an object's own bin that are tried before it gets one that fits for sure */
    MANY = 8,  /* that are tried where there is none like that: then the request fails */
    ROVES = 8, /* holes in which one of one granule is looked for */
    NONE = 0   /* instead of a hole's end */
};

/* Among the first holes of the bins [*c, sure), FEW or, if no bin from there on has any, MANY: one that n granules fit
 * into, its end, with *c its bin. NONE, with *c the bin from `sure` on that is not empty; or DAMAGED. */
static COLD size_t try_bins(const heap *h, size_t n, size_t mask, unsigned *c, unsigned sure) {
    const unsigned above = next_bin(h, sure);
    unsigned tries = above < CLASSES ? FEW : MANY;
    for (; *c < sure; *c = next_bin(h, *c + 1)) {
        size_t end = get(bin(h, *c));
        do {
            const size_t size = binned(h, end);
            if (size == 0) return DAMAGED;
            if (fits_into(node(h, end), size, n, mask)) return end;
            if (--tries == 0) {
                *c = above;
                return NONE;
            }
            end = get(NEXT(first(h, end, size)));
        } while (end);
    }
    *c = above;
    return NONE;
}

/* A hole for n granules: its end, with *c its bin. NONE, or DAMAGED. */
static HOT size_t fit(const heap *h, size_t n, size_t mask, unsigned *c) {
    const size_t room = n + (mask >= GRANULE ? mask / GRANULE : 0);
    const unsigned sure = room <= h->granules ? class_above(room) : (unsigned)CLASSES;
    size_t end;
    *c = next_bin(h, class_of(n));
    if (*c < sure) {
        if (FAST) { /* mostly the first does */
            const size_t size = binned(h, end = get(bin(h, *c)));
            if (size && fits_into(node(h, end), size, n, mask)) return end;
        }
        if ((end = try_bins(h, n, mask, c, sure)) != NONE) return end;
    }
    if (*c == CLASSES) return NONE;
    end = get(bin(h, *c));
    return binned(h, end) >= room ? end : DAMAGED;
}

/* A hole of one granule: its end, with the position before it. The search goes on where it ended last, or where such a
 * hole came last. NONE: there is none among the next ROVES, or no hole at all. */
static COLD size_t rove(const heap *h, place *p) {
    byte *rover = h->index + ROVER;
    const word from = get_word(rover);
    size_t end = NONE;
    if (after(head(h), 0) > h->granules) return NONE;
    if (!find(h, from <= h->granules ? from + 1 : 0, p)) return DAMAGED;
    for (unsigned i = 0; i < ROVES; i++) {
        const size_t size = size_of(h, p->next, p->end);
        if (size == DAMAGED) return DAMAGED;
        if (size == 1) {
            end = p->next;
            break;
        }
        p->end = size ? p->next : 0; /* behind the last hole begins the first */
        p->at = size ? node(h, p->end) : head(h);
        p->next = after(p->at, p->end);
    }
    set_word(rover, (word)p->end);
    return end;
}

/* Takes the hole that ends at `end`, the one behind p, out of the list and the chunks. */
static ALWAYS_INLINE void unlink_from(const heap *h, const place *p, size_t end) {
    forget_hole(h, end, p->end);
    join(p->at, p->end, after(node(h, end), end));
}

static HOT tsp_status claim_by_index(const heap *h, size_t n, size_t mask, int large, byte **object) {
    size_t end = NONE, size, over, lead;
    unsigned c = 0;
    extent o;
    if (n == 1 && mask < GRANULE) {
        end = rove(h, &o.p);
        if (end - 1 < h->granules) {
            *object = node(h, end);
            unlink_from(h, &o.p, end);
            return TSP_OK;
        }
    }
    if (end == NONE) end = fit(h, n, mask, &c);
    if (end == NONE) return TSP_NO_MEMORY;
    if (end == DAMAGED) return TSP_CORRUPT;
    size = get(SIZE(node(h, end)));
    over = size - n;
    lead = lead_in(node(h, end), size, mask);
    if (large) lead = last_lead(lead, over * GRANULE, mask);
    *object = first(h, end, size) + lead;
    if (lead == 0 && over) {
        if (!bin_move(h, end, size, c, over)) return TSP_CORRUPT;
        set(SIZE(node(h, end)), over);
        return TSP_OK;
    }
    if (!find(h, end, &o.p) || o.p.next != end || size > end - o.p.end) return TSP_CORRUPT;
    if (!over) {
        if (!bin_out(h, end, size, c)) return TSP_CORRUPT;
        unlink_from(h, &o.p, end);
        return TSP_OK;
    }
    o.p.next = after(node(h, end), end);
    o.a = o.b = o.low = end - size;
    o.high = end;
    return change(h, &o, o.a + lead / GRANULE, n, 0);
}

#endif

/* Takes n granules from the low end of a hole or, for a large object, from its high end. */
static HOT tsp_status claim(const heap *h, size_t n, size_t mask, int large, byte **object) {
    const size_t gap = get(GAP(head(h)));
    step s;
#if TSP_INDEX
    if (is_indexed(h)) return claim_by_index(h, n, mask, large, object);
#endif
    if (gap >= h->granules) return TSP_NO_MEMORY;
    s.distance = gap + 1;
    s.left = h->granules - s.distance;
    s.hole = node(h, s.distance);
    if (FAST && !large) return claim_small(h, s, n, mask, object);
    return claim_from(h, s, n, mask, large, object);
}
