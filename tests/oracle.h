/* The oracle: what a heap must do, told from nothing but a sorted list of the live objects. It shares no code and no
 * idea with the engine. Each of its operations makes one call of the library, judges the answer, and then compares
 * everything that can be seen of the heap with the list.
 *
 *   - An answer lies in the heap, is aligned, and overlaps no live object; every object keeps its bytes.
 *   - A call may fail only if no gap between the objects would do, and then the heap's bytes are as they were. (In a
 *     heap with an index also if of more than MANY gaps that may do or not, the first MANY do not.)
 *   - check finds nothing; usage, largest and walk agree with the list; nothing outside the region was touched.
 *
 * What costs time proportional to the heap is compared after every call only where the heap is small.
 *
 * Offsets and sizes are bytes from the heap's first granule.
 * SPDX-License-Identifier: BSD-3-Clause */
#ifndef ORACLE_H
#define ORACLE_H

#include "family.h"

#include <stddef.h>

typedef struct object {
    size_t start, size, align;
    uint32_t seed; /* of its pattern */
} object;

typedef struct oracle {
    kitchen k;
    object *live; /* in order of address */
    size_t count, room, used;
    size_t low, low_at_least; /* the lowest that free has been, or so far down if the last call moved an object */
    size_t failed, failed_at_most;
    uint32_t seed;
    uint64_t digest;                         /* of all answers, to see that the same calls get the same ones again */
    unsigned calls, check_every, look_every; /* every so many calls: ask check and largest; look at all bytes */
} oracle;

/* -- What the list says ------------------------------------------------------------------------------------------- */

static inline size_t end_of(const object *o) {
    return o->start + round_up(o->size);
}

static inline size_t gap_start(const oracle *m, size_t i) {
    return i ? end_of(&m->live[i - 1]) : 0;
}

static inline size_t gap_end(const oracle *m, size_t i) {
    return i < m->count ? m->live[i].start : m->k.total;
}

/* How many bytes of [from, to) remain for an object of this alignment. */
static inline size_t room_in(const oracle *m, size_t from, size_t to, size_t align) {
    size_t lead = (0 - ((uintptr_t)m->k.base + from)) & (align - 1);
    return lead < to - from ? to - from - lead : 0;
}

/* The largest object of this alignment that some gap can take. */
static inline size_t widest_gap(const oracle *m, size_t align) {
    size_t best = 0;
    for (size_t i = 0; i <= m->count; i++) {
        size_t room = room_in(m, gap_start(m, i), gap_end(m, i), align);
        if (room > best) best = room;
    }
    return round_down(best);
}

static inline int can_place(const oracle *m, size_t size, size_t align) {
    size_t i = m->count + 1; /* from the end, where a heap that is being filled has its room */
    while (i--)
        if (round_up(size) <= room_in(m, gap_start(m, i), gap_end(m, i), align)) return 1;
    return 0;
}

/* Whether an object must be placed. In a heap with an index one may be refused though it can be placed: where no gap
 * is so large, by its bin, that it has room wherever it begins, and more than MANY are of bins in which some gaps do
 * and some do not. Gaps of one granule are in no bin, and only for objects of one granule of no more alignment. */
static inline int must_place(const oracle *m, size_t size, size_t align) {
    const size_t n = round_up(size) / GRANULE, room = n + (align > GRANULE ? align / GRANULE - 1 : 0);
    const unsigned own = bin_of(n), sure = bin_above(room);
    size_t tried = 0, fitting = 0;
    if (!has_index(m->k.total / GRANULE)) return can_place(m, size, align);
    if (round_up(size) > m->k.total) return 0;
    for (size_t i = 0; i <= m->count; i++) {
        const size_t from = gap_start(m, i), to = gap_end(m, i), gap = (to - from) / GRANULE;
        if (gap == 0 || (gap == 1 && room > 1)) continue;
        if (room == 1 || bin_of(gap) >= sure) return 1;
        if (bin_of(gap) < own) continue;
        tried++;
        fitting += round_up(size) <= room_in(m, from, to, align);
    }
    return fitting && tried <= MANY;
}

static inline int can_stay(const oracle *m, size_t i, size_t size, size_t align) {
    const object *o = &m->live[i];
    return ((uintptr_t)m->k.base + o->start) % align == 0 && round_up(size) <= gap_end(m, i + 1) - o->start;
}

