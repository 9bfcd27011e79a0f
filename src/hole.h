/* The bytes of a hole, and how the engine names things. The heap is `granules` granules of two links each. A live object
 * is a run of granules and nothing else. A hole is a maximal run of free granules, and describes itself: in its last
 * granule, its node, so that cutting an object from its low end, or growing it downwards, moves nothing; and, where the
 * heap has an index, in its first (bins.h).
 *
 *      start of the hole                                            its end
 *        v                                                            v
 *        [ next prev | ...                  free              | gap  size ][ live object ...
 *          of its bin                                           its node
 *
 *      size  granules in this hole
 *      gap   distance to the end of the next hole, less one; that of the last leads to granules + 1
 *
 * Two units: `bytes` is bytes; everything else counts granules. A hole is named by its end, the index of the first
 * granule after it: 1 to `granules`. */

#include "teaspoon.h"

#include <stddef.h>
#include <string.h>

#define TSP_PASTE2(a, b) a##_##b
#define TSP_PASTE(a, b) TSP_PASTE2(a, b)
#define V_(name) TSP_PASTE(TSP_V, name)

typedef TSP_V heap;
typedef TSP_LINK link;
typedef unsigned char byte;

/* ALWAYS_INLINE: what is shorter than a call to it. HOT: the paths that programs spend their time on, one function each
 * unless size matters more. COLD: what they seldom need, out of their way. */
#ifdef __GNUC__
#define ALWAYS_INLINE inline __attribute__((always_inline))
#ifdef __OPTIMIZE_SIZE__
#define COLD
#else
#define COLD __attribute__((noinline))
#endif
#else
#define ALWAYS_INLINE inline
#define COLD
#endif
/* FAST: whether a second way that gives the same result sooner is worth its code. */
#ifdef __OPTIMIZE_SIZE__
#define HOT
#define FAST 0
#else
#define HOT ALWAYS_INLINE
#define FAST 1
#endif

enum { GRANULE = 2 * sizeof(link) /* bytes */ };

#define LINK_MAX ((size_t)(link)-1)

/* What is refused (teaspoon.h). 0: what a caller says and what a link says are true. */
#ifndef TSP_CHECK
#define TSP_CHECK 1
#endif
#if TSP_CHECK != 0 && TSP_CHECK != 1
#error "TSP_CHECK is neither 0 nor 1"
#endif
#if !TSP_CHECK && TSP_DEBUG
#error "TSP_DEBUG looks for faults, for which TSP_CHECK=0 leaves no room"
#endif

#include "debug.h"

/* The last granule of the hole that ends at `end`. */
static ALWAYS_INLINE byte *node(const heap *h, size_t end) {
    return h->base + end * GRANULE - GRANULE;
}

/* The handle, as the last granule of a hole that ends at 0. */
static ALWAYS_INLINE byte *head(const heap *h) {
    return (byte *)h + offsetof(heap, gap);
}

/* The bytes are the caller's and may have any effective type: so a type that may alias all, or memcpy. (gcc makes better
 * code of the first: up to 16 instructions less a call on Cortex-M0+.) */
#ifdef __GNUC__
typedef link __attribute__((may_alias)) stored_link;
#endif

/* What proof/steps.h counts. */
#ifndef TSP_STEP
#define TSP_STEP() ((void)0)
#endif

static ACCESS size_t get(const byte *field) {
    link value;
    TSP_STEP();
#ifdef __GNUC__
    ASIDE(value = *(const stored_link *)field);
#else
    ASIDE(memcpy(&value, field, sizeof value));
#endif
    return value;
}

static ACCESS void set(byte *field, size_t to) {
    link value = (link)to;
    TSP_STEP();
#ifdef __GNUC__
    ASIDE(*(stored_link *)field = value);
#else
    ASIDE(memcpy(field, &value, sizeof value));
#endif
}

/* What a loop has computed is computed anew for what comes after it, where keeping it would cost each round an
 * instruction. */
#if defined(__GNUC__) && !defined(__OPTIMIZE_SIZE__)
#define ANEW(x) __asm__("" : "+r"(x))
#else
#define ANEW(x) ((void)0)
#endif

typedef uint32_t word;

/* The number of a word's highest bit, and of its lowest; the word is not 0. */
static ALWAYS_INLINE unsigned highest(word w) {
#if defined(__GNUC__) && __SIZEOF_INT__ == 4 && !defined(__OPTIMIZE_SIZE__)
    return 31 - (unsigned)__builtin_clz(w);
#else
    unsigned n = 0;
    while (w >>= 1) n++;
    return n;
#endif
}

static ALWAYS_INLINE unsigned lowest(word w) {
#if defined(__GNUC__) && __SIZEOF_INT__ == 4 && !defined(__OPTIMIZE_SIZE__)
    return (unsigned)__builtin_ctz(w);
#else
    return highest(w & (0 - w));
#endif
}

/* The fields of a node. */
#define GAP(node) (node)
#define SIZE(node) ((node) + sizeof(link))

/* The distance from the end of the hole with this node to that of the next. Never 0, whatever the bytes say: so the list
 * runs upwards; and where a link is no narrower than size_t, less of it counts than could wrap. */
static ALWAYS_INLINE size_t distance_of(const byte *node) {
    const size_t gap = get(GAP(node));
    return (sizeof(link) < sizeof(size_t) ? gap : gap & LINK_MAX / 2) + 1;
}

/* The end of that next hole; more than `granules` if there is none. */
static ALWAYS_INLINE size_t after(const byte *node, size_t end) {
    return end + distance_of(node);
}

/* before -> after */
static ALWAYS_INLINE void join(byte *node, size_t end, size_t next) {
    set(GAP(node), next - end - 1);
}

/* What a handle's state says. A handle that is all zero has not been made: no granules, so nothing can be had. The rest
 * names what the heap's bytes look like, so that a heap is not attached by a library that was built to other rules. */
enum {
    UNMADE = 0,
    FORMAT = 8 * (TSP_ROUND > 4) + 16 * (TSP_ROUND > 8) + 32 * (TSP_GUARD_ > 0) +
             64 * (1 + TSP_INDEX + (sizeof(link) > 2)), /* 2 was of heaps whose gaps were other */
    SIZED = FORMAT,
    REMEMBERS = FORMAT + 1,
    MAKING = 4 /* and: its bytes are not there yet */
};

static ALWAYS_INLINE int remembers(const heap *h) {
    return h->state & 1;
}
