/* The tsp4k family: the engine over uint16 links. See engine.h. SPDX-License-Identifier: BSD-3-Clause */
#define TSP_V tsp4k
#define TSP_LINK uint16_t
#define TSP_INDEX 0

#include "engine.h"
#include "placement.h"
#include "objects.h"
#include "calls.h"
#include "look.h"
#include "heaps.h"
#include "check.h"
