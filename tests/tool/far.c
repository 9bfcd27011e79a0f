/* A recording of objects all over the address space, of 16, 32 or 64 bits, that are freed and made again in turn, so that
 * every state and every distance is said: as octals on one line, behind the number of calls.
 * SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <stdio.h>

#include "tsp_record.h"

static int put(const void *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) printf("\\%03o", ((const unsigned char *)bytes)[i]);
    return 1;
}
TSP_RECORD(put);

enum { OBJECTS = 8, ROUNDS = 100 };

static void *object(unsigned i) { /* where no program has them, so nothing is read there */
    const uintptr_t apart = (sizeof(void *) > 4 ? UINTPTR_MAX >> 16 : UINTPTR_MAX) / OBJECTS + 1;
    return (void *)(i % OBJECTS * apart + 64);
}

int main(int argc, char **argv) {
    (void)argc, (void)argv;
    printf("%u ", OBJECTS + 2 * OBJECTS * ROUNDS);
    for (unsigned i = 0; i < OBJECTS; i++) tsp_record_new(object(i), 8, 0);
    for (unsigned i = 0; i < OBJECTS * ROUNDS; i++) {
        tsp_record_free(object(3 * i));
        tsp_record_new(object(3 * i), 8, 0);
    }
    printf("\n");
    return 0;
}
