/* Random sequences of calls against the oracle (oracle.h): all kinds of call, sizes from 0 to more than the heap,
 * mostly small, alignments up to half the heap, heaps from nothing to 64 KiB at every misalignment. Seeds are fixed and
 * printed. At the end of a sequence everything is freed; the heap must then be as new, and answer the same sequence in
 * the same way.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "oracle.h"

static size_t random_size(dice *d, const oracle *m) {
    size_t total = m->k.total;
    switch (roll(d, 16)) {
    case 0: return 0;
    case 1: return roll(d, total + 2);
    case 2: return roll(d, total / 2 + 1);
    case 3: return widest_gap(m, 1) + roll(d, 2); /* just fits, or just not */
    case 4:
    case 5: return 1 + roll(d, total / 8 + 1);
    case 6:
    case 7: return 1 + roll(d, GRANULE);
    default: return 1 + roll(d, 40);
    }
}

static size_t random_align(dice *d, const oracle *m) {
    size_t align = (size_t)1 << roll(d, 4);
    if (roll(d, 4) == 0) align = (size_t)1 << roll(d, 7);
    if (roll(d, 32) == 0)
        for (align = 1; align * 4 <= m->k.total && roll(d, 16);) align *= 2;
    return align;
}

/* Whether what largest promises can be had, and not a byte more. The heap is put back as it was. */
static void try_largest(oracle *m, size_t align) {
    TSP_V saved = m->k.heap;
    size_t most = V_(largest)(&m->k.heap, align);
    const int must = most && must_place(m, most, align);
    void *p;
    remember(&m->k);
    CHECK(V_(alloc)(&m->k.heap, most + 1, align) == NULL);
    CHECK(is_unchanged(&m->k));
    p = V_(alloc)(&m->k.heap, most, align);
    if (most && (p || must)) CHECK(is_placed(&m->k, p, most, align));
    CHECK(V_(check)(&m->k.heap).status == TSP_OK);
    m->k.heap = saved;
    memcpy(m->k.where.memory, m->k.image, m->k.where.size);
}

static void step(oracle *m, dice *d, uint32_t appetite) {
    int sized = m->k.sized;
    uint32_t what = roll(d, 100);
    if (what < appetite || m->count == 0) {
        size_t size = random_size(d, m), align = random_align(d, m);
        make_object(m, (int)roll(d, sized ? MALLOC : WAYS_TO_MAKE), size, align);
    } else if (what < 75) {
        end_object(m, (int)roll(d, sized ? FREE : WAYS_TO_END), roll(d, m->count));
    } else if (what < 97) {
        size_t i = roll(d, m->count), size = random_size(d, m), align = m->live[i].align;
        if (roll(d, 2)) size = m->live[i].size + roll(d, 3 * GRANULE) - (m->live[i].size > GRANULE ? GRANULE : 0);
        if (roll(d, 4) == 0) align = random_align(d, m);
        resize_object(m, (int)roll(d, sized ? REALLOC : WAYS_TO_RESIZE), i, size ? size : 1, align);
    } else {
        try_largest(m, random_align(d, m));
    }
}

static void free_all(oracle *m, dice *d) {
    while (m->count) {
        end_object(m, (int)roll(d, m->k.sized ? FREE : WAYS_TO_END), roll(d, m->count));
        if (!settle(m)) return;
    }
    CHECK(is_empty(&m->k));
}

