/* A whole replay, operation by operation, beside a heap of the test's own that is walked after each: where objects are, and
 * what holes there are. Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "history.h"
#include "say.h"
#include "unit.h"

#include "drawn.h"

static char text[200];
static const family *smallest_of = NULL; /* what find_fit is to say */
static size_t smallest;

/* In search.c's place. */
fit find_fit(const trace *t, const options *how) {
    fit f = {.family = smallest_of, .heap = smallest};
    (void)t, (void)how;
    if (smallest_of == NULL) snprintf(f.why, sizeof f.why, "no spoon is large enough");
    return f;
}

typedef struct seen {
    size_t holes, largest;
} seen;

static int visit(void *context, void *start, size_t size, tsp_kind kind) {
    seen *s = context;
    (void)start;
    if (kind != TSP_HOLE) return 0;
    s->holes++;
    if (size > s->largest) s->largest = size;
    return 0;
}

/* In a heap of `bytes`, sized or not, that is found as `how` says. Returns whether all of it fits. */
static int make(unsigned seed, const trace *t, const family *f, size_t bytes, const options *how) {
    history h;
    void *memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096), **at = calloc(t->ids, sizeof *at);
    size_t *sizes = calloc(t->ids, sizeof *sizes), count = 0;
    spoon s;
    const int code = history_make(&h, t, how);
    ok(h.trace == t && h.replay.family == f && h.replay.bytes == bytes && h.replay.sized == how->sized, "the heap", f->name);
    f->init(&s, memory, bytes, how->sized);
    for (; count < t->count; count++) {
        const op *o = &t->ops[count];
        const uint32_t id = o->id;
        seen now = {0, 0};
        if (o->kind == 'f') {
            if (how->sized) f->dealloc(&s, at[id], sizes[id], o->align);
            else f->free(&s, at[id]);
            sizes[id] = 0;
        } else {
            void *p = o->kind == 'a' ? how->sized ? f->alloc(&s, o->size, o->align) : f->aligned_alloc(&s, o->size ? o->align : 1, o->size)
                                     : f->resize(&s, at[id], sizes[id], o->size, o->align);
            if (p == NULL) break;
            at[id] = p;
            sizes[id] = o->size;
        }
        f->walk(&s, visit, &now);
        snprintf(text, sizeof text, "seed %u, %s of %zu, operation %zu (%c %u %zu): %u holes, not %zu; largest %u, not %zu; at %u", seed,
                 f->name, bytes, count, o->kind, id, o->size, h.holes[count], now.holes, h.largest[count],
                 now.largest / f->granule, h.places[count]);
        ok(h.count > count && h.holes[count] == now.holes && h.largest[count] * f->granule == now.largest, "holes", text);
        if (o->size)
            ok((unsigned char *)memory + h.places[count] * f->granule == at[id], "its place", text);
        ok(history_takes(&h, o) * f->granule == takes(f->granule, o->size), "what it takes", text);
    }
    ok(h.count == count, "as many operations", text);
    ok(code == (count ? DONE : DOES_NOT_FIT), "the exit code", text);
    ok((h.pins.bytes != 0) == (count < t->count), "why it ended", text);
    for (size_t i = 1; i < h.sites.count; i++)
        ok(h.sites.each[i - 1].peak.bytes >= h.sites.each[i].peak.bytes, "sites by their bytes at the peak", text);
    history_drop(&h);
    free(memory);
    free(at);
    free(sizes);
    return count == t->count;
}

/* -- A heap that does what it is told, and not what it promised ----------------------------------------------------- */

static unsigned char *told_memory;
static size_t place;
static tsp_status answer;

static size_t told_init(spoon *h, void *memory, size_t size, int sized) {
    (void)h, (void)sized;
    told_memory = memory;
    return size;
}
static void *told_alloc(spoon *h, size_t size, size_t align) {
    (void)h, (void)size, (void)align;
    place += 8;
    return told_memory + place;
}
static tsp_status told_dealloc(spoon *h, void *pointer, size_t size, size_t align) {
    (void)h, (void)pointer, (void)size, (void)align;
    return answer;
}
static size_t told_region(size_t usable, int sized) {
    (void)sized;
    return usable;
}
static const family told = {.name = "told", .round = 8, .granule = 8, .granules = 1000, .region = told_region, .init = told_init,
                            .alloc = told_alloc, .dealloc = told_dealloc};

