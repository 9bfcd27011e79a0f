/* Heaps that are already there: copied, saved, shared, kept over a reset, and damaged meanwhile.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "family.h"

#include <sys/mman.h>
#include <sys/wait.h>

enum {
    BYTES_KEPT = 1600 + (CAN_INDEX && TSP_INDEX_FROM < 400 ? 700 : 0),
    OBJECTS = 40,
    ALIGNED = 16,
    FORMAT_tsp4k = 64,
    FORMAT_tsp128k = 128,
    FORMAT_tsp16m = 192,
    FORMAT = OF_FAMILY(FORMAT_) + (TSP_ROUND > 4 ? 8 : 0) + (TSP_ROUND > 8 ? 16 : 0) + (TSP_GUARD_ ? 32 : 0)
};

/* Handle and bytes side by side, as a program would keep them. */
typedef struct shelf {
    TSP_V heap;
    unsigned char bytes[BYTES_KEPT] __attribute__((aligned(ALIGNED)));
    struct {
        size_t at, size; /* at: from the heap's bytes, as an address would not survive */
    } object[OBJECTS];
} shelf;

/* Objects of many sizes with holes between them. */
static void stock(shelf *s, int sized) {
    dice d = 11;
    start_heap(&s->heap, s->bytes, sizeof s->bytes, sized);
    for (unsigned i = 0; i < OBJECTS; i++) {
        size_t size = 1 + roll(&d, 50);
        unsigned char *object = V_(alloc)(&s->heap, size, 1u << roll(&d, 4));
        if (!CHECK(object != NULL)) continue;
        fill(object, 0, size, i);
        s->object[i].at = (size_t)(object - s->bytes);
        s->object[i].size = size;
    }
    for (unsigned i = 0; i < OBJECTS; i += 3) {
        CHECK(V_(dealloc)(&s->heap, s->bytes + s->object[i].at, s->object[i].size, 1) == TSP_OK);
        s->object[i].size = 0;
    }
}

/* Every object is what it was, and the heap one that can be used up and emptied. */
static void use_up(shelf *s) {
    void *more;
    for (unsigned i = 0; i < OBJECTS; i++) CHECK(keeps(s->bytes + s->object[i].at, s->object[i].size, i));
    while ((more = V_(alloc)(&s->heap, GRANULE, 1)) != NULL) memset(more, 0xEE, GRANULE);
    CHECK(V_(usage)(&s->heap).free == 0);
    for (unsigned i = 0; i < OBJECTS; i++) CHECK(keeps(s->bytes + s->object[i].at, s->object[i].size, i));
    for (unsigned i = 0; i < OBJECTS; i++)
        if (s->object[i].size) CHECK(V_(dealloc)(&s->heap, s->bytes + s->object[i].at, s->object[i].size, 1) == TSP_OK);
    CHECK(V_(check)(&s->heap).status == TSP_OK && misuse.count == 0);
}

static int attaches(shelf *s) {
    shelf before = *s;
    tsp_report r = V_(attach)(&s->heap, s->bytes, sizeof s->bytes, 1);
    if (r.status == TSP_OK) return CHECK(r.what == NULL);
    CHECK(r.what != NULL && r.at <= sizeof s->bytes);
    CHECK(memcmp(s, &before, sizeof before) == 0);
    return 0;
}

TEST_BOTH(copied) {
    static shelf here, there;
    stock(&here, sized);
    there = here;
    memset(&here, 0x5A, sizeof here);
    CHECK(attaches(&there));
    use_up(&there);
    CHECK(is_filled_with(&here, sizeof here, 0x5A));
}

/* The power goes while somebody holds the lock. */
TEST_BOTH(kept_over_a_reset) {
    static shelf s;
    stock(&s, sized);
    (void)V_(lock)(&s.heap);
    CHECK(attaches(&s));
    use_up(&s);
}

/* What was counted goes on where the heap was left: requests that found no memory too, unless somebody held the spin
 * lock, which has their number (and leaves it to who opens the lock). */
TEST_BOTH(statistics_go_on) {
    static shelf s, copy;
    tsp_usage before, after;
    stock(&s, sized);
    for (int i = 0; i < 3; i++) CHECK(V_(alloc)(&s.heap, sizeof s.bytes, 1) == NULL);
    before = V_(usage)(&s.heap);
    CHECK(before.failed >= 3 && before.low_free < before.free);
    for (int alone = 0; alone < 2; alone++) {
        CHECK(V_(attach)(&s.heap, s.bytes, sizeof s.bytes, alone).status == TSP_OK);
        after = V_(usage)(&s.heap);
        CHECK(memcmp(&before, &after, sizeof before) == 0);
    }
    copy = s;
    CHECK(attaches(&copy));
    after = V_(usage)(&copy.heap);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    s.heap.failed = MOST_FAILED; /* as many as are counted; the next number says that the lock is held */
    CHECK(attaches(&s) && V_(usage)(&s.heap).failed == MOST_FAILED);
    (void)V_(lock)(&s.heap);
    CHECK(attaches(&s));
    after = V_(usage)(&s.heap);
    CHECK(after.failed == (TSP_LOCK == TSP_LOCK_SPIN ? 0 : MOST_FAILED));
    after.failed = before.failed;
    CHECK(memcmp(&before, &after, sizeof before) == 0);
}

