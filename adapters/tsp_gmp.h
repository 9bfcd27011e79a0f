/* GMP over a named sized heap: 0 bytes per object. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP128K_STATIC_SIZED(kitchen, 8 * 1024);     the heap
 *     TSP_GMP(tsp128k, kitchen, give_up);          defines kitchen_gmp()
 *     kitchen_gmp();                               before anything else of GMP
 *
 * Exhaustion: GMP knows no error for it and must not be given NULL, so give_up(size), a function of yours, is called
 * and must not return; if it does, the program aborts. It ends the program, or leaves the computation by longjmp (in
 * C++ by an exception). What GMP was working with is then lost to you, so empty the heap with V_reset before the next
 * one. */
#ifndef TSP_GMP_H
#define TSP_GMP_H

#include <stdlib.h>

#include <gmp.h>

#include "teaspoon.h"

#define TSP_GMP(V, name, give_up)                                                                                      \
    static void *name##_gmp_realloc(void *pointer, size_t old_size, size_t new_size) {                                 \
        void *result = V##_resize(name(), pointer, old_size, new_size, 8);                                             \
        if (result) return result;                                                                                     \
        give_up(new_size);                                                                                             \
        abort();                                                                                                       \
    }                                                                                                                  \
    static void *name##_gmp_malloc(size_t size) {                                                                      \
        return name##_gmp_realloc(NULL, 0, size);                                                                      \
    }                                                                                                                  \
    static void name##_gmp_free(void *pointer, size_t size) {                                                          \
        V##_resize(name(), pointer, size, 0, 8);                                                                       \
    }                                                                                                                  \
    static void name##_gmp(void) {                                                                                     \
        mp_set_memory_functions(name##_gmp_malloc, name##_gmp_realloc, name##_gmp_free);                               \
    }                                                                                                                  \
    struct name##_gmp /* swallows the semicolon */

#endif
