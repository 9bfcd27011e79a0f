/* Misuse: everything that can be known to be wrong is refused with its reason, and changes not a byte. And damage:
 * after stray writes into the heap no call reads or writes outside the region (AddressSanitizer watches the guards) and
 * none runs for ever.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"

#include <stddef.h>
#include <sys/mman.h>
#include <time.h>

/* A heap of 64 units with objects a, b, c of four units each and 52 free ones after them. */
static unsigned char *a, *b, *c;
static size_t four;

static kitchen lay_table(int sized) {
    kitchen k = open_kitchen(64, sized);
    four = 4 * UNIT;
    a = V_(alloc)(&k.heap, four, UNIT);
    b = V_(alloc)(&k.heap, four, UNIT);
    c = V_(alloc)(&k.heap, four, UNIT);
    CHECK(a && b && c);
    fill(a, 0, four, 1);
    fill(b, 0, four, 2);
    fill(c, 0, four, 3);
    return k;
}

static int broken; /* the heap is, on purpose */

/* The layout calls refuse (p, size, align) with this status, whatever they are. */
static void refused(kitchen *k, void *p, size_t size, size_t align, tsp_status status) {
    tsp_usage before = V_(usage)(&k->heap), after;
    remember(k);
    misuse.count = 0;
    CHECK(V_(dealloc)(&k->heap, p, size, align) == status);
    CHECK(V_(try_dealloc)(&k->heap, p, size, align) == status);
    CHECK(misuse.count == 0); /* they say it themselves */
    if (size && p) {
        CHECK(V_(resize_in_place)(&k->heap, p, size, size + UNIT, align) == status);
        CHECK(V_(resize_in_place)(&k->heap, p, size, UNIT, align) == status);
        CHECK(misuse.count == 0);
        CHECK(V_(resize)(&k->heap, p, size, size + UNIT, align) == NULL);
        CHECK(misuse.count == 1 && misuse.status == status && misuse.pointer == p && misuse.heap == &k->heap);
        CHECK(V_(resize)(&k->heap, p, size, UNIT, align) == NULL);
        CHECK(V_(resize_zeroed)(&k->heap, p, size, 2 * size, align) == NULL);
        CHECK(V_(resize)(&k->heap, p, size, 0, align) == NULL);
        CHECK(misuse.count == 4 && misuse.status == status && misuse.pointer == p);
    }
    CHECK(is_unchanged(k));
    after = V_(usage)(&k->heap);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    CHECK(broken || is_sound(k));
}

/* A call that reports, instead of returning, this status. */
#define REPORTS(k, status_, p, call)                                                                                   \
    do {                                                                                                               \
        remember(k);                                                                                                   \
        misuse.count = 0;                                                                                              \
        call;                                                                                                          \
        CHECK(misuse.count == 1);                                                                                      \
        CHECK(misuse.status == (status_));                                                                             \
        CHECK(misuse.pointer == (p) && misuse.heap == &(k)->heap);                                                     \
        CHECK(is_unchanged(k));                                                                                        \
        CHECK(broken || is_sound(k));                                                                                  \
    } while (0)

/* The C library calls report that p is no object of theirs. */
static void reported(kitchen *k, void *p, tsp_status status) {
    REPORTS(k, status, p, V_(free)(&k->heap, p));
    REPORTS(k, status, p, V_(free_sized)(&k->heap, p, 4 * UNIT));
    REPORTS(k, status, p, V_(free_aligned_sized)(&k->heap, p, 1, 4 * UNIT));
    REPORTS(k, status, p, CHECK(V_(realloc)(&k->heap, p, 1) == NULL));
    REPORTS(k, status, p, CHECK(V_(realloc)(&k->heap, p, 20 * UNIT) == NULL));
    REPORTS(k, status, p, CHECK(V_(realloc)(&k->heap, p, 0) == NULL));
    REPORTS(k, status, p, CHECK(V_(reallocarray)(&k->heap, p, 3, UNIT) == NULL));
    REPORTS(k, status, p, CHECK(V_(usable_size)(&k->heap, p) == 0));
}

static void set_down(kitchen *k, unsigned char *p) {
    CHECK(V_(dealloc)(&k->heap, p, four, UNIT) == TSP_OK);
}

/* -- Double frees: at once, and after either neighbour was freed and the holes merged ------------------------------ */

static void freed_twice(kitchen *k, unsigned char *p) {
    refused(k, p, four, GRANULE, TSP_ALREADY_FREE);
    if (!k->sized) reported(k, p, TSP_ALREADY_FREE);
}

TEST_BOTH(double_free) {
    kitchen k = lay_table(sized);
    set_down(&k, b);
    freed_twice(&k, b);
    close_kitchen(&k);
}

TEST_BOTH(double_free_after_merging_down) {
    kitchen k = lay_table(sized);
    set_down(&k, b);
    set_down(&k, a);
    freed_twice(&k, b);
    freed_twice(&k, a);
    close_kitchen(&k);
}

TEST_BOTH(double_free_after_merging_up) {
    kitchen k = lay_table(sized);
    set_down(&k, a);
    set_down(&k, b);
    freed_twice(&k, a);
    freed_twice(&k, b);
    set_down(&k, c);
    freed_twice(&k, c);
    freed_twice(&k, b);
    freed_twice(&k, a);
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

TEST_BOTH(free_of_what_never_was) {
    kitchen k = lay_table(sized);
    for (size_t at = 3 * four; at + four <= k.total; at += GRANULE) freed_twice(&k, k.base + at);
    close_kitchen(&k);
}

/* A run that is live in part: a wrong size, or a stale pointer. */
TEST_BOTH(free_that_reaches_into_a_hole) {
    kitchen k = lay_table(sized);
    if (sized) refused(&k, c, four + 1, UNIT, TSP_ALREADY_FREE);
    set_down(&k, b);
    refused(&k, a, four + 1, UNIT, sized ? TSP_ALREADY_FREE : TSP_WRONG_SIZE);
    refused(&k, a, 2 * four + 1, UNIT, sized ? TSP_ALREADY_FREE : TSP_WRONG_SIZE);
    if (sized) refused(&k, b + four - UNIT, 2 * UNIT, UNIT, TSP_ALREADY_FREE);
    close_kitchen(&k);
}

/* -- Pointers that are not into the heap, not on a granule, not at the beginning ----------------------------------- */

TEST_BOTH(foreign_pointers) {
    kitchen k = lay_table(sized);
    unsigned char elsewhere[64];
    unsigned char *where[] = {elsewhere,
                              k.base - UNIT,
                              k.base - 1 - 7,
                              k.base + k.total,
                              k.base + k.total + UNIT,
                              k.base + k.total + 4096 * UNIT,
                              (unsigned char *)&k.heap + UNIT};
    for (size_t i = 0; i < sizeof where / sizeof *where; i++) {
        refused(&k, where[i], four, 1, TSP_FOREIGN);
        if (!sized) reported(&k, where[i], TSP_FOREIGN);
        CHECK(!V_(contains)(&k.heap, where[i]));
    }
    close_kitchen(&k);
}

TEST_BOTH(misaligned_pointers) {
    kitchen k = lay_table(sized);
    for (size_t i = 1; i < GRANULE; i++) {
        refused(&k, b + i, four, 1, TSP_MISALIGNED);
        refused(&k, b + i, 1, 1, TSP_MISALIGNED);
        if (!sized) reported(&k, b + i, TSP_MISALIGNED);
    }
    remember(&k); /* not aligned as it is said to be */
    CHECK(V_(dealloc)(&k.heap, b + UNIT, four, 2 * four) == TSP_MISALIGNED);
    CHECK(V_(try_dealloc)(&k.heap, b + UNIT, four, 2 * four) == TSP_MISALIGNED);
    CHECK(is_unchanged(&k));
    close_kitchen(&k);
}

TEST(interior_pointers) {
    kitchen k = lay_table(0);
    for (size_t at = GRANULE; at < four; at += GRANULE) {
        refused(&k, b + at, four - at, 1, TSP_INTERIOR);
        refused(&k, b + at, GRANULE, 1, TSP_INTERIOR);
        reported(&k, b + at, TSP_INTERIOR);
    }
    set_down(&k, a);
    set_down(&k, c);
    for (size_t at = GRANULE; at < four; at += GRANULE) reported(&k, b + at, TSP_INTERIOR);
    close_kitchen(&k);
}

TEST_BOTH(granule_less_than_a_heap) { /* the last granules, and runs beyond the end */
    kitchen k = open_kitchen(8, sized);
    unsigned char *p = V_(alloc)(&k.heap, 8 * UNIT, 1);
    CHECK(p == k.base);
    refused(&k, p + 7 * UNIT, 2 * UNIT, 1, sized ? TSP_WRONG_SIZE : TSP_INTERIOR);
    refused(&k, p, 8 * UNIT + 1, 1, TSP_WRONG_SIZE);
    CHECK(V_(dealloc)(&k.heap, p, 8 * UNIT, 1) == TSP_OK);
    close_kitchen(&k);
}

/* -- Sizes and alignments ------------------------------------------------------------------------------------------ */

TEST_BOTH(wrong_sizes) {
    kitchen k = lay_table(sized);
    static const size_t enormous[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 7, SIZE_MAX / 2, SIZE_MAX / 2 + 1};
    remember(&k);
    CHECK(V_(dealloc)(&k.heap, b, 0, UNIT) == TSP_WRONG_SIZE); /* size 0 for what is in the heap */
    CHECK(V_(try_dealloc)(&k.heap, b, 0, UNIT) == TSP_WRONG_SIZE);
    CHECK(V_(resize_in_place)(&k.heap, b, 0, UNIT, UNIT) != TSP_OK);
    CHECK(is_unchanged(&k));
    REPORTS(&k, TSP_WRONG_SIZE, b, CHECK(V_(resize)(&k.heap, b, 0, four, UNIT) == NULL));
    for (size_t i = 0; i < sizeof enormous / sizeof *enormous; i++) {
        remember(&k);
        CHECK(V_(dealloc)(&k.heap, b, enormous[i], 1) == TSP_WRONG_SIZE);
        CHECK(V_(try_dealloc)(&k.heap, b, enormous[i], 1) == TSP_WRONG_SIZE);
        CHECK(V_(resize_in_place)(&k.heap, b, enormous[i], four, 1) == TSP_WRONG_SIZE);
        CHECK(V_(resize_in_place)(&k.heap, b, enormous[i], enormous[i], 1) == TSP_WRONG_SIZE);
        CHECK(is_unchanged(&k));
        REPORTS(&k, TSP_WRONG_SIZE, b, CHECK(V_(resize)(&k.heap, b, enormous[i], four, 1) == NULL));
        REPORTS(&k, TSP_WRONG_SIZE, b, CHECK(V_(resize_zeroed)(&k.heap, b, enormous[i], four, 1) == NULL));
        if (!sized) {
            REPORTS(&k, TSP_WRONG_SIZE, b, V_(free_sized)(&k.heap, b, enormous[i]));
            REPORTS(&k, TSP_WRONG_SIZE, b, V_(free_aligned_sized)(&k.heap, b, UNIT, enormous[i]));
        }
    }
    if (!sized) { /* the map knows every size */
        refused(&k, b, four + 1, 1, TSP_WRONG_SIZE);
        refused(&k, b, four - UNIT, 1, TSP_WRONG_SIZE);
        refused(&k, b, 1, 1, TSP_WRONG_SIZE);
        refused(&k, b, 2 * four, 1, TSP_WRONG_SIZE); /* b and c */
        refused(&k, c, four + 1, 1, TSP_WRONG_SIZE);
        for (size_t size = 0; size <= 3 * four; size++) {
            if (round_up(size) == four) continue;
            REPORTS(&k, TSP_WRONG_SIZE, b, V_(free_sized)(&k.heap, b, size));
            REPORTS(&k, TSP_WRONG_SIZE, b, V_(free_aligned_sized)(&k.heap, b, UNIT, size));
        }
    }
    close_kitchen(&k);
}

TEST_BOTH(bad_alignments) {
    static const size_t bad[] = {0, 3, 5, 6, 7, 12, 24, 1000, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2 + 2};
    kitchen k = lay_table(sized);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        refused(&k, b, four, bad[i], TSP_BAD_ALIGNMENT);
        refused(&k, NULL, four, bad[i], TSP_BAD_ALIGNMENT);
        remember(&k);
        for (size_t size = 0; size <= four; size += four) {
            CHECK(V_(alloc)(&k.heap, size, bad[i]) == NULL);
            CHECK(V_(alloc_zeroed)(&k.heap, size, bad[i]) == NULL);
            CHECK(V_(try_alloc)(&k.heap, size, bad[i]) == NULL);
            CHECK(V_(resize)(&k.heap, NULL, 0, size, bad[i]) == NULL);
            if (!sized) CHECK(V_(aligned_alloc)(&k.heap, bad[i], size) == NULL);
        }
        CHECK(V_(largest)(&k.heap, bad[i]) == 0);
        CHECK(is_unchanged(&k));
        if (!sized) REPORTS(&k, TSP_BAD_ALIGNMENT, b, V_(free_aligned_sized)(&k.heap, b, bad[i], four));
    }
    close_kitchen(&k);
}

