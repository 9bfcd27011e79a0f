/* Why there was no room: in drawn heaps every window is looked at here, and the objects in it counted; what is printed
 * is what was found. Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "pins.h"
#include "say.h"
#include "unit.h"

#include "drawn.h"

static char text[300];
static size_t pinned_once, pinned_more, nevers, grown;

/* The objects that a window meets, and what they take. One that is to grow is not in its own way. */
static size_t meets(const replay *r, const op *o, size_t from, size_t bytes, size_t *taken) {
    size_t count = 0;
    *taken = 0;
    for (uint32_t id = 0; id < r->trace->ids; id++) {
        const object *x = &r->objects[id];
        const size_t at = x->at ? (size_t)(x->at - r->memory) : 0, end = at + takes(4, x->size);
        if (x->at == NULL || x->size == 0 || at >= from + bytes || end <= from || (o->kind == 'r' && id == o->id)) continue;
        count++;
        *taken += end - at;
    }
    return count;
}

/* The fewest objects, and of these the least bytes, in any window that may be. Returns whether there is one. */
static int fewest(const replay *r, const op *o, size_t bytes, size_t *count, size_t *taken) {
    int any = 0;
    for (size_t from = 0; from + bytes <= r->usable; from += r->family->granule) {
        size_t sum, n;
        if (from % o->align) continue;
        n = meets(r, o, from, bytes, &sum);
        if (any && (n > *count || (n == *count && sum >= *taken))) continue;
        any = 1;
        *count = n;
        *taken = sum;
    }
    return any;
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
             "the largest has %s", COMMAS(p->bytes), p->align, COMMAS(p->free), COMMAS(p->holes), p->holes == 1 ? "" : "s",
             COMMAS(p->largest));
    line(f, expected);
    if (p->never) {
        line(f, "  the heap would have no room for it even if it were empty");
    } else {
        snprintf(expected, sizeof expected, "  there would be room at %s without %s:", COMMAS(p->from),
                 p->count == 1 ? "this object" : "these objects, and not without fewer");
        line(f, expected);
        line(f, t->sites ? "       address        size         age      object  site" : "       address        size         age      object  made by");
        for (size_t i = 0; i < p->count && i < 12; i++) {
            const size_t n = t->sites ? t->sites[p->each[i].made] : 0;
            char by[70];
            if (!t->sites) snprintf(by, sizeof by, "line %s", COMMAS(t->ops[p->each[i].made].line));
            else if (n < t->site_count && t->site_names[n]) snprintf(by, sizeof by, "%s", t->site_names[n]);
            else snprintf(by, sizeof by, n ? "site %zu" : "(no site)", n);
            snprintf(expected, sizeof expected, "  %12s %11s %11s %11s  %s", COMMAS(p->each[i].at), COMMAS(p->each[i].size),
                     COMMAS((size_t)(o - t->ops) - p->each[i].made), COMMAS(p->each[i].id), by);
            line(f, expected);
        }
        if (p->count > 12) {
            snprintf(expected, sizeof expected, "  and %zu others", p->count - 12);
            line(f, expected);
        }
        snprintf(expected, sizeof expected, "  %s object%s, %s bytes; addresses are from the heap's beginning, ages in operations",
                 COMMAS(p->count), p->count == 1 ? "" : "s", COMMAS(p->pinned));
        line(f, expected);
    }
    line(f, "");
    fclose(f);
}

/* Each object that is named is one of those in the window, and no other is. */
static void named(const replay *r, const op *o, const pins *p, size_t bytes) {
    size_t last = 0, met, taken;
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
    met = meets(r, o, p->from, bytes, &taken);
    ok(p->count == met && p->pinned == taken, "what is in the window", text);
}

