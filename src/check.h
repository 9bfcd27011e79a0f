/* The validator: every invariant of DESIGN.md, by number, for one family. It writes nothing, believes nothing it reads,
 * and ends on any contents. It reads the heap's fields through engine.h's accessors, but takes no list for granted. And
 * what rests on it: to attach a heap that is already there. */

static tsp_report found(size_t granule, const char *what) {
    tsp_report r;
    r.status = what ? TSP_CORRUPT : TSP_OK;
    r.at = granule * GRANULE;
    r.what = what;
    return r;
}

#if TSP_DEBUG & TSP_GUARDS_
static int is_overrun(void *context, void *start, size_t size, tsp_kind kind) {
    *(byte **)context = start;
    return kind == TSP_OBJECT && guarded_size(start, size) > size;
}

static tsp_report check_guards(const heap *h) {
    byte *object;
    tsp_report r = found(0, NULL);
    if (!walk(h, is_overrun, &object)) return r;
    r.status = TSP_OVERRUN;
    r.at = offset(h, object);
    r.what = "[8] something wrote beyond the end of the object here";
    return r;
}
#endif

static tsp_report check(const heap *h) {
    size_t end = 0, free = 0, objects = 0, d;
    const byte *n = head(h);
#if TSP_LANES
    /* By lane: the next station's end, or 0; and the largest hole since the last. */
    size_t next[1 + TSP_LANES], top[1 + TSP_LANES] = {0};
    for (unsigned lane = 1; lane <= TSP_LANES; lane++) next[lane] = get(HOP(n, lane));
#endif
    if (h->granules == 0) return found(0, h->used || h->objects ? "[7] objects in a heap without granules" : NULL);
    while ((d = get(GAP(n))) != 0) {
        size_t size, before = end;
        if (d > h->granules - end) return found(end, "[1] a gap link leads out of the heap");
        end += d;
        n = node(h, end);
        size = get(SIZE(n));
        if (size == 0 || size > d) return found(end, "[2] a hole's size is zero, or reaches into the hole before it");
        if (size == d && before) return found(end, "[3] two holes touch");
        free += size;
        if (h->state == REMEMBERS) {
            size_t g = before;
            while (g < end - size) { /* live granules: objects, the last of which ends where the hole begins */
                g = find_mark(h, g);
                objects++;
                if (g > end - size) return found(end - size, "[6] no mark where the object before a hole ends");
            }
            if (find_mark(h, g) <= end) return found(g, "[6] a mark inside a hole");
        }
#if TSP_LANES
        for (unsigned lane = 1; lane <= TSP_LANES; lane++) {
            if (size > top[lane]) top[lane] = size;
            if ((lane <= lanes_of(end, size)) != (next[lane] == end))
                return found(end, "[4] a lane is not the list of its stations");
            if (next[lane] != end) continue;
            d = get(HOP(n, lane));
            next[lane] = d ? end + d : 0;
            if (get(TOP(n, lane)) != top[lane]) return found(end, "[5] a station's top is not its largest hole");
            top[lane] = 0;
        }
#endif
    }
#if TSP_LANES
    for (unsigned lane = 1; lane <= TSP_LANES; lane++)
        if (next[lane]) return found(end, "[4] a lane goes on after the last hole");
#endif
    if (h->state == REMEMBERS) {
        while (end < h->granules) {
            end = find_mark(h, end);
            objects++;
            if (end > h->granules) return found(h->granules, "[6] no mark at the end of the heap");
        }
        if (h->granules % 8 && map(h)[h->granules / 8] >> h->granules % 8)
            return found(h->granules, "[6] marks beyond the last granule");
        if (objects != h->objects) return found(0, "[7] the number of objects is wrong");
    }
    if (free + h->used != h->granules) return found(0, "[7] used and free do not add up");
    if (h->peak < h->used || h->peak > h->granules) return found(0, "[7] the peak is wrong");
#if TSP_DEBUG & TSP_GUARDS_
    return check_guards(h);
#else
    return found(0, NULL);
#endif
}

tsp_report V_(check)(heap *h) {
    tsp_report r;
    lock_state state = LOCK(h);
    r = check(h);
    UNLOCK(h, state);
    return r;
}

/* -- Heaps that are already there ---------------------------------------------------------------------------------- */

/* Whether h, whose base may be elsewhere, is the handle of a heap at base in the memory up to `size` bytes behind it.
 */
static tsp_report fits(const heap *h, byte *base, size_t size) {
    heap there = *h;
    there.base = base;
    if (h->granules == 0) return check(h);
    if (h->granules > size / GRANULE) return found(0, "the heap is larger than its memory");
    if (h->state == REMEMBERS && ((size_t)h->granules + 7) / 8 > size - capacity(h))
        return found(0, "the heap is larger than its memory");
    if (offset(h, base) & (malloc_alignment((size_t)-1) - 1)) return found(0, "the memory is not aligned as it was");
    return check(&there);
}

tsp_report V_(attach)(heap *h, void *memory, size_t size, int alone) {
    size_t lost = (size_t)(0 - (uintptr_t)memory) % GRANULE;
    byte *base;
    lock_state state;
    tsp_report r;
    if (memory == NULL || size < lost) return found(0, "there is no memory");
    if (h->state != SIZED && h->state != REMEMBERS) return found(0, "the handle is not of a heap of this kind");
    base = (byte *)memory + lost;
    if (alone) {
        r = fits(h, base, size - lost);
        if (r.status == TSP_OK && h->granules) h->base = base;
        if (r.status == TSP_OK && h->failed == TSP_HELD) h->failed = 0; /* whoever had the count is no more */
        return r;
    }
    state = LOCK(h);
    if (h->base != base && h->granules) r = found(0, "the heap's users have it at another address");
    else r = fits(h, base, size - lost);
    UNLOCK(h, state);
    return r;
}
