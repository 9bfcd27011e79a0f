#!/bin/sh
# Code, data and worst stack on three small machines, and whole programs; called by `make size`.
#     scripts/size.sh DIR      build products go to DIR
# Prints name, value and goal, separated by tabs. -Os, no lock, unused parts dropped. Code is text and constants, with
# the helpers of libgcc and without memcpy, memmove, memset and tsp_misuse, which are the program's. `core` is
# init_sized, alloc, dealloc and resize (check0: with TSP_CHECK=0); `noresize` is the first three; `all` is every function. Stack is that of the
# library's own frames, in the worst path of any call. On AVR constants are data, so the words that check says are too.
# `whole` is all that a program has in flash which makes a heap, allocates and frees, with memcpy and all other helpers,
# in the default configuration; `own_malloc` is that with newlib-nano's, picolibc's (RV32) or avr-libc's malloc instead.
cd "$(dirname "$0")/.." || exit 1
out=${1:-build/size}
root=$PWD
mkdir -p "$out"

noresize="init_sized alloc dealloc"
core="$noresize resize"
all=$(awk '/^#define TSP_FUNCTIONS/, /^$/' include/teaspoon.h | sed -n 's/.*V##_\([a-z_]*\)(.*/\1/p')

row() {
    printf '%s\t%s\t%s\n' "$1" "$2" "$3"
}

# sections ELF NAME...: the bytes in output sections of these names
sections() {
    elf=$1
    shift
    "${tools}size" -A "$elf" | awk -v names=" $* " 'index(names, " " $1 " ") { sum += $2 } END { print sum + 0 }'
}

# linked CALLS FAMILY...: links what the calls of the families need
linked() {
    calls=$1
    shift
    roots=
    objects=
    for family in "$@"; do
        for call in $calls; do roots="$roots -Wl,-u,tsp${family}_$call"; done
        objects="$objects $out/tsp$family.o"
    done
    # shellcheck disable=SC2086 # these are lists of words
    $compiler -nostdlib -nostartfiles -Wl,--gc-sections -Wl,-e,tsp_misuse $roots -o "$out/linked.elf" "$out/outside.o" \
        $objects -lgcc
}

code() {
    linked "$@" && sections "$out/linked.elf" .text .rodata .srodata
}

data() {
    linked "$@" && sections "$out/linked.elf" .data .bss .sdata .sbss
}

stack() {
    functions=
    for call in $2; do functions="$functions tsp$1_$call"; done
    # shellcheck disable=SC2086
    python3 scripts/stack.py "$out/tsp$1.su" "$out/tsp$1.dis" $functions
}

# measure MACHINE GOAL TRUSTING TOOLS COMPILER...: goals for the core of the smallest family, as it is and with
# TSP_CHECK=0; TOOLS is the prefix of size and nm
measure() {
    machine=$1
    goal=$2
    trusting=$3
    tools=$4
    shift 4
    if ! command -v "$1" > /dev/null; then
        echo "# $machine: $1 is not installed"
        return
    fi
    compiler="$* -std=c99 -Os -DTSP_LOCK=0 -I$root/tests/size/include -I$root/include"
    compiler="$compiler -ffunction-sections -fdata-sections"
    words=0
    [ "$machine" = avr ] && words=-
    echo "# $machine: $("$1" --version | head -n 1), $* -Os"
    # -fno-builtin keeps the compiler from seeing through the empty functions.
    $compiler -fno-builtin -c -o "$out/outside.o" tests/size/outside.c || exit 1
    for family in 4k 128k 16m; do
        (cd "$out" && $compiler -fstack-usage -c "$root/src/tsp$family.c") || exit 1 # the .su lands where gcc runs
        "${tools}objdump" -dr "$out/tsp$family.o" > "$out/tsp$family.dis"
    done
    for family in 4k 128k 16m; do
        row "size_${machine}_${family}_core" "$(code "$core" $family)" "$goal"
        goal=-
        row "size_${machine}_${family}_noresize" "$(code "$noresize" $family)" -
        row "size_${machine}_${family}_all" "$(code "$all" $family)" -
        row "data_${machine}_${family}_core" "$(data "$core" $family)" 0
        row "data_${machine}_${family}_all" "$(data "$all" $family)" $words
        row "stack_${machine}_${family}_core" "$(stack $family "$core")" -
        row "stack_${machine}_${family}_all" "$(stack $family "$all")" -
    done
    row "size_${machine}_three_core" "$(code "$core" 4k 128k 16m)" -
    row "size_${machine}_three_noresize" "$(code "$noresize" 4k 128k 16m)" -
    row "size_${machine}_three_all" "$(code "$all" 4k 128k 16m)" -
    row "data_${machine}_three_all" "$(data "$all" 4k 128k 16m)" $words
    (cd "$out" && $compiler -DTSP_CHECK=0 -c "$root/src/tsp4k.c") || exit 1
    row "size_${machine}_4k_core_check0" "$(code "$core" 4k)" "$trusting"
    if [ "$machine" = m0 ]; then
        for handle in 4k:24 128k:24 16m:40; do
            name=handle_${handle%:*}
            bytes=$("${tools}nm" -S "$out/outside.o" | awk -v name="$name" '$4 == name { print $2 }')
            row "$name" $((0x$bytes)) "${handle#*:}"
        done
    fi
}

