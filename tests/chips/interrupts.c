/* An interrupt handler that shares a heap with what it interrupts, as README says: with the default configuration and
 * nothing else done for it. A timer comes at ever other times; its handler keeps four objects and replaces one of them
 * each time, by calls that may not wait, while main allocates, resizes and frees. Everything that an object holds is
 * verified, and the heap now and then. run.sh runs it on boards that emulators know.
 *     -DTSP_V=tsp4k, tsp128k or tsp16m    -DPERIODS=10000
 * SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <string.h>

#include "board.h"
#include "teaspoon.h"

#define NAME2(V, name) V##_##name
#define NAME1(V, name) NAME2(V, name)
#define V_(name) NAME1(TSP_V, name)

enum { OURS = 6, THEIRS = 4 };

typedef struct object {
    unsigned char *at;
    unsigned size, align;
} object;

static unsigned char bytes[1024] __attribute__((aligned(8)));
static TSP_V spoon;
static volatile unsigned periods, faults;

static unsigned next(unsigned *state) {
    *state = *state * 25173u + 13849u;
    return *state / 16 % 4096;
}

static void fill(const object *o) {
    memset(o->at, (int)(o->size % 251), o->size);
}

static void verify(const object *o, unsigned size) {
    for (unsigned i = 0; i < size; i++)
        if (o->at[i] != o->size % 251) {
            faults++;
            return;
        }
}

/* What the timer calls. Returns when it is to come again, in units of some instructions, 0 to 63. */
unsigned tick(void) {
    static object all[THEIRS];
    static unsigned state = 1;
    object *o = &all[periods % THEIRS];
    tsp_status status = TSP_OK;
    periods++;
    if (o->at) {
        verify(o, o->size);
        status = V_(try_dealloc)(&spoon, o->at, o->size, o->align);
        if (status == TSP_BUSY) return next(&state) % 64; /* under a lock that is held: next time, perhaps */
        if (status != TSP_OK) faults++;
    }
    o->size = 1 + next(&state) % 40;
    o->align = 1u << next(&state) % 4;
    o->at = V_(try_alloc)(&spoon, o->size, o->align);
    if (o->at) fill(o);
    return next(&state) % 64;
}

void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)heap, (void)pointer, (void)status;
    faults++;
}

/* Replaces an object, or gives it another size. */
static void work(object *o, unsigned dice, unsigned size) {
    if (o->at) {
        verify(o, o->size);
        if (dice % 3) {
            unsigned char *moved = V_(resize)(&spoon, o->at, o->size, size, o->align);
            if (moved == NULL) return;
            o->at = moved;
            verify(o, o->size < size ? o->size : size);
            o->size = size;
            fill(o);
            return;
        }
        if (V_(dealloc)(&spoon, o->at, o->size, o->align) != TSP_OK) faults++;
    }
    o->size = size;
    o->align = 1u << dice / 64 % 4;
    o->at = V_(alloc)(&spoon, size, o->align);
    if (o->at) fill(o);
}

#ifdef __AVR__
#define main test_main
#endif

int main(void);
int main(void) {
    static object all[OURS];
    unsigned state = 7, count = 0, seen = 0;
    V_(init)(&spoon, bytes, sizeof bytes);
    start_ticks();
    while (periods < PERIODS && !faults) {
        object *o = &all[next(&state) % OURS];
        const unsigned dice = next(&state);
        work(o, dice, 1 + next(&state) % 150);
        if (periods - seen > PERIODS / 20) {
            seen = periods;
            if (V_(check)(&spoon).status != TSP_OK) faults++;
        }
        count++;
    }
    stop_ticks();
    if (V_(check)(&spoon).status != TSP_OK) return 2;
    return faults ? 1 : count < PERIODS / 20 ? 4 : 0; /* 4: the handler took all the time */
}
