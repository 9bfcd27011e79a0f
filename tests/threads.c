/* Eight threads on one heap, mixing all calls: every object keeps its bytes, and in the end the heap is whole. Heaps
 * that make themselves, raced: made once. The calls that give up instead of waiting. Fork. Compiled for the spin lock
 * and for the platform's lock (-DTSP_LOCK=2), which here is a mutex that also sees whether every section that was begun
 * is ended; under ThreadSanitizer too. The schedule is the machine's; proof/lock.pml tries every one.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"

#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(HAS_TSAN)
enum { ROUNDS = 2000 }; /* it is a hundred times slower, but sees a race in either order */
#else
enum { ROUNDS = 20000 };
#endif
enum { THREADS = 8, OBJECTS = 24, FORKS = 200 };

#ifndef TSP_LOCK
#define TSP_LOCK TSP_LOCK_SPIN
#endif

/* -- The platform's lock ------------------------------------------------------------------------------------------ */

#if TSP_LOCK == TSP_LOCK_HOOKS
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned long tickets, inside, wrong, tries_failed; /* guarded by the mutex, but for the last */

static TSP_V *inspected; /* a heap that is looked at whenever its lock is given back */
static unsigned inspections, found_wrong;

static struct theft { /* an object that somebody gives back as soon as the lock is free */
    TSP_V *heap;
    void *object;
    size_t size;
} theft;

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
    if (theft.heap) {
        const struct theft now = theft;
        theft.heap = NULL;
        found_wrong += V_(dealloc)(now.heap, now.object, now.size, 1) != TSP_OK;
    }
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

