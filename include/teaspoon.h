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
 *     V_         granule   links     largest heap      index
 *     tsp4k_     4 bytes   16 bits   262,136 bytes     never
 *     tsp128k_   4 bytes   16 bits   262,136 bytes     in heaps that hand out 32 KiB or more
 *     tsp16m_    8 bytes   32 bits   32 GiB - 8 bytes  in heaps that hand out 64 KiB or more
 *
 * (Where size_t has 16 bits a heap ends below 64 KiB, where it has 32 below 4 GiB. The names are the crate's, and no
 * family has its limit.)
 *
 * A heap is of one of two kinds, chosen when it is made:
 *     sized         You say how large an object was when you give it back. 0 bytes per object, whatever their number.
 *     remembering   The heap keeps one bit per granule that marks where each object ends (1/33 of a heap of 4-byte
 *                   granules, 1/65 of one of 8-byte granules), so that V_free(p) works, every bad free is noticed,
 *                   and V_walk shows every object.
 * Of either kind, heaps of 8192 granules or more have an index in tsp128k and tsp16m: 116 bytes and 1/450 of the heap
 * (tsp128k), or 360 and 1/900 (tsp16m). It bounds the time of a call, and the memory for it is taken by V_init.
 *
 * For every function below:
 *   - Sizes are in bytes. An alignment is a power of two; anything else is refused. No size is too large to ask for.
 *   - An object takes its size rounded up to a granule or, from TSP_ROUND bytes on, to a multiple of TSP_ROUND (and
 *     what TSP_DEBUG adds), and nothing more.
 *   - A call that fails or refuses leaves the objects, the list of holes, and what V_usage tells (but for `failed`) as
 *     they were.
 *   - Cost: "a search" without an index goes through the heap's holes in order of address, with steps of a few
 *     instructions: linear in their number, which is seldom more than a few dozen. With an index it passes at most the
 *     holes of 128 granules, and tries at most 17 that may do: there is a bound, however many holes. Copying and
 *     zeroing bytes comes on top. DESIGN.md section 5 has figures.
 *   - Locking: as TSP_LOCK says, below. With TSP_LOCK_SPIN (the default where there is an operating system) any number
 *     of threads may share a heap. With TSP_LOCK_INTERRUPTS (the default on a microcontroller) whatever runs on its
 *     core may, interrupt handlers too. With TSP_LOCK_HOOKS the platform's own lock decides, so every call is as safe
 *     as that is. With TSP_LOCK_NONE one caller at a time.
 *   - Interrupt handlers: under TSP_LOCK_INTERRUPTS, and with hooks that disable interrupts, a handler may make every
 *     call on a heap that it shares with what it interrupts, and none ever waits. The price: interrupts are disabled
 *     while a call works, so the slowest call that anybody makes on any heap is the interrupt latency. Zeroing is done
 *     with them enabled, and so is the copy of a resize, unless it slides; V_check, V_walk, V_usage and V_largest pass
 *     all holes. "Handlers: yes" is said of the calls that a handler may make on a shared heap under TSP_LOCK_SPIN too:
 *     all others wait there for the lock, and a handler would wait for ever for what it interrupted. Under
 *     TSP_LOCK_NONE nothing is shared. On a heap of its own, which nobody else uses, a handler may make any call.
 */
#ifndef TEASPOON_H
#define TEASPOON_H

#include <stddef.h>
#include <stdint.h>

#define TSP_VERSION_MAJOR 0
#define TSP_VERSION_MINOR 2
#define TSP_VERSION_PATCH 0
#define TSP_VERSION "0.2.0"

/* Whether the program runs on an operating system. */
#if defined(__unix__) || defined(__linux__) || defined(__APPLE__) || defined(_WIN32)
#define TSP_ON_A_SYSTEM_ 1
#else
#define TSP_ON_A_SYSTEM_ 0
#endif

/* Lock policies; choose with -DTSP_LOCK=... for the library and all that uses it. After this header TSP_LOCK is the one
 * in force. There is no lock only for who asks for that.
 *   TSP_LOCK_NONE        One caller at a time, and no handler but on a heap of its own.
 *   TSP_LOCK_SPIN        A spin lock in the handle; the default on an operating system, where who has waited for a
 *                        while yields its processor. Where a thread of higher priority can keep the holder from
 *                        running for ever, use hooks.
 *   TSP_LOCK_HOOKS       tsp_lock, tsp_try_lock and tsp_unlock, which the program defines: see there.
 *   TSP_LOCK_INTERRUPTS  Saves the interrupt mask, disables interrupts, and restores the mask: Cortex-M (PRIMASK; with
 *                        -DTSP_BASEPRI=0x40 only those of that priority and below, as the register has it), Cortex-A
 *                        and R (CPSR's I, not FIQ), AVR, MSP430, RISC-V in machine mode, Xtensa. The default where
 *                        there is no system. It is not enough, and hooks are needed,
 *                          - in threads without privilege, whose attempt a Cortex-M ignores and a RISC-V traps,
 *                          - on several cores (RP2040, ESP32): hooks that take a spin lock of the chip besides,
 *                          - for handlers that it does not keep out (NMI, FIQ, priorities above TSP_BASEPRI): these may
 *                            have heaps of their own. */
