/* Misuse: everything that can be known to be wrong is refused with its reason, and changes not a byte. And damage:
 * after stray writes into the heap no call reads or writes outside the region (AddressSanitizer watches the guards) and
 * none runs for ever.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"

#include <stddef.h>
#include <sys/mman.h>

#ifndef TSP_LANE_BITS
#define TSP_LANE_BITS 3
#endif

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
                              (unsigned char *)&k.heap};
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
                V_(free)(&h, p);
                CHECK(misuse.count == 0 && V_(usable_size)(&h, p) == 0);
                V_(free)(&h, (unsigned char *)power); /* which is a place in the heap, and free */
                CHECK(misuse.count == 1 && misuse.status == TSP_ALREADY_FREE);
                misuse.count = 0;
            }
            /* A heap that ends where the power is: that is outside, and good enough. */
            CHECK(start_heap(&h, memory, 65536 + (sized ? 0 : 65536 / GRANULE / 8), sized) == 65536);
            p = V_(alloc)(&h, 0, power);
            CHECK((uintptr_t)p == power && !V_(contains)(&h, p));
            if (!sized) V_(free)(&h, p);
            CHECK(total > 2 * 65536 && misuse.count == 0);
        }
        if (memory != MAP_FAILED) munmap(memory, SIZE);
        if (memory == wanted) return;
    }
    printf("nothing_is_elsewhere_than_the_heap: no such address could be had\n");
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

/* Every bit of the region: a flip is noticed if it is one of a gap, a size or the map, and not noticed in live or free
 * bytes. Hops and tops are noticed in all their bits, or belong to no station. */
