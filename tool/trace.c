/* The trace reader: the whole file into memory, then line by line. SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "trace.h"
#include "say.h"
#include "teaspoon.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TSP_PLAIN_TRACES
#include <zlib.h>
#endif

/* -- The bytes ---------------------------------------------------------------------------------------------------- */

typedef struct text {
    char *bytes;
    size_t size, room;
} text;

/* Room for one more piece, and a byte after it. */
enum { PIECE = 1 << 16 };
static char *more(text *x) {
    if (x->room - x->size <= PIECE) x->bytes = need(realloc(x->bytes, x->room = x->room * 2 + 2 * PIECE));
    return x->bytes + x->size;
}

static int unreadable(const char *file, const char *why) {
    complain(BAD_INPUT, "cannot read %s: %s", file, why);
    return 0;
}

#ifdef TSP_PLAIN_TRACES

static int slurp(const char *file, text *x) {
    FILE *in = strcmp(file, "-") ? fopen(file, "rb") : stdin;
    size_t got;
    int ok;
    if (in == NULL) return unreadable(file, strerror(errno));
    while ((got = fread(more(x), 1, PIECE, in)) > 0) x->size += got;
    ok = !ferror(in) || unreadable(file, strerror(errno));
    if (in != stdin) fclose(in);
    if (ok && x->size >= 2 && memcmp(x->bytes, "\x1f\x8b", 2) == 0)
        ok = unreadable(file, "it is gzip'ed, and this teaspoon was built without zlib; gunzip it first");
    return ok;
}

#else

static size_t count_lines(const text *x) {
    size_t lines = 0;
    for (size_t i = 0; i < x->size; i++) lines += x->bytes[i] == '\n';
    return lines;
}

static int slurp(const char *file, text *x) {
    gzFile in = strcmp(file, "-") ? gzopen(file, "rb") : gzdopen(dup(STDIN_FILENO), "rb");
    int got, error = Z_OK;
    if (in == NULL) return unreadable(file, strerror(errno));
    while ((got = gzread(in, more(x), PIECE)) > 0) x->size += (size_t)got;
    gzerror(in, &error);
    if (error == Z_ERRNO) {
        unreadable(file, strerror(errno));
    } else if (error != Z_OK) {
        fprintf(stderr, "%s:%zu: the gzip'ed data is %s here\n", file, count_lines(x) + 1,
                error == Z_BUF_ERROR ? "cut short" : "damaged");
    }
    gzclose(in);
    return error == Z_OK;
}

#endif

/* -- The lines ---------------------------------------------------------------------------------------------------- */

typedef struct life {
    size_t size;
    uint32_t align; /* as the trace says: 0 for natural */
    uint32_t freed; /* on this line; 0 while it lives */
} life;

typedef struct reader {
    trace *t;
    size_t natural, line, live;
    size_t ops_room, lives_room;
    life *lives;
    uint32_t site, ms; /* of this line; ms: and of those after it */
} reader;

typedef struct field {
    const char *at;
    int length;
} field;

