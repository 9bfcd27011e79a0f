/* What surrounds the functions of adapters/malloc.c: fork, signals, cancellation, other people's descriptors, address
 * space. Each test is a process of its own, with the heap that TEASPOON_HEAP says.
 * SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE

#include "../test.h"
#include "again.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

/* Not in musl; perhaps only what is preloaded has it. */
__attribute__((weak)) int malloc_trim(size_t pad);

static void *(*volatile resize)(void *, size_t) = realloc; /* the compiler does not know it */
static volatile size_t too_much = (size_t)1 << 30;

/* -- Processes ----------------------------------------------------------------------------------------------------- */

/* What a test process says when something does not hold: the line, as its status. */
#define MUST(condition)                                                                                                \
    do                                                                                                                 \
        if (!(condition)) _exit(__LINE__ % 199 + 1);                                                                   \
    while (0)

/* The status of a process that does that: 0 if all held, -1 if it hung. */
static int status_of(void (*function)(void)) {
    int status;
    pid_t id = fork();
    if (id == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm(90);
        function();
        _exit(0);
    }
    if (id < 0 || waitpid(id, &status, 0) != id) return -2;
    return WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) == SIGALRM ? -1 : -WTERMSIG(status);
}

static int holds(void (*function)(void)) {
    int status = status_of(function);
    if (status) printf("status %d (-1: it hung; n: a line that is n - 1 modulo 199)\n", status);
    return status == 0;
}

/* Uses the heap as hard as a few moments allow. 1: every object kept its bytes. */
static int heap_is_whole(void) {
    unsigned char *objects[200] = {NULL};
    size_t sizes[200] = {0};
    dice d = 7;
    for (uint32_t round = 0; round < 1000; round++) {
        uint32_t i = roll(&d, 200);
        size_t size = 1 + roll(&d, 700);
        if (objects[i] && !keeps(objects[i], sizes[i], i)) return 0;
        objects[i] = realloc(objects[i], size);
        if (objects[i] == NULL) return 0;
        if (!keeps(objects[i], size < sizes[i] ? size : sizes[i], i)) return 0;
        fill(objects[i], 0, sizes[i] = size, i);
    }
    for (int i = 0; i < 200; i++) free(objects[i]);
    return 1;
}

static void fork_once(void) {
    int status;
    pid_t id = fork();
    if (id == 0) {
        alarm(90);
        _exit(heap_is_whole() ? 0 : 1);
    }
    MUST(id > 0);
    while (waitpid(id, &status, 0) != id) MUST(errno == EINTR);
    MUST(status == 0);
}

/* -- Fork ---------------------------------------------------------------------------------------------------------- */

/* A mutex of the program's, which it takes around every fork. Registered before anybody has allocated anything: before
 * all constructors, where the C library has a place for that. */
static pthread_mutex_t ours = PTHREAD_MUTEX_INITIALIZER;
static volatile int guarded, stop, slow, begun;

static void guard(void) {
    begun = 1;
    if (slow) usleep(500000);
    if (guarded) pthread_mutex_lock(&ours);
}

static void unguard(void) {
    if (guarded) pthread_mutex_unlock(&ours);
}

#ifndef __GLIBC__
__attribute__((constructor(101)))
#endif
static void register_early(void) {
    pthread_atfork(guard, unguard, unguard);
    errno = 77;
}

/* Other constructors, malloc's first of all, have been here. */
static int errno_then;
__attribute__((constructor(102))) static void look_at_errno(void) {
    errno_then = errno;
}

#ifdef __GLIBC__
__attribute__((section(".preinit_array"), used)) static void (*const earlier)(void) = register_early;
#endif

static void *allocate_guarded(void *unused) {
    while (!stop) {
        void *p;
        pthread_mutex_lock(&ours);
        p = malloc(100);
        p = resize(p, 300);
        free(p);
        pthread_mutex_unlock(&ours);
    }
    return unused;
}

static void guarded_forks(void) {
    pthread_t thread;
    guarded = 1;
    MUST(pthread_create(&thread, NULL, allocate_guarded, NULL) == 0);
    for (int i = 0; i < 200; i++) fork_once();
    stop = 1;
    pthread_join(thread, NULL);
    MUST(heap_is_whole());
}

TEST(a_program_s_handlers_of_fork_may_wait_for_who_allocates) {
    CHECK(holds(guarded_forks));
}

/* Who waits for the heap, and is woken or not, keeps errno, and gets what it wants from it. */
static void *allocate_beside_others(void *unused) {
    for (int i = 0; i < 20000; i++) {
        char *p;
        errno = 77;
        p = malloc(2001);
        MUST(malloc_usable_size(p) == 2016); /* elsewhere it would be 2001 */
        free(p);
        MUST(errno == 77);
    }
    return unused;
}

static void allocate_in_threads(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) MUST(pthread_create(&threads[i], NULL, allocate_beside_others, NULL) == 0);
    for (int i = 0; i < 4; i++) MUST(pthread_join(threads[i], NULL) == 0);
}

TEST(who_waits_keeps_errno) {
    CHECK(holds(allocate_in_threads));
}

/* A fork takes its time. Meanwhile others go on: what they free is free afterwards, what they get they may keep. */
enum { SLOW = 10000 };
static char *slow_objects[2][SLOW];

