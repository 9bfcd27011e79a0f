/* A program to be recorded, which knows what the recording must say. recorded MODE; in most modes it writes its own
 * trace to descriptor 3, or sums of what it did to standard output. It allocates nothing but what it counts. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1 << 20];
static size_t length;
static unsigned ids;

#define SAY(...) (length += (size_t)snprintf(text + length, sizeof text - length, __VA_ARGS__))

static void write_trace(void) {
    if (write(3, text, length) != (ssize_t)length) _exit(9);
}

static void *volatile sink;

static void *keep(void *p) {
    sink = p; /* or else the compiler may leave out malloc and free together */
    if (p == NULL) _exit(8);
    return p;
}

static __attribute__((noinline)) void calls(void) {
    void *a, *b;
    int kept;
    a = keep(malloc(100)), SAY("a %u 100 0\n", ids++);
    b = keep(calloc(7, 9)), SAY("a %u 63 0\n", ids++);
    a = keep(realloc(a, 5000)), SAY("r 0 5000\n");
    b = keep(reallocarray(b, 3, 11)), SAY("r 1 33\n");
    free(a), SAY("f 0\n");
    free(b), SAY("f 1\n");
    free(NULL);
    a = keep(realloc(NULL, 24)), SAY("a %u 24 0\n", ids++);
    if (realloc(a, (size_t)-1 - 4096)) _exit(7); /* the object stays as it was */
    free(a), SAY("f 2\n");
    a = keep(aligned_alloc(256, 512)), SAY("a %u 512 256\n", ids++);
    free(a), SAY("f 3\n");
    a = keep(memalign(64, 65)), SAY("a %u 65 64\n", ids++);
    free(a), SAY("f 4\n");
    if (posix_memalign(&a, 128, 10) != 0) _exit(6);
    keep(a), SAY("a %u 10 128\n", ids++);
    free(a), SAY("f 5\n");
    a = keep(valloc(33)), SAY("a %u 33 %ld\n", ids++, sysconf(_SC_PAGESIZE));
    free(a), SAY("f 6\n");
    a = keep(malloc(0)), SAY("a %u 0 0\n", ids++);
    free(a), SAY("f 7\n");
    errno = 77;
    for (int i = 0; i < 5000; i++) { /* several chunks of the recording */
        a = keep(malloc((size_t)i)), SAY("a %u %d 0\n", ids++, i);
        free(a), SAY("f %u\n", ids - 1);
    }
    kept = errno == 77;
    sink = malloc((size_t)-1 - 4096);
    if (sink || errno != ENOMEM) kept = 0;
    SAY("%s", kept ? "" : "errno has changed\n");
    keep(malloc(11)), SAY("a %u 11 0\n", ids++); /* never freed */
}

enum { THREADS = 8, ROUNDS = 20000 };
static void *shared[THREADS * 4];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Each thread frees what others have allocated, so that addresses wander between them. */
static void *work(void *number) {
    unsigned seed = (unsigned)(uintptr_t)number;
    for (int i = 0; i < ROUNDS; i++) {
        void *new, *old;
        size_t at;
        seed = seed * 1664525u + 1013904223u;
        new = keep(malloc(16 + seed / 65536 % 500));
        if (i % 4 == 0) new = keep(realloc(new, 600));
        at = seed / 256 % (THREADS * 4);
        pthread_mutex_lock(&lock);
        old = shared[at];
        shared[at] = new;
        pthread_mutex_unlock(&lock);
        free(old);
    }
    return NULL;
}

static void threads(void) {
    pthread_t t[THREADS];
    for (size_t i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, work, (void *)(i + 1));
    for (size_t i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
    for (size_t i = 0; i < THREADS * 4; i++) free(shared[i]);
    printf("%d %d\n", THREADS * ROUNDS, THREADS * ROUNDS / 4);
}

/* Handlers must not allocate, but some do. */
static volatile int handled;
static void handler(int number) {
    (void)number;
    handled++;
    if (handled % 2) free(keep(mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) ? NULL : sink);
}

static void signals(void) {
    struct itimerval often = {{0, 100}, {0, 100}};
    signal(SIGALRM, handler);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 300000; i++) free(keep(malloc(24)));
    memset(&often, 0, sizeof often);
    setitimer(ITIMER_REAL, &often, NULL);
}

static void forks(void) {
    void *inherited = keep(malloc(1111)), *other = keep(malloc(2222));
    int status;
    pid_t child;
    free(keep(malloc(1)));
    child = fork();
    if (child == 0) {
        free(inherited);
        keep(malloc(3333));
        child = fork();
        if (child == 0) {
            free(other);
            keep(malloc(4444));
            _exit(0);
        }
        waitpid(child, &status, 0);
        _exit(0);
    }
    free(other);
    keep(malloc(5555));
    waitpid(child, &status, 0);
    _exit(status);
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "calls") == 0) {
        calls();
        write_trace();
        _exit(0);
    }
    if (strcmp(mode, "threads") == 0) return threads(), 0;
    if (strcmp(mode, "signals") == 0) return signals(), 0;
    if (strcmp(mode, "fork") == 0) forks();
    for (int i = 0; i < 3000; i++) keep(malloc(10));
    if (strcmp(mode, "_exit") == 0) _exit(3);
    if (strcmp(mode, "kill") == 0) raise(SIGKILL);
    if (strcmp(mode, "abort") == 0) abort();
    if (strcmp(mode, "crash") == 0) *(volatile char *)16 = 0;
    if (strcmp(mode, "close") == 0) {
        for (int i = 3; i < 5000; i++) close(i);
        if (chdir("/") != 0) return 9;
        for (int i = 0; i < 3000; i++) keep(malloc(10));
        _exit(dup(1)); /* 3: nobody else has a file open */
    }
    if (strcmp(mode, "dlopen") == 0) {
        void *library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
        void (*plug)(void) = NULL;
        void *address = library ? dlsym(library, "plug") : NULL;
        if (address == NULL) return 9;
        memcpy(&plug, &address, sizeof plug);
        plug();
        dlclose(library);
    }
    return 0;
}
