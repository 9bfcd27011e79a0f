/* The fuzz harness: reads its input as a program of calls to one family (-DTSP_V=tsp4k), and of damage to its heap.
 *
 * The heap is honest until its memory is damaged or a call does what a sized heap cannot know to be wrong. So long the
 * oracle of the tests judges every answer, and a refusal must have a reason that is true. After that it is hostile: no
 * access outside the region, every object inside it and aligned, no call that does not come back. A reset or init over
 * the same bytes makes it honest again. The handle is never damaged: it is not in the heap's memory.
 *
 * Honest or hostile, in a heap with an index no call may take more than BUDGET steps, as proof/steps.h counts them, but
 * for those that visit every hole by contract. To libFuzzer each number of steps that a kind of call has not taken
 * before is as good as a new branch, so that it seeks what is slow (as PerfFuzz does: Lemieux, Padhye, Sen and Song,
 * 2018).
 *
 *     input       kind and base offset, size of the region (2 bytes), then instructions
 *     instruction a byte: what to do in the low five bits, with what in the high three; then its operands
 *
 * An input that has run out reads as zeros. libFuzzer and AFL++ call LLVMFuzzerTestOneInput; with -DREPLAY there is a
 * main that does, for each file named. SPDX-License-Identifier: BSD-3-Clause */
#define TEST_SECONDS 10 /* for one input */
#define main test_main  /* what runs test cases, of which there are none */
#include "../tests/family.h"
#undef V_ /* every call of the library, the oracle's too, is counted */
#define V_(name) (count_steps(#name), FAMILY_PASTE(FAMILY_PASTE(TSP_V, _), name))
static void count_steps(const char *next);
#include "../tests/oracle.h"
#undef main

/* -- Steps -------------------------------------------------------------------------------------------------------- */

/* A search takes a link of each hole that it passes in a chunk, and a word of each level up and down, in a heap as large
 * as an input can ask for. A call makes at most four (resize: what it has, to place, to give the old bytes back, to give
 * the new ones back), three of which look for a mark, in the bytes of a few chunks. To place it looks into 9 holes of
 * bins, and at 8 along the gaps. Six holes may come or go, each with a dozen links and words, and two words of each
 * level. */
enum {
    LEVELS = TSP_FAN > 4 ? 2 : 8,
    SEARCH = TSP_CHUNK + 2 * LEVELS + 2,
    SPAN = 6,
    MARK = (SPAN + 2) * ((TSP_CHUNK + 7) / 8) + SPAN,
    PLACE = 4 * (1 + 8) + 2 * 8 + 8,
    CHANGE = 12 + 2 * LEVELS,
    BUDGET = 4 * SEARCH + 3 * MARK + PLACE + 6 * CHANGE,
    GRADES = 64
};

unsigned long steps;
static unsigned long most_steps, all_steps;
static const char *counted; /* the call that steps are of; NULL: one that may take any number, or none */
static int is_counting;     /* the heap has an index */
static uint8_t grades[32][GRADES]
#ifdef __linux__
    __attribute__((section("__libfuzzer_extra_counters")))
#endif
    ;

/* One call has ended, if any, and the next begins, if there is one. */
static void count_steps(const char *next) {
    static const char unbounded[] = " init init_sized reset usage largest walk check attach once once_over contains";
    const char *last = counted;
    counted = next && is_counting && !strstr(unbounded, next) ? next : NULL;
    if (last) {
        unsigned kind = 0;
        for (const char *c = last; *c; c++) kind = (kind * 31 + (unsigned char)*c) % 32;
        grades[kind][steps < BUDGET ? steps * GRADES / BUDGET : GRADES - 1] = 1;
        if (steps > most_steps) most_steps = steps;
        if (!CHECK(steps <= BUDGET)) printf("    %s took %lu steps\n", last, steps);
    }
    all_steps += steps;
    steps = 0;
}

typedef struct run {
    oracle m;
    const uint8_t *next, *end; /* of the input */
    int hostile;
    object ended[4]; /* stale pointers: the last objects that were freed or moved */
    size_t ends;
} run;

/* What does not hold has been printed. */
static void stop_if_failed(void) {
    if (test_failures == 0) return;
    fflush(stdout);
    abort();
}