#define TSP_LOCK_NONE 0
#define TSP_LOCK_SPIN 1
#define TSP_LOCK_HOOKS 2
#define TSP_LOCK_INTERRUPTS 3

#if defined(__GNUC__) && (defined(__AVR__) || defined(__MSP430__) || defined(__riscv) || defined(__XTENSA__))
#define TSP_KNOWS_INTERRUPTS_ 1
#elif defined(__GNUC__) && defined(__ARM_ARCH_PROFILE) && !defined(__aarch64__)
#define TSP_KNOWS_INTERRUPTS_ 1
#else
#define TSP_KNOWS_INTERRUPTS_ 0
#endif

#ifndef TSP_LOCK
#if TSP_KNOWS_INTERRUPTS_ && !TSP_ON_A_SYSTEM_
#define TSP_LOCK TSP_LOCK_INTERRUPTS
#elif defined(__GCC_ATOMIC_CHAR_LOCK_FREE) && __GCC_ATOMIC_CHAR_LOCK_FREE == 2
#define TSP_LOCK TSP_LOCK_SPIN
#else
#error "say how heaps are locked: -DTSP_LOCK=0 not at all, =2 by hooks that you define; teaspoon.h has more"
#endif
#endif
#define TSP_IS_LOCK_(policy) TSP_IS_LOCK2_(policy)
#define TSP_IS_LOCK2_(policy) TSP_IS_LOCK_##policy /* not its value, since an unknown name has the value 0 */
#define TSP_IS_LOCK_0 1
#define TSP_IS_LOCK_1 1
#define TSP_IS_LOCK_2 1
#define TSP_IS_LOCK_3 TSP_KNOWS_INTERRUPTS_
#if !TSP_IS_LOCK_(TSP_LOCK)
#error "TSP_LOCK is none of 0 (none), 1 (spin), 2 (hooks), 3 (interrupts, on machines and compilers that it knows)"
#endif

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

/* The alignment that V_malloc and its kin give to objects of that size and more; smaller ones get the largest power of
 * two that is at most their size, as C23 has it. Choose with -DTSP_MALLOC_ALIGN=... for the library and all that uses
 * it. 8 is what every type of C needs but those that a machine aligns to 16 (x86-64, AArch64 and RISC-V: long double,
 * and beyond C __int128 and vectors). For these there is V_aligned_alloc, or a choice of 16, with which heaps are
 * larger by 3.6 % (tiny programs), 2.4 % (small ones) and 1.5 % (large ones). */
#ifndef TSP_MALLOC_ALIGN
#if defined(__BIGGEST_ALIGNMENT__) && __BIGGEST_ALIGNMENT__ < 8
#define TSP_MALLOC_ALIGN __BIGGEST_ALIGNMENT__
#else
#define TSP_MALLOC_ALIGN 8
#endif
#endif
#if TSP_MALLOC_ALIGN < 1 || TSP_MALLOC_ALIGN > 64 || (TSP_MALLOC_ALIGN & (TSP_MALLOC_ALIGN - 1))
#error "TSP_MALLOC_ALIGN is no power of two from 1 to 64"
#endif

/* Debugging aids; choose a sum with -DTSP_DEBUG=... for the library and all that uses it. Without, they are not there
 * and cost nothing. */
#define TSP_DEBUG_FILL 1       /* new bytes are 0xAA, freed ones 0xDD */
#define TSP_DEBUG_GUARD 2      /* 4 bytes behind each object; a write to them is noticed when the object is freed or
                                  resized (TSP_OVERRUN), and by V_check in a remembering heap */
#define TSP_DEBUG_SITES 4      /* remembering heaps know where each object came from: V_set_site; includes a guard */
#define TSP_DEBUG_ASAN 8       /* AddressSanitizer reports an access to what is not an object; includes a guard. A heap
                                  in a stack buffer leaves its bytes shut when the function returns: make it static */
#define TSP_DEBUG_VALGRIND 16  /* so does Valgrind, which knows objects, leaks and undefined bytes; includes a guard */
#define TSP_DEBUG_HEAPTRACK 32 /* heaptrack sees the objects; for a shared library, as its heaptrack_api.h says */
#ifndef TSP_DEBUG
#define TSP_DEBUG 0
#endif

/* How much is refused; choose with -DTSP_CHECK=... when the library is compiled.
 *   1, the default   All that is said below: misuse is refused and reported, and no damaged heap leads out of itself.
 *   0                What callers say and what holes hold is taken for true: pointers are of live objects (or NULL, or
 *                    of size 0), sizes and alignments are theirs, alignments are powers of two, and C library calls are
 *                    made on remembering heaps only. Whatever is not so is undefined behaviour; tsp_misuse is never
 *                    called. For programs that have been tested with 1, where flash is short. V_check,
 *                    V_attach and TSP_NO_MEMORY are as ever. */
