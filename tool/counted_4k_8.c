/* tsp4k with TSP_ROUND=8: see counted.h. SPDX-License-Identifier: BSD-3-Clause */
#define ROUND 8
#include "counted.h"

COUNTED(tsp4k, counted_4k_8)

#define tsp4k counted_4k_8
#include "../src/tsp4k.c"

WRAP(counted_4k_8, k4, TSP4K_BYTES)
extern const family family_4k_8;
const family family_4k_8 = ENTRY_4K(counted_4k_8);