/* One sequence, twice. */
static void play(uint32_t seed, size_t size, size_t offset, unsigned steps, int sized) {
    oracle m = open_oracle(size, offset, sized);
    uint64_t first = 0;
    for (int round = 0; round < 2 && !test_failures; round++) {
        dice d = seed;
        m.digest = m.seed = 0;
        for (unsigned i = 0; i < steps; i++) {
            uint32_t appetite = i / 64 % 2 ? 30 : 55; /* fills up, runs down */
            snprintf(test_note, sizeof test_note, "seed %u, %lu bytes at %lu, round %d, step %u", seed,
                     (unsigned long)size, (unsigned long)offset, round, i);
            step(&m, &d, appetite);
            if (!settle(&m)) break;
        }
        if (test_failures) break;
        free_all(&m, &d);
        if (round == 0) first = m.digest;
        else CHECK(m.digest == first); /* one hole is one hole, whatever was before */
        if (roll(&d, 4) == 0) { /* the low-water mark starts anew, with all else or alone, or goes on */
            V_(reset_low)(&m.k.heap);
            m.low = m.low_at_least = m.k.total;
            settle(&m);
        } else if (roll(&d, 2)) {
            V_(reset)(&m.k.heap);
            m.low = m.low_at_least = m.k.total;
            m.failed = m.failed_at_most = 0;
            settle(&m);
        }
    }
    close_oracle(&m);
}

static void play_many(const char *name, uint32_t seeds, size_t smallest, size_t largest, unsigned steps, int sized) {
    printf("%s: seeds 1 to %u, heaps of %lu to %lu bytes, %u steps\n", name, seeds, (unsigned long)smallest,
           (unsigned long)largest, steps);
    for (uint32_t seed = 1; seed <= seeds && !test_failures; seed++) {
        dice d = seed * 7919u;
        size_t size = smallest + roll(&d, largest - smallest + 1);
        play(seed, size, seed % 16, steps, sized);
    }
}

TEST_BOTH(every_tiny_size) {
    printf("every_tiny_size: heaps of 0 to 100 bytes, seed = 1000 + bytes\n");
    for (size_t size = 0; size <= 100 && !test_failures; size++)
        play(1000 + (uint32_t)size, size, (size * 5) % 16, 120, sized);
}

TEST_BOTH(tiny_heaps) {
    play_many("tiny_heaps", 400, 32, 400, 200, sized);
}

TEST_BOTH(small_heaps) {
    play_many("small_heaps", 60, 400, 5000, 600, sized);
}

TEST_BOTH(large_heaps) {
    play_many("large_heaps", 4, 60000, 66000, 1500, sized);
}

/* In a heap of either kind. */
TEST_BOTH(null_is_nothing) {
    oracle m = open_oracle(256, 0, sized);
    V_(free)(&m.k.heap, NULL);
    V_(free_sized)(&m.k.heap, NULL, 12);
    CHECK(V_(try_free)(&m.k.heap, NULL) == TSP_OK);
    CHECK(V_(dealloc)(&m.k.heap, NULL, 12, 4) == TSP_OK);
    CHECK(misuse.count == 0 && is_empty(&m.k));
    close_oracle(&m);
}

/* Hundreds of holes that are large enough, but misaligned; only the very last would do. A search that gives up early is
 * found out. (With an index it may give up, but not before MANY.) */
TEST_BOTH(only_the_last_hole_fits) {
    const int holes = has_index(MANY) ? MANY / 2 : 300;
    for (size_t n = has_index(MANY) ? 2 : 1; n <= 5; n++) { /* bins have no holes of one granule */
        size_t wall = n % 2 ? 1 : 2; /* from an odd unit to an odd unit */
        oracle m = open_oracle(region_for((size_t)holes * 12 * UNIT, sized), 0, sized);
        dice d = 1;
        size_t failed;
        make_object(&m, ALLOC, UNIT, 1);
        for (int i = 0; i < holes; i++) {
            make_object(&m, ALLOC, n * UNIT, 1);
            make_object(&m, ALLOC, (wall + (i == holes - 2)) * UNIT, 1);
        }
        make_object(&m, ALLOC, widest_gap(&m, 1), 1);
        for (size_t i = 2 * (size_t)holes - 1; i <= 2 * (size_t)holes && i > 0; i -= 2) end_object(&m, DEALLOC, i);
        settle(&m);
        failed = m.failed;
        make_object(&m, ALLOC, n * UNIT, 2 * UNIT);
        CHECK(m.failed == failed);
        make_object(&m, ALLOC, n * UNIT, 2 * UNIT);
        CHECK(m.failed == failed + 1);
        make_object(&m, ALLOC, n * UNIT - 1, 1);
        settle(&m);
        free_all(&m, &d);
        close_oracle(&m);
    }
}

