/* Stand-in of our own for Zephyr's semaphores and times, in milliseconds. */
#ifndef ZEPHYR_KERNEL_H
#define ZEPHYR_KERNEL_H
#include <errno.h>
#include <semaphore.h>
#include <stdbool.h>
#include <time.h>

typedef struct {
    long ms; /* -1: for ever */
} k_timeout_t;
typedef struct {
    struct timespec at;
    bool never;
} k_timepoint_t;
struct k_sem {
    sem_t sem;
};

#define K_NO_WAIT ((k_timeout_t){0})
#define K_FOREVER ((k_timeout_t){-1})
#define K_MSEC(ms) ((k_timeout_t){ms})
#define K_SEM_MAX_LIMIT 1000000
#define K_TIMEOUT_EQ(a, b) ((a).ms == (b).ms)

typedef int atomic_t;
#define atomic_inc(counter) __atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST)
#define atomic_dec(counter) __atomic_fetch_sub(counter, 1, __ATOMIC_SEQ_CST)
#define atomic_get(counter) __atomic_load_n(counter, __ATOMIC_SEQ_CST)

static inline k_timepoint_t sys_timepoint_calc(k_timeout_t timeout) {
    k_timepoint_t end = {{0, 0}, timeout.ms < 0};
    (void)clock_gettime(CLOCK_REALTIME, &end.at);
    end.at.tv_sec += timeout.ms / 1000;
    end.at.tv_nsec += timeout.ms % 1000 * 1000000;
    if (end.at.tv_nsec >= 1000000000) ++end.at.tv_sec, end.at.tv_nsec -= 1000000000;
    return end;
}

static inline k_timeout_t sys_timepoint_timeout(k_timepoint_t end) {
    struct timespec now;
    long ms;
    if (end.never) return K_FOREVER;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    ms = (long)(end.at.tv_sec - now.tv_sec) * 1000 + (end.at.tv_nsec - now.tv_nsec) / 1000000;
    return (k_timeout_t){ms > 0 ? ms : 0};
}

static inline int k_sem_init(struct k_sem *sem, unsigned count, unsigned limit) {
    (void)limit;
    return sem_init(&sem->sem, 0, count);
}

static inline void k_sem_give(struct k_sem *sem) {
    (void)sem_post(&sem->sem);
}

static inline int k_sem_take(struct k_sem *sem, k_timeout_t timeout) {
    const k_timepoint_t end = sys_timepoint_calc(timeout);
    if (end.never) return sem_wait(&sem->sem);
    return sem_timedwait(&sem->sem, &end.at) ? -EAGAIN : 0;
}

#endif
