/* Arithmetic: every size that wraps when anything is added to it or that is near a power of two, under every alignment
 * that size_t has and bad ones beside them, for every call that takes a size; in an empty heap and in one full of
 * holes. (BadAlloc, ICSA-21-119-04: size plus header, count times size, size plus alignment, a count cut to 16 bits.) A
 * call succeeds where the oracle's list says so; otherwise it says what is wrong, and no byte has changed.
 *
 * What size_t holds is the machine's: scripts run this on 64, 32 and 16 bits.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "oracle.h"

/* -- The grid ----------------------------------------------------------------------------------------------------- */

enum { BITS = 8 * sizeof(size_t), AROUND = 4 * 8 /* bytes on both sides of a power of two */ };

static size_t sizes[4097 + 256 + BITS * (2 * AROUND + 1)], sizes_known;
static size_t aligns[BITS], bad_aligns[3 * BITS + 2], bad_known;

static int in_order(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static void lay_grid(void) {
    size_t n = 0, bits;
    for (size_t i = 0; i <= 4096; i++) sizes[n++] = SIZE_MAX - i;
    for (size_t i = 0; i < 256; i++) sizes[n++] = i; /* the heaps here are smaller */
    for (bits = 0; bits < BITS; bits++)
        for (size_t i = 0; i <= 2 * AROUND; i++) sizes[n++] = ((size_t)1 << bits) + i - AROUND;
    qsort(sizes, n, sizeof *sizes, in_order);
    sizes_known = 1;
    for (size_t i = 1; i < n; i++)
        if (sizes[i] != sizes[sizes_known - 1]) sizes[sizes_known++] = sizes[i];
    bad_known = 0;
    bad_aligns[bad_known++] = 0;
    bad_aligns[bad_known++] = SIZE_MAX;
    for (bits = 0; bits < BITS; bits++) {
        size_t power = aligns[bits] = (size_t)1 << bits;
        if (bits > 2) bad_aligns[bad_known++] = power - 1;
        if (bits > 1) bad_aligns[bad_known++] = power + 1;
        if (bits > 1) bad_aligns[bad_known++] = power + power / 2;
    }
}

/* -- The scenes --------------------------------------------------------------------------------------------------- */

static unsigned long calls, served;
static TSP_V before; /* the heap of the scene; its bytes are in the kitchen's image */

static oracle lay_scene(int fragmented, int sized) {
    oracle m = open_oracle(region_for(40 * UNIT, sized), GRANULE, sized);
    if (fragmented) {
        for (size_t i = 0; i < 11; i++) make_object(&m, ALLOC, (1 + i * 5 % 4) * UNIT - i % 3, i % 2 ? 2 * UNIT : 1);
        make_object(&m, ALLOC, 1, 1);
        for (size_t i = 0; i < 5; i++) end_object(&m, DEALLOC, i);
        end_object(&m, DEALLOC, m.count - 2);
        CHECK(m.failed == 0 && m.count == 6);
    }
    settle(&m);
    before = m.k.heap;
    remember(&m.k);
    calls = served = 0;
    return m;
}

static void put_back(oracle *m) {
    m->k.heap = before;
    memcpy(m->k.where.memory, m->k.image, m->k.where.size);
    served++;
}

/* After calls that all failed, or were put back. */
static int is_as_before(oracle *m) {
    unsigned char failed = m->k.heap.failed;
    m->k.heap.failed = before.failed;
    if (!CHECK(memcmp(&m->k.heap, &before, sizeof before) == 0) || !CHECK(is_unchanged(&m->k))) return 0;
    m->k.heap.failed = failed;
    return test_failures == 0;
}

static void clear_scene(oracle *m, const char *what, int fragmented) {
    printf("%s: %s heap, %s, size_t of %u bits: %lu calls, %lu of them served\n", what,
           fragmented ? "fragmented" : "empty", m->k.sized ? "sized" : "remembering", (unsigned)BITS, calls, served);
    CHECK(served > 0 && served < calls);
    test_note[0] = '\0';
    m->k.heap = before;
    while (m->count) end_object(m, DEALLOC, 0);
    CHECK(is_empty(&m->k));
    close_oracle(m);
}

/* -- What a call must answer -------------------------------------------------------------------------------------- */

static int fits_anew(const oracle *m, size_t size, size_t align) {
    return size <= m->k.total && can_place(m, size, align);
}

/* An address for an object of size 0. Where the heap lies over the only multiple of the alignment there is none. */
static int is_nothing(const oracle *m, const void *p, size_t align) {
    uintptr_t base = (uintptr_t)m->k.base, at = align;
    if (p) return (uintptr_t)p % align == 0 && !V_(contains)(&m->k.heap, p);
    while (at && at - base < m->k.total) at += align;
    return at == 0;
}

static void judge_new(oracle *m, void *p, size_t size, size_t align, int fits, int zeroed) {
    calls++;
    if (size == 0) {
        CHECK(is_nothing(m, p, align));
        return;
    }
    if (!CHECK((p != NULL) == fits) || p == NULL) return;
    CHECK(is_placed(&m->k, p, size, align));
    if (zeroed) CHECK(is_filled_with(p, size, 0));
    put_back(m);
}

static void judge_resized(oracle *m, const object *o, void *q, size_t size, size_t align, int fits, int zeroed) {
    size_t kept = o->size < size ? o->size : size;
    calls++;
    if (!CHECK((q != NULL) == fits) || q == NULL) return;
    CHECK(is_placed(&m->k, q, size, align) && keeps(q, kept, o->seed));
    if (zeroed && size > kept) CHECK(is_filled_with((unsigned char *)q + kept, size - kept, 0));
    put_back(m);
}

/* What becomes of the object o if its size is said to be this. */
static tsp_status verdict(const oracle *m, const object *o, size_t size) {
    size_t end;
    if (size == 0 || size > m->k.total) return TSP_WRONG_SIZE;
    if (!m->k.sized) return round_up(size) == round_up(o->size) ? TSP_OK : TSP_WRONG_SIZE;
    end = o->start + round_up(size);
    if (end > m->k.total) return TSP_WRONG_SIZE;
    for (size_t i = 0; i <= m->count; i++)
        if (gap_start(m, i) < end && gap_end(m, i) > o->start && gap_start(m, i) < gap_end(m, i))
            return TSP_ALREADY_FREE;
    return TSP_OK; /* a sized heap can not know better */
}

static void judge_status(oracle *m, tsp_status status, tsp_status expected) {
    calls++;
    if (CHECK(status == expected) && status == TSP_OK) put_back(m);
}

/* A call that returns NULL or nothing says in the hook what is wrong. */
#define REFUSES(expected, call)                                                                                        \
    do {                                                                                                               \
        misuse.count = 0;                                                                                              \
        call;                                                                                                          \
        calls++;                                                                                                       \
        CHECK(misuse.count == 1 && misuse.status == (expected));                                                       \
    } while (0)

/* -- The calls ---------------------------------------------------------------------------------------------------- */

static void ask_for_new(oracle *m, size_t size, size_t align) {
    TSP_V *h = &m->k.heap;
    int fits = fits_anew(m, size, align);
    judge_new(m, V_(alloc)(h, size, align), size, align, fits, 0);
    judge_new(m, V_(alloc_zeroed)(h, size, align), size, align, fits, 1);
    judge_new(m, V_(try_alloc)(h, size, align), size, align, fits, 0);
    judge_new(m, V_(resize)(h, NULL, 0, size, align), size, align, fits, 0);
    judge_new(m, V_(resize_zeroed)(h, NULL, 0, size, align), size, align, fits, 1);
    if (m->k.sized) return;
    if (size || ((uintptr_t)h & (align - 1)) == 0)
        judge_new(m, V_(aligned_alloc)(h, align, size), size, align, fits, 0);
    else CHECK(V_(aligned_alloc)(h, align, size) == NULL);
}

/* The calls of the C library, whose alignment follows from the size. */
static void ask_as_in_c(oracle *m, size_t size) {
    TSP_V *h = &m->k.heap;
    size_t align = malloc_align(size);
    int fits = fits_anew(m, size, align);
    judge_new(m, V_(malloc)(h, size), size, align, fits, 0);
    judge_new(m, V_(calloc)(h, 1, size), size, align, fits, 1);
    judge_new(m, V_(calloc)(h, size, 1), size, align, fits, 1);
    judge_new(m, V_(realloc)(h, NULL, size), size, align, fits, 0);
    judge_new(m, V_(reallocarray)(h, NULL, size, 1), size, align, fits, 0);
    for (size_t i = 0; i < m->count && size; i++) {
        const object *o = &m->live[i];
        void *p = m->k.base + o->start;
        tsp_status status = verdict(m, o, size);
        align = realloc_align(o, size);
        fits = size <= m->k.total &&
               (can_stay(m, i, size, align) || can_slide(m, i, size, align) || can_place(m, size, align));
        judge_resized(m, o, V_(realloc)(h, p, size), size, align, fits, 0);
        judge_resized(m, o, V_(reallocarray)(h, p, 1, size), size, align, fits, 0);
        if (status != TSP_OK) {
            REFUSES(status, V_(free_sized)(h, p, size));
        } else {
            V_(free_sized)(h, p, size);
            CHECK(V_(usage)(h).objects == m->count - 1);
            put_back(m);
        }
    }
}

/* The object i, to every new size, and with every size as the old one. */
static void ask_of_object(oracle *m, size_t i, size_t size, size_t align) {
    TSP_V *h = &m->k.heap;
    const object *o = &m->live[i];
    void *p = m->k.base + o->start;
    int stays = size <= m->k.total && can_stay(m, i, size, align);
    int fits = stays || (size <= m->k.total && (can_slide(m, i, size, align) || can_place(m, size, align)));
    tsp_status status = verdict(m, o, size);
    if (size) {
        judge_resized(m, o, V_(resize)(h, p, o->size, size, align), size, align, fits, 0);
        judge_resized(m, o, V_(resize_zeroed)(h, p, o->size, size, align), size, align, fits, 1);
        judge_status(m, V_(resize_in_place)(h, p, o->size, size, align), stays ? TSP_OK : TSP_NO_MEMORY);
    }
    if (status != TSP_OK) { /* or else it would be freed */
        REFUSES(status, CHECK(V_(resize)(h, p, size, SIZE_MAX - size, align) == NULL));
        REFUSES(status, CHECK(V_(resize_zeroed)(h, p, size, o->size, align) == NULL));
        judge_status(m, V_(resize_in_place)(h, p, size, o->size, align), status);
    }
    if ((uintptr_t)p & (align - 1)) status = TSP_MISALIGNED;
    judge_status(m, V_(dealloc)(h, p, size, align), status);
    judge_status(m, V_(try_dealloc)(h, p, size, align), status);
    if (!m->k.sized && status != TSP_OK) REFUSES(status, V_(free_aligned_sized)(h, p, align, size));
}

static void ask_badly(oracle *m, size_t size, size_t align) {
    TSP_V *h = &m->k.heap;
    const tsp_status bad = TSP_BAD_ALIGNMENT;
    h->failed = 0; /* counts what found no memory, and not what was refused */
    CHECK(V_(alloc)(h, size, align) == NULL && V_(alloc_zeroed)(h, size, align) == NULL);
    CHECK(V_(try_alloc)(h, size, align) == NULL && V_(resize)(h, NULL, 0, size, align) == NULL);
    CHECK(V_(resize_zeroed)(h, NULL, 0, size, align) == NULL);
    if (!m->k.sized) CHECK(V_(aligned_alloc)(h, align, size) == NULL);
    calls += 5;
    if (m->count) {
        const object *o = &m->live[size % m->count];
        void *p = m->k.base + o->start;
        REFUSES(bad, CHECK(V_(resize)(h, p, o->size, size, align) == NULL));
        REFUSES(bad, CHECK(V_(resize_zeroed)(h, p, size, o->size, align) == NULL));
        judge_status(m, V_(resize_in_place)(h, p, o->size, size, align), bad);
        judge_status(m, V_(dealloc)(h, p, size, align), bad);
        judge_status(m, V_(try_dealloc)(h, p, size, align), bad);
        if (!m->k.sized) REFUSES(bad, V_(free_aligned_sized)(h, p, align, size));
    }
    CHECK(h->failed == 0);
}

static void sizes_and_alignments(int fragmented, int sized) {
    oracle all = lay_scene(fragmented, sized), *m = &all;
    lay_grid();
    for (size_t s = 0; s < sizes_known; s++) {
        const size_t size = sizes[s];
        snprintf(test_note, sizeof test_note, "size %lu", (unsigned long)size);
        misuse.count = 0;
        if (!sized) ask_as_in_c(m, size);
        for (size_t a = 0; a < BITS; a++) {
            ask_for_new(m, size, aligns[a]);
            for (size_t i = 0; i < m->count; i += 2) ask_of_object(m, i, size, aligns[a]);
        }
        for (size_t a = 0; a < bad_known; a++) ask_badly(m, size, bad_aligns[a]);
        if (!is_as_before(m)) break;
    }
    clear_scene(m, "grid", fragmented);
}

TEST_BOTH(every_size_and_alignment_in_an_empty_heap) {
    sizes_and_alignments(0, sized);
}

TEST_BOTH(every_size_and_alignment_among_holes) {
    sizes_and_alignments(1, sized);
}

/* -- Products ----------------------------------------------------------------------------------------------------- */

/* count * size, or SIZE_MAX where size_t does not hold it: by adding, since it is multiplying that is tested. Doubles
 * as it goes, from the highest bit of count. */
static size_t times(size_t count, size_t size) {
    size_t sum = 0;
    for (size_t bit = (size_t)1 << (BITS - 1); bit; bit /= 2) {
        if (sum > SIZE_MAX / 2) return SIZE_MAX;
        sum += sum;
        if (!(count & bit)) continue;
        if (sum > SIZE_MAX - size) return SIZE_MAX;
        sum += size;
    }
    return sum;
}

/* Small numbers, those around powers of two, the largest, and their fractions, which only just (or just not) wrap. */
static size_t list_factors(void) {
    size_t n = 0;
    for (size_t i = 0; i < 20; i++) {
        sizes[n++] = i;
        sizes[n++] = SIZE_MAX - i;
        if (i < 2) continue;
        sizes[n++] = SIZE_MAX / i;
        sizes[n++] = SIZE_MAX / i + 1;
    }
    for (size_t bits = 4; bits < BITS; bits++)
        for (size_t i = 0; i < 5; i++) sizes[n++] = ((size_t)1 << bits) + i - 2;
    return n;
}

static void products(int fragmented) {
    oracle all = lay_scene(fragmented, 0), *m = &all;
    const size_t n = list_factors();
    TSP_V *h = &m->k.heap;
    for (size_t s = 0; s < n; s++) {
        snprintf(test_note, sizeof test_note, "count %lu", (unsigned long)sizes[s]);
        misuse.count = 0;
        for (size_t t = 0; t < n; t++) {
            const size_t count = sizes[s], each = sizes[t], bytes = times(count, each), align = malloc_align(bytes);
            const int fits = fits_anew(m, bytes, align);
            judge_new(m, V_(calloc)(h, count, each), bytes, align, fits, 1);
            judge_new(m, V_(reallocarray)(h, NULL, count, each), bytes, align, fits, 0);
            for (size_t i = 0; i < m->count && bytes; i += 3) {
                const object *o = &m->live[i];
                const size_t keep = realloc_align(o, bytes);
                int stays = bytes <= m->k.total && (can_stay(m, i, bytes, keep) || can_slide(m, i, bytes, keep));
                void *q = V_(reallocarray)(h, m->k.base + o->start, count, each);
                judge_resized(m, o, q, bytes, keep, fits || stays, 0);
            }
        }
        CHECK(misuse.count == 0);
        if (!is_as_before(m)) break;
    }
    clear_scene(m, "products", fragmented);
}

TEST(every_product) {
    products(0);
    products(1);
}
