#!/bin/sh
# The core needs nothing but memcpy, memmove, memset and the program's tsp_misuse: compiled freestanding, with each
# compiler that is installed, it asks for no other symbol, and keeps no static data. Ends in "N passed, N failed".
cd "$(dirname "$0")/.." || exit 1
. scripts/suites.sh
work=$(mktemp -d)
trap 'rm -rf "$work" "$SUITES_LOG"' EXIT

# freestanding TOOLS COMPILER...: TOOLS is the prefix of nm and size. Names with two underscores are the compiler's own.
freestanding() {
    tools=$1
    shift
    for family in tsp4k tsp128k tsp16m; do
        "$@" -std=c99 -Os -ffreestanding -DTSP_LOCK=0 -Itests/size/include -Iinclude -c -o "$work/core.o" \
            src/$family.c || return 1
        if "${tools}nm" -u "$work/core.o" | grep -vE ' (memcpy|memmove|memset|tsp_misuse|__.*|_GLOBAL_OFFSET_TABLE_)$'
        then
            echo "$family needs these"
            return 1
        fi
        if "${tools}size" "$work/core.o" | awk 'NR > 1 { sum += $2 + $3 } END { exit sum == 0 }'; then
            echo "$family has static data"
            return 1
        fi
    done
    # The rest of the library needs nothing at all (a trap is abort() where the machine has no instruction for it).
    for file in common misuse; do
        "$@" -std=c99 -Os -ffreestanding -Itests/size/include -Iinclude -c -o "$work/rest.o" src/$file.c || return 1
        if "${tools}nm" -u "$work/rest.o" | grep -vE ' (__.*|_GLOBAL_OFFSET_TABLE_|abort)$'; then return 1; fi
    done
}

try() {
    if have "$3"; then
        name=$1
        shift
        check "$name" freestanding "$@"
    else
        skip "$1" "$3 is not installed"
    fi
}

try "this machine, cc" "" "${CC:-cc}"
try "this machine, clang" "" clang
try "Cortex-M0+" arm-none-eabi- arm-none-eabi-gcc -mcpu=cortex-m0plus -mthumb
try "RV32IMC" riscv64-unknown-elf- riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32
try "AVR" avr- avr-gcc -mmcu=atmega1284p
verdict
