/* A family's functions and figures as an entry of family.h's kind. Compiled where TSP_ROUND is that of the family. */
#ifndef WRAP_H
#define WRAP_H

#include "family.h"

#define WRAP(V, member, BYTES)                                                                                         \
    static size_t V##_region_of(size_t usable, int sized) {                                                            \
        return sized ? BYTES##_SIZED(1, usable, 1) : BYTES(1, usable, 1);                                              \
    }                                                                                                                  \
    static size_t V##_init_either(spoon *s, void *memory, size_t size, int sized) {                                    \
        return sized ? V##_init_sized(&s->member, memory, size) : V##_init(&s->member, memory, size);                  \
    }                                                                                                                  \
    static size_t V##_extend_of(spoon *s, size_t size) {                                                               \
        return V##_extend(&s->member, size);                                                                           \
    }                                                                                                                  \
    static void *V##_alloc_of(spoon *s, size_t size, size_t align) {                                                   \
        return V##_alloc(&s->member, size, align);                                                                     \
    }                                                                                                                  \
    static tsp_status V##_dealloc_of(spoon *s, void *pointer, size_t size, size_t align) {                             \
        return V##_dealloc(&s->member, pointer, size, align);                                                          \
    }                                                                                                                  \
    static void *V##_resize_of(spoon *s, void *pointer, size_t old_size, size_t new_size, size_t align) {              \
        return V##_resize(&s->member, pointer, old_size, new_size, align);                                             \
    }                                                                                                                  \
    static void *V##_aligned_alloc_of(spoon *s, size_t align, size_t size) {                                           \
        return V##_aligned_alloc(&s->member, align, size);                                                             \
    }                                                                                                                  \
    static void V##_free_of(spoon *s, void *pointer) {                                                                 \
        V##_free(&s->member, pointer);                                                                                 \
    }                                                                                                                  \
    static tsp_usage V##_usage_of(spoon *s) {                                                                          \
        return V##_usage(&s->member);                                                                                  \
    }                                                                                                                  \
    static size_t V##_largest_of(spoon *s, size_t align) {                                                             \
        return V##_largest(&s->member, align);                                                                         \
    }                                                                                                                  \
    static int V##_walk_of(spoon *s, tsp_visitor *visitor, void *context) {                                            \
        return V##_walk(&s->member, visitor, context);                                                                 \
    }                                                                                                                  \
    static tsp_report V##_check_of(spoon *s) {                                                                         \
        return V##_check(&s->member);                                                                                  \
    }

#define ENTRY(V, name, handle32, granule, granules, best_for)                                                          \
    {                                                                                                                  \
        name, TSP_ROUND, sizeof(V), handle32, granule, granules, best_for, V##_region_of, V##_init_either,             \
            V##_extend_of, V##_alloc_of, V##_dealloc_of, V##_resize_of, V##_aligned_alloc_of, V##_free_of,             \
            V##_usage_of, V##_largest_of, V##_walk_of, V##_check_of                                                    \
    }

#define ENTRY_4K(V) ENTRY(V, "4k", 16, 4, UINT16_MAX, 8 << 10)
#define ENTRY_128K(V) ENTRY(V, "128k", 20, 4, UINT16_MAX, 256 << 10)
#define ENTRY_16M(V) ENTRY(V, "16m", 32, 8, UINT32_MAX, SIZE_MAX)

#endif
