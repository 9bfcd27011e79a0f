/* A heap in a static array: allocate, resize, look, free. */
#include <stdio.h>
#include <string.h>

#include "teaspoon.h"

static unsigned char bytes[1024];
static tsp4k spoon;

int main(void) {
    size_t usable = tsp4k_init(&spoon, bytes, sizeof bytes);
    char *greeting = tsp4k_malloc(&spoon, 6);
    tsp_usage usage;
    if (greeting == NULL) return 1;
    strcpy(greeting, "hello");

    char *longer = tsp4k_realloc(&spoon, greeting, 20); /* NULL would leave `greeting` as it was */
    if (longer == NULL) return 1;
    strcat(longer, ", teaspoon");
    puts(longer);

    usage = tsp4k_usage(&spoon);
    printf("%zu of %zu bytes used by %zu object; the next can have %zu\n", usage.used, usable, usage.objects,
           usage.largest);
    tsp4k_free(&spoon, longer);
    return tsp4k_check(&spoon).status == TSP_OK ? 0 : 1;
}
