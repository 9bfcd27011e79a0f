#!/bin/sh
# Every state of small heaps (tests/explore.c), in larger heaps than `make test` has time for.
#     sh proof/states.sh [quick]
# quick: a minute or two on two cores, for CI; otherwise an hour or so. Prints what was visited, by family and
# kind, and ends in one line with the sums. In heaps this small every object is large, unless -DTSP_LARGE says otherwise.
cd "$(dirname "$0")/.." || exit 1
out=build/states
mkdir -p "$out"

# task GRANULES MISUSED FLIPPED FAMILY FLAG...: explores heaps up to these sizes, both kinds
task() {
    most="-DMOST=$1 -DMOST_MISUSED=$2 -DMOST_FLIPPED=$3"
    family=$4
    shift 4
    name=$(echo "$family$*" | tr -c 'a-zA-Z0-9\n' _)
    # shellcheck disable=SC2086 # flags are words
    ${CC:-cc} -std=c99 -O2 -Iinclude "$@" -c -o "$out/$name.o" "src/$family.c" &&
        ${CC:-cc} -std=c11 -O2 -Iinclude -DTSP_V="$family" -DTEST_SECONDS=7200 $most "$@" -o "$out/$name" \
            tests/explore.c "$out/$name.o" src/common.c && "$out/$name" > "$out/$name.out" 2>&1
    echo "$family $*: $(tail -n 1 "$out/$name.out")"
}

if [ "$1" = task ]; then # this script calls itself
    shift
    task "$@"
    exit
fi

# An index of several chunks, levels and mixed bins; or of chunks that are as large as half the heap, and exact bins.
index="-DTSP_INDEX_FROM=1 -DTSP_CHUNK=4 -DTSP_FAN=2 -DTSP_EXACT_BITS=1 -DTSP_SPAN=1"
wide="-DTSP_INDEX_FROM=1 -DTSP_CHUNK=7 -DTSP_FAN=2 -DTSP_EXACT_BITS=5 -DTSP_SPAN=1"

rm -f "$out"/*.out
if [ "$1" = quick ]; then
    cat << END
12 8 6 tsp4k
12 8 8 tsp4k -DTSP_LARGE=3
10 7 7 tsp16m
9 6 6 tsp16m $index
9 6 6 tsp16m $index -DTSP_LARGE=3
10 7 7 tsp4k -DTSP_ROUND=4 -DTSP_LARGE=3
8 6 4 tsp128k $index
END
else
    cat << END
16 10 8 tsp4k
16 12 10 tsp4k -DTSP_LARGE=3
13 10 9 tsp16m
14 11 9 tsp16m -DTSP_LARGE=3
12 9 8 tsp16m $index
13 10 9 tsp16m $index -DTSP_LARGE=3
13 10 9 tsp16m $wide -DTSP_LARGE=2
12 9 8 tsp4k -DTSP_ROUND=4
13 10 9 tsp4k -DTSP_ROUND=4 -DTSP_LARGE=3
12 8 8 tsp128k $index -DTSP_LARGE=4
END
fi | xargs -P 2 -L 1 sh proof/states.sh task > "$out/summary"
cat "$out"/*.out | grep -E '^(tsp| )'
grep -v ' passed, 0 failed$' "$out/summary" && exit 1
awk 'function before(word, i) { for (i = 1; $(i + 1) != word; i++) {} return $i }
    { gsub(",", "") }
    / bases / { states += before("states"); calls += before("calls") }
    / believed$/ { refused += before("calls") }
    / one bit wrong$/ { damaged += before("calls") }
    / bits check / { bits += before("bits") }
    END { printf "states: %.0f states and %.0f calls as foreseen, %.0f misuses refused, %.0f calls after %.0f flipped bits\n",
        states, calls, refused, damaged, bits }' "$out"/*.out
