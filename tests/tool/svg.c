/* The picture for documents, of drawn traces: each cell beside what objects cover of it, summed here one by one; the curves
 * point by point; what is written. Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "history.h"
#include "say.h"
#include "unit.h"

#include "drawn.h"

#include <math.h>

enum { COLUMNS = 240, ROWS = 96, COLOURS = 9, POINTS = 360 };
static const char *const colours[COLOURS] = {"#3b76c4", "#e0852b", "#3f9c5a", "#c94b4b", "#8a63b8",
                                             "#a0714f", "#d873b0", "#3aa6b0", "#98a2ac"};
static char text[1 << 20], about[100];
static double covered[COLUMNS][ROWS][COLOURS];
static size_t near; /* cells that are too near to a limit to tell */

/* In search.c's place. */
fit find_fit(const trace *t, const options *how) {
    (void)t, (void)how;
    return (fit){.why = "not asked"};
}

static double common(double a0, double a1, double b0, double b1) {
    const double from = a0 > b0 ? a0 : b0, to = a1 < b1 ? a1 : b1;
    return to > from ? to - from : 0;
}

/* What objects cover of each cell: an object lives from the operation that makes it to the one that changes it. */
static void cover(const history *h) {
    const trace *t = h->trace;
    const size_t granule = h->replay.family->granule;
    const double wide = (double)h->count / COLUMNS, high = (double)h->replay.usable / (double)granule / ROWS;
    memset(covered, 0, sizeof covered);
    for (size_t i = 0; i < h->count; i++) {
        size_t until = i + 1;
        const uint32_t site = h->sites.of[i] < COLOURS ? h->sites.of[i] : COLOURS - 1;
        const double y0 = h->places[i], y1 = y0 + (double)(takes(granule, t->ops[i].size) / granule);
        if (t->ops[i].kind == 'f' || t->ops[i].size == 0) continue;
        while (until < h->count && t->ops[until].id != t->ops[i].id) until++;
        for (size_t x = 0; x < COLUMNS; x++) {
            const double w = common((double)i, (double)until, (double)x * wide, (double)(x + 1) * wide);
            if (w == 0) continue;
            for (size_t y = 0; y < ROWS; y++)
                covered[x][y][site] += w * common(y0, y1, (double)y * high, (double)(y + 1) * high) / (wide * high);
        }
    }
}

/* A path's cells: M x y.5 h run, and again. */
static void read_paths(signed char colour[COLUMNS][ROWS], char faint[COLUMNS][ROWS]) {
    int last = -1;
    memset(colour, -1, COLUMNS * ROWS);
    for (char *at = text; (at = strstr(at, "<path stroke=\"")) != NULL;) {
        int which = 0, pale, x, y, run, used;
        at += strlen("<path stroke=\"");
        while (which < COLOURS && strncmp(at, colours[which], 7) != 0) which++;
        at += 7;
        ok(strncmp(at, "\" stroke-width=\"1\"", 18) == 0, "a stroke", about);
        at += 18;
        pale = strncmp(at, " opacity=\"0.5\"", 14) == 0;
        at += pale ? 14 : 0;
        ok(strncmp(at, " d=\"", 4) == 0 && 2 * which + pale > last, "one path a shade", about);
        last = 2 * which + pale;
        at += 4;
        ok(which < COLOURS && *at != '"', "of something", about);
        for (; sscanf(at, "M%d %d.5h%d%n", &x, &y, &run, &used) == 3; at += used) {
            const int inside = x >= 0 && y >= 0 && y < ROWS && run > 0 && x + run <= COLUMNS;
            ok(inside, "inside the picture", about);
            for (int i = 0; inside && i < run; i++) {
                ok(colour[x + i][ROWS - 1 - y] == -1, "one colour a cell", about);
                colour[x + i][ROWS - 1 - y] = (signed char)which;
                faint[x + i][ROWS - 1 - y] = (char)pale;
            }
        }
        ok(strncmp(at, "\"/>\n", 4) == 0, "the end of a path", about);
    }
}

