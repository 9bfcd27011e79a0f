#!/bin/sh
# The files of ports/, compiled without a warning as C99 (those with functions of a system's, for it) and run, over
# stand-ins of our own for their systems: declarations in stubs/, and for FreeRTOS a scheduler in freertos/. Where the
# real thing is on this machine, FREERTOS_KERNEL=DIR runs the same test over its kernel (POSIX port).
# Ends in "N passed, N failed".
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2086 # the flags are words
cd "$(dirname "$0")/../.." || exit 1
. scripts/suites.sh
work=$(mktemp -d)
trap 'rm -rf "$work" "$SUITES_LOG"' EXIT
CC=${CC:-cc}
here=tests/ports
strict="-Wall -Wextra -Wconversion -pedantic -Werror"

# The library as each needs it, compiled once: library LOCK.
library() {
    mkdir -p "$work/$1"
    for file in common misuse tsp4k tsp128k tsp16m; do
        $CC -std=c99 -DTSP_LOCK=$1 -Iinclude -c -o "$work/$1/$file.o" src/$file.c || return 1
    done
}

# program LOCK SOURCE FLAG...: over the library with that lock
program() {
    lock=$1 source=$2
    shift 2
    $CC -std=gnu11 $strict -O1 -DTSP_LOCK=$lock -Iinclude -Iports -I$here/stubs "$@" -o "$work/program" \
        $here/$source "$work/$lock"/*.o -lpthread && timeout 300 "$work/program"
}

port() { # FILE FLAG...: one translation unit, as strictly as the core
    file=$1
    shift
    $CC -std=c99 -D_GNU_SOURCE $strict -DTSP_LOCK=2 -Iinclude "$@" -c -o "$work/port.o" ports/$file
}

lock() { # FILE NAME
    port $1 -I$here/stubs -std=gnu11 && program 2 locks.c -D_GNU_SOURCE -D$2 "$work/port.o"
}

freertos="-I$here/freertos -I$here/freertos-config"
freertos_stand_in() { # FLAG...
    port heap_teaspoon.c $freertos "$@" && program 2 freertos.c $freertos "$work/port.o" $here/freertos/scheduler.c
}

freertos_kernel() {
    posix=$FREERTOS_KERNEL/portable/ThirdParty/GCC/Posix
    $CC -std=gnu11 -w -O1 -D_GNU_SOURCE -DprojCOVERAGE_TEST=0 -DTSP_LOCK=2 -Iinclude -I"$FREERTOS_KERNEL/include" \
        -I"$posix" -I"$posix/utils" -I$here/freertos-config -o "$work/program" $here/freertos.c \
        ports/heap_teaspoon.c "$FREERTOS_KERNEL/tasks.c" "$FREERTOS_KERNEL/list.c" "$FREERTOS_KERNEL/queue.c" \
        "$posix/port.c" "$posix"/utils/*.c "$work"/2/*.o -lpthread && timeout 300 "$work/program"
}

# heap_teaspoon.c is for other families, and not for a library whose lock is no hook.
freertos_refuses() {
    port heap_teaspoon.c $freertos -DheapTEASPOON=tsp16m || return 1
    ! $CC -DTSP_LOCK=1 -Iinclude $freertos -c -o "$work/port.o" ports/heap_teaspoon.c 2> "$work/why" &&
        grep -q 'DTSP_LOCK=2' "$work/why"
}

libraries() {
    port lvgl_mem.c -I$here/stubs && program 2 libraries.c -D_GNU_SOURCE "$@" "$work/port.o" ports/esp_idf_lock.c
}

check "the library" library 2
check "ESP-IDF, two cores" lock esp_idf_lock.c LOCK_ESP_IDF
check "Zephyr, two cores" lock zephyr_lock.c LOCK_ZEPHYR
check "pico-sdk, two cores" lock pico_lock.c LOCK_PICO
check "CMSIS-RTOS2, two threads" lock cmsis_rtos2_lock.c LOCK_CMSIS
check "Zephyr's k_heap" program 2 waiting.c -D_GNU_SOURCE ports/zephyr_lock.c
check "ThreadX's byte pool" program 2 waiting.c -D_GNU_SOURCE -DBYTE_POOL
check "FreeRTOS, a stand-in" freertos_stand_in
check "FreeRTOS, families and locks" freertos_refuses
if [ "${FREERTOS_KERNEL:-}" ]; then check "FreeRTOS, its kernel" freertos_kernel
else skip "FreeRTOS, its kernel" "FREERTOS_KERNEL does not say where it is"; fi
check "LVGL and lwIP" libraries
check "LVGL and lwIP 2.1" libraries -DTSP_LWIP_2_1
verdict
