#!/bin/sh
# Links whole programs whose malloc is adapters/tsp_newlib.h, for Cortex-M0 and M3 with newlib, newlib-nano and picolibc
# and for RISC-V with picolibc, and runs them on boards that QEMU emulates, with 16 KiB of RAM. Prints what the example
# takes in flash with this malloc and with the library's own. Ends in "N passed, N failed".
#
#     sh tests/newlib/run.sh [BUILD_DIR]
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2046,SC2086 # the flags are words
cd "$(dirname "$0")/../.." || exit 1
. scripts/suites.sh
build=${1:-build/newlib}
options="-Os -ffunction-sections -fdata-sections -Wl,--gc-sections -Wall -Wextra -Wconversion -Werror -Iinclude
    -Iadapters"
library="src/tsp128k.c src/common.c src/misuse.c"
libcs_own="[TtBbDd] (sbrk|_sbrk_r|__malloc_(av_|free_list|sbrk_start|grow_chunk))$" # symbols of its malloc

# board CPU: sets tools, gcc, qemu, and where picolibc's linker script puts flash and RAM.
board() {
    cpu=$1
    flash=0 ram=0x20000000
    case $cpu in
    rv32imac)
        tools=riscv64-unknown-elf gcc="-march=$cpu -mabi=ilp32" qemu="qemu-system-riscv32 -M virt -bios none"
        flash=0x80000000 ram=0x80200000
        ;;
    cortex-m0) tools=arm-none-eabi gcc="-mcpu=$cpu -mthumb" qemu="qemu-system-arm -M microbit" ;;
    cortex-m3) tools=arm-none-eabi gcc="-mcpu=$cpu -mthumb" qemu="qemu-system-arm -M lm3s6965evb" ;;
    esac
    gcc="$tools-gcc $gcc $options"
}

# What links with the library: newlib's programs begin in board.c, picolibc's in its own.
start="-nostartfiles -Ttests/newlib/board.ld tests/newlib/board.c"
flags() {
    case $libc in
    newlib) echo "--specs=rdimon.specs $start" ;;
    newlib-nano) echo "--specs=nano.specs --specs=rdimon.specs -u _printf_float $start" ;;
    picolibc) echo "--specs=picolibc.specs --crt0=semihost --oslib=semihost -Wl,--defsym=__flash=$flash" \
        "-Wl,--defsym=__flash_size=256K,--defsym=__ram=$ram,--defsym=__ram_size=16K" ;;
    esac
}

# run PROGRAM: its output goes to PROGRAM.out.
run() {
    timeout 300 $qemu -display none -chardev stdio,id=console \
        -semihosting-config enable=on,target=native,chardev=console -kernel "$1" > "$1.out" 2> "$1.err" < /dev/null || {
        echo "exit status $?"
        tail -n 20 "$1.out" "$1.err"
        return 1
    }
}

link() { # PROGRAM FLAG...
    program=$build/$1-$libc-$cpu
    shift
    $gcc -o "$program" "$@" $(flags)
}

# ours PROGRAM FLAG...: links it, finds nothing of libc's malloc in it, and runs it.
ours() {
    link "$@" $library && $tools-nm "$program" > "$program.nm" && ! grep -E "$libcs_own" "$program.nm" && run "$program"
}

tests() {
    ours test -DTSP_LOCK=2 -Wl,--wrap=memmove tests/newlib/test.c &&
        tail -n 1 "$program.out" | grep -q '^[1-9][0-9]* passed, 0 failed$'
}

# The same output with libc's own malloc, which the example has without its lines about teaspoon; the symbols of that
# are then found. A link-time optimiser leaves nothing out.
example() {
    ours example -DTSP_LOCK=0 examples/adapters/newlib.c || return 1
    ours=$program
    grep -v -i -e tsp -e "heap:" examples/adapters/newlib.c > "$build/own.c" && link own "$build/own.c" &&
        $tools-nm "$program" | grep -q -E "$libcs_own" && run "$program" && [ -s "$program.out" ] &&
        grep -v '^heap: ' "$ours.out" | cmp - "$program.out" || return 1
    own=$program
    ours lto -flto -DTSP_LOCK=0 examples/adapters/newlib.c && cmp "$ours.out" "$program.out"
}

# returning RESULT: a program whose main does that.
returning() {
    printf '%s\n' '#include "tsp_newlib.h"' 'TSP128K_STATIC(kitchen, 1024);' 'TSP_NEWLIB(tsp128k, kitchen);' \
        "int main(void) { return $1; }"
}

cxx() {
    returning "!tsp128k_contains(kitchen(), malloc(8))" > "$build/cxx.cpp"
    ours cxx -fno-exceptions -fno-unwind-tables -DTSP_LOCK=0 "$build/cxx.cpp"
}

# A program that asks for the state of libc's malloc would get two mallocs: it must not link.
mallinfo() {
    returning "(int)mallinfo().uordblks" > "$build/mallinfo.c"
    ! link mallinfo -DTSP_LOCK=0 "$build/mallinfo.c" $library > "$build/mallinfo.out" 2>&1 &&
        grep -q "multiple definition of \`_*malloc" "$build/mallinfo.out"
}

code() { # PROGRAM: bytes in flash
    $tools-size "$1" | awk 'NR == 2 { print $1 + $2 }'
}

# installed: says what is missing for this library on this board.
installed() {
    for tool in "$tools-gcc" "${qemu%% *}" timeout; do
        have "$tool" || { skip "$libc, $cpu" "$tool is not installed"; return 1; }
    done
    echo 'int main(void) { return 0; }' > "$build/none.c"
    $gcc -o "$build/none" "$build/none.c" $(flags) 2> "$build/none.out" || {
        skip "$libc, $cpu" "$libc is not installed"
        return 1
    }
}

both_examples() {
    own=
    check "$libc, $cpu: example" example
    [ -z "$own" ] || echo "    example in flash: $(code "$ours") bytes, $(code "$own") with $libc's own malloc"
}

mkdir -p "$build"
for libc in newlib newlib-nano picolibc; do
    for cpu in cortex-m0 cortex-m3; do
        board $cpu
        installed || continue
        check "$libc, $cpu: tests" tests
        both_examples
        [ $cpu = cortex-m3 ] || continue
        check "$libc, $cpu: C++" cxx
        check "$libc, $cpu: no mallinfo" mallinfo
    done
done
board rv32imac
! installed || both_examples
verdict
