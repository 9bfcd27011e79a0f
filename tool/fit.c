/* teaspoon fit: the tables. SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "say.h"
#include "search.h"
#include "vary.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Several traces, one worker a processor ----------------------------------------------------------------------- */

typedef struct work {
    const trace *traces;
    const options *how;
    fit *fits;
    size_t count, next;
    size_t threads; /* for each trace */
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
        w->fits[mine] = fit_in_threads(&w->traces[mine], w->how, w->threads);
    }
}

static void fit_all(work *w) {
    pthread_t threads[MOST_THREADS];
    size_t workers = processors() < w->count ? processors() : w->count, started = 0;
    w->threads = processors() / workers;
    pthread_mutex_init(&w->lock, NULL);
    while (started + 1 < workers && pthread_create(&threads[started], NULL, labour, w) == 0) started++;
    labour(w);
    while (started > 0) pthread_join(threads[--started], NULL);
    pthread_mutex_destroy(&w->lock);
    progress_end();
}

/* -- The table ---------------------------------------------------------------------------------------------------- */

typedef struct row {
    const trace *trace;
    const fit *fit;
    margin margin;
    size_t handle;
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

static const char *kind_of_heap(const options *how) {
    return how->sized ? "sized" : "malloc";
}

static void print_tsv(const row *rows, size_t count, const options *how) {
    printf("trace\tvariant\tinterface\tpeak\theap\thandle\tratio\tops%s\n",
           how->variations ? "\tvariations\theap99\theap100\tgive" : "");
    for (size_t i = 0; i < count; i++) {
        const row *r = &rows[i];
        printf("%s\t%s\t%s\t%zu\t%zu\t%zu\t%.4f\t%zu", r->trace->name, r->fit->family->name, kind_of_heap(how),
               r->trace->peak, r->fit->heap, r->handle, r->ratio, r->trace->count);
        if (how->variations)
            printf("\t%u\t%zu\t%zu\t%zu", how->variations, r->margin.most, r->margin.all, r->margin.give);
        putchar('\n');
    }
}

static void print_json(const row *rows, size_t count, const options *how) {
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        const row *r = &rows[i];
        fputs(i ? ",\n {\"trace\": " : "{\"trace\": ", stdout);
        json_text(stdout, r->trace->name);
        printf(", \"variant\": \"%s\", \"interface\": \"%s\", \"peak\": %zu, \"heap\": %zu, \"handle\": %zu, ",
               r->fit->family->name, kind_of_heap(how), r->trace->peak, r->fit->heap, r->handle);
        if (r->trace->peak) printf("\"ratio\": %.4f, ", r->ratio);
        else fputs("\"ratio\": null, ", stdout); /* JSON knows no infinity */
        printf("\"ops\": %zu", r->trace->count);
        if (how->variations)
            printf(", \"variations\": %u, \"heap99\": %zu, \"heap100\": %zu, \"give\": %zu", how->variations,
                   r->margin.most, r->margin.all, r->margin.give);
        putchar('}');
    }
    puts("]");
}

static void print_table(const row *rows, size_t count, const options *how) {
    int width = 23;
    for (size_t i = 0; i < count; i++)
        if ((int)strlen(rows[i].trace->name) > width) width = (int)strlen(rows[i].trace->name);
    printf("%-*s  %-7s  %-9s %11s %11s %7s %7s %9s", width, "trace", "variant", "interface", "peak", "heap", "handle",
           "ratio", "ops");
    puts(how->variations ? "  99 % of runs    all runs        give" : "");
    for (size_t i = 0; i < count; i++) {
        const row *r = &rows[i];
        printf("%-*s  %-7s  %-9s %11s %11s %7s %7.3f %9s", width, r->trace->name, r->fit->family->name,
               kind_of_heap(how), COMMAS(r->trace->peak), COMMAS(r->fit->heap), COMMAS(r->handle), r->ratio,
               COMMAS(r->trace->count));
        if (how->variations)
            printf(" %13s %11s %11s", COMMAS(r->margin.most), COMMAS(r->margin.all), COMMAS(r->margin.give));
        putchar('\n');
    }
    if (count > 1) printf("geometric mean of %-6zu%*s%52.3f\n", count, width - 23, "", geometric_mean(rows, count));
}

/* The next family, where the first that can hold the trace cannot hold its variations. */
static margin margin_of(const trace *t, fit *f, const options *how) {
    margin m = find_margin(t, f, how);
    while (m.give == 0 && how->family == NULL && f->family[1].name && *f->why == '\0') {
        options next = *how;
        next.family = f->family + 1;
        *f = find_fit(t, &next);
        if (*f->why == '\0') m = find_margin(t, f, &next);
    }
    if (m.give == 0 && *f->why == '\0')
        snprintf(f->why, sizeof f->why, "%s: the %s variant cannot hold its variations; its largest heap has %s bytes",
                 t->name, f->family->name, COMMAS(family_limit(f->family, how->sized)));
    return m;
}

static size_t fit_row(row *r, const trace *t, fit *f, const options *how) {
    *r = (row){t, f, {0, 0, 0}, 0, 0};
    if (*f->why == '\0' && how->variations) r->margin = margin_of(t, f, how);
    progress_end();
    if (how->bits == 32 && t->pointer_size == 8)
        complain(DONE, "%s was recorded with pointers of 8 bytes: with 4, structures that have some need less",
                 t->name);
    if (*f->why) return complain(DOES_NOT_FIT, "%s", f->why), (size_t)0;
    r->handle = how->bits == 32 ? f->family->handle32 : f->family->handle;
    r->ratio = (double)(f->heap + r->handle) / (double)t->peak;
    return 1;
}

int fit_traces(const trace *traces, size_t count, const options *how) {
    work w = {0};
    row *rows = need(calloc(count, sizeof *rows));
    size_t fitted = 0, too_large = 0;
    w.traces = traces;
    w.count = count;
    w.how = how;
    w.fits = need(calloc(count, sizeof *w.fits));
    fit_all(&w);
    for (size_t i = 0; i < count; i++) {
        size_t needs;
        if (!fit_row(&rows[fitted], &traces[i], &w.fits[i], how)) continue;
        needs = how->variations ? rows[fitted].margin.all : w.fits[i].heap;
        fitted++;
        if (!how->max_given || needs <= how->max) continue;
        too_large++;
        complain(DOES_NOT_FIT, "%s needs a heap of %s bytes, and may have %s", traces[i].name, COMMAS(needs),
                 COMMAS(how->max));
    }
    if (how->tsv) print_tsv(rows, fitted, how);
    else if (how->json) print_json(rows, fitted, how);
    else if (fitted > 0) print_table(rows, fitted, how);
    free(w.fits);
    free(rows);
    return fitted == count && too_large == 0 ? DONE : DOES_NOT_FIT;
}
