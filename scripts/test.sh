#!/bin/sh
# Everything that a developer runs before a commit; called by `make test`. What this machine has no tools for is named
# and skipped. Ends in "N passed, N failed".
cd "$(dirname "$0")/.." || exit 1
. scripts/suites.sh
BUILD=${BUILD:-build}
CC=${CC:-cc}
export CC

suite "behaviour" sh tests/all.sh "$BUILD/tests" "$CC" "-O1"
suite "the command" sh tests/tool/run.sh "$BUILD/teaspoon"
suite "the library in other projects" sh tests/consumer/run.sh
suite "freestanding" sh scripts/freestanding.sh
verdict
