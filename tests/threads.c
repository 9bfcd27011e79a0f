/* Several threads on one heap: every object keeps its bytes, and in the end the heap is whole. Heaps that make
 * themselves, raced: made once. The calls that give up instead of waiting. Compiled for the spin lock and for the
 * platform's lock (-DTSP_LOCK=2), which here is a mutex that also sees whether every section that was begun is ended;
 * under ThreadSanitizer too.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"

#include <pthread.h>

enum { THREADS = 4, OBJECTS = 24, ROUNDS = 5000 };

#ifndef TSP_LOCK
#define TSP_LOCK TSP_LOCK_SPIN
#endif

/* -- The platform's lock ------------------------------------------------------------------------------------------ */

#if TSP_LOCK == TSP_LOCK_HOOKS
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long tickets, inside, wrong, tries_failed; /* guarded by the mutex, but for the last */

static TSP_V *inspected; /* a heap that is looked at whenever its lock is given back */
static unsigned inspections, found_wrong;

static unsigned long entered(void) {
    wrong += inside != 0;
    return inside = ++tickets;
}

unsigned long tsp_lock(const void *heap) {
    pthread_mutex_lock(&mutex);
    wrong += heap == NULL;
    return entered();
}

int tsp_try_lock(const void *heap, unsigned long *state) {
    (void)heap;
    if (pthread_mutex_trylock(&mutex) != 0) {
        __atomic_add_fetch(&tries_failed, 1, __ATOMIC_RELAXED);
        return 0;
    }
    *state = entered();
    return 1;
}

void tsp_unlock(const void *heap, unsigned long state) {
    (void)heap;
    wrong += inside == 0 || state != inside; /* what lock said comes back */
    inside = 0;
    pthread_mutex_unlock(&mutex);
    if (inspected) {
        TSP_V *now = inspected;
        inspected = NULL;
        inspections++;
        found_wrong += V_(check)(now).status != TSP_OK;
        found_wrong += V_(usage)(now).largest > V_(usage)(now).free;
        inspected = now;
    }
}

/* Whoever comes next finds the heap whole, also in the middle of a call that gives the lock back to copy. */
TEST_BOTH(whole_whenever_unlocked) {
    kitchen k = open_kitchen(64, sized);
    unsigned char *p, *q, *wall;
    inspected = &k.heap;
    p = V_(alloc)(&k.heap, 40, 8);
    wall = V_(alloc)(&k.heap, 8, 8);
    fill(p, 0, 40, 1);
    q = V_(resize)(&k.heap, p, 40, 80, 8); /* moves */
    CHECK(q != p && q && keeps(q, 40, 1));
    if (!sized) CHECK((q = V_(realloc)(&k.heap, q, 24)) != NULL && keeps(q, 24, 1));
    CHECK(V_(dealloc)(&k.heap, q, sized ? 80 : 24, 8) == TSP_OK);
    CHECK(V_(dealloc)(&k.heap, wall, 8, 8) == TSP_OK);
    inspected = NULL;
    CHECK(inspections > 0);
    CHECK(found_wrong == 0);
    inspections = found_wrong = 0;
    CHECK(is_empty(&k));
    close_kitchen(&k);
}
#endif

/* -- One heap, many threads --------------------------------------------------------------------------------------- */

typedef struct cook {
    TSP_V *heap;
    pthread_barrier_t *door; /* they begin together */
    unsigned number, failures;
    size_t busy;
    int sized;
} cook;

/* CHECK is for one thread; the cooks count their own failures. */
#define COOK_CHECK(condition) (c->failures += !(condition))