/* -- Thousands of holes ------------------------------------------------------------------------------------------- */

/* What prevails for a while: of a hundred calls so many make an object, so many end some, and the others resize one;
 * how large objects are, in units; how many neighbours end together. */
static const struct mood {
    uint32_t make, end, least, most, together;
} moods[] = {
    {50, 45, 1, 12, 1},  /* as many come as go */
    {80, 10, 1, 3, 1},   /* crumbs: holes shrink and vanish */
    {45, 25, 10, 60, 1}, /* larger than nearly every hole: searches go far, and in vain */
    {20, 60, 2, 12, 4},  /* neighbours go: holes merge */
    {10, 10, 1, 20, 1},
};

static size_t size_in(dice *d, const struct mood *mood) {
    return (mood->least + roll(d, mood->most - mood->least + 1)) * UNIT - roll(d, UNIT);
}

static void bustle(oracle *m, dice *d, const struct mood *mood) {
    uint32_t what = roll(d, 100);
    size_t i = roll(d, m->count), size = size_in(d, mood), align = (size_t)1 << roll(d, roll(d, 8) ? 4 : 9);
    if (what < mood->make || m->count == 0) {
        make_object(m, (int)roll(d, m->k.sized ? MALLOC : WAYS_TO_MAKE), size, align);
    } else if (what < mood->make + mood->end) {
        for (uint32_t n = 1 + roll(d, mood->together); n && i < m->count; n--) end_object(m, DEALLOC, i);
    } else {
        size_t old = m->live[i].size;
        if (roll(d, 2)) size = old + roll(d, 6 * UNIT) - (old > 3 * UNIT ? 3 * UNIT : 0);
        if (roll(d, 4)) align = m->live[i].align;
        resize_object(m, (int)roll(d, m->k.sized ? REALLOC : WAYS_TO_RESIZE), i, size, align);
    }
    settle(m);
}

static size_t count_holes(const oracle *m) {
    size_t holes = 0;
    for (size_t i = 0; i <= m->count; i++) holes += gap_start(m, i) < gap_end(m, i);
    return holes;
}

/* A heap that is filled, of which every other object goes, and on which the moods then take turns. */
static void live_among_holes(size_t size, unsigned calls, int sized) {
    oracle m = open_oracle(size, 4, sized);
    dice d = size;
    size_t fewest = SIZE_MAX, most = 0, refused;
    while (m.failed == 0 && !test_failures) {
        make_object(&m, ALLOC, size_in(&d, &moods[0]), 1);
    }
    settle(&m);
    for (size_t i = m.count; i > 1 && !test_failures; i -= 2) end_object(&m, DEALLOC, i - 2);
    refused = m.failed;
    for (unsigned i = 0; i < calls && !test_failures; i++) {
        size_t mood = i / 500 % (sizeof moods / sizeof *moods), holes;
        snprintf(test_note, sizeof test_note, "seed %lu, call %u", (unsigned long)size, i);
        bustle(&m, &d, &moods[mood]);
        if (i % 100) continue;
        holes = count_holes(&m);
        if (holes > most) most = holes;
        if (holes < fewest) fewest = holes;
    }
    printf("among_holes: seed %lu, heap of %lu bytes, %u calls, %lu to %lu holes, %lu calls refused\n",
           (unsigned long)size, (unsigned long)m.k.total, calls, (unsigned long)fewest, (unsigned long)most,
           (unsigned long)(m.failed - refused));
    m.check_every = 64; /* the rest is only tidying up */
    while (m.count && !test_failures) {
        end_object(&m, (int)roll(&d, sized ? FREE : WAYS_TO_END), roll(&d, m.count));
        settle(&m);
    }
    CHECK(is_empty(&m.k));
    close_oracle(&m);
}