#define TSP_GUARDS_ (TSP_DEBUG_GUARD | TSP_DEBUG_SITES | TSP_DEBUG_ASAN | TSP_DEBUG_VALGRIND)
#define TSP_GUARD_                                                                                                     \
    (((TSP_DEBUG & TSP_GUARDS_) ? 4u : 0u) + ((TSP_DEBUG & TSP_DEBUG_SITES) ? sizeof(const char *) : 0u))

/* A library and a program that differ in one of these do not link: "undefined reference to
 * tsp4k_init_if_library_has_LOCK_0_ROUND_8_MALLOC_ALIGN_8_DEBUG_0". The functions by which a heap begins have such a
 * name besides their own, and it is the one that a program asks for. (So the four are plain numbers. It is a matter for
 * the linker alone: debuggers and sources know tsp4k_init.) TSP_ANY_LIBRARY asks for no such names: for a library from
 * a compiler that is not like GNU's and cannot give them, such as tcc. */
#if defined(__GNUC__) && !defined(__APPLE__) && !defined(TSP_ANY_LIBRARY)
#define TSP_BUILT_(name) TSP_BUILT2_(name, TSP_LOCK, TSP_ROUND, TSP_MALLOC_ALIGN, TSP_DEBUG)
#define TSP_BUILT2_(name, lock, round, align, debug) TSP_BUILT3_(name, lock, round, align, debug)
#define TSP_BUILT3_(name, lock, round, align, debug)                                                                   \
    #name "_if_library_has_LOCK_" #lock "_ROUND_" #round "_MALLOC_ALIGN_" #align "_DEBUG_" #debug
#define TSP_SYMBOL_(name) __asm__(TSP_TEXT_(__USER_LABEL_PREFIX__) TSP_BUILT_(name))
#else
#define TSP_SYMBOL_(name)
#endif

/* The file and line where it stands, as a text. */
#define TSP_HERE __FILE__ ":" TSP_TEXT_(__LINE__)
#define TSP_TEXT_(x) TSP_TEXT2_(x)
#define TSP_TEXT2_(x) #x

#ifdef __cplusplus
extern "C" {
#endif

/* What a call has to say. Everything but TSP_OK means that nothing was changed (where a heap is damaged, the damage may
 * show too late for that). */
typedef enum tsp_status {
    TSP_OK = 0,
    TSP_NO_MEMORY,     /* no placement was found; V_alloc says when there is none */
    TSP_BUSY,          /* the lock is held, and the call was asked not to wait */
    TSP_BAD_ALIGNMENT, /* an alignment that is zero or not a power of two */
    TSP_FOREIGN,       /* the pointer is not into this heap, nor what it gave for size 0 */
    TSP_MISALIGNED,    /* the pointer is not on a granule, or not aligned as its alignment says */
    TSP_ALREADY_FREE,  /* the bytes, or some of them, are free: a double free, or a wrong size */
    TSP_INTERIOR,      /* not the beginning of an object (remembering heaps) */
    TSP_WRONG_SIZE,    /* not the object's size (remembering heaps); size 0 for a pointer into the heap */
    TSP_SIZED_HEAP,    /* the call needs a heap that remembers sizes */
    TSP_CORRUPT,       /* the heap's own data is damaged: something wrote where it must not */
    TSP_OVERRUN        /* something wrote beyond the object's end, or its size is wrong (with TSP_DEBUG_GUARD) */
} tsp_status;

/* One line of plain English for a status, whatever its number. Never NULL. Constant cost; handlers: yes. */
const char *tsp_status_text(tsp_status status);

/* The version of the library that was linked, as in TSP_VERSION. Constant cost; handlers: yes. */
const char *tsp_version(void);

/* Called by the functions that return a pointer, a size or nothing (V_free, V_realloc, V_usable_size, ...) when they
 * refuse a call because of misuse or damage; but not where they only refuse the alignment of something new. heap is the
 * handle, pointer what was passed in, NULL where nothing was. The heap is unlocked, so the hook may use it. Define a
 * function of this name in your program to replace the library's, which on an operating system says what happened on
 * stderr and aborts, and otherwise traps. If it returns, the refused call returns too: NULL, 0, or having done nothing.
 * It runs where the call was made, from a handler if V_try_alloc finds damage there. */
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
    size_t largest;  /* V_largest(spoon, 1) */
    size_t low_free; /* the lowest that free has been since init, reset or reset_low */
    size_t failed;   /* requests that found no memory since init or reset, or since the handle was all zero; but for
                        V_resize_in_place, which only asks. Stops counting at 254 */
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
    tsp_status status; /* TSP_OK or TSP_CORRUPT; with TSP_DEBUG_GUARD also TSP_OVERRUN */
    size_t at;
    const char *what; /* one line of plain English; NULL when all is well */
} tsp_report;

/* Supplies a heap's bytes: returns their address and sets *size. NULL: there are none. It runs with the heap's lock
 * held and must not call that heap. */
typedef void *tsp_supplier(size_t *size);

