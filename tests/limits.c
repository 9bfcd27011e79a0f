/* The limits, measured: what a region of any size and address yields, how many bytes the heap keeps for itself, the
 * smallest and largest objects and heaps, and the macros that say how large a heap must be. The table at the end is
 * printed beside the one of the Rust crate, and each row must be at least as good.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"

#include <sys/mman.h>

#define G GRANULE

/* -- Every small region -------------------------------------------------------------------------------------------- */

/* One region after the other at the same place, since there are so many. All around them is forbidden ground. */
static unsigned char ground[64 + 3 * PAGE];

static void try_region(unsigned char *memory, size_t size, int sized) {
    const size_t lead = (size_t)(0 - (uintptr_t)memory) % G, total = usable((uintptr_t)memory, size, sized);
    const size_t lost = size - total, more = behind((total + UNIT) / G, sized);
    TSP_V heap;
    unsigned char *p;
    size_t n = 0;
    CHECK(lost <= G - 1 + UNIT - 1 + more); /* before, and behind: a unit more, and its map and index, did not fit */
    PERMIT(memory, size);
    memset(&heap, 0xEE, sizeof heap);
    CHECK(start_heap(&heap, memory, size, sized) == total);
    CHECK(V_(usage)(&heap).total == total && V_(usage)(&heap).largest == total);
    CHECK(V_(alloc)(&heap, total + 1, 1) == NULL);
    p = V_(alloc)(&heap, total, 1); /* one object is all of it */
    if (total) {
        CHECK(p == memory + lead);
        CHECK(V_(contains)(&heap, p) && V_(contains)(&heap, p + total - 1));
        CHECK(!V_(contains)(&heap, p - 1) && !V_(contains)(&heap, p + total));
        memset(p, 0x77, total);
    }
    CHECK(V_(alloc)(&heap, 1, 1) == NULL && V_(check)(&heap).status == TSP_OK);
    if ((uintptr_t)memory % 64 < 8) { /* so are the smallest ones; more offsets bring nothing new */
        V_(reset)(&heap);
        while ((p = V_(alloc)(&heap, 1, 1)) != NULL) {
            if (!CHECK(p == memory + lead + n * G)) break;
            n++;
        }
        CHECK(n * G == total && V_(check)(&heap).status == TSP_OK);
    }
    memset(memory, 0xDB, size);
    FORBID(memory, size);
}

TEST_BOTH(every_region_up_to_4096_bytes) {
    unsigned char *first = ground + PAGE + (size_t)(0 - (uintptr_t)ground) % 64;
    unsigned long regions = 0;
    memset(ground, 0xDB, sizeof ground);
    FORBID(ground, sizeof ground);
    for (size_t size = 0; size <= 4096 && !test_failures; size++) {
        snprintf(test_note, sizeof test_note, "%lu bytes", (unsigned long)size);
        for (size_t offset = 0; offset < 64; offset++, regions++) try_region(first + offset, size, sized);
        PERMIT(ground, sizeof ground);
        CHECK(is_filled_with(ground, sizeof ground, 0xDB));
        FORBID(ground, sizeof ground);
    }
    PERMIT(ground, sizeof ground);
    printf("%lu regions, %s\n", regions, sized ? "sized" : "remembering");
}

/* A region so large that it is only mapped, not filled; NULL where the system does not give so much. */
static unsigned char *map_region(size_t size) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Some bytes less than the largest heap needs, and some more. Where size_t or the machine has no room for it, and for a
 * map of half a GiB, which would only take time, the table below tells how far we went. */
