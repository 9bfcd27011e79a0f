/* Records what firmware asks of its heap, a few bytes a call, for `teaspoon decode` on the host to make a trace of.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 *     static int sink(const void *bytes, size_t n) {      n is at most 48
 *         return uart_try_write(bytes, n);                 1: taken, all of it; 0: no room, and nothing was taken
 *     }
 *     TSP_RECORD(sink);                                   once in the program, and one of these, or more:
 *
 *     TSP_RECORD_HEAP(tsp128k);      malloc, calloc,        -Wl,--wrap=tsp128k_malloc,--wrap=tsp128k_calloc,
 *                                    realloc and free       --wrap=tsp128k_realloc,--wrap=tsp128k_free
 *     TSP_RECORD_SIZED(tsp128k);     alloc, dealloc and     -Wl,--wrap=tsp128k_alloc,--wrap=tsp128k_dealloc,
 *                                    resize                 --wrap=tsp128k_resize
 *     TSP_RECORD_MALLOC();           any malloc             -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
 *     TSP_RECORD_NEWLIB();           newlib's, which all    -Wl,--wrap=_malloc_r,--wrap=_calloc_r,--wrap=_realloc_r,
 *                                    of libc calls          --wrap=_free_r
 *
 * or by hand: tsp_record_new, tsp_record_free, tsp_record_resized. The linker's --wrap sees calls from one object file to
 * another; it leaves the calls inside one alone.
 *
 * The sink may be a UART, RTT, semihosting, or a ring in RAM that is dumped later. It is called with TSP_RECORD_LOCK held
 * and must not wait: a call that it has no room for is counted, and the count is sent as soon as there is room. Where
 * the sink allocates, that is not recorded. Half a recording will do, from anywhere: every 64 calls the address is sent
 * in full. RAM: 3 words. Code: some 500 bytes on Cortex-M0.
 *
 * Each event begins with a byte whose highest bit is set; in all others it is clear, and they carry 7 bits, low ones
 * first.
 *
 *     1 kind:2 bytes-1:2 sequence:3 | first field: that many bytes | second field: all up to the next such byte
 *
 *     kind 0  new      address, size             address: the distance from the last one, in units of TSP_RECORD_UNIT
 *          1  free     address                            bytes; twice that, or twice less one and negative
 *          2  resized  address, new size
 *          3  other    0, state     the last address in units, times 16, and 4 log2 unit and log2 sizeof(void *)
 *                      1, count     of calls that have been dropped since the beginning
 *                      2, log2      the alignment of the new object that comes next
 *                      3, address   to which the object was moved that was resized last */
#ifndef TSP_RECORD_H
#define TSP_RECORD_H

#include <stddef.h>
#include <stdint.h>

/* What addresses are multiples of; 1 where a malloc aligns to nothing, as on AVR. */
#ifndef TSP_RECORD_UNIT
#define TSP_RECORD_UNIT (sizeof(void *) < 4 ? 1 : 4)
#endif

/* Between them nobody else may record. Cortex-M needs no definition; nor do programs of one thread whose interrupt
 * handlers do not allocate. */
#ifndef TSP_RECORD_LOCK
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define TSP_RECORD_LOCK()                                                                                              \
    unsigned long tsp_record_mask_;                                                                                    \
    __asm__ __volatile__("mrs %0, primask\n\tcpsid i" : "=r"(tsp_record_mask_) : : "memory")
#define TSP_RECORD_UNLOCK() __asm__ __volatile__("msr primask, %0" : : "r"(tsp_record_mask_) : "memory")
#else
#define TSP_RECORD_LOCK() ((void)0)
#define TSP_RECORD_UNLOCK() ((void)0)
#endif
#endif

#ifdef __cplusplus
#define TSP_RECORD_C_ extern "C" __attribute__((used))
extern "C" {
#else
#define TSP_RECORD_C_ __attribute__((used))
#endif

/* An object is there; one is about to be freed; one has been resized, and is at `pointer` now. NULL: nothing happened.
 * What is freed is said before, what is new after the call: so an interrupt between the two says nothing that is wrong.
 * align: 0 where the program did not say. */
void tsp_record_new(const void *pointer, size_t size, size_t align);
void tsp_record_free(const void *pointer);
void tsp_record_resized(const void *old, const void *pointer, size_t size);

#ifdef __cplusplus
}
#endif

enum { TSP_RECORD_NEW, TSP_RECORD_FREE, TSP_RECORD_RESIZED, TSP_RECORD_OTHER };
enum { TSP_RECORD_STATE, TSP_RECORD_DROPPED, TSP_RECORD_ALIGN, TSP_RECORD_MOVED };
enum { TSP_RECORD_EVERY = 64 }; /* calls between two states */

