/* teaspoon - a memory allocator for when all you have is a teaspoon of memory.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A heap is a block of bytes that you own, cut into granules. A live object is a run of granules with nothing before
 * it, after it or in between; free memory describes itself. DESIGN.md shows it in pictures.
 *
 *     static unsigned char bytes[2048];
 *     static tsp4k spoon;
 *
 *     tsp4k_init_sized(&spoon, bytes, sizeof bytes);
 *     void *p = tsp4k_alloc(&spoon, 50, 4);
 *     ...
 *     tsp4k_dealloc(&spoon, p, 50, 4);
 *
 * Three families of functions, the same but for their prefix (written V_ here) and for what they can hold:
 *
 *     V_         granule   links     largest heap      express lanes
 *     tsp4k_     4 bytes   16 bits   262,136 bytes     no
 *     tsp128k_   4 bytes   16 bits   262,136 bytes     no
 *     tsp16m_    8 bytes   32 bits   32 GiB - 8 bytes  three
 *
 * (On a machine whose size_t has 16 bits a heap ends below 64 KiB. tsp4k and tsp128k are one geometry under two types,
 * for programs with heaps of both sizes; the names are the crate's, and neither has its limit. The express lanes keep
 * searches short among thousands of holes; up to a few hundred they are not worth their code.)
 *
 * A heap is of one of two kinds, chosen when it is made:
 *     sized         You say how large an object was when you give it back. 0 bytes per object, whatever their number.
 *     remembering   The heap keeps one bit per granule that marks where each object ends (1/33 of a heap of 4-byte
 *                   granules, 1/65 of one of 8-byte granules), so that V_free(p) works, every bad free is noticed,
 *                   and V_walk shows every object.
 *
 * For every function below:
 *   - Sizes are in bytes. An alignment is a power of two; anything else is refused. No size is too large to ask for.
 *   - An object takes its size, rounded up to 4 below 8 bytes and to 8 from there on (TSP_ROUND), and nothing more.
 *   - A call that fails or refuses leaves the heap's bytes and the old object as they were.
 *   - Cost: "a search" goes through the heap's holes in order of address, with steps of a few instructions. There
 *     are seldom more than a few dozen; DESIGN.md section 5 has the bounds.
 *   - Locking: with TSP_LOCK_SPIN (the default where the compiler knows lock-free atomics) any number of threads may
 *     share a heap, and an interrupt handler may use the V_try_ calls. It knows no scheduler: where a thread of higher
 *     priority can keep the holder from running for ever, use hooks. With TSP_LOCK_HOOKS the platform's own lock
 *     decides, so every call is as safe as that lock is. With TSP_LOCK_NONE one caller at a time, and no handler.
 */
#ifndef TEASPOON_H
#define TEASPOON_H

#include <stddef.h>
#include <stdint.h>

#define TSP_VERSION_MAJOR 0
#define TSP_VERSION_MINOR 1
#define TSP_VERSION_PATCH 0
#define TSP_VERSION "0.1.0"

/* Lock policies; choose with -DTSP_LOCK=... when the library is compiled. */
#define TSP_LOCK_NONE 0
#define TSP_LOCK_SPIN 1
#define TSP_LOCK_HOOKS 2

/* Objects of TSP_ROUND bytes or more are rounded up to a multiple of it, smaller ones to a granule. 8 suits objects
 * that are aligned to 8: exact sizes would leave splinters of 4 bytes between them, which hardly anybody can use and
 * every search has to pass. Where nothing needs an alignment of 8, -DTSP_ROUND=4 for the library and all that uses it
 * saves those bytes. */
#ifndef TSP_ROUND
#if defined(__BIGGEST_ALIGNMENT__) && __BIGGEST_ALIGNMENT__ < 8
#define TSP_ROUND __BIGGEST_ALIGNMENT__
#else
#define TSP_ROUND 8
#endif
#endif

/* Debugging aids; choose a sum with -DTSP_DEBUG=... for the library and all that uses it. Without, they are not there
 * and cost nothing. */
