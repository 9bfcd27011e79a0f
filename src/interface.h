/* The public functions of one family, over engine.h: bytes and pointers become granules, misuse is refused, the lock is
 * held where it must be, and statistics are kept. Contracts are in teaspoon.h, and only there.
 *
 * Functions in small letters expect the lock to be held; the V_ functions at the end take it. */

#include "lock.h"

/* What a handle's state says. A handle that is all zero has not been made: no granules, so nothing can be had. */
enum { UNMADE, SIZED, REMEMBERS };

static const size_t ANY = (size_t)-1; /* instead of an old size: whatever the map says */

/* -- The size map: one bit per granule, set where an object ends -------------------------------------------------- */

static inline byte *map(const heap *h) {
    return h->base + (size_t)h->granules * GRANULE;
}

static inline int is_mark(const heap *h, size_t granule) {
    return map(h)[granule / 8] >> granule % 8 & 1;
}

/* Sets or clears the mark of the object that ends at `end`. */
static inline void flip_mark(const heap *h, size_t end) {
    if (h->state == REMEMBERS) map(h)[(end - 1) / 8] ^= (byte)(1u << (end - 1) % 8);
}

/* The end of the object that begins at granule a; `granules` + 1 if there is no mark. */
static size_t find_mark(const heap *h, size_t a) {
    const byte *m = map(h);
    size_t i = a / 8, bytes = ((size_t)h->granules + 7) / 8;
    unsigned bits = (unsigned)m[i] >> a % 8 << a % 8;
    while (bits == 0) {
        uint32_t four;
        if (++i >= bytes) return (size_t)h->granules + 1;
        while (bytes - i >= sizeof four && (memcpy(&four, m + i, sizeof four), four == 0)) i += sizeof four;
        if (i >= bytes) return (size_t)h->granules + 1;
        bits = m[i];
    }
    for (a = i * 8; !(bits & 1); bits >>= 1) a++;
    return a < h->granules ? a + 1 : (size_t)h->granules + 1;
}

/* -- Bytes and granules ------------------------------------------------------------------------------------------- */

static inline size_t to_granules(size_t bytes) {
    return bytes / GRANULE + (bytes % GRANULE != 0);
}

static inline int is_power_of_two(size_t x) {
    return x != 0 && (x & (x - 1)) == 0;
}

static inline size_t capacity(const heap *h) {
    return (size_t)h->granules * GRANULE;
}

static inline byte *address(const heap *h, size_t granule) {
    return h->base + granule * GRANULE;
}

/* Where `pointer` is in the heap, in bytes; at least capacity() if it is not. Integers, since comparing pointers into
 * different objects is undefined. */
static inline size_t offset(const heap *h, const void *pointer) {
    return (size_t)((uintptr_t)pointer - (uintptr_t)h->base);
}

/* The address of an object of size 0: aligned, not NULL, outside the heap. */
static void *nowhere(const heap *h, size_t align) {
    uintptr_t at = align;
    if (offset(h, (void *)at) < capacity(h)) at = ((uintptr_t)h->base + capacity(h) + align - 1) & ~(uintptr_t)(align - 1);
    return (void *)at;
}

static int is_nowhere(const heap *h, const void *pointer) {
    uintptr_t at = (uintptr_t)pointer, align = at & (0 - at);
    return offset(h, pointer) >= capacity(h) && nowhere(h, (size_t)align) == pointer;
}

/* The alignment of malloc(size): the largest power of two that is at most size and that any type needs. */
static size_t malloc_alignment(size_t size) {
    struct strictest {
        char c;
        union {
            long l;
            long long ll;
            double d;
            long double ld;
            void *p;
            void (*f)(void);
        } u;
    };
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
    size_t align = _Alignof(max_align_t);
#else
    size_t align = offsetof(struct strictest, u);
#endif
    (void)sizeof(struct strictest);
    while (size && align > size) align /= 2;
    return align;
}

/* -- Objects ------------------------------------------------------------------------------------------------------ */

static inline void count_used(heap *h, size_t more, size_t less) {
    h->used = (link)(h->used + more - less);
    if (h->used > h->peak) h->peak = h->used;
}