TEST(wrong_kind_of_heap) { /* the C library's calls on a sized heap */
    kitchen k = lay_table(1);
    REPORTS(&k, TSP_SIZED_HEAP, NULL, CHECK(V_(malloc)(&k.heap, 8) == NULL));
    REPORTS(&k, TSP_SIZED_HEAP, NULL, CHECK(V_(calloc)(&k.heap, 2, 8) == NULL));
    REPORTS(&k, TSP_SIZED_HEAP, NULL, CHECK(V_(aligned_alloc)(&k.heap, 8, 8) == NULL));
    REPORTS(&k, TSP_SIZED_HEAP, NULL, CHECK(V_(realloc)(&k.heap, NULL, 8) == NULL));
    REPORTS(&k, TSP_SIZED_HEAP, b, CHECK(V_(realloc)(&k.heap, b, 8) == NULL));
    REPORTS(&k, TSP_SIZED_HEAP, b, CHECK(V_(realloc)(&k.heap, b, 0) == NULL));
    REPORTS(&k, TSP_SIZED_HEAP, b, CHECK(V_(reallocarray)(&k.heap, b, 2, 8) == NULL));
    REPORTS(&k, TSP_SIZED_HEAP, b, V_(free)(&k.heap, b));
    REPORTS(&k, TSP_SIZED_HEAP, b, V_(free_sized)(&k.heap, b, four));
    REPORTS(&k, TSP_SIZED_HEAP, b, V_(free_aligned_sized)(&k.heap, b, UNIT, four));
    REPORTS(&k, TSP_SIZED_HEAP, b, CHECK(V_(usable_size)(&k.heap, b) == 0));
    close_kitchen(&k);
}

/* -- What is not misuse: NULL, and objects of size 0 --------------------------------------------------------------- */

TEST_BOTH(null_pointers) {
    kitchen k = lay_table(sized);
    remember(&k);
    for (size_t size = 0; size < 20; size++) {
        CHECK(V_(dealloc)(&k.heap, NULL, size, UNIT) == TSP_OK);
        CHECK(V_(try_dealloc)(&k.heap, NULL, size, UNIT) == TSP_OK);
    }
    CHECK(V_(dealloc)(&k.heap, NULL, SIZE_MAX, 1) == TSP_OK);
    CHECK(V_(try_dealloc)(&k.heap, NULL, SIZE_MAX, 1) == TSP_OK);
    CHECK(V_(contains)(&k.heap, NULL) == 0);
    CHECK(V_(resize_in_place)(&k.heap, NULL, 0, 8, 1) == TSP_NO_MEMORY);
    if (!sized) {
        V_(free)(&k.heap, NULL);
        V_(free_sized)(&k.heap, NULL, 12);
        V_(free_sized)(&k.heap, NULL, SIZE_MAX);
        V_(free_aligned_sized)(&k.heap, NULL, 16, 12);
        V_(free_aligned_sized)(&k.heap, NULL, 1, SIZE_MAX);
        CHECK(V_(usable_size)(&k.heap, NULL) == 0);
    }
    CHECK(is_unchanged(&k) && misuse.count == 0);
    CHECK(V_(resize)(&k.heap, NULL, 0, 8, UNIT) != NULL);
    if (!sized) CHECK(V_(realloc)(&k.heap, NULL, 8) != NULL && V_(reallocarray)(&k.heap, NULL, 2, 8) != NULL);
    CHECK(misuse.count == 0);
    close_kitchen(&k);
}

static void check_nothing(kitchen *k, void *nothing, size_t align) {
    CHECK(nothing != NULL && (uintptr_t)nothing % align == 0);
    CHECK(!V_(contains)(&k->heap, nothing));
    CHECK((uintptr_t)nothing != (uintptr_t)k->base + k->total || k->sized); /* not the map either */
}

static int is_aligned(const void *pointer, size_t align) {
    return ((uintptr_t)pointer & (align - 1)) == 0;
}

/* What the calls that are told no size take for an object of size 0 is what this heap gave for one, and no other. */
TEST(no_other_pointer_is_nothing) {
    kitchen k = lay_table(0), other = lay_table(0);
    void *nothing = V_(malloc)(&k.heap, 0), *others = V_(malloc)(&other.heap, 0);
    CHECK(nothing != NULL && others != NULL && nothing != others);
    REPORTS(&k, TSP_FOREIGN, others, V_(free)(&k.heap, others));
    for (uintptr_t bit = 1; bit; bit *= 2)
        for (unsigned odd = 1; odd < 4; odd += 2) {
            const uintptr_t at[] = {bit * odd, 0 - bit * odd, (uintptr_t)nothing ^ bit, (uintptr_t)k.base - bit * odd};
            for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
                void *p = (void *)at[i];
                if (p == NULL || p == nothing || at[i] - (uintptr_t)k.base < k.total) continue;
                REPORTS(&k, TSP_FOREIGN, p, V_(free)(&k.heap, p));
                REPORTS(&k, TSP_FOREIGN, p, CHECK(V_(realloc)(&k.heap, p, 10) == NULL));
                REPORTS(&k, TSP_FOREIGN, p, CHECK(V_(realloc)(&k.heap, p, 0) == NULL));
                REPORTS(&k, TSP_FOREIGN, p, CHECK(V_(usable_size)(&k.heap, p) == 0));
            }
        }
    close_kitchen(&other);
    close_kitchen(&k);
}

TEST_BOTH(objects_of_no_size) {
    kitchen k = lay_table(sized);
    tsp_usage before = V_(usage)(&k.heap), after;
    remember(&k);
    for (size_t align = 1; align; align *= 2) {
        void *p = V_(alloc)(&k.heap, 0, align);
        check_nothing(&k, p, align);
        check_nothing(&k, V_(alloc_zeroed)(&k.heap, 0, align), align);
        check_nothing(&k, V_(try_alloc)(&k.heap, 0, align), align);
        check_nothing(&k, V_(resize)(&k.heap, p, 0, 0, align), align);
        check_nothing(&k, V_(resize)(&k.heap, NULL, 0, 0, align), align);
        check_nothing(&k, V_(resize_zeroed)(&k.heap, p, 0, 0, align), align);
        CHECK(V_(resize_in_place)(&k.heap, p, 0, 0, align) == TSP_OK);
        CHECK(V_(resize_in_place)(&k.heap, p, 0, 8, align) == TSP_NO_MEMORY);
        CHECK(V_(dealloc)(&k.heap, p, 0, align) == TSP_OK);
        CHECK(V_(try_dealloc)(&k.heap, p, 0, align) == TSP_OK);
        if (sized) continue;
        if (!is_aligned(&k.heap, align)) { /* it can not be told from a foreign address, so C's calls do not give it */
            CHECK(V_(aligned_alloc)(&k.heap, align, 0) == NULL);
            REPORTS(&k, TSP_FOREIGN, p, V_(free)(&k.heap, p));
            misuse.count = 0;
            continue;
        }
        check_nothing(&k, V_(aligned_alloc)(&k.heap, align, 0), align);
        check_nothing(&k, V_(realloc)(&k.heap, p, 0), 1);
        CHECK(V_(usable_size)(&k.heap, p) == 0);
        V_(free)(&k.heap, p);
        V_(free_sized)(&k.heap, p, 0);
        V_(free_aligned_sized)(&k.heap, p, align, 0);
    }
    if (!sized) {
        check_nothing(&k, V_(malloc)(&k.heap, 0), 1);
        check_nothing(&k, V_(calloc)(&k.heap, 0, 8), 1);
        check_nothing(&k, V_(calloc)(&k.heap, SIZE_MAX, 0), 1);
        check_nothing(&k, V_(reallocarray)(&k.heap, NULL, 0, SIZE_MAX), 1);
    }
    CHECK(is_unchanged(&k) && misuse.count == 0);
    after = V_(usage)(&k.heap);
    after.failed = before.failed; /* whether growing from nothing in place is a request may be seen either way */
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    { /* and there they turn into objects and back */
        void *p = V_(resize)(&k.heap, V_(alloc)(&k.heap, 0, 8), 0, 10, 8);
        CHECK(is_placed(&k, p, 10, 8));
        check_nothing(&k, V_(resize)(&k.heap, p, 10, 0, 8), 8);
        CHECK(V_(usage)(&k.heap).objects == 3);
        if (!sized) {
            p = V_(realloc)(&k.heap, V_(malloc)(&k.heap, 0), 10);
            CHECK(is_placed(&k, p, 10, 8));
            check_nothing(&k, V_(realloc)(&k.heap, p, 0), 1);
            CHECK(V_(usage)(&k.heap).objects == 3);
        }
    }
    close_kitchen(&k);
}

