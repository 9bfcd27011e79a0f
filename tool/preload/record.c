/* The library that `teaspoon record` preloads into the program it records. SPDX-License-Identifier: BSD-3-Clause
 *
 *     cc -std=c11 -O2 -fPIC -shared -fexceptions -static-libgcc -Itool -o libteaspoon-record.so tool/preload/record.c
 *
 * Each call of malloc's family goes on to whatever allocator the program has, and is noted in a file that is mapped and
 * shared: what is written there stays when the program dies, however that happens. Each thread fills a chunk of its
 * own, without any lock; one counter orders the events of all threads. Nothing here allocates, changes errno or lets a
 * signal handler come between: a handler that interrupts a note and allocates writes its own notes elsewhere. */
#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64

#include "recording.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

#define VISIBLE __attribute__((visibility("default")))
#define COLD __attribute__((cold, noinline))
#define IN_THREAD static __thread __attribute__((tls_model("initial-exec")))
#define LIKELY(x) __builtin_expect(!!(x), 1)

/* -- The state ----------------------------------------------------------------------------------------------------- */

enum { UNKNOWN, ON, OFF };

/* Whether this process is recorded. The page is zero again after a fork, by the kernel's doing, so that a child knows
 * itself at its first call; a child of vfork, which has no memory of its own, goes on in its parent's recording. */
static const int unknown = UNKNOWN;
static const int *alive = &unknown;
static int *alive_page;

static recording_header *header;
static char directory[PATH_MAX - 80], name[64]; /* of the file */
static int file = -1;
static dev_t file_device;
static ino_t file_inode;
static unsigned long orders, chunks;
static uint32_t threads;
static uint64_t began;
static unsigned frames; /* to note of each call stack */
static pthread_key_t at_thread_end;
static int have_key;

IN_THREAD event *cursor, *limit; /* this thread's chunk */
/* Volatile, since glibc declares that dlsym and others do not call back, which they do if they allocate. */
IN_THREAD volatile unsigned noting; /* notes that this thread is at: 2 and more in signal handlers */
IN_THREAD volatile unsigned inside; /* it is in the real allocator: what that calls is its own affair */
IN_THREAD uint32_t my_thread;

/* -- A lock for what is rare, never held while a handler may come ----------------------------------------------------
 */

static int first_lock,
    *the_lock = &first_lock; /* later in the page: a child must not wait for a thread of its parent */

typedef struct locked {
    sigset_t signals;
    int *lock;
} locked;

static void lock(locked *l) {
    sigset_t all;
    sigfillset(&all);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &l->signals, _NSIG / 8);
    l->lock = the_lock;
    while (__atomic_exchange_n(l->lock, 1, __ATOMIC_ACQUIRE)) syscall(SYS_sched_yield);
}

static void unlock(const locked *l) {
    __atomic_store_n(l->lock, 0, __ATOMIC_RELEASE);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &l->signals, NULL, _NSIG / 8);
}

/* -- The file, by system calls: libc's are cancellation points, which malloc is not ----------------------------------
 */

static int open_file(const char *path, int flags) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0600);
}

static void path_of(char path[PATH_MAX], const char *ending) {
    size_t a = strlen(directory), b = strlen(name), c = strlen(ending);
    memcpy(path, directory, a);
    path[a] = '/';
    memcpy(path + a + 1, name, b);
    memcpy(path + a + 1 + b, ending, c + 1);
}

/* Out of the way of programs that count on the numbers of their own files. */
static int lift(int low) {
    struct rlimit most = {0};
    int high = -1;
    getrlimit(RLIMIT_NOFILE, &most);
    if (most.rlim_cur > 64) {
        int from = (int)(most.rlim_cur > 4096 ? 4000 : most.rlim_cur - 32);
        high = (int)syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, from);
    }
    if (high < 0) return low;
    syscall(SYS_close, low);
    return high;
}

