/* Misuse is refused and reported, and the heap stays whole: the program decides what to do about it. */
#include <stdio.h>

#include "teaspoon.h"

TSP4K_STATIC(kitchen, 512);

/* Replaces the library's, which aborts. */
void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)heap;
    printf("refused %s: %s\n", pointer ? "a pointer" : "a call", tsp_status_text(status));
}

int main(void) {
    char *p = tsp4k_malloc(kitchen(), 40);
    int local;
    if (p == NULL) return 1;
    tsp4k_free(kitchen(), p + 8);          /* inside an object */
    tsp4k_free(kitchen(), &local);         /* not of this heap */
    tsp4k_free_sized(kitchen(), p, 400);   /* not its size */
    tsp4k_free(kitchen(), p);
    tsp4k_free(kitchen(), p);              /* twice */
    return tsp4k_check(kitchen()).status == TSP_OK ? 0 : 1;
}
