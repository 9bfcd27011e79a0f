/* The loads that bench.py measures, over one family (-DTSP_V=...). KIND: "sized" is layout calls in a sized heap with
 * natural alignment up to 8; "malloc" is the C library's calls in a heap that remembers sizes.
 *
 *     driver KIND trace HEAP FILE      replays a plain trace
 *     driver KIND spread HEAP FILE     the same; prints a hundred times the mean number of holes, and for each call how
 *                                      many took below 3, 3, 4..5, 6..7, 8..11, 12..15, ... instructions
 *     driver KIND full HEAP LOW HIGH RESIZES
 *                                      random objects of 4 to 256 bytes in a heap that is LOW to HIGH per cent full;
 *                                      RESIZES of 16 operations resize
 *     driver KIND churn HEAP LIVE WARM replaces random ones among LIVE objects of 16 to 128 bytes, WARM times before it
 *                                      counts
 *     driver KIND holes HEAP HOLE BETWEEN WANT ALIGN FIRST
 *                                      an adversary: objects of HOLE and BETWEEN bytes in turn fill the heap (the very
 *                                      first has FIRST), those of HOLE are freed, then come requests of WANT bytes
 *                                      aligned to ALIGN, resizes and frees; then all is freed
 *     driver KIND among HEAP HOLE COUNT
 *                                      calls among that many holes of HOLE bytes, which stay as many
 *
 * Prints operations, instructions, those of copies, the slowest alloc, dealloc and resize without their copies,
 * and requests that found no memory.
 *
 * Built three ways. Linked with a library that count.py has made count its own instructions: then each call's are known
 * here, exactly. Under callgrind (-DUNDER_CALLGRIND) counting begins with the load, and instructions.py reads what
 * each call from do_alloc, do_dealloc and do_resize took. On a Cortex-M that QEMU emulates (-DUNDER_QEMU) a clock that
 * runs with the instructions is read before and after a trace, and again with calls that do nothing. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "teaspoon.h"

#ifdef UNDER_CALLGRIND
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#endif
extern volatile uint32_t tsp_count, tsp_copies;
volatile uint32_t tsp_count, tsp_copies;

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

enum { ALLOC, DEALLOC, RESIZE, CALLS, STEPS = 64 };

static TSP_V spoon;
static int remembers;
static object *objects;
static size_t live; /* of them */
static unsigned long ops, failed;
static uint32_t slowest[CALLS];
static unsigned long spread[CALLS][STEPS];
static unsigned long long sum, copies;

static void die(const char *what) {
    fprintf(stderr, "driver: %s (operation %lu)\n", what, ops);
    exit(1);
}

static object *room_for(size_t n) {
    object *o = calloc(n + 1, sizeof *o);
    if (o == NULL) die("no memory");
    return o;
}

static size_t natural(size_t size) {
    size_t align = 8;
    while (align > 1 && align > size) align /= 2;
    return align;
}

/* -- The calls, and what each took --------------------------------------------------------------------------------- */

/* Through pointers, so that calls that do nothing can take their place. */
static struct calls {
    void *(*alloc)(TSP_V *, size_t, size_t);
    tsp_status (*dealloc)(TSP_V *, void *, size_t, size_t);
    void *(*resize)(TSP_V *, void *, size_t, size_t, size_t);
    void *(*malloc)(TSP_V *, size_t);
    void (*free)(TSP_V *, void *);
    void *(*realloc)(TSP_V *, void *, size_t);
} call = {V_(alloc), V_(dealloc), V_(resize), V_(malloc), V_(free), V_(realloc)};

#ifdef UNDER_QEMU
#define SYSTICK ((volatile uint32_t *)0xE000E010) /* control, reload, current: counts 24 bits down */
enum { TICKS = 0xFFFFFF, INSTRUCTIONS = 40 };     /* a tick, at 25 MHz and one instruction a nanosecond */
static void start_clock(void) {
    SYSTICK[1] = TICKS;
    SYSTICK[2] = 0;
    SYSTICK[0] = 5;
}
#define NOW (TICKS - SYSTICK[2])
#define SINCE(then) (((NOW - (then)) & TICKS) * INSTRUCTIONS)
#else
static void start_clock(void) {}
#define NOW tsp_count
#define SINCE(then) (NOW - (then))
#endif

