#!/bin/sh
# The library and the command (`make test`); with the argument `all` what surrounds them too (`make check`). What this
# machine has no tools for is named and skipped. Ends in "N passed, N failed".
cd "$(dirname "$0")/.." || exit 1
. scripts/suites.sh
BUILD=${BUILD:-build}
CC=${CC:-cc}
export CC

if ! have python3; then
    skip "examples" "python3 is not installed"
    TSP_TEST_ONLY=tsp # of the tests only those of a family
    export TSP_TEST_ONLY
fi
suite "behaviour" sh tests/all.sh "$BUILD/tests" "$CC" "-O1"
suite "the command" sh tests/tool/run.sh "$BUILD/teaspoon"
suite "what shows traces" sh tests/tool/see.sh "$BUILD/teaspoon"
if [ "$(uname -s)" = Linux ]; then suite "teaspoon record" sh tests/tool/record.sh "$BUILD/teaspoon"
else skip "teaspoon record" "it is for Linux"; fi
suite "freestanding" sh scripts/freestanding.sh
if [ "${1-}" != all ]; then
    verdict
    exit
fi
suite "from firmware to a fit" sh tests/tool/target.sh "$BUILD/teaspoon" "$BUILD/target"
suite "the library in other projects" sh tests/consumer/run.sh
suite "debugging aids" sh tests/debug/run.sh "$BUILD/debug"
suite "newlib and picolibc" sh tests/newlib/run.sh "$BUILD/newlib"
suite "chips and configurations" sh tests/chips/run.sh "$BUILD/chips"
suite "a whole program's malloc" sh tests/malloc/run.sh "$BUILD/malloc"
suite "adapters" sh tests/adapters/run.sh "$BUILD/adapters"
verdict
