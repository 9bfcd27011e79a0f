/* Every layout and every call: starting from an empty heap of a few granules, all layouts of objects and holes that
 * calls can lead to are visited, and in each of them every call is made that the heap is large enough for, against the
 * oracle (oracle.h). What random sequences may miss in a small heap, this does not.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "oracle.h"

enum { MOST = 10 }; /* granules */

/* A layout that was reached, and the heap as it was then. */
typedef struct scene {
    TSP_V heap;
    object live[MOST];
    size_t count, used;
    unsigned char bytes[MOST * 8 + 2];
} scene;

static scene *scenes;
static size_t scenes_known, scenes_room;

/* Which granules begin an object, and which are live: that is all a layout is. */
static unsigned long name_of(const oracle *m) {
    unsigned long begins = 0, live = 0;
    for (size_t i = 0; i < m->count; i++) {
        size_t a = m->live[i].start / GRANULE, b = end_of(&m->live[i]) / GRANULE;
        begins |= 1ul << a;
        live |= (1ul << b) - (1ul << a);
    }
    return begins << MOST | live;
}

static unsigned char seen[1ul << 2 * MOST];

static void enter(const oracle *m) {
    unsigned long name = name_of(m);
    scene *s;
    if (seen[name] || test_failures) return;
    seen[name] = 1;
    if (scenes_known == scenes_room) {
        scenes_room = scenes_room ? 2 * scenes_room : 1024;
        scenes = realloc(scenes, scenes_room * sizeof *scenes);
        if (scenes == NULL) exit(2);
    }
    s = &scenes[scenes_known++];
    s->heap = m->k.heap;
    s->count = m->count;
    s->used = m->used;
    memcpy(s->live, m->live, m->count * sizeof *m->live);
    memcpy(s->bytes, m->k.where.memory, m->k.where.size);
}

static void go_back(oracle *m, const scene *s) {
    tsp_usage u;
    m->k.heap = s->heap;
    m->count = s->count;
    m->used = s->used;
    memcpy(m->live, s->live, s->count * sizeof *m->live);
    memcpy(m->k.where.memory, s->bytes, m->k.where.size);
    u = V_(usage)(&m->k.heap);
    m->low = m->low_at_least = u.low_free;
    m->failed = m->failed_at_most = u.failed;
}

/* One call from the scene number i, and where it led to. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        const scene from = scenes[i];                                                                                  \
        go_back(m, &from);                                                                                             \
        call;                                                                                                          \
        if (settle(m)) enter(m);                                                                                       \
    } while (0)

static void explore(size_t granules, size_t offset, int sized) {
    size_t size = granules * GRANULE + (sized ? 0 : (granules + 7) / 8);
    oracle all = open_oracle(size, offset, sized), *m = &all;
    size_t calls = 0;
    memset(seen, 0, sizeof seen);
    scenes_known = 0;
    enter(m);
    for (size_t i = 0; i < scenes_known && !test_failures; i++) {
        snprintf(test_note, sizeof test_note, "%lu granules, layout %lu", (unsigned long)granules, (unsigned long)i);
        for (size_t n = 1; n <= granules; n++) {
            for (size_t align = GRANULE; align <= 4 * GRANULE; align *= 2, calls++)
                TRY(make_object(m, ALLOC, n * GRANULE - n % 2, align));
            for (size_t j = 0; j < scenes[i].count; j++) {
                for (size_t align = GRANULE; align <= 2 * GRANULE; align *= 2, calls++)
                    TRY(resize_object(m, RESIZE, j, n * GRANULE - n % 2, align));
                TRY(resize_object(m, IN_PLACE, j, n * GRANULE, 1));
                calls++;
            }
        }
        for (size_t j = 0; j < scenes[i].count; j++, calls++) TRY(end_object(m, sized ? DEALLOC : FREE, j));
    }
    printf("%lu granules, %s: %lu layouts, %lu calls\n", (unsigned long)granules, sized ? "sized" : "remembering",
           (unsigned long)scenes_known, (unsigned long)calls);
    go_back(m, &scenes[0]);
    close_oracle(m);
}

TEST_BOTH(every_layout_and_every_call) {
    for (size_t granules = 1; granules <= 6; granules++) explore(granules, 0, sized);
    explore(7, GRANULE, sized);
    explore(8, 0, sized);
    explore(UNIT > GRANULE ? 10 : 9, 3 * GRANULE, sized); /* rounding leaves fewer layouts */
}