# -- Whole programs ------------------------------------------------------------------------------------------------

# program MACHINE NAME COMPILER...: what it has in flash
program() {
    machine=$1
    name=$2
    shift 2
    if "$@" -std=c99 -Os -ffunction-sections -fdata-sections -Iinclude -Wl,--gc-sections -Wl,-e,main \
        -o "$out/use.elf" tests/size/use.c src/tsp4k.c src/common.c src/misuse.c 2> "$out/use.out"; then
        row "whole_${machine}_$name" "$(sections "$out/use.elf" .text .init .rodata .srodata .data .sdata .ARM.exidx)" -
    else
        echo "# $machine: no program $name: $(grep -m 1 -e error -e cannot -e undefined "$out/use.out")"
    fi
}

# programs MACHINE TOOLS COMPILER...: ours, and one with the C library's own malloc
programs() {
    machine=$1
    tools=$2
    shift 2
    command -v "$1" > /dev/null || return 0
    program "$machine" nothing "$@" -DUSE=0
    for kind in "" _lto _check0; do
        case $kind in _lto) flags=-flto ;; _check0) flags=-DTSP_CHECK=0 ;; *) flags=-DTSP_CHECK=1 ;; esac
        program "$machine" sized$kind "$@" -DUSE=1 $flags
        program "$machine" resize$kind "$@" -DUSE=2 $flags
        program "$machine" malloc$kind "$@" -DUSE=3 $flags
    done
    program "$machine" own_malloc "$@" -DUSE=4
}

measure m0 1600 1000 arm-none-eabi- arm-none-eabi-gcc -mcpu=cortex-m0plus -mthumb
# Debian has no C library for it: -ffreestanding finds the headers, -fbuiltin keeps small memcpys from becoming calls.
measure rv32imc - - riscv64-unknown-elf- riscv64-unknown-elf-gcc -march=rv32imc -mabi=ilp32 -ffreestanding -fbuiltin
measure avr - - avr- avr-gcc -mmcu=atmega1284p
nano="--specs=nano.specs --specs=nosys.specs -nostartfiles"
# shellcheck disable=SC2086 # the flags are words
{
    programs m0 arm-none-eabi- arm-none-eabi-gcc -mcpu=cortex-m0plus -mthumb $nano
    programs m4 arm-none-eabi- arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb $nano
}
programs rv32imac riscv64-unknown-elf- riscv64-unknown-elf-gcc -march=rv32imac -mabi=ilp32 --specs=picolibc.specs \
    -nostartfiles
programs avr avr- avr-gcc -mmcu=atmega1284p
if sh scripts/freestanding.sh > "$out/freestanding"; then row freestanding ok ok; else row freestanding failed ok; fi
