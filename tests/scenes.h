/* Scenes: the states that a small heap can be in, how they are found, and the calls that are made in each of them. A
 * call is held against layout.h, which says exactly what its answer and every byte of the heap must be. explore.c says
 * what is tried. SPDX-License-Identifier: BSD-3-Clause */
#ifndef SCENES_H
#define SCENES_H

#include "layout.h"

enum { ROOM = 1024 /* bytes, for any heap that is small enough */ };

/* -- The states that are known ------------------------------------------------------------------------------------- */

enum { MAKE, END, RESIZE, IN_PLACE, REALLOC };

typedef struct call {
    unsigned char what, start; /* of the object */
    unsigned short bytes, align;
} call;

typedef struct scene {
    uint64_t key;
    uint32_t from; /* the scene it was reached from first, by this call */
    call by;
} scene;

static scene *scenes;
static size_t scenes_known, scenes_room;
static uint32_t *slots; /* a hash table of scene numbers + 1 */
static size_t slots_room;

/* What is live, what begins, where the rover is, and for each hole in order of address the place that it has in its
 * bin. */
static uint64_t key_of(const layout *l) {
    uint64_t key = l->live | (uint64_t)l->begins << granules | (uint64_t)l->rover << 2 * granules;
    unsigned start, end = 0, shift = 2 * granules + 5;
    while (hole_from(l, end, &start, &end)) {
        unsigned before = 0;
        for (unsigned i = 0; i < l->binned && l->order[i] != end; i++)
            before += bin_of(l->order[i] - down_from(l, l->order[i])) == bin_of(end - start);
        if (l->binned == 0 || end - start == 1) continue;
        key |= (uint64_t)before << shift;
        shift += 3;
    }
    return key;
}

static layout layout_of(uint64_t key) {
    const uint64_t all = ((uint64_t)1 << granules) - 1;
    layout l = {(set)(key & all), (set)(key >> granules & all), 0, 0, {0}};
    if (!has_index(granules)) return l;
    l.rover = (unsigned char)(key >> 2 * granules & 31);
    for (unsigned place = 0; place < BINNED_MOST; place++) {
        unsigned start, end = 0, shift = 2 * granules + 5;
        while (hole_from(&l, end, &start, &end)) {
            if (end - start == 1) continue;
            if ((key >> shift & 7) == place) l.order[l.binned++] = (unsigned char)end;
            shift += 3;
        }
    }
    return l;
}

static size_t slot_of(uint64_t key) {
    size_t i = (size_t)(key * 0x9E3779B97F4A7C15u >> 20) % slots_room;
    while (slots[i] && scenes[slots[i] - 1].key != key) i = (i + 1) % slots_room;
    return i;
}

static void forget_all(void) {
    scenes_known = 0;
    memset(slots, 0, slots_room * sizeof *slots);
}

static void more_room(void) {
    scenes_room = scenes_room ? scenes_room * 2 : 1 << 12;
    slots_room = scenes_room * 2;
    scenes = realloc(scenes, scenes_room * sizeof *scenes);
    free(slots);
    slots = calloc(slots_room, sizeof *slots);
    if (scenes == NULL || slots == NULL) exit(2);
    for (size_t i = 0; i < scenes_known; i++) slots[slot_of(scenes[i].key)] = (uint32_t)i + 1;
}

static void enter(const layout *l, size_t from, call by) {
    const uint64_t key = key_of(l);
    size_t slot = slots_room ? slot_of(key) : 0;
    if (slots_room && slots[slot]) return;
    if (scenes_known == scenes_room) {
        more_room();
        slot = slot_of(key);
    }
    scenes[scenes_known] = (scene){key, (uint32_t)from, by};
    slots[slot] = (uint32_t)++scenes_known;
}

/* -- The scene that is played now ---------------------------------------------------------------------------------- */

static kitchen k;
static layout now;
static size_t now_number;
static TSP_V now_heap; /* handle and bytes to start every call from */
static unsigned char now_bytes[ROOM];
static size_t now_size;           /* of them, with map and index */
static unsigned long calls, turn; /* made so far; what varies from call to call */
static unsigned depth;            /* calls on the shortest way from the empty heap to the scene */

