/* How the tests of the command's parts count, where what was found is a text. SPDX-License-Identifier: BSD-3-Clause */
#ifndef UNIT_H
#define UNIT_H

#include <stdio.h>
#include <stdlib.h>

static int passed, failed;

static void ok(int condition, const char *what, const char *found) {
    passed += condition != 0;
    failed += !condition;
    if (condition) return;
    printf("FAILED: %s: %s\n", what, found);
    if (getenv("TSP_TEST_STOP")) exit(1);
}

#endif