#define TSP_DEBUG_FILL 1       /* new bytes are 0xAA, freed ones 0xDD */
#define TSP_DEBUG_GUARD 2      /* 4 bytes behind each object; a write to them is noticed when the object is given back or
                                  resized (TSP_OVERRUN), and by V_check in a remembering heap */
#define TSP_DEBUG_SITES 4      /* remembering heaps know where each object came from: V_set_site; includes a guard */
#define TSP_DEBUG_ASAN 8       /* AddressSanitizer reports an access to what is not an object; includes a guard. A heap
                                  in a stack buffer leaves its bytes shut when the function returns: make it static */
#define TSP_DEBUG_VALGRIND 16  /* so does Valgrind, which knows objects, leaks and undefined bytes; includes a guard */
#define TSP_DEBUG_HEAPTRACK 32 /* heaptrack sees the objects; for a shared library, as its heaptrack_api.h says */
#ifndef TSP_DEBUG
#define TSP_DEBUG 0
#endif
#define TSP_GUARDS_ (TSP_DEBUG_GUARD | TSP_DEBUG_SITES | TSP_DEBUG_ASAN | TSP_DEBUG_VALGRIND)
#define TSP_GUARD_                                                                                                     \
    (((TSP_DEBUG & TSP_GUARDS_) ? 4u : 0u) + ((TSP_DEBUG & TSP_DEBUG_SITES) ? sizeof(const char *) : 0u))

