/* See sites.h; and teaspoon top, leaks and diff, which print it. SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "sites.h"
#include "command.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Grouping ----------------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* What an operation is grouped by. */
static size_t key_of(const trace *t, size_t i) {
    return t->sites ? t->sites[i] : t->ops[i].size;
}

static char *name_of(const trace *t, size_t key) {
    char text[48];
    if (t->sites && key < t->site_count && t->site_names[key]) return need(strdup(t->site_names[key]));
    if (!t->sites) snprintf(text, sizeof text, "%s byte%s", COMMAS(key), key == 1 ? "" : "s");
    else if (key == 0) strcpy(text, "(no site)");
    else snprintf(text, sizeof text, "site %zu", key);
    return need(strdup(text));
}

static void group(sites *s) {
    const trace *t = s->trace;
    size_t *keys = need(malloc(t->count * sizeof *keys)), count = 0;
    for (size_t i = 0; i < t->count; i++)
        if (t->ops[i].kind != 'f') keys[count++] = key_of(t, i);
    qsort(keys, count, sizeof *keys, by_number);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || keys[i] != keys[s->count - 1]) keys[s->count++] = keys[i];
    s->each = need(calloc(s->count + 1, sizeof *s->each));
    for (size_t i = 0; i < s->count; i++) s->each[i].name = name_of(t, keys[i]);
    for (size_t i = 0; i < t->count; i++) {
        size_t key = key_of(t, i), *found;
        if (t->ops[i].kind == 'f') continue;
        found = bsearch(&key, keys, s->count, sizeof *keys, by_number);
        s->of[i] = (uint32_t)(found - keys);
        s->each[s->of[i]].calls++;
    }
    free(keys);
}

/* For each object the operation that gave it its size; UINT32_MAX: it is not alive. */
static void hold(sites *s, const uint32_t *made, int at_end) {
    const trace *t = s->trace;
    holding *all = at_end ? &s->end : &s->peak;
    for (uint32_t id = 0; id < t->ids; id++) {
        size_t size;
        site *x;
        holding *h;
        if (made[id] == UINT32_MAX) continue;
        size = t->ops[made[id]].size;
        x = &s->each[s->of[made[id]]];
        h = at_end ? &x->end : &x->peak;
        if (at_end && (h->objects == 0 || made[id] < x->oldest)) x->oldest = made[id];
        h->bytes += size;
        h->objects++;
        all->bytes += size;
        all->objects++;
    }
}

sites sites_of(const trace *t) {
    sites s = {.trace = t, .by_size = t->sites == NULL};
    uint32_t *made = need(malloc(t->ids * sizeof *made));
    size_t live = 0;
    int reached = 0;
    s.of = need(calloc(t->count + 1, sizeof *s.of));
    memset(made, 0xff, t->ids * sizeof *made);
    group(&s);
    for (size_t i = 0; i < t->count; i++) {
        const op *o = &t->ops[i];
        if (made[o->id] != UINT32_MAX) live -= t->ops[made[o->id]].size;
        made[o->id] = o->kind == 'f' ? UINT32_MAX : (uint32_t)i;
        live += o->size;
        if (live == t->peak && !reached) {
            reached = 1;
            s.peak_at = i;
            hold(&s, made, 0);
        }
    }
    hold(&s, made, 1);
    free(made);
    return s;
}

void sites_drop(sites *s) {
    for (size_t i = 0; i < s->count; i++) free(s->each[i].name);
    free(s->each);
    free(s->of);
}

/* Sites without any object last: then they need not be printed. */
static int by_peak(const void *a, const void *b) {
    const site *x = a, *y = b;
    if (x->peak.bytes != y->peak.bytes) return x->peak.bytes < y->peak.bytes ? 1 : -1;
    if (x->peak.objects != y->peak.objects) return x->peak.objects < y->peak.objects ? 1 : -1;
    return strcmp(x->name, y->name);
}

static int by_end(const void *a, const void *b) {
    const site *x = a, *y = b;
    if (x->end.bytes != y->end.bytes) return x->end.bytes < y->end.bytes ? 1 : -1;
    if (x->end.objects != y->end.objects) return x->end.objects < y->end.objects ? 1 : -1;
    return strcmp(x->name, y->name);
}

/* The operations' numbers follow their sites. */
void sites_sort(sites *s, int at_end) {
    uint32_t *place = need(malloc((s->count + 1) * sizeof *place));
    size_t *was = need(malloc((s->count + 1) * sizeof *was));
    for (size_t i = 0; i < s->count; i++) {
        was[i] = s->each[i].calls; /* lent to the number, so that it moves along */
        s->each[i].calls = i;
    }
    qsort(s->each, s->count, sizeof *s->each, at_end ? by_end : by_peak);
    for (size_t i = 0; i < s->count; i++) {
        place[s->each[i].calls] = (uint32_t)i;
        s->each[i].calls = was[s->each[i].calls];
    }
    for (size_t i = 0; i < s->trace->count; i++) s->of[i] = place[s->of[i]];
    free(place);
    free(was);
}