/* -- Operands ----------------------------------------------------------------------------------------------------- */

static unsigned eat(run *r) {
    return r->next < r->end ? *r->next++ : 0;
}

static size_t eat_two(run *r) {
    unsigned low = eat(r);
    return low | eat(r) << 8;
}

/* Mostly small; some around the heap's size, some around powers of two and SIZE_MAX. */
static size_t eat_size(run *r) {
    size_t b = eat(r);
    if (b < 192) return b;
    if (b < 224) return 192 + (b - 192) * 64;
    if (b < 232) return r->m.k.total - (b - 224) * 3;
    if (b < 236) return r->m.k.total + (b - 231);
    if (b < 240) return (size_t)0x10000 * GRANULE + (b - 238);
    if (b < 244) return SIZE_MAX / 2 + (b - 241);
    if (b < 248) return SIZE_MAX / GRANULE + (b - 245);
    return SIZE_MAX - (b - 248) * (b - 248) / 3;
}

static size_t eat_align(run *r) {
    static const size_t aligns[] = {1, 2, 4, 8, 16, 32, 64, 4, 8, 128, 4096, SIZE_MAX / 2 + 1, 0, 3, 24, SIZE_MAX};
    return aligns[eat(r) % 16];
}

/* -- Calls -------------------------------------------------------------------------------------------------------- */

/* The calls by number: those that make an object, end it, resize it, and ask for its size. */
enum { ENDS = WAYS_TO_MAKE, RESIZES = ENDS + WAYS_TO_END, USABLE_SIZE = RESIZES + WAYS_TO_RESIZE, CALLS };

typedef struct call {
    int what;
    unsigned char *p;
    size_t old, size, align; /* the object's size, what it shall be, and its alignment */
    size_t count;            /* how many objects of `each` bytes `size` is: calloc and reallocarray */
    size_t each;
} call;

static int is(const call *c, int first, int last) {
    return c->what >= first && c->what <= last;
}

static int is_end(const call *c) {
    return is(c, ENDS, RESIZES - 1);
}

static int is_resize(const call *c) {
    return is(c, RESIZES, USABLE_SIZE - 1);
}

static int is_c_library(const call *c) {
    return is(c, MALLOC, ALIGNED_ALLOC) || is(c, ENDS + FREE, ENDS + REALLOC_TO_0) ||
           is(c, RESIZES + REALLOC, RESIZES + REALLOCARRAY) || c->what == USABLE_SIZE;
}

/* Calls that take the size from the map. */
static int is_untold(const call *c) {
    return is_c_library(c) && c->what != ENDS + FREE_SIZED && c->what != ENDS + FREE_ALIGNED_SIZED;
}

static int says_status(const call *c) {
    return is(c, ENDS + DEALLOC, ENDS + TRY_DEALLOC) || c->what == RESIZES + IN_PLACE;
}

