/* teaspoon fit --compare: which heap serves a program best, by bytes and by time. SPDX-License-Identifier: BSD-3-Clause
 *
 * Times are of this machine. An operation's is the shortest of some replays, so that what the machine does meanwhile does
 * not count; the slowest is that of the operation whose shortest is the longest. */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "replay.h"
#include "say.h"
#include "search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPLAYS = 5 };

typedef struct candidate {
    fit fit;
    int sized;
    size_t align, handle;
    double mean, slowest; /* ns */
} candidate;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* What a look at the clock takes. */
static double clock_cost(void) {
    double least = 1e9;
    for (int i = 0; i < 1000; i++) {
        double began = now(), took = now() - began;
        if (took < least) least = took;
    }
    return least;
}

static void time_operations(const trace *t, candidate *c) {
    float *shortest = need(malloc(t->count * sizeof *shortest));
    const double cost = clock_cost();
    trace quick = renumbered(t);
    replay r;
    double sum = 0;
    replay_open(&r, &quick, c->fit.family, c->sized);
    for (int k = 0; k < REPLAYS; k++) {
        replay_begin(&r, c->fit.heap);
        progress("time", t->name, (size_t)k, "replays");
        for (size_t i = 0; i < t->count; i++) {
            double began = now(), took;
            replay_do(&r, &quick.ops[i]);
            took = now() - began - cost;
            if (k == 0 || took < (double)shortest[i]) shortest[i] = (float)took;
        }
    }
    for (size_t i = 0; i < t->count; i++) {
        const double took = shortest[i] > 0 ? (double)shortest[i] : 0;
        sum += took;
        if (took > c->slowest) c->slowest = took;
    }
    c->mean = sum / (double)t->count;
    replay_close(&r);
    trace_drop(&quick);
    free(shortest);
}

static void print(const trace *t, const candidate *all, size_t count, const options *how) {
    const candidate *small = all, *fast = all;
    for (size_t i = 0; i < count; i++) {
        const candidate *c = &all[i];
        if (c->fit.heap + c->handle < small->fit.heap + small->handle) small = c;
        if (c->mean < fast->mean) fast = c;
        if (how->tsv)
            printf("%s\t%s\t%s\t%zu\t%zu\t%zu\t%.1f\t%.0f\n", t->name, c->fit.family->name,
                   c->sized ? "sized" : "malloc", c->align, c->fit.heap, c->handle, c->mean, c->slowest);
        else
            printf("  %-7s  %-9s %5zu %11s %7zu %9.1f %11s\n", c->fit.family->name, c->sized ? "sized" : "malloc",
                   c->align, COMMAS(c->fit.heap), c->handle, c->mean, COMMAS((size_t)(c->slowest + 0.5)));
    }
    if (how->tsv) return;
    printf("  fewest bytes: %s, %s, aligned to %zu; fastest on average: %s, %s, aligned to %zu\n",
           small->fit.family->name, small->sized ? "sized" : "malloc", small->align, fast->fit.family->name,
           fast->sized ? "sized" : "malloc", fast->align);
}

/* A trace in one alignment, which the reader gives it. */
static size_t try_families(const trace *t, const options *how, size_t align, candidate *all) {
    size_t count = 0;
    for (const family *f = families; f->name; f++) {
        for (int sized = 1; sized >= 0; sized--) {
            options one = *how;
            candidate *c = &all[count];
            if (how->family && how->family != f) continue;
            one.family = f;
            one.sized = sized;
            *c = (candidate){find_fit(t, &one), sized, align, how->bits == 32 ? f->handle32 : f->handle, 0, 0};
            if (*c->fit.why) continue;
            time_operations(t, c);
            count++;
        }
    }
    return count;
}

int compare_traces(const trace *traces, size_t count, const options *how) {
    static const size_t aligns[] = {8, 4};
    int code = DONE;
    if (how->tsv) puts("trace\tvariant\tinterface\talign\theap\thandle\tmean_ns\tslowest_ns");
    for (size_t i = 0; i < count; i++) {
        candidate all[2 * 3 * 2];
        size_t found = 0;
        for (size_t k = 0; k < 2; k++) {
            trace t = traces[i];
            if (k && (strcmp(t.file, "-") == 0 || !trace_read(&t, traces[i].file, aligns[k]))) continue;
            found += try_families(&t, how, k ? aligns[k] : how->align, all + found);
            if (k) trace_drop(&t);
        }
        progress_end();
        if (found == 0) {
            code = complain(DOES_NOT_FIT, "%s: no family can hold it", traces[i].name);
            continue;
        }
        if (!how->tsv)
            printf("%s: %s operations, peak %s bytes\n  %-7s  %-9s %5s %11s %7s %9s %11s\n", traces[i].name,
                   COMMAS(traces[i].count), COMMAS(traces[i].peak), "variant", "interface", "align", "heap", "handle",
                   "mean ns", "slowest ns");
        print(&traces[i], all, found, how);
    }
    return code;
}