TEST_BOTH(regions_around_the_largest) {
    const size_t most = most_bytes(), marks = behind(most / G, sized), needs = most + marks;
    unsigned char *bytes = NULL;
    if (most <= SIZE_MAX / 4 && marks <= (size_t)1 << 24) bytes = map_region(needs + 3 * PAGE);
    if (bytes == NULL) return;
    for (size_t size = needs - 48; size <= needs + 48; size++)
        for (size_t offset = 0; offset < 16; offset++) {
            unsigned char *memory = bytes + PAGE + offset, *first = memory + (size_t)(0 - offset) % G, *end;
            const size_t total = usable((uintptr_t)memory, size, sized);
            TSP_V heap;
            CHECK(start_heap(&heap, memory, size, sized) == total);
            CHECK(total <= most && (total == most) == (size >= needs + (size_t)(first - memory)));
            CHECK(V_(alloc)(&heap, total + 1, 1) == NULL && V_(alloc)(&heap, total, 1) == first);
            CHECK(V_(alloc)(&heap, 1, 1) == NULL);
            CHECK(V_(dealloc)(&heap, first, total, 1) == TSP_OK && V_(usage)(&heap).largest == total);
            end = first + region_for(total, sized); /* the rest stays ours */
            CHECK(end <= memory + size && is_filled_with(end, PAGE, 0) && is_filled_with(bytes, PAGE + offset, 0));
            memset(first + total - 64, 0, (size_t)(end - (first + total)) + 64);
        }
    munmap(bytes, needs + 3 * PAGE);
}

/* A heap whose region would end beyond the address space, or begin at its very end, is the caller's mistake; but size
 * alone must not lead anywhere: what init returns never exceeds what was given. */
TEST_BOTH(init_never_returns_more_than_was_given) {
    for (size_t size = 0; size <= 3000; size += 7) {
        kitchen k = open_kitchen_at(size, size % 16, sized);
        CHECK(k.total <= size && k.total == round_down(k.total));
        close_kitchen(&k);
    }
}

TEST_BOTH(alignments_up_to_half_the_heap) {
    for (size_t total = 64; total <= 65536; total *= 4) {
        for (size_t align = 1; align <= total / 2; align *= 2)
            for (size_t offset = 0; offset < 64; offset += 12) {
                kitchen k = open_kitchen_at(total + total / 32 + 8, offset, sized);
                size_t most = V_(largest)(&k.heap, align);
                unsigned char *p = V_(alloc)(&k.heap, 1, align), *q;
                CHECK(is_placed(&k, p, 1, align));
                CHECK(V_(dealloc)(&k.heap, p, 1, align) == TSP_OK);
                q = V_(alloc)(&k.heap, most, align);
                CHECK(is_placed(&k, q, most, align));
                CHECK(q == p || most < k.total);
                CHECK(V_(dealloc)(&k.heap, q, most, align) == TSP_OK);
                CHECK(is_empty(&k));
                close_kitchen(&k);
            }
    }
}

TEST(malloc_aligns_as_c23_asks) {
    kitchen k = open_kitchen_at(4096, 4, 0);
    for (size_t size = 1; size <= 70; size++) {
        size_t align = 1;
        void *odd = V_(alloc)(&k.heap, 1, 1), *p = V_(malloc)(&k.heap, size), *q = V_(calloc)(&k.heap, 1, size);
        while (2 * align <= size && 2 * align <= TSP_MALLOC_ALIGN) align *= 2;
        CHECK(is_placed(&k, odd, 1, 1) && is_placed(&k, p, size, align) && is_placed(&k, q, size, align));
        p = V_(realloc)(&k.heap, p, size + 20);
        align = 1;
        while (2 * align <= size + 20 && 2 * align <= TSP_MALLOC_ALIGN) align *= 2;
        CHECK(is_placed(&k, p, size + 20, align));
        V_(free)(&k.heap, odd);
        V_(free)(&k.heap, p);
        V_(free)(&k.heap, q);
    }
    CHECK(is_empty(&k));
    close_kitchen(&k);
}

/* -- The macros --------------------------------------------------------------------------------------------------- */

