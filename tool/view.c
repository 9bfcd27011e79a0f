/* teaspoon view: a page that shows replays, address against time. The page itself is tool/view/, made into one file by
 * make; here are added, for each replay, a few words of JSON and columns of numbers, gzip'ed, in base64. The columns:
 *
 *     kinds     a byte an operation: 0 allocates, 1 resizes, 2 frees
 *     ids       of each resize and free: the newest ID less its own
 *     sizes     of each allocation and resize; aligns: the logarithm; sites; places: granules, as a difference to the
 *               one before
 *     holes, largest, ms
 *               after each operation, as differences
 *
 * Numbers are LEB128, 7 bits a byte, the low ones first; differences are zigzag, so that small ones are short. The page
 * makes levels of detail of them when it opens. SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "history.h"
#include "say.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#ifndef TSP_PLAIN_TRACES
#include <zlib.h>
#endif

#define PAGE "teaspoon-view.html"
enum { MOST = 8 }; /* replays on one page */

/* -- Columns ------------------------------------------------------------------------------------------------------ */

enum { KINDS, IDS, SIZES, ALIGNS, SITES, PLACES, HOLES, LARGEST, MS, COLUMNS };
static const char *const column_names[] = {"kinds",  "ids",   "sizes",   "aligns", "sites",
                                           "places", "holes", "largest", "ms"};

typedef struct column {
    unsigned char *bytes;
    size_t size, room;
    uint64_t last;
} column;

static void add(column *c, uint64_t n) {
    if (c->room - c->size < 10) c->bytes = need(realloc(c->bytes, c->room = c->room * 2 + 4096));
    for (; n > 127; n >>= 7) c->bytes[c->size++] = (unsigned char)(n & 127) | 128;
    c->bytes[c->size++] = (unsigned char)n;
}

static void add_difference(column *c, uint64_t n) {
    uint64_t difference = n - c->last;
    add(c, difference >> 63 ? ~(difference << 1) : difference << 1);
    c->last = n;
}

static unsigned logarithm(size_t n) {
    unsigned i = 0;
    while (n >>= 1) i++;
    return i;
}

static void fill(column *columns, const history *h) {
    const trace *t = h->trace;
    uint32_t ids = 0;
    for (size_t i = 0; i < h->count; i++) {
        const op *o = &t->ops[i];
        add(&columns[KINDS], o->kind == 'a' ? 0 : o->kind == 'r' ? 1 : 2);
        if (o->kind == 'a') ids++;
        else add(&columns[IDS], ids - 1 - o->id);
        if (o->kind != 'f') {
            add(&columns[SIZES], o->size);
            add(&columns[ALIGNS], logarithm(o->align));
            add(&columns[SITES], h->sites.of[i]);
            add_difference(&columns[PLACES], h->places[i]);
        }
        add_difference(&columns[HOLES], h->holes[i]);
        add_difference(&columns[LARGEST], h->largest[i]);
        if (t->ms) add_difference(&columns[MS], t->ms[i]);
    }
}

/* -- What the page is made of ------------------------------------------------------------------------------------- */

static void put_base64(FILE *out, const unsigned char *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        unsigned long three = (unsigned long)bytes[i] << 16 | (left > 1 ? (unsigned long)bytes[i + 1] << 8 : 0) |
                              (left > 2 ? bytes[i + 2] : 0u);
        fputc(digits[three >> 18], out);
        fputc(digits[three >> 12 & 63], out);
        fputc(left > 1 ? digits[three >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[three & 63] : '=', out);
    }
}

#ifdef TSP_PLAIN_TRACES
static const char *const gzipped = "false";
static void squeeze(column *c) {
    (void)c;
}
#else
static const char *const gzipped = "true";
static void squeeze(column *c) {
    z_stream z = {0};
    unsigned char *to;
    uLong most;
    int status = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
    if (status != Z_OK) need(NULL);
    most = deflateBound(&z, (uLong)c->size);
    to = need(malloc(most));
    z.next_in = c->bytes;
    z.avail_in = (uInt)c->size;
    z.next_out = to;
    z.avail_out = (uInt)most;
    status = deflate(&z, Z_FINISH);
    c->size = z.total_out;
    deflateEnd(&z);
    free(c->bytes);
    c->bytes = to;
    if (status != Z_STREAM_END) need(NULL);
}
#endif

static void put_pins(const history *h, FILE *out) {
    const op *o = &h->trace->ops[h->count];
    const pins *p = &h->pins;
    fprintf(out, ", \"failure\": {\"kind\": \"%c\", \"id\": %u, \"size\": %zu, \"line\": %u, \"bytes\": %zu", o->kind,
            o->id, o->size, o->line, p->bytes);
    fprintf(out, ", \"align\": %zu, \"free\": %zu, \"holes\": %zu, \"largest\": %zu, \"never\": %s, \"from\": %zu",
            p->align, p->free, p->holes, p->largest, p->never ? "true" : "false", p->from);
    fprintf(out, ", \"pinned\": %zu, \"pins\": [", p->pinned);
    for (size_t i = 0; i < p->count; i++) fprintf(out, "%s%u", i ? ", " : "", p->each[i].id);
    fputs("]}", out);
}

