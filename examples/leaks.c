/* Who still holds memory? A heap that remembers sizes can be walked, object by object; built with -DTSP_DEBUG=4 each of
 * them knows where it came from. */
#include <stdio.h>

#include "teaspoon.h"

TSP4K_STATIC(kitchen, 512);

#define allocate(size) tsp4k_set_site(kitchen(), tsp4k_malloc(kitchen(), size), TSP_HERE)

static int show(void *context, void *start, size_t size, tsp_kind kind) {
    size_t *leaked = context;
    const char *site = tsp4k_site(start, size);
    if (kind != TSP_OBJECT) return 0;
    printf("  %zu bytes at heap offset %zu", size, (size_t)((unsigned char *)start - kitchen()->base));
    printf(site ? ", from %s\n" : "\n", site);
    *leaked += size;
    return 0;
}

int main(void) {
    size_t leaked = 0;
    void *kept = allocate(100);
    void *freed = allocate(60);
    void *lost = allocate(24);
    if (!kept || !freed || !lost) return 1;
    tsp4k_free(kitchen(), freed);
    puts("still live:");
    tsp4k_walk(kitchen(), show, &leaked);
    printf("%zu bytes in all\n", leaked);
    return leaked == tsp4k_usage(kitchen()).used ? 0 : 1;
}
