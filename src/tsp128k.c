/* The tsp128k family: the engine over uint16 links. See engine.h. SPDX-License-Identifier: BSD-3-Clause */
#define TSP_V tsp128k
#define TSP_LINK uint16_t
#define TSP_LANES 0

#include "engine.h"
#include "interface.h"
#include "check.h"