/* The bytes of objects differ by place; what is in holes besides their links, by scene, and some of it looks like
 * links. */
static void play(size_t number) {
    now_number = number;
    now = layout_of(scenes[number].key);
    for (size_t i = 0; i < now_size; i++)
        now_bytes[i] = (unsigned char)(number % 4 == 0   ? 0
                                       : number % 4 == 1 ? i * 7 + number
                                       : number % 4 == 2 ? (i % 2 ? 0 : i % 5)
                                                         : 255);
    for (unsigned g = 0; g < granules; g++)
        if (now.live >> g & 1)
            for (size_t i = g * GRANULE; i < (g + 1) * GRANULE; i++) now_bytes[i] = (unsigned char)(i * 3 + number + 1);
    draw(&now, now_bytes, &now_heap, k.sized);
    now_heap.peak = now_heap.used;
    if (number % 2) put((unsigned char *)&now_heap.peak, granules);
    now_heap.failed = number % 3 == 0 ? 0 : number % 3 == 1 ? MOST_FAILED - 1 : MOST_FAILED;
}

static void again(void) {
    k.heap = now_heap;
    memcpy(k.base, now_bytes, now_size);
    calls++;
    turn++;
}

static void say_layout(const layout *l) {
    for (unsigned g = 0; g < granules; g++) putchar(!(l->live >> g & 1) ? '.' : l->begins >> g & 1 ? '[' : '=');
    putchar('\n');
}

static void say_call(call c) {
    static const char *const names[] = {"make", "end", "resize", "resize in place", "realloc"};
    printf("    %-15s at granule %2u, %3u bytes, alignment %2u\n", names[c.what], c.start, c.bytes, c.align);
}

static void say_path(size_t number, call last) {
    static int said;
    size_t path[64], n = 0;
    if (said++) return; /* the first is the one worth reading */
    for (; number && n < 64; number = scenes[number].from) path[n++] = number;
    printf("  a heap of %u granules at an address of %u modulo 64, %s; the calls that lead there:\n", granules,
           (unsigned)(base % 64), k.sized ? "sized" : "remembering");
    while (n--) {
        layout l = layout_of(scenes[path[n]].key);
        say_call(scenes[path[n]].by);
        printf("        ");
        say_layout(&l);
    }
    printf("  and then\n");
    say_call(last);
}

#if defined(__SANITIZE_ADDRESS__) || defined(HAS_ASAN)
#define guard_holds(guard) 1 /* nobody may even look at it */
#else
static int guard_holds(const unsigned char *guard) {
    static const unsigned char intact[16] = {0xC5, 0xC5, 0xC5, 0xC5, 0xC5, 0xC5, 0xC5, 0xC5,
                                             0xC5, 0xC5, 0xC5, 0xC5, 0xC5, 0xC5, 0xC5, 0xC5};
    return memcmp(guard, intact, sizeof intact) == 0;
}
#endif

/* What follows a call that had to be answered like this: the layout is `to`, and the granules in `kept` have the bytes
 * they had. */
static void arrive(layout to, set kept, unsigned peak, call by) {
    static unsigned char expected[ROOM];
    TSP_V handle = now_heap;
    memcpy(expected, k.base, now_size);
    for (set s = kept; s; s &= s - 1) memcpy(expected + lowest(s) * GRANULE, now_bytes + lowest(s) * GRANULE, GRANULE);
    draw(&to, expected, &handle, k.sized);
    if (peak > handle.peak) put((unsigned char *)&handle.peak, peak);
    CHECK(memcmp(expected, k.base, now_size) == 0);
    CHECK(memcmp(&handle, &k.heap, sizeof handle) == 0);
    CHECK(V_(check)(&k.heap).status == TSP_OK);
    CHECK(guard_holds(k.where.memory - 16) && guard_holds(k.where.memory + k.where.size));
    if (test_failures == 0) enter(&to, now_number, by);
    else say_path(now_number, by);
}