/* ---- The handles -------------------------------------------------------------------------------------------------
 * One per heap, anywhere you like outside its bytes. All zero is a valid heap in which every allocation but those of
 * size 0 fails, so a static handle needs no initialiser. It stays where it is as long as objects of size 0 are live,
 * since its address is theirs. Look, but do not touch: the layout belongs to the engine. (From gap on it is laid out
 * like the last granule of a hole; src/engine.h shows why.) */
#define TSP_BASE_AND_INDEX_ *base, *index /* of bins and chunks; of no use in a heap that has none */
#define TSP_HANDLE(name, pointers, link, counts)                                                                       \
    typedef struct name {                                                                                              \
        unsigned char pointers;                                                                                        \
        counts link gap, granules;                                                                                     \
        unsigned char failed, state;                                                                                   \
    } name;

TSP_HANDLE(tsp4k, *base, uint16_t, uint16_t objects; uint16_t used; uint16_t peak;)
TSP_HANDLE(tsp128k, TSP_BASE_AND_INDEX_, uint16_t, uint16_t objects; uint16_t used; uint16_t peak;)
TSP_HANDLE(tsp16m, TSP_BASE_AND_INDEX_, uint32_t, uint32_t objects; uint32_t used; uint32_t peak;)

/* ---- The functions -----------------------------------------------------------------------------------------------

 * size_t V_init(spoon, memory, size)
 * size_t V_init_sized(spoon, memory, size)
 *     Makes a heap of the size bytes at memory: one that remembers sizes, or a sized one. Any address and any size will
 *     do: what is before the first multiple of a granule is lost, and the heap is the largest that fits behind it with
 *     its map and its index, and that one object can fill (a multiple of TSP_ROUND, unless it is smaller). Returns the
 *     number of bytes that can be handed out: 0 where memory is NULL or too small (then every allocation but those of
 *     size 0 fails), and less than you gave where it is more than the family can hold (then the rest stays yours,
 *     untouched). Writes nothing outside the region, and inside it only the first granule and the last, and map and
 *     index behind them. Whatever was in spoon is forgotten, and the lock is open. Cost: linear in the bytes of map and
 *     index; constant if there are none. Takes no lock: whoever calls it must be the only user of spoon. Handlers: yes.
 *
 * size_t V_extend(spoon, size)
 *     The heap gets size bytes more, which are directly behind its region (as from sbrk): objects stay where they are,
 *     their map moves up, and a heap that is large enough then gets an index. Returns the number of bytes that can be
 *     handed out now: what V_init would return for both together, less the bytes that it had left over at the region's
 *     end (too few for a granule, or for the index that would come with one). It is what it was where size is too
 *     little for a granule, where the family can hold no more, and where the heap has no bytes; 0 if the heap is
 *     damaged: that is reported to tsp_misuse, and nothing has changed. V_usage tells low_free as if the bytes had
 *     always been there and free. Once extended, the region is all of it, for V_attach too. Cost: linear in the heap's
 *     holes, and in the bytes of map and index. It takes the lock, but other calls look at the heap's size without it:
 *     no other thread may be in a call on spoon, nor a handler come in between. Handlers: no.
 * void V_reset(spoon)
 *     Empties the heap at once: every object is gone, statistics begin anew. Cost as V_init. Handlers: no.
 *
 * void V_reset_low(spoon)
 *     low_free of V_usage begins anew: it is what is free now. Constant cost. Handlers: no.

 * ---- Layout calls, for both kinds of heap: you say size and alignment, at the beginning and at the end.

 * void *V_alloc(spoon, size, align)
 * void *V_alloc_zeroed(spoon, size, align)
 *     An object of size bytes, aligned. NULL: no place was found for it, the alignment is refused, or the heap is
 *     damaged (which is also reported to tsp_misuse). Without an index a place is found wherever there is one. With an
 *     index it is found for sure where
 *         - a hole has 1.5 times the bytes that the object takes and its alignment, or
 *         - the object takes less than 256 bytes, wants no alignment above the granule, and sizes are rounded to 8;
 *     of the other holes that may do only 8 are tried, and where there are more it may be NULL though one would do.
 *     Size 0 gives an address that is aligned, not NULL, not in the heap, and must not be written to; it costs nothing,
 *     and is not counted. It is the handle's own or, where that is not aligned so, one that only calls which are told
 *     its size know: V_dealloc and V_resize, not V_free. (NULL if the heap lies over the only address that is aligned.)
 *     Cost: a search; zeroing is done outside the lock. Handlers: no.
 *
 * tsp_status V_dealloc(spoon, pointer, size, align)
 *     Gives back an object: pointer, size and align as they were given to V_alloc or last to V_resize. TSP_OK without
 *     doing anything for NULL, whatever size says, and for size 0, whatever pointer is outside the heap; align is
 *     looked at all the same. Refused, with the reason: TSP_FOREIGN, TSP_MISALIGNED, TSP_ALREADY_FREE, TSP_WRONG_SIZE,
 *     TSP_INTERIOR, TSP_BAD_ALIGNMENT, TSP_CORRUPT, TSP_OVERRUN; nothing is reported to tsp_misuse. A sized heap can
 *     not know that the size is wrong or the pointer is inside an object as long as all the bytes are live; a
 *     remembering heap knows all but a size that takes the same bytes, and what looks like a live object since its
 *     bytes are one again. Cost: a search; in a remembering heap also the bits of the object (a step for 32 granules).
 *     Handlers: no.
 *
 * void *V_resize(spoon, pointer, old_size, new_size, align)
 * void *V_resize_zeroed(spoon, pointer, old_size, new_size, align)
 *     Grows or shrinks an object; align is what the result must have, and may differ from before. Returns its address,
 *     which may have changed; contents are kept up to the smaller size, and the zeroed form clears the bytes beyond.
 *     It stays in place where it can, moves where it must, and as a last resort slides back into free bytes directly
 *     before it. NULL and old_size 0 (with a pointer outside the heap) allocate as V_alloc does; new_size 0 gives the
 *     object back and returns as V_alloc does for size 0. NULL: no place was found (the old object is as it was), or
 *     misuse as in V_dealloc, which is also reported to tsp_misuse.
 *     Cost: at most four searches, and as V_dealloc; the copy is done outside the lock unless the object slides.
 *     Handlers: no.
 *
 * tsp_status V_resize_in_place(spoon, pointer, old_size, new_size, align)
 *     The same, but never moves the object: TSP_OK; TSP_NO_MEMORY where it would have to move, and for new_size 0 (an
 *     object of that size would be elsewhere); or the misuse, which is not reported. NULL and objects of size 0 can
 *     only stay what they are: TSP_OK for new_size 0, else TSP_NO_MEMORY. Cost: at most three searches, and as
 *     V_dealloc. Handlers: no.
 *
 * void *V_try_alloc(spoon, size, align)
 * tsp_status V_try_dealloc(spoon, pointer, size, align)
 *     As V_alloc and V_dealloc, but where the lock is held they give up at once (NULL; TSP_BUSY) instead of waiting;
 *     that is not counted as failed. Handlers: yes.
 * tsp_status V_try_alloc_to(spoon, size, align, result)
 *     V_try_alloc for who wants to know why not. TSP_OK, and *result is the object; or *result is NULL, and it is
 *     TSP_NO_MEMORY, TSP_BUSY (it may be worth another try when the handler has returned), TSP_BAD_ALIGNMENT or
 *     TSP_CORRUPT; nothing is reported to tsp_misuse. Handlers: yes.

 * ---- C library calls, for heaps that remember sizes. On a sized heap they are misuse: TSP_SIZED_HEAP.

 * void *V_malloc(spoon, size)
 *     As C's malloc, aligned to the largest power of two that is at most size and at most TSP_MALLOC_ALIGN. Size 0
 *     gives the address of the handle. NULL and cost as V_alloc. Handlers: no, as for all of these
 *     but V_try_malloc and its kin.
 * void *V_calloc(spoon, count, size)
 *     count * size bytes of zeros, else as V_malloc of the product; NULL also where that is more than size_t holds.
 * void *V_realloc(spoon, pointer, size)
 *     As C's realloc; alignment as V_malloc(size), but what does not grow stays where it is, however it is aligned.
 *     NULL: the old object is as it was, no place was found or it was misuse, as in V_resize. NULL and the address for
 *     size 0 allocate; size 0 gives the object back and returns as V_malloc(0). An object of a stricter alignment is
 *     for V_resize. Cost as V_resize.
 * void *V_reallocarray(spoon, pointer, count, size)
 *     V_realloc of count * size; NULL where the product is more than size_t holds, and the old object is as it was.
 * void *V_aligned_alloc(spoon, align, size)
 *     As C's aligned_alloc, for any size. NULL also where the alignment is refused, and for size 0 where the handle's
 *     address is not aligned so. Cost as V_alloc.
 * void V_free(spoon, pointer)
 * void V_free_sized(spoon, pointer, size)
 * void V_free_aligned_sized(spoon, pointer, align, size)
 *     As C23's. NULL does nothing, but for an align that is no alignment; nor does what an allocation of size 0 gave.
 *     Whatever is not exactly a live object of this heap (and of this size, as far as it is rounded, and alignment,
 *     where you say it) is refused and reported to tsp_misuse. Cost as V_dealloc.
 * tsp_status V_try_malloc(spoon, size, result)
 * tsp_status V_try_realloc(spoon, pointer, size)
 * tsp_status V_try_free(spoon, pointer)
 *     For interrupt handlers: where the lock is held they give up at once, with TSP_BUSY. What else they refuse they
 *     say too, and report nothing to tsp_misuse. V_try_malloc as V_malloc, with *result as in V_try_alloc_to.
 *     V_try_free as V_free. V_try_realloc only grows or shrinks in place, since to move takes the lock twice and a
 *     copy: TSP_NO_MEMORY where V_realloc would have to move the object, and for size 0; NULL and the address for size
 *     0 can only stay what they are, as in V_resize_in_place, and as there it is no failed request. Handlers: yes.
 * size_t V_usable_size(spoon, pointer)
 *     How many bytes the object may be used for: all that it takes but for a guard. 0 for NULL and objects of size 0,
 *     also in a sized heap, and for what is no object, which is reported to tsp_misuse. Cost as V_dealloc.

 * ---- Looking at a heap

 * tsp_usage V_usage(spoon)
 *     The figures above. Cost: linear in the number of holes, for largest. Handlers: no.
 * size_t V_largest(spoon, align)
 *     The most bytes that an object of this alignment has room for now, in any hole: without an index the largest n for
 *     which V_alloc(spoon, n, align) succeeds. 0 if there is no room, or no such alignment. Cost: linear in the number
 *     of holes. Handlers: no.
 * int V_contains(spoon, pointer)
 *     1 if pointer is into the bytes that the heap hands out, else 0. Constant cost; takes no lock. Handlers: yes.
 * int V_walk(spoon, visitor, context)
 *     Visits everything in order of address, holding the lock. Returns what the visitor returned last, or 0. Cost:
 *     linear in holes and, in a remembering heap, objects and bytes of the map; and the visits. Handlers: no.
 * tsp_report V_check(spoon)
 *     Verifies every invariant of DESIGN.md section 3 and changes nothing. Cost: linear in holes and in the bytes of
 *     map and index. Handlers: no.

 * ---- Where an object came from (TSP_DEBUG_SITES; without it, the first returns object and the second NULL)

 * void *V_set_site(spoon, object, site)
 *     Notes with an object of a remembering heap where it came from: site is a text that stays, as TSP_HERE is. Returns
 *     object: p = tsp4k_set_site(&spoon, tsp4k_malloc(&spoon, 100), TSP_HERE). A resized object keeps its site. What is
 *     no object is left alone. Cost as V_usable_size. Handlers: no.
 * const char *V_site(start, size)
 *     The site of an object as V_walk shows it to a visitor, or NULL. Constant cost; takes no lock. Handlers: yes.

 * ---- Around fork

 * unsigned long V_lock(spoon)
 * void V_unlock(spoon, state)
 *     V_lock takes the heap's lock and returns what the V_unlock that gives it back wants for state. Meanwhile the heap
 *     is whole and nobody changes it; the holder makes no other call on it that takes the lock, since it would wait for
 *     itself. A child that was forked while another thread held the lock would wait for ever, so a program of several
 *     threads says
 *         static unsigned long held;
 *         static void before_fork(void) { held = tsp4k_lock(&spoon); }
 *         static void after_fork(void) { tsp4k_unlock(&spoon, held); }
 *         ...
 *         pthread_atfork(before_fork, after_fork, after_fork);
 *     They are the lock of every other call: with TSP_LOCK_HOOKS tsp_lock and tsp_unlock, with TSP_LOCK_INTERRUPTS the
 *     interrupt mask, with TSP_LOCK_NONE nothing.
 *     Whoever locks several heaps takes them in the order in which visitors and suppliers use one inside another.
 *     Constant cost, but for waiting. Handlers: no.

 * ---- Heaps that are already there

 * tsp_report V_attach(spoon, memory, size, alone)
 *     Takes up a heap that exists: spoon is its handle, kept or shared together with its bytes, which are now the size
 *     bytes at memory (the region that V_init was given, or a copy of it whose address has the same remainder by
 *     TSP_MALLOC_ALIGN; stricter alignments are for you to keep). Believes nothing, and verifies all there is to
 *     verify: that handle and heap are of this family and of a build that rounds sizes alike and has guards or has
 *     none; lie within the region; and hold every invariant, as V_check does. TSP_OK: the heap may be used. Otherwise
 *     the report says why not, and not a byte has changed.
 *         alone not 0   Nobody else uses it: RAM that was kept over a reset, a file that was mapped. The lock is
 *                       opened, whoever held it, and from now on the heap is at memory.
 *         alone 0       Others may be using it: memory that processes share. They all have to see it at the same
 *                       address, since the handle holds it once (refused otherwise), and the lock policy has to be one
 *                       that works between them: TSP_LOCK_SPIN does. Waits for the lock.
 *     Statistics go on; only if somebody held a spin lock, which has the count of failed requests with it, does that
 *     begin anew. What objects contain is not looked at: an address that was stored in them is yours to mend, and so is
 *     that of objects of size 0, which is the handle's. Cost as V_check. Handlers: no.

 * ---- Heaps that make themselves

 * V *V_once(spoon, supplier, sized)
 *     spoon, a handle that was all zero when the program began; the first call gets the memory from supplier and makes
 *     the heap (a sized one if sized is not 0), exactly once whichever thread comes first; the others wait for it. If
 *     there is no memory it is a heap of no bytes, and supplier is not asked again. Returns spoon. Until it has
 *     returned, a thread makes no other call on spoon. For the memory itself see TSP4K_STATIC and its kin below. Cost:
 *     the first call as V_init, and the supplier's; constant from then on, and without the lock but for TSP_LOCK_HOOKS.
 *     Handlers: no, but where the heap is made and the lock is no hook. (Under TSP_LOCK_INTERRUPTS
 *     the whole first call is with interrupts disabled.)
 * V *V_once_over(spoon, memory, size, sized)
 *     The same over memory that you have at hand.
 */