/* What it refuses ends the replay; and an object where another one is changes no hole. */
static void promises(void) {
    op ops[] = {{.kind = 'a', .id = 0, .size = 16, .align = 1, .line = 1}, {.kind = 'a', .id = 1, .size = 16, .align = 1, .line = 2},
                {.kind = 'f', .id = 0, .line = 3}, {.kind = 'a', .id = 2, .size = 8, .align = 1, .line = 4}};
    const trace t = {.name = "told", .ops = ops, .count = 4, .ids = 3, .largest_align = 1, .peak = 32};
    const options o = {.family = &told, .sized = 1, .heap_given = 1, .heap = 64, .quiet = 1};
    for (int refuses = 0; refuses < 2; refuses++) {
        history h;
        int code;
        answer = refuses ? TSP_FOREIGN : TSP_OK;
        place = 0;
        code = history_make(&h, &t, &o);
        snprintf(text, sizeof text, "%d, %zu operations", code, h.count);
        ok(code == (refuses ? BROKEN_HEAP : DONE) && h.count == (refuses ? 2 : 4), "what a broken heap did", text);
        ok(h.pins.bytes == 0, "room was there", text);
        ok(h.holes[0] == 2 && h.largest[0] == 5 && h.holes[1] == 2 && h.largest[1] == 5, "two in one place", text);
        history_drop(&h);
    }
}

int main(void) {
    size_t all = 0, some = 0;
    const family *k4 = family_named("4k"), *k128 = family_named("128k"), *m16 = family_named("16m");
    if (freopen("/dev/null", "w", stderr) == NULL) return 2;
    for (unsigned seed = 1; seed <= 80; seed++) {
        const drawing how = {600, 4 + seed % 60, seed % 3 ? 30 + seed % 300 : 3000, seed % 2 ? 9 : 0, seed % 4 ? 0 : 1 + seed / 4 % 6};
        const trace t = draw_trace(seed, &how);
        for (int sized = 0; sized < 2; sized++)
            for (const family *f = families; f->name; f++) {
                const size_t bytes = 40 + (t.peak + 100) * (20 + seed * 13 % 200) / 100;
                options o = {.family = f, .sized = sized, .heap_given = 1, .heap = bytes, .quiet = 1};
                *(make(seed, &t, f, bytes, &o) ? &all : &some) += 1;
                if (bytes > 50000) continue;
                smallest = bytes; /* as the search would say */
                smallest_of = f;
                o.heap = 7;
                o.heap_least = 1;
                o.family = NULL;
                make(seed, &t, f, bytes, &o);
                o.heap_given = o.heap_least = 0;
                make(seed, &t, f, bytes, &o);
            }
    }
    promises();
    ok(all > 50 && some > 50, "traces that fit, and that do not", "");

    /* Which heap, where that is not said: for the peak, and large enough. */
    {
        const drawing few = {50, 9, 100, 0, 0};
        const trace t = draw_trace(7, &few);
        options o = {.sized = 1, .heap_given = 1, .quiet = 1};
        for (int i = 0; i < 4; i++) {
            static const size_t bytes[] = {3000, 262136, 262144, 400000};
            o.heap = bytes[i];
            make(7, &t, bytes[i] <= family_limit(k4, 1) ? k4 : bytes[i] <= family_limit(k128, 1) ? k128 : m16, o.heap, &o);
        }
        o.heap = family_limit(k4, 1);
        make(7, &t, k4, o.heap, &o);
        o.heap++;
        make(7, &t, k128, o.heap, &o);
        o.heap = 3;
        make(7, &t, k4, o.heap, &o); /* nothing fits */
        o.heap_least = 1;
        smallest_of = NULL;
        {
            history h;
            ok(history_make(&h, &t, &o) == DOES_NOT_FIT, "no heap at all", "");
            history_drop(&h);
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