/* What follows a call that had to fail. */
static void stay_here(unsigned failures, call by) {
    TSP_V handle = now_heap;
    if (handle.failed != MOST_FAILED) handle.failed = (unsigned char)(handle.failed + failures);
    CHECK(memcmp(now_bytes, k.base, now_size) == 0);
    CHECK(memcmp(&handle, &k.heap, sizeof handle) == 0);
    if (test_failures) say_path(now_number, by);
}

static unsigned char *address(unsigned granule) {
    return k.base + granule * GRANULE;
}

/* -- The calls ----------------------------------------------------------------------------------------------------- */

static void make(size_t bytes, size_t align) {
    layout to = now;
    const unsigned n = in_granules(bytes), at = placed(&to, n, align, 0);
    const call by = {MAKE, 0, (unsigned short)bytes, (unsigned short)align};
    unsigned char *p = NULL;
    again();
    switch (turn % (k.sized ? 4 : 5)) {
    case 0: p = V_(alloc)(&k.heap, bytes, align); break;
    case 1: p = V_(try_alloc)(&k.heap, bytes, align); break;
    case 2: p = V_(resize)(&k.heap, NULL, 0, bytes, align); break;
    case 3:
        p = V_(alloc_zeroed)(&k.heap, bytes, align);
        if (p) CHECK(is_filled_with(p, bytes, 0));
        break;
    case 4: p = V_(aligned_alloc)(&k.heap, align, bytes); break;
    }
    CHECK(p == (at == NONE ? NULL : address(at)));
    if (at == NONE) stay_here(1, by);
    else arrive(with(to, at, n), now.live, count(now.live) + n, by);
}

static void end(unsigned a, size_t bytes) {
    const call by = {END, (unsigned char)a, (unsigned short)bytes, 1};
    const layout to = without(now, a);
    unsigned char *p = address(a);
    again();
    switch (turn % (k.sized ? 3 : 7)) {
    case 0: CHECK(V_(dealloc)(&k.heap, p, bytes, 1) == TSP_OK); break;
    case 1: CHECK(V_(try_dealloc)(&k.heap, p, bytes, GRANULE) == TSP_OK); break;
    case 2: CHECK(V_(resize)(&k.heap, p, bytes, 0, 1) != NULL); break;
    case 3: V_(free)(&k.heap, p); break;
    case 4: V_(free_sized)(&k.heap, p, bytes); break;
    case 5: V_(free_aligned_sized)(&k.heap, p, GRANULE, bytes); break;
    case 6: CHECK(V_(realloc)(&k.heap, p, 0) != NULL); break;
    }
    arrive(to, to.live, 0, by);
}

/* what: RESIZE, IN_PLACE or REALLOC, which has its own idea of alignment. */
static void resize(int what, unsigned a, size_t old_bytes, size_t bytes, size_t align) {
    const call by = {(unsigned char)what, (unsigned char)a, (unsigned short)bytes, (unsigned short)align};
    const set others = now.live & ~from_to(a, object_end(&now, a));
    layout to = now;
    const unsigned n = in_granules(bytes), b = object_end(&now, a);
    unsigned at = NONE, peak;
    size_t keep = what == REALLOC ? (b - a) * GRANULE : old_bytes;
    unsigned char *p = address(a), *q = NULL;
    if (keep > bytes) keep = bytes;
    again();
    peak = count(others) + n;
    if (what == REALLOC && n <= b - a) align = 1; /* what shrinks stays, however it is aligned */
    if (stays(&now, a, n, align)) {
        at = a;
        to = resized(now, a, n);
    } else if (what != IN_PLACE) {
        at = placed(&to, n, align, 1);
        if (at != NONE) { /* for a while there are two */
            peak += b - a;
            to = without(with(to, at, n), a);
        } else if ((at = slid(&now, a, n, align)) != NONE) {
            to = after_sliding(now, a, at, n);
        }
    }
    if (what == IN_PLACE) {
        tsp_status status = V_(resize_in_place)(&k.heap, p, old_bytes, bytes, align);
        CHECK(status == (at == NONE ? TSP_NO_MEMORY : TSP_OK));
        if (status == TSP_OK) q = p;
    } else if (what == REALLOC) {
        q = V_(realloc)(&k.heap, p, bytes);
    } else if (turn % 2) {
        q = V_(resize)(&k.heap, p, old_bytes, bytes, align);
    } else {
        q = V_(resize_zeroed)(&k.heap, p, old_bytes, bytes, align);
        if (q && bytes > old_bytes) CHECK(is_filled_with(q + old_bytes, bytes - old_bytes, 0));
    }
    CHECK(q == (at == NONE ? NULL : address(at)));
    if (q) CHECK(memcmp(q, now_bytes + a * GRANULE, keep) == 0);
    if (at == NONE) stay_here(what != IN_PLACE, by); /* to try in place first is not to run out of memory */
    else arrive(to, others, peak, by);
}

