/* tsp4k with TSP_ROUND=4: see counted.h. SPDX-License-Identifier: BSD-3-Clause */
#define ROUND 4
#include "counted.h"

COUNTED(tsp4k, counted_4k_4)

#define tsp4k counted_4k_4
#include "../src/tsp4k.c"

WRAP(counted_4k_4, k4, TSP4K_BYTES)
extern const family family_4k_4;
const family family_4k_4 = ENTRY_4K(counted_4k_4);