#ifdef __cplusplus
extern "C" {
#endif

/* What a call has to say. Everything but TSP_OK means that nothing was changed (where a heap is damaged, the damage may
 * show too late for that). */
typedef enum tsp_status {
    TSP_OK = 0,
    TSP_NO_MEMORY,     /* no placement exists */
    TSP_BUSY,          /* the lock is held, and the call was asked not to wait */
    TSP_BAD_ALIGNMENT, /* an alignment that is zero or not a power of two */
    TSP_FOREIGN,       /* the pointer is not into this heap */
    TSP_MISALIGNED,    /* the pointer is not on a granule, or not aligned as its alignment says */
    TSP_ALREADY_FREE,  /* the bytes, or some of them, are free: a double free, or a wrong size */
    TSP_INTERIOR,      /* not the beginning of an object (remembering heaps) */
    TSP_WRONG_SIZE,    /* not the object's size (remembering heaps); size 0 for a pointer into the heap */
    TSP_SIZED_HEAP,    /* the call needs a heap that remembers sizes */
    TSP_CORRUPT,       /* the heap's own data is damaged: something wrote where it must not */
    TSP_OVERRUN        /* something wrote beyond the object's end, or its size is wrong (with TSP_DEBUG_GUARD) */
} tsp_status;

/* One line of plain English for a status. Never NULL. May be called from anywhere. */
const char *tsp_status_text(tsp_status status);

/* The version of the library that was linked, as in TSP_VERSION. */
const char *tsp_version(void);

/* Called by the functions that return a pointer or nothing (V_free, V_realloc, V_resize, ...) when they refuse a call
 * because of misuse or damage. heap is the handle, pointer what was passed in. The heap is unlocked and unchanged.
 * Define a function of this name in your program to replace the library's, which on a hosted system says what happened
 * on stderr and aborts, and otherwise traps. If it returns, the refused call returns too: NULL, or having done
 * nothing. */
void tsp_misuse(const void *heap, const void *pointer, tsp_status status);

/* With TSP_LOCK_HOOKS the platform defines these three: for instance "save the interrupt mask and disable", or an RTOS
 * mutex. What tsp_lock returns is handed to the tsp_unlock that ends its section; sections of different heaps may nest.
 * tsp_try_lock returns 0 where it would have to wait, and otherwise locks, sets *state, and returns 1. */
unsigned long tsp_lock(const void *heap);
int tsp_try_lock(const void *heap, unsigned long *state);
void tsp_unlock(const void *heap, unsigned long state);

/* What V_usage tells, in bytes but for the two counts. total = used + free, always. */
typedef struct tsp_usage {
    size_t total;    /* what the heap can hand out when it is empty */
    size_t used;     /* taken by objects, each rounded up as TSP_ROUND says */
    size_t free;     /* not used */
    size_t objects;  /* live objects; those of size zero do not count */
    size_t largest;  /* the largest n for which V_alloc(spoon, n, 1) succeeds now */
    size_t low_free; /* the lowest that free has been since init or reset */
    size_t failed;   /* requests that found no memory since init or reset, but for V_resize_in_place, which only asks;
                        stops counting at 254 */
} tsp_usage;

/* What V_walk passes to its visitor. */
typedef enum tsp_kind {
    TSP_HOLE,   /* free bytes */
    TSP_OBJECT, /* one live object (remembering heaps) */
    TSP_LIVE    /* one or more live objects side by side (sized heaps) */
} tsp_kind;

/* Returns 0 to go on, anything else to stop. It must not call the heap it walks. */
typedef int tsp_visitor(void *context, void *start, size_t size, tsp_kind kind);

/* What V_check or V_attach found: status, and where in the heap, in bytes from its first granule. */
typedef struct tsp_report {
    tsp_status status; /* TSP_OK or TSP_CORRUPT */
    size_t at;
    const char *what; /* one line of plain English; NULL when all is well */
} tsp_report;

/* Supplies a heap's bytes: returns their address and sets *size. NULL: there are none. It runs with the heap's lock
 * held and must not call that heap. */
typedef void *tsp_supplier(size_t *size);

/* ---- The handles -------------------------------------------------------------------------------------------------
 * One per heap, anywhere you like outside its bytes. All zero is a valid heap in which every allocation fails, so a
 * static handle needs no initialiser. Look, but do not touch: the layout belongs to the engine. (The first links are
 * laid out like the last granules of a hole; src/engine.h shows why.) */
#define TSP_HANDLE(name, link, counts)                                                                                 \
    typedef struct name {                                                                                              \
        unsigned char *base;                                                                                           \
        counts link gap, granules;                                                                                     \
        unsigned char failed, state;                                                                                   \
    } name;

TSP_HANDLE(tsp4k, uint16_t, uint16_t objects; uint16_t used; uint16_t peak;)
TSP_HANDLE(tsp128k, uint16_t, uint16_t objects; uint16_t used; uint16_t peak;)
TSP_HANDLE(tsp16m, uint32_t, uint32_t hop3; uint32_t objects; uint32_t hop2; uint32_t used; uint32_t hop1;
           uint32_t peak;)

/* ---- The functions -----------------------------------------------------------------------------------------------

 * size_t V_init(spoon, memory, size)
 * size_t V_init_sized(spoon, memory, size)
 *     Makes a heap of the size bytes at memory: one that remembers sizes, or a sized one. Any address and any size
 *     will do; less than a granule is lost before the heap and less than TSP_ROUND bytes behind it. Returns the number
 *     of bytes that can be handed out: 0 where memory is NULL or too small (then every allocation fails), and less
 *     than you gave where it is more than the family can hold (then the rest stays yours, untouched). Writes nothing
 *     outside the region, and inside it only a few granules at its end and, for a remembering heap, the map. Cost:
 *     constant, or the map's size. Whoever calls it must be the only user of spoon.
 *
 * void V_reset(spoon)
 *     Empties the heap at once: every object is gone, statistics begin anew. Cost as V_init.

 * ---- Layout calls, for both kinds of heap: you say size and alignment, at the beginning and at the end.

 * void *V_alloc(spoon, size, align)
 * void *V_alloc_zeroed(spoon, size, align)
 *     An object of size bytes, aligned. Size 0 gives an address that is aligned, not NULL, not in the heap, and must
 *     not be written to; it costs nothing. NULL: no placement for it exists, or the alignment is refused.
 *     Cost: a search; zeroing is done outside the lock.
 *
 * tsp_status V_dealloc(spoon, pointer, size, align)
 *     Gives back an object: pointer, size and align as they were given to V_alloc or last to V_resize. NULL and objects
 *     of size 0 are fine and do nothing. Refused, with the reason: TSP_FOREIGN, TSP_MISALIGNED, TSP_ALREADY_FREE,
 *     TSP_WRONG_SIZE, TSP_INTERIOR, TSP_BAD_ALIGNMENT, TSP_CORRUPT. A sized heap can not know that the size is wrong
 *     or the pointer is inside an object as long as all the bytes are live; a remembering heap always knows.
 *     Cost: a search.
 *
 * void *V_resize(spoon, pointer, old_size, new_size, align)
 * void *V_resize_zeroed(spoon, pointer, old_size, new_size, align)
 *     Grows or shrinks an object; align is what the result must have, and may differ from before. Returns its address,
 *     which may have changed; contents are kept up to the smaller size, and the zeroed form clears the bytes beyond.
 *     It stays in place where it can, moves where it must, and as a last resort slides back into free bytes directly
 *     before it. old_size 0 (or pointer NULL) allocates; new_size 0 frees and returns as V_alloc does for size 0.
 *     NULL: it does not fit anywhere (the old object is as it was), or misuse, which is also reported to tsp_misuse.
 *     Cost: at most three searches and a copy; the copy is done outside the lock unless the object slides.
 *
 * tsp_status V_resize_in_place(spoon, pointer, old_size, new_size, align)
 *     The same, but never moves the object: TSP_OK, or TSP_NO_MEMORY where it would have to move, or the misuse.
 *     Cost: a search.
 *
 * void *V_try_alloc(spoon, size, align)
 * tsp_status V_try_dealloc(spoon, pointer, size, align)
 *     As V_alloc and V_dealloc, but where the lock is held they give up at once (NULL; TSP_BUSY) instead of waiting.
 *     These are the calls for an interrupt handler that shares a heap with what it interrupts.

 * ---- C library calls, for heaps that remember sizes. On a sized heap they are misuse: TSP_SIZED_HEAP.

 * void *V_malloc(spoon, size)
 *     As C's malloc. Aligned for any object of that size: to the largest power of two that is at most size, and at
 *     most what max_align_t needs. Size 0 as V_alloc. Cost: a search.
 * void *V_calloc(spoon, count, size)
 *     count * size bytes of zeros; NULL also where the product is more than size_t holds.
 * void *V_realloc(spoon, pointer, size)
 *     As C's realloc; alignment as V_malloc(size), but what does not grow stays where it is, however it is aligned.
 *     NULL: the old object is as it was. pointer NULL allocates; size 0 frees the object and returns as V_malloc(0). An
 *     object of a stricter alignment is for V_resize.
 * void *V_reallocarray(spoon, pointer, count, size)
 *     V_realloc of count * size; NULL where the product is more than size_t holds.
 * void *V_aligned_alloc(spoon, align, size)
 *     As C's aligned_alloc, for any size. NULL where the alignment is refused.
 * void V_free(spoon, pointer)
 * void V_free_sized(spoon, pointer, size)
 * void V_free_aligned_sized(spoon, pointer, align, size)
 *     As C23's. NULL does nothing. Whatever is not exactly a live object of this heap (and of this size, where you
 *     say it) is refused and reported to tsp_misuse. Cost: a search, and a scan of the object's bits (one step for
 *     32 granules).
 * size_t V_usable_size(spoon, pointer)
 *     How many bytes the object may be used for: its size rounded up as TSP_ROUND says. 0 for NULL and objects of
 *     size 0.

 * ---- Looking at a heap

 * tsp_usage V_usage(spoon)
 *     The figures above. Cost: visits the holes once, for largest.
 * size_t V_largest(spoon, align)
 *     The largest n for which V_alloc(spoon, n, align) succeeds now. Cost: visits the holes once.
 * int V_contains(spoon, pointer)
 *     1 if pointer is into the bytes that the heap hands out, else 0. Constant cost; takes no lock.
 * int V_walk(spoon, visitor, context)
 *     Visits everything in order of address, holding the lock. Returns what the visitor returned last, or 0.
 * tsp_report V_check(spoon)
 *     Verifies every invariant and writes nothing. Cost: visits every hole and, where there is one, the map.

 * ---- Where an object came from (TSP_DEBUG_SITES; without it, the first returns object and the second NULL)

 * void *V_set_site(spoon, object, site)
 *     Notes with an object of a remembering heap where it came from: site is a text that stays, as TSP_HERE is. Returns
 *     object: p = tsp4k_set_site(&spoon, tsp4k_malloc(&spoon, 100), TSP_HERE). A resized object keeps its site. What is
 *     no object is left alone. Cost as V_usable_size.
 * const char *V_site(start, size)
 *     The site of an object as V_walk shows it to a visitor, or NULL. Constant cost; takes no lock.

 * ---- Around fork

 * unsigned long V_lock(spoon)
 * void V_unlock(spoon, state)
 *     V_lock takes the heap's lock and returns what the V_unlock that gives it back wants for state. Meanwhile the heap
 *     is whole and nobody changes it; the holder makes no other call on it, since it would wait for itself. A child
 *     that was forked while another thread held the lock would wait for ever, so a program of several threads says
 *         static unsigned long held;
 *         static void before_fork(void) { held = tsp4k_lock(&spoon); }
 *         static void after_fork(void) { tsp4k_unlock(&spoon, held); }
 *         ...
 *         pthread_atfork(before_fork, after_fork, after_fork);
 *     They are the lock of every other call: with TSP_LOCK_HOOKS tsp_lock and tsp_unlock, with TSP_LOCK_NONE nothing.
 *     Whoever locks several heaps takes them in the order in which visitors and suppliers use one inside another.

 * ---- Heaps that are already there

 * tsp_report V_attach(spoon, memory, size, alone)
 *     Takes up a heap that exists: spoon is its handle, kept or shared together with its bytes, which are now the size
 *     bytes at memory (the region that V_init was given, or a copy of it whose address has the same remainder by the
 *     alignment of max_align_t; stricter alignments are for you to keep). Believes nothing, and verifies all there is
 *     to verify: that handle and heap are of this family and build, lie within the region, and hold every invariant, as
 *     V_check does. TSP_OK: the heap may be used. Otherwise the report says why not, and not a byte has changed.
 *         alone not 0   Nobody else uses it: RAM that was kept over a reset, a file that was mapped. The lock is
 *                       opened, whoever held it, and from now on the heap is at memory.
 *         alone 0       Others may be using it: memory that processes share. They all have to see it at the same
 *                       address, since the handle holds it once (refused otherwise), and the lock policy has to be one
 *                       that works between them: TSP_LOCK_SPIN does. Waits for the lock.
 *     What objects contain is not looked at: an address that was stored in them is yours to mend. Cost as V_check.

 * ---- Heaps that make themselves

 * V *V_once(spoon, supplier, sized)
 *     spoon, a handle that was all zero when the program began; the first call gets the memory from supplier and makes
 *     the heap (a sized one if sized is not 0), exactly once whichever thread comes first; the others wait for it.
 *     Returns spoon. Until it has returned, a thread makes no other call on spoon. For the memory itself see
 *     TSP4K_STATIC and its kin below.
 * V *V_once_over(spoon, memory, size, sized)
 *     The same over memory that you have at hand.
 */
#define TSP_FUNCTIONS(V)                                                                                               \
    size_t V##_init(V *spoon, void *memory, size_t size);                                                              \
    size_t V##_init_sized(V *spoon, void *memory, size_t size);                                                        \
    void V##_reset(V *spoon);                                                                                          \
    void *V##_alloc(V *spoon, size_t size, size_t align);                                                              \
    void *V##_alloc_zeroed(V *spoon, size_t size, size_t align);                                                       \
    tsp_status V##_dealloc(V *spoon, void *pointer, size_t size, size_t align);                                        \
    void *V##_resize(V *spoon, void *pointer, size_t old_size, size_t new_size, size_t align);                         \
    void *V##_resize_zeroed(V *spoon, void *pointer, size_t old_size, size_t new_size, size_t align);                  \
    tsp_status V##_resize_in_place(V *spoon, void *pointer, size_t old_size, size_t new_size, size_t align);           \
    void *V##_try_alloc(V *spoon, size_t size, size_t align);                                                          \
    tsp_status V##_try_dealloc(V *spoon, void *pointer, size_t size, size_t align);                                    \
    void *V##_malloc(V *spoon, size_t size);                                                                           \
    void *V##_calloc(V *spoon, size_t count, size_t size);                                                             \
    void *V##_realloc(V *spoon, void *pointer, size_t size);                                                           \
    void *V##_reallocarray(V *spoon, void *pointer, size_t count, size_t size);                                        \
    void *V##_aligned_alloc(V *spoon, size_t align, size_t size);                                                      \
    void V##_free(V *spoon, void *pointer);                                                                            \
    void V##_free_sized(V *spoon, void *pointer, size_t size);                                                         \
    void V##_free_aligned_sized(V *spoon, void *pointer, size_t align, size_t size);                                   \
    size_t V##_usable_size(V *spoon, const void *pointer);                                                             \
    void *V##_set_site(V *spoon, void *object, const char *site);                                                      \
    const char *V##_site(const void *start, size_t size);                                                              \
    tsp_usage V##_usage(V *spoon);                                                                                     \
    size_t V##_largest(V *spoon, size_t align);                                                                        \
    int V##_contains(const V *spoon, const void *pointer);                                                             \
    int V##_walk(V *spoon, tsp_visitor *visitor, void *context);                                                       \
    tsp_report V##_check(V *spoon);                                                                                    \
    tsp_report V##_attach(V *spoon, void *memory, size_t size, int alone);                                             \
    unsigned long V##_lock(V *spoon);                                                                                  \
    void V##_unlock(V *spoon, unsigned long state);                                                                    \
    V *V##_once(V *spoon, tsp_supplier *supplier, int sized);                                                          \
    V *V##_once_over(V *spoon, void *memory, size_t size, int sized);

TSP_FUNCTIONS(tsp4k)
TSP_FUNCTIONS(tsp128k)
TSP_FUNCTIONS(tsp16m)

#ifdef __cplusplus
}
#endif

