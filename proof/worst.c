/* The exact worst case of small heaps: the smallest heap in which no sequence of calls can fail whose live granules are
 * at most M and whose objects have at most n granules each. Found by visiting every state that such sequences can lead
 * to, in heaps of M granules, M + 1, ..., until in one of them every allocation that keeps to M finds a place.
 *
 * teaspoon is asked itself, through its public functions; the other placements are played in sets of granules
 * (tests/layout.h). All without headers and alignment, so that it is the placements that are compared:
 *
 *   first fit      the lowest hole that is large enough
 *   best fit       the lowest of the smallest holes that are large enough
 *   tail first     behind the last object, and only if there is no room, the lowest hole (the crate teaspoon 0.1.0)
 *   teaspoon       as it is (in heaps as small as these, all objects are large)
 *   and resize     teaspoon, where the program resizes its objects too
 *
 * Prints the table of DESIGN.md. SPDX-License-Identifier: BSD-3-Clause */
#define TEST_SECONDS 3600
#define TSP_V tsp4k
#include "../tests/layout.h"

static TSP_V heap;
static unsigned char bytes[32 * 4];

enum { FIRST, BEST, TAIL, TEASPOON, RESIZING, PLACEMENTS };
static const char *const names[] = {"first fit", "best fit", "tail first", "teaspoon", "and resize"};

static void set_up(const layout *l) {
    heap.base = bytes;
    draw(l, bytes, &heap, 1);
}

static unsigned granule_of(const unsigned char *p) {
    return p ? (unsigned)((size_t)(p - bytes) / GRANULE) : NONE;
}

static unsigned place(int how, const layout *l, unsigned n) {
    unsigned start, end = 0, tail, best = NONE, size = NONE;
    switch (how) {
    case FIRST:
        while (hole_from(l, end, &start, &end))
            if (end - start >= n) return start;
        return NONE;
    case TAIL:
        for (tail = granules; tail && !(l->live >> (tail - 1) & 1);) tail--;
        return granules - tail >= n ? tail : place(FIRST, l, n);
    case BEST:
        while (hole_from(l, end, &start, &end))
            if (end - start >= n && end - start < size) size = end - (best = start);
        return best;
    default: set_up(l); return granule_of(tsp4k_alloc(&heap, n * GRANULE, 1));
    }
}

/* -- States that are known ----------------------------------------------------------------------------------------- */

static uint64_t *keys;  /* in the order they were found */
static uint32_t *slots; /* a hash table of their numbers + 1 */
static size_t known, room;

static size_t slot_of(uint64_t key) {
    size_t i = (size_t)(key * 0x9E3779B97F4A7C15u >> 20) & (2 * room - 1);
    while (slots[i] && keys[slots[i] - 1] != key) i = (i + 1) & (2 * room - 1);
    return i;
}

static void enter(const layout *l) {
    const uint64_t key = (uint64_t)l->begins << 32 | l->live;
    size_t i = slot_of(key);
    if (slots[i]) return;
    if (known == room) {
        room *= 2;
        keys = realloc(keys, room * sizeof *keys);
        free(slots);
        slots = calloc(2 * room, sizeof *slots);
        if (keys == NULL || slots == NULL) exit(2);
        for (size_t j = 0; j < known; j++) slots[slot_of(keys[j])] = (uint32_t)j + 1;
        i = slot_of(key);
    }
    keys[known++] = key;
    slots[i] = (uint32_t)known;
}

/* -- The search ---------------------------------------------------------------------------------------------------- */

/* Whether every resize to at most n granules finds a place; enters what they lead to. */
static int resizes_hold(const layout *l, unsigned a, unsigned most, unsigned n) {
    const layout gone = without(*l, a);
    for (unsigned size = 1; size <= n && count(gone.live) + size <= most; size++) {
        unsigned to;
        layout next;
        set_up(l);
        to = granule_of(tsp4k_resize(&heap, bytes + a * GRANULE, (object_end(l, a) - a) * GRANULE, size * GRANULE, 1));
        if (to == NONE) return 0;
        next = with(gone, to, size);
        enter(&next);
    }
    return 1;
}

/* Whether in a heap of that many granules nothing can fail. */
static int holds(int how, unsigned size, unsigned most, unsigned n) {
    layout empty = {.live = 0};
    granules = size;
    known = 0;
    tsp4k_init_sized(&heap, bytes, size * GRANULE);
    memset(slots, 0, 2 * room * sizeof *slots);
    enter(&empty);
    for (size_t i = 0; i < known; i++) {
        const layout l = {.live = (set)keys[i], .begins = (set)(keys[i] >> 32)};
        for (unsigned new = 1; new <= n &&count(l.live) + new <= most; new ++) {
            unsigned at = place(how, &l, new);
            layout next;
            if (at == NONE) return 0;
            next = with(l, at, new);
            enter(&next);
        }
        for (set s = l.begins; s; s &= s - 1) {
            layout next = without(l, lowest(s));
            if (how == RESIZING && !resizes_hold(&l, lowest(s), most, n)) return 0;
            enter(&next);
        }
    }
    return 1;
}

TEST(worst_case) {
    static const unsigned char rows[][2] = {{4, 2}, {6, 2}, {8, 2}, {10, 2}, {6, 3}, {8, 3}, {6, 4}, {8, 4}, {8, 8}};
    unsigned long states = 0;
    room = 1 << 16;
    keys = malloc(room * sizeof *keys);
    slots = malloc(2 * room * sizeof *slots);
    base = 0;
    if (keys == NULL || slots == NULL) exit(2);
    printf("| live at most | objects at most |");
    for (int how = 0; how < PLACEMENTS; how++) printf(" %s |", names[how]);
    printf("\n|--:|--:|--:|--:|--:|--:|--:|\n");
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        printf("| %u | %u |", rows[r][0], rows[r][1]);
        for (int how = 0; how < PLACEMENTS; how++) {
            unsigned size = rows[r][0];
            while (!holds(how, size, rows[r][0], rows[r][1])) size++;
            states += known;
            printf(" %u |", size);
            fflush(stdout);
        }
        printf("\n");
    }
    printf("(%lu states)\n", states);
}
