# shellcheck shell=sh disable=SC2034,SC2154 # what suite.sh and run.sh set
# Tests with a heap that breaks its promises. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

wrap=-Wl,--wrap=tsp4k_alloc,--wrap=tsp4k_dealloc,--wrap=tsp4k_resize,--wrap=tsp4k_usage,--wrap=tsp4k_check
gunzip -c "$root/traces/tiny/cbor_sensor.trace.gz" > cbor.trace
# shellcheck disable=SC2086
if ${CC:-cc} -std=c11 ${CFLAGS:-} -DTSP_PLAIN_TRACES -I"$root/include" -I"$root/src" ${TSP_TEST_OBJECTS:-"$root"/tool/*.c} "$root"/src/*.c \
    "$root/tests/tool/broken.c" $wrap -o broken ${TSP_TEST_OBJECTS:+-lz} -lpthread 2> err; then
    teaspoon=$dir/broken
    if [ -z "${TSP_TEST_OBJECTS:-}" ]; then run 2 fit whole.gz; says err 'built without zlib'; fi
    run 0 replay --heap 4K cbor.trace
    export FAULT=none
    run 0 replay --heap 4K --fail-each 500 cbor.trace
    for FAULT in generous careless lost; do
        run 3 replay --heap 4K --fail-each 1 cbor.trace; says err ' had been made to fail'
        case $FAULT in
        generous) says err 'it should find no memory, but: ' ;;
        *) says err 'it failed, but has changed the heap' ;;
        esac
    done
    for FAULT in stingy uncounted keeping leaking hoarding; do
        run 3 replay --heap 4K --fail 200 cbor.trace
        case $FAULT in
        stingy) says err 'what largest promises cannot be had' ;;
        uncounted) says err 'it failed, and that was not noted' ;;
        keeping) says err 'what filled the heap cannot be freed' ;;
        leaking) says err 'after it failed, and what filled the heap was freed, the heap is another' ;;
        hoarding) says err 'at the end everything is freed, but ' ;;
        esac
        says err 'request 200 had been made to fail'
    done
    FAULT=refusal; run 3 replay --heap 4K --fail 2000 cbor.trace; says err 'the heap refuses it'
    FAULT=overlap; run 3 replay --heap 4K --fail 1 cbor.trace; says err 'request 1 had been made to fail'
    awk 'BEGIN { for (i = 0; i < 150; i++) print "a", i, 8, 0 }' > kept.trace
    FAULT=refusal; run 3 replay --heap 4K --fail 1 kept.trace; says err 'at the end, object '; says err ' cannot be freed'
    awk 'BEGIN { for (i = 0; i < 300; i++) { if (i >= 60) print "f", i - 60; print "a", i, 4000, 0 } }' > large.trace
    for trace in cbor large; do
        run 3 fit --variant 4k $trace.trace; says err "teaspoon: $trace"; says err 'bytes, line '
    done
    for FAULT in overlap misaligned outside scribble refusal resize; do
        run 3 replay --heap 4K --check cbor.trace
        case $FAULT in
        overlap | resize) says err 'has changed' ;;
        misaligned) says err 'is not aligned' ;;
        outside) says err 'is not inside the heap' ;;
        scribble) says err "teaspoon: cbor_sensor: line " ;;
        refusal) says err 'the heap refuses it: ' ;;
        esac
    done
    FAULT=overlap; run 3 replay --heap 4K kept.trace; says err 'line 150 (operation 150 of 150): object 149, '
    says err ' of object 98 has changed' # when all is done
    awk 'BEGIN { for (i = 0; i < 1250; i++) print "a " i " 8 0\nf " i }' > calls.trace
    for case in 1:1 2:1,001 3:2,001 4:2,500; do
        FAULT=check${case%:*}; run 3 replay --heap 4K calls.trace
        says err "(operation ${case#*:} of 2,500): object "; says err ': the heap is damaged at byte 24: a crumb'
    done
    FAULT=check5; run 0 replay --heap 4K calls.trace
    for case in 1:1 2:2 1000:1,000 2500:2,500; do
        FAULT=check${case%:*}; run 3 replay --heap 4K --check calls.trace; says err "(operation ${case#*:} of 2,500): object "
    done
    FAULT=check2501; run 0 replay --heap 4K --check calls.trace
else
    ok 'building a broken heap' false
fi
