/* A whole program's malloc on Cortex-M: everything that newlib or picolibc allocates is in the heap, running out of it
 * gives ENOMEM, misuse is told, and an interrupt handler that allocates comes wherever it can. run.sh runs it.
 * SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsp_newlib.h"

int posix_memalign(void **result, size_t align, size_t size); /* not in newlib's header */

enum { KITCHEN = 8 * 1024 };
TSP128K_STATIC(kitchen, KITCHEN);
TSP_NEWLIB(tsp128k, kitchen);

static unsigned passed, failed;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (condition) {                                                                                               \
            passed++;                                                                                                  \
        } else {                                                                                                       \
            failed++;                                                                                                  \
            printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                             \
        }                                                                                                              \
    } while (0)

/* -- The locks that firmware would have: save the interrupt mask and disable, restore it ------------------------------
 */

/* Volatile, since a compiler may know that malloc changes no variable. */
static volatile unsigned sections, depth;      /* depth: how many locks are held */
static volatile int adversary, handling, last; /* every section asks for an interrupt; it runs now; for the last time */
static volatile unsigned interrupts, interrupts_in_copies, copies, copies_locked;

static unsigned long mask(void) {
    unsigned long primask;
    __asm volatile("mrs %0, primask" : "=r"(primask));
    return primask;
}

static void ask_for_interrupt(void) {
    if (adversary && !handling) *(volatile uint32_t *)0xE000ED04 = 1u << 28; /* PendSV, as soon as the mask allows it */
    __asm volatile("dsb\nisb" ::: "memory");
}

unsigned long tsp_lock(const void *heap) {
    unsigned long state = mask();
    __asm volatile("cpsid i" ::: "memory");
    (void)heap;
    sections++;
    depth++;
    ask_for_interrupt();
    return state;
}

int tsp_try_lock(const void *heap, unsigned long *state) {
    *state = tsp_lock(heap); /* it never has to wait */
    return 1;
}

void tsp_unlock(const void *heap, unsigned long state) {
    (void)heap;
    depth--;
    __asm volatile("msr primask, %0" ::"r"(state) : "memory");
}

/* The interrupt handler keeps a few objects of its own, and replaces one of them each time. */
void arm_pendsv_isr(void) {
    static unsigned char *mine[5];
    unsigned char **one = &mine[interrupts % 5];
    size_t size = 1 + interrupts * 7 % 40;
    handling = 1;
    interrupts++;
    if (*one && (*one)[0] != (unsigned char)(uintptr_t)one) failed++;
    free(*one);
    *one = malloc(size);
    if (*one) memset(*one, (int)(uintptr_t)one, size);
    if (last) {
        for (size_t i = 0; i < 5; i++) {
            free(mine[i]);
            mine[i] = NULL;
        }
    }
    handling = 0;
}

/* The engine's own memmove, by the linker's --wrap: the copy of a resize that moves is outside the section. */
void *__real_memmove(void *to, const void *from, size_t size);
void *__wrap_memmove(void *to, const void *from, size_t size);
void *__wrap_memmove(void *to, const void *from, size_t size) {
    if (adversary && !handling) {
        unsigned before = interrupts;
        copies++;
        copies_locked += depth > 0;
        ask_for_interrupt();
        interrupts_in_copies += interrupts - before;
    }
    return __real_memmove(to, from, size);
}

/* -- What the program is told ---------------------------------------------------------------------------------------
 */

static tsp_status told;
static unsigned times_told;

void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    (void)heap, (void)pointer;
    told = status;
    times_told++;
}

static unsigned break_asked; /* what libc's own malloc would ask for memory */
void *_sbrk(ptrdiff_t more);
void *_sbrk(ptrdiff_t more) {
    (void)more;
    break_asked++;
    return (void *)-1;
}

static int ours(const void *pointer) {
    return tsp128k_contains(kitchen(), pointer);
}

static int sound(void) {
    tsp_report report = tsp128k_check(kitchen());
    if (report.status != TSP_OK) printf("at byte %u: %s\n", (unsigned)report.at, report.what);
    return report.status == TSP_OK;
}

static size_t used(void) {
    return tsp128k_usage(kitchen()).used;
}

/* -- The tests ------------------------------------------------------------------------------------------------------
 */

/* Every way there is to ask for memory; results are volatile since a compiler may leave out what nobody looks at. */
static void every_call(void) {
    size_t before = used();
    char *volatile text = malloc(10);
    unsigned char *volatile zeros;
    void *volatile object;
    void *aligned = NULL;
    CHECK(ours(text) && used() == before + 16 && malloc_usable_size(text) == 16);
    strcpy(text, "teaspoon");
    text = realloc(text, 1000);
    CHECK(ours(text) && strcmp(text, "teaspoon") == 0 && used() == before + 1000);
    text = reallocarray(text, 3, 4);
    CHECK(ours(text) && strcmp(text, "teaspoon") == 0 && used() == before + 16);
    free(text);
    CHECK(used() == before);
    object = malloc(96);
    memset(object, 0xaa, 96);
    free(object);
    zeros = calloc(12, 8);
    CHECK(ours(zeros) && zeros[0] == 0 && memcmp(zeros, zeros + 1, 95) == 0);
    free(zeros);
    for (size_t align = 4; align <= 256; align *= 2) {
        object = memalign(align, 20);
        CHECK(ours(object) && (uintptr_t)object % align == 0);
        free(object);
        object = aligned_alloc(align, align);
        CHECK(ours(object) && (uintptr_t)object % align == 0);
        free(object);
        CHECK(posix_memalign(&aligned, align, 24) == 0 && ours(aligned) && (uintptr_t)aligned % align == 0);
        free(aligned);
    }
    for (size_t size = 8; size <= 100; size += 23) {
        object = malloc(size);
        CHECK((uintptr_t)object % 8 == 0);
        free(object);
    }
    object = malloc(0);
    CHECK(object != NULL && !ours(object));
    object = realloc(object, 8);
    CHECK(ours(object));
    free(object);
    free(NULL);
    CHECK(used() == before && times_told == 0 && sound());
}

