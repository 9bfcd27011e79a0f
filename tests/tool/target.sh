#!/bin/sh
# From firmware to a fit: programs that record themselves by adapters/tsp_record.h, on this machine and on Cortex-M0 and
# M3 under QEMU; what they wrote is decoded, whole, cut and with sinks that drop. Ends in "N passed, N failed".
#
#     sh tests/tool/target.sh TEASPOON [BUILD_DIR]      TSP_TEST_HOST=1: on this machine only
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2086 # the flags are words
teaspoon=$1
case $teaspoon in /*) ;; *) teaspoon=$PWD/$teaspoon ;; esac
cd "$(dirname "$0")/../.." || exit 1
. scripts/suites.sh
build=${2:-build/target}
mkdir -p "$build"
build=$(cd "$build" && pwd)
options="-std=gnu11 -Os -Wall -Wextra -Wconversion -Werror -ffunction-sections -Wl,--gc-sections -Iinclude -Iadapters"
archive=${TSP_TEST_LIBRARY:-$(dirname "$teaspoon")/libteaspoon.a}
sources="src/tsp4k.c src/tsp128k.c src/common.c src/misuse.c"

wrapped() { # PREFIX [SUFFIX]
    for function in malloc calloc realloc free; do printf '%s,' "-Wl,--wrap=$1$function$2"; done | sed 's/,$//; s/,-Wl,/ -Wl,/g'
}
how() { # HEAP LIBRARY...: sets flags and the heap's kind
    library=${2:-$sources}
    kind=--malloc unopened=0
    case $1 in
    sized) flags="-DHOW=0 -Wl,--wrap=tsp4k_alloc,--wrap=tsp4k_dealloc,--wrap=tsp4k_resize $library" kind=--sized ;;
    heap) flags="-DHOW=1 $(wrapped tsp128k_) $library" ;;
    malloc) flags="-DHOW=2 $(wrapped '')" ;;
    newlib) flags="-DHOW=3 $(wrapped _ _r) -include reent.h" unopened=1 ;; # before main opens the file
    esac
}

host() { # NAME FLAG...: links and runs it; leaves NAME.bin, and what it said as NAME.out
    name=$1
    shift
    ${CC:-cc} $options -DHOST "$@" tests/tool/firmware.c $flags -lpthread -o "$build/$name" || return 1
    (cd "$build" && "./$name" > "$name.out" && mv recording.bin "$name.bin")
}

qemu() { # NAME FLAG...
    name=$1
    shift
    case $name in *m0) cpu=cortex-m0 machine=microbit ;; *) cpu=cortex-m3 machine=lm3s6965evb ;; esac
    arm-none-eabi-gcc -mcpu=$cpu -mthumb $options "$@" --specs=nano.specs --specs=rdimon.specs -nostartfiles \
        -Ttests/newlib/board.ld tests/newlib/board.c tests/tool/firmware.c $flags -o "$build/$name" || return 1
    (cd "$build" && timeout 300 qemu-system-arm -M $machine -display none -chardev stdio,id=console \
        -semihosting-config enable=on,target=native,chardev=console -kernel "$name" > "$name.out" 2>&1 < /dev/null &&
        mv recording.bin "$name.bin")
}

# Every call is there, the peak is right, and fit is at work on it.
decoded() { # NAME
    cat "$build/$1.out"
    "$teaspoon" decode -o "$build/$1.trace" "$build/$1.bin" 2> "$build/$1.err" || return 1
    cat "$build/$1.err"
    "$teaspoon" fit --tsv --for 32 $kind "$build/$1.trace" > "$build/$1.fit" || return 1
    set -- "$1" "$(tail -n 1 "$build/$1.out")"
    [ "$2" = "$(sums "$build/$1.trace")" ] && ! grep -q -e ' cut in ' -e 'nobody' "$build/$1.err" &&
        grep -q " calls in .* [0$unopened] dropped by the sink$" "$build/$1.err" &&
        [ "$(awk -F '\t' 'NR == 2 { print ($5 >= $4) }' "$build/$1.fit")" = 1 ]
}
sums() { # as firmware.c says it, which knows nothing of what libc takes for itself
    awk '
        $1 == "a" && $3 >= 1000 { own[$2] = 1; next }
        ($1 == "f" || $1 == "r") && own[$2] { next }
        $1 == "a" || $1 == "r" { live += $3 - size[$2]; size[$2] = $3; n++ }
        $1 == "f" { live -= size[$2]; n++ }
        live > peak { peak = live }
        END { printf "%d operations, peak %d, live %d\n", n, peak, live }' "$1"
}
at_most() { # NAME BYTES: a call, on average
    awk -v most="$2" '/ calls in / { gsub(",", ""); n = $3; b = $6 } END { exit !(n && b / n <= most) }' "$build/$1.err"
}

# What is in memory at the end: dumped by the firmware itself, and by a debugger.
looked() { # NAME
    words=$(sed -n 's/^look --/--/p' "$build/$1.out")
    (cd "$build" && "$teaspoon" look $words) > "$build/$1.look" || return 1
    sound "$1" "$build/$1.look"
}
sound() { # NAME FILE
    cat "$2"
    objects=$(sed -n 's/^look \([0-9]*\) objects.*/\1/p' "$build/$1.out")
    grep -q "sound: .* objects $objects, " "$2" && [ "$(grep -c ' object$' "$2")" = "$objects" ]
}
debugged() { # NAME: its board is set
    (
        cd "$build" && rm -f socket &&
            { timeout 300 qemu-system-arm -M $machine -display none -chardev null,id=console -S -gdb unix:socket,server=on \
                -semihosting-config enable=on,target=native,chardev=console -kernel "$1" > "$1.stub" 2>&1 < /dev/null & } &&
            PATH=$(dirname "$teaspoon"):$PATH timeout 300 gdb-multiarch -q -batch -nx -ex 'set confirm off' \
                -ex 'target remote socket' -ex 'break firmware_ends' -ex continue -ex "source $here/tool/look.gdb" \
                -ex 'teaspoon-look kitchen::spoon' -ex kill "$1" > "$1.gdb" 2>&1
        wait
        cat "$1.gdb"
    )
    sound "$1" "$build/$1.gdb"
}
here=$PWD

