#!/bin/sh
# Fuzzes the library through fuzz.c. Replays the corpus in every build, then lets libFuzzer and AFL++ search from there,
# all under AddressSanitizer and UndefinedBehaviorSanitizer, and tells which branches of src/ the corpus and what they
# found reach.
#
#     sh proof/fuzz.sh [SECONDS]    that long altogether, after building and replaying: 3600 unless it says otherwise
#     sh proof/fuzz.sh keep         after that: proof/corpus becomes the fewest of its inputs and of those found that
#                                   reach every edge, each named for the build that needed it, beside all bug-*
#
# An input bug-WHAT is one that shows a fault of the engine's, real or planted, and is kept for ever.
#
# build/fuzz is made anew. Whatever crashes, or does not come back, lands in build/fuzz/found/ and is named with the
# command that repeats it. Needs clang-19 and afl++, and skips what is missing. SPDX-License-Identifier: BSD-3-Clause
set -u
cd "$(dirname "$0")/.." || exit 2
work=build/fuzz
corpus=proof/corpus
LLVM=${LLVM:-19}
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"
variants="tsp4k tsp4k-round4 tsp16m tsp16m-index tsp128k-chunks"
longest=512 # bytes of an input

# round4: exact sizes, so splinters. index: an index of several chunks, levels and mixed bins in the smallest heaps. In
# these two a small heap has small objects and large ones. chunks: the index that otherwise only large heaps have. The
# rest have none, so that tsp128k would be tsp4k under another name.
flags() {
    case $1 in
    *-round4) echo "-DTSP_V=${1%-*} -DTSP_ROUND=4 -DTSP_LARGE=3" ;;
    *-index)
        echo "-DTSP_V=${1%-*} -DTSP_INDEX_FROM=1 -DTSP_CHUNK=4 -DTSP_FAN=2 -DTSP_EXACT_BITS=1 -DTSP_SPAN=3 -DTSP_LARGE=3"
        ;;
    *-chunks) echo "-DTSP_V=${1%-*} -DTSP_INDEX_FROM=1" ;;
    *) echo "-DTSP_V=$1" ;;
    esac
}

# build KIND VARIANT COMPILER FLAG...: one program, KIND-VARIANT
# shellcheck disable=SC2046 # flags are words
build() {
    kind=$1
    variant=$2
    shift 2
    "$@" -std=c11 -O1 -g -Wall -Wextra $(flags "$variant") -Iinclude -include proof/steps.h \
        -o "$work/$kind-$variant" "${harness:-proof/fuzz.c}" "src/${variant%%-*}.c" \
        > "$work/compiler.log" 2>&1 && return
    cat "$work/compiler.log"
    echo "fuzz: $kind-$variant does not build"
    exit 1
}

# The harness itself is not instrumented: it is the library's edges that count.
# shellcheck disable=SC2086,SC2046
build_libfuzzer() {
    harness=$work/harness.o
    "clang-$LLVM" -std=c11 -O1 -g $sanitize $(flags "$1") -Iinclude -c -o "$harness" proof/fuzz.c || exit 1
    build libfuzzer "$1" "clang-$LLVM" $sanitize -fsanitize=fuzzer
    harness=
}

have() {
    command -v "$1" > /dev/null 2>&1
}

skip() {
    echo "skipped: $1 is not installed"
}

# -- keep ---------------------------------------------------------------------------------------------------------

