/* Heaps as a whole: made, made anew, made larger, and locked around fork. Contracts are in teaspoon.h. */

/* -- Making a heap ------------------------------------------------------------------------------------------------ */

/* The bytes behind so many granules: map and index. */
static size_t behind(size_t granules, int sized) {
    size_t bytes = sized ? 0 : map_bytes(granules);
#if TSP_INDEX
    if (granules >= TSP_INDEX_FROM) bytes = (bytes + 3) / 4 * 4 + index_bytes(granules);
#endif
    return bytes;
}

/* The granules of a heap in so many bytes, with what is behind them. */
static size_t most_granules(size_t size, int sized) {
    size_t granules = 0, step;
    for (step = LINK_MAX / 2 + 1; step; step /= 2) { /* a division is more code on some machines */
        const size_t more = granules + step;
        if (more <= size / GRANULE && behind(more, sized) <= size - more * GRANULE) granules = more;
    }
    return to_granules(to_bytes(granules)); /* so that all of it can be one object */
}

/* One hole over everything, and statistics from the beginning. */
static void empty(heap *h) {
    const size_t bytes = behind(h->granules, !remembers(h));
    extent all = {0, h->granules, 0, h->granules, {head(h), 0, (size_t)h->granules + 1}};
    h->objects = h->used = h->peak = 0;
    set_index(h);
    if (bytes) {
        debug_map(map(h), bytes);
        memset(map(h), 0, bytes);
    }
    change(h, &all, 0, 0, 0);
    debug_heap(h);
}

static void set_state(heap *h, int state) {
#if TSP_LOCK == TSP_LOCK_SPIN
    __atomic_store_n(&h->state, (unsigned char)state, __ATOMIC_RELEASE);
#else
    h->state = (unsigned char)state;
#endif
}

/* Everything but the lock, which V_once holds meanwhile. The state is set last: it says that all is there. (And only
 * here: the C library calls read it without the lock.) */
static void make(heap *h, void *memory, size_t size, int sized) {
    const size_t lost = (size_t)(0 - (uintptr_t)memory) % GRANULE;
    const int kind = sized ? SIZED : REMEMBERS;
    const size_t granules = memory == NULL || size < lost ? 0 : most_granules(size - lost, sized);
    h->base = granules ? (byte *)memory + lost : NULL;
    h->granules = (link)granules;
    set_state(h, kind | MAKING);
    empty(h);
    set_state(h, kind);
}

static size_t init(heap *h, void *memory, size_t size, int sized) {
    h->failed = 0;
    make(h, memory, size, sized);
    return capacity(h);
}

static int is_made(const heap *h) {
#if TSP_LOCK == TSP_LOCK_SPIN
    const unsigned char state = __atomic_load_n(&h->state, __ATOMIC_ACQUIRE);
    return state != UNMADE && !(state & MAKING);
#elif TSP_LOCK == TSP_LOCK_HOOKS
    (void)h;
    return 0; /* ask again under the lock: the platform's is all we have to order memory with */
#else /* nobody interrupts who makes it */
    return h->state != UNMADE;
#endif
}

size_t V_(init)(heap *h, void *memory, size_t size) {
    return init(h, memory, size, 0);
}

size_t V_(init_sized)(heap *h, void *memory, size_t size) {
    return init(h, memory, size, 1);
}

void V_(reset)(heap *h) {
    lock_state state = LOCK(h);
    unsigned char *failed = &FAILED(h, state);
    empty(h);
    *failed = 0;
    UNLOCK(h, state);
}

void V_(reset_low)(heap *h) {
    lock_state state = LOCK(h);
    h->peak = h->used;
    UNLOCK(h, state);
}

/* -- Heaps that make themselves ------------------------------------------------------------------------------------ */

static heap *made_once(heap *h, tsp_supplier *supplier, void *memory, size_t size, int sized) {
    lock_state state;
    if (is_made(h)) return h;
    state = LOCK(h);
    if (h->state == UNMADE) {
        if (supplier) memory = supplier(&size);
        make(h, memory, size, sized);
    }
    UNLOCK(h, state);
    return h;
}

