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
    PATIENCE = 4,               /* windows without success that end the search downwards */
    GROWTH = 1024,              /* by this part of itself grows a heap that is too small */
    NEAR = 512,                 /* by this part of itself the size first guessed is off, or by more */
    SMALL = 200 << 10,          /* peaks up to here, and */
    SHORT = 1000000,            /* operations up to here: searched from below, leaving nothing out */
    KNOWN = 1024,               /* outcomes remembered */
    BREATH = 1 << 14,           /* operations between two looks at the clock */
    AHEAD = 4,                  /* windows */
    LONG = 50000                /* operations from which on it pays to replay one trace in several threads */
};

/* The replays of one trace that run at the same time, one a thread, and what is known of sizes. */
typedef struct search {
    replay *replays;
    size_t threads;
    size_t least, limit; /* sizes to look at, both multiples of STEP */
    size_t missed;       /* by the last window that was looked at, or SPAN */
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

static void broken(const replay *r, size_t size, const op *o, tsp_status status) {
    exit(complain(BROKEN_HEAP, "%s: in a heap of %zu bytes, line %u: %s", r->trace->name, size, o->line,
                  tsp_status_text(status)));
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
    if (status != TSP_OK && status != TSP_NO_MEMORY) broken(r, size, o, status);
    return status == TSP_OK ? SUCCEEDS : FAILS;
}

static int succeeds(search *s, size_t size) {
    if (known(s, size) == UNKNOWN) learn(s, size, attempt(&s->replays[0], size, NULL, NULL));
    return known(s, size) == SUCCEEDS;
}

/* -- Sizes side by side -------------------------------------------------------------------------------------------- */

enum { UP = STEP, DOWN = -STEP };

/* `count` sizes, the first and others `stride` bytes away from one to the next, up or down. Begun with the last, since
 * what matters is the last that fails. */
typedef struct row_of_sizes {
    search *search;
    size_t first, count;
    ptrdiff_t stride;
    size_t next, fails; /* next: the sizes that are not begun; fails: those up to the last one known to */
    size_t replays;     /* that have been taken */
    int all;            /* every outcome is wanted, not only those behind the last that fails */
    outcome outcomes[WINDOW + 1];
    pthread_mutex_t lock;
} row_of_sizes;

static size_t nth(size_t first, ptrdiff_t stride, size_t i) {
    return (size_t)((ptrdiff_t)first + stride * (ptrdiff_t)i);
}

/* Without the lock: to learn a little later that a replay is needless costs but time. */
static int is_needless(const void *context, size_t size) {
    const row_of_sizes *row = context;
    const size_t i = (size_t)(((ptrdiff_t)size - (ptrdiff_t)row->first) / row->stride);
    return !row->all && i < __atomic_load_n(&row->fails, __ATOMIC_RELAXED);
}

static void *try_sizes(void *context) {
    row_of_sizes *row = context;
    replay *mine;
    pthread_mutex_lock(&row->lock);
    mine = &row->search->replays[row->replays++];
    while (row->next > 0) {
        const size_t i = --row->next, size = nth(row->first, row->stride, i);
        outcome got;
        if (is_needless(row, size)) break;
        if (row->outcomes[i] != UNKNOWN) continue;
        pthread_mutex_unlock(&row->lock);
        got = attempt(mine, size, is_needless, row);
        pthread_mutex_lock(&row->lock);
        row->outcomes[i] = got;
        if (got == FAILS && i >= row->fails) __atomic_store_n(&row->fails, i + 1, __ATOMIC_RELAXED);
    }
    pthread_mutex_unlock(&row->lock);
    return NULL;
}

/* Returns how many there are up to the last that fails; 0: all succeed. */
static size_t try_row(search *s, size_t first, ptrdiff_t stride, size_t count, int all) {
    row_of_sizes row = {.search = s, .first = first, .stride = stride, .next = count, .all = all};
    pthread_t threads[MOST_THREADS];
    size_t started = 0;
    for (size_t i = 0; i < count; i++)
        if ((row.outcomes[i] = known(s, nth(first, stride, i))) == FAILS) row.fails = i + 1;
    pthread_mutex_init(&row.lock, NULL);
    while (started + 1 < s->threads && started + 1 < count &&
           pthread_create(&threads[started], NULL, try_sizes, &row) == 0)
        started++;
    try_sizes(&row);
    while (started > 0) pthread_join(threads[--started], NULL);
    pthread_mutex_destroy(&row.lock);
    for (size_t i = 0; i < count; i++)
        if (row.outcomes[i] != UNKNOWN) learn(s, nth(first, stride, i), row.outcomes[i]);
    return row.fails;
}

/* Of two sizes the second is wanted only if the first does not decide: where a thread is idle, at the same time. */
static int succeeds_ahead(search *s, size_t size, size_t next) {
    if (s->threads > 1 && next != size && known(s, size) == UNKNOWN && known(s, next) == UNKNOWN)
        try_row(s, size, (ptrdiff_t)next - (ptrdiff_t)size, 2, 1);
    return succeeds(s, size);
}

/* -- The search ---------------------------------------------------------------------------------------------------- */

/* 0 if this size and the WINDOW after it all succeed, else how far to go on, up or down, to get past one that fails.
 * Far from where they succeed the far end of the window fails, and that of the next: so these are tried first. */
static size_t misses(search *s, size_t size, ptrdiff_t way) {
    const size_t near = way == UP ? size : size + WINDOW * STEP, far = nth(near, way, WINDOW);
    const size_t left = (way == UP ? s->limit - size : size - s->least) / SPAN + 1;
    const size_t ahead = s->threads < AHEAD ? s->threads : AHEAD;
    if (s->threads > 1 && s->missed == SPAN && known(s, far) == UNKNOWN)
        try_row(s, far, way * (WINDOW + 1), ahead < left ? ahead : left, 1);
    return s->missed = try_row(s, near, way, WINDOW + 1, 0) * STEP;
}

/* The first size from `size` on that will do. Beyond the limit: there is none. */
static size_t upwards(search *s, size_t size) {
    size_t miss;
    while (size <= s->limit && (miss = misses(s, size, UP)) > 0) size += miss;
    return size;
}

/* Will anything smaller do, less than PATIENCE windows below the best? From `size` up to the best, nothing does. */
static size_t downwards(search *s, size_t best, size_t size) {
    while (size > s->least && best - size < PATIENCE * SPAN) {
        const size_t miss = misses(s, size - STEP, DOWN);
        if (miss == 0) best = size - STEP;
        if (size - s->least <= miss) break;
        size -= miss ? miss : STEP;
    }
    return best;
}

static size_t up_to_step(size_t size) {
    return (size + STEP - 1) / STEP * STEP;
}

/* What the size may be: that to which one heap grows, where it is made larger whenever an object finds no room. */
static size_t guess(search *s) {
    replay *r = &s->replays[0];
    const trace *t = r->trace;
    const size_t most = 2 * s->least < s->limit ? 2 * s->least : s->limit;
    size_t size = s->least;
    replay_begin(r, most);
    r->family->init(&r->spoon, r->memory, size, r->sized);
    for (const op *o = t->ops; o < t->ops + t->count; o++) {
        tsp_status status;
        while ((status = replay_do(r, o)) != TSP_OK) {
            const size_t more = (size / GROWTH / SPAN + 1) * SPAN;
            if (status != TSP_NO_MEMORY) broken(r, size, o, status);
            if (more > most - size) return most;
            r->family->extend(&r->spoon, more);
            size += more;
        }
    }
    return size;
}

/* Where to begin: some windows below a size that fails, which is some windows below one that succeeds. */
static size_t beginning(search *s) {
    size_t low = guess(s), high = low, step = (low / NEAR / SPAN + 1) * SPAN;
    while (low > s->least) {
        const size_t next = low - s->least > step ? low - step : s->least;
        if (!succeeds_ahead(s, low, next)) break;
        high = low;
        low = next;
        step *= 2;
    }
    while (high <= s->limit && !succeeds_ahead(s, high, high + step)) {
        low = high;
        high += step;
        step *= 2;
    }
    while (high <= s->limit && high - low > PATIENCE * SPAN) {
        const size_t part = (high - low) / 3 / STEP * STEP;
        if (succeeds_ahead(s, low + part, low + 2 * part)) high = low + part;
        else if (succeeds(s, low + 2 * part)) high = (low += part) + part;
        else low += 2 * part;
    }
    return low - s->least > PATIENCE * SPAN ? low - PATIENCE * SPAN : s->least;
}

/* In this family. 0: it cannot hold the trace. */
static int find(const trace *t, const family *f, int sized, size_t threads, size_t *heap) {
    search s = {0};
    size_t at;
    s.limit = up_to_step(family_limit(f, sized));
    s.least = up_to_step(f->region(trace_fullest(t, f->granule, f->round, &at), sized));
    if (s.least > s.limit) return 0;
    s.missed = SPAN;
    s.threads = t->count < LONG ? 1 : threads;
    s.replays = need(calloc(s.threads, sizeof *s.replays));
    for (size_t i = 0; i < s.threads; i++) replay_open(&s.replays[i], t, f, sized);
    if (t->peak <= SMALL && t->count <= SHORT) {
        *heap = upwards(&s, s.least);
    } else {
        const size_t low = beginning(&s);
        *heap = upwards(&s, low);
        if (*heap <= s.limit) *heap = downwards(&s, *heap, low);
    }
    for (size_t i = 0; i < s.threads; i++) replay_close(&s.replays[i]);
    free(s.replays);
    return *heap <= s.limit;
}

trace renumbered(const trace *t) {
    trace copy = trace_without_operations(t);
    uint32_t *ids = need(malloc(t->ids * sizeof *ids)),
             *spare = need(malloc(t->ids * sizeof *spare));
    uint32_t spares = 0;
    copy.ids = 0;
    copy.count = t->count;
    copy.ops = need(malloc(t->count * sizeof *copy.ops));
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
