/* Failure injection: every call that can run out of memory is made to, at each of the points where it can: no hole,
 * holes too small, holes that an alignment spoils; when an object would stay, move, or slide; in the zeroed forms too.
 * Nothing may change then: not a byte, not the handle but for its counter of failures. And heaps whose memory never
 * came. SPDX-License-Identifier: BSD-3-Clause */
#include "oracle.h"

/* -- Every point of failure ---------------------------------------------------------------------------------------- */

/* Why it does not work: in place, elsewhere, and by sliding. */
enum { TOO_LARGE, NO_ROOM, TOO_LITTLE, MISALIGNED, REASONS };
static unsigned long failures[3][REASONS], refused, granted;

/* A stage: two objects that are neighbours of holes, with a hole apart; parts[] are sizes in units, and 0 is nothing.
 *      [ hole 0 ] object 1 [ hole 2 ] wall [ hole 3 ] wall */
typedef struct stage {
    oracle m;
    TSP_V heap;
    object live[3];
    size_t used;
    unsigned char bytes[32 * 8 + 512]; /* with an index */
} stage;

static void set_stage(stage *s, const size_t *parts, size_t offset, int sized) {
    oracle *m = &s->m;
    size_t units = parts[0] + parts[1] + parts[2] + parts[3] + 2, bytes = units * UNIT, first = parts[0] > 0;
    *m = open_oracle(region_for(bytes, sized), offset, sized);
    if (parts[0]) make_object(m, ALLOC, parts[0] * UNIT, 1);
    make_object(m, ALLOC, parts[1] * UNIT, 1);
    if (parts[2]) make_object(m, ALLOC, parts[2] * UNIT, 1);
    make_object(m, ALLOC, UNIT, 1);
    if (parts[3]) make_object(m, ALLOC, parts[3] * UNIT, 1);
    make_object(m, ALLOC, UNIT, 1);
    CHECK(m->used == bytes && m->k.total == bytes); /* the stage is full; now the holes */
    if (parts[3]) end_object(m, DEALLOC, m->count - 2);
    if (parts[2]) end_object(m, DEALLOC, first + 1);
    if (parts[0]) end_object(m, DEALLOC, 0);
    settle(m);
    s->heap = m->k.heap;
    s->used = m->used;
    memcpy(s->live, m->live, sizeof s->live);
    memcpy(s->bytes, m->k.where.memory, m->k.where.size);
}

static void restage(stage *s) {
    oracle *m = &s->m;
    tsp_usage u;
    m->k.heap = s->heap;
    m->count = 3;
    m->used = s->used;
    memcpy(m->live, s->live, sizeof s->live);
    memcpy(m->k.where.memory, s->bytes, m->k.where.size);
    u = V_(usage)(&m->k.heap);
    m->low = m->low_at_least = u.low_free;
    m->failed = m->failed_at_most = u.failed;
}

/* After a call. Where it failed, even the handle is as it was. */
static void judge(stage *s) {
    oracle *m = &s->m;
    size_t failed = m->failed;
    settle(m);
    if (failed == s->heap.failed) {
        granted++;
        return;
    }
    refused++;
    s->heap.failed++;
    CHECK(memcmp(&s->heap, &m->k.heap, sizeof s->heap) == 0);
    s->heap.failed--;
    CHECK(memcmp(s->bytes, m->k.where.memory, m->k.where.size) == 0);
}

static int reason(size_t size, size_t room, size_t aligned_room) {
    return room == 0 ? NO_ROOM : room < round_up(size) ? TOO_LITTLE : aligned_room < round_up(size) ? MISALIGNED : -1;
}

/* What stands in the way of resizing the first object. */
static void note_reasons(const oracle *m, size_t size, size_t align) {
    size_t from = m->live[0].start, to = gap_end(m, 1), old = round_up(m->live[0].size);
    int stay = reason(size, to - from > old ? to - from : 0, room_in(m, from, to, align));
    int move = reason(size, widest_gap(m, 1), widest_gap(m, align));
    int slide = reason(size, to > old ? to : 0, room_in(m, 0, to, align));
    if (size > m->k.total) stay = move = slide = TOO_LARGE;
    if ((uintptr_t)(m->k.base + from) % align) stay = MISALIGNED;
    if (stay >= 0 && move >= 0 && slide >= 0) failures[0][stay]++, failures[1][move]++, failures[2][slide]++;
}

