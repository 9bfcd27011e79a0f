/* The debugging aids: built with -DTSP_DEBUG=... they notice, and get in nobody's way. run.sh runs this with
 * AddressSanitizer and under Valgrind too, where an access to what is no object must be reported, and nothing else.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "../family.h"

enum { FILL = TSP_DEBUG & TSP_DEBUG_FILL, SITES = TSP_DEBUG & TSP_DEBUG_SITES, GUARD_BYTES = 4 };

/* Whether a byte can be looked at: AddressSanitizer and Valgrind say; otherwise all can. */
#if TSP_DEBUG & TSP_DEBUG_ASAN
#define SHUT 1
static int is_open(const unsigned char *at) {
    return !__asan_address_is_poisoned(at);
}
#elif TSP_DEBUG & TSP_DEBUG_VALGRIND
#include <valgrind/memcheck.h>
#define SHUT 1
static int is_open(const unsigned char *at) {
    unsigned char bits;
    return VALGRIND_GET_VBITS(at, &bits, 1) != 3; /* not addressable */
}
#else
#define SHUT 0
static int is_open(const unsigned char *at) {
    (void)at;
    return 1;
}
#endif

/* To see and change bytes that are shut. */
static unsigned char flip(unsigned char *at, unsigned char with) {
    unsigned char value;
    PERMIT(at, 1);
#if TSP_DEBUG & TSP_DEBUG_VALGRIND
    VALGRIND_DISABLE_ERROR_REPORTING;
#endif
    value = *at ^= with;
#if TSP_DEBUG & TSP_DEBUG_VALGRIND
    VALGRIND_ENABLE_ERROR_REPORTING;
    (void)VALGRIND_MAKE_MEM_DEFINED(&value, 1);
#endif
    return value;
}

static int all_open(const unsigned char *at, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (!is_open(at + i)) return 0;
    return 1;
}

#define BEHIND(object, size) (!SHUT || !is_open((object) + (size)))

/* A heap whose bytes are aligned to 16 and all used for it alone. */
static unsigned char bytes[2400] __attribute__((aligned(16)));
static TSP_V heap;

static void open_heap(int sized) {
    memset(&misuse, 0, sizeof misuse);
    PERMIT(bytes, sizeof bytes);
#if TSP_DEBUG & TSP_DEBUG_VALGRIND
    (void)VALGRIND_MAKE_MEM_DEFINED(bytes, sizeof bytes);
#endif
    CHECK(start_heap(&heap, bytes, sizeof bytes, sized) != 0);
}

static void heap_is_empty(void) {
    tsp_usage u = V_(usage)(&heap);
    CHECK(u.objects == 0 && u.used == 0 && V_(check)(&heap).status == TSP_OK && misuse.count == 0);
}

TEST_BOTH(fill_patterns) {
    unsigned char *object;
    open_heap(sized);
    object = V_(alloc)(&heap, 50, 1);
    if (FILL && !(TSP_DEBUG & TSP_DEBUG_VALGRIND)) CHECK(is_filled_with(object, 50, 0xAA)); /* undefined to Valgrind */
    memset(object, 1, 50);
    CHECK(V_(resize_in_place)(&heap, object, 50, 90, 1) == TSP_OK && is_filled_with(object, 50, 1));
    if (FILL && !(TSP_DEBUG & TSP_DEBUG_VALGRIND)) CHECK(is_filled_with(object + 56, 34, 0xAA));
    CHECK(V_(dealloc)(&heap, object, 90, 1) == TSP_OK);
    if (FILL)
        for (unsigned i = 0; i < 60; i++) CHECK(flip(object + i, 0) == 0xDD);
    heap_is_empty();
}

#if TSP_DEBUG & (TSP_DEBUG_GUARD | TSP_DEBUG_SITES | TSP_DEBUG_ASAN | TSP_DEBUG_VALGRIND)