/* What libc allocates for itself. */
static void inside_libc(void) {
    char *copy, *line = NULL;
#ifndef __PICOLIBC__ /* whose stdout has no buffer */
    CHECK(used() >= 1000 && tsp128k_usage(kitchen()).objects > 0);
#endif
    copy = strdup("a teaspoon of memory");
    CHECK(ours(copy) && strcmp(copy, "a teaspoon of memory") == 0);
    CHECK(asprintf(&line, "%s: %.3f, %g, %08.2f, %d %s", copy, 3.14159, 1e-7, -2.5, 42, "things") == 55);
    CHECK(ours(line) && strcmp(line, "a teaspoon of memory: 3.142, 1e-07, -0002.50, 42 things") == 0);
    CHECK(strtod("0.1", NULL) == 0.1);
    free(line);
    free(copy);
    CHECK(sound());
}

/* All memory, in pieces that go back in another order. */
static void exhaustion(void) {
    void **chain = NULL, **object;
    char *volatile fits = malloc(40);
    size_t before = used(), n = 0;
    memset(fits, 7, 40);
    errno = 0;
    while ((object = malloc(20 + n % 5 * 8)) != NULL) {
        *object = chain;
        chain = object;
        n++;
    }
    CHECK(errno == ENOMEM && n > 100 && sound());
    errno = 0;
    CHECK(realloc(fits, 5000) == NULL && errno == ENOMEM && malloc_usable_size(fits) == 40);
    CHECK(fits[0] == 7 && memcmp(fits, fits + 1, 39) == 0);
    errno = 0;
    CHECK(calloc(100, 50) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(memalign(8, 5000) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(strdup("a text that is too long for what is left of all the memory") == NULL && errno == ENOMEM);
    while ((object = chain) != NULL) {
        chain = *object;
        free(object);
    }
    CHECK(used() == before && sound());
    free(fits);
}

/* Sizes that no heap has. */
static void arithmetic(void) {
    volatile size_t huge = SIZE_MAX;
    int (*volatile take)(void **, size_t, size_t) = posix_memalign; /* of which gcc knows what should be */
    void *aligned = NULL;
    errno = 0;
    CHECK(malloc(huge) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(calloc(huge / 2 + 1, 2) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(reallocarray(NULL, huge / 2 + 1, 2) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(memalign(24, 24) == NULL && errno == EINVAL);
    CHECK(take(&aligned, 24, 24) == EINVAL && take(&aligned, 8, huge) == ENOMEM);
    CHECK(take(&aligned, sizeof(void *) / 2, 24) == EINVAL && take(&aligned, 0, 24) == EINVAL);
    CHECK(aligned == NULL && times_told == 0 && sound());
    aligned = &errno;
    CHECK(take(&aligned, 8, huge) == ENOMEM && aligned == &errno);
    CHECK(take(&aligned, 8, 0) == 0 && ours(aligned));
    free(aligned);
    aligned = memalign(8, 0);
    CHECK(ours(aligned));
    free(aligned);
}

static void misuse(void) {
    char *volatile object = malloc(24), *volatile other = malloc(24), *volatile inside = other + 8;
    static char foreign[8];
    char *volatile stranger = foreign;
    size_t before;
    free(object);
    before = used();
    free(object);
    CHECK(times_told == 1 && told == TSP_ALREADY_FREE);
    free(stranger);
    CHECK(times_told == 2 && told == TSP_FOREIGN);
    free(inside);
    CHECK(times_told == 3 && told == TSP_INTERIOR);
    CHECK(realloc(object, 8) == NULL && times_told == 4 && told == TSP_ALREADY_FREE);
    CHECK(used() == before && sound());
    free(other);
}

static void critical_sections(void) {
    unsigned char *object;
    size_t before = used(), objects = tsp128k_usage(kitchen()).objects;
    unsigned so_far = sections;
    void *volatile held;
    CHECK(mask() == 0);
    __asm volatile("cpsid i" ::: "memory");
    held = malloc(16);
    CHECK(mask() == 1); /* a section in the program's own: still disabled */
    __asm volatile("cpsie i" ::: "memory");
    free(held);
    CHECK(mask() == 0 && sections > so_far && depth == 0);

    adversary = 1;
    for (unsigned round = 0; round < 200; round++) {
        size_t size = 200 + round % 7 * 40;
        object = malloc(size);
        held = malloc(8); /* so that it has to move */
        memset(object, (int)round, size);
        object = realloc(object, 3 * size);
        failed += object == NULL || object[0] != (unsigned char)round || memcmp(object, object + 1, size - 1) != 0;
        free(object);
        free(held);
    }
    adversary = 0;
    printf("%u critical sections, %u interrupts, %u copies\n", sections, interrupts, copies);
    CHECK(interrupts > 1000 && copies > 50 && copies_locked == 0 && interrupts_in_copies == copies);
    adversary = last = 1;
    ask_for_interrupt();
    adversary = 0;
    CHECK(used() == before && tsp128k_usage(kitchen()).objects == objects && depth == 0 && sound());
}

int main(void) {
    setvbuf(stdout, NULL, _IOLBF, 1024);
    printf("%u bytes of heap\n", (unsigned)tsp128k_usage(kitchen()).total);
    every_call();
    inside_libc();
    exhaustion();
    arithmetic();
    misuse();
    critical_sections();
    CHECK(break_asked == 0);
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