/* The program may have closed our descriptor, and opened another file under its number. */
static int have_file(void) {
    struct stat now;
    char path[PATH_MAX];
    if (file >= 0 && fstat(file, &now) == 0 && now.st_dev == file_device && now.st_ino == file_inode) return 1;
    path_of(path, "");
    file = open_file(path, O_RDWR);
    if (file >= 0) file = lift(file);
    return file >= 0 && fstat(file, &now) == 0 && now.st_dev == file_device && now.st_ino == file_inode;
}

/* A chunk's bytes are reserved before they are mapped: a page that the disk has no room for would end the program. */
static void *map_chunk(unsigned long number) {
    const off_t at = (off_t)number * RECORDING_CHUNK;
    void *memory;
    if (!have_file()) return NULL;
    if (fallocate(file, 0, at, RECORDING_CHUNK) != 0 &&
        (errno != EOPNOTSUPP || ftruncate(file, at + RECORDING_CHUNK) != 0))
        return NULL;
    memory = mmap(NULL, RECORDING_CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, at);
    return memory == MAP_FAILED ? NULL : memory;
}

/* -- Chunks ----------------------------------------------------------------------------------------------------------
 */

typedef struct chunk {
    event *cursor, *limit;
} chunk;

enum { SPARE = 256 };
static chunk spare[SPARE]; /* of threads that have ended, for new ones */
static unsigned spares;
static chunk aside; /* for handlers that interrupt a note */

/* With the lock. */
static COLD chunk new_chunk(void) {
    chunk c = {NULL, NULL};
    if (spares) {
        c = spare[--spares];
    } else if ((c.cursor = map_chunk(chunks + 1)) != NULL) {
        c.limit = c.cursor + RECORDING_EVENTS;
        chunks++;
    }
    return c;
}

static void drop_chunk(event *end) {
    char *from = (char *)(end - RECORDING_EVENTS);
    munmap(from, RECORDING_CHUNK);
}

static void thread_ends(void *unused) {
    locked before;
    const int saved = errno;
    (void)unused;
    noting++;
    if (*alive == ON && cursor && cursor < limit) {
        lock(&before);
        if (spares < SPARE) spare[spares++] = (chunk){cursor, limit};
        unlock(&before);
    }
    cursor = limit = NULL;
    noting--;
    errno = saved;
}

static COLD int next_chunk(void) {
    const int saved = errno;
    locked before;
    chunk c;
    int first = my_thread == 0;
    if (first) my_thread = __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
    lock(&before);
    if (limit) drop_chunk(limit);
    c = new_chunk();
    cursor = c.cursor;
    limit = c.limit;
    unlock(&before);
    if (have_key) {
        inside++; /* it may allocate */
        pthread_setspecific(at_thread_end, &orders);
        inside--;
    }
    errno = saved;
    return cursor != NULL;
}

/* -- Notes -----------------------------------------------------------------------------------------------------------
 */

static uint64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void drop(void) {
    __atomic_add_fetch(&header->dropped, 1, __ATOMIC_RELAXED);
}

/* The order comes last, so that the event is there or not, whenever the program dies. */
static void write_event(event *e, event_kind kind, uintptr_t address, size_t size, unsigned align, unsigned given,
                        uint32_t site) {
    const unsigned long order = __atomic_add_fetch(&orders, 1, __ATOMIC_RELAXED);
    e->address = address;
    e->size = size;
    e->thread = (uint16_t)((my_thread - 1) % UINT16_MAX + 1);
    e->ms = (uint32_t)(milliseconds() - began);
    e->site = site;
    e->kind_and_given = (uint8_t)(kind | given << 4);
    e->align = (uint8_t)align;
    if (order > UINT32_MAX) drop();
    else __atomic_store_n(&e->order, (uint32_t)order, __ATOMIC_RELEASE);
}

