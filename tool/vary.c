/* See vary.h. A recording is one run; another one of the same program differs in its input, in the order of what
 * happens, and in what was there before. So a variation has
 *
 *      sizes       of each object up to 5 % off, as if texts and buffers had other lengths;
 *      order       one in eight neighbouring calls about different objects swapped, as threads and events would;
 *      a restart   in every fourth: the run ends somewhere; what the program never frees, and had at its peak, stays
 *                  where it is; all else is freed, and the run begins anew.
 *
 * SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L

#include "vary.h"
#include "say.h"
#include "search.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PERMILLE = 50, SWAPPED = 8, RESTARTED = 4, IN_A_ROW = 3 };

/* The same everywhere (splitmix64: Steele, Lea and Flood, 2014). */
static uint64_t draw(uint64_t seed, uint64_t n) {
    uint64_t x = (seed << 32) + n + 1;
    x *= 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static void add(trace *t, const op *o, uint32_t id) {
    t->ops[t->count] = *o;
    t->ops[t->count++].id = id;
}

/* For each object: is it freed at any time, does it live after the first `when` operations, and is it there at the peak?
 * What comes after that, and is not freed, may as well be what the recording's end has cut off. */
enum { FREED = 1, LIVES = 2, EARLY = 4, STAYS = LIVES | EARLY };
static unsigned char *fates(const trace *t, size_t when) {
    unsigned char *fate = need(calloc(t->ids, 1));
    size_t fullest;
    trace_fullest(t, 1, TSP_ROUND, &fullest);
    for (size_t i = 0; i < t->count; i++) {
        const op *o = &t->ops[i];
        if (o->kind == 'f') fate[o->id] |= FREED;
        if (o->kind == 'a' && i <= fullest) fate[o->id] |= EARLY;
        if (i < when && o->kind != 'r') fate[o->id] = (unsigned char)(fate[o->id] ^ LIVES);
    }
    return fate;
}

/* Twice the IDs: those of the second run come after those of the first. Returns 0 where what stays is a burden that the
 * program never carries: then it is no restart of it. */
static int restart(const trace *t, size_t when, trace *to) {
    unsigned char *fate = fates(t, when);
    size_t at;
    for (size_t i = 0; i < when; i++) add(to, &t->ops[i], t->ops[i].id);
    for (uint32_t id = 0; id < t->ids; id++)
        if (fate[id] & LIVES && fate[id] != STAYS) add(to, &(op){0, id, 0, 1, 'f'}, id);
    for (size_t i = 0; i < t->count; i++) {
        const op *o = &t->ops[i];
        if (fate[o->id] != STAYS) add(to, o, o->id + t->ids);
        else if (o->kind != 'a') add(to, o, o->id);
    }
    to->ids = 2 * t->ids;
    free(fate);
    return trace_fullest(to, 1, TSP_ROUND, &at) / 21 <= trace_fullest(t, 1, TSP_ROUND, &at) / 20;
}

trace vary(const trace *t, uint32_t n) {
    trace to = trace_without_operations(t), result;
    to.ops = need(malloc((2 * t->count + t->ids) * sizeof *to.ops));
    if (n % RESTARTED != RESTARTED - 1 || t->ids > UINT32_MAX / 2 ||
        !restart(t, (size_t)(draw(n, t->count) % (t->count + 1)), &to)) {
        to.count = 0;
        for (size_t i = 0; i < t->count; i++) add(&to, &t->ops[i], t->ops[i].id);
    }
    for (size_t i = 0; i < to.count; i++) {
        op *o = &to.ops[i];
        const uint64_t off = draw(~n, o->id % t->ids) % (2 * PERMILLE + 1);
        o->size = o->size / 1000 * (1000 - PERMILLE + (size_t)off) +
                  (o->size % 1000 * (1000 - PERMILLE + (size_t)off) + 500) / 1000;
    }
    for (size_t i = 0; i + 1 < to.count; i++) {
        const op o = to.ops[i];
        if (draw(n, i) % SWAPPED || o.id == to.ops[i + 1].id) continue;
        to.ops[i] = to.ops[i + 1];
        to.ops[++i] = o;
    }
    result = renumbered(&to);
    trace_drop(&to);
    return result;
}

/* -- The heap that they need ------------------------------------------------------------------------------------------ */

typedef struct labour {
    const trace *trace;
    const family *family;
    int sized;
    uint32_t next, count;
    size_t from, step, limit;
    size_t *needs; /* the largest so far, in falling order */
    size_t kept;
    pthread_mutex_t lock;
} labour;

static int passes(labour *l, replay *r, size_t heap) {
    for (size_t i = IN_A_ROW; i-- > 0;)
        if (attempt(r, heap + i * l->step, NULL, NULL) != SUCCEEDS) return 0;
    return 1;
}

/* The first multiple of the step that passes, with the next two; so a variation's luck with one size does not count.
 * What it is does not matter where `enough`, which others need, will do. */
static size_t need_of(labour *l, const trace *t, size_t enough) {
    size_t at, heap = enough > l->from ? enough : l->from;
    replay r;
    replay_open(&r, t, l->family, l->sized);
    if (!passes(l, &r, heap)) {
        const size_t least = l->family->region(trace_fullest(t, l->family->granule, l->family->round, &at), l->sized);
        heap = l->from;
        while (heap < least) heap += l->step;
        while (heap <= l->limit && !passes(l, &r, heap)) heap += l->step;
    }
    replay_close(&r);
    return heap;
}

static void *try_variations(void *context) {
    labour *l = context;
    pthread_mutex_lock(&l->lock);
    while (l->next < l->count) {
        const uint32_t n = l->next++;
        const size_t enough = l->needs[l->kept - 1];
        size_t need, i = l->kept;
        trace t;
        pthread_mutex_unlock(&l->lock);
        t = vary(l->trace, n);
        need = need_of(l, &t, enough);
        trace_drop(&t);
        pthread_mutex_lock(&l->lock);
        if (need <= l->needs[l->kept - 1]) continue;
        for (; i > 1 && l->needs[i - 2] < need; i--) l->needs[i - 1] = l->needs[i - 2];
        l->needs[i - 1] = need;
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static size_t power_below(size_t n) {
    size_t power = 1;
    while (power <= n / 2) power *= 2;
    return power;
}

margin find_margin(const trace *t, const fit *least, const options *how) {
    labour l = {0};
    pthread_t threads[MOST_THREADS];
    size_t started = 0, round;
    margin m;
    l.trace = t;
    l.family = least->family;
    l.sized = how->sized;
    l.count = how->variations;
    l.step = power_below(least->heap / 64 + 8);
    l.from = (least->heap + l.step - 1) / l.step * l.step;
    l.limit = family_limit(l.family, l.sized);
    l.kept = l.count / 100 + 1;
    l.needs = need(calloc(l.kept, sizeof *l.needs));
    pthread_mutex_init(&l.lock, NULL);
    while (started + 1 < processors() && started + 1 < l.count &&
           pthread_create(&threads[started], NULL, try_variations, &l) == 0)
        started++;
    try_variations(&l);
    while (started > 0) pthread_join(threads[--started], NULL);
    pthread_mutex_destroy(&l.lock);
    m.all = l.needs[0];
    m.most = l.needs[l.kept - 1];
    round = power_below(m.all + 128) / 16;
    m.give = m.all <= l.limit ? (m.all + round - 1) / round * round : 0;
    free(l.needs);
    return m;
}