/* -- The tables --------------------------------------------------------------------------------------------------- */

enum { ROWS = 20 }; /* without --all */

static const char *what(const sites *s) {
    return s->by_size ? "size" : "site";
}

static double percent(size_t part, size_t whole) {
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* How many rows to print of so many, and what to say of the others. */
static size_t shown(size_t count, const options *how) {
    return how->all || count <= ROWS ? count : ROWS;
}

static void print_rest(size_t count, size_t printed, size_t bytes) {
    if (printed < count) printf("%11s  in %s others; --all prints them\n", COMMAS(bytes), COMMAS(count - printed));
}

static void print_top(const sites *s, const options *how) {
    const trace *t = s->trace;
    size_t count = 0, rest = s->peak.bytes, rows;
    while (count < s->count && s->each[count].peak.objects) count++;
    rows = shown(count, how);
    printf("%s: a peak of %s bytes in %s objects, after operation %s (line %s)\n", t->name, COMMAS(s->peak.bytes),
           COMMAS(s->peak.objects), COMMAS(s->peak_at + 1), COMMAS(t->ops[s->peak_at].line));
    printf("%11s %6s %9s %11s  %s\n", "bytes", "%", "objects", "calls", what(s));
    for (size_t i = 0; i < rows; i++) {
        const site *x = &s->each[i];
        rest -= x->peak.bytes;
        printf("%11s %6.1f %9s %11s  %s\n", COMMAS(x->peak.bytes), percent(x->peak.bytes, s->peak.bytes),
               COMMAS(x->peak.objects), COMMAS(x->calls), x->name);
    }
    print_rest(count, rows, rest);
}

static void print_leaks(const sites *s, const options *how) {
    const trace *t = s->trace;
    size_t count = 0, rest = s->end.bytes, rows;
    while (count < s->count && s->each[count].end.objects) count++;
    rows = shown(count, how);
    printf("%s: %s bytes in %s objects are never given back\n", t->name, COMMAS(s->end.bytes), COMMAS(s->end.objects));
    if (count) printf("%11s %9s %11s  %s\n", "bytes", "objects", "first line", what(s));
    for (size_t i = 0; i < rows; i++) {
        const site *x = &s->each[i];
        rest -= x->end.bytes;
        printf("%11s %9s %11s  %s\n", COMMAS(x->end.bytes), COMMAS(x->end.objects), COMMAS(t->ops[x->oldest].line),
               x->name);
    }
    print_rest(count, rows, rest);
}

static void json_sites(const sites *s, int at_end) {
    const char *before = "";
    fputs("{\"trace\": ", stdout);
    json_text(stdout, s->trace->name);
    printf(", \"by\": \"%s\", \"bytes\": %zu, \"objects\": %zu, \"sites\": [", what(s),
           (at_end ? s->end : s->peak).bytes, (at_end ? s->end : s->peak).objects);
    for (size_t i = 0; i < s->count; i++) {
        const site *x = &s->each[i];
        const holding *h = at_end ? &x->end : &x->peak;
        if (h->objects == 0) continue;
        printf("%s\n  {\"site\": ", before);
        json_text(stdout, x->name);
        printf(", \"bytes\": %zu, \"objects\": %zu, \"calls\": %zu", h->bytes, h->objects, x->calls);
        if (at_end) printf(", \"line\": %u", s->trace->ops[x->oldest].line);
        putchar('}');
        before = ",";
    }
    fputs("]}", stdout);
}

static int print_traces(const trace *traces, size_t count, const options *how, int at_end) {
    int code = DONE;
    if (how->json) putchar('[');
    for (size_t i = 0; i < count; i++) {
        sites s = sites_of(&traces[i]);
        sites_sort(&s, at_end);
        if (i) fputs(how->json ? ",\n" : "\n", stdout);
        if (how->json) json_sites(&s, at_end);
        else if (at_end) print_leaks(&s, how);
        else print_top(&s, how);
        if (how->max_given && s.end.bytes > how->max)
            code = complain(DOES_NOT_FIT, "%s: %s bytes are never given back, and at most %s may be", traces[i].name,
                            COMMAS(s.end.bytes), COMMAS(how->max));
        sites_drop(&s);
    }
    if (how->json) puts("]");
    return code;
}

int print_top_sites(const trace *traces, size_t count, const options *how) {
    return print_traces(traces, count, how, 0);
}

int print_leaking_sites(const trace *traces, size_t count, const options *how) {
    return print_traces(traces, count, how, 1);
}

/* -- Between two recordings --------------------------------------------------------------------------------------- */

typedef struct change {
    char *name; /* without the numbers of lines, which every edit moves */
    site in[2];
} change;

/* "parse (json.c:40) < main (main.c:7)" as "parse (json.c) < main (main.c)" */
static void forget_lines(char *name) {
    char *to = name;
    for (const char *from = name; *from; from++) {
        if (*from == ':' && from[1 + strspn(from + 1, "0123456789")] == ')') from += strspn(from + 1, "0123456789");
        else *to++ = *from;
    }
    *to = '\0';
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const change *)a)->name, ((const change *)b)->name);
}