/* Every byte of the guard, behind objects of every size. A site is in its middle. */
TEST_BOTH(overruns) {
    for (size_t size = 1; size <= 40; size++) {
        unsigned char *before, *object, *after;
        size_t room;
        open_heap(sized);
        before = V_(alloc)(&heap, 16, 8);
        room = V_(usage)(&heap).used;
        object = V_(alloc)(&heap, size, 1);
        room = V_(usage)(&heap).used - room;
        after = V_(alloc)(&heap, 16, 8);
        CHECK(all_open(object, size) && BEHIND(object, size) && is_open(after) && is_open(before + 15));
        for (size_t i = 0; i < GUARD_BYTES; i++) {
            unsigned char *guard = i < GUARD_BYTES - 1 ? object + size + i : object + room - 1;
            tsp_report r;
            misuse.count = 0;
            flip(guard, 0x40);
            r = V_(check)(&heap);
            if (!sized) CHECK(r.status == TSP_OVERRUN && bytes + r.at == object && r.what);
            CHECK(V_(dealloc)(&heap, object, size, 1) == TSP_OVERRUN);
            CHECK(V_(resize)(&heap, object, size, size + 100, 1) == NULL && misuse.status == TSP_OVERRUN);
            CHECK(V_(resize_in_place)(&heap, object, size, 1, 1) == TSP_OVERRUN);
            if (!sized) V_(free)(&heap, object);
            CHECK(misuse.count == (sized ? 1 : 2) && misuse.status == TSP_OVERRUN && misuse.pointer == object);
            CHECK(V_(usage)(&heap).objects == 3);
            flip(guard, 0x40);
        }
        misuse.count = 0;
        CHECK(V_(check)(&heap).status == TSP_OK);
        CHECK(V_(dealloc)(&heap, before, 16, 8) == TSP_OK && V_(dealloc)(&heap, object, size, 1) == TSP_OK);
        CHECK(V_(dealloc)(&heap, after, 16, 8) == TSP_OK);
        heap_is_empty();
    }
}

TEST_BOTH(sizes_are_exact) {
    unsigned char *object;
    open_heap(sized);
    object = V_(alloc)(&heap, 13, 1);
    CHECK(sized || V_(usable_size)(&heap, object) == 13);
    for (size_t wrong = 1; wrong < 60; wrong++) {
        tsp_status status = V_(dealloc)(&heap, object, wrong, 1);
        if (wrong == 13) break;
        CHECK(status != TSP_OK);
    }
    CHECK(V_(dealloc)(&heap, object, 13, 1) == TSP_ALREADY_FREE);
    heap_is_empty();
}

#endif

/* The bytes of the guard count wherever sizes are told beforehand. */
TEST_BOTH(room_for_guards) {
    size_t largest;
    void *object;
    open_heap(sized);
    largest = V_(largest)(&heap, 1);
    CHECK(V_(alloc)(&heap, largest + 1, 1) == NULL && V_(alloc)(&heap, SIZE_MAX, 1) == NULL);
    object = V_(alloc)(&heap, largest, 1);
    CHECK(object != NULL && V_(usage)(&heap).free == 0 && V_(largest)(&heap, 1) == 0);
    CHECK(V_(dealloc)(&heap, object, largest, 1) == TSP_OK);
    CHECK(V_(alloc)(&heap, SIZE_MAX - 2, 1) == NULL && V_(resize)(&heap, NULL, 0, SIZE_MAX, 1) == NULL);
    CHECK(start_heap(&heap, bytes, sized ? BYTES_SIZED(7, 13, 1) : BYTES(7, 13, 1), sized) != 0);
    for (int i = 0; i < 7; i++) CHECK(V_(alloc)(&heap, 13, 1) != NULL);
    CHECK(V_(alloc)(&heap, 1, 1) == NULL);
}

