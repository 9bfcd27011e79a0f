/* Calls that wait for memory, of tsp_k_heap.h and (with BYTE_POOL) tsp_byte_pool.h, under threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) check(!!(condition), #condition, __LINE__)

static void check(int holds, const char *condition, int line) {
    if (holds) return;
    printf("waiting.c:%d: %s\n", line, condition);
    exit(1);
}

#ifdef BYTE_POOL
#include "tsp_byte_pool.h"

TSP_BYTE_POOL_LOCK;
static pthread_mutex_t interrupts = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static UINT posture;

UINT tx_interrupt_control(UINT next) { /* disabling waits for who has disabled them */
    UINT last;
    if (next) (void)pthread_mutex_lock(&interrupts);
    last = posture;
    posture = next;
    if (!next) (void)pthread_mutex_unlock(&interrupts);
    return last;
}

static TSP_BYTE_POOL heap;

static void make(void *bytes, size_t size) {
    CHECK(tsp_byte_pool_create(&heap, "pool", NULL, 0) == TX_PTR_ERROR);
    CHECK(tsp_byte_pool_create(&heap, "pool", bytes, 2) == TX_SIZE_ERROR);
    CHECK(tsp_byte_pool_create(&heap, "pool", bytes, size) == TX_SUCCESS);
}

static void *take(size_t size, long ms) { /* -1: for ever */
    void *p = &heap;
    const UINT status = tsp_byte_allocate(&heap, &p, size, ms < 0 ? TX_WAIT_FOREVER : (ULONG)ms);
    CHECK(status == (p ? TX_SUCCESS : TX_NO_MEMORY));
    return p;
}

static void give(void *p) {
    CHECK(tsp_byte_release(&heap, p) == TX_SUCCESS);
}

static void others(void) {
    void *p = take(10, 0);
    give(p);
    CHECK(tsp_byte_release(&heap, p) == TX_PTR_ERROR && tsp_byte_release(&heap, NULL) == TX_PTR_ERROR);
    CHECK(tsp_byte_allocate(&heap, &p, 0, 0) == TX_SIZE_ERROR);
    CHECK(tsp_byte_pool_delete(&heap) == TX_SUCCESS);
}
#else
#include "tsp_k_heap.h"

static struct tsp_k_heap heap;

static void make(void *bytes, size_t size) {
    tsp_k_heap_init(&heap, bytes, size);
}

static void *take(size_t size, long ms) {
    return tsp_k_heap_alloc(&heap, size, ms < 0 ? K_FOREVER : K_MSEC(ms));
}

static void give(void *p) {
    tsp_k_heap_free(&heap, p);
}

static void others(void) {
    unsigned char *p = tsp_k_heap_aligned_alloc(&heap, 64, 10, K_NO_WAIT);
    CHECK(p && (size_t)p % 64 == 0);
    memset(p, 1, 10);
    p = tsp_k_heap_realloc(&heap, p, 100, K_NO_WAIT);
    CHECK(p && p[9] == 1);
    CHECK(tsp_k_heap_realloc(&heap, p, 0, K_NO_WAIT) == NULL);
    p = tsp_k_heap_calloc(&heap, 10, 10, K_NO_WAIT);
    CHECK(p && p[99] == 0);
    CHECK(tsp_k_heap_calloc(&heap, (size_t)-1, 2, K_NO_WAIT) == NULL);
    give(p);
    CHECK(tsp_k_heap_alloc(&heap, 0, K_FOREVER) == NULL);
}
#endif

enum { THREADS = 4, TURNS = 500 };

static void *run(void *unused) {
    for (int turn = 0; turn < TURNS; turn++) {
        unsigned char *p = take(400, -1); /* there is room for two of four */
        CHECK(p);
        memset(p, turn, 400);
        CHECK(p[399] == (unsigned char)turn);
        give(p);
    }
    return unused;
}

int main(void) {
    static unsigned long bytes[1024 / sizeof(unsigned long)];
    pthread_t threads[THREADS];
    void *p;
    make(bytes, sizeof bytes);
    p = take(900, 0);
    CHECK(p && take(200, 0) == NULL && take(200, 20) == NULL); /* not at once, and not in time */
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, run, NULL);
    give(p);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    others();
    return 0;
}