/* A heap that lies on an address which is a power of two: what stands for objects of that alignment, and of no size, is
 * elsewhere. */
TEST_BOTH(nothing_is_elsewhere_than_the_heap) {
    enum { SIZE = 3 * 65536 };
    for (uintptr_t power = (uintptr_t)1 << 30; power >= (uintptr_t)1 << 24; power /= 2) {
        unsigned char *wanted = (unsigned char *)(power - 65536), *p;
        unsigned char *memory = mmap(wanted, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        TSP_V h;
        if (memory == wanted) { /* the system may have something there, or not want to */
            size_t total = start_heap(&h, memory, SIZE, sized);
            p = V_(alloc)(&h, 0, power);
            CHECK((uintptr_t)p == 2 * power); /* the first that is aligned and not in the heap */
            CHECK(!V_(contains)(&h, p) && V_(contains)(&h, (unsigned char *)power));
            CHECK(V_(dealloc)(&h, p, 0, power) == TSP_OK);
            if (!sized) {
                V_(free)(&h, (unsigned char *)power); /* which is a place in the heap, and free */
                CHECK(misuse.count == 1 && misuse.status == TSP_ALREADY_FREE);
                misuse.count = 0;
            }
            /* A heap that ends where the power is: that is outside, and good enough. */
            CHECK(start_heap(&h, memory + 49152, region_for(16384, sized), sized) == 16384);
            p = V_(alloc)(&h, 0, power);
            CHECK((uintptr_t)p == power && !V_(contains)(&h, p));
            CHECK(total > 2 * 65536 && misuse.count == 0);
        }
        if (memory != MAP_FAILED) munmap(memory, SIZE);
        if (memory == wanted) return;
    }
    printf("nothing_is_elsewhere_than_the_heap: no such address could be had\n");
}

/* A heap that lies on the only address of an alignment but 0: an object of no size that wants it can not be had, and
 * V_dealloc refuses what is in the heap. Only with 32 bits can a heap be there. */
TEST_BOTH(nothing_is_nowhere) {
    const size_t power = SIZE_MAX / 2 + 1;
    unsigned char *wanted = (unsigned char *)power, *memory;
    TSP_V h;
    if (sizeof power > 4) return;
    memory = mmap(wanted, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == wanted) { /* as above */
        void *p = &h;
        CHECK(start_heap(&h, memory, 65536, sized) > 0);
        CHECK(V_(alloc)(&h, 0, power) == NULL && V_(try_alloc_to)(&h, 0, power, &p) == TSP_NO_MEMORY && p == NULL);
        CHECK(V_(alloc)(&h, 0, power / 2) != NULL && V_(usage)(&h).failed == 0);
        CHECK(V_(dealloc)(&h, memory, 0, power) != TSP_OK && V_(check)(&h).status == TSP_OK);
    }
    if (memory != MAP_FAILED) munmap(memory, 65536);
}

/* -- The calls that neither wait nor report ------------------------------------------------------------------------ */

/* What V_free and V_realloc would report, V_try_free and V_try_realloc say. */
static void told(kitchen *k, void *p, tsp_status status) {
    tsp_usage before = V_(usage)(&k->heap), after;
    remember(k);
    misuse.count = 0;
    CHECK(V_(try_free)(&k->heap, p) == status);
    for (size_t size = UNIT; size <= 8 * UNIT; size += UNIT) CHECK(V_(try_realloc)(&k->heap, p, size) == status);
    CHECK(misuse.count == 0 && is_unchanged(k));
    after = V_(usage)(&k->heap);
    CHECK(memcmp(&before, &after, sizeof before) == 0 && is_sound(k));
}

TEST(try_calls_say_what_is_wrong) {
    kitchen k = open_kitchen(20, 0);
    unsigned char *p = V_(alloc)(&k.heap, 4 * UNIT, UNIT), *q = V_(alloc)(&k.heap, 4 * UNIT, UNIT);
    void *here = &k;
    CHECK(p && q && V_(alloc)(&k.heap, 4 * UNIT, UNIT) != NULL);
    V_(free)(&k.heap, q);
    told(&k, q, TSP_ALREADY_FREE);
    told(&k, p + UNIT, TSP_INTERIOR);
    told(&k, p + 1, TSP_MISALIGNED);
    told(&k, test_note, TSP_FOREIGN);
    CHECK(V_(try_free)(&k.heap, NULL) == TSP_OK && V_(try_free)(&k.heap, &k.heap) == TSP_OK);
    for (int i = 0; i < 2; i++) { /* what is nothing stays nothing */
        void *nothing = i ? &k.heap : NULL;
        CHECK(V_(try_realloc)(&k.heap, nothing, 0) == TSP_OK);
        CHECK(V_(try_realloc)(&k.heap, nothing, UNIT) == TSP_NO_MEMORY);
    }
    CHECK(V_(try_alloc_to)(&k.heap, UNIT, 3, &here) == TSP_BAD_ALIGNMENT && here == NULL);
    CHECK(misuse.count == 0 && V_(usage)(&k.heap).failed == 0);
    CHECK(V_(try_malloc)(&k.heap, 0, &here) == TSP_OK && here == &k.heap);
    CHECK(V_(try_malloc)(&k.heap, SIZE_MAX, &here) == TSP_NO_MEMORY && here == NULL);
    CHECK(V_(try_alloc_to)(&k.heap, 21 * UNIT, 1, &here) == TSP_NO_MEMORY && here == NULL);
    CHECK(V_(usage)(&k.heap).failed == 2); /* as V_malloc and V_alloc count them */
    CHECK(is_sound(&k));
    close_kitchen(&k);
}

/* p grows into the hole behind it, and no further; shrinks; and where it would have to move nothing happens. */
TEST(try_realloc_stays_in_place) {
    kitchen k = open_kitchen(20, 0);
    unsigned char *p = V_(malloc)(&k.heap, 4 * UNIT), *q = V_(malloc)(&k.heap, 4 * UNIT);
    unsigned char *r = V_(malloc)(&k.heap, UNIT);
    CHECK(p && q && r);
    V_(free)(&k.heap, q);
    fill(p, 0, 4 * UNIT, 1);
    CHECK(V_(try_realloc)(&k.heap, p, 8 * UNIT) == TSP_OK && V_(usable_size)(&k.heap, p) == 8 * UNIT);
    CHECK(keeps(p, 4 * UNIT, 1));
    remember(&k);
    CHECK(V_(try_realloc)(&k.heap, p, 8 * UNIT + 1) == TSP_NO_MEMORY); /* though there is room for it elsewhere */
    CHECK(V_(try_realloc)(&k.heap, p, SIZE_MAX) == TSP_NO_MEMORY && V_(try_realloc)(&k.heap, p, 0) == TSP_NO_MEMORY);
    CHECK(V_(usage)(&k.heap).failed == 0 && is_unchanged(&k));
    CHECK(V_(try_realloc)(&k.heap, p, UNIT) == TSP_OK && V_(usable_size)(&k.heap, p) == UNIT && keeps(p, UNIT, 1));
    CHECK(V_(try_free)(&k.heap, p) == TSP_OK && V_(try_free)(&k.heap, r) == TSP_OK);
    CHECK(misuse.count == 0 && is_empty(&k));
    close_kitchen(&k);
}

TEST(try_calls_of_a_sized_heap) {
    kitchen k = open_kitchen(20, 1);
    void *p = V_(alloc)(&k.heap, UNIT, 1), *q = p;
    remember(&k);
    CHECK(V_(try_malloc)(&k.heap, 1, &q) == TSP_SIZED_HEAP && q == NULL);
    CHECK(V_(try_realloc)(&k.heap, p, 1) == TSP_SIZED_HEAP && V_(try_free)(&k.heap, p) == TSP_SIZED_HEAP);
    CHECK(V_(try_realloc)(&k.heap, NULL, 0) == TSP_SIZED_HEAP && V_(try_free)(&k.heap, NULL) == TSP_OK);
    CHECK(misuse.count == 0 && is_unchanged(&k));
    CHECK(V_(try_alloc_to)(&k.heap, UNIT, 1, &q) == TSP_OK && V_(dealloc)(&k.heap, q, UNIT, 1) == TSP_OK);
    close_kitchen(&k);
}

/* -- A handle that is all zero ------------------------------------------------------------------------------------- */

static int count_visits(void *context, void *start, size_t size, tsp_kind kind) {
    (void)start, (void)size, (void)kind;
    ++*(unsigned *)context;
    return 0;
}

static void answers_safely(TSP_V *h) {
    unsigned char byte = 0;
    unsigned visits = 0;
    tsp_usage u = V_(usage)(h);
    CHECK(u.total == 0 && u.used == 0 && u.free == 0 && u.objects == 0 && u.largest == 0 && u.low_free == 0);
    CHECK(V_(alloc)(h, 1, 1) == NULL && V_(alloc_zeroed)(h, 1, 1) == NULL && V_(try_alloc)(h, 1, 1) == NULL);
    CHECK(V_(alloc)(h, SIZE_MAX, 1) == NULL);
    CHECK(V_(alloc)(h, 0, 1) != NULL);
    CHECK(V_(resize)(h, NULL, 0, 4, 4) == NULL && V_(resize_zeroed)(h, NULL, 0, 4, 4) == NULL);
    CHECK(V_(malloc)(h, 1) == NULL && V_(calloc)(h, 1, 1) == NULL && V_(realloc)(h, NULL, 1) == NULL);
    CHECK(V_(reallocarray)(h, NULL, 1, 1) == NULL && V_(aligned_alloc)(h, 1, 1) == NULL);
    CHECK(V_(dealloc)(h, NULL, 4, 1) == TSP_OK);
    CHECK(V_(dealloc)(h, &byte, 1, 1) == TSP_FOREIGN);
    CHECK(V_(try_dealloc)(h, &byte, 1, 1) == TSP_FOREIGN);
    CHECK(V_(resize_in_place)(h, &byte, 1, 4, 1) == TSP_FOREIGN);
    CHECK(V_(largest)(h, 1) == 0);
    CHECK(V_(contains)(h, &byte) == 0 && V_(contains)(h, NULL) == 0);
    CHECK(V_(walk)(h, count_visits, &visits) == 0 && visits == 0);
    CHECK(V_(check)(h).status == TSP_OK);
    V_(reset)(h);
    CHECK(V_(alloc)(h, 1, 1) == NULL);
    CHECK(V_(check)(h).status == TSP_OK);
}

TEST(handle_all_zero) {
    static TSP_V never;
    answers_safely(&never);
    misuse.count = 0;
    V_(free)(&never, NULL);
    CHECK(misuse.count == 0);
    V_(free)(&never, test_note);
    CHECK(misuse.count == 1);
    CHECK(V_(realloc)(&never, test_note, 8) == NULL);
    CHECK(misuse.count == 2);
    CHECK(V_(resize)(&never, test_note, 8, 16, 1) == NULL);
    CHECK(misuse.count == 3 && misuse.status == TSP_FOREIGN);
}

TEST_BOTH(heap_of_nothing) {
    TSP_V h;
    unsigned char bytes[8] = {0};
    memset(&h, 0xEE, sizeof h);
    CHECK(start_heap(&h, NULL, 1000, sized) == 0);
    if (!sized) answers_safely(&h);
    CHECK(V_(alloc)(&h, 1, 1) == NULL);
    CHECK(start_heap(&h, bytes, 0, sized) == 0);
    if (!sized) answers_safely(&h);
    CHECK(V_(alloc)(&h, 1, 1) == NULL && V_(usage)(&h).total == 0 && V_(check)(&h).status == TSP_OK);
    CHECK(is_filled_with(bytes, sizeof bytes, 0));
}

TEST(words_for_every_status) {
    for (int s = TSP_OK; s <= TSP_OVERRUN; s++) {
        const char *text = tsp_status_text((tsp_status)s);
        CHECK(text != NULL && text[0] != '\0');
        for (int t = TSP_OK; t < s; t++) CHECK(strcmp(text, tsp_status_text((tsp_status)t)) != 0);
    }
    CHECK(strlen(tsp_status_text((tsp_status)77)) > 0);
    CHECK(strcmp(tsp_version(), TSP_VERSION) == 0);
}

TEST_BOTH(sites_cost_nothing_when_off) {
    unsigned char bytes[64], before[sizeof bytes];
    TSP_V h;
    char *p;
    start_heap(&h, bytes, sizeof bytes, sized);
    p = V_(alloc)(&h, 20, 1);
    memcpy(before, bytes, sizeof bytes);
    CHECK(V_(set_site)(&h, p, "here") == p && V_(set_site)(&h, NULL, "nowhere") == NULL);
    CHECK(V_(site)(p, round_up(20)) == NULL && memcmp(before, bytes, sizeof bytes) == 0);
}

/* -- What check says ----------------------------------------------------------------------------------------------- */

enum { LINK = GRANULE / 2 };

/* check says that all is well, or which invariant of DESIGN.md does not hold (the digit), and where: at this byte. */
static int says(TSP_V *h, char digit, size_t at) {
    tsp_report r = V_(check)(h);
    if (digit == '0') return r.status == TSP_OK && r.what == NULL && r.at == 0;
    if (r.status == TSP_CORRUPT && r.what && r.what[0] == '[' && r.what[1] == digit && r.at == at) return 1;
    printf("    check says %s at %lu, not [%c] at %lu\n", r.what, (unsigned long)r.at, digit, (unsigned long)at);
    return 0;
}

/* Holes of one granule to twelve between objects; free and live bytes are all ones, which no link can be. */
enum { BITES = 24 };
static unsigned char *bite[BITES];
static size_t bite_size[BITES];

static kitchen lay_bites(int sized) {
    kitchen k = open_kitchen(BITES * 5 + 3, sized);
    for (size_t i = 0; i < BITES; i++) {
        bite_size[i] = i % 2 ? GRANULE + i / 8 * UNIT : (1 + i % 5) * 2 * UNIT;
        bite[i] = V_(alloc)(&k.heap, bite_size[i], 1);
        CHECK(bite[i] != NULL);
    }
    memset(k.where.memory, 0xFF, (size_t)(bite[BITES - 1] - k.base) + round_up(bite_size[BITES - 1]));
    for (size_t i = 0; i < BITES; i += i % 3 + 2) CHECK(V_(dealloc)(&k.heap, bite[i], bite_size[i], 1) == TSP_OK);
    CHECK(says(&k.heap, '0', 0));
    return k;
}

typedef struct hole_list {
    size_t start[BITES + 1], end[BITES + 1], count, total; /* in bytes */
    const unsigned char *base;
} hole_list;

static int list_hole(void *context, void *start, size_t size, tsp_kind kind) {
    hole_list *l = context;
    if (kind != TSP_HOLE) return 0;
    l->start[l->count] = (size_t)((unsigned char *)start - l->base);
    l->end[l->count] = l->start[l->count] + size;
    l->count++;
    return 0;
}

static void write_link(unsigned char *at, uint32_t value) {
    const uint16_t half = (uint16_t)value;
    memcpy(at, LINK == 2 ? (const void *)&half : (const void *)&value, LINK);
}

/* How many bits of this byte of the index say something: none of the rover's, which is a hint, nor of what is between
 * two parts; and in a word of the levels as many as are used. SIZE_MAX: some. */
static size_t bits_of_index(size_t granules, size_t at) {
    const size_t rover = index_part(granules, INDEX_ROVER), heads = index_part(granules, INDEX_HEADS);
    const size_t lasts = index_part(granules, INDEX_LASTS), levels = index_part(granules, INDEX_LEVELS);
    if (at >= levels) return TSP_FAN == 32 ? 8 : SIZE_MAX;
    if ((at >= rover && at < heads) || (at < lasts && at >= heads + count_bins() * LINK)) return 0;
    return at < lasts || at < lasts + count_chunks(granules) ? 8 : 0;
}

/* Every bit of the region: a flip is noticed if it is one of a gap, a size, the map or, with an index, a link of a bin
 * or the index, and not noticed in live or free bytes. */
TEST_BOTH(check_notices_every_bit_that_matters) {
    kitchen k = lay_bites(sized);
    hole_list holes = {{0}, {0}, 0, 0, k.base};
    const size_t granules = k.total / GRANULE, map_end = k.total + (sized ? 0 : (granules + 7) / 8);
    const size_t index = index_at(granules, sized);
    CHECK(V_(walk)(&k.heap, list_hole, &holes) == 0 && holes.count > 6);
    for (size_t at = 0; at < k.where.size; at++) {
        size_t i = 0, from_end, from_start, bits = 0, expected = 0;
        while (i < holes.count && holes.end[i] <= at) i++;
        from_end = i < holes.count && holes.start[i] <= at ? holes.end[i] - at : SIZE_MAX;
        from_start = from_end == SIZE_MAX ? SIZE_MAX : at - holes.start[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            k.where.memory[at] ^= (unsigned char)(1u << bit);
            bits += V_(check)(&k.heap).status == TSP_CORRUPT;
            k.where.memory[at] ^= (unsigned char)(1u << bit);
        }
        if (from_end <= GRANULE || (at >= k.total && at < map_end)) expected = 8;
        else if (has_index(granules) && from_start < GRANULE) expected = 8;
        else if (has_index(granules) && at >= index) expected = bits_of_index(granules, at - index);
        if (!CHECK(bits == expected || expected == SIZE_MAX)) printf("    byte %lu\n", (unsigned long)at);
    }
    close_kitchen(&k);
}

/* One thing wrong at a time: which invariant, and where. Holes: b, and what is behind c. */
TEST_BOTH(check_names_what_is_wrong) {
    kitchen k = lay_table(sized);
    TSP_V saved, *h = &k.heap;
    const size_t end_b = 2 * four, all = k.total / GRANULE, rest = (k.total - end_b) / GRANULE;
    unsigned char *node_b = k.base + end_b - GRANULE, *node_rest = k.base + k.total - GRANULE;
    set_down(&k, b);
    saved = *h;
    remember(&k);
#define WRONG(digit, at, damage)                                                                                       \
    do {                                                                                                               \
        damage;                                                                                                        \
        CHECK(says(h, digit, at));                                                                                     \
        *h = saved;                                                                                                    \
        memcpy(k.where.memory, k.image, k.where.size);                                                                 \
    } while (0)
#define LINK_OF(x) ((sizeof(h->gap) == 2 ? 0xFFFFu : 0xFFFFFFFFu) & (x))
    WRONG('0', 0, (void)0);
    WRONG('1', 0, h->gap = LINK_OF(all + 1));
    WRONG('1', end_b, write_link(node_b, (uint32_t)(rest + 1)));
    WRONG('1', k.total, write_link(node_rest, 1));
    if (has_index(all) && sized) /* the last hole is gone */
        WRONG('4', (all - 1) / TSP_CHUNK * TSP_CHUNK * GRANULE, write_link(node_b, (uint32_t)rest));
    else WRONG(sized ? '7' : '6', sized ? 0 : k.total, write_link(node_b, (uint32_t)rest));
    WRONG('2', end_b, write_link(node_b + LINK, 0));
    WRONG('2', end_b, write_link(node_b + LINK, (uint32_t)(end_b / GRANULE + 1)));
    WRONG(!sized ? '6' : has_index(all) ? '5' : '7', 0, /* as if a were free too */
          write_link(node_b + LINK, (uint32_t)(end_b / GRANULE)));
    WRONG('2', k.total, write_link(node_rest + LINK, (uint32_t)(rest + 1)));
    WRONG('3', k.total, write_link(node_rest + LINK, (uint32_t)rest));
    WRONG('7', 0, h->used++);
    WRONG('7', 0, h->used--);
    WRONG('7', 0, h->peak = LINK_OF(h->used - 1u));
    WRONG('7', 0, h->peak = LINK_OF(all + 1));
    WRONG('0', 0, h->peak = h->used);
    WRONG('0', 0, h->peak = LINK_OF(all));
    WRONG(sized ? '0' : '7', 0, h->objects++);
    WRONG(sized ? '0' : '7', 0, h->objects--);
    if (!sized) {
        unsigned char *map = k.base + k.total;
        const size_t a_ends = four / GRANULE - 1, c_ends = 3 * four / GRANULE - 1, b_ends = end_b / GRANULE - 1;
#define FLIP(granule) (map[(granule) / 8] ^= (unsigned char)(1u << (granule) % 8))
        WRONG('6', four, FLIP(a_ends));
        WRONG('6', 3 * four, FLIP(c_ends));
        WRONG('6', four, FLIP(a_ends + 1)); /* in the hole: its first granule, its last, the heap's last */
        WRONG('6', four, FLIP(b_ends));
        WRONG('6', 3 * four, FLIP(all - 1));
        WRONG('7', 0, FLIP(UNIT / GRANULE - 1)); /* two objects where there is one */
        WRONG('7', 0, FLIP(c_ends - UNIT / GRANULE));
        WRONG(UNIT > GRANULE ? '6' : '7', UNIT > GRANULE ? four : 0, FLIP(0)); /* 7 granules: not rounded */
        WRONG(UNIT > GRANULE ? '6' : '7', UNIT > GRANULE ? 3 * four : 0, FLIP(c_ends - 1));
        CHECK(V_(alloc)(h, V_(largest)(h, 1), 1) != NULL);
        saved = *h;
        remember(&k);
        WRONG('0', 0, (void)0);
        WRONG('6', k.total, FLIP(all - 1));
    }
    close_kitchen(&k);
}

TEST(check_looks_beyond_the_last_granule) { /* where the map has bits that stand for none */
    for (size_t n = 1; n <= 17; n++) {
        kitchen k = open_kitchen(n, 0);
        unsigned char *last = k.base + k.total + (k.total / GRANULE + 7) / 8 - 1;
        for (size_t bit = k.total / GRANULE % 8; bit && bit < 8; bit++) {
            *last ^= (unsigned char)(1u << bit);
            CHECK(says(&k.heap, '6', k.total));
            *last ^= (unsigned char)(1u << bit);
        }
        close_kitchen(&k);
    }
}

TEST(check_of_a_heap_of_nothing) {
    TSP_V h;
    memset(&h, 0, sizeof h);
    CHECK(says(&h, '0', 0));
    h.used = 1;
    CHECK(says(&h, '7', 0));
    h.used = 0;
    h.objects = 1;
    CHECK(says(&h, '7', 0));
}

/* -- Damage that calls come upon: it is reported, and nothing is changed ------------------------------------------- */

/* Whatever wants so many bytes comes upon damage. */
static void finds_damage(kitchen *k, size_t size) {
    REPORTS(k, TSP_CORRUPT, NULL, CHECK(V_(alloc)(&k->heap, size, 1) == NULL));
    REPORTS(k, TSP_CORRUPT, NULL, CHECK(V_(alloc_zeroed)(&k->heap, size, 1) == NULL));
    REPORTS(k, TSP_CORRUPT, NULL, CHECK(V_(try_alloc)(&k->heap, size, 1) == NULL));
    {
        void *p = k;
        misuse.count = 0;
        remember(k);
        CHECK(V_(try_alloc_to)(&k->heap, size, 1, &p) == TSP_CORRUPT && p == NULL);
        CHECK(misuse.count == 0 && is_unchanged(k));
    }
    REPORTS(k, TSP_CORRUPT, NULL, CHECK(V_(resize)(&k->heap, NULL, 0, size, 1) == NULL));
    CHECK(V_(usage)(&k->heap).failed == 0); /* nothing is said of memory */
    if (k->sized) return;
    REPORTS(k, TSP_CORRUPT, NULL, CHECK(V_(malloc)(&k->heap, size) == NULL));
    REPORTS(k, TSP_CORRUPT, NULL, CHECK(V_(calloc)(&k->heap, 1, size) == NULL));
    REPORTS(k, TSP_CORRUPT, NULL, CHECK(V_(realloc)(&k->heap, NULL, size) == NULL));
    REPORTS(k, TSP_CORRUPT, NULL, CHECK(V_(aligned_alloc)(&k->heap, 1, size) == NULL));
}

/* a, the hole b, c, the hole behind it. Sizes that reach into the neighbour, sizes of nothing, links out of the heap.
 */
TEST_BOTH(damage_is_reported) {
    for (int damage = 0; damage < 6; damage++) {
        kitchen k = lay_table(sized);
        unsigned char *node_b = b + four - GRANULE, *node_rest = k.base + k.total - GRANULE;
        const uint32_t rest = (uint32_t)((k.total - 2 * four) / GRANULE);
        set_down(&k, b);
        switch (damage) {
        case 0: write_link(node_rest + LINK, rest + 1); break;
        case 1: write_link(node_rest + LINK, 0); break;
        case 2: write_link(node_b, rest + 1); break;
        case 3: write_link(node_rest, 1); break;
        case 4: write_link(node_b + LINK, 0); break;
        case 5: write_link(node_b + LINK, (uint32_t)(2 * four / GRANULE + 1)); break;
        }
        broken = 1;
        if (damage <= 3) { /* behind c */
            refused(&k, c, four, UNIT, TSP_CORRUPT);
            if (!sized) reported(&k, c, TSP_CORRUPT);
        } else { /* behind a, before c */
            refused(&k, a, four, UNIT, TSP_CORRUPT);
            if (!sized) reported(&k, a, TSP_CORRUPT);
            remember(&k);
            CHECK(V_(dealloc)(&k.heap, c, four, UNIT) == TSP_CORRUPT);
            CHECK(V_(dealloc)(&k.heap, a, 3 * four, UNIT) == TSP_CORRUPT); /* it knows no better than that */
            CHECK(is_unchanged(&k));
        }
        V_(reset)(&k.heap); /* which helps */
        broken = 0;
        close_kitchen(&k);
    }
    for (int damage = 0; damage < 3; damage++) { /* an allocation that would take the damaged hole, or fill it */
        kitchen k = lay_table(sized);
        unsigned char *node_b = b + four - GRANULE, *node_rest = k.base + k.total - GRANULE;
        const uint32_t says = (uint32_t)(k.total / GRANULE - (damage == 2 ? four / GRANULE : 1));
        set_down(&k, b);
        write_link((damage ? node_b : node_rest) + LINK, says);
        broken = 1;
        finds_damage(&k, !damage ? 12 * UNIT : has_index(k.total / GRANULE) ? four : k.total - four);
        V_(reset)(&k.heap);
        broken = 0;
        close_kitchen(&k);
    }
}

/* c can only slide, and what it would slide into is damaged. */
TEST_BOTH(damage_is_reported_before_a_slide) {
    for (int damage = 0; damage < 2; damage++) {
        kitchen k = lay_table(sized);
        CHECK(V_(alloc)(&k.heap, V_(largest)(&k.heap, 1), 1) != NULL);
        set_down(&k, b);
        write_link(b + four - LINK, damage ? (uint32_t)(2 * four / GRANULE + 1) : 0);
        broken = 1;
        CHECK(V_(resize_in_place)(&k.heap, c, four, 6 * UNIT, UNIT) == TSP_CORRUPT);
        if (damage == 0) REPORTS(&k, TSP_CORRUPT, c, CHECK(V_(resize)(&k.heap, c, four, 6 * UNIT, UNIT) == NULL));
        REPORTS(&k, TSP_CORRUPT, c, CHECK(V_(resize)(&k.heap, c, four, 20 * UNIT, UNIT) == NULL));
        CHECK(keeps(a, four, 1) && keeps(c, four, 3));
        V_(reset)(&k.heap);
        broken = 0;
        close_kitchen(&k);
    }
}

static void flip_bit(unsigned char *words, size_t bit) {
    uint32_t word;
    memcpy(&word, words + bit / 32 * 4, 4);
    word ^= (uint32_t)1 << bit % 32;
    memcpy(words + bit / 32 * 4, &word, 4);
}

/* The first hole of a bin is nowhere, where only some of its holes may be large enough. */
TEST_BOTH(damage_is_reported_in_a_bin_that_may_do) {
    kitchen k = lay_table(sized);
    const size_t granules = k.total / GRANULE, bin = bin_of(four / GRANULE);
    if (has_index(granules) && bin_of((four + UNIT) / GRANULE) == bin) {
        set_down(&k, b);
        write_link(k.base + index_at(granules, sized) + index_part(granules, INDEX_HEADS) + bin * LINK,
                   (uint32_t)granules + 1);
        broken = 1;
        REPORTS(&k, TSP_CORRUPT, NULL, CHECK(V_(alloc)(&k.heap, four + UNIT, 1) == NULL));
        V_(reset)(&k.heap);
        broken = 0;
    }
    close_kitchen(&k);
}

/* c could slide into b, but the search for a better place comes upon a damaged hole: not the next one, which is x. Or,
 * with an index, upon a bin that has a smaller hole. */
TEST_BOTH(damage_is_reported_instead_of_a_slide) {
    kitchen k = lay_table(sized);
    const size_t granules = k.total / GRANULE, bin = bin_above(7 * UNIT / GRANULE - 1); /* aligned to a unit */
    unsigned char *wall = V_(alloc)(&k.heap, UNIT, UNIT), *x = V_(alloc)(&k.heap, four, UNIT), *e;
    unsigned char *index = k.base + index_at(granules, sized);
    uint32_t end;
    CHECK(wall && x && V_(alloc)(&k.heap, UNIT, UNIT));
    e = V_(alloc)(&k.heap, four, UNIT);
    end = (uint32_t)((size_t)(e + four - k.base) / GRANULE);
    CHECK(e && V_(alloc)(&k.heap, V_(largest)(&k.heap, 1), 1));
    set_down(&k, b);
    set_down(&k, x);
    set_down(&k, e);
    if (has_index(granules)) {
        flip_bit(index, bin);
        write_link(index + index_part(granules, INDEX_HEADS) + bin * LINK, end);
    } else {
        write_link(e + four - LINK, (uint32_t)(20 * UNIT / GRANULE));
    }
    broken = 1;
    REPORTS(&k, TSP_CORRUPT, c, CHECK(V_(resize)(&k.heap, c, four, 6 * UNIT, UNIT) == NULL));
    CHECK(V_(usage)(&k.heap).failed == 0 && keeps(c, four, 3));
    if (has_index(granules)) {
        flip_bit(index, bin);
        write_link(index + index_part(granules, INDEX_HEADS) + bin * LINK, 0);
    } else {
        write_link(e + four - LINK, (uint32_t)(four / GRANULE));
    }
    broken = 0;
    CHECK(V_(resize)(&k.heap, c, four, 6 * UNIT, UNIT) == b && keeps(b, four, 3)); /* it could indeed */
    close_kitchen(&k);
}

/* The map has lost the end of the last object. */
TEST(damage_of_the_map_is_reported) {
    kitchen k = lay_table(0);
    unsigned char *last = V_(alloc)(&k.heap, V_(largest)(&k.heap, 1), 1);
    const size_t size = k.total - 3 * four, end = k.total / GRANULE - 1;
    k.base[k.total + end / 8] ^= (unsigned char)(1u << end % 8);
    broken = 1;
    refused(&k, last, size, UNIT, TSP_CORRUPT);
    reported(&k, last, TSP_CORRUPT);
    CHECK(V_(usable_size)(&k.heap, c) == four); /* the others are well */
    V_(free)(&k.heap, c);
    k.base[k.total + end / 8] ^= (unsigned char)(1u << end % 8);
    broken = 0;
    V_(free)(&k.heap, last);
    CHECK(V_(usage)(&k.heap).objects == 2);
    close_kitchen(&k);
}

/* -- Damage -------------------------------------------------------------------------------------------------------- */

static int visit_inside(void *context, void *start, size_t size, tsp_kind kind) {
    const kitchen *k = context;
    size_t at = (size_t)((uintptr_t)start - (uintptr_t)k->base);
    (void)kind;
    CHECK(at <= k->total && size <= k->total - at);
    return 0;
}

/* Random calls on a damaged heap. Whatever they answer: inside the heap, and in finite time. */
static void carry_on(kitchen *k, dice *d, unsigned calls) {
    TSP_V *h = &k->heap;
    while (calls--) {
        size_t size = roll(d, 2) ? 1 + roll(d, 5 * UNIT) : roll(d, k->total + 1), align = (size_t)1 << roll(d, 6);
        size_t new_size = roll(d, 2) ? 1 + roll(d, 5 * UNIT) : roll(d, k->total + 1);
        unsigned char *p = k->base + roll(d, k->total / GRANULE) * GRANULE, *q = NULL;
        if (k->total == 0) p = NULL;
        if (size == 0 || new_size == 0) continue;
        switch (roll(d, k->sized ? 8 : 11)) {
        case 0: q = V_(alloc)(h, size, align); break;
        case 1: q = V_(alloc_zeroed)(h, size, align), new_size = size; break;
        case 2: V_(dealloc)(h, p, size, 1); break;
        case 3: V_(dealloc)(h, p, size, align); break;
        case 4: q = V_(resize)(h, p, size, new_size, align), size = new_size; break;
        case 5: V_(resize_in_place)(h, p, size, new_size, 1); break;
        case 6: V_(largest)(h, align), V_(usage)(h); break;
        case 7: V_(walk)(h, visit_inside, k); break;
        case 8: V_(free)(h, p); break;
        case 9: q = V_(realloc)(h, p, size); break;
        case 10: V_(usable_size)(h, p); break;
        }
        if (q) CHECK(is_placed(k, q, size, 1));
    }
    V_(check)(h);
    CHECK(guards_hold(&k->where));
}

/* A heap with some objects and some holes. */
static kitchen lay_and_use(dice *d, size_t size, size_t offset, int sized) {
    kitchen k = open_kitchen_at(region_for(size, sized), offset, sized);
    unsigned char *p[32];
    size_t n[32], count = 0;
    while (count < 32 && roll(d, 30)) {
        n[count] = 1 + roll(d, 6 * UNIT);
        if ((p[count] = V_(alloc)(&k.heap, n[count], 1)) == NULL) break;
        count++;
    }
    for (size_t i = 0; i < count; i++)
        if (roll(d, 2)) V_(dealloc)(&k.heap, p[i], n[i], 1);
    CHECK(V_(check)(&k.heap).status == TSP_OK);
    return k;
}

static size_t damaged, noticed;

static void judge_damage(kitchen *k, dice *d) {
    tsp_report report = V_(check)(&k->heap);
    CHECK(report.status == TSP_OK || (report.status == TSP_CORRUPT && report.what));
    CHECK(report.at <= k->total);
    damaged++;
    noticed += report.status == TSP_CORRUPT;
    carry_on(k, d, 12);
}

static void say_share(const char *name) {
    printf("%s: check noticed %lu of %lu damages, %lu %%\n", name, (unsigned long)noticed, (unsigned long)damaged,
           damaged ? (unsigned long)(noticed * 100 / damaged) : 0ul);
    damaged = noticed = 0;
}

/* Every byte of some small heaps set to every value. Bytes that do not matter, as in live objects, are among them. */
TEST_BOTH(every_byte_scribbled) {
    for (unsigned seed = 1; seed <= 8; seed++) {
        dice d = seed;
        kitchen k = lay_and_use(&d, 20 + 13 * seed, seed % 16, sized);
        TSP_V saved = k.heap;
        remember(&k);
        for (size_t i = 0; i < k.where.size; i++) {
            for (unsigned value = 0; value < 256; value += seed % 2 ? 1 : 17) {
                if (k.image[i] == value) continue;
                k.where.memory[i] = (unsigned char)value;
                judge_damage(&k, &d);
                k.heap = saved;
                memcpy(k.where.memory, k.image, k.where.size);
            }
        }
        close_kitchen(&k);
    }
    say_share("every_byte_scribbled");
}

typedef struct holes {
    unsigned char *start[64];
    size_t size[64], count;
} holes;

static int note_hole(void *context, void *start, size_t size, tsp_kind kind) {
    holes *h = context;
    if (kind == TSP_HOLE && h->count < 64) {
        h->start[h->count] = start;
        h->size[h->count++] = size;
    }
    return 0;
}

/* The usual way: somebody goes on writing into an object that he gave back, or past the end of one. */
TEST_BOTH(holes_scribbled) {
    for (unsigned seed = 1; seed <= 1500; seed++) {
        dice d = seed * 77;
        kitchen k = lay_and_use(&d, 40 + roll(&d, 300), seed % 16, sized);
        holes found = {{NULL}, {0}, 0};
        V_(walk)(&k.heap, note_hole, &found);
        if (found.count) {
            size_t i = roll(&d, found.count);
            for (size_t at = 0; at < found.size[i]; at++) found.start[i][at] = (unsigned char)roll(&d, 256);
            judge_damage(&k, &d);
        }
        CHECK(guards_hold(&k.where));
        drop_region(&k.where);
        free(k.image);
    }
    say_share("holes_scribbled (whole holes)");
}

/* Zeros all over the map, and as many holes as there can be: a walk that looked for the end of each object through all
 * of the map would take minutes. */
TEST(map_wiped) {
    const size_t most = (size_t)16 << 20, bytes = most < most_bytes() ? most : most_bytes();
    region where = make_region(bytes + bytes / 16, 0);
    unsigned visits = 0;
    clock_t start;
    TSP_V h;
    size_t total = V_(init)(&h, where.memory, where.size), granules = total / GRANULE;
    unsigned char *base = V_(alloc)(&h, GRANULE, 1);
    for (size_t i = 1; i < granules; i++) CHECK(V_(alloc)(&h, GRANULE, 1) == base + i * GRANULE);
    for (size_t i = granules / 2; i-- > 0;) CHECK(V_(dealloc)(&h, base + 2 * i * GRANULE, GRANULE, 1) == TSP_OK);
    CHECK(V_(check)(&h).status == TSP_OK);
    memset(base + total, 0, granules / 8);
    start = clock();
    CHECK(V_(walk)(&h, count_visits, &visits) == 0 && visits == granules);
    CHECK(V_(check)(&h).status == TSP_CORRUPT);
    CHECK(clock() - start < 2 * CLOCKS_PER_SEC);
    drop_region(&where);
}

/* Everything overwritten: with noise, with one value, with small numbers that look like links. */
TEST_BOTH(heap_scribbled) {
    for (unsigned seed = 1; seed <= 3000; seed++) {
        dice d = seed * 1234567;
        kitchen k = lay_and_use(&d, roll(&d, 500), seed % 16, sized);
        unsigned char value = (unsigned char)roll(&d, 256);
        for (size_t i = 0; i < k.where.size; i++) {
            switch (seed % 5) {
            case 0: k.where.memory[i] = (unsigned char)roll(&d, 256); break;
            case 1: k.where.memory[i] = value; break;
            case 2: k.where.memory[i] = (unsigned char)(i % (GRANULE / 2) ? 0 : 1 + roll(&d, 6)); break;
            case 3: k.where.memory[i] = (unsigned char)(i % (GRANULE / 2) ? 0 : roll(&d, 256)); break;
            case 4: k.where.memory[i] ^= (unsigned char)(roll(&d, 8) ? 0 : 1u << roll(&d, 8)); break;
            }
        }
        judge_damage(&k, &d);
        carry_on(&k, &d, 40);
        drop_region(&k.where);
        free(k.image);
    }
    say_share("heap_scribbled");
}

/* Holes of three to six units each, live walls of a unit after each of them, and nothing else free. */
enum { HOLES_MOST = 400 };
static unsigned char *hole[HOLES_MOST], *wall[HOLES_MOST];
static size_t hole_size[HOLES_MOST];

static kitchen lay_holes(dice *d, size_t holes, size_t offset, int sized) {
    kitchen k = open_kitchen_at(region_for(holes * 7 * UNIT, sized), offset, sized);
    for (size_t i = 0; i < holes; i++) {
        hole_size[i] = (3 + roll(d, 4)) * UNIT;
        hole[i] = V_(alloc)(&k.heap, hole_size[i], 1);
        wall[i] = V_(alloc)(&k.heap, UNIT, 1);
        CHECK(hole[i] && wall[i]);
    }
    V_(alloc)(&k.heap, V_(largest)(&k.heap, 1), 1);
    for (size_t i = 0; i < holes; i++) CHECK(V_(dealloc)(&k.heap, hole[i], hole_size[i], 1) == TSP_OK);
    CHECK(V_(check)(&k.heap).status == TSP_OK);
    return k;
}

/* The index of a heap, taken apart. */
typedef struct parts {
    unsigned char *bits, *rover, *heads, *lasts, *levels, *end;
    size_t granules, chunks;
} parts;

static parts parts_of(const kitchen *k) {
    const size_t n = k->total / GRANULE;
    unsigned char *index = k->base + index_at(n, k->sized);
    parts p = {index + index_part(n, INDEX_BITS),   index + index_part(n, INDEX_ROVER),
               index + index_part(n, INDEX_HEADS),  index + index_part(n, INDEX_LASTS),
               index + index_part(n, INDEX_LEVELS), index + index_size(n),
               n,                                   count_chunks(n)};
    return p;
}

static uint32_t end_of_hole(const kitchen *k, size_t i) {
    return (uint32_t)((size_t)(hole[i] + hole_size[i] - k->base) / GRANULE);
}

/* One thing wrong with the index at a time: which invariant, and where. What is behind the last hole is live, and the
 * holes came in order of address: of a bin, the last is the first. */
TEST_BOTH(check_names_what_is_wrong_with_the_index) {
    enum { HOLES = 60 };
    dice d = 5;
    kitchen k = lay_holes(&d, HOLES, 0, sized);
    TSP_V saved, *h = &k.heap;
    parts p = parts_of(&k);
    size_t above = (p.chunks + TSP_FAN - 1) / TSP_FAN;
    saved = *h;
    remember(&k);
    if (!has_index(p.granules)) {
        close_kitchen(&k);
        return;
    }
    for (size_t chunk = 0; chunk < p.chunks; chunk++) {
        unsigned char *last = p.lasts + chunk;
        const size_t at = chunk * TSP_CHUNK * GRANULE, bit = chunk / TSP_FAN * 32 + chunk % TSP_FAN;
        size_t expected = 0;
        for (size_t i = 0; i < HOLES; i++)
            if ((end_of_hole(&k, i) - 1) / TSP_CHUNK == chunk) expected = end_of_hole(&k, i) - chunk * TSP_CHUNK;
        if (expected == 0 && *last >= 192) continue; /* the last object is long: that has a test of its own */
        CHECK(*last == expected);
        WRONG('4', at, *last = (unsigned char)(*last + 1));
        WRONG('4', expected ? at : 0, *last = (unsigned char)(*last - 1)); /* 255: a long object's end */
        if (*last) WRONG('4', at, *last = 0);
        WRONG('4', at, flip_bit(p.levels, bit));
        WRONG('4', at, (*last = *last ? 0 : 1, flip_bit(p.levels, bit)));
    }
    for (size_t i = 0; i < above && above > 1; i++) /* the bits over the bits */
        WRONG('4', 0, flip_bit(p.levels + 4 * above, i / TSP_FAN * 32 + i % TSP_FAN));
    WRONG('4', 0, flip_bit(p.end - 4, 31)); /* the root has no such bit */
    for (size_t bin = 0; bin < (count_bins() + 31) / 32 * 32; bin++) {
        size_t of_bin[HOLES], n = 0, start;
        for (size_t i = HOLES; i-- > 0;)
            if (bin_of(hole_size[i] / GRANULE) == bin) of_bin[n++] = i;
        WRONG('5', 0, flip_bit(p.bits, bin));
        if (bin >= count_bins()) continue;
        if (n == 0) {
            WRONG('5', 0, write_link(p.heads + bin * LINK, end_of_hole(&k, 0)));
            WRONG('5', bin_of(hole_size[0] / GRANULE) > bin ? (size_t)(hole[0] - k.base) : 0,
                  (write_link(p.heads + bin * LINK, end_of_hole(&k, 0)), flip_bit(p.bits, bin)));
            continue;
        }
        start = (size_t)(hole[of_bin[0]] - k.base);
        WRONG('5', 0, write_link(p.heads + bin * LINK, 0));
        WRONG('5', 0, (write_link(p.heads + bin * LINK, 0), flip_bit(p.bits, bin)));
        WRONG('5', 0, write_link(p.heads + bin * LINK, 1)); /* none can end there */
        WRONG('5', 0, write_link(p.heads + bin * LINK, (uint32_t)p.granules + 1));
        WRONG('5', 0, write_link(p.heads + bin * LINK, (uint32_t)((size_t)(wall[3] + UNIT - k.base) / GRANULE)));
        WRONG('5', start, write_link(hole[of_bin[0]] + LINK, end_of_hole(&k, of_bin[0])));
        if (n == 1) continue;
        WRONG('5', (size_t)(hole[of_bin[1]] - k.base),
              write_link(p.heads + bin * LINK, end_of_hole(&k, of_bin[1])));        /* one is lost */
        WRONG('5', 0, write_link(hole[of_bin[0]], 0));                              /* all but one are lost */
        WRONG('5', start, write_link(hole[of_bin[0]], end_of_hole(&k, of_bin[0])));
        write_link(hole[of_bin[n - 1]], end_of_hole(&k, of_bin[0])); /* a circle, that may be of all holes */
        CHECK(V_(check)(h).what && V_(check)(h).what[1] == '5');
        memcpy(k.where.memory, k.image, k.where.size);
    }
    for (uint32_t rover = 0; rover < p.granules + 3; rover++) WRONG('0', 0, memcpy(p.rover, &rover, 4));
    close_kitchen(&k);
}

/* A wall is given back, and the bin of the hole before it denies that one; or that of the hole behind it, where there is
 * one before it or not; or no chunk has holes any more. Nothing changes, not even the order in a bin. */
TEST_BOTH(damage_of_the_index_is_reported) {
    enum { HOLES = 12 };
    dice d = 5;
    kitchen k = lay_holes(&d, HOLES, 0, sized);
    const parts p = parts_of(&k);
    const uint32_t nowhere = (uint32_t)p.granules + 1;
    size_t i = HOLES - 1;
    if (has_index(p.granules)) {
        do i--; /* to one that is the first of its bin */
        while (bin_of(hole_size[i] / GRANULE) == bin_of(hole_size[HOLES - 1] / GRANULE));
        broken = 1;
        for (size_t x = 0, y = 0, pairs = 0;; x++) { /* the next in x's bin, y, does not name x before it */
            for (; x + 1 < HOLES; x++) {
                for (y = 0; y < HOLES; y++) {
                    unsigned char link[LINK];
                    write_link(link, end_of_hole(&k, y));
                    if (memcmp(hole[x], link, LINK) == 0) break;
                }
                if (y < HOLES) break;
            }
            if (x + 1 >= HOLES) {
                CHECK(pairs > 0);
                break;
            }
            pairs++;
            write_link(hole[y] + LINK, end_of_hole(&k, y));
            remember(&k);
            CHECK(V_(dealloc)(&k.heap, wall[x], UNIT, 1) == TSP_CORRUPT && is_unchanged(&k));
            write_link(hole[y] + LINK, end_of_hole(&k, x));
        }
        for (int damage = 0; damage < 4; damage++) {
            unsigned char *w = wall[damage == 3 ? HOLES - 1 : i];
            if (damage == 2) CHECK(V_(alloc)(&k.heap, hole_size[i], 1) == hole[i]);
            if (damage == 3) memset(p.lasts, 0, p.chunks);
            else write_link(hole[damage ? i + 1 : i] + LINK, nowhere);
            remember(&k);
            CHECK(V_(dealloc)(&k.heap, w, UNIT, 1) == TSP_CORRUPT);
            CHECK(V_(try_dealloc)(&k.heap, w, UNIT, 1) == TSP_CORRUPT && is_unchanged(&k));
            if (!sized) REPORTS(&k, TSP_CORRUPT, w, V_(free)(&k.heap, w));
            write_link(hole[damage ? i + 1 : i] + LINK, 0);
        }
        V_(reset)(&k.heap);
        broken = 0;
    }
    close_kitchen(&k);
}

/* The list passes by the first hole of a bin, though there is room for it: it is not handed out. */
TEST_BOTH(a_hole_of_a_bin_is_not_on_the_list) {
    enum { HOLES = 12 };
    dice d = 5;
    kitchen k = lay_holes(&d, HOLES, 0, sized);
    size_t tried = 0;
    for (size_t x = 1; has_index(k.total / GRANULE) && x < HOLES - 1; x++) {
        unsigned char *p = V_(alloc)(&k.heap, hole_size[x], 1), *before = hole[x - 1] + hole_size[x - 1] - GRANULE;
        CHECK(p && V_(dealloc)(&k.heap, p, hole_size[x], 1) == TSP_OK); /* now the first of its bin */
        if (p != hole[x]) continue;
        tried++;
        broken = 1;
        write_link(before, end_of_hole(&k, x + 1) - end_of_hole(&k, x - 1) - 1);
        REPORTS(&k, TSP_CORRUPT, NULL, V_(alloc)(&k.heap, hole_size[x], 1));
        write_link(before, end_of_hole(&k, x) - end_of_hole(&k, x - 1) - 1);
        broken = 0;
        CHECK(is_sound(&k));
    }
    CHECK(tried > 0 || !has_index(k.total / GRANULE));
    close_kitchen(&k);
}

/* Objects that end with the heap, in maps of all lengths: they are found, and where their mark is gone nothing behind
 * the map is looked at. */
TEST(the_last_marks) {
    static const size_t lasts[] = {1, 2, 31, 33, 65, 97, 100, 500};
    const size_t far = CAN_INDEX && TSP_INDEX_FROM > 140 ? TSP_INDEX_FROM : 141;
    for (size_t n = 1; n <= far + 140; n = n == 140 ? far : n + 1) {
        for (size_t i = 0; i < sizeof lasts / sizeof *lasts; i++) {
            const size_t last = lasts[i], at = n * UNIT / GRANULE - 1;
            const unsigned char bit = (unsigned char)(1u << at % 8);
            kitchen k;
            unsigned char *p, *mark;
            if (last > n) continue;
            k = open_kitchen(n, 0);
            mark = k.base + k.total + at / 8;
            p = V_(alloc)(&k.heap, (n - last) * UNIT, 1);
            p = V_(alloc)(&k.heap, last * UNIT, 1);
            CHECK(p == k.base + (n - last) * UNIT && V_(usable_size)(&k.heap, p) == last * UNIT);
            *mark ^= bit;
            broken = 1;
            CHECK(V_(try_free)(&k.heap, p) == TSP_CORRUPT);
            broken = 0;
            *mark ^= bit;
            CHECK(V_(try_free)(&k.heap, p) == TSP_OK);
            close_kitchen(&k);
        }
    }
}

/* What the index has of a long object's end is wrong in a bit, or not there: V_check says so, and who has to find the
 * end reports damage. An undamaged one is refused from any granule but its first. */
TEST(end_of_a_long_object_is_damaged) {
    enum { BEFORE = 3 };
    kitchen k = open_kitchen(CAN_INDEX ? (TSP_INDEX_FROM + 4 * TSP_SPAN * TSP_CHUNK + 400) * GRANULE / UNIT : 100, 0);
    const size_t granules = k.total / GRANULE;
    unsigned char *p, *lasts = k.base + index_at(granules, 0), saved[TSP_SPAN];
    const size_t size =
        has_index(granules) ? ((TSP_SPAN + 1) * TSP_CHUNK + 128) * GRANULE : 10 * UNIT; /* beyond a few words */
    CHECK(V_(alloc)(&k.heap, BEFORE * UNIT, 1) != NULL);
    p = V_(alloc)(&k.heap, size, 1);
    CHECK(p && V_(alloc)(&k.heap, size, 1) == p + size);
    for (size_t inside = UNIT; inside < size; inside += UNIT)
        CHECK(V_(try_free)(&k.heap, p + inside) == TSP_INTERIOR &&
              V_(dealloc)(&k.heap, p + inside, UNIT, 1) == TSP_INTERIOR);
    if (has_index(granules)) {
        lasts += index_part(granules, INDEX_LASTS) + ((size_t)(p - k.base) / GRANULE + TSP_CHUNK - 1) / TSP_CHUNK;
        memcpy(saved, lasts, TSP_SPAN);
        broken = 1;
        for (size_t bit = 0; bit <= 8 * (size_t)TSP_SPAN; bit++) {
            if (bit == 8 * (size_t)TSP_SPAN) memset(lasts, 0, TSP_SPAN);
            else lasts[bit / 8] ^= (unsigned char)(1u << bit % 8);
            CHECK(V_(check)(&k.heap).status == TSP_CORRUPT && V_(check)(&k.heap).what[1] == '4');
            REPORTS(&k, TSP_CORRUPT, p, V_(usable_size)(&k.heap, p));
            CHECK(V_(try_free)(&k.heap, p) == TSP_CORRUPT && V_(dealloc)(&k.heap, p, size, 1) == TSP_CORRUPT);
            memcpy(lasts, saved, TSP_SPAN);
        }
        broken = 0;
    }
    CHECK(V_(try_free)(&k.heap, p) == TSP_OK && V_(try_free)(&k.heap, p + size) == TSP_OK);
    close_kitchen(&k);
}

/* A call in a heap whose index, or a hole's links of it, are damaged in one byte. No object is where no hole is, nor
 * where the one before it is: what is live looks like no hole, since it is all ones. */
static void take_two(kitchen *k, size_t holes) {
    static const size_t sizes[][2] = {{1, 1}, {3, 1}, {4, 1}, {5, 4}, {6, 1}, {7, 1}, {2, 2}};
    TSP_V saved = k->heap;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i][0] * UNIT;
        unsigned char *p[2];
        k->heap = saved;
        memcpy(k->where.memory, k->image, k->where.size);
        for (int n = 0; n < 2; n++) {
            size_t at = 0;
            misuse.count = 0;
            p[n] = V_(alloc)(&k->heap, size, sizes[i][1] * UNIT);
            if (p[n] == NULL) {
                CHECK(misuse.count == 0 || misuse.status == TSP_CORRUPT);
                continue;
            }
            while (at < holes && !(p[n] >= hole[at] && p[n] + size <= hole[at] + hole_size[at])) at++;
            CHECK(at < holes);
            if (n && p[0]) CHECK(p[0] + size <= p[1] || p[1] + size <= p[0]);
            memset(p[n], 0xFF, size);
        }
        CHECK(guards_hold(&k->where));
    }
    k->heap = saved;
    memcpy(k->where.memory, k->image, k->where.size);
}

