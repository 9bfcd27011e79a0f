/* The reader: traces drawn here, written as text in all the ways that text may have, read, and compared; and where they
 * are fullest. Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#include "trace.h"
#include "teaspoon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t passed, failed;

static void ok(int condition, const char *what, size_t a, size_t b) {
    passed += condition != 0;
    failed += !condition;
    if (condition) return;
    printf("FAILED: %s: %zu, %zu\n", what, a, b);
    if (getenv("TSP_TEST_STOP")) exit(1);
}

static uint64_t state = 14;
static size_t drawn(size_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(state >> 33) % below;
}

enum { MOST = 30000, SITES = 3000 };

typedef struct line {
    char kind;
    uint32_t id, line, site, ms;
    size_t size, align; /* as it is written */
} line;

static line lines[MOST];
static size_t sizes[MOST], given[MOST], count, peak;
static char names[SITES][40];
static uint32_t ids;

static void blanks(FILE *f) {
    static const char *const some[] = {" ", "  ", "\t", " \t ", "\r "};
    fputs(some[drawn(5)], f);
}

/* So many operations, of which those from `sites` and `ms` on have such columns. */
static void write_trace(FILE *f, size_t operations, const char *first, size_t sites, size_t times) {
    static const char *const no_matter[] = {
        "# of no matter, a 0 1 0\n", "# site 0: none\n", "# site 1048576: too many\n", "# site 5 no colon\n", "# site 5:no blank\n",
        "# site x: y\n", "# site /: y\n", "# site :: y\n", "# sites 5: many\n", "#site 5: near\n", "# site: 5: where\n", "# site 5; x\n",
        "# size 5: x\n", "# site -5: x\n", "# site\n", "#\n", "# site_5: x\n", "# site  7: x\n", "# site +7: x\n"};
    static uint32_t alive[MOST];
    static const char *const nobodys[] = {" colour=red\t", " sitz=7", " sites=8", " sit=9", " mx=10", " m=11", " msec=12", " xs=13"};
    uint32_t n = 0, at = 0, now = 0;
    size_t live = 0;
    count = peak = 0;
    ids = 0;
    memset(names, 0, sizeof names);
    if (*first) fprintf(f, "%s", first), at++;
    for (unsigned site = 1; site <= 4; site *= 2, at++) {
        snprintf(names[site], sizeof names[site], "cook? %u, caf\303\251", site);
        fprintf(f, "# site %u: cook\t %u, caf\303\251\n", site, site);
    }
    while (count < operations) {
        line *x = &lines[count];
        const char *end = count + 1 == operations ? "" : drawn(4) ? "\n" : "\r\n";
        for (; drawn(7) == 0; at++) fputs(drawn(2) ? no_matter[drawn(sizeof no_matter / sizeof *no_matter)] : drawn(2) ? " \t\r\n" : "\n", f);
        if (drawn(20) == 0) {
            const size_t site = 1 + drawn(SITES - 1);
            snprintf(names[site], sizeof names[site], "cook%zu (soup.c:%zu) < main", site, drawn(1000));
            if (drawn(9) == 0) *names[site] = '\0';
            fprintf(f, drawn(5) ? "# site %zu: %s%s" : "# site 00%zu: %s%s", site, names[site], drawn(2) ? "\n" : "\r\n");
            at++;
        }
        *x = (line){.line = ++at};
        if (n == 0 || drawn(5) < 2) {
            x->kind = 'a';
            x->id = alive[n++] = ids++;
            x->size = drawn(3) ? drawn(300) : drawn(5000000);
            x->align = drawn(2) ? 0 : (size_t)1 << drawn(21);
            given[x->id] = x->align;
            sizes[x->id] = 0;
        } else {
            const size_t i = drawn(n);
            x->kind = drawn(2) ? 'r' : 'f';
            x->id = alive[i];
            if (x->kind == 'f') alive[i] = alive[--n];
            else x->size = drawn(9) ? drawn(300) : drawn(9000000);
        }
        live += x->size - sizes[x->id];
        sizes[x->id] = x->size;
        if (live > peak) peak = live;
        if (drawn(6) == 0) blanks(f);
        fputc(x->kind, f);
        blanks(f);
        fprintf(f, drawn(9) ? "%u" : "00%u", x->id);
        if (x->kind != 'f') blanks(f), fprintf(f, "%zu", x->size);
        if (x->kind == 'a') blanks(f), fprintf(f, "%zu", x->align);
        if (drawn(9) == 0) fputs(" thread=7", f);
        if (count >= sites && drawn(3)) {
            x->site = (uint32_t)drawn(SITES);
            fprintf(f, " site=%u", x->site);
        } else if (count >= sites && drawn(9) == 0) {
            fputs(drawn(2) ? " site=4000000000" : " site=1048576", f); /* so many are none */
        }
        if (count >= times && drawn(50) == 0) {
            now += (uint32_t)drawn(100);
            fprintf(f, " ms=%u", now);
        }
        x->ms = now;
        if (drawn(3) == 0) fputs(nobodys[drawn(sizeof nobodys / sizeof *nobodys)], f);
        fputs(end, f);
        count++;
    }
}

/* The largest power of two that is at most the size, and at most `most`. */
static uint32_t natural(size_t size, size_t most) {
    uint32_t align = 1;
    while (align * 2 <= most && align * 2 <= size) align *= 2;
    return align;
}

