/* Every state and every call. Breadth first from the empty heap: in each state that calls can lead to, every call is
 * made that makes, ends or resizes an object, and its answer, every byte of the heap, the statistics and the guards
 * around it are held against layout.h, which says exactly what they must be. So it is shown, for heaps of this size,
 * that
 *
 *   - a call fails only if there is no placement, and then changes nothing;
 *   - the engine keeps nothing that is not told by the layout of the live objects and, in a heap with an index, by
 *     the order in which holes came into their bins and the place of the rover;
 * states that differ in these count as different, and all that can be reached are visited;
 *   - free bytes that hold no links do not matter: they are different in every state.
 *
 * On a failure it prints the shortest sequence of calls that leads there.
 *
 *     -DMOST=16        granules of the largest heap (8 here, in `make test`; `make proof` has more), and of
 *                      the largest one in which every misuse and every bit is tried (-DMOST_MISUSED, -DMOST_FLIPPED)
 *     -DTSP_INDEX_FROM, -DTSP_CHUNK, -DTSP_FAN, -DTSP_EXACT_BITS
 *                      see chunks.h and bins.h: an index in heaps as small as these
 * SPDX-License-Identifier: BSD-3-Clause */
#ifndef MOST
#define MOST 8
#endif
#ifndef MOST_MISUSED
#define MOST_MISUSED (has_index(4) ? 5 : 6)
#endif
#ifndef MOST_FLIPPED
#define MOST_FLIPPED (has_index(4) ? 4 : 6)
#endif
#include "scenes.h"

enum {
    PLENTY = CAN_INDEX && TSP_INDEX_FROM < 6 ? 5 : 6, /* granules: every size in bytes is tried, at every offset */
    STEP = TSP_ROUND > OF_FAMILY(GRANULE_) ? 2 : 1 /* granules: all the heap can be one object */
};

/* -- Every call --------------------------------------------------------------------------------------------------- */

/* The next size to try: every one in small heaps; else one of each number of granules, not always the same. */
static size_t next_size(size_t bytes) {
    size_t most = round_up(bytes) + 1, after;
    if (granules <= PLENTY) return bytes + 1;
    for (after = most; round_up(after + 1) == round_up(most);) after++;
    return most + turn % (after - most + 1);
}

static size_t next_align(size_t align) {
    if (granules <= PLENTY || align >= GRANULE) return align * 2;
    return GRANULE * 2;
}

/* Some size that the object [a, b) may have been asked for. */
static size_t size_of(unsigned a, unsigned b) {
    size_t bytes = (b - a) * GRANULE;
    while (bytes > 1 && round_up(bytes - 1) == (b - a) * GRANULE && turn % 3) {
        bytes--;
        turn++;
    }
    return bytes;
}

static void all_calls(void) {
    const size_t first = granules <= PLENTY ? 1 : (size_t)1 << turn % 3;
    look();
    for (size_t bytes = 1; bytes <= granules * GRANULE + 1 && !test_failures; bytes = next_size(bytes))
        for (size_t align = first; align <= 16; align = next_align(align)) make(bytes, align);
    for (set s = now.begins; s && !test_failures; s &= s - 1) {
        const unsigned a = lowest(s), b = object_end(&now, a);
        for (size_t i = 0; i < (k.sized ? 3 : 7); i++) end(a, size_of(a, b));
        for (size_t bytes = 1; bytes <= granules * GRANULE + 1 && !test_failures; bytes = next_size(bytes)) {
            for (size_t align = first; align <= 16; align = next_align(align)) {
                resize(RESIZE, a, size_of(a, b), bytes, align);
                resize(IN_PLACE, a, size_of(a, b), bytes, align);
            }
            if (!k.sized) {
                size_t natural = 1;
                while (natural * 2 <= bytes && natural * 2 <= TSP_MALLOC_ALIGN) natural *= 2;
                resize(REALLOC, a, 0, bytes, natural);
            }
        }
    }
}

