/* teaspoon fit --compare: which heap serves a program best, by bytes and by time. SPDX-License-Identifier: BSD-3-Clause
 *
 * Time is in steps (counted.h), which are the same on every machine; code is what the calls take on a Cortex-M0+. */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "replay.h"
#include "say.h"
#include "search.h"

#include <stdio.h>
#include <string.h>

#define CODE(name, round, malloc, sized) extern const family family_##name##_##round;
#include "code.h"
#undef CODE

/* Smallest first: of two that are equal the first is named. */
static const struct build {
    const family *family;
    size_t code[2]; /* bytes, by kind: [sized] */
} builds[] = {
#define CODE(name, round, malloc, sized) {&family_##name##_##round, {malloc, sized}},
#include "code.h"
#undef CODE
};

enum { BUILDS = sizeof builds / sizeof *builds };

_Thread_local unsigned long steps;

typedef struct candidate {
    const struct build *build;
    fit fit;
    int sized;
    size_t align, handle, slowest;
    double mean;
} candidate;

static void count_steps(const trace *t, candidate *c) {
    unsigned long began;
    replay r;
    replay_open(&r, t, c->build->family, c->sized);
    replay_begin(&r, c->fit.heap);
    began = steps; /* making a heap is none of the operations */
    for (size_t i = 0; i < t->count; i++) {
        const unsigned long before = steps;
        replay_do(&r, &t->ops[i]);
        if (steps - before > c->slowest) c->slowest = steps - before;
    }
    c->mean = (double)(steps - began) / (double)t->count;
    replay_close(&r);
}

static const char *kind_of(const candidate *c) {
    return c->sized ? "sized" : "malloc";
}

static void print_best(const char *what, const candidate *c, const char *end) {
    printf("%s: %s, %s, TSP_ROUND=%zu, aligned to %zu%s", what, c->fit.family->name, kind_of(c), c->fit.family->round,
           c->align, end);
}

static void print(const trace *t, const candidate *all, size_t count, const options *how) {
    const candidate *small = all, *fast = all;
    if (!how->tsv)
        printf("%s: %s operations, peak %s bytes\n  %-7s  %-9s %5s %5s %11s %7s %7s %9s %9s\n", t->name,
               COMMAS(t->count), COMMAS(t->peak), "variant", "interface", "round", "align", "heap", "handle", "code",
               "steps", "slowest");
    for (const candidate *c = all; c < all + count; c++) {
        const family *f = c->fit.family;
        const size_t code = c->build->code[c->sized];
        if (c->fit.heap + c->handle < small->fit.heap + small->handle) small = c;
        if (c->mean < fast->mean) fast = c;
        if (how->tsv)
            printf("%s\t%s\t%s\t%zu\t%zu\t%zu\t%zu\t%zu\t%.1f\t%zu\n", t->name, f->name, kind_of(c), f->round, c->align,
                   c->fit.heap, c->handle, code, c->mean, c->slowest);
        else
            printf("  %-7s  %-9s %5zu %5zu %11s %7zu %7s %9.1f %9s\n", f->name, kind_of(c), f->round, c->align,
                   COMMAS(c->fit.heap), c->handle, COMMAS(code), c->mean, COMMAS(c->slowest));
    }
    if (how->tsv) return;
    print_best("  fewest bytes", small, "\n");
    print_best("  fewest steps", fast, "\n");
}

/* Exact sizes are for programs that need no alignment of 8; and what is below the granule makes no difference. */
static int makes_sense(const family *f, size_t align, size_t usual) {
    return (f->round > 4 || align <= 4) && (align == usual || f->granule <= align);
}

/* A trace in one alignment, which the reader gives it. */
static size_t try_builds(const trace *t, const options *how, size_t align, candidate *all) {
    trace quick = renumbered(t);
    size_t count = 0;
    for (const struct build *b = builds; b < builds + BUILDS; b++) {
        const family *f = b->family;
        if ((how->family && strcmp(how->family->name, f->name) != 0) || !makes_sense(f, align, how->align)) continue;
        for (int sized = 1; sized >= 0; sized--) {
            candidate *c = &all[count];
            options one = *how;
            one.family = f;
            one.sized = sized;
            *c = (candidate){b, find_fit(t, &one), sized, align, how->bits == 32 ? f->handle32 : f->handle, 0, 0};
            if (*c->fit.why) continue;
            count_steps(&quick, c);
            count++;
        }
    }
    trace_drop(&quick);
    return count;
}

int compare_traces(const trace *traces, size_t count, const options *how) {
    int code = DONE;
    if (how->tsv) puts("trace\tvariant\tinterface\tround\talign\theap\thandle\tcode\tsteps\tslowest");
    for (size_t i = 0; i < count; i++) {
        candidate all[2 * 2 * BUILDS];
        size_t found = try_builds(&traces[i], how, how->align, all);
        trace t = traces[i];
        if (how->align != 4 && strcmp(t.file, "-") != 0 && trace_read(&t, traces[i].file, 4)) {
            found += try_builds(&t, how, 4, all + found);
            trace_drop(&t);
        }
        progress_end();
        if (found > 0) print(&traces[i], all, found, how);
        else code = complain(DOES_NOT_FIT, "%s: no family can hold it", traces[i].name);
    }
    return code;
}
