/* What adapters/malloc.c promises of each function: errors and errno, alignment, misuse, exhaustion, and that it works
 * before main, in destructors and around fork. The program defines a tsp_misuse (test.h) and has a heap of its own,
 * which the malloc must leave alone. Run with TEASPOON_HEAP set, preloaded and linked.
 * SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE

#include "../test.h"
#include "again.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

/* Not in every header; weak, since perhaps only what is preloaded has them. */
__attribute__((weak)) void *pvalloc(size_t size);
__attribute__((weak)) void free_sized(void *pointer, size_t size);
__attribute__((weak)) void free_aligned_sized(void *pointer, size_t align, size_t size);

/* What no compiler knows, so that it neither warns of it nor leaves calls out. */
static volatile size_t nothing = 0, huge = SIZE_MAX - 1000;
static void *(*volatile resize)(void *, size_t) = realloc;
static void *(*volatile resize_array)(void *, size_t, size_t) = reallocarray;

static int aligned_to(const void *pointer, size_t align) {
    const void *volatile seen = pointer;
    return seen != NULL && (uintptr_t)seen % align == 0;
}

/* -- Outside main -------------------------------------------------------------------------------------------------- */

static char *early; /* from the constructor, kept until the destructor */
static unsigned forks_seen;

/* These run while the malloc holds its lock for the fork, or after: they must be able to use it. */
static void around_fork(void) {
    char *p = malloc(100);
    if (p) forks_seen++;
    free(realloc(p, 1000));
}

__attribute__((constructor(101))) static void before_main(void) {
    int status = 1;
    pid_t child;
    pthread_atfork(around_fork, around_fork, around_fork); /* preloaded, before the malloc's own */
    child = fork();                                        /* and before the first malloc */
    if (child == 0) _exit(malloc(50) ? 0 : 1);
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) _exit(3);
    early = malloc(1000);
    if (early) fill(early, 0, 1000, 7);
}

static void say(const char *text) {
    if (write(STDERR_FILENO, text, strlen(text)) < 0) _exit(4);
}

__attribute__((destructor)) static void after_main(void) {
    if (early && keeps(early, 1000, 7) && (early = realloc(early, 5000)) != NULL && keeps(early, 1000, 7))
        if (getenv("SAY_GOODBYE")) say("goodbye from the destructor\n");
    free(early);
}

static void at_exit(void) {
    char *p = calloc(10, 10);
    if (p && is_filled_with(p, 100, 0)) say("goodbye from atexit\n");
    free(p);
}

/* -- Children, whose stderr is read -------------------------------------------------------------------------------- */

static struct {
    int status;
    char text[4000];
} child;

/* A function that does not return. Its process runs the program again: the malloc writes to what stderr was at first.
 */
static void in_child(void (*function)(void)) {
    int ends[2];
    size_t length = 0;
    ssize_t got;
    pid_t id;
    if (!CHECK(pipe(ends) == 0)) return;
    id = fork();
    if (id == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        again(function);
    }
    close(ends[1]);
    while ((got = read(ends[0], child.text + length, sizeof child.text - 1 - length)) > 0) length += (size_t)got;
    child.text[length] = 0;
    close(ends[0]);
    CHECK(waitpid(id, &child.status, 0) == id);
}

static unsigned lines_with(const char *word) {
    unsigned count = 0;
    for (const char *at = child.text; (at = strstr(at, word)) != NULL; at++) count++;
    return count;
}

static void expect_misuse(void (*function)(void), const char *reason) {
    in_child(function);
    if (CHECK(WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGABRT)) {
        CHECK(strstr(child.text, "]: bad pointer 0x") != NULL);
        CHECK(strstr(child.text, reason) != NULL);
    } else printf("%s: status %d, %s\n", reason, child.status, child.text);
}

/* -- The functions ------------------------------------------------------------------------------------------------- */

TEST(it_is_this_malloc) {
    void *p = malloc(1);
    CHECK(malloc_usable_size(p) == 8);
    free(p);
    CHECK(malloc_usable_size(NULL) == 0);
}

