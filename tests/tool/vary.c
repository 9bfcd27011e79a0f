/* Variations of drawn traces, and the heap that serves them, against what vary.h and vary.c's picture promise: told
 * apart by the lines that operations keep, and searched for one by one. SPDX-License-Identifier: BSD-3-Clause */
#include "replay.h"
#include "say.h"
#include "search.h"
#include "vary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;
static const char *now = "";

static void ok(int condition, const char *what, size_t a, size_t b) {
    passed += condition != 0;
    failed += !condition;
    if (condition) return;
    printf("FAILED: %s: %s (%zu, %zu)\n", now, what, a, b);
    if (getenv("TSP_TEST_STOP")) exit(1);
}

static uint32_t drawn(uint32_t below) {
    static uint64_t state = 2026;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}

enum { MOST = 4000 };

static op *ops;
static trace t;

static void begin(const char *name) {
    now = name;
    t = (trace){.name = "drawn", .largest_align = 1};
}
static void put(char kind, uint32_t id, size_t size) {
    t.ops = ops = need(realloc(ops, (t.count + 1) * sizeof *ops)); /* so that a sanitizer knows its end */
    ops[t.count] = (op){size, id, (uint32_t)t.count + 1, 1, kind};
    t.count++;
    if (kind == 'a') t.ids++;
}

/* So many objects, of which at most `live` are alive at once, and some are never freed. */
static void draw_trace(uint32_t objects, uint32_t live, size_t largest) {
    uint32_t alive[MOST], n = 0, kept = 0;
    char keep[MOST] = {0};
    while (t.ids < objects) {
        const uint32_t what = drawn(8);
        if (n == 0 || (what < 4 && n < live)) {
            alive[n++] = t.ids;
            if (kept < live / 3 && drawn(12) == 0) keep[t.ids] = 1, kept++;
            put('a', t.ids, drawn((uint32_t)largest) + 1);
        } else if (what == 4) {
            put('r', alive[drawn(n)], drawn((uint32_t)largest) + 1);
        } else {
            const uint32_t i = drawn(n);
            if (keep[alive[i]]) continue;
            put('f', alive[i], 0);
            alive[i] = alive[--n];
        }
    }
}

/* -- What a variation is ------------------------------------------------------------------------------------------- */

typedef struct step {
    uint32_t line, run; /* of the recording, 0: freed by the restart; the first run of the program, or the second */
} step;

static size_t rounded(size_t size) {
    return (size + TSP_ROUND - 1) / TSP_ROUND * TSP_ROUND;
}

/* Where the recording is fullest: its peak, and the operation that makes it. */
static size_t peak_of(size_t *at) {
    size_t size[MOST] = {0}, live = 0, peak = 0;
    for (size_t i = 0; i < t.count; i++) {
        live += rounded(ops[i].size) - size[ops[i].id];
        size[ops[i].id] = rounded(ops[i].size);
        if (live > peak) peak = live, *at = i;
    }
    return peak;
}

/* The program restarted after `when` operations, in the recording's order: its steps, how many, and its peak. */
static size_t restarted(size_t when, step *to, size_t *peak) {
    size_t at = 0, n = 0, live = 0, size[2][MOST] = {{0}};
    char freed[MOST] = {0}, first[MOST] = {0};
    *peak = 0;
    peak_of(&at);
    for (size_t i = 0; i < t.count; i++) freed[ops[i].id] |= ops[i].kind == 'f';
    for (size_t i = 0; i < when; i++) {
        to[n++] = (step){ops[i].line, 0};
        first[ops[i].id] = ops[i].kind != 'f';
        live += rounded(ops[i].size) - size[0][ops[i].id];
        size[0][ops[i].id] = rounded(ops[i].size);
        if (live > *peak) *peak = live;
    }
    for (uint32_t id = 0; id < t.ids; id++) {
        size_t born = 0;
        while (ops[born].id != id) born++;
        if (first[id] && (freed[id] || born > at)) {
            to[n++] = (step){0, 0};
            live -= size[0][id];
            first[id] = 0;
        }
    }
    for (size_t i = 0; i < t.count; i++) {
        const uint32_t id = ops[i].id;
        size_t *now_size = &size[!first[id]][id];
        if (first[id] && ops[i].kind == 'a') continue; /* it is there already */
        to[n++] = (step){ops[i].line, 1};
        live += rounded(ops[i].size) - *now_size;
        *now_size = rounded(ops[i].size);
        if (live > *peak) *peak = live;
    }
    return n;
}