static tsp_status allocate(heap *h, size_t bytes, size_t align, void **result) {
    size_t n = to_granules(bytes), start;
    tsp_status status = TSP_NO_MEMORY;
    if (n <= h->granules) status = claim(h, n, align, &start);
    if (status != TSP_OK) {
        if (status == TSP_NO_MEMORY && h->failed != UINT16_MAX) h->failed++;
        return status;
    }
    flip_mark(h, start + n);
    count_used(h, n, 0);
    h->objects++;
    *result = address(h, start);
    return TSP_OK;
}

/* The granules [*a, *b) of a live object, and what is around them; or why it is none. */
static inline tsp_status locate(const heap *h, const void *pointer, size_t bytes, size_t *a, size_t *b, around *r) {
    size_t at = offset(h, pointer);
    if (at >= capacity(h)) return TSP_FOREIGN;
    if (at % GRANULE) return TSP_MISALIGNED;
    *a = at / GRANULE;
    if (h->state == REMEMBERS) {
        tsp_status status;
        *b = find_mark(h, *a);
        status = look(h, *a, *b, r);
        if (status != TSP_OK) return status;
        if (*a && !r->before && !is_mark(h, *a - 1)) return TSP_INTERIOR;
        if (*b > h->granules) return TSP_CORRUPT;
        return bytes == ANY || to_granules(bytes) == *b - *a ? TSP_OK : TSP_WRONG_SIZE;
    }
    if (bytes == 0 || to_granules(bytes) > h->granules - *a) return TSP_WRONG_SIZE;
    *b = *a + to_granules(bytes);
    return look(h, *a, *b, r);
}

static tsp_status deallocate(heap *h, void *pointer, size_t bytes) {
    size_t a, b;
    around r;
    tsp_status status = locate(h, pointer, bytes, &a, &b, &r);
    if (status != TSP_OK) return status;
    release(h, &r, a, b);
    flip_mark(h, b);
    h->used = (link)(h->used - (b - a));
    h->objects--;
    return TSP_OK;
}

/* Moves the live object [a, b) to n granules among its own and the holes around it, wherever it is aligned there:
 *      [ before ] object [ after ]  =>  [ lead ] object [ tail ] */
static tsp_status slide(heap *h, const around *r, size_t a, size_t b, size_t n, size_t align, size_t keep, void **result) {
    size_t low = a - r->before, high = b + r->after;
    size_t mask = align / GRANULE ? align / GRANULE - 1 : 0;
    size_t start = low + ((0 - (size_t)((uintptr_t)address(h, low) / GRANULE)) & mask);
    if (start < low || start > high || high - start < n) return TSP_NO_MEMORY;
    if (r->before) extract(h, &r->at, a, r->before);
    if (r->after) extract(h, &r->at, high, r->after);
    flip_mark(h, b);
    flip_mark(h, start + n);
    memmove(address(h, start), address(h, a), keep);
    if (high > start + n) insert(h, &r->at, high, high - start - n);
    if (start > low) insert(h, &r->at, start, start - low);
    *result = address(h, start);
    return TSP_OK;
}

/* Resizes without moving. `r` is around [a, b). */
static tsp_status stay(heap *h, around *r, size_t a, size_t b, size_t n) {
    size_t end = a + n, start;
    if (end < b) {
        tsp_status status = look(h, end, b, r);
        if (status != TSP_OK) return status;
        release(h, r, end, b);
    } else if (end > b) {
        spot s;
        tsp_status status;
        if (r->after < end - b) return TSP_NO_MEMORY;
        s.end = r->after_end;
        s.size = r->after;
        s.lead = 0;
        status = take(h, &s, end - b, &start);
        if (status != TSP_OK) return status;
    }
    flip_mark(h, b);
    flip_mark(h, end);
    return TSP_OK;
}

/* -- With the lock ------------------------------------------------------------------------------------------------ */

static void *refuse(const heap *h, const void *pointer, tsp_status status) {
    if (status != TSP_OK && status != TSP_NO_MEMORY) tsp_misuse(h, pointer, status);
    return NULL;
}