static _Alignas(8) unsigned char sized_for_ten[BYTES_SIZED(10, 24, 8)]; /* constant expressions */
static _Alignas(8) unsigned char bytes_for_ten[BYTES(10, 24, 8)];
_Static_assert(sizeof sized_for_ten >= 240 && sizeof bytes_for_ten > sizeof sized_for_ten, "room for ten");
_Static_assert(BYTES(0, 8, 8) == 0 && BYTES_SIZED(9, 0, 8) == 0, "nothing costs nothing");

static int holds(size_t bytes, size_t n, size_t size, size_t align, int sized) {
    static struct { _Alignas(1024) unsigned char bytes[65536]; } room;
    TSP_V heap;
    if (!CHECK(bytes <= sizeof room)) return 0;
    start_heap(&heap, room.bytes, bytes, sized);
    while (n && V_(alloc)(&heap, size, align)) n--;
    return n == 0;
}

TEST_BOTH(macros_are_right_to_the_byte) {
    for (size_t n = 0; n <= 40; n = n < 10 ? n + 1 : n + 7)
        for (size_t size = 0; size <= 100; size += size < 20 ? 1 : 9)
            for (size_t align = 1; align <= 256; align *= 2) {
                size_t bytes = sized ? BYTES_SIZED(n, size, align) : BYTES(n, size, align);
                CHECK(holds(bytes, n, size, align, sized));
                if (n && size) CHECK(!holds(bytes - 1, n, size, align, sized));
                else CHECK(bytes == 0);
            }
    CHECK(holds(sized ? BYTES_SIZED(300, 33, 8) : BYTES(300, 33, 8), 300, 33, 8, sized));
    {
        TSP_V heap;
        if (sized) V_(init_sized)(&heap, sized_for_ten, sizeof sized_for_ten);
        else V_(init)(&heap, bytes_for_ten, sizeof bytes_for_ten);
        for (int i = 0; i < 10; i++) CHECK(V_(alloc)(&heap, 24, 8) != NULL);
    }
}

#define NEVER_INDEXED (FAMILY[4] == 'k') /* tsp4k */

/* Where a heap has an index it takes its bytes, and is not searched to the last hole. */
static int holds_in(unsigned char *memory, size_t bytes, size_t n, size_t size, size_t align, int sized) {
    TSP_V heap;
    start_heap(&heap, memory, bytes, sized);
    while (n && V_(alloc)(&heap, size, align)) n--;
    return n == 0;
}

TEST_BOTH(macros_count_the_index) {
    static const unsigned sizes[] = {1, 4, 8, 12, 20, 24, 40, 100, 700, 3000, 30000};
    unsigned char *block = malloc(1u << 21), *memory = block + (size_t)(0 - (uintptr_t)block) % 4096;
    if (!CHECK(block != NULL)) return;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t align = 1; align <= 256; align *= 2)
            for (size_t total = 32000; total < (GRANULE == 4 ? 200000u : 1200000u); total += total / 11 * 4) {
                const size_t size = sizes[s], takes = round_up(size), step = takes > align ? takes : align;
                const size_t n = total / step + 1, bytes = sized ? BYTES_SIZED(n, size, align) : BYTES(n, size, align);
                snprintf(test_note, sizeof test_note, "%lu of %lu, aligned to %lu", (unsigned long)n,
                         (unsigned long)size, (unsigned long)align);
                if (bytes / GRANULE > GRANULES || !CHECK(bytes < (1u << 21) - 4096)) continue;
                if (NEVER_INDEXED && n > 3000) continue; /* which takes its time */
                CHECK(holds_in(memory, bytes, n, size, align, sized));
                if (align <= 2 * GRANULE) CHECK(!holds_in(memory, bytes - 1, n, size, align, sized));
                else CHECK(bytes < (n + 2) * ((step + align - 1) / align * align) / 32 * 33 + 1000);
            }
    free(block);
}

