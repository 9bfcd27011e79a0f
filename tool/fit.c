/* teaspoon fit: the smallest heap that a trace needs. SPDX-License-Identifier: BSD-3-Clause
 *
 * Whether a trace succeeds does not depend on the heap's size in any orderly way: one that is a little larger places
 * objects differently and may fail again. So a size counts only if the next WINDOW multiples of 8 succeed too. */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "replay.h"
#include "say.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    STEP = 8,
    WINDOW = 16,
    PATIENCE = 64,     /* failures in a row that end the search downwards */
    SMALL = 200 << 10, /* peaks up to here are searched from below, leaving nothing out */
    KNOWN = 256        /* outcomes remembered */
};

typedef struct search {
    replay replay;
    size_t least, limit; /* sizes to look at, both multiples of STEP */
    struct {
        size_t size;
        enum { UNKNOWN, FAILS, SUCCEEDS } outcome;
    } known[KNOWN];
} search;

/* Does the whole trace succeed in so many bytes? */
static int succeeds(search *s, size_t size) {
    replay *r = &s->replay;
    const op *o = r->trace->ops, *end = o + r->trace->count;
    size_t slot = size / STEP % KNOWN;
    tsp_status status = TSP_OK;
    if (s->known[slot].size == size && s->known[slot].outcome != UNKNOWN) return s->known[slot].outcome == SUCCEEDS;
    progress("fit", r->trace->name, size, "bytes");
    replay_begin(r, size);
    while (o < end && (status = replay_do(r, o)) == TSP_OK) o++;
    if (status != TSP_OK && status != TSP_NO_MEMORY)
        exit(complain(BROKEN_HEAP, "%s: in a heap of %zu bytes, line %u: %s", r->trace->name, size, o->line,
                      tsp_status_text(status)));
    s->known[slot].size = size;
    s->known[slot].outcome = status == TSP_OK ? SUCCEEDS : FAILS;
    return status == TSP_OK;
}

/* 0 if this size and the WINDOW after it all succeed, else how far to go on to get past the highest that fails. */
static size_t misses(search *s, size_t size) {
    for (size_t i = WINDOW + 1; i-- > 0;)
        if (!succeeds(s, size + i * STEP)) return (i + 1) * STEP;
    return 0;
}

/* The first size from `size` on that will do. Beyond the limit: there is none. */
static size_t upwards(search *s, size_t size) {
    size_t miss;
    while (size <= s->limit && (miss = misses(s, size)) > 0) size += miss;
    return size;
}

/* Anything smaller that will do? */
static size_t downwards(search *s, size_t best) {
    size_t at = best;
    for (int failed = 0; failed < PATIENCE && at > s->least;) {
        at -= STEP;
        failed = succeeds(s, at) ? 0 : failed + 1;
        if (failed == 0 && misses(s, at) == 0) best = at;
    }
    return best;
}

/* A size that succeeds, directly above one that fails; or one beyond the limit. */
static size_t bracket(search *s) {
    size_t fails = s->least, works = fails, step = s->least / 256 / STEP * STEP + STEP;
    while (works <= s->limit && !succeeds(s, works)) {
        fails = works;
        works += step;
        step *= 2;
    }
    while (works > fails + STEP && works <= s->limit) {
        size_t middle = fails + (works - fails) / 2 / STEP * STEP;
        if (succeeds(s, middle)) works = middle;
        else fails = middle;
    }
    return works;
}

static size_t up_to_step(size_t size) {
    return (size + STEP - 1) / STEP * STEP;
}

/* In this family. 0: it cannot hold the trace. */
static int find(const trace *t, const family *f, int sized, size_t *heap) {
    search s = {0};
    size_t at;
    s.limit = up_to_step(family_limit(f, sized));
    s.least = up_to_step(family_region(f, trace_fullest(t, f->granule, &at), sized));
    if (s.least > s.limit) return 0;
    replay_open(&s.replay, t, f, sized);
    *heap = t->peak <= SMALL ? upwards(&s, s.least) : upwards(&s, bracket(&s));
    if (t->peak > SMALL && *heap <= s.limit) *heap = downwards(&s, *heap);
    replay_close(&s.replay);
    return *heap <= s.limit;
}