static void *new_object(heap *h, size_t bytes, size_t align) {
    void *result = NULL;
    tsp_status status;
    lock_state state;
    if (!is_power_of_two(align)) return NULL;
    if (bytes == 0) return nowhere(h, align);
    state = LOCK(h);
    status = allocate(h, bytes, align, &result);
    UNLOCK(h, state);
    return status == TSP_OK ? result : refuse(h, NULL, status);
}

/* What can be said about a pointer that comes back without looking at the heap. GO_ON: nothing yet. */
enum { GO_ON = -1 };
static int judge(const heap *h, const void *pointer, size_t bytes, size_t align) {
    if (!is_power_of_two(align)) return TSP_BAD_ALIGNMENT;
    if (pointer == NULL) return TSP_OK;
    if ((uintptr_t)pointer & (align - 1)) return TSP_MISALIGNED;
    if (offset(h, pointer) < capacity(h)) return bytes ? GO_ON : TSP_WRONG_SIZE;
    return bytes == 0 || (bytes == ANY && is_nowhere(h, pointer)) ? TSP_OK : TSP_FOREIGN;
}

static tsp_status old_object(heap *h, void *pointer, size_t bytes, size_t align) {
    int verdict = judge(h, pointer, bytes, align);
    tsp_status status;
    lock_state state;
    if (verdict != GO_ON) return (tsp_status)verdict;
    state = LOCK(h);
    status = deallocate(h, pointer, bytes);
    UNLOCK(h, state);
    return status;
}

static tsp_status resize(heap *h, void *pointer, size_t old_bytes, size_t bytes, size_t align, int may_move,
                         void **result) {
    size_t a, b, n = to_granules(bytes), keep;
    around r;
    tsp_status status;
    lock_state state = LOCK(h);
    status = locate(h, pointer, old_bytes, &a, &b, &r);
    if (status != TSP_OK) goto done;
    keep = (b - a) * GRANULE;
    if (keep > old_bytes) keep = old_bytes;
    if (keep > bytes) keep = bytes;
    if (n > h->granules) {
        status = TSP_NO_MEMORY;
        goto done;
    }
    if (((uintptr_t)pointer & (align - 1)) == 0) {
        status = stay(h, &r, a, b, n);
        if (status != TSP_NO_MEMORY) {
            *result = pointer;
            if (status == TSP_OK) count_used(h, n, b - a);
            goto done;
        }
    }
    status = TSP_NO_MEMORY;
    if (!may_move) goto done;
    {
        size_t start;
        status = claim(h, n, align, &start);
        if (status == TSP_OK) {
            flip_mark(h, start + n);
            count_used(h, n, 0);
            UNLOCK(h, state); /* both objects are live: the copy needs no lock */
            memcpy(*result = address(h, start), pointer, keep);
            state = LOCK(h);
            status = look(h, a, b, &r);
            if (status == TSP_OK) {
                release(h, &r, a, b);
                flip_mark(h, b);
                h->used = (link)(h->used - (b - a));
            }
            UNLOCK(h, state);
            return status;
        }
        if (status == TSP_NO_MEMORY) {
            status = slide(h, &r, a, b, n, align, keep, result);
            if (status == TSP_OK) count_used(h, n, b - a);
        }
    }
done:
    if (status == TSP_NO_MEMORY && h->failed != UINT16_MAX) h->failed++;
    UNLOCK(h, state);
    return status;
}

