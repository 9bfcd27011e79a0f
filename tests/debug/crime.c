/* One fault, chosen by the first argument, for the tools to find. SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "teaspoon.h"

TSP4K_STATIC(kitchen, 4000);

int main(int argc, char **argv) {
    const char *crime = argc > 1 ? argv[1] : "";
    volatile char *object = tsp4k_malloc(kitchen(), 100), *other = tsp4k_malloc(kitchen(), 40), *heap;
    if (object == NULL || other == NULL) return 2;
    memset((char *)object, 1, 100);
    if (strcmp(crime, "overflow") == 0) object[100] = 1;
    if (strcmp(crime, "underflow") == 0) other[-1] = 1;
    if (strcmp(crime, "stale") == 0) {
        tsp4k_free(kitchen(), (char *)object);
        object[50] = 1;
        object = tsp4k_malloc(kitchen(), 100);
    }
    if (strcmp(crime, "hole") == 0) {
        heap = (char *)kitchen()->base;
        heap[3000] = 1;
    }
    if (strcmp(crime, "undefined") == 0 && other[7] == 9) puts("by chance");
    if (strcmp(crime, "leak") == 0) return 0;
    tsp4k_free(kitchen(), (char *)object);
    tsp4k_free(kitchen(), (char *)other);
    return 0;
}
