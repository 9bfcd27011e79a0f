/* SQLite over a named heap that remembers sizes. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP16M_STATIC(kitchen, 72 * 1024);                        the heap; SQLite has no context pointer to find it by
 *     TSP_SQLITE(tsp16m, kitchen);                              defines kitchen_sqlite
 *     sqlite3_config(SQLITE_CONFIG_MALLOC, &kitchen_sqlite);    before anything else of SQLite
 *
 * Exhaustion: the call at hand returns SQLITE_NOMEM, "out of memory". After sqlite3_shutdown the heap is empty. */
#ifndef TSP_SQLITE_H
#define TSP_SQLITE_H

#include <sqlite3.h>

#include "teaspoon.h"

/* SQLite wants alignments of 8, where malloc may owe 16, and lets its own sizes grow to what xRoundup returns. */
#define TSP_SQLITE(V, name)                                                                                            \
    static void *name##_sqlite_malloc(int size) {                                                                      \
        return V##_alloc(name(), (size_t)size, 8);                                                                     \
    }                                                                                                                  \
    static void name##_sqlite_free(void *pointer) {                                                                    \
        V##_free(name(), pointer);                                                                                     \
    }                                                                                                                  \
    static void *name##_sqlite_realloc(void *pointer, int size) {                                                      \
        return V##_resize(name(), pointer, V##_usable_size(name(), pointer), (size_t)size, 8);                         \
    }                                                                                                                  \
    static int name##_sqlite_size(void *pointer) {                                                                     \
        return (int)V##_usable_size(name(), pointer);                                                                  \
    }                                                                                                                  \
    static int name##_sqlite_roundup(int size) {                                                                       \
        return (size + (TSP_ROUND - 1)) / TSP_ROUND * TSP_ROUND;                                                       \
    }                                                                                                                  \
    static int name##_sqlite_init(void *context) {                                                                     \
        (void)context;                                                                                                 \
        return SQLITE_OK;                                                                                              \
    }                                                                                                                  \
    static void name##_sqlite_shutdown(void *context) {                                                                \
        (void)context;                                                                                                 \
    }                                                                                                                  \
    static const sqlite3_mem_methods name##_sqlite = {                                                                 \
        name##_sqlite_malloc,  name##_sqlite_free, name##_sqlite_realloc,  name##_sqlite_size,                         \
        name##_sqlite_roundup, name##_sqlite_init, name##_sqlite_shutdown, NULL}

#endif
