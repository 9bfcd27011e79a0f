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
 *                   Without it 256M, which few programs reach. It is opened in steps: what is not open costs address
 *                   space only. (The map is cleared at first, which takes about a millisecond for 256M, but it keeps no
 *                   pages then.) With less address space than that the heap is half as large, or a quarter, and so on;
 *                   with none at all there is no memory, until there is some. Anything else than a size ends the
 *                   program, with status 2 and a line on stderr.
 * TEASPOON_USAGE=1  A line on stderr at exit, from each process that ends in exit() (dash ends in _exit()).
 *
 * What the standards leave open is as in glibc, since that is what programs are used to: malloc(0) is an object of its
 * own (8 bytes here), realloc(p, 0) frees and returns NULL. aligned_alloc and memalign refuse an alignment that is not
 * a power of two with EINVAL. Objects are aligned as C23 has it: malloc(n) to the largest power of two that is at most
 * n and 16, and never less than 8; realloc promises the same, and no more. From 16 bytes on sizes are
 * rounded up to 16: beside objects of 24 bytes, each aligned to 16, exact sizes leave holes of 8 that hardly anybody
 * can use and every search has to pass (jq took more than ten times as long, in a heap that was no smaller).
 *
 * No memory: NULL and ENOMEM, and on stderr what was asked for and what was there, once in each process. (A request of
 * PTRDIFF_MAX bytes or more is the program's own affair: nothing is said.) Misuse: a line on stderr and abort(). Lines
 * are only for the file that stderr was when the program began: once its number is another's, nothing is said. Nothing
 * here raises SIGPIPE, is a cancellation point, or sets errno but to ENOMEM and EINVAL.
 *
 * Pages go back to the system: those of an object of 128 KiB or more at once, those of all holes of that size when
 * 16 MiB and an eighth less are in use than before, every whole one at malloc_trim. mlockall makes no reservation real,
 * but for who may lock only so much the system counts its address space: such programs need a TEASPOON_HEAP below that.
 *
 * A few small objects that were freed last stay with the threads that freed them, for their next requests, which then
 * need no lock: at most 1/256 of the heap in each of 16 caches, and never in the way of a request, since all of them go
 * back into the heap before one fails, and a heap that needed them has no caches from then on. Misuse is found as
 * without them, and always: which objects live is known apart from that.
 *
 * Threads share one lock: a thread that waits for it sleeps, since the holder may have been descheduled. The thread
 * that forks holds it, so that the child's heap is as it was, whatever the other threads were at; but nobody waits for
 * it longer than a few milliseconds, since the forking thread may itself wait for a lock that the other one has: of
 * stdio, or of the program's own handlers of pthread_atfork. What is asked for then comes from pages of its own (an
 * object aside), and what is freed is put off. The same serves signal handlers that interrupt malloc: they may fork,
 * and allocate. Nothing here calls what may allocate, so all of it works before main, in destructors, and wherever else
 * the C library calls malloc. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The engine, with tsp16m's geometry and everything under names of our own, none of them visible outside: the program
 * may have heaps, hooks and a tsp_misuse too, and link the library for them. */
#pragma GCC visibility push(hidden)
#undef TSP_LOCK
#define TSP_LOCK TSP_LOCK_NONE /* ours is around its calls */
#define TSP_ROUND 16
#define TSP_MALLOC_ALIGN 16
#define tsp_misuse tsp_program_misuse
#define tsp_status_text tsp_program_status_text
#define tsp_version tsp_program_version
#define link tsp_program_link /* unistd.h has another */
#include "teaspoon.h"

TSP_HANDLE(tsp_program, TSP_BASE_AND_INDEX_, uint32_t, uint32_t objects; uint32_t used; uint32_t peak;)
TSP_FUNCTIONS(tsp_program)
#define TSP_V tsp_program
#define TSP_LINK uint32_t
#define TSP_INDEX 1
#define TSP_INDEX_AT 8192
#include "../src/common.c"
#include "../src/engine.h"
#include "../src/placement.h"
#include "../src/objects.h"
#include "../src/calls.h"
#include "../src/look.h"
#include "../src/heaps.h"

static tsp_program spoon;
static int made; /* spoon can be used */
static char *spoon_memory;
static size_t spoon_bytes;
static int wants_usage, usage_to = -1; /* the line at exit, and a descriptor for it */

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

/* The file that stderr was when the program began. Whatever else its number may stand for later is not ours to write
 * to. */
static struct stat words_to;
static int words_known;

static void look_at_stderr(void) {
    words_known = fstat(STDERR_FILENO, &words_to) == 0;
}

static int is_for_words(int descriptor) {
    struct stat now;
    return words_known && fstat(descriptor, &now) == 0 && now.st_dev == words_to.st_dev &&
           now.st_ino == words_to.st_ino;
}

/* By system call: libc's write would be a cancellation point, which malloc is not. Nor does it raise SIGPIPE. Nobody
 * can be told if that fails. */
