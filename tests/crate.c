/* What the Rust crate documents of itself, told as cases: whoever comes from there finds all of it here. (What it did
 * not do right is in museum.c.)
 * SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"

#define G UNIT

TEST_BOTH(any_alignment_and_any_size) {
    for (size_t align = 1; align <= 1024; align *= 2)
        for (size_t size = 1; size <= 2000; size += 37) {
            kitchen k = open_kitchen_at(5000, 12, sized);
            unsigned char *p = V_(alloc)(&k.heap, size, align), *q = V_(alloc)(&k.heap, size, align);
            CHECK(is_placed(&k, p, size, align));
            if (q) CHECK(is_placed(&k, q, size, align) && (p + size <= q || q + size <= p));
            CHECK(q || size > 1000 || align == 1024);
            CHECK(V_(dealloc)(&k.heap, p, size, align) == TSP_OK);
            CHECK(V_(dealloc)(&k.heap, q, size, align) == TSP_OK);
            CHECK(is_empty(&k));
            close_kitchen(&k);
        }
}

TEST_BOTH(too_small_a_region_fails_every_allocation) {
    for (size_t offset = 0; offset < 16; offset++) {
        kitchen k = open_kitchen_at(GRANULE - 1, offset, sized);
        CHECK(k.total == 0);
        CHECK(V_(alloc)(&k.heap, 1, 1) == NULL && V_(usage)(&k.heap).failed == 1);
        CHECK(V_(alloc)(&k.heap, 0, 8) != NULL);
        close_kitchen(&k);
    }
}

TEST_BOTH(no_memory_is_an_error) { /* where the crate returns an error for a null pointer, init returns 0 */
    TSP_V heap;
    CHECK(start_heap(&heap, NULL, 4096, sized) == 0);
    CHECK(V_(alloc)(&heap, 1, 1) == NULL);
}

TEST_BOTH(objects_of_size_zero_cost_nothing) {
    kitchen k = open_kitchen(8, sized);
    CHECK(V_(alloc)(&k.heap, 8 * G, 1) != NULL);
    for (size_t align = 1; align <= 4096; align *= 2) { /* even in a full heap */
        void *p = V_(alloc)(&k.heap, 0, align);
        CHECK(p != NULL && (uintptr_t)p % align == 0 && !V_(contains)(&k.heap, p));
        CHECK(V_(dealloc)(&k.heap, p, 0, align) == TSP_OK);
    }
    CHECK(V_(usage)(&k.heap).objects == 1);
    close_kitchen(&k);
}

TEST_BOTH(usage_as_the_crate_defines_it) {
    kitchen k = open_kitchen(100, sized);
    tsp_usage u = V_(usage)(&k.heap);
    void *p, *q;
    CHECK(u.total == 100 * G && u.used == 0 && u.free == 100 * G && u.objects == 0);
    p = V_(alloc)(&k.heap, 5, 1); /* usable sizes, not what was asked for */
    u = V_(usage)(&k.heap);
    CHECK(u.used == round_up(5) && u.free == u.total - u.used && u.objects == 1);
    q = V_(resize)(&k.heap, p, 5, 10 * G, 1); /* does not change the count */
    u = V_(usage)(&k.heap);
    CHECK(u.used == 10 * G && u.objects == 1);
    CHECK(V_(alloc)(&k.heap, 0, 1) != NULL); /* is not counted */
    CHECK(V_(usage)(&k.heap).objects == 1);
    CHECK(V_(dealloc)(&k.heap, q, 10 * G, 1) == TSP_OK);
    u = V_(usage)(&k.heap);
    CHECK(u.used == 0 && u.objects == 0 && u.free == u.total);
    close_kitchen(&k);
}

