/* The debugging aids of teaspoon.h, TSP_DEBUG: what objects get besides in a build that looks for faults. Without
 * TSP_DEBUG all of this compiles to nothing.
 *
 *      [ object         | C5 C5 C5 | site | Cn ]
 *        ^ p              ^ p + bytes             ^ p + room
 *
 * n bytes of guard tell where the object ends; a site, if there are any, is in their midst. Bytes that the program must
 * not touch (holes, guards) are shut: AddressSanitizer and Valgrind report an access to them. Only the functions here
 * and get and set in engine.h read and write them all the same. */

#if TSP_DEBUG & TSP_DEBUG_ASAN
#include <sanitizer/asan_interface.h>
#define ACCESS __attribute__((noinline, no_sanitize("address")))
#define ASAN_OPEN(at, n) __asan_unpoison_memory_region(at, n)
#define ASAN_SHUT(at, n) __asan_poison_memory_region(at, n)
#else
#define ACCESS ALWAYS_INLINE
#define ASAN_OPEN(at, n) ((void)0)
#define ASAN_SHUT(at, n) ((void)0)
#endif

#if TSP_DEBUG & TSP_DEBUG_VALGRIND
#include <valgrind/memcheck.h>
#define ASIDE(access)                                                                                                  \
    do {                                                                                                               \
        VALGRIND_DISABLE_ERROR_REPORTING;                                                                              \
        access;                                                                                                        \
        VALGRIND_ENABLE_ERROR_REPORTING;                                                                               \
    } while (0)
#define GRIND(request)                                                                                                 \
    do {                                                                                                               \
        request;                                                                                                       \
    } while (0)
#else
#define ASIDE(access) access
#define GRIND(request) ((void)0)
#endif

#if TSP_DEBUG & TSP_DEBUG_HEAPTRACK
#include <heaptrack_api.h>
#define TRACK(event)                                                                                                   \
    do {                                                                                                               \
        event;                                                                                                         \
    } while (0)
#else
#define TRACK(event) ((void)0)
#endif

/* What of an object is to go on when it is resized. */
typedef struct legacy {
    size_t bytes; /* as many as it has and shall have; without a guard an object has all that it has room for */
#if TSP_DEBUG
    size_t wanted; /* its new size */
    const char *site;
#endif
} legacy;

#if TSP_DEBUG

enum {
    GUARD_BYTE = 0xC5,
    GUARD_LAST = 0xC0, /* and how many they are */
    NEW_BYTE = 0xAA,
    FREED_BYTE = 0xDD,
    SITE = TSP_DEBUG & TSP_DEBUG_SITES ? sizeof(const char *) : 0
};

static ACCESS byte peek(const byte *at) {
    byte value;
    ASIDE(value = *(const volatile byte *)at);
    GRIND(VALGRIND_MAKE_MEM_DEFINED(&value, 1)); /* where a guard should be there may be the program's bytes */
    return value;
}

static ACCESS void poke(byte *at, byte value) {
    ASIDE(*(volatile byte *)at = value);
}

static void open_bytes(byte *at, size_t n) {
    ASAN_OPEN(at, n);
    GRIND(VALGRIND_MAKE_MEM_UNDEFINED(at, n));
    (void)at, (void)n;
}

static void shut_bytes(byte *at, size_t n) {
    ASAN_SHUT(at, n);
    GRIND(VALGRIND_MAKE_MEM_NOACCESS(at, n));
    (void)at, (void)n;
}

static const char *site_of(const byte *p, size_t room) {
    const char *site = NULL;
    for (size_t i = SITE; i-- > 0;) ((byte *)&site)[i] = peek(p + room - 1 - SITE + i);
    return site;
}

static void set_site(byte *p, size_t room, const char *site) {
    for (size_t i = SITE; i-- > 0;) poke(p + room - 1 - SITE + i, ((const byte *)&site)[i]);
}

/* The size of the object with this much room; more than room if its guard is not as it was. */
static size_t guarded_size(const byte *p, size_t room) {
    const size_t end = room - 1 - SITE; /* of the guard's first part */
    size_t n;
    if (TSP_GUARD_ == 0) return room;
    n = (size_t)peek(p + room - 1) - GUARD_LAST;
    if (n + SITE + 1 <= TSP_GUARD_ || n > end + 1) return room + 1;
    for (size_t i = 1; i < n; i++)
        if (peek(p + end - i) != GUARD_BYTE) return room + 1;
    return end + 1 - n;
}