/* Resize as the pointer-returning calls have it: to and from nothing too. */
static void *resized_object(heap *h, void *pointer, size_t old_bytes, size_t bytes, size_t align) {
    void *result = NULL;
    tsp_status status = TSP_BAD_ALIGNMENT;
    if (pointer == NULL || old_bytes == 0 || (old_bytes == ANY && is_nowhere(h, pointer))) {
        if (pointer == NULL || offset(h, pointer) >= capacity(h)) return new_object(h, bytes, align);
        return refuse(h, pointer, TSP_WRONG_SIZE);
    }
    if (is_power_of_two(align)) {
        if (bytes) {
            status = resize(h, pointer, old_bytes, bytes, align, 1, &result);
        } else {
            status = old_object(h, pointer, old_bytes, 1);
            result = nowhere(h, align);
        }
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

/* One hole over everything, and statistics from the beginning. The state is set last: it says that the rest is there. */
static void empty(heap *h, unsigned char kind) {
    place p;
    h->gap = h->jump = 0;
    h->objects = h->used = h->peak = 0;
    h->failed = 0;
    p.gap = p.jump = head(h);
    p.gap_end = p.jump_end = 0;
#if TSP_EXPRESS
    h->hop = h->top = 0;
    p.hop = head(h);
    p.hop_end = 0;
#endif
    if (h->granules) insert(h, &p, h->granules, h->granules);
    if (kind == REMEMBERS && h->granules) memset(map(h), 0, ((size_t)h->granules + 7) / 8);
#if TSP_LOCK == TSP_LOCK_SPIN
    __atomic_store_n(&h->state, kind, __ATOMIC_RELEASE);
#else
    h->state = kind;
#endif
}

/* Everything but the lock, which V_once holds meanwhile. */
static void make(heap *h, void *memory, size_t size, int sized) {
    size_t lost = (size_t)(0 - (uintptr_t)memory) % GRANULE, granules;
    size = memory == NULL || size < lost ? 0 : size - lost;
    if (sized) {
        granules = size / GRANULE;
    } else { /* eight granules and a byte of map, over and over; what remains pays for its byte of map first */
        size_t rest = size % (8 * GRANULE + 1);
        granules = size / (8 * GRANULE + 1) * 8 + (rest ? (rest - 1) / GRANULE : 0);
    }
    h->base = granules ? (byte *)memory + lost : NULL;
    h->granules = granules > LINK_MAX ? LINK_MAX : (link)granules;
    empty(h, sized ? SIZED : REMEMBERS);
}

static size_t init(heap *h, void *memory, size_t size, int sized) {
    h->lock = 0;
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
    empty(h, h->state);
    UNLOCK(h, state);
}

void *V_(alloc)(heap *h, size_t size, size_t align) {
    return new_object(h, size, align);
}

void *V_(alloc_zeroed)(heap *h, size_t size, size_t align) {
    return zeroed(new_object(h, size, align), 0, size);
}

tsp_status V_(dealloc)(heap *h, void *pointer, size_t size, size_t align) {
    return size == ANY ? TSP_WRONG_SIZE : old_object(h, pointer, size, align);
}

void *V_(resize)(heap *h, void *pointer, size_t old_size, size_t new_size, size_t align) {
    return old_size == ANY ? refuse(h, pointer, TSP_WRONG_SIZE) : resized_object(h, pointer, old_size, new_size, align);
}

void *V_(resize_zeroed)(heap *h, void *pointer, size_t old_size, size_t new_size, size_t align) {
    return zeroed(V_(resize)(h, pointer, old_size, new_size, align), pointer ? old_size : 0, new_size);
}

tsp_status V_(resize_in_place)(heap *h, void *pointer, size_t old_size, size_t new_size, size_t align) {
    void *result;
    if (!is_power_of_two(align)) return TSP_BAD_ALIGNMENT;
    if (old_size == 0 || new_size == 0 || old_size == ANY) return old_size == new_size ? TSP_OK : TSP_NO_MEMORY;
    return resize(h, pointer, old_size, new_size, align, 0, &result);
}

void *V_(try_alloc)(heap *h, size_t size, size_t align) {
    void *result = NULL;
    lock_state state;
    if (!is_power_of_two(align)) return NULL;
    if (size == 0) return nowhere(h, align);
    if (!TRY_LOCK(h, &state)) return NULL;
    if (allocate(h, size, align, &result) != TSP_OK) result = NULL;
    UNLOCK(h, state);
    return result;
}

tsp_status V_(try_dealloc)(heap *h, void *pointer, size_t size, size_t align) {
    int verdict = size == ANY ? TSP_WRONG_SIZE : judge(h, pointer, size, align);
    tsp_status status;
    lock_state state;
    if (verdict != GO_ON) return (tsp_status)verdict;
    if (!TRY_LOCK(h, &state)) return TSP_BUSY;
    status = deallocate(h, pointer, size);
    UNLOCK(h, state);
    return status;
}

void *V_(malloc)(heap *h, size_t size) {
    return h->state == SIZED ? refuse(h, NULL, TSP_SIZED_HEAP) : new_object(h, size, malloc_alignment(size));
}

void *V_(calloc)(heap *h, size_t count, size_t size) {
    size_t bytes = product(count, size);
    return zeroed(V_(malloc)(h, bytes), 0, bytes);
}

void *V_(realloc)(heap *h, void *pointer, size_t size) {
    if (h->state == SIZED) return refuse(h, pointer, TSP_SIZED_HEAP);
    return resized_object(h, pointer, ANY, size, malloc_alignment(size));
}

void *V_(reallocarray)(heap *h, void *pointer, size_t count, size_t size) {
    return V_(realloc)(h, pointer, product(count, size));
}

void *V_(aligned_alloc)(heap *h, size_t align, size_t size) {
    return h->state == SIZED ? refuse(h, NULL, TSP_SIZED_HEAP) : new_object(h, size, align);
}

void V_(free)(heap *h, void *pointer) {
    refuse(h, pointer, pointer && h->state == SIZED ? TSP_SIZED_HEAP : old_object(h, pointer, ANY, 1));
}

void V_(free_sized)(heap *h, void *pointer, size_t size) {
    V_(free_aligned_sized)(h, pointer, 1, size);
}

void V_(free_aligned_sized)(heap *h, void *pointer, size_t align, size_t size) {
    tsp_status status = TSP_WRONG_SIZE;
    if (pointer && h->state == SIZED) status = TSP_SIZED_HEAP;
    else if (size != ANY) status = old_object(h, pointer, size, align);
    refuse(h, pointer, status);
}

size_t V_(usable_size)(heap *h, const void *pointer) {
    size_t a = 0, b = 0;
    around r;
    tsp_status status;
    lock_state state;
    if (pointer == NULL || is_nowhere(h, pointer)) return 0;
    if (h->state == SIZED) {
        status = TSP_SIZED_HEAP;
    } else {
        state = LOCK(h);
        status = locate(h, pointer, ANY, &a, &b, &r);
        UNLOCK(h, state);
    }
    if (status == TSP_OK) return (b - a) * GRANULE;
    refuse(h, pointer, status);
    return 0;
}

/* -- Looking at a heap --------------------------------------------------------------------------------------------- */

/* The hole after the one that ends at *end (0: the first), as [*start, *end). 0 when there is none. */
static int next_hole(const heap *h, size_t *start, size_t *end) {
    size_t d = get(GAP(*end ? node(h, *end) : head(h))), size;
    if (d == 0 || d > h->granules - *end) return 0;
    *end += d;
    size = get(SIZE(node(h, *end)));
    *start = size <= d ? *end - size : *end - d;
    return 1;
}

/* The most granules that an object of this alignment can have now. */
static size_t widest(const heap *h, size_t align) {
    size_t start, end = 0, best = 0;
    while (next_hole(h, &start, &end)) {
        size_t mask = align / GRANULE ? align / GRANULE - 1 : 0;
        size_t lead = (0 - (size_t)((uintptr_t)address(h, start) / GRANULE)) & mask;
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
    u.largest = widest(h, 1) * GRANULE;
    u.low_free = u.total - (size_t)h->peak * GRANULE;
    u.failed = h->failed;
    UNLOCK(h, state);
    return u;
}

size_t V_(largest)(heap *h, size_t align) {
    size_t bytes;
    lock_state state = LOCK(h);
    bytes = is_power_of_two(align) ? widest(h, align) * GRANULE : 0;
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

int V_(walk)(heap *h, tsp_visitor *visitor, void *context) {
    size_t start = 0, end = 0, live = 0;
    int stop = 0;
    lock_state state = LOCK(h);
    while (!stop && next_hole(h, &start, &end)) {
        stop = visit_live(h, live, start, visitor, context);
        if (!stop) stop = visitor(context, address(h, start), (end - start) * GRANULE, TSP_HOLE);
        live = end;
    }
    if (!stop) stop = visit_live(h, live, h->granules, visitor, context);
    UNLOCK(h, state);
    return stop;
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