typedef struct tsp_recorder {
    uintptr_t last; /* address, in units */
    unsigned long dropped;
    unsigned char sequence, due, told; /* due: calls before the next state; told: all that have been dropped */
    unsigned char busy;                /* the sink is at work */
} tsp_recorder;

static inline unsigned tsp_record_put_(unsigned char *to, uintptr_t n) {
    unsigned length = 0;
    do to[length++] = (unsigned char)(n & 127);
    while (n >>= 7);
    return length;
}

/* The distance so that near addresses are small, whichever lies lower. */
static inline uintptr_t tsp_record_delta_(const tsp_recorder *r, uintptr_t at) {
    const uintptr_t d = at - r->last, sign = d >> (8 * sizeof d - 1);
    return (d << 1) ^ (0 - sign);
}

/* Too far for a first field: then the whole address is sent. */
static inline int tsp_record_is_far_(uintptr_t delta) {
    return delta >> 14 >> 14 != 0;
}

static inline unsigned tsp_record_event_(tsp_recorder *r, unsigned char *to, unsigned kind, uintptr_t first, int two,
                                         uintptr_t second) {
    unsigned length = 1 + tsp_record_put_(to + 1, first);
    to[0] = (unsigned char)(128 | kind << 5 | (length - 2) << 3 | (r->sequence++ & 7));
    return two ? length + tsp_record_put_(to + length, second) : length;
}

static inline unsigned tsp_record_log2_(size_t n) {
    unsigned log = 0;
    while (n >>= 1) log++;
    return log;
}

#define TSP_RECORD_ABOUT_ (tsp_record_log2_(TSP_RECORD_UNIT) << 2 | tsp_record_log2_(sizeof(void *)))

/* One call, as the sink takes it or leaves it. */
static inline void tsp_record_call_(tsp_recorder *r, int (*sink)(const void *, size_t), unsigned kind, const void *at,
                                    const void *moved, size_t size, size_t align) {
    unsigned char bytes[48];
    unsigned n = 0;
    const uintptr_t unit = (uintptr_t)at / TSP_RECORD_UNIT;
    tsp_recorder old;
    TSP_RECORD_LOCK();
    old = *r;
    if (!r->busy) {
        r->busy = 1;
        const int far = tsp_record_is_far_(tsp_record_delta_(r, unit));
        if (r->due == 0 || far) {
            if (far) r->last = unit;
            r->due = TSP_RECORD_EVERY;
            n += tsp_record_event_(r, bytes, TSP_RECORD_OTHER, TSP_RECORD_STATE, 1,
                                   (r->last & 7) << 4 | TSP_RECORD_ABOUT_);
            if (r->last >> 3) n += tsp_record_put_(bytes + n, r->last >> 3); /* times 16, a word might not hold it */
        }
        if (!r->told) n += tsp_record_event_(r, bytes + n, TSP_RECORD_OTHER, TSP_RECORD_DROPPED, 1, r->dropped);
        if (align > 1)
            n += tsp_record_event_(r, bytes + n, TSP_RECORD_OTHER, TSP_RECORD_ALIGN, 1, tsp_record_log2_(align));
        n += tsp_record_event_(r, bytes + n, kind, tsp_record_delta_(r, unit), kind != TSP_RECORD_FREE, size);
        r->last = unit;
        if (moved) {
            n += tsp_record_event_(r, bytes + n, TSP_RECORD_OTHER, TSP_RECORD_MOVED, 1,
                                   tsp_record_delta_(r, (uintptr_t)moved / TSP_RECORD_UNIT));
            r->last = (uintptr_t)moved / TSP_RECORD_UNIT;
        }
        r->due--;
        r->told = 1;
        if (!sink(bytes, n)) {
            *r = old;
            r->dropped++;
            r->due = r->told = 0;
        }
        r->busy = 0;
    }
    TSP_RECORD_UNLOCK();
}

#define TSP_RECORD(sink)                                                                                               \
    static tsp_recorder tsp_recorder_;                                                                                 \
    void tsp_record_new(const void *pointer, size_t size, size_t align) {                                              \
        if (pointer) tsp_record_call_(&tsp_recorder_, sink, TSP_RECORD_NEW, pointer, NULL, size, align);               \
    }                                                                                                                  \
    void tsp_record_free(const void *pointer) {                                                                        \
        if (pointer) tsp_record_call_(&tsp_recorder_, sink, TSP_RECORD_FREE, pointer, NULL, 0, 0);                     \
    }                                                                                                                  \
    void tsp_record_resized(const void *old, const void *pointer, size_t size) {                                       \
        if (old == NULL) tsp_record_new(pointer, size, 0);                                                             \
        else if (pointer)                                                                                              \
            tsp_record_call_(&tsp_recorder_, sink, TSP_RECORD_RESIZED, old, pointer == old ? NULL : pointer, size, 0); \
        else if (size == 0) tsp_record_free(old);                                                                      \
    }                                                                                                                  \
    struct tsp_record_swallows_the_semicolon

