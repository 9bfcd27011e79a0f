/* teaspoon view --svg: one heap over time, for documents. Address against time in cells, each in the colour of the site
 * that covers most of it, faint where much of it is free; below it the bytes taken, and as they were asked for.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "history.h"
#include "say.h"

#include <stdlib.h>

enum {
    COLUMNS = 240,
    ROWS = 96,
    CELL = 3, /* points */
    LEFT = 64,
    TOP = 28,
    WIDTH = COLUMNS * CELL,
    HEIGHT = ROWS * CELL,
    CURVES = 72, /* points high */
    COLOURS = 9, /* the last one is the others' */
    NAMES = 6    /* in the legend */
};
static const char *const colours[COLOURS] = {"#3b76c4", "#e0852b", "#3f9c5a", "#c94b4b", "#8a63b8",
                                             "#a0714f", "#d873b0", "#3aa6b0", "#98a2ac"};

typedef float cover[COLUMNS][ROWS][COLOURS];

static double least(double a, double b) {
    return a < b ? a : b;
}
static double most(double a, double b) {
    return a > b ? a : b;
}

/* An object's rectangle, in cells. */
static void lay(cover c, double x0, double x1, double y0, double y1, unsigned colour) {
    for (int x = (int)x0; x < x1 && x < COLUMNS; x++) {
        double wide = least(x + 1, x1) - most(x, x0);
        for (int y = (int)y0; y < y1 && y < ROWS; y++)
            c[x][y][colour] += (float)(wide * (least(y + 1, y1) - most(y, y0)));
    }
}

static void lay_all(const history *h, cover c) {
    const trace *t = h->trace;
    const double sx = COLUMNS / (double)h->count,
                 sy = ROWS * (double)h->replay.family->granule / (double)h->replay.usable;
    size_t *made = need(malloc(t->ids * sizeof *made));
    for (uint32_t id = 0; id < t->ids; id++) made[id] = SIZE_MAX;
    for (size_t i = 0; i < h->count + t->ids; i++) { /* and what is alive at the end */
        uint32_t id = i < h->count ? t->ops[i].id : (uint32_t)(i - h->count);
        size_t from = made[id];
        if (from != SIZE_MAX) {
            double end = (double)least((double)i, (double)h->count), at = h->places[from];
            unsigned site = h->sites.of[from] < COLOURS - 1 ? h->sites.of[from] : COLOURS - 1;
            lay(c, (double)from * sx, end * sx, at * sy, (at + (double)history_takes(h, &t->ops[from])) * sy, site);
        }
        if (i < h->count) made[id] = t->ops[i].kind == 'f' ? SIZE_MAX : i;
    }
    free(made);
}

/* The colour of a cell, and whether it is faint. -1: it is blank. */
static int look(const float *cell, int *faint) {
    float sum = 0;
    int colour = 0;
    for (int i = 0; i < COLOURS; i++) {
        sum += cell[i];
        if (cell[i] > cell[colour]) colour = i;
    }
    *faint = sum < 0.75f;
    return sum < 0.25f ? -1 : colour;
}

/* One path for each colour, and in it a stroke for each run of cells that look the same. */
static void put_cells(cover c, FILE *out) {
    for (int shade = 0; shade < 2 * COLOURS; shade++) {
        int begun = 0;
        for (int y = 0; y < ROWS; y++)
            for (int x = 0, run; x < COLUMNS; x += run ? run : 1) {
                int faint;
                for (run = 0; x + run < COLUMNS; run++)
                    if (look(c[x + run][y], &faint) != shade / 2 || faint != shade % 2) break;
                if (run == 0) continue;
                if (!begun)
                    fprintf(out, "<path stroke=\"%s\" stroke-width=\"1\"%s d=\"", colours[shade / 2],
                            shade % 2 ? " opacity=\"0.5\"" : "");
                begun = 1;
                fprintf(out, "M%d %d.5h%d", x, ROWS - 1 - y, run);
            }
        if (begun) fputs("\"/>\n", out);
    }
}

