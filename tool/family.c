/* See family.h. SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"

#include <string.h>

#define WRAP(V, member)                                                                                                \
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
        name, sizeof(V), handle32, granule, granules, best_for, V##_init_either, V##_extend_of, V##_alloc_of,          \
            V##_dealloc_of, V##_resize_of, V##_aligned_alloc_of, V##_free_of, V##_usage_of, V##_largest_of,            \
            V##_walk_of, V##_check_of                                                                                  \
    }

WRAP(tsp4k, k4)
WRAP(tsp128k, k128)
WRAP(tsp16m, m16)

const family families[] = {
    ENTRY(tsp4k, "4k", 16, 4, UINT16_MAX, 8 << 10),
    ENTRY(tsp128k, "128k", 20, 4, UINT16_MAX, 256 << 10),
    ENTRY(tsp16m, "16m", 32, 8, UINT32_MAX, SIZE_MAX),
    {0},
};

const family *family_named(const char *name) {
    for (const family *f = families; f->name; f++)
        if (strcmp(f->name, name) == 0) return f;
    return NULL;
}

const family *family_for(size_t peak) {
    const family *f = families;
    while (peak > f->best_for) f++;
    return f;
}

size_t family_region(const family *f, size_t usable, int sized) {
    if (f->granule == 8) return sized ? TSP16M_BYTES_SIZED(1, usable, 1) : TSP16M_BYTES(1, usable, 1);
    if (f != families) return sized ? TSP128K_BYTES_SIZED(1, usable, 1) : TSP128K_BYTES(1, usable, 1);
    return sized ? TSP4K_BYTES_SIZED(1, usable, 1) : TSP4K_BYTES(1, usable, 1);
}

size_t family_limit(const family *f, int sized) {
    size_t most = SIZE_MAX / 2 / f->granule < f->granules ? SIZE_MAX / 2 / f->granule : f->granules;
    size_t unit = TSP_ROUND > f->granule ? TSP_ROUND : f->granule; /* a heap is cut to a multiple of it */
    return family_region(f, most * f->granule / unit * unit, sized);
}
