/* MuJS over a heap that remembers sizes. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP_MUJS(tsp128k);                                       once, outside functions
 *     js_State *J = js_newstate(tsp128k_mujs, &spoon, 0);
 *
 * Exhaustion: the js_try, js_pcall or js_dostring that is running gets the exception "out of memory". js_newstate
 * returns NULL. Either may leave objects behind in MuJS 1.3.2, even after js_freestate: empty the heap with V_reset. */
#ifndef TSP_MUJS_H
#define TSP_MUJS_H

#include "teaspoon.h"

#define TSP_MUJS(V)                                                                                                    \
    static void *V##_mujs(void *spoon, void *pointer, int size) {                                                      \
        if (size > 0) return V##_realloc((V *)spoon, pointer, (size_t)size);                                           \
        V##_free((V *)spoon, pointer);                                                                                 \
        return NULL;                                                                                                   \
    }                                                                                                                  \
    struct V##_mujs /* swallows the semicolon */

#endif
