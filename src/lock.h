/* The lock policies of teaspoon.h, as LOCK, TRY_LOCK and UNLOCK for engine handles. Modelled in proof/lock.pml.
 * FAILED is, for who holds the lock, the handle's count of failed requests. */
#ifndef TSP_LOCK_H
#define TSP_LOCK_H

#define TSP_HELD 255 /* instead of the count, which ends before it */

#ifndef TSP_LOCK
#if defined(__GCC_ATOMIC_CHAR_LOCK_FREE) && __GCC_ATOMIC_CHAR_LOCK_FREE == 2
#define TSP_LOCK TSP_LOCK_SPIN
#else
#define TSP_LOCK TSP_LOCK_NONE
#endif
#endif

#if TSP_LOCK == TSP_LOCK_SPIN

typedef unsigned char lock_state;

/* The lock is the count itself, to save its byte: who holds it has the count, and leaves TSP_HELD in its place. Test
 * and test-and-set: waits by reading, so that waiters do not fight over the cache line. It knows no scheduler: a thread
 * that waits on the core of a holder of lower priority waits for ever, and is better served by hooks. */
static inline lock_state tsp_spin(unsigned char *lock) {
    lock_state count;
    while ((count = __atomic_exchange_n(lock, TSP_HELD, __ATOMIC_ACQUIRE)) == TSP_HELD)
        while (__atomic_load_n(lock, __ATOMIC_RELAXED) == TSP_HELD) {
        }
    return count;
}
#define LOCK(h) tsp_spin(&(h)->failed)
#define TRY_LOCK(h, state) ((*(state) = __atomic_exchange_n(&(h)->failed, TSP_HELD, __ATOMIC_ACQUIRE)) != TSP_HELD)
#define UNLOCK(h, state) __atomic_store_n(&(h)->failed, state, __ATOMIC_RELEASE)
#define FAILED(h, state) (state)

#elif TSP_LOCK == TSP_LOCK_HOOKS

typedef unsigned long lock_state;
#define LOCK(h) tsp_lock(h)
#define TRY_LOCK(h, state) tsp_try_lock(h, state)
#define UNLOCK(h, state) tsp_unlock(h, state)
#define FAILED(h, state) ((h)->failed)

#else

typedef char lock_state;
#define LOCK(h) ((void)(h), (lock_state)0)
#define TRY_LOCK(h, state) ((void)(h), *(state) = 0, 1)
#define UNLOCK(h, state) ((void)(h), (void)(state))
#define FAILED(h, state) ((h)->failed)

#endif

static inline void tsp_count_failure(unsigned char *failed) {
    if (*failed != TSP_HELD - 1) ++*failed;
}
#endif
