/* What a program brings along itself, in a section of its own so that scripts/size.sh can leave it out of the count. */
#include <string.h>

#include "teaspoon.h"

#define OUTSIDE __attribute__((section(".outside"), used))

OUTSIDE void *memcpy(void *to, const void *from, size_t size) {
    (void)from, (void)size;
    return to;
}

OUTSIDE void *memmove(void *to, const void *from, size_t size) {
    (void)from, (void)size;
    return to;
}

OUTSIDE void *memset(void *at, int value, size_t size) {
    (void)value, (void)size;
    return at;
}

OUTSIDE void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)heap, (void)pointer, (void)status;
}

/* Their sizes can be read with nm. */
__attribute__((section(".handles"), used)) char handle_4k[sizeof(tsp4k)];
__attribute__((section(".handles"), used)) char handle_128k[sizeof(tsp128k)];
__attribute__((section(".handles"), used)) char handle_16m[sizeof(tsp16m)];