static COLD void note_aside(event_kind kind, uintptr_t address, size_t size, unsigned align, unsigned given) {
    const int saved = errno;
    locked before;
    lock(&before);
    if (aside.cursor == aside.limit) {
        if (aside.limit) drop_chunk(aside.limit);
        aside = new_chunk();
    }
    if (aside.cursor) write_event(aside.cursor++, kind, address, size, align, given, 0);
    else drop();
    unlock(&before);
    errno = saved;
}

static void note_at(event_kind kind, uintptr_t address, size_t size, unsigned align, unsigned given, uint32_t site) {
    noting++;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (noting > 1) note_aside(kind, address, size, align, given);
    else if (LIKELY(cursor != limit) || next_chunk()) write_event(cursor++, kind, address, size, align, given, site);
    else drop();
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    noting--;
}

/* -- Call stacks ------------------------------------------------------------------------------------------------------
 */

enum { SITES = 1 << 18, RANGES = 512 };
typedef uint64_t word __attribute__((aligned(8))); /* on i386 too, where it would be aligned to 4 bytes */
static word *sites; /* hashes of the stacks noted so far; a stack's number is its place here, and 1 */
static struct { uintptr_t from, to; } ranges[RANGES]; /* code that the copied maps name */
static unsigned known_ranges;
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

typedef struct stack {
    uintptr_t at[RECORDING_FRAMES_MOST];
    unsigned depth;
} stack;