/* What of the object [a, b) goes on when it gets this size. */
static legacy leave(const heap *h, size_t a, size_t b, size_t wanted) {
    const byte *p = h->base + a * GRANULE;
    legacy l;
    l.bytes = guarded_size(p, (b - a) * GRANULE);
    if (l.bytes > wanted) l.bytes = wanted;
    l.wanted = wanted;
    l.site = site_of(p, (b - a) * GRANULE);
    return l;
}

/* Makes the n granules at a, of whose bytes the first are old ones, an object of this many bytes. */
static void dress(const heap *h, size_t a, size_t n, size_t old, size_t bytes, const char *site) {
    byte *p = h->base + a * GRANULE;
    const size_t room = n * GRANULE, end = room - 1 - SITE;
    open_bytes(p + old, room - old);
    if (TSP_DEBUG & TSP_DEBUG_FILL) memset(p + old, NEW_BYTE, bytes - old);
    GRIND(VALGRIND_MAKE_MEM_UNDEFINED(p + old, bytes - old));
    if (TSP_GUARD_) {
        memset(p + bytes, GUARD_BYTE, end - bytes);
        p[room - 1] = (byte)(GUARD_LAST + end + 1 - bytes);
    }
    set_site(p, room, site);
    shut_bytes(p + bytes, room - bytes);
}

/* The granules [a, b) are about to be free. */
static void undress(const heap *h, size_t a, size_t b) {
    byte *p = h->base + a * GRANULE;
    open_bytes(p, (b - a) * GRANULE);
    if (TSP_DEBUG & TSP_DEBUG_FILL) memset(p, FREED_BYTE, (b - a) * GRANULE);
    shut_bytes(p, (b - a) * GRANULE);
}

static void debug_open(const heap *h, size_t a, size_t b) {
    open_bytes(h->base + a * GRANULE, (b - a) * GRANULE);
}

static void debug_shut(const heap *h, size_t a, size_t b) {
    shut_bytes(h->base + a * GRANULE, (b - a) * GRANULE);
}

/* The map may lie where an earlier heap had its objects. */
static void debug_map(byte *map, size_t bytes) {
    open_bytes(map, bytes);
}

static void debug_heap(const heap *h) {
    GRIND(if (VALGRIND_MEMPOOL_EXISTS(h)) VALGRIND_DESTROY_MEMPOOL(h));
    GRIND(VALGRIND_CREATE_MEMPOOL(h, 0, 0));
    if (h->granules) shut_bytes(h->base, (size_t)h->granules * GRANULE);
}

static void debug_new(const heap *h, size_t a, size_t n, size_t bytes) {
    dress(h, a, n, 0, bytes, NULL);
    GRIND(VALGRIND_MEMPOOL_ALLOC(h, h->base + a * GRANULE, bytes));
    TRACK(heaptrack_report_alloc(h->base + a * GRANULE, bytes));
}

static void debug_freed(const heap *h, size_t a, size_t b) {
    undress(h, a, b);
    GRIND(VALGRIND_MEMPOOL_FREE(h, h->base + a * GRANULE));
    TRACK(heaptrack_report_free(h->base + a * GRANULE));
}

/* The new object has moved here. */
static void debug_moved(byte *object, size_t n, legacy old) {
    set_site(object, n * GRANULE, old.site);
}

/* The granules [a, b) are about to be an object's no longer. */
static void debug_cut_off(const heap *h, size_t a, size_t b) {
    undress(h, a, b);
}

/* The object that was at a is the n granules at start now; old is what goes on. */
static void debug_resized(const heap *h, size_t a, legacy old, size_t start, size_t n) {
    dress(h, start, n, old.bytes, old.wanted, old.site);
    (void)a;
    GRIND(VALGRIND_MEMPOOL_CHANGE(h, h->base + a * GRANULE, h->base + start * GRANULE, old.wanted));
    TRACK(heaptrack_report_realloc(h->base + a * GRANULE, old.wanted, h->base + start * GRANULE));
}

#else

static ALWAYS_INLINE legacy leave(const heap *h, size_t a, size_t b, size_t wanted) {
    legacy l;
    (void)h;
    l.bytes = (b - a) * GRANULE;
    if (l.bytes > wanted) l.bytes = wanted;
    return l;
}
#define debug_map(map, bytes) ((void)0)
#define debug_heap(h) ((void)0)
#define debug_new(h, a, n, bytes) ((void)0)
#define debug_freed(h, a, b) ((void)0)
#define debug_open(h, a, b) ((void)0)
#define debug_shut(h, a, b) ((void)0)
#define debug_cut_off(h, a, b) ((void)0)
#define debug_resized(h, a, old, start, n) ((void)0)
#define debug_moved(object, n, old) ((void)0)

#endif
