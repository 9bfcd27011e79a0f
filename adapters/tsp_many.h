/* Several heaps with one set of calls: two banks of SRAM, a slow large one, one that DMA can reach.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 *     TSP_MANY(tsp128k);                                          once, outside functions, of any family
 *
 *     static tsp128k fast, large;                                 made as ever, all of one kind
 *     static tsp128k_region regions[] = {                         in order of preference
 *         {&fast, FAST},
 *         {&large, LARGE | DMA},                                  bits of your own choosing
 *     };
 *     static tsp128k_many pantry = {regions, 2};
 *
 *     void *p = tsp128k_many_alloc(&pantry, 0, 100, 8);           from the first region that has room
 *     void *q = tsp128k_many_alloc(&pantry, DMA, 512, 32);        from the first that has all of these bits, and room
 *     tsp128k_many_dealloc(&pantry, p, 100, 8);                   the address says which it is
 *
 * By size: give large objects a bit that only the regions have which are meant for them.
 *
 * M_ is V_many_:
 *
 * void *M_alloc(many, bits, size, align)                for both kinds of heap, as V_alloc and its kin
 * tsp_status M_dealloc(many, pointer, size, align)
 * void *M_resize(many, bits, pointer, old_size, new_size, align)
 * void *M_malloc(many, bits, size)                      for heaps that remember sizes, as V_malloc and its kin
 * void *M_realloc(many, bits, pointer, size)
 * void M_free(many, pointer)
 * size_t M_usable_size(many, pointer)
 * V *M_find(many, pointer)                              whose object it is; NULL: of none of them
 *
 * An object that grows stays in its region as long as that has room, if it has the bits; else it moves to the first
 * that has. NULL: no region with these bits had room, and each of them has counted a failed request; the old object is
 * as it was. Size 0 gives what the first region with these bits gives, the address of its handle; with none it is NULL.
 * A pointer that is of no region is foreign: M_dealloc returns that, and the others report it to tsp_misuse, with many
 * for the heap. Handles lie outside all regions. Each call takes the lock of one region at a time, so threads may share
 * them all as they share one; cost: as V_, for each region that is tried, and a few steps for each that is passed.
 * Handlers: no, but M_find. */
#ifndef TSP_MANY_H
#define TSP_MANY_H

#include <string.h>

#include "teaspoon.h"

#ifdef __GNUC__
#define TSP_MANY_ __attribute__((unused)) static /* nobody needs all of them */
#else
#define TSP_MANY_ static
#endif

