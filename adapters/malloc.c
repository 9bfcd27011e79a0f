/* malloc and its kin for a whole program: a library for LD_PRELOAD, or an archive to link before libc.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 *     cc -O2 -Iinclude -fPIC -shared -o libteaspoon-malloc.so adapters/malloc.c -lpthread
 *     TEASPOON_HEAP=8M TEASPOON_USAGE=1 LD_PRELOAD=$PWD/libteaspoon-malloc.so python3 program.py
 *     cc -o program program.c -u malloc libteaspoon-malloc.a -lpthread
 *
 * (-u malloc: a linker takes from an archive only what the program itself misses, and malloc may be called by libraries
 * alone, for C++'s new and for stdio's buffers.)
 *
 * TEASPOON_HEAP     The bytes of the heap, 1/65 of which is its size map: a number, or one with K, M or G; at most 32G.
 *                   Without it 256M, which few programs reach. Bytes cost address space only until they are used, but
 *                   for the map, which is cleared on first use: 4 MiB and about a millisecond for 256M. Anything else
 *                   than a size ends the program, with status 2 and a line on stderr.
 * TEASPOON_USAGE=1  A line on stderr at exit, from each process that ends in exit() (dash ends in _exit()).
 *
 * What the standards leave open is as in glibc, since that is what programs are used to: malloc(0) is an object of its
 * own (8 bytes here), realloc(p, 0) frees and returns NULL. aligned_alloc and memalign refuse an alignment that is not
 * a power of two with EINVAL. Objects are aligned as C23 has it: malloc(n) to the largest power of two that is at most
 * n and max_align_t's, and never less than 8; realloc promises the same, and no more. From 16 bytes on sizes are
 * rounded up to 16: beside objects of 24 bytes, each aligned to 16, exact sizes leave holes of 8 that hardly anybody
 * can use and every search has to pass (jq took more than ten times as long, in a heap that was no smaller).
 *
 * No memory: NULL and ENOMEM, and on stderr what was asked for and what was there, once in each process. (A request of
 * PTRDIFF_MAX bytes or more is the program's own affair: nothing is said.) Misuse: a line on stderr and abort().
 *
 * Threads share one mutex: a thread that waits for it sleeps, since the holder may have been descheduled. After fork
 * the child's heap is as it was, whatever the other threads were at. Nothing here calls what may allocate, so all of
 * it works before main, in destructors, and wherever else the C library calls malloc. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The engine, with tsp16m's geometry and everything under names of our own, none of them visible outside: the program
 * may have heaps, hooks and a tsp_misuse too, and link the library for them. */
#pragma GCC visibility push(hidden)
#undef TSP_LOCK
#define TSP_LOCK TSP_LOCK_HOOKS
#define TSP_ROUND 16
#define tsp_lock tsp_program_take
#define tsp_try_lock tsp_program_try
#define tsp_unlock tsp_program_release
#define tsp_misuse tsp_program_misuse
#define tsp_status_text tsp_program_status_text
#define tsp_version tsp_program_version
#define link tsp_program_link /* unistd.h has another */
#include "teaspoon.h"

TSP_HANDLE(tsp_program, uint32_t, uint32_t hop3; uint32_t objects; uint32_t hop2; uint32_t used; uint32_t hop1;
           uint32_t peak;)
TSP_FUNCTIONS(tsp_program)
#define TSP_V tsp_program
#define TSP_LINK uint32_t
#define TSP_LANES 3
#include "../src/common.c"
#include "../src/engine.h"
#include "../src/interface.h"

static tsp_program spoon;
static int made; /* spoon can be used; set last, and atomic */
static size_t spoon_bytes;
static int usage_to = -1;  /* descriptor for the line at exit */
static int said_no_memory; /* atomic */

/* -- Words on stderr, without stdio, which allocates --------------------------------------------------------------- */

typedef struct message {
    char text[300];
    size_t length;
} message;

/* What does not fit is left out, but for the newline. */
static void put(message *m, const char *text) {
    while (*text && m->length < sizeof m->text - 1) m->text[m->length++] = *text++;
}

/* Decimal numbers of bytes have a comma between thousands. */
static void put_number(message *m, size_t number, unsigned base, int commas) {
    char digits[40], *first = digits + sizeof digits;
    unsigned count = 0;
    *--first = 0;
    do {
        if (commas && count && count % 3 == 0) *--first = ',';
        *--first = "0123456789abcdef"[number % base];
        count++;
    } while (number /= base);
    put(m, first);
}