static void *free_meanwhile(void *objects) {
    char **o = objects;
    while (!begun) continue;
    errno = 77;
    for (int i = 1; i < SLOW; i++) free(o[i]);
    if (o[0]) MUST(malloc_usable_size(o[0]) >= 3000); /* this waits */
    free(o[0]);
    MUST(errno == 77);
    return objects;
}

static void *get_meanwhile(void *unused) {
    static char *o[700]; /* more than have pages of their own: the last wait for the fork */
    char *p = malloc(5000), *q;
    fill(p, 0, 5000, 1);
    while (!begun) continue;
    errno = 77;
    MUST((q = calloc(1, 5000)) != NULL && is_filled_with(q, 5000, 0));
#ifdef __GLIBC__ /* elsewhere our handler may come first, before malloc's */
    MUST(malloc_trim(0) == 0);
#endif
    fill(q, 0, 5000, 3);
    MUST((p = resize(p, 6000)) != NULL && keeps(p, 5000, 1) && (p = resize(p, 3000)) != NULL && keeps(p, 3000, 1));
    for (uint32_t i = 0; i < 700; i++) {
        MUST((o[i] = i % 2 ? malloc(3000) : aligned_alloc(4096, 3000)) != NULL);
        fill(o[i], 0, 3000, i);
    }
    for (uint32_t i = 0; i < 700; i++) {
        MUST(keeps(o[i], 3000, i));
        free(o[i]);
    }
    MUST(keeps(q, 5000, 3) && malloc_usable_size(q) >= 5000 && (q = resize(q, 100)) != NULL && keeps(q, 100, 3));
    free(p);
    free(q);
    MUST(errno == 77);
    return unused;
}

/* How many objects of 3,000 bytes there is room for. */
static unsigned room(void) {
    static char *o[40000];
    unsigned n = 0;
    while (n < 40000 && (o[n] = malloc(3000)) != NULL) n++;
    for (unsigned i = 0; i < n; i++) free(o[i]);
    return n;
}

static void slow_fork(void) {
    pthread_t threads[3];
    unsigned before;
    for (int i = 0; i < 3; i++) MUST(pthread_create(&threads[i], NULL, free_meanwhile, slow_objects[0]) == 0);
    begun = 1; /* nothing yet: libc keeps threads' stacks, and what belongs to them */
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    begun = 0;
    before = room();
    for (int i = 0; i < 2 * SLOW; i++) MUST((slow_objects[i / SLOW][i % SLOW] = malloc(3000)) != NULL);
    for (int i = 0; i < 2; i++) MUST(pthread_create(&threads[i], NULL, free_meanwhile, slow_objects[i]) == 0);
    MUST(pthread_create(&threads[2], NULL, get_meanwhile, NULL) == 0);
    slow = 1;
    fork_once();
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
    MUST(room() + 1 >= before && heap_is_whole());
    allocate_in_threads(); /* all is as before */
    _exit(0);
}

static void slow_fork_of_a_large_heap(void) {
    setenv("TEASPOON_HEAP", "96M", 1);
    again(slow_fork);
}

TEST(a_fork_takes_its_time) {
    CHECK(holds(slow_fork_of_a_large_heap));
}

/* The first use of the heap in one thread while another forks. */
static pthread_barrier_t both;

static void *allocate_first(void *unused) {
    pthread_barrier_wait(&both);
    free(malloc(10));
    return unused;
}

static void fork_beside_first_use(void) {
    pthread_t thread;
    MUST(pthread_barrier_init(&both, NULL, 2) == 0);
    MUST(pthread_create(&thread, NULL, allocate_first, NULL) == 0);
    pthread_barrier_wait(&both);
    fork_once();
    pthread_join(thread, NULL);
    _exit(0);
}

static void begin_again(void) {
    again(fork_beside_first_use);
}

TEST(fork_beside_the_first_use) {
    for (int i = 0; i < 20; i++) CHECK(holds(begin_again));
}

/* stdio: who flushes everything waits for a stream with the list of streams locked, who reads allocates with the stream
 * locked (so much that no cache has it), and fork wants the list when our handler has prepared. */
static void *read_lines(void *unused) {
    FILE *f = tmpfile();
    MUST(f != NULL && fprintf(f, "%5000d\n", 0) == 5001);
    while (!stop) {
        char *line = NULL;
        size_t room = 0;
        rewind(f);
        MUST(getline(&line, &room, f) == 5001);
        free(line);
    }
    fclose(f);
    return unused;
}

static void *flush_all(void *unused) {
    while (!stop) fflush(NULL);
    return unused;
}

static void forks_beside_stdio(void) {
    pthread_t threads[2];
    MUST(pthread_create(&threads[0], NULL, read_lines, NULL) == 0);
    MUST(pthread_create(&threads[1], NULL, flush_all, NULL) == 0);
    for (int i = 0; i < 100; i++) fork_once();
    stop = 1;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    MUST(heap_is_whole());
}

TEST(fork_beside_stdio) {
    CHECK(holds(forks_beside_stdio));
}

/* Signals that interrupt malloc. */
static volatile int ticks;

/* A millisecond of the process's time after it is set: once, so that what was interrupted goes on before the next. */
static void set_timer(void) {
    struct itimerval timer = {{0, 0}, {0, 1000}};
    MUST(setitimer(ITIMER_VIRTUAL, &timer, NULL) == 0);
}

static void every_millisecond(void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    MUST(sigaction(SIGVTALRM, &action, NULL) == 0);
    set_timer();
}

static void no_more(void) {
    signal(SIGVTALRM, SIG_IGN);
}