/* Within its own bytes and the gaps on both sides. */
static inline int can_slide(const oracle *m, size_t i, size_t size, size_t align) {
    return round_up(size) <= room_in(m, gap_start(m, i), gap_end(m, i + 1), align);
}

static inline size_t malloc_align(size_t size) {
    size_t align = 1;
    while (align * 2 <= size && align * 2 <= TSP_MALLOC_ALIGN) align *= 2;
    return align;
}

/* What realloc of this object must keep to: what it need not grow stays where it is, however V_alloc aligned it. */
static inline size_t realloc_align(const object *o, size_t size) {
    return round_up(size) <= round_up(o->size) ? 1 : malloc_align(size);
}

/* -- Keeping the list --------------------------------------------------------------------------------------------- */

static inline void enlist(oracle *m, const void *at, size_t size, size_t align) {
    object o = {(size_t)((const unsigned char *)at - m->k.base), size, align, m->seed++};
    size_t i = 0, end = m->count;
    while (i < end) { /* the objects before i are below it, those from end on are not */
        if (m->live[(i + end) / 2].start < o.start) i = (i + end) / 2 + 1;
        else end = (i + end) / 2;
    }
    if (!CHECK(m->count < m->room) || !CHECK(o.start >= gap_start(m, i)) || !CHECK(end_of(&o) <= gap_end(m, i))) return;
    memmove(&m->live[i + 1], &m->live[i], (m->count - i) * sizeof o);
    m->live[i] = o;
    m->count++;
    m->used += round_up(size);
    if (m->k.total - m->used < m->low) m->low = m->k.total - m->used;
    fill(m->k.base + o.start, 0, round_up(size), o.seed); /* to the last usable byte */
}

static inline void delist(oracle *m, size_t i) {
    m->used -= round_up(m->live[i].size);
    memmove(&m->live[i], &m->live[i + 1], (--m->count - i) * sizeof *m->live);
}

static inline void note_answer(oracle *m, const void *at) {
    m->digest = m->digest * 1099511628211u + (at ? (uintptr_t)at - (uintptr_t)m->k.base + 1 : 0);
}

/* -- Comparing everything ----------------------------------------------------------------------------------------- */

typedef struct walk {
    const oracle *m;
    size_t at, next; /* how far it has come, and the object that comes next */
} walk;

static inline int see(void *context, void *start, size_t size, tsp_kind kind) {
    walk *w = context;
    const oracle *m = w->m;
    size_t expected = gap_end(m, w->next) - w->at;
    tsp_kind expected_kind = TSP_HOLE;
    if (expected == 0 && w->next < m->count) { /* no gap: an object, or in a sized heap all that touch */
        do expected += round_up(m->live[w->next++].size);
        while (m->k.sized && w->next < m->count && m->live[w->next].start == w->at + expected);
        expected_kind = m->k.sized ? TSP_LIVE : TSP_OBJECT;
    }
    CHECK(kind == expected_kind);
    CHECK(size == expected && size > 0);
    CHECK(start == (void *)(m->k.base + w->at));
    w->at += size;
    return test_failures != 0;
}

/* After every call. Returns whether all has been well so far. */
static inline int settle(oracle *m) {
    tsp_usage u = V_(usage)(&m->k.heap);
    m->calls++;
    CHECK(misuse.count == 0);
    CHECK(u.total == m->k.total);
    CHECK(u.used == m->used);
    CHECK(u.free == u.total - m->used);
    CHECK(u.objects == m->count);
    CHECK(u.low_free <= m->low);
    CHECK(u.low_free == m->low || u.low_free == m->low_at_least);
    m->low = m->low_at_least = u.low_free;
    CHECK(u.failed >= m->failed && u.failed <= m->failed_at_most);
    m->failed = m->failed_at_most = u.failed;
    if (m->calls % m->check_every == 0) {
        tsp_report report = V_(check)(&m->k.heap);
        if (!CHECK(report.status == TSP_OK && report.what == NULL))
            printf("    check says: %s (at byte %lu)\n", report.what, (unsigned long)report.at);
        CHECK(u.largest == widest_gap(m, 1));
    }
    if (m->calls % m->look_every == 0) {
        walk w = {m, 0, 0};
        size_t align = (size_t)1 << m->calls / m->look_every % 8;
        CHECK(V_(walk)(&m->k.heap, see, &w) == 0);
        CHECK(w.at == m->k.total && w.next == m->count);
        CHECK(V_(largest)(&m->k.heap, align) == widest_gap(m, align));
        CHECK(guards_hold(&m->k.where));
        for (size_t i = 0; i < m->count; i++) {
            const object *o = &m->live[i];
            if (!CHECK(keeps(m->k.base + o->start, round_up(o->size), o->seed))) break;
        }
    }
    return test_failures == 0;
}

