/* The loads that bench.py measures, over one family (-DTSP_V=...), sized heap, natural alignment up to 8.
 *
 *     driver trace HEAP FILE     replays a plain trace
 *     driver spread HEAP FILE    the same; prints a hundred times the mean number of holes, and for each call how many
 *                                took below 3, 3, 4..5, 6..7, 8..11, 12..15, ... instructions
 *     driver full HEAP LOW HIGH  random objects of 4 to 256 bytes in a heap that is LOW to HIGH per cent full
 *     driver churn HEAP LIVE WARM  replaces random ones among LIVE objects of 16 to 128 bytes, WARM times before it
 *                                counts
 *     driver heaps HEAP COUNT    fills that many heaps in turn with objects of 8 to 64 bytes and resets them; prints
 * bytes of a handle, objects, bytes in them, and instructions to make, fill and reset them all
 *
 * Built two ways. Under callgrind (-DUNDER_CALLGRIND) counting begins with the load, and bench.py reads what each call
 * from do_alloc, do_dealloc and do_resize took. Or linked with a library that count.py has made count its own
 * instructions: then the slowest call and the mean are known here, exactly and without the copies, which libc does. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "teaspoon.h"

#ifdef UNDER_CALLGRIND
#include <valgrind/callgrind.h>
static uint32_t tsp_count;
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
extern uint32_t tsp_count;
uint32_t tsp_count;
#endif

#define PASTE2(a, b) a##_##b
#define PASTE(a, b) PASTE2(a, b)
#define V_(name) PASTE(TSP_V, name)

typedef struct object {
    void *at;
    size_t size;
} object;

typedef struct op {
    char kind;
    uint32_t id;
    size_t size;
} op;

static TSP_V spoon;
static object *objects;
static unsigned long ops, slowest_op, failed;
static uint32_t slowest;
static unsigned long long sum;

static void die(const char *what) {
    fprintf(stderr, "driver: %s (operation %lu)\n", what, ops);
    exit(1);
}

static size_t natural(size_t size) {
    size_t align = 8;
    while (align > 1 && align > size) align /= 2;
    return align;
}

/* -- The three calls, and what each took --------------------------------------------------------------------------- */

enum { ALLOC, DEALLOC, RESIZE, CALLS, STEPS = 64 };
static unsigned long spread[CALLS][STEPS];

static void count_from(uint32_t before, int call) {
    uint32_t took = tsp_count - before, top = took;
    int step = 0;
    while (top > 3) {
        top >>= 1;
        step += 2;
    }
    spread[call][top == 3 ? step + 1 : step]++;
    ops++;
    sum += took;
    if (took > slowest) {
        slowest = took;
        slowest_op = ops;
    }
}

__attribute__((noinline)) static int do_alloc(object *o, size_t size) {
    uint32_t before = tsp_count;
    o->at = V_(alloc)(&spoon, size, natural(size));
    count_from(before, ALLOC);
    o->size = size;
    return o->at != NULL;
}

__attribute__((noinline)) static int do_resize(object *o, size_t size) {
    uint32_t before = tsp_count;
    void *at = V_(resize)(&spoon, o->at, o->size, size, natural(size));
    count_from(before, RESIZE);
    if (at == NULL) return 0;
    o->at = at;
    o->size = size;
    return 1;
}

__attribute__((noinline)) static void do_dealloc(object *o) {
    uint32_t before = tsp_count;
    tsp_status status = V_(dealloc)(&spoon, o->at, o->size, natural(o->size));
    count_from(before, DEALLOC);
    if (status != TSP_OK) die(tsp_status_text(status));
}

/* -- Loads --------------------------------------------------------------------------------------------------------- */

static uint32_t random_below(uint32_t n) { /* xorshift32 (Marsaglia 2003); always the same sequence */
    static uint32_t x = 2463534242u;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x % n;
}

static void begin(void) {
    ops = failed = slowest_op = 0;
    sum = slowest = 0;
    CALLGRIND_START_INSTRUMENTATION;
}

static int one_more_hole(void *holes, void *at, size_t size, tsp_kind kind) {
    (void)at;
    (void)size;
    *(unsigned long long *)holes += kind == TSP_HOLE;
    return 0;
}

static void trace(const char *name, int show_spread) {
    enum { NOW_AND_THEN = 13 }; /* operations from one count of the holes to the next */
    size_t n = 0, room = 1 << 20, i;
    unsigned long long holes = 0;
    uint32_t ids = 0;
    op *list = malloc(room * sizeof *list);
    char line[256];
    FILE *f = fopen(name, "r");
    if (f == NULL || list == NULL) die("no trace, or no memory for it");
    while (fgets(line, sizeof line, f)) {
        char *p = line + 1;
        op *o = &list[n];
        if (line[0] != 'a' && line[0] != 'r' && line[0] != 'f') continue;
        if (++n == room) die("the trace is too long");
        o->kind = line[0];
        o->id = (uint32_t)strtoul(p, &p, 10);
        o->size = o->kind == 'f' ? 0 : (size_t)strtoul(p, &p, 10);
        if (o->id >= ids) ids = o->id + 1;
    }
    fclose(f);
    objects = calloc(ids + 1, sizeof *objects);
    if (objects == NULL) die("no memory");
    begin();
    for (i = 0; i < n; i++) {
        op *o = &list[i];
        object *x = &objects[o->id];
        if (o->kind == 'f') do_dealloc(x);
        else if (!(o->kind == 'a' ? do_alloc(x, o->size) : do_resize(x, o->size))) die("the heap is too small");
        if (show_spread && i % NOW_AND_THEN == 0) V_(walk)(&spoon, one_more_hole, &holes);
    }
    if (!show_spread) return;
    printf("%llu\n", holes * 100 / ((n + NOW_AND_THEN - 1) / NOW_AND_THEN));
    for (int call = 0; call < CALLS; call++)
        for (i = 0; i < STEPS; i++) printf("%lu%c", spread[call][i], i < STEPS - 1 ? ' ' : '\n');
}