/* Makes the call, and brings its answer into one form: what it returned or reported, and in *q the object. */
static tsp_status perform(TSP_V *heap, const call *c, unsigned char **q) {
    tsp_status status = TSP_OK;
    unsigned char nothing, *none = &nothing;
    int reports = !says_status(c);
    *q = none;
    misuse.count = 0;
    switch (c->what) {
    case ALLOC: *q = V_(alloc)(heap, c->size, c->align); break;
    case ALLOC_ZEROED: *q = V_(alloc_zeroed)(heap, c->size, c->align); break;
    case TRY_ALLOC: *q = V_(try_alloc)(heap, c->size, c->align); break;
    case RESIZE_NULL: *q = V_(resize)(heap, NULL, 0, c->size, c->align); break;
    case MALLOC: *q = V_(malloc)(heap, c->size); break;
    case CALLOC: *q = V_(calloc)(heap, c->count, c->each); break;
    case REALLOC_NULL: *q = V_(realloc)(heap, NULL, c->size); break;
    case ALIGNED_ALLOC: *q = V_(aligned_alloc)(heap, c->align, c->size); break;
    case ENDS + DEALLOC: status = V_(dealloc)(heap, c->p, c->old, c->align); break;
    case ENDS + TRY_DEALLOC: status = V_(try_dealloc)(heap, c->p, c->old, c->align); break;
    case ENDS + RESIZE_TO_0: *q = V_(resize)(heap, c->p, c->old, 0, c->align); break;
    case ENDS + FREE: V_(free)(heap, c->p); break;
    case ENDS + FREE_SIZED: V_(free_sized)(heap, c->p, c->old); break;
    case ENDS + FREE_ALIGNED_SIZED: V_(free_aligned_sized)(heap, c->p, c->align, c->old); break;
    case ENDS + REALLOC_TO_0: *q = V_(realloc)(heap, c->p, 0); break;
    case RESIZES + RESIZE: *q = V_(resize)(heap, c->p, c->old, c->size, c->align); break;
    case RESIZES + RESIZE_ZEROED: *q = V_(resize_zeroed)(heap, c->p, c->old, c->size, c->align); break;
    case RESIZES + IN_PLACE: status = V_(resize_in_place)(heap, c->p, c->old, c->size, c->align); break;
    case RESIZES + REALLOC: *q = V_(realloc)(heap, c->p, c->size); break;
    case RESIZES + REALLOCARRAY: *q = V_(reallocarray)(heap, c->p, c->count, c->each); break;
    case USABLE_SIZE:
        if (V_(usable_size)(heap, c->p) > 0) CHECK(misuse.count == 0);
        break;
    }
    CHECK(misuse.count <= (unsigned)reports);
    if (misuse.count) {
        status = misuse.status;
        CHECK(status > TSP_NO_MEMORY && misuse.heap == heap);
        if (status != TSP_CORRUPT) CHECK(misuse.pointer == (c->what < ENDS ? NULL : c->p)); /* else NULL will do */
        CHECK(*q == none || *q == NULL);
    } else if (*q == NULL) {
        status = TSP_NO_MEMORY;
    }
    if (*q == none || status != TSP_OK) *q = NULL;
    if (c->what == RESIZES + IN_PLACE && status == TSP_OK) *q = c->p;
    return status;
}

/* -- What must be refused ----------------------------------------------------------------------------------------- */

#define BIT(status) (1u << (status))

static int is_power_of_two(size_t x) {
    return x && (x & (x - 1)) == 0;
}

static size_t offset_of(const oracle *m, const void *p) {
    return (size_t)((uintptr_t)p - (uintptr_t)m->k.base);
}

/* The live object that begins at p, or `count`. */
static size_t index_of(const oracle *m, const void *p) {
    size_t i = 0;
    while (i < m->count && m->live[i].start != offset_of(m, p)) i++;
    return i;
}

static int takes_as_much(const object *o, size_t size) {
    return size && size <= SIZE_MAX - TSP_ROUND && round_up(size) == round_up(o->size);
}

/* What stands for no bytes: NULL, or the address of an object of size 0, which is the handle's where none is told. */
static int is_nothing(const oracle *m, const call *c) {
    return c->p == NULL ||
           (offset_of(m, c->p) >= m->k.total && (is_untold(c) ? c->p == (const void *)&m->k.heap : c->old == 0));
}

/* Why these bytes are no object, as far as the heap can know. */
static unsigned why_no_object(const oracle *m, const call *c) {
    size_t at = offset_of(m, c->p), size = c->old, i = 0, to;
    if (at >= m->k.total) return BIT(TSP_FOREIGN);
    if (at % GRANULE) return BIT(TSP_MISALIGNED);
    while (i < m->count && end_of(&m->live[i]) <= at) i++;
    if (!m->k.sized) {
        if (at < gap_end(m, i)) return BIT(TSP_ALREADY_FREE);
        if (at > gap_end(m, i)) return BIT(TSP_INTERIOR);
        return is_untold(c) || takes_as_much(&m->live[i], size) ? 0 : BIT(TSP_WRONG_SIZE);
    }
    if (size == 0 || size > m->k.total || round_up(size) > m->k.total - at) return BIT(TSP_WRONG_SIZE);
    for (to = at; i < m->count && m->live[i].start <= to; i++) to = end_of(&m->live[i]);
    return to - at < round_up(size) ? BIT(TSP_ALREADY_FREE) : 0;
}