/* There was no room: nothing of the heap may have changed, and `failed` is one more unless it was only tried in place. */
static inline void check_refusal(oracle *m, int counts) {
    CHECK(is_unchanged(&m->k));
    if (counts && m->failed < MOST_FAILED) m->failed++;
    if (counts && m->failed_at_most < MOST_FAILED) m->failed_at_most++;
}

/* An address for no bytes: aligned, not NULL, not in the heap. */
static inline void check_nothing(oracle *m, const void *nothing, size_t align) {
    CHECK(nothing != NULL);
    CHECK((uintptr_t)nothing % align == 0);
    CHECK(!V_(contains)(&m->k.heap, nothing));
}

/* -- Calls -------------------------------------------------------------------------------------------------------- */

static inline oracle open_oracle(size_t size, size_t offset, int sized) {
    oracle m;
    memset(&m, 0, sizeof m);
    m.k = open_kitchen_at(size, offset, sized);
    m.room = m.k.total / GRANULE + 1;
    m.live = malloc((m.room + 1) * sizeof *m.live);
    if (m.live == NULL) exit(2);
    m.low = m.low_at_least = m.k.total;
    m.check_every = size <= 65536 ? 1 : 6;
    m.look_every = size <= 1024 ? 1 : size <= 65536 ? 16 : 512;
    return m;
}

static inline void close_oracle(oracle *m) {
    free(m->live);
    close_kitchen(&m->k);
}

/* The calls that make objects; those from MALLOC on are for heaps that remember sizes. */
enum { ALLOC, ALLOC_ZEROED, TRY_ALLOC, RESIZE_NULL, MALLOC, CALLOC, REALLOC_NULL, ALIGNED_ALLOC, WAYS_TO_MAKE };

static inline void make_object(oracle *m, int way, size_t size, size_t align) {
    TSP_V *heap = &m->k.heap;
    void *p = NULL;
    int zeroed = way == ALLOC_ZEROED || way == CALLOC;
    int fits, must;
    tsp_status status = TSP_BUSY; /* of the calls that say one */
    if (way == MALLOC || way == CALLOC || way == REALLOC_NULL) align = malloc_align(size);
    fits = size && can_place(m, size, align);
    must = fits && must_place(m, size, align);
    if (!must) remember(&m->k);
    switch (way) {
    case ALLOC: p = V_(alloc)(heap, size, align); break;
    case ALLOC_ZEROED: p = V_(alloc_zeroed)(heap, size, align); break;
    case TRY_ALLOC:
        if (size % 2) p = V_(try_alloc)(heap, size, align);
        else status = V_(try_alloc_to)(heap, size, align, &p);
        break;
    case RESIZE_NULL: p = V_(resize)(heap, NULL, 0, size, align); break;
    case MALLOC:
        if (size % 2) p = V_(malloc)(heap, size);
        else status = V_(try_malloc)(heap, size, &p);
        break;
    case CALLOC: p = size % 3 ? V_(calloc)(heap, 1, size) : V_(calloc)(heap, size / 3, 3); break;
    case REALLOC_NULL: p = V_(realloc)(heap, NULL, size); break;
    case ALIGNED_ALLOC: p = V_(aligned_alloc)(heap, align, size); break;
    }
    if (status != TSP_BUSY) CHECK(status == (p ? TSP_OK : TSP_NO_MEMORY));
    if (size == 0) {
        if (way != ALIGNED_ALLOC || (uintptr_t)heap % align == 0) check_nothing(m, p, align);
        else CHECK(p == NULL); /* V_free would not know what V_alloc gives */
        CHECK(is_unchanged(&m->k));
        return;
    }
    note_answer(m, p);
    if (p == NULL) {
        if (CHECK(!must)) check_refusal(m, 1);
        return;
    }
    CHECK(fits);
    if (!CHECK(is_placed(&m->k, p, size, align))) return;
    if (zeroed) CHECK(is_filled_with(p, size, 0));
    CHECK(V_(contains)(heap, p));
    enlist(m, p, size, align);
    if (!m->k.sized) CHECK(V_(usable_size)(heap, p) == round_up(size));
}

