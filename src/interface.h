/* The public functions of one family, over engine.h: bytes and pointers become granules, misuse is refused, the lock is
 * held where it must be, and statistics are kept. Contracts are in teaspoon.h, and only there. */

#include "lock.h"

/* -- Bytes and granules ------------------------------------------------------------------------------------------- */

/* What an object of this many bytes takes (see TSP_ROUND). Wraps to 0 for sizes that are refused for being 0 too. */
static ALWAYS_INLINE size_t to_granules(size_t bytes) {
#if TSP_DEBUG & TSP_GUARDS_
    if (bytes && (bytes += TSP_GUARD_) < TSP_GUARD_) return 0;
#endif
    if (TSP_ROUND > GRANULE && bytes >= TSP_ROUND) return (bytes + TSP_ROUND - 1) / TSP_ROUND * (TSP_ROUND / GRANULE);
    return (bytes + GRANULE - 1) / GRANULE;
}

/* The largest object that n granules can be, in bytes. */
static size_t to_bytes(size_t n) {
    const size_t step = TSP_ROUND > GRANULE && n * GRANULE >= TSP_ROUND ? TSP_ROUND : GRANULE;
    n = n * GRANULE / step * step;
    return n > TSP_GUARD_ ? n - TSP_GUARD_ : 0;
}

