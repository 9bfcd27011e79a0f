/* Stand-in of our own for the mutexes of CMSIS-RTOS2. */
#ifndef CMSIS_OS2_H
#define CMSIS_OS2_H
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { osKernelInactive, osKernelReady, osKernelRunning } osKernelState_t;
typedef enum { osOK = 0, osErrorResource = -3, osErrorISR = -6 } osStatus_t;
typedef void *osMutexId_t;
typedef struct {
    const char *name;
    uint32_t attr_bits;
    void *cb_mem;
    uint32_t cb_size;
} osMutexAttr_t;

#define osMutexRecursive 1U
#define osMutexPrioInherit 2U
#define osWaitForever 0xFFFFFFFFU

extern osKernelState_t kernel_state;
extern _Thread_local int in_handler;

static inline osKernelState_t osKernelGetState(void) {
    return kernel_state;
}
static inline osMutexId_t osMutexNew(const osMutexAttr_t *attributes) {
    static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    return attributes->attr_bits & osMutexRecursive ? &mutex : NULL;
}
static inline osStatus_t osMutexAcquire(osMutexId_t mutex, uint32_t timeout) {
    if (in_handler) return osErrorISR;
    if (timeout == 0) return pthread_mutex_trylock(mutex) ? osErrorResource : osOK;
    return pthread_mutex_lock(mutex) ? osErrorResource : osOK;
}
static inline osStatus_t osMutexRelease(osMutexId_t mutex) {
    return pthread_mutex_unlock(mutex) ? osErrorResource : osOK;
}

#endif
