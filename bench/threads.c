/* Threads that replace random ones among their live objects, as fast as they can; threads.py runs it.
 *
 *     threads THREADS OPERATIONS [one|each|larson]
 *
 * Built with -DTEASPOON on one tsp16m heap for all or on one for each thread, both sized; else on malloc and free.
 * larson: larger objects, and more; each thread ends after a tenth of its operations, and a new one goes on with the
 * objects of another (after Larson and Krishnan, "Memory allocation for long-running server applications", 1998).
 * OPERATIONS are shared out among the threads. Prints them, seconds, and seconds of processor time. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef TEASPOON
#include "teaspoon.h"
#else
typedef int tsp16m; /* there is no heap to name */
#endif

enum {
    LIVE = 5000,      /* objects for each thread, at most */
    ROOM = 64 * 1024, /* bytes of heap for each thread: it is 60 % full */
    MOST = 64         /* threads */
};

static size_t live = 500, least = 16, most = 128; /* objects for each thread; bytes */

typedef struct object {
    char *at;
    size_t size;
} object;

typedef struct worker {
    tsp16m own, *heap;
    long operations;
    uint32_t x;
    pthread_t thread;
    double from, to, busy; /* seconds; of processor time */
    object *objects;
    char apart[64]; /* no two workers share a cache line */
} worker;

static worker workers[MOST];
static object objects[MOST][LIVE];
static pthread_barrier_t line;

static void put(worker *w, size_t i) {
    size_t size;
    w->x ^= w->x << 13; /* xorshift32 (Marsaglia 2003) */
    w->x ^= w->x >> 17;
    w->x ^= w->x << 5;
    size = least + w->x % (most - least + 1);
#ifdef TEASPOON
    w->objects[i].at = tsp16m_alloc(w->heap, size, 8);
#else
    w->objects[i].at = malloc(size);
#endif
    if (w->objects[i].at == NULL) abort();
    w->objects[i].at[0] = 1;
    w->objects[i].size = size;
}

static void take(worker *w, size_t i) {
#ifdef TEASPOON
    if (tsp16m_dealloc(w->heap, w->objects[i].at, w->objects[i].size, 8) != TSP_OK) abort();
#else
    free(w->objects[i].at);
#endif
}

static void replace(worker *w, long times) {
    for (; times > 0; times--) {
        size_t i = (w->x >> 8) % live;
        take(w, i);
        put(w, i);
    }
}

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *work(void *context) {
    worker *w = context;
    if (w->objects[0].at == NULL) {
        for (size_t i = 0; i < live; i++) put(w, i);
        replace(w, (long)live * 10);
    }
    pthread_barrier_wait(&line);
    w->from = now(CLOCK_MONOTONIC);
    w->busy = now(CLOCK_THREAD_CPUTIME_ID);
    replace(w, w->operations / 2);
    w->busy = now(CLOCK_THREAD_CPUTIME_ID) - w->busy;
    w->to = now(CLOCK_MONOTONIC);
    return NULL;
}

int main(int argc, char **argv) {
    size_t n = argc > 2 ? (size_t)strtoul(argv[1], NULL, 10) : 0;
    long operations = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    double seconds = 0, busy = 0;
    size_t generations = 1;
    if (n == 0 || n > MOST || pthread_barrier_init(&line, NULL, (unsigned)n) != 0) return 2;
#ifdef TEASPOON
    {
        size_t count = argc > 3 && strcmp(argv[3], "each") == 0 ? n : 1;
        for (size_t i = 0; i < count; i++)
            tsp16m_init_sized(&workers[i].own, malloc(ROOM * n / count), ROOM * n / count);
        for (size_t i = 0; i < n; i++) workers[i].heap = &workers[count == 1 ? 0 : i].own;
    }
#endif
    if (argc > 3 && strcmp(argv[3], "larson") == 0) {
        live = 5000;
        least = 8;
        most = 1000;
        generations = 10;
    }
    for (size_t i = 0; i < n; i++) workers[i].x = 2463534242u + (uint32_t)i;
    for (size_t g = 0; g < generations; g++) {
        double from = 0, to = 0;
        for (size_t i = 0; i < n; i++) {
            workers[i].operations = operations / (long)(n * generations);
            workers[i].objects = objects[(i + g) % n];
            if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) return 2;
        }
        for (size_t i = 0; i < n; i++) {
            const worker *w = &workers[i];
            pthread_join(w->thread, NULL);
            if (i == 0 || w->from < from) from = w->from;
            if (w->to > to) to = w->to;
            busy += w->busy;
        }
        seconds += to - from;
    }
    printf("%ld %.6f %.6f\n", operations, seconds, busy);
    return 0;
}
