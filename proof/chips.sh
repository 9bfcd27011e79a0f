#!/bin/sh
# The behaviour tests on chips, as QEMU has them, in the default configuration, whose lock disables interrupts: Cortex-M0,
# M3 and M4 with newlib, and RV32 with picolibc. (AVR is in machines.sh; interrupts are in tests/chips/run.sh.)
#     sh proof/chips.sh [DIR [CHIP...]]     DIR, by default build/chips-suite, is for what it makes
# Ends in one line with the figures. Left out are tests of threads and of mapped memory, and misuse of tsp16m, which
# wants more memory than these boards have. SPDX-License-Identifier: BSD-3-Clause
cd "$(dirname "$0")/.." || exit 1
out=${1:-build/chips-suite}
[ $# -gt 0 ] && shift
mkdir -p "$out"

# program CHIP FAMILY TEST: one line about one test on one chip.
program() {
    name=$1-$2-$3
    semihosting="-display none -chardev stdio,id=console -semihosting-config enable=on,target=native,chardev=console"
    newlib="--specs=rdimon.specs -nostartfiles -T tests/chips/suite.ld"
    case $1 in # Cortex-M3 executes what M0 does
    m0) tools=arm-none-eabi cpu="-mthumb -mcpu=cortex-m0 $newlib" board=mps2-an385 ;;
    m3) tools=arm-none-eabi cpu="-mthumb -mcpu=cortex-m3 $newlib" board=mps2-an385 ;;
    m4) tools=arm-none-eabi cpu="-mthumb -mcpu=cortex-m4 $newlib" board=mps2-an386 ;;
    rv32)
        tools=riscv64-unknown-elf board="virt -bios none"
        cpu="-march=rv32imac -mabi=ilp32 --specs=picolibc.specs --crt0=hosted --oslib=semihost
            -Wl,--defsym=__flash=0x80000000,--defsym=__flash_size=4M,--defsym=__ram=0x80400000,--defsym=__ram_size=64M
            -Wl,--defsym=__stack_size=256K"
        ;;
    esac
    qemu="qemu-system-arm -M $board"
    [ "$1" = rv32 ] && qemu="qemu-system-riscv32 -M $board"
    case $3 in # objects that are large would not be where these tests draw them
    crate | museum | misuse) flags="-DTSP_LARGE=1" ;;
    explore) flags="-DMOST=6 -DMOST_MISUSED=4 -DMOST_FLIPPED=4" ;;
    *) flags= ;;
    esac
    # shellcheck disable=SC2086 # these are words
    "$tools-gcc" $cpu -O1 -std=c11 -Wall -Wextra $flags -ffunction-sections -Wl,--gc-sections -Iinclude -Itests/chips \
        -DTSP_V="$2" -DTEST_SECONDS=1000 -o "$out/$name.elf" "tests/$3.c" src/*.c tests/chips/suite.c \
        > "$out/$name.out" 2>&1 &&
        timeout 600 $qemu $semihosting -kernel "$out/$name.elf" > "$out/$name.out" 2>&1 < /dev/null
    status=$?
    sum=$(tail -n 1 "$out/$name.out")
    case $status:$sum in 0:[1-9]*" passed, 0 failed" | [1-9]*:*" passed, "[1-9]*" failed") ;; *) sum="0 passed, 1 failed" ;; esac
    echo "$name $sum"
    case $sum in *" 0 failed") ;; *) tail -n 12 "$out/$name.out" | sed 's/^/    /' ;; esac
}

if [ "${1:-}" = program ]; then # this script calls itself
    shift
    program "$@"
    exit
fi

for needed in arm-none-eabi-gcc riscv64-unknown-elf-gcc qemu-system-arm qemu-system-riscv32; do
    command -v $needed > /dev/null 2>&1 || {
        echo "chips: skipped, since $needed is not installed"
        exit
    }
done
chips="$*"
for chip in ${chips:-m0 m3 m4 rv32}; do
    for family in tsp4k tsp128k tsp16m; do
        for test in model arithmetic misuse extend explore museum failures crate; do
            [ $family$test = tsp16mmisuse ] || echo "program $chip $family $test"
        done
    done
done | xargs -P 2 -L 1 sh "$0" "$out" | tee "$out/summary"
awk '/^[a-z0-9-]+ [0-9]+ passed, / { passed += $2; failed += $4; split($1, name, "-"); sum[name[1]] += $2 }
    END {
        for (chip in sum) all = all " " chip " " sum[chip] ","
        printf "chips:%s %d passed, %d failed\n", all, passed, failed
        exit failed || !passed
    }' "$out/summary"