heap *V_(once)(heap *h, tsp_supplier *supplier, int sized) {
    return made_once(h, supplier, NULL, 0, sized);
}

heap *V_(once_over)(heap *h, void *memory, size_t size, int sized) {
    return made_once(h, NULL, memory, size, sized);
}

/* -- More bytes behind a heap -------------------------------------------------------------------------------------- */

#if TSP_INDEX
/* Those of the objects in the live granules [a, b). */
static void note_spans(const heap *h, size_t a, size_t b) {
    size_t end;
    for (; remembers(h) && a < b; a = end) {
        end = mark_from(h, a, b) + 1;
        if (end > b) return;
        note_span(h, a, end);
    }
}
#endif

/* The list stays, but for its last hole, which grows or comes; the map moves up; and the index, whose parts are all
 * elsewhere afterwards, is made anew from the list, as it is for a heap that had none. */
static tsp_status extend(heap *h, size_t bytes) {
    const int sized = !remembers(h);
    const size_t old = h->granules, kept = sized ? 0 : map_bytes(old), before = capacity(h) + behind(old, sized);
    const size_t n = most_granules(bytes > (size_t)-1 - before ? (size_t)-1 : before + bytes, sized);
    size_t last = 0, size, end;
    place p = {head(h), 0, after(head(h), 0)};
    while ((size = size_of(h, p.next, p.end)) != 0) {
        if (size == DAMAGED) return TSP_CORRUPT;
        if (p.next == old) {
            last = size;
            break;
        }
        p.at = node(h, end = p.next);
        p.next = after(p.at, p.end = end);
    }
    if (n <= old) return TSP_OK;
    debug_map(address(h, n), behind(n, sized));
    memmove(address(h, n), map(h), kept);
    memset(address(h, n) + kept, 0, behind(n, sized) - kept);
    h->granules = (link)n;
    set_index(h);
    set(SIZE(node(h, n)), last + n - old);
    join(p.at, p.end, n);
    join(node(h, n), n, n + 1);
    debug_shut(h, old, n);
#if TSP_INDEX
    if (is_indexed(h))
        for (size = end = last = 0; next_hole(h, &size, &end); last = end) {
            note_hole(h, end);
            bin_in(h, end, end - size);
            note_spans(h, last, size);
        }
#endif
    return TSP_OK;
}

size_t V_(extend)(heap *h, size_t size) {
    tsp_status status = TSP_OK;
    lock_state state = LOCK(h);
    if (h->granules) status = extend(h, size);
    UNLOCK(h, state);
    if (status == TSP_OK) return capacity(h);
    refuse(h, NULL, status);
    return 0;
}

/* -- Around fork --------------------------------------------------------------------------------------------------- */

unsigned long V_(lock)(heap *h) {
    return (unsigned long)LOCK(h);
}

void V_(unlock)(heap *h, unsigned long state) {
    UNLOCK(h, (lock_state)state);
}

/* -- Names --------------------------------------------------------------------------------------------------------- */

#ifdef TSP_BUILT_
/* The names that teaspoon.h has renamed for the linker, as they are: for debuggers, other languages, and who looks. */
#define PLAIN2(V, _name) PLAIN3(V##_name, V##_plain##_name)
#define PLAIN3(call, plain)                                                                                            \
    extern __typeof__(call) plain __asm__(TSP_TEXT_(__USER_LABEL_PREFIX__) #call)                                      \
        __attribute__((alias(TSP_TEXT_(__USER_LABEL_PREFIX__) TSP_BUILT_(call))))
#define PLAIN(V, _name) PLAIN2(V, _name)
PLAIN(TSP_V, _init);
PLAIN(TSP_V, _init_sized);
PLAIN(TSP_V, _once);
PLAIN(TSP_V, _once_over);
#endif