#define TSP_FUNCTIONS(V)                                                                                               \
    size_t V##_init(V *spoon, void *memory, size_t size) TSP_SYMBOL_(V##_init);                                        \
    size_t V##_init_sized(V *spoon, void *memory, size_t size) TSP_SYMBOL_(V##_init_sized);                            \
    size_t V##_extend(V *spoon, size_t size);                                                                          \
    void V##_reset(V *spoon);                                                                                          \
    void V##_reset_low(V *spoon);                                                                                      \
    void *V##_alloc(V *spoon, size_t size, size_t align);                                                              \
    void *V##_alloc_zeroed(V *spoon, size_t size, size_t align);                                                       \
    tsp_status V##_dealloc(V *spoon, void *pointer, size_t size, size_t align);                                        \
    void *V##_resize(V *spoon, void *pointer, size_t old_size, size_t new_size, size_t align);                         \
    void *V##_resize_zeroed(V *spoon, void *pointer, size_t old_size, size_t new_size, size_t align);                  \
    tsp_status V##_resize_in_place(V *spoon, void *pointer, size_t old_size, size_t new_size, size_t align);           \
    void *V##_try_alloc(V *spoon, size_t size, size_t align);                                                          \
    tsp_status V##_try_dealloc(V *spoon, void *pointer, size_t size, size_t align);                                    \
    tsp_status V##_try_alloc_to(V *spoon, size_t size, size_t align, void **result);                                   \
    void *V##_malloc(V *spoon, size_t size);                                                                           \
    void *V##_calloc(V *spoon, size_t count, size_t size);                                                             \
    void *V##_realloc(V *spoon, void *pointer, size_t size);                                                           \
    void *V##_reallocarray(V *spoon, void *pointer, size_t count, size_t size);                                        \
    void *V##_aligned_alloc(V *spoon, size_t align, size_t size);                                                      \
    void V##_free(V *spoon, void *pointer);                                                                            \
    void V##_free_sized(V *spoon, void *pointer, size_t size);                                                         \
    void V##_free_aligned_sized(V *spoon, void *pointer, size_t align, size_t size);                                   \
    size_t V##_usable_size(V *spoon, const void *pointer);                                                             \
    tsp_status V##_try_malloc(V *spoon, size_t size, void **result);                                                   \
    tsp_status V##_try_realloc(V *spoon, void *pointer, size_t size);                                                  \
    tsp_status V##_try_free(V *spoon, void *pointer);                                                                  \
    void *V##_set_site(V *spoon, void *object, const char *site);                                                      \
    const char *V##_site(const void *start, size_t size);                                                              \
    tsp_usage V##_usage(V *spoon);                                                                                     \
    size_t V##_largest(V *spoon, size_t align);                                                                        \
    int V##_contains(const V *spoon, const void *pointer);                                                             \
    int V##_walk(V *spoon, tsp_visitor *visitor, void *context);                                                       \
    tsp_report V##_check(V *spoon);                                                                                    \
    tsp_report V##_attach(V *spoon, void *memory, size_t size, int alone) TSP_SYMBOL_(V##_attach);                     \
    unsigned long V##_lock(V *spoon);                                                                                  \
    void V##_unlock(V *spoon, unsigned long state);                                                                    \
    V *V##_once(V *spoon, tsp_supplier *supplier, int sized) TSP_SYMBOL_(V##_once);                                    \
    V *V##_once_over(V *spoon, void *memory, size_t size, int sized) TSP_SYMBOL_(V##_once_over);

