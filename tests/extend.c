/* V_extend: heaps that get more bytes behind them, step by step, full and empty and in use; with a map, and with an
 * index that was there or comes. Afterwards they are what V_init would have made of all the bytes, with the objects in
 * them. SPDX-License-Identifier: BSD-3-Clause */
#include "oracle.h"

/* What a heap's region has beyond what the heap takes is lost to it when it is extended. */
static size_t in_use(const oracle *m) {
    return m->k.total + behind(m->k.total / GRANULE, m->k.sized);
}

/* A heap in the first bytes of its region; the rest is to come. */
static oracle open_part(size_t part, size_t all, size_t offset, int sized) {
    oracle m = open_oracle(all, offset, sized);
    memset(m.k.where.memory, 0xDB, all);
    m.k.total = start_heap(&m.k.heap, m.k.where.memory, part, sized);
    m.low = m.low_at_least = m.k.total;
    return m;
}

/* Extends it, but not beyond its region. Nothing behind what it was given may be written. */
static void extend_by(oracle *m, size_t bytes) {
    const size_t before = m->k.total, lost = (size_t)(m->k.base - m->k.where.memory), taken = lost + in_use(m);
    size_t all, to;
    if (bytes > m->k.where.size - taken) bytes = m->k.where.size - taken;
    all = usable((uintptr_t)m->k.base, in_use(m) + bytes, m->k.sized);
    to = taken + bytes;
    remember(&m->k);
    CHECK(V_(extend)(&m->k.heap, bytes) == all);
    CHECK(all >= before);
    CHECK(memcmp(m->k.where.memory + to, m->k.image + to, m->k.where.size - to) == 0);
    if (all == before) CHECK(is_unchanged(&m->k));
    m->k.total = all;
    m->low += all - before;
    m->low_at_least += all - before;
    settle(m);
}

static void random_step(oracle *m, dice *d) {
    const size_t most = roll(d, 8) ? 40 : m->k.total / 4 + 1;
    const size_t size = 1 + roll(d, most), align = (size_t)1 << roll(d, 5);
    const uint32_t what = roll(d, 100);
    if (what < 50 || m->count == 0) make_object(m, (int)roll(d, m->k.sized ? MALLOC : WAYS_TO_MAKE), size, align);
    else if (what < 80) end_object(m, (int)roll(d, m->k.sized ? FREE : WAYS_TO_END), roll(d, m->count));
    else resize_object(m, (int)roll(d, m->k.sized ? REALLOC : WAYS_TO_RESIZE), roll(d, m->count), size, align);
    settle(m);
}

static void play(uint32_t seed, size_t part, size_t all, size_t offset, int sized) {
    oracle m = open_part(part, all, offset, sized);
    dice d = seed;
    snprintf(test_note, sizeof test_note, "seed %lu, %lu of %lu bytes", (unsigned long)seed, (unsigned long)part,
             (unsigned long)all);
    for (int round = 0; m.k.total && round < 12 && !test_failures; round++) {
        for (unsigned i = roll(&d, 40); i && !test_failures; i--) random_step(&m, &d);
        if (roll(&d, 3) == 0) /* full to the end */
            while (can_place(&m, 1, 1) && must_place(&m, 1, 1) && !test_failures) make_object(&m, ALLOC, 1, 1);
        extend_by(&m, roll(&d, 4) ? roll(&d, all / 4) : roll(&d, 12));
    }
    while (m.count && !test_failures) end_object(&m, DEALLOC, roll(&d, m.count));
    if (m.k.total) CHECK(is_empty(&m.k));
    V_(reset)(&m.k.heap); /* the lock, the index and the one hole are those of the larger heap */
    if (m.k.total) CHECK(is_empty(&m.k) && V_(alloc)(&m.k.heap, m.k.total, 1) == m.k.base);
    close_oracle(&m);
}