for one in sized heap malloc; do
    how $one "$archive"
    check "on this machine, $one" host $one
    check "  decoded" decoded $one
    check "  at most 5 bytes a call" at_most $one 5.1
    [ $one != heap ] || check "  the heap in a dump" looked $one
done

# A sink that drops: it is told how many, and what is left is a trace.
dropping() { # DROP LEAST MOST
    host dropping -DDROP=$1 && "$teaspoon" decode -o "$build/dropping.trace" "$build/dropping.bin" 2> "$build/dropping.err" &&
        cat "$build/dropping.err" && "$teaspoon" fit $kind "$build/dropping.trace" &&
        awk -v drop="$1" '/ calls in / { gsub(",", ""); dropped = $(NF - 4); n = $3 }
            END { exit !(n + dropped >= 2999 && n + dropped <= 3000 && dropped >= int(2999 / drop)) }' "$build/dropping.err"
}
how heap "$archive"
for drop in 2 3 10 1000; do check "one call in $drop dropped" dropping $drop; done

# Bytes are missing at the beginning, in the middle, everywhere: still a trace, of nearly all that is left.
cut_somewhere() {
    for cut in 1 2 3 100 1001 5000; do
        tail -c +$((cut + 1)) "$build/heap.bin" > "$build/cut.bin"
        nearly "$cut" || return 1
        { head -c 6000 "$build/heap.bin"; tail -c +$((6001 + cut)) "$build/heap.bin"; } > "$build/cut.bin"
        nearly "$cut" || return 1
    done
}
nearly() { # so many bytes are missing: at most two states' calls are lost besides
    "$teaspoon" decode -o "$build/cut.trace" "$build/cut.bin" 2> "$build/cut.err" || return 1
    "$teaspoon" fit $kind "$build/cut.trace" > "$build/cut.fit" || return 1
    grep -q 'cut in [1-9]' "$build/cut.err" || grep -q ' calls could not be placed' "$build/cut.err" || return 1
    awk -v cut="$1" '/ calls in / { gsub(",", ""); n = $3 } END { exit !(n > 3000 - cut / 2 - 130 && n <= 3000) }' "$build/cut.err" ||
        { echo "$1 bytes missing: $(cat "$build/cut.err")"; return 1; }
}
check "cut anywhere, decoded all the same" cut_somewhere

