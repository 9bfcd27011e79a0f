/* The lock of teaspoon's heaps under Zephyr, for all cores, threads and interrupt handlers: irq_lock, which nests and
 * with CONFIG_SMP is one lock for all cores. The module of teaspoon compiles it where TEASPOON_LOCK is 2, the default
 * there. Without the module copy it into your program, and compile teaspoon and all that uses it with -DTSP_LOCK=2.
 *
 * Interrupts are locked while a call works; see teaspoon.h on what that costs. Handlers may make every call, but those
 * of zero latency none. Threads in user mode may not lock interrupts: their heaps need a sys_mutex in these three.
 * SPDX-License-Identifier: BSD-3-Clause */
#include <zephyr/irq.h>

#include "teaspoon.h"

unsigned long tsp_lock(const void *heap) {
    (void)heap;
    return irq_lock();
}

int tsp_try_lock(const void *heap, unsigned long *state) {
    *state = tsp_lock(heap);
    return 1;
}

void tsp_unlock(const void *heap, unsigned long state) {
    (void)heap;
    irq_unlock((unsigned int)state);
}
