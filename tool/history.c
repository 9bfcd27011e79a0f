/* See history.h. SPDX-License-Identifier: BSD-3-Clause
 *
 * To ask the heap for its holes after each operation would cost a walk over them each time. So holes are kept here, as
 * spans of granules that follow from where the objects are: in time that grows with the logarithm of the heap, and
 * without a word from the engine, which the tests hold against this. */
#include "history.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

/* -- A set of numbers that finds its largest member up to n ------------------------------------------------------- */

/* Bits, and over each 64 of them one that says whether any is set. */
enum { LEVELS = 6 };
typedef struct set {
    uint64_t *level[LEVELS];
    size_t levels;
} set;

/* Of numbers up to `most`. */
static set set_of(size_t most) {
    set s = {.levels = 0};
    do {
        most /= 64;
        s.level[s.levels++] = need(calloc(most + 1, sizeof **s.level));
    } while (most > 0);
    return s;
}

static void set_drop(set *s) {
    while (s->levels > 0) free(s->level[--s->levels]);
}

static void put(set *s, size_t n) {
    for (size_t i = 0; i < s->levels; i++, n /= 64) s->level[i][n / 64] |= (uint64_t)1 << n % 64;
}

static void take_out(set *s, size_t n) {
    for (size_t i = 0; i < s->levels; i++, n /= 64)
        if (s->level[i][n / 64] &= ~((uint64_t)1 << n % 64)) return;
}

static size_t highest(uint64_t word) {
    size_t n = 0;
    for (size_t half = 32; half; half /= 2)
        if (word >> half) word >>= half, n += half;
    return n;
}

/* SIZE_MAX: there is none. */
static size_t last_up_to(const set *s, size_t n) {
    for (size_t i = 0;; i++) {
        uint64_t word = s->level[i][n / 64] & ~(uint64_t)0 >> (63 - n % 64);
        if (word) {
            n = n / 64 * 64 + highest(word);
            while (i-- > 0) n = n * 64 + highest(s->level[i][n]);
            return n;
        }
        if (n < 64) return SIZE_MAX; /* as in the last level */
        n = n / 64 - 1;
    }
}

/* -- Holes -------------------------------------------------------------------------------------------------------- */

typedef struct holes {
    set begins, sizes;
    uint32_t *end;     /* by where a hole begins */
    uint32_t *of_size; /* how many */
    size_t count, granules;
} holes;

static void add_hole(holes *h, size_t from, size_t to) {
    if (from == to) return;
    put(&h->begins, from);
    h->end[from] = (uint32_t)to;
    if (h->of_size[to - from]++ == 0) put(&h->sizes, to - from);
    h->count++;
}

static void remove_hole(holes *h, size_t from) {
    size_t size = h->end[from] - from;
    take_out(&h->begins, from);
    if (--h->of_size[size] == 0) take_out(&h->sizes, size);
    h->count--;
}

static void occupy(holes *h, size_t from, size_t to) {
    size_t begin = last_up_to(&h->begins, from), end;
    if (begin == SIZE_MAX || h->end[begin] < to) return; /* a heap that broke its promise; replay would tell */
    end = h->end[begin];
    remove_hole(h, begin);
    add_hole(h, begin, from);
    add_hole(h, to, end);
}

static void vacate(holes *h, size_t from, size_t to) {
    size_t before = last_up_to(&h->begins, from); /* none begins at `from` */
    if (last_up_to(&h->begins, to) == to) {
        size_t end = h->end[to];
        remove_hole(h, to);
        to = end;
    }
    if (before != SIZE_MAX && h->end[before] == from) {
        remove_hole(h, before);
        from = before;
    }
    add_hole(h, from, to);
}

static holes holes_of(size_t granules) {
    holes h = {.granules = granules};
    h.begins = set_of(granules);
    h.sizes = set_of(granules);
    h.end = need(calloc(granules + 1, sizeof *h.end));
    h.of_size = need(calloc(granules + 1, sizeof *h.of_size));
    add_hole(&h, 0, granules);
    return h;
}

static void holes_drop(holes *h) {
    set_drop(&h->begins);
    set_drop(&h->sizes);
    free(h->end);
    free(h->of_size);
}

/* -- The replay --------------------------------------------------------------------------------------------------- */

size_t history_takes(const history *h, const op *o) {
    const size_t granule = h->replay.family->granule;
    return o->size ? TSP_TAKES_(granule, o->size) / granule : 0;
}

static int run(history *h) {
    replay *r = &h->replay;
    const trace *t = h->trace;
    const size_t granule = r->family->granule;
    holes all = holes_of(r->usable / granule);
    uint32_t *made = need(malloc(t->ids * sizeof *made)); /* by which operation; for those that live */
    int code = DONE;
    for (size_t i = 0; i < t->count; i++) {
        const op *o = &t->ops[i];
        tsp_status status = replay_do(r, o);
        size_t taken = history_takes(h, o);
        if (status == TSP_NO_MEMORY) {
            h->pins = pins_find(r, o);
            break;
        }
        if (status != TSP_OK) {
            code = complain(BROKEN_HEAP, "%s, line %u: %s", t->name, o->line, tsp_status_text(status));
            break;
        }
        if (o->kind != 'a' && history_takes(h, &t->ops[made[o->id]]))
            vacate(&all, h->places[made[o->id]], h->places[made[o->id]] + history_takes(h, &t->ops[made[o->id]]));
        if (o->kind != 'f') {
            made[o->id] = (uint32_t)i;
            if (taken) h->places[i] = (uint32_t)((size_t)(r->objects[o->id].at - r->memory) / granule);
            if (taken) occupy(&all, h->places[i], h->places[i] + taken);
        }
        h->holes[i] = (uint32_t)all.count;
        h->largest[i] = all.count ? (uint32_t)last_up_to(&all.sizes, all.granules) : 0;
        h->count = i + 1;
        if (i % NOW_AND_THEN == 0) progress("replay", t->name, i, "operations");
    }
    holes_drop(&all);
    free(made);
    return code;
}

int history_make(history *h, const trace *t, const options *how) {
    const family *f = how->family ? how->family : family_for(t->peak);
    size_t heap = how->heap;
    int code;
    *h = (history){.trace = t};
    if (!how->heap_given || how->heap_least) {
        fit least = find_fit(t, how);
        if (*least.why) return complain(DOES_NOT_FIT, "%s", least.why);
        f = least.family;
        heap = least.heap;
    }
    while (!how->family && heap > family_limit(f, how->sized) && f[1].name) f++;
    h->sites = sites_of(t);
    sites_sort(&h->sites, 0);
    h->places = need(calloc(t->count, sizeof *h->places));
    h->holes = need(calloc(t->count, sizeof *h->holes));
    h->largest = need(calloc(t->count, sizeof *h->largest));
    replay_open(&h->replay, t, f, how->sized);
    replay_begin(&h->replay, heap);
    code = run(h);
    if (code == DONE && h->count == 0)
        code = complain(DOES_NOT_FIT, "%s: nothing fits into a heap of %s bytes", t->name, COMMAS(heap));
    return code;
}

void history_drop(history *h) {
    if (h->replay.trace == NULL) return;
    replay_close(&h->replay);
    sites_drop(&h->sites);
    pins_drop(&h->pins);
    free(h->places);
    free(h->holes);
    free(h->largest);
}