static void put_bytes(message *m, const char *before, size_t bytes) {
    put(m, before);
    put_number(m, bytes, 10, 1);
}

/* Each line names its process: children print into the same stderr. */
static void begin(message *m) {
    m->length = 0;
    put(m, "teaspoon[");
    put_number(m, (size_t)getpid(), 10, 0);
    put(m, "]: ");
}

/* Nobody can be told if that fails. */
static void end(message *m, int descriptor) {
    ssize_t ignored;
    m->text[m->length++] = '\n';
    ignored = write(descriptor, m->text, m->length);
    (void)ignored;
}

void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    message m;
    (void)heap;
    begin(&m);
    if (pointer) {
        put(&m, "bad pointer 0x");
        put_number(&m, (uintptr_t)pointer, 16, 0);
        put(&m, ": ");
    }
    put(&m, tsp_status_text(status));
    end(&m, STDERR_FILENO);
    abort();
}

/* -- The lock ------------------------------------------------------------------------------------------------------ */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* This thread holds the mutex beyond one call (so many times over): it is forking, and the heap is whole in the child;
 * or it says that memory is out. Meanwhile it may allocate, as whatever else runs around a fork does. */
static __thread int holding __attribute__((tls_model("initial-exec")));

unsigned long tsp_lock(const void *heap) {
    (void)heap;
    if (!holding) pthread_mutex_lock(&mutex);
    return 0;
}

void tsp_unlock(const void *heap, unsigned long state) {
    (void)heap, (void)state;
    if (!holding) pthread_mutex_unlock(&mutex);
}

int tsp_try_lock(const void *heap, unsigned long *state) { /* nobody here tries */
    *state = tsp_lock(heap);
    return 1;
}

static void hold(void) {
    (void)tsp_program_lock(&spoon);
    holding++;
}

static void let_go(void) {
    holding--;
    tsp_program_unlock(&spoon, 0);
}

static void let_go_in_child(void) {
    said_no_memory = 0;
    let_go();
}

/* -- The heap ------------------------------------------------------------------------------------------------------ */

/* Says why there can be no heap, and ends the program: _exit, since exit runs what allocates. */
static void give_up(const char *before, const char *value, const char *after) {
    message m;
    begin(&m);
    put(&m, before);
    put(&m, value);
    put(&m, after);
    end(&m, STDERR_FILENO);
    _exit(2);
}

static size_t size_of_heap(const char *value) {
    const unsigned long long most = 32ULL << 30;
    const char *at = value;
    unsigned long long bytes = 0;
    unsigned shift = 0;
    if (value == NULL) return (size_t)256 << 20;
    for (; *at >= '0' && *at <= '9' && bytes <= most; at++) bytes = bytes * 10 + (unsigned)(*at - '0');
    if (*at == 'K' || *at == 'k') shift = 10;
    else if (*at == 'M' || *at == 'm') shift = 20;
    else if (*at == 'G' || *at == 'g') shift = 30;
    if (bytes == 0 || at[shift != 0] || bytes > most >> shift || bytes << shift > SIZE_MAX)
        give_up("TEASPOON_HEAP=", value,
                " is not the size of a heap: a number of bytes, or one with K, M or G, up to 32G");
    return (size_t)(bytes << shift);
}

/* The first use of the heap, whichever thread it is in. */
static void make_heap(void) {
    const int saved = errno;
    int first;
    pthread_mutex_lock(&mutex);
    first = !made;
    if (first) {
        const char *value = getenv("TEASPOON_HEAP"), *usage = getenv("TEASPOON_USAGE");
        void *memory;
        spoon_bytes = size_of_heap(value);
        memory = mmap(NULL, spoon_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED)
            give_up("there is no address space for a heap of ", value ? value : "256M", " (TEASPOON_HEAP)");
        tsp_program_init(&spoon, memory, spoon_bytes);
        /* Many programs close stderr in atexit, before the line is printed; a number this high is in nobody's way. */
        if (usage && *usage && *usage != '0') usage_to = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 500);
        __atomic_store_n(&made, 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&mutex);
    if (first) pthread_atfork(hold, let_go, let_go_in_child); /* may itself allocate */
    errno = saved;
}

static tsp_program *the_heap(void) {
    if (!__atomic_load_n(&made, __ATOMIC_ACQUIRE)) make_heap();
    return &spoon;
}

