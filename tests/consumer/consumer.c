/* A program as a user of the installed library would write it: every family once, and the version that was linked. */
#include <stdio.h>
#include <string.h>
#include <teaspoon.h>

TSP4K_STATIC(kitchen, 1024);

static unsigned char memory[4096];

int main(void) {
    static tsp128k sized;
    static tsp16m large;
    char *a = (char *)tsp4k_malloc(kitchen(), 100), *b, *c;
    size_t usable = tsp128k_init_sized(&sized, memory, sizeof memory / 2) - 16; /* there may be guards */
    tsp16m_init(&large, memory + sizeof memory / 2, sizeof memory / 2);
    b = (char *)tsp128k_alloc(&sized, usable, 1);
    c = (char *)tsp16m_calloc(&large, 10, 10);
    if (!a || !b || !c || c[99]) return 1;
    memset(a, 1, 100);
    memset(b, 2, usable);
    if (tsp128k_dealloc(&sized, b, usable, 1) != TSP_OK) return 1;
    tsp4k_free(kitchen(), a);
    tsp16m_free(&large, c);
    if (strcmp(tsp_version(), TSP_VERSION) != 0) return 1;
    printf("teaspoon %s\n", tsp_version());
    return 0;
}