TEST(objects_of_no_bytes_have_addresses_of_their_own) {
    void *objects[8] = {malloc(nothing),        malloc(nothing),       calloc(nothing, 8),         calloc(8, nothing),
                        realloc(NULL, nothing), memalign(64, nothing), aligned_alloc(64, nothing), NULL};
    CHECK(posix_memalign(&objects[7], 64, nothing) == 0);
    for (int i = 0; i < 8; i++) {
        CHECK(objects[i] != NULL);
        for (int j = 0; j < i; j++) CHECK(objects[i] != objects[j]);
    }
    for (int i = 0; i < 6; i++) free(objects[i]);
    free_sized(objects[6], nothing);
    free_aligned_sized(objects[7], 64, nothing);
}

TEST(alignment_and_contents) {
    for (size_t size = 1; size < 700; size++) {
        size_t align = size < 16 ? 8 : 16;
        unsigned char *a = malloc(size), *b = malloc(size), *c;
        CHECK(aligned_to(a, align) && aligned_to(b, align));
        CHECK(malloc_usable_size(a) >= size && malloc_usable_size(a) < size + 16);
        fill(a, 0, malloc_usable_size(a), 1);
        fill(b, 0, malloc_usable_size(b), 2);
        CHECK(keeps(a, malloc_usable_size(a), 1) && keeps(b, malloc_usable_size(b), 2));
        free(a);
        c = calloc(size, 1);
        CHECK(aligned_to(c, align) && is_filled_with(c, size, 0));
        free(c);
        b = resize(b, size * 3);
        CHECK(aligned_to(b, size * 3 < 16 ? 8 : 16) && keeps(b, size, 2));
        b = resize(b, size / 2 + 1);
        CHECK(aligned_to(b, size / 2 + 1 < 16 ? 8 : 16) && keeps(b, size / 2 + 1, 2));
        free(b);
    }
}

