/* The bug museum: faults that other allocators had, each as a case that fails where the fault is. The comments name the
 * allocator that taught us.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"

#define G UNIT

static int is_only_object(kitchen *k, const void *p, size_t size) {
    tsp_usage u = V_(usage)(&k->heap);
    (void)p;
    return is_sound(k) && u.objects == 1 && u.used == round_up(size);
}

/* -- The crate's own faults ---------------------------------------------------------------------------------------- */

/* Resize allocated the new object directly before the old one, and then unlinked the new one: it was given away twice.
 * Its 24-byte heap: two objects, the first freed, the second resized. Here for every size that such a heap can have. */
TEST_BOTH(crate_resize_lands_before_the_old_object) {
    for (size_t total = 3; total <= 12; total++)
        for (size_t first = 1; first < total; first++)
            for (size_t second = 1; first + second <= total; second++)
                for (size_t size = 1; size <= total; size++) {
                    kitchen k = open_kitchen(total, sized);
                    unsigned char *a = V_(alloc)(&k.heap, first * G, G), *b = V_(alloc)(&k.heap, second * G, G), *c, *d;
                    size_t kept = size < second ? size : second, rest;
                    fill(b, 0, second * G, 7);
                    CHECK(V_(dealloc)(&k.heap, a, first * G, G) == TSP_OK);
                    c = V_(resize)(&k.heap, b, second * G, size * G, G);
                    CHECK(c != NULL); /* the heap holds nothing else */
                    if (!CHECK(is_placed(&k, c, size * G, G))) return;
                    CHECK(keeps(c, kept * G, 7));
                    fill(c, 0, size * G, 8);
                    rest = V_(usage)(&k.heap).largest; /* whatever comes now must not be given twice */
                    if (rest) {
                        d = V_(alloc)(&k.heap, rest, 1);
                        CHECK(d + rest <= c || c + size * G <= d);
                        fill(d, 0, rest, 9);
                        CHECK(keeps(c, size * G, 8));
                        CHECK(V_(dealloc)(&k.heap, d, rest, 1) == TSP_OK);
                    }
                    CHECK(is_only_object(&k, c, size * G));
                    CHECK(V_(dealloc)(&k.heap, c, size * G, G) == TSP_OK);
                    CHECK(is_empty(&k));
                    close_kitchen(&k);
                }
}

/* Placing at the tail first fragments: long-lived objects end up strewn behind short-lived ones. */
TEST_BOTH(crate_tail_first_fragments) {
    kitchen k = open_kitchen(512, sized);
    for (int i = 0; i < 40; i++) {
        void *brief = V_(alloc)(&k.heap, 16 * G, G);
        CHECK(V_(alloc)(&k.heap, 2 * G, G) != NULL);
        CHECK(V_(dealloc)(&k.heap, brief, 16 * G, G) == TSP_OK);
    }
    CHECK(V_(usage)(&k.heap).largest >= (512 - 40 * 2 - 16) * G);
    close_kitchen(&k);
}

/* A heap larger than the maximum had dead memory, which `free` counted. */
TEST_BOTH(crate_heap_above_the_maximum) {
    size_t most = most_bytes(), given = region_for(most, sized) + most / 8;
    kitchen k;
    unsigned char *p;
    if (most > 1ul << 20) return; /* tests/limits.c has a heap of 32 GiB */
    k = open_kitchen_at(given, 0, sized);
    CHECK(k.total == most);
    CHECK(V_(usage)(&k.heap).free == most && V_(usage)(&k.heap).largest == most);
    p = V_(alloc)(&k.heap, most, 1);
    CHECK(p == k.base);
    memset(p, 1, most);
    CHECK(V_(alloc)(&k.heap, 1, 1) == NULL);
    CHECK(is_sound(&k));
    CHECK(V_(dealloc)(&k.heap, p, most, 1) == TSP_OK);
    most = region_for(most, sized);
    CHECK(is_filled_with(k.where.memory + most, given - most, 0xDB)); /* the rest stays the caller's */
    close_kitchen(&k);
}

TEST_BOTH(crate_double_free_after_a_neighbour) {
    for (int low = 0; low < 2; low++) {
        kitchen k = open_kitchen(32, sized);
        unsigned char *p[3];
        for (int i = 0; i < 3; i++) p[i] = V_(alloc)(&k.heap, 3 * G, G);
        CHECK(V_(dealloc)(&k.heap, p[1], 3 * G, G) == TSP_OK);
        CHECK(V_(dealloc)(&k.heap, p[low ? 0 : 2], 3 * G, G) == TSP_OK);
        remember(&k);
        CHECK(V_(dealloc)(&k.heap, p[1], 3 * G, G) == TSP_ALREADY_FREE);
        CHECK(is_unchanged(&k));
        CHECK(is_only_object(&k, p[low ? 2 : 0], 3 * G));
        close_kitchen(&k);
    }
}