static void cells(const history *h) {
    static signed char colour[COLUMNS][ROWS];
    static char faint[COLUMNS][ROWS];
    cover(h);
    read_paths(colour, faint);
    for (size_t x = 0; x < COLUMNS; x++)
        for (size_t y = 0; y < ROWS; y++) {
            const double *c = covered[x][y];
            double sum = 0, most = -1, second = -1;
            int best = 0;
            for (int i = 0; i < COLOURS; i++) {
                sum += c[i];
                if (c[i] > most) second = most, most = c[i], best = i;
                else if (c[i] > second) second = c[i];
            }
            if (fabs(sum - 0.25) < 1e-4 || fabs(sum - 0.75) < 1e-4 || (sum > 0.25 && most - second < 1e-4)) {
                near++;
                continue;
            }
            ok(sum < 0.25 ? colour[x][y] == -1 : colour[x][y] == best && faint[x][y] == (sum < 0.75), "a cell", about);
        }
}

/* The most live bytes in each of so many columns, as asked for or as taken. */
static const char *curve(const history *h, const char *at, const char *colour, int taken) {
    const trace *t = h->trace;
    char expected[64];
    size_t live = 0, i = 0, *sizes = calloc(t->ids, sizeof *sizes);
    snprintf(expected, sizeof expected, "<polyline fill=\"none\" stroke=\"%s\" points=\"", colour);
    at = strstr(at, expected);
    ok(at != NULL, expected, about);
    at += at ? strlen(expected) : 0;
    for (size_t x = 0; at && x < POINTS; x++) {
        size_t most = live;
        for (; i < h->count && i * POINTS / h->count == x; i++) {
            const op *o = &t->ops[i];
            live -= sizes[o->id];
            sizes[o->id] = taken ? takes(h->replay.family->granule, o->size) : o->size;
            live += sizes[o->id];
            if (live > most) most = live;
        }
        snprintf(expected, sizeof expected, "%zu,%.1f ", 2 * x, 72 - 72.0 / (double)h->replay.usable * (double)most);
        ok(strncmp(at, expected, strlen(expected)) == 0, expected, about);
        at += strlen(expected);
    }
    ok(at && strncmp(at, "\"/>\n", 4) == 0, "the end of a curve", about);
    free(sizes);
    return at ? at : text;
}

static void has(const char *expected) {
    ok(strstr(text, expected) != NULL, expected, about);
}

static size_t times(const char *what) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) n++;
    return n;
}

static void words(const history *h) {
    char expected[400];
    const size_t names = h->sites.count < 6 ? h->sites.count : 6;
    snprintf(expected, sizeof expected, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 796 %zu\" "
             "font-family=\"sans-serif\" font-size=\"11\">\n<style>", 434 + 15 * names);
    ok(strncmp(text, expected, strlen(expected)) == 0, expected, about);
    snprintf(expected, sizeof expected, "<text x=\"64\" y=\"16\" font-size=\"13\">%s: %s, %s, a heap of %s bytes</text>\n",
             h->trace->name, h->replay.family->name, h->replay.sized ? "sized" : "malloc", COMMAS(h->replay.bytes));
    has(expected);
    has("<rect class=\"paper\" x=\"64\" y=\"28\" width=\"720\" height=\"288\"/>\n");
    snprintf(expected, sizeof expected, "<text x=\"58\" y=\"37\" text-anchor=\"end\">%s</text>\n", COMMAS(h->replay.usable));
    has(expected);
    has("<text x=\"58\" y=\"316\" text-anchor=\"end\">0</text>\n");
    if (h->count) {
        has("<g transform=\"translate(64 28) scale(3)\">\n");
        has("</g>\n<g transform=\"translate(64 328)\">\n");
    }
    has("<text x=\"58\" y=\"350\" text-anchor=\"end\" style=\"fill: #e0852b\">taken</text>\n");
    has("<text x=\"58\" y=\"364\" text-anchor=\"end\" style=\"fill: #3b76c4\">asked for</text>\n");
    has("<text x=\"64\" y=\"414\">0</text>\n");
    snprintf(expected, sizeof expected, "<text x=\"784\" y=\"414\" text-anchor=\"end\">%s operations</text>\n", COMMAS(h->count));
    has(expected);
    for (size_t i = 0; i < names; i++) {
        char name[200] = "";
        for (const char *c = h->sites.each[i].name; *c; c++)
            snprintf(name + strlen(name), 6, "%s", *c == '<' ? "&lt;" : *c == '&' ? "&amp;" : (char[]){*c, '\0'});
        snprintf(expected, sizeof expected, "<rect x=\"64\" y=\"%zu\" width=\"9\" height=\"9\" fill=\"%s\"/>\n"
                 "<text x=\"79\" y=\"%zu\">%s at the peak: %s</text>\n", 426 + 15 * i, colours[i], 434 + 15 * i,
                 COMMAS(h->sites.each[i].peak.bytes), name);
        has(expected);
    }
    ok(times("\"/>\n") == 1 + names + times("<path ") + 2 * (h->count > 0), "each tag is closed once", about);
    ok(times("width=\"9\"") == names && times("<text ") == 7 + names && times("</g>") == 2 * (h->count > 0), "no more", about);
    ok(strcmp(text + strlen(text) - 7, "</svg>\n") == 0, "the end", about);
}

