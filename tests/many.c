/* tsp_many.h: several heaps with one set of calls, against what they promise: order, bits, moves, and who is asked for
 * an address. SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"

#include "../adapters/tsp_many.h"

#define MANY_(V) TSP_MANY(V)
MANY_(TSP_V);
#define M_(name) V_(FAMILY_PASTE(many_, name))
typedef V_(region) place;
typedef V_(many) many;

enum { FAST = 1, DMA = 2, COUNT = 3, N = 20 };
static kitchen k[COUNT];
static place places[COUNT];
static const many all = {places, COUNT};

/* Of 20, 40 and 60 units: fast; DMA; fast and DMA. */
static void open_all(int sized) {
    static const unsigned bits[COUNT] = {FAST, DMA, FAST | DMA};
    for (int i = 0; i < COUNT; i++) {
        k[i] = open_kitchen((size_t)(i + 1) * N, sized);
        places[i].heap = &k[i].heap;
        places[i].bits = bits[i];
    }
}

static void close_all(void) {
    for (int i = 0; i < COUNT; i++) {
        CHECK(is_empty(&k[i]));
        close_kitchen(&k[i]);
    }
}

static int whose(const void *pointer) {
    for (int i = 0; i < COUNT; i++)
        if (M_(find)(&all, pointer) == &k[i].heap) return i;
    return -1;
}

TEST_BOTH(the_first_that_has_bits_and_room) {
    void *p[COUNT], *q;
    open_all(sized);
    for (int i = 0; i < COUNT; i++) { /* each only when the one before is full */
        CHECK(whose(p[i] = M_(alloc)(&all, 0, (size_t)(i + 1) * N * UNIT, UNIT)) == i);
        CHECK(V_(usage)(&k[i].heap).free == 0);
    }
    CHECK(M_(alloc)(&all, 0, 1, 1) == NULL && V_(usage)(&k[0].heap).failed > 0 && V_(usage)(&k[2].heap).failed == 1);
    for (int i = 0; i < COUNT; i++) CHECK(M_(dealloc)(&all, p[i], (size_t)(i + 1) * N * UNIT, UNIT) == TSP_OK);
    CHECK(whose(p[0] = M_(alloc)(&all, DMA, UNIT, UNIT)) == 1);
    CHECK(whose(p[1] = M_(alloc)(&all, FAST | DMA, UNIT, UNIT)) == 2);
    CHECK(whose(p[2] = M_(alloc)(&all, FAST, 30 * UNIT, UNIT)) == 2); /* no room in the first */
    CHECK(M_(alloc)(&all, 4, 1, 1) == NULL && M_(alloc)(&all, 4, 0, 1) == NULL);
    CHECK(M_(alloc)(&all, 0, 1, 3) == NULL);
    q = M_(alloc)(&all, DMA, 0, 1);
    CHECK(q == &k[1].heap && whose(q) == 1 && M_(dealloc)(&all, q, 0, 1) == TSP_OK);
    CHECK(M_(dealloc)(&all, NULL, 5, 1) == TSP_OK && M_(dealloc)(&all, test_note, 0, 1) == TSP_OK);
    CHECK(M_(dealloc)(&all, test_note, 1, 1) == TSP_FOREIGN && M_(find)(&all, test_note) == NULL);
    CHECK(M_(dealloc)(&all, p[0], UNIT, UNIT) == TSP_OK && M_(dealloc)(&all, p[0], UNIT, UNIT) == TSP_ALREADY_FREE);
    CHECK(M_(dealloc)(&all, p[1], UNIT, UNIT) == TSP_OK && M_(dealloc)(&all, p[2], 30 * UNIT, UNIT) == TSP_OK);
    CHECK(misuse.count == 0);
    close_all();
}

