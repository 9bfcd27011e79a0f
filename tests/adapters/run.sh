#!/bin/sh
# Runs every program of examples/adapters against the library it is for, in a heap of either geometry: its output must
# be what it is over libc's malloc; then in ever smaller heaps, where it must either do that or be told in its library's
# own words that memory is out, with nothing lost and the heap sound. Prints the smallest heap that would do. Then what
# `make demo` shows of Lua, and the adapters in C++.
#
#     sh tests/adapters/run.sh [BUILD_DIR [NAME...]]
#
# TSP_SWEEP is how many heap sizes below the smallest are tried, evenly spread (100); 0 tries every one. Ends in
# "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause
cd "$(dirname "$0")/../.." || exit 1
. scripts/suites.sh
build=${1:-build/adapters}
[ $# -eq 0 ] || shift
only=" $* "
CC=${CC:-cc}
strict="-std=c11 -O1 ${TSP_WARNINGS--Wall -Wextra -Wconversion -pedantic -Werror} -Iinclude -Iadapters -DTSP_ANY_LIBRARY" # --wrap
wrap='' packages=''
for family in tsp128k tsp16m; do
    for call in init init_sized once_over; do wrap="$wrap -Wl,--wrap=${family}_$call"; done
done

# run SIZE: 0 works, 1 is out of memory and says so; anything else is wrong.
run() {
    TSP_HEAP=$1 "$program" > "$program.out" 2>&1
    status=$?
    grep -v '^heap: ' "$program.out" > "$program.text"
    case $status in
    0) cmp -s "$program.text" "$program.libc.text" && return 0 ;;
    1) grep -q -e "$words" "$program.text" && return 1 ;;
    esac
    echo "in a heap of $1 bytes (exit $status):"
    tail -n 5 "$program.out"
    return 2
}

# smallest: sets it to the size of the smallest heap that will do, by halving.
smallest() {
    too_small=0
    smallest=$(sed -n 's/^heap: .* of \([0-9]*\) bytes.*/\1/p' "$program.out")
    smallest=$(((smallest / 8 + 512) * 8)) # with the size map
    while [ $((smallest - too_small)) -gt 8 ]; do
        size=$(((smallest + too_small) / 16 * 8))
        run $size
        case $? in
        0) smallest=$size ;;
        1) too_small=$size ;;
        *) return 1 ;;
        esac
    done
}

# sweep: every heap size from 0 to the smallest, or TSP_SWEEP of them and each of the last 32.
sweep() {
    step=8
    [ "${TSP_SWEEP:-100}" = 0 ] || step=$(((smallest / ${TSP_SWEEP:-100} / 8 + 1) * 8))
    size=0
    while [ $size -le "$smallest" ]; do
        run $size
        [ $? -lt 2 ] || return 1
        [ $size -lt $((smallest - 256)) ] || step=8
        size=$((size + step))
    done
}

