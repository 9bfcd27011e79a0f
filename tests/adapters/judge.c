/* Stands between an example and the library (--wrap): cuts its heaps to TSP_HEAP bytes, and when the program ends looks
 * whether anything was lost. The example itself knows nothing of it. SPDX-License-Identifier: BSD-3-Clause
 *
 * A heap that still holds objects ends the program with 90, a damaged one with 91. */
#include <stdio.h>
#include <stdlib.h>

#include "teaspoon.h"

static size_t cut(size_t size) {
    const char *text = getenv("TSP_HEAP");
    size_t limit = text ? strtoul(text, NULL, 10) : size;
    return limit < size ? limit : size;
}

#define TSP_JUDGE(V)                                                                                                   \
    size_t __real_##V##_init(V *spoon, void *memory, size_t size);                                                     \
    size_t __real_##V##_init_sized(V *spoon, void *memory, size_t size);                                               \
    V *__real_##V##_once_over(V *spoon, void *memory, size_t size, int sized);                                         \
    size_t __wrap_##V##_init(V *spoon, void *memory, size_t size);                                                     \
    size_t __wrap_##V##_init_sized(V *spoon, void *memory, size_t size);                                               \
    V *__wrap_##V##_once_over(V *spoon, void *memory, size_t size, int sized);                                         \
                                                                                                                       \
    static V *V##_judged;                                                                                              \
    static void V##_verdict(void) {                                                                                    \
        tsp_report report = V##_check(V##_judged);                                                                     \
        tsp_usage usage = V##_usage(V##_judged);                                                                       \
        (void)fflush(stdout);                                                                                          \
        if (report.status != TSP_OK) {                                                                                 \
            (void)fprintf(stderr, "judge: damaged at %zu: %s\n", report.at, report.what);                              \
            _Exit(91);                                                                                                 \
        }                                                                                                              \
        if (usage.used > 0 || usage.objects > 0) {                                                                     \
            (void)fprintf(stderr, "judge: lost %zu bytes in %zu objects\n", usage.used, usage.objects);                \
            _Exit(90);                                                                                                 \
        }                                                                                                              \
    }                                                                                                                  \
    static void V##_judge(V *spoon) {                                                                                  \
        if (V##_judged == NULL) atexit(V##_verdict);                                                                   \
        V##_judged = spoon;                                                                                            \
    }                                                                                                                  \
    size_t __wrap_##V##_init(V *spoon, void *memory, size_t size) {                                                    \
        V##_judge(spoon);                                                                                              \
        return __real_##V##_init(spoon, memory, cut(size));                                                            \
    }                                                                                                                  \
    size_t __wrap_##V##_init_sized(V *spoon, void *memory, size_t size) {                                              \
        V##_judge(spoon);                                                                                              \
        return __real_##V##_init_sized(spoon, memory, cut(size));                                                      \
    }                                                                                                                  \
    V *__wrap_##V##_once_over(V *spoon, void *memory, size_t size, int sized) {                                        \
        V##_judge(spoon);                                                                                              \
        return __real_##V##_once_over(spoon, memory, cut(size), sized);                                                \
    }

TSP_JUDGE(tsp128k)
TSP_JUDGE(tsp16m)