TEST_BOTH(saved_and_mapped_elsewhere) {
    static shelf s;
    shelf *mapped;
    FILE *file = tmpfile();
    if (!CHECK(file != NULL)) return;
    stock(&s, sized);
    CHECK(fwrite(&s, sizeof s, 1, file) == 1 && fflush(file) == 0);
    memset(&s, 0, sizeof s);
    mapped = mmap(NULL, sizeof s, PROT_READ | PROT_WRITE, MAP_PRIVATE, fileno(file), 0);
    fclose(file);
    if (!CHECK(mapped != MAP_FAILED)) return;
    CHECK(attaches(mapped));
    use_up(mapped);
    munmap(mapped, sizeof s);
}

static int refuses(TSP_V *heap, void *memory, size_t size, int alone) {
    tsp_report r = V_(attach)(heap, memory, size, alone);
    return r.status == TSP_CORRUPT && r.what != NULL && r.at == 0;
}

TEST_BOTH(refused) {
    static shelf s;
    static unsigned char elsewhere[BYTES_KEPT + ALIGNED] __attribute__((aligned(ALIGNED)));
    shelf before, locked;
    size_t granules, needs;
    unsigned long state;
    stock(&s, sized);
    granules = V_(usage)(&s.heap).total / GRANULE;
    needs = region_for(granules * GRANULE, sized);
    before = s;
    for (int alone = 0; alone < 2; alone++) {
        CHECK(refuses(&s.heap, NULL, sizeof s.bytes, alone));
        for (size_t size = 0; size < needs; size++) CHECK(refuses(&s.heap, s.bytes, size, alone));
        CHECK(V_(attach)(&s.heap, s.bytes, needs, alone).status == TSP_OK);
        CHECK(V_(attach)(&s.heap, s.bytes, SIZE_MAX, alone).status == TSP_OK);
    }
    state = V_(lock)(&s.heap); /* whoever holds it may not be dead */
    locked = s;
    CHECK(refuses(&s.heap, s.bytes, needs - 1, 1) && memcmp(&s, &locked, sizeof s) == 0);
    V_(unlock)(&s.heap, state);
    memcpy(elsewhere + GRANULE, s.bytes, sizeof s.bytes); /* there, but not aligned as it was */
    if (TSP_MALLOC_ALIGN > GRANULE) CHECK(refuses(&s.heap, elsewhere + GRANULE, sizeof s.bytes, 1));
    memcpy(elsewhere + ALIGNED, s.bytes, sizeof s.bytes); /* there and aligned, but behind what is given */
    for (size_t size = 0; size < GRANULE; size++) CHECK(refuses(&s.heap, elsewhere + ALIGNED - GRANULE + 1, size, 1));
    memcpy(elsewhere, s.bytes, sizeof s.bytes); /* others have it here, and would not find it there */
    CHECK(refuses(&s.heap, elsewhere, sizeof s.bytes, 0));
    CHECK(memcmp(&s, &before, sizeof s) == 0);
    CHECK(V_(attach)(&s.heap, elsewhere, sizeof s.bytes, 1).status == TSP_OK);
}

/* Heaps of many sizes and addresses: with a byte less than what is lost before it, a heap and its map it is refused. */
TEST_BOTH(needs_all_of_its_bytes) {
    static unsigned char bytes[800] __attribute__((aligned(ALIGNED)));
    for (size_t size = region_for(10 * GRANULE, 0); size <= sizeof bytes - GRANULE; size++) {
        unsigned char *memory = bytes + size % 3;
        TSP_V heap;
        size_t total = start_heap(&heap, memory, size, sized);
        size_t needs = (size_t)(heap.base - memory) + region_for(total, sized);
        CHECK(refuses(&heap, memory, needs - 1, 1) && refuses(&heap, memory, needs - 1, 0));
        CHECK(V_(attach)(&heap, memory, needs, 1).status == TSP_OK && (size_t)(heap.base - memory) < GRANULE);
        CHECK(V_(attach)(&heap, memory, needs, 0).status == TSP_OK);
    }
}

