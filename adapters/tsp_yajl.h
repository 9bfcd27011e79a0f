/* YAJL over a heap that remembers sizes. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP_YAJL(tsp128k, give_up);                                             once, outside functions
 *     yajl_alloc_funcs functions = tsp128k_yajl(&spoon);
 *     yajl_gen gen = yajl_gen_alloc(&functions);                              or yajl_alloc(&callbacks, &functions, &c)
 *
 * Exhaustion: YAJL 2.1 uses what it asked for without a look. So give_up(size) is called, which must not return:
 * longjmp out, and V_reset. */
#ifndef TSP_YAJL_H
#define TSP_YAJL_H

#include <yajl/yajl_common.h>

#include "teaspoon.h"

#define TSP_YAJL(V, give_up)                                                                                           \
    static void *V##_yajl_malloc(void *spoon, size_t size) {                                                           \
        void *object = V##_malloc((V *)spoon, size);                                                                   \
        if (object == NULL) give_up(size);                                                                             \
        return object;                                                                                                 \
    }                                                                                                                  \
    static void *V##_yajl_realloc(void *spoon, void *pointer, size_t size) {                                           \
        void *object = V##_realloc((V *)spoon, pointer, size);                                                         \
        if (object == NULL) give_up(size);                                                                             \
        return object;                                                                                                 \
    }                                                                                                                  \
    static void V##_yajl_free(void *spoon, void *pointer) {                                                            \
        V##_free((V *)spoon, pointer);                                                                                 \
    }                                                                                                                  \
    static yajl_alloc_funcs V##_yajl(V *spoon) {                                                                       \
        yajl_alloc_funcs functions = {V##_yajl_malloc, V##_yajl_realloc, V##_yajl_free, spoon};                        \
        return functions;                                                                                              \
    }                                                                                                                  \
    struct V##_yj /* swallows the semicolon */

#endif