# adapter: what is checked of one example in one family.
# shellcheck disable=SC2046,SC2086 # the flags are words
adapter() {
    upper=$(echo $family | tr a-z A-Z)
    sed "s/tsp[0-9]*[km]/$family/g; s/TSP[0-9]*[KM]/$upper/g" examples/adapters/$name.c > "$program.c"
    $CC $strict $(pkg-config --cflags $package) -c -o "$program.o" "$program.c" || return 1
    $CC -o "$program.libc" "$program.o" "$build/libc.o" $(pkg-config --libs $package) || return 1
    $CC $wrap -o "$program" "$program.o" "$build/judge.o" "$build"/lib/*.o $(pkg-config --libs $package) -lpthread ||
        return 1
    "$program.libc" > "$program.libc.out" || return 1
    grep -v '^heap: ' "$program.libc.out" > "$program.libc.text"
    grep -q . "$program.libc.text" && run 999999999 && smallest && sweep || return 1
    [ $smallest -gt 8 ] || { echo "it needs no heap: the judge does not see it made"; return 1; }
    echo "$smallest" > "$program.smallest"
}

# example NAME PACKAGE WORDS: PACKAGE is what pkg-config calls it, WORDS what it says when memory is out.
example() {
    name=$1 package=$2 words=$3
    packages="$packages $2"
    case $only in *" $name "* | "  ") ;; *) return ;; esac
    if ! pkg-config --exists "$package"; then
        skip "$name" "$package is not installed"
        return
    fi
    for family in tsp128k tsp16m; do
        program=$build/$name-$family
        rm -f "$program" "$program".*
        check "$name, $family" adapter
        [ ! -f "$program.smallest" ] || echo "    smallest heap: $(cat "$program.smallest") bytes"
    done
}

# kitchen: what `make demo` shows of Lua: the script with two pictures of its heap, and the same without in sized heaps
# from 32 KiB down, until Lua says that memory is out and has given back all it had.
# shellcheck disable=SC2046,SC2086
kitchen() {
    program=$build/kitchen
    $CC $strict -Itool $(pkg-config --cflags lua5.4) -o "$program" examples/adapters/lua_kitchen.c tool/picture.c \
        tool/family.c tool/say.c "$build"/lib/*.o $(pkg-config --libs lua5.4) -lpthread || return 1
    "$program" examples/adapters/kitchen.lua > "$program.out" || return 1
    [ "$(grep -c '^  [0-9]* objects in .* size map' "$program.out")" = 2 ] || return 1
    grep -E '^(40 readings|oven|fridge|kettle|cellar)[ ,]' "$program.out" > "$program.text"
    [ "$(grep -c . "$program.text")" = 5 ] || return 1
    size=32768 worked=0
    while [ $size -gt 0 ]; do
        if "$program" examples/adapters/kitchen.lua $size > "$program.sized" 2> "$program.err"; then
            worked=$((worked + 1))
            grep -v -e '^heap: ' -e '^$' "$program.sized" | cmp - "$program.text" || return 1
        else
            [ ! -s "$program.err" ] || grep -q "not enough memory" "$program.err" || return 1
        fi
        grep -q "^heap: .*, 0 now$" "$program.sized" || return 1
        size=$((size - 128))
    done
    [ $worked -gt 0 ]
}

# contracts: what the examples and their libraries do not try.
# shellcheck disable=SC2046,SC2086
contracts() {
    $CC $strict -o "$build/contracts" tests/adapters/contracts.c "$build"/lib/*.o \
        $(pkg-config --libs gmp 2> "$build/none") && "$build/contracts"
}

cxx() { # COMPILER
    # shellcheck disable=SC2046,SC2086
    $1 -std=c++17 ${strict#* } $(for package in $packages; do pkg-config --cflags "$package" 2> "$build/none"; done) \
        -c -o "$build/headers.o" tests/adapters/headers.cpp
}

have pkg-config || { skip "adapters" "pkg-config is not installed"; verdict; exit; }
mkdir -p "$build/lib"
for source in src/*.c; do $CC -O2 -Iinclude -c -o "$build/lib/$(basename "$source" .c).o" "$source" || exit 1; done
# shellcheck disable=SC2086 # the flags are words
for object in libc judge; do $CC $strict -c -o "$build/$object.o" tests/adapters/$object.c || exit 1; done

example lua lua5.4 "not enough memory"
example sqlite sqlite3 "error 7: out of memory"
example gmp gmp "no memory for [0-9]* bytes"
example zlib zlib "error -4: insufficient memory"
example cjson libcjson "NULL: no memory"
example expat expat "error 1: out of memory"
example jansson jansson "NULL: no memory"
example libxml2 libxml-2.0 "requests found no memory"
example duktape duktape "alloc failed"
example mujs mujs "out of memory\|cannot allocate regular expression"
example freetype freetype2 "error 64: out of memory"
example pcre2 libpcre2-8 "result -48: no more memory\|result 121: failed to allocate heap memory"
example curl libcurl "error [0-9]*: out of memory"
example libuv libuv "error: not enough memory"
example png libpng "no picture"
example protobuf_c libprotobuf-c "NULL: no memory"
example yajl yajl "no memory for [0-9]* bytes"
case $only in *" contracts "* | "  ") check "contracts" contracts ;; esac
if [ "$only" = "  " ]; then
    if pkg-config --exists lua5.4; then check "lua, what make demo shows" kitchen; fi
    for compiler in g++ clang++; do
        if have $compiler; then check "the adapters in C++, $compiler" cxx $compiler; fi
    done
fi
verdict