/* Where the index gets another level of words, and where there is one at all: heaps of one object, to the byte. */
TEST(macros_count_every_level) {
    static const unsigned long at[] = {8192, 131072, 4194304, 134217728};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        for (long more = -6; more <= 6; more += 2) {
            const size_t n = at[i] + (size_t)more, bytes = BYTES_SIZED(1, n * GRANULE, 1);
            unsigned char *memory;
            TSP_V heap;
            if (n > GRANULES || n > SIZE_MAX / 2 / GRANULE || (memory = map_region(bytes)) == NULL) continue;
            CHECK(V_(init_sized)(&heap, memory, bytes) == n * GRANULE);
            CHECK(V_(init_sized)(&heap, memory, bytes - 1) < n * GRANULE);
            if (at[i] < 134217728) { /* whose map takes its time */
                const size_t with_map = BYTES(1, n * GRANULE, 1);
                munmap(memory, bytes);
                if ((memory = map_region(with_map)) == NULL) continue;
                CHECK(V_(init)(&heap, memory, with_map) == n * GRANULE);
                CHECK(V_(init)(&heap, memory, with_map - 1) < n * GRANULE);
                munmap(memory, with_map);
            } else munmap(memory, bytes);
        }
}

/* Of the bytes that are handed out init writes a granule at each end, with a map and an index or without. */
TEST_BOTH(init_leaves_the_bytes_alone) {
    for (size_t size = 0; size < 90000; size += size < 200 ? 1 : 9973) {
        region where = make_region(size, size % 8);
        TSP_V heap;
        const size_t total = start_heap(&heap, where.memory, size, sized);
        const unsigned char *base = where.memory + (size_t)(0 - (uintptr_t)where.memory) % GRANULE;
        if (total > 2 * GRANULE) CHECK(is_filled_with(base + GRANULE, total - 2 * GRANULE, 0xDB));
        V_(reset)(&heap);
        if (total > 2 * GRANULE) CHECK(is_filled_with(base + GRANULE, total - 2 * GRANULE, 0xDB));
        drop_region(&where);
    }
}

/* -- What V_alloc is sure to find ---------------------------------------------------------------------------------- */

typedef struct wanted {
    size_t size, align, takes, granules;
    int fits, sure; /* a hole it fits into; one it is sure to find */
} wanted;

static int look_for_place(void *context, void *start, size_t size, tsp_kind kind) {
    wanted *w = context;
    const size_t lead = (size_t)(0 - (uintptr_t)start) % w->align;
    if (kind != TSP_HOLE || lead > size || size - lead < w->takes) return 0;
    w->fits = 1;
    if (w->granules < 8192 || NEVER_INDEXED) w->sure = 1;
    if (2 * size >= 3 * (w->takes + w->align) || (w->takes < 256 && w->align <= GRANULE)) w->sure = 1;
    return w->sure;
}

/* Objects of all sizes come and go in a nearly full heap, small and large. */
TEST_BOTH(alloc_finds_what_it_is_sure_to_find) {
    enum { MOST = 3000 };
    static struct {
        unsigned char *at;
        size_t size;
    } live[MOST];
    static const size_t granules[] = {8000, 8192, 20000};
    unsigned long failed = 0, though = 0;
    for (size_t g = 0; g < sizeof granules / sizeof *granules; g++) {
        const size_t total = granules[g] * GRANULE;
        region where = make_region(sized ? BYTES_SIZED(1, total, 1) : BYTES(1, total, 1), 0);
        TSP_V heap;
        dice d = 5 + g;
        CHECK(start_heap(&heap, where.memory, where.size, sized) == total);
        memset(live, 0, sizeof live);
        for (unsigned turn = 0; turn < 60000; turn++) {
            const unsigned i = roll(&d, MOST), shape = roll(&d, 8);
            wanted w = {0, 0, 0, granules[g], 0, 0};
            w.size = 1 + roll(&d, shape < 5 ? 60 : shape < 7 ? 700 : 4000);
            w.align = (size_t)1 << roll(&d, shape < 4 ? 3 : 8);
            if (live[i].at) CHECK(V_(dealloc)(&heap, live[i].at, live[i].size, 1) == TSP_OK);
            live[i].at = NULL;
            if (turn % 3 == 2) continue;
            live[i].size = w.size;
            live[i].at = V_(alloc)(&heap, w.size, w.align);
            if (live[i].at) continue;
            failed++;
            w.takes = round_up(w.size);
            V_(walk)(&heap, look_for_place, &w);
            though += w.fits != 0;
            if (!CHECK(!w.sure)) break;
        }
        CHECK(V_(check)(&heap).status == TSP_OK);
        drop_region(&where);
    }
    printf("%lu requests failed, %lu of them though they would have fitted\n", failed, though);
    CHECK(failed > 100);
}