static void read_it(const char *file, size_t most, const char *name, uint32_t pointer) {
    trace t;
    uint32_t largest = 0;
    int has_sites = 0, has_ms = 0;
    for (size_t i = 0; i < count; i++) {
        has_sites |= lines[i].site != 0;
        has_ms |= lines[i].ms != 0;
    }
    ok(trace_read(&t, file, most), file, 0, 0);
    ok(t.count == count && t.ids == ids && t.peak == peak, "operations, objects, peak", t.count, count);
    ok(strcmp(t.name, name) == 0 && t.file == file && t.pointer_size == pointer, t.name, t.pointer_size, pointer);
    ok((t.sites != NULL) == has_sites && (t.ms != NULL) == has_ms, "columns that no line has are not there", 0, 0);
    for (size_t i = 0; i < count && i < t.count; i++) {
        const line *x = &lines[i];
        const op *o = &t.ops[i];
        const size_t align = x->kind == 'a' ? x->align : given[x->id];
        const uint32_t expected = align ? (uint32_t)align : natural(x->size, most);
        ok(o->kind == x->kind && o->id == x->id && o->size == x->size && o->line == x->line, "an operation", i, o->line);
        ok(o->align == expected, "an alignment", o->align, expected);
        ok((t.sites ? t.sites[i] : 0) == x->site && (t.ms ? t.ms[i] : 0) == x->ms, "site and time", i, x->site);
        if (expected > largest) largest = expected;
    }
    ok(t.largest_align == largest, "the largest alignment", t.largest_align, largest);
    for (uint32_t i = 0; i < SITES || i < t.site_count; i++) {
        const char *got = i < t.site_count ? t.site_names[i] : NULL;
        ok(strcmp(got ? got : "", i < SITES ? names[i] : "") == 0, "a site's name", i, 0);
    }

    for (size_t granule = 4; granule <= 8; granule *= 2)
        for (size_t round = 4; round <= 16; round *= 2) { /* sizes below `round` take what granules they need */
            static size_t takes[MOST];
            size_t live = 0, fullest = 0, at, where = 0;
            memset(takes, 0, sizeof takes);
            for (size_t i = 0; i < count; i++) {
                const size_t unit = lines[i].size < round || round < granule ? granule : round;
                live -= takes[lines[i].id];
                takes[lines[i].id] = (lines[i].size + unit - 1) / unit * unit;
                live += takes[lines[i].id];
                if (live > fullest) fullest = live, where = i;
            }
            ok(trace_fullest(&t, granule, round, &at) == fullest && at == where, "the fullest moment", at, where);
        }
    {
        const trace copy = trace_without_operations(&t);
        ok(copy.count == 0 && !copy.ops && !copy.sites && !copy.ms && !copy.site_names && copy.site_count == 0 &&
           copy.ids == t.ids && strcmp(copy.name, t.name) == 0 && copy.peak == t.peak, "a copy without operations", 0, 0);
    }
    trace_drop(&t);
    ok(t.ops == NULL && t.count == 0 && t.file == NULL, "dropped", t.count, 0);
}

static void reads(const char *file, size_t operations, const char *first, const char *name, uint32_t pointer, size_t sites,
                  size_t times) {
    FILE *f = fopen(file, "wb");
    if (f == NULL) return;
    write_trace(f, operations, first, sites, times);
    fclose(f);
    read_it(file, (size_t)4 << drawn(3), name, pointer);
}

/* Where it is fullest first; and where it never is. */
static void nothing(void) {
    op some[] = {{0, 0, 1, 1, 'a'}, {8, 1, 2, 8, 'a'}, {0, 1, 3, 0, 'f'}, {8, 2, 4, 8, 'a'}};
    trace t = {.ops = some, .count = 1, .ids = 3};
    size_t at = 9;
    ok(trace_fullest(&t, 4, 8, &at) == 0 && at == 0, "nothing", at, 0);
    t.count = 4;
    ok(trace_fullest(&t, 4, 8, &at) == 8 && at == 1, "the first of two", at, 1);
}

int main(void) {
    static const size_t operations[] = {1, 2, 4095, 4096, 4097, 12287, 12288, 12289, 25000};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        const size_t n = operations[i];
        reads("soup.trace", n, "", "soup", 0, n, n);
        if (n == 1) continue;
        reads("soup.txt", n, "# name: lunch\n", "lunch", 0, n / 2, n);
        reads("soup.trace.txt.gz", n, "# soup, pointer size: 8, hot\r\n", "soup", 8, n, n - n / 10 - 1);
        reads("a.b", n, "# name: to\tgo, now: caf\303\251, pointer size: 4\n", "to?go", 4, n / 10, n / 3);
        reads("./soup.txt.gz", n, "# name: , pointer size: 2\n", "soup", 0, 0, 0);
    }
    reads("a.trace", 5, "# name: q\n", "q", 0, 5, 5);
    reads("a.trace", 5, "# name: my caf\303\251\n", "my caf\303\251", 0, 5, 5);
    reads("a.trace", 5, "# name:qqq, pointer size:84\n", "a", 0, 5, 5);
    nothing();
    reads(".gz", 5, "# name: 0123456789012345678901234567890123456789012345\r\n", "0123456789012345678901234567890123456789012345",
          0, 5, 5);
    reads(".trace", 5, "# name: 01234567890123456789012345678901234567890123456\n", "01234567890123456789012345678901234567890123456", 0,
          5, 5);
    reads("x.trace", 5, "# name: 012345678901234567890123456789012345678901234567\n",
          "01234567890123456789012345678901234567890123456", 0, 5, 5);
    reads(".txt", 5, "#name: a, pointer size: 4\n", ".txt", 4, 5, 5);
    printf("%zu passed, %zu failed\n", passed, failed);
    return failed != 0;
}