static uint32_t before, copied;
#define BEFORE (copied = tsp_copies, before = NOW)

static void count(int kind) {
    uint32_t since = SINCE(before), copy = tsp_copies - copied, took = since - copy, top = took;
    int step = 0;
    while (top > 3) {
        top >>= 1;
        step += 2;
    }
    spread[kind][top == 3 ? step + 1 : step]++;
    ops++;
    sum += took;
    copies += copy;
    if (took > slowest[kind]) slowest[kind] = took;
}

__attribute__((noinline)) static int do_alloc(object *o, size_t size, size_t align) {
    o->size = size;
    BEFORE;
    if (!remembers) o->at = call.alloc(&spoon, size, align);
    else if (align <= 8) o->at = call.malloc(&spoon, size);
    else o->at = V_(aligned_alloc)(&spoon, align, size);
    count(ALLOC);
    return o->at != NULL;
}

static int make(object *o, size_t size) {
    return do_alloc(o, size, natural(size));
}

__attribute__((noinline)) static int do_resize(object *o, size_t size) {
    void *at;
    BEFORE;
    at = remembers ? call.realloc(&spoon, o->at, size) : call.resize(&spoon, o->at, o->size, size, natural(size));
    count(RESIZE);
    if (at == NULL) return 0;
    o->at = at;
    o->size = size;
    return 1;
}

__attribute__((noinline)) static void do_dealloc(object *o) {
    tsp_status status = TSP_OK;
    BEFORE;
    if (remembers) call.free(&spoon, o->at);
    else status = call.dealloc(&spoon, o->at, o->size, natural(o->size));
    count(DEALLOC);
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
    ops = failed = 0;
    sum = copies = 0;
    memset(slowest, 0, sizeof slowest);
    start_clock();
    CALLGRIND_START_INSTRUMENTATION;
}

static int one_more_hole(void *holes, void *at, size_t size, tsp_kind kind) {
    (void)at;
    (void)size;
    *(unsigned long long *)holes += kind == TSP_HOLE;
    return 0;
}

static void replay(const op *list, size_t n, unsigned long long *holes) {
    enum { NOW_AND_THEN = 13 }; /* operations from one count of the holes to the next */
    for (size_t i = 0; i < n; i++) {
        const op *o = &list[i];
        object *x = &objects[o->id];
        if (o->kind == 'f') do_dealloc(x);
        else if (!(o->kind == 'a' ? make(x, o->size) : do_resize(x, o->size))) die("the heap is too small");
        if (holes && i % NOW_AND_THEN == 0) V_(walk)(&spoon, one_more_hole, holes);
    }
    if (holes) *holes = *holes * 100 / ((n + NOW_AND_THEN - 1) / NOW_AND_THEN);
}

#ifdef UNDER_QEMU
/* Calls that do nothing, in two instructions. */
static void *no_alloc(TSP_V *spoon_, size_t size, size_t align) {
    return (void)spoon_, (void)size, (void)align, (void *)8;
}
static tsp_status no_dealloc(TSP_V *spoon_, void *at, size_t size, size_t align) {
    return (void)spoon_, (void)at, (void)size, (void)align, TSP_OK;
}
static void *no_resize(TSP_V *spoon_, void *at, size_t was, size_t is, size_t align) {
    return (void)spoon_, (void)at, (void)was, (void)is, (void)align, (void *)8;
}
static void *no_malloc(TSP_V *spoon_, size_t size) {
    return (void)spoon_, (void)size, (void *)8;
}
static void no_free(TSP_V *spoon_, void *at) {
    (void)spoon_, (void)at;
}
static void *no_realloc(TSP_V *spoon_, void *at, size_t size) {
    return (void)spoon_, (void)at, (void)size, (void *)8;
}