static void end(message *m, int descriptor) {
    const int saved = errno;
    const struct { long s, ns; } at_once = {0, 0};
    sigset_t pipe, before, pending;
    m->text[m->length++] = '\n';
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (is_for_words(descriptor) && pthread_sigmask(SIG_BLOCK, &pipe, &before) == 0) {
        sigpending(&pending);
        while (syscall(SYS_write, descriptor, m->text, m->length) < 0 && errno == EINTR) continue;
        if (!sigismember(&pending, SIGPIPE))
            while (syscall(SYS_rt_sigtimedwait, &pipe, NULL, &at_once, _NSIG / 8) < 0 && errno == EINTR) continue;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    errno = saved;
}

/* -- The lock ------------------------------------------------------------------------------------------------------ */

/* Each thread has a number, which the child of a fork keeps; the lock is the number of its holder, or 0. So whether
 * this thread holds it is known at every instant, also to a signal handler. */
#define WAITED_FOR 0x80000000u /* some thread may sleep */
#define IN_THREAD static __thread __attribute__((tls_model("initial-exec")))
static uint32_t the_lock, numbers;
IN_THREAD uint32_t my_number;

/* A fork is under way in the thread that holds the lock, perhaps out of a handler that interrupted it in the heap; and
 * somebody has already waited for it in vain. */
static int forking, patience_lost;

/* The forks that this thread is in (handlers may fork too), and which of them took the lock: while it has it, the heap
 * is whole between its calls, and may be used; but not if a handler interrupts one of those. */
IN_THREAD unsigned forks, taken_by, calling;

static uint32_t self(void) {
    if (!my_number) my_number = __atomic_add_fetch(&numbers, 1, __ATOMIC_RELAXED) & ~WAITED_FOR;
    return my_number;
}

static int is_mine(uint32_t me) {
    return (__atomic_load_n(&the_lock, __ATOMIC_RELAXED) & ~WAITED_FOR) == me;
}

static int take_at_once(uint32_t me) {
    uint32_t nobody = 0;
    return __atomic_compare_exchange_n(&the_lock, &nobody, me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

enum { WAIT_PRIVATE = 128, WAKE_PRIVATE = 129 }; /* of linux/futex.h, which musl-gcc does not find */

/* By system call, which is no cancellation point. Milliseconds, since no waker knows of a fork that begins. */
static void sleep_on(uint32_t *word, uint32_t value) {
    const int saved = errno;
    const struct { long s, ns; } most = {0, 4000000};
    syscall(SYS_futex, word, WAIT_PRIVATE, value, &most, NULL, 0);
    errno = saved;
}

static void wake_on(uint32_t *word, int threads) { /* which never fails */
    syscall(SYS_futex, word, WAKE_PRIVATE, threads, NULL, NULL, 0);
}

/* Waits for a lock that another thread has. 0: not patiently, and it is forking. */
static COLD int take_from_others(uint32_t me, int patiently) {
    unsigned tries = 0, waits = 0;
    for (;;) {
        uint32_t holder = __atomic_load_n(&the_lock, __ATOMIC_RELAXED);
        if (holder == 0) {
            /* Who has slept cannot know that nobody else does. */
            const uint32_t mine = waits ? me | WAITED_FOR : me;
            if (__atomic_compare_exchange_n(&the_lock, &holder, mine, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return 1;
        } else if (tries < 300) {
            tries++;
#if defined(__x86_64__) || defined(__i386__)
            __builtin_ia32_pause();
#endif
        } else {
            if (!patiently && __atomic_load_n(&forking, __ATOMIC_RELAXED)) {
                if (waits > 1) __atomic_store_n(&patience_lost, 1, __ATOMIC_RELAXED);
                if (__atomic_load_n(&patience_lost, __ATOMIC_RELAXED)) return 0;
            }
            if (!(holder & WAITED_FOR) && !__atomic_compare_exchange_n(&the_lock, &holder, holder | WAITED_FOR, 0,
                                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                continue;
            sleep_on(&the_lock, holder | WAITED_FOR);
            waits++;
        }
    }
}

static void let_others(void) {
    if (__atomic_exchange_n(&the_lock, 0, __ATOMIC_RELEASE) & WAITED_FOR) wake_on(&the_lock, 1);
}

/* -- What is put off ----------------------------------------------------------------------------------------------- */

/* Objects of the heap that were freed by who could not enter it, linked by their first bytes. */
static void *put_off;

static void free_later(void *pointer) {
    void *next = __atomic_load_n(&put_off, __ATOMIC_RELAXED);
    if ((uintptr_t)pointer % 8) tsp_misuse(&spoon, pointer, TSP_MISALIGNED);
    do memcpy(pointer, &next, sizeof next);
    while (!__atomic_compare_exchange_n(&put_off, &next, pointer, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static COLD void free_now(void) {
    void *pointer = __atomic_exchange_n(&put_off, NULL, __ATOMIC_ACQUIRE), *next;
    for (; pointer; pointer = next) {
        memcpy(&next, pointer, sizeof next);
        tsp_program_free(&spoon, pointer);
    }
}

/* -- Entering the heap --------------------------------------------------------------------------------------------- */

static void make_heap(void);

/* Whether this thread has the heap now, until it leaves; if not, it must do without: it is in it already, and has been
 * interrupted there, or has waited for a thread that forks, but not if it is patient. */
static COLD int enter_after_all(uint32_t me, int patiently) {
    if (!is_mine(me)) return take_from_others(me, patiently);
    if (!taken_by || calling) return 0;
    calling = 1;
    return 1;
}

static ALWAYS_INLINE int enter_heap(void) {
    const uint32_t me = self();
    if (!take_at_once(me) && !enter_after_all(me, 0)) return 0;
    if (!made) make_heap();
    return 1;
}

static ALWAYS_INLINE void leave_heap(void) {
    if (taken_by) {
        calling = 0;
        return;
    }
    if (__atomic_load_n(&put_off, __ATOMIC_RELAXED)) free_now();
    let_others();
}

/* Called by the engine, in the heap. Handlers of SIGABRT, and other threads, may want to go on. */
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
    if (is_mine(self())) {
        if (taken_by) calling = 0;
        else let_others();
    }
    abort();
}

#define ANY_SIZE SIZE_MAX

/* -- Which objects live ------------------------------------------------------------------------------------------- */

/* A bit for each granule of the heap, set where an object of the program's begins: changed without the lock, so whoever
 * frees an object finds out at once whether it was one, and nobody else can free it too. It lies apart, and has pages
 * where the heap has them. NULL: there was no address space for it, and no object is cached. */
static uint32_t *live;

static ALWAYS_INLINE size_t granule_of(const void *object) {
    return (size_t)((const char *)object - spoon_memory) / GRANULE;
}

static ALWAYS_INLINE void begin_life(const void *object) {
    const size_t at = granule_of(object);
    if (live) __atomic_fetch_or(&live[at / 32], (uint32_t)1 << at % 32, __ATOMIC_RELEASE);
}

static ALWAYS_INLINE int is_live(const void *object) {
    const size_t at = granule_of(object);
    return !live || (__atomic_load_n(&live[at / 32], __ATOMIC_RELAXED) >> at % 32 & 1);
}

static COLD void refuse_dead(const void *pointer);

static ALWAYS_INLINE void end_life(const void *object) {
    const size_t at = granule_of(object);
    const uint32_t bit = (uint32_t)1 << at % 32;
    if (live && !(__atomic_fetch_and(&live[at / 32], ~bit, __ATOMIC_ACQ_REL) & bit)) refuse_dead(object);
}

/* Whether a pointer can be an object of the heap's. All others are for the engine to refuse. */
static ALWAYS_INLINE int is_in_heap(const void *pointer) {
    return tsp_program_contains(&spoon, pointer) && (uintptr_t)pointer % GRANULE == 0;
}

/* -- Caches -------------------------------------------------------------------------------------------------------- */

/* A few objects of each small size that were freed last: a thread uses the cache of its number, which others may have
 * too. Whole at every instant, so that it needs no lock, and handlers and children of forks find it in order. For the
 * engine they are objects. */
enum { CACHES = 16, WAYS = 16 /* two cache lines */, MOST_CACHED = 1024 };
static void *caches[CACHES][MOST_CACHED / TSP_ROUND + 1][WAYS] __attribute__((aligned(64)));
static size_t most_cached; /* bytes of an object; 0: none is put there any more */

/* Where objects of so many bytes are; those of one granule come first. */
static ALWAYS_INLINE void **cached(size_t size) {
    return caches[self() % CACHES][size <= GRANULE ? 0 : (size + TSP_ROUND - 1) / TSP_ROUND];
}

static ALWAYS_INLINE void *from_cache(size_t size) {
    void **at;
    if (size > __atomic_load_n(&most_cached, __ATOMIC_RELAXED)) return NULL;
    at = cached(size);
    for (unsigned i = 0; i < WAYS; i++) {
        void *object = __atomic_load_n(&at[i], __ATOMIC_RELAXED);
        if (object && (object = __atomic_exchange_n(&at[i], NULL, __ATOMIC_ACQUIRE)) != NULL) {
            begin_life(object);
            return object;
        }
    }
    return NULL;
}

/* Takes an object of the heap that lives no more, of a size that malloc gives and aligned as malloc has it. Reads the
 * map without the lock: its bits between two ends of the caller's own object change for nobody else. */
static ALWAYS_INLINE int to_cache(void *object, size_t size) {
    const size_t at = granule_of(object), n = (find_mark(&spoon, at) - at) * GRANULE;
    void **to, *nothing = NULL;
    if (n > __atomic_load_n(&most_cached, __ATOMIC_RELAXED) || (n > GRANULE && (uintptr_t)object % TSP_MALLOC_ALIGN)) return 0;
    if (size != ANY_SIZE && to_granules(size) * GRANULE != n) return 0; /* for the engine to refuse */
    to = cached(n);
    for (unsigned i = 0; i < WAYS; i++, nothing = NULL)
        if (__atomic_load_n(&to[i], __ATOMIC_RELAXED) == NULL &&
            __atomic_compare_exchange_n(&to[i], &nothing, object, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            return 1;
    return 0;
}

/* Gives the heap, which this thread has entered, all that is cached; 0 if that was nothing. */
static COLD int empty_caches(void) {
    void **at = &caches[0][0][0];
    const size_t objects = spoon.objects;
    for (size_t i = 0; i < sizeof caches / sizeof *at; i++) {
        void *object = __atomic_load_n(&at[i], __ATOMIC_RELAXED);
        if (object && (object = __atomic_exchange_n(&at[i], NULL, __ATOMIC_ACQUIRE)) != NULL)
            tsp_program_free(&spoon, object);
    }
    return spoon.objects != objects;
}

static COLD void refuse_dead(const void *pointer) {
    extent unused;
    tsp_status status = TSP_OK;
    if (enter_heap() || (!is_mine(self()) && enter_after_all(self(), 1))) status = locate(&spoon, pointer, 0, 1, &unused);
    tsp_misuse(&spoon, pointer, status != TSP_OK ? status : TSP_ALREADY_FREE);
}

/* -- Objects aside ------------------------------------------------------------------------------------------------- */

/* Each has pages of its own. They are few and short-lived, but must be told from the program's bad pointers. The table
 * is whole at every instant, since the program may fork at any. */
typedef struct aside { /* directly before the object */
    void *pages;
    size_t length, size;
} aside;

enum { ASIDES = 512 };
static void *asides[ASIDES];
static uint32_t asides_ever; /* objects aside: never 0 again */
#define IN_THE_MAKING ((void *)1)

static COLD void *new_aside(size_t size, size_t align) {
    const int saved = errno;
    const size_t most = SIZE_MAX / 4;
    unsigned i = 0;
    aside a = {NULL, 0, size};
    char *object;
    void *none = NULL;
    if (align < 64) align = 64;
    if (size > most || align > most) return NULL;
    while (!__atomic_compare_exchange_n(&asides[i], &none, IN_THE_MAKING, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        none = NULL;
        if (++i == ASIDES) return NULL;
    }
    a.length = size + align + sizeof a;
    a.pages = mmap(NULL, a.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    errno = saved;
    if (a.pages == MAP_FAILED) {
        __atomic_store_n(&asides[i], NULL, __ATOMIC_RELAXED);
        return NULL;
    }
    object = (char *)a.pages + sizeof a;
    object += (0 - (size_t)(uintptr_t)object) & (align - 1);
    memcpy(object - sizeof a, &a, sizeof a);
    __atomic_store_n(&asides_ever, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&asides[i], object, __ATOMIC_RELAXED);
    return object;
}

/* The place of an object aside, or ASIDES. */
static unsigned find_aside(const void *pointer) {
    unsigned i = 0;
    if (!__atomic_load_n(&asides_ever, __ATOMIC_RELAXED) || tsp_program_contains(&spoon, pointer)) return ASIDES;
    while (i < ASIDES && __atomic_load_n(&asides[i], __ATOMIC_RELAXED) != pointer) i++;
    return i;
}

static aside about_aside(const void *object) {
    aside a;
    memcpy(&a, (const char *)object - sizeof a, sizeof a);
    return a;
}

static void free_aside(unsigned i) {
    const int saved = errno;
    const aside a = about_aside(asides[i]);
    __atomic_store_n(&asides[i], NULL, __ATOMIC_RELAXED);
    munmap(a.pages, a.length);
    errno = saved;
}

/* -- Fork ---------------------------------------------------------------------------------------------------------- */

static uint32_t said_no_memory; /* or who says it, or SAID */
#define SAID WAITED_FOR

/* Handlers may interrupt each of these, and fork in turn. */
static void before_fork(void) {
    const uint32_t me = self();
    const int take = !is_mine(me);
    if (take && !take_at_once(me)) take_from_others(me, 1);
    forks++;
    if (take) taken_by = forks;
    __atomic_store_n(&forking, 1, __ATOMIC_RELAXED);
}

static void after_fork(void) {
    const int took = taken_by == forks;
    if (forks == 1) {
        __atomic_store_n(&patience_lost, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&forking, 0, __ATOMIC_RELAXED);
    }
    if (took) taken_by = 0;
    forks--;
    if (took) leave_heap();
}

/* Nobody else is here. */
static void after_fork_in_child(void) {
    the_lock = self();
    said_no_memory = 0;
    for (unsigned i = 0; i < ASIDES; i++)
        if (asides[i] == IN_THE_MAKING) asides[i] = NULL;
    after_fork();
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

/* The memory is opened in steps, from both ends, since that is where the engine cuts objects from the hole between
 * them. What is not open costs address space and nothing else: mlockall does not make it real, and no system that
 * counts what programs might use (vm.overcommit_memory=2) counts it. All in bytes from spoon_memory:
 *
 *      [ open     |       closed       |      open  | map and index, open ]
 *      0  low_used  low_end   high_start  high_used
 *
 * Nothing between low_used and high_used was ever an object's. SLACK: what of the bytes beside an object the engine may
 * need for a hole. */
enum { STEP = 1 << 20, SLACK = 256, LEAST_HEAP = 1 << 16 };
static size_t low_used, low_end, high_start, high_used;
static size_t bytes_wanted;
static int why_less; /* errno, if the heap is not as large as wanted, or some of it cannot be opened */

static size_t page(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

static int open_memory(size_t from, size_t to) {
    if (from == to || mprotect(spoon_memory + from, to - from, PROT_READ | PROT_WRITE) == 0) return 1;
    why_less = errno;
    return 0;
}

static size_t more_of(size_t limit, size_t a, size_t b) {
    return a < limit && b < limit - a ? a + b : limit;
}

/* Opens so much at both ends; 0 if that cannot be. */
static int open_to(size_t low, size_t low_step, size_t high, size_t high_step) {
    const size_t all = high_start, whole = page() - 1;
    if (low > low_end) {
        low = (more_of(all, low, low_step) + whole) & ~whole;
        if (low > all) low = all;
        if (!open_memory(low_end, low)) return 0;
        low_end = low;
    }
    if (high < high_start && low_end < high_start) {
        high = (high - low_end > high_step ? high - high_step : low_end) & ~whole;
        if (high < low_end) high = low_end;
        if (!open_memory(high, high_start)) return 0;
        high_start = high;
    }
    return 1;
}

/* What is closed and cannot be opened becomes an object for some calls, since holes are what the engine uses. */
static char *shut;
static size_t shut_bytes;
static unsigned shut_calls;

/* Makes two objects of one, [start, end), at a byte of the heap: V_ has no call for that. */
static void split(size_t start, size_t at, size_t end) {
    forget_span(&spoon, start / GRANULE, end / GRANULE);
    flip_mark(&spoon, at / GRANULE);
    note_span(&spoon, start / GRANULE, at / GRANULE);
    note_span(&spoon, at / GRANULE, end / GRANULE);
    spoon.objects++;
}

static int keep_shut(unsigned calls) {
    const size_t bytes = tsp_program_largest(&spoon, 1);
    char *all = tsp_program_alloc(&spoon, bytes, 1);
    const size_t start = (size_t)(all - spoon_memory);
    size_t from, to;
    if (all == NULL) return 0;
    if (start > low_end || start + bytes < high_start) { /* what is closed is in no hole that large */
        tsp_program_dealloc(&spoon, all, bytes, 1);
        return 0;
    }
    /* With SLACK at both ends, for the links of the hole that it becomes again. */
    from = low_end > start + SLACK ? low_end - SLACK : start;
    to = start + bytes > high_start + SLACK ? high_start + SLACK : start + bytes;
    shut = spoon_memory + from;
    shut_bytes = to - from;
    shut_calls = calls;
    if (start < from) {
        split(start, from, start + bytes);
        tsp_program_free(&spoon, all);
    }
    if (to < start + bytes) {
        split(from, to, start + bytes);
        tsp_program_free(&spoon, spoon_memory + to);
    }
    return 1;
}

/* After each call; sooner, if one failed. */
static COLD void may_reopen(int failed) {
    if (!failed && --shut_calls) return;
    tsp_program_free(&spoon, shut);
    shut = NULL;
}

/* n: with all slack. */
static COLD int open_more(size_t n) {
    const size_t low = more_of(high_start, low_used, n);
    const size_t high = high_used - low_end > n ? high_used - n : low_end;
    const int saved = errno;
    int can = open_to(low, STEP + low_end / 8, high, STEP + low_end / 8) || open_to(low, 0, high, 0) ||
              keep_shut(n > STEP ? 1 : 64);
    errno = saved;
    return can;
}

/* Whether wherever the engine puts an object of this kind is open. */
static ALWAYS_INLINE int is_open_for(size_t size, size_t align) {
    size_t n;
    if (low_end == high_start || shut || size > spoon_bytes || align > spoon_bytes) return 1;
    n = size + align + 2 * SLACK;
    if (low_used + n <= low_end && n <= high_used && high_used - n >= high_start) return 1;
    return open_more(n);
}

/* An object is, with all that it may have been rounded up by. */
static ALWAYS_INLINE void note_object(const void *object, size_t size) {
    const size_t start = (size_t)((const char *)object - spoon_memory), end = start + size + 16;
    begin_life(object);
    if (start >= high_used || end <= low_used) return;
    if (start < low_used || start - low_used + end <= high_used) low_used = end < high_used ? end : high_used;
    else high_used = start;
}

/* A cache that is full has 1/256 of the heap. */
static void make_caches(void) {
    void *bits = mmap(NULL, spoon_bytes / GRANULE / 8 + sizeof *live, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bits == MAP_FAILED) return;
    live = bits;
    for (size_t n = TSP_ROUND; n <= MOST_CACHED && WAYS * n * (n + TSP_ROUND) / TSP_ROUND / 2 <= spoon_bytes / 256;)
        most_cached = n, n += TSP_ROUND;
}

/* The first use of the heap, whichever thread it is in; that thread has the lock. If there is no address space for so
 * much it is smaller, and if there is none at all the next who asks tries again. */
static COLD void make_heap(void) {
    const int saved = errno;
    void *memory;
    size_t capacity, behind;
    if (!bytes_wanted) {
        const char *usage = getenv("TEASPOON_USAGE");
        look_at_stderr();
        bytes_wanted = size_of_heap(getenv("TEASPOON_HEAP"));
        /* Many programs close stderr in atexit, before the line is printed; a number this high is in nobody's way.
         * Daemons close them all, and may have others of these numbers then. */
        wants_usage = usage && *usage && *usage != '0';
        if (wants_usage) usage_to = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 500);
    }
    spoon_bytes = bytes_wanted;
    for (;;) {
        memory = mmap(NULL, spoon_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory != MAP_FAILED) {
            spoon_memory = memory;
            low_used = low_end = 0;
            high_used = spoon_bytes;
            high_start = (spoon_bytes + page() - 1) & ~(page() - 1);
            behind = more_of(spoon_bytes, spoon_bytes / 56, 8 * SLACK); /* map 1/64, index 360 bytes and 1/900 */
            if (open_to(1, STEP, spoon_bytes - behind, 0)) break;
            munmap(memory, spoon_bytes);
        } else {
            why_less = errno;
        }
        if (spoon_bytes / 2 < LEAST_HEAP) {
            spoon_bytes = 0;
            errno = saved;
            return;
        }
        spoon_bytes /= 2;
    }
    capacity = tsp_program_init(&spoon, memory, spoon_bytes);
    low_used = 0;
    high_used = capacity;
    /* The map is all zero as it came, and now again, but without pages. */
    capacity = (capacity + page() - 1) & ~(page() - 1);
    behind = (size_t)((char *)spoon.index - spoon_memory) & ~(page() - 1);
    if (behind > capacity) madvise(spoon_memory + capacity, behind - capacity, MADV_DONTNEED);
    make_caches();
    made = 1;
    errno = saved;
}

/* Early, so that the handlers of most others run before ours when they prepare, and may wait for whom they like. */
__attribute__((constructor(101))) static void start(void) {
    if (enter_heap()) leave_heap();
    pthread_atfork(before_fork, after_fork, after_fork_in_child); /* may itself allocate */
}

static tsp_usage usage_now(void) {
    tsp_usage u;
    empty_caches();
    u = tsp_program_usage(&spoon);
    if (shut) u.used -= shut_bytes, u.objects--;
    return u;
}

static void tell_usage(int descriptor) {
    message m;
    tsp_usage u;
    if (!enter_heap()) return;
    u = usage_now();
    leave_heap();
    begin(&m);
    put_bytes(&m, "heap of ", spoon_bytes);
    put_bytes(&m, " bytes: ", u.used);
    put_bytes(&m, " used by ", u.objects);
    put_bytes(&m, " objects, ", u.total - u.low_free);
    put_bytes(&m, " at most; ", u.failed);
    put(&m, " requests failed");
    end(&m, descriptor);
}

__attribute__((destructor(101))) static void say_usage(void) {
    if (wants_usage) tell_usage(is_for_words(usage_to) ? usage_to : STDERR_FILENO);
}

/* Once in each process. Another thread that finds no memory meanwhile waits: it may want to end the program. */
static COLD void say_no_memory(size_t size, size_t align) {
    const uint32_t me = self();
    uint32_t nobody = 0, by;
    if (__atomic_compare_exchange_n(&said_no_memory, &nobody, me, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        message m;
        tsp_usage u;
        if (enter_heap()) {
            u = usage_now();
            leave_heap();
        } else {
            memset(&u, 0, sizeof u);
        }
        begin(&m);
        put_bytes(&m, "no room for ", size);
        put(&m, " bytes");
        if (align) put_bytes(&m, " aligned to ", align);
        put_bytes(&m, ": heap of ", spoon_bytes);
        put(&m, " (TEASPOON_HEAP");
        if (why_less) {
            if (spoon_bytes < bytes_wanted) put_bytes(&m, ", wanted are ", bytes_wanted);
            put_bytes(&m, "; errno ", (size_t)why_less);
        }
        put_bytes(&m, ") has ", u.free);
        put_bytes(&m, " free, largest ", u.largest);
        end(&m, STDERR_FILENO);
        __atomic_store_n(&said_no_memory, SAID, __ATOMIC_RELEASE);
        wake_on(&said_no_memory, INT_MAX);
    }
    while ((by = __atomic_load_n(&said_no_memory, __ATOMIC_ACQUIRE)) != SAID && by != me) sleep_on(&said_no_memory, by);
}

/* object, or if that is NULL what POSIX wants instead. */
static void *given(void *object, size_t size, size_t align) {
    if (object) return object;
    if (size < PTRDIFF_MAX && __atomic_load_n(&said_no_memory, __ATOMIC_RELAXED) != SAID) say_no_memory(size, align);
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

/* -- Giving pages back --------------------------------------------------------------------------------------------- */

/* Gives the system the whole pages between two places of one hole, SLACK from its ends, where it has its links. They
 * are zero afterwards. Returns the bytes that were ever used among them, and *first is where they begin. */
static size_t give_pages_back(size_t start, size_t end, size_t *first) {
    const size_t whole = page() - 1;
    const int saved = errno;
    size_t used;
    *first = start = (start + SLACK + whole) & ~whole;
    end = end > SLACK ? (end - SLACK) & ~whole : 0;
    if (start >= end) return 0;
    used = end - start;
    if (start < high_used && end > low_used) /* what was never used need not be given back */
        used -= (end < high_used ? end : high_used) - (start > low_used ? start : low_used);
    if (used && madvise(spoon_memory + start, end - start, MADV_DONTNEED) != 0) used = 0;
    errno = saved;
    return used;
}

/* The bytes of an object whose pages go back at once, and of a hole whose pages do as soon as so much less is in use
 * than before, and an eighth less: so that a program that frees and allocates in turns keeps its pages. */
enum { MANY_PAGES = 128 << 10, MUCH_LESS = 16 << 20 };
static size_t most_used; /* granules, since pages last went back like that */

/* The whole pages of all holes of so many bytes or more. Returns how many bytes that was. */
static COLD size_t trim(size_t least) {
    size_t start = 0, end = 0, given_back = 0;
    while (next_hole(&spoon, &start, &end)) {
        const size_t from = start * GRANULE, to = end * GRANULE;
        size_t first, bytes = to - from < least ? 0 : give_pages_back(from, to, &first);
        given_back += bytes;
        if (bytes && from <= low_used && to >= high_used) { /* what is closed is in it: as if never used */
            const size_t last = (to - SLACK) & ~(page() - 1);
            if (first < low_used) low_used = first;
            if (last > high_used) high_used = last;
        }
    }
    most_used = spoon.used;
    return given_back;
}

/* After each call that may have left less in use than the granules before it. */
static ALWAYS_INLINE void note_less(size_t before) {
    if (before > most_used) most_used = before;
    if (spoon.used + MUCH_LESS / GRANULE <= most_used && spoon.used <= most_used - most_used / 8) trim(MANY_PAGES);
}

/* -- Objects ------------------------------------------------------------------------------------------------------- */

/* Enters the heap, or finds an object aside instead: then *object is that, or NULL. */
static COLD int enter_or_aside(size_t size, size_t align, void **object) {
    const uint32_t me = self();
    *object = new_aside(size, align);
    if (*object || is_mine(me)) return 0;
    return enter_after_all(me, 1);
}

static ALWAYS_INLINE void *ask_engine(void *pointer, size_t size, size_t align) {
    if (!is_open_for(size, pointer ? TSP_MALLOC_ALIGN : align)) return NULL;
    if (pointer) return tsp_program_realloc(&spoon, pointer, size);
    return align ? tsp_program_aligned_alloc(&spoon, align, size) : tsp_program_malloc(&spoon, size);
}

/* Where the caches have what a request misses, the heap is too small for them: it does without from then on. */
static COLD void *ask_again(void *pointer, size_t size, size_t align, unsigned char failed) {
    void *object = NULL;
    if (!empty_caches()) return NULL;
    spoon.failed = failed;
    object = ask_engine(pointer, size, align);
    if (object) __atomic_store_n(&most_cached, 0, __ATOMIC_RELAXED);
    return object;
}

/* An object of the heap, which this thread has entered: a new one, or that at `pointer` resized. align 0: as malloc has
 * it. */
static ALWAYS_INLINE void *request(void *pointer, size_t size, size_t align) {
    const unsigned char failed = spoon.failed;
    void *object = ask_engine(pointer, size, align);
    if (object == NULL) object = ask_again(pointer, size, align, failed);
    if (shut) may_reopen(!object);
    return object;
}

static void *new_object_of(size_t size, size_t align) {
    void *object = NULL;
    if (!align && (object = from_cache(size)) != NULL) return object;
    if (!enter_heap() && !enter_or_aside(size, align, &object)) return object;
    object = request(NULL, size, align);
    if (object) note_object(object, size);
    leave_heap();
    return object;
}

/* Pages that come from the system are zero, and are touched by nobody but their object's owner: of an object that was
 * never another's only the ends are cleared, where there may have been a hole's links. */
static void *new_cleared_object(size_t size) {
    void *object = NULL;
    size_t start, end, from = 0, to = 0;
    if ((object = from_cache(size)) != NULL) return memset(object, 0, size);
    if (!enter_heap() && !enter_or_aside(size, 0, &object)) return object; /* of pages of its own */
    object = request(NULL, size, 0);
    if (object) {
        start = (size_t)((char *)object - spoon_memory);
        end = start + size;
        if (size > 4 * SLACK && start < high_used && end > low_used) {
            from = (start > low_used ? start : low_used) + SLACK - start;
            to = (end < high_used ? end : high_used) - SLACK - start;
            if (from > to) from = to = 0;
        }
        note_object(object, size);
    }
    leave_heap();
    if (object == NULL) return NULL;
    memset(object, 0, from);
    memset((char *)object + to, 0, size - to);
    return object;
}

/* Frees an object of the heap, which this thread has entered. */
static ALWAYS_INLINE void free_entered(void *pointer, size_t size, size_t align) {
    const size_t before = spoon.used;
    size_t bytes, start, first;
    if (size == ANY_SIZE) tsp_program_free(&spoon, pointer);
    else tsp_program_free_aligned_sized(&spoon, pointer, align, size);
    bytes = (before - spoon.used) * GRANULE;
    if (bytes >= MANY_PAGES) {
        start = (size_t)((char *)pointer - spoon_memory);
        give_pages_back(start, start + bytes, &first);
    }
    note_less(before);
}

static void give_back_any(void *pointer, size_t size, size_t align) {
    unsigned i = find_aside(pointer);
    if (i < ASIDES) {
        free_aside(i);
        return;
    }
    if (is_in_heap(pointer)) {
        end_life(pointer);
        if (is_power_of_two(align) && (uintptr_t)pointer % align == 0 && to_cache(pointer, size)) return;
    }
    if (!enter_heap()) {
        if (!tsp_program_contains(&spoon, pointer)) tsp_misuse(&spoon, pointer, TSP_FOREIGN);
        free_later(pointer);
        return;
    }
    free_entered(pointer, size, align);
    leave_heap();
}

/* An object of this thread at a new place, with what it contains, or with more: nobody knows its size here. */
static COLD void *moved_aside(void *pointer, size_t size, void *object) {
    const size_t at = (size_t)((char *)pointer - spoon_memory), rest = (at < low_end ? low_end : spoon_bytes) - at;
    if (object == NULL) {
        begin_life(pointer);
        return NULL;
    }
    memcpy(object, pointer, size < rest ? size : rest);
    free_later(pointer);
    return object;
}

static void *resized(void *pointer, size_t size) {
    void *object = NULL;
    size_t before;
    unsigned i;
    if (pointer == NULL) return new_object_of(size, 0);
    i = find_aside(pointer);
    if (i < ASIDES) {
        const size_t old = about_aside(pointer).size;
        object = new_object_of(size, 0);
        if (object == NULL) return NULL;
        memcpy(object, pointer, size < old ? size : old);
        free_aside(i);
        return object;
    }
    if (is_in_heap(pointer)) end_life(pointer);
    if (!enter_heap() && !enter_or_aside(size, 0, &object)) {
        if (!tsp_program_contains(&spoon, pointer)) tsp_misuse(&spoon, pointer, TSP_FOREIGN);
        return moved_aside(pointer, size, object);
    }
    before = spoon.used;
    object = request(pointer, size, 0);
    if (object) note_object(object, size);
    else begin_life(pointer);
    note_less(before);
    leave_heap();
    return object;
}

/* Waits for whoever forks: libc does not call this with a lock in its hands. */
static size_t room_of(const void *pointer) {
    unsigned i = find_aside(pointer);
    size_t size;
    if (i < ASIDES) return about_aside(pointer).size;
    if (is_in_heap(pointer) && !is_live(pointer)) refuse_dead(pointer);
    if (!enter_heap() && (is_mine(self()) || !enter_after_all(self(), 1))) return 0;
    size = tsp_program_usable_size(&spoon, pointer);
    leave_heap();
    return size;
}

/* -- The heap as a whole ------------------------------------------------------------------------------------------- */

#ifdef __GLIBC__
typedef struct heap_facts {
    tsp_usage usage;
    size_t holes, open;
} heap_facts;

static int count_hole(void *holes, void *start, size_t size, tsp_kind kind) {
    (void)start, (void)size;
    *(size_t *)holes += kind == TSP_HOLE;
    return 0;
}

static heap_facts facts(void) {
    heap_facts f;
    memset(&f, 0, sizeof f);
    if (!enter_heap()) return f;
    f.usage = usage_now();
    tsp_program_walk(&spoon, count_hole, &f.holes);
    f.open = spoon_bytes - (high_start - low_end);
    leave_heap();
    return f;
}
#endif

#pragma GCC visibility pop

/* -- What the program sees ----------------------------------------------------------------------------------------- */

#pragma GCC visibility push(default)

void free_sized(void *pointer, size_t size);
void free_aligned_sized(void *pointer, size_t align, size_t size);

void *malloc(size_t size) {
    return given(new_object_of(at_least_one(size), 0), size, 0);
}

void *calloc(size_t count, size_t size) {
    size = times(count, size);
    return given(new_cleared_object(at_least_one(size)), size, 0);
}

void free(void *pointer) {
    if (pointer) give_back_any(pointer, ANY_SIZE, 1);
}

void *realloc(void *pointer, size_t size) {
    if (pointer && size == 0) {
        free(pointer);
        return NULL;
    }
    return given(resized(pointer, at_least_one(size)), size, 0);
}

void *reallocarray(void *pointer, size_t count, size_t size) {
    return realloc(pointer, times(count, size));
}

void *aligned_alloc(size_t align, size_t size) {
    if (!is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return given(new_object_of(at_least_one(size), align), size, align);
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
    if (pointer) give_back_any(pointer, at_least_one(size), 1);
}

void free_aligned_sized(void *pointer, size_t align, size_t size) {
    if (pointer) give_back_any(pointer, at_least_one(size), align);
}

size_t malloc_usable_size(void *pointer) {
    return pointer ? room_of(pointer) : 0;
}

/* Gives back the whole pages of all holes. As in glibc, 1: there were some; pad, what to keep for growth, is not needed
 * here. */
int malloc_trim(size_t pad);

int malloc_trim(size_t pad) {
    size_t given_back;
    (void)pad;
    if (!enter_heap()) return 0;
    empty_caches();
    given_back = trim(0);
    leave_heap();
    return given_back != 0;
}

#ifdef __GLIBC__
/* glibc's other names, so that a static link does not take its malloc beside this one. */

/* Nothing of this malloc can be set like that: all is well, and nothing changes. */
int mallopt(int parameter, int value) {
    (void)parameter, (void)value;
    return 1;
}

/* The size of the heap as far as it is open, its holes, its bytes in use and free, and the largest hole. */
#define FILL_MALLINFO(info, type)                                                                                      \
    do {                                                                                                               \
        const heap_facts f = facts();                                                                                  \
        memset(&(info), 0, sizeof(info));                                                                              \
        (info).arena = (type)f.open;                                                                                   \
        (info).ordblks = (type)f.holes;                                                                                \
        (info).uordblks = (type)f.usage.used;                                                                          \
        (info).fordblks = (type)f.usage.free;                                                                          \
        (info).keepcost = (type)f.usage.largest;                                                                       \
    } while (0)

struct mallinfo mallinfo(void) {
    struct mallinfo info;
    FILL_MALLINFO(info, int); /* wraps, as glibc's */
    return info;
}

#if __GLIBC_PREREQ(2, 33)
struct mallinfo2 mallinfo2(void) {
    struct mallinfo2 info;
    FILL_MALLINFO(info, size_t);
    return info;
}
#endif

/* The line of TEASPOON_USAGE. */
void malloc_stats(void) {
    tell_usage(STDERR_FILENO);
}

int malloc_info(int options, FILE *to) {
    heap_facts f;
    if (options != 0) return EINVAL;
    f = facts();
    fprintf(to,
            "<malloc version=\"teaspoon-%s\">\n<heap nr=\"0\">\n<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n"
            "<system type=\"current\" size=\"%zu\"/>\n<system type=\"max\" size=\"%zu\"/>\n</heap>\n</malloc>\n",
            tsp_version(), f.holes, f.usage.free, f.open, spoon_bytes);
    return 0;
}

/* What programs call that have functions of their own in front of libc's. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t align, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);
void __libc_free(void *pointer);
int __libc_mallopt(int parameter, int value);
struct mallinfo __libc_mallinfo(void);
void cfree(void *pointer);

void *__libc_malloc(size_t size) {
    return malloc(size);
}

void *__libc_calloc(size_t count, size_t size) {
    return calloc(count, size);
}

void *__libc_realloc(void *pointer, size_t size) {
    return realloc(pointer, size);
}

void *__libc_memalign(size_t align, size_t size) {
    return memalign(align, size);
}

void *__libc_valloc(size_t size) {
    return valloc(size);
}

void *__libc_pvalloc(size_t size) {
    return pvalloc(size);
}

void __libc_free(void *pointer) {
    free(pointer);
}

int __libc_mallopt(int parameter, int value) {
    return mallopt(parameter, value);
}

struct mallinfo __libc_mallinfo(void) {
    struct mallinfo info;
    FILL_MALLINFO(info, int);
    return info;
}

void cfree(void *pointer) {
    free(pointer);
}
#endif

#pragma GCC visibility pop
