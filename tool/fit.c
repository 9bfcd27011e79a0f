/* teaspoon fit: the tables. SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "search.h"
#include "say.h"

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

static void print_string(const char *text) {
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        putchar(*text >= 0 && *text < ' ' ? '?' : *text);
    }
    putchar('"');
}

static void print_json(const row *rows, size_t count, const char *interface) {
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        const trace *t = rows[i].trace;
        const fit *f = rows[i].fit;
        fputs(i ? ",\n {\"trace\": " : "{\"trace\": ", stdout);
        print_string(t->name);
        printf(", \"variant\": \"%s\", \"interface\": \"%s\", \"peak\": %zu, \"heap\": %zu, \"handle\": %zu, ",
               f->family->name, interface, t->peak, f->heap, f->family->handle);
        if (t->peak) printf("\"ratio\": %.4f, ", rows[i].ratio);
        else fputs("\"ratio\": null, ", stdout); /* JSON knows no infinity */
        printf("\"ops\": %zu}", t->count);
    }
    puts("]");
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
    size_t fitted = 0, too_large = 0;
    w.traces = traces;
    w.count = count;
    w.how = how;
    w.fits = need(calloc(count, sizeof *w.fits));
    fit_all(&w);
    for (size_t i = 0; i < count; i++) {
        const fit *f = &w.fits[i];
        if (*f->why) complain(DOES_NOT_FIT, "%s", f->why);
        else rows[fitted++] = (row){&traces[i], f, (double)(f->heap + f->family->handle) / (double)traces[i].peak};
        if (how->max_given && !*f->why && f->heap > how->max) {
            too_large++;
            complain(DOES_NOT_FIT, "%s needs a heap of %s bytes, and may have %s", traces[i].name, COMMAS(f->heap),
                     COMMAS(how->max));
        }
    }
    if (how->tsv) print_tsv(rows, fitted, how->sized ? "sized" : "malloc");
    else if (how->json) print_json(rows, fitted, how->sized ? "sized" : "malloc");
    else if (fitted > 0) print_table(rows, fitted, how->sized ? "sized" : "malloc");
    free(w.fits);
    free(rows);
    return fitted == count && too_large == 0 ? DONE : DOES_NOT_FIT;
}
