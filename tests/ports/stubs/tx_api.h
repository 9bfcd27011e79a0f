/* Stand-in of our own for ThreadX's semaphores, times (a tick is a millisecond) and interrupt posture. */
#ifndef TX_API_H
#define TX_API_H
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#define VOID void
typedef char CHAR;
typedef unsigned int UINT;
typedef unsigned long ULONG;
typedef struct {
    sem_t sem;
} TX_SEMAPHORE;

#define TX_SUCCESS 0x00u
#define TX_PTR_ERROR 0x03u
#define TX_SIZE_ERROR 0x05u
#define TX_NO_INSTANCE 0x0Du
#define TX_NO_MEMORY 0x10u
#define TX_POOL_ERROR 0x02u
#define TX_NO_WAIT 0UL
#define TX_WAIT_FOREVER 0xFFFFFFFFUL
#define TX_INT_DISABLE 1u

UINT tx_interrupt_control(UINT posture);

static inline ULONG tx_time_get(VOID) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (ULONG)now.tv_sec * 1000 + (ULONG)now.tv_nsec / 1000000;
}
static inline UINT tx_semaphore_create(TX_SEMAPHORE *semaphore, CHAR *name, ULONG count) {
    (void)name;
    return sem_init(&semaphore->sem, 0, (unsigned)count) ? TX_PTR_ERROR : TX_SUCCESS;
}
static inline UINT tx_semaphore_put(TX_SEMAPHORE *semaphore) {
    return sem_post(&semaphore->sem) ? TX_PTR_ERROR : TX_SUCCESS;
}
static inline UINT tx_semaphore_get(TX_SEMAPHORE *semaphore, ULONG wait) {
    struct timespec end;
    if (wait == TX_WAIT_FOREVER) return sem_wait(&semaphore->sem) ? TX_NO_INSTANCE : TX_SUCCESS;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += (time_t)(wait / 1000);
    end.tv_nsec += (long)(wait % 1000) * 1000000;
    if (end.tv_nsec >= 1000000000) ++end.tv_sec, end.tv_nsec -= 1000000000;
    return sem_timedwait(&semaphore->sem, &end) ? TX_NO_INSTANCE : TX_SUCCESS;
}
static inline UINT tx_semaphore_delete(TX_SEMAPHORE *semaphore) {
    return sem_destroy(&semaphore->sem) ? TX_PTR_ERROR : TX_SUCCESS;
}

#endif