TEST_BOTH(thousands_of_holes) {
    live_among_holes(49152, 10000, sized);
    live_among_holes(most_bytes() < 1ul << 20 ? 260000 : 1u << 20, 15000, sized);
}

/* -- Where a search in a heap with an index gives up --------------------------------------------------------------- */

/* A heap that has an index. The tests fill it from its low end on. */
static kitchen open_large_kitchen(int sized) {
    kitchen k = open_kitchen(8200 * GRANULE / UNIT, sized);
    CHECK(has_index(k.total / GRANULE) == CAN_INDEX);
    return k;
}

static unsigned char *laid(kitchen *k, size_t size) { /* and a wall behind it */
    unsigned char *p = V_(alloc)(&k->heap, size, 1);
    CHECK(p && V_(alloc)(&k->heap, GRANULE, 1));
    return p;
}

/* The one hole that does is the `place`-th of its bin, behind smaller ones. Without another that does for sure it is
 * found among MANY, and with one among FEW. */
TEST_BOTH(search_of_a_bin_is_bounded) {
    enum { SMALLER = 33, ASKED = 40, LARGER = 100 }; /* units: two of a bin, whichever bins there are, and one above */
    for (size_t place = 1; CAN_INDEX && place <= MANY + 2; place++)
        for (int larger = 0; larger < 2; larger++) {
            kitchen k = open_large_kitchen(sized);
            unsigned char *small[MANY + 2], *target, *large, *expected;
            for (size_t i = 0; i < MANY + 2; i++) small[i] = laid(&k, SMALLER * UNIT);
            target = laid(&k, ASKED * UNIT);
            large = laid(&k, LARGER * UNIT);
            CHECK(V_(alloc)(&k.heap, V_(largest)(&k.heap, 1), 1) != NULL);
            CHECK(V_(dealloc)(&k.heap, target, ASKED * UNIT, 1) == TSP_OK);
            for (size_t i = 1; i < place; i++) CHECK(V_(dealloc)(&k.heap, small[i - 1], SMALLER * UNIT, 1) == TSP_OK);
            if (larger) CHECK(V_(dealloc)(&k.heap, large, LARGER * UNIT, 1) == TSP_OK);
            expected = place <= (larger ? FEW : MANY) ? target : larger ? large : NULL;
            CHECK(V_(alloc)(&k.heap, ASKED * UNIT, 1) == expected);
            close_kitchen(&k);
        }
}

/* A hole that an object is carved from, so that something is left on both sides, is not the first of its bin for it. */
TEST_BOTH(only_what_comes_is_first_in_its_bin) {
    enum { FIRST = 33, SECOND = 47, WIDE = 512, BEFORE = 5 * UNIT }; /* units of one bin, also without the lead */
    kitchen k = open_large_kitchen(sized);
    unsigned char *at, *first, *second;
    if (CAN_INDEX) {
        do at = V_(alloc)(&k.heap, UNIT, 1);
        while (at && ((uintptr_t)at + UNIT + BEFORE) % WIDE);
        second = V_(alloc)(&k.heap, SECOND * UNIT, 1);
        do at = V_(alloc)(&k.heap, UNIT, 1);
        while (at && (uintptr_t)at % WIDE);
        first = V_(alloc)(&k.heap, FIRST * UNIT, 1); /* has no place that is aligned so */
        CHECK(laid(&k, UNIT) && V_(alloc)(&k.heap, V_(largest)(&k.heap, 1), 1) != NULL);
        CHECK(V_(dealloc)(&k.heap, second, SECOND * UNIT, 1) == TSP_OK);
        CHECK(V_(dealloc)(&k.heap, first, FIRST * UNIT, 1) == TSP_OK);
        CHECK(V_(alloc)(&k.heap, 2 * UNIT, WIDE) == second + BEFORE);
        CHECK(V_(alloc)(&k.heap, FIRST * UNIT, 1) == first);
        CHECK(V_(alloc)(&k.heap, SECOND * UNIT - BEFORE - 2 * UNIT, 1) == second + BEFORE + 2 * UNIT);
        CHECK(V_(check)(&k.heap).status == TSP_OK); /* the bin, which is not of the first word, is empty */
    }
    close_kitchen(&k);
}

