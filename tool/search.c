/* The smallest heap that a trace needs. SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether a trace succeeds does not depend on the heap's size in any orderly way: one that is a little larger places
 * objects differently and may fail again. So a size counts only if the next WINDOW multiples of 8 succeed too; and one
 * that fails rules out all those whose window it is in. */
#define _POSIX_C_SOURCE 200809L

#include "search.h"
#include "say.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STEP = 8,
    WINDOW = 16,
    SPAN = (WINDOW + 1) * STEP, /* bytes */
    PATIENCE = 4,               /* windows in a row without success that end the search downwards */
    SMALL = 200 << 10,          /* peaks up to here, and */
    SHORT = 1000000,            /* operations up to here: searched from below, leaving nothing out */
    KNOWN = 256,                /* outcomes remembered */
    BREATH = 1 << 16,           /* operations between two looks at the clock */
    AHEAD = 4,                  /* windows */
    LONG = 50000                /* operations from which on it pays to replay one trace in several threads */
};

/* The replays of one trace that run at the same time, one a thread, and what is known of sizes. */
typedef struct search {
    replay *replays;
    size_t threads;
    size_t least, limit; /* sizes to look at, both multiples of STEP */
    struct {
        size_t size;
        outcome outcome;
    } known[KNOWN];
} search;

static outcome known(const search *s, size_t size) {
    size_t slot = size / STEP % KNOWN;
    return s->known[slot].size == size ? s->known[slot].outcome : UNKNOWN;
}

static void learn(search *s, size_t size, outcome what) {
    size_t slot = size / STEP % KNOWN;
    s->known[slot].size = size;
    s->known[slot].outcome = what;
}

outcome attempt(replay *r, size_t size, int (*needless)(const void *, size_t), const void *context) {
    const op *o = r->trace->ops, *end = o + r->trace->count;
    tsp_status status = TSP_OK;
    replay_begin(r, size);
    while (o < end && status == TSP_OK) {
        const op *stop = end - o > BREATH ? o + BREATH : end;
        progress("fit", r->trace->name, size, "bytes");
        if (needless && needless(context, size)) return UNKNOWN;
        while (o < stop && (status = replay_do(r, o)) == TSP_OK) o++;
    }
    if (status != TSP_OK && status != TSP_NO_MEMORY)
        exit(complain(BROKEN_HEAP, "%s: in a heap of %zu bytes, line %u: %s", r->trace->name, size, o->line,
                      tsp_status_text(status)));
    return status == TSP_OK ? SUCCEEDS : FAILS;
}

static int succeeds(search *s, size_t size) {
    if (known(s, size) == UNKNOWN) learn(s, size, attempt(&s->replays[0], size, NULL, NULL));
    return known(s, size) == SUCCEEDS;
}

/* -- Sizes side by side ---------------------------------------------------------------------------------------------
 */

/* `count` sizes from `from` on, `stride` apart, begun with the largest, since what matters is the largest that fails.
 */
typedef struct row_of_sizes {
    search *search;
    size_t from, stride;
    size_t next, fails; /* next: the sizes that are not begun; fails: the largest one known to, or 0 */
    size_t replays;     /* that have been taken */
    int all;            /* every outcome is wanted, not only those above the largest that fails */
    outcome outcomes[WINDOW + 1];
    pthread_mutex_t lock;
} row_of_sizes;

/* Without the lock: to learn a little later that a replay is needless costs but time. */
static int is_needless(const void *context, size_t size) {
    const row_of_sizes *row = context;
    return !row->all && __atomic_load_n(&row->fails, __ATOMIC_RELAXED) > size;
}