/* The statuses that would be true of this call to an honest heap, one bit each. 0: it must be done if there is room. */
static unsigned refusals(const oracle *m, const call *c) {
    int good_align = is_power_of_two(c->align), nothing = is_nothing(m, c);
    unsigned why;
    if (m->k.sized && is_c_library(c) && !(nothing && c->what == USABLE_SIZE) &&
        !(c->p == NULL && is(c, ENDS + FREE, ENDS + FREE_ALIGNED_SIZED)))
        return BIT(TSP_SIZED_HEAP);
    if (c->what < ENDS || (nothing && c->what != RESIZES + IN_PLACE && (is_resize(c) || c->what == ENDS + RESIZE_TO_0)))
        return good_align && c->size <= m->k.total ? 0 : BIT(TSP_NO_MEMORY);
    why = nothing ? 0 : why_no_object(m, c);
    if (!good_align) why |= BIT(TSP_BAD_ALIGNMENT);
    else if ((is(c, ENDS + DEALLOC, ENDS + TRY_DEALLOC) || c->what == ENDS + FREE_ALIGNED_SIZED) &&
             (uintptr_t)c->p % c->align)
        why |= BIT(TSP_MISALIGNED);
    if (is_resize(c) && !why && c->size > m->k.total) why = BIT(TSP_NO_MEMORY);
    if (c->what == RESIZES + IN_PLACE) { /* to and from nothing it would have to move */
        if (c->size ? nothing : !nothing) why |= good_align ? BIT(TSP_NO_MEMORY) : 0;
        if (!nothing && c->old == 0) why |= BIT(TSP_WRONG_SIZE);
    }
    return why;
}

/* -- Honest ------------------------------------------------------------------------------------------------------- */

static void expect_refusal(oracle *m, const call *c, unsigned why) {
    tsp_usage before = V_(usage)(&m->k.heap), after;
    unsigned char *q;
    tsp_status status;
    remember(&m->k);
    status = perform(&m->k.heap, c, &q);
    CHECK(why & BIT(status));
    CHECK(q == NULL && is_unchanged(&m->k));
    after = V_(usage)(&m->k.heap);
    CHECK(after.failed - before.failed <= (status == TSP_NO_MEMORY));
    m->failed = m->failed_at_most = before.failed = after.failed;
    CHECK(memcmp(&before, &after, sizeof before) == 0);
}

/* NULL, or an object of size 0: done if there is room. */
static void use_nothing(oracle *m, const call *c) {
    size_t size = is_resize(c) ? c->size : 0;
    int fits = size && can_place(m, size, c->align), must = fits && must_place(m, size, c->align);
    unsigned char *q;
    tsp_status status;
    remember(&m->k);
    status = perform(&m->k.heap, c, &q);
    CHECK(status == (fits || !size ? TSP_OK : TSP_NO_MEMORY) || (!must && size && status == TSP_NO_MEMORY));
    if (fits && status == TSP_OK) {
        if (CHECK(q && is_placed(&m->k, q, size, c->align))) enlist(m, q, size, c->align);
    } else if (size) {
        check_refusal(m, 1);
    } else {
        CHECK(is_unchanged(&m->k));
    }
}

/* An object, exactly, and nothing is wrong. */
static void use_object(run *r, const call *c) {
    oracle *m = &r->m;
    size_t i = index_of(m, c->p);
    if (c->what == USABLE_SIZE) {
        CHECK(V_(usable_size)(&m->k.heap, c->p) == round_up(m->live[i].size));
        return;
    }
    r->ended[r->ends++ % 4] = m->live[i];
    if (!is_untold(c)) m->live[i].size = c->old; /* another size that takes as much will do */
    if (is_end(c)) {
        end_object(m, c->what - ENDS, i);
    } else if (c->size) {
        resize_object(m, c->what - RESIZES, i, c->size, c->align);
    } else {
        unsigned char *q;
        delist(m, i);
        CHECK(perform(&m->k.heap, c, &q) == TSP_OK);
        check_nothing(m, q, c->align);
    }
}

/* -- Hostile ------------------------------------------------------------------------------------------------------ */