TEST(resizing) {
    char *p = NULL, *fence = NULL;
    for (size_t size = 1; size < 100000; size += size / 3 + 1) {
        size_t before = p ? malloc_usable_size(p) : 0;
        CHECK((p = reallocarray(p, size, 2)) != NULL);
        CHECK(keeps(p, before < size ? before : size, 9));
        fill(p, 0, malloc_usable_size(p), 9);
        free(fence);
        fence = malloc(size / 2 + 1); /* often directly behind it */
    }
    free(fence);
    errno = 0;
    CHECK(resize(p, huge) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(resize_array(p, huge, 3) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(resize_array(p, SIZE_MAX / 2 + 9, nothing + 2) == NULL && errno == ENOMEM); /* modulo 2^64 it would be 16 */
    CHECK(keeps(p, 100000, 9));
    CHECK(resize(p, nothing) == NULL); /* frees: see misuse */
}

TEST(too_much) {
    size_t sizes[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 4096, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        volatile size_t size = sizes[i];
        void *p = sizes;
        errno = 0;
        CHECK(malloc(size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(calloc(size, 1) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(calloc(size, size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(aligned_alloc(4096, size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(valloc(size) == NULL && errno == ENOMEM);
        errno = 0;
        CHECK(pvalloc(size) == NULL && errno == ENOMEM);
        errno = 77;
        CHECK(posix_memalign(&p, 64, size) == ENOMEM && errno == 77 && p == sizes);
    }
}

TEST(stricter_alignment) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bad[] = {0, 3, 24, 100, SIZE_MAX};
    for (size_t align = 1; align <= 65536; align *= 2) {
        void *a = aligned_alloc(align, 100), *b = memalign(align, 33), *c = NULL;
        CHECK(aligned_to(a, align) && aligned_to(b, align));
        CHECK(posix_memalign(&c, align, 10) == (align < sizeof(void *) ? EINVAL : 0));
        CHECK(align < sizeof(void *) ? c == NULL : aligned_to(c, align));
        fill(a, 0, 100, 3);
        a = realloc(a, 3000); /* its contents stay, its alignment may not */
        CHECK(aligned_to(a, 16) && keeps(a, 100, 3));
        free(a);
        free_aligned_sized(b, align, 33);
        free(c);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        volatile size_t align = bad[i];
        void *p = &page;
        errno = 0;
        CHECK(aligned_alloc(align, 8) == NULL && errno == EINVAL);
        errno = 0;
        CHECK(memalign(align, 8) == NULL && errno == EINVAL);
        errno = 77;
        CHECK(posix_memalign(&p, align, 8) == EINVAL && errno == 77 && p == &page);
    }
    void *v = valloc(5), *w = pvalloc(page + 1), *none = pvalloc(nothing);
    CHECK(aligned_to(v, page) && aligned_to(w, page) && aligned_to(none, page));
    CHECK(malloc_usable_size(w) >= 2 * page && malloc_usable_size(none) >= page);
    free_sized(v, 5);
    free(w);
    free(none);
}

TEST(success_and_free_keep_errno) {
    void *p, *q;
    errno = 77;
    free(NULL);
    free_sized(NULL, 5);
    free_aligned_sized(NULL, 64, 5);
    p = malloc(10);
    q = calloc(10, 10);
    free(realloc(p, 100));
    free_sized(q, 100);
    free_aligned_sized(aligned_alloc(256, 1000), 256, 1000);
    CHECK(errno == 77);
}

/* -- Misuse and exhaustion ----------------------------------------------------------------------------------------- */

static void free_twice(void) {
    void *volatile p = malloc(20), *volatile copy = p;
    free(p);
    free(copy);
}

static void free_after_realloc_to_nothing(void) {
    void *volatile p = malloc(20), *volatile copy = p;
    resize(p, nothing);
    free(copy);
}

static void free_local(void) {
    long long local[2];
    void *volatile p = local;
    free(p);
}

static void free_middle(void) {
    char *volatile p = malloc(100);
    free(p + 16);
}

static void free_wrong_size(void) {
    free_sized(malloc(100), 50);
}

static void free_wrong_alignment(void) {
    char *p = aligned_alloc(4096, 100);
    free_aligned_sized(malloc(100), 1u << 20, 100);
    free(p);
}

static void resize_freed(void) {
    void *volatile p = malloc(100), *volatile copy = p;
    free(p);
    resize(copy, 200);
}

/* The same of every size, and whichever thread does it: what was freed last may be on its way to the next request. */
static volatile size_t dead_size;

static void *free_it(void *object) {
    free(object);
    return object;
}

static void in_a_thread(void *(*function)(void *), void *context) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, context) != 0 || pthread_join(thread, NULL) != 0) _exit(1);
}

static void free_dead(void) {
    void *volatile p = malloc(dead_size), *volatile copy = p;
    free(p);
    free_sized(copy, dead_size);
}

static void free_dead_elsewhere(void) {
    void *volatile p = malloc(dead_size), *volatile copy = p;
    free(p);
    in_a_thread(free_it, copy);
}

static void free_dead_of_elsewhere(void) {
    void *volatile p = calloc(1, dead_size), *volatile copy = p;
    in_a_thread(free_it, p);
    for (size_t size = 1; size < 2000; size += 8)
        if (size / 16 != dead_size / 16) free(malloc(size));
    free(copy);
}

static void resize_dead(void) {
    void *volatile p = resize(NULL, dead_size), *volatile copy = p;
    free(p);
    resize(copy, dead_size);
}

static void measure_dead(void) {
    void *volatile p = malloc(dead_size), *volatile copy = p;
    free(p);
    nothing = malloc_usable_size(copy);
}

static void free_inside_dead(void) {
    char *volatile p = malloc(dead_size);
    free(p);
    free(p + dead_size / 16 * 8);
}

/* What is no address of ours, though no program would take it for another's. */
static void *odd_address(void) {
    return (void *)(uintptr_t)strtoull(getenv("ODD_ADDRESS"), NULL, 0);
}

static void free_odd(void) {
    free(odd_address());
}

static void resize_odd(void) {
    resize(odd_address(), 10);
}

static void measure_odd(void) {
    nothing = malloc_usable_size(odd_address());
}

TEST(powers_of_two_are_no_objects) {
    char text[32];
    for (uint64_t odd = 1; odd < UINTPTR_MAX / 4; odd *= 8) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)odd);
        setenv("ODD_ADDRESS", text, 1);
        expect_misuse(free_odd, "not into this heap");
        expect_misuse(resize_odd, "not into this heap");
        expect_misuse(measure_odd, "not into this heap");
        snprintf(text, sizeof text, "0x%llx: ", (unsigned long long)odd);
        expect_misuse(free_odd, text);
    }
    unsetenv("ODD_ADDRESS");
}

TEST(misuse_is_reported_and_aborts) {
    expect_misuse(free_twice, "already free");
    expect_misuse(free_after_realloc_to_nothing, "already free");
    expect_misuse(free_local, "not into this heap");
    expect_misuse(free_middle, "not to the beginning of an object");
    expect_misuse(free_wrong_size, "a different size");
    expect_misuse(free_wrong_alignment, "not aligned");
    expect_misuse(resize_freed, "already free");
    for (dead_size = 1; dead_size < 1500; dead_size += dead_size < 40 ? 7 : 200) {
        expect_misuse(free_dead, "already free");
        expect_misuse(free_dead_elsewhere, "already free");
        expect_misuse(free_dead_of_elsewhere, "already free");
        expect_misuse(resize_dead, "already free");
        expect_misuse(measure_dead, "already free");
        if (dead_size >= 16) expect_misuse(free_inside_dead, ": ");
    }
}

enum { PIECE = 65536 };

/* Takes all there is in pieces, and gives them back. Returns how many bytes it was; 0 if it went wrong. */
static size_t take_everything(void) {
    struct piece {
        struct piece *next;
        unsigned char bytes[PIECE - sizeof(struct piece *)];
    } *pieces = NULL, *p;
    size_t taken = 0;
    int wrong = 0;
    errno = 0;
    while ((p = malloc(sizeof *p)) != NULL) {
        p->next = pieces;
        fill(p->bytes, 0, sizeof p->bytes, (uint32_t)taken);
        pieces = p;
        taken += sizeof *p;
    }
    wrong = errno != ENOMEM;
    for (size_t left = taken; (p = pieces) != NULL; free(p)) {
        left -= sizeof *p;
        wrong |= !keeps(p->bytes, sizeof p->bytes, (uint32_t)left);
        pieces = p->next;
    }
    return wrong ? 0 : taken;
}

static void exhaust(void) {
    char *end;
    size_t heap = (size_t)strtoul(getenv("TEASPOON_HEAP"), &end, 10) << (*end == 'M'   ? 20
                                                                         : *end == 'K' ? 10
                                                                                       : 0),
           taken;
    pid_t id;
    if (malloc(huge) != NULL) _exit(2); /* not worth a word */
    taken = take_everything();
    if (taken < heap / 65 * 64 - heap / 64 - PIECE || taken > heap) _exit(3);
    if (take_everything() != taken) _exit(4); /* nothing was lost, and nothing more is said */
    id = fork();
    if (id == 0) _exit(take_everything() == taken ? 0 : 1); /* a process of its own */
    _exit(waitpid(id, &child.status, 0) == id && child.status == 0 ? 0 : 5);
}

/* What threads have freed is there for every request. */
static void *come_and_go(void *unused) {
    void *objects[1200];
    for (size_t i = 0; i < 1200; i++) objects[i] = malloc(i);
    for (size_t i = 0; i < 1200; i++) free(objects[i]);
    return unused;
}

static void have_it_all(void) {
    size_t most = 0;
    in_a_thread(come_and_go, NULL); /* libc keeps its stack, and what belongs to it */
    for (size_t step = (size_t)1 << 30; step; step /= 2) {
        void *p = malloc(most + step);
        if (p) most += step;
        free(p);
    }
    for (int i = 0; i < 20; i++) in_a_thread(come_and_go, NULL);
    come_and_go(NULL);
    for (int i = 0; i < 3; i++) {
        char *p = i == 0 ? malloc(most) : i == 1 ? calloc(most, 1) : resize(malloc(most / 2), most);
        if (p == NULL) _exit(2 + i);
        free(p);
        come_and_go(NULL);
    }
    _exit(0);
}

TEST(what_was_freed_is_in_no_request_s_way) {
    in_child(have_it_all);
    if (!CHECK(child.status == 0)) printf("status %d, %s\n", child.status, child.text);
}

TEST(exhaustion_is_said_once) {
    in_child(exhaust);
    CHECK(WIFEXITED(child.status) && WEXITSTATUS(child.status) == 0);
    CHECK(lines_with("]: no room for 65,536 bytes: heap of ") == 2 && lines_with("\n") == 2);
    CHECK(lines_with(" free, largest ") == 2 && lines_with("errno") == 0); /* the system refused nothing */
    if (test_failures) printf("status %d: %s\n", child.status, child.text);
}

static void exhaust_aligned(void) {
    errno = 0;
    _exit(aligned_alloc(65536, (size_t)1 << 30) == NULL && errno == ENOMEM ? 0 : 1);
}

TEST(exhaustion_names_the_alignment) {
    in_child(exhaust_aligned);
    CHECK(child.status == 0 && lines_with("]: no room for 1,073,741,824 bytes aligned to 65,536: heap of ") == 1);
}

/* Whoever finds no memory goes on, perhaps to end the program, only when that has been said: here by another thread,
 * into a pipe that is full. */
static unsigned gone_on;
static pthread_barrier_t all_are_here;

static void *use_up(void *unused) {
    pthread_barrier_wait(&all_are_here);
    while (malloc(65536) != NULL) continue;
    __atomic_add_fetch(&gone_on, 1, __ATOMIC_RELAXED);
    return unused;
}

static void exhaust_in_threads(void) {
    pthread_t threads[4];
    char text[4096] = {0};
    unsigned too_early;
    pthread_barrier_init(&all_are_here, NULL, 5);
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, use_up, NULL) != 0) _exit(3);
    pthread_barrier_wait(&all_are_here);
    usleep(100000);
    too_early = __atomic_load_n(&gone_on, __ATOMIC_RELAXED);
    if (read(STDIN_FILENO, text, sizeof text) <= 0) _exit(4);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    _exit(too_early ? 5 : 0);
}