static size_t swaps, neighbours;

/* Whether the variation has these steps in this order, but for neighbours that are swapped. */
static int same_but_for_swaps(const trace *v, const step *steps, size_t n, int count) {
    size_t swapped = 0;
    if (v->count != n) return 0;
    for (size_t i = 0; i < n; i++) {
        if (v->ops[i].line == steps[i].line) continue;
        if (i + 1 == n || v->ops[i].line != steps[i + 1].line || v->ops[i + 1].line != steps[i].line) return 0;
        swapped++;
        i++;
    }
    if (count) swaps += swapped, neighbours += n;
    return 1;
}

static char offs[101];

/* Every operation is allowed where it is, no ID is higher than objects there can be at once, and each object's sizes are
 * those of the recording with one factor from 0.95 to 1.05, rounded to the nearest. */
static int is_a_run(const trace *v) {
    int live[2 * MOST] = {0}, low[2 * MOST], high[2 * MOST];
    uint32_t n = 0, most = 0;
    for (size_t i = 0; i < v->count; i++) {
        const op *o = &v->ops[i];
        if (o->id >= v->ids || live[o->id] != (o->kind != 'a')) return 0;
        if (o->kind == 'a') low[o->id] = 0, high[o->id] = 100;
        if (o->kind == 'a' && ++n > most) most = n;
        live[o->id] = o->kind != 'f';
        n -= o->kind == 'f';
        if (o->line == 0 && (o->kind != 'f' || o->align != 1 || o->size)) return 0;
        if (o->line == 0) continue;
        if (o->kind != ops[o->line - 1].kind || o->align != ops[o->line - 1].align) return 0;
        while (low[o->id] <= 100 && (ops[o->line - 1].size * (size_t)(950 + low[o->id]) + 500) / 1000 < o->size) low[o->id]++;
        while (high[o->id] >= 0 && (ops[o->line - 1].size * (size_t)(950 + high[o->id]) + 500) / 1000 > o->size) high[o->id]--;
        if (low[o->id] > high[o->id]) return 0;
        if (low[o->id] == high[o->id]) offs[low[o->id]] = 1;
    }
    return most == v->ids;
}

/* Which restarts the variations were. */
static void variations(uint32_t count, size_t *halves) {
    static step plain[MOST], steps[2 * MOST];
    const size_t peak = peak_of(&(size_t){0});
    for (size_t i = 0; i < t.count; i++) plain[i] = (step){ops[i].line, 0};
    for (uint32_t n = 0; n < count; n++) {
        trace v = vary(&t, n), again = vary(&t, n);
        ok(v.count == again.count && memcmp(v.ops, again.ops, v.count * sizeof *v.ops) == 0, "the same again", n, v.count);
        ok(is_a_run(&v), "a run of a program", n, v.count);
        if (n % 4 != 3) {
            ok(same_but_for_swaps(&v, plain, t.count, 1), "all operations once", n, v.count);
        } else {
            size_t fitting = 0, when, most = 0;
            for (when = 0; when <= t.count; when++) {
                const size_t steps_of = restarted(when, steps, &most);
                if (!same_but_for_swaps(&v, steps, steps_of, 0)) continue;
                fitting++;
                if (most * 20 <= peak * 21) halves[when * 2 > t.count]++;
                ok(most * 1000 <= peak * 1051, "no burden that the program never carries", most, peak);
                break;
            }
            ok(fitting || same_but_for_swaps(&v, plain, t.count, 0), "a restart, or none", n, v.count);
        }
        trace_drop(&v);
        trace_drop(&again);
    }
}