/* The objects are now kept in any order, and may overlap. */
static void survive(run *r, const call *c) {
    oracle *m = &r->m;
    unsigned char *q;
    tsp_status status = perform(&m->k.heap, c, &q);
    size_t i = index_of(m, c->p), align = c->align;
    if (status == TSP_OK && i < m->count && (is_end(c) || is_resize(c))) {
        r->ended[r->ends++ % 4] = m->live[i];
        m->live[i] = m->live[--m->count];
    }
    if (q == NULL || c->size == 0 || is_end(c)) return;
    if (is(c, RESIZES + IN_PLACE, RESIZES + REALLOCARRAY)) align = 1; /* what need not move keeps what it has */
    if (!CHECK(c->size <= m->k.total && is_placed(&m->k, q, c->size, align))) return;
    fill(q, 0, c->size, m->seed);
    if (m->count < m->room) {
        object o = {offset_of(m, q), c->size, c->align, m->seed++};
        m->live[m->count++] = o;
    }
}

static void make_call(run *r, call *c) {
    oracle *m = &r->m;
    c->count = c->each = 0;
    if (c->what == CALLOC || c->what == RESIZES + REALLOCARRAY) {
        size_t b = eat(r);
        c->count = c->size;
        c->each = b < 128               ? b % 4
                  : b < 192 && c->count ? SIZE_MAX / c->count + 2 /* wraps, to a little */
                                        : SIZE_MAX / 8;
        c->size = c->each && c->count > SIZE_MAX / c->each ? SIZE_MAX : c->count * c->each;
    }
    if (is(c, MALLOC, REALLOC_NULL) || is(c, RESIZES + REALLOC, RESIZES + REALLOCARRAY))
        c->align = malloc_align(c->size);
    if (is_end(c)) c->size = 0;
    if (is_end(c) && is_untold(c)) c->align = 1;
    if (c->what == USABLE_SIZE || c->what == ENDS + FREE_SIZED) c->align = 1;
    if (!r->hostile) {
        unsigned why = refusals(m, c);
        size_t i = index_of(m, c->p);
        int exact = i < m->count && (is_untold(c) || takes_as_much(&m->live[i], c->old));
        if (why) expect_refusal(m, c, why);
        else if (c->what < ENDS) make_object(m, c->what, c->size, c->align);
        else if (is_nothing(m, c)) use_nothing(m, c);
        else if (exact) use_object(r, c);
        else r->hostile = 1; /* all the bytes are live: a sized heap cannot know */
    }
    if (r->hostile) survive(r, c);
}

/* -- Instructions ------------------------------------------------------------------------------------------------- */

/* A pointer of some kind, with the size and alignment to say for it. */
static void eat_pointer(run *r, unsigned with, call *c) {
    const oracle *m = &r->m;
    size_t b = eat(r);
    const object *o = with == 4 ? &r->ended[b % 4] : m->count ? &m->live[b % m->count] : NULL;
    c->p = NULL;
    c->old = 0;
    c->align = 1;
    if (with <= 4) {
        if (o == NULL) return;
        c->p = m->k.base + o->start;
        c->old = o->size;
        c->align = o->align;
        if (with < 3 || with == 4) return;
    } else if (with == 5) {
        c->p = m->k.base + b * GRANULE;
    } else if (with == 6) {
        c->p = m->k.where.memory + b + (size_t)eat(r) * 256 - 16;
    } else {
        const uintptr_t base = (uintptr_t)m->k.base, heap = (uintptr_t)&m->k.heap;
        const uintptr_t strange[] = {0, 1, 8, heap, base - GRANULE, base + m->k.total, (uintptr_t)r, 0 - GRANULE};
        c->p = (unsigned char *)strange[b % 8];
    }
    c->old = eat_size(r);
    c->align = eat_align(r);
}

/* An empty heap of which the oracle knows nothing yet. */
static void forget(run *r) {
    oracle *m = &r->m;
    m->count = m->used = m->failed = m->failed_at_most = 0;
    m->low = m->low_at_least = m->k.total;
    memset(r->ended, 0, sizeof r->ended);
    r->hostile = 0;
}

static const kitchen *supplied;

static void *supply(size_t *size) {
    *size = supplied->where.size;
    return supplied->where.memory;
}