TEST_BOTH(resize_from_region_to_region) {
    unsigned char *p, *q;
    open_all(sized);
    p = M_(resize)(&all, 0, NULL, 0, 4 * UNIT, UNIT);
    CHECK(whose(p) == 0);
    fill(p, 0, 4 * UNIT, 7);
    CHECK(M_(resize)(&all, 0, p, 4 * UNIT, N * UNIT, UNIT) == p); /* as long as there is room */
    q = M_(resize)(&all, 0, p, N * UNIT, (N + 1) * UNIT, UNIT);
    CHECK(whose(q) == 1 && keeps(q, 4 * UNIT, 7) && is_empty(&k[0]));
    p = M_(resize)(&all, FAST, q, (N + 1) * UNIT, 8 * UNIT, UNIT); /* not one of those: it moves, though it shrinks */
    CHECK(whose(p) == 0 && keeps(p, 4 * UNIT, 7) && is_empty(&k[1]));
    remember(&k[0]);
    CHECK(M_(resize)(&all, FAST, p, 8 * UNIT, 4 * N * UNIT, UNIT) == NULL && is_unchanged(&k[0])); /* none has it */
    CHECK(M_(resize)(&all, 4, p, 8 * UNIT, UNIT, UNIT) == NULL && misuse.count == 0);
    CHECK(M_(resize)(&all, 0, p, 8 * UNIT, UNIT, 3) == NULL && misuse.count == 1 && misuse.status == TSP_BAD_ALIGNMENT);
    CHECK(M_(resize)(&all, 0, test_note, 8, 9, 1) == NULL && misuse.count == 2 && misuse.heap == &all);
    CHECK(M_(resize)(&all, 0, p + N * UNIT - UNIT, UNIT, 9 * UNIT, 1) == NULL && misuse.count == 3);
    CHECK(misuse.heap == &k[0].heap && misuse.status == TSP_ALREADY_FREE && is_unchanged(&k[0]));
    CHECK(M_(resize)(&all, 0, p, 8 * UNIT, 0, 1) == &k[0].heap);
    CHECK(whose(p = M_(resize)(&all, DMA, &k[0].heap, 0, UNIT, 1)) == 1); /* from nothing */
    CHECK(M_(dealloc)(&all, p, UNIT, 1) == TSP_OK && misuse.count == 3);
    CHECK(whose(p = M_(resize)(&all, 0, &k[1].heap, 0, UNIT, 1)) == 0); /* by preference, wherever nothing was */
    CHECK(M_(resize)(&all, 0, p, 0, 2 * UNIT, 1) == NULL && misuse.count == 4); /* but that is something */
    q = M_(resize)(&all, DMA, p, UNIT, 2 * UNIT, 1);
    CHECK(whose(q) == 1 && M_(dealloc)(&all, q, 2 * UNIT, 1) == TSP_OK && misuse.count == 4);
    close_all();
}

/* What is behind the regions that count is none of theirs. */
TEST_BOTH(no_more_regions_than_there_are) {
    const place only[2] = {{&k[0].heap, FAST}, {NULL, FAST}};
    const many few = {places, 2}, one = {only, 1};
    unsigned char *p;
    open_all(sized);
    CHECK(M_(alloc)(&few, 0, 50 * UNIT, 1) == NULL && M_(dealloc)(&one, NULL, 5, 1) == TSP_OK);
    p = M_(alloc)(&few, 0, UNIT, 1);
    CHECK(whose(p) == 0 && M_(resize)(&few, 0, p, UNIT, 50 * UNIT, 1) == NULL);
    if (!sized) CHECK(M_(malloc)(&few, 0, 50 * UNIT) == NULL && M_(realloc)(&few, 0, p, 50 * UNIT) == NULL);
    CHECK(M_(dealloc)(&few, p, UNIT, 1) == TSP_OK && misuse.count == 0);
    close_all();
}

