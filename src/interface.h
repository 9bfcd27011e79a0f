/* The public functions of one family, over objects.h: the lock is held where it must be, failures are counted, misuse is
 * reported, and heaps are made. Contracts are in teaspoon.h, and only there. */

#include "lock.h"

/* -- Objects of size 0, and what malloc promises -------------------------------------------------------------------- */

/* The address of an object of size 0, aligned and outside the heap: that of the handle, which nothing else of this heap
 * can have, so that V_free knows it. Where the handle is less aligned it is the alignment, which V_dealloc needs not
 * know, since it is told the size. */
static COLD void *nowhere(const heap *h, size_t align) {
    uintptr_t at = (uintptr_t)h;
    if (at & (align - 1)) {
        at = align;
        if (offset(h, (void *)at) < capacity(h))
            at = ((uintptr_t)h->base + capacity(h) + align - 1) & ~(uintptr_t)(align - 1);
    }
    return (void *)at;
}

/* The alignment of malloc(size): no object of that size wants more than the largest power of two that is at most it. */
static size_t malloc_alignment(size_t size) {
    size_t align = TSP_MALLOC_ALIGN;
    while (align > 1 && align > size) align /= 2;
    return align;
}

/* Whether what is for heaps that remember sizes has to be refused. */
static ALWAYS_INLINE int is_sized(const heap *h) {
    return TSP_CHECK && h->state == SIZED;
}

/* -- Calls, which take the lock ------------------------------------------------------------------------------------ */

static COLD void *refuse(const heap *h, const void *pointer, tsp_status status) {
    if (TSP_CHECK && status > TSP_NO_MEMORY) tsp_misuse(h, pointer, status);
    (void)h, (void)pointer, (void)status;
    return NULL;
}

static HOT void *new_object(heap *h, size_t bytes, size_t align) {
    void *result = NULL;
    tsp_status status;
    lock_state state;
    if (TSP_CHECK && !is_power_of_two(align)) return NULL;
    state = LOCK(h);
    status = allocate(h, bytes, align, 0, &result);
    if (status == TSP_NO_MEMORY && bytes) tsp_count_failure(&FAILED(h, state));
    UNLOCK(h, state);
    if (status == TSP_OK) return result;
    return bytes ? refuse(h, NULL, status) : nowhere(h, align);
}

/* The same for those who do not wait, and want to know why not. */
static COLD tsp_status try_new_object(heap *h, size_t bytes, size_t align, void **result) {
    tsp_status status;
    lock_state state;
    *result = NULL;
    if (TSP_CHECK && !is_power_of_two(align)) return TSP_BAD_ALIGNMENT;
    if (!TRY_LOCK(h, &state)) return TSP_BUSY;
    status = allocate(h, bytes, align, 0, result);
    if (status == TSP_NO_MEMORY && bytes) tsp_count_failure(&FAILED(h, state));
    UNLOCK(h, state);
    if (bytes == 0 && (*result = nowhere(h, align)) != NULL) status = TSP_OK;
    return status;
}

/* Whether a pointer that is not into the heap stands for no bytes: NULL, or an object of size 0. any: the caller did
 * not say of what size. */
static int is_nothing(const heap *h, const void *pointer, size_t bytes, int any) {
    return pointer == NULL || (any ? pointer == h : bytes == 0);
}

static HOT tsp_status old_object(heap *h, void *pointer, size_t bytes, int any, size_t align, int impatient) {
    tsp_status status;
    lock_state state;
    if (!TSP_CHECK && is_nothing(h, pointer, bytes, any)) return TSP_OK;
    if (TSP_CHECK && ((uintptr_t)pointer | align) & (align - 1)) /* also for 0, but for a NULL pointer, which is foreign */
        return is_power_of_two(align) ? TSP_MISALIGNED : TSP_BAD_ALIGNMENT;
    if (!impatient) state = LOCK(h);
    else if (!TRY_LOCK(h, &state)) return TSP_BUSY;
    status = deallocate(h, pointer, bytes, any);
    UNLOCK(h, state);
    if (!TSP_CHECK || status != TSP_FOREIGN) return status;
    if (align == 0) return TSP_BAD_ALIGNMENT;
    return is_nothing(h, pointer, bytes, any) ? TSP_OK : TSP_FOREIGN;
}