/* -- Every misuse ------------------------------------------------------------------------------------------------- */

/* What a heap can know of `at`, bytes from its first granule, being an object of so many bytes: the table of DESIGN.md
 * section 7. UNSURE: a sized heap must believe it, but it is wrong. */
enum { UNSURE = -1 };

static int verdict(size_t at, size_t bytes, int any) {
    const unsigned a = (unsigned)(at / GRANULE), n = in_granules(bytes);
    unsigned b;
    if (at >= granules * GRANULE) return bytes == 0 && !any ? TSP_OK : TSP_FOREIGN;
    if (at % GRANULE) return TSP_MISALIGNED;
    if (!k.sized) {
        if (!(now.live >> a & 1)) return TSP_ALREADY_FREE;
        if (!(now.begins >> a & 1)) return TSP_INTERIOR;
        return any || object_end(&now, a) == a + n ? TSP_OK : TSP_WRONG_SIZE;
    }
    if (n == 0 || n > granules - a) return TSP_WRONG_SIZE;
    b = a + n;
    if (from_to(a, b) & ~now.live) return TSP_ALREADY_FREE;
    return now.begins >> a & 1 && object_end(&now, a) == b ? TSP_OK : UNSURE;
}

static unsigned long refused, believed;

/* Judges one call: what it said, and that a refusal changed nothing. */
static void judge(int expected, int said, unsigned char *p, call by, const char *what) {
    if (expected == UNSURE) { /* believed, and the heap is sound, though not what its owner thinks */
        believed++;
        CHECK(said != TSP_CORRUPT && V_(check)(&k.heap).status == TSP_OK);
        return;
    }
    if (expected == TSP_OK) return; /* that is for all_calls to judge */
    refused++;
    if (!CHECK(said == expected)) printf("    %s: %d instead of %d\n", what, said, expected);
    if (misuse.count) CHECK(misuse.heap == &k.heap && misuse.pointer == p);
    stay_here(0, by);
}

/* What the last call reported, if it cannot return a status. */
static int reported(void) {
    return misuse.count == 1 ? (int)misuse.status : misuse.count ? TSP_CORRUPT : TSP_OK;
}

static void prepare(void) {
    again();
    misuse.count = 0;
}