# Any byte may be any other: it says so, or gives a trace.
damaged() {
    head -c 600 "$build/heap.bin" > "$build/short.bin"
    for seed in $(seq 60); do
        awk -v seed="$seed" 'BEGIN { srand(seed); for (i = 0; i < 3; i++) print int(rand() * 600), int(rand() * 256) }' |
            while read -r at byte; do
                # shellcheck disable=SC2059
                printf "\\$(printf %o "$byte")" | dd of="$build/short.bin" bs=1 seek="$at" conv=notrunc 2> /dev/null
            done
        "$teaspoon" decode -o "$build/short.trace" -q "$build/short.bin" 2> "$build/short.err"
        case $? in
        0) "$teaspoon" fit --max 4G $kind "$build/short.trace" > /dev/null 2> "$build/short.err" ||
            grep -q -e 'needs a heap' -e 'cannot hold' "$build/short.err" || { cat "$build/short.err"; return 1; } ;;
        2) ;;
        *) return 1 ;;
        esac
    done
}
check "damaged anywhere, a trace all the same" damaged

refused() { # what is no recording
    ! "$teaspoon" decode Makefile > /dev/null 2> "$build/refused.err" && cat "$build/refused.err" &&
        grep -q 'Makefile: nothing in .* bytes that tsp_record.h has sent' "$build/refused.err" &&
        ! "$teaspoon" decode nowhere.bin 2> "$build/refused.err" && grep -q 'nowhere.bin: No such file' "$build/refused.err"
}
check "a file that is no recording" refused

# Every address and every distance that a pointer of 16, 32 or 64 bits may have: nothing is lost or taken for another.
far() { # COMMAND...: what runs it
    "$@" > "$build/far.out" || return 1
    calls=$(sed -n 's/^\([0-9]*\) \\.*/\1/p' "$build/far.out")
    # shellcheck disable=SC2059 # a format of octals
    printf "$(sed -n 's/^[0-9]* \\/\\/p' "$build/far.out")" > "$build/far.bin"
    "$teaspoon" decode -o "$build/far.trace" "$build/far.bin" 2> "$build/far.err" || return 1
    cat "$build/far.err"
    [ "$(wc -l < "$build/far.err")" = 1 ] && grep -q " $(echo "$calls" | sed 's/...$/,&/') calls in" "$build/far.err" &&
        [ "$(grep -vc '^#' "$build/far.trace")" = "$calls" ] && [ "$(tail -n +10 "$build/far.trace" | grep -c '^f')" = $((calls / 2 - 4)) ]
}
far_built() { # FLAG...
    ${CC:-cc} $options "$@" tests/tool/far.c -o "$build/far"
}
for flags in "" -DTSP_RECORD_UNIT=1 -m32 "-m32 -DTSP_RECORD_UNIT=1"; do
    if [ "${flags#-m32}" != "$flags" ] && ! { far_built -m32 && "$build/far"; } > "$build/far.out" 2> "$build/far.err"; then
        skip "addresses of 32 bits${flags#-m32}" "they do not run here"
        continue
    fi
    check "addresses far apart${flags:+, $flags}" far_built $flags
    check "  decoded" far "$build/far"
done
if have avr-gcc && ${CC:-cc} -O2 -o "$build/simulator" tests/avr/simulator.c -lsimavr 2> "$build/far.err"; then
    check "addresses of 16 bits" avr-gcc -mmcu=atmega2560 -std=gnu11 -Os -Wall -Wextra -Iadapters -include tests/avr/board.h \
        tests/tool/far.c tests/avr/board.c -o "$build/far.elf"
    check "  decoded" far "$build/simulator" "$build/far.elf"
else
    skip "addresses of 16 bits" "no avr-gcc or no simavr"
fi

if [ "${TSP_TEST_HOST:-0}" = 0 ] && have arm-none-eabi-gcc && have qemu-system-arm; then
    for board in m0 m3; do
        for one in sized heap malloc newlib; do
            how $one
            check "Cortex-$board, $one" qemu $one-$board
            check "  decoded, and fitted for 32 bits" decoded $one-$board
        done
    done
    # The same calls, the same sizes: so the same bytes on every machine.
    how heap
    same() {
        cut -d ' ' -f 1-3 "$build/heap.trace" | tail -n +2 > "$build/here"
        cut -d ' ' -f 1-3 "$build/heap-m3.trace" | tail -n +2 | cmp "$build/here" -
    }
    check "the trace that this machine records" same
    check "the heap in a dump of Cortex-M" looked heap-m3
    how heap
    if ! have gdb-multiarch; then skip "teaspoon look by a debugger" "no gdb-multiarch"
    else
        check "with symbols, for a debugger" qemu heap-debug -g
        check "the heap by QEMU's gdbstub" debugged heap-debug
    fi
    check "with the handle of the target" grep -q '	16	' "$build/heap-m3.fit"
else
    skip "recording on Cortex-M" "no arm-none-eabi-gcc or no qemu-system-arm"
fi
verdict
