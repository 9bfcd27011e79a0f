/* The tsp16m family: the engine over uint32 links, with an index. See engine.h. SPDX-License-Identifier: BSD-3-Clause */
#define TSP_V tsp16m
#define TSP_LINK uint32_t
#define TSP_INDEX 1
#define TSP_INDEX_AT 8192 /* granules from which on a heap has one */

#include "engine.h"
#include "placement.h"
#include "objects.h"
#include "calls.h"
#include "look.h"
#include "heaps.h"
#include "check.h"