/* Handles of no heap, of a heap without granules, and of a heap of another format. */
TEST_BOTH(other_handles) {
    static shelf s;
    TSP_V nothing, handle;
    memset(&nothing, 0, sizeof nothing);
    CHECK(refuses(&nothing, s.bytes, sizeof s.bytes, 1));
    CHECK(start_heap(&nothing, s.bytes, 0, sized) == 0);
    handle = nothing;
    CHECK(V_(attach)(&nothing, s.bytes, sizeof s.bytes, 0).status == TSP_OK);
    CHECK(V_(attach)(&nothing, s.bytes, sizeof s.bytes, 1).status == TSP_OK);
    CHECK(V_(attach)(&nothing, s.bytes + GRANULE, 0, 1).status == TSP_OK); /* not aligned as anything was */
    CHECK(memcmp(&nothing, &handle, sizeof handle) == 0);
    CHECK(V_(alloc)(&nothing, 1, 1) == NULL);
    stock(&s, sized);
    CHECK(s.heap.state == FORMAT + !sized); /* what is kept today can be attached by later versions */
    for (unsigned state = 0; state < 256; state++) {
        handle = s.heap;
        handle.state = (unsigned char)state;
        if (V_(attach)(&handle, s.bytes, sizeof s.bytes, 1).status != TSP_OK) continue;
        CHECK(state == s.heap.state || (state ^ s.heap.state) == 1); /* a remembering heap holds for a sized one */
        CHECK(!sized || state == s.heap.state);
    }
}

/* Every bit of handle and heap flipped: refused exactly if check finds something, and what is not refused can be used
 * without a step outside. The handle's base is set by attach, its lock opened, and failed is only a number. */
TEST_BOTH(every_flipped_bit) {
    static shelf s, damaged;
    unsigned refused = 0;
    stock(&s, sized);
    for (size_t bit = 0; bit < 8 * (sizeof(TSP_V) + sizeof s.bytes); bit++) {
        size_t handle_bits = 8 * sizeof(TSP_V);
        unsigned char *byte =
            bit < handle_bits ? (unsigned char *)&damaged + bit / 8 : damaged.bytes + (bit - handle_bits) / 8;
        size_t within = (size_t)(byte - (unsigned char *)&damaged);
        damaged = s;
        V_(attach)(&damaged.heap, damaged.bytes, sizeof damaged.bytes, 1);
        *byte ^= (unsigned char)(1u << bit % 8);
        if (within - offsetof(TSP_V, base) < sizeof damaged.heap.base) continue;
        if (!attaches(&damaged)) {
            refused++;
            continue;
        }
        CHECK(V_(check)(&damaged.heap).status == TSP_OK);
        V_(alloc)(&damaged.heap, 40, 8);
        if (bit < handle_bits)
            CHECK(within != offsetof(TSP_V, granules) && within != offsetof(TSP_V, gap) &&
                  within != offsetof(TSP_V, used));
    }
    CHECK(refused > 8 * 10);
}

#if TSP_LOCK == TSP_LOCK_SPIN

/* Allocates and frees over and over beside another process, each object with a content of its own. */
static int hammer(shelf *s, uint32_t seed) {
    enum { MINE = 6, ROUNDS = 20000 };
    struct {
        unsigned char *at;
        size_t size;
    } mine[MINE] = {{NULL, 0}};
    dice d = seed;
    int wrong = 0;
    for (unsigned round = 0; round < ROUNDS + MINE; round++) {
        unsigned i = round % MINE;
        if (mine[i].at) {
            wrong += !keeps(mine[i].at, mine[i].size, seed + i);
            wrong += V_(dealloc)(&s->heap, mine[i].at, mine[i].size, 1) != TSP_OK;
        }
        mine[i].size = 1 + roll(&d, 60);
        mine[i].at = round < ROUNDS ? V_(alloc)(&s->heap, mine[i].size, 4) : NULL;
        if (mine[i].at) fill(mine[i].at, 0, mine[i].size, seed + i);
    }
    return wrong;
}

/* With others on the heap, attach waits for its turn. */
TEST_BOTH(waits_for_the_lock) {
    shelf *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned long state;
    pid_t child;
    int status = -1;
    if (!CHECK(s != MAP_FAILED)) return;
    stock(s, sized);
    state = V_(lock)(&s->heap);
    fflush(stdout);
    child = fork();
    if (child == 0) _exit(V_(attach)(&s->heap, s->bytes, sizeof s->bytes, 0).status != TSP_OK);
    usleep(20000);
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    V_(unlock)(&s->heap, state);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    munmap(s, sizeof *s);
}

/* The child maps the file anew, where its parent has it, as a program would that only knows the file's name. */
TEST_BOTH(shared_by_two_processes) {
    FILE *file = tmpfile();
    shelf *s;
    pid_t child;
    int status = -1;
    if (!CHECK(file != NULL) || !CHECK(ftruncate(fileno(file), sizeof *s) == 0)) return;
    s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    if (!CHECK(s != MAP_FAILED)) return;
    start_heap(&s->heap, s->bytes, sizeof s->bytes, sized);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        munmap(s, sizeof *s);
        if (mmap(s, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fileno(file), 0) != s) _exit(2);
        for (int i = 0; i < 100; i++) /* again and again, while the parent changes it */
            if (V_(attach)(&s->heap, s->bytes, sizeof s->bytes, 0).status != TSP_OK) _exit(3);
        _exit(hammer(s, 1000) != 0);
    }
    CHECK(hammer(s, 2000) == 0);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(V_(check)(&s->heap).status == TSP_OK && V_(usage)(&s->heap).used == 0);
    munmap(s, sizeof *s);
    fclose(file);
}

#endif