/* Misuse by two: one gives an object back while another moves it. It is reported, and nothing is lost. */
TEST_BOTH(given_back_while_it_moves) {
    kitchen k = open_kitchen(64, sized);
    unsigned char *p = V_(alloc)(&k.heap, 40, 8), *wall = V_(alloc)(&k.heap, 8, 8);
    theft = (struct theft){&k.heap, p, 40};
    CHECK(V_(resize)(&k.heap, p, 40, 80, 8) == NULL);
    CHECK(misuse.count == 1 && misuse.status == TSP_ALREADY_FREE && misuse.pointer == p);
    CHECK(found_wrong == 0);
    CHECK(V_(usage)(&k.heap).objects == 1 && V_(usage)(&k.heap).used == 8);
    CHECK(V_(dealloc)(&k.heap, wall, 8, 8) == TSP_OK);
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

typedef struct dish {
    unsigned char *p;
    size_t n;
    uint32_t seed;
} dish;

/* q is the dish now, or NULL where there was no room: it must have kept what it had. */
static void served(cook *c, dish *o, unsigned char *q, size_t size) {
    if (q == NULL) return;
    COOK_CHECK(o->p == NULL || keeps(q, o->n < size ? o->n : size, o->seed));
    o->p = q;
    o->n = size;
    fill(q, 0, size, ++o->seed);
}

static int adds_up(void *context, void *start, size_t size, tsp_kind kind) {
    (void)start, (void)kind;
    *(size_t *)context += size;
    return 0;
}

/* The cook looks about. None of this may change anything. */
static void look(cook *c, dice *d, const dish *o) {
    size_t sum = 0;
    tsp_usage u;
    switch (roll(d, 6)) {
    case 0: COOK_CHECK(V_(check)(c->heap).status == TSP_OK); break;
    case 1:
        COOK_CHECK(V_(walk)(c->heap, adds_up, &sum) == 0);
        COOK_CHECK(sum == V_(usage)(c->heap).total);
        break;
    case 2: COOK_CHECK(V_(once_over)(c->heap, NULL, 0, c->sized) == c->heap); break;
    case 3: COOK_CHECK(V_(largest)(c->heap, 8) <= V_(usage)(c->heap).total); break;
    case 4:
        if (!c->sized) COOK_CHECK(V_(usable_size)(c->heap, o->p) == (o->p ? round_up(o->n) : 0));
        break;
    default:
        u = V_(usage)(c->heap);
        COOK_CHECK(u.used + u.free == u.total && u.largest <= u.free && u.low_free <= u.free);
        COOK_CHECK(V_(contains)(c->heap, o->p) == (o->p != NULL));
    }
}

/* A new object, by one of the calls that make one. */
static void *fetch(cook *c, dice *d, size_t size) {
    unsigned char *q;
    switch (roll(d, c->sized ? 4 : 8)) {
    case 0: return V_(resize)(c->heap, NULL, 0, size, 8);
    case 1: /* as an interrupt handler would */
        q = V_(try_alloc)(c->heap, size, 8);
        c->busy += q == NULL;
        return q;
    case 2:
        q = V_(alloc_zeroed)(c->heap, size, 8);
        COOK_CHECK(q == NULL || is_filled_with(q, size, 0));
        return q;
    case 4: return V_(malloc)(c->heap, size);
    case 5:
        q = V_(calloc)(c->heap, 1, size);
        COOK_CHECK(q == NULL || is_filled_with(q, size, 0));
        return q;
    case 6: return V_(aligned_alloc)(c->heap, 8, size);
    case 7: return V_(realloc)(c->heap, NULL, size);
    default: return V_(alloc)(c->heap, size, 8);
    }
}

static void give_back(cook *c, dice *d, dish *o) {
    tsp_status status = TSP_OK;
    COOK_CHECK(keeps(o->p, o->n, o->seed));
    switch (roll(d, c->sized ? 3 : 6)) {
    case 0: COOK_CHECK(V_(resize)(c->heap, o->p, o->n, 0, 8) != NULL); break;
    case 1: status = V_(try_dealloc)(c->heap, o->p, o->n, 8); break;
    case 3: V_(free)(c->heap, o->p); break;
    case 4: V_(free_sized)(c->heap, o->p, o->n); break;
    case 5: V_(free_aligned_sized)(c->heap, o->p, 8, o->n); break;
    default: status = V_(dealloc)(c->heap, o->p, o->n, 8);
    }
    COOK_CHECK(status == TSP_OK || status == TSP_BUSY);
    c->busy += status == TSP_BUSY;
    if (status == TSP_OK) o->p = NULL;
}

/* Larger or smaller: by moving, for the most part, and so with a copy made while others work. */
static void change(cook *c, dice *d, dish *o, size_t size) {
    unsigned char *q;
    switch (roll(d, c->sized ? 4 : 6)) {
    case 0:
        if (V_(resize_in_place)(c->heap, o->p, o->n, size, 8) == TSP_OK) served(c, o, o->p, size);
        break;
    case 1:
        q = V_(resize_zeroed)(c->heap, o->p, o->n, size, 8);
        COOK_CHECK(q == NULL || size <= o->n || is_filled_with(q + o->n, size - o->n, 0));
        served(c, o, q, size);
        break;
    case 4: served(c, o, V_(realloc)(c->heap, o->p, size), size); break;
    case 5: served(c, o, V_(reallocarray)(c->heap, o->p, 1, size), size); break;
    default: served(c, o, V_(resize)(c->heap, o->p, o->n, size, 8), size);
    }
}

static void *cook_works(void *argument) {
    cook *c = argument;
    dice d = c->number + 1;
    dish dishes[OBJECTS];
    for (unsigned j = 0; j < OBJECTS; j++) {
        dish none = {NULL, 0, (c->number * OBJECTS + j) * 10007u};
        dishes[j] = none;
    }
    pthread_barrier_wait(c->door);
    for (unsigned i = 0; i < ROUNDS; i++) {
        dish *o = &dishes[roll(&d, OBJECTS)];
        size_t size = 8 + roll(&d, roll(&d, 8) ? 60 : 500); /* from 8, where malloc aligns to 8 */
        switch (roll(&d, 4)) {
        case 0: look(c, &d, o); break;
        case 1:
            if (o->p) give_back(c, &d, o);
            break;
        default:
            if (o->p) change(c, &d, o, size);
            else served(c, o, fetch(c, &d, size), size);
        }
    }
    for (dish *o = dishes; o < dishes + OBJECTS; o++) {
        while (o->p) give_back(c, &d, o);
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

static int hammering; /* until the main thread has had enough */

/* Emptied again and again while others help themselves: whatever they were given is gone, and they write nothing. */
static void *helps_himself(void *argument) {
    kitchen *k = argument;
    for (unsigned i = 0; __atomic_load_n(&hammering, __ATOMIC_RELAXED); i++) {
        if (!k->sized) V_(malloc)(&k->heap, 8 + i % 50);
        V_(alloc)(&k->heap, 1 + i % 9, 1);
        V_(usage)(&k->heap);
        if (i % 16 == 0) sched_yield();
    }
    return NULL;
}

TEST_BOTH(reset_among_others) {
    kitchen k = open_kitchen(200, sized);
    pthread_t thread[4];
    hammering = 1;
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&thread[i], NULL, helps_himself, &k) == 0);
    for (int i = 0; i < 500; i++) {
        V_(reset)(&k.heap);
        CHECK(V_(check)(&k.heap).status == TSP_OK);
        sched_yield();
    }
    __atomic_store_n(&hammering, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    V_(reset)(&k.heap);
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* -- Made once ---------------------------------------------------------------------------------------------------- */

static unsigned supplied;
static _Alignas(16) unsigned char supply[3][1024];

static TSP_V *in_the_making; /* a heap that is tried while it is made: it is locked */
static unsigned let_in;

static void *slow_supplier(size_t *size) {
    unsigned i = __atomic_fetch_add(&supplied, 1, __ATOMIC_RELAXED);
    usleep(2000);
    if (in_the_making) {
        let_in += V_(try_alloc)(in_the_making, 8, 8) != NULL;
        let_in += V_(try_dealloc)(in_the_making, supply, 8, 8) != TSP_BUSY;
    }
    *size = sizeof supply[0];
    return supply[i % 3];
}

typedef struct guest {
    TSP_V *heap;
    TSP_V *(*home)(void); /* NULL: the heap makes itself over `memory`, or what slow_supplier says if that is NULL */
    void *memory;
    pthread_barrier_t *door;
    int sized, late;
    void *got;
} guest;

static int one_is_in; /* says nothing about what else that one did: relaxed */

static void *guest_comes(void *argument) {
    guest *g = argument;
    pthread_barrier_wait(g->door);
    while (g->late && !__atomic_load_n(&one_is_in, __ATOMIC_RELAXED)) sched_yield();
    if (g->home) g->heap = g->home();
    else if (g->memory) g->heap = V_(once_over)(g->heap, g->memory, sizeof supply[0], g->sized);
    else g->heap = V_(once)(g->heap, slow_supplier, g->sized);
    __atomic_store_n(&one_is_in, 1, __ATOMIC_RELAXED);
    if (V_(contains)(g->heap, g)) return NULL; /* looks at the heap before it takes the lock */
    g->got = V_(alloc)(g->heap, 16, 8);
    return NULL;
}

static void race(TSP_V *heap, TSP_V *(*home)(void), void *memory, int sized) {
    pthread_t thread[THREADS];
    guest g[THREADS];
    pthread_barrier_t door;
    pthread_barrier_init(&door, NULL, THREADS);
    one_is_in = 0;
    for (int i = 0; i < THREADS; i++) {
        guest comes = {heap, home, memory, &door, sized, i % 2, NULL};
        g[i] = comes;
        CHECK(pthread_create(&thread[i], NULL, guest_comes, &g[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        CHECK(g[i].got != NULL && g[i].heap == g[0].heap);
        for (int j = 0; j < i; j++) CHECK(g[i].got != g[j].got);
        CHECK(V_(contains)(g[0].heap, g[i].got));
    }
    CHECK(V_(usage)(g[0].heap).objects == THREADS);
    CHECK(V_(check)(g[0].heap).status == TSP_OK);
    pthread_barrier_destroy(&door);
}

TEST_BOTH(lazy_heap_is_made_once) {
    for (int round = 0; round < 20; round++) {
        TSP_V heap;
        memset(&heap, 0, sizeof heap);
        memset(supply, 0x99, sizeof supply);
        supplied = 0;
        in_the_making = round % 2 ? &heap : NULL;
        race(&heap, NULL, NULL, sized);
        in_the_making = NULL;
        CHECK(supplied == 1 && let_in == 0);
        CHECK(is_filled_with(supply[1], sizeof supply[1], 0x99));
    }
}

/* Over memory at hand, which is much quicker, and so many times. */
TEST_BOTH(heap_over_memory_is_made_once) {
    for (int round = 0; round < 50; round++) {
        TSP_V heap;
        memset(&heap, 0, sizeof heap);
        race(&heap, NULL, supply[1], sized);
        CHECK(V_(usage)(&heap).total == usable((uintptr_t)supply[1], sizeof supply[1], sized));
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
    race(NULL, larder, NULL, 0);
    CHECK(V_(usage)(larder()).total >= usable(0, 2048 - GRANULE, 0));
    supplied = 0;
    race(NULL, lazy, NULL, 1);
    CHECK(supplied == 1 && V_(usage)(lazy()).total == sizeof supply[0]);
}

/* -- Giving up instead of waiting --------------------------------------------------------------------------------- */

typedef struct interruption {
    TSP_V *heap;
    void *object;
    int happened;
} interruption;

/* Those that say why not: it is the lock, whether there would be memory or not. What is refused without a look at the
 * heap is refused here too. */
static void try_in_vain(TSP_V *h, void *object) {
    const int sized = h->state % 2 == 0; /* only in the handle, which says no more while the lock is held */
    const size_t sizes[] = {0, 1, 8, SIZE_MAX};
    for (size_t i = 0; i < 4; i++) {
        void *p = object;
        CHECK(V_(try_alloc_to)(h, sizes[i], 8, &p) == TSP_BUSY && p == NULL);
        p = object;
        CHECK(V_(try_malloc)(h, sizes[i], &p) == (sized ? TSP_SIZED_HEAP : TSP_BUSY) && p == NULL);
        CHECK(V_(try_realloc)(h, object, sizes[i]) == (sized ? TSP_SIZED_HEAP : TSP_BUSY));
        p = object;
        CHECK(V_(try_alloc_to)(h, sizes[i], 3, &p) == TSP_BAD_ALIGNMENT && p == NULL);
    }
    CHECK(V_(try_free)(h, object) == (sized ? TSP_SIZED_HEAP : TSP_BUSY));
    CHECK(V_(try_free)(h, (char *)object + 1) == (sized ? TSP_SIZED_HEAP : TSP_BUSY)); /* nobody knows yet */
}

/* Stands for an interrupt handler that comes while the heap is locked. */
static int interrupt(void *context, void *start, size_t size, tsp_kind kind) {
    interruption *i = context;
    (void)start, (void)size, (void)kind;
    i->happened = 1;
    CHECK(V_(try_alloc)(i->heap, 8, 8) == NULL);
    CHECK(V_(try_dealloc)(i->heap, i->object, 8, 8) == TSP_BUSY);
    try_in_vain(i->heap, i->object);
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

/* As an interrupt handler sees a heap whose lock the program holds. */
TEST_BOTH(a_locked_heap_is_left_alone) {
    kitchen k = open_kitchen(40, sized);
    void *object = V_(alloc)(&k.heap, 8, 8);
    for (int round = 0; round < 2; round++) {
        unsigned long state = V_(lock)(&k.heap);
        remember(&k);
        CHECK(V_(try_alloc)(&k.heap, 8, 8) == NULL);
        CHECK(V_(try_dealloc)(&k.heap, object, 8, 8) == TSP_BUSY);
        try_in_vain(&k.heap, object);
        CHECK(misuse.count == 0);
        V_(unlock)(&k.heap, state);
        CHECK(is_unchanged(&k));
    }
    CHECK(V_(try_dealloc)(&k.heap, object, 8, 8) == TSP_OK);
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* -- Waiting instead of giving up --------------------------------------------------------------------------------- */

typedef struct patient {
    TSP_V *heap;
    void *object;
    int call, done;
} patient;

static void *patient_calls(void *argument) {
    patient *p = argument;
    switch (p->call) {
    case 0: p->object = V_(alloc)(p->heap, 8, 8); break;
    case 1: CHECK(V_(dealloc)(p->heap, p->object, 8, 8) == TSP_OK); break;
    case 2: p->object = V_(alloc_zeroed)(p->heap, 8, 8); break;
    case 3: p->object = V_(resize)(p->heap, p->object, 8, 16, 8); break;
    case 4: CHECK(V_(resize)(p->heap, p->object, 16, 0, 8) != NULL); break;
    case 5: CHECK(V_(once)(p->heap, slow_supplier, 0) == p->heap); break;
    }
    __atomic_store_n(&p->done, 1, __ATOMIC_RELEASE);
    return NULL;
}

TEST_BOTH(other_calls_wait) {
    kitchen k = open_kitchen(40, sized);
    patient p = {&k.heap, NULL, 0, 0};
    for (p.call = 0; p.call < 5; p.call++) {
        unsigned long state = V_(lock)(&k.heap);
        pthread_t thread;
        p.done = 0;
        CHECK(pthread_create(&thread, NULL, patient_calls, &p) == 0);
        usleep(5000);
        CHECK(!__atomic_load_n(&p.done, __ATOMIC_ACQUIRE));
        V_(unlock)(&k.heap, state);
        pthread_join(thread, NULL);
        CHECK(p.object != NULL && V_(usage)(&k.heap).objects == (p.call != 1 && p.call != 4));
    }
#if TSP_LOCK == TSP_LOCK_HOOKS
    CHECK(wrong == 0); /* what lock said came back */
#endif
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* Who makes a heap says so in its state, and that it is there only when it is. Done by hand, since the time between is
 * too short to be met in each run. */
TEST_BOTH(a_heap_in_the_making_is_waited_for) {
    enum { MAKING = 4 };
    kitchen k = open_kitchen(40, sized);
    patient p = {&k.heap, NULL, 5, 0};
    unsigned long state = V_(lock)(&k.heap);
    const unsigned char made = k.heap.state;
    pthread_t thread;
    supplied = 0;
    __atomic_store_n(&k.heap.state, (unsigned char)(made | MAKING), __ATOMIC_RELEASE);
    CHECK(pthread_create(&thread, NULL, patient_calls, &p) == 0);
    usleep(5000);
    CHECK(!__atomic_load_n(&p.done, __ATOMIC_ACQUIRE));
    __atomic_store_n(&k.heap.state, made, __ATOMIC_RELEASE);
    V_(unlock)(&k.heap, state);
    pthread_join(thread, NULL);
    CHECK(supplied == 0 && is_empty(&k));
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

/* -- Fork --------------------------------------------------------------------------------------------------------- */

static TSP_V *forked; /* the heap that the handlers below are for */
static unsigned long held;

static void before_fork(void) {
    if (forked) held = V_(lock)(forked);
}

static void after_fork(void) {
    if (forked) V_(unlock)(forked, held);
}

/* Holds the lock most of the time, and now and then gives the processor away while it does not: with fewer cores than
 * threads the others would spin for whole time slices. */
static void *hammers(void *argument) {
    TSP_V *heap = argument;
    for (unsigned i = 0; __atomic_load_n(&hammering, __ATOMIC_RELAXED); i++) {
        unsigned char *p = V_(alloc)(heap, 40, 8), *q = V_(alloc)(heap, 16, 8);
        if (p) V_(dealloc)(heap, p, 40, 8);
        if (q) q = V_(resize)(heap, q, 16, 24, 8);
        if (q) V_(dealloc)(heap, q, 24, 8);
        if (i % 16 == 0) sched_yield();
    }
    return NULL;
}

/* In the child, where the other threads are no more, and what they had stays. It may wait for nothing: no printing, no
 * malloc of the C library's. Returns what was wrong, as bits. */
static int child_uses(TSP_V *heap) {
    int wrongs = V_(check)(heap).status != TSP_OK;
    unsigned char *p = V_(alloc)(heap, 100, 8);
    if (p == NULL) return wrongs | 2;
    fill(p, 0, 100, 3);
    wrongs |= V_(check)(heap).status != TSP_OK ? 4 : 0;
    wrongs |= !keeps(p, 100, 3) ? 8 : 0;
    wrongs |= V_(dealloc)(heap, p, 100, 8) != TSP_OK ? 16 : 0;
    return wrongs | (V_(check)(heap).status != TSP_OK ? 32 : 0);
}

TEST_BOTH(children_can_use_the_heap) {
    kitchen k = open_kitchen(200, sized);
    pthread_t thread[4];
    static int registered;
    if (!registered++) CHECK(pthread_atfork(before_fork, after_fork, after_fork) == 0);
    hammering = 1;
    forked = &k.heap;
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&thread[i], NULL, hammers, &k.heap) == 0);
    for (int i = 0; i < FORKS; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0) {
            alarm(60); /* the parent's is not inherited; a child that waits for ever is one that failed */
            _exit(child_uses(&k.heap));
        }
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        if (!CHECK(status == 0)) break;
    }
    __atomic_store_n(&hammering, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    forked = NULL;
    CHECK(is_empty(&k));
    close_kitchen(&k);
}