/* The calls that end an object. */
enum { DEALLOC, TRY_DEALLOC, RESIZE_TO_0, FREE, FREE_SIZED, FREE_ALIGNED_SIZED, REALLOC_TO_0, WAYS_TO_END };

static inline void end_object(oracle *m, int way, size_t i) {
    TSP_V *heap = &m->k.heap;
    object o = m->live[i];
    void *p = m->k.base + o.start;
    CHECK(keeps(p, round_up(o.size), o.seed));
    delist(m, i);
    switch (way) {
    case DEALLOC: CHECK(V_(dealloc)(heap, p, o.size, o.align) == TSP_OK); break;
    case TRY_DEALLOC: CHECK(V_(try_dealloc)(heap, p, o.size, o.align) == TSP_OK); break;
    case RESIZE_TO_0: check_nothing(m, V_(resize)(heap, p, o.size, 0, o.align), o.align); break;
    case FREE:
        if (o.size % 2) V_(free)(heap, p);
        else CHECK(V_(try_free)(heap, p) == TSP_OK);
        break;
    case FREE_SIZED: V_(free_sized)(heap, p, o.size); break;
    case FREE_ALIGNED_SIZED: V_(free_aligned_sized)(heap, p, o.align, o.size); break;
    case REALLOC_TO_0: check_nothing(m, V_(realloc)(heap, p, 0), 1); break;
    }
}

/* The calls that resize one, to a size that is not 0. */
enum { RESIZE, RESIZE_ZEROED, IN_PLACE, REALLOC, REALLOCARRAY, WAYS_TO_RESIZE };

static inline void resize_object(oracle *m, int way, size_t i, size_t size, size_t align) {
    TSP_V *heap = &m->k.heap;
    object o = m->live[i];
    unsigned char *p = m->k.base + o.start, *q = NULL;
    size_t kept = way >= REALLOC ? round_up(o.size) : o.size, free_before = m->k.total - m->used;
    int stays, slides, fits, must;
    if (way >= REALLOC) align = realloc_align(&o, size);
    if (kept > size) kept = size;
    stays = can_stay(m, i, size, align);
    slides = way != IN_PLACE && can_slide(m, i, size, align);
    fits = stays || slides || (way != IN_PLACE && can_place(m, size, align));
    must = stays || slides || (way != IN_PLACE && must_place(m, size, align));
    if (!must) remember(&m->k);
    switch (way) {
    case RESIZE: q = V_(resize)(heap, p, o.size, size, align); break;
    case RESIZE_ZEROED: q = V_(resize_zeroed)(heap, p, o.size, size, align); break;
    case IN_PLACE: {
        int try = !m->k.sized && size % 2 && align == realloc_align(&o, size);
        tsp_status status =
            try ? V_(try_realloc)(heap, p, size) : V_(resize_in_place)(heap, p, o.size, size, align);
        CHECK(status == TSP_OK || status == TSP_NO_MEMORY);
        if (status == TSP_OK) q = p;
        break;
    }
    case REALLOC: q = V_(realloc)(heap, p, size); break;
    case REALLOCARRAY: q = V_(reallocarray)(heap, p, size % 5 ? 1 : size / 5, size % 5 ? size : 5); break;
    }
    note_answer(m, q);
    if (q == NULL) {
        if (CHECK(!must)) check_refusal(m, way != IN_PLACE);
        return;
    }
    CHECK(fits);
    if (stays) CHECK(q == p);
    if (!CHECK(is_placed(&m->k, q, size, align))) return;
    CHECK(keeps(q, kept, o.seed));
    if (way == RESIZE_ZEROED && size > o.size) CHECK(is_filled_with(q + o.size, size - o.size, 0));
    if (q + round_up(size) <= p || p + round_up(o.size) <= q) { /* moved: for a while there were two */
        size_t least = free_before - round_up(size);
        m->low_at_least = least < m->low ? least : m->low;
    }
    delist(m, i);
    enlist(m, q, size, align);
}

#endif
