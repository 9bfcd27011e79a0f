#!/bin/sh
# Builds adapters/malloc.c as a shared library and as an archive, tests what it promises of each function, and runs real
# programs over it: their output must be what it is over libc's malloc; then in ever smaller heaps, where they must
# either do that or fail in their own way, told by us that memory is out. Prints the smallest heap that would do.
#
#     sh tests/malloc/run.sh [BUILD_DIR [NAME...]]
#
# NAME is a program, `functions`, `surroundings` or `sizes`. TSP_STEP is how near, in percent, the smallest heap is found (5; 0.1
# takes twice as long). Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause
tests=$(cd "$(dirname "$0")" && pwd)
cd "$tests/../.." || exit 1
. scripts/suites.sh
build=${1:-build/malloc}
[ $# -eq 0 ] || shift
only=" $* "
CC=${CC:-cc}
CXX=${CXX:-c++}
LC_ALL=C
export LC_ALL
unset LD_PRELOAD TEASPOON_HEAP TEASPOON_USAGE
mkdir -p "$build" && build=$(cd "$build" && pwd) || exit 2
rm -rf "${build:?}"/*
so=$build/libteaspoon-malloc.so
archive=$build/libteaspoon-malloc.a

# -- The functions ----------------------------------------------------------------------------------------------------

flags="-O1 -g ${TSP_WARNINGS--Wall -Wextra -Wconversion -pedantic -Werror} -Iinclude"

# shellcheck disable=SC2086 # the flags are words
libraries() {
    $CC -std=c99 $flags -O2 -fPIC -c -o "$build/malloc.o" adapters/malloc.c &&
        $CC -shared -o "$so" "$build/malloc.o" -lpthread && ar rcs "$archive" "$build/malloc.o"
}

# Nothing but the malloc family can be seen from outside.
exports() {
    nm -D --defined-only "$so" | sed 's/.* //' | sort > "$build/exports"
    { echo aligned_alloc calloc free free_aligned_sized free_sized malloc malloc_trim malloc_usable_size memalign \
        posix_memalign pvalloc realloc reallocarray valloc
    echo __libc_calloc __libc_free __libc_mallinfo __libc_malloc __libc_mallopt __libc_memalign __libc_pvalloc \
        __libc_realloc __libc_valloc cfree mallinfo mallinfo2 malloc_info malloc_stats mallopt; } | tr ' ' '\n' |
        sort | cmp - "$build/exports"
}

# calls NAME COMPILER_AND_FLAGS...: the functions, in a program linked like that (-fno-builtin: no call is left out).
# shellcheck disable=SC2086
calls() {
    name=$1
    shift
    "$@" -std=c11 $flags -fno-builtin -o "$build/calls-$name" tests/malloc/calls.c src/common.c src/tsp16m.c -lpthread ||
        return
    heap=linked large=linked
    case $name in *preloaded) heap=16M large=256M ;; esac
    TEASPOON_HEAP=16M in_heap "$build/calls-$name" || return
    # Far beyond 16 MiB, every byte of it.
    [ "$name" = linked ] || TEASPOON_HEAP=256M heap=$large in_heap "$build/calls-$name" exhaustion_is_said_once
}

# doors NAME COMPILER_AND_FLAGS...: what surrounds the functions, likewise.
# shellcheck disable=SC2086
doors() {
    name=$1
    shift
    "$@" -std=c11 $flags -fno-builtin -o "$build/doors-$name" tests/malloc/doors.c src/common.c -lpthread || return
    heap=linked
    case $name in *preloaded) heap=16M ;; esac
    TEASPOON_HEAP=16M in_heap "$build/doors-$name"
}

# musl TEST: the same with the library for musl.
# shellcheck disable=SC2086
musl() {
    [ -f "$build/musl.so" ] || {
        musl-gcc -std=c99 $flags -O2 -fPIC -c -o "$build/musl.o" adapters/malloc.c &&
            musl-gcc -shared -o "$build/musl.so" "$build/musl.o"
    } || return
    $1 musl-linked musl-gcc -Wl,-u,malloc "$build/musl.o" && $1 musl-static musl-gcc -static "$build/musl.o" &&
        so=$build/musl.so $1 musl-preloaded musl-gcc
}

# says STATUS TEXT COMMAND...: it ends with that status, and all it says on stderr is one line, which matches TEXT.
says() {
    want=$1 text=$2
    shift 2
    "$@" > "$build/said" 2> "$build/said.err"
    got=$?
    cat "$build/said.err"
    [ $got = "$want" ] && [ "$(grep -c '' "$build/said.err")" = 1 ] &&
        grep -qE "^teaspoon\[[0-9]+\]: $text\$" "$build/said.err"
}

bad_sizes() {
    for heap in 8Q "" 0 0M -1 8MB "8 M" " 8M" M 1e6 0x100 33G 99999999999999999999 99999999999999999999G; do
        says 2 "TEASPOON_HEAP=$heap is not the size of a heap: .*" in_heap "$build/tiny" || return
    done
}

# That ends the program at once, whatever it has registered for its end.
at_once() {
    cat > "$build/hasty.c" << 'END'
#include <stdlib.h>
#include <unistd.h>
static void end(void) { _exit(3); }
__attribute__((constructor(101))) static void begin(void) { atexit(end); }
int main(void) { return 0; }
END
    $CC -o "$build/hasty" "$build/hasty.c" -u malloc "$archive" -lpthread || return
    heap=linked
    in_heap "$build/hasty"
    [ $? = 3 ] && TEASPOON_HEAP=8Q says 2 "TEASPOON_HEAP=8Q is not .*" in_heap "$build/hasty"
}

good_sizes() {
    for heap in 100000 64K 64k 1m 32M 2G 32G; do
        in_heap "$build/tiny" > "$build/said" 2>&1 || return
        [ ! -s "$build/said" ] || return
    done
    LD_PRELOAD=$so "$build/tiny"
}

usage() {
    heap=1M
    TEASPOON_USAGE=1 says 0 'heap of 1,048,576 bytes: [0-9,]+ used by [0-9]+ objects, [0-9,]+ at most; 0 requests failed' \
        in_heap "$build/tiny" || return
    # A program that closes stderr before us (GNU's do, in atexit) is no obstacle; one that never had it has no line.
    TEASPOON_USAGE=1 says 0 'heap of .*' in_heap "$build/tiny" close || return
    TEASPOON_USAGE=1 in_heap "$build/tiny" 2>&- || return
    TEASPOON_USAGE=0 in_heap "$build/tiny" 2> "$build/said" && [ ! -s "$build/said" ]
}

# Where only libc calls malloc, the archive is taken for -u.
unmissed() {
    printf '%s\n' '#include <stdio.h>' 'int main(void) { return puts("said") < 0; }' > "$build/unmissed.c"
    $CC -o "$build/unmissed" "$build/unmissed.c" -u malloc "$archive" -lpthread || return
    TEASPOON_HEAP=1M TEASPOON_USAGE=1 heap=linked says 0 'heap of 1,048,576 bytes: .*' in_heap "$build/unmissed"
}

# -- Real programs ----------------------------------------------------------------------------------------------------

# in_heap COMMAND...: over libc's malloc, linked with ours, or over ours preloaded in a heap of the size $heap.
in_heap() {
    case $heap in
    libc | linked) timeout 300 "$@" ;;
    *) timeout 300 env LD_PRELOAD="$so" TEASPOON_HEAP="$heap" "$@" ;;
    esac
}

# run SIZE: what $name does in such a heap. 0: as over libc's malloc. 1: it failed in its own way, and we said why.
run() {
    heap=$1
    (cd "$build" && heap=$heap so=$so sh -eu "$tests/programs.sh" "$name") > "$build/$name.out" 2> "$build/$name.err"
    status=$?
    [ "$heap" != libc ] || return $status
    grep -v '^teaspoon\[[0-9]*\]: no room for ' "$build/$name.err" > "$build/$name.words"
    if [ $status = 0 ] && cmp -s "$build/$name.out" "$build/$name.libc" &&
        cmp -s "$build/$name.words" "$build/$name.libc.err"; then return 0; fi
    case $status$(grep '^teaspoon' "$build/$name.words") in
    124 | 13[0-35-9] | 14? | *teaspoon*) ;; # it hangs, dies from another signal than abort()'s, or we reported more
    *) cmp -s "$build/$name.err" "$build/$name.words" || return 1 ;;
    esac
    echo "in a heap of $heap: exit status $status"
    tail -n 5 "$build/$name.err"
    return 2
}

# smallest: in the largest heap, then by halving the ratio of what works and what does not. Sizes in KiB. (Not below 4:
# there the words of dash for "out of memory" find none themselves, for ever, and glibc's getpwuid crashes.)
smallest() {
    run libc || return
    mv "$build/$name.out" "$build/$name.libc"
    mv "$build/$name.err" "$build/$name.libc.err"
    [ -s "$build/$name.libc" ] || return
    enough=65536 too_small=4
    run ${enough}K || return
    while
        middle=$(awk "BEGIN { m = int(sqrt($enough * $too_small) + 0.5)
            print (m > $too_small && $enough > $too_small * (1 + ${TSP_STEP:-5} / 100)) ? m : 0 }")
        [ "$middle" != 0 ] && [ "$middle" != "$enough" ]
    do
        run "${middle}K"
        case $? in
        0) enough=$middle ;;
        1) too_small=$middle ;;
        *) return 1 ;;
        esac
    done
    echo $enough > "$build/$name.smallest"
}

# program NAME [COMMAND]: checks one, if its command is there.
program() {
    name=$1
    wanted "$name" || return
    if [ -n "${2-$1}" ] && ! have "${2-$1}"; then
        skip "$name" "it is not installed"
        return
    fi
    check "$name" smallest
    [ ! -f "$build/$name.smallest" ] || echo "    smallest heap: $(cat "$build/$name.smallest") KiB"
}

# The same output as over libc's malloc, and how much processor time it takes beside that, in the same run: the least of
# three each, or one if that takes long.
dearer() {
    for _ in 1 2 3; do
        for size in libc 256M; do
            "$build/cpu" "$build/$name.$size.ms" sh -c 'cd "$1" && heap=$2 so=$3 sh -eu "$4" "$5"' - "$build" $size \
                "$so" "$tests/programs.sh" "$name" > "$build/$name.$size.text" || return
        done
        [ -s "$build/$name.libc.text" ] && cmp "$build/$name.libc.text" "$build/$name.256M.text" || return
        [ "$(head -n 1 "$build/$name.libc.ms")" -lt 1000 ] || break
    done
}

# beside_libc NAME [COMMAND]: checks one like that, if its command is there.
beside_libc() {
    name=$1
    wanted "$name" || return
    if ! have "${2-$1}"; then
        skip "$name" "${2-$1} is not installed"
        return
    fi
    rm -f "$build/$name".*.ms
    check "$name beside libc's" dearer
    [ ! -f "$build/$name.256M.ms" ] || sort -n "$build/$name.libc.ms" | sed q | cat - "$build/$name.256M.ms" | awk '
        NR == 1 { libc = $1 } NR == 2 || NR > 2 && $1 < ours { ours = $1 }
        END { printf "    CPU time: %.2f times that of libc'"'"'s malloc (%d ms, %d ms)\n", ours / libc, ours, libc }'
}

# What the programs read, written by nobody: 4,000 lines of text, a directory of 150 files, a larger file.
awk 'BEGIN {
    for (i = x = 1; i <= 4000; i++) {
        line = i
        for (j = x % 12; j >= 0; j--) { x = (x * 16807) % 2147483647; line = line " " sprintf("w%x", x % 1501) }
        print line
    }
}' > "$build/text"
mkdir -p "$build/files/more"
(cd "$build/files" && split -l 27 ../text && cp x* more)
find "$build/files" -exec touch -d 2020-02-02T02:02:02Z {} +

for _ in 1 2 3 4 5 6 7 8; do cat "$build/text"; done > "$build/packed"

# -- All of it --------------------------------------------------------------------------------------------------------

cat > "$build/tiny.c" << 'END'
#include <stdlib.h>
#include <unistd.h>
static void shut(void) { close(2); }
int main(int argc, char **argv) {
    void *volatile p = malloc(1000);
    (void)argv;
    if (argc > 1) atexit(shut);
    free(p);
    return p == NULL;
}
END
if [ "$(uname)" != Linux ]; then
    skip "malloc" "not tried on $(uname)"
    verdict
    exit
fi
libraries && $CC -o "$build/tiny" "$build/tiny.c" || exit 1

# wanted NAME: whether it is among those that are, or all are.
wanted() {
    case $only in *" $1 "* | "  ") ;; *) return 1 ;; esac
}

if wanted functions; then check "functions, preloaded" calls preloaded "$CC"; fi
if wanted surroundings; then check "fork, signals and the rest, preloaded" doors preloaded "$CC"; fi
if [ "$only" = "  " ]; then
    have nm && check "exports" exports
    check "functions, linked" calls linked "$CC" -Wl,-u,malloc "$archive"
    check "fork, signals and the rest, linked" doors linked "$CC" -Wl,-u,malloc "$archive"
    if $CC -static -o "$build/static" "$build/tiny.c" 2> "$build/static.err"; then
        check "functions, linked statically" calls static "$CC" -static -Wl,-u,malloc "$archive"
        check "fork, signals and the rest, linked statically" doors static "$CC" -static -Wl,-u,malloc "$archive"
    else
        skip "functions, linked statically" "there is no libc to link"
    fi
    if have musl-gcc; then
        check "functions, musl" musl calls
        check "fork, signals and the rest, musl" musl doors
    else
        skip "functions, fork, signals and the rest, musl" "there is no musl-gcc"
    fi
fi
if wanted sizes; then
    check "sizes that are none" bad_sizes
    check "sizes that are none end the program at once" at_once
    check "sizes" good_sizes
    check "usage at exit" usage
    check "linked, though only libc calls malloc" unmissed
fi

# shellcheck disable=SC2086 # the flags are words
if wanted threads; then
    $CC -std=c11 $flags -o "$build/threads" tests/malloc/threads.c -lpthread || exit 1
    program threads ""
fi
if ! wanted exceptions; then
    :
elif have "$CXX"; then
    # shellcheck disable=SC2086
    $CXX -std=c++17 $flags -o "$build/exceptions" tests/malloc/exceptions.cpp -lpthread || exit 1
    program exceptions ""
else
    skip "exceptions" "there is no $CXX"
fi
cat > "$build/cpu.c" << 'END'
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) { /* FILE COMMAND...: adds a line with its milliseconds of processor time */
    struct rusage u;
    int status;
    FILE *f = fopen(argv[1], "a");
    if (argc < 3 || f == NULL) return 2;
    if (fork() == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (wait(&status) < 0 || getrusage(RUSAGE_CHILDREN, &u) != 0) return 2;
    fprintf(f, "%ld\n", (long)((u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000));
    return status != 0;
}
END
$CC -o "$build/cpu" "$build/cpu.c" || exit 1
for name in perl ruby node java; do beside_libc $name; done
beside_libc holes lua5.4
beside_libc entities python3
for name in dash bash sed gawk bc jq sqlite3 lua5.4 git tar python3 sort xz zstd; do program $name; done
verdict