TEST_BOTH(damaged_index_hands_out_no_live_bytes) {
    enum { HOLES = 8 };
    dice d = 11;
    kitchen k = lay_holes(&d, HOLES, 0, sized);
    size_t all = k.total / GRANULE, index = index_at(all, sized), live = 0;
    if (has_index(all)) {
        for (size_t i = 0; i < HOLES; i++) { /* all that is live becomes ones */
            memset(k.base + live, 0xFF, (size_t)(hole[i] - k.base) - live);
            live = (size_t)(hole[i] - k.base) + hole_size[i];
        }
        memset(k.base + live, 0xFF, k.total - live);
        CHECK(says(&k.heap, '0', 0));
        for (size_t at = 0; at < k.where.size && !test_failures; at++) {
            size_t i = 0;
            while (i < HOLES && !(k.base + at >= hole[i] && k.base + at < hole[i] + GRANULE)) i++;
            if (at < index && i == HOLES) continue;
            for (unsigned value = 0; value < 256; value++) {
                const unsigned char was = k.where.memory[at];
                k.where.memory[at] = (unsigned char)value;
                remember(&k);
                take_two(&k, HOLES);
                k.where.memory[at] = was;
                if (!test_failures) continue;
                printf("    byte %lu of the index, value %u instead of %u\n", (unsigned long)(at - index), value, was);
                break;
            }
        }
    }
    close_kitchen(&k);
}

