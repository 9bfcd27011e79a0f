/* Who holds memory: of drawn traces, counted here object by object. Ends in "N passed, N failed".
 * SPDX-License-Identifier: BSD-3-Clause */
#include "sites.h"
#include "unit.h"

#include "drawn.h"

static char found[200];

static size_t key(const trace *t, size_t i) {
    return t->sites ? t->sites[i] : t->ops[i].size;
}

static const char *name(const trace *t, size_t k) {
    static char text[40];
    if (t->sites && k < t->site_count && t->site_names[k]) return t->site_names[k];
    snprintf(text, sizeof text, !t->sites ? k == 1 ? "%zu byte" : k < 1000 ? "%zu bytes" : "" : k ? "site %zu" : "(no site)", k);
    if (!t->sites && k >= 1000) snprintf(text, sizeof text, "%zu,%03zu bytes", k / 1000, k % 1000);
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

static void judge(const trace *t, const sites *s, size_t peak_at) {
    size_t distinct = 0;
    ok(s->trace == t && s->by_size == !t->sites, "what it is about", "");
    snprintf(found, sizeof found, "%zu, not %zu", s->peak_at, peak_at);
    ok(s->peak_at == peak_at, "the peak is first after", found);
    ok(same(s->peak, held(t, peak_at + 1, NULL, NULL)), "the peak", "");
    ok(same(s->end, held(t, t->count, NULL, NULL)), "the end", "");
    for (size_t i = 0; i < t->count; i++) {
        const size_t k = key(t, i);
        const site *x;
        size_t calls = 0, oldest = 0;
        int seen = 0;
        if (t->ops[i].kind == 'f') continue;
        for (size_t j = 0; j < i; j++) seen |= t->ops[j].kind != 'f' && key(t, j) == k;
        x = &s->each[s->of[i]];
        ok(s->of[i] < s->count && strcmp(x->name, name(t, k)) == 0, name(t, k), x->name);
        if (seen) continue;
        distinct++;
        for (size_t j = 0; j < t->count; j++) calls += t->ops[j].kind != 'f' && key(t, j) == k;
        ok(x->calls == calls, "calls", x->name);
        ok(same(x->peak, held(t, peak_at + 1, &k, NULL)), "at the peak", x->name);
        ok(same(x->end, held(t, t->count, &k, &oldest)), "at the end", x->name);
        ok(x->end.objects == 0 || x->oldest == oldest, "the oldest", x->name);
    }
    ok(s->count == distinct, "each once", "");
}

static void sorted(const sites *s, int at_end) {
    for (size_t i = 1; i < s->count; i++) {
        const site *x = &s->each[i - 1], *y = &s->each[i];
        const size_t a = at_end ? x->end.bytes : x->peak.bytes, b = at_end ? y->end.bytes : y->peak.bytes;
        ok(a > b || (a == b && strcmp(x->name, y->name) <= 0), "in order", y->name);
    }
}

int main(void) {
    for (unsigned seed = 1; seed <= 120; seed++) {
        const drawing how = {1 + seed * 5 / 2, 1 + seed % 30, seed % 4 ? 40 : 3000, seed % 3 ? 1 + seed % DRAWN_SITES : 0, 0};
        const trace t = draw_trace(seed, &how);
        size_t peak_at = 0;
        sites s = sites_of(&t);
        while (held(&t, peak_at + 1, NULL, NULL).bytes < t.peak) peak_at++;
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
