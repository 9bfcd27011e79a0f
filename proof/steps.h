/* How long a call takes, in numbers that are the same on every machine: how often the engine reads or writes a link, or
 * a word of the index, or passes a byte or some words of the map. proof/fuzz.sh compiles the library with -include
 * proof/steps.h. The hook below is in all these accesses (src/hole.h, map.h, chunks.h, spans.h). What is not counted: a
 * byte of the index beside each search, and the bytes of objects. SPDX-License-Identifier: BSD-3-Clause */
extern unsigned long steps;

#define TSP_STEP() ((void)steps++)