/* Large enough for an index, and a granule or two less. */
TEST_BOTH(macros_are_right_for_large_heaps) {
    static struct { _Alignas(64) unsigned char bytes[300000]; } room;
    for (size_t granules = 8180; granules <= 32700; granules += granules < 8200 || granules > 32690 ? 1 : 817)
        for (size_t n = 1; n <= 900; n *= 30) {
            const size_t size = granules * G / n / UNIT * UNIT;
            const size_t bytes = sized ? BYTES_SIZED(n, size, 8) : BYTES(n, size, 8);
            for (size_t less = 0; less < 2; less++) {
                TSP_V heap;
                size_t made = 0;
                if (!CHECK(bytes <= sizeof room)) return;
                start_heap(&heap, room.bytes, bytes - less, sized);
                while (made < n && V_(alloc)(&heap, size, 8)) made++;
                CHECK((made == n) == !less);
            }
        }
    for (size_t bytes = UNIT; bytes <= most_bytes() && bytes <= SIZE_MAX / 4; bytes += bytes / 7 / UNIT * UNIT + UNIT)
        CHECK((sized ? BYTES_SIZED(1, bytes, UNIT) : BYTES(1, bytes, UNIT)) == region_for(bytes, sized));
}

/* -- The table ---------------------------------------------------------------------------------------------------- */

typedef struct row {
    unsigned long long arena, object, smallest, largest, heap;
} row;

/* The crate's limits, and what we promised ourselves for a sized heap. */
static const struct {
    const char *family;
    row crate, bound;
} promises[] = {
    {"tsp4k", {4, 4, 4, 4096, 8192}, {4, 0, 4, 4096, 8192}},
    {"tsp128k", {4, 6, 2, 131072, 131072}, {4, 0, 4, 131072, 131072}},
    {"tsp16m", {8, 8, 8, 16777216, 16777216}, {8, 0, 8, 16777216, 16777216}},
};

/* The largest heap that this machine lets us make, and that one object fills it to the last byte. A map for more than a
 * GiB would only take time. */
