/* tsp16m with TSP_ROUND=8: see counted.h. SPDX-License-Identifier: BSD-3-Clause */
#define ROUND 8
#include "counted.h"

COUNTED(tsp16m, counted_16m_8)

#define tsp16m counted_16m_8
#include "../src/tsp16m.c"

WRAP(counted_16m_8, m16, TSP16M_BYTES)
extern const family family_16m_8;
const family family_16m_8 = ENTRY_16M(counted_16m_8);