/* -- The heap that serves them ------------------------------------------------------------------------------------- */

static int holds(const trace *v, const fit *least, int sized, size_t bytes) {
    replay r;
    int does = 1;
    replay_open(&r, v, least->family, sized);
    replay_begin(&r, bytes);
    for (size_t i = 0; i < v->count && does; i++) does = replay_do(&r, &v->ops[i]) == TSP_OK;
    replay_close(&r);
    return does;
}

static int falling(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x < y) - (x > y);
}

/* By the definition: for each variation the first step from which three in a row will do; then their order. */
static void margins(uint32_t count, const char *family, int sized) {
    const options how = {.family = family_named(family), .sized = sized, .variations = count};
    fit least;
    margin found;
    size_t needs[1000], step = 8, round = 1;
    t.peak = peak_of(&(size_t){0});
    least = fit_in_threads(&t, &how, 1);
    found = find_margin(&t, &least, &how);
    while (step * 2 <= least.heap / 64 + 8) step *= 2;
    for (uint32_t n = 0; n < count; n++) {
        trace v = vary(&t, n);
        size_t heap = (least.heap + step - 1) / step * step;
        while (!holds(&v, &least, sized, heap) || !holds(&v, &least, sized, heap + step) || !holds(&v, &least, sized, heap + 2 * step))
            heap += step;
        needs[n] = heap;
        trace_drop(&v);
    }
    qsort(needs, count, sizeof *needs, falling);
    ok(found.all == needs[0], "all of them pass", found.all, needs[0]);
    ok(found.most == needs[count / 100], "99 in 100 pass", found.most, needs[count / 100]);
    while (round * 32 <= needs[0] + 128) round *= 2; /* 1/16 to 1/32 of it */
    ok(found.give == (found.all + round - 1) / round * round, "a round number, not below", found.give, found.all);
}

int main(void) {
    size_t halves[2] = {0, 0}, all_offs = 0;
    for (unsigned i = 0; i < 6; i++) {
        begin("drawn trace");
        draw_trace(i == 0 ? 40 : 120, 5 + 7 * i, 3000000);
        variations(60, halves);
    }
    ok(halves[0] > 3 && halves[1] > 3, "restarts early and late", halves[0], halves[1]);
    ok(swaps * 100 > neighbours * 9 && swaps * 100 < neighbours * 13, "one in eight swapped", swaps, neighbours);
    for (int i = 0; i <= 100; i++) all_offs += offs[i] != 0;
    ok(all_offs == 101, "every size that is 5 % off, or less", all_offs, 101);

    /* What stays is larger at the end: a restart has 4 % more than the peak, or 6 %. */
    for (unsigned burden = 4; burden <= 7; burden++) {
        size_t refused = 0;
        begin("a burden");
        put('a', 0, 80000);
        put('a', 1, 720000);
        put('f', 1, 0);
        put('r', 0, 80000 + burden * 8000);
        for (unsigned i = 0; i < 60; i++) { /* so that most restarts come after that */
            put('a', 2 + i, 8);
            put('f', 2 + i, 0);
        }
        for (uint32_t n = 3; n < 100; n += 4) {
            trace v = vary(&t, n);
            refused += v.count == t.count;
            trace_drop(&v);
        }
        ok(burden <= 5 ? refused == 0 : refused > 20, "no restart that is a burden", refused, burden);
    }
    printf("%zu swaps of %zu, restarts %zu and %zu\n", swaps, neighbours, halves[0], halves[1]);

    for (unsigned i = 0; i < 40; i++) {
        static const uint32_t counts[] = {1, 2, 30, 99, 100, 250};
        begin("a drawn program's heap");
        draw_trace(60, 4 + i, i % 2 ? 200 : 12 + 30 * i);
        margins(counts[i % 6], i % 3 == 2 ? "16m" : i % 3 ? "128k" : "4k", i % 2 == 0);
    }
    for (size_t size = 1; size < 2100; size += size < 440 ? 30 : 8) {
        begin("one object");
        put('a', 0, size);
        margins(1 + (uint32_t)size % 3, "4k", 1);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
