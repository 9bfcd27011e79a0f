/* The lock of teaspoon's heaps on RP2040 and RP2350, for both cores and their interrupt handlers: a hardware spin lock
 * of the pico-sdk, with interrupts disabled. Copy it into your program, compile teaspoon and all that uses it with
 * -DTSP_LOCK=2, link hardware_sync, and call tsp_pico_init() first in main, before the other core is launched.
 *
 * Interrupts of this core are disabled while a call works, and the other core waits if it wants the same; see teaspoon.h
 * on what that costs. Handlers may make every call. SPDX-License-Identifier: BSD-3-Clause */
#include "hardware/sync.h"
#include "teaspoon.h"

static spin_lock_t *lock;
static volatile int owner = -1; /* the core that has it */
static volatile int depth;      /* sections of different heaps may nest, which the hardware does not know */

void tsp_pico_init(void) {
    lock = spin_lock_instance((uint)spin_lock_claim_unused(true));
}

unsigned long tsp_lock(const void *heap) {
    const unsigned long state = save_and_disable_interrupts();
    (void)heap;
    if (owner != (int)get_core_num()) { /* it can become or cease to be ours by our own doing only */
        spin_lock_unsafe_blocking(lock);
        owner = (int)get_core_num();
    }
    ++depth;
    return state;
}

int tsp_try_lock(const void *heap, unsigned long *state) {
    *state = tsp_lock(heap); /* it waits for the other core at most, and that is not for long */
    return 1;
}

void tsp_unlock(const void *heap, unsigned long state) {
    (void)heap;
    if (--depth == 0) {
        owner = -1;
        spin_unlock_unsafe(lock);
    }
    restore_interrupts((uint32_t)state);
}
