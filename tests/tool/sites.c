/* Who holds memory: of drawn traces, counted here object by object, and the tables of it letter by letter. Ends in
 * "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "say.h"
#include "sites.h"
#include "unit.h"

#include <stdarg.h>
#include <unistd.h>

#include "drawn.h"

static char found[200];

static size_t key(const trace *t, size_t i) {
    return t->sites ? t->sites[i] : t->ops[i].size;
}

static const char *name(const trace *t, size_t k) {
    static char text[40];
    if (t->sites && k < t->site_count && t->site_names[k]) return t->site_names[k];
    if (!t->sites) snprintf(text, sizeof text, "%s byte%s", COMMAS(k), k == 1 ? "" : "s");
    else snprintf(text, sizeof text, k ? "site %zu" : "(no site)", k);
    return text;
}

/* The operation that gave an object its size, after so many; SIZE_MAX: it does not live. */
static size_t made(const trace *t, uint32_t id, size_t operations) {
    size_t by = SIZE_MAX;
    for (size_t i = 0; i < operations; i++)
        if (t->ops[i].id == id) by = t->ops[i].kind == 'f' ? SIZE_MAX : i;
    return by;
}

/* What objects of a key hold after so many operations; of all, without one. */
static holding held(const trace *t, size_t operations, const size_t *of, size_t *oldest) {
    holding h = {0, 0};
    for (uint32_t id = 0; id < t->ids; id++) {
        const size_t by = made(t, id, operations);
        if (by == SIZE_MAX || (of && key(t, by) != *of)) continue;
        h.bytes += t->ops[by].size;
        if (oldest && (h.objects == 0 || by < *oldest)) *oldest = by;
        h.objects++;
    }
    return h;
}

static int same(holding a, holding b) {
    return a.bytes == b.bytes && a.objects == b.objects;
}

/* A row, counted here. */
typedef struct row {
    char name[48];
    size_t calls, oldest;
    holding peak, end;
} row;
static row some[MOST_DRAWN];

static size_t rows_of(const trace *t, size_t peak_at, row *rows) {
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        const size_t k = key(t, i);
        row *x = &rows[count];
        int seen = t->ops[i].kind == 'f';
        for (size_t j = 0; j < i; j++) seen |= t->ops[j].kind != 'f' && key(t, j) == k;
        if (seen) continue;
        *x = (row){.calls = 0};
        snprintf(x->name, sizeof x->name, "%s", name(t, k));
        for (size_t j = 0; j < t->count; j++) x->calls += t->ops[j].kind != 'f' && key(t, j) == k;
        x->peak = held(t, peak_at + 1, &k, NULL);
        x->end = held(t, t->count, &k, &x->oldest);
        count++;
    }
    return count;
}

static void judge(const trace *t, const sites *s, size_t peak_at) {
    const size_t count = rows_of(t, peak_at, some);
    ok(s->trace == t && s->by_size == !t->sites, "what it is about", "");
    snprintf(found, sizeof found, "%zu, not %zu", s->peak_at, peak_at);
    ok(s->peak_at == peak_at, "the peak is first after", found);
    ok(same(s->peak, held(t, peak_at + 1, NULL, NULL)), "the peak", "");
    ok(same(s->end, held(t, t->count, NULL, NULL)), "the end", "");
    ok(s->count == count, "each once", "");
    for (size_t i = 0; i < t->count; i++) {
        const site *x = &s->each[s->of[i]];
        if (t->ops[i].kind == 'f') continue;
        ok(s->of[i] < s->count && strcmp(x->name, name(t, key(t, i))) == 0, name(t, key(t, i)), x->name);
    }
    for (size_t i = 0; i < count; i++) {
        const row *y = &some[i];
        size_t at = 0;
        const site *x;
        while (at + 1 < s->count && strcmp(s->each[at].name, y->name) != 0) at++;
        x = &s->each[at];
        ok(strcmp(x->name, y->name) == 0, "its name", y->name);
        ok(x->calls == y->calls, "calls", x->name);
        ok(same(x->peak, y->peak), "at the peak", x->name);
        ok(same(x->end, y->end), "at the end", x->name);
        ok(x->end.objects == 0 || x->oldest == y->oldest, "the oldest", x->name);
    }
}