/* Who cannot say what it is about is told so, with the reason; objects of size 0 are the first heap's. */
TEST_BOTH(what_belongs_to_no_region) {
    const many none = {places, 0};
    unsigned char *p;
    open_all(sized);
    CHECK(M_(dealloc)(&none, NULL, 0, 1) == TSP_FOREIGN && M_(alloc)(&none, 0, 1, 1) == NULL);
    CHECK(M_(dealloc)(&all, NULL, 0, 3) == V_(dealloc)(&k[0].heap, NULL, 0, 3)); /* refused by the first */
    CHECK(M_(resize)(&all, 0, test_note, 8, 9, 1) == NULL && misuse.count == 1 && misuse.status == TSP_FOREIGN);
    CHECK(whose(p = M_(resize)(&all, 0, test_note, 0, UNIT, 1)) == 0 && misuse.count == 1); /* one of size 0 */
    for (size_t align = 0; align < 8; align += 3) /* where it stays, and where it would move */
        for (unsigned bits = 0; bits <= DMA; bits += DMA) {
            misuse.count = 0;
            CHECK(M_(resize)(&all, bits, p, UNIT, 2 * UNIT, align) == NULL);
            CHECK(misuse.count == 1 && misuse.status == TSP_BAD_ALIGNMENT && misuse.heap == &k[0].heap);
        }
    misuse.count = 0;
    CHECK(M_(resize)(&all, DMA, p, UNIT, 0, 1) == &k[0].heap && is_empty(&k[0])); /* to nothing, wherever it is */
    CHECK(misuse.count == 0);
    if (!sized) {
        M_(free)(&all, test_note);
        CHECK(misuse.count == 1 && misuse.status == TSP_FOREIGN);
        misuse.status = TSP_OK;
        CHECK(M_(realloc)(&all, 0, test_note, 9) == NULL && misuse.count == 2 && misuse.status == TSP_FOREIGN);
        p = M_(realloc)(&all, 0, NULL, 2 * UNIT);
        CHECK(M_(realloc)(&all, FAST, p, 3 * UNIT) == p && M_(realloc)(&all, FAST, p, 1) == p); /* it stays */
        CHECK(M_(realloc)(&all, DMA, p, 0) == &k[0].heap && misuse.count == 2);
    }
    close_all();
}

/* What moves is aligned as malloc has it, whatever is there. */
TEST(aligned_where_it_moves) {
    open_all(0);
    for (size_t units = 1; units < 4; units++) {
        void *beside = M_(alloc)(&all, DMA, units * UNIT, 1), *p = M_(malloc)(&all, 0, 4 * UNIT);
        CHECK(whose(beside) == 1 && whose(p) == 0);
        p = M_(realloc)(&all, 0, p, (30 - units) * UNIT);
        CHECK(whose(p) == 1 && (uintptr_t)p % TSP_MALLOC_ALIGN == 0);
        M_(free)(&all, p);
        M_(free)(&all, beside);
    }
    close_all();
}

TEST(calls_of_the_c_library) {
    unsigned char *p, *q, *r;
    open_all(0);
    p = M_(realloc)(&all, 0, NULL, 4 * UNIT);
    fill(p, 0, 4 * UNIT, 9);
    r = M_(malloc)(&all, DMA, UNIT);
    CHECK(whose(p) == 0 && M_(usable_size)(&all, p) == 4 * UNIT && whose(r) == 1);
    CHECK(M_(realloc)(&all, 0, p, 5 * UNIT) == p); /* it stays */
    q = M_(realloc)(&all, 0, p, 30 * UNIT);
    CHECK(whose(q) == 1 && keeps(q, 4 * UNIT, 9) && is_empty(&k[0]));
    CHECK(M_(realloc)(&all, FAST, q, 70 * UNIT) == NULL && M_(usable_size)(&all, q) == 30 * UNIT);
    p = M_(realloc)(&all, FAST, q, 2 * UNIT);
    CHECK(whose(p) == 0 && keeps(p, 2 * UNIT, 9));
    CHECK(M_(realloc)(&all, 0, p, 0) == &k[0].heap && is_empty(&k[0]));
    CHECK(whose(p = M_(realloc)(&all, DMA, &k[0].heap, UNIT)) == 1);
    M_(free)(&all, p);
    M_(free)(&all, r);
    M_(free)(&all, NULL);
    M_(free)(&all, M_(malloc)(&all, DMA, 0));
    CHECK(M_(usable_size)(&all, NULL) == 0 && misuse.count == 0);
    M_(free)(&all, p);
    CHECK(misuse.count == 1 && misuse.status == TSP_ALREADY_FREE && misuse.heap == &k[1].heap);
    CHECK(M_(realloc)(&all, 0, p, 9) == NULL && misuse.count == 2);
    M_(free)(&all, test_note);
    CHECK(M_(realloc)(&all, 0, test_note, 9) == NULL && M_(usable_size)(&all, test_note) == 0);
    CHECK(misuse.count == 5 && misuse.status == TSP_FOREIGN && misuse.heap == &all);
    close_all();
}
