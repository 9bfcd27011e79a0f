/* A small heap as a drawing: which granules are live, which of them begin an object, and what the heap's bytes must
 * then be. It is the picture of DESIGN.md section 2 and the placement of section 4 once more, told in sets of granules
 * and without a line of the engine; explore.c holds the engine against it in every state. SPDX-License-Identifier:
 * BSD-3-Clause */
#ifndef LAYOUT_H
#define LAYOUT_H

#include "family.h"

typedef uint32_t set; /* of granules; one number for each that is in it */

enum { NONE = 99 }; /* instead of a granule */

#ifndef TSP_LARGE
#define TSP_LARGE 32
#endif

enum { BINNED_MOST = 8 }; /* holes of two granules or more, in a heap that is small enough */

typedef struct layout {
    set live, begins;
    /* In a heap with an index: the ends of holes in the order in which those of one bin are found, and the rover. */
    unsigned char rover, binned, order[BINNED_MOST];
} layout;

/* What stays the same while a heap is explored. */
static unsigned granules;
static uintptr_t base; /* address of granule 0 */

static inline set from_to(unsigned a, unsigned b) {
    return ((set)1 << b) - ((set)1 << a);
}

static inline unsigned lowest(set s) {
    return (unsigned)__builtin_ctz(s);
}

static inline unsigned count(set s) {
    return (unsigned)__builtin_popcount(s);
}

static inline unsigned in_granules(size_t bytes) {
    return bytes > granules * GRANULE ? NONE : (unsigned)(round_up(bytes) / GRANULE);
}

/* The end of the object that begins at a. */
static inline unsigned object_end(const layout *l, unsigned a) {
    return lowest((~l->live | l->begins | from_to(granules, granules + 1)) & ~from_to(0, a + 1));
}

/* The first hole at or after `at`. */
static inline int hole_from(const layout *l, unsigned at, unsigned *start, unsigned *end) {
    set free = ~l->live & from_to(0, granules) & ~from_to(0, at);
    if (free == 0) return 0;
    *start = lowest(free);
    *end = *start + lowest(~(free >> *start));
    return 1;
}

/* -- Holes come and go --------------------------------------------------------------------------------------------- */

/* The last to come is the first to be found. What has one granule is in no bin; the rover goes there. */
static inline void hole_comes(layout *l, unsigned end, unsigned size) {
    if (!has_index(granules)) return;
    if (size == 1) {
        l->rover = (unsigned char)(end - 1);
        return;
    }
    memmove(l->order + 1, l->order, l->binned++);
    l->order[0] = (unsigned char)end;
}

static inline void hole_goes(layout *l, unsigned end) {
    for (unsigned i = 0; i < l->binned; i++)
        if (l->order[i] == end) {
            memmove(l->order + i, l->order + i + 1, --l->binned - i);
            l->order[l->binned] = 0;
        }
}

/* Its end is where it was: so is its place, if its bin is. */
static inline void hole_changes(layout *l, unsigned end, unsigned was, unsigned is) {
    if (was > 1 && is > 1 && bin_of(was) == bin_of(is)) return;
    hole_goes(l, end);
    hole_comes(l, end, is);
}

/* From `at` down to where the hole before it begins, and up to where the one behind it ends; `at` if there is none. */
static inline unsigned down_from(const layout *l, unsigned at) {
    while (at && !(l->live >> (at - 1) & 1)) at--;
    return at;
}

static inline unsigned up_from(const layout *l, unsigned at) {
    while (at < granules && !(l->live >> at & 1)) at++;
    return at;
}

/* The granules [a, b) of a hole become live, those of an object become free. */
static inline void take(layout *l, unsigned a, unsigned b) {
    const unsigned low = down_from(l, a), high = up_from(l, b);
    if (b < high) hole_changes(l, high, high - low, high - b);
    else hole_goes(l, high);
    if (low < a) hole_comes(l, a, a - low);
    l->live |= from_to(a, b);
}

static inline void give(layout *l, unsigned a, unsigned b) {
    const unsigned low = down_from(l, a), high = up_from(l, b);
    if (low < a) hole_goes(l, a);
    if (b < high) hole_changes(l, high, high - b, high - low);
    else hole_comes(l, b, b - low);
    l->live &= ~from_to(a, b);
}

/* With an object [a, a + n) more, and without the one that begins at a. */
static inline layout with(layout l, unsigned a, unsigned n) {
    take(&l, a, a + n);
    l.begins |= from_to(a, a + 1);
    return l;
}

static inline layout without(layout l, unsigned a) {
    give(&l, a, object_end(&l, a));
    l.begins &= ~from_to(a, a + 1);
    return l;
}

/* With another size where it is. */
static inline layout resized(layout l, unsigned a, unsigned n) {
    const unsigned b = object_end(&l, a);
    if (a + n > b) take(&l, b, a + n);
    if (a + n < b) give(&l, a + n, b);
    return l;
}

/* With the object that begins at a where it slid to, its granules and the holes on both sides: what is left behind it
 * comes as a hole, and then what is left before it. */