static void sorted(const sites *s, int at_end) {
    for (size_t i = 1; i < s->count; i++) {
        const site *x = &s->each[i - 1], *y = &s->each[i];
        const size_t a = at_end ? x->end.bytes : x->peak.bytes, b = at_end ? y->end.bytes : y->peak.bytes;
        const size_t m = at_end ? x->end.objects : x->peak.objects, n = at_end ? y->end.objects : y->peak.objects;
        ok(a > b || (a == b && (m > n || (m == n && strcmp(x->name, y->name) <= 0))), "in order", y->name);
    }
}

/* -- What is printed ----------------------------------------------------------------------------------------------- */

enum { MOST_TEXT = 1 << 17 };
static char printed[MOST_TEXT], expected[MOST_TEXT];
static size_t length;

static void expect(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    length += (size_t)vsnprintf(expected + length, sizeof expected - length, format, rest);
    va_end(rest);
}

/* Its standard output, as `printed`; it has to be what is expected. */
static int print(int command(const trace *traces, size_t count, const options *how), const trace *traces, size_t count,
                 const options *how, const char *what) {
    FILE *file = tmpfile();
    const int saved = dup(1);
    size_t differs = 0;
    int code;
    if (file == NULL) exit(2);
    fflush(stdout);
    dup2(fileno(file), 1);
    code = command(traces, count, how);
    fflush(stdout);
    dup2(saved, 1);
    close(saved);
    rewind(file);
    printed[fread(printed, 1, sizeof printed - 1, file)] = '\0';
    fclose(file);
    while (printed[differs] && printed[differs] == expected[differs]) differs++;
    snprintf(found, sizeof found, "byte %zu: '%.60s', not '%.60s'", differs, printed + differs, expected + differs);
    ok(strcmp(printed, expected) == 0, what, found);
    length = 0;
    *expected = '\0';
    return code;
}

static int rows_at_end;

static int by_bytes(const void *a, const void *b) {
    const row *x = a, *y = b;
    const size_t m = rows_at_end ? x->end.bytes : x->peak.bytes, n = rows_at_end ? y->end.bytes : y->peak.bytes;
    const size_t o = rows_at_end ? x->end.objects : x->peak.objects, p = rows_at_end ? y->end.objects : y->peak.objects;
    return m != n ? (m < n) - (m > n) : o != p ? (o < p) - (o > p) : strcmp(x->name, y->name);
}

static void expect_table(const trace *t, size_t peak_at, const row *rows, size_t count, int at_end, int all) {
    const holding whole = held(t, at_end ? t->count : peak_at + 1, NULL, NULL);
    size_t left = whole.bytes, shown = 0, holders = 0;
    for (size_t i = 0; i < count; i++) holders += (at_end ? rows[i].end : rows[i].peak).objects > 0;
    if (at_end) expect("drawn: %s bytes in %s objects are never given back\n", COMMAS(whole.bytes), COMMAS(whole.objects));
    else expect("drawn: a peak of %s bytes in %s objects, after operation %s (line %s)\n", COMMAS(whole.bytes),
                COMMAS(whole.objects), COMMAS(peak_at + 1), COMMAS(2 * peak_at + 3));
    if (!at_end) expect("      bytes      %%   objects       calls  %s\n", t->sites ? "site" : "size");
    else if (holders) expect("      bytes   objects  first line  %s\n", t->sites ? "site" : "size");
    for (; shown < holders && (all || shown < 20 || holders <= 20); shown++) {
        const row *x = &rows[shown];
        if (at_end) expect("%11s %9s %11s  %s\n", COMMAS(x->end.bytes), COMMAS(x->end.objects), COMMAS(2 * x->oldest + 3), x->name);
        else expect("%11s %6.1f %9s %11s  %s\n", COMMAS(x->peak.bytes),
                    whole.bytes ? 100 * (double)x->peak.bytes / (double)whole.bytes : 0, COMMAS(x->peak.objects),
                    COMMAS(x->calls), x->name);
        left -= (at_end ? x->end : x->peak).bytes;
    }
    if (shown < holders) expect("%11s  in %s others; --all prints them\n", COMMAS(left), COMMAS(holders - shown));
}

/* JSON that may stand in a page. */
static const char *escaped(const char *text) {
    static char to[200];
    *to = '\0';
    for (; *text; text++) snprintf(to + strlen(to), 8, *text == '<' ? "\\u003c" : "%c", *text);
    return to;
}