/* The most in each column. */
static void put_curve(const history *h, int taken, const char *colour, FILE *out) {
    const trace *t = h->trace;
    const double scale = CURVES / (double)h->replay.usable;
    size_t *sizes = need(calloc(t->ids, sizeof *sizes)), live = 0, i = 0;
    fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" points=\"", colour);
    for (size_t x = 0; x < WIDTH / 2; x++) {
        size_t high = live;
        for (; i < h->count && i * (WIDTH / 2) < (x + 1) * h->count; i++) {
            const op *o = &t->ops[i];
            live -= sizes[o->id];
            sizes[o->id] = taken && o->kind != 'f' ? history_takes(h, o) * h->replay.family->granule : o->size;
            live += sizes[o->id];
            if (live > high) high = live;
        }
        fprintf(out, "%zu,%.1f ", 2 * x, CURVES - (double)high * scale);
    }
    fputs("\"/>\n", out);
    free(sizes);
}

static void put_text(FILE *out, int x, int y, const char *more, const char *text) {
    fprintf(out, "<text x=\"%d\" y=\"%d\"%s>", x, y, more);
    for (int i = 0; text[i]; i++) {
        if (i > 90 && ((unsigned char)text[i] & 0xC0) != 0x80) { /* not within a letter of UTF-8 */
            fputs("...", out);
            break;
        }
        if (text[i] == '<') fputs("&lt;", out);
        else if (text[i] == '&') fputs("&amp;", out);
        else fputc(text[i], out);
    }
    fputs("</text>\n", out);
}

void svg(const history *h, FILE *out) {
    static const char *const right = " text-anchor=\"end\"";
    const size_t names = h->sites.count < NAMES ? h->sites.count : NAMES;
    const int below = TOP + HEIGHT + 12, legend = below + CURVES + 34;
    cover *c = need(calloc(1, sizeof *c));
    char text[256];
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
            "font-size=\"11\">\n",
            LEFT + WIDTH + 12, legend + (int)names * 15);
    fputs("<style>text { fill: #555; } .paper { fill: #fff; stroke: #ccc; } @media (prefers-color-scheme: dark) {\n"
          "text { fill: #aab; } .paper { fill: #14171a; stroke: #444; } }</style>\n",
          out);
    snprintf(text, sizeof text, "%s: %s, %s, a heap of %s bytes", h->trace->name, h->replay.family->name,
             h->replay.sized ? "sized" : "malloc", COMMAS(h->replay.bytes));
    put_text(out, LEFT, 16, " font-size=\"13\"", text);
    fprintf(out, "<rect class=\"paper\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", LEFT, TOP, WIDTH, HEIGHT);
    put_text(out, LEFT - 6, TOP + 9, right, COMMAS(h->replay.usable));
    put_text(out, LEFT - 6, TOP + HEIGHT, right, "0");
    if (h->count) {
        lay_all(h, *c);
        fprintf(out, "<g transform=\"translate(%d %d) scale(%d)\">\n", LEFT, TOP, CELL);
        put_cells(*c, out);
        fprintf(out, "</g>\n<g transform=\"translate(%d %d)\">\n", LEFT, below);
        put_curve(h, 1, colours[1], out);
        put_curve(h, 0, colours[0], out);
        fputs("</g>\n", out);
    }
    put_text(out, LEFT - 6, below + 22, " text-anchor=\"end\" style=\"fill: #e0852b\"", "taken");
    put_text(out, LEFT - 6, below + 36, " text-anchor=\"end\" style=\"fill: #3b76c4\"", "asked for");
    put_text(out, LEFT, below + CURVES + 14, "", "0");
    snprintf(text, sizeof text, "%s operations", COMMAS(h->count));
    put_text(out, LEFT + WIDTH, below + CURVES + 14, right, text);
    for (size_t i = 0; i < names; i++) {
        int y = legend + (int)i * 15;
        fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"9\" height=\"9\" fill=\"%s\"/>\n", LEFT, y - 8, colours[i]);
        snprintf(text, sizeof text, "%s at the peak: %.200s", COMMAS(h->sites.each[i].peak.bytes),
                 h->sites.each[i].name);
        put_text(out, LEFT + 15, y, "", text);
    }
    fputs("</svg>\n", out);
    free(c);
}
