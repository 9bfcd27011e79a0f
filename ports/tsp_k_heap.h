/* A heap in the shape of Zephyr's k_heap over teaspoon: 0 bytes per object and no header, and calls that wait for
 * memory. Copy it into your program and use tsp_k_heap_ where you used k_heap_ (Zephyr 3.5 and later):
 *
 *     static char bytes[8192];
 *     static struct tsp_k_heap heap;
 *
 *     tsp_k_heap_init(&heap, bytes, sizeof bytes);
 *     void *p = tsp_k_heap_alloc(&heap, 100, K_MSEC(10));
 *     tsp_k_heap_free(&heap, p);
 *
 * With TEASPOON_LOCK=2 (zephyr_lock.c) all threads, cores and handlers may share a heap; handlers with K_NO_WAIT. Who
 * waits is woken by every free and tries again: the first that finds room has it, whatever its priority.
 * SPDX-License-Identifier: BSD-3-Clause */
#ifndef TSP_K_HEAP_H
#define TSP_K_HEAP_H
#include <zephyr/kernel.h>

#include "teaspoon.h"

#ifndef TSP_K_HEAP_FAMILY
#define TSP_K_HEAP_FAMILY tsp128k
#endif
#define TSP_K_(name) TSP_K_JOIN_(TSP_K_HEAP_FAMILY, _##name)
#define TSP_K_JOIN_(a, b) TSP_K_JOIN2_(a, b)
#define TSP_K_JOIN2_(a, b) a##b

struct tsp_k_heap {
    TSP_K_HEAP_FAMILY heap;
    struct k_sem freed;
    atomic_t waiting;
};

static inline void tsp_k_heap_init(struct tsp_k_heap *h, void *memory, size_t bytes) {
    (void)k_sem_init(&h->freed, 0, K_SEM_MAX_LIMIT);
    h->waiting = 0;
    (void)TSP_K_(init)(&h->heap, memory, bytes);
}

/* align 0: that of malloc. */
static inline void *tsp_k_heap_try_(struct tsp_k_heap *h, void *object, size_t align, size_t bytes) {
    if (object) return TSP_K_(realloc)(&h->heap, object, bytes);
    return align ? TSP_K_(aligned_alloc)(&h->heap, align, bytes) : TSP_K_(malloc)(&h->heap, bytes);
}

/* It says that it waits before it looks, so that no free is missed. */
static inline void *tsp_k_heap_wait_(struct tsp_k_heap *h, void *object, size_t align, size_t bytes,
                                     k_timeout_t timeout) {
    const k_timepoint_t end = sys_timepoint_calc(timeout);
    void *result;
    if (bytes == 0) return NULL;
    if (K_TIMEOUT_EQ(timeout, K_NO_WAIT)) return tsp_k_heap_try_(h, object, align, bytes);
    (void)atomic_inc(&h->waiting);
    while ((result = tsp_k_heap_try_(h, object, align, bytes)) == NULL)
        if (k_sem_take(&h->freed, sys_timepoint_timeout(end)) != 0) break;
    (void)atomic_dec(&h->waiting);
    return result;
}

static inline void *tsp_k_heap_alloc(struct tsp_k_heap *h, size_t bytes, k_timeout_t timeout) {
    return tsp_k_heap_wait_(h, NULL, 0, bytes, timeout);
}

static inline void *tsp_k_heap_aligned_alloc(struct tsp_k_heap *h, size_t align, size_t bytes, k_timeout_t timeout) {
    return tsp_k_heap_wait_(h, NULL, align, bytes, timeout);
}

static inline void *tsp_k_heap_calloc(struct tsp_k_heap *h, size_t count, size_t size, k_timeout_t timeout) {
    unsigned char *object = NULL;
    size_t i;
    if (size && count > (size_t)-1 / size) return NULL;
    object = (unsigned char *)tsp_k_heap_wait_(h, NULL, 0, count * size, timeout);
    for (i = 0; object && i < count * size; ++i) object[i] = 0;
    return object;
}

static inline void tsp_k_heap_free(struct tsp_k_heap *h, void *object) {
    int waiting;
    TSP_K_(free)(&h->heap, object);
    for (waiting = (int)atomic_get(&h->waiting); waiting > 0; --waiting) k_sem_give(&h->freed);
}

/* As k_heap_realloc: NULL allocates, and 0 bytes give the object back. */
static inline void *tsp_k_heap_realloc(struct tsp_k_heap *h, void *object, size_t bytes, k_timeout_t timeout) {
    if (bytes == 0 && object) tsp_k_heap_free(h, object);
    return tsp_k_heap_wait_(h, object, 0, bytes, timeout);
}

#endif