/* The file and line where it stands, as a text. */
#define TSP_HERE __FILE__ ":" TSP_TEXT_(__LINE__)
#define TSP_TEXT_(x) TSP_TEXT2_(x)
#define TSP_TEXT2_(x) #x

/* ---- Static heaps without a line of start-up code ----------------------------------------------------------------
 * TSP4K_STATIC(kitchen, 2048);              a heap that remembers sizes
 * TSP4K_STATIC_SIZED(kitchen, 2048);        a sized heap
 * TSP4K_LAZY(kitchen, supplier);            its bytes come from a function, on first use
 * TSP4K_LAZY_SIZED(kitchen, supplier);
 * and the same with TSP128K_ and TSP16M_. Each defines a function kitchen(void) that returns the heap, made on its
 * first call, exactly once under threads: tsp4k_malloc(kitchen(), 100). Handle and bytes are all zero until then, so
 * they lie in .bss and take no room in flash. Not for an interrupt handler's first call (and with TSP_LOCK_HOOKS not
 * for any: it takes the lock, so keep the pointer). */
#define TSP4K_STATIC(name, bytes) TSP_STATIC_(tsp4k, name, bytes, 0)
#define TSP4K_STATIC_SIZED(name, bytes) TSP_STATIC_(tsp4k, name, bytes, 1)
#define TSP4K_LAZY(name, supplier) TSP_LAZY_(tsp4k, name, supplier, 0)
#define TSP4K_LAZY_SIZED(name, supplier) TSP_LAZY_(tsp4k, name, supplier, 1)
#define TSP128K_STATIC(name, bytes) TSP_STATIC_(tsp128k, name, bytes, 0)
#define TSP128K_STATIC_SIZED(name, bytes) TSP_STATIC_(tsp128k, name, bytes, 1)
#define TSP128K_LAZY(name, supplier) TSP_LAZY_(tsp128k, name, supplier, 0)
#define TSP128K_LAZY_SIZED(name, supplier) TSP_LAZY_(tsp128k, name, supplier, 1)
#define TSP16M_STATIC(name, bytes) TSP_STATIC_(tsp16m, name, bytes, 0)
#define TSP16M_STATIC_SIZED(name, bytes) TSP_STATIC_(tsp16m, name, bytes, 1)
#define TSP16M_LAZY(name, supplier) TSP_LAZY_(tsp16m, name, supplier, 0)
#define TSP16M_LAZY_SIZED(name, supplier) TSP_LAZY_(tsp16m, name, supplier, 1)