/* FILE:LINE: what is wrong */
static int wrong(const reader *r, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
static int wrong(const reader *r, const char *format, ...) {
    va_list arguments;
    fprintf(stderr, "%s:%zu: ", r->t->file, r->line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return 0;
}

/* A field as it may be shown: short, and printable. */
#define SHOW(f) show((char[24]){0}, (f))
static const char *show(char *buffer, field f) {
    int n = f.length < 20 ? f.length : 20;
    for (int i = 0; i < n; i++) buffer[i] = f.at[i] >= ' ' && f.at[i] <= '~' ? f.at[i] : '?';
    if (n < f.length) memcpy(buffer + n, "...", 4);
    return buffer;
}

static int number(const reader *r, const char *what, field f, size_t most, size_t *value) {
    size_t n = 0, digit;
    int fits = 1;
    if (*f.at == '-' && f.length > 1) return wrong(r, "%s is negative: %s", what, SHOW(f));
    for (int i = 0; i < f.length; i++) {
        if ((digit = (size_t)f.at[i] - '0') > 9) return wrong(r, "%s is not a number: '%s'", what, SHOW(f));
        fits = fits && n <= most / 10 && n * 10 <= most - digit;
        n = n * 10 + digit;
    }
    if (!fits) return wrong(r, "%s is too large: %s", what, SHOW(f));
    *value = n;
    return 1;
}

static uint32_t alignment(const reader *r, size_t given, size_t size) {
    size_t align = given ? given : r->natural;
    if (!given)
        while (align > 1 && align > size) align /= 2;
    return (uint32_t)align;
}

/* The object that an r or an f is about. */
static life *living(const reader *r, char kind, size_t id) {
    const char *verb = kind == 'r' ? "resized" : "freed";
    if (id >= r->t->ids) {
        wrong(r, "ID %zu cannot be %s: it was never allocated", id, verb);
    } else if (r->lives[id].freed) {
        wrong(r, "ID %zu cannot be %s: it was freed on line %lu", id, verb, (unsigned long)r->lives[id].freed);
    } else {
        return &r->lives[id];
    }
    return NULL;
}

static life *newborn(reader *r, size_t id) {
    trace *t = r->t;
    if (id < t->ids) {
        wrong(r, "ID %zu cannot be allocated: it was used before, and IDs are never reused", id);
        return NULL;
    }
    if (id > t->ids) {
        wrong(r, "ID %zu is out of order: the next new ID is %lu", id, (unsigned long)t->ids);
        return NULL;
    }
    if (id == r->lives_room) {
        r->lives_room = r->lives_room * 2 + 1024;
        r->lives = need(realloc(r->lives, r->lives_room * sizeof *r->lives));
    }
    t->ids++;
    r->lives[id] = (life){0, 0, 0};
    return &r->lives[id];
}

/* The value of a column that may be missing, for the operation just taken in. No room is taken before there is one. */
static void note(uint32_t **column, const reader *r, uint32_t value) {
    size_t at = r->t->count - 1;
    if (value && *column == NULL) *column = need(calloc(r->ops_room, sizeof **column));
    if (*column) (*column)[at] = value;
}

static void make_room(reader *r) {
    trace *t = r->t;
    if (t->count < r->ops_room) return;
    r->ops_room = t->count * 2 + 4096;
    t->ops = need(realloc(t->ops, r->ops_room * sizeof *t->ops));
    if (t->sites) t->sites = need(realloc(t->sites, r->ops_room * sizeof *t->sites));
    if (t->ms) t->ms = need(realloc(t->ms, r->ops_room * sizeof *t->ms));
}

static int operation(reader *r, char kind, const field *fields) {
    static const size_t ids = UINT32_MAX - 1, size_most = SIZE_MAX / 2;
    trace *t = r->t;
    size_t id, size = 0, given = 0;
    life *x;
    if (!number(r, "ID", fields[0], ids, &id)) return 0;
    if (kind != 'f' && !number(r, kind == 'a' ? "SIZE" : "NEWSIZE", fields[1], size_most, &size)) return 0;
    if (kind == 'a' && !number(r, "ALIGN", fields[2], size_most, &given)) return 0;
    if (given & (given - 1)) return wrong(r, "ALIGN is neither 0 nor a power of two: %zu", given);
    if (given > LARGEST_ALIGN) return wrong(r, "ALIGN is too large: %zu; at most %d", given, LARGEST_ALIGN);
    x = kind == 'a' ? newborn(r, id) : living(r, kind, id);
    if (x == NULL) return 0;
    r->live -= x->size;
    if (size > size_most - r->live) return wrong(r, "the live objects are too large together");
    r->live += size;
    if (r->live > t->peak) t->peak = r->live;
    x->size = size;
    if (kind == 'a') x->align = (uint32_t)given;
    if (kind == 'f') x->freed = (uint32_t)r->line;
    make_room(r);
    t->ops[t->count] = (op){size, (uint32_t)id, (uint32_t)r->line, alignment(r, x->align, size), kind};
    if (t->ops[t->count].align > t->largest_align) t->largest_align = t->ops[t->count].align;
    t->count++;
    note(&t->sites, r, r->site);
    note(&t->ms, r, r->ms);
    return 1;
}

/* NAME=VALUE: thread and the like, which no replay needs; so nobody has to know all names. */
static int named(reader *r, field f) {
    const char *const name = f.at;
    size_t length = 0, value;
    while (length < (size_t)f.length && name[length] >= 'a' && name[length] <= 'z') length++;
    if (length == 0 || name[length] != '=' || length + 1 == (size_t)f.length)
        return wrong(r, "neither a number nor NAME=VALUE: '%s'", SHOW(f));
    f.length -= (int)length + 1;
    f.at += length + 1;
    if (length == 4 && memcmp(name, "site", 4) == 0) {
        if (!number(r, "site", f, UINT32_MAX, &value)) return 0;
        r->site = value < MOST_SITES ? (uint32_t)value : 0;
    } else if (length == 2 && memcmp(name, "ms", 2) == 0) {
        if (!number(r, "ms", f, UINT32_MAX, &value)) return 0;
        r->ms = (uint32_t)value;
    }
    return 1;
}

/* # site N: NAME. Any other comment is none of ours. */
static void name_site(reader *r, const char *line, size_t length) {
    trace *t = r->t;
    char *colon;
    unsigned long n;
    if (strncmp(line, "# site ", 7) != 0 || line[7] < '0' || line[7] > '9') return;
    n = strtoul(line + 7, &colon, 10);
    if (n == 0 || n >= MOST_SITES || strncmp(colon, ": ", 2) != 0) return;
    if (n >= t->site_count) {
        size_t count = n * 2;
        t->site_names = need(realloc(t->site_names, count * sizeof *t->site_names));
        memset(t->site_names + t->site_count, 0, (count - t->site_count) * sizeof *t->site_names);
        t->site_count = (uint32_t)count;
    }
    free(t->site_names[n]);
    length -= (size_t)(colon + 2 - line);
    if (length > 0 && colon[2 + length - 1] == '\r') length--;
    t->site_names[n] = need(calloc(length + 1, 1));
    for (size_t i = 0; i < length; i++) {
        char c = colon[2 + i];
        t->site_names[n][i] = c >= 0 && c < ' ' ? '?' : c;
    }
}

static int is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* `line` ends with a zero byte. */
static int parse(reader *r, const char *line, size_t length) {
    static const char *const fields_of[] = {"a", "ID SIZE ALIGN", "r", "ID NEWSIZE", "f", "ID"};
    field fields[5];
    size_t found = 0, i;
    int optional = 0;
    r->site = 0;
    if (*line == '#') return name_site(r, line, length), 1;
    if (memchr(line, '\0', length)) return wrong(r, "a zero byte: this is not a text file");
    for (;;) {
        int has_name = 0;
        while (is_blank(*line)) line++;
        if (*line == '\0') break;
        if (found == 5) break; /* too many already */
        fields[found].at = line;
        while (*line && !is_blank(*line)) has_name |= *line++ == '=';
        fields[found].length = (int)(line - fields[found].at);
        if (found > 0 && has_name) {
            if (!named(r, fields[found])) return 0;
            optional = 1;
        } else if (optional) {
            return wrong(r, "a column without a name behind one that has one: '%s'", SHOW(fields[found]));
        } else {
            found++;
        }
    }
    if (found == 0) return 1; /* a blank line */
    for (i = 0; i < 6; i += 2) {
        size_t expected = 3 - i / 2;
        if (fields[0].length != 1 || *fields[0].at != *fields_of[i]) continue;
        if (found - 1 == expected) return operation(r, *fields_of[i], fields + 1);
        return wrong(r, "too %s fields: the line must read %s %s", found - 1 < expected ? "few" : "many", fields_of[i],
                     fields_of[i + 1]);
    }
    return wrong(r, "unknown operation '%s': a line begins with a, r, f or #", SHOW(fields[0]));
}

/* "# name: lua_sensor, ..." or /some/where/lua_sensor.trace.gz */
static void find_name(trace *t, const char *first_line) {
    static const char *const endings[] = {".gz", ".txt", ".trace"};
    const char *slash = strrchr(t->file, '/'), *from = slash ? slash + 1 : t->file;
    size_t length = strlen(from), n;
    if (strcmp(t->file, "-") == 0) length = strlen(from = "stdin");
    for (int i = 0; i < 3; i++) {
        n = strlen(endings[i]);
        if (length > n && strncmp(from + length - n, endings[i], n) == 0) length -= n;
    }
    if (strncmp(first_line, "# name: ", 8) == 0 && (n = strcspn(first_line + 8, ",\r\n")) > 0) {
        from = first_line + 8;
        length = n;
    }
    for (n = 0; *first_line == '#' && first_line[n] && first_line[n] != '\n'; n++)
        if (strncmp(first_line + n, ", pointer size: ", 16) == 0)
            t->pointer_size = first_line[n + 16] == '4' ? 4 : first_line[n + 16] == '8' ? 8 : 0;
    if (length >= sizeof t->name) length = sizeof t->name - 1;
    for (n = 0; n < length; n++) t->name[n] = from[n] >= 0 && from[n] < ' ' ? '?' : from[n];
    t->name[length] = '\0';
}

int trace_read(trace *t, const char *file, size_t natural) {
    text x = {0};
    reader r = {0};
    int ok;
    *t = (trace){0};
    t->file = file;
    r.t = t;
    r.natural = natural;
    ok = slurp(file, &x);
    *more(&x) = '\0';
    if (ok) find_name(t, x.bytes);
    for (size_t i = 0; ok && i < x.size;) {
        char *end = memchr(x.bytes + i, '\n', x.size - i);
        size_t length = end ? (size_t)(end - x.bytes) - i : x.size - i;
        x.bytes[i + length] = '\0';
        r.line++;
        if (r.line % 65536 == 1) progress("read", file, r.line, "lines");
        if (r.line == UINT32_MAX) ok = wrong(&r, "too many lines");
        if (ok) ok = parse(&r, x.bytes + i, length);
        i += length + 1;
    }
    if (ok && t->count == 0) {
        r.line += r.line == 0;
        ok = wrong(&r, "the trace ends without any operation");
    }
    free(x.bytes);
    free(r.lives);
    if (!ok) trace_drop(t);
    return ok;
}

void trace_drop(trace *t) {
    for (uint32_t i = 0; i < t->site_count; i++) free(t->site_names[i]);
    free(t->ops);
    free(t->sites);
    free(t->ms);
    free(t->site_names);
    *t = (trace){0};
}

trace trace_without_operations(const trace *t) {
    trace copy = *t;
    copy.ops = NULL;
    copy.sites = copy.ms = NULL;
    copy.site_names = NULL;
    copy.site_count = 0;
    copy.count = 0;
    return copy;
}

size_t trace_fullest(const trace *t, size_t granule, size_t round, size_t *at) {
    size_t *sizes = need(calloc(t->ids, sizeof *sizes)), live = 0, most = 0;
    *at = 0;
    for (size_t i = 0; i < t->count; i++) {
        const op *o = &t->ops[i];
        const size_t bytes = o->size + TSP_GUARD_, unit = bytes < round || round < granule ? granule : round;
        live -= sizes[o->id];
        live += sizes[o->id] = o->size ? TSP_ROUND_(bytes, unit) : 0;
        if (live > most) {
            most = live;
            *at = i;
        }
    }
    free(sizes);
    return most;
}
