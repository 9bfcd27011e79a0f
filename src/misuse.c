/* What happens on misuse unless the program defines its own tsp_misuse: a file of its own, so that a linker which
 * finds the program's leaves this one out. SPDX-License-Identifier: BSD-3-Clause */
#include "teaspoon.h"

#if defined(__GNUC__)
#define TSP_WEAK __attribute__((weak))
#else
#define TSP_WEAK
#endif

/* A C library with stdio may be there on a microcontroller too, but not in its flash unless somebody asks for it. */
#if TSP_ON_A_SYSTEM_ && __STDC_HOSTED__ && !defined(TSP_FREESTANDING)
#include <stdio.h>
#include <stdlib.h>

TSP_WEAK void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)fprintf(stderr, "teaspoon: heap %p, pointer %p: %s\n", heap, pointer, tsp_status_text(status));
    abort();
}
#else
TSP_WEAK void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)heap, (void)pointer, (void)status;
#ifdef __GNUC__
    __builtin_trap();
#else
    for (;;) {}
#endif
}
#endif
