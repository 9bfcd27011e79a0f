/* A heap as rows of cells, each for an equal run of bytes. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stddef.h>
#include <stdio.h>

enum { COLUMNS = 64, ROWS = 24 }; /* at most */

typedef struct cells {
    size_t total, granule, width; /* bytes: of the heap, of a cell */
    struct cell {
        size_t live;   /* bytes */
        size_t begins; /* objects */
    } cells[ROWS * COLUMNS];
} cells;

void picture_begin(cells *c, size_t total, size_t granule);

/* An object from byte `from` on to before byte `to`. */
void picture_object(cells *c, size_t from, size_t to);
void picture_print(const cells *c, FILE *out);

#endif