static void fork_in_handler(int signal_number) {
    (void)signal_number;
    fork_once();
    ticks = ticks + 1;
    set_timer();
}

static void allocate_while_ticking(int most) {
    while (ticks < most) {
        void *p[20];
        for (int i = 0; i < 20; i++) MUST((p[i] = malloc((size_t)i * 80 + 1)) != NULL);
        for (int i = 0; i < 20; i++) MUST((p[i] = resize(p[i], (size_t)i * 120 + 9)) != NULL);
        for (int i = 19; i >= 0; i--) free(p[i]);
    }
    no_more();
    MUST(heap_is_whole());
}

static void forks_in_handlers(void) {
    every_millisecond(fork_in_handler);
    allocate_while_ticking(100);
}

TEST(fork_in_a_handler_that_interrupts_malloc) {
    CHECK(holds(forks_in_handlers));
}

static void forks_in_handlers_beside_threads(void) {
    pthread_t threads[2];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGVTALRM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    MUST(pthread_create(&threads[0], NULL, read_lines, NULL) == 0);
    MUST(pthread_create(&threads[1], NULL, allocate_guarded, NULL) == 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    every_millisecond(fork_in_handler);
    allocate_while_ticking(60);
    stop = 1;
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    MUST(heap_is_whole());
}

TEST(fork_in_a_handler_beside_threads) {
    CHECK(holds(forks_in_handlers_beside_threads));
}

static size_t in_use(void) {
#ifdef __GLIBC__
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

/* What handlers do in the heap: they get objects, keep some, resize and free them and those of the program. */
static char *volatile handed, *volatile kept;

static void use_heap_in_handler(int signal_number) {
    char *p = malloc(50), *q = calloc(3, 100), *volatile r = aligned_alloc(4096, 10); /* whatever a compiler knows of it */
    (void)signal_number;
    MUST(p && q && r && is_filled_with(q, 300, 0) && (uintptr_t)r % 4096 == 0);
    fill(p, 0, 50, 1);
    MUST((p = resize(p, 5000)) != NULL && keeps(p, 50, 1));
    MUST(resize(p, SIZE_MAX / 3 - too_much) == NULL && keeps(p, 50, 1));
    MUST(resize(p, SIZE_MAX - 20) == NULL && keeps(p, 50, 1)); /* more than that with what belongs to it */
    free(q);
    free(r);
    if (handed) {
        const size_t room = malloc_usable_size(handed); /* 0: it cannot be known now */
        MUST(keeps(handed, 500, 2) && (room == 0 || room >= 500));
        MUST(resize(handed, SIZE_MAX / 3 - too_much) == NULL && keeps(handed, 500, 2));
        MUST((handed = resize(handed, 900)) != NULL && keeps(handed, 500, 2));
        free(handed);
        handed = NULL;
    }
    free(kept);
    kept = p;
    ticks = ticks + 1;
    set_timer();
}

static void heap_in_handlers(void) {
    const size_t before = in_use();
    every_millisecond(use_heap_in_handler);
    while (ticks < 150) {
        void *p[20];
        if (!handed) {
            char *h = malloc(500);
            MUST(h != NULL);
            fill(h, 0, 500, 2);
            handed = h;
        }
        for (int i = 0; i < 20; i++) MUST((p[i] = malloc((size_t)i * 80 + 1)) != NULL); /* half of them of no cache */
        for (int i = 0; i < 20; i++) free(p[i]);
    }
    no_more();
    MUST(kept && keeps(kept, 50, 1) && malloc_usable_size(kept) >= 5000);
    free(kept);
    free(handed);
    MUST(in_use() == before); /* what was put off has been done */
    MUST(heap_is_whole());
}

TEST(the_heap_in_handlers_that_interrupt_malloc) {
    CHECK(holds(heap_in_handlers));
}

/* Many threads, one after the other. */
static void *use_heap(void *unused) {
    char *p = malloc(100);
    MUST(p != NULL);
    fill(p, 0, 100, 1);
    free(p);
    MUST((p = malloc(100)) != NULL);
    free(p);
    return unused;
}

static void many_threads(void) {
    for (int i = 0; i < 5000; i++) {
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, use_heap, NULL) == 0 && pthread_join(thread, NULL) == 0);
    }
    MUST(heap_is_whole());
}

TEST(thousands_of_threads) {
    CHECK(holds(many_threads));
}

/* -- Cancellation -------------------------------------------------------------------------------------------------- */

static volatile int cancelled, went_on;

static void *ask_for_too_much(void *unused) {
    while (!cancelled) continue; /* no cancellation point */
    for (int i = 0; i < 3; i++) MUST(malloc(too_much) == NULL && errno == ENOMEM);
    free(resize(calloc(5, 20), 300));
    free(malloc(10));
    went_on = 1;
    pthread_testcancel();
    return unused;
}

