#!/bin/sh
# Bytes of code on Cortex-M0+ of each heap that `teaspoon fit --compare` tries, as tool/code.h, on standard output:
#     sh scripts/code.sh > tool/code.h
# As `make size` counts them: -Os, no lock, what these calls need and no more, with the helpers of libgcc and without
# memcpy, memmove, memset and tsp_misuse. Needs gcc-arm-none-eabi.
cd "$(dirname "$0")/.." || exit 1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
gcc="arm-none-eabi-gcc -mcpu=cortex-m0plus -mthumb -std=c99 -Os -DTSP_LOCK=0 -ffunction-sections -fdata-sections
    -Itests/size/include -Iinclude"

# code FAMILY ROUND CALL...
code() {
    calls=
    family=$1
    round=$2
    shift 2
    for call in "$@"; do calls="$calls -Wl,-u,tsp${family}_$call"; done
    # shellcheck disable=SC2086 # these are lists of words
    $gcc -nostdlib -nostartfiles -Wl,--gc-sections -Wl,-e,tsp_misuse $calls -o "$out/linked.elf" "$out/outside.o" \
        "$out/$family.$round.o" -lgcc &&
        arm-none-eabi-size -A "$out/linked.elf" | awk '$1 == ".text" || $1 == ".rodata" { sum += $2 } END { print sum + 0 }'
}

$gcc -fno-builtin -c -o "$out/outside.o" tests/size/outside.c || exit 1
cat << END
/* Made by scripts/code.sh with gcc $(arm-none-eabi-gcc -dumpversion): family, TSP_ROUND, and bytes of code on Cortex-M0+, for init, malloc, free
 * and realloc, and for init_sized, alloc, dealloc and resize. */
END
for heap in 4k:8 4k:4 128k:8 128k:4 16m:8; do
    family=${heap%:*}
    round=${heap#*:}
    $gcc -DTSP_ROUND="$round" -c -o "$out/$family.$round.o" "src/tsp$family.c" || exit 1
    echo "CODE($family, $round, $(code "$family" "$round" init malloc free realloc), \
$(code "$family" "$round" init_sized alloc dealloc resize))"
done
