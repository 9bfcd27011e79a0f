/* The lock of teaspoon's heaps under ESP-IDF, for both cores, all tasks and interrupt handlers: a critical section with
 * a spin lock. The component of teaspoon compiles it where TEASPOON_LOCK is 2, the default there. Without the component
 * copy it into yours, and compile teaspoon and all that uses it with -DTSP_LOCK=2.
 *
 * Interrupts of this core are disabled while a call works; see teaspoon.h on what that costs. Every call may be made
 * from a handler, but from those of levels above 3. SPDX-License-Identifier: BSD-3-Clause */
#include "freertos/FreeRTOS.h"
#include "teaspoon.h"

static portMUX_TYPE mux = portMUX_INITIALIZER_UNLOCKED; /* knows its core, so that sections may nest */

unsigned long tsp_lock(const void *heap) {
    (void)heap;
    portENTER_CRITICAL_SAFE(&mux);
    return 0;
}

int tsp_try_lock(const void *heap, unsigned long *state) {
    *state = tsp_lock(heap); /* it waits for the other core at most, and that is not for long */
    return 1;
}

void tsp_unlock(const void *heap, unsigned long state) {
    (void)heap, (void)state;
    portEXIT_CRITICAL_SAFE(&mux);
}