#define MISUSE(expected, said)                                                                                         \
    do {                                                                                                               \
        prepare();                                                                                                     \
        judge(expected, (int)(said), p, by, #said);                                                                    \
    } while (0)

static void misuse_of(size_t at, size_t bytes) {
    const call by = {END, (unsigned char)(at / GRANULE), (unsigned short)bytes, (unsigned short)(at % GRANULE)};
    unsigned char *p = (unsigned char *)((uintptr_t)k.base + at);
    TSP_V *h = &k.heap;
    const int v = verdict(at, bytes, 0), in_place = v == TSP_OK && bytes == 0 ? TSP_NO_MEMORY : v;
    MISUSE(v, V_(dealloc)(h, p, bytes, 1));
    MISUSE(v, V_(try_dealloc)(h, p, bytes, 1));
    MISUSE(TSP_BAD_ALIGNMENT, V_(dealloc)(h, p, bytes, 0));
    MISUSE(TSP_BAD_ALIGNMENT, V_(dealloc)(h, p, bytes, 3));
    if ((uintptr_t)p % 64) MISUSE(TSP_MISALIGNED, V_(dealloc)(h, p, bytes, 64));
    MISUSE(TSP_BAD_ALIGNMENT, V_(resize_in_place)(h, p, bytes, GRANULE, 3));
    MISUSE(in_place, V_(resize_in_place)(h, p, bytes, GRANULE, 1));
    MISUSE(in_place, V_(resize_in_place)(h, p, bytes, bytes + GRANULE, 1));
    MISUSE(v, V_(resize_in_place)(h, p, bytes, 0, 1));
    if (bytes || at < granules * GRANULE) {
        MISUSE(v, (V_(resize)(h, p, bytes, 0, 1), reported()));
        MISUSE(v, (V_(resize)(h, p, bytes, GRANULE, 1), reported()));
        MISUSE(v, (V_(resize)(h, p, bytes, granules * GRANULE, 1), reported()));
        MISUSE(v, (V_(resize_zeroed)(h, p, bytes, bytes + 1, GRANULE), reported()));
        MISUSE(TSP_BAD_ALIGNMENT, (V_(resize)(h, p, bytes, GRANULE, 0), reported()));
    }
    MISUSE(k.sized ? TSP_SIZED_HEAP : v, (V_(free_sized)(h, p, bytes), reported()));
    MISUSE(k.sized ? TSP_SIZED_HEAP : v, (V_(free_aligned_sized)(h, p, 1, bytes), reported()));
}

static void misuse_at(size_t at) {
    const call by = {END, (unsigned char)(at / GRANULE), 0, (unsigned short)(at % GRANULE)};
    unsigned char *p = (unsigned char *)((uintptr_t)k.base + at);
    TSP_V *h = &k.heap;
    const int v = k.sized ? TSP_SIZED_HEAP : verdict(at, 0, 1);
    MISUSE(v, (V_(free)(h, p), reported()));
    MISUSE(v, (V_(realloc)(h, p, 0), reported()));
    MISUSE(v, (V_(realloc)(h, p, GRANULE), reported()));
    MISUSE(v, (V_(reallocarray)(h, p, granules, GRANULE), reported()));
    MISUSE(v, (V_(usable_size)(h, p), reported()));
}

/* Every pointer into the heap and a little beyond, with every size in granules, none, and too many. */
static void all_misuse(void) {
    const size_t beyond = GRANULE + 1, end = granules * GRANULE + beyond;
    all_calls();
    for (size_t at = 0 - beyond; at != end && !test_failures; at++) {
        misuse_at(at);
        misuse_of(at, 0);
        for (size_t bytes = GRANULE; bytes <= granules * GRANULE + GRANULE; bytes += GRANULE)
            misuse_of(at, bytes - turn % GRANULE);
        misuse_of(at, SIZE_MAX);
        misuse_of(at, SIZE_MAX - GRANULE);
    }
    misuse.count = 0;
}

/* -- Every bit ----------------------------------------------------------------------------------------------------- */

enum { F_GAP, F_SIZE, F_LINK, F_MAP, F_INDEX, F_ROVER, F_SPARE, F_FREE, F_LIVE, FIELDS };
static const char *const field_names[] = {
    "gap", "size", "links of bins", "map", "index", "rover", "between them", "other free bytes", "live bytes"};
static struct {
    unsigned long bits, checked, called; /* flipped; noticed by check; refused by a call that was right */
} flips[FIELDS];
static unsigned long calls_on_damage, old_nodes;

/* What a bit of the index is for. */
static int field_of_index(size_t at, unsigned bit) {
    unsigned char bytes[4] = {0};
    uint32_t word;
    const size_t rover = index_part(granules, INDEX_ROVER), heads = index_part(granules, INDEX_HEADS);
    const size_t lasts = index_part(granules, INDEX_LASTS), levels = index_part(granules, INDEX_LEVELS);
    if (at >= rover && at < heads) return F_ROVER;
    if (at >= heads + count_bins() * GRANULE / 2 && at < lasts) return F_SPARE;
    if (at >= lasts + count_chunks(granules) && at < levels) return F_SPARE;
    bytes[at % 4] = (unsigned char)(1u << bit);
    memcpy(&word, bytes, 4);
    return at >= levels && word >> (TSP_FAN - 1) > 1 ? F_SPARE : F_INDEX;
}

/* What a bit of the byte at `at` is for. */
static int field_of(size_t at, unsigned bit) {
    const unsigned g = (unsigned)(at / GRANULE);
    const int second = at % GRANULE >= GRANULE / 2;
    const size_t index = index_at(granules, k.sized);
    unsigned start = 0, end = 0;
    if (g >= granules && at < granules * GRANULE + (k.sized ? 0 : (granules + 7) / 8)) return F_MAP;
    if (g >= granules) return at < index ? F_SPARE : field_of_index(at - index, bit);
    if (now.live >> g & 1) return F_LIVE;
    do hole_from(&now, end, &start, &end);
    while (end <= g);
    if (g == end - 1) return second ? F_SIZE : F_GAP;
    return g == start && has_index(granules) ? F_LINK : F_FREE;
}

static int is_inside(const void *p, size_t bytes) {
    const size_t at = (size_t)((uintptr_t)p - (uintptr_t)k.base);
    return p == NULL || (at < granules * GRANULE && round_up(bytes) <= granules * GRANULE - at && at % GRANULE == 0);
}

static int see_inside(void *context, void *start, size_t size, tsp_kind kind) {
    (void)context, (void)kind;
    CHECK(is_inside(start, 1) && size <= granules * GRANULE - (size_t)((unsigned char *)start - k.base));
    return 0;
}

/* A few calls more, as a program would go on. */
static void go_on(void) {
    TSP_V *h = &k.heap;
    const set first = now.begins & (0 - now.begins);
    void *p = V_(alloc)(h, GRANULE, 1);
    CHECK(is_inside(p, GRANULE));
    if (first) V_(dealloc)(h, address(lowest(first)), (object_end(&now, lowest(first)) - lowest(first)) * GRANULE, 1);
    p = V_(alloc)(h, 2 * GRANULE, 1);
    CHECK(is_inside(p, 2 * GRANULE));
    V_(check)(h);
    CHECK(guard_holds(k.where.memory - 16) && guard_holds(k.where.memory + k.where.size));
}

/* One call in the damaged heap; `noticed` if it was refused though nothing is wrong with it. */
#define DAMAGED(call)                                                                                                  \
    do {                                                                                                               \
        prepare();                                                                                                     \
        k.base[at] ^= (unsigned char)(1u << bit);                                                                      \
        q = NULL, bytes = 1, status = TSP_OK;                                                                          \
        call;                                                                                                          \
        CHECK(is_inside(q, bytes));                                                                                    \
        if (misuse.count || status > TSP_NO_MEMORY) noticed = 1;                                                       \
        go_on();                                                                                                       \
        calls_on_damage++;                                                                                             \
    } while (0)

/* Whether the gap at `at` leads to a free granule that is no hole's last, but in which a node's bytes are left over from
 * before. Then every invariant may hold, and V_check can not know better. */
static int leads_to_old_node(size_t at) {
    const unsigned end = (unsigned)(at / GRANULE) + 1;
    const size_t gap = got(link_at(k.base, &k.heap, end, GAP)) + (size_t)1, next = end + gap;
    return next <= granules && field_of((next - 1) * GRANULE, 0) == F_FREE &&
           got(link_at(k.base, &k.heap, (unsigned)next, SIZE)) - 1 < gap;
}

static void flip(size_t at, unsigned bit) {
    TSP_V *h = &k.heap;
    void *q;
    size_t bytes;
    tsp_status status;
    int found;
    unsigned long noticed = 0;
    const int field = field_of(at, bit);
    prepare();
    k.base[at] ^= (unsigned char)(1u << bit);
    flips[field].bits++;
    found = V_(check)(h).status == TSP_CORRUPT;
    flips[field].checked += (unsigned long)found;
    if (field == F_GAP && !found && leads_to_old_node(at)) old_nodes++;
    else if (field != F_SPARE && !CHECK(found == (field <= F_INDEX)))
        printf("    byte %lu, bit %u, %s\n", (unsigned long)at, bit, field_names[field]);
    DAMAGED(V_(usage)(h));
    DAMAGED(V_(largest)(h, 2 * GRANULE));
    DAMAGED(V_(walk)(h, see_inside, NULL));
    for (unsigned n = 1; n <= granules; n++) {
        DAMAGED(q = V_(alloc)(h, bytes = n * GRANULE, 1));
        DAMAGED(q = V_(alloc)(h, bytes = n * GRANULE, 16));
    }
    for (set s = now.begins; s; s &= s - 1) {
        const unsigned a = lowest(s), b = object_end(&now, a);
        const size_t had = (b - a) * GRANULE;
        DAMAGED(status = V_(dealloc)(h, address(a), had, 1));
        if (!k.sized) DAMAGED(V_(free)(h, address(a)));
        if (!k.sized) DAMAGED(V_(usable_size)(h, address(a)));
        for (unsigned n = 1; n <= granules; n += n > b - a ? 2 : 1) {
            DAMAGED(q = V_(resize)(h, address(a), had, bytes = n * GRANULE, 1));
            DAMAGED(status = V_(resize_in_place)(h, address(a), had, n * GRANULE, 1));
            if (!k.sized) DAMAGED(q = V_(realloc)(h, address(a), bytes = n * GRANULE));
        }
    }
    flips[field].called += noticed;
}

static void all_flips(void) {
    all_calls();
    for (size_t at = 0; at < now_size && !test_failures; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            const int field = field_of(at, bit);
            if ((field >= F_SPARE || (field == F_INDEX && MOST > MOST_FLIPPED)) && bit != turn % 8) continue;
            flip(at, bit);
        }
    }
    misuse.count = 0;
}