static inline layout after_sliding(layout l, unsigned a, unsigned at, unsigned n) {
    const unsigned b = object_end(&l, a), low = down_from(&l, a), high = up_from(&l, b);
    if (low < a) hole_goes(&l, a);
    if (b < high) hole_goes(&l, high);
    if (at + n < high) hole_comes(&l, high, high - at - n);
    if (low < at) hole_comes(&l, at, at - low);
    l.live = (l.live & ~from_to(a, b)) | from_to(at, at + n);
    l.begins = (l.begins & ~from_to(a, a + 1)) | from_to(at, at + 1);
    return l;
}

/* An empty heap. */
static inline layout all_free(void) {
    layout l = {0, 0, 0, 0, {0}};
    hole_comes(&l, granules, granules);
    return l;
}

/* -- Placement ----------------------------------------------------------------------------------------------------- */

/* The first granule at or after a where an object of this alignment may begin. */
static inline unsigned aligned_from(unsigned a, size_t align) {
    while ((base + a * GRANULE) & (align - 1)) a++;
    return a;
}

/* The last granule up to a where an object of this alignment may begin; one does. */
static inline unsigned aligned_to(unsigned a, size_t align) {
    while ((base + a * GRANULE) & (align - 1)) a--;
    return a;
}

/* The end of the first hole of one granule behind the rover, which then is where the hole before that ends. 0: among
 * the next ROVES, the heap's beginning counted as one, there is none. */
static inline unsigned rove(layout *l) {
    unsigned at = 0, start, end = 0, found = 0;
    while (hole_from(l, end, &start, &end) && end <= l->rover) at = end;
    if (!hole_from(l, 0, &start, &end)) return 0;
    for (unsigned i = 0; i < ROVES && !found; i++) {
        if (!hole_from(l, at, &start, &end)) at = 0;
        else if (end - start == 1) found = end;
        else at = end;
    }
    l->rover = (unsigned char)at;
    return found;
}

/* Whether an object fits into the hole that ends there. */
static inline int fits_into(const layout *l, unsigned end, unsigned n, size_t align) {
    return aligned_from(down_from(l, end), align) + n <= end;
}

/* The end of the hole that an object of n granules is cut from, by the index. Among the bins in which some holes may do
 * and some not it tries a few; then takes the first of the next bin, in which all do; or tries more. 0: none. */
static inline unsigned hole_by_bins(const layout *l, unsigned n, size_t align) {
    const unsigned room = n + (align > GRANULE ? (unsigned)(align / GRANULE) - 1 : 0);
    const unsigned own = bin_of(n), sure = room > granules ? count_bins() : bin_above(room), bins = count_bins();
    unsigned tried = 0, fit = 0;
    for (unsigned bin = own; bin < bins; bin++)
        for (unsigned i = 0; i < l->binned; i++) {
            const unsigned end = l->order[i];
            if (bin_of(end - down_from(l, end)) != bin) continue;
            if (bin >= sure) return fit && tried <= FEW ? fit : end;
            if (!fit && tried++ < MANY && fits_into(l, end, n, align)) fit = end;
        }
    return fit;
}

/* Where an object of n granules goes: into the first hole that it fits exactly; else, if it is small, to the low end of
 * the first that it fits into, and if it is large, to the high end of the last. With an index, into the hole that bins
 * or rover lead to. One that is moved to grow is not large. */
static inline unsigned placed(layout *l, unsigned n, size_t align, int grown) {
    const int large = !grown && n > granules / TSP_LARGE;
    unsigned start, end = 0, at = NONE;
    if (has_index(granules)) {
        if (n > granules) return NONE;
        if (n == 1 && align <= GRANULE) end = rove(l);
        if (end) return end - 1;
        end = hole_by_bins(l, n, align);
        if (end == 0) return NONE;
        return large ? aligned_to(end - n, align) : aligned_from(down_from(l, end), align);
    }
    while (n <= granules && hole_from(l, end, &start, &end)) {
        if (aligned_from(start, align) + n <= end) {
            if (end - start == n) return start;
            if (large) at = aligned_to(end - n, align);
            else if (at == NONE) at = aligned_from(start, align);
        }
    }
    return at;
}

/* Whether the object [a, b) can be one of n granules where it is. */
static inline int stays(const layout *l, unsigned a, unsigned n, size_t align) {
    return aligned_from(a, align) == a && n <= granules - a &&
           !(from_to(a, a + n) & ((l->live & ~from_to(a, object_end(l, a)))));
}

/* Where it goes within its own granules and the holes on both sides. */
static inline unsigned slid(const layout *l, unsigned a, unsigned n, size_t align) {
    const set others = l->live & ~from_to(a, object_end(l, a));
    unsigned low = a, high = a, at;
    while (low && !(others >> (low - 1) & 1)) low--;
    while (high < granules && !(others >> high & 1)) high++;
    at = aligned_from(low, align);
    return n <= granules && at + n <= high ? at : NONE;
}

/* -- The bytes ----------------------------------------------------------------------------------------------------- */

