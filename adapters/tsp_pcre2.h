/* PCRE2 over a heap that remembers sizes. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP_PCRE2(tsp128k);                      once, outside functions
 *     pcre2_general_context *kitchen = pcre2_general_context_create(tsp128k_pcre2_malloc, tsp128k_pcre2_free, &spoon);
 *
 * Exhaustion: what creates something returns NULL, with PCRE2_ERROR_HEAP_FAILED where there is an error code;
 * pcre2_match returns PCRE2_ERROR_NOMEMORY. What was created before stays good. */
#ifndef TSP_PCRE2_H
#define TSP_PCRE2_H

#include "teaspoon.h"

#define TSP_PCRE2(V)                                                                                                   \
    static void *V##_pcre2_malloc(size_t size, void *spoon) {                                                          \
        return V##_malloc((V *)spoon, size);                                                                           \
    }                                                                                                                  \
    static void V##_pcre2_free(void *pointer, void *spoon) {                                                           \
        V##_free((V *)spoon, pointer);                                                                                 \
    }                                                                                                                  \
    struct V##_pcre2 /* swallows the semicolon */

#endif
