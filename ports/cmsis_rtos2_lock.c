/* The lock of teaspoon's heaps under a CMSIS-RTOS2 kernel (RTX5, FreeRTOS, ...): a recursive mutex that inherits
 * priorities. Copy it into your program, compile teaspoon and all that uses it with -DTSP_LOCK=2, and call
 * tsp_cmsis_rtos2_init() between osKernelInitialize and osKernelStart. Until the kernel runs, nothing is locked.
 *
 * Interrupts stay enabled. A handler has no mutex: it makes no call on a heap that threads use (V_try_ calls tell it
 * TSP_BUSY, all others are misuse, TSP_BUSY too). Where handlers share a heap, compile with -DTSP_LOCK=3 instead.
 * SPDX-License-Identifier: BSD-3-Clause */
#include "cmsis_os2.h"
#include "teaspoon.h"

static osMutexId_t mutex;

int tsp_cmsis_rtos2_init(void) { /* 0 if the kernel has no mutex left */
    static const osMutexAttr_t attributes = {"teaspoon", osMutexRecursive | osMutexPrioInherit, NULL, 0};
    mutex = osMutexNew(&attributes);
    return mutex != NULL;
}

static int acquire(uint32_t timeout, unsigned long *state) {
    *state = osKernelGetState() == osKernelRunning;
    return !*state || osMutexAcquire(mutex, timeout) == osOK;
}

unsigned long tsp_lock(const void *heap) {
    unsigned long state;
    if (!acquire(osWaitForever, &state)) tsp_misuse(heap, NULL, TSP_BUSY);
    return state;
}

int tsp_try_lock(const void *heap, unsigned long *state) {
    (void)heap;
    return acquire(0, state);
}

void tsp_unlock(const void *heap, unsigned long state) {
    (void)heap;
    if (state) (void)osMutexRelease(mutex);
}
