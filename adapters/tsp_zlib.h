/* zlib over a heap that remembers sizes. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP_ZLIB(tsp128k);                                                      once, outside functions
 *     z_stream stream = {.zalloc = tsp128k_zalloc, .zfree = tsp128k_zfree, .opaque = &spoon};
 *
 * Exhaustion: deflateInit, inflateInit and inflate return Z_MEM_ERROR. After deflateEnd or inflateEnd all is back. */
#ifndef TSP_ZLIB_H
#define TSP_ZLIB_H

#include <zlib.h>

#include "teaspoon.h"

#define TSP_ZLIB(V)                                                                                                    \
    static voidpf V##_zalloc(voidpf spoon, uInt count, uInt size) {                                                    \
        return V##_reallocarray((V *)spoon, NULL, count, size);                                                        \
    }                                                                                                                  \
    static void V##_zfree(voidpf spoon, voidpf pointer) {                                                              \
        V##_free((V *)spoon, pointer);                                                                                 \
    }                                                                                                                  \
    struct V##_zlib /* swallows the semicolon */

#endif
