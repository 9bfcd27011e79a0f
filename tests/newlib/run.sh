#!/bin/sh
# Links whole programs for Cortex-M0 and M3 whose malloc is adapters/tsp_newlib.h, with newlib, newlib-nano and
# picolibc, and runs them on boards that QEMU emulates, with 16 KiB of RAM. Prints what the example takes in flash with
# this malloc and with the library's own. Ends in "N passed, N failed".
#
#     sh tests/newlib/run.sh [BUILD_DIR]
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2046,SC2086 # the flags are words
cd "$(dirname "$0")/../.." || exit 1
. scripts/suites.sh
build=${1:-build/newlib}
gcc="arm-none-eabi-gcc -mthumb -Os -ffunction-sections -fdata-sections -Wl,--gc-sections -Wall -Wextra
    -Wconversion -Werror -Iinclude -Iadapters -DTSP_FREESTANDING"
library="src/tsp128k.c src/common.c src/misuse.c"
libcs_own="[TtBbDd] (sbrk|_sbrk_r|__malloc_(av_|free_list|sbrk_start|grow_chunk))$" # symbols of its malloc

# newlib's programs begin in board.c, picolibc's in its own.
start="-nostartfiles -Ttests/newlib/board.ld tests/newlib/board.c"
flags() {
    case $1 in
    newlib) echo "--specs=rdimon.specs $start" ;;
    newlib-nano) echo "--specs=nano.specs --specs=rdimon.specs -u _printf_float $start" ;;
    picolibc) echo "--specs=picolibc.specs --crt0=semihost --oslib=semihost -Wl,--defsym=__flash=0" \
        "-Wl,--defsym=__flash_size=256K,--defsym=__ram=0x20000000,--defsym=__ram_size=16K" ;;
    esac
}

# run PROGRAM: its output goes to PROGRAM.out.
run() {
    case $cpu in cortex-m0) machine=microbit ;; *) machine=lm3s6965evb ;; esac
    timeout 60 qemu-system-arm -M $machine -display none -chardev stdio,id=console \
        -semihosting-config enable=on,target=native,chardev=console -kernel "$1" > "$1.out" 2> "$1.err" < /dev/null || {
        echo "exit status $?"
        tail -n 20 "$1.out" "$1.err"
        return 1
    }
}

is_without_libcs_own() {
    arm-none-eabi-nm "$1" > "$1.nm" && ! grep -E "$libcs_own" "$1.nm"
}

link() { # PROGRAM FLAG...
    program=$build/$1-$libc-$cpu
    shift
    $gcc -mcpu=$cpu -o "$program" "$@" $(flags $libc)
}

tests() {
    link test -DTSP_LOCK=2 -Wl,--wrap=memmove tests/newlib/test.c $library && is_without_libcs_own "$program" &&
        run "$program" && tail -n 1 "$program.out" | grep -q '^[1-9][0-9]* passed, 0 failed$'
}

# The same output with libc's own malloc, which is what the example is without its lines about teaspoon; the symbols of
# that are then found. A link-time optimiser leaves nothing out.
example() {
    link example -DTSP_LOCK=0 examples/adapters/newlib.c $library && is_without_libcs_own "$program" &&
        run "$program" || return 1
    ours=$program
    grep -v -i -e tsp -e "heap:" examples/adapters/newlib.c > "$build/own.c" &&
        link own "$build/own.c" && arm-none-eabi-nm "$program" | grep -q -E "$libcs_own" && run "$program" &&
        grep -v '^heap: ' "$ours.out" | cmp - "$program.out" && [ -s "$program.out" ] || return 1
    own=$program
    link lto -flto -DTSP_LOCK=0 examples/adapters/newlib.c $library && is_without_libcs_own "$program" &&
        run "$program" && cmp "$ours.out" "$program.out"
}

# program SOURCE RESULT: a program whose main returns RESULT.
program() {
    printf '%s\n' '#include "tsp_newlib.h"' 'TSP128K_STATIC(kitchen, 1024);' 'TSP_NEWLIB(tsp128k, kitchen);' \
        "int main(void) { return $2; }" > "$1"
}

cxx() {
    program "$build/cxx.cpp" "!tsp128k_contains(kitchen(), malloc(8))" &&
        link cxx -fno-exceptions -fno-unwind-tables -DTSP_LOCK=0 "$build/cxx.cpp" $library && is_without_libcs_own "$program" && run "$program"
}

# A program that asks for the state of libc's malloc would get two mallocs: it must not link.
mallinfo() {
    program "$build/mallinfo.c" "(int)mallinfo().uordblks"
    ! link mallinfo -DTSP_LOCK=0 "$build/mallinfo.c" $library > "$build/mallinfo.out" 2>&1 &&
        grep -q "multiple definition of \`_*malloc" "$build/mallinfo.out"
}

code() { # PROGRAM: bytes in flash
    arm-none-eabi-size "$1" | awk 'NR == 2 { print $1 + $2 }'
}

for tool in arm-none-eabi-gcc qemu-system-arm timeout; do
    have $tool || { skip "newlib and picolibc" "$tool is not installed"; verdict; exit; }
done
mkdir -p "$build"
for libc in newlib newlib-nano picolibc; do
    echo 'int main(void) { return 0; }' > "$build/none.c"
    if ! $gcc -mcpu=cortex-m3 -o "$build/none" "$build/none.c" $(flags $libc) 2> "$build/none.out"; then
        skip "$libc" "it is not installed"
        continue
    fi
    for cpu in cortex-m0 cortex-m3; do
        check "$libc, $cpu: tests" tests
        own=
        check "$libc, $cpu: example" example
        [ -z "$own" ] || echo "    example in flash: $(code "$ours") bytes, $(code "$own") with $libc's own malloc"
    done
    check "$libc: C++" cxx
    check "$libc: no mallinfo" mallinfo
done
verdict