/* What is asked of the heap around a damaged hole. */
enum { END_AFTER, END_BEFORE, GROW_AFTER, GROW_BEFORE, SLIDE, TAKE_THE_HOLE, TAKE_LITTLE, TAKE_ALIGNED, ASK, ACTIONS };

static void act(kitchen *k, size_t i, int action) {
    TSP_V *h = &k->heap;
    unsigned char *after = wall[i], *before = wall[i ? i - 1 : 0], *p = NULL;
    size_t size = 2 * UNIT;
    switch (action) {
    case END_AFTER: V_(dealloc)(h, after, UNIT, 1); break;
    case END_BEFORE: V_(dealloc)(h, before, UNIT, 1); break;
    case GROW_AFTER: p = V_(resize)(h, after, UNIT, size, 1); break;
    case GROW_BEFORE: p = V_(resize)(h, before, UNIT, size, 1); break;
    case SLIDE: p = V_(resize)(h, after, UNIT, size = 7 * UNIT, 1); break; /* no hole is so large */
    case TAKE_THE_HOLE: p = V_(alloc)(h, size = hole_size[i], 1); break;
    case TAKE_LITTLE: p = V_(alloc)(h, size, 1); break;
    case TAKE_ALIGNED: p = V_(alloc)(h, size, 4 * UNIT); break;
    case ASK: V_(largest)(h, UNIT), V_(usage)(h), V_(walk)(h, visit_inside, k); break;
    }
    if (p) CHECK(is_placed(k, p, size, 1));
}