static void measure_largest(row *r, int sized) {
    size_t most = most_bytes();
    size_t size = most > SIZE_MAX / 2 ? (size_t)64 << 20 : most + most / 32 + 65536;
    if (!sized && size > (size_t)1 << 30) size = (size_t)1 << 30;
    unsigned char *bytes = map_region(size), *p;
    TSP_V heap;
    tsp_usage u;
    if (bytes == NULL) bytes = map_region(size = (size_t)64 << 20);
    if (!CHECK(bytes != NULL)) return;
    r->heap = start_heap(&heap, bytes, size, sized);
    CHECK(r->heap == usable((uintptr_t)bytes, size, sized));
    u = V_(usage)(&heap);
    CHECK(u.total == r->heap && u.free == r->heap && u.largest == r->heap);
    CHECK(V_(alloc)(&heap, (size_t)r->heap + 1, 1) == NULL);
    p = V_(alloc)(&heap, (size_t)r->heap, 1);
    CHECK(p == bytes);
    r->largest = p ? r->heap : 0;
    if (p) {
        p[0] = 1;
        p[r->heap - 1] = 2;
        CHECK(V_(alloc)(&heap, 1, 1) == NULL);
        CHECK(V_(check)(&heap).status == TSP_OK);
        if (r->heap > 1000) { /* and there is life in it */
            CHECK(V_(resize)(&heap, p, (size_t)r->heap, 100, 1) == p && p[0] == 1);
            CHECK(V_(largest)(&heap, 1) == r->heap - round_up(100));
            p = V_(alloc)(&heap, (size_t)r->heap - round_up(100), 1);
            CHECK(p == bytes + round_up(100));
            CHECK(V_(dealloc)(&heap, bytes, 100, 1) == TSP_OK);
            CHECK(V_(dealloc)(&heap, p, (size_t)r->heap - round_up(100), 1) == TSP_OK);
            CHECK(V_(usage)(&heap).largest == r->heap && V_(check)(&heap).status == TSP_OK);
        }
    }
    if (r->heap == most) { /* the bytes beyond are not ours */
        size_t end = region_for(most, sized);
        CHECK(is_filled_with(bytes + end, 4096, 0) && is_filled_with(bytes + size - 4096, 4096, 0));
    }
    munmap(bytes, size);
}

static row measure(int sized) {
    row r = {0, 0, 0, 0, 0};
    kitchen k = open_kitchen_at(8192, 0, sized);
    size_t n = 0;
    r.arena = 8192 - V_(usage)(&k.heap).largest;
    while (V_(alloc)(&k.heap, 1, 1)) n++;
    r.smallest = k.total / n;
    CHECK(k.total % n == 0);
    V_(reset)(&k.heap);
    for (n = 0; V_(alloc)(&k.heap, 8 * G, 1);) n++;
    r.object = (k.total - n * 8 * G) / n; /* whatever is not the objects' own */
    CHECK(k.total - n * 8 * G < 8 * G);
    V_(reset)(&k.heap);
    close_kitchen(&k);
    measure_largest(&r, sized);
    return r;
}

static void print_row(const char *who, row r) {
    printf("%-24s %6llu %6llu %8llu %13llu %13llu\n", who, r.arena, r.object, r.smallest, r.largest, r.heap);
}

TEST(limits_table) {
    row crate, bound, sized = measure(1), remembering = measure(0);
    size_t i = 0;
    while (strcmp(promises[i].family, FAMILY) != 0) i++;
    crate = promises[i].crate;
    bound = promises[i].bound;
    printf("%-24s %6s %6s %8s %13s %13s   (bytes)\n", "", "arena", "object", "smallest", "largest", "largest");
    printf("%-24s %6s %6s %8s %13s %13s\n", "", "ovhd", "ovhd", "object", "object", "heap");
    print_row("the crate's", crate);
    print_row(FAMILY " sized", sized);
    print_row(FAMILY " remembering", remembering);
    printf(
        "handle: %lu bytes with pointers of %lu; arena overhead: of 8192 bytes; largest heap: as large as was tried\n",
        (unsigned long)sizeof(TSP_V), (unsigned long)sizeof(void *));
    CHECK(sized.arena <= crate.arena && sized.arena <= bound.arena);
    CHECK(sized.object == 0 && remembering.object == 0);
    CHECK(sized.smallest <= bound.smallest && remembering.smallest <= bound.smallest);
    CHECK(sized.smallest <= crate.smallest + crate.object); /* its header counted, as it must be */
    CHECK(sized.largest >= crate.largest && sized.heap >= crate.heap);
    CHECK(remembering.largest >= crate.largest && remembering.heap >= crate.heap);
    CHECK(remembering.arena <= 8192 / (8 * G + 1) + 1 + UNIT - G + bound.arena); /* a bit per granule */
    CHECK(sizeof(TSP_V) <= 2 * sizeof(void *) + 40);
    if (sizeof(void *) == 4) CHECK(sizeof(TSP_V) <= (G == 4 ? 24 : 40));
}