static void fill_a_pipe(void) {
    static const char text[4096];
    int ends[2], flags;
    if (pipe(ends) != 0 || dup2(ends[0], STDIN_FILENO) < 0 || dup2(ends[1], STDERR_FILENO) < 0) _exit(2);
    flags = fcntl(ends[1], F_GETFL);
    fcntl(ends[1], F_SETFL, flags | O_NONBLOCK);
    while (write(ends[1], text, sizeof text) > 0) continue;
    fcntl(ends[1], F_SETFL, flags);
    again(exhaust_in_threads);
}

TEST(exhaustion_is_said_before_anybody_goes_on) {
    in_child(fill_a_pipe);
    CHECK(child.status == 0);
}

/* -- Around main and fork ------------------------------------------------------------------------------------------ */

TEST(used_before_main) {
    CHECK(early != NULL && keeps(early, 1000, 7));
    CHECK(forks_seen >= 2); /* before and after, in this process */
}

static void leave(void) {
    setenv("SAY_GOODBYE", "1", 1);
    atexit(at_exit);
    exit(0);
}

TEST(used_after_main) {
    in_child(leave);
    CHECK(WIFEXITED(child.status) && WEXITSTATUS(child.status) == 0);
    CHECK(lines_with("goodbye from atexit\n") == 1 && lines_with("goodbye from the destructor\n") == 1);
}

