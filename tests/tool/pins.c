/* Why there was no room: in drawn heaps every window is looked at here, and the objects in it counted; what is printed
 * is what was found. Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "pins.h"
#include "unit.h"

#include "drawn.h"

static char text[300];
static size_t pinned_once, pinned_more, nevers, grown;

static size_t up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

/* Of a heap of tsp4k: what takes no more than half a step of 8 bytes takes that. */
static size_t takes(size_t size) {
    return size <= 4 ? up(size, 4) : up(size, 8);
}

/* The fewest objects, and of these the least bytes, in any window that may be. Returns whether there is one. */
static int fewest(const replay *r, const op *o, size_t bytes, size_t *count, size_t *taken) {
    int any = 0;
    for (size_t from = 0; from + bytes <= r->usable; from += r->family->granule) {
        size_t n = 0, sum = 0;
        if (from % o->align) continue;
        for (uint32_t id = 0; id < r->trace->ids; id++) {
            const object *x = &r->objects[id];
            const size_t at = x->at ? (size_t)(x->at - r->memory) : 0, end = at + takes(x->size);
            if (x->size == 0 || x->at == NULL || at >= from + bytes || end <= from || (o->kind == 'r' && id == o->id)) continue;
            n++;
            sum += end - at;
        }
        if (any && (n > *count || (n == *count && sum >= *taken))) continue;
        any = 1;
        *count = n;
        *taken = sum;
    }
    return any;
}

static const char *commas(size_t n) {
    static char all[8][32];
    static unsigned next;
    char *s = all[next++ % 8];
    if (n < 1000) snprintf(s, 32, "%zu", n);
    else snprintf(s, 32, "%zu,%03zu", n / 1000, n % 1000);
    return s;
}

static void line(FILE *f, const char *expected) {
    char is[400];
    if (fgets(is, sizeof is, f) == NULL) *is = '\0';
    is[strcspn(is, "\n")] = '\0';
    ok(strcmp(is, expected) == 0, expected, is);
}

static void print(const pins *p, const replay *r, const op *o) {
    FILE *f = tmpfile();
    char expected[400];
    const trace *t = r->trace;
    if (f == NULL) return;
    pins_print(p, r, o, f);
    rewind(f);
    snprintf(expected, sizeof expected, "  it takes %s bytes in one piece, aligned to %zu; of the %s that are free, in %s hole%s, "
             "the largest has %s", commas(p->bytes), p->align, commas(p->free), commas(p->holes), p->holes == 1 ? "" : "s",
             commas(p->largest));
    line(f, expected);
    if (p->never) {
        line(f, "  the heap would have no room for it even if it were empty");
    } else {
        snprintf(expected, sizeof expected, "  there would be room at %s without %s:", commas(p->from),
                 p->count == 1 ? "this object" : "these objects, and not without fewer");
        line(f, expected);
        line(f, t->sites ? "       address        size         age      object  site" : "       address        size         age      object  made by");
        for (size_t i = 0; i < p->count && i < 12; i++) {
            const size_t n = t->sites ? t->sites[p->each[i].made] : 0;
            char by[70];
            if (!t->sites) snprintf(by, sizeof by, "line %s", commas(t->ops[p->each[i].made].line));
            else if (n < t->site_count && t->site_names[n]) snprintf(by, sizeof by, "%s", t->site_names[n]);
            else snprintf(by, sizeof by, n ? "site %zu" : "(no site)", n);
            snprintf(expected, sizeof expected, "  %12s %11s %11s %11s  %s", commas(p->each[i].at), commas(p->each[i].size),
                     commas((size_t)(o - t->ops) - p->each[i].made), commas(p->each[i].id), by);
            line(f, expected);
        }
        if (p->count > 12) {
            snprintf(expected, sizeof expected, "  and %zu others", p->count - 12);
            line(f, expected);
        }
        snprintf(expected, sizeof expected, "  %s object%s, %s bytes; addresses are from the heap's beginning, ages in operations",
                 commas(p->count), p->count == 1 ? "" : "s", commas(p->pinned));
        line(f, expected);
    }
    line(f, "");
    fclose(f);
}

