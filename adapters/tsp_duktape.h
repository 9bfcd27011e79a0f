/* Duktape over a heap that remembers sizes. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP_DUKTAPE(tsp128k);                              once, outside functions
 *     duk_context *ctx = duk_create_heap(tsp128k_duk_alloc, tsp128k_duk_realloc, tsp128k_duk_free, &spoon, fatal);
 *
 * Exhaustion: Duktape collects its garbage and asks again; if that fails too, the protected call that is running
 * (duk_pcall, duk_peval, duk_safe_call) gets an Error, "alloc failed". But duk_create_heap of Duktape 2.7.0 does not
 * survive it: it calls fatal, recurses without end, or writes past its stack. So look beforehand whether there is
 * room for it: Debian's build needs 110 KiB on a 64-bit machine. */
#ifndef TSP_DUKTAPE_H
#define TSP_DUKTAPE_H

#include "teaspoon.h"

/* Duktape wants alignments of 8, where malloc may owe 16. */
#define TSP_DUKTAPE(V)                                                                                                 \
    static void *V##_duk_alloc(void *spoon, size_t size) {                                                             \
        return V##_alloc((V *)spoon, size, 8);                                                                         \
    }                                                                                                                  \
    static void *V##_duk_realloc(void *spoon, void *pointer, size_t size) {                                            \
        return V##_resize((V *)spoon, pointer, V##_usable_size((V *)spoon, pointer), size, 8);                         \
    }                                                                                                                  \
    static void V##_duk_free(void *spoon, void *pointer) {                                                             \
        V##_free((V *)spoon, pointer);                                                                                 \
    }                                                                                                                  \
    struct V##_duk /* swallows the semicolon */

#endif
