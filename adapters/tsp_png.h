/* libpng over a heap that remembers sizes. SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP_PNG(tsp128k);                                                       once, outside functions
 *     png_structp png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, NULL, failed, NULL,
 *                                                &spoon, tsp128k_png_malloc, tsp128k_png_free);
 *
 * And so for png_create_write_struct_2. What libpng has of zlib is in the heap too. Exhaustion: png_create_..._2
 * returns NULL; later png_error, which calls your function or longjmps to png_jmpbuf. After png_destroy_... all is
 * back. */
#ifndef TSP_PNG_H
#define TSP_PNG_H

#include <png.h>

#include "teaspoon.h"

#define TSP_PNG(V)                                                                                                     \
    static png_voidp V##_png_malloc(png_structp png, png_alloc_size_t size) {                                          \
        return V##_malloc((V *)png_get_mem_ptr(png), size);                                                            \
    }                                                                                                                  \
    static void V##_png_free(png_structp png, png_voidp pointer) {                                                     \
        V##_free((V *)png_get_mem_ptr(png), pointer);                                                                  \
    }                                                                                                                  \
    struct V##_png /* swallows the semicolon */

#endif
