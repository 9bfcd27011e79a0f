/* What is done to one object, with the lock held: allocate, locate, deallocate. Bytes and pointers become
 * granules here, and what cannot be an object is refused. */

/* -- Bytes and granules ------------------------------------------------------------------------------------------- */

/* What an object of this many bytes takes (see TSP_ROUND). Wraps to 0 for sizes that are refused for being 0 too. */
static HOT size_t to_granules(size_t bytes) {
#if TSP_DEBUG & TSP_GUARDS_
    if (bytes && (bytes += TSP_GUARD_) < TSP_GUARD_) return 0;
#endif
    if (TSP_ROUND > GRANULE && bytes >= TSP_ROUND) return (bytes + TSP_ROUND - 1) / TSP_ROUND * (TSP_ROUND / GRANULE);
    return (bytes + GRANULE - 1) / GRANULE;
}

/* The largest object that n granules can be, in bytes. */
static size_t to_bytes(size_t n) {
    n *= GRANULE;
    if (TSP_ROUND > GRANULE && n >= TSP_ROUND) n = n / TSP_ROUND * TSP_ROUND;
    return n > TSP_GUARD_ ? n - TSP_GUARD_ : 0;
}

static ALWAYS_INLINE int is_power_of_two(size_t x) {
    return (x ^ (x - 1)) > x - 1; /* 0 borrows, and of others all but the last bit would stay */
}

static ALWAYS_INLINE size_t capacity(const heap *h) {
    return (size_t)h->granules * GRANULE;
}

static ALWAYS_INLINE byte *address(const heap *h, size_t granule) {
    return h->base + granule * GRANULE;
}

/* Where `pointer` is in the heap, in bytes; at least capacity() if it is not. Integers, since comparing pointers into
 * different objects is undefined. */
static ALWAYS_INLINE size_t offset(const heap *h, const void *pointer) {
    return (size_t)((uintptr_t)pointer - (uintptr_t)h->base);
}

/* -- Objects, with the lock held ----------------------------------------------------------------------------------- */

static inline void count_used(heap *h, size_t more, size_t less) {
    h->used = (link)(h->used + more - less);
    if (h->used > h->peak) h->peak = h->used;
}

static HOT tsp_status allocate(heap *h, size_t bytes, size_t align, int grown, void **result) {
    size_t n = to_granules(bytes);
    byte *object;
    tsp_status status;
    if (n - 1 >= h->granules) return TSP_NO_MEMORY;
    status = claim(h, n, align - 1, !grown && is_large(h, n), &object);
    if (status != TSP_OK) return status;
    if (remembers(h)) {
        const size_t a = offset(h, object) / GRANULE;
        flip_mark(h, a + n);
        note_span(h, a, a + n);
    }
    count_used(h, n, 0);
    h->objects++;
    *result = object;
    debug_new(h, offset(h, object) / GRANULE, n, bytes);
    return TSP_OK;
}

/* The same for callers that can afford a call, as two of those below are. */
static COLD tsp_status allocate_called(heap *h, size_t bytes, size_t align, int grown, void **result) {
    return allocate(h, bytes, align, grown, result);
}

/* The object at `pointer`, of which the caller says that it has so many bytes (any: does not say). */
static HOT tsp_status locate(const heap *h, const void *pointer, size_t bytes, int any, extent *o) {
    size_t n = to_granules(bytes), at = offset(h, pointer);
    tsp_status status;
#if !TSP_CHECK
    o->a = at / GRANULE;
    o->b = any ? find_mark(h, o->a) : o->a + n;
    return examine(h, o);
#endif
    o->a = at / GRANULE | at * ((size_t)-1 / GRANULE + 1); /* rotated: what is between granules is large too */
    if (o->a >= h->granules) return offset(h, pointer) < capacity(h) ? TSP_MISALIGNED : TSP_FOREIGN;
    o->b = o->a + n;
    if (!remembers(h)) {
        if (n == 0) return TSP_WRONG_SIZE;
        status = examine(h, o);
    } else {
        const size_t end = find_mark(h, o->a);
        const tsp_status wrong = end > h->granules ? TSP_CORRUPT : any || o->b == end ? TSP_OK : TSP_WRONG_SIZE;
        o->b = wrong == TSP_CORRUPT ? o->a + 1 : end;
        status = examine(h, o);
        if (status == TSP_OK && o->low == o->a && o->a && !is_mark(h, o->a - 1)) status = TSP_INTERIOR;
        if (status == TSP_OK) status = wrong;
    }
#if TSP_DEBUG
    if (TSP_GUARD_ && status == TSP_OK) {
        size_t room = (o->b - o->a) * GRANULE, size = guarded_size(address(h, o->a), room);
        if (size > room) return TSP_OVERRUN;
        if (!any && size != bytes) return TSP_WRONG_SIZE;
    }
#endif
    return status;
}

static COLD tsp_status locate_called(const heap *h, const void *pointer, size_t bytes, int any, extent *o) {
    return locate(h, pointer, bytes, any, o);
}

static HOT tsp_status deallocate(heap *h, const void *pointer, size_t bytes, int any) {
    extent o;
    tsp_status status = locate(h, pointer, bytes, any, &o);
    if (CAN_FAIL && status != TSP_OK) return status;
    debug_freed(h, o.a, o.b);
    status = FAST ? release(h, &o) : refill(h, &o, o.low, 0, 0);
    if (TSP_CHECK && status != TSP_OK) return status;
    flip_mark(h, o.b);
    h->used = (link)(h->used - (o.b - o.a));
    h->objects--;
    return TSP_OK;
}