static void *cook_works(void *argument) {
    cook *c = argument;
    dice d = c->number + 1;
    unsigned char *p[OBJECTS] = {NULL};
    size_t n[OBJECTS] = {0};
    uint32_t seed[OBJECTS] = {0};
    pthread_barrier_wait(c->door);
    for (unsigned i = 0; i < ROUNDS; i++) {
        size_t j = roll(&d, OBJECTS), size = 1 + roll(&d, roll(&d, 8) ? 60 : 500);
        if (p[j]) COOK_CHECK(keeps(p[j], n[j], seed[j]));
        switch (roll(&d, 8)) {
        case 0:
        case 1: /* resize, which copies while others work */
        case 2: {
            unsigned char *q = V_(resize)(c->heap, p[j], p[j] ? n[j] : 0, size, 8);
            if (q == NULL) continue;
            COOK_CHECK(p[j] == NULL || keeps(q, n[j] < size ? n[j] : size, seed[j]));
            p[j] = q;
            break;
        }
        case 3: { /* as an interrupt handler would */
            tsp_status status = V_(try_dealloc)(c->heap, p[j], p[j] ? n[j] : 0, 8);
            c->busy += status == TSP_BUSY;
            COOK_CHECK(status == TSP_OK || status == TSP_BUSY);
            if (status == TSP_BUSY) continue;
            p[j] = V_(try_alloc)(c->heap, size, 8);
            c->busy += p[j] == NULL;
            break;
        }
        case 4: {
            tsp_usage u = V_(usage)(c->heap);
            COOK_CHECK(u.used + u.free == u.total && V_(contains)(c->heap, p[j]) == (p[j] != NULL));
            if (i % 64 == 0) COOK_CHECK(V_(check)(c->heap).status == TSP_OK);
            continue;
        }
        case 5:
            if (p[j] && V_(resize_in_place)(c->heap, p[j], n[j], size, 8) == TSP_OK) break;
            continue;
        default:
            if (p[j] == NULL) {
                p[j] = roll(&d, 2) ? V_(alloc)(c->heap, size, 8) : V_(alloc_zeroed)(c->heap, size, 8);
            } else if (c->sized || roll(&d, 2)) {
                COOK_CHECK(V_(dealloc)(c->heap, p[j], n[j], 8) == TSP_OK);
                p[j] = NULL;
            } else {
                V_(free)(c->heap, p[j]);
                p[j] = NULL;
            }
        }
        if (p[j] == NULL) continue;
        n[j] = size;
        seed[j] = c->number * 100000u + i;
        fill(p[j], 0, size, seed[j]);
    }
    for (size_t j = 0; j < OBJECTS; j++) {
        if (p[j] == NULL) continue;
        COOK_CHECK(keeps(p[j], n[j], seed[j]));
        COOK_CHECK(V_(dealloc)(c->heap, p[j], n[j], 8) == TSP_OK);
    }
    return NULL;
}

