/* A stand-in for FreeRTOS's scheduler: each task is a thread that runs while it has the core, and gives it up at each
 * tick that comes while the scheduler is not suspended. The tick is a signal; its hook is called there, in the midst of
 * whatever the task does, as a handler would be. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include "task.h"

static pthread_mutex_t core = PTHREAD_MUTEX_INITIALIZER;
static volatile sig_atomic_t suspended, ticked;
static volatile int ended;
static struct task {
    pthread_t thread;
    TaskFunction_t *code;
    void *parameter, *stack;
    struct task *next;
} *tasks;

static void tick(sigset_t *ticks) {
    sigemptyset(ticks);
    sigaddset(ticks, SIGALRM);
}

/* Only who has the core hears ticks. */
static void take_core(void) {
    sigset_t ticks;
    tick(&ticks);
    pthread_mutex_lock(&core);
    pthread_sigmask(SIG_UNBLOCK, &ticks, NULL);
}

static void give_core(void) {
    sigset_t ticks;
    tick(&ticks);
    pthread_sigmask(SIG_BLOCK, &ticks, NULL);
    pthread_mutex_unlock(&core);
}

static void yield_core(void) {
    const struct timespec moment = {0, 50000};
    give_core();
    nanosleep(&moment, NULL);
    take_core();
}

static void on_tick(int signal) {
    (void)signal;
    vApplicationTickHook();
    ticked = 1;
}

void vTaskSuspendAll(void) {
    ++suspended;
}

BaseType_t xTaskResumeAll(void) {
    if (--suspended || !ticked || !tasks || !tasks->thread) return 0;
    ticked = 0;
    yield_core();
    return 1;
}

void vTaskDelay(TickType_t ticks) {
    while (ticks--) yield_core();
}

static void *run(void *task) {
    sigset_t ticks;
    tick(&ticks);
    pthread_sigmask(SIG_BLOCK, &ticks, NULL);
    take_core();
    ((struct task *)task)->code(((struct task *)task)->parameter);
    return NULL;
}

BaseType_t xTaskCreate(TaskFunction_t *code, const char *name, unsigned short depth, void *parameter,
                       UBaseType_t priority, void *handle) {
    struct task *task = pvPortMalloc(sizeof *task);
    (void)name, (void)priority, (void)handle;
    if (task == NULL) return pdFAIL;
    *task = (struct task){.code = code, .parameter = parameter, .stack = pvPortMalloc(depth), .next = tasks};
    tasks = task;
    return task->stack ? pdPASS : pdFAIL;
}

void vTaskStartScheduler(void) {
    const struct itimerval often = {{0, 300}, {0, 300}};
    const struct timespec moment = {0, 1000000};
    sigset_t ticks;
    signal(SIGALRM, on_tick);
    tick(&ticks);
    pthread_sigmask(SIG_BLOCK, &ticks, NULL);
    for (struct task *t = tasks; t; t = t->next) pthread_create(&t->thread, NULL, run, t);
    setitimer(ITIMER_REAL, &often, NULL);
    while (!ended) nanosleep(&moment, NULL);
}

void vTaskEndScheduler(void) {
    ended = 1;
    for (;;) vTaskDelay(1);
}
