/* The calls on objects, over objects.h: the lock is held where it must be, failures are counted, misuse is reported.
 * Contracts are in teaspoon.h, and only there. */

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

/* A new object, or why there is none. impatient: it does not wait. */
static COLD tsp_status obtain(heap *h, size_t bytes, size_t align, int impatient, void **result) {
    tsp_status status;
    lock_state state;
    *result = NULL;
    if (TSP_CHECK && !is_power_of_two(align)) return TSP_BAD_ALIGNMENT;
    if (!impatient) state = LOCK(h);
    else if (!TRY_LOCK(h, &state)) return TSP_BUSY;
    status = allocate_called(h, bytes, align, 0, result);
    if (status == TSP_NO_MEMORY && bytes) tsp_count_failure(&FAILED(h, state));
    UNLOCK(h, state);
    if (bytes == 0 && (*result = nowhere(h, align)) != NULL) status = TSP_OK;
    return status;
}

/* For callers that wait and do not want to know; a body of its own for the calls that programs make most. */
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

/* The same for those that can afford a call. */
static COLD void *obtained(heap *h, size_t bytes, size_t align) {
    void *result;
    tsp_status status;
    if (!FAST) return new_object(h, bytes, align);
    status = obtain(h, bytes, align, 0, &result);
    return status == TSP_CORRUPT ? refuse(h, NULL, status) : result;
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

enum { MAY_MOVE, STAYS, TRIES /* and: does not wait either */ };

static tsp_status resize(heap *h, void *pointer, size_t old_bytes, int any, size_t bytes, size_t align, int way,
                         void **result) {
    size_t n = to_granules(bytes), start, moved = 0;
    extent o;
    legacy old;
    lock_state state;
    tsp_status status;
    if (way != TRIES) state = LOCK(h);
    else if (!TRY_LOCK(h, &state)) return TSP_BUSY;
    status = locate_called(h, pointer, old_bytes, any, &o);
    if (CAN_FAIL && status != TSP_OK) goto done;
    status = TSP_NO_MEMORY;
    if (n - 1 >= h->granules) goto done;
    old = leave(h, o.a, o.b, bytes);
    start = o.a;
    if (any && n <= o.b - o.a) align = 1; /* realloc: malloc gave what it promises, and V_alloc what was asked for */
    if (((uintptr_t)pointer & (align - 1)) || n > o.high - o.a) {
        if (way != MAY_MOVE) goto done;
        status = allocate_called(h, bytes, align, 1, result);
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
        start = o.low + padding(address(h, o.low), align - 1);
        if (start > o.high || n > o.high - start) goto done;
        moved = old.bytes;
    } else if (n < o.b - o.a) {
        debug_cut_off(h, o.a + n, o.b);
    }
    status = start != o.a || n != o.b - o.a ? change(h, &o, start, n, moved) : TSP_OK;
    if (TSP_CHECK && status != TSP_OK) goto done;
    *result = address(h, start);
    flip_mark(h, o.b);
    flip_mark(h, start + n);
    note_span(h, start, start + n);
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
        return obtained(h, bytes, align);
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

/* -- The public functions ------------------------------------------------------------------------------------------ */

void *V_(alloc)(heap *h, size_t size, size_t align) {
    return new_object(h, size, align);
}

void *V_(alloc_zeroed)(heap *h, size_t size, size_t align) {
    return zeroed(obtained(h, size, align), 0, size);
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
    const tsp_status status = obtain(h, size, align, 1, &result);
    return status == TSP_CORRUPT ? refuse(h, NULL, status) : result;
}

tsp_status V_(try_alloc_to)(heap *h, size_t size, size_t align, void **result) {
    return obtain(h, size, align, 1, result);
}

tsp_status V_(try_dealloc)(heap *h, void *pointer, size_t size, size_t align) {
    return give_back(h, pointer, size, 0, align, 1);
}

tsp_status V_(try_malloc)(heap *h, size_t size, void **result) {
    *result = NULL;
    return is_sized(h) ? TSP_SIZED_HEAP : obtain(h, size, malloc_alignment(size), 1, result);
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
    return obtained(h, size, align);
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
        status = locate_called(h, pointer, 0, 1, &o);
        UNLOCK(h, state);
    }
    if (status == TSP_OK) return leave(h, o.a, o.b, (size_t)-1).bytes;
    refuse(h, pointer, status);
    return 0;
}
