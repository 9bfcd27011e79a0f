/* The picture of drawn heaps, cell by cell, against what its own last line says that the signs mean. Ends in
 * "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#include "picture.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;

static void ok(int condition, const char *what, size_t total, size_t granule) {
    passed += condition != 0;
    failed += !condition;
    if (condition) return;
    printf("FAILED: %s, in %zu bytes of %zu\n", what, total, granule);
    if (getenv("TSP_TEST_STOP")) exit(1);
}

static size_t drawn(size_t below) {
    static uint64_t state = 24;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(state >> 33) % below;
}

enum { MOST = 1 << 16 }; /* granules */
static unsigned char inside[MOST], begins[MOST];
static char text[1 << 16];

/* What a cell of so many bytes shows of so many live ones and beginnings. */
static char sign(size_t bytes, size_t live, size_t first) {
    if (live == 0) return '.';
    if (live < bytes) return 2 * live > bytes ? ':' : '-';
    return first == 0 ? '=' : first == 1 ? '[' : first < 10 ? "0123456789"[first] : '*';
}

static void draw(size_t granules, size_t granule, size_t largest) {
    static cells c;
    const size_t total = granules * granule;
    size_t width = granule, row = 0, cell = 0;
    char *line;
    FILE *f = tmpfile();
    if (f == NULL) return;
    memset(inside, 0, granules);
    memset(begins, 0, granules);
    picture_begin(&c, total, granule);
    for (size_t at = drawn(3); at < granules; at += drawn(4) ? 0 : 1 + drawn(largest)) {
        size_t n = 1 + drawn(largest);
        if (n > granules - at) n = granules - at;
        picture_object(&c, at * granule, (at + n) * granule);
        begins[at] = 1;
        memset(inside + at, 1, n);
        at += n;
    }
    picture_print(&c, f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);

    while (total > width * 64 * 24) width *= 2;
    for (line = strtok(text, "\n"); row * width < total; row += 64, line = strtok(NULL, "\n")) {
        char address[30];
        snprintf(address, sizeof address, row * width < 1000 ? "%12zu  " : row * width < 1000000 ? "%8zu,%03zu  " : "%zu",
                 row * width / (row * width < 1000 ? 1 : 1000), row * width % 1000);
        if (row * width < 1000000) ok(line && strncmp(line, address, 14) == 0, "an address", total, granule);
        for (cell = row; cell < row + 64 && cell * width < total; cell++) {
            size_t live = 0, first = 0, bytes = 0;
            for (size_t i = cell * width / granule; i < granules && i < (cell + 1) * width / granule; i++) {
                bytes += granule;
                live += inside[i] * granule;
                first += begins[i];
            }
            ok(line && line[14 + cell - row] == sign(bytes, live, first), "a cell", total, granule);
        }
        ok(line && line[14 + cell - row] == '\0', "the end of a line", total, granule);
    }
    {
        char last[200];
        if (width == granule) snprintf(last, sizeof last, "  a cell is %zu bytes: [ an object begins, = it goes on, . free", width);
        else snprintf(last, sizeof last, "  a cell is %zu bytes: [ an object begins, 2-9* several begin, = it goes on, "
                                         ": less than half free, - more, . free", width);
        ok(line && (width > 999 || strcmp(line, last) == 0), "the meaning", total, granule);
        ok(strtok(NULL, "\n") == NULL, "and no more", total, granule);
    }
}

/* Cells that are full, of 1 to 20 objects. */
static void beginnings(void) {
    static cells c;
    FILE *f = tmpfile();
    if (f == NULL) return;
    picture_begin(&c, 1536 * 32, 1);
    for (size_t cell = 0; cell < 20; cell++)
        for (size_t i = 0; i <= cell; i++) picture_object(&c, 32 * cell + i, 32 * cell + (i == cell ? 32 : i + 1));
    picture_print(&c, f);
    rewind(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    ok(strncmp(text, "           0  [23456789***********.......", 41) == 0, "how many begin", 1536 * 32, 1);
}

int main(void) {
    beginnings();
    static const size_t sizes[] = {1, 2, 63, 64, 65, 127, 128, 1535, 1536, 1537, 3000, 3071, 3072, 3073, 20000, 65000, MOST};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t granule = 4; granule <= 16; granule += 4)
            for (size_t largest = 1; largest < 500; largest *= 7) draw(sizes[i], granule, largest);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
