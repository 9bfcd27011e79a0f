/* The malloc of a whole bare-metal program, over a named heap: for newlib, newlib-nano and picolibc.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP128K_STATIC(kitchen, 8 * 1024);     a heap that remembers sizes
 *     TSP_NEWLIB(tsp128k, kitchen);          once in the program
 *
 * With these two lines in one source file, malloc, calloc, realloc, reallocarray, free, aligned_alloc, memalign,
 * posix_memalign and malloc_usable_size are the heap's, for printf, strdup and C++'s new too. Nothing of libc's own
 * malloc is linked, and no _sbrk is needed; kitchen() is there for tsp128k_usage and the like. Any function that
 * returns the heap will do for the name. If it shall have the RAM that the linker script leaves over:
 *
 *     extern char __heap_start[], __heap_end[];
 *     static void *rest(size_t *size) {
 *         *size = (size_t)(__heap_end - __heap_start);
 *         return __heap_start;
 *     }
 *     TSP128K_LAZY(kitchen, rest);
 *
 * Alignment: TSP_MALLOC_ALIGN's. That is 8, which is right for ARM; on RISC-V, where long double wants 16, compile the
 * library with -DTSP_MALLOC_ALIGN=16 if the program has any.
 *
 * Exhaustion: NULL, and errno is ENOMEM. Misuse: define tsp_misuse, or build with -DTSP_FREESTANDING, which traps; the
 * default is a line on stderr, and stdio with it. Locks are TSP_LOCK's: 0 if only one thread and no interrupt handler
 * allocates, else hooks (tests/newlib/test.c has those for Cortex-M). What asks for the state of libc's own malloc
 * (mallinfo, malloc_stats) does not link: "multiple definition of malloc", or of _malloc_r. */
#ifndef TSP_NEWLIB_H
#define TSP_NEWLIB_H

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "teaspoon.h"

/* Everything in newlib calls _malloc_r and its kin, malloc too; in picolibc it calls malloc. */
#if defined(__PICOLIBC__)
#define TSP_ENTRY_(function) function
#define TSP_REENT_
#define TSP_ERRNO_ (&errno)
#define TSP_ALIGNED_TOO_(V, name) /* its posix_memalign calls memalign */                                              \
    TSP_C_ void *aligned_alloc(size_t align, size_t size) {                                                            \
        return memalign(align, size);                                                                                  \
    }
#elif defined(__NEWLIB__)
#include <reent.h>
#define TSP_ENTRY_(function) _##function##_r
#define TSP_REENT_ __attribute__((unused)) struct _reent *reent,
#define TSP_ERRNO_ (&__errno_r(reent))
#define TSP_ALIGNED_TOO_(V, name) /* newlib has none, though its aligned_alloc calls it */                             \
    TSP_C_ int posix_memalign(void **result, size_t align, size_t size) {                                              \
        int error = align % sizeof(void *) ? EINVAL : 0;                                                               \
        void *object = error ? NULL : tsp_or_errno(&error, V##_aligned_alloc(name(), align, size + !size), align);     \
        if (object) *result = object;                                                                                  \
        return error;                                                                                                  \
    }
#else
#error "this C library is neither newlib nor picolibc"
#endif

#ifdef __cplusplus
#define TSP_C_ extern "C" __attribute__((used)) /* by libc, which a link-time optimiser does not see */
#else
#define TSP_C_ __attribute__((used))
#endif

static inline void *tsp_or_errno(int *error, void *object, size_t align) {
    if (object == NULL) *error = align && !(align & (align - 1)) ? ENOMEM : EINVAL;
    return object;
}

#define TSP_NEWLIB(V, name)                                                                                            \
    TSP_C_ void *TSP_ENTRY_(malloc)(TSP_REENT_ size_t size) {                                                          \
        return tsp_or_errno(TSP_ERRNO_, V##_malloc(name(), size), 1);                                                  \
    }                                                                                                                  \
    TSP_C_ void *TSP_ENTRY_(calloc)(TSP_REENT_ size_t count, size_t size) {                                            \
        return tsp_or_errno(TSP_ERRNO_, V##_calloc(name(), count, size), 1);                                           \
    }                                                                                                                  \
    TSP_C_ void *TSP_ENTRY_(realloc)(TSP_REENT_ void *pointer, size_t size) {                                          \
        return tsp_or_errno(TSP_ERRNO_, V##_realloc(name(), pointer, size), 1);                                        \
    }                                                                                                                  \
    TSP_C_ void TSP_ENTRY_(free)(TSP_REENT_ void *pointer) {                                                           \
        V##_free(name(), pointer);                                                                                     \
    }                                                                                                                  \
    TSP_C_ void *TSP_ENTRY_(memalign)(TSP_REENT_ size_t align, size_t size) {                                          \
        return tsp_or_errno(TSP_ERRNO_, V##_aligned_alloc(name(), align, size + !size), align);                        \
    }                                                                                                                  \
    TSP_C_ size_t TSP_ENTRY_(malloc_usable_size)(TSP_REENT_ void *pointer) {                                           \
        return V##_usable_size(name(), pointer);                                                                       \
    }                                                                                                                  \
    TSP_ALIGNED_TOO_(V, name)                                                                                          \
    struct name##_newlib /* swallows the semicolon */

#endif
