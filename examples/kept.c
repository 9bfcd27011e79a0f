/* A heap in a file: each run of this program finds what the runs before left, wherever the file is mapped this time. So
 * objects hold no addresses of one another, but offsets. A heap in RAM that a reset leaves alone is much the same. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "teaspoon.h"

typedef struct pantry {
    tsp4k heap;      /* the handle is kept beside its bytes */
    uint32_t newest; /* jar, as an offset from here; 0: none */
    unsigned char bytes[2000];
} pantry;

typedef struct jar {
    uint32_t next;
    char label[20];
} jar;

/* One run: puts a jar into the pantry, and returns how many there are. */
static int run(FILE *file, const char *label) {
    pantry *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    if (p == MAP_FAILED) return -1;
    tsp_report report = tsp4k_attach(&p->heap, p->bytes, sizeof p->bytes, 1);
    if (report.status != TSP_OK) {
        printf("an empty pantry: %s\n", report.what);
        tsp4k_init_sized(&p->heap, p->bytes, sizeof p->bytes);
        p->newest = 0;
    }
    jar *j = tsp4k_alloc(&p->heap, sizeof *j, 4);
    if (j == NULL) return -1;
    j->next = p->newest;
    strcpy(j->label, label);
    p->newest = (uint32_t)((char *)j - (char *)p);

    int jars = 0;
    for (uint32_t at = p->newest; at; at = j->next, jars++) {
        j = (void *)((char *)p + at);
        printf("%s%s", jars ? ", " : "in the pantry: ", j->label);
    }
    puts("");
    return jars; /* not unmapped, so that the next run has it elsewhere */
}

int main(void) {
    static pantry empty; /* what a file is at first, or after an accident */
    FILE *file = tmpfile();
    if (file == NULL || fwrite(&empty, sizeof empty, 1, file) != 1 || fflush(file) != 0) return 1;
    if (run(file, "plums") != 1 || run(file, "honey") != 2 || run(file, "pickles") != 3) return 1;
    fseek(file, offsetof(pantry, heap.used), SEEK_SET);
    return fputc('?', file) == '?' && fflush(file) == 0 && run(file, "plums") == 1 ? 0 : 1;
}
