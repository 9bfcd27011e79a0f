/* What the library's own tsp_misuse does on a hosted system: it says on stderr what happened, and aborts. A program
 * without the harness, which has a tsp_misuse of its own.
 * SPDX-License-Identifier: BSD-3-Clause */
#define _POSIX_C_SOURCE 200809L /* sigsetjmp, dup2 */

#include "teaspoon.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static sigjmp_buf caught;

static void on_abort(int signal) {
    (void)signal;
    siglongjmp(caught, 1); /* so that the program lives to tell */
}

int main(void) {
    static tsp4k spoon;
    static unsigned char bytes[64];
    char said[200], expected[200];
    volatile int aborted = 0;
    int passed;
    FILE *file;
    tsp4k_init_sized(&spoon, bytes, sizeof bytes);
    signal(SIGABRT, on_abort);
    if ((file = tmpfile()) == NULL || dup2(fileno(file), 2) < 0) return 2;
    if (sigsetjmp(caught, 1)) aborted = 1;
    else tsp4k_free(&spoon, bytes + 8);
    fflush(stderr);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    snprintf(expected, sizeof expected, "teaspoon: heap %p, pointer %p: %s\n", (void *)&spoon, (void *)(bytes + 8),
             tsp_status_text(TSP_SIZED_HEAP));
    passed = aborted && strcmp(said, expected) == 0;
    printf("%d passed, %d failed\n", passed, !passed);
    return !passed;
}
