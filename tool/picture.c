/* A heap as text: rows of cells, each for an equal run of bytes, objects and holes in order of address.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "picture.h"
#include "replay.h"
#include "say.h"

#include <string.h>

typedef struct holes {
    size_t count, largest;
} holes;

static int count_hole(void *context, void *start, size_t size, tsp_kind kind) {
    holes *h = context;
    (void)start;
    if (kind == TSP_HOLE) {
        h->count++;
        if (size > h->largest) h->largest = size;
    }
    return 0;
}

static char symbol(const struct cell *c, size_t width) {
    if (c->live == 0) return '.';
    if (c->live < width) return c->live > width / 2 ? ':' : '-';
    if (c->begins == 0) return '=';
    if (c->begins == 1) return '[';
    return (char)(c->begins < 10 ? '0' + (int)c->begins : '*');
}

void picture_begin(cells *c, size_t total, size_t granule) {
    *c = (cells){.total = total, .granule = granule, .width = granule};
    while ((total + c->width - 1) / c->width > ROWS * COLUMNS) c->width *= 2;
}

void picture_object(cells *c, size_t from, size_t to) {
    c->cells[from / c->width].begins++;
    for (size_t next; from < to; from = next) {
        next = (from / c->width + 1) * c->width;
        if (next > to) next = to;
        c->cells[from / c->width].live += next - from;
    }
}

void picture_print(const cells *c, FILE *out) {
    const size_t count = (c->total + c->width - 1) / c->width;
    for (size_t row = 0; row < count; row += COLUMNS) {
        fprintf(out, "%12s  ", COMMAS(row * c->width));
        for (size_t i = row; i < row + COLUMNS && i < count; i++)
            fputc(symbol(&c->cells[i], i + 1 < count ? c->width : c->total - i * c->width), out);
        fputc('\n', out);
    }
    fprintf(out, "  a cell is %s bytes: [ an object begins, %s= it goes on, %s. free\n", COMMAS(c->width),
            c->width > c->granule ? "2-9* several begin, " : "",
            c->width > c->granule ? ": less than half free, - more, " : "");
}

void picture(replay *r, FILE *out) {
    cells c;
    size_t total = r->usable, granule = r->family->granule, live = 0, objects = 0;
    holes h = {0, 0};
    picture_begin(&c, total, granule);
    for (size_t id = 0; id < r->trace->ids; id++) {
        const object *x = &r->objects[id];
        size_t from, to;
        if (x->at == NULL || x->size == 0) continue;
        from = (size_t)(x->at - r->memory);
        to = from + TSP_TAKES_(granule, x->size);
        objects++;
        live += to - from;
        picture_object(&c, from, to);
    }
    picture_print(&c, out);
    r->family->walk(&r->spoon, count_hole, &h);
    fprintf(out, "  %s objects in %s of %s bytes (%.1f %%)", COMMAS(objects), COMMAS(live), COMMAS(total),
            total ? 100.0 * (double)live / (double)total : 0.0);
    if (h.count)
        fprintf(out, "; %s hole%s, the largest %s bytes", COMMAS(h.count), h.count > 1 ? "s" : "", COMMAS(h.largest));
    else fputs("; no holes", out);
    if (r->bytes > total && !r->sized)
        fprintf(out, "; size map %s bytes",
                COMMAS(r->family->region(total, 0) - r->family->region(total, 1)));
    fputc('\n', out);
}