/* What --wrap has called instead. __real_ is what was there. */
#define TSP_RECORD_MALLOC()                                                                                            \
    TSP_RECORD_C_ void *__real_malloc(size_t);                                                                         \
    TSP_RECORD_C_ void *__real_calloc(size_t, size_t);                                                                 \
    TSP_RECORD_C_ void *__real_realloc(void *, size_t);                                                                \
    TSP_RECORD_C_ void __real_free(void *);                                                                            \
    TSP_RECORD_C_ void *__wrap_malloc(size_t size) {                                                                   \
        void *p = __real_malloc(size);                                                                                 \
        return tsp_record_new(p, size, 0), p;                                                                          \
    }                                                                                                                  \
    TSP_RECORD_C_ void *__wrap_calloc(size_t count, size_t size) {                                                     \
        void *p = __real_calloc(count, size);                                                                          \
        return tsp_record_new(p, count * size, 0), p;                                                                  \
    }                                                                                                                  \
    TSP_RECORD_C_ void *__wrap_realloc(void *old, size_t size) {                                                       \
        void *p = __real_realloc(old, size);                                                                           \
        return tsp_record_resized(old, p, size), p;                                                                    \
    }                                                                                                                  \
    TSP_RECORD_C_ void __wrap_free(void *p) {                                                                          \
        tsp_record_free(p);                                                                                            \
        __real_free(p);                                                                                                \
    }                                                                                                                  \
    struct tsp_record_swallows_the_semicolon

/* The same four with a parameter before the others. */
#define TSP_RECORD_FOUR_(prefix, suffix, T)                                                                            \
    TSP_RECORD_C_ void *__real_##prefix##malloc##suffix(T *, size_t);                                                  \
    TSP_RECORD_C_ void *__real_##prefix##calloc##suffix(T *, size_t, size_t);                                          \
    TSP_RECORD_C_ void *__real_##prefix##realloc##suffix(T *, void *, size_t);                                         \
    TSP_RECORD_C_ void __real_##prefix##free##suffix(T *, void *);                                                     \
    TSP_RECORD_C_ void *__wrap_##prefix##malloc##suffix(T *x, size_t size) {                                           \
        void *p = __real_##prefix##malloc##suffix(x, size);                                                            \
        return tsp_record_new(p, size, 0), p;                                                                          \
    }                                                                                                                  \
    TSP_RECORD_C_ void *__wrap_##prefix##calloc##suffix(T *x, size_t count, size_t size) {                             \
        void *p = __real_##prefix##calloc##suffix(x, count, size);                                                     \
        return tsp_record_new(p, count * size, 0), p;                                                                  \
    }                                                                                                                  \
    TSP_RECORD_C_ void *__wrap_##prefix##realloc##suffix(T *x, void *old, size_t size) {                               \
        void *p = __real_##prefix##realloc##suffix(x, old, size);                                                      \
        return tsp_record_resized(old, p, size), p;                                                                    \
    }                                                                                                                  \
    TSP_RECORD_C_ void __wrap_##prefix##free##suffix(T *x, void *p) {                                                  \
        tsp_record_free(p);                                                                                            \
        __real_##prefix##free##suffix(x, p);                                                                           \
    }                                                                                                                  \
    struct tsp_record_swallows_the_semicolon

#define TSP_RECORD_NEWLIB() TSP_RECORD_FOUR_(_, _r, struct _reent)
#define TSP_RECORD_HEAP(V) TSP_RECORD_FOUR_(V##_, , V)
#define TSP_RECORD_SIZED(V)                                                                                            \
    TSP_RECORD_C_ void *__real_##V##_alloc(V *, size_t, size_t);                                                       \
    TSP_RECORD_C_ tsp_status __real_##V##_dealloc(V *, void *, size_t, size_t);                                        \
    TSP_RECORD_C_ void *__real_##V##_resize(V *, void *, size_t, size_t, size_t);                                      \
    TSP_RECORD_C_ void *__wrap_##V##_alloc(V *x, size_t size, size_t align) {                                          \
        void *p = __real_##V##_alloc(x, size, align);                                                                  \
        return tsp_record_new(p, size, align), p;                                                                      \
    }                                                                                                                  \
    TSP_RECORD_C_ tsp_status __wrap_##V##_dealloc(V *x, void *p, size_t size, size_t align) {                          \
        tsp_record_free(p);                                                                                            \
        return __real_##V##_dealloc(x, p, size, align);                                                                \
    }                                                                                                                  \
    TSP_RECORD_C_ void *__wrap_##V##_resize(V *x, void *old, size_t old_size, size_t size, size_t align) {             \
        void *p = __real_##V##_resize(x, old, old_size, size, align);                                                  \
        return tsp_record_resized(old, p, size), p;                                                                    \
    }                                                                                                                  \
    struct tsp_record_swallows_the_semicolon

#endif
