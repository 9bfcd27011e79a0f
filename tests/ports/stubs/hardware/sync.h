/* Stand-in of our own for the pico-sdk's spin locks; a thread is a core. */
#ifndef HARDWARE_SYNC_H
#define HARDWARE_SYNC_H
#include <stdbool.h>
#include <stdint.h>

typedef unsigned int uint;
typedef volatile uint32_t spin_lock_t;

extern _Thread_local uint core_number;
static spin_lock_t spin_locks[32];

static inline uint get_core_num(void) {
    return core_number;
}
static inline int spin_lock_claim_unused(bool required) {
    (void)required;
    return 7;
}
static inline spin_lock_t *spin_lock_instance(uint number) {
    return &spin_locks[number];
}
static inline void spin_lock_unsafe_blocking(spin_lock_t *lock) {
    while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE)) {}
}
static inline void spin_unlock_unsafe(spin_lock_t *lock) {
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}
static inline uint32_t save_and_disable_interrupts(void) {
    return 1;
}
static inline void restore_interrupts(uint32_t state) {
    (void)state;
}

#endif