static void play_stage(const size_t *parts, size_t offset, int sized) {
    stage s;
    size_t most = parts[0] + parts[1] + parts[2] + parts[3] + 3;
    set_stage(&s, parts, offset, sized);
    snprintf(test_note, sizeof test_note, "units: %lu free, %lu, %lu free, 1, %lu free, 1; offset %lu",
             (unsigned long)parts[0], (unsigned long)parts[1], (unsigned long)parts[2], (unsigned long)parts[3],
             (unsigned long)offset);
    for (size_t units = 1; units <= most && !test_failures; units++)
        for (size_t align = 1; align <= 4 * UNIT; align = align == 1 ? UNIT : 2 * align) {
            size_t size = units * UNIT - (units % 2 ? 0 : UNIT / 2 - 1);
            note_reasons(&s.m, size, align);
            for (int way = 0; way < (sized ? REALLOC : WAYS_TO_RESIZE); way++) {
                restage(&s);
                resize_object(&s.m, way, 0, size, align);
                judge(&s);
            }
            for (int way = 0; way < (sized ? MALLOC : WAYS_TO_MAKE); way++) {
                restage(&s);
                make_object(&s.m, way, size, align);
                judge(&s);
            }
        }
    restage(&s);
    close_oracle(&s.m);
}

TEST_BOTH(every_call_at_each_of_its_points) {
    static const char *const places[] = {"stay", "move", "slide"};
    size_t parts[4];
    memset(failures, 0, sizeof failures);
    refused = granted = 0;
    for (parts[0] = 0; parts[0] <= 4; parts[0]++)
        for (parts[1] = 1; parts[1] <= 3; parts[1]++)
            for (parts[2] = 0; parts[2] <= 2; parts[2]++)
                for (parts[3] = 0; parts[3] <= 3; parts[3]++)
                    for (size_t offset = 0; offset <= UNIT; offset += UNIT) play_stage(parts, offset, sized);
    printf("%s: %lu calls granted, %lu refused; resizes refused, by reason:\n", sized ? "sized" : "remembering",
           granted, refused);
    for (int i = 0; i < 3; i++) {
        const unsigned long *f = failures[i];
        printf("    %-6s larger than the heap %lu, no room %lu, too little %lu, misaligned %lu\n", places[i],
               f[TOO_LARGE], f[NO_ROOM], f[TOO_LITTLE], f[MISALIGNED]);
        for (int j = 0; j < REASONS; j++) CHECK(f[j] > 0); /* each has had its turn */
    }
}

/* -- Among many holes ---------------------------------------------------------------------------------------------- */

/* Hundreds of holes of three units: a search that fails has gone through all of them, or is sure of them by their bins:
 * too large for each, or spoiled by the alignment in each. */
TEST_BOTH(failing_among_many_holes) {
    enum { HOLES = 200 };
    const size_t hole = 3 * UNIT;
    oracle all = open_oracle(region_for(4 * HOLES * UNIT + UNIT, sized), UNIT, sized), *m = &all;
    TSP_V before;
    for (size_t i = 0; i < HOLES; i++) {
        make_object(m, ALLOC, UNIT, 1);
        make_object(m, ALLOC, hole, 1);
    }
    while (can_place(m, 1, 1)) make_object(m, ALLOC, 1, 1);
    for (size_t i = 2 * HOLES; i; i -= 2) end_object(m, DEALLOC, i - 1);
    settle(m);
    CHECK(V_(usage)(&m->k.heap).free == HOLES * hole);
    before = m->k.heap;
    for (size_t size = hole + 1; size <= 2 * m->k.total; size += size < 3 * hole ? 1 : m->k.total / 3)
        for (size_t align = 1; align <= 64; align *= 8) {
            for (int way = 0; way < (sized ? MALLOC : WAYS_TO_MAKE); way++) make_object(m, way, size, align);
            for (int way = 0; way < (sized ? REALLOC : WAYS_TO_RESIZE); way++)
                if (size > 2 * hole + UNIT) resize_object(m, way, size % HOLES, size, align);
            settle(m);
        }
    for (size_t size = 1; size <= hole; size++) /* as many holes, but none of them is at a multiple of so much */
        for (int way = 0; way < MALLOC; way++) make_object(m, way, size, (size_t)1 << (8 * sizeof(size_t) - 1));
    settle(m);
    CHECK(m->failed > 100);
    m->k.heap.failed = before.failed;
    CHECK(memcmp(&before, &m->k.heap, sizeof before) == 0);
    while (m->count) end_object(m, DEALLOC, m->count - 1);
    CHECK(is_empty(&m->k));
    close_oracle(m);
}

/* What failed works as soon as there is room. */
TEST_BOTH(what_failed_works_when_there_is_room) {
    for (int way = 0; way < (sized ? MALLOC : WAYS_TO_MAKE); way++) {
        oracle all = open_oracle(24 * UNIT, 0, sized), *m = &all;
        while (can_place(m, UNIT, 1)) make_object(m, ALLOC, UNIT, 1);
        while (can_place(m, 1, 1)) make_object(m, ALLOC, 1, 1);
        for (size_t i = 0; i < m->count; i++) {
            size_t failed = m->failed, size = m->live[i].size;
            make_object(m, way, size, 1);
            CHECK(m->failed == failed + 1);
            end_object(m, DEALLOC, i);
            make_object(m, way, size, 1);
            CHECK(m->failed == failed + 1);
            settle(m);
        }
        close_oracle(m);
    }
}