static ALWAYS_INLINE int is_power_of_two(size_t x) {
    return x != 0 && (x & (x - 1)) == 0;
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

/* The address of an object of size 0: aligned, not NULL, outside the heap. */
static COLD void *nowhere(const heap *h, size_t align) {
    uintptr_t at = align;
    if (offset(h, (void *)at) < capacity(h))
        at = ((uintptr_t)h->base + capacity(h) + align - 1) & ~(uintptr_t)(align - 1);
    return (void *)at;
}

static int is_nowhere(const heap *h, const void *pointer) {
    uintptr_t at = (uintptr_t)pointer, align = at & (0 - at);
    return offset(h, pointer) >= capacity(h) && nowhere(h, (size_t)align) == pointer;
}

/* The alignment of malloc(size): the largest power of two that is at most size and that any type needs. */
static size_t malloc_alignment(size_t size) {
#if defined(__clang__) /* max_align_t as its own header has it, in C99 too */
    struct strictest {
        long long ll __attribute__((aligned(__alignof__(long long))));
        long double ld __attribute__((aligned(__alignof__(long double))));
    };
    size_t align = __alignof__(struct strictest);
#elif defined(__BIGGEST_ALIGNMENT__) /* gcc's is this, but for vectors, which want more */
    size_t align = __BIGGEST_ALIGNMENT__ < 16 ? __BIGGEST_ALIGNMENT__ : 16;
#else
    struct strictest {
        char c;
        union {
            long long ll;
            long double ld;
            void *p;
            void (*f)(void);
        } u;
    };
    size_t align = offsetof(struct strictest, u);
#endif
    while (size && align > size) align /= 2;
    return align;
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
    if (h->state == REMEMBERS) flip_mark(h, offset(h, object) / GRANULE + n);
    count_used(h, n, 0);
    h->objects++;
    *result = object;
    debug_new(h, offset(h, object) / GRANULE, n, bytes);
    return TSP_OK;
}

/* The object at `pointer`, of which the caller says that it has so many bytes (any: does not say). */
static HOT tsp_status locate(const heap *h, const void *pointer, size_t bytes, int any, extent *o) {
    size_t n = to_granules(bytes), at = offset(h, pointer);
    tsp_status status;
    o->a = at / GRANULE | at * ((size_t)-1 / GRANULE + 1); /* rotated: what is between granules is large too */
    o->b = o->a + n;
    if (o->a >= h->granules) return offset(h, pointer) < capacity(h) ? TSP_MISALIGNED : TSP_FOREIGN;
    if (h->state == REMEMBERS) {
        o->b = find_mark(h, o->a);
        if (o->b > h->granules || (!any && n != o->b - o->a)) {
            status = examine(h, o);
            return status != TSP_OK ? status : o->b > h->granules ? TSP_CORRUPT : TSP_WRONG_SIZE;
        }
    } else if (n - 1 >= h->granules - o->a) {
        return TSP_WRONG_SIZE;
    }
    status = examine(h, o);
#if TSP_DEBUG
    if (TSP_GUARD_ && status == TSP_OK) {
        size_t room = (o->b - o->a) * GRANULE, size = guarded_size(address(h, o->a), room);
        if (size > room) return TSP_OVERRUN;
        if (!any && size != bytes) return TSP_WRONG_SIZE;
    }
#endif
    return status;
}

static HOT tsp_status deallocate(heap *h, const void *pointer, size_t bytes, int any) {
    extent o;
    tsp_status status = locate(h, pointer, bytes, any, &o);
    if (status != TSP_OK) return status;
    debug_freed(h, o.a, o.b);
    release(h, &o);
    flip_mark(h, o.b);
    h->used = (link)(h->used - (o.b - o.a));
    h->objects--;
    return TSP_OK;
}

/* Lets an object have n granules, more than it has, by taking some of the hole behind it. */
static int grow(const heap *h, const extent *o, size_t n) {
    const size_t more = n - (o->b - o->a);
    place p;
    if (o->after < more) return 0;
    find(h, o->b, &p);
    cut(h, &p, o->end, o->after, o->b, more);
    return 1;
}

/* Moves an object to n granules among its own and those of the holes around it; *start becomes where.
 *      [ before ] object [ after ]  =>  [ lead ] object [ tail ] */
static int slide(const heap *h, const extent *o, size_t n, size_t align, legacy old, size_t *start) {
    const size_t low = o->a - o->before, high = o->b + o->after, lead = padding(address(h, low), align - 1);
    size_t tail = high - low;
    if (lead > tail || n > tail - lead) return 0;
    tail -= lead + n;
    if (o->before) extract(h, &o->p, o->a, o->before);
    if (o->after) extract(h, &o->p, o->end, o->after);
    debug_open(h, low, o->a);
    debug_open(h, o->b, high);
    memmove(address(h, *start = low + lead), address(h, o->a), old.bytes);
    debug_shut(h, low, low + lead);
    debug_shut(h, high - tail, high);
    if (tail) insert(h, &o->p, high, tail);
    if (lead) insert(h, &o->p, low + lead, lead);
    adjust_tops(h, &o->p, high - low, 0);
    return 1;
}

/* -- Calls, which take the lock ------------------------------------------------------------------------------------ */

static COLD void *refuse(const heap *h, const void *pointer, tsp_status status) {
    if (status > TSP_NO_MEMORY) tsp_misuse(h, pointer, status);
    return NULL;
}

/* Impatient: NULL where the lock is held. */
static HOT void *new_object(heap *h, size_t bytes, size_t align, int impatient) {
    void *result = NULL;
    tsp_status status;
    lock_state state;
    if (!is_power_of_two(align)) return NULL;
    if (!impatient) state = LOCK(h);
    else if (!TRY_LOCK(h, &state)) return NULL;
    status = allocate(h, bytes, align, 0, &result);
    if (status == TSP_NO_MEMORY && bytes) tsp_count_failure(&FAILED(h, state));
    UNLOCK(h, state);
    if (status == TSP_OK) return result;
    return bytes ? refuse(h, NULL, status) : nowhere(h, align);
}

/* Whether a pointer that is not into the heap stands for no bytes: NULL, or an object of size 0. any: the caller did
 * not say of what size. */
static int is_nothing(const heap *h, const void *pointer, size_t bytes, int any) {
    return pointer == NULL || (any ? is_nowhere(h, pointer) : bytes == 0);
}

static HOT tsp_status old_object(heap *h, void *pointer, size_t bytes, int any, size_t align, int impatient) {
    tsp_status status;
    lock_state state;
    if (((uintptr_t)pointer | align) & (align - 1)) /* also for 0, but for a NULL pointer, which is foreign */
        return is_power_of_two(align) ? TSP_MISALIGNED : TSP_BAD_ALIGNMENT;
    if (!impatient) state = LOCK(h);
    else if (!TRY_LOCK(h, &state)) return TSP_BUSY;
    status = deallocate(h, pointer, bytes, any);
    UNLOCK(h, state);
    if (status != TSP_FOREIGN) return status;
    if (align == 0) return TSP_BAD_ALIGNMENT;
    return is_nothing(h, pointer, bytes, any) ? TSP_OK : TSP_FOREIGN;
}

/* The same for callers that can afford a call, so that the hot paths are not compiled into each of them. */
static tsp_status give_back(heap *h, void *pointer, size_t bytes, int any) {
    return old_object(h, pointer, bytes, any, 1, 0);
}

/* Not by a call of V_alloc, which gcc would then compile in two parts. */
static void *obtain(heap *h, size_t bytes, size_t align) {
    return new_object(h, bytes, align, 0);
}

static tsp_status allocate_grown(heap *h, size_t bytes, size_t align, void **result) {
    return allocate(h, bytes, align, 1, result);
}

static tsp_status resize(heap *h, void *pointer, size_t old_bytes, int any, size_t bytes, size_t align, int may_move,
                         void **result) {
    size_t n = to_granules(bytes), start;
    extent o;
    legacy old;
    lock_state state = LOCK(h);
    tsp_status status = locate(h, pointer, old_bytes, any, &o);
    if (status != TSP_OK) goto done;
    status = TSP_NO_MEMORY;
    if (n - 1 >= h->granules) goto done;
    old = leave(h, o.a, o.b, bytes);
    start = o.a;
    if (any && n <= o.b - o.a) align = 1; /* realloc: malloc gave what it promises, and V_alloc what was asked for */
    if (((uintptr_t)pointer & (align - 1)) || (n > o.b - o.a && !grow(h, &o, n))) {
        if (!may_move) goto done;
        status = allocate_grown(h, bytes, align, result);
        if (status == TSP_OK) { /* both objects are live now, so the copy needs no lock */
            debug_moved(*result, n, old);
            UNLOCK(h, state);
            memmove(*result, pointer, old.bytes); /* they only overlap in a damaged heap */
            status = give_back(h, pointer, old_bytes, any);
            if (status != TSP_OK) give_back(h, *result, bytes, 0); /* it was given back meanwhile: misuse */
            return status;
        }
        if (status != TSP_NO_MEMORY || !slide(h, &o, n, align, old, &start)) goto done;
    }
    *result = address(h, start);
    flip_mark(h, o.b);
    flip_mark(h, start + n);
    count_used(h, n, o.b - o.a);
    debug_resized(h, o.a, o.b, old, start, n);
    status = TSP_OK;
    if (start == o.a && start + n < o.b) {
        o.a += n;
        status = examine(h, &o);
        if (status == TSP_OK) release(h, &o);
    }
done:
    if (status == TSP_NO_MEMORY && may_move) tsp_count_failure(&FAILED(h, state));
    UNLOCK(h, state);
    return status;
}

/* Resize as the calls that return a pointer have it: from and to nothing too. */
static void *resized_object(heap *h, void *pointer, size_t old_bytes, int any, size_t bytes, size_t align) {
    void *result = NULL;
    tsp_status status;
    if (offset(h, pointer) >= capacity(h) && is_nothing(h, pointer, old_bytes, any)) return obtain(h, bytes, align);
    if (!is_power_of_two(align)) return refuse(h, pointer, TSP_BAD_ALIGNMENT);
    if (bytes) {
        status = resize(h, pointer, old_bytes, any, bytes, align, 1, &result);
    } else {
        status = give_back(h, pointer, old_bytes, any);
        result = nowhere(h, align);
    }
    return status == TSP_OK ? result : refuse(h, pointer, status);
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

/* One hole over everything, and statistics from the beginning. */
static void empty(heap *h, unsigned char kind) {
    place p;
    for (unsigned lane = 0; lane <= TSP_LANES; lane++) set(HOP(head(h), lane), 0);
    h->objects = h->used = h->peak = 0;
    find(h, 0, &p);
    if (h->granules) insert(h, &p, h->granules, h->granules);
    if (kind == REMEMBERS && h->granules) {
        size_t bytes = ((size_t)h->granules + 7) / 8;
        debug_map(map(h), bytes);
        memset(map(h), 0, bytes);
    }
    debug_heap(h);
}

/* Everything but the lock, which V_once holds meanwhile. The state is set last: it says that all is there. (And only
 * here: the C library calls read it without the lock.) */
static void make(heap *h, void *memory, size_t size, int sized) {
    size_t lost = (size_t)(0 - (uintptr_t)memory) % GRANULE, granules;
    const unsigned char kind = sized ? SIZED : REMEMBERS;
    size = memory == NULL || size < lost ? 0 : size - lost;
    granules = size / GRANULE;
    if (!sized) { /* a byte of map for eight granules; in rounds, since a division is more code on some machines */
        size_t over;
        while ((over = granules * GRANULE + (granules + 7) / 8) > size) granules -= (over - size) / (2 * GRANULE) + 1;
    }
    if (granules > LINK_MAX) granules = LINK_MAX;
    granules = to_granules(to_bytes(granules)); /* so that all of it can be one object */
    h->base = granules ? (byte *)memory + lost : NULL;
    h->granules = (link)granules;
    empty(h, kind);
#if TSP_LOCK == TSP_LOCK_SPIN
    __atomic_store_n(&h->state, kind, __ATOMIC_RELEASE);
#else
    h->state = kind;
#endif
}

static size_t init(heap *h, void *memory, size_t size, int sized) {
    h->failed = 0;
    make(h, memory, size, sized);
    return capacity(h);
}

static int is_made(const heap *h) {
#if TSP_LOCK == TSP_LOCK_SPIN
    return __atomic_load_n(&h->state, __ATOMIC_ACQUIRE) != UNMADE;
#elif TSP_LOCK == TSP_LOCK_HOOKS
    (void)h;
    return 0; /* ask again under the lock: the platform's is all we have to order memory with */
#else
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
    empty(h, h->state);
    *failed = 0;
    UNLOCK(h, state);
}

void *V_(alloc)(heap *h, size_t size, size_t align) {
    return new_object(h, size, align, 0);
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
    void *result;
    if (!is_power_of_two(align)) return TSP_BAD_ALIGNMENT;
    if (offset(h, pointer) >= capacity(h)) { /* an object of size 0, or none */
        if (!is_nothing(h, pointer, old_size, 0)) return TSP_FOREIGN;
        return new_size ? TSP_NO_MEMORY : TSP_OK;
    }
    return resize(h, pointer, old_size, 0, new_size, align, 0, &result);
}

void *V_(try_alloc)(heap *h, size_t size, size_t align) {
    return new_object(h, size, align, 1);
}

tsp_status V_(try_dealloc)(heap *h, void *pointer, size_t size, size_t align) {
    return old_object(h, pointer, size, 0, align, 1);
}

void *V_(malloc)(heap *h, size_t size) {
    return h->state == SIZED ? refuse(h, NULL, TSP_SIZED_HEAP) : obtain(h, size, malloc_alignment(size));
}

void *V_(calloc)(heap *h, size_t count, size_t size) {
    size_t bytes = product(count, size);
    return zeroed(V_(malloc)(h, bytes), 0, bytes);
}

void *V_(realloc)(heap *h, void *pointer, size_t size) {
    if (h->state == SIZED) return refuse(h, pointer, TSP_SIZED_HEAP);
    return resized_object(h, pointer, 0, 1, size, malloc_alignment(size));
}

void *V_(reallocarray)(heap *h, void *pointer, size_t count, size_t size) {
    return V_(realloc)(h, pointer, product(count, size));
}

void *V_(aligned_alloc)(heap *h, size_t align, size_t size) {
    return h->state == SIZED ? refuse(h, NULL, TSP_SIZED_HEAP) : obtain(h, size, align);
}

void V_(free)(heap *h, void *pointer) {
    refuse(h, pointer, pointer && h->state == SIZED ? TSP_SIZED_HEAP : give_back(h, pointer, 0, 1));
}

void V_(free_sized)(heap *h, void *pointer, size_t size) {
    V_(free_aligned_sized)(h, pointer, 1, size);
}

void V_(free_aligned_sized)(heap *h, void *pointer, size_t align, size_t size) {
    refuse(h, pointer, pointer && h->state == SIZED ? TSP_SIZED_HEAP : V_(dealloc)(h, pointer, size, align));
}

size_t V_(usable_size)(heap *h, const void *pointer) {
    extent o;
    tsp_status status = TSP_SIZED_HEAP;
    if (is_nothing(h, pointer, 0, 1)) return 0;
    if (h->state != SIZED) {
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

/* The live granules [a, b): all at once, or object by object where the map knows them. */
static int visit_live(const heap *h, size_t a, size_t b, tsp_visitor *visitor, void *context) {
    int stop = 0;
    while (a < b && !stop) {
        size_t end = h->state == REMEMBERS ? find_mark(h, a) : b;
        if (end > b) end = b;
        stop = visitor(context, address(h, a), (end - a) * GRANULE, h->state == REMEMBERS ? TSP_OBJECT : TSP_LIVE);
        a = end;
    }
    return stop;
}

static int walk(const heap *h, tsp_visitor *visitor, void *context) {
    size_t start = 0, end = 0, live = 0;
    int stop = 0;
    while (!stop && next_hole(h, &start, &end)) {
        stop = visit_live(h, live, start, visitor, context);
        if (!stop) stop = visitor(context, address(h, start), (end - start) * GRANULE, TSP_HOLE);
        live = end;
    }
    return stop ? stop : visit_live(h, live, h->granules, visitor, context);
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
    if (h->state == REMEMBERS && locate(h, object, 0, 1, &o) == TSP_OK) set_site(object, (o.b - o.a) * GRANULE, site);
    UNLOCK(h, state);
#else
    (void)h, (void)site;
#endif
    return object;
}

const char *V_(site)(const void *start, size_t size) {
#if TSP_DEBUG & TSP_DEBUG_SITES
    return site_of(start, size);
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