/* The same for callers that can afford a call, so that the hot paths are not compiled into each of them. */
static COLD tsp_status give_back(heap *h, void *pointer, size_t bytes, int any, size_t align, int impatient) {
    return old_object(h, pointer, bytes, any, align, impatient);
}

/* Not by a call of V_alloc, which gcc would then compile in two parts. */
static COLD void *obtain(heap *h, size_t bytes, size_t align) {
    return new_object(h, bytes, align);
}

static COLD tsp_status allocate_grown(heap *h, size_t bytes, size_t align, void **result) {
    return allocate(h, bytes, align, 1, result);
}

enum { MAY_MOVE, STAYS, TRIES /* and: does not wait either */ };

static tsp_status resize(heap *h, void *pointer, size_t old_bytes, int any, size_t bytes, size_t align, int way,
                         void **result) {
    size_t n = to_granules(bytes), start, low, room, moved = 0;
    extent o;
    legacy old;
    lock_state state;
    tsp_status status;
    if (way != TRIES) state = LOCK(h);
    else if (!TRY_LOCK(h, &state)) return TSP_BUSY;
    status = locate(h, pointer, old_bytes, any, &o);
    if (CAN_FAIL && status != TSP_OK) goto done;
    status = TSP_NO_MEMORY;
    if (n - 1 >= h->granules) goto done;
    old = leave(h, o.a, o.b, bytes);
    start = o.a;
    if (any && n <= o.b - o.a) align = 1; /* realloc: malloc gave what it promises, and V_alloc what was asked for */
    if (((uintptr_t)pointer & (align - 1)) || n > o.b - o.a + o.after) {
        if (way != MAY_MOVE) goto done;
        status = allocate_grown(h, bytes, align, result);
        if (status == TSP_OK) { /* both objects are live now, so the copy needs no lock */
            debug_moved((byte *)*result, n, old);
            UNLOCK(h, state);
            memmove(*result, pointer, old.bytes); /* they only overlap in a damaged heap */
            status = give_back(h, pointer, old_bytes, any, 1, 0);
            if (TSP_CHECK && status != TSP_OK) give_back(h, *result, bytes, 0, 1, 0); /* it was given back meanwhile: misuse */
            return status;
        }
        if (TSP_CHECK && status != TSP_NO_MEMORY) goto done;
        /* It slides within its own granules and those of the holes around it. */
        low = o.a - o.before;
        start = low + padding(address(h, low), align - 1);
        room = o.b + o.after;
        if (start > room || n > room - start) goto done;
        moved = old.bytes;
    } else if (n < o.b - o.a) {
        debug_cut_off(h, o.a + n, o.b);
    }
    status = start != o.a || n != o.b - o.a ? refill(h, &o, start, n, moved) : TSP_OK;
    if (TSP_CHECK && status != TSP_OK) goto done;
    *result = address(h, start);
    flip_mark(h, o.b);
    flip_mark(h, start + n);
    count_used(h, n, o.b - o.a);
    debug_resized(h, o.a, old, start, n);
done:
    if (status == TSP_NO_MEMORY && way == MAY_MOVE) tsp_count_failure(&FAILED(h, state));
    UNLOCK(h, state);
    return status;
}

/* Resize as the calls that return a pointer have it: from and to nothing too. */
static void *resized_object(heap *h, void *pointer, size_t old_bytes, int any, size_t bytes, size_t align) {
    void *result = NULL;
    tsp_status status;
    if ((!TSP_CHECK || offset(h, pointer) >= capacity(h)) && is_nothing(h, pointer, old_bytes, any))
        return obtain(h, bytes, align);
    if (TSP_CHECK && !is_power_of_two(align)) return refuse(h, pointer, TSP_BAD_ALIGNMENT);
    if (bytes) {
        status = resize(h, pointer, old_bytes, any, bytes, align, MAY_MOVE, &result);
    } else {
        status = give_back(h, pointer, old_bytes, any, 1, 0);
        result = nowhere(h, align);
    }
    return status == TSP_OK ? result : refuse(h, pointer, status);
}