#ifdef __GNUC__
#define TSP_ALIGNED_ __attribute__((aligned(8)))
#else
#define TSP_ALIGNED_
#endif
#define TSP_STATIC_(V, name, bytes, sized)                                                                             \
    static V *name(void) {                                                                                             \
        static V spoon;                                                                                                \
        static union {                                                                                                 \
            unsigned char b[bytes];                                                                                    \
            long long ll;                                                                                              \
            double d;                                                                                                  \
            void *p;                                                                                                   \
        } memory TSP_ALIGNED_;                                                                                         \
        return V##_once_over(&spoon, memory.b, sizeof memory.b, sized);                                                \
    }                                                                                                                  \
    V *name##_(void) /* swallows the semicolon; never defined, never needed */
#define TSP_LAZY_(V, name, supplier, sized)                                                                            \
    static V *name(void) {                                                                                             \
        static V spoon;                                                                                                \
        return V##_once(&spoon, supplier, sized);                                                                      \
    }                                                                                                                  \
    V *name##_(void)

/* ---- How large must a heap be? -----------------------------------------------------------------------------------
 * Bytes at a granule-aligned address that hold n objects of a size and alignment in an empty heap, right to the byte:
 * a constant expression, so it can size an array. For alignments above the granule the region itself must be aligned
 * to it. TSP4K_BYTES is for heaps that remember sizes, TSP4K_BYTES_SIZED for sized heaps; likewise TSP128K_ and
 * TSP16M_. */
