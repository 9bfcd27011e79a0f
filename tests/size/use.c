/* Typical uses, of which scripts/size.sh measures the whole program. Volatile, so that no optimiser of the link knows
 * sizes that it would not know in a larger program.
 *     -DUSE=0 nothing    1 a sized heap, 3 calls    2 and resize    3 malloc, realloc, free    4 those of the C library */
#include <stdlib.h>

#include "teaspoon.h"

#if USE >= 1 && USE <= 3
static tsp4k spoon;
static unsigned char bytes[1024];
#endif
#if USE >= 1
static volatile size_t size = 20;
static void *volatile object;
#endif

int main(void) {
#if USE == 1 || USE == 2
    tsp4k_init_sized(&spoon, bytes, sizeof bytes);
    object = tsp4k_alloc(&spoon, size, 4);
#if USE == 2
    object = tsp4k_resize(&spoon, object, size, size + 20, 4);
#endif
    tsp4k_dealloc(&spoon, object, size, 4);
#elif USE == 3
    tsp4k_init(&spoon, bytes, sizeof bytes);
    object = tsp4k_malloc(&spoon, size);
    object = tsp4k_realloc(&spoon, object, size + 20);
    tsp4k_free(&spoon, object);
#elif USE == 4
    object = malloc(size);
    object = realloc(object, size + 20);
    free(object);
#endif
    return 0;
}
