/* The harness of the behaviour tests. A test case enlists itself; CHECK prints what does not hold and goes on; main
 * runs the cases and ends with a line "N passed, N failed". Misuse that the library reports is recorded instead of
 * fatal.
 *
 *     TEST(name) { ... }           runs once
 *     TEST_BOTH(name) { ... }      runs for both kinds of heap, told by the parameter `sized`
 *
 * ./program WORD runs only the cases whose names contain WORD.
 * SPDX-License-Identifier: BSD-3-Clause */
#ifndef TEST_H
#define TEST_H

#define _DEFAULT_SOURCE /* alarm and mmap, which C11 alone does not have */

#include "teaspoon.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef TEST_SECONDS
#define TEST_SECONDS 300
#endif

typedef struct test_case {
    const char *name;
    void (*once)(void);
    void (*both)(int sized);
    struct test_case *next;
} test_case;

static test_case *test_cases, **test_last = &test_cases;
static unsigned test_failures; /* of the case that runs now */
static char test_note[128];    /* what a random case was doing: printed beside a failure */

#define TEST_ENLIST_(name)                                                                                             \
    __attribute__((constructor)) static void name##_enlist(void) {                                                     \
        *test_last = &name##_case;                                                                                     \
        test_last = &name##_case.next;                                                                                 \
    }
#define TEST(name)                                                                                                     \
    static void name(void);                                                                                            \
    static test_case name##_case = {#name, name, NULL, NULL};                                                          \
    TEST_ENLIST_(name)                                                                                                 \
    static void name(void)
#define TEST_BOTH(name)                                                                                                \
    static void name(int sized);                                                                                       \
    static test_case name##_case = {#name, NULL, name, NULL};                                                          \
    TEST_ENLIST_(name)                                                                                                 \
    static void name(int sized)

/* True if the condition holds. Only the first few failures of a case are worth reading. */
#define CHECK(condition) test_check((condition) ? 1 : 0, __FILE__, __LINE__, #condition)

static inline int test_check(int holds, const char *file, int line, const char *what) {
    if (holds) return 1;
    if (test_failures++ < 8) printf("%s:%d: %s%s%s\n", file, line, what, *test_note ? "    | " : "", test_note);
    return 0;
}

/* What the library said last through its hook, and how often it said anything. */
static struct {
    tsp_status status;
    unsigned count;
    const void *heap, *pointer;
} misuse;

void tsp_misuse(const void *heap, const void *pointer, tsp_status status) {
    misuse.status = status;
    misuse.count++;
    misuse.heap = heap;
    misuse.pointer = pointer;
}

/* Numbers that look random and are the same in every run (a 64-bit linear congruential generator, its high bits). */
typedef uint64_t dice;

static inline uint32_t roll(dice *d, size_t below) {
    *d = *d * 6364136223846793005u + 1442695040888963407u;
    return below ? (uint32_t)(*d >> 33) % (uint32_t)below : 0;
}

/* Every object gets bytes of its own, so that a copy too long, too short or to the wrong place shows. */
static inline unsigned char pattern(uint32_t seed, size_t i) {
    return (unsigned char)(seed * 29u + (uint32_t)i * 7u + (uint32_t)(i >> 8) + 1u);
}

static inline void fill(void *object, size_t from, size_t size, uint32_t seed) {
    unsigned char *bytes = object;
    for (; from < size; from++) bytes[from] = pattern(seed, from);
}

static inline int keeps(const void *object, size_t size, uint32_t seed) {
    const unsigned char *bytes = object;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != pattern(seed, i)) return 0;
    return 1;
}

static inline int is_filled_with(const void *object, size_t size, unsigned char value) {
    const unsigned char *bytes = object;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != value) return 0;
    return 1;
}

static inline int test_run(test_case *t, int sized) {
    const char *kind = !t->both ? "" : sized ? " (sized)" : " (remembering)";
    test_failures = 0;
    test_note[0] = '\0';
    memset(&misuse, 0, sizeof misuse);
    if (t->both) t->both(sized);
    else t->once();
    if (test_failures) printf("FAILED %s%s: %u checks\n", t->name, kind, test_failures);
    fflush(stdout);
    return test_failures == 0;
}

int main(int argc, char **argv) {
    unsigned passed = 0, failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(TEST_SECONDS); /* nothing here takes long; a call that does not come back is a failure */
    for (test_case *t = test_cases; t; t = t->next) {
        if (argc > 1 && strstr(t->name, argv[1]) == NULL) continue;
        for (int sized = 0; sized < (t->both ? 2 : 1); sized++) {
            if (test_run(t, sized)) passed++;
            else failed++;
        }
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}

#endif
