/* The tsp128k family: the engine over uint16 links, with an index. See engine.h. SPDX-License-Identifier: BSD-3-Clause */
#define TSP_V tsp128k
#define TSP_LINK uint16_t
#define TSP_INDEX 1
#define TSP_INDEX_AT 8192 /* granules from which on a heap has one */

#include "engine.h"
#include "placement.h"
#include "objects.h"
#include "calls.h"
#include "look.h"
#include "heaps.h"
#include "check.h"
