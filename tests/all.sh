#!/bin/sh
# Compiles the library and the behaviour tests, for every family, and runs them.
#
#     sh tests/all.sh [BUILD_DIR [CC [CFLAGS]]]      for instance: sh tests/all.sh build/m32 clang "-O1 -m32"
#
# One line per program: source-family-variant, cases passed and failed, seconds with compiling. What failed is shown below
# them; everything that was printed stays in BUILD_DIR/*.out. The last line is "N passed, N failed".
# SPDX-License-Identifier: BSD-3-Clause
set -u
tests=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$tests")
build=${1:-$root/build/tests}
CC=${2:-cc}
CFLAGS=${3--O1 -g}
strict="-Wall -Wextra -Wconversion -pedantic -I$root/include"

# The library's variants: a lock policy; r4 for sizes that are not rounded to 8, and index for an index of several chunks,
# levels and mixed bins in the smallest heaps, these two with small objects and large ones in small heaps; and low, r4low
# and indexlow, in which no object is large, for tests that draw their layouts from the low end; c0 and c0index trust
# their caller, and so there is no misuse and no damage; os is compiled for size, which goes other ways to the same results.
index="-DTSP_INDEX_FROM=1 -DTSP_CHUNK=4 -DTSP_FAN=2 -DTSP_EXACT_BITS=1"
innocent="-DMOST_MISUSED=0 -DMOST_FLIPPED=0"
flags() {
    case $1 in
    r4low) echo "-DTSP_LOCK=1 -DTSP_ROUND=4 -DTSP_LARGE=1" ;;
    indexlow) echo "-DTSP_LOCK=1 $index -DTSP_LARGE=1" ;;
    index) echo "-DTSP_LOCK=1 $index -DTSP_LARGE=3" ;;
    low) echo "-DTSP_LOCK=1 -DTSP_LARGE=1" ;;
    m16) echo "-DTSP_LOCK=1 -DTSP_MALLOC_ALIGN=16 -DTSP_LARGE=1" ;;
    r4) echo "-DTSP_LOCK=1 -DTSP_ROUND=4 -DTSP_LARGE=3" ;;
    c0) echo "-DTSP_LOCK=1 -DTSP_CHECK=0 $innocent" ;;
    c0index) echo "-DTSP_LOCK=1 -DTSP_CHECK=0 $index -DTSP_LARGE=3 $innocent" ;;
    os) echo "-DTSP_LOCK=1 -Os -DTSP_LARGE=3" ;;
    *) echo "-DTSP_LOCK=$1" ;;
    esac
}

# The objects of a variant, in a folder of their own.
# shellcheck disable=SC2046 # flags are words
library() {
    mkdir -p "$build/lib$1" && cd "$build/lib$1" && rm -f ./*.o &&
        $CC -std=c99 $strict $CFLAGS $(flags "$1") -c "$root"/src/*.c
}

# program SOURCE FAMILY VARIANT: compiles one test and runs it.
# shellcheck disable=SC2046
program() {
    rm -f "$build/$name"
    case $1 in
    examples) python3 "$tests/examples.py" "$build/examples" "$CC" "$CFLAGS" ;;
    cxx | containers)
        case $CC in
        *clang*) cxx="clang++${CC##*clang}" ;;
        *gcc*) cxx="${CC%gcc*}g++${CC##*gcc}" ;;
        *) cxx=c++ ;;
        esac
        case $1$2 in # what differs from family to family is a few lines; what differs from C++ to C++ is the library
        cxx*) std="-std=c++11" ;;
        *128k) std="-std=c++17 -fno-exceptions -fno-rtti" ;;
        *16m) std="-std=c++20" ;;
        *) std="-std=c++17" ;;
        esac
        $cxx $std $strict $CFLAGS -DTSP_V="$2" -o "$build/$name" "$tests/$1.cpp" "$build/lib$3"/*.o -lpthread &&
            "$build/$name"
        ;;
    *)
        $CC -std=c11 $strict $CFLAGS -DTSP_V="$2" $(flags "$3") -o "$build/$name" "$tests/$1.c" \
            "$build/lib$3"/*.o -lpthread && ${TSP_RUN:-} "$build/$name" # for instance TSP_RUN=qemu-ppc
        ;;
    esac
}

# One line about one test. A program that does not end with its own count counts as one failure.
report() {
    name=$1-$2-$3
    start=$(date +%s.%N)
    program "$@" >"$build/$name.out" 2>&1
    status=$?
    last=$(tail -n 1 "$build/$name.out")
    case $status:$last in
    0:*" passed, 0 failed" | [1-9]*:*" passed, "[1-9]*" failed") ;;
    *) last="0 passed, 1 failed" ;;
    esac
    echo "$name $start $(date +%s.%N) $last" |
        awk '{ printf "%-20s %3d passed, %d failed %6.1f s\n", $1, $4, $6, $3 - $2 }'
}

if [ $# -ge 4 ]; then # this script calls itself, with a fourth argument: the one test to run
    # shellcheck disable=SC2086
    report $4
    exit 0
fi

mkdir -p "$build" && build=$(cd "$build" && pwd) || exit 2
rm -f "$build"/*.out
for variant in 0 1 2 low m16 r4 r4low index indexlow c0 c0index os; do
    (library $variant) >"$build/lib$variant.out" 2>&1 || {
        cat "$build/lib$variant.out"
        echo "0 passed, 1 failed"
        exit 1
    }
done
cat "$build/lib1.out"
{
    for family in tsp4k tsp128k tsp16m; do
        for test in explore model arithmetic failures threads attach extend; do echo "$test $family 1"; done
        for test in museum misuse limits crate many; do echo "$test $family low"; done
        echo "threads $family 2"
        echo "containers $family 1"
    done
    for test in explore model failures attach extend; do
        echo "$test tsp4k r4"
        for family in tsp128k tsp16m; do echo "$test $family index"; done
    done
    for test in museum misuse; do
        echo "$test tsp4k r4low"
        for family in tsp128k tsp16m; do echo "$test $family indexlow"; done
    done
    for test in limits model; do echo "$test tsp4k m16"; done # what V_malloc aligns to, and realloc keeps
    for test in model explore; do
        for variant in c0 os; do echo "$test tsp4k $variant"; done
        for family in tsp128k tsp16m; do echo "$test $family c0index"; done
    done
    echo "model tsp4k 0"
    echo "abort tsp4k 1"
    echo "cxx tsp4k 1"
    echo "examples - 1"
} | grep -e "${TSP_TEST_ONLY:-.}" | # for instance TSP_TEST_ONLY=threads
    xargs -P 2 -I {} sh "$0" "$build" "$CC" "$CFLAGS" "{}" | tee "$build/summary"

for name in $(awk '$4 != 0 || $2 == 0 { print $1 }' "$build/summary"); do
    echo "--- $name"
    grep -e ":[0-9]*:" -e "^FAILED" -e "check" -e "ERROR" "$build/$name.out" | head -n 30
    tail -n 3 "$build/$name.out"
done
awk '{ passed += $2; failed += $4 }
    END { print passed + 0 " passed, " failed + 0 " failed"; exit failed || !passed }' "$build/summary"
