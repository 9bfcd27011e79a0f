/* The tsp16m family: the engine over uint32 links. See engine.h. SPDX-License-Identifier: BSD-3-Clause */
#define TSP_V tsp16m
#define TSP_LINK uint32_t
#define TSP_LANES 3

#include "engine.h"
#include "interface.h"
#include "check.h"
