#!/bin/sh
# What a firmware developer gets without reading: an interrupt handler shares a heap with what it interrupts, in the
# default configuration, for 10,000 periods of a timer, on Cortex-M0, M3, M4 and M7, RV32 and AVR in emulators; and
# configurations that do not exist or do not match are refused when compiled or linked, in so many words.
# Ends in "N passed, N failed".
#
#     sh tests/chips/run.sh [BUILD_DIR]
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2086 # the flags are words
cd "$(dirname "$0")/../.." || exit 1
. scripts/suites.sh
build=${1:-build/chips}
mkdir -p "$build"
options="-std=c11 -Os -ffunction-sections -fdata-sections -Wl,--gc-sections -Wall -Wextra -Iinclude -DPERIODS=10000"

# board NAME: sets gcc, source and emulator. MCUs' clocks are as slow as they come, so that a period is some hundreds to
# thousands of instructions.
board() {
    case $1 in
    m0) cpu=cortex-m0 machine="microbit -icount shift=6" ;;
    m3) cpu=cortex-m3 machine="mps2-an385 -icount shift=6" ;;
    m4) cpu=cortex-m4 machine="mps2-an386 -icount shift=6" ;;
    m7) cpu=cortex-m7 machine="mps2-an500 -icount shift=6" ;;
    esac
    case $1 in
    m*)
        gcc="arm-none-eabi-gcc -mcpu=$cpu -mthumb --specs=nano.specs -nostartfiles -Ttests/newlib/board.ld"
        source=tests/chips/cortex-m.c
        emulator="qemu-system-arm -M $machine -display none -semihosting-config enable=on,target=native -kernel"
        ;;
    rv32)
        gcc="riscv64-unknown-elf-gcc -march=rv32imc_zicsr -mabi=ilp32 -ffreestanding -nostdlib -Itests/size/include
            -Ttests/chips/riscv.ld tests/chips/memory.c"
        source=tests/chips/riscv.c
        emulator="qemu-system-riscv32 -M virt -icount shift=6 -bios none -display none -kernel"
        ;;
    avr)
        gcc="avr-gcc -mmcu=atmega2560"
        source=tests/chips/avr.c
        emulator=$build/simulator
        ;;
    esac
}

# linked FAMILY [FLAG...]: the program for the board that is set.
linked() {
    family=$1
    shift
    $gcc $options -DTSP_V=$family "$@" -o "$build/interrupts" tests/chips/interrupts.c $source src/$family.c -lgcc
}

emulate() {
    timeout 100 $emulator "$build/interrupts" < /dev/null
}

passes() {
    linked "$@" && emulate
}

fails() { # so that the program is known to notice
    linked "$@" && ! emulate
}

for board in m0 m3 m4 m7 rv32 avr; do
    board $board
    [ $board != avr ] || ! have avr-gcc ||
        ${CC:-cc} -O2 -o "$build/simulator" tests/avr/simulator.c -lsimavr 2> /dev/null || true
    if ! have "${gcc%% *}" || ! have "${emulator%% *}"; then
        skip "interrupts on $board" "no ${gcc%% *} or no ${emulator%% *}"
        continue
    fi
    check "interrupts, $board, tsp4k" passes tsp4k
    case $board in
    m0) for family in tsp128k tsp16m; do check "interrupts, $board, $family" passes $family; done ;;
    m3) check "interrupts, $board, BASEPRI" passes tsp4k -DTSP_BASEPRI=0x20 -DPRIORITY=0x40 ;;
    esac
    check "interrupts, $board, no lock: corrupted" fails tsp4k -DTSP_LOCK=0
done