static void begin(run *r, unsigned how) {
    kitchen *k = &r->m.k;
    k->sized = how & 1;
    k->total = usable((uintptr_t)k->where.memory, k->where.size, k->sized);
    is_counting = has_index(k->total / GRANULE);
    supplied = k;
    if (how & 4) memset(&k->heap, 0, sizeof k->heap);
    if (!(how & 4)) CHECK(start_heap(&k->heap, k->where.memory, k->where.size, k->sized) == k->total);
    else if (how & 2) CHECK(V_(once)(&k->heap, supply, k->sized) == &k->heap);
    else CHECK(V_(once_over)(&k->heap, k->where.memory, k->where.size, k->sized) == &k->heap);
    CHECK(V_(once_over)(&k->heap, NULL, 0, !k->sized) == &k->heap); /* it is made, so nothing happens */
    forget(r);
}

typedef struct stroll {
    const kitchen *k;
    size_t at, left; /* how far it has come, and how many visits it has left */
} stroll;

static int pass(void *context, void *start, size_t size, tsp_kind kind) {
    stroll *s = context;
    size_t at = (size_t)((uintptr_t)start - (uintptr_t)s->k->base);
    CHECK(at == s->at && size <= s->k->total - at && size > 0 && kind <= TSP_LIVE);
    s->at = at + size;
    return --s->left == 0 ? 7 : 0;
}

/* Every question that can be asked. */
static void look(run *r, const call *c, size_t visits) {
    oracle *m = &r->m;
    TSP_V *heap = &m->k.heap;
    size_t widest = V_(largest)(heap, c->align);
    tsp_usage u = V_(usage)(heap);
    stroll s = {&m->k, 0, visits + 1};
    int stopped = V_(walk)(heap, pass, &s);
    tsp_report report = V_(check)(heap);
    CHECK(stopped == (s.left ? 0 : 7));
    CHECK(stopped || s.at == m->k.total);
    CHECK(widest <= m->k.total && u.largest <= m->k.total && u.total == m->k.total);
    CHECK((report.status == TSP_OK) == (report.what == NULL) && report.at <= m->k.total);
    CHECK(V_(contains)(heap, c->p) == (offset_of(m, c->p) < m->k.total));
    if (r->hostile) return;
    CHECK(widest == (is_power_of_two(c->align) ? widest_gap(m, c->align) : 0));
    CHECK(report.status == TSP_OK);
}

/* As if another thread held the lock. */
static void find_it_locked(run *r, const call *c) {
    unsigned long state;
    remember(&r->m.k);
    state = V_(lock)(&r->m.k.heap);
    CHECK(V_(try_alloc)(&r->m.k.heap, c->old, 8) == NULL);
    if (is_power_of_two(c->align) && (uintptr_t)c->p % c->align == 0)
        CHECK(V_(try_dealloc)(&r->m.k.heap, c->p, c->old, c->align) == TSP_BUSY);
    V_(unlock)(&r->m.k.heap, state);
    CHECK(is_unchanged(&r->m.k));
}

/* The end of the hole that is to be found, or of the last. */
typedef struct quest {
    unsigned char *end;
    size_t left;
} quest;

static int seek(void *context, void *start, size_t size, tsp_kind kind) {
    quest *q = context;
    if (kind == TSP_HOLE) q->end = (unsigned char *)start + size;
    return kind == TSP_HOLE && q->left-- == 0;
}

/* A link of a hole, or one anywhere. */
static void damage_link(run *r, unsigned field) {
    const kitchen *k = &r->m.k;
    size_t link = GRANULE / 2, which = eat(r), at, b, value;
    quest q = {NULL, which % 8};
    V_(walk)(&r->m.k.heap, seek, &q);
    if (field < 6 && q.end) at = offset_of(&r->m, q.end) - GRANULE * (1 + field / 2);
    else at = which % (k->total / GRANULE) * GRANULE;
    at += field % 2 * link;
    b = eat(r);
    value = eat(r);
    if (b < 64) value = 0 - value;
    else if (b < 128) value = k->total / GRANULE - value;
    else if (b >= 192) value |= b << 8 | b << 16;
    if (at > k->total - link) return;
    for (size_t i = 0; i < link; i++) k->base[at + i] = (unsigned char)(value >> 8 * i);
}

