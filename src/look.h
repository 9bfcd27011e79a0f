/* Looking at a heap, hole by hole: statistics, walks, and where objects came from. Contracts are in teaspoon.h. */

/* From the hole [*start, *end), or from [0, 0), to the next. 0 when there is none. */
static int next_hole(const heap *h, size_t *start, size_t *end) {
    const size_t next = after(*end ? node(h, *end) : head(h), *end), size = size_of(h, next, *end);
    if (next > h->granules) return 0;
    *start = size == DAMAGED ? *end : next - size;
    *end = next;
    return 1;
}

/* The most granules that an object of this alignment can have now. */
static size_t widest(const heap *h, size_t align) {
    size_t start = 0, end = 0, best = 0;
    while (next_hole(h, &start, &end)) {
        size_t lead = padding(address(h, start), align - 1);
        if (lead < end - start && end - start - lead > best) best = end - start - lead;
    }
    return best;
}

tsp_usage V_(usage)(heap *h) {
    tsp_usage u;
    lock_state state = LOCK(h);
    u.total = capacity(h);
    u.used = (size_t)h->used * GRANULE;
    u.free = u.total - u.used;
    u.objects = h->objects;
    u.largest = to_bytes(widest(h, 1));
    u.low_free = u.total - (size_t)h->peak * GRANULE;
    u.failed = FAILED(h, state);
    UNLOCK(h, state);
    return u;
}

size_t V_(largest)(heap *h, size_t align) {
    size_t bytes;
    lock_state state = LOCK(h);
    bytes = is_power_of_two(align) ? to_bytes(widest(h, align)) : 0;
    UNLOCK(h, state);
    return bytes;
}

int V_(contains)(const heap *h, const void *pointer) {
    return offset(h, pointer) < capacity(h);
}

/* The live granules [a, b): all at once, or object by object where the map knows them. *mark is the end of the object
 * that was looked for last: in a damaged map it may be beyond the live granules, and is then not looked for again, so
 * that a walk reads the map once. */
static int visit_live(const heap *h, size_t a, size_t b, size_t *mark, tsp_visitor *visitor, void *context) {
    int stop = 0;
    while (a < b && !stop) {
        size_t end = b;
        if (remembers(h)) {
            if (*mark <= a) *mark = mark_from(h, a, h->granules) + 1;
            if (*mark < b) end = *mark;
        }
        stop = visitor(context, address(h, a), (end - a) * GRANULE, remembers(h) ? TSP_OBJECT : TSP_LIVE);
        a = end;
    }
    return stop;
}

static int walk(const heap *h, tsp_visitor *visitor, void *context) {
    size_t start = 0, end = 0, live = 0, mark = 0;
    int stop = 0;
    while (!stop && next_hole(h, &start, &end)) {
        stop = visit_live(h, live, start, &mark, visitor, context);
        if (!stop) stop = visitor(context, address(h, start), (end - start) * GRANULE, TSP_HOLE);
        live = end;
    }
    return stop ? stop : visit_live(h, live, h->granules, &mark, visitor, context);
}

int V_(walk)(heap *h, tsp_visitor *visitor, void *context) {
    int stop;
    lock_state state = LOCK(h);
    stop = walk(h, visitor, context);
    UNLOCK(h, state);
    return stop;
}

/* -- Sites ----------------------------------------------------------------------------------------------------- */

void *V_(set_site)(heap *h, void *object, const char *site) {
#if TSP_DEBUG & TSP_DEBUG_SITES
    extent o;
    lock_state state = LOCK(h);
    if (remembers(h) && locate_called(h, object, 0, 1, &o) == TSP_OK) set_site((byte *)object, (o.b - o.a) * GRANULE, site);
    UNLOCK(h, state);
#else
    (void)h, (void)site;
#endif
    return object;
}

const char *V_(site)(const void *start, size_t size) {
#if TSP_DEBUG & TSP_DEBUG_SITES
    return site_of((const byte *)start, size);
#else
    (void)start, (void)size;
    return NULL;
#endif
}
