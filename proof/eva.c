/* What Frama-C's Eva analyses (proof/frama.sh): one call of init, alloc, dealloc or resize on a heap of GRANULES
 * granules, for all arguments, over arbitrary bytes. The heap's bytes, its map and every field of the handle are
 * unknown but for base, granules and state, which no call but init changes (this is asserted). So what holds for one
 * call holds for any sequence of calls, with any stray writes into the heap before and in between.
 *
 * The heap lies at the absolute address LOW, the only valid one, so that Eva can compute with addresses as the engine
 * does. Eva knows no relation between variables; so arguments and the links that are read are told apart by value, or
 * by class where all of a class take the same path. Every class is an interval, and together they are everything.
 *     -DFAMILY='"tsp4k.c"' -DGRANULES=4 -DKIND=1 (sized) or 2 (remembers) -DCALL=alloc, dealloc, resize or init */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "__fc_builtin.h"

static void *copied(void *to, const void *from, size_t n, int reads);
#define memcpy(to, from, n) copied(to, from, n, #to[0] == '&')
#include FAMILY
#undef memcpy

#define LOW 0x1000
#define BYTES (GRANULES * GRANULE)
#define MAP (KIND == 2 ? (GRANULES + 7) / 8 : 0)

static heap spoon;

/* memcpy, and then a case for each value that the link or size can have if it is sound, and one for the rest. The value
 * is put back where it is from, so that who reads it again gets the same. */
static void *copied(void *to, const void *from, size_t n, int reads) {
    memcpy(to, from, n);
    if (reads && n == sizeof(link)) {
        link *value = to;
        const size_t at = Frama_C_offset(from), end = at < LOW ? 0 : (at - LOW) / GRANULE + 1;
        const size_t most = end && at % GRANULE ? end : GRANULES - end;
        for (size_t i = 0; i <= most; i++) {
            if (*value == i) {
                *value = (link)i;
                break;
            }
        }
        if (end && at % GRANULE) memcpy((void *)from, to, n);
    }
    return to;
}

void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)heap, (void)pointer, (void)status;
}

static void anything(void) {
    Frama_C_make_unknown((char *)&spoon, sizeof spoon);
    Frama_C_make_unknown((char *)LOW, BYTES + MAP);
    spoon.base = (byte *)LOW;
    spoon.granules = GRANULES;
    spoon.state = FORMAT + KIND - 1;
    set_index(&spoon);
}

static void same(void) {
    /*@ slevel merge; */
    /*@ assert spoon.base == (byte *)LOW && spoon.granules == GRANULES && spoon.state == FORMAT + KIND - 1; */
}

/* Sizes, by the granules they take: the i-th class. 0 when there are no more. */
static int sizes(unsigned i, size_t *bytes) {
    const size_t most = (BYTES + 7) / 8; /* in eights */
    if (i == 0) *bytes = 0;
    else if (GRANULE == 4 && i == 1) *bytes = Frama_C_unsigned_int_interval(1, 4);
    else if (i == 1 || i == 2) *bytes = Frama_C_unsigned_int_interval(GRANULE == 4 ? 5 : 1, 8);
    else if (i <= most + 1) *bytes = Frama_C_unsigned_int_interval(8 * (i - 2) + 1, 8 * (i - 1));
    else if (i == most + 2) *bytes = Frama_C_unsigned_int_interval(8 * most + 1, SIZE_MAX - 8);
    else if (i == most + 3) *bytes = SIZE_MAX - 7; /* from here on adding 8 wraps */
    else if (i == most + 4) *bytes = Frama_C_unsigned_int_interval(SIZE_MAX - 6, SIZE_MAX);
    else return 0;
    return 1;
}

/* Alignments: those that any granule has; 8; those of which only LOW has one, if the heap is of 16 bytes; and those
 * that nothing here has. */
static int alignments(unsigned i, size_t *align) {
    static const size_t first[] = {1, 8, 16, 2 * LOW}, last[] = {GRANULE, 8, LOW, SIZE_MAX / 2 + 1};
    if (i > 3) return 0;
    *align = first[i];
    for (size_t a = first[i]; a != last[i]; a *= 2)
        if (Frama_C_nondet(0, 1)) *align = 2 * a;
    return 1;
}

