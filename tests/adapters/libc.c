/* The calls of teaspoon.h that adapters and their examples make, over libc's malloc: linked in the library's place it
 * shows what a program prints without us. Sizes that come back wrong end it. SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "teaspoon.h"

typedef union head {
    size_t size; /* of the object that begins behind it */
    max_align_t aligned;
} head;

static void *take(void *pointer, size_t size) {
    head *old = pointer ? (head *)pointer - 1 : NULL;
    head *new = realloc(old, sizeof *new + size);
    if (new == NULL) return NULL;
    new->size = size;
    return new + 1;
}

static void give(void *pointer) {
    if (pointer) free((head *)pointer - 1);
}

static void same(void *pointer, size_t size) {
    if (pointer == NULL || ((head *)pointer - 1)->size == size) return;
    (void)fprintf(stderr, "libc: %zu bytes come back as %zu\n", ((head *)pointer - 1)->size, size);
    abort();
}

#define TSP_OVER_LIBC(V)                                                                                               \
    size_t V##_init(V *spoon, void *memory, size_t size) {                                                             \
        return (void)spoon, (void)memory, size;                                                                        \
    }                                                                                                                  \
    size_t V##_init_sized(V *spoon, void *memory, size_t size) {                                                       \
        return (void)spoon, (void)memory, size;                                                                        \
    }                                                                                                                  \
    V *V##_once_over(V *spoon, void *memory, size_t size, int sized) {                                                 \
        return (void)memory, (void)size, (void)sized, spoon;                                                           \
    }                                                                                                                  \
    void V##_reset(V *spoon) {                                                                                         \
        (void)spoon;                                                                                                   \
    }                                                                                                                  \
    void *V##_alloc(V *spoon, size_t size, size_t align) {                                                             \
        return (void)spoon, (void)align, take(NULL, size);                                                             \
    }                                                                                                                  \
    tsp_status V##_dealloc(V *spoon, void *pointer, size_t size, size_t align) {                                       \
        (void)spoon, (void)align, same(pointer, size), give(pointer);                                                  \
        return TSP_OK;                                                                                                 \
    }                                                                                                                  \
    void *V##_resize(V *spoon, void *pointer, size_t old_size, size_t new_size, size_t align) {                        \
        (void)spoon, (void)align, same(pointer, old_size);                                                             \
        return take(pointer, new_size);                                                                                \
    }                                                                                                                  \
    void *V##_malloc(V *spoon, size_t size) {                                                                          \
        return (void)spoon, take(NULL, size);                                                                          \
    }                                                                                                                  \
    void *V##_calloc(V *spoon, size_t count, size_t size) {                                                            \
        void *object = take(NULL, count * size);                                                                       \
        return (void)spoon, object ? memset(object, 0, count * size) : NULL;                                           \
    }                                                                                                                  \
    void *V##_realloc(V *spoon, void *pointer, size_t size) {                                                          \
        return (void)spoon, take(pointer, size);                                                                       \
    }                                                                                                                  \
    void *V##_reallocarray(V *spoon, void *pointer, size_t count, size_t size) {                                       \
        return (void)spoon, take(pointer, size * count);                                                               \
    }                                                                                                                  \
    void V##_free(V *spoon, void *pointer) {                                                                           \
        (void)spoon, give(pointer);                                                                                    \
    }                                                                                                                  \
    size_t V##_usable_size(V *spoon, const void *pointer) {                                                            \
        return (void)spoon, pointer ? ((const head *)pointer - 1)->size : 0;                                           \
    }                                                                                                                  \
    size_t V##_largest(V *spoon, size_t align) {                                                                       \
        return (void)spoon, (void)align, SIZE_MAX;                                                                     \
    }                                                                                                                  \
    tsp_usage V##_usage(V *spoon) {                                                                                    \
        static const tsp_usage none;                                                                                   \
        return (void)spoon, none;                                                                                      \
    }

TSP_OVER_LIBC(tsp128k)
TSP_OVER_LIBC(tsp16m)
