# shellcheck shell=sh disable=SC2154 # what suite.sh and run.sh set
# Tests of the search for the smallest heap. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

# The search itself, over heaps that are none.
unit search replay trace say family

# A long trace is replayed in several threads, and by the definition all the same.
awk 'BEGIN { srand(1); for (i = 0; i < 60000; i++) {
    if (i >= 60) printf "f %d\n", i - 60
    printf "a %d %d 0\n", i, int(rand() * rand() * 400) } }' > long.trace
run 0 fit --tsv long.trace
found=$(column 5)
ok 'fit of a long trace: one size less fails, or one of the 16 behind' sh -c "
    for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
        '$teaspoon' replay --heap \$(($found + 8 * i)) --variant 128k long.trace > /dev/null 2>&1 || exit 1
    done
    for i in -1 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        '$teaspoon' replay --heap \$(($found + 8 * i)) --variant 128k long.trace > /dev/null 2>&1 || exit 0
    done
    exit 1"