/* Without our own frames. */
static _Unwind_Reason_Code add_frame(struct _Unwind_Context *context, void *to) {
    stack *s = to;
    uintptr_t at = _Unwind_GetIP(context);
    if (at == 0) return _URC_END_OF_STACK;
    if (at >= (uintptr_t)__ehdr_start && at < (uintptr_t)_end) return _URC_NO_REASON;
    s->at[s->depth++] = at;
    return s->depth < frames ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static int is_known(uintptr_t at) {
    for (unsigned i = 0; i < known_ranges; i++)
        if (at >= ranges[i].from && at < ranges[i].to) return 1;
    return 0;
}

/* A line of /proc/self/maps: "7f00-7f20 r-xp ..." */
static void learn_range(const char *line) {
    char *end;
    uintptr_t from = (uintptr_t)strtoull(line, &end, 16), to;
    if (*end != '-') return;
    to = (uintptr_t)strtoull(end + 1, &end, 16);
    if (strncmp(end, " r-xp", 5) != 0 && strncmp(end, " --xp", 5) != 0 && strncmp(end, " rwxp", 5) != 0) return;
    if (is_known(from) || known_ranges == RANGES) return;
    ranges[known_ranges].from = from;
    ranges[known_ranges++].to = to;
}

/* What is mapped where, beside the recording: names are looked up when the program has ended. With the lock. */
static COLD void copy_maps(void) {
    static char buffer[4096], line[128];
    char path[PATH_MAX];
    size_t length = 0;
    int in = open_file("/proc/self/maps", O_RDONLY), out;
    ssize_t got;
    path_of(path, ".maps");
    out = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
    while (in >= 0 && (got = syscall(SYS_read, in, buffer, sizeof buffer)) > 0) {
        if (out >= 0 && syscall(SYS_write, out, buffer, got) != got) break;
        for (ssize_t i = 0; i < got; i++) {
            if (length < sizeof line - 1) line[length++] = buffer[i];
            if (buffer[i] != '\n') continue;
            line[length] = '\0';
            learn_range(line);
            length = 0;
        }
    }
    if (out >= 0) {
        if (syscall(SYS_write, out, "\n", 1) < 0) known_ranges = 0; /* an empty line ends a copy */
        syscall(SYS_close, out);
    }
    if (in >= 0) syscall(SYS_close, in);
}

/* The number of the call stack that is now, which is noted if it is new. */
static COLD uint32_t call_site(void) {
    stack s = {{0}, 0};
    uint64_t hash = 14695981039346656037u;
    const int saved = errno;
    uint32_t place;
    inside++; /* the unwinder may allocate */
    _Unwind_Backtrace(add_frame, &s);
    inside--;
    for (unsigned i = 0; i < s.depth; i++) {
        hash = (hash ^ s.at[i]) * 1099511628211u;
        hash ^= hash >> 29;
    }
    hash |= 1;
    place = (uint32_t)(hash >> 32) % SITES;
    for (unsigned tries = 0;; tries++, place = (place + 1) % SITES) {
        word there = __atomic_load_n(&sites[place], __ATOMIC_RELAXED);
        if (there == 0 &&
            __atomic_compare_exchange_n(&sites[place], &there, hash, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            break;
        if (there == hash) return errno = saved, place + 1;
        if (tries == 64) return errno = saved, 0;
    }
    for (unsigned i = 0; i < s.depth; i++) {
        if (!is_known(s.at[i])) {
            locked before;
            lock(&before);
            if (!is_known(s.at[i])) copy_maps();
            unlock(&before);
        }
        note_at(EVENT_FRAME, s.at[i], i, 0, 0, place + 1);
    }
    errno = saved;
    return place + 1;
}

/* -- The beginning of a recording -------------------------------------------------------------------------------------
 */

static void put_number(char **at, unsigned long n) {
    char digits[24], *first = digits + sizeof digits;
    do *--first = (char)('0' + n % 10);
    while (n /= 10);
    while (first < digits + sizeof digits) *(*at)++ = *first++;
}

/* "PID" or, for a process that runs one program after another, "PID-1", "PID-2". */
static int create_file(void) {
    struct stat now;
    char path[PATH_MAX];
    for (unsigned long i = 0; i < 10000; i++) {
        char *at = name;
        put_number(&at, (unsigned long)syscall(SYS_getpid));
        if (i) {
            *at++ = '-';
            put_number(&at, i);
        }
        *at = '\0';
        path_of(path, "");
        file = open_file(path, O_RDWR | O_CREAT | O_EXCL);
        if (file >= 0) file = lift(file);
        if (file >= 0 && fstat(file, &now) == 0) {
            file_device = now.st_dev;
            file_inode = now.st_ino;
            return 1;
        }
        if (errno != EEXIST) return 0;
    }
    return 0;
}

static void child_of_fork(void) {
    alive_page[0] = UNKNOWN;
    alive_page[1] = 0;
}

static int make_page(void) {
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return 0;
    alive_page = page;
    the_lock = &alive_page[1];
    if (madvise(page, size, MADV_WIPEONFORK) != 0) { /* before Linux 4.14 */
        inside++;
        pthread_atfork(NULL, NULL, child_of_fork);
        inside--;
    }
    have_key = pthread_key_create(&at_thread_end, thread_ends) == 0;
    return 1;
}

static int begin_recording(void) {
    const char *given = getenv(RECORDING_DIRECTORY), *depth = getenv(RECORDING_FRAMES);
    const int forked = header != NULL;
    char parent[sizeof name];
    const uint64_t parent_orders = orders;
    ssize_t length;
    if (!forked) {
        if (given == NULL || *given != '/' || strlen(given) >= sizeof directory) return 0;
        strcpy(directory, given);
        began = milliseconds();
        frames = depth ? (unsigned)atoi(depth) : 0;
        if (frames > 0) frames = frames < RECORDING_FRAMES_MOST ? frames + 1 : RECORDING_FRAMES_MOST;
    }
    memcpy(parent, name, sizeof parent);
    if (forked && file >= 0 && have_file()) syscall(SYS_close, file);
    file = -1;
    spares = 0;
    aside = (chunk){NULL, NULL};
    cursor = limit = NULL;
    noting = 0;
    orders = chunks = known_ranges = 0;
    if (frames) {
        void *table = mmap(sites, SITES * sizeof *sites, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (sites ? MAP_FIXED : 0), -1, 0);
        if (table == MAP_FAILED) frames = 0;
        else sites = table;
    }
    if (!create_file()) return 0;
    header = map_chunk(0);
    if (header == NULL) return 0;
    header->pointer_bits = 8 * sizeof(void *);
    header->pid = (uint32_t)syscall(SYS_getpid);
    header->frames = frames ? frames - 1 : 0;
    header->parent_orders = parent_orders;
    if (forked) memcpy(header->parent, parent, sizeof parent);
    header->began = milliseconds();
    length = readlink("/proc/self/exe", header->program, sizeof header->program - 1);
    header->program[length > 0 ? length : 0] = '\0';
    memcpy(header->magic, RECORDING_MAGIC, sizeof header->magic);
    return 1;
}

static int begin_or_off(void) {
    const int saved = errno;
    locked before;
    lock(&before);
    if (*alive == UNKNOWN && (alive_page || make_page())) {
        *alive_page = begin_recording() ? ON : OFF;
        alive = alive_page;
    }
    unlock(&before);
    errno = saved;
    return *alive == ON;
}

/* Whether a call is to be noted. */
static COLD int find_out(void) {
    return *alive == UNKNOWN && begin_or_off();
}

static inline int recorded(void) {
    return !inside && (LIKELY(*alive == ON) || find_out());
}

static void note(event_kind kind, const void *address, size_t size, unsigned align, unsigned given) {
    const uint32_t site = frames && !noting && (kind == EVENT_NEW || kind == EVENT_RESIZED) ? call_site() : 0;
    note_at(kind, (uintptr_t)address, size, align, given, site);
}

/* -- The allocator that the program has -------------------------------------------------------------------------------
 */

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void *(*real_reallocarray)(void *, size_t, size_t);
static void *(*real_memalign)(size_t, size_t);
static void *(*real_aligned_alloc)(size_t, size_t);
static int (*real_posix_memalign)(void **, size_t, size_t);
static void *(*real_valloc)(size_t);
static void *(*real_pvalloc)(size_t);
static void (*real_free)(void *);
static void (*real_free_sized)(void *, size_t);
static void (*real_free_aligned_sized)(void *, size_t, size_t);
static int found;

/* Looking for it may allocate; that comes from here, and stays. */
static _Alignas(16) char first_bytes[1 << 15];
static size_t first_used;

static void *first_alloc(size_t size, size_t align) {
    size_t at = (first_used + align - 1) & ~(align - 1);
    if (align > 4096 || size > sizeof first_bytes || at > sizeof first_bytes - size) return NULL;
    first_used = at + size;
    return first_bytes + at;
}

static int is_first(const void *pointer) {
    return (uintptr_t)pointer - (uintptr_t)first_bytes < sizeof first_bytes;
}

/* ISO C has no conversion from an object's address to a function's. */
static void look_up(void *function, const char *symbol) {
    void *address = dlsym(RTLD_NEXT, symbol);
    memcpy(function, &address, sizeof address);
}

static COLD int find_allocator(void) {
    const int saved = errno;
    if (inside) return 0; /* called by dlsym */
    inside++;
    look_up(&real_malloc, "malloc");
    look_up(&real_calloc, "calloc");
    look_up(&real_realloc, "realloc");
    look_up(&real_free, "free");
    look_up(&real_reallocarray, "reallocarray");
    look_up(&real_memalign, "memalign");
    look_up(&real_aligned_alloc, "aligned_alloc");
    look_up(&real_posix_memalign, "posix_memalign");
    look_up(&real_valloc, "valloc");
    look_up(&real_pvalloc, "pvalloc");
    look_up(&real_free_sized, "free_sized");
    look_up(&real_free_aligned_sized, "free_aligned_sized");
    inside--;
    errno = saved;
    __atomic_store_n(&found, 1, __ATOMIC_RELEASE);
    return 1;
}

static inline int ready(void) {
    return LIKELY(__atomic_load_n(&found, __ATOMIC_ACQUIRE)) || find_allocator();
}

/* -- C++ --------------------------------------------------------------------------------------------------------------
 */

/* What operator new was asked for, since the malloc that it calls does not hear of all of it; or which object operator
 * delete has noted already, before the free that it calls. Only calls from deeper in the stack are theirs: an exception
 * leaves the hint behind. */
typedef struct hint {
    const char *frame; /* NULL: there is none, or it has been taken */
    const void *pointer;
    size_t size, align;
} hint;
IN_THREAD hint hinted;
IN_THREAD const void *newest; /* object that was noted */

static inline int is_hinted(const char *frame, const void *pointer) {
    return __builtin_expect(hinted.frame != NULL, 0) && frame < hinted.frame && hinted.pointer == pointer;
}

#define HERE ((const char *)__builtin_frame_address(0))

static unsigned logarithm(size_t align) {
    return align > 1 ? (unsigned)__builtin_ctzl(align) : 0;
}

static void note_new(const void *pointer, size_t size, size_t align) {
    if (is_hinted(HERE, NULL) && size >= hinted.size && size - hinted.size <= hinted.align + 1) {
        hinted.frame = NULL;
        size = hinted.size;
        align = hinted.align;
    }
    newest = pointer;
    note(EVENT_NEW, pointer, size, logarithm(align), 0);
}

static void note_free(const void *pointer, size_t size, size_t align, unsigned given) {
    if (is_hinted(HERE, pointer)) hinted.frame = NULL;
    else note(EVENT_FREE, pointer, size, logarithm(align), given);
}

/* -- C ----------------------------------------------------------------------------------------------------------------
 */

VISIBLE void *malloc(size_t size) {
    void *p;
    if (!ready()) return first_alloc(size, 16);
    inside++;
    p = real_malloc(size);
    inside--;
    if (p && recorded()) note_new(p, size, 0);
    return p;
}

VISIBLE void *calloc(size_t count, size_t size) {
    void *p;
    if (!ready()) return size && count > SIZE_MAX / size ? NULL : first_alloc(count * size, 16);
    inside++;
    p = real_calloc(count, size);
    inside--;
    if (p && recorded()) note_new(p, count * size, 0);
    return p;
}

static void *resized(void *old, void *p, size_t size) {
    if (!recorded()) return p;
    if (old) note(EVENT_RESIZED, p, size, 0, 0);
    else if (p) note_new(p, size, 0);
    return p;
}

VISIBLE void *realloc(void *old, size_t size) {
    void *p;
    if (is_first(old) || !ready()) {
        size_t most = is_first(old) ? (size_t)(first_bytes + sizeof first_bytes - (char *)old) : 0;
        p = malloc(size);
        if (p && old) memcpy(p, old, size < most ? size : most);
        return p;
    }
    if (old && recorded()) note(EVENT_RESIZE, old, size, 0, 0);
    inside++;
    p = real_realloc(old, size);
    inside--;
    return resized(old, p, size);
}

VISIBLE void *reallocarray(void *old, size_t count, size_t size) {
    void *p;
    if (size && count > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    if (is_first(old) || !ready() || !real_reallocarray) return realloc(old, count * size);
    if (old && recorded()) note(EVENT_RESIZE, old, count * size, 0, 0);
    inside++;
    p = real_reallocarray(old, count, size);
    inside--;
    return resized(old, p, count * size);
}

VISIBLE void *memalign(size_t align, size_t size) {
    void *p;
    if (!ready()) return first_alloc(size, align);
    inside++;
    p = real_memalign(align, size);
    inside--;
    if (p && recorded()) note_new(p, size, align);
    return p;
}

VISIBLE void *aligned_alloc(size_t align, size_t size) {
    void *p;
    if (!ready()) return first_alloc(size, align);
    inside++;
    p = real_aligned_alloc(align, size);
    inside--;
    if (p && recorded()) note_new(p, size, align);
    return p;
}

VISIBLE int posix_memalign(void **to, size_t align, size_t size) {
    int error;
    if (!ready()) return (*to = first_alloc(size, align)) ? 0 : ENOMEM;
    inside++;
    error = real_posix_memalign(to, align, size);
    inside--;
    if (error == 0 && *to && recorded()) note_new(*to, size, align);
    return error;
}

VISIBLE void *valloc(size_t size) {
    void *p;
    if (!ready()) return NULL;
    inside++;
    p = real_valloc(size);
    inside--;
    if (p && recorded()) note_new(p, size, (size_t)sysconf(_SC_PAGESIZE));
    return p;
}

VISIBLE void *pvalloc(size_t size) {
    void *p;
    if (!ready()) return NULL;
    inside++;
    p = real_pvalloc(size);
    inside--;
    if (p && recorded()) note_new(p, size, (size_t)sysconf(_SC_PAGESIZE));
    return p;
}

VISIBLE void free(void *pointer) {
    if (pointer == NULL || is_first(pointer) || !ready()) return;
    if (recorded()) note_free(pointer, 0, 0, 0);
    inside++;
    real_free(pointer);
    inside--;
}

/* C23's, also for programs whose C library has none yet. */
VISIBLE void free_sized(void *pointer, size_t size) {
    if (pointer == NULL || is_first(pointer) || !ready()) return;
    if (recorded()) note_free(pointer, size, 0, EVENT_SIZE_GIVEN);
    inside++;
    if (real_free_sized) real_free_sized(pointer, size);
    else real_free(pointer);
    inside--;
}

VISIBLE void free_aligned_sized(void *pointer, size_t align, size_t size) {
    if (pointer == NULL || is_first(pointer) || !ready()) return;
    if (recorded()) note_free(pointer, size, align, EVENT_SIZE_GIVEN | EVENT_ALIGN_GIVEN);
    inside++;
    if (real_free_aligned_sized) real_free_aligned_sized(pointer, align, size);
    else real_free(pointer);
    inside--;
}

/* -- C++'s operators, under their names in the object code
 * ------------------------------------------------------------- */

/* Behind us in the search order; but not where a plug-in has brought libstdc++ along for itself. */
static COLD void *find_operator(const char *symbol) {
    static const char *const libraries[] = {"libstdc++.so.6", "libc++.so.1", "libc++abi.so.1"};
    void *address, *library;
    const int saved = errno;
    inside++;
    address = dlsym(RTLD_NEXT, symbol);
    for (int i = 0; i < 3 && !address; i++)
        if ((library = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD)) != NULL) address = dlsym(library, symbol);
    inside--;
    errno = saved;
    return address;
}

#define FIND(real, symbol)                                                                                             \
    static void *real;                                                                                                 \
    if (!LIKELY(__atomic_load_n(&real, __ATOMIC_RELAXED)))                                                             \
    __atomic_store_n(&real, find_operator(symbol), __ATOMIC_RELAXED)

/* Whether this is not the malloc or free, new or delete that another operator stands for. */
static int is_outermost(const char *frame, const void *pointer, size_t size, size_t align) {
    if (inside || is_hinted(frame, pointer)) return 0;
    hinted = (hint){frame, pointer, size, align};
    return 1;
}

/* An operator new may do without malloc: then the object is noted here. */
static void *made(void *p, int outermost, size_t size, size_t align) {
    if (!outermost || !hinted.frame) return p; /* malloc has taken the hint */
    hinted.frame = NULL;
    if (p && p != newest && recorded()) note(EVENT_NEW, p, size, logarithm(align), 0);
    return p;
}

/* `real` is what find_operator found, as a function of such parameters. Without any operator new there can be no
 * exception either, and the throwing ones must not return NULL. */
#define OPERATOR_NEW(name, align_, on_failure, parameters, types, arguments)                                           \
    VISIBLE void *name parameters;                                                                                     \
    VISIBLE void *name parameters {                                                                                    \
        FIND(address, #name);                                                                                          \
        void *(*real)types;                                                                                            \
        void *p;                                                                                                       \
        int outermost;                                                                                                 \
        if (address == NULL) {                                                                                         \
            p = align_ ? memalign(align_, size) : malloc(size ? size : 1);                                             \
            if (p == NULL) on_failure;                                                                                 \
            return p;                                                                                                  \
        }                                                                                                              \
        memcpy(&real, &address, sizeof real);                                                                          \
        outermost = is_outermost(HERE, NULL, size, align_);                                                            \
        p = real arguments;                                                                                            \
        return made(p, outermost, size, align_);                                                                       \
    }

/* Noted before, as by free. */
#define OPERATOR_DELETE(name, size_, align_, given, parameters, types, arguments)                                      \
    VISIBLE void name parameters;                                                                                      \
    VISIBLE void name parameters {                                                                                     \
        FIND(address, #name);                                                                                          \
        void(*real) types;                                                                                             \
        if (pointer == NULL) return;                                                                                   \
        if (is_outermost(HERE, pointer, 0, 0) && recorded())                                                           \
            note(EVENT_FREE, pointer, size_, logarithm(align_), given);                                                \
        if (address) {                                                                                                 \
            memcpy(&real, &address, sizeof real);                                                                      \
            real arguments;                                                                                            \
        } else {                                                                                                       \
            free(pointer);                                                                                             \
        }                                                                                                              \
        if (!inside && hinted.pointer == pointer) hinted.frame = NULL;                                                 \
    }

#ifdef __LP64__
#define NEW(head, tail) head##m##tail
#else
#define NEW(head, tail) head##j##tail
#endif
#define EXPANDED_NEW(...) OPERATOR_NEW(__VA_ARGS__)
#define EXPANDED_DELETE(...) OPERATOR_DELETE(__VA_ARGS__)

#define NEWS(head)                                                                                                     \
    EXPANDED_NEW(NEW(head, ), 0, abort(), (size_t size), (size_t), (size))                                             \
    EXPANDED_NEW(NEW(head, RKSt9nothrow_t), 0, (void)0, (size_t size, const void *nothrow), (size_t, const void *),    \
                 (size, nothrow))                                                                                      \
    EXPANDED_NEW(NEW(head, St11align_val_t), align, abort(), (size_t size, size_t align), (size_t, size_t),            \
                 (size, align))                                                                                        \
    EXPANDED_NEW(NEW(head, St11align_val_tRKSt9nothrow_t), align, (void)0,                                             \
                 (size_t size, size_t align, const void *nothrow), (size_t, size_t, const void *),                     \
                 (size, align, nothrow))

#define DELETES(head)                                                                                                  \
    EXPANDED_DELETE(head, 0, 0, 0, (void *pointer), (void *), (pointer))                                               \
    EXPANDED_DELETE(head##RKSt9nothrow_t, 0, 0, 0, (void *pointer, const void *nothrow), (void *, const void *),       \
                    (pointer, nothrow))                                                                                \
    EXPANDED_DELETE(head##St11align_val_t, 0, align, EVENT_ALIGN_GIVEN, (void *pointer, size_t align),                 \
                    (void *, size_t), (pointer, align))                                                                \
    EXPANDED_DELETE(head##St11align_val_tRKSt9nothrow_t, 0, align, EVENT_ALIGN_GIVEN,                                  \
                    (void *pointer, size_t align, const void *nothrow), (void *, size_t, const void *),                \
                    (pointer, align, nothrow))                                                                         \
    EXPANDED_DELETE(NEW(head, ), size, 0, EVENT_SIZE_GIVEN, (void *pointer, size_t size), (void *, size_t),            \
                    (pointer, size))                                                                                   \
    EXPANDED_DELETE(NEW(head, St11align_val_t), size, align, EVENT_SIZE_GIVEN | EVENT_ALIGN_GIVEN,                     \
                    (void *pointer, size_t size, size_t align), (void *, size_t, size_t), (pointer, size, align))

NEWS(_Znw)
NEWS(_Zna)
DELETES(_ZdlPv)
DELETES(_ZdaPv)