#define TSP_MANY(V)                                                                                                    \
    typedef struct V##_region {                                                                                        \
        V *heap;                                                                                                       \
        unsigned bits;                                                                                                 \
    } V##_region;                                                                                                      \
    typedef struct V##_many {                                                                                          \
        const V##_region *regions;                                                                                     \
        size_t count;                                                                                                  \
    } V##_many;                                                                                                        \
                                                                                                                       \
    /* An object of size 0 has its heap's address, or, from V_alloc with an unusual alignment, none that is known. */  \
    TSP_MANY_ const V##_region *V##_many_region(const V##_many *many, const void *pointer) {                           \
        size_t i;                                                                                                      \
        for (i = 0; i < many->count; i++) {                                                                            \
            const V *heap = many->regions[i].heap;                                                                     \
            if (V##_contains(heap, pointer) || pointer == (const void *)heap) return &many->regions[i];                \
        }                                                                                                              \
        return NULL;                                                                                                   \
    }                                                                                                                  \
    TSP_MANY_ V *V##_many_find(const V##_many *many, const void *pointer) {                                            \
        const V##_region *region = V##_many_region(many, pointer);                                                     \
        return region ? region->heap : NULL;                                                                           \
    }                                                                                                                  \
    TSP_MANY_ void *V##_many_alloc(const V##_many *many, unsigned bits, size_t size, size_t align) {                   \
        void *object = NULL;                                                                                           \
        size_t i;                                                                                                      \
        for (i = 0; i < many->count && object == NULL; i++)                                                            \
            if ((many->regions[i].bits & bits) == bits) object = V##_alloc(many->regions[i].heap, size, align);        \
        return object;                                                                                                 \
    }                                                                                                                  \
    TSP_MANY_ void *V##_many_malloc(const V##_many *many, unsigned bits, size_t size) {                                \
        void *object = NULL;                                                                                           \
        size_t i;                                                                                                      \
        for (i = 0; i < many->count && object == NULL; i++)                                                            \
            if ((many->regions[i].bits & bits) == bits) object = V##_malloc(many->regions[i].heap, size);              \
        return object;                                                                                                 \
    }                                                                                                                  \
    TSP_MANY_ tsp_status V##_many_dealloc(const V##_many *many, void *pointer, size_t size, size_t align) {            \
        V *heap = V##_many_find(many, pointer);                                                                        \
        if (heap == NULL && many->count) heap = many->regions[0].heap; /* which says what it is */                     \
        return heap ? V##_dealloc(heap, pointer, size, align) : TSP_FOREIGN;                                           \
    }                                                                                                                  \
    TSP_MANY_ void V##_many_free(const V##_many *many, void *pointer) {                                                \
        V *heap = V##_many_find(many, pointer);                                                                        \
        if (heap) V##_free(heap, pointer);                                                                             \
        else if (pointer) tsp_misuse(many, pointer, TSP_FOREIGN);                                                      \
    }                                                                                                                  \
    TSP_MANY_ size_t V##_many_usable_size(const V##_many *many, const void *pointer) {                                 \
        V *heap = V##_many_find(many, pointer);                                                                        \
        if (heap) return V##_usable_size(heap, pointer);                                                               \
        if (pointer) tsp_misuse(many, pointer, TSP_FOREIGN);                                                           \
        return 0;                                                                                                      \
    }                                                                                                                  \
    /* An object for bytes of one that is in another region, or in none with these bits. */                            \
    TSP_MANY_ void *V##_many_move(const V##_many *many, unsigned bits, const V##_region *from, const void *pointer,    \
                                  size_t old_size, size_t size, size_t align) {                                        \
        size_t i;                                                                                                      \
        for (i = 0; i < many->count; i++) {                                                                            \
            const V##_region *to = &many->regions[i];                                                                  \
            void *object;                                                                                              \
            if (to == from || (to->bits & bits) != bits) continue;                                                     \
            object = align ? V##_alloc(to->heap, size, align) : V##_malloc(to->heap, size);                            \
            if (object) return memcpy(object, pointer, old_size < size ? old_size : size);                             \
        }                                                                                                              \
        return NULL;                                                                                                   \
    }                                                                                                                  \
    TSP_MANY_ void *V##_many_resize(const V##_many *many, unsigned bits, void *pointer, size_t old_size,               \
                                    size_t new_size, size_t align) {                                                   \
        const V##_region *from = V##_many_region(many, pointer);                                                       \
        void *object;                                                                                                  \
        tsp_status status;                                                                                             \
        if (pointer == NULL || (old_size == 0 && (from == NULL || pointer == (void *)from->heap)))                     \
            return V##_many_alloc(many, bits, new_size, align);                                                        \
        if (from == NULL) return tsp_misuse(many, pointer, TSP_FOREIGN), (void *)NULL;                                 \
        if (new_size == 0) return V##_resize(from->heap, pointer, old_size, 0, align);                                 \
        status = V##_resize_in_place(from->heap, pointer, old_size, old_size, 1); /* is it one? */                     \
        if (status == TSP_OK && (align == 0 || (align & (align - 1)))) status = TSP_BAD_ALIGNMENT;                     \
        if (status != TSP_OK) return tsp_misuse(from->heap, pointer, status), (void *)NULL;                            \
        object = (from->bits & bits) == bits ? V##_resize(from->heap, pointer, old_size, new_size, align) : NULL;      \
        if (object) return object;                                                                                     \
        object = V##_many_move(many, bits, from, pointer, old_size, new_size, align);                                  \
        if (object) (void)V##_dealloc(from->heap, pointer, old_size, 1);                                               \
        return object;                                                                                                 \
    }                                                                                                                  \
    TSP_MANY_ void *V##_many_realloc(const V##_many *many, unsigned bits, void *pointer, size_t size) {                \
        const V##_region *from = V##_many_region(many, pointer);                                                       \
        void *object;                                                                                                  \
        size_t old_size;                                                                                               \
        if (pointer == NULL || (from && pointer == (void *)from->heap)) return V##_many_malloc(many, bits, size);      \
        if (from == NULL) return tsp_misuse(many, pointer, TSP_FOREIGN), (void *)NULL;                                 \
        if (size == 0) return V##_realloc(from->heap, pointer, 0);                                                     \
        old_size = V##_usable_size(from->heap, pointer);                                                               \
        if (old_size == 0) return NULL; /* it is none, and that has been reported */                                   \
        object = (from->bits & bits) == bits ? V##_realloc(from->heap, pointer, size) : NULL;                          \
        if (object) return object;                                                                                     \
        object = V##_many_move(many, bits, from, pointer, old_size, size, 0);                                          \
        if (object) V##_free(from->heap, pointer);                                                                     \
        return object;                                                                                                 \
    }                                                                                                                  \
    struct V##_many_ /* swallows the semicolon */

#endif