/* -- Memory that never came ---------------------------------------------------------------------------------------- */

static unsigned asked;
static unsigned char crumb[GRANULE - 1];

static void *give_nothing(size_t *size) {
    asked++;
    *size = 4096;
    return NULL;
}

static void *give_too_little(size_t *size) {
    asked++;
    *size = sizeof crumb;
    return crumb;
}

static void *give_no_bytes(size_t *size) {
    asked++;
    *size = 0;
    return crumb;
}

/* Every call on a heap that has no bytes. */
static void expect_nothing(TSP_V *h, int sized) {
    unsigned char here[2];
    const size_t failed = V_(usage)(h).failed;
    size_t expected = failed;
    tsp_usage u;
    misuse.count = 0;
    for (size_t size = 1; size; size = size < 20 ? size + 1 : size * 3 > size ? size * 3 : 0)
        for (size_t align = 1; align <= 16; align *= 4) {
            CHECK(V_(alloc)(h, size, align) == NULL && V_(alloc_zeroed)(h, size, align) == NULL);
            CHECK(V_(try_alloc)(h, size, align) == NULL);
            CHECK(V_(resize)(h, NULL, 0, size, align) == NULL && V_(resize_zeroed)(h, NULL, 0, size, align) == NULL);
            CHECK(V_(resize_in_place)(h, NULL, 0, size, align) == TSP_NO_MEMORY);
            expected += 5;
            if (sized) continue;
            CHECK(V_(malloc)(h, size) == NULL && V_(calloc)(h, size, 1) == NULL && V_(calloc)(h, size, size) == NULL);
            CHECK(V_(realloc)(h, NULL, size) == NULL && V_(reallocarray)(h, NULL, size, 2) == NULL);
            CHECK(V_(aligned_alloc)(h, align, size) == NULL);
            expected += 6;
        }
    CHECK(V_(alloc)(h, 0, 4) != NULL && V_(resize)(h, NULL, 0, 0, 1) != NULL); /* that much there always is */
    CHECK(V_(dealloc)(h, NULL, 1, 1) == TSP_OK && V_(dealloc)(h, here, 1, 1) == TSP_FOREIGN);
    CHECK(V_(resize_in_place)(h, here, 1, 2, 1) == TSP_FOREIGN && misuse.count == 0);
    CHECK(V_(resize)(h, here, 1, 2, 1) == NULL && misuse.count == 1 && misuse.status == TSP_FOREIGN);
    CHECK(!V_(contains)(h, here) && !V_(contains)(h, NULL) && !V_(contains)(h, crumb));
    u = V_(usage)(h);
    CHECK(u.total == 0 && u.used == 0 && u.free == 0 && u.objects == 0 && u.largest == 0 && u.low_free == 0);
    CHECK(u.failed == (expected < MOST_FAILED ? expected : MOST_FAILED) && expected > failed);
    CHECK(V_(largest)(h, 1) == 0 && V_(check)(h).status == TSP_OK);
    V_(reset)(h);
    CHECK(V_(usage)(h).failed == 0 && V_(alloc)(h, 1, 1) == NULL && V_(check)(h).status == TSP_OK);
}

TEST_BOTH(suppliers_that_have_nothing) {
    tsp_supplier *const suppliers[] = {give_nothing, give_too_little, give_no_bytes};
    for (size_t i = 0; i < 3; i++) {
        TSP_V heap;
        kitchen k;
        memset(&heap, 0, sizeof heap);
        asked = 0;
        for (int again = 0; again < 3; again++) {
            CHECK(V_(once)(&heap, suppliers[i], sized) == &heap);
            expect_nothing(&heap, sized);
        }
        CHECK(asked == 1); /* it said no; that is that */
        CHECK(V_(once_over)(&heap, crumb, sizeof crumb, sized) == &heap);
        expect_nothing(&heap, sized);
        k = open_kitchen(8, sized); /* the handle is as good as any */
        CHECK(start_heap(&heap, k.where.memory, k.where.size, sized) == k.total);
        CHECK(V_(alloc)(&heap, k.total, 1) == k.base);
        k.heap = heap;
        close_kitchen(&k);
    }
}

TEST_BOTH(heaps_over_nothing) {
    TSP_V heap;
    memset(&heap, 0, sizeof heap); /* never made: for neither kind */
    expect_nothing(&heap, 1);
    memset(&heap, 0, sizeof heap);
    CHECK(V_(once_over)(&heap, NULL, 100, sized) == &heap);
    expect_nothing(&heap, sized);
    memset(&heap, 0x5A, sizeof heap);
    CHECK(start_heap(&heap, NULL, SIZE_MAX, sized) == 0);
    expect_nothing(&heap, sized);
    CHECK(start_heap(&heap, crumb, sizeof crumb, sized) == 0);
    expect_nothing(&heap, sized);
    CHECK(is_filled_with(crumb, sizeof crumb, 0));
}
