#!/bin/sh
# The debugging aids: what they notice by themselves, and what AddressSanitizer, Valgrind and heaptrack notice thanks to
# them. Usage: sh tests/debug/run.sh [BUILD_DIR]. Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause
cd "$(dirname "$0")/../.." || exit 1
. scripts/suites.sh
build=${1:-build/debug}
CC=${CC:-cc}
strict="-g -O1 -Wall -Wextra -Wconversion -pedantic -Werror -Iinclude"
mkdir -p "$build"

# make DEBUG FLAGS: the library with these aids, and crime.c over it.
# shellcheck disable=SC2086 # the flags are words
make() {
    flags="-DTSP_DEBUG=$1 $2"
    rm -rf "${build:?}/lib" && mkdir -p "$build/lib" || return 1
    for source in tsp4k tsp16m common misuse; do # either geometry
        $CC -std=c99 $strict $flags -c -o "$build/lib/$source.o" src/$source.c &
    done
    wait
    $CC -std=c11 $strict $flags -o "$build/crime" tests/debug/crime.c "$build"/lib/*.o -lpthread
}

# behaves DEBUG FLAGS COMMAND...: debug.c in either geometry, under a command.
# shellcheck disable=SC2086
behaves() {
    make "$1" "$2" || return 1
    shift 2
    for family in tsp4k tsp16m; do
        $CC -std=c11 $strict $flags -DTSP_V=$family -o "$build/debug" tests/debug/debug.c "$build"/lib/*.o -lpthread &&
            "$@" "$build/debug" || return 1
    done
}

# finds CRIME WORDS COMMAND...: an innocent program ends well; this crime is reported in these words, and ends badly.
finds() {
    crime=$1 words=$2
    shift 2
    "$@" "$build/crime" > "$build/out" 2>&1 || { cat "$build/out"; return 1; }
    ! "$@" "$build/crime" "$crime" > "$build/out" 2>&1 && grep -q -e "$words" "$build/out" && return
    cat "$build/out"
    return 1
}

# Each aid alone, and some together.
for debug in 1 2 7; do check "TSP_DEBUG=$debug" behaves $debug ""; done
check "an overflow, at free" finds overflow "were written to" env
check "an underflow, at free" finds underflow "were written to" env

# shellcheck disable=SC2086 # the flags are words
leaks() { # an example knows where its objects came from
    $CC -std=c11 $strict -DTSP_DEBUG=4 -o "$build/leaks" examples/leaks.c src/*.c && "$build/leaks" > "$build/out" &&
        grep -q "from examples/leaks.c:[0-9]*$" "$build/out"
}
check "examples/leaks.c with sites" leaks

cxx() { # COMPILER: the containers of teaspoon.hpp, their objects guarded
    make 7 "" || return 1
    for family in tsp4k tsp16m; do
        # shellcheck disable=SC2086
        $1 -std=c++17 $strict $flags -DTSP_V=$family -o "$build/containers" tests/containers.cpp "$build"/lib/*.o \
            -lpthread && "$build/containers" || return 1
    done
}
if have c++; then check "TSP_DEBUG=7, containers in C++" cxx c++; else skip "TSP_DEBUG in C++" "there is no c++"; fi

asan="-fsanitize=address,undefined -fno-sanitize-recover=all"
echo 'int main(void) { return 0; }' > "$build/works.c"
# shellcheck disable=SC2086
if $CC $asan -o "$build/works" "$build/works.c" 2> /dev/null; then
    for debug in 8 15; do
        check "TSP_DEBUG=$debug, AddressSanitizer" behaves $debug "$asan"
        for crime in overflow underflow stale hole; do # unknown: what is rounded up, before the next object's 8 bytes
            check "AddressSanitizer finds: $crime" finds $crime "AddressSanitizer: \(use-after-poison\|unknown-crash\)" env
        done
    done
else
    skip "AddressSanitizer" "$CC has none here"
fi

if have valgrind && echo '#include <valgrind/memcheck.h>' | $CC -E - > "$build/works" 2> /dev/null; then
    check "TSP_DEBUG=23, Valgrind" behaves 23 "" valgrind -q --error-exitcode=9
    for crime in overflow underflow stale hole; do
        check "Valgrind finds: $crime" finds $crime "Invalid write" valgrind -q --error-exitcode=9
    done
    check "Valgrind finds: undefined" finds undefined "uninitialised" valgrind -q --error-exitcode=9
else
    skip "Valgrind" "valgrind is not installed"
fi

# heaptrack sees pools in shared libraries, as its header says.
# shellcheck disable=SC2086
tracked() {
    $CC -std=c99 $strict -DTSP_DEBUG=32 -shared -fPIC -o "$build/libtracked.so" src/*.c || return 1
    $CC -std=c11 $strict -DTSP_DEBUG=32 -o "$build/tracked" tests/debug/crime.c "$build/libtracked.so" \
        -Wl,-rpath,"$PWD/$build" || return 1
    rm -f "$build"/heaptrack.* && heaptrack -o "$build/heaptrack" "$build/tracked" leak > "$build/out" 2>&1 &&
        heaptrack_print "$build"/heaptrack.* > "$build/out" 2>&1 && grep -q "at tests/debug/crime.c" "$build/out" &&
        grep -q "total memory leaked: 140B" "$build/out" && return
    tail -n 40 "$build/out"
    return 1
}
if have heaptrack && [ -f /usr/include/heaptrack_api.h ]; then
    check "heaptrack sees objects and leaks" tracked
else
    skip "heaptrack" "heaptrack is not installed"
fi
verdict