fit find_fit(const trace *t, const options *how) {
    fit result = {0};
    const family *f = how->family ? how->family : family_for(t->peak);
    for (; f->name; f++) {
        result.family = f;
        if (find(t, f, how->sized, &result.heap)) {
            *result.why = '\0';
            break;
        }
        snprintf(result.why, sizeof result.why, "%s: the %s variant cannot hold it; its largest heap has %s bytes",
                 t->name, f->name, COMMAS(family_limit(f, how->sized)));
        if (how->family) break;
    }
    return result;
}

/* -- Several traces, one worker a processor ----------------------------------------------------------------------- */

typedef struct work {
    const trace *traces;
    const options *how;
    fit *fits;
    size_t count, next;
    pthread_mutex_t lock;
} work;

static void *labour(void *context) {
    work *w = context;
    for (;;) {
        size_t mine;
        pthread_mutex_lock(&w->lock);
        mine = w->next++;
        pthread_mutex_unlock(&w->lock);
        if (mine >= w->count) return NULL;
        w->fits[mine] = find_fit(&w->traces[mine], w->how);
    }
}

static void fit_all(work *w) {
    enum { MOST = 64 };
    pthread_t threads[MOST];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    size_t started = 0;
    pthread_mutex_init(&w->lock, NULL);
    while (started < MOST && (long)started + 1 < processors && started + 1 < w->count) {
        if (pthread_create(&threads[started], NULL, labour, w) != 0) break;
        started++;
    }
    labour(w);
    while (started > 0) pthread_join(threads[--started], NULL);
    pthread_mutex_destroy(&w->lock);
    progress_end();
}

/* -- The table ---------------------------------------------------------------------------------------------------- */

typedef struct row {
    const trace *trace;
    const fit *fit;
    double ratio;
} row;

/* Without logarithms, and so without the mathematics library: the g for which the product of all ratio / g is 1. */
static double geometric_mean(const row *rows, size_t count) {
    double low = 0, high = 1;
    for (size_t i = 0; i < count; i++)
        if (rows[i].ratio > high) high = rows[i].ratio;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2, product = 1;
        for (size_t k = 0; k < count; k++) product *= rows[k].ratio / middle;
        if (product > 1) low = middle;
        else high = middle;
    }
    return high;
}

static void print_tsv(const row *rows, size_t count, const char *interface) {
    printf("trace\tvariant\tinterface\tpeak\theap\thandle\tratio\tops\n");
    for (size_t i = 0; i < count; i++) {
        const trace *t = rows[i].trace;
        const fit *f = rows[i].fit;
        printf("%s\t%s\t%s\t%zu\t%zu\t%zu\t%.4f\t%zu\n", t->name, f->family->name, interface, t->peak, f->heap,
               f->family->handle, rows[i].ratio, t->count);
    }
}

static void print_table(const row *rows, size_t count, const char *interface) {
    int width = 23;
    for (size_t i = 0; i < count; i++)
        if ((int)strlen(rows[i].trace->name) > width) width = (int)strlen(rows[i].trace->name);
    printf("%-*s  %-7s  %-9s %11s %11s %7s %7s %9s\n", width, "trace", "variant", "interface", "peak", "heap", "handle",
           "ratio", "ops");
    for (size_t i = 0; i < count; i++) {
        const trace *t = rows[i].trace;
        const fit *f = rows[i].fit;
        printf("%-*s  %-7s  %-9s %11s %11s %7s %7.3f %9s\n", width, t->name, f->family->name, interface,
               COMMAS(t->peak), COMMAS(f->heap), COMMAS(f->family->handle), rows[i].ratio, COMMAS(t->count));
    }
    if (count > 1) printf("geometric mean of %-6zu%*s%52.3f\n", count, width - 23, "", geometric_mean(rows, count));
}

int fit_traces(const trace *traces, size_t count, const options *how) {
    work w = {0};
    row *rows = need(calloc(count, sizeof *rows));
    size_t fitted = 0;
    w.traces = traces;
    w.count = count;
    w.how = how;
    w.fits = need(calloc(count, sizeof *w.fits));
    fit_all(&w);
    for (size_t i = 0; i < count; i++) {
        const fit *f = &w.fits[i];
        if (*f->why) complain(DOES_NOT_FIT, "%s", f->why);
        else rows[fitted++] = (row){&traces[i], f, (double)(f->heap + f->family->handle) / (double)traces[i].peak};
    }
    if (how->tsv) print_tsv(rows, fitted, how->sized ? "sized" : "malloc");
    else if (fitted > 0) print_table(rows, fitted, how->sized ? "sized" : "malloc");
    free(w.fits);
    free(rows);
    return fitted == count ? DONE : DOES_NOT_FIT;
}
