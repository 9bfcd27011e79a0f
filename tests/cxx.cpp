// The header in C++: it compiles there, and its functions link. SPDX-License-Identifier: BSD-3-Clause
#include "teaspoon.h"

#include <cstdio>

static unsigned char bytes[TSP4K_BYTES(4, 50, 4)];
TSP128K_STATIC(larder, 1024);

template <typename T> static T *make(tsp4k &spoon) {
    return static_cast<T *>(tsp4k_alloc(&spoon, sizeof(T), alignof(T)));
}

int main() {
    tsp4k spoon{};
    int failed = 0;
    if (tsp4k_alloc(&spoon, 1, 1) != nullptr) failed++;
    if (tsp4k_init(&spoon, bytes, sizeof bytes) < 200) failed++;
    double *d = make<double>(spoon);
    if (d == nullptr || tsp4k_dealloc(&spoon, d, sizeof *d, alignof(double)) != TSP_OK) failed++;
    void *p = tsp128k_malloc(larder(), 100);
    tsp128k_free(larder(), p);
    if (p == nullptr || tsp128k_usage(larder()).objects != 0) failed++;
    if (tsp4k_check(&spoon).status != TSP_OK) failed++;
    std::printf("%d passed, %d failed\n", failed == 0, failed != 0);
    return failed != 0;
}