TEST_BOTH(check_notices_every_bit_that_matters) {
    kitchen k = lay_bites(sized);
    hole_list holes = {{0}, {0}, 0, 0, k.base};
    size_t stations = 0;
    CHECK(V_(walk)(&k.heap, list_hole, &holes) == 0 && holes.count > 6);
    for (size_t at = 0; at < k.where.size; at++) {
        size_t i = 0, from_end, bits = 0;
        while (i < holes.count && holes.end[i] <= at) i++;
        from_end = i < holes.count && holes.start[i] <= at ? holes.end[i] - at : SIZE_MAX;
        for (unsigned bit = 0; bit < 8; bit++) {
            k.where.memory[at] ^= (unsigned char)(1u << bit);
            bits += V_(check)(&k.heap).status == TSP_CORRUPT;
            k.where.memory[at] ^= (unsigned char)(1u << bit);
        }
        if (from_end <= GRANULE || at >= k.total) CHECK(bits == 8);
        else CHECK(bits == 0 || (bits == 8 && from_end <= (1 + LANES) * GRANULE));
        if (from_end % GRANULE == 0 && from_end > GRANULE && bits) stations++;
    }
    printf("check_notices_every_bit_that_matters: %lu holes, %lu hops\n", (unsigned long)holes.count,
           (unsigned long)stations);
    CHECK(GRANULE == 8 || stations == 0);
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
    WRONG(sized ? '7' : '6', sized ? 0 : k.total, write_link(node_b, 0)); /* the last hole is gone */
    WRONG('2', end_b, write_link(node_b + LINK, 0));
    WRONG('2', end_b, write_link(node_b + LINK, (uint32_t)(end_b / GRANULE + 1)));
    WRONG(sized ? '7' : '6', 0, write_link(node_b + LINK, (uint32_t)(end_b / GRANULE))); /* as if a were free too */
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
        WRONG('7', 0, FLIP(0)); /* two objects where there is one */
        WRONG('7', 0, FLIP(c_ends - 1));
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
        unsigned char *last = k.where.memory + k.where.size - 1;
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
    for (int damage = 0; damage < 5; damage++) {
        kitchen k = lay_table(sized);
        unsigned char *node_b = b + four - GRANULE, *node_rest = k.base + k.total - GRANULE;
        const uint32_t rest = (uint32_t)((k.total - 2 * four) / GRANULE);
        set_down(&k, b);
        switch (damage) {
        case 0: write_link(node_rest + LINK, rest + 1); break;
        case 1: write_link(node_rest + LINK, 0); break;
        case 2: write_link(node_b, rest + 1); break;
        case 3: write_link(node_b + LINK, 0); break;
        case 4: write_link(node_b + LINK, (uint32_t)(2 * four / GRANULE + 1)); break;
        }
        broken = 1;
        if (damage <= 2) { /* behind c */
            refused(&k, c, four, UNIT, TSP_CORRUPT);
            if (!sized) reported(&k, c, TSP_CORRUPT);
        } else { /* behind a, before c */
            refused(&k, a, four, UNIT, TSP_CORRUPT);
            if (!sized) reported(&k, a, TSP_CORRUPT);
            remember(&k);
            CHECK(V_(dealloc)(&k.heap, c, four, UNIT) == TSP_CORRUPT);
            CHECK(is_unchanged(&k));
        }
        V_(reset)(&k.heap); /* which helps */
        broken = 0;
        close_kitchen(&k);
    }
    for (int damage = 0; damage < 2; damage++) { /* an allocation that would take the damaged hole */
        kitchen k = lay_table(sized);
        unsigned char *node_b = b + four - GRANULE, *node_rest = k.base + k.total - GRANULE;
        set_down(&k, b);
        write_link((damage ? node_b : node_rest) + LINK, (uint32_t)(k.total / GRANULE - 1));
        broken = 1;
        finds_damage(&k, damage ? k.total - four : 12 * UNIT);
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

/* c could slide into b, but the search for a better place comes upon a damaged hole: not the next one, which is x. */
TEST_BOTH(damage_is_reported_instead_of_a_slide) {
    kitchen k = lay_table(sized);
    unsigned char *wall = V_(alloc)(&k.heap, UNIT, UNIT), *x = V_(alloc)(&k.heap, four, UNIT), *e;
    CHECK(wall && x && V_(alloc)(&k.heap, UNIT, UNIT));
    e = V_(alloc)(&k.heap, four, UNIT);
    CHECK(e && V_(alloc)(&k.heap, V_(largest)(&k.heap, 1), 1));
    set_down(&k, b);
    set_down(&k, x);
    set_down(&k, e);
    write_link(e + four - LINK, (uint32_t)(20 * UNIT / GRANULE));
    broken = 1;
    REPORTS(&k, TSP_CORRUPT, c, CHECK(V_(resize)(&k.heap, c, four, 6 * UNIT, UNIT) == NULL));
    CHECK(V_(usage)(&k.heap).failed == 0 && keeps(c, four, 3));
    write_link(e + four - LINK, (uint32_t)(four / GRANULE));
    broken = 0;
    CHECK(V_(resize)(&k.heap, c, four, 6 * UNIT, UNIT) == b && keeps(b, four, 3)); /* it could indeed */
    close_kitchen(&k);
}

/* The first hop of tsp16m leads into c, where only what is left when c shrinks is looked for: nothing is made of it. */
TEST_BOTH(damage_is_reported_while_shrinking) {
    kitchen k = lay_table(sized);
    unsigned char *hop = (unsigned char *)&k.heap + offsetof(TSP_V, gap) - GRANULE;
    if (LANES) {
        write_link(hop, (uint32_t)((size_t)(c - k.base) / GRANULE + 1));
        write_link(c, 0xFFFFFFFFu); /* its gap */
        broken = 1;
        misuse.count = 0;
        CHECK(V_(resize)(&k.heap, c, four, 3 * UNIT, 1) == NULL);
        CHECK(misuse.count == 1 && misuse.status == TSP_CORRUPT && misuse.pointer == c);
        fill(c, 0, LINK, 3);
        CHECK(guards_hold(&k.where) && keeps(a, four, 1) && keeps(b, four, 2) && keeps(c, four, 3));
        broken = 0;
    }
    V_(reset)(&k.heap);
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
    kitchen k = open_kitchen_at(size, offset, sized);
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
    kitchen k = open_kitchen_at(holes * 7 * UNIT, offset, sized);
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

/* The end of hole i, or of what the handle has instead of a hole, as the address behind its node. */
static unsigned char *end_of_hole(kitchen *k, size_t i, size_t holes) {
    return i < holes ? hole[i] + hole_size[i] : (unsigned char *)&k->heap + offsetof(TSP_V, gap) + GRANULE;
}

/* Every hop and top of tsp16m: which holes are stations is found out by flipping a bit of each hop. Then a top is the
 * largest hole of the span that ends there; and a hop leads to the next station, and nowhere else. Which are
 * stations is part of the format. */
TEST_BOTH(check_knows_every_hop_and_top) {
    enum { HOLES = 400, HEAD = HOLES };
    dice d = 5;
    kitchen k;
    size_t found[LANES + 2] = {0};
    if (LANES == 0) return;
    k = lay_holes(&d, HOLES, 0, sized);
    for (size_t lane = 1; lane <= LANES; lane++) {
        size_t station = HEAD, largest = 0;   /* in the span so far */
        for (size_t i = 0; i <= HOLES; i++) { /* the last time only to close the last span */
            unsigned char *hop = end_of_hole(&k, station, HOLES) - (lane + 1) * GRANULE;
            const size_t from = station == HEAD ? 0 : (size_t)(end_of_hole(&k, station, HOLES) - k.base);
            const size_t at = i < HOLES ? (size_t)(end_of_hole(&k, i, HOLES) - k.base) : k.total;
            unsigned char old[LINK];
            int is_station = 0;
            if (i < HOLES) {
                unsigned char *own = hole[i] + hole_size[i] - (lane + 1) * GRANULE, *top = own + LINK;
                if (hole_size[i] > largest) largest = hole_size[i];
                if (hole_size[i] > lane * GRANULE) {
                    own[0] ^= 1;
                    is_station = V_(check)(&k.heap).status == TSP_CORRUPT;
                    own[0] ^= 1;
                    CHECK(is_station == !((uint16_t)(at / GRANULE * 40503u) >> (16 - TSP_LANE_BITS * lane)));
                }
                if (is_station) {
                    write_link(top, (uint32_t)(largest / GRANULE) + 1);
                    CHECK(says(&k.heap, '5', at));
                    write_link(top, (uint32_t)(largest / GRANULE) - 1);
                    CHECK(says(&k.heap, '5', at));
                    write_link(top, (uint32_t)(largest / GRANULE));
                    CHECK(says(&k.heap, '0', 0));
                }
            }
            memcpy(old, hop, LINK);
            if (i < HOLES) {
                write_link(hop, (uint32_t)((at - from) / GRANULE));
                CHECK(is_station == says(&k.heap, '0', 0));
                write_link(hop, 0);
                if (is_station) CHECK(says(&k.heap, '4', at));
            } else if (from != k.total) { /* behind the last hole there is only a wall */
                write_link(hop, (uint32_t)((k.total - from) / GRANULE));
                CHECK(says(&k.heap, '4', (size_t)(end_of_hole(&k, HOLES - 1, HOLES) - k.base)));
            }
            memcpy(hop, old, LINK);
            if (!is_station) continue;
            found[lane]++;
            station = i;
            largest = 0;
        }
    }
    printf("check_knows_every_hop_and_top: %lu stations, %lu on the second lane\n", (unsigned long)found[1],
           (unsigned long)found[2]);
    CHECK(found[1] > 10 && found[2] > 0 && found[2] <= found[1] && found[1] < HOLES);
    CHECK(says(&k.heap, '0', 0));
    close_kitchen(&k);
}

/* The first station of a lane says that the next ends where none can: before the heap there is nothing to read. */
TEST_BOTH(hop_to_the_heaps_first_granules) {
    enum { HOLES = 200 };
    for (size_t lane = 1; lane <= LANES; lane++)
        for (size_t to = 1; to <= lane; to++) {
            dice d = 7;
            kitchen k = lay_holes(&d, HOLES, 0, sized);
            uint32_t end;
            size_t i = 0;
            memcpy(&end, end_of_hole(&k, HOLES, HOLES) - (lane + 1) * GRANULE, LINK);
            while (end_of_hole(&k, i, HOLES) < k.base + end * GRANULE) i++;
            write_link(end_of_hole(&k, i, HOLES) - (lane + 1) * GRANULE, (uint32_t)to - end);
            broken = 1;
            CHECK(V_(dealloc)(&k.heap, wall[i], UNIT, 1) == TSP_OK); /* and that station is none any more */
            carry_on(&k, &d, 40);
            CHECK(guards_hold(&k.where));
            broken = 0;
            V_(reset)(&k.heap);
            close_kitchen(&k);
        }
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

/* Every link of a hole, set to what breaks a list, and then every call that would follow it. */
TEST_BOTH(every_link_scribbled) {
    enum { HOLES = 20, LINKS = 6, VALUES = 10 };
    for (unsigned seed = 1; seed <= 12; seed++) {
        dice d = seed;
        kitchen k = lay_holes(&d, HOLES, 0, sized);
        TSP_V saved = k.heap;
        const uint32_t all = (uint32_t)(k.total / GRANULE);
        remember(&k);
        for (size_t i = 0; i < HOLES; i++)
            for (size_t link = 1; link <= LINKS; link++)
                for (size_t v = 0; v < VALUES; v++)
                    for (int action = 0; action < ACTIONS; action++) {
                        unsigned char *at = hole[i] + hole_size[i] - link * LINK;
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

/* Hundreds of holes, where tsp16m has its express lanes: scribbles here and there, or two links of every hole. */
TEST_BOTH(lanes_scribbled) {
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
    say_share("lanes_scribbled");
}
