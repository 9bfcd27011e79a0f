/* teaspoon export: a trace in the words of other tools. heaptrack_print and heaptrack_gui read the first format, every
 * flame graph the second, Perfetto and chrome://tracing the third. SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "command.h"
#include "say.h"
#include "sites.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- Call stacks -------------------------------------------------------------------------------------------------- */

/* A site's name cut into frames: in place, innermost first. The next one, or NULL. */
static char *next_frame(char **rest) {
    char *frame = *rest, *end = frame ? strstr(frame, " < ") : NULL;
    *rest = end ? end + 3 : NULL;
    if (end) *end = '\0';
    return frame;
}

/* Frames of a copy of a site's name, innermost first. */
enum { DEEPEST = 64 };
static size_t frames_of(char *copy, char **frames) {
    char *rest = copy, *frame;
    size_t n = 0;
    while (n < DEEPEST && (frame = next_frame(&rest)) != NULL) frames[n++] = frame;
    return n;
}

/* -- heaptrack ---------------------------------------------------------------------------------------------------- */

static size_t put_string(FILE *out, size_t *strings, const char *text, size_t length) {
    fprintf(out, "s %zx %.*s\n", length, (int)length, text);
    return ++*strings;
}

/* "parse (json.c:40)" or "app+0x1234": an instruction with function, file and line. */
static void put_instruction(FILE *out, size_t *strings, const char *frame, size_t address) {
    const char *open = strrchr(frame, '('), *colon = open ? strrchr(open, ':') : NULL;
    size_t length = open && open > frame ? (size_t)(open - 1 - frame) : strlen(frame), function, file;
    function = put_string(out, strings, frame, length);
    if (open == NULL || open == frame || colon == NULL) {
        fprintf(out, "i %zx 1 %zx\n", address, function);
        return;
    }
    file = put_string(out, strings, open + 1, (size_t)(colon - open - 1));
    fprintf(out, "i %zx 1 %zx %zx %lx\n", address, function, file, strtoul(colon + 1, NULL, 10));
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every instruction once, and for each site a stack of them. Returns by site the number of its innermost frame. */
static size_t *put_stacks(const sites *s, FILE *out) {
    char **copies = need(calloc(s->count + 1, sizeof *copies)), **all = NULL, *frames[DEEPEST];
    size_t *stack_of = need(calloc(s->count + 1, sizeof *stack_of)), count = 0, unique = 0, strings = 0, stacks = 0;
    put_string(out, &strings, s->trace->name, strlen(s->trace->name));
    all = need(malloc((s->count * DEEPEST + 1) * sizeof *all));
    for (size_t i = 0; i < s->count; i++) {
        copies[i] = need(strdup(s->each[i].name));
        count += frames_of(copies[i], all + count);
    }
    qsort(all, count, sizeof *all, by_text);
    for (size_t i = 0; i < count; i++) {
        if (i && strcmp(all[i], all[unique - 1]) == 0) continue;
        all[unique++] = all[i];
        put_instruction(out, &strings, all[unique - 1], unique);
    }
    for (size_t i = 0; i < s->count; i++) {
        char *copy = need(strdup(s->each[i].name));
        size_t parent = 0;
        for (size_t n = frames_of(copy, frames); n > 0; n--) {
            char **found = bsearch(&frames[n - 1], all, unique, sizeof *all, by_text);
            fprintf(out, "t %zx %zx\n", (size_t)(found - all) + 1, parent);
            parent = ++stacks;
        }
        stack_of[i] = parent;
        free(copy);
    }
    for (size_t i = 0; i < s->count; i++) free(copies[i]);
    free(copies);
    free(all);
    return stack_of;
}

/* A size at a stack is said once, and then goes by its number. */
static void put_heaptrack(const sites *s, FILE *out) {
    const trace *t = s->trace;
    size_t *stack_of, *sizes, *number_of, known = 0;
    uint32_t *made = need(malloc(t->ids * sizeof *made)), ms = 0;
    size_t room = 1;
    while (room < 2 * t->count) room *= 2;
    sizes = need(malloc(room * sizeof *sizes)); /* a table by hash: the operation that said it first */
    number_of = need(malloc(t->count * sizeof *number_of));
    memset(sizes, 0xff, room * sizeof *sizes);
    fprintf(out, "v 10400 3\nX %s\nI 1000 0\n", t->name);
    stack_of = put_stacks(s, out);
    for (size_t i = 0; i < t->count; i++) {
        const op *o = &t->ops[i];
        if (t->ms && t->ms[i] > ms) fprintf(out, "c %x\n", ms = t->ms[i]);
        if (o->kind != 'a') fprintf(out, "- %zx\n", number_of[made[o->id]]);
        if (o->kind == 'f') continue;
        made[o->id] = (uint32_t)i;
        for (size_t at = (o->size * 2654435761u ^ s->of[i] * 40503u) & (room - 1);; at = (at + 1) & (room - 1)) {
            const size_t first = sizes[at];
            if (first != SIZE_MAX && (t->ops[first].size != o->size || s->of[first] != s->of[i])) continue;
            number_of[i] = first != SIZE_MAX ? number_of[first] : known;
            if (first != SIZE_MAX) break;
            sizes[at] = i;
            known++;
            fprintf(out, "a %zx %zx\n", o->size, stack_of[s->of[i]]);
            break;
        }
        fprintf(out, "+ %zx\n", number_of[i]);
    }
    free(stack_of);
    free(sizes);
    free(number_of);
    free(made);
}

/* -- Folded stacks ------------------------------------------------------------------------------------------------ */

/* outermost;...;innermost BYTES, at the peak */
static void put_folded(const sites *s, FILE *out) {
    for (size_t i = 0; i < s->count; i++) {
        char *copy = need(strdup(s->each[i].name)), *frames[DEEPEST];
        if (s->each[i].peak.bytes)
            for (size_t n = frames_of(copy, frames); n > 0; n--) {
                for (char *c = frames[n - 1]; *c; c++)
                    if (*c == ';') *c = ':';
                fprintf(out, "%s%c", frames[n - 1], n > 1 ? ';' : ' ');
                if (n == 1) fprintf(out, "%zu\n", s->each[i].peak.bytes);
            }
        free(copy);
    }
}

/* -- Chrome's JSON ------------------------------------------------------------------------------------------------ */

static void put_event(FILE *out, const char *phase, size_t when, const char *name, uint32_t id, size_t size) {
    fprintf(out, ",\n{\"ph\": \"%s\", \"pid\": 1, \"ts\": %zu, \"cat\": \"object\", \"id\": %u, \"name\": ", phase,
            when, id);
    json_text(out, name);
    fprintf(out, ", \"args\": {\"size\": %zu}}", size);
}

/* A counter of live bytes and objects, and each object as a span. Where no line says when, a call is a microsecond. */
static void put_chrome(const sites *s, FILE *out) {
    const trace *t = s->trace;
    uint32_t *made = need(malloc(t->ids * sizeof *made));
    size_t live = 0, objects = 0, now = 0;
    memset(made, 0xff, t->ids * sizeof *made);
    fputs("{\"traceEvents\": [\n{\"ph\": \"M\", \"pid\": 1, \"name\": \"process_name\", \"args\": {\"name\": ", out);
    json_text(out, t->name);
    fputs("}}", out);
    for (size_t i = 0; i < t->count; i++) {
        const op *o = &t->ops[i];
        const uint32_t old = made[o->id];
        if (t->ms && t->ms[i] * (size_t)1000 > now) now = t->ms[i] * (size_t)1000;
        if (old != UINT32_MAX) {
            put_event(out, "e", now, s->each[s->of[old]].name, o->id, t->ops[old].size);
            live -= t->ops[old].size;
            objects--;
        }
        made[o->id] = o->kind == 'f' ? UINT32_MAX : (uint32_t)i;
        if (o->kind != 'f') {
            put_event(out, "b", now, s->each[s->of[i]].name, o->id, o->size);
            live += o->size;
            objects++;
        }
        fprintf(out, ",\n{\"ph\": \"C\", \"pid\": 1, \"ts\": %zu, \"name\": \"bytes\", \"args\": {\"live\": %zu}}", now,
                live);
        fprintf(out, ",\n{\"ph\": \"C\", \"pid\": 1, \"ts\": %zu, \"name\": \"objects\", \"args\": {\"live\": %zu}}",
                now, objects);
        now++;
    }
    fputs("\n]}\n", out);
    free(made);
}

/* -- The command -------------------------------------------------------------------------------------------------- */

static const struct format {
    const char *name;
    void (*put)(const sites *s, FILE *out);
} formats[] = {{"heaptrack", put_heaptrack}, {"folded", put_folded}, {"chrome", put_chrome}};

int export_trace(const trace *traces, size_t count, const options *how) {
    const struct format *format = NULL;
    FILE *out = stdout;
    sites s;
    int ok;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (how->to && strcmp(formats[i].name, how->to) == 0) format = &formats[i];
    if (format == NULL)
        return complain(BAD_INPUT, "export needs --to heaptrack, folded or chrome; see `teaspoon help export`");
    if (count != 1) return complain(BAD_INPUT, "export takes one trace, not %zu", count);
    if (how->output && (out = fopen(how->output, "w")) == NULL)
        return complain(BAD_INPUT, "cannot write %s: %s", how->output, strerror(errno));
    s = sites_of(traces);
    format->put(&s, out);
    sites_drop(&s);
    ok = !ferror(out);
    if (out != stdout) ok &= fclose(out) == 0;
    return ok ? DONE : complain(BAD_INPUT, "cannot write %s", how->output ? how->output : "the output");
}