TEST_BOTH(small_heaps_extended) {
    for (uint32_t seed = 1; seed <= 150 && !test_failures; seed++) {
        dice d = seed;
        const size_t part = 8 + roll(&d, 300);
        play(seed, part, part + roll(&d, 1200), roll(&d, 9), sized);
    }
}

/* Past the size from which on a heap has an index, from both sides. */
TEST_BOTH(a_heap_gets_an_index) {
    const size_t edge = (size_t)8192 * GRANULE;
    for (uint32_t seed = 1; seed <= 4 && !test_failures; seed++)
        play(seed, edge * (seed % 4 + 1) / 3, 3 * edge, 0, sized);
}

/* Byte by byte: it grows as soon as a granule has room. */
TEST_BOTH(byte_by_byte) {
    for (size_t bytes = 0; bytes <= 10 * UNIT; bytes++) {
        const size_t part = region_for(10 * UNIT, sized);
        oracle m = open_part(part, part + 20 * UNIT, 0, sized);
        make_object(&m, ALLOC, 3 * UNIT, 1);
        make_object(&m, ALLOC, 2 * UNIT, 1);
        end_object(&m, DEALLOC, 0);
        extend_by(&m, bytes);
        while (m.count) end_object(&m, DEALLOC, 0);
        settle(&m);
        close_oracle(&m);
    }
}

/* A heap without bytes stays one; the most a family can hold is the most; and sizes that no memory has are no harm
 * where there is nothing to be had. */
TEST_BOTH(nothing_to_extend) {
    static TSP_V never;
    TSP_V h;
    CHECK(V_(extend)(&never, 1000) == 0 && V_(check)(&never).status == TSP_OK);
    CHECK(start_heap(&h, NULL, 100, sized) == 0 && V_(extend)(&h, 1000) == 0 && V_(alloc)(&h, 1, 1) == NULL);
    if (GRANULES < 0x10000) {
        const size_t most = most_bytes(), all = most + behind(most / GRANULE, sized);
        oracle m = open_part(all, all + 4096, 0, sized);
        CHECK(m.k.total == most);
        extend_by(&m, 4096);
        CHECK(m.k.total == most && V_(extend)(&m.k.heap, SIZE_MAX) == most && is_empty(&m.k));
        close_oracle(&m);
    }
}

/* Scribbled links: it is told, and nothing is written. */
TEST_BOTH(damage_is_told) {
    for (int damage = 0; damage < 2; damage++) {
        const size_t part = region_for(20 * UNIT, sized);
        oracle m = open_part(part, part + 100, 0, sized);
        if (damage) m.k.heap.gap += 2; /* from the only hole's end to behind that of the heap */
        else memset(m.k.base + m.k.total - GRANULE, 0, GRANULE); /* that hole's size is none */
        remember(&m.k);
        misuse.count = 0;
        CHECK(V_(extend)(&m.k.heap, 100) == 0 && misuse.count == 1 && misuse.status == TSP_CORRUPT && is_unchanged(&m.k));
        misuse.count = 0;
        start_heap(&m.k.heap, m.k.where.memory, part, sized);
        free(m.live);
        close_kitchen(&m.k);
    }
}

/* Marks that are gone: objects are lost to the heap, but nothing else is. */
TEST(marks_are_gone) {
    const size_t part = region_for(60 * UNIT, 0);
    oracle m = open_part(part, part + 100 * UNIT, 0, 0);
    unsigned char *p = V_(malloc)(&m.k.heap, 40 * UNIT);
    CHECK(p && V_(malloc)(&m.k.heap, UNIT));
    memset(m.k.base + m.k.total, 0, (m.k.total / GRANULE + 7) / 8);
    m.k.total = V_(extend)(&m.k.heap, 50 * UNIT);
    CHECK(m.k.total > 60 * UNIT && V_(check)(&m.k.heap).status == TSP_CORRUPT);
    V_(reset)(&m.k.heap);
    CHECK(is_empty(&m.k));
    close_oracle(&m);
}
