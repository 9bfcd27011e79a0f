/* The validator: every invariant of DESIGN.md, by number, for one family. It writes nothing, believes nothing it reads,
 * and ends on any contents. It reads the heap's fields through engine.h's accessors, but takes no list for granted. */

static tsp_report found(size_t granule, const char *what) {
    tsp_report r;
    r.status = what ? TSP_CORRUPT : TSP_OK;
    r.at = granule * GRANULE;
    r.what = what;
    return r;
}

static tsp_report check(const heap *h) {
    size_t end = 0, free = 0, objects = 0, jump_end = 0, d, jump = 0;
    byte *n, *gap = GAP_OF_BIG(head(h));
#if TSP_EXPRESS
    size_t hop_end = 0, hop = h->hop, largest = 0, top = h->top;
#endif
    if (h->granules == 0) return found(0, h->used || h->objects ? "[8] objects in a heap without granules" : NULL);
    jump = h->jump;
    while ((d = get(gap)) != 0) {
        size_t size, before = end;
        if (d > h->granules - end) return found(end, "[1] a gap link leads out of the heap");
        end += d;
        n = node(h, end);
        size = get(SIZE(n));
        if (size == 0 || size > d) return found(end, "[2] a hole's size is zero, or reaches into the hole before it");
        if (size == d && before) return found(end, "[3] two holes touch");
        free += size;
        gap = gap_of(n, size);
        if (h->state == REMEMBERS) {
            size_t g = before;
            while (g < end - size) { /* live granules: objects, the last of which ends where the hole begins */
                g = find_mark(h, g);
                objects++;
                if (g > end - size) return found(end - size, "[7] no mark where the object before a hole ends");
            }
            if (find_mark(h, g) <= end) return found(g, "[7] a mark inside a hole");
        }
        if (size >= BIG ? jump == 0 || jump_end + jump != end : jump != 0 && jump_end + jump == end)
            return found(end, "[4] the jump list is not the list of the big holes");
#if TSP_EXPRESS
        if (size > largest) largest = size;
        if (largest > top) return found(end, "[6] a hole is larger than its station's top");
        if (is_station(end, size) ? hop == 0 || hop_end + hop != end : hop != 0 && hop_end + hop == end)
            return found(end, "[5] the hop list is not the list of the stations");
        if (is_station(end, size)) {
            hop_end = end;
            hop = get(HOP(n));
            top = get(TOP(n));
            largest = 0;
        }
#endif
        if (size >= BIG) {
            jump_end = end;
            jump = get(JUMP(n));
        }
    }
    if (jump) return found(end, "[4] the jump list goes on after the last hole");
#if TSP_EXPRESS
    if (hop) return found(end, "[5] the hop list goes on after the last hole");
#endif
    if (h->state == REMEMBERS) {
        while (end < h->granules) {
            end = find_mark(h, end);
            objects++;
            if (end > h->granules) return found(h->granules, "[7] no mark at the end of the heap");
        }
        if (h->granules % 8 && map(h)[h->granules / 8] >> h->granules % 8)
            return found(h->granules, "[7] marks beyond the last granule");
        if (objects != h->objects) return found(0, "[8] the number of objects is wrong");
    }
    if (free + h->used != h->granules) return found(0, "[8] used and free do not add up");
    if (h->peak < h->used || h->peak > h->granules) return found(0, "[8] the peak is wrong");
    return found(0, NULL);
}

tsp_report V_(check)(heap *h) {
    tsp_report r;
    lock_state state = LOCK(h);
    r = check(h);
    UNLOCK(h, state);
    return r;
}