TEST_BOTH(resize_stays_where_there_is_room) {
    kitchen k = open_kitchen(100, sized);
    unsigned char *p = V_(alloc)(&k.heap, 4 * G, G), *q;
    fill(p, 0, 4 * G, 1);
    CHECK(V_(resize)(&k.heap, p, 4 * G, 50 * G, G) == p && keeps(p, 4 * G, 1));
    CHECK(V_(resize)(&k.heap, p, 50 * G, 2 * G, G) == p && keeps(p, 2 * G, 1));
    CHECK(V_(resize_in_place)(&k.heap, p, 2 * G, 100 * G, G) == TSP_OK && keeps(p, 2 * G, 1));
    CHECK(V_(resize_in_place)(&k.heap, p, 100 * G, 100 * G + 1, G) == TSP_NO_MEMORY);
    CHECK(V_(resize_in_place)(&k.heap, p, 100 * G, 0, G) == TSP_NO_MEMORY); /* objects of size 0 are elsewhere */
    CHECK(V_(usage)(&k.heap).used == 100 * G && keeps(p, 2 * G, 1));
    CHECK(V_(resize_in_place)(&k.heap, p, 100 * G, 2 * G, G) == TSP_OK);
    q = V_(alloc)(&k.heap, G, G);
    CHECK(q == p + 2 * G);
    CHECK(V_(resize_in_place)(&k.heap, p, 2 * G, 3 * G, G) == TSP_NO_MEMORY && keeps(p, 2 * G, 1));
    q = V_(resize)(&k.heap, p, 2 * G, 3 * G, G); /* and moves where there is none */
    CHECK(q && q != p && keeps(q, 2 * G, 1));
    close_kitchen(&k);
}

TEST_BOTH(failed_resize_leaves_the_object) {
    kitchen k = open_kitchen(20, sized);
    unsigned char *p = V_(alloc)(&k.heap, 10 * G, G);
    CHECK(V_(alloc)(&k.heap, 3 * G, G) != NULL);
    fill(p, 0, 10 * G, 1);
    remember(&k);
    CHECK(V_(resize)(&k.heap, p, 10 * G, 18 * G, G) == NULL);
    CHECK(is_unchanged(&k) && V_(usage)(&k.heap).objects == 2);
    CHECK(V_(dealloc)(&k.heap, p, 10 * G, G) == TSP_OK);
    close_kitchen(&k);
}

TEST_BOTH(grow_and_shrink_may_change_the_alignment) {
    for (size_t from = 1; from <= 256; from *= 2)
        for (size_t to = 1; to <= 256; to *= 2)
            for (size_t size = 10; size <= 60; size += 25) {
                kitchen k = open_kitchen_at(2048, 4, sized);
                unsigned char *odd = V_(alloc)(&k.heap, 1, 1), *p = V_(alloc)(&k.heap, 30, from), *q;
                fill(p, 0, 30, 1);
                q = V_(resize)(&k.heap, p, 30, size, to);
                CHECK(odd && is_placed(&k, q, size, to));
                CHECK(keeps(q, size < 30 ? size : 30, 1));
                if ((uintptr_t)p % to == 0) CHECK(q == p);
                CHECK(V_(usage)(&k.heap).objects == 2);
                CHECK(V_(dealloc)(&k.heap, q, size, to) == TSP_OK);
                close_kitchen(&k);
            }
}

TEST_BOTH(zeroed_forms) {
    kitchen k = open_kitchen_at(3000, 4, sized);
    for (size_t size = 1; size <= 300; size++) {
        unsigned char *p;
        V_(reset)(&k.heap);
        memset(k.base, 0xFF, k.total); /* a full heap's worth of dirt... */
        start_heap(&k.heap, k.where.memory, k.where.size, sized);
        p = V_(alloc_zeroed)(&k.heap, size, 8);
        CHECK(p && is_filled_with(p, size, 0));
        fill(p, 0, round_up(size), 3); /* ...also behind the last byte */
        p = V_(resize_zeroed)(&k.heap, p, size, 2 * size + 9, 8);
        CHECK(p && keeps(p, size, 3) && is_filled_with(p + size, size + 9, 0));
        p = V_(resize_zeroed)(&k.heap, p, 2 * size + 9, size, 8);
        CHECK(p && keeps(p, size, 3));
        CHECK(V_(dealloc)(&k.heap, p, size, 8) == TSP_OK);
        for (size_t said = 0; said <= size; said += size) { /* NULL had no bytes, whatever is said of its size */
            p = V_(resize_zeroed)(&k.heap, NULL, said, size, 8);
            CHECK(p && is_filled_with(p, size, 0));
            memset(p, 0xEE, size);
            CHECK(V_(dealloc)(&k.heap, p, size, 8) == TSP_OK);
        }
        p = V_(resize_zeroed)(&k.heap, V_(alloc)(&k.heap, 0, 8), 0, size, 8);
        CHECK(p && is_filled_with(p, size, 0));
    }
    close_kitchen(&k);
}

