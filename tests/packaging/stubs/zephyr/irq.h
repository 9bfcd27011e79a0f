/* Zephyr's irq_lock in one thread: the key is how deep it was. */
#ifndef ZEPHYR_IRQ_H
#define ZEPHYR_IRQ_H

static unsigned int irq_depth;

#define irq_lock() (irq_depth++)
#define irq_unlock(key) ((void)(irq_depth = (key)))

#endif
