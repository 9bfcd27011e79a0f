/* The family that a test program is compiled for (-DTSP_V=tsp4k), and a region of bytes to make its heap in, with
 * guards on both sides. What is said here of a family is the header's promise, not the engine's word.
 *
 * SPDX-License-Identifier: BSD-3-Clause */
#ifndef FAMILY_H
#define FAMILY_H

#include "test.h"

#ifndef TSP_V
#define TSP_V tsp4k
#endif

#define FAMILY_PASTE2(a, b) a##b
#define FAMILY_PASTE(a, b) FAMILY_PASTE2(a, b)
#define FAMILY_TEXT2(a) #a
#define FAMILY_TEXT(a) FAMILY_TEXT2(a)
#define V_(name) FAMILY_PASTE(FAMILY_PASTE(TSP_V, _), name)
#define OF_FAMILY(name) FAMILY_PASTE(name, TSP_V)
#define FAMILY FAMILY_TEXT(TSP_V)

#define GRANULE_tsp4k 4
#define GRANULE_tsp128k 4
#define GRANULE_tsp16m 8
#define GRANULE ((size_t)OF_FAMILY(GRANULE_))

#define CAN_INDEX_tsp4k 0
#define CAN_INDEX_tsp128k 1
#define CAN_INDEX_tsp16m 1
#define CAN_INDEX OF_FAMILY(CAN_INDEX_) /* large heaps have an index; the knobs that make small heaps have one: */
#ifndef TSP_INDEX_FROM
#define TSP_INDEX_FROM 8192 /* granules */
#endif
#ifndef TSP_CHUNK
#define TSP_CHUNK 128 /* granules */
#endif
#ifndef TSP_FAN
#define TSP_FAN 32 /* bits of a word that are used */
#endif
#ifndef TSP_SPAN
#define TSP_SPAN ((int)(GRANULE / 4 * 3)) /* chunks that an object covers to be long */
#endif
#ifndef TSP_EXACT_BITS
#define TSP_EXACT_BITS 5
#endif

#define MOST_FAILED 254 /* requests that are counted */

#define GRANULES_tsp4k 0xFFFFu
#define GRANULES_tsp128k 0xFFFFu
#define GRANULES_tsp16m 0xFFFFFFFFu
#define GRANULES ((size_t)OF_FAMILY(GRANULES_)) /* the most that a link can count */

#define BYTES_tsp4k TSP4K_BYTES
#define BYTES_tsp128k TSP128K_BYTES
#define BYTES_tsp16m TSP16M_BYTES
#define BYTES OF_FAMILY(BYTES_)
#define BYTES_SIZED_tsp4k TSP4K_BYTES_SIZED
#define BYTES_SIZED_tsp128k TSP128K_BYTES_SIZED
#define BYTES_SIZED_tsp16m TSP16M_BYTES_SIZED
#define BYTES_SIZED OF_FAMILY(BYTES_SIZED_)

/* What objects that are not tiny are rounded up to. A unit is a granule or two, and most layouts are told in units. */
#define UNIT (TSP_ROUND > GRANULE ? (size_t)TSP_ROUND : GRANULE)

/* What an object of this size takes. */
static inline size_t round_up(size_t bytes) {
    size_t to = bytes >= TSP_ROUND && TSP_ROUND > GRANULE ? TSP_ROUND : GRANULE;
    return (bytes + to - 1) / to * to;
}

/* The largest object that a free run of this many bytes can be. */
static inline size_t round_down(size_t bytes) {
    size_t to = bytes >= TSP_ROUND && TSP_ROUND > GRANULE ? TSP_ROUND : GRANULE;
    return bytes / to * to;
}

/* The largest heap, where size_t can say it. */
static inline size_t most_bytes(void) {
    return GRANULES > SIZE_MAX / GRANULE ? SIZE_MAX : round_down(GRANULES * GRANULE);
}

/* How far a search in a heap with an index goes: holes that are tried of bins in which some may do before it takes one
 * that does for sure, and where there is none such; and holes in which one of a single granule is looked for. */
enum { FEW = 4, MANY = 8, ROVES = 8 };

static inline int has_index(size_t granules) {
    return CAN_INDEX && granules >= TSP_INDEX_FROM;
}