static void holes(const replay *r, const pins *p) {
    static unsigned char used[1 << 16];
    size_t count = 0, free = 0, largest = 0, run = 0;
    memset(used, 0, r->usable);
    for (uint32_t id = 0; id < r->trace->ids; id++)
        if (r->objects[id].at && r->objects[id].size)
            memset(used + (r->objects[id].at - r->memory), 1, takes(4, r->objects[id].size));
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
        spoon handle;
        pins p;
        int any;
        if (replay_do(&r, o) != TSP_NO_MEMORY) continue;
        any = fewest(&r, o, takes(4, o->size), &count, &taken);
        memcpy(before, r.objects, t.ids * sizeof *before);
        memcpy(bytes, r.memory, heap);
        handle = r.spoon;
        p = pins_find(&r, o);
        snprintf(text, sizeof text, "seed %u, heap %zu, operation %zu (%c %zu, aligned to %u): %zu objects, not %zu; %zu bytes, not %zu",
                 seed, heap, i, o->kind, o->size, o->align, p.count, count, p.pinned, taken);
        ok(!memcmp(before, r.objects, t.ids * sizeof *before) && !memcmp(bytes, r.memory, heap) && !memcmp(&handle, &r.spoon, sizeof handle),
           "nothing has changed", text);
        ok(p.never == !any, "there is a window", text);
        ok(p.bytes == takes(4, o->size) && p.align == o->align, "what is wanted", text);
        holes(&r, &p);
        if (any) {
            ok(p.count == count && p.pinned == taken, "the fewest", text);
            ok(p.from % o->align == 0 && p.from + p.bytes <= r.usable, "a window", text);
            named(&r, o, &p, p.bytes);
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

/* A heap with an index tries 8 holes of a bin, and passes over one behind them that is just large enough. Without what is
 * named there is room all the same: that is tried in another heap, in which the same was done. */
static void passed_over(uint32_t small, uint32_t align) {
    static op ops[MOST_DRAWN];
    trace t = {.name = "over", .ops = ops, .ids = 2 * small + 4, .largest_align = 64};
    replay r[2];
    pins p;
    size_t last, count = 0, taken = 0;
    int over;
    for (uint32_t i = 0; i < 2 * small + 2; i++)
        ops[t.count++] = (op){.kind = 'a', .id = i, .size = i == 0 ? 304 : i % 2 ? 8 : 296, .align = align, .line = i + 1};
    ops[t.count++] = (op){.kind = 'a', .id = 2 * small + 2, .align = align, .line = 3000}; /* the rest of the heap */
    for (uint32_t i = 0; i < 2 * small + 2; i += 2) ops[t.count++] = (op){.kind = 'f', .id = i, .line = 4000 + i};
    last = t.count;
    ops[t.count++] = (op){.kind = 'a', .id = 2 * small + 3, .size = 304, .align = align, .line = 5000};
    for (int k = 0; k < 2; k++) {
        replay_open(&r[k], &t, family_named("128k"), 1);
        replay_begin(&r[k], 70000);
        for (size_t i = 0; i < last; i++) {
            if (ops[i].line == 3000) ops[i].size = r[k].family->largest(&r[k].spoon, align);
            ok(replay_do(&r[k], &ops[i]) == TSP_OK, "room for it", "over");
        }
    }
    over = small >= 8;
    snprintf(text, sizeof text, "%u holes, aligned to %u", small, align);
    ok(replay_do(&r[0], &ops[last]) == (over ? TSP_NO_MEMORY : TSP_OK), "passed over", text);
    if (over) {
        ok(fewest(&r[0], &ops[last], 304, &count, &taken) && count == 0, "there is a window", text);
        p = pins_find(&r[0], &ops[last]);
        ok(p.count > 0 && !p.never && p.bytes == 304, "some are named all the same", text);
        named(&r[0], &ops[last], &p, TSP_SURE_(4, 304, align));
        for (size_t k = 0; k < p.count; k++) {
            const op gone = {.kind = 'f', .id = p.each[k].id};
            ok(r[1].objects[gone.id].at != NULL && replay_do(&r[1], &gone) == TSP_OK, "it lives", text);
        }
        ok(replay_do(&r[1], &ops[last]) == TSP_OK, "there is room without them", text);
        print(&p, &r[0], &ops[last]);
        pins_drop(&p);
    }
    for (int k = 0; k < 2; k++) replay_close(&r[k]);
}

/* Objects of 4 bytes, a hole behind each, and a request for the whole heap: more than there are rows for. */
static void many(uint32_t objects) {
    static op ops[MOST_DRAWN];
    trace t = {.name = "many", .ops = ops, .ids = 2 * objects + 1, .largest_align = 1};
    replay r;
    pins p;
    for (uint32_t i = 0; i < 2 * objects; i++) ops[t.count++] = (op){.kind = 'a', .id = i, .size = 4, .align = 1, .line = i + 1};
    for (uint32_t i = 0; i < 2 * objects; i += 2) ops[t.count++] = (op){.kind = 'f', .id = i, .line = 2 * objects + i};
    ops[t.count++] = (op){.kind = 'a', .id = 2 * objects, .size = 8 * objects, .align = 1, .line = 5 * objects};
    replay_open(&r, &t, family_named("4k"), 1);
    replay_begin(&r, 8 * objects);
    for (size_t i = 0; i + 1 < t.count; i++) ok(replay_do(&r, &ops[i]) == TSP_OK, "room for it", "many");
    ok(replay_do(&r, &ops[t.count - 1]) == TSP_NO_MEMORY, "no room for it", "many");
    p = pins_find(&r, &ops[t.count - 1]);
    ok(p.count == objects, "all of them", "many");
    print(&p, &r, &ops[t.count - 1]);
    pins_drop(&p);
    replay_close(&r);
}

int main(void) {
    unsigned found = 0;
    for (uint32_t n = 2; n < 40; n++) many(n);
    for (unsigned seed = 1; seed <= 3000; seed++) {
        const drawing how = {300, 4 + seed % 40, seed % 5 ? 30 + seed % 200 : 900, seed % 3 ? 0 : 9, seed % 4 ? 0 : 1 + seed / 4 % 7};
        found += (unsigned)find(seed, &how, 60 + seed * 7 % 1900);
    }
    snprintf(text, sizeof text, "%u, %zu of one object, %zu of more, %zu never, %zu that grow", found, pinned_once, pinned_more, nevers, grown);
    ok(found > 1000 && pinned_once > 200 && pinned_more > 200 && nevers > 20 && grown > 50, "requests without room", text);
    for (uint32_t small = 1; small < 60; small++) {
        passed_over(small, 1);
        passed_over(small, 8);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