if [ "${1:-}" = keep ]; then
    have "clang-$LLVM" || { skip "clang-$LLVM"; exit 1; }
    rm -rf "$work/kept"
    mkdir -p "$work/kept"
    cp $corpus/bug-* "$work/kept" 2> /dev/null
    for variant in $variants; do
        [ -x "$work/libfuzzer-$variant" ] || build_libfuzzer "$variant"
        # shellcheck disable=SC2046 # folders
        "$work/libfuzzer-$variant" -merge=1 -use_counters=0 -max_len=$longest "$work/kept" $corpus \
            $(find "$work" -type d \( -path '*/new/*' -o -name queue \)) > "$work/merge.log" 2>&1 ||
            { tail "$work/merge.log"; exit 1; }
        number=1
        for file in "$work"/kept/*; do # libFuzzer names what it adds by a hash
            case ${file##*/} in *-*) continue ;; esac
            mv "$file" "$work/kept/$variant-$(printf %03d $number)"
            number=$((number + 1))
        done
    done
    rm -f $corpus/*
    cp "$work"/kept/* $corpus/
    echo "fuzz: $(find $corpus -type f | wc -l) inputs kept, $(cat $corpus/* | wc -c) bytes"
    exit 0
fi

# -- Replay -------------------------------------------------------------------------------------------------------

seconds=${1:-3600}
rm -rf "$work"
mkdir -p "$work/found" "$work/new"
crashes=0
executions=0
builds=0

# crash PROGRAM FILE: one that was found
crash() {
    crashes=$((crashes + 1))
    echo "FOUND: $1 $2"
}

# shellcheck disable=SC2086 # flags are words
for variant in $variants; do
    build replay "$variant" "${CC:-cc}" $sanitize -DREPLAY
    if "$work/replay-$variant" $corpus/* > "$work/replay.log" 2>&1; then
        echo "replay-$variant: $(tail -n 1 "$work/replay.log")"
    else # one by one, to name each that fails
        for input in "$corpus"/*; do
            "$work/replay-$variant" "$input" > "$work/replay.log" 2>&1 && continue
            grep -aE '[ch]:[0-9]+:|ERROR' "$work/replay.log" | head -n 12
            crash "$work/replay-$variant" "$input"
        done
    fi
done

# -- Search -------------------------------------------------------------------------------------------------------

fuzzers=
if have "clang-$LLVM"; then
    for variant in $variants; do
        build_libfuzzer "$variant"
        fuzzers="$fuzzers libfuzzer-$variant"
    done
else
    skip "clang-$LLVM"
fi
# shellcheck disable=SC2086
if have afl-fuzz && have afl-clang-fast; then
    for variant in $variants; do
        build afl "$variant" afl-clang-fast $sanitize -fsanitize=fuzzer
        fuzzers="$fuzzers afl-$variant"
    done
else
    skip afl++
fi
for fuzzer in $fuzzers; do builds=$((builds + 1)); done
export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_NO_COLOR=1
[ $builds = 0 ] || each=$((seconds / builds > 0 ? seconds / builds : 1))

# Both forget what they found in another build, so that one can be repeated alone. Seeds are fixed.
for fuzzer in $fuzzers; do
    variant=${fuzzer#*-}
    log=$work/$fuzzer.log
    found=$work/found/$fuzzer
    mkdir -p "$found"
    case $fuzzer in
    libfuzzer-*)
        mkdir "$work/new/$variant"
        "$work/$fuzzer" -seed=1 -max_total_time="$each" -max_len=$longest -timeout=10 -print_final_stats=1 \
            -artifact_prefix="$found/" "$work/new/$variant" $corpus > "$log" 2>&1
        done_now=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        ;;
    afl-*)
        mkdir -p "$work/afl"
        afl-fuzz -s 1 -V "$each" -G $longest -t 10000 -m none -i $corpus -o "$work/afl/$variant" -- "$work/$fuzzer" \
            > "$log" 2>&1
        for file in "$work/afl/$variant/default"/crashes/id* "$work/afl/$variant/default"/hangs/id*; do
            name=${file#*/default/} # crashes/id:000000,sig:06,...
            [ -e "$file" ] && cp "$file" "$found/${name%%/*}-$(echo "$name" | sed 's/.*id:\([0-9]*\).*/\1/')"
        done
        done_now=$(sed -n 's/^execs_done *: *//p' "$work/afl/$variant/default/fuzzer_stats")
        ;;
    esac
    if [ "${done_now:-0}" = 0 ]; then
        tail -n 20 "$log"
        echo "fuzz: $fuzzer did not run"
        exit 1
    fi
    echo "$fuzzer: $done_now executions in $each s"
    executions=$((executions + done_now))
    for input in "$found"/*; do
        [ -e "$input" ] && crash "$work/replay-$variant" "$input"
    done
done

# -- What was reached ---------------------------------------------------------------------------------------------

covered="branches not counted"
if have "clang-$LLVM" && have "llvm-cov-$LLVM"; then
    for variant in $variants; do
        build cover "$variant" "clang-$LLVM" -DREPLAY -fprofile-instr-generate -fcoverage-mapping
        find $corpus "$work" -type f \( -path "$corpus/*" -o -path '*/new/*' -o -path '*/queue/id*' \) \
            -exec env LLVM_PROFILE_FILE="$work/raw-$variant.%p" "$work/cover-$variant" {} + > /dev/null 2>&1
        "llvm-profdata-$LLVM" merge -o "$work/$variant.profile" "$work/raw-$variant".*
        "llvm-cov-$LLVM" report "$work/cover-$variant" -instr-profile="$work/$variant.profile" src |
            awk '$1 == "TOTAL" { print $(NF - 2) - $(NF - 1), $(NF - 2) }'
        "llvm-cov-$LLVM" show "$work/cover-$variant" -instr-profile="$work/$variant.profile" -show-branches=count src \
            > "$work/cover-$variant.txt"
    done > "$work/covered"
    covered=$(awk '{ n += $1; of += $2 } END { print n " of " of " branches of src/ taken" }' "$work/covered")
else
    skip "llvm-cov-$LLVM"
fi

echo "fuzz: $builds builds, $(find $corpus -type f | wc -l) inputs in the corpus, $executions executions," \
    "$covered, $crashes crashes"
[ $crashes = 0 ]