static unsigned long long timed(const op *list, size_t n) {
    start_clock();
    replay(list, n, NULL);
    if (SYSTICK[0] >> 16 & 1) die("the trace is too long for the clock");
    return (unsigned long long)NOW * INSTRUCTIONS;
}

static void measure(const op *list, size_t n) {
    const unsigned long long took = timed(list, n);
    call = (struct calls){no_alloc, no_dealloc, no_resize, no_malloc, no_free, no_realloc};
    sum = took + 2 * n - timed(list, n);
    ops = (unsigned long)n;
}
#else
static void measure(const op *list, size_t n) {
    replay(list, n, NULL);
}
#endif

static void trace(const char *name, int show_spread) {
    size_t n = 0, room = 1 << 19;
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
    objects = room_for(ids);
    begin();
    if (!show_spread) {
        measure(list, n);
        return;
    }
    replay(list, n, &holes);
    printf("%llu\n", holes);
    for (int kind = 0; kind < CALLS; kind++)
        for (int i = 0; i < STEPS; i++) printf("%lu%c", spread[kind][i], i < STEPS - 1 ? ' ' : '\n');
}

/* Takes one of the live objects away. */
static size_t drop(size_t i) {
    size_t size = objects[i].size;
    do_dealloc(&objects[i]);
    objects[i] = objects[--live];
    return size;
}

static size_t any(void) {
    return random_below((uint32_t)live);
}

/* One operation of `full`: allocates, frees or resizes so that the heap stays low to high per cent full. */
static size_t used;
static void step(size_t total, size_t low, size_t high, size_t resizes) {
    size_t i = live ? any() : 0, size = 4 + random_below(253), was = objects[i].size;
    uint32_t coin = random_below(16);
    if (used * 100 > total * high || (used * 100 > total * low && coin < 7)) {
        used -= drop(i);
    } else if (coin >= 16 - resizes && live) {
        if (do_resize(&objects[i], size)) used += size - was;
        else failed++;
    } else if (make(&objects[live], size)) {
        live++;
        used += size;
    } else {
        failed++;
        used -= drop(any()); /* make room, as a program would */
    }
}

static void full(size_t total, size_t low, size_t high, size_t resizes) {
    const size_t warm = 20000 + total / 64;
    objects = room_for(total / 4);
    for (size_t i = 0; i < warm; i++) step(total, low, high, resizes);
    begin();
    while (ops < 50000) step(total, low, high, resizes);
}

static void fill(object *o) {
    while (!make(o, 16 + random_below(113)))
        if (++failed > 1000) die("the heap is too small");
}

static void replace(size_t n) {
    object *o = &objects[random_below((uint32_t)n)];
    do_dealloc(o);
    fill(o);
}

static void churn(size_t n, size_t warm) {
    objects = room_for(n);
    for (size_t i = 0; i < n; i++) fill(&objects[i]);
    for (size_t i = 0; i < warm; i++) replace(n);
    begin();
    while (ops < 20000) replace(n);
}

/* Objects of `hole` and `between` bytes in turn, as many as there is room for or `most` pairs; then those of `hole` are
 * freed in any order. */
static void make_holes(size_t bytes, size_t hole, size_t between, size_t most) {
    const size_t room = bytes / 4 / (hole / 4 + between / 4) + 1;
    object *holes = room_for(room);
    size_t n = 0;
    if (!objects) objects = room_for(2 * room + 100000);
    while (n < most && make(&holes[n], hole)) {
        n++;
        if (!make(&objects[live], between)) break;
        live++;
    }
    while (n) {
        const size_t i = random_below((uint32_t)n);
        do_dealloc(&holes[i]);
        holes[i] = holes[--n];
    }
    free(holes);
}