/* Each object that is named is one of those in the window, and no other is. */
static void named(const replay *r, const op *o, const pins *p) {
    size_t last = 0, met = 0, taken = 0;
    for (size_t i = 0; i < p->count; i++) {
        const pin *x = &p->each[i];
        const object *y = &r->objects[x->id];
        size_t made = 0;
        for (size_t k = 0; r->trace->ops + k < o; k++)
            if (r->trace->ops[k].id == x->id) made = k;
        ok(y->at && x->at == (size_t)(y->at - r->memory) && x->size == y->size && x->made == made, "an object", text);
        ok(i == 0 || x->at > last, "in order of address", text);
        last = x->at;
    }
    for (uint32_t id = 0; id < r->trace->ids; id++) {
        const object *y = &r->objects[id];
        const size_t at = y->at ? (size_t)(y->at - r->memory) : 0, end = at + takes(y->size);
        if (y->size == 0 || y->at == NULL || at >= p->from + p->bytes || end <= p->from || (o->kind == 'r' && id == o->id)) continue;
        met++;
        taken += end - at;
    }
    ok(p->count == met && p->pinned == taken, "what is in the window", text);
}

static void holes(const replay *r, const pins *p) {
    static unsigned char used[1 << 16];
    size_t count = 0, free = 0, largest = 0, run = 0;
    memset(used, 0, r->usable);
    for (uint32_t id = 0; id < r->trace->ids; id++)
        if (r->objects[id].at && r->objects[id].size)
            memset(used + (r->objects[id].at - r->memory), 1, takes(r->objects[id].size));
    for (size_t i = 0; i < r->usable; i++) {
        if (used[i]) run = 0;
        else free++, count += run++ == 0;
        if (run > largest) largest = run;
    }
    ok(p->holes == count && p->free == free && p->largest == largest, "holes", text);
}

/* Returns whether a request found no room. */
static int find(unsigned seed, const drawing *how, size_t heap) {
    const trace t = draw_trace(seed, how);
    replay r;
    replay_open(&r, &t, family_named("4k"), 1);
    replay_begin(&r, heap);
    for (size_t i = 0; i < t.count; i++) {
        const op *o = &t.ops[i];
        object before[MOST_DRAWN];
        unsigned char bytes[1 << 13];
        size_t count = 0, taken = 0;
        spoon handle = r.spoon;
        pins p;
        int any;
        if (replay_do(&r, o) != TSP_NO_MEMORY) continue;
        any = fewest(&r, o, takes(o->size), &count, &taken);
        memcpy(before, r.objects, t.ids * sizeof *before);
        memcpy(bytes, r.memory, heap);
        handle = r.spoon;
        p = pins_find(&r, o);
        snprintf(text, sizeof text, "seed %u, heap %zu, operation %zu (%c %zu, aligned to %u): %zu objects, not %zu; %zu bytes, not %zu",
                 seed, heap, i, o->kind, o->size, o->align, p.count, count, p.pinned, taken);
        ok(!memcmp(before, r.objects, t.ids * sizeof *before) && !memcmp(bytes, r.memory, heap) && !memcmp(&handle, &r.spoon, sizeof handle),
           "nothing has changed", text);
        ok(p.never == !any, "there is a window", text);
        ok(p.bytes == takes(o->size) && p.align == o->align, "what is wanted", text);
        holes(&r, &p);
        if (any) {
            ok(p.count == count && p.pinned == taken, "the fewest", text);
            ok(p.from % o->align == 0 && p.from + p.bytes <= r.usable, "a window", text);
            named(&r, o, &p);
            *(count == 1 ? &pinned_once : &pinned_more) += 1;
            grown += o->kind == 'r';
        } else {
            ok(p.count == 0, "nothing is in the way", text);
            nevers++;
        }
        print(&p, &r, o);
        pins_drop(&p);
        replay_close(&r);
        return 1;
    }
    replay_close(&r);
    return 0;
}

int main(void) {
    unsigned found = 0;
    for (unsigned seed = 1; seed <= 3000; seed++) {
        const drawing how = {300, 4 + seed % 40, seed % 5 ? 30 + seed % 200 : 900, seed % 3 ? 0 : 9, seed % 4 ? 0 : 1 + seed / 4 % 7};
        found += (unsigned)find(seed, &how, 60 + seed * 7 % 1900);
    }
    snprintf(text, sizeof text, "%u, %zu of one object, %zu of more, %zu never, %zu that grow", found, pinned_once, pinned_more, nevers, grown);
    ok(found > 1000 && pinned_once > 200 && pinned_more > 200 && nevers > 20 && grown > 50, "requests without room", text);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