static pthread_key_t key;
static unsigned threads_gone;

static void thread_gone(void *value) {
    char *p = realloc(value, 3000);
    if (p && keeps(p, 30, 5)) __atomic_add_fetch(&threads_gone, 1, __ATOMIC_RELAXED);
    free(p);
}

static void *thread(void *unused) {
    char *p = malloc(30);
    fill(p, 0, 30, 5);
    pthread_setspecific(key, p);
    return unused;
}

TEST(used_when_threads_end) {
    pthread_t threads[20];
    CHECK(pthread_key_create(&key, thread_gone) == 0);
    for (int i = 0; i < 20; i++) CHECK(pthread_create(&threads[i], NULL, thread, NULL) == 0);
    for (int i = 0; i < 20; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(threads_gone == 20);
}

/* -- Beside the library -------------------------------------------------------------------------------------------- */

TSP16M_STATIC(kitchen, 4096);

TEST(a_heap_of_its_own) {
    void *p = tsp16m_malloc(kitchen(), 100);
    CHECK(tsp16m_contains(kitchen(), p));
    tsp16m_free(kitchen(), p);
    tsp16m_free(kitchen(), p);
    CHECK(misuse.count == 1 && misuse.status == TSP_ALREADY_FREE); /* told to the program, not to the malloc */
}