static tsp_status resized_in_place(heap *h, void *pointer, size_t old_bytes, int any, size_t bytes, size_t align,
                                   int way) {
    void *result;
    if (offset(h, pointer) >= capacity(h)) { /* an object of size 0, or none */
        if (!is_nothing(h, pointer, old_bytes, any)) return TSP_FOREIGN;
        return bytes ? TSP_NO_MEMORY : TSP_OK;
    }
    return resize(h, pointer, old_bytes, any, bytes, align, way, &result);
}

static void *zeroed(void *object, size_t from, size_t bytes) {
    if (object && bytes > from) memset((byte *)object + from, 0, bytes - from);
    return object;
}

/* Count times size, or more than any heap holds. */
static size_t product(size_t count, size_t size) {
    return size && count > (size_t)-1 / size ? (size_t)-1 : count * size;
}

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
    place p;
    const size_t bytes = behind(h->granules, !remembers(h));
    h->gap = 0;
    h->objects = h->used = h->peak = 0;
    set_index(h);
    if (bytes) {
        debug_map(map(h), bytes);
        memset(map(h), 0, bytes);
    }
    p.at = head(h);
    p.end = 0;
    if (h->granules) insert(h, &p, h->granules, h->granules);
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

/* -- The public functions ------------------------------------------------------------------------------------------ */

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

void *V_(alloc)(heap *h, size_t size, size_t align) {
    return new_object(h, size, align);
}

void *V_(alloc_zeroed)(heap *h, size_t size, size_t align) {
    return zeroed(obtain(h, size, align), 0, size);
}

tsp_status V_(dealloc)(heap *h, void *pointer, size_t size, size_t align) {
    return old_object(h, pointer, size, 0, align, 0);
}

void *V_(resize)(heap *h, void *pointer, size_t old_size, size_t new_size, size_t align) {
    return resized_object(h, pointer, old_size, 0, new_size, align);
}

void *V_(resize_zeroed)(heap *h, void *pointer, size_t old_size, size_t new_size, size_t align) {
    return zeroed(V_(resize)(h, pointer, old_size, new_size, align), pointer ? old_size : 0, new_size);
}

tsp_status V_(resize_in_place)(heap *h, void *pointer, size_t old_size, size_t new_size, size_t align) {
    if (TSP_CHECK && !is_power_of_two(align)) return TSP_BAD_ALIGNMENT;
    return resized_in_place(h, pointer, old_size, 0, new_size, align, STAYS);
}

void *V_(try_alloc)(heap *h, size_t size, size_t align) {
    void *result;
    const tsp_status status = try_new_object(h, size, align, &result);
    return status == TSP_CORRUPT ? refuse(h, NULL, status) : result;
}

tsp_status V_(try_alloc_to)(heap *h, size_t size, size_t align, void **result) {
    return try_new_object(h, size, align, result);
}

tsp_status V_(try_dealloc)(heap *h, void *pointer, size_t size, size_t align) {
    return give_back(h, pointer, size, 0, align, 1);
}

tsp_status V_(try_malloc)(heap *h, size_t size, void **result) {
    *result = NULL;
    return is_sized(h) ? TSP_SIZED_HEAP : try_new_object(h, size, malloc_alignment(size), result);
}

tsp_status V_(try_realloc)(heap *h, void *pointer, size_t size) {
    if (is_sized(h)) return TSP_SIZED_HEAP;
    return resized_in_place(h, pointer, 0, 1, size, malloc_alignment(size), TRIES);
}

tsp_status V_(try_free)(heap *h, void *pointer) {
    return is_sized(h) && pointer ? TSP_SIZED_HEAP : give_back(h, pointer, 0, 1, 1, 1);
}

void *V_(malloc)(heap *h, size_t size) {
    return is_sized(h) ? refuse(h, NULL, TSP_SIZED_HEAP) : new_object(h, size, malloc_alignment(size));
}

void *V_(calloc)(heap *h, size_t count, size_t size) {
    size_t bytes = product(count, size);
    return zeroed(V_(malloc)(h, bytes), 0, bytes);
}

void *V_(realloc)(heap *h, void *pointer, size_t size) {
    if (is_sized(h)) return refuse(h, pointer, TSP_SIZED_HEAP);
    return resized_object(h, pointer, 0, 1, size, malloc_alignment(size));
}

void *V_(reallocarray)(heap *h, void *pointer, size_t count, size_t size) {
    return V_(realloc)(h, pointer, product(count, size));
}

