/* The lock policies of teaspoon.h, as LOCK, TRY_LOCK and UNLOCK for engine handles. Modelled in proof/lock.pml.
 * FAILED is, for who holds the lock, the handle's count of failed requests. */
#ifndef TSP_LOCK_H
#define TSP_LOCK_H

#define TSP_HELD 255 /* instead of the count, which ends before it */

#if TSP_LOCK == TSP_LOCK_SPIN

typedef unsigned char lock_state;

#if TSP_ON_A_SYSTEM_ && !defined(_WIN32) && __STDC_HOSTED__
#include <sched.h>
#define LET_OTHERS_RUN() sched_yield()
#else
#define LET_OTHERS_RUN()
#endif

enum { TSP_SPINS = 64 }; /* a few times what a call takes */

/* The lock is the count itself, to save its byte: who holds it has the count, and leaves TSP_HELD in its place. Test
 * and test-and-set: waits by reading, so that waiters do not fight over the cache line. After a while the holder may
 * have been descheduled: then who waits gives up its processor at each look, where there is a scheduler. That helps a
 * holder of the same priority: behind one of lower priority on its own core a thread may wait for ever, and is better
 * served by hooks. */
static __attribute__((noinline)) lock_state tsp_wait(unsigned char *lock) {
    lock_state count;
    do {
        for (unsigned looks = 0; __atomic_load_n(lock, __ATOMIC_RELAXED) == TSP_HELD; looks++) {
            if (looks >= TSP_SPINS) LET_OTHERS_RUN();
#if defined(__x86_64__) || defined(__i386__)
            else __builtin_ia32_pause();
#endif
        }
    } while ((count = __atomic_exchange_n(lock, TSP_HELD, __ATOMIC_ACQUIRE)) == TSP_HELD);
    return count;
}

static inline lock_state tsp_spin(unsigned char *lock) {
    const lock_state count = __atomic_exchange_n(lock, TSP_HELD, __ATOMIC_ACQUIRE);
    return count != TSP_HELD ? count : tsp_wait(lock);
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

#elif TSP_LOCK == TSP_LOCK_INTERRUPTS

/* Disables interrupts and returns what tsp_restore sets again, so that sections nest and a caller that had disabled
 * them finds them so. Both are barriers for the compiler. Nobody has to wait, since nobody runs while a section does. */
#ifdef __AVR__
typedef unsigned char lock_state;
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__("in %0, 0x3f\n\tcli" : "=r"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__("out 0x3f, %0" : : "r"(state) : "memory");
}
#elif defined(__MSP430__)
typedef unsigned int lock_state;
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__("mov.w r2, %0\n\tdint\n\tnop" : "=r"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) { /* with the nops that the CPU asks for around a change of GIE */
    __asm__ __volatile__("nop\n\tmov.w %0, r2\n\tnop" : : "r"(state) : "memory");
}
#elif defined(__riscv)
typedef unsigned long lock_state;
#ifdef __riscv_zicsr
#define TSP_ZICSR(code) code
#else /* old names of machines do not say that they have it, and new assemblers want to hear it */
#define TSP_ZICSR(code) ".option push\n\t.option arch, +zicsr\n\t" code "\n\t.option pop"
#endif
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__(TSP_ZICSR("csrrci %0, mstatus, 8") : "=r"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__(TSP_ZICSR("csrs mstatus, %0") : : "r"(state & 8) : "memory");
}
#elif defined(__XTENSA__)
typedef unsigned int lock_state;
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__("rsil %0, 15" : "=a"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__("wsr %0, ps\n\trsync" : : "a"(state) : "memory");
}
#elif __ARM_ARCH_PROFILE != 'M'
typedef unsigned long lock_state;
#if defined(__thumb__) && !defined(__thumb2__)
#error "TSP_LOCK_INTERRUPTS needs -marm here: Thumb cannot read CPSR on this machine"
#endif
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__("mrs %0, cpsr\n\tcpsid i" : "=r"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__("msr cpsr_c, %0" : : "r"(state) : "memory");
}
#elif defined(TSP_BASEPRI)
typedef unsigned long lock_state;
#if TSP_BASEPRI < 1 || TSP_BASEPRI > 255 || __ARM_ARCH_ISA_THUMB < 2
#error "TSP_BASEPRI is no priority from 1 to 255, or this machine has no such register (Cortex-M0, M0+, M1, M23)"
#endif
static inline lock_state tsp_disable(void) { /* BASEPRI_MAX: never lower than it was */
    lock_state state;
    __asm__ __volatile__("mrs %0, basepri\n\tmsr basepri_max, %1\n\tisb" : "=&r"(state) : "r"(TSP_BASEPRI) : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__("msr basepri, %0" : : "r"(state) : "memory");
}
#else
typedef unsigned long lock_state;
static inline lock_state tsp_disable(void) {
    lock_state state;
    __asm__ __volatile__("mrs %0, primask\n\tcpsid i" : "=r"(state) : : "memory");
    return state;
}
static inline void tsp_restore(lock_state state) {
    __asm__ __volatile__("msr primask, %0" : : "r"(state) : "memory");
}
#endif
#define LOCK(h) ((void)(h), tsp_disable())
#define TRY_LOCK(h, state) ((void)(h), *(state) = tsp_disable(), 1)
#define UNLOCK(h, state) ((void)(h), tsp_restore(state))
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
