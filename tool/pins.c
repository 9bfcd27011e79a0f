/* See pins.h. SPDX-License-Identifier: BSD-3-Clause
 *
 * A place for n bytes is a window of n bytes over the heap. It may begin where an object ends, or at the heap's first
 * byte, rounded up to the alignment: one that begins elsewhere can be moved down to there and meets no object more.
 * So a pass over all objects finds the window that meets the fewest. */
#include "pins.h"
#include "say.h"
#include "sites.h"

#include <stdlib.h>
#include <string.h>

enum { SHOWN = 12 };

typedef struct span {
    size_t from, to; /* bytes */
    uint32_t id;
} span;

static int by_address(const void *a, const void *b) {
    const span *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

static span *live_spans(const replay *r, size_t *count) {
    span *all = need(malloc(r->trace->ids * sizeof *all));
    *count = 0;
    for (uint32_t id = 0; id < r->trace->ids; id++) {
        const object *x = &r->objects[id];
        size_t from;
        if (x->at == NULL || x->size == 0) continue;
        from = (size_t)(x->at - r->memory);
        all[(*count)++] = (span){from, from + TSP_TAKES_(r->family->granule, x->size), id};
    }
    qsort(all, *count, sizeof *all, by_address);
    return all;
}

static void count_holes(pins *p, const replay *r, const span *all, size_t count) {
    size_t end = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t from = i < count ? all[i].from : r->usable;
        if (from > end) {
            p->holes++;
            p->free += from - end;
            if (from - end > p->largest) p->largest = from - end;
        }
        if (i < count) end = all[i].to;
    }
}

/* The window of so many bytes that meets the fewest objects, and of these the one whose objects take the least. An
 * object that is to grow is not in its own way: it may slide. Returns the first that it meets; `count` if there is no
 * such window. */
static size_t best_window(pins *p, const replay *r, const op *o, size_t bytes, const span *all, size_t count) {
    size_t first = 0, next = 0, met = 0, taken = 0, fewest = SIZE_MAX, least = 0, found = count;
    p->never = 1;
    for (size_t i = 0; i <= count; i++) { /* it begins behind i objects */
        size_t from = i ? (all[i - 1].to + o->align - 1) / o->align * o->align : 0;
        if (bytes > r->usable || from > r->usable - bytes) break;
        for (; next < count && all[next].from < from + bytes; next++)
            if (o->kind == 'a' || all[next].id != o->id) met++, taken += all[next].to - all[next].from;
        for (; first < next && all[first].to <= from; first++)
            if (o->kind == 'a' || all[first].id != o->id) met--, taken -= all[first].to - all[first].from;
        if (met > fewest || (met == fewest && taken >= least)) continue;
        fewest = met;
        least = taken;
        found = first;
        p->from = from;
        p->never = 0;
    }
    return found;
}

static void take(pins *p, const replay *r, const op *o, size_t bytes, const span *all, size_t count) {
    size_t i = best_window(p, r, o, bytes, all, count);
    free(p->each);
    p->each = NULL;
    p->count = p->pinned = 0;
    if (p->never) return;
    for (; i < count && all[i].from < p->from + bytes; i++) {
        if (o->kind == 'r' && all[i].id == o->id) continue;
        if ((p->count & (p->count - 1)) == 0) p->each = need(realloc(p->each, (p->count * 2 + 1) * sizeof *p->each));
        p->each[p->count++] = (pin){all[i].from, r->objects[all[i].id].size, all[i].id, 0};
        p->pinned += all[i].to - all[i].from;
    }
}

/* Does the heap find room without them? It is as it was afterwards. */
static int makes_room(replay *r, const op *o, const pins *p) {
    const size_t table = r->trace->ids * sizeof *r->objects;
    unsigned char *memory = need(malloc(r->bytes));
    object *objects = need(malloc(table));
    spoon handle = r->spoon;
    int yes;
    memcpy(memory, r->memory, r->bytes);
    memcpy(objects, r->objects, table);
    for (size_t i = 0; i < p->count; i++) {
        op gone = {.id = p->each[i].id, .kind = 'f'};
        replay_do(r, &gone);
    }
    yes = replay_do(r, o) == TSP_OK;
    memcpy(r->memory, memory, r->bytes);
    memcpy(r->objects, objects, table);
    r->spoon = handle;
    free(memory);
    free(objects);
    return yes;
}

pins pins_find(replay *r, const op *o) {
    pins p = {.bytes = TSP_TAKES_(r->family->granule, o->size), .align = o->align};
    size_t count;
    span *all = live_spans(r, &count);
    uint32_t *made = need(calloc(r->trace->ids, sizeof *made));
    count_holes(&p, r, all, count);
    take(&p, r, o, p.bytes, all, count);
    /* A heap with an index may pass over a hole that is only just large enough. */
    if (!p.never && !makes_room(r, o, &p)) {
        take(&p, r, o, TSP_SURE_(r->family->granule, o->size, o->align), all, count);
        if (!p.never && !makes_room(r, o, &p)) p.never = 1;
    }
    for (const op *i = r->trace->ops; i < o; i++) made[i->id] = (uint32_t)(i - r->trace->ops);
    for (size_t i = 0; i < p.count; i++) p.each[i].made = made[p.each[i].id];
    free(made);
    free(all);
    return p;
}

void pins_drop(pins *p) {
    free(p->each);
}

void pins_print(const pins *p, const replay *r, const op *o, FILE *out) {
    const trace *t = r->trace;
    const size_t now = (size_t)(o - t->ops);
    sites s = {0};
    fprintf(out,
            "  it takes %s bytes in one piece, aligned to %zu; of the %s that are free, in %s hole%s, the largest "
            "has %s\n",
            COMMAS(p->bytes), p->align, COMMAS(p->free), COMMAS(p->holes), p->holes == 1 ? "" : "s",
            COMMAS(p->largest));
    if (p->never) {
        fprintf(out, "  the heap would have no room for it even if it were empty\n");
        return;
    }
    fprintf(out, "  there would be room at %s without %s:\n", COMMAS(p->from),
            p->count == 1 ? "this object" : "these objects, and not without fewer");
    fprintf(out, "  %12s %11s %11s %11s  %s\n", "address", "size", "age", "object", t->sites ? "site" : "made by");
    if (t->sites) s = sites_of(t);
    for (size_t i = 0; i < p->count && i < SHOWN; i++) {
        const pin *x = &p->each[i];
        fprintf(out, "  %12s %11s %11s %11s  ", COMMAS(x->at), COMMAS(x->size), COMMAS(now - x->made), COMMAS(x->id));
        if (t->sites) fprintf(out, "%s\n", s.each[s.of[x->made]].name);
        else fprintf(out, "line %s\n", COMMAS(t->ops[x->made].line));
    }
    sites_drop(&s);
    if (p->count > SHOWN) fprintf(out, "  and %s others\n", COMMAS(p->count - SHOWN));
    fprintf(out, "  %s object%s, %s bytes; addresses are from the heap's beginning, ages in operations\n",
            COMMAS(p->count), p->count == 1 ? "" : "s", COMMAS(p->pinned));
}
