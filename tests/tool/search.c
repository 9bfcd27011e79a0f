/* The search for the smallest heap, over heaps that are none: which size succeeds is drawn here, so it is known what
 * the search must find, and in how many replays. Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"
#include "say.h"
#include "search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 17, BELOW = 4 * 17 * 8 };

/* Below `low` every size fails, from `high` on none, between them a size succeeds by chance (of 256). A heap that grows
 * needs `off` bytes more than one that is so large from the beginning, or less. */
typedef struct landscape {
    size_t low, high;
    unsigned chance, seed;
    long off;
} landscape;

static landscape now;
static size_t heaps; /* that were made */
static size_t most;  /* bytes that one may grow to */

/* In the handle's place. */
typedef struct fake {
    size_t bytes, done, off;
    unsigned char *memory;
} fake;
_Static_assert(sizeof(fake) <= sizeof(spoon), "it fits into a handle's place");

static uint64_t draw(size_t size) {
    uint64_t x = (size + now.seed * (uint64_t)4096) * 0x9E3779B97F4A7C15u;
    return (x ^ x >> 29) * 0xBF58476D1CE4E5B9u >> 40;
}

static int will_do(size_t size) {
    return size >= now.high || (size >= now.low && draw(size) % 256 < now.chance);
}

static size_t region(size_t usable, int sized) {
    (void)sized;
    return usable;
}

static size_t init(spoon *s, void *memory, size_t size, int sized) {
    const fake f = {size, 0, 0, memory};
    (void)sized;
    memcpy(s, &f, sizeof f);
    __atomic_add_fetch(&heaps, 1, __ATOMIC_RELAXED);
    return size;
}

static size_t extend(spoon *s, size_t size) {
    fake *f = (fake *)(void *)s;
    f->off = (size_t)now.off;
    f->bytes += size;
    if (f->bytes > most) abort();
    return f->bytes;
}

/* One that fails does so at one of the first 500 calls. */
static void *alloc(spoon *s, size_t size, size_t align) {
    fake *f = (fake *)(void *)s;
    const size_t bytes = f->bytes - f->off;
    (void)size, (void)align;
    if (f->done >= draw(bytes) % 500 && !will_do(bytes)) return NULL;
    f->done++;
    return f->memory;
}

static tsp_status dealloc(spoon *s, void *pointer, size_t size, size_t align) {
    (void)s, (void)pointer, (void)size, (void)align;
    return TSP_OK;
}

static const family heap = {.name = "none",
                            .round = 8,
                            .granule = 8,
                            .granules = 1 << 20,
                            .region = region,
                            .init = init,
                            .extend = extend,
                            .alloc = alloc,
                            .dealloc = dealloc};

/* `count` calls, of which the first makes the peak. */
static trace make(size_t count, size_t peak) {
    trace t = {.name = "drawn", .count = count, .ids = 1, .peak = peak, .largest_align = 1};
    t.ops = calloc(count, sizeof *t.ops);
    for (size_t i = 0; t.ops && i < count; i++) t.ops[i] = (op){i ? 1 : peak, 0, 1, 1, i % 2 ? 'f' : 'a'};
    return t;
}

static int window(size_t size) {
    for (int i = 0; i < WINDOW; i++)
        if (!will_do(size + 8 * (size_t)i)) return 0;
    return 1;
}

static int passed, failed;

static void ok(int condition, const char *what, size_t found) {
    passed += condition != 0;
    failed += !condition;
    if (condition) return;
    printf("FAILED: %s: %zu, in the landscape %zu to %zu, %u of 256, seed %u, off by %ld\n", what, found, now.low,
           now.high, now.chance, now.seed, now.off);
    if (getenv("TSP_TEST_STOP")) exit(1);
}

/* Short traces with a small peak: the first that will do. */
static void everything(size_t peak) {
    const options how = {.family = &heap, .sized = 1};
    const trace t = make(1001, peak);
    size_t first = peak;
    while (!window(first)) first += 8;
    ok(fit_in_threads(&t, &how, 1).heap == first, "is the first that will do", first);
    free(t.ops);
}