static void adversary(size_t bytes, const size_t *n) {
    const size_t hole = n[0], between = n[1], want = n[2], align = n[3], first = n[4];
    begin();
    objects = room_for(bytes / 4);
    if (first && make(&objects[live], first)) live++;
    make_holes(bytes, hole, between, bytes);
    for (int i = 0; i < 20000 && live; i++) {
        const uint32_t coin = random_below(8);
        if (coin < 4) {
            if (do_alloc(&objects[live], want, align)) live++;
            else if (++failed % 8 == 0) drop(any());
        } else if (coin < 6) {
            if (!do_resize(&objects[any()], 1 + random_below((uint32_t)(2 * (hole + between))))) failed++;
        } else {
            drop(any());
            if (coin == 6 && make(&objects[live], between)) live++;
        }
    }
    while (live) drop(any());
}

/* What is allocated here is given back at once, so that the holes stay as many. */
static void among(size_t bytes, size_t hole, size_t count_) {
    static const size_t sizes[] = {200, 8, 16, 24, 32, 48, 64, 1000};
    objects = room_for(count_ + 1000);
    make_holes(bytes, hole, 8, count_);
    if (live != count_) die("the heap is too small");
    begin();
    while (ops < 20000) {
        object *o = &objects[live];
        const size_t size = sizes[random_below(sizeof sizes / sizeof *sizes)];
        if (!make(o, size) || !do_resize(o, size + 8 * random_below(8))) die("the heap is too small");
        do_dealloc(o);
    }
}

static int run(int argc, char **argv) {
    const char *load = argc > 4 ? argv[2] : "", *file = argc > 4 ? argv[4] : "";
    size_t n[6] = {0}; /* the numbers among the arguments */
    size_t bytes;
    char *memory;
    tsp_report r;
    for (int i = 3; i < argc && i < 9; i++) n[i - 3] = (size_t)strtoul(argv[i], NULL, 10);
    bytes = n[0];
    remembers = argc > 1 && strcmp(argv[1], "malloc") == 0;
    memory = malloc(bytes + 64);
    if (memory == NULL) die("no memory");
    memory += 64 - (uintptr_t)memory % 64;
    if ((remembers ? V_(init)(&spoon, memory, bytes) : V_(init_sized)(&spoon, memory, bytes)) == 0) die("no heap");
    if (strcmp(load, "trace") == 0) trace(file, 0);
    else if (strcmp(load, "spread") == 0) trace(file, 1);
    else if (strcmp(load, "full") == 0) full(bytes, n[1], n[2], n[3]);
    else if (strcmp(load, "churn") == 0) churn(n[1], n[2]);
    else if (strcmp(load, "holes") == 0) adversary(bytes, n + 1);
    else if (strcmp(load, "among") == 0) among(bytes, n[1], n[2]);
    else die("see the top of driver.c");
    CALLGRIND_STOP_INSTRUMENTATION;
    r = V_(check)(&spoon);
    if (r.status != TSP_OK) die(r.what);
    printf("%lu %llu %llu %lu %lu %lu %lu\n", ops, sum, copies, (unsigned long)slowest[ALLOC],
           (unsigned long)slowest[DEALLOC], (unsigned long)slowest[RESIZE], failed);
    return 0;
}

#ifdef UNDER_QEMU
/* board.c calls main without arguments: what QEMU was given as arg=, cut at spaces. */
static char **arguments(int *argc) {
    static char text[256], *words[10];
    struct {
        char *at;
        uint32_t size;
    } where = {text, sizeof text};
    register uint32_t get_command_line __asm__("r0") = 0x15;
    register void *block __asm__("r1") = &where;
    __asm__ volatile("bkpt 0xAB" : "+r"(get_command_line) : "r"(block) : "memory");
    *argc = 0;
    for (char *word = strtok(text, " "); word && *argc < 10; word = strtok(NULL, " ")) words[(*argc)++] = word;
    return words;
}
#endif

int main(int argc, char **argv) {
#ifdef UNDER_QEMU
    argv = arguments(&argc);
#endif
    return run(argc, argv);
}