/* -- Looking at a state -------------------------------------------------------------------------------------------- */

static int see(void *context, void *start, size_t size, tsp_kind kind) {
    unsigned *at = context, from = *at, to = from;
    tsp_kind expected = TSP_HOLE;
    if (now.live >> from & 1) {
        expected = k.sized ? TSP_LIVE : TSP_OBJECT;
        do to = object_end(&now, to);
        while (k.sized && now.live >> to & 1);
    } else {
        while (to < granules && !(now.live >> to & 1)) to++;
    }
    CHECK(kind == expected && start == address(from) && size == (to - from) * GRANULE);
    *at = to;
    return to >= granules || test_failures;
}

static size_t widest(size_t align) {
    unsigned start, end = 0, best = 0;
    while (hole_from(&now, end, &start, &end)) {
        unsigned at = aligned_from(start, align);
        if (at < end && end - at > best) best = end - at;
    }
    return round_down(best * GRANULE);
}

static void look(void) {
    tsp_usage u;
    unsigned at = 0;
    again();
    u = V_(usage)(&k.heap);
    CHECK(u.total == granules * GRANULE && u.used == count(now.live) * GRANULE && u.free == u.total - u.used);
    CHECK(u.objects == count(now.begins) && u.largest == widest(1) && u.failed == now_heap.failed);
    CHECK(u.low_free == u.total - now_heap.peak * GRANULE);
    for (size_t align = 1; align <= 64; align *= 2) CHECK(V_(largest)(&k.heap, align) == widest(align));
    V_(walk)(&k.heap, see, &at);
    CHECK(at == granules);
    if (!k.sized)
        for (set s = now.begins; s; s &= s - 1)
            CHECK(V_(usable_size)(&k.heap, address(lowest(s))) == (object_end(&now, lowest(s)) - lowest(s)) * GRANULE);
    stay_here(0, (call){0, 0, 0, 0});
}

/* -- Finding them -------------------------------------------------------------------------------------------------- */

static void open_heap(unsigned n, size_t offset, int sized) {
    layout first;
    granules = n;
    first = all_free();
    k = open_kitchen_at((0 - offset) % GRANULE + region_for(n * GRANULE, sized), offset, sized);
    base = (uintptr_t)k.base;
    now_size = k.where.size - (size_t)(k.base - k.where.memory);
    now_heap = k.heap;
    if (slots) forget_all();
    enter(&first, 0, (call){0, 0, 0, 0});
}

/* Breadth first: plays each scene of a heap of n granules at a base with this offset, and calls `act` in it. Returns
 * how many there were. */
static size_t explore(unsigned n, size_t offset, int sized, void act(void)) {
    size_t level = 1;
    open_heap(n, offset, sized);
    depth = 0;
    for (size_t i = 0; i < scenes_known && !test_failures; i++) {
        if (i == level) {
            level = scenes_known;
            depth++;
        }
        play(i);
        act();
    }
    CHECK(is_filled_with(k.where.memory, k.where.size - now_size, 0xDB));
    drop_region(&k.where);
    free(k.image);
    return scenes_known;
}

#endif
