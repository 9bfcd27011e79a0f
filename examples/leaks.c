/* Who still holds memory? A heap that remembers sizes can be walked, object by object. */
#include <stdio.h>

#include "teaspoon.h"

TSP4K_STATIC(kitchen, 512);

static int show(void *context, void *start, size_t size, tsp_kind kind) {
    size_t *leaked = context;
    if (kind != TSP_OBJECT) return 0;
    printf("  %zu bytes at heap offset %zu\n", size, (size_t)((unsigned char *)start - kitchen()->base));
    *leaked += size;
    return 0;
}

int main(void) {
    size_t leaked = 0;
    void *kept = tsp4k_malloc(kitchen(), 100), *freed = tsp4k_malloc(kitchen(), 60), *lost = tsp4k_malloc(kitchen(), 24);
    if (!kept || !freed || !lost) return 1;
    tsp4k_free(kitchen(), freed);
    puts("still live:");
    tsp4k_walk(kitchen(), show, &leaked);
    printf("%zu bytes in all\n", leaked);
    return leaked == tsp4k_usage(kitchen()).used ? 0 : 1;
}
