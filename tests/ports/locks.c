/* The locks of ports/ under two threads that stand for cores, tasks or both, over stand-ins for their systems (stubs/):
 * a heap that both are in, and sections of different heaps that nest. LOCK_ is the port. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "teaspoon.h"

#define CHECK(condition) check(!!(condition), #condition, __LINE__)

static void check(int holds, const char *condition, int line) {
    if (holds) return;
    printf("locks.c:%d: %s\n", line, condition);
    exit(1);
}

#ifdef LOCK_PICO
_Thread_local unsigned core_number;
void tsp_pico_init(void);
#define prepare() tsp_pico_init()
#define enter(core) (core_number = (core))
#elif defined LOCK_CMSIS
#include "cmsis_os2.h"
osKernelState_t kernel_state = osKernelReady;
_Thread_local int in_handler;
int tsp_cmsis_rtos2_init(void);
#define prepare() CHECK(tsp_cmsis_rtos2_init())
#define enter(core) ((void)(core), kernel_state = osKernelRunning)
#else
#define prepare() ((void)0)
#define enter(core) ((void)(core))
#endif

enum { THREADS = 2, TURNS = 20000, KEPT = 16 };

static tsp128k shared, other;
static unsigned char bytes[8192], other_bytes[1024];
static volatile int misused;

void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)heap, (void)pointer, (void)status;
    misused = 1;
}

/* Runs with the lock of `shared` held, and takes that of `other`. */
static int visit(void *context, void *start, size_t size, tsp_kind kind) {
    void *p = tsp128k_malloc(&other, 16);
    (void)context, (void)start, (void)size, (void)kind;
    CHECK(p);
    tsp128k_free(&other, p);
    return 1;
}

static void *run(void *thread) {
    const unsigned me = (unsigned)(uintptr_t)thread;
    unsigned char *kept[KEPT] = {0};
    enter(me);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        const unsigned i = turn * 7 % KEPT, size = 4 + turn % 100;
        if (kept[i]) {
            CHECK(kept[i][0] == (unsigned char)(me + i) && kept[i][3] == (unsigned char)(me + i));
            tsp128k_free(&shared, kept[i]);
        }
        kept[i] = tsp128k_malloc(&shared, size);
        if (kept[i]) memset(kept[i], (int)(me + i), size);
        if (turn % 64 == 0) tsp128k_walk(&shared, visit, NULL);
        if (turn % 1024 == 0) CHECK(tsp128k_check(&shared).status == TSP_OK);
    }
    for (unsigned i = 0; i < KEPT; i++) tsp128k_free(&shared, kept[i]);
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    void *p;
    prepare();
    tsp128k_init(&shared, bytes, sizeof bytes);
    tsp128k_init(&other, other_bytes, sizeof other_bytes);
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, run, (void *)i);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK(tsp128k_usage(&shared).objects == 0 && tsp128k_usage(&other).objects == 0 && !misused);
    CHECK(tsp128k_try_malloc(&shared, 16, &p) == TSP_OK && tsp128k_try_free(&shared, p) == TSP_OK);
#ifdef LOCK_CMSIS
    in_handler = 1; /* which has no mutex */
    CHECK(tsp128k_try_malloc(&shared, 16, &p) == TSP_BUSY && !misused);
    (void)tsp_lock(&shared);
    CHECK(misused);
#endif
    return 0;
}