/* Others: one that will do, and nothing just below. */
static void around(size_t count, size_t peak, size_t threads) {
    const options how = {.family = &heap, .sized = 1};
    const trace t = make(count, peak);
    size_t found, below = 0;
    most = 2 * peak;
    found = fit_in_threads(&t, &how, 1).heap;
    ok(found >= peak && found <= now.high && found % 8 == 0 && window(found), "will do", found);
    for (size_t size = found; size > peak && found - size < BELOW; size -= 8) below += window(size - 8) != 0;
    ok(below == 0, "nothing below will do", found);
    if (threads > 1) {
        const size_t before = heaps;
        ok(fit_in_threads(&t, &how, threads).heap == found, "is the same with more threads", found);
        heaps = before; /* as many as the threads' race makes them */
    }
    free(t.ops);
}

static void beyond(size_t peak) {
    const options how = {.family = &heap, .sized = 1};
    const trace t = make(1001, peak);
    fit none;
    most = 8 << 20;
    none = fit_in_threads(&t, &how, 1);
    ok(*none.why != '\0', "there is none", none.heap);
    free(t.ops);
}

/* No heap of the family may be larger. */
static void limited(size_t peak, size_t limit) {
    family small = heap;
    const options how = {.family = &small, .sized = 1};
    const trace t = make(1001, peak);
    fit found;
    char why[160];
    small.granules = (uint32_t)(limit / 8);
    found = fit_in_threads(&t, &how, 1);
    snprintf(why, sizeof why, "drawn: the none variant cannot hold it; its largest heap has %s bytes", COMMAS(limit));
    if (now.low > limit) ok(strcmp(found.why, why) == 0, "is no heap", found.heap);
    else ok(*found.why == '\0' && found.heap == now.low && found.family == &small, "is the largest, or less", found.heap);
    free(t.ops);
}

int main(void) {
    static const long offs[] = {0, 300, -300, 3000, -3000, 40000, -40000};
    static const unsigned chances[] = {0, 60, 128, 200, 240};
    size_t small, large, islands;
    for (unsigned seed = 0; seed < 60; seed++) {
        now = (landscape){1000 + seed * 8, 1000 + seed * 8 + seed * 40, chances[seed % 5], seed, 0};
        everything(1000);
        if (seed % 4 == 0) everything(200 << 10);
    }
    small = heaps;
    for (unsigned seed = 0; seed < 350; seed++) {
        const size_t peak = 304000 + 304 * seed, low = peak + seed % 11 * 1000, wide = seed % 13 * 160;
        now = (landscape){low, low + wide, chances[seed % 5], seed, offs[seed % 7]};
        around(1001, peak, 1);
        if (seed % 10 == 0) around(50000, peak, 2 + seed / 10 % 3);
    }
    large = heaps - small;
    for (unsigned seed = 0; seed < 30; seed++) { /* islands */
        now = (landscape){306000, 360000, 240 + seed % 12, seed, 40000};
        around(1001, 304000, 1);
    }
    now = (landscape){304000, 304000, 0, 0, 0}; /* the least will do */
    around(1001, 304000, 1);
    now = (landscape){900000, 900000, 0, 0, 0}; /* more than twice the least */
    around(1001, 304000, 1);
    now = (landscape){120000, 121000, 0, 0, 0}; /* a small peak, but many calls */
    around(1000001, 100000, 1);
    islands = heaps - small - large;
    now = (landscape){8 << 20, 9 << 20, 0, 0, 0};
    beyond((8 << 20) - 400);
    beyond(300000);
    for (size_t limit = 1000; limit < 1300; limit += 8)
        for (now = (landscape){1008, 1008, 0, 0, 0}; now.low < 1330; now.low = now.high += 8) limited(1008, limit);
    printf("%zu replays of small traces, %zu of others, %zu among islands\n", small, large, islands);
    ok(small <= 2220 && large <= 14480 && islands <= 18236, "no more replays than it took", small + large + islands);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