/* One operation of `full`: allocates, frees or resizes so that the heap stays low to high per cent full. */
static size_t live, used;
static void step(size_t total, size_t low, size_t high) {
    object *o = &objects[live ? random_below((uint32_t)live) : 0];
    size_t size = 4 + random_below(253), before = o->size;
    uint32_t coin = random_below(16);
    if (used * 100 > total * high || (used * 100 > total * low && coin < 7)) {
        do_dealloc(o);
        used -= before;
        *o = objects[--live];
    } else if (coin == 15 && live) {
        if (do_resize(o, size)) used += size - before;
        else failed++;
    } else if (do_alloc(&objects[live], size)) {
        live++;
        used += size;
    } else {
        failed++;
        o = &objects[random_below((uint32_t)live)]; /* make room, as a program would */
        used -= o->size;
        do_dealloc(o);
        *o = objects[--live];
    }
}

static void full(size_t total, size_t low, size_t high) {
    unsigned long i;
    objects = calloc(total / 4, sizeof *objects);
    if (objects == NULL) die("no memory");
    for (i = 0; i < 20000; i++) step(total, low, high);
    begin();
    while (ops < 5000) step(total, low, high);
}

static void fill(object *o) {
    while (!do_alloc(o, 16 + random_below(113)))
        if (++failed > 1000) die("the heap is too small");
}

static void replace(size_t n) {
    object *o = &objects[random_below((uint32_t)n)];
    do_dealloc(o);
    fill(o);
}

static void churn(size_t n, size_t warm) {
    size_t i;
    objects = calloc(n, sizeof *objects);
    if (objects == NULL) die("no memory");
    for (i = 0; i < n; i++) fill(&objects[i]);
    for (i = 0; i < warm; i++) replace(n);
    begin();
    while (ops < 20000) replace(n);
}

static void heaps(unsigned char *memory, size_t bytes, size_t count) {
    unsigned long long made = 0, filled = 0, reset = 0, held = 0, number = 0;
    TSP_V *many = calloc(count, sizeof *many);
    uint32_t before;
    if (many == NULL) die("no memory");
    begin();
    for (size_t i = 0; i < count; i++) {
        before = tsp_count;
        V_(init_sized)(&many[i], memory + i * bytes, bytes);
        made += tsp_count - before;
    }
    for (size_t i = 0; i < count; i++) {
        size_t size = 8 + random_below(57);
        for (;; size = 8 + random_below(57)) {
            const void *at;
            before = tsp_count;
            at = V_(alloc)(&many[i], size, natural(size));
            filled += tsp_count - before;
            if (at == NULL) break;
            number++;
            held += size;
        }
    }
    for (size_t i = 0; i < count; i++) {
        before = tsp_count;
        V_(reset)(&many[i]);
        reset += tsp_count - before;
    }
    printf("%zu %llu %llu %llu %llu %llu\n", sizeof *many, number, held, made, filled, reset);
}

int main(int argc, char **argv) {
    const char *load = argc > 2 ? argv[1] : "";
    size_t n[3] = {0, 0, 0}, bytes; /* the numbers among the arguments */
    void *memory;
    tsp_report r;
    for (int i = 2; i < argc && i < 5; i++) n[i - 2] = (size_t)strtoul(argv[i], NULL, 10);
    bytes = strcmp(load, "heaps") == 0 ? n[0] * n[1] : n[0];
    memory = bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL;
    if (memory == NULL || V_(init_sized)(&spoon, memory, bytes) == 0) die("no heap");
    if (argc == 4 && strcmp(load, "trace") == 0) trace(argv[3], 0);
    else if (argc == 4 && strcmp(load, "spread") == 0) trace(argv[3], 1);
    else if (argc == 5 && strcmp(load, "full") == 0) full(bytes, n[1], n[2]);
    else if (argc == 5 && strcmp(load, "churn") == 0) churn(n[1], n[2]);
    else if (argc == 4 && strcmp(load, "heaps") == 0) return heaps(memory, n[0], n[1]), 0;
    else die("see the top of driver.c");
    CALLGRIND_STOP_INSTRUMENTATION;
    r = V_(check)(&spoon);
    if (r.status != TSP_OK) die(r.what);
    printf("%lu %llu %lu %lu %lu\n", ops, sum, (unsigned long)slowest, slowest_op, failed);
    return 0;
}