#define TSP4K_BYTES_SIZED(n, size, align) TSP_BYTES_SIZED_(4, n, size, align)
#define TSP4K_BYTES(n, size, align) TSP_BYTES_(4, n, size, align)
#define TSP128K_BYTES_SIZED(n, size, align) TSP_BYTES_SIZED_(4, n, size, align)
#define TSP128K_BYTES(n, size, align) TSP_BYTES_(4, n, size, align)
#define TSP16M_BYTES_SIZED(n, size, align) TSP_BYTES_SIZED_(8, n, size, align)
#define TSP16M_BYTES(n, size, align) TSP_BYTES_(8, n, size, align)

#define TSP_ROUND_(x, to) (((size_t)(x) + (size_t)(to)-1) / (size_t)(to) * (size_t)(to))
#define TSP_UNIT_(g, size) (TSP_ROUND > (g) && (size_t)(size) >= TSP_ROUND ? (size_t)TSP_ROUND : (size_t)(g))
#define TSP_TAKES_(g, size) TSP_ROUND_((size) + TSP_GUARD_, TSP_UNIT_(g, (size) + TSP_GUARD_))
#define TSP_STEP_(g, size, align) TSP_ROUND_(TSP_TAKES_(g, size), (align) > (g) ? (align) : (g))
/* A heap is a multiple of TSP_ROUND, unless it is smaller. */
#define TSP_EVEN_(g, bytes) ((bytes) > TSP_ROUND && TSP_ROUND > (g) ? TSP_ROUND_(bytes, TSP_ROUND) : (bytes))
/* n objects a step apart; the last one does not need the padding after it. */
#define TSP_BYTES_SIZED_(g, n, size, align)                                                                            \
    ((size_t)(n) == 0 || (size_t)(size) == 0                                                                           \
         ? (size_t)0                                                                                                   \
         : TSP_EVEN_(g, ((size_t)(n)-1) * TSP_STEP_(g, size, align) + TSP_TAKES_(g, size)))
#define TSP_BYTES_(g, n, size, align)                                                                                  \
    (TSP_BYTES_SIZED_(g, n, size, align) + (TSP_BYTES_SIZED_(g, n, size, align) / (g) + 7) / 8)

#endif
