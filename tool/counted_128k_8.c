/* tsp128k with TSP_ROUND=8: see counted.h. SPDX-License-Identifier: BSD-3-Clause */
#define ROUND 8
#include "counted.h"

COUNTED(tsp128k, counted_128k_8)

#define tsp128k counted_128k_8
#include "../src/tsp128k.c"

WRAP(counted_128k_8, k128, TSP128K_BYTES)
extern const family family_128k_8;
const family family_128k_8 = ENTRY_128K(counted_128k_8);
