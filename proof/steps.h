/* How long a call takes, in numbers that are the same on every machine: how often the engine reads or writes a link, or
 * a word of the index. proof/fuzz.sh compiles the library with -include proof/steps.h. The hook below is in all these
 * accesses (src/hole.h, src/chunks.h). What is not counted: a byte of the index beside each search, the bytes of objects,
 * and the scan of an object's bits, which is as long as the object. SPDX-License-Identifier: BSD-3-Clause */
extern unsigned long steps;

#define TSP_STEP() ((void)steps++)