void *V_(aligned_alloc)(heap *h, size_t align, size_t size) {
    if (is_sized(h)) return refuse(h, NULL, TSP_SIZED_HEAP);
    if (size == 0 && (uintptr_t)h & (align - 1)) return NULL; /* there is no address that V_free would know */
    return obtain(h, size, align);
}

void V_(free)(heap *h, void *pointer) {
    const tsp_status status = is_sized(h) && pointer ? TSP_SIZED_HEAP : old_object(h, pointer, 0, 1, 1, 0);
    if (status != TSP_OK) refuse(h, pointer, status);
}

void V_(free_sized)(heap *h, void *pointer, size_t size) {
    V_(free_aligned_sized)(h, pointer, 1, size);
}

void V_(free_aligned_sized)(heap *h, void *pointer, size_t align, size_t size) {
    refuse(h, pointer, pointer && is_sized(h) ? TSP_SIZED_HEAP : V_(dealloc)(h, pointer, size, align));
}

size_t V_(usable_size)(heap *h, const void *pointer) {
    extent o;
    tsp_status status = TSP_SIZED_HEAP;
    if (is_nothing(h, pointer, 0, 1)) return 0;
    if (!is_sized(h)) {
        lock_state state = LOCK(h);
        status = locate(h, pointer, 0, 1, &o);
        UNLOCK(h, state);
    }
    if (status == TSP_OK) return leave(h, o.a, o.b, (size_t)-1).bytes;
    refuse(h, pointer, status);
    return 0;
}

/* -- Looking at a heap --------------------------------------------------------------------------------------------- */

/* From the hole [*start, *end), or from [0, 0), to the next. 0 when there is none. */
static int next_hole(const heap *h, size_t *start, size_t *end) {
    size_t next, size = hole_after(h, *end ? node(h, *end) : head(h), *end, &next);
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
            if (*mark <= a) *mark = find_mark(h, a);
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

/* -- More bytes behind a heap -------------------------------------------------------------------------------------- */

/* The list stays, but for its last hole, which grows or comes; the map moves up; and the index, whose parts are all
 * elsewhere afterwards, is made anew from the list, as it is for a heap that had none. */
static tsp_status extend(heap *h, size_t bytes) {
    const int sized = !remembers(h);
    const size_t old = h->granules, kept = sized ? 0 : map_bytes(old), before = capacity(h) + behind(old, sized);
    const size_t n = most_granules(bytes > (size_t)-1 - before ? (size_t)-1 : before + bytes, sized);
    size_t end = 0, last = 0, size, next;
    byte *at = head(h);
    place p = {at, 0};
    while ((size = hole_after(h, at, end, &next)) != 0) {
        if (size == DAMAGED) return TSP_CORRUPT;
        p.at = at;
        p.end = end;
        last = size;
        end = next;
        at = node(h, end);
    }
    if (n <= old) return TSP_OK;
    if (last && end == old) {
        link_out(GAP(p.at), GAP(at));
    } else {
        p.at = at;
        p.end = end;
        last = 0;
    }
    debug_map(address(h, n), behind(n, sized));
    memmove(address(h, n), map(h), kept);
    memset(address(h, n) + kept, 0, behind(n, sized) - kept);
    h->granules = (link)n;
    set_index(h);
    set(SIZE(node(h, n)), last + n - old);
    link_in(GAP(p.at), GAP(node(h, n)), n - p.end);
    debug_shut(h, old, n);
#if TSP_INDEX
    if (is_indexed(h))
        for (size = end = 0; next_hole(h, &size, &end);) {
            note_hole(h, end);
            bin_in(h, end, end - size);
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

/* -- Sites ----------------------------------------------------------------------------------------------------- */

void *V_(set_site)(heap *h, void *object, const char *site) {
#if TSP_DEBUG & TSP_DEBUG_SITES
    extent o;
    lock_state state = LOCK(h);
    if (remembers(h) && locate(h, object, 0, 1, &o) == TSP_OK) set_site((byte *)object, (o.b - o.a) * GRANULE, site);
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

/* -- Around fork --------------------------------------------------------------------------------------------------- */

unsigned long V_(lock)(heap *h) {
    return (unsigned long)LOCK(h);
}

void V_(unlock)(heap *h, unsigned long state) {
    UNLOCK(h, (lock_state)state);
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