/* Its picture, as `text`. */
static void read_svg(const history *h) {
    FILE *file = tmpfile();
    if (file == NULL) exit(2);
    svg(h, file);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
}

static void judge(const trace *t, const family *f, size_t bytes, int sized) {
    options o = {.family = f, .sized = sized, .heap_given = 1, .heap = bytes, .quiet = 1};
    history h;
    history_make(&h, t, &o);
    read_svg(&h);
    snprintf(about, sizeof about, "%zu operations of %zu, %s of %zu", h.count, t->count, f->name, bytes);
    words(&h);
    if (h.count) {
        cells(&h);
        curve(&h, curve(&h, text, colours[1], 1), colours[0], 0);
    }
    history_drop(&h);
}

/* Long names are cut, and what they have of XML is written otherwise. */
static void name(const char *of, const char *as) {
    op one = {.kind = 'a', .size = 8, .align = 1};
    uint32_t site = 1;
    char *names[2] = {NULL, strdup(of)}, expected[300];
    trace t = {.name = "one", .ops = &one, .count = 1, .ids = 1, .largest_align = 1, .peak = 8, .sites = &site, .site_names = names, .site_count = 2};
    options o = {.family = family_named("4k"), .sized = 1, .heap_given = 1, .heap = 64, .quiet = 1};
    history h;
    history_make(&h, &t, &o);
    read_svg(&h);
    history_drop(&h);
    free(names[1]);
    snprintf(expected, sizeof expected, ">8 at the peak: %s</text>\n", as);
    snprintf(about, sizeof about, "%s", of);
    has(expected);
}

int main(void) {
    static const char *const letters = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
    char cut[100], long_one[120], wide[100];
    if (freopen("/dev/null", "w", stderr) == NULL) return 2;
    for (unsigned seed = 1; seed <= 24; seed++) {
        static const size_t counts[] = {1, 2, 7, 239, 240, 241, 359, 360, 361, 1000, 1999};
        const drawing how = {counts[seed % 11], 1 + seed * 3 % 40, seed % 3 ? 60 : 700, seed % 2 ? 1 + seed % DRAWN_SITES : 0, 0};
        const trace t = draw_trace(seed, &how);
        const family *f = &families[seed % 3];
        judge(&t, f, 40 + t.peak * (seed % 5 ? 2 : 1), seed % 4 < 2);
        if (seed % 3 == 0) judge(&t, f, 3, 1); /* nothing fits */
    }
    name("a < b & c > d", "a &lt; b &amp; c > d");
    snprintf(cut, sizeof cut, "%.76s...", letters); /* 91 with what stands before it */
    name(letters, cut);
    snprintf(long_one, sizeof long_one, "%.76s", letters);
    name(long_one, long_one);
    snprintf(long_one, sizeof long_one, "%.77s", letters);
    name(long_one, cut);
    snprintf(long_one, sizeof long_one, "%.75s\303\244z", letters); /* a letter of two bytes is cut as one */
    snprintf(wide, sizeof wide, "%.75s\303\244...", letters);
    name(long_one, wide);
    snprintf(about, sizeof about, "%zu", near);
    ok(near < 20000, "few cells that nobody can tell", about);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
