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
    *(byte **)context = (byte *)start;
    return kind == TSP_OBJECT && guarded_size((const byte *)start, size) > size;
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

#if TSP_INDEX

/* Whether last[] and the bits over it say what the list, which is known to be sound, says of each chunk; `spans` long
 * objects have their ends there too. */
static tsp_report check_chunks(const heap *h, size_t spans) {
    const size_t n = chunks(h->granules);
    const byte *level = has(h);
    size_t end = 0, next = after(head(h), 0), bits = n, more = words(n), ends = 0;
    for (size_t c = 0; c < n; c++) {
        size_t last = 0;
        for (; next <= h->granules && next <= (c + 1) * TSP_CHUNK; next = after(node(h, end), end)) last = end = next;
        if (last == 0 && lasts(h)[c] >= LONG) ends++;
        else if (lasts(h)[c] != (last ? last - c * TSP_CHUNK : 0))
            return found(c * TSP_CHUNK, "[4] a chunk's last hole is not what the index has");
        if ((get_word(level + 4 * (c / TSP_FAN)) >> c % TSP_FAN & 1) != (last != 0))
            return found(c * TSP_CHUNK, "[4] a chunk's bit is not what the index has");
    }
    if (ends != spans * SPAN) return found(0, "[4] the index has a long object's end where there is none");
    for (; more > 1; bits = more, more = words(more)) { /* each level by the one below */
        const byte *above = level + 4 * more;
        for (size_t i = 0; i < more; i++)
            if ((get_word(above + 4 * (i / TSP_FAN)) >> i % TSP_FAN & 1) != (get_word(level + 4 * i) != 0))
                return found(0, "[4] a bit over bits is not what the index has");
        if (bits % TSP_FAN && get_word(level + 4 * (more - 1)) >> bits % TSP_FAN)
            return found(0, "[4] the index has bits for chunks that are not there");
        level = above;
    }
    if ((bits < 32 ? get_word(level) >> bits : 0) != 0)
        return found(0, "[4] the index has bits for chunks that are not there");
    return found(0, NULL);
}

/* Whether each bin is a list of holes of its sizes, `holes` in all: as many as there are of two granules or more. */
static tsp_report check_bins(const heap *h, size_t holes) {
    for (unsigned c = 0; c < 32 * BIN_WORDS; c++) {
        size_t before = 0, end = c < CLASSES ? get(bin(h, c)) : 0, size;
        if ((get_word(h->index + c / 32 * 4) >> c % 32 & 1) != (end != 0))
            return found(0, "[5] a bin's bit does not say whether it is empty");
        for (; end; end = get(NEXT(first(h, end, size)))) {
            place p;
            size = binned(h, end);
            if (size == 0 || holes-- == 0 || !find(h, end, &p) || p.next != end)
                return found(0, "[5] a bin leads to what is no hole");
            if (class_of(size) != c || get(PREV(first(h, end, size))) != before)
                return found(end - size, "[5] a hole is not where its bin has it");
            before = end;
        }
    }
    return found(0, holes ? "[5] a hole is in no bin" : NULL);
}

#endif

/* The live granules [a, b): objects, the last of which ends with them, each of a size that objects have. */
static const char *check_objects(const heap *h, size_t a, size_t b, size_t *objects, size_t *spans) {
    while (a < b) {
        const size_t end = mark_from(h, a, h->granules) + 1;
        if (end > b) return "[6] no mark where the last object before a hole or the heap's end ends";
        if (to_granules(to_bytes(end - a)) != end - a) return "[6] an object has a size that is not rounded";
#if TSP_INDEX
        if (is_long(h, a, end)) {
            if (noted_end(h, a) != end) return "[4] the index does not have where a long object ends";
            ++*spans;
        }
#endif
        ++*objects;
        a = end;
    }
    (void)spans;
    return NULL;
}

static tsp_report check(const heap *h) {
    const char *what;
    const size_t granules = h->granules;
    size_t end = 0, free = 0, holes = 0, objects = 0, spans = 0, gap;
    const byte *n = head(h);
    if (granules == 0) return found(0, h->used || h->objects ? "[7] objects in a heap without granules" : NULL);
    while ((gap = get(GAP(n))) < granules - end) {
        size_t size, before = end;
        end += gap + 1;
        n = node(h, end);
        size = get(SIZE(n));
        if (size == 0 || size > gap + 1)
            return found(end, "[2] a hole's size is zero, or reaches into the hole before it");
        if (size == gap + 1 && before) return found(end, "[3] two holes touch");
        free += size;
        holes += size > 1;
        if (remembers(h)) {
            what = check_objects(h, before, end - size, &objects, &spans);
            if (what) return found(end - size, what);
            if (mark_from(h, end - size, granules) < end) return found(end - size, "[6] a mark inside a hole");
        }
    }
    if (gap != granules - end) return found(end, "[1] a gap link leads out of the heap");
    if (remembers(h)) {
        what = check_objects(h, end, h->granules, &objects, &spans);
        if (what) return found(h->granules, what);
        if (h->granules % 8 && map(h)[h->granules / 8] >> h->granules % 8)
            return found(h->granules, "[6] marks beyond the last granule");
    }
#if TSP_INDEX
    if (is_indexed(h)) {
        tsp_report r = check_chunks(h, spans);
        if (r.what == NULL) r = check_bins(h, holes);
        if (r.what) return r;
    }
#endif
    (void)holes, (void)spans;
    if (remembers(h) && objects != h->objects) return found(0, "[7] the number of objects is wrong");
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
    set_index(&there);
    if (h->granules == 0) return check(h);
    if (h->granules > size / GRANULE) return found(0, "the heap is larger than its memory");
    if (behind(h->granules, !remembers(h)) > size - capacity(h)) return found(0, "the heap is larger than its memory");
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
        if (r.status == TSP_OK && h->granules) {
            h->base = base;
            set_index(h);
        }
        if (r.status == TSP_OK && h->failed == TSP_HELD) h->failed = 0; /* whoever had the count is no more */
        return r;
    }
    state = LOCK(h);
    if (h->base != base && h->granules) r = found(0, "the heap's users have it at another address");
    else r = fits(h, base, size - lost);
    if (r.status == TSP_OK) set_index(h); /* to what it is, if nobody scribbled on the handle */
    UNLOCK(h, state);
    return r;
}

#ifdef TSP_BUILT_
PLAIN(TSP_V, _attach);
#endif