static void expect_json(const trace *t, size_t peak_at, const row *rows, size_t count, int at_end) {
    const holding whole = held(t, at_end ? t->count : peak_at + 1, NULL, NULL);
    const char *before = "";
    expect("{\"trace\": \"drawn\", \"by\": \"%s\", \"bytes\": %zu, \"objects\": %zu, \"sites\": [", t->sites ? "site" : "size",
           whole.bytes, whole.objects);
    for (size_t i = 0; i < count; i++) {
        const holding h = at_end ? rows[i].end : rows[i].peak;
        if (h.objects == 0) continue;
        expect("%s\n  {\"site\": \"%s\", \"bytes\": %zu, \"objects\": %zu, \"calls\": %zu", before, escaped(rows[i].name), h.bytes,
               h.objects, rows[i].calls);
        if (at_end) expect(", \"line\": %zu", 2 * rows[i].oldest + 3);
        expect("}");
        before = ",";
    }
    expect("]}");
}

static size_t peak_of(const trace *t) {
    size_t peak_at = 0;
    while (held(t, peak_at + 1, NULL, NULL).bytes < t->peak) peak_at++;
    return peak_at;
}

static void tables(const trace *t) {
    const size_t peak_at = peak_of(t), count = rows_of(t, peak_at, some), left = held(t, t->count, NULL, NULL).bytes;
    const trace twice[2] = {*t, *t};
    for (int at_end = 0; at_end < 2; at_end++) {
        int (*command)(const trace *, size_t, const options *) = at_end ? print_leaking_sites : print_top_sites;
        options how = {.max_given = 0};
        rows_at_end = at_end;
        qsort(some, count, sizeof *some, by_bytes);
        for (how.all = 0; how.all < 2; how.all++) {
            expect_table(t, peak_at, some, count, at_end, how.all);
            ok(print(command, t, 1, &how, "a table") == DONE, "its exit code", found);
        }
        how.all = 1;
        expect_table(t, peak_at, some, count, at_end, 1);
        expect("\n");
        expect_table(t, peak_at, some, count, at_end, 1);
        print(command, twice, 2, &how, "two tables");
        how.json = 1;
        expect("[");
        expect_json(t, peak_at, some, count, at_end);
        expect(",\n");
        expect_json(t, peak_at, some, count, at_end);
        expect("]\n");
        print(command, twice, 2, &how, "JSON");
        how.max_given = 1;
        for (how.max = left ? left - 1 : 0; how.max <= left; how.max++) {
            expect("[");
            expect_json(t, peak_at, some, count, at_end);
            expect("]\n");
            ok(print(command, t, 1, &how, "JSON, and a limit") == (how.max < left ? DOES_NOT_FIT : DONE), "what may be left", found);
        }
    }
}

static const char *change(size_t before, size_t after) {
    static char all[4][40];
    static unsigned next;
    char *to = all[next++ % 4];
    snprintf(to, 40, "%s%s", after > before ? "+" : after < before ? "-" : "", COMMAS(after > before ? after - before : before - after));
    return to;
}

typedef struct pair {
    char name[48];
    row in[2];
} pair;
static pair pairs[2 * MOST_DRAWN];

static int by_growth(const void *a, const void *b) {
    const pair *x = a, *y = b;
    const long m = (long)x->in[1].peak.bytes - (long)x->in[0].peak.bytes, n = (long)y->in[1].peak.bytes - (long)y->in[0].peak.bytes;
    return m != n ? (m < n) - (m > n) : strcmp(x->name, y->name);
}

/* "cook1 (soup.c:7) < main": without ":7". */
static void without_line(char *text) {
    char *colon = strchr(text, ':'), *end = strchr(text, ')');
    if (colon && end) memmove(colon, end, strlen(end) + 1);
}