TSP_FUNCTIONS(tsp4k)
TSP_FUNCTIONS(tsp128k)
TSP_FUNCTIONS(tsp16m)

#ifdef __cplusplus
}
#endif

/* ---- Static heaps without a line of start-up code ----------------------------------------------------------------
 * TSP4K_STATIC(kitchen, 2048);              a heap that remembers sizes
 * TSP4K_STATIC_SIZED(kitchen, 2048);        a sized heap
 * TSP4K_LAZY(kitchen, supplier);            its bytes come from a function, on first use
 * TSP4K_LAZY_SIZED(kitchen, supplier);
 * and the same with TSP128K_ and TSP16M_. Each defines a function kitchen(void) that returns the heap, made on its
 * first call, exactly once under threads: tsp4k_malloc(kitchen(), 100). Handle and bytes are all zero until then, so
 * they lie in .bss and take no room in flash. Not for an interrupt handler's first call under TSP_LOCK_SPIN (and with
 * TSP_LOCK_HOOKS not for any: it takes the lock, so keep the pointer). */
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
 * Bytes at a granule-aligned address that hold n objects of a size and alignment in an empty heap, map and index
 * included: a constant expression, so it can size an array. Right to the byte, but for alignments of more than two
 * granules in a heap with an index, where it is what V_alloc needs to find the place of the last one for sure. For
 * alignments above the granule the region itself must be aligned to it. More than the family can hold is not held.
 * TSP4K_BYTES is for heaps that remember sizes, TSP4K_BYTES_SIZED for sized heaps; likewise TSP128K_ and TSP16M_. */