TEST_BOTH(crate_free_with_size_zero_leaks) {
    kitchen k = open_kitchen(32, sized);
    unsigned char *p = V_(alloc)(&k.heap, 3 * G, G);
    CHECK(V_(dealloc)(&k.heap, p, 0, G) == TSP_WRONG_SIZE); /* it says so instead */
    CHECK(V_(dealloc)(&k.heap, p, 3 * G, G) == TSP_OK);
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* Growing ignored the free bytes directly before the object. */
TEST_BOTH(crate_grow_into_what_is_free_before) {
    for (size_t before = 1; before <= 10; before++)
        for (size_t after = 0; after <= 3; after++) {
            size_t total = before + 10 + after + 1;
            kitchen k = open_kitchen(total, sized);
            unsigned char *a = V_(alloc)(&k.heap, before * G, G), *b = V_(alloc)(&k.heap, 10 * G, G), *c;
            unsigned char *gap = after ? V_(alloc)(&k.heap, after * G, G) : NULL, *last = V_(alloc)(&k.heap, G, G);
            fill(b, 0, 10 * G, 5);
            fill(last, 0, G, 6);
            CHECK(V_(dealloc)(&k.heap, a, before * G, G) == TSP_OK);
            CHECK(V_(dealloc)(&k.heap, gap, after * G, G) == TSP_OK);
            remember(&k);
            CHECK(V_(resize)(&k.heap, b, 10 * G, (total - 1) * G + 1, G) == NULL);
            CHECK(is_unchanged(&k));
            c = V_(resize)(&k.heap, b, 10 * G, (total - 1) * G, G);
            CHECK(c == k.base);
            CHECK(c && keeps(c, 10 * G, 5));
            CHECK(keeps(last, G, 6));
            CHECK(V_(usage)(&k.heap).free == 0);
            close_kitchen(&k);
        }
}

/* -- Arithmetic (BadAlloc): sizes that wrap when anything is added to them, or multiplied ------------------------- */

static size_t sizes[4000], sizes_known;

static void list_sizes(void) {
    sizes_known = 0;
    for (size_t i = 0; i < 64; i++) sizes[sizes_known++] = SIZE_MAX - i;
    for (size_t i = 64; i <= 4096; i += 7) sizes[sizes_known++] = SIZE_MAX - i;
    for (size_t power = 1; power; power *= 2)
        for (size_t i = 0; i < 19; i++) sizes[sizes_known++] = power + i - 9;
}

TEST_BOTH(badalloc_sizes_and_alignments) {
    kitchen k = open_kitchen(40, sized);
    unsigned char *p = V_(alloc)(&k.heap, 6 * G, G);
    fill(p, 0, 6 * G, 3);
    list_sizes();
    remember(&k);
    for (size_t i = 0; i < sizes_known; i++)
        for (size_t align = 1; align; align *= 2) {
            size_t size = sizes[i];
            void *q;
            if (size <= k.total) continue; /* those that may fit have their turn below */
            q = V_(alloc)(&k.heap, size, align);
            CHECK(q == NULL);
            CHECK(V_(alloc_zeroed)(&k.heap, size, align) == NULL);
            CHECK(V_(try_alloc)(&k.heap, size, align) == NULL);
            CHECK(V_(resize)(&k.heap, NULL, 0, size, align) == NULL);
            CHECK(V_(resize)(&k.heap, p, 6 * G, size, align) == NULL);
            CHECK(V_(resize_zeroed)(&k.heap, p, 6 * G, size, align) == NULL);
            CHECK(V_(resize_in_place)(&k.heap, p, 6 * G, size, align) == TSP_NO_MEMORY);
            if (!sized) CHECK(V_(aligned_alloc)(&k.heap, align, size) == NULL);
            if (!sized && align == 1) {
                CHECK(V_(malloc)(&k.heap, size) == NULL);
                CHECK(V_(realloc)(&k.heap, p, size) == NULL);
                CHECK(V_(realloc)(&k.heap, NULL, size) == NULL);
                CHECK(V_(calloc)(&k.heap, 1, size) == NULL && V_(calloc)(&k.heap, size, 1) == NULL);
            }
            if (!CHECK(is_unchanged(&k))) return;
        }
    CHECK(misuse.count == 0);
    CHECK(V_(dealloc)(&k.heap, p, 6 * G, G) == TSP_OK);
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* Small sizes under huge alignments: size + alignment must not wrap either. */
TEST_BOTH(badalloc_small_sizes_huge_alignments) {
    kitchen k = open_kitchen(40, sized);
    for (size_t align = 1; align; align *= 2)
        for (size_t size = 1; size <= k.total + 20; size += size < 20 ? 1 : 5) {
            uintptr_t first = ((uintptr_t)k.base + align - 1) & ~(uintptr_t)(align - 1); /* may wrap to 0 */
            int fits = first - (uintptr_t)k.base <= k.total && size <= k.total - (first - (uintptr_t)k.base);
            void *p;
            remember(&k);
            p = V_(alloc)(&k.heap, size, align);
            CHECK((p != NULL) == fits);
            if (p) CHECK(is_placed(&k, p, size, align) && V_(dealloc)(&k.heap, p, size, align) == TSP_OK);
            else CHECK(is_unchanged(&k));
        }
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* count x size: RIOT, eCos, QNX, VxWorks; and the wrappers around proved allocators. */
TEST(badalloc_products) {
    kitchen k = open_kitchen(64, 0);
    size_t some[256], n = 0;
    unsigned char *p = V_(malloc)(&k.heap, 4 * G);
    for (size_t i = 0; i < 12; i++) some[n++] = i;
    for (size_t power = 16; power; power *= 2) {
        some[n++] = power - 1;
        some[n++] = power;
        some[n++] = power + 1;
    }
    for (size_t i = 0; i < 10; i++) some[n++] = SIZE_MAX - i;
    for (size_t i = 3; i < 8; i++) some[n++] = SIZE_MAX / i, some[n++] = SIZE_MAX / i + 1;
    fill(p, 0, 4 * G, 1);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            /* more than the heap if one is not small: so nothing wraps in the test itself */
            int small = some[i] <= 64 * G && some[j] <= 64 * G;
            int fits = some[i] == 0 || some[j] == 0 || (small && round_up(some[i] * some[j]) <= 60 * G);
            unsigned char *q;
            remember(&k);
            q = V_(calloc)(&k.heap, some[i], some[j]);
            CHECK((q != NULL) == fits);
            if (q && some[i] && some[j]) {
                CHECK(is_placed(&k, q, some[i] * some[j], 1) && is_filled_with(q, some[i] * some[j], 0));
                V_(free)(&k.heap, q);
                continue;
            }
            CHECK(is_unchanged(&k));
            q = V_(reallocarray)(&k.heap, NULL, some[i], some[j]);
            CHECK((q != NULL) == fits);
            CHECK(is_unchanged(&k));
            if (!fits && (!small || some[i] * some[j] > 64 * G))
                CHECK(V_(reallocarray)(&k.heap, p, some[i], some[j]) == NULL && is_unchanged(&k));
        }
    CHECK(misuse.count == 0 && keeps(p, 4 * G, 1));
    V_(free)(&k.heap, p);
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* A count of granules cut to 16 or 32 bits (umm_malloc#77): sizes that are small modulo what a link can hold. */
TEST_BOTH(count_cut_to_a_link) {
    kitchen k = open_kitchen(40, sized);
    unsigned char *p = V_(alloc)(&k.heap, 2 * G, G);
    remember(&k);
    for (size_t bits = 16; bits < 8 * sizeof(size_t); bits++)
        for (size_t times = 1; times < 6; times += 2)
            for (size_t g = 0; g < 6; g++) {
                size_t size = (times << bits) + g * G;
                if (size >> bits == 0) continue; /* wrapped in the test */
                CHECK(V_(alloc)(&k.heap, size, 1) == NULL && V_(resize)(&k.heap, p, 2 * G, size, 1) == NULL);
                size = ((times << bits) * G) + g;
                if (size <= k.total) continue;
                CHECK(V_(alloc)(&k.heap, size, 1) == NULL && V_(resize)(&k.heap, p, 2 * G, size, 1) == NULL);
            }
    CHECK(is_unchanged(&k));
    close_kitchen(&k);
}

/* -- Resize -------------------------------------------------------------------------------------------------------- */

/* avr-libc#109 and its kin: growing into the hole after an object left a list that ran in circles. */
TEST_BOTH(grow_step_by_step_into_the_next_hole) {
    for (size_t hole = 1; hole <= 12; hole++) {
        kitchen k = open_kitchen(60, sized);
        unsigned char *a = V_(alloc)(&k.heap, 2 * G, G), *b = V_(alloc)(&k.heap, hole * G, G);
        unsigned char *c = V_(alloc)(&k.heap, 4 * G, G), *d = V_(alloc)(&k.heap, 3 * G, G), *e;
        e = V_(alloc)(&k.heap, 2 * G, G);
        CHECK(V_(dealloc)(&k.heap, b, hole * G, G) == TSP_OK);
        CHECK(V_(dealloc)(&k.heap, d, 3 * G, G) == TSP_OK);
        for (size_t more = 1; more <= hole; more++) {
            fill(a, 0, (1 + more) * G, 9);
            CHECK(V_(resize)(&k.heap, a, (1 + more) * G, (2 + more) * G, G) == a);
            CHECK(keeps(a, (1 + more) * G, 9));
            CHECK(is_sound(&k));
        }
        CHECK(V_(dealloc)(&k.heap, c, 4 * G, G) == TSP_OK);
        CHECK(V_(dealloc)(&k.heap, a, (2 + hole) * G, G) == TSP_OK);
        CHECK(V_(dealloc)(&k.heap, e, 2 * G, G) == TSP_OK);
        CHECK(is_empty(&k));
        close_kitchen(&k);
    }
}

/* avr-libc#394, #660: the wrong remainder when an object shrinks. Between two live ones, and before a hole. */
TEST_BOTH(shrink_gives_back_exactly_the_rest) {
    for (int before_a_hole = 0; before_a_hole < 2; before_a_hole++)
        for (size_t from = 1; from <= 12 * G; from++)
            for (size_t to = 1; to <= from; to += G / 2) {
                kitchen k = open_kitchen(40, sized);
                unsigned char *p = V_(alloc)(&k.heap, from, 1), *q = before_a_hole ? NULL : V_(alloc)(&k.heap, G, G);
                size_t used = V_(usage)(&k.heap).used;
                fill(p, 0, from, 4);
                CHECK(V_(resize)(&k.heap, p, from, to, 1) == p);
                CHECK(keeps(p, to, 4));
                CHECK(V_(usage)(&k.heap).used == used - round_up(from) + round_up(to));
                CHECK(V_(dealloc)(&k.heap, p, to, 1) == TSP_OK);
                CHECK(V_(dealloc)(&k.heap, q, G, G) == TSP_OK);
                CHECK(is_empty(&k));
                close_kitchen(&k);
            }
}

/* zephyr#30852: a resize to the same size split off a block of nothing. */
TEST_BOTH(resize_to_the_same_size) {
    for (size_t size = 1; size <= 10 * G; size++) {
        kitchen k = open_kitchen(16, sized);
        unsigned char *p = V_(alloc)(&k.heap, size, 1);
        remember(&k);
        CHECK(V_(resize)(&k.heap, p, size, size, 1) == p);
        CHECK(V_(resize_in_place)(&k.heap, p, size, size, 1) == TSP_OK);
        CHECK(V_(resize)(&k.heap, p, size, round_up(size), 1) == p);
        CHECK(V_(resize)(&k.heap, p, round_up(size), size, 1) == p);
        if (!sized) CHECK(V_(realloc)(&k.heap, p, size) == p || (uintptr_t)p % (2 * G));
        CHECK(V_(usage)(&k.heap).objects == 1 && V_(usage)(&k.heap).used == round_up(size));
        CHECK(is_unchanged(&k) && is_sound(&k));
        close_kitchen(&k);
    }
}

/* umm_malloc#11: a resize that fails freed or corrupted the old block. */
TEST_BOTH(failed_resize_leaves_the_object) {
    kitchen k = open_kitchen(24, sized);
    unsigned char *p = V_(alloc)(&k.heap, 5 * G, G), *q = V_(alloc)(&k.heap, 5 * G, G);
    fill(p, 0, 5 * G, 1);
    fill(q, 0, 5 * G, 2);
    remember(&k);
    for (size_t size = 20 * G; size <= 60 * G; size++) {
        CHECK(V_(resize)(&k.heap, p, 5 * G, size, G) == NULL);
        CHECK(V_(resize_zeroed)(&k.heap, p, 5 * G, size, G) == NULL);
        CHECK(V_(resize_in_place)(&k.heap, p, 5 * G, size, G) == TSP_NO_MEMORY);
        if (!sized) CHECK(V_(realloc)(&k.heap, q, size) == NULL && V_(reallocarray)(&k.heap, q, size, 1) == NULL);
    }
    CHECK(is_unchanged(&k) && misuse.count == 0);
    CHECK(V_(usage)(&k.heap).objects == 2);
    CHECK(V_(dealloc)(&k.heap, p, 5 * G, G) == TSP_OK && V_(dealloc)(&k.heap, q, 5 * G, G) == TSP_OK);
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* mattconte/tlsf#36: the alignment was lost when the object moved. */
TEST_BOTH(resize_keeps_the_alignment) {
    for (size_t align = 1; align <= 64 * G; align *= 2) {
        kitchen k = open_kitchen_at(1200 * G, 4, sized);
        unsigned char *odd = V_(alloc)(&k.heap, G, 1), *p = V_(alloc)(&k.heap, 3 * G, align);
        size_t size = 3 * G;
        (void)odd;
        while (p && size < 200 * G) {
            unsigned char *wall = V_(alloc)(&k.heap, G, 1), *q;
            fill(p, 0, size, (uint32_t)align);
            q = V_(resize)(&k.heap, p, size, size + 3 * G, align);
            if (!CHECK(is_placed(&k, q, size + 3 * G, align))) break;
            CHECK(keeps(q, size, (uint32_t)align));
            p = q;
            size += 3 * G;
            (void)wall;
        }
        close_kitchen(&k);
    }
}

/* llvm-mos#314: the old object and the result overlap; the bytes must come over in the right order, both ways. */
TEST_BOTH(sliding_over_itself) {
    for (size_t gap = 1; gap <= 8; gap++)
        for (size_t size = 1; size <= 40; size += 3) {
            kitchen k = open_kitchen(gap + size, sized);
            unsigned char *a = V_(alloc)(&k.heap, gap * G, G), *b = V_(alloc)(&k.heap, size * G, G), *c;
            fill(b, 0, size * G, 11);
            CHECK(V_(dealloc)(&k.heap, a, gap * G, G) == TSP_OK);
            c = V_(resize)(&k.heap, b, size * G, (gap + size) * G - 1, G);
            CHECK(c == k.base && keeps(c, size * G, 11));
            close_kitchen(&k);
        }
    for (size_t align = 2 * G; align <= 16 * G; align *= 2) { /* upwards, to an alignment that it did not have */
        kitchen k = open_kitchen(4 * align / G, sized);
        unsigned char *wall = V_(alloc)(&k.heap, G, G), *b = V_(alloc)(&k.heap, 2 * align, G), *c;
        fill(b, 0, 2 * align, 12);
        c = V_(resize)(&k.heap, b, 2 * align, 3 * align, align);
        CHECK(wall == k.base && c == k.base + align && keeps(c, 2 * align, 12));
        close_kitchen(&k);
    }
}

/* Too many bytes copied: more than the new object has, over its neighbour. */
TEST_BOTH(moving_copies_no_more_than_fits) {
    for (size_t small = 1; small <= 6; small++) {
        kitchen k = open_kitchen(64, sized);
        unsigned char *hole = V_(alloc)(&k.heap, small * G, 2 * G), *next = V_(alloc)(&k.heap, 4 * G, G), *q;
        unsigned char *odd = V_(alloc)(&k.heap, (small % 2 ? 2 : 1) * G, G), *p = V_(alloc)(&k.heap, 20 * G, G);
        unsigned char *end = V_(alloc)(&k.heap, V_(usage)(&k.heap).largest, 1);
        (void)odd, (void)end;
        fill(next, 0, 4 * G, 1);
        fill(p, 0, 20 * G, 2);
        CHECK(V_(dealloc)(&k.heap, hole, small * G, 1) == TSP_OK);
        q = V_(resize)(&k.heap, p, 20 * G, small * G, 2 * G); /* to an alignment that may force it to move */
        CHECK(is_placed(&k, q, small * G, 2 * G) && keeps(q, small * G, 2));
        CHECK(keeps(next, 4 * G, 1));
        CHECK(is_sound(&k));
        close_kitchen(&k);
    }
}

TEST(realloc_to_size_zero) {
    kitchen k = open_kitchen(16, 0);
    for (int i = 0; i < 100; i++) {
        void *p = V_(malloc)(&k.heap, 10 * G), *q = V_(realloc)(&k.heap, p, 0);
        CHECK(p && q && !V_(contains)(&k.heap, q)); /* freed, and not a failure */
        CHECK(is_empty(&k));
        q = V_(realloc)(&k.heap, q, 3);
        CHECK(V_(contains)(&k.heap, q));
        q = V_(reallocarray)(&k.heap, q, 5, 0);
        CHECK(q && is_empty(&k));
    }
    CHECK(misuse.count == 0);
    close_kitchen(&k);
}

/* -- Alignment and small sizes ------------------------------------------------------------------------------------ */

/* zephyr#29460: aligned_alloc gave its own tail back. */
TEST_BOTH(aligned_objects_keep_their_tails) {
    for (size_t align = 1; align <= 32 * G; align *= 2)
        for (size_t size = 1; size <= 5 * align && size < 60 * G; size += G - 1) {
            kitchen k = open_kitchen_at(256 * G, 4, sized);
            unsigned char *odd = V_(alloc)(&k.heap, 1, 1), *p = V_(alloc)(&k.heap, size, align), *q;
            size_t n = 0;
            CHECK(is_placed(&k, p, size, align) && odd);
            fill(p, 0, round_up(size), 1);
            while ((q = V_(alloc)(&k.heap, GRANULE, 1)) != NULL) memset(q, 0xEE, GRANULE), n++;
            CHECK(keeps(p, round_up(size), 1));
            CHECK((n + 1) * GRANULE + round_up(size) == k.total);
            close_kitchen(&k);
        }
}

/* odin-lang/Odin#4820: a gap before an aligned object that is smaller than a header. Here even one granule is a
 * hole. */
TEST_BOTH(smallest_gap_before_an_aligned_object) {
    kitchen k = open_kitchen(32, sized);
    const size_t g = GRANULE;
    unsigned char *one = V_(alloc)(&k.heap, g, 1), *p = V_(alloc)(&k.heap, 2 * g, 2 * g), *q;
    CHECK(one == k.base && p == k.base + 2 * g);
    CHECK(V_(usage)(&k.heap).free == k.total - 3 * g);
    q = V_(alloc)(&k.heap, g, 1);
    CHECK(q == k.base + g);
    CHECK(V_(dealloc)(&k.heap, q, g, 1) == TSP_OK && V_(dealloc)(&k.heap, p, 2 * g, 2 * g) == TSP_OK);
    CHECK(V_(dealloc)(&k.heap, one, g, 1) == TSP_OK);
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* rust-osdev/linked-list-allocator#66: padding leaked for ever. */
TEST_BOTH(padding_does_not_leak) {
    kitchen k = open_kitchen_at(200 * G, 4, sized);
    for (unsigned i = 0; i < 3000; i++) {
        size_t align = (size_t)1 << i % 8, size = 1 + i % 37;
        void *odd = V_(alloc)(&k.heap, 1 + i % 5, 1), *p = V_(alloc)(&k.heap, size, align);
        CHECK(odd && p);
        CHECK(V_(dealloc)(&k.heap, odd, 1 + i % 5, 1) == TSP_OK && V_(dealloc)(&k.heap, p, size, align) == TSP_OK);
    }
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* talc 5.0.4: flags in the bits of a size that a huge chunk needs. Objects around every power of two up to a large
 * heap. */
TEST_BOTH(no_bits_of_a_size_are_taken) {
    size_t total = most_bytes() < 300000 ? most_bytes() : 1ul << 20;
    kitchen k = open_kitchen(total / G, sized);
    for (size_t power = 1; power <= total; power *= 2)
        for (size_t size = power > 2 * G ? power - 2 * G : 1; size <= power + 2 * G && size <= total; size++) {
            unsigned char *p = V_(alloc)(&k.heap, size, 1), *q;
            size_t rest = V_(usage)(&k.heap).largest;
            CHECK(p == k.base && rest == round_down(total - round_up(size)));
            q = V_(alloc)(&k.heap, rest, 1);
            if (!sized) CHECK(V_(usable_size)(&k.heap, p) == round_up(size));
            CHECK(V_(dealloc)(&k.heap, p, size, 1) == TSP_OK);
            CHECK(V_(usage)(&k.heap).largest == round_up(size));
            CHECK(V_(dealloc)(&k.heap, q, rest, 1) == TSP_OK);
        }
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* Zephyr 8cf7ff5: a minimum block that was not kept. Objects of one byte fill the heap; every other one goes and
 * returns. */
TEST_BOTH(heap_full_of_single_bytes) {
    enum { MOST = 302 };
    kitchen k = open_kitchen(151, sized);
    unsigned char *p[MOST];
    const size_t n = k.total / GRANULE;
    if (!CHECK(n <= MOST)) return;
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < n; i++) {
            p[i] = V_(alloc)(&k.heap, 1, 1);
            CHECK(is_placed(&k, p[i], 1, 1));
            fill(p[i], 0, GRANULE, i);
        }
        CHECK(V_(alloc)(&k.heap, 1, 1) == NULL);
        for (size_t i = 0; i < n; i += 2) CHECK(V_(dealloc)(&k.heap, p[i], 1, 1) == TSP_OK);
        CHECK(V_(usage)(&k.heap).largest == GRANULE);
        CHECK(V_(alloc)(&k.heap, GRANULE + 1, 1) == NULL);
        for (uint32_t i = 0; i < n; i += 2) {
            p[i] = V_(alloc)(&k.heap, 1, 1);
            CHECK(is_placed(&k, p[i], 1, 1));
            fill(p[i], 0, GRANULE, 1000);
        }
        CHECK(V_(alloc)(&k.heap, 1, 1) == NULL);
        for (uint32_t i = 1; i < n; i += 2) CHECK(keeps(p[i], GRANULE, i));
        if (round == 1) V_(reset)(&k.heap);
        else
            for (size_t i = 0; i < n; i++) CHECK(V_(dealloc)(&k.heap, p[i * 5 % n], 1, 1) == TSP_OK);
        CHECK(is_empty(&k));
    }
    close_kitchen(&k);
}

/* -- Initialisation ----------------------------------------------------------------------------------------------- */

/* RUSTSEC-2022-0063, CVE-2022-36086; TLSF, lwmem, umm_malloc: tiny, empty, unaligned regions written past their
 * ends. */
TEST_BOTH(tiny_unaligned_regions) {
    for (size_t size = 0; size <= 70; size++)
        for (size_t offset = 0; offset < 16; offset++) {
            kitchen k = open_kitchen_at(size, offset, sized);
            unsigned char *p[80];
            size_t n = 0;
            while (n < 80 && (p[n] = V_(alloc)(&k.heap, 1, 1)) != NULL) memset(p[n++], 0x11, GRANULE);
            CHECK(n * GRANULE == k.total);
            while (n) CHECK(V_(dealloc)(&k.heap, p[--n], 1, 1) == TSP_OK);
            if (k.total) CHECK(V_(alloc)(&k.heap, k.total, 1) == k.base);
            close_kitchen(&k);
        }
}

/* A handle may hold anything before init, and a heap may be made again over the same bytes. */
TEST_BOTH(init_again_over_the_same_bytes) {
    kitchen k = open_kitchen(50, sized);
    for (unsigned round = 0; round < 20; round++) {
        for (size_t i = 1; i < 9; i++) V_(alloc)(&k.heap, i * round % 17, 1);
        memset(&k.heap, (int)round * 13, sizeof k.heap);
        CHECK(start_heap(&k.heap, k.where.memory, k.where.size, sized) == k.total);
        CHECK(is_empty(&k));
    }
    close_kitchen(&k);
}

/* -- Churn and checkers ------------------------------------------------------------------------------------------- */

/* tlsf-bsd#4: an object freed, and the same size asked for again: refused. */
TEST_BOTH(same_size_after_free) {
    for (size_t size = 1; size <= 64 * G; size++) {
        kitchen k = open_kitchen(64, sized);
        for (int i = 0; i < 3; i++) {
            void *p = V_(alloc)(&k.heap, size, 1);
            CHECK(p == k.base);
            CHECK(V_(dealloc)(&k.heap, p, size, 1) == TSP_OK);
        }
        CHECK(V_(alloc)(&k.heap, k.total, 1) == k.base);
        CHECK(V_(alloc)(&k.heap, 1, 1) == NULL);
        CHECK(V_(dealloc)(&k.heap, k.base, k.total, 1) == TSP_OK);
        CHECK(V_(alloc)(&k.heap, k.total, 1) == k.base);
        close_kitchen(&k);
    }
}

/* lwmem#16: a heap that was full to the last byte could not be freed. */
TEST_BOTH(full_heap_can_be_freed) {
    for (size_t n = 1; n <= 20; n++) {
        for (unsigned order = 0; order < 3; order++) {
            kitchen k = open_kitchen(n, sized);
            for (size_t i = 0; i < n; i++) CHECK(V_(alloc)(&k.heap, G, 1) != NULL);
            CHECK(V_(usage)(&k.heap).free == 0);
            CHECK(V_(check)(&k.heap).status == TSP_OK);
            for (size_t i = 0; i < n; i++) {
                size_t at = order == 0 ? i : order == 1 ? n - 1 - i : i % 2 ? n - 1 - i / 2 : i / 2;
                CHECK(V_(dealloc)(&k.heap, k.base + at * G, G, 1) == TSP_OK);
                CHECK(is_sound(&k));
            }
            CHECK(is_empty(&k));
            close_kitchen(&k);
        }
    }
}

/* lwmem#17, esp-idf#8270: statistics that drift. */
TEST_BOTH(statistics_do_not_drift) {
    kitchen k = open_kitchen(100, sized);
    tsp_usage u;
    void *p, *q;
    p = V_(alloc)(&k.heap, 10 * G, 1);
    q = V_(alloc_zeroed)(&k.heap, 20 * G - 1, 1);
    u = V_(usage)(&k.heap);
    CHECK(u.total == 100 * G && u.used == 30 * G && u.free == 70 * G && u.objects == 2);
    CHECK(u.largest == 70 * G && u.low_free == 70 * G && u.failed == 0);
    CHECK(V_(dealloc)(&k.heap, p, 10 * G, 1) == TSP_OK);
    u = V_(usage)(&k.heap);
    CHECK(u.used == 20 * G && u.free == 80 * G && u.objects == 1 && u.largest == 70 * G && u.low_free == 70 * G);
    CHECK(V_(alloc)(&k.heap, 71 * G, 1) == NULL);
    CHECK(V_(alloc)(&k.heap, SIZE_MAX, 1) == NULL);
    u = V_(usage)(&k.heap);
    CHECK(u.failed == 2 && u.used == 20 * G && u.low_free == 70 * G);
    CHECK(V_(resize)(&k.heap, q, 20 * G - 1, 40 * G, 1) == q); /* in place: the peak is what it holds, not more */
    u = V_(usage)(&k.heap);
    CHECK(u.used == 40 * G && u.objects == 1 && u.low_free == 60 * G);
    CHECK(V_(dealloc)(&k.heap, q, 40 * G, 1) == TSP_OK);
    V_(dealloc)(&k.heap, q, 40 * G, 1); /* a refused free counts for nothing */
    u = V_(usage)(&k.heap);
    CHECK(u.used == 0 && u.free == u.total && u.objects == 0 && u.low_free == 60 * G && u.failed == 2);
    p = V_(alloc)(&k.heap, 10 * G, 1);
    V_(reset_low)(&k.heap); /* from now on, with what is live now */
    u = V_(usage)(&k.heap);
    CHECK(u.low_free == 90 * G && u.used == 10 * G && u.failed == 2);
    CHECK(V_(dealloc)(&k.heap, p, 10 * G, 1) == TSP_OK);
    CHECK(V_(usage)(&k.heap).low_free == 90 * G);
    V_(reset)(&k.heap);
    u = V_(usage)(&k.heap);
    CHECK(u.low_free == u.total && u.failed == 0 && u.largest == u.total);
    close_kitchen(&k);
}

/* Whoever tries in place before it moves has not run out of memory. */
TEST_BOTH(in_place_is_no_failed_request) {
    kitchen k = open_kitchen(100, sized);
    void *p = V_(alloc)(&k.heap, 10 * G, 1);
    CHECK(p && V_(alloc)(&k.heap, 10 * G, 1));
    CHECK(V_(resize_in_place)(&k.heap, p, 10 * G, 20 * G, 1) == TSP_NO_MEMORY);
    CHECK(V_(resize_in_place)(&k.heap, p, 10 * G, 200 * G, 1) == TSP_NO_MEMORY);
    CHECK(V_(resize_in_place)(&k.heap, NULL, 0, 200 * G, 1) == TSP_NO_MEMORY);
    CHECK(V_(usage)(&k.heap).failed == 0);
    CHECK(V_(resize)(&k.heap, p, 10 * G, 200 * G, 1) == NULL);
    CHECK(V_(usage)(&k.heap).failed == 1);
    close_kitchen(&k);
}

/* An object that is less aligned than V_malloc would have it, in a full heap: shrinking it failed. */
TEST(realloc_shrinks_where_it_is) {
    enum { OBJECTS = 8 };
    kitchen k = open_kitchen(OBJECTS * 17, 0);
    void *p[OBJECTS];
    for (int i = 0; i < OBJECTS; i++) CHECK((p[i] = V_(alloc)(&k.heap, 17 * UNIT, UNIT)) != NULL);
    for (int i = 0; i < OBJECTS; i++) {
        CHECK(V_(realloc)(&k.heap, p[i], 17 * UNIT) == p[i]);
        CHECK(V_(realloc)(&k.heap, p[i], 16 * UNIT) == p[i]);
        CHECK(V_(usable_size)(&k.heap, p[i]) == 16 * UNIT);
    }
    CHECK(V_(usage)(&k.heap).failed == 0);
    close_kitchen(&k);
}

/* esp8266/Arduino#7322: the "largest free block" could not be allocated. */
TEST_BOTH(largest_can_be_had) {
    for (unsigned seed = 1; seed <= 200; seed++) {
        dice d = seed;
        kitchen k = open_kitchen(60, sized);
        unsigned char *p[20];
        size_t n[20], align = (size_t)1 << roll(&d, 8), most;
        for (int i = 0; i < 20; i++) p[i] = V_(alloc)(&k.heap, n[i] = 1 + roll(&d, 4 * UNIT), 1);
        for (int i = 0; i < 20; i++)
            if (p[i] && roll(&d, 2)) V_(dealloc)(&k.heap, p[i], n[i], 1);
        most = V_(largest)(&k.heap, align);
        CHECK(V_(largest)(&k.heap, 1) == V_(usage)(&k.heap).largest);
        CHECK(V_(alloc)(&k.heap, most + 1, align) == NULL);
        if (most) CHECK(is_placed(&k, V_(alloc)(&k.heap, most, align), most, align));
        close_kitchen(&k);
    }
}

/* newlib-nano, picolibc: after everything was freed, the same trace no longer fits. In the smallest heap for the
 * trace. */
static int trace_fits(kitchen *k, uint32_t seed, unsigned char **p, size_t *n) {
    dice d = seed;
    memset(p, 0, 24 * sizeof *p);
    for (unsigned i = 0; i < 300; i++) {
        size_t j = roll(&d, 24), size = 1 + roll(&d, 9 * UNIT);
        if (p[j] && roll(&d, 3) == 0) {
            unsigned char *q = V_(resize)(&k->heap, p[j], n[j], size, 1);
            if (q == NULL) return 0;
            p[j] = q;
            n[j] = size;
            continue;
        }
        if (p[j]) V_(dealloc)(&k->heap, p[j], n[j], 1);
        if ((p[j] = V_(alloc)(&k->heap, n[j] = size, 1)) == NULL) return 0;
    }
    return 1;
}

TEST_BOTH(same_trace_fits_again) {
    for (uint32_t seed = 1; seed <= 12; seed++) {
        unsigned char *p[24];
        size_t n[24], granules = 40;
        int fits = 0;
        while (!fits) {
            kitchen k = open_kitchen(++granules, sized);
            if (trace_fits(&k, seed, p, n)) {
                fits = 1;
                for (int again = 0; again < 4; again++) {
                    for (size_t j = 0; j < 24; j++) CHECK(V_(dealloc)(&k.heap, p[j], n[j], 1) == TSP_OK);
                    CHECK(is_empty(&k));
                    CHECK(trace_fits(&k, seed, p, n));
                }
            }
            close_kitchen(&k);
        }
    }
}

/* FreeRTOS-Kernel#1425: plain lack of memory was called corruption. And the counter of failures does not wrap. */
TEST_BOTH(out_of_memory_is_no_misuse) {
    kitchen k = open_kitchen(8, sized);
    CHECK(V_(alloc)(&k.heap, 8 * G, 1) != NULL);
    remember(&k);
    for (size_t i = 1; i <= 700; i++) {
        CHECK(V_(alloc)(&k.heap, 1 + i % 50, 1) == NULL);
        if (i <= MOST_FAILED) CHECK(V_(usage)(&k.heap).failed == i);
    }
    CHECK(V_(usage)(&k.heap).failed == MOST_FAILED);
    CHECK(misuse.count == 0 && is_unchanged(&k));
    close_kitchen(&k);
}
