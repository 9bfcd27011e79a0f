/* Stand-in of our own for Zephyr's irq_lock; a thread is a core. The key is how deep it was. */
#ifndef ZEPHYR_IRQ_H
#define ZEPHYR_IRQ_H
#include <pthread.h>

static pthread_mutex_t irq_mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static unsigned int irq_depth;

static inline unsigned int irq_lock(void) {
    (void)pthread_mutex_lock(&irq_mutex);
    return irq_depth++;
}

static inline void irq_unlock(unsigned int key) {
    irq_depth = key;
    (void)pthread_mutex_unlock(&irq_mutex);
}

#endif