#define TSP4K_BYTES_SIZED(n, size, align) TSP_BYTES_(4, 0, 0, n, size, align)
#define TSP4K_BYTES(n, size, align) TSP_BYTES_(4, 0, 1, n, size, align)
#define TSP128K_BYTES_SIZED(n, size, align) TSP_BYTES_(4, 116, 0, n, size, align)
#define TSP128K_BYTES(n, size, align) TSP_BYTES_(4, 116, 1, n, size, align)
#define TSP16M_BYTES_SIZED(n, size, align) TSP_BYTES_(8, 360, 0, n, size, align)
#define TSP16M_BYTES(n, size, align) TSP_BYTES_(8, 360, 1, n, size, align)

#define TSP_ROUND_(x, to) (((size_t)(x) + (size_t)(to)-1) / (size_t)(to) * (size_t)(to))
#define TSP_UNIT_(g, size) (TSP_ROUND > (g) && (size_t)(size) >= TSP_ROUND ? (size_t)TSP_ROUND : (size_t)(g))
#define TSP_TAKES_(g, size) TSP_ROUND_((size) + TSP_GUARD_, TSP_UNIT_(g, (size) + TSP_GUARD_))
#define TSP_STEP_(g, size, align) TSP_ROUND_(TSP_TAKES_(g, size), (align) > (g) ? (align) : (g))
/* A heap is a multiple of TSP_ROUND, unless it is smaller. */
#define TSP_EVEN_(g, bytes) ((bytes) > TSP_ROUND && TSP_ROUND > (g) ? TSP_ROUND_(bytes, TSP_ROUND) : (bytes))
/* All but the last of n objects, which are a step apart; the last one does not need the padding after it. */
#define TSP_BUT_ONE_(g, n, size, align) (((size_t)(n)-1) * TSP_STEP_(g, size, align))
#define TSP_EXACT_(g, n, size, align) TSP_EVEN_(g, TSP_BUT_ONE_(g, n, size, align) + TSP_TAKES_(g, size))
/* What a hole needs to be in a bin of which every hole has room, however it is aligned (src/bins.h): bins are in steps
 * of 8 bytes or at most of a half. */
