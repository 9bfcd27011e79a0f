/* FreeType over a heap that remembers sizes (its realloc says the old size, but its free does not).
 * SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP_FREETYPE(tsp128k);                                            once, outside functions
 *     struct FT_MemoryRec_ memory = tsp128k_freetype(&spoon);           must live as long as the library
 *     FT_New_Library(&memory, &library);
 *     FT_Add_Default_Modules(library);
 *
 * Exhaustion: the call at hand returns FT_Err_Out_Of_Memory. After FT_Done_Library the heap is empty. */
#ifndef TSP_FREETYPE_H
#define TSP_FREETYPE_H

#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_MODULE_H

#include "teaspoon.h"

#define TSP_FREETYPE(V)                                                                                                \
    static void *V##_ft_alloc(FT_Memory memory, long size) {                                                           \
        return V##_malloc((V *)memory->user, (size_t)size);                                                            \
    }                                                                                                                  \
    static void V##_ft_free(FT_Memory memory, void *pointer) {                                                         \
        V##_free((V *)memory->user, pointer);                                                                          \
    }                                                                                                                  \
    static void *V##_ft_realloc(FT_Memory memory, long old_size, long new_size, void *pointer) {                       \
        (void)old_size;                                                                                                \
        return V##_realloc((V *)memory->user, pointer, (size_t)new_size);                                              \
    }                                                                                                                  \
    static struct FT_MemoryRec_ V##_freetype(V *spoon) {                                                               \
        struct FT_MemoryRec_ memory = {spoon, V##_ft_alloc, V##_ft_free, V##_ft_realloc};                              \
        return memory;                                                                                                 \
    }                                                                                                                  \
    struct V##_freetype /* swallows the semicolon */

#endif