static void damage(run *r, unsigned what, unsigned with) {
    kitchen *k = &r->m.k;
    size_t at;
    if (k->total == 0) return;
    r->hostile = 1;
    if (what == 2) {
        damage_link(r, with);
        return;
    }
    at = eat_two(r) % k->where.size;
    if (what == 0) k->where.memory[at] ^= (unsigned char)(1u << with);
    else
        for (size_t i = at; i < k->where.size && i <= at + with; i++) k->where.memory[i] = (unsigned char)eat(r);
}

enum { LOOK = CALLS, RESET, BEGIN, DAMAGE, SEVERAL = DAMAGE + 3, EVERY_OTHER, LOCKED };

static void step(run *r) {
    unsigned b = eat(r), with = b >> 5;
    size_t n;
    call c = {(int)(b & 31), NULL, 0, 0, 1, 0, 0};
    switch (c.what) {
    case RESET:
        V_(reset)(&r->m.k.heap);
        forget(r);
        break;
    case BEGIN: begin(r, with); break;
    case DAMAGE:
    case DAMAGE + 1:
    case DAMAGE + 2: damage(r, b % 32 - DAMAGE, with); break;
    case SEVERAL: /* objects of one size */
        c.what = ALLOC;
        c.align = (size_t)1 << with;
        c.size = eat_size(r);
        for (n = eat(r); n && !test_failures; n--) make_call(r, &c);
        break;
    case EVERY_OTHER: /* is freed: holes */
        n = eat(r);
        c.what = ENDS + DEALLOC;
        for (size_t i = r->m.count; i > with && n && !test_failures; i = i > with + 1 ? i - with - 1 : 0, n--) {
            const object *o = i <= r->m.count ? &r->m.live[i - 1] : NULL;
            if (o == NULL) break;
            c.p = r->m.k.base + o->start;
            c.old = o->size;
            c.align = o->align;
            make_call(r, &c);
        }
        break;
    case LOOK:
        eat_pointer(r, with, &c);
        c.align = eat_align(r);
        look(r, &c, eat(r));
        break;
    case LOCKED:
        eat_pointer(r, with, &c);
        find_it_locked(r, &c);
        break;
    default:
        if (c.what >= CALLS) c.what = c.what % 2 ? ALLOC : ENDS + DEALLOC;
        if (c.what < ENDS) {
            c.size = eat_size(r);
            c.align = with ? (size_t)1 << (with - 1) : eat_align(r);
        } else {
            eat_pointer(r, with, &c);
            if (is_resize(&c)) c.size = eat_size(r);
            if (with == 2) c.align = eat_align(r);
        }
        make_call(r, &c);
    }
    count_steps(NULL);
    misuse.count = 0;
    if (r->hostile) CHECK(guards_hold(&r->m.k.where));
    else settle(&r->m);
    stop_if_failed();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    run r;
    unsigned how, high;
    size_t bytes;
    (void)test_last;
    memset(&r, 0, sizeof r);
    r.next = input;
    r.end = input + size;
    how = eat(&r);
    bytes = eat(&r);
    high = eat(&r);
    bytes = high < 192 ? (bytes + high * 256) % 600 : (bytes + high * 256) % 6000;
    test_note[0] = '\0';
    test_failures = 0;
    r.m = open_oracle(bytes, how >> 4, 1); /* sized: as many objects as there can be */
    begin(&r, how & 7);
    while (r.next < r.end) step(&r);
    if (!r.hostile) CHECK(is_sound(&r.m.k));
    drop_region(&r.m.k.where);
    free(r.m.k.image);
    free(r.m.live);
    CHECK(all_steps > 0); /* else nobody counts */
    stop_if_failed();
    return 0;
}

#ifdef REPLAY
int main(int argc, char **argv) {
    static uint8_t input[1 << 16];
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL) {
            perror(argv[i]);
            return 2;
        }
        fprintf(stderr, "%s\r", argv[i]); /* the last one seen is the one that broke it */
        alarm(TEST_SECONDS);
        LLVMFuzzerTestOneInput(input, fread(input, 1, sizeof input, file));
        fclose(file);
    }
    fprintf(stderr, "\n");
    printf("%d inputs replayed", argc - 1);
    if (most_steps) printf(", at most %lu steps of %d in a call", most_steps, BUDGET);
    printf("\n");
    return 0;
}
#endif
