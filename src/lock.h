/* The lock policies of teaspoon.h, as LOCK, TRY_LOCK and UNLOCK for engine handles. Modelled in proof/lock.pml. */
#ifndef TSP_LOCK_H
#define TSP_LOCK_H

#ifndef TSP_LOCK
#if defined(__GCC_ATOMIC_CHAR_LOCK_FREE) && __GCC_ATOMIC_CHAR_LOCK_FREE == 2
#define TSP_LOCK TSP_LOCK_SPIN
#else
#define TSP_LOCK TSP_LOCK_NONE
#endif
#endif

#if TSP_LOCK == TSP_LOCK_SPIN

typedef char lock_state;

/* Test and test-and-set: waits by reading, so that waiters do not fight over the cache line. It knows no scheduler: a
 * thread that waits on the core of a holder of lower priority waits for ever, and is better served by hooks. */
static inline lock_state tsp_spin(unsigned char *lock) {
    while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
        while (__atomic_load_n(lock, __ATOMIC_RELAXED)) {}
    return 0;
}
#define LOCK(h) tsp_spin(&(h)->lock)
#define TRY_LOCK(h, state) (*(state) = 0, !__atomic_exchange_n(&(h)->lock, 1, __ATOMIC_ACQUIRE))
#define UNLOCK(h, state) ((void)(state), __atomic_store_n(&(h)->lock, 0, __ATOMIC_RELEASE))

#elif TSP_LOCK == TSP_LOCK_HOOKS

typedef unsigned long lock_state;
#define LOCK(h) tsp_lock(h)
#define TRY_LOCK(h, state) tsp_try_lock(h, state)
#define UNLOCK(h, state) tsp_unlock(h, state)

#else

typedef char lock_state;
#define LOCK(h) ((void)(h), (lock_state)0)
#define TRY_LOCK(h, state) ((void)(h), *(state) = 0, 1)
#define UNLOCK(h, state) ((void)(h), (void)(state))

#endif
#endif