static void cook_together(size_t units, int sized) {
    kitchen k = open_kitchen(units, sized);
    pthread_t thread[THREADS];
    cook c[THREADS];
    size_t busy = 0;
    pthread_barrier_t door;
    pthread_barrier_init(&door, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        cook new_cook = {&k.heap, &door, i, 0, 0, sized};
        c[i] = new_cook;
        CHECK(pthread_create(&thread[i], NULL, cook_works, &c[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        CHECK(c[i].failures == 0);
        busy += c[i].busy;
    }
    pthread_barrier_destroy(&door);
    printf("%d threads, %lu bytes: gave up %lu times, %lu requests failed\n", THREADS, (unsigned long)k.total,
           (unsigned long)busy, (unsigned long)V_(usage)(&k.heap).failed);
    CHECK(is_empty(&k));
    close_kitchen(&k);
#if TSP_LOCK == TSP_LOCK_HOOKS
    CHECK(wrong == 0 && inside == 0 && tickets > 0);
#endif
}

TEST_BOTH(threads_share_a_roomy_heap) {
    cook_together(6000, sized);
}

TEST_BOTH(threads_share_a_tight_heap) {
    cook_together(500, sized);
}

/* -- Made once ---------------------------------------------------------------------------------------------------- */

static unsigned supplied;
static _Alignas(16) unsigned char supply[3][1024];

static void *slow_supplier(size_t *size) {
    unsigned i = __atomic_fetch_add(&supplied, 1, __ATOMIC_RELAXED);
    usleep(2000);
    *size = sizeof supply[0];
    return supply[i % 3];
}

typedef struct guest {
    TSP_V *heap;
    TSP_V *(*home)(void);
    pthread_barrier_t *door;
    int sized;
    void *got;
} guest;

static void *guest_comes(void *argument) {
    guest *g = argument;
    pthread_barrier_wait(g->door);
    g->heap = g->home ? g->home() : V_(once)(g->heap, slow_supplier, g->sized);
    g->got = V_(alloc)(g->heap, 16, 8);
    return NULL;
}

static void race(TSP_V *heap, TSP_V *(*home)(void), int sized) {
    pthread_t thread[8];
    guest g[8];
    pthread_barrier_t door;
    pthread_barrier_init(&door, NULL, 8);
    for (int i = 0; i < 8; i++) {
        guest comes = {heap, home, &door, sized, NULL};
        g[i] = comes;
        CHECK(pthread_create(&thread[i], NULL, guest_comes, &g[i]) == 0);
    }
    for (int i = 0; i < 8; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < 8; i++) {
        CHECK(g[i].got != NULL && g[i].heap == g[0].heap);
        for (int j = 0; j < i; j++) CHECK(g[i].got != g[j].got);
        CHECK(V_(contains)(g[0].heap, g[i].got));
    }
    CHECK(V_(usage)(g[0].heap).objects == 8);
    CHECK(V_(check)(g[0].heap).status == TSP_OK);
    pthread_barrier_destroy(&door);
}

TEST_BOTH(lazy_heap_is_made_once) {
    for (int round = 0; round < 20; round++) {
        TSP_V heap;
        memset(&heap, 0, sizeof heap);
        memset(supply, 0x99, sizeof supply);
        supplied = 0;
        race(&heap, NULL, sized);
        CHECK(supplied == 1);
        CHECK(is_filled_with(supply[1], sizeof supply[1], 0x99));
    }
}

#define STATIC_tsp4k TSP4K_STATIC
#define STATIC_tsp128k TSP128K_STATIC
#define STATIC_tsp16m TSP16M_STATIC
#define LAZY_tsp4k TSP4K_LAZY_SIZED
#define LAZY_tsp128k TSP128K_LAZY_SIZED
#define LAZY_tsp16m TSP16M_LAZY_SIZED

OF_FAMILY(STATIC_)(larder, 2048);
OF_FAMILY(LAZY_)(lazy, slow_supplier);

TEST(static_heaps_are_made_once) {
    race(NULL, larder, 0);
    CHECK(V_(usage)(larder()).total >= usable(0, 2048 - GRANULE, 0));
    supplied = 0;
    race(NULL, lazy, 1);
    CHECK(supplied == 1 && V_(usage)(lazy()).total == sizeof supply[0]);
}

/* -- Giving up instead of waiting --------------------------------------------------------------------------------- */

typedef struct interruption {
    TSP_V *heap;
    void *object;
    int happened;
} interruption;

/* Stands for an interrupt handler that comes while the heap is locked. */
static int interrupt(void *context, void *start, size_t size, tsp_kind kind) {
    interruption *i = context;
    (void)start, (void)size, (void)kind;
    i->happened = 1;
    CHECK(V_(try_alloc)(i->heap, 8, 8) == NULL);
    CHECK(V_(try_dealloc)(i->heap, i->object, 8, 8) == TSP_BUSY);
    CHECK(V_(contains)(i->heap, i->object)); /* takes no lock */
    return 1;
}

TEST_BOTH(try_calls_give_up) {
    kitchen k = open_kitchen(40, sized);
    interruption i = {&k.heap, V_(alloc)(&k.heap, 8, 8), 0};
    tsp_usage before = V_(usage)(&k.heap), after;
    remember(&k);
    CHECK(V_(walk)(&k.heap, interrupt, &i) == 1 && i.happened);
    after = V_(usage)(&k.heap);
    CHECK(is_unchanged(&k) && misuse.count == 0);
    CHECK(memcmp(&before, &after, sizeof before) == 0); /* nor is it a failed request: there was memory */
    CHECK(V_(try_dealloc)(&k.heap, i.object, 8, 8) == TSP_OK);
    CHECK(is_placed(&k, V_(try_alloc)(&k.heap, 8, 8), 8, 8));
    close_kitchen(&k);
}

/* The hook for misuse runs unlocked, so that it may look at the heap. Checked here by freeing from several threads what
 * is not theirs: nobody may wait for ever, and the heap stays whole. */
static void *frees_nonsense(void *argument) {
    TSP_V *heap = argument;
    for (unsigned i = 0; i < 500; i++) V_(dealloc)(heap, (unsigned char *)heap + i % 8 * 8, 8, 8);
    return NULL;
}

TEST_BOTH(nonsense_from_many_threads) {
    kitchen k = open_kitchen(40, sized);
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&thread[i], NULL, frees_nonsense, &k.heap) == 0);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    CHECK(is_empty(&k));
    close_kitchen(&k);
}