#define TSP_SURE_(g, size, align) TSP_ROUND_((TSP_TAKES_(g, size) + (align) - (g)) / 2 * 3 + 8, 8)
/* Heaps of so many granules have an index: its bins, one byte for each chunk of 128 granules, and words of 32 bits over
 * words (src/chunks.h). `fixed` is what its bins take, and 0 for a family that never has one. */
#define TSP_INDEXED_(g, fixed, bytes) ((fixed) != 0 && (bytes) / (g) >= 8192)
#define TSP_UP_(x, to) (((x)-1) / (to) + 1)
#define TSP_WORDS_(granules)                                                                                           \
    (TSP_UP_(granules, 4096) + TSP_UP_(granules, 131072) + ((granules) > 131072 ? TSP_UP_(granules, 4194304) : 0) +    \
     ((granules) > 4194304 ? TSP_UP_(granules, 134217728) : 0) + ((granules) > 134217728))
#define TSP_INDEX_(g, fixed, bytes)                                                                                    \
    (TSP_INDEXED_(g, fixed, bytes)                                                                                     \
         ? (size_t)((fixed) + TSP_ROUND_(TSP_UP_((bytes) / (g), 128), 4) + 4 * TSP_WORDS_((bytes) / (g)))              \
         : (size_t)0)
#define TSP_MAP_(g, fixed, bytes)                                                                                      \
    (TSP_INDEXED_(g, fixed, bytes) ? TSP_ROUND_(((bytes) / (g) + 7) / 8, 4) : ((bytes) / (g) + 7) / 8)
#define TSP_HEAP_(g, fixed, n, size, align)                                                                            \
    (TSP_INDEXED_(g, fixed, TSP_EXACT_(g, n, size, align)) && (align) > 2 * (g)                                        \
         ? TSP_BUT_ONE_(g, n, size, align) + TSP_SURE_(g, size, align)                                                 \
         : TSP_EXACT_(g, n, size, align))
#define TSP_ALL_(g, fixed, map, bytes)                                                                                 \
    ((bytes) + ((map) ? TSP_MAP_(g, fixed, bytes) : (size_t)0) + TSP_INDEX_(g, fixed, bytes))
#define TSP_BYTES_(g, fixed, map, n, size, align)                                                                      \
    ((size_t)(n) == 0 || (size_t)(size) == 0 ? (size_t)0                                                               \
                                             : TSP_ALL_(g, fixed, map, TSP_HEAP_(g, fixed, n, size, align)))

#endif