static void difference(const trace *before, const trace *after) {
    const trace both[2] = {*before, *after};
    holding peak[2], end[2];
    options how = {.all = 0};
    size_t count = 0, differing = 0;
    for (int k = 0; k < 2; k++) {
        const size_t peak_at = peak_of(&both[k]), rows = rows_of(&both[k], peak_at, some);
        peak[k] = held(&both[k], peak_at + 1, NULL, NULL);
        end[k] = held(&both[k], both[k].count, NULL, NULL);
        for (size_t i = 0; i < rows; i++) {
            row *x = &some[i], *y;
            size_t at = 0;
            without_line(x->name);
            while (at < count && strcmp(pairs[at].name, x->name) != 0) at++;
            if (at == count) {
                memset(&pairs[count], 0, sizeof *pairs);
                snprintf(pairs[count++].name, sizeof pairs->name, "%s", x->name);
            }
            y = &pairs[at].in[k];
            y->calls += x->calls;
            y->peak.bytes += x->peak.bytes;
            y->peak.objects += x->peak.objects;
            y->end.bytes += x->end.bytes;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const row *a = &pairs[i].in[0], *b = &pairs[i].in[1];
        if (a->peak.bytes != b->peak.bytes || a->calls != b->calls || a->end.bytes != b->end.bytes) pairs[differing++] = pairs[i];
    }
    qsort(pairs, differing, sizeof *pairs, by_growth);
    for (how.all = 0; how.all < 2; how.all++) {
        const size_t shown = how.all || differing <= 20 ? differing : 20;
        expect("peak: %s bytes, was %s; operations: %s, was %s; at the end: %s bytes, was %s\n", COMMAS(peak[1].bytes),
               COMMAS(peak[0].bytes), COMMAS(after->count), COMMAS(before->count), COMMAS(end[1].bytes), COMMAS(end[0].bytes));
        if (differing) expect("    at peak      before       after       calls  at the end  site\n");
        for (size_t i = 0; i < shown; i++) {
            const row *a = &pairs[i].in[0], *b = &pairs[i].in[1];
            expect("%11s %11s %11s %11s %11s  %s\n", change(a->peak.bytes, b->peak.bytes), COMMAS(a->peak.bytes),
                   COMMAS(b->peak.bytes), change(a->calls, b->calls), change(a->end.bytes, b->end.bytes), pairs[i].name);
        }
        if (shown < differing) expect("and %s others; --all prints them\n", COMMAS(differing - shown));
        ok(print(print_difference, both, 2, &how, "what differs") == DONE, "its exit code", found);
    }
    how.json = 1;
    expect("[");
    for (size_t i = 0; i < differing; i++) {
        expect(i ? ",\n {\"site\": \"%s\"" : "{\"site\": \"%s\"", escaped(pairs[i].name));
        for (int k = 0; k < 2; k++)
            expect(", \"%s\": {\"bytes\": %zu, \"objects\": %zu, \"calls\": %zu, \"end\": %zu}", k ? "after" : "before",
                   pairs[i].in[k].peak.bytes, pairs[i].in[k].peak.objects, pairs[i].in[k].calls, pairs[i].in[k].end.bytes);
        expect("}");
    }
    expect("]\n");
    print(print_difference, both, 2, &how, "what differs, in JSON");
    ok(print(print_difference, both, 1, &how, "one trace") == BAD_INPUT, "differs from none", found);
}

int main(void) {
    if (freopen("/dev/null", "w", stderr) == NULL) return 2;
    { /* nothing but objects of 0 bytes */
        const drawing how = {30, 9, 1, 5, 0};
        trace none = draw_trace(1, &how);
        for (size_t i = 0; i < none.count; i++) none.ops[i].size = 0;
        none.peak = 0;
        tables(&none);
    }
    for (unsigned seed = 1; seed <= 60; seed++) {
        const drawing how = {1 + seed * 5, 1 + seed % 40, seed % 4 ? 90 : 30000, seed % 3 ? 1 + seed % DRAWN_SITES : 0, 0};
        const drawing again = {1 + seed * 4, 1 + seed % 50, seed % 4 ? 90 : 30000, how.sites ? 1 + seed * 7 % DRAWN_SITES : 0, 0};
        const trace first = draw_trace(seed, &how);
        trace second;
        tables(&first);
        difference(&first, &first);
        second = draw_trace(seed + 1000, &again);
        difference(&first, &second);
    }
    for (unsigned seed = 1; seed <= 120; seed++) {
        const drawing how = {1 + seed * 5 / 2, 1 + seed % 30, seed % 4 ? 40 : 3000, seed % 3 ? 1 + seed % DRAWN_SITES : 0, 0};
        const trace t = draw_trace(seed, &how);
        const size_t peak_at = peak_of(&t);
        sites s = sites_of(&t);
        judge(&t, &s, peak_at);
        for (int at_end = 0; at_end < 2; at_end++) {
            sites_sort(&s, at_end);
            sorted(&s, at_end);
            judge(&t, &s, peak_at);
        }
        sites_drop(&s);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
