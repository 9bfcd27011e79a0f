#!/bin/sh
# The behaviour tests on machines unlike the one at hand: AVR, whose size_t has 16 bits, in a simulator (tests/avr);
# 32-bit PowerPC and 64-bit s390x, which are big-endian, under QEMU.
#     sh proof/machines.sh [DIR]     DIR, by default build/machines, is for what it makes
# Ends in one line with the figures. What it needs is in Debian (clang compiles, since its cross gcc and gcc-multilib
# exclude each other):
#     gcc-avr avr-libc libsimavr-dev clang qemu-user binutils-powerpc-linux-gnu binutils-s390x-linux-gnu
#     libc6-dev-powerpc-cross libgcc-12-dev-powerpc-cross libc6-dev-s390x-cross libgcc-12-dev-s390x-cross
# SPDX-License-Identifier: BSD-3-Clause
set -u
cd "$(dirname "$0")/.." || exit 1
out=${1:-build/machines}
mkdir -p "$out"
told=
bad=0

# can MACHINE COMMAND...: whether this works here; if not, the machine is skipped.
can() {
    machine=$1
    shift
    "$@" > "$out/can.out" 2>&1 && return
    echo "$machine: skipped, since this does not work here: $*"
    told="$told $machine skipped;"
    return 1
}

# tell MACHINE SUITE...: runs a suite that ends in "N passed, N failed".
tell() {
    machine=$1
    shift
    "$@" 2>&1 | tee "$out/suite.out"
    sum=$(tail -n 1 "$out/suite.out")
    told="$told $machine $sum;"
    case $sum in [1-9]*" passed, 0 failed") ;; *) bad=1 ;; esac
}

# -- 16 bits ---------------------------------------------------------------------------------------------------------

# avr FAMILY TEST WORD [FLAGS] [LIBRARY]: those cases of a test whose names contain the word.
avr() {
    name=$2-$1${3:+-$3}${5:+-$5}
    # shellcheck disable=SC2086 # none, or some
    avr-gcc -mmcu=atmega2560 -Os -std=c11 -w -Iinclude -include tests/avr/board.h -DTSP_V="$1" -DTEST_SECONDS=0 \
        -DTEST_WORD="\"$3\"" ${4:-} -o "$out/$name.elf" "tests/$2.c" tests/avr/board.c "$out/${5:-avr}"/*.o \
        -Wl,--gc-sections,--defsym=__DATA_REGION_LENGTH__=0xfe00,--defsym=__stack=0x80ffff > "$out/$name.out" 2>&1 &&
        "$out/simulator" "$out/$name.elf" > "$out/$name.out" 2>&1
    status=$?
    sum=$(grep -E '^[1-9][0-9]* passed, [0-9]+ failed$' "$out/$name.out")
    case $status:$sum in 0:*" 0 failed" | [1-9]*:*" "[1-9]*" failed") ;; *) sum="0 passed, 1 failed" ;; esac
    echo "$name $sum$(sed -n 's/^simulator: /, /p' "$out/$name.out")"
    case $sum in *" 0 failed") ;; *) tail -n 20 "$out/$name.out" ;; esac
}

avr_suite() {
    mkdir -p "$out/avr" "$out/low" "$out/index"
    index="-DTSP_INDEX_FROM=1 -DTSP_CHUNK=4 -DTSP_FAN=2 -DTSP_EXACT_BITS=1 -DTSP_LARGE=3"
    for source in src/*.c; do # and once more with no object large, for tests that draw their layouts from the low end
        compile="avr-gcc -mmcu=atmega2560 -Os -std=c99 -Wall -Wextra -DTSP_FREESTANDING -Iinclude -c $source"
        $compile -o "$out/avr/$(basename "$source" .c).o"
        $compile -o "$out/low/$(basename "$source" .c).o" -DTSP_LARGE=1
        # shellcheck disable=SC2086 # and with an index, which otherwise only heaps have that are larger than this memory
        $compile -o "$out/index/$(basename "$source" .c).o" $index
    done
    for family in tsp4k tsp16m; do
        avr $family arithmetic ""
        avr $family failures ""
        avr $family crate "" "" low
        avr $family model every_tiny
    done | tee "$out/avr.sums"
    for family in tsp128k tsp16m; do avr $family model every_tiny "$index" index; done | tee -a "$out/avr.sums"
    { # all states of heaps as large as the simulator can go through in a minute
        avr tsp4k explore "" "-DMOST=3 -DMOST_MISUSED=3 -DMOST_FLIPPED=3"
        avr tsp16m explore "" "-DMOST=2 -DMOST_MISUSED=2 -DMOST_FLIPPED=2"
    } | tee -a "$out/avr.sums"
    awk '$3 == "passed," { passed += $2; failed += $4 } END { print passed + 0 " passed, " failed + 0 " failed" }' \
        "$out/avr.sums"
}

if can "AVR (16-bit size_t)" avr-gcc -mmcu=atmega2560 --version &&
    can "AVR (16-bit size_t)" "${CC:-cc}" -O2 -o "$out/simulator" tests/avr/simulator.c -lsimavr; then
    tell "AVR (16-bit size_t)" avr_suite
fi

# -- Big-endian ------------------------------------------------------------------------------------------------------

# cross MACHINE QEMU COMPILER: the tests of an allocator for one thread. (tsp128k is tsp4k, but for its index.)
cross() {
    echo 'int main(void) { return 0; }' > "$out/can.c"
    # shellcheck disable=SC2086 # the compiler's flags are words
    can "$1" $3 -o "$out/can" "$out/can.c" && can "$1" "$2" "$out/can" &&
        tell "$1" env TSP_RUN="$2" TSP_TEST_ONLY='^\(m\|exp\|ari\|fai\|lim\|cra\).* tsp\(4k\|16m\) ' \
            sh tests/all.sh "$out/$2" "$3" "-O1 -DTEST_SECONDS=1000"
}

cross "PowerPC (32 bits, big-endian)" qemu-ppc "clang --target=powerpc-linux-gnu -B/usr/powerpc-linux-gnu/lib -static"
cross "s390x (64 bits, big-endian)" qemu-s390x "clang --target=s390x-linux-gnu -static"

echo "machines:${told%;}"
exit $bad