/* Two holes of one granule, a below b, and `others` above them. b is found since it came last; then a, once around the
 * list, if that is no further than ROVES; else it stays, and one of the others is cut. */
TEST_BOTH(rover_is_bounded) {
    for (size_t others = 1; CAN_INDEX && others <= ROVES + 2; others++) {
        kitchen k = open_large_kitchen(sized);
        unsigned char *a = laid(&k, GRANULE), *b = laid(&k, GRANULE), *other[ROVES + 2];
        for (size_t i = 0; i < others; i++) other[i] = laid(&k, 2 * UNIT);
        while (V_(largest)(&k.heap, 1)) CHECK(V_(alloc)(&k.heap, V_(largest)(&k.heap, 1), 1) != NULL);
        for (size_t i = 0; i < others; i++) CHECK(V_(dealloc)(&k.heap, other[i], 2 * UNIT, 1) == TSP_OK);
        CHECK(V_(dealloc)(&k.heap, a, GRANULE, 1) == TSP_OK && V_(dealloc)(&k.heap, b, GRANULE, 1) == TSP_OK);
        CHECK(V_(alloc)(&k.heap, 1, 1) == b);
        CHECK(V_(alloc)(&k.heap, 1, 1) == (others + 2 <= ROVES ? a : other[others - 1])); /* the others, the turn, a */
        close_kitchen(&k);
    }
}

/* Objects around the lengths from which the index has their ends, wherever in a chunk they begin and with whatever
 * behind them, keep their sizes as they come, grow, shrink, move and go. */
TEST(ends_of_long_objects) {
    static const size_t leads[] = {0, 1, 2, TSP_CHUNK - 1, TSP_CHUNK, TSP_CHUNK + 2};
    const size_t unit = UNIT / GRANULE, edge = TSP_SPAN * TSP_CHUNK;
    kitchen k = open_large_kitchen(0);
    for (size_t l = 0; l < sizeof leads / sizeof *leads; l++)
        for (size_t n = edge - TSP_CHUNK; n <= edge + 3 * TSP_CHUNK;
             n += n % TSP_CHUNK < TSP_CHUNK - 2 ? TSP_CHUNK / 2 - 1 : 1) {
            const size_t lead = leads[l] / unit * UNIT, size = n / unit * UNIT, grown = size + TSP_CHUNK * UNIT;
            unsigned char *before = lead ? V_(malloc)(&k.heap, lead) : NULL, *p = V_(aligned_alloc)(&k.heap, 1, size),
                          *q, *r;
            CHECK(p && is_sound(&k) && V_(usable_size)(&k.heap, p) == size);
            if (V_(try_realloc)(&k.heap, p, grown) == TSP_OK)
                CHECK(V_(usable_size)(&k.heap, p) == grown && is_sound(&k) &&
                      V_(try_realloc)(&k.heap, p, size) == TSP_OK);
            q = V_(aligned_alloc)(&k.heap, 1, UNIT); /* directly behind it, if it is at the low end */
            CHECK(q && is_sound(&k) && V_(usable_size)(&k.heap, p) == size && V_(usable_size)(&k.heap, q) == UNIT);
            r = V_(realloc)(&k.heap, p, grown); /* where it is, or to the low end, or it slides */
            CHECK(r && is_sound(&k) && V_(usable_size)(&k.heap, r) == grown);
            if (before) V_(free)(&k.heap, before);
            V_(free)(&k.heap, r);
            V_(free)(&k.heap, q);
            CHECK(is_empty(&k));
        }
    close_kitchen(&k);
}
