#!/bin/sh
# The two generated files: they are what dist/ has; they compile without a warning as C99, C11 and C++ wherever they
# are copied, and as one translation unit with others; they work, hold exactly the library's symbols, and are not larger
# than the library's own files. Ends in "N passed, N failed".
cd "$(dirname "$0")/../.." || exit 1
. scripts/suites.sh
work=$(mktemp -d)
trap 'rm -rf "$work" "$SUITES_LOG"' EXIT
warnings="-Wall -Wextra -Wconversion -pedantic -Werror"

# copied COMPILER STANDARD FLAG...: from another directory than the file's own, since it includes itself.
copied() {
    compiler=$1 standard=$2
    shift 2
    # shellcheck disable=SC2086 # the warnings are words
    $compiler -std="$standard" $warnings "$@" -I"$work/copy" -o "$work/consumer" tests/consumer/consumer.c \
        "$work/copy/teaspoon.c" && "$work/consumer"
}

in_cxx() {
    cc -c -o "$work/copied.o" "$work/copy/teaspoon.c" &&
        "$1" -std=c++17 -I"$work/copy" -o "$work/containers" examples/containers.cpp "$work/copied.o" -lpthread &&
        "$work/containers"
}

# as_cxx COMPILER STANDARD FLAG...: the C file as a C++ compiler takes it, linked to a program in C.
as_cxx() {
    compiler=$1 standard=$2
    shift 2
    # shellcheck disable=SC2086 # the warnings are words
    $compiler -x c++ -std="$standard" $warnings "$@" -c -o "$work/cxx.o" "$work/copy/teaspoon.c" &&
        ${CC:-cc} "$@" -I"$work/copy" -o "$work/consumer" tests/consumer/consumer.c "$work/cxx.o" -lstdc++ &&
        "$work/consumer"
}

one_unit() { # COMPILER...
    # shellcheck disable=SC2086 # the warnings are words
    "$@" $warnings -I"$work/copy" -o "$work/unit" tests/consumer/unit.c && "$work/unit"
}

as_made() {
    for file in teaspoon.c teaspoon.h teaspoon.hpp; do
        cmp "dist/$file" "$work/copy/$file" || { echo "dist/ is not what src/ gives now: make dist" && return 1; }
    done
}

symbols() {
    nm -g --defined-only "$@" | awk 'NF == 3 { print $3 }' | sort
}

objects() {
    for file in src/*.c; do
        cc -Os -Iinclude -c -o "$work/$(basename "$file" .c).o" "$file" || return 1
    done
    cc -Os -c -o "$work/all.o" "$work/copy/teaspoon.c"
}

same_symbols() {
    symbols "$work"/tsp*.o "$work/common.o" "$work/misuse.o" > "$work/parts"
    symbols "$work/all.o" > "$work/whole"
    diff "$work/parts" "$work/whole"
}

# text FILE...: the sum of their code and constants
text() {
    size "$@" | awk 'NR > 1 { sum += $1 } END { print sum }'
}

# one_family NAME DEFINE...: the defines leave the others out
one_family() {
    family=$1
    shift
    cc -Os "$@" -c -o "$work/one.o" "$work/copy/teaspoon.c" || return 1
    apart=$(text "$work/$family.o" "$work/common.o" "$work/misuse.o")
    together=$(text "$work/one.o")
    echo "$apart bytes of text apart, $together together"
    [ $((together * 100)) -le $((apart * 101)) ]
}

if ! python3 scripts/amalgamate.py "$work/copy"; then
    check "amalgamate.py" false
    verdict
    exit
fi
check "dist/ is what src/ gives" as_made
for compiler in gcc clang; do
    if have $compiler; then
        check "$compiler -O1, C99" copied $compiler c99 -O1
        check "$compiler, C11" copied $compiler c11
        check "$compiler, one translation unit" one_unit $compiler -std=c99
        check "$compiler, TSP_DEBUG=7" copied $compiler c99 -DTSP_DEBUG=7
    else
        skip "$compiler" "not installed"
    fi
done
for compiler in g++ clang++; do
    if ! have $compiler; then
        skip "$compiler" "not installed"
        continue
    fi
    check "$compiler, C++17" in_cxx $compiler
    check "$compiler compiles teaspoon.c, C++11" as_cxx $compiler c++11
    check "$compiler compiles teaspoon.c, C++20, TSP_DEBUG=7" as_cxx $compiler c++20 -DTSP_DEBUG=7
    check "$compiler, one translation unit" one_unit $compiler -x c++ -std=c++11
done
check "objects" objects
check "the same symbols" same_symbols
check "tsp4k alone is no larger" one_family tsp4k -DTSP_NO_128K -DTSP_NO_16M
check "tsp128k alone is no larger" one_family tsp128k -DTSP_NO_4K -DTSP_NO_16M
check "tsp16m alone is no larger" one_family tsp16m -DTSP_NO_4K -DTSP_NO_128K
verdict
