/* tsp128k with TSP_ROUND=4: see counted.h. SPDX-License-Identifier: BSD-3-Clause */
#define ROUND 4
#include "counted.h"

COUNTED(tsp128k, counted_128k_4)

#define tsp128k counted_128k_4
#include "../src/tsp128k.c"

WRAP(counted_128k_4, k128, TSP128K_BYTES)
extern const family family_128k_4;
const family family_128k_4 = ENTRY_128K(counted_128k_4);