/* What is not an alignment: 0, and what lies between two powers. */
static int odd_alignments(unsigned i, size_t *align) {
    const size_t low = (size_t)1 << i % 32;
    if (i > 31) return 0;
    *align = i ? Frama_C_unsigned_int_interval(low + 1, low + (low - 1)) : 0;
    return 1;
}

/* Pointers: to a granule, between granules, behind the heap, before it. */
static int pointers(unsigned i, void **pointer) {
    uintptr_t at = LOW + i * GRANULE;
    if (i == GRANULES) {
        at = LOW + 1;
        for (unsigned k = 0; k < BYTES; k++)
            if (k % GRANULE && Frama_C_nondet(0, 1)) at = LOW + k;
    }
    if (i == GRANULES + 1) at = Frama_C_unsigned_int_interval(LOW + BYTES, SIZE_MAX);
    if (i == GRANULES + 2) at = Frama_C_unsigned_int_interval(0, LOW - 1);
    *pointer = (void *)at;
    return i <= GRANULES + 2;
}

/* Everything unknown; a map by what it tells of an object that begins at granule a: where its mark is, and whether
 * there is one before it. The i-th class; 0 when there are no more. */
static int heaps(unsigned i, size_t a) {
    const size_t mark = a + i / 2;
    unsigned bits = 0;
    anything();
    if (KIND != 2) return i == 0;
    if (mark > 8) return 0;
    if (a) bits = i % 2 << (a - 1) | (unsigned)Frama_C_interval(0, (1 << (a - 1)) - 1);
    if (mark < 8) bits |= 1u << mark | (unsigned)Frama_C_interval(0, (1 << (7 - mark)) - 1) << mark << 1;
    *((byte *)LOW + BYTES) = (byte)bits;
    return 1;
}

static size_t bytes, old, align;
static void *pointer;

static void alloc_(void) {
    for (unsigned j = 0; odd_alignments(j, &align); j++) {
        anything();
        V_(alloc)(&spoon, Frama_C_unsigned_int_interval(0, SIZE_MAX), align);
        same();
    }
    for (unsigned j = 0; alignments(j, &align); j++) {
        for (unsigned i = 0; sizes(i, &bytes); i++) {
            anything();
            V_(alloc)(&spoon, bytes, align);
            same();
        }
    }
}

static void dealloc_(void) {
    for (unsigned j = 0; pointers(j, &pointer); j++) {
        for (unsigned i = 0; sizes(i, &bytes); i++) {
            for (unsigned k = 0; heaps(k, j < GRANULES ? j : 0); k++) {
                V_(dealloc)(&spoon, pointer, bytes, Frama_C_unsigned_int_interval(0, SIZE_MAX));
                same();
            }
        }
    }
}

static void resize_(void) {
    for (unsigned j = 0; odd_alignments(j, &align); j++) {
        anything();
        V_(resize)
        (&spoon, (void *)Frama_C_unsigned_int_interval(0, SIZE_MAX), Frama_C_unsigned_int_interval(0, SIZE_MAX),
         Frama_C_unsigned_int_interval(0, SIZE_MAX), align);
        same();
    }
    for (unsigned l = 0; alignments(l, &align); l++) {
        for (unsigned j = 0; pointers(j, &pointer); j++) {
            for (unsigned i = 0; sizes(i, &old); i++) {
                for (unsigned k = 0; heaps(k, j < GRANULES ? j : 0); k++) {
                    for (unsigned m = 0; sizes(m, &bytes); m++) {
                        heaps(k, j < GRANULES ? j : 0);
                        V_(resize)(&spoon, pointer, old, bytes, align);
                        same();
                    }
                }
            }
        }
    }
}

/* Regions that end where the valid bytes do, and regions that begin there; the handle as it comes. */
static void init_(void) {
    for (size_t size = 0; size <= BYTES + MAP; size++) {
        for (int sized = 0; sized <= 1; sized++) {
            anything();
            (sized ? V_(init_sized) : V_(init))(&spoon, (void *)LOW, size);
            anything();
            (sized ? V_(init_sized) : V_(init))(&spoon, (void *)(LOW + BYTES + MAP - size), size);
        }
    }
}

int main(void) {
    CALL();
    return 0;
}