/* Random calls; each object can be used, what is behind it can not, nor what it was when it is gone. */
TEST_BOTH(churn) {
    enum { OBJECTS = 24 };
    struct {
        unsigned char *at;
        size_t size;
    } o[OBJECTS] = {{NULL, 0}};
    dice d = 99;
    open_heap(sized);
    for (unsigned round = 0; round < 6000; round++) {
        unsigned i = roll(&d, OBJECTS);
        size_t size = 1 + roll(&d, roll(&d, 8) ? 60 : 200), align = 1u << roll(&d, 5);
        if (o[i].at && roll(&d, 2)) {
            unsigned char *to = o[i].at;
            size_t kept = o[i].size < size ? o[i].size : size;
            if (roll(&d, 4) == 0) {
                if (V_(resize_in_place)(&heap, to, o[i].size, size, 1) != TSP_OK) continue;
            } else {
                to =
                    sized || roll(&d, 2) ? V_(resize)(&heap, to, o[i].size, size, align) : V_(realloc)(&heap, to, size);
                if (to == NULL) continue;
                if (to != o[i].at && SHUT)
                    CHECK(!is_open(o[i].at) || (o[i].at >= to - 8 && o[i].at < to + size + 8) ||
                          (uintptr_t)o[i].at % 8);
            }
            CHECK(keeps(to, kept, i));
            o[i].at = to;
        } else {
            if (o[i].at) {
                CHECK(keeps(o[i].at, o[i].size, i));
                CHECK(V_(dealloc)(&heap, o[i].at, o[i].size, 1) == TSP_OK);
            }
            o[i].at = roll(&d, 2) ? V_(alloc)(&heap, size, align) : V_(alloc_zeroed)(&heap, size, align);
            if (o[i].at == NULL) continue;
        }
        o[i].size = size;
        CHECK(all_open(o[i].at, size) && (BEHIND(o[i].at, size) || ((uintptr_t)o[i].at + size) % 8));
        fill(o[i].at, 0, size, i);
        if (round % 64 == 0) CHECK(V_(check)(&heap).status == TSP_OK);
    }
    for (unsigned i = 0; i < OBJECTS; i++)
        if (o[i].at) CHECK(keeps(o[i].at, o[i].size, i) && V_(dealloc)(&heap, o[i].at, o[i].size, 1) == TSP_OK);
    heap_is_empty();
    if (SHUT)
        for (size_t i = 0; i < 1000; i++) CHECK(!is_open(bytes + i));
}

static int sites_seen(void *context, void *start, size_t size, tsp_kind kind) {
    const char *site = kind == TSP_OBJECT ? V_(site)(start, size) : NULL;
    if (site) *(unsigned *)context += site[0] == 'a' ? 1u : site[0] == 'b' ? 100u : 10000u;
    return 0;
}

TEST(sites) {
    unsigned seen = 0;
    char *object[4];
    open_heap(0);
    for (int i = 0; i < 4; i++) object[i] = V_(set_site)(&heap, V_(malloc)(&heap, 20), i % 2 ? "a" : "b");
    CHECK(V_(set_site)(&heap, NULL, "c") == NULL && V_(set_site)(&heap, object[0] + 4, "c") == object[0] + 4);
    object[0] = V_(realloc)(&heap, object[0], 200); /* moves */
    object[3] = V_(realloc)(&heap, object[3], 40);  /* grows in place, or moves */
    object[2] = V_(realloc)(&heap, object[2], 2);   /* shrinks */
    CHECK(V_(walk)(&heap, sites_seen, &seen) == 0);
    CHECK(seen == (SITES ? 202 : 0));
    CHECK(strchr(TSP_HERE, ':') && strstr(TSP_HERE, "debug.c"));
    for (int i = 0; i < 4; i++) V_(free)(&heap, object[i]);
    heap_is_empty();
}

/* An object that can only slide, with its site. */
TEST(slides) {
    unsigned char *first, *object;
    unsigned seen = 0;
    size_t rest;
    open_heap(0);
    first = V_(malloc)(&heap, 400);
    object = V_(set_site)(&heap, V_(malloc)(&heap, 600), "a");
    rest = V_(largest)(&heap, 1);
    CHECK(V_(alloc)(&heap, rest, 1) != NULL);
    fill(object, 0, 600, 3);
    V_(free)(&heap, first);
    object = V_(realloc)(&heap, object, 700);
    CHECK(object != NULL && object < first + 16 && keeps(object, 600, 3));
    CHECK(all_open(object, 700) && BEHIND(object, 700) && (!SHUT || !is_open(object + 720)));
    CHECK(V_(check)(&heap).status == TSP_OK);
    V_(walk)(&heap, sites_seen, &seen);
    CHECK(seen == (SITES ? 1 : 0));
}

/* Everything is shut again when a heap is emptied at once, and a copied heap knows its guards. */
TEST_BOTH(reset) {
    unsigned char *object;
    open_heap(sized);
    object = V_(alloc)(&heap, 100, 8);
    V_(reset)(&heap);
    CHECK(!SHUT || !is_open(object));
    CHECK(V_(alloc)(&heap, 100, 8) == object && is_open(object));
    CHECK(V_(attach)(&heap, bytes, sizeof bytes, 0).status == TSP_OK);
}