/* The links of the granule that ends at `end`, in the heap or, where `end` is 0, in the handle: a hole's last has its
 * gap and size, and in a heap with an index its first has its neighbours in its bin. */
enum { GAP, SIZE, NEXT = GAP, PREV = SIZE };
static inline unsigned char *link_at(unsigned char *bytes, TSP_V *h, unsigned end, int which) {
    if (end) return bytes + end * GRANULE - GRANULE + (size_t)which * GRANULE / 2;
    return (unsigned char *)&h->gap;
}

static inline void put(unsigned char *link, size_t value) {
    const uint16_t small = (uint16_t)value;
    const uint32_t large = (uint32_t)value;
    memcpy(link, GRANULE == 4 ? (const void *)&small : (const void *)&large, GRANULE / 2);
}

static inline size_t got(const unsigned char *link) {
    uint16_t small;
    uint32_t large;
    memcpy(&small, link, sizeof small);
    memcpy(&large, link, GRANULE / 2);
    return GRANULE == 4 ? small : large;
}

static inline void set_bit(unsigned char *words, size_t bit) {
    uint32_t word;
    memcpy(&word, words + bit / 32 * 4, 4);
    word |= (uint32_t)1 << bit % 32;
    memcpy(words + bit / 32 * 4, &word, 4);
}

/* The bins, the chunks and the levels of bits over them. */
static inline void draw_index(const layout *l, unsigned char *bytes, TSP_V *h, int sized) {
    unsigned char *index = bytes + index_at(granules, sized), *lasts = index + index_part(granules, INDEX_LASTS);
    unsigned char *level = index + index_part(granules, INDEX_LEVELS);
    const uint32_t rover = l->rover;
    unsigned start, end = 0;
    size_t bits = count_chunks(granules);
    uint64_t here = 0, above; /* chunks that have holes, words that have bits */
    memset(bytes + granules * GRANULE, 0, behind(granules, sized));
    memcpy(index + index_part(granules, INDEX_ROVER), &rover, 4);
    for (unsigned i = l->binned; i-- > 0;) { /* from the last on, each before those that are there */
        const unsigned first = down_from(l, l->order[i]), bin = bin_of(l->order[i] - first);
        unsigned next = 0;
        for (unsigned j = l->binned; j-- > i + 1;)
            if (bin_of(l->order[j] - down_from(l, l->order[j])) == bin) next = l->order[j];
        set_bit(index, bin);
        put(index + index_part(granules, INDEX_HEADS) + bin * GRANULE / 2, l->order[i]);
        put(link_at(bytes, h, first + 1, NEXT), next);
        put(link_at(bytes, h, first + 1, PREV), 0);
        if (next) put(link_at(bytes, h, down_from(l, next) + 1, PREV), l->order[i]);
    }
    while (hole_from(l, end, &start, &end)) {
        const unsigned chunk = (end - 1) / TSP_CHUNK;
        lasts[chunk] = (unsigned char)(end - chunk * TSP_CHUNK);
        here |= (uint64_t)1 << chunk;
    }
    for (set b = sized ? 0 : l->begins; b; b &= b - 1) { /* a long object's end, in six bits a chunk that it covers */
        unsigned chunk = (lowest(b) + TSP_CHUNK - 1) / TSP_CHUNK, e = object_end(l, lowest(b));
        if ((chunk + TSP_SPAN) * TSP_CHUNK > e) continue;
        for (int i = 0; i < TSP_SPAN; i++) lasts[chunk + i] = (unsigned char)(192 + (e >> 6 * i) % 64);
    }
    do {
        above = 0;
        for (unsigned i = 0; i < bits; i++)
            if (here >> i & 1) {
                set_bit(level, i / TSP_FAN * 32 + i % TSP_FAN);
                above |= (uint64_t)1 << i / TSP_FAN;
            }
        bits = (bits + TSP_FAN - 1) / TSP_FAN;
        level += 4 * bits;
        here = above;
    } while (bits > 1);
}

/* Draws what the layout says of handle and bytes, and nothing else: links, sizes, index, marks and counts. */
static inline void draw(const layout *l, unsigned char *bytes, TSP_V *h, int sized) {
    unsigned start, end = 0, last = 0;
    while (hole_from(l, end, &start, &end)) {
        put(link_at(bytes, h, last, GAP), end - last - 1);
        put(link_at(bytes, h, end, SIZE), end - start);
        last = end;
    }
    put(link_at(bytes, h, last, GAP), granules - last);
    put((unsigned char *)&h->used, count(l->live));
    put((unsigned char *)&h->objects, count(l->begins));
    memset(bytes + granules * GRANULE, 0, behind(granules, sized));
    if (has_index(granules)) draw_index(l, bytes, h, sized);
    if (sized) return;
    for (set b = l->begins; b; b &= b - 1) {
        unsigned at = object_end(l, lowest(b)) - 1;
        bytes[granules * GRANULE + at / 8] |= (unsigned char)(1u << at % 8);
    }
}

#endif