TEST_BOTH(every_state) {
    for (unsigned n = STEP; n <= MOST && !test_failures; n += STEP) {
        size_t states = 0;
        calls = 0;
        unsigned bases = 0;
        for (size_t offset = 0; offset < 16; offset += n <= PLENTY ? 1 : GRANULE, bases++)
            states += explore(n, offset, sized, all_calls);
        printf("%s, %s: %2u granules, %2u bases, %9lu states, %12lu calls, depth %2u\n", FAMILY,
               sized ? "sized" : "remembering", n, bases, (unsigned long)states, calls, depth);
    }
}

TEST_BOTH(every_misuse_in_every_state) {
    for (unsigned n = STEP; n <= MOST_MISUSED && !test_failures; n += STEP) {
        size_t states = 0;
        refused = believed = 0;
        for (size_t offset = 0; offset < 16; offset += GRANULE) states += explore(n, offset, sized, all_misuse);
        printf("%s, %s: %2u granules, %9lu states, %12lu calls refused with their reason, %10lu believed\n", FAMILY,
               sized ? "sized" : "remembering", n, (unsigned long)states, refused, believed);
    }
}

static double percent(unsigned long part, unsigned long of) {
    return of ? 100.0 * (double)part / (double)of : 0;
}

TEST_BOTH(every_bit_in_every_state) {
    const unsigned n = MOST_FLIPPED;
    size_t states;
    memset(flips, 0, sizeof flips);
    calls_on_damage = old_nodes = 0;
    states = explore(n, 0, sized, all_flips);
    printf("%s, %s: %2u granules, %9lu states, %12lu calls on a heap with one bit wrong\n", FAMILY,
           sized ? "sized" : "remembering", n, (unsigned long)states, calls_on_damage);
    for (int f = 0; f < FIELDS; f++)
        if (flips[f].bits)
            printf("    %-17s %9lu bits, check notices %5.1f %%, calls refuse to go on %5.1f %%\n", field_names[f],
                   flips[f].bits, percent(flips[f].checked, flips[f].bits), percent(flips[f].called, flips[f].bits));
    if (old_nodes) printf("    %lu gaps lead to old nodes, in heaps without a contradiction\n", old_nodes);
}