__attribute__((destructor(101))) static void say_usage(void) {
    message m;
    tsp_usage u;
    if (usage_to < 0) return;
    u = tsp_program_usage(&spoon);
    begin(&m);
    put_bytes(&m, "heap of ", spoon_bytes);
    put_bytes(&m, " bytes: ", u.used);
    put_bytes(&m, " used by ", u.objects);
    put_bytes(&m, " objects, ", u.total - u.low_free);
    put_bytes(&m, " at most; ", u.failed);
    put(&m, " requests failed");
    end(&m, usage_to);
}

/* Once in each process. Another thread that finds no memory meanwhile waits: it may want to end the program. */
static void say_no_memory(size_t size, size_t align) {
    message m;
    hold();
    if (!said_no_memory) {
        tsp_usage u = tsp_program_usage(&spoon);
        begin(&m);
        put_bytes(&m, "no room for ", size);
        put(&m, " bytes");
        if (align) put_bytes(&m, " aligned to ", align);
        put_bytes(&m, ": heap of ", spoon_bytes);
        put_bytes(&m, " (TEASPOON_HEAP) has ", u.free);
        put_bytes(&m, " free, largest ", u.largest);
        end(&m, STDERR_FILENO);
        __atomic_store_n(&said_no_memory, 1, __ATOMIC_RELAXED);
    }
    let_go();
}

/* object, or if that is NULL what POSIX wants instead. */
static void *given(void *object, size_t size, size_t align) {
    if (object) return object;
    if (size < PTRDIFF_MAX && !__atomic_load_n(&said_no_memory, __ATOMIC_RELAXED)) say_no_memory(size, align);
    errno = ENOMEM;
    return NULL;
}

/* Objects of no bytes are made of one, so that each has an address of its own. */
static size_t at_least_one(size_t size) {
    return size ? size : 1;
}

/* Count times size, or more than any heap holds. */
static size_t times(size_t count, size_t size) {
    return size && count > SIZE_MAX / size ? SIZE_MAX : count * size;
}

static size_t page(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

#pragma GCC visibility pop

/* -- What the program sees ----------------------------------------------------------------------------------------- */

#pragma GCC visibility push(default)

void free_sized(void *pointer, size_t size);
void free_aligned_sized(void *pointer, size_t align, size_t size);

void *malloc(size_t size) {
    return given(tsp_program_malloc(the_heap(), at_least_one(size)), size, 0);
}

void *calloc(size_t count, size_t size) {
    size = times(count, size);
    return given(tsp_program_calloc(the_heap(), 1, at_least_one(size)), size, 0);
}

void free(void *pointer) {
    if (pointer) tsp_program_free(the_heap(), pointer);
}

void *realloc(void *pointer, size_t size) {
    if (pointer && size == 0) {
        free(pointer);
        return NULL;
    }
    return given(tsp_program_realloc(the_heap(), pointer, at_least_one(size)), size, 0);
}

void *reallocarray(void *pointer, size_t count, size_t size) {
    return realloc(pointer, times(count, size));
}

void *aligned_alloc(size_t align, size_t size) {
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return given(tsp_program_aligned_alloc(the_heap(), align, at_least_one(size)), size, align);
}

void *memalign(size_t align, size_t size) {
    return aligned_alloc(align, size);
}

void *valloc(size_t size) {
    return aligned_alloc(page(), size);
}

void *pvalloc(size_t size) {
    const size_t rest = (0 - at_least_one(size)) & (page() - 1);
    return aligned_alloc(page(), rest > SIZE_MAX - size ? SIZE_MAX : at_least_one(size) + rest);
}

int posix_memalign(void **result, size_t align, size_t size) {
    const int saved = errno;
    void *object;
    if (align % sizeof(void *) || !is_power_of_two(align)) return EINVAL;
    object = aligned_alloc(align, size);
    errno = saved;
    if (object == NULL) return ENOMEM;
    *result = object;
    return 0;
}

void free_sized(void *pointer, size_t size) {
    if (pointer) tsp_program_free_sized(the_heap(), pointer, at_least_one(size));
}

void free_aligned_sized(void *pointer, size_t align, size_t size) {
    if (pointer) tsp_program_free_aligned_sized(the_heap(), pointer, align, at_least_one(size));
}

size_t malloc_usable_size(void *pointer) {
    return pointer ? tsp_program_usable_size(the_heap(), pointer) : 0;
}

#pragma GCC visibility pop