/* Every byte of an index set to what may lead somewhere, and every call that follows. */
TEST_BOTH(every_byte_of_the_index_scribbled) {
    enum { HOLES = 12, VALUES = 6 };
    dice d = 3;
    kitchen k = lay_holes(&d, HOLES, 0, sized);
    TSP_V saved = k.heap;
    const size_t n = k.total / GRANULE;
    remember(&k);
    for (size_t at = index_at(n, sized); has_index(n) && at < k.where.size; at++)
        for (size_t v = 0; v < VALUES; v++)
            for (int action = 0; action < ACTIONS; action++) {
                static const unsigned char values[VALUES] = {0, 1, 2, 3, 0x7F, 0xFF};
                k.where.memory[at] = values[v];
                act(&k, roll(&d, HOLES), action);
                act(&k, roll(&d, HOLES), (int)roll(&d, ACTIONS));
                V_(check)(&k.heap);
                if (!CHECK(guards_hold(&k.where))) return;
                k.heap = saved;
                memcpy(k.where.memory, k.image, k.where.size);
            }
    close_kitchen(&k);
}

/* Every link of a hole, at its end and at its beginning, set to what breaks a list, and then every call that would
 * follow it. */
TEST_BOTH(every_link_scribbled) {
    enum { HOLES = 20, LINKS = 6, VALUES = 10 };
    for (unsigned seed = 1; seed <= 12; seed++) {
        dice d = seed;
        kitchen k = lay_holes(&d, HOLES, 0, sized);
        TSP_V saved = k.heap;
        const uint32_t all = (uint32_t)(k.total / GRANULE);
        remember(&k);
        for (size_t i = 0; i < HOLES; i++)
            for (size_t link = 1; link <= LINKS; link++) /* the last two are the first two */
                for (size_t v = 0; v < VALUES; v++)
                    for (int action = 0; action < ACTIONS; action++) {
                        unsigned char *at =
                            link > LINKS - 2 ? hole[i] + (LINKS - link) * LINK : hole[i] + hole_size[i] - link * LINK;
                        const uint32_t own = (uint32_t)(hole_size[i] / GRANULE);
                        const uint32_t values[VALUES] = {0,   1,       2,       own - 1,     own + 1,
                                                         all, all + 1, 0x8000u, 0x1FFFFFFFu, 0xFFFFFFFFu};
                        write_link(at, values[v]);
                        act(&k, i, action);
                        act(&k, i ? i - 1 : i, (action + 1) % ACTIONS);
                        V_(check)(&k.heap);
                        if (!CHECK(guards_hold(&k.where))) return;
                        k.heap = saved;
                        memcpy(k.where.memory, k.image, k.where.size);
                    }
        close_kitchen(&k);
    }
}

/* Hundreds of holes: scribbles here and there, or two links of every hole. */
TEST_BOTH(hundreds_of_holes_scribbled) {
    for (unsigned seed = 1; seed <= 400; seed++) {
        dice d = seed * 4321;
        kitchen k = lay_holes(&d, HOLES_MOST, seed % 16, sized);
        size_t one = 1 + roll(&d, 6), two = 1 + roll(&d, 6), span = seed % 3 ? 7 : 65536;
        for (size_t i = 0; i < HOLES_MOST; i++) {
            unsigned char *end = hole[i] + hole_size[i];
            if (seed % 2) {
                write_link(end - one * LINK, roll(&d, span));
                write_link(end - two * LINK, roll(&d, 65536));
            } else if (roll(&d, 30) == 0) {
                write_link(hole[i] + roll(&d, hole_size[i] / LINK) * LINK, roll(&d, span));
            }
        }
        judge_damage(&k, &d);
        carry_on(&k, &d, 100);
        drop_region(&k.where);
        free(k.image);
    }
    say_share("hundreds_of_holes_scribbled");
}