static void put_words(const history *h, const column *columns, FILE *out) {
    const replay *r = &h->replay;
    fputs("{\"name\": ", out);
    json_text(out, h->trace->name);
    fprintf(out, ", \"family\": \"%s\", \"interface\": \"%s\", \"heap\": %zu, \"usable\": %zu", r->family->name,
            r->sized ? "sized" : "malloc", r->bytes, r->usable);
    fprintf(out, ", \"granule\": %zu, \"round\": %d, \"guard\": %d", r->family->granule, (int)TSP_ROUND,
            (int)TSP_GUARD_);
    fprintf(out, ", \"count\": %zu, \"bySize\": %s, \"gzip\": %s, \"columns\": {", h->count,
            h->sites.by_size ? "true" : "false", gzipped);
    for (int i = 0; i < COLUMNS; i++) fprintf(out, "%s\"%s\": %zu", i ? ", " : "", column_names[i], columns[i].size);
    fputs("}, \"sites\": [", out);
    for (size_t i = 0; i < h->sites.count; i++) {
        if (i) fputs(", ", out);
        json_text(out, h->sites.each[i].name);
    }
    fputs("]", out);
    if (h->count < h->trace->count) put_pins(h, out);
    fputs("}", out);
}

static void put_replay(const history *h, size_t number, FILE *out) {
    column columns[COLUMNS] = {{0}}, all = {0};
    fill(columns, h);
    fprintf(out, "<script type=\"application/json\" id=\"words-%zu\">", number);
    put_words(h, columns, out);
    for (int i = 0; i < COLUMNS; i++) {
        all.bytes = need(realloc(all.bytes, all.size + columns[i].size + 1));
        if (columns[i].size) memcpy(all.bytes + all.size, columns[i].bytes, columns[i].size);
        all.size += columns[i].size;
        free(columns[i].bytes);
    }
    squeeze(&all);
    fprintf(out, "</script>\n<script type=\"application/octet-stream\" id=\"columns-%zu\">", number);
    put_base64(out, all.bytes, all.size);
    fputs("</script>\n", out);
    free(all.bytes);
}

/* -- The file ----------------------------------------------------------------------------------------------------- */

/* The page, with the replays where its line @replays@ is. */
static int put_page(const history *all, size_t count, FILE *page, FILE *out) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, page) > 0) {
        if (strcmp(line, "@replays@\n") != 0) fputs(line, out);
        else
            for (size_t i = 0; i < count; i++) put_replay(&all[i], i, out);
    }
    free(line);
    return !ferror(page) && !ferror(out);
}

static int write_page(const history *all, size_t count, const char *file) {
    char *path = find_part(PAGE);
    FILE *page, *out;
    long size = 0;
    int ok;
    if (path == NULL) return BAD_INPUT;
    page = fopen(path, "r");
    if (page == NULL) return complain(BAD_INPUT, "cannot read %s: %s", path, strerror(errno));
    free(path);
    out = fopen(file, "w");
    if (out == NULL) {
        fclose(page);
        return complain(BAD_INPUT, "cannot write %s: %s", file, strerror(errno));
    }
    ok = put_page(all, count, page, out);
    fclose(page);
    size = ftell(out);
    if (fclose(out) != 0 || !ok) return complain(BAD_INPUT, "cannot write %s: %s", file, strerror(errno));
    progress_end();
    printf("%s: %s bytes\n", file, COMMAS((size_t)size));
    return DONE;
}

static int write_svg(const history *all, size_t count, const char *file) {
    FILE *out;
    if (count > 1) return complain(BAD_INPUT, "--svg draws one heap, not %zu", count);
    out = fopen(file, "w");
    if (out == NULL) return complain(BAD_INPUT, "cannot write %s: %s", file, strerror(errno));
    svg(all, out);
    if (fclose(out) != 0) return complain(BAD_INPUT, "cannot write %s: %s", file, strerror(errno));
    progress_end();
    printf("%s\n", file);
    return DONE;
}

int view_traces(const trace *traces, size_t count, const options *how) {
    static const int kinds[] = {1, 0};
    history all[MOST];
    size_t made = 0, variants = how->variants ? how->variants : 1;
    char name[PATH_MAX];
    int code = DONE;
    for (size_t i = 0; i < count; i++)
        for (size_t v = 0; v < variants; v++)
            for (int k = 0; k < 2; k++) {
                options one = *how;
                if (how->kinds && !(how->kinds & 1 << kinds[k])) continue;
                if (!how->kinds && !kinds[k]) continue;
                one.family = how->variants ? how->variant[v] : NULL;
                one.sized = kinds[k];
                if (made == MOST) code = complain(BAD_INPUT, "more than %d heaps for one page", MOST);
                if (code == DONE) code = history_make(&all[made++], &traces[i], &one);
            }
    snprintf(name, sizeof name, "%s.%s", traces->name, how->svg ? "svg" : "html");
    for (char *c = name; *c; c++)
        if (*c == '/') *c = '_';
    if (code == DONE) code = (how->svg ? write_svg : write_page)(all, made, how->output ? how->output : name);
    while (made > 0) history_drop(&all[--made]);
    return code;
}
