/* ThreadX's byte pool over teaspoon: no header per object, and misuse is noticed. Copy it into your program, compile
 * teaspoon and all that uses it with -DTSP_LOCK=2, put TSP_BYTE_POOL_LOCK; into one source file, and use tsp_byte_ where
 * you used tx_byte_; a release names its pool:
 *
 *     static TSP_BYTE_POOL pool;
 *     static ULONG bytes[2048];
 *
 *     tsp_byte_pool_create(&pool, "pool", bytes, sizeof bytes);
 *     if (tsp_byte_allocate(&pool, &p, 100, TX_WAIT_FOREVER) == TX_SUCCESS) tsp_byte_release(&pool, p);
 *
 * Interrupts are disabled while a call works, as in ThreadX's own sections; handlers may call with TX_NO_WAIT. Who waits
 * is woken by every release and tries again: the first that finds room has it. SPDX-License-Identifier: BSD-3-Clause */
#ifndef TSP_BYTE_POOL_H
#define TSP_BYTE_POOL_H
#include "teaspoon.h"
#include "tx_api.h"

#ifndef TSP_BYTE_POOL_FAMILY
#define TSP_BYTE_POOL_FAMILY tsp128k
#endif
#define TSP_TX_(name) TSP_TX_JOIN_(TSP_BYTE_POOL_FAMILY, _##name)
#define TSP_TX_JOIN_(a, b) TSP_TX_JOIN2_(a, b)
#define TSP_TX_JOIN2_(a, b) a##b

#define TSP_BYTE_POOL_LOCK                                                                                             \
    unsigned long tsp_lock(const void *heap) {                                                                         \
        (void)heap;                                                                                                    \
        return tx_interrupt_control(TX_INT_DISABLE);                                                                   \
    }                                                                                                                  \
    int tsp_try_lock(const void *heap, unsigned long *state) {                                                         \
        *state = tsp_lock(heap);                                                                                       \
        return 1;                                                                                                      \
    }                                                                                                                  \
    void tsp_unlock(const void *heap, unsigned long state) {                                                           \
        (void)heap;                                                                                                    \
        (void)tx_interrupt_control((UINT)state);                                                                       \
    }                                                                                                                  \
    void tsp_unlock(const void *heap, unsigned long state) /* swallows the semicolon */

typedef struct TSP_BYTE_POOL {
    TSP_BYTE_POOL_FAMILY heap;
    TX_SEMAPHORE freed;
    volatile UINT waiting;
} TSP_BYTE_POOL;

static inline UINT tsp_byte_pool_create(TSP_BYTE_POOL *pool, CHAR *name, VOID *start, ULONG size) {
    pool->waiting = 0;
    if (TSP_TX_(init)(&pool->heap, start, size) == 0) return start ? TX_SIZE_ERROR : TX_PTR_ERROR;
    return tx_semaphore_create(&pool->freed, name, 0);
}

static inline UINT tsp_byte_pool_delete(TSP_BYTE_POOL *pool) { /* who waits gets TX_NO_MEMORY */
    return tx_semaphore_delete(&pool->freed);
}

static inline VOID tsp_byte_wait_(TSP_BYTE_POOL *pool, UINT more) {
    const unsigned long state = tsp_lock(pool);
    pool->waiting += more;
    tsp_unlock(pool, state);
}

/* It says that it waits before it looks, so that no release is missed. */
static inline UINT tsp_byte_allocate(TSP_BYTE_POOL *pool, VOID **memory, ULONG size, ULONG wait) {
    const ULONG began = tx_time_get();
    *memory = NULL;
    if (size == 0) return TX_SIZE_ERROR;
    if (wait != TX_NO_WAIT) tsp_byte_wait_(pool, 1);
    while ((*memory = TSP_TX_(malloc)(&pool->heap, size)) == NULL && wait != TX_NO_WAIT) {
        const ULONG waited = tx_time_get() - began;
        ULONG left = wait;
        if (wait != TX_WAIT_FOREVER) left = waited < wait ? wait - waited : TX_NO_WAIT;
        if (tx_semaphore_get(&pool->freed, left) != TX_SUCCESS) break;
    }
    if (wait != TX_NO_WAIT) tsp_byte_wait_(pool, (UINT)-1);
    return *memory ? TX_SUCCESS : TX_NO_MEMORY;
}

static inline UINT tsp_byte_release(TSP_BYTE_POOL *pool, VOID *memory) {
    UINT waiting;
    if (memory == NULL || TSP_TX_(try_free)(&pool->heap, memory) != TSP_OK) return TX_PTR_ERROR;
    for (waiting = pool->waiting; waiting; --waiting) (void)tx_semaphore_put(&pool->freed);
    return TX_SUCCESS;
}

#endif
