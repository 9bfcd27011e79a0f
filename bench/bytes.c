/* Where a heap's bytes are at one moment of a trace; bytes.py runs it and explains the parts.
 *
 *     bytes VARIANT sized|malloc HEAP peak|tight TRACE
 *
 * peak: when the most bytes are live, as they were asked for. tight: when a request first finds no place, that request
 * included, as if the free bytes could have held it in pieces. It sees the heap as any program can, by V_walk. */
#include "../tool/replay.h"
#include "../tool/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct account {
    const replay *replay;
    object *sorted; /* the live objects by address */
    size_t objects;
    size_t least; /* bytes of the smallest request of the trace, rounded up */
    size_t gap, splinter, hole, holes, largest;
} account;

static int by_address(const void *a, const void *b) {
    const object *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static size_t takes(const replay *r, size_t size) {
    return TSP_TAKES_(r->family->granule, size);
}

/* Sorts a hole into one of the three drawers. */
static int look(void *context, void *at, size_t size, tsp_kind kind) {
    account *a = context;
    const object key = {(unsigned char *)at + size, 0, 0}, *behind;
    if (kind != TSP_HOLE) return 0;
    a->holes++;
    if (size > a->largest) a->largest = size;
    behind = bsearch(&key, a->sorted, a->objects, sizeof key, by_address);
    if (behind && size < behind->align) a->gap += size;
    else if (size < a->least || size <= a->replay->family->granule) a->splinter += size;
    else a->hole += size;
    return 0;
}

static size_t up(size_t size, size_t to) {
    return (size + to - 1) / to * to;
}

/* No heap can be smaller than this for objects in granules of g bytes, wherever they are put: the largest sum of live
 * bytes at any time, each rounded up to g. With alignment, whatever is aligned to 8 has its multiples of 8 for itself,
 * but for what is aligned to less and fits in its padding. */
static size_t floor_of(const trace *t, size_t g, int aligned) {
    size_t *sizes = need(calloc((size_t)t->ids + 1, sizeof *sizes)), most = 0;
    size_t wide = 0, padding = 0, narrow = 0; /* bytes: of objects aligned to 8, of their padding, of all others */
    for (const op *o = t->ops; o < t->ops + t->count; o++) {
        const size_t change[2] = {sizes[o->id], o->size};
        size_t sum;
        for (int now = 0; now < 2; now++) {
            size_t size = up(change[now], g), sign = now ? 1 : (size_t)-1;
            if (change[now] < 8) {
                narrow += sign * size;
            } else {
                wide += sign * up(size, 8);
                padding += sign * (up(size, 8) - size);
            }
        }
        sizes[o->id] = o->size;
        sum = !aligned ? wide - padding + narrow : narrow > padding ? wide + narrow - padding : wide;
        if (sum > most) most = sum;
    }
    free(sizes);
    return most;
}

int main(int argc, char **argv) {
    trace t = {0};
    replay r;
    account a = {0};
    const op *o, *end;
    const family *f = argc == 6 ? family_named(argv[1]) : NULL;
    size_t live = 0, used, round4 = 0, wanted = 0, old = 0, at;
    long left;
    if (f == NULL || !trace_read(&t, argv[5], 8)) return complain(BAD_INPUT, "see the top of bytes.c");
    replay_open(&r, &t, f, strcmp(argv[2], "sized") == 0);
    replay_begin(&r, strtoul(argv[3], NULL, 10));
    for (o = t.ops, end = o + t.count; o < end; o++) {
        size_t before = r.objects[o->id].at ? r.objects[o->id].size : 0;
        tsp_status status = replay_do(&r, o);
        if (status != TSP_OK && status != TSP_NO_MEMORY) return complain(BROKEN_HEAP, "%s", tsp_status_text(status));
        if (status == TSP_NO_MEMORY) {
            wanted = o->size;
            old = before;
            break;
        }
        live += o->size - before;
        if (live == t.peak && strcmp(argv[4], "peak") == 0) break;
    }
    if (o == end || (wanted > 0) != (strcmp(argv[4], "tight") == 0))
        return complain(DOES_NOT_FIT, "%s: no such moment in %s bytes", t.name, argv[3]);

    a.replay = &r;
    a.sorted = need(malloc(((size_t)t.ids + 1) * sizeof *a.sorted));
    for (uint32_t id = 0; id < t.ids; id++)
        if (r.objects[id].at && r.objects[id].size) a.sorted[a.objects++] = r.objects[id];
    qsort(a.sorted, a.objects, sizeof *a.sorted, by_address);
    for (size_t i = 0; i < a.objects; i++) round4 += (0 - a.sorted[i].size) % 4;
    a.least = (size_t)-1;
    for (const op *any = t.ops; any < end; any++)
        if (any->size && takes(&r, any->size) < a.least) a.least = takes(&r, any->size);
    used = f->usage(&r.spoon).used;
    f->walk(&r.spoon, look, &a);

    left = (long)a.hole - (long)takes(&r, wanted);
    round4 += (0 - wanted) % 4;
    used += takes(&r, wanted);
    printf("%zu %zu %zu %zu %zu %zu %zu %ld %zu %zu %zu %zu ", live + wanted - old, old, round4,
           used - live - wanted - round4, a.gap, a.splinter, r.bytes - r.usable, left, f->handle, a.holes, a.largest,
           wanted);
    printf("%zu %zu %zu %zu %zu %zu\n", (size_t)(o - t.ops) + 1, t.peak, floor_of(&t, 4, 0), floor_of(&t, 1, 1),
           floor_of(&t, 4, 1), trace_fullest(&t, f->granule, f->round, &at));
    return DONE;
}
