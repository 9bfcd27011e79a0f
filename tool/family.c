/* See family.h. SPDX-License-Identifier: BSD-3-Clause */
#include "wrap.h"

#include <string.h>

WRAP(tsp4k, k4, TSP4K_BYTES)
WRAP(tsp128k, k128, TSP128K_BYTES)
WRAP(tsp16m, m16, TSP16M_BYTES)

const family families[] = {ENTRY_4K(tsp4k), ENTRY_128K(tsp128k), ENTRY_16M(tsp16m), {0}};

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

size_t family_limit(const family *f, int sized) {
    size_t most = SIZE_MAX / 2 / f->granule < f->granules ? SIZE_MAX / 2 / f->granule : f->granules;
    size_t unit = f->round > f->granule ? f->round : f->granule; /* a heap is cut to a multiple of it */
    return f->region(most * f->granule / unit * unit, sized);
}