# README's first program with what two copied files have: nothing of stdio or of the C library's malloc is linked.
first() {
    sed -n '/^```c$/,/^```$/p' README.md | sed -e '/^```c$/d' -e '/^```$/,$d' > "$build/first.c"
    $gcc $options -Wl,-e,main -o "$build/first" "$build/first.c" src/*.c || return 1
    arm-none-eabi-nm "$build/first" > "$build/nm"
    grep -q ' tsp4k_realloc$' "$build/nm" || return 1
    ! grep -E ' (_*malloc_r|_*fprintf|_*vfprintf.*|_?abort|_sbrk)$' "$build/nm" || return 1
    arm-none-eabi-size -A "$build/first" |
        awk '$1 ~ /text|rodata|data/ { sum += $2 } END { print sum " bytes"; exit sum > 3500 }'
}
if have arm-none-eabi-gcc; then
    gcc="arm-none-eabi-gcc -mcpu=cortex-m0plus -mthumb --specs=nano.specs --specs=nosys.specs -nostartfiles"
    check "README's first program needs no stdio" first
fi

# -- What is refused --------------------------------------------------------------------------------------------------

cc=${CC:-cc}

# refused WORDS COMMAND...: it fails, and says these words.
refused() {
    words=$1
    shift
    ! "$@" > "$build/said" 2>&1 && grep -q -e "$words" "$build/said"
}

compile() { # LOCK: the library under a policy
    $cc -std=c99 -DTSP_LOCK="$1" -Iinclude -c -o "$build/lock.o" src/tsp4k.c
}

in_force() { # COMPILER...: the policy that is in force, seen from a program
    printf '#include "teaspoon.h"\npolicy = TSP_LOCK\n' > "$build/policy.c"
    "$@" -Iinclude -E -P "$build/policy.c" | tail -n 1
}

defaults() {
    [ "$(in_force $cc)" = "policy = 1" ] && [ "$(in_force $cc -DTSP_LOCK=TSP_LOCK_HOOKS)" = "policy = 2" ] || return 1
    for chip in "arm-none-eabi-gcc -mcpu=cortex-m0 -mthumb" "arm-none-eabi-gcc -mcpu=cortex-r5" \
        "avr-gcc -mmcu=atmega328p" "riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -ffreestanding"; do
        ! have "${chip%% *}" || [ "$(in_force $chip)" = "policy = 3" ] || return 1
    done
}

library() { # COMPILER...: as an archive, in which a linker that finds nothing missing takes nothing
    rm -f "$build"/*.o "$build/lib.a"
    for name in tsp4k common misuse; do "$@" -Iinclude -c -o "$build/$name.o" src/$name.c || return 1; done
    "${AR:-gcc-ar}" rcs "$build/lib.a" "$build"/*.o
}

program() { # COMPILER...: one over the archive, C++ if the compiler takes it for that
    printf '%s\n' '#include "teaspoon.h"' 'TSP4K_STATIC(kitchen, 256);' 'static tsp4k spoon;' 'int main(void) {' \
        '    return tsp4k_init(&spoon, 0, 0) || !tsp4k_malloc(kitchen(), 3);' '}' > "$build/program.c"
    "$@" -Iinclude -o "$build/program" -x ${language:-c} "$build/program.c" -x none "$build/lib.a"
}

works() {
    program "$@" && "$build/program"
}

for lock in 4 NONSENSE TSP_LOCK_MUTEX ""; do
    check "TSP_LOCK=$lock is refused" refused "#error \"TSP_LOCK is none of" compile "$lock"
done
$cc -dM -E -x c /dev/null | grep -q __linux__ &&
    check "TSP_LOCK=3 on a system that has none is refused" refused "#error \"TSP_LOCK is none of" compile 3
check "the policy in force" defaults
for language in c c++; do
    for lto in "" -flto; do
        compiler="$cc -O2 $lto"
        check "a library" library $compiler
        check "a program like it, $language $lto" works $compiler
        for differs in LOCK=0 ROUND=4 MALLOC_ALIGN=16 DEBUG=1; do
            check "another TSP_$differs does not link, $language $lto" \
                refused "tsp4k_init_if_library_has_.*${differs%=*}_${differs#*=}" program $compiler -DTSP_$differs
        done
    done
done
verdict