TEST_BOTH(two_heaps_do_not_know_each_other) {
    kitchen k = open_kitchen(40, sized), l = open_kitchen(40, sized);
    unsigned char *p = V_(alloc)(&k.heap, 3 * G, G), *q = V_(alloc)(&l.heap, 3 * G, G);
    CHECK(V_(contains)(&k.heap, p) && !V_(contains)(&l.heap, p));
    CHECK(V_(dealloc)(&k.heap, q, 3 * G, G) == TSP_FOREIGN);
    CHECK(V_(dealloc)(&l.heap, p, 3 * G, G) == TSP_FOREIGN);
    CHECK(V_(dealloc)(&l.heap, q, 3 * G, G) == TSP_OK);
    close_kitchen(&k);
    close_kitchen(&l);
}

static int visits, stop_at;

static int visit(void *context, void *start, size_t size, tsp_kind kind) {
    (void)start, (void)size, (void)kind;
    CHECK(context == &visits);
    return ++visits == stop_at ? 42 : 0;
}

TEST_BOTH(walk_stops_when_told) { /* not the crate's, but as basic */
    kitchen k = open_kitchen(40, sized);
    const int all = sized ? 5 : 6; /* in a sized heap, two objects that touch are one run of live bytes */
    unsigned char *p[5];
    for (int i = 0; i < 5; i++) p[i] = V_(alloc)(&k.heap, 2 * G, G);
    V_(dealloc)(&k.heap, p[0], 2 * G, G);
    V_(dealloc)(&k.heap, p[3], 2 * G, G);
    for (stop_at = 1; stop_at <= all; stop_at++) {
        visits = 0;
        CHECK(V_(walk)(&k.heap, visit, &visits) == 42 && visits == stop_at);
    }
    stop_at = 0;
    visits = 0;
    CHECK(V_(walk)(&k.heap, visit, &visits) == 0 && visits == all);
    close_kitchen(&k);
}

/* -- Statics ------------------------------------------------------------------------------------------------------ */

#define STATIC_tsp4k TSP4K_STATIC
#define STATIC_tsp128k TSP128K_STATIC
#define STATIC_tsp16m TSP16M_STATIC
#define STATIC_SIZED_tsp4k TSP4K_STATIC_SIZED
#define STATIC_SIZED_tsp128k TSP128K_STATIC_SIZED
#define STATIC_SIZED_tsp16m TSP16M_STATIC_SIZED
#define LAZY_tsp4k TSP4K_LAZY
#define LAZY_tsp128k TSP128K_LAZY
#define LAZY_tsp16m TSP16M_LAZY
#define LAZY_SIZED_tsp4k TSP4K_LAZY_SIZED
#define LAZY_SIZED_tsp128k TSP128K_LAZY_SIZED
#define LAZY_SIZED_tsp16m TSP16M_LAZY_SIZED

static int supplied;
static _Alignas(16) unsigned char supply[1000];

static void *supplier(size_t *size) {
    supplied++;
    *size = sizeof supply;
    return supply;
}

static void *supplier_of_nothing(size_t *size) {
    supplied++;
    *size = 1000;
    return NULL;
}

OF_FAMILY(STATIC_)(larder, 2048);
OF_FAMILY(STATIC_SIZED_)(sized_larder, 2048);
OF_FAMILY(LAZY_)(lazy, supplier);
OF_FAMILY(LAZY_SIZED_)(lazy_sized, supplier);
OF_FAMILY(LAZY_)(lazy_nothing, supplier_of_nothing);

TEST(static_heaps) {
    void *p = V_(malloc)(larder(), 100);
    CHECK(p != NULL && larder() == larder() && V_(usage)(larder()).objects == 1);
    CHECK(V_(usage)(larder()).total >= usable(0, 2048 - GRANULE, 0)); /* the bytes may not be on a granule */
    V_(free)(larder(), p);
    p = V_(alloc)(sized_larder(), 100, 8);
    CHECK(p != NULL && V_(usage)(sized_larder()).total >= 2048 - G);
    CHECK(V_(dealloc)(sized_larder(), p, 100, 8) == TSP_OK);
    CHECK(V_(check)(larder()).status == TSP_OK && V_(check)(sized_larder()).status == TSP_OK);
}

TEST(lazy_heaps) {
    void *p;
    CHECK(supplied == 0);
    p = V_(malloc)(lazy(), 100);
    CHECK(p != NULL && supplied == 1);
    CHECK(V_(malloc)(lazy(), 100) != NULL && supplied == 1);
    CHECK(V_(alloc)(lazy_sized(), 1000 - G, 1) != NULL && supplied == 2);
    supplied = 0;
    CHECK(V_(malloc)(lazy_nothing(), 1) == NULL);
    CHECK(V_(malloc)(lazy_nothing(), 1) == NULL);
    CHECK(supplied == 1); /* it was asked, and said no */
}