/* The bin that a hole of so many granules belongs to. Sizes count in 8 bytes: each that has few bits has a bin of its
 * own, 0 too; from there on each power of two begins a pair of bins, one for either half of what is below the next. */
static inline unsigned bin_of(size_t granules) {
    const uint64_t size = (uint64_t)granules * GRANULE / 8;
    uint64_t power = (uint64_t)1 << TSP_EXACT_BITS;
    unsigned bin = 1u << TSP_EXACT_BITS;
    if (size < power) return (unsigned)size;
    for (; size >= 2 * power; power *= 2) bin += 2;
    return bin + (size >= power + power / 2);
}

/* The first bin that has only holes of so many granules or more: behind the one of the largest smaller size. */
static inline unsigned bin_above(size_t granules) {
    return granules * GRANULE <= 8 ? bin_of(8 / GRANULE) : bin_of((granules * GRANULE - 1) / 8 * (8 / GRANULE)) + 1;
}

static inline unsigned count_bins(void) {
    return bin_of(GRANULES) + 1;
}

static inline size_t in_words(size_t bytes) {
    return (bytes + 3) / 4 * 4;
}

static inline size_t count_chunks(size_t granules) {
    return (granules + TSP_CHUNK - 1) / TSP_CHUNK;
}

/* The parts of an index, in bytes from its beginning. Words are 32 bits.
 *      a bit for each bin | the rover | a link for each bin | a byte for each chunk | a bit for each chunk |
 *      a bit for each word of these bits | and so on, to one word */
enum { INDEX_BITS, INDEX_ROVER, INDEX_HEADS, INDEX_LASTS, INDEX_LEVELS };
static inline size_t index_part(size_t granules, int part) {
    size_t at = 0;
    if (part > INDEX_BITS) at += (count_bins() + 31) / 32 * 4;
    if (part > INDEX_ROVER) at += 4;
    if (part > INDEX_HEADS) at += in_words(count_bins() * GRANULE / 2);
    if (part > INDEX_LASTS) at += in_words(count_chunks(granules));
    return at;
}

static inline size_t index_size(size_t granules) {
    size_t size = index_part(granules, INDEX_LEVELS), bits = count_chunks(granules);
    do {
        bits = (bits + TSP_FAN - 1) / TSP_FAN;
        size += 4 * bits;
    } while (bits > 1);
    return size;
}

/* Where the index begins, from the first granule: it is behind the map, on a word. */
static inline size_t index_at(size_t granules, int sized) {
    return granules * GRANULE + (sized ? 0 : in_words((granules + 7) / 8));
}

/* What a heap keeps behind its granules: map and index. */
static inline size_t behind(size_t granules, int sized) {
    if (has_index(granules)) return index_at(granules, sized) - granules * GRANULE + index_size(granules);
    return sized ? 0 : (granules + 7) / 8;
}

/* The region that a heap of so many bytes takes, at an address that is a multiple of the granule. */
static inline size_t region_for(size_t bytes, int sized) {
    return bytes + behind(bytes / GRANULE, sized);
}

/* What init must return: the most whole granules that fit behind the misalignment, with what belongs to them, as far as
 * one object can have them. */
static inline size_t usable(uintptr_t address, size_t size, int sized) {
    size_t lost = (size_t)(0 - address) % GRANULE, n = 0, more;
    if (size <= lost) return 0;
    size -= lost;
    for (more = (size_t)1 << (8 * sizeof more - 4); more; more /= 2) {
        if (n + more > GRANULES || n + more > size / GRANULE) continue;
        if (behind(n + more, sized) <= size - (n + more) * GRANULE) n += more;
    }
    return round_down(n * GRANULE);
}

static inline size_t start_heap(TSP_V *heap, void *memory, size_t size, int sized) {
    return sized ? V_(init_sized)(heap, memory, size) : V_(init)(heap, memory, size);
}

/* -- Regions ------------------------------------------------------------------------------------------------------ */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(HAS_ASAN)
#include <sanitizer/asan_interface.h>
#define FORBID(p, n) __asan_poison_memory_region(p, n)
#define PERMIT(p, n) __asan_unpoison_memory_region(p, n)
#else
#define FORBID(p, n) ((void)(p), (void)(n))
#define PERMIT(p, n) ((void)(p), (void)(n))
#endif