static void cancel_in_malloc(void) {
    pthread_t thread;
    void *result;
    MUST(pthread_create(&thread, NULL, ask_for_too_much, NULL) == 0);
    MUST(pthread_cancel(thread) == 0);
    cancelled = 1;
    MUST(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
    MUST(went_on);
    MUST(heap_is_whole());
    fork_once();
}

TEST(malloc_is_no_cancellation_point) {
    CHECK(holds(cancel_in_malloc));
}

/* -- Other people's descriptors ------------------------------------------------------------------------------------ */

static int data_file(void) {
    char name[] = "/tmp/teaspoon-data-XXXXXX";
    int descriptor = mkstemp(name);
    unlink(name);
    return descriptor;
}

static int is_empty(int descriptor) {
    return lseek(descriptor, 0, SEEK_END) == 0;
}

/* The status of a process that does that, and what it has on stderr. */
static char said[2000];
static int words_file;
static void (*who_says)(void);

static void into_words_file(void) {
    dup2(words_file, STDERR_FILENO);
    who_says();
}

static int status_and_words_of(void (*function)(void)) {
    int status;
    ssize_t length;
    words_file = data_file();
    who_says = function;
    status = status_of(into_words_file);
    length = pread(words_file, said, sizeof said - 1, 0);
    said[length > 0 ? length : 0] = 0;
    close(words_file);
    return status;
}

/* One line, with these words. */
static int is_said(const char *words) {
    const char *newline = strchr(said, '\n');
    if (strstr(said, words) && newline && newline[1] == 0) return 1;
    printf("instead of \"%s\": %s\n", words, said);
    return 0;
}

/* The program's data has the number that stderr had. */
static void data_for_stderr(void) {
    close(STDERR_FILENO);
    MUST(data_file() == STDERR_FILENO);
    for (int i = 0; i < 3; i++) {
        errno = 0;
        MUST(malloc(too_much) == NULL && errno == ENOMEM);
    }
    MUST(is_empty(STDERR_FILENO));
    fork_once();
}

static void never_had_stderr(void) {
    close(STDERR_FILENO);
    again(data_for_stderr);
}

TEST(a_file_that_got_stderr_s_number_has_no_lines) {
    CHECK(holds(data_for_stderr));
    CHECK(holds(never_had_stderr));
}

/* Misuse in a handler is reported, wherever that interrupts the heap: bytes of nobody's, and of the middle of a granule. */
static long long foreign_bytes[2];
static void *volatile misused;
static int resizes;

static void misuse_in_handler(int signal_number) {
    (void)signal_number;
    if (!resizes) free(misused);
    else misused = resize(misused, 100);
    _exit(100); /* nothing was noticed */
}

static void interrupted(void) {
    every_millisecond(misuse_in_handler);
    for (;;) { /* objects that no cache has: nearly all of the time is the heap's own */
        void *p[20];
        for (int i = 0; i < 20; i++) p[i] = malloc((size_t)i * 40 + 2000);
        for (int i = 0; i < 20; i++) free(p[i]);
    }
}

static void free_foreign(void) {
    misused = foreign_bytes;
    interrupted();
}

static void resize_foreign(void) {
    resizes = 1;
    free_foreign();
}

static void free_misaligned(void) {
    misused = (char *)malloc(100) + 4;
    interrupted();
}

static void free_foreign_again(void) {
    again(free_foreign);
}

static void resize_foreign_again(void) {
    again(resize_foreign);
}

static void free_misaligned_again(void) {
    again(free_misaligned);
}

TEST(misuse_in_handlers_that_interrupt_malloc) {
    for (int i = 0; i < 10; i++) {
        CHECK(status_and_words_of(free_foreign_again) == -SIGABRT && is_said("not into this heap"));
        CHECK(status_and_words_of(resize_foreign_again) == -SIGABRT && is_said("not into this heap"));
        CHECK(status_and_words_of(free_misaligned_again) == -SIGABRT && is_said("not aligned"));
    }
}

/* Nobody reads stderr any more, and the program did not say that SIGPIPE is nothing to it. */
static volatile sig_atomic_t pipes_broken;

static void pipe_broken(int signal_number) {
    (void)signal_number;
    pipes_broken++;
}

static void no_reader(void) {
    sigset_t set;
    signal(SIGPIPE, SIG_DFL);
    MUST(write(STDERR_FILENO, "", 0) == 0);
    errno = 0;
    MUST(malloc(too_much) == NULL && errno == ENOMEM);
    sigemptyset(&set);
    MUST(pthread_sigmask(SIG_BLOCK, NULL, &set) == 0 && !sigismember(&set, SIGPIPE));
    MUST(sigpending(&set) == 0 && !sigismember(&set, SIGPIPE));
    _exit(0);
}

/* One that is pending stays so. */
static void no_reader_and_pending(void) {
    sigset_t set;
    signal(SIGPIPE, pipe_broken);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    raise(SIGPIPE);
    MUST(malloc(too_much) == NULL && !pipes_broken);
    MUST(sigpending(&set) == 0 && sigismember(&set, SIGPIPE));
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    MUST(pipes_broken == 1);
    _exit(0);
}

static void (*with_no_reader)(void);

static void break_the_pipe(void) {
    int ends[2];
    MUST(pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    again(with_no_reader);
}

TEST(a_broken_pipe_is_no_signal) {
    with_no_reader = no_reader;
    CHECK(holds(break_the_pipe));
    with_no_reader = no_reader_and_pending;
    CHECK(holds(break_the_pipe));
}

/* The line at exit goes to no file of the program's, whatever numbers they have: here stdin and all from 3 on. */
static void exit_as_a_daemon(void) {
    int last = 0;
    for (int i = 3; i < 1024; i++) close(i);
    while (last < 600) MUST((last = dup(STDIN_FILENO)) >= 0);
    exit(0);
}

static void daemon_and_data(void) {
    char text[1000] = "";
    int words = data_file(), data = data_file(), status;
    pid_t id = fork();
    if (id == 0) {
        setenv("TEASPOON_USAGE", "1", 1);
        dup2(words, STDERR_FILENO);
        dup2(data, STDIN_FILENO);
        again(exit_as_a_daemon);
    }
    MUST(waitpid(id, &status, 0) == id && status == 0);
    MUST(is_empty(data));
    MUST(pread(words, text, sizeof text - 1, 0) > 0); /* stderr is still there */
    MUST(strstr(text, " requests failed\n") != NULL && strchr(text, '\n')[1] == 0);
}

TEST(the_line_at_exit_is_in_no_file_of_the_program_s) {
    CHECK(holds(daemon_and_data));
}

/* -- Address space ------------------------------------------------------------------------------------------------- */

/* Sizes and alignments of all kinds until there is no room, some freed, and again: every object keeps its bytes. */
static void fill_the_heap(void) {
    enum { MOST = 20000 };
    static unsigned char *objects[MOST];
    static size_t sizes[MOST];
    dice d = 3;
    for (int round = 0; round < 3; round++) {
        unsigned failed = 0;
        for (uint32_t i = 0; i < MOST && failed < 5; i++) {
            const uint32_t kind = roll(&d, 100);
            const size_t size = kind < 70 ? roll(&d, 2000) : kind < 98 ? roll(&d, 100000) : roll(&d, 3000000);
            unsigned char *p;
            if (objects[i]) {
                MUST(keeps(objects[i], sizes[i], i));
                if (kind % 3 == 0) continue;
                p = resize(objects[i], size + 1);
                if (p) MUST(keeps(p, size < sizes[i] ? size : sizes[i], i));
            } else {
                p = kind % 7 == 0   ? aligned_alloc((size_t)1 << roll(&d, 18), size + 1)
                    : kind % 7 == 1 ? calloc(size + 1, 1)
                                    : malloc(size + 1);
                if (p && kind % 7 == 1) MUST(is_filled_with(p, size + 1, 0));
            }
            if (p == NULL) {
                MUST(errno == ENOMEM);
                failed++;
                continue;
            }
            fill(p, 0, size + 1, i);
            objects[i] = p;
            sizes[i] = size + 1;
        }
        MUST(failed > 0 || round > 0);
        for (uint32_t i = 0; i < MOST; i++)
            if (objects[i] && roll(&d, 4) > 0) {
                MUST(keeps(objects[i], sizes[i], i));
                free(objects[i]);
                objects[i] = NULL;
            }
    }
    for (uint32_t i = 0; i < MOST; i++) {
        if (objects[i]) MUST(keeps(objects[i], sizes[i], i));
        free(objects[i]);
    }
    MUST(heap_is_whole());
    _exit(0);
}

static void fill_a_large_heap(void) {
    setenv("TEASPOON_HEAP", "100M", 1);
    again(fill_the_heap);
}

TEST(every_part_of_the_heap_can_be_had) {
    CHECK(holds(fill_the_heap));
    CHECK(holds(fill_a_large_heap));
}

static size_t in_status(const char *word) { /* KiB */
    static char text[8000];
    const char *at;
    int file = open("/proc/self/status", O_RDONLY);
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    MUST(got > 0);
    text[got] = 0;
    at = strstr(text, word);
    MUST(at != NULL);
    return strtoul(at + strlen(word) + 1, NULL, 10);
}

/* What is reserved is not made real by mlockall, and there is memory afterwards. */
static void lock_all_memory(void) {
    char *p = malloc(1000);
    MUST(p != NULL);
    if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0) _exit(0); /* not allowed here */
    MUST(in_status("VmRSS") < 100000);
    for (int i = 0; i < 20; i++) {
        MUST((p = malloc(1000000)) != NULL);
        fill(p, 0, 1000000, 5);
    }
    MUST(in_status("VmRSS") < 150000);
    MUST(heap_is_whole());
    _exit(0);
}

static void lock_a_large_heap(void) {
    setenv("TEASPOON_HEAP", "1G", 1);
    again(lock_all_memory);
}

TEST(mlockall_makes_no_reservation_real) {
    CHECK(holds(lock_a_large_heap));
}

/* Whoever may lock a little only: address space counts, so it is all of a small heap or nothing of a large one. Nothing
 * is lost either way. */
static int may_lock(size_t bytes, int flags) {
    struct rlimit limit;
    char *p = malloc(1000);
    int result;
    MUST(p != NULL && getrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    if (limit.rlim_max < bytes) _exit(41); /* so much cannot be tried here */
    limit.rlim_cur = bytes;
    MUST(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
    if (geteuid() == 0) MUST(setuid(65534) == 0); /* or there is no limit */
    result = mlockall(flags);
    MUST(result == 0 || errno == ENOMEM);
    for (int i = 0; i < 12; i++) {
        errno = 77;
        MUST((p = resize(p, (size_t)200000 << i % 3)) != NULL && errno == 77);
        fill(p, 0, 200000, 5);
    }
    errno = 77;
    free(p);
    MUST(errno == 77 && heap_is_whole());
    return result == 0;
}

static void lock_a_small_heap(void) {
    _exit(may_lock((size_t)8 << 20, MCL_CURRENT | MCL_FUTURE) ? 41 : 1);
}

static void lock_what_is_to_come(void) {
    _exit(may_lock((size_t)4 << 20, MCL_FUTURE) ? 41 : 1);
}

static void lock_more_than_allowed(void) {
    _exit(may_lock((size_t)8 << 20, MCL_CURRENT | MCL_FUTURE) ? 1 : 41);
}

static void (*to_lock)(void);

static void in_a_heap_to_lock(void) {
    setenv("TEASPOON_HEAP", to_lock == lock_a_small_heap ? "2M" : "256M", 1);
    again(to_lock);
}

TEST(mlockall_within_a_limit) {
    to_lock = lock_a_small_heap;
    CHECK(status_of(in_a_heap_to_lock) == 41);
    to_lock = lock_what_is_to_come;
    CHECK(status_of(in_a_heap_to_lock) == 41);
    to_lock = lock_more_than_allowed;
    CHECK(status_of(in_a_heap_to_lock) == 41);
}

/* With less address space than the heap wants it is smaller; with none there is no memory, until there is some. */
static void *use_first(void *object) {
    pthread_barrier_wait(&both);
    MUST((*(void **)object = malloc(100)) != NULL);
    fill(*(void **)object, 0, 100, 4);
    return NULL;
}

/* The heap is made once, whoever is first (musl makes threads without it). */
static void first_use_in_two_threads(void) {
    pthread_t threads[2];
    void *objects[2];
    MUST(pthread_barrier_init(&both, NULL, 2) == 0);
    for (int i = 0; i < 2; i++) MUST(pthread_create(&threads[i], NULL, use_first, &objects[i]) == 0);
    for (int i = 0; i < 2; i++) MUST(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < 2; i++) MUST(keeps(objects[i], 100, 4));
    MUST(objects[0] != objects[1]);
    for (int i = 0; i < 2; i++) free(objects[i]);
}

static void in_little_space(void) {
    struct rlimit limit;
    void *p, *q;
    errno = 77;
    p = malloc(1000);
    if (p && malloc_usable_size(p) != 1008) _exit(43); /* libc's: there was no space for ours, either */
    MUST(errno_then == 77);
    if (p) {
        MUST(errno == 77);
        fill(p, 0, 1000, 6);
        q = malloc((size_t)200 << 20);
        MUST(q == NULL && errno == ENOMEM && keeps(p, 1000, 6));
        free(p);
        MUST((p = malloc(20000)) != NULL);
        _exit(41);
    }
    MUST(errno == ENOMEM);
    errno = 0;
    MUST(calloc(10, 10) == NULL && errno == ENOMEM && realloc(NULL, 10) == NULL && aligned_alloc(64, 64) == NULL);
    free(NULL);
    MUST(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    MUST(setrlimit(RLIMIT_AS, &limit) == 0);
    first_use_in_two_threads();
    MUST((p = malloc(1000)) != NULL && heap_is_whole());
    free(p);
    _exit(42);
}

static size_t space;

static void little_space(void) {
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = space;
    setenv("TEASPOON_HEAP", "256M", 1);
    MUST(setrlimit(RLIMIT_AS, &limit) == 0);
    again(in_little_space);
}

TEST(little_address_space) {
    int smaller = 0, none = 0;
    for (space = 65536; smaller < 4 && space < 16 << 20; space += 4096) {
        const int status = status_and_words_of(little_space); /* with less, the program cannot even be loaded */
        smaller += status == 41;
        none += status == 42;
        if (!CHECK(status != 2 && status != -SIGABRT)) break;
    }
    CHECK(smaller);
    CHECK(none || getauxval(AT_BASE) == 0); /* linked statically, glibc itself does not begin without malloc */
    space = 100 << 20;
    CHECK(status_and_words_of(little_space) == 41);
    CHECK(is_said("no room for 209,715,200 bytes: heap of 67,108,864 "
                  "(TEASPOON_HEAP, wanted are 268,435,456; errno 12) has "));
}

/* The system refuses memory that the heap has address space for (here by RLIMIT_DATA): what is there stays usable, a
 * request that is too large spoils nothing, and when there is more it can be had. */
static unsigned take_all(void) {
    static char *objects[100000];
    unsigned count = 0;
    while (errno = 77, count < 100000 && (objects[count] = malloc(1000)) != NULL) {
        MUST(errno == 77);
        fill(objects[count], 0, 1000, count);
        count++;
    }
    MUST(errno == (count < 100000 ? ENOMEM : 77));
    for (unsigned i = 0; i < count; i++) {
        MUST(keeps(objects[i], 1000, i));
        free(objects[i]);
    }
    return count;
}

static void in_little_memory(void) {
    struct rlimit limit;
    unsigned count;
    char *p = malloc(1000), *q;
    MUST(getrlimit(RLIMIT_DATA, &limit) == 0);
    limit.rlim_cur = (in_status("VmData") + 6000) << 10;
    MUST(p != NULL && setrlimit(RLIMIT_DATA, &limit) == 0);
    if (mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        _exit(40); /* it does not */
    fill(p, 0, 1000, 9);
    MUST(malloc(100 << 20) == NULL && errno == ENOMEM);
    MUST(malloc(10 << 20) == NULL && resize(p, 10 << 20) == NULL && keeps(p, 1000, 9));
    count = take_all();
    MUST(count > 2000 && count < 10000);
    MUST((q = malloc(1000000)) != NULL && heap_is_whole());
    free(q);
    MUST(take_all() >= count - 100);
    MUST(malloc(100 << 20) == NULL && take_all() >= count - 100 && heap_is_whole());
    limit.rlim_cur = limit.rlim_max;
    MUST(setrlimit(RLIMIT_DATA, &limit) == 0);
    MUST(take_all() > 4 * count && keeps(p, 1000, 9));
    MUST((q = malloc(100 << 20)) != NULL);
    memset(q, 1, 100 << 20);
    free(q);
    free(p);
    _exit(0);
}

static void fill_little_memory(void) {
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_DATA, &limit) == 0);
    limit.rlim_cur = (in_status("VmData") + 20000) << 10;
    MUST(setrlimit(RLIMIT_DATA, &limit) == 0);
    fill_the_heap();
}

static void fill_heap_in_little_memory(void) {
    setenv("TEASPOON_HEAP", "512M", 1);
    again(fill_little_memory);
}

static void little_memory(void) {
    setenv("TEASPOON_HEAP", "256M", 1);
    again(in_little_memory);
}

TEST(memory_that_the_system_refuses) {
    int status;
    if (CHECK((status = status_and_words_of(little_memory)) == 0 || status == 40) && status == 0)
        CHECK(is_said("no room for 104,857,600 bytes: heap of 268,435,456 (TEASPOON_HEAP; errno 12) has "));
    CHECK(holds(fill_heap_in_little_memory));
}

/* -- glibc's other names ------------------------------------------------------------------------------------------- */

static size_t resident(void) {
    return in_status("VmRSS");
}

/* 64 MB of small objects, freed: resident until malloc_trim, and never their neighbours' bytes. */
static void trim(void) {
    enum { COUNT = 8000, SIZE = 8000 };
    static char *objects[COUNT];
    int (*trim_it)(size_t) = malloc_trim;
    size_t full;
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            MUST((objects[i] = malloc(SIZE)) != NULL);
            fill(objects[i], 0, SIZE, i);
        }
        full = resident();
        MUST(full > 60000);
        for (uint32_t i = 0; i < COUNT; i++)
            if (i % 100) free(objects[i]);
        errno = 77;
        MUST(trim_it(0) == 1 && errno == 77);
        MUST(resident() < 10000);
        for (uint32_t i = 0; i < COUNT; i += 100) {
            MUST(keeps(objects[i], SIZE, i));
            free(objects[i]);
        }
        trim_it(0);
        MUST(trim_it(0) == 0);
        MUST(heap_is_whole());
    }
    _exit(0);
}

static void trim_a_large_heap(void) {
    setenv("TEASPOON_HEAP", "256M", 1);
    again(trim);
}

/* Of large objects pages come with the first touch, and go with free. */
static void large_objects(void) {
    enum { SIZE = 60 << 20 };
    const size_t start = resident();
    char *fence[2], *p;
    for (int round = 0; round < 3; round++) {
        MUST((p = calloc(SIZE, 1)) != NULL && resident() < start + 2000);
        MUST(is_filled_with(p, SIZE, 0));
        fill(p, 0, SIZE, 8);
        MUST(resident() > start + 60000);
        MUST((fence[0] = malloc(5000)) && (fence[1] = malloc(500000)));
        fill(fence[0], 0, 5000, 1);
        fill(fence[1], 0, 500000, 2);
        errno = 77;
        free(p);
        MUST(errno == 77 && resident() < start + 2000);
        MUST(keeps(fence[0], 5000, 1) && keeps(fence[1], 500000, 2));
        MUST((p = calloc(SIZE / 2, 1)) != NULL && is_filled_with(p, SIZE / 2, 0));
        free(p);
        free(fence[0]);
        free(fence[1]);
        MUST(heap_is_whole());
        malloc_trim(0); /* as if it had never been used */
    }
    MUST((p = malloc(SIZE / 8)) != NULL); /* less than what makes all holes give theirs back */
    memset(p, 1, SIZE / 8);
    MUST(resident() > start + 7000);
    free(p);
    MUST(resident() < start + 3000);
    _exit(0);
}

static void large_objects_in_a_large_heap(void) {
    setenv("TEASPOON_HEAP", "256M", 1);
    again(large_objects);
}

/* Who says nothing of a size gets 256 MiB. */
static void begin_without_a_size(void) {
    MUST(malloc((size_t)240 << 20) != NULL && malloc((size_t)16 << 20) == NULL);
}

static void begin_unset(void) {
    unsetenv("TEASPOON_HEAP");
    again(begin_without_a_size);
}

/* A heap that is hardly used has next to no pages, its map of 24 MB neither. */
static void begin_small(void) {
    free(malloc(100));
    MUST(resident() < 5000);
}

static void begin_with_a_large_heap(void) {
    setenv("TEASPOON_HEAP", "1536M", 1);
    again(begin_small);
}

TEST(large_objects_have_pages_while_they_live) {
    CHECK(holds(begin_with_a_large_heap));
    CHECK(holds(begin_unset));
    CHECK(holds(large_objects_in_a_large_heap));
}

/* What calloc gives is zero wherever it was, among objects of all sizes that were used to the last byte. */
static void zeroes(void) {
    enum { COUNT = 300 };
    static unsigned char *objects[COUNT];
    static size_t sizes[COUNT];
    dice d = 11;
    for (int round = 0; round < 20000; round++) {
        const uint32_t i = roll(&d, COUNT);
        free(objects[i]);
        sizes[i] = 1 + roll(&d, roll(&d, 10) ? 3000 : roll(&d, 20) ? 60000 : 700000);
        objects[i] = roll(&d, 2) ? calloc(1, sizes[i]) : NULL;
        if (objects[i]) MUST(is_filled_with(objects[i], sizes[i], 0));
        else objects[i] = malloc(sizes[i]);
        if (objects[i]) memset(objects[i], 0xa5, malloc_usable_size(objects[i]));
        if (roll(&d, 1000) == 0) malloc_trim(0);
    }
    _exit(0);
}

TEST(calloc_is_zero_everywhere) {
    CHECK(holds(zeroes));
}

TEST(malloc_trim_gives_pages_back) {
    CHECK(holds(trim_a_large_heap));
}

/* Without it too, once much less is in use: whatever the order in which objects go, and if they only shrink. */
static void much_less(void) {
    enum { COUNT = 20000, SIZE = 8000, LARGE = 100000 };
    static char *objects[COUNT];
    const size_t start = resident();
    char *p, *fence;
    for (uint32_t step = 1; step < COUNT; step += 7918) { /* 7919, and so on: none divides COUNT */
        for (uint32_t i = 0; i < COUNT; i++) {
            MUST((objects[i] = malloc(SIZE)) != NULL);
            fill(objects[i], 0, SIZE, i);
        }
        MUST(resident() > start + 150000);
        errno = 77;
        for (uint32_t i = 0, at = 0; i < COUNT; i++, at = (at + step) % COUNT)
            if (at % 1000) free(objects[at]);
        MUST(errno == 77 && resident() < start + 30000);
        for (uint32_t i = 0; i < COUNT; i += 1000) {
            MUST(keeps(objects[i], SIZE, i));
            free(objects[i]);
        }
    }
    MUST((p = malloc(LARGE << 10)) != NULL && (fence = malloc(5000)) != NULL);
    memset(p, 1, LARGE << 10);
    MUST((p = resize(p, 100)) != NULL && is_filled_with(p, 100, 1) && resident() < start + 30000);
    free(p);
    free(fence);
    MUST(heap_is_whole());
    _exit(0);
}

static void much_less_in_a_large_heap(void) {
    setenv("TEASPOON_HEAP", "256M", 1);
    again(much_less);
}

TEST(pages_go_back_when_much_less_is_in_use) {
    CHECK(holds(much_less_in_a_large_heap));
}

#ifdef __GLIBC__
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void *__libc_memalign(size_t align, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);
void __libc_free(void *pointer);
int __libc_mallopt(int parameter, int value);
struct mallinfo __libc_mallinfo(void);
__attribute__((weak)) void cfree(void *pointer); /* glibc has it no longer */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* mallinfo */
static void other_names(void) {
    struct mallinfo2 before = mallinfo2(), after;
    char *p = __libc_malloc(100000), *q = __libc_calloc(10, 10), *r = __libc_memalign(256, 100);
    static char text[1000], buffer[2000];
    size_t holes, free_bytes, open, most, page = (size_t)sysconf(_SC_PAGESIZE);
    FILE *f;
    MUST(p && q && r && malloc_usable_size(p) == 100000 && is_filled_with(q, 100, 0) && (uintptr_t)r % 256 == 0);
    fill(p, 0, 100000, 3);
    after = mallinfo2();
    MUST(after.uordblks >= before.uordblks + 100000 && after.fordblks <= before.fordblks - 100000);
    MUST(after.arena > 0 && after.ordblks > 0 && after.keepcost > 0 && after.keepcost <= after.fordblks);
    MUST(mallinfo().uordblks == (int)after.uordblks && __libc_mallinfo().uordblks == (int)after.uordblks);
    MUST((p = __libc_realloc(p, 200000)) != NULL && keeps(p, 100000, 3));
    __libc_free(p);
    MUST(cfree != NULL);
    cfree(q);
    __libc_free(r);
    MUST((p = __libc_valloc(1)) != NULL && (uintptr_t)p % page == 0);
    MUST((q = __libc_pvalloc(1)) != NULL && (uintptr_t)q % page == 0 && malloc_usable_size(q) >= page);
    free(p);
    free(q);
    free(malloc(100));
    free(calloc(1, 100)); /* the same object, which is not lost */
    MUST(mallinfo2().uordblks == before.uordblks);
    MUST(mallopt(M_MMAP_THRESHOLD, 100000) == 1 && __libc_mallopt(M_MMAP_THRESHOLD, 100000) == 1);
    MUST((f = fmemopen(text, sizeof text, "w")) != NULL && setvbuf(f, buffer, _IOFBF, sizeof buffer) == 0);
    after = mallinfo2();
    MUST(malloc_info(0, f) == 0 && malloc_info(1, f) == EINVAL);
    fclose(f);
    MUST(sscanf(text, "<malloc version=\"teaspoon-%*[0-9.]\">\n<heap nr=\"0\">\n<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n"
                "<system type=\"current\" size=\"%zu\"/>\n<system type=\"max\" size=\"%zu\"/>\n", &holes, &free_bytes, &open,
                &most) == 4);
    MUST(holes == after.ordblks && free_bytes == after.fordblks && open == after.arena && open <= most);
    MUST(strstr(text, "\n</heap>\n</malloc>\n"));
    MUST(heap_is_whole());
}

#pragma GCC diagnostic pop

static void stats(void) {
    errno = 77;
    malloc_stats();
    _exit(errno == 77 ? 0 : 1);
}

static void stats_again(void) {
    again(stats);
}

TEST(other_names_of_glibc) {
    CHECK(holds(other_names));
    CHECK(status_and_words_of(stats_again) == 0 && is_said("]: heap of "));
}
#endif