static int by_growth(const void *a, const void *b) {
    const change *x = a, *y = b;
    double grown_x = (double)x->in[1].peak.bytes - (double)x->in[0].peak.bytes,
           grown_y = (double)y->in[1].peak.bytes - (double)y->in[0].peak.bytes;
    if (grown_x != grown_y) return grown_x < grown_y ? 1 : -1;
    return strcmp(x->name, y->name);
}

static void add(site *to, const site *from) {
    to->calls += from->calls;
    to->peak.bytes += from->peak.bytes;
    to->peak.objects += from->peak.objects;
    to->end.bytes += from->end.bytes;
}

/* -1,234 or +99, as wide as a column */
static void print_change(size_t before, size_t after, int width) {
    char text[40];
    snprintf(text, sizeof text, "%s%s",
             after > before   ? "+"
             : after < before ? "-"
                              : "",
             COMMAS(after > before ? after - before : before - after));
    printf("%*s", width, text);
}

static void print_changes(const change *all, size_t count, const options *how) {
    size_t rows = shown(count, how);
    if (count) printf("%11s %11s %11s %11s %11s  site\n", "at peak", "before", "after", "calls", "at the end");
    for (size_t i = 0; i < rows; i++) {
        const site *a = &all[i].in[0], *b = &all[i].in[1];
        print_change(a->peak.bytes, b->peak.bytes, 11);
        printf(" %11s %11s ", COMMAS(a->peak.bytes), COMMAS(b->peak.bytes));
        print_change(a->calls, b->calls, 11);
        putchar(' ');
        print_change(a->end.bytes, b->end.bytes, 11);
        printf("  %s\n", all[i].name);
    }
    if (rows < count) printf("and %s others; --all prints them\n", COMMAS(count - rows));
}

static void json_changes(const change *all, size_t count) {
    putchar('[');
    for (size_t i = 0; i < count; i++) {
        fputs(i ? ",\n {\"site\": " : "{\"site\": ", stdout);
        json_text(stdout, all[i].name);
        for (int k = 0; k < 2; k++) {
            const site *x = &all[i].in[k];
            printf(", \"%s\": {\"bytes\": %zu, \"objects\": %zu, \"calls\": %zu, \"end\": %zu}", k ? "after" : "before",
                   x->peak.bytes, x->peak.objects, x->calls, x->end.bytes);
        }
        putchar('}');
    }
    puts("]");
}

static int differs(const change *x) {
    const site *a = &x->in[0], *b = &x->in[1];
    return a->peak.bytes != b->peak.bytes || a->calls != b->calls || a->end.bytes != b->end.bytes;
}

int print_difference(const trace *traces, size_t count, const options *how) {
    sites s[2];
    change *all;
    size_t found = 0, merged = 0, differing = 0;
    if (count != 2) return complain(BAD_INPUT, "diff compares two traces, not %zu; see `teaspoon help`", count);
    if (!traces[0].sites != !traces[1].sites)
        return complain(BAD_INPUT, "%s names sites, and %s none", traces[!traces[0].sites].file,
                        traces[!traces[1].sites].file);
    for (int k = 0; k < 2; k++) s[k] = sites_of(&traces[k]);
    all = need(calloc(s[0].count + s[1].count + 1, sizeof *all));
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < s[k].count; i++, found++) {
            forget_lines(all[found].name = s[k].each[i].name);
            add(&all[found].in[k], &s[k].each[i]);
        }
    qsort(all, found, sizeof *all, by_name);
    for (size_t i = 0; i < found; i++) {
        if (i && strcmp(all[i].name, all[merged - 1].name) == 0)
            for (int k = 0; k < 2; k++) add(&all[merged - 1].in[k], &all[i].in[k]);
        else all[merged++] = all[i];
    }
    for (size_t i = 0; i < merged; i++)
        if (differs(&all[i])) all[differing++] = all[i];
    qsort(all, differing, sizeof *all, by_growth);
    if (how->json) {
        json_changes(all, differing);
    } else {
        printf("peak: %s bytes, was %s; operations: %s, was %s; at the end: %s bytes, was %s\n",
               COMMAS(s[1].peak.bytes), COMMAS(s[0].peak.bytes), COMMAS(traces[1].count), COMMAS(traces[0].count),
               COMMAS(s[1].end.bytes), COMMAS(s[0].end.bytes));
        print_changes(all, differing, how);
    }
    free(all);
    for (int k = 0; k < 2; k++) sites_drop(&s[k]);
    return DONE;
}