/* size bytes at an address that is `offset` beyond a multiple of PAGE, so that runs repeat exactly. AddressSanitizer
 * sees every access to what is around them; without it, writes to the guards show in their bytes. */
enum { PAGE = 4096, GUARD = 96 };
typedef struct region {
    unsigned char *block, *memory;
    size_t size, room; /* of the memory, and of the block */
} region;

static inline region make_region(size_t size, size_t offset) {
    region r;
    r.room = size + offset + 3 * PAGE;
    r.block = malloc(r.room);
    if (r.block == NULL) exit(2);
    r.memory = r.block + PAGE + (size_t)(0 - (uintptr_t)r.block) % PAGE + offset;
    r.size = size;
    memset(r.memory - GUARD, 0xC5, GUARD);
    memset(r.memory, 0xDB, size);
    memset(r.memory + size, 0xC5, GUARD);
    FORBID(r.block, (size_t)(r.memory - r.block));
    FORBID(r.memory + size, r.room - size - (size_t)(r.memory - r.block));
    return r;
}

static inline int guards_hold(const region *r) {
    int hold;
    PERMIT(r->memory - GUARD, GUARD);
    PERMIT(r->memory + r->size, GUARD);
    hold = is_filled_with(r->memory - GUARD, GUARD, 0xC5) && is_filled_with(r->memory + r->size, GUARD, 0xC5);
    FORBID(r->memory - GUARD, GUARD);
    FORBID(r->memory + r->size, GUARD);
    return hold;
}

static inline void drop_region(region *r) {
    CHECK(guards_hold(r));
    PERMIT(r->block, r->room);
    free(r->block);
}

/* -- A heap in a region, for the cases that need one and no more -------------------------------------------------- */

typedef struct kitchen {
    TSP_V heap;
    region where;
    unsigned char *base; /* the first granule */
    size_t total;
    unsigned char *image; /* the region's bytes when remember was called */
    int sized;
} kitchen;

static inline kitchen open_kitchen_at(size_t size, size_t offset, int sized) {
    kitchen k;
    k.where = make_region(size, offset);
    k.image = malloc(size + 1);
    if (k.image == NULL) exit(2);
    k.base = k.where.memory + (size_t)(0 - (uintptr_t)k.where.memory) % GRANULE;
    k.sized = sized;
    memset(&k.heap, 0xEE, sizeof k.heap);
    k.total = start_heap(&k.heap, k.where.memory, size, sized);
    CHECK(k.total == usable((uintptr_t)k.where.memory, size, sized));
    return k;
}

/* A heap that hands out exactly n units. */
static inline kitchen open_kitchen(size_t n, int sized) {
    kitchen k = open_kitchen_at(region_for(n * UNIT, sized), 0, sized);
    CHECK(k.total == n * UNIT);
    return k;
}

static inline void remember(kitchen *k) {
    memcpy(k->image, k->where.memory, k->where.size);
}

static inline int is_unchanged(const kitchen *k) {
    return memcmp(k->image, k->where.memory, k->where.size) == 0;
}

static inline int is_sound(kitchen *k) {
    tsp_report report = V_(check)(&k->heap);
    tsp_usage u = V_(usage)(&k->heap);
    if (report.status != TSP_OK) printf("    check: %s (at byte %lu)\n", report.what, (unsigned long)report.at);
    return report.status == TSP_OK && report.what == NULL && u.total == k->total && u.used + u.free == u.total &&
           u.largest <= u.free && u.low_free <= u.free && guards_hold(&k->where);
}

static inline int is_empty(kitchen *k) {
    tsp_usage u = V_(usage)(&k->heap);
    return is_sound(k) && u.used == 0 && u.objects == 0 && u.largest == u.total;
}

static inline void close_kitchen(kitchen *k) {
    CHECK(is_sound(k));
    drop_region(&k->where);
    free(k->image);
}

/* Does the object lie in the heap, on a granule, aligned? */
static inline int is_placed(const kitchen *k, const void *object, size_t size, size_t align) {
    size_t at = (size_t)((uintptr_t)object - (uintptr_t)k->base);
    return object && at < k->total && round_up(size) <= k->total - at && (uintptr_t)object % align == 0 &&
           at % GRANULE == 0;
}

#endif
