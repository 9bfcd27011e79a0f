/* Why a request found no room: the objects that are in the way. */
#ifndef PINS_H
#define PINS_H

#include "replay.h"

typedef struct pin {
    size_t at, size; /* its offset in the heap; as it was asked for */
    uint32_t id;
    size_t made; /* the operation that gave it this size */
} pin;

typedef struct pins {
    size_t bytes, align; /* what is wanted, in one piece */
    size_t free, holes, largest;
    size_t from; /* where it would be */
    int never;   /* the heap is too small even without any object */
    pin *each;   /* the fewest without which there is room, in order of address */
    size_t count;
    size_t pinned; /* the bytes that they take */
} pins;

/* After an operation that found no memory. That there is room without them is tried on the heap, and undone. */
pins pins_find(replay *r, const op *o);
void pins_drop(pins *p);

void pins_print(const pins *p, const replay *r, const op *o, FILE *out);

#endif