static void *try_sizes(void *context) {
    row_of_sizes *row = context;
    replay *mine;
    pthread_mutex_lock(&row->lock);
    mine = &row->search->replays[row->replays++];
    while (row->next > 0) {
        const size_t i = --row->next, size = row->from + i * row->stride;
        outcome got = row->outcomes[i];
        if (is_needless(row, size)) break;
        if (got == UNKNOWN) {
            pthread_mutex_unlock(&row->lock);
            got = attempt(mine, size, is_needless, row);
            pthread_mutex_lock(&row->lock);
            row->outcomes[i] = got;
        }
        if (got == FAILS && size > row->fails) __atomic_store_n(&row->fails, size, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&row->lock);
    return NULL;
}

static void try_row(search *s, size_t from, size_t stride, size_t count, int all) {
    row_of_sizes row = {.search = s, .from = from, .stride = stride, .next = count, .all = all};
    pthread_t threads[MOST_THREADS];
    size_t started = 0;
    for (size_t i = 0; i < count; i++) row.outcomes[i] = known(s, from + i * stride);
    pthread_mutex_init(&row.lock, NULL);
    while (started + 1 < s->threads && started + 1 < count &&
           pthread_create(&threads[started], NULL, try_sizes, &row) == 0)
        started++;
    try_sizes(&row);
    while (started > 0) pthread_join(threads[--started], NULL);
    pthread_mutex_destroy(&row.lock);
    for (size_t i = 0; i < count; i++)
        if (row.outcomes[i] != UNKNOWN) learn(s, from + i * stride, row.outcomes[i]);
}

/* 0 if this size and the WINDOW after it all succeed, else how far to go on to get past the highest that fails. */
static size_t misses(search *s, size_t size) {
    if (s->threads > 1) try_row(s, size, STEP, WINDOW + 1, 0);
    for (size_t i = WINDOW + 1; i-- > 0;)
        if (!succeeds(s, size + i * STEP)) return (i + 1) * STEP;
    return 0;
}

/* The first size from `size` on that will do. Beyond the limit: there is none. Far from it the largest of the window
 * fails; so it is tried first, and at the same time that of the next window. */
static size_t upwards(search *s, size_t size) {
    size_t miss = SPAN;
    while (size <= s->limit && miss > 0) {
        if (s->threads > 1 && miss == SPAN && known(s, size) != SUCCEEDS && known(s, size + WINDOW * STEP) == UNKNOWN)
            try_row(s, size + WINDOW * STEP, SPAN, s->threads < AHEAD ? s->threads : AHEAD, 1);
        if (succeeds(s, size + WINDOW * STEP)) miss = misses(s, size);
        else miss = SPAN;
        size += miss;
    }
    return size;
}

/* Anything smaller that will do? */
static size_t downwards(search *s, size_t best) {
    size_t next = best; /* what is smaller is still to be looked at */
    for (int missed = 0; missed < PATIENCE && next > s->least; missed++) {
        const size_t at = next - STEP;
        size_t miss = SPAN; /* at itself is the last of the window that fails */
        if (s->threads > 1 && known(s, at) == UNKNOWN && (at - s->least) / SPAN >= s->threads)
            try_row(s, at - (s->threads - 1) * SPAN, SPAN, s->threads, 1);
        if (succeeds(s, at)) {
            const size_t above = misses(s, at);
            if (above == 0) {
                best = at;
                missed = -1;
            }
            miss = above ? SPAN - above + STEP : STEP;
        }
        if (next - s->least < miss) break;
        next -= miss;
    }
    return best;
}

/* A size that succeeds, less than a window above one that fails; or one beyond the limit. */
static size_t bracket(search *s) {
    size_t fails = s->least, works = fails, step = s->least / 64 / STEP * STEP + STEP;
    while (works <= s->limit && !succeeds(s, works)) {
        if (s->threads > 1 && known(s, works + step) == UNKNOWN) try_row(s, works + step, 2 * step, 2, 1);
        fails = works;
        works += step;
        step *= 2;
    }
    while (works > fails + SPAN && works <= s->limit) {
        const size_t parts = s->threads > 1 ? 3 : 2, part = (works - fails) / parts / STEP * STEP;
        if (parts == 3) try_row(s, fails + part, part, 2, 0);
        if (parts == 3 && !succeeds(s, fails + 2 * part)) {
            fails += 2 * part;
        } else {
            if (parts == 3) works = fails + 2 * part;
            if (succeeds(s, fails + part)) works = fails + part;
            else fails += part;
        }
    }
    return works;
}

static size_t up_to_step(size_t size) {
    return (size + STEP - 1) / STEP * STEP;
}

/* In this family. 0: it cannot hold the trace. */
static int find(const trace *t, const family *f, int sized, size_t threads, size_t *heap) {
    search s = {0};
    size_t at;
    s.limit = up_to_step(family_limit(f, sized));
    s.least = up_to_step(family_region(f, trace_fullest(t, f->granule, &at), sized));
    if (s.least > s.limit) return 0;
    s.threads = t->count < LONG ? 1 : threads;
    s.replays = need(calloc(s.threads, sizeof *s.replays));
    for (size_t i = 0; i < s.threads; i++) replay_open(&s.replays[i], t, f, sized);
    if (t->peak <= SMALL && t->count <= SHORT) {
        *heap = upwards(&s, s.least);
    } else {
        *heap = upwards(&s, bracket(&s));
        if (*heap <= s.limit) *heap = downwards(&s, *heap);
    }
    for (size_t i = 0; i < s.threads; i++) replay_close(&s.replays[i]);
    free(s.replays);
    return *heap <= s.limit;
}

trace renumbered(const trace *t) {
    trace copy = trace_without_operations(t);
    uint32_t *ids = need(malloc(((size_t)t->ids + 1) * sizeof *ids)),
             *spare = need(malloc(((size_t)t->ids + 1) * sizeof *spare));
    uint32_t spares = 0;
    copy.ids = 0;
    copy.count = t->count;
    copy.ops = need(malloc((t->count + 1) * sizeof *copy.ops));
    for (size_t i = 0; i < t->count; i++) {
        const op *o = &t->ops[i];
        if (o->kind == 'a') ids[o->id] = spares ? spare[--spares] : copy.ids++;
        if (o->kind == 'f') spare[spares++] = ids[o->id];
        copy.ops[i] = *o;
        copy.ops[i].id = ids[o->id];
    }
    free(ids);
    free(spare);
    return copy;
}

fit fit_in_threads(const trace *t, const options *how, size_t threads) {
    fit result = {0};
    const family *f = how->family ? how->family : family_for(t->peak);
    trace quick = renumbered(t);
    for (; f->name; f++) {
        result.family = f;
        if (find(&quick, f, how->sized, threads, &result.heap)) {
            *result.why = '\0';
            break;
        }
        snprintf(result.why, sizeof result.why, "%s: the %s variant cannot hold it; its largest heap has %s bytes",
                 t->name, f->name, COMMAS(family_limit(f, how->sized)));
        if (how->family) break;
    }
    trace_drop(&quick);
    return result;
}

size_t processors(void) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > MOST_THREADS ? MOST_THREADS : (size_t)online;
}

fit find_fit(const trace *t, const options *how) {
    fit result = fit_in_threads(t, how, processors());
    progress_end();
    return result;
}

