#!/bin/sh
# Everything that is proved or exhausted, and too long for every commit; called by `make proof`.
#     sh proof/proof.sh [PART...]      states worst spin frama lint machines chips compilers failures; all of them without an
#                                      argument.
#                                      A last argument quick is for CI: less of those parts that take long.
# Each part ends in a line with its figures; the last line here has all of them. Output stays in build/proof/PART.
cd "$(dirname "$0")/.." || exit 1
. scripts/suites.sh
out=build/proof
mkdir -p "$out"

quick=
parts=
for part in "$@"; do
    if [ "$part" = quick ]; then quick=quick; else parts="$parts $part"; fi
done

states() { sh proof/states.sh $quick; }

worst() {
    ${CC:-cc} -std=c11 -O2 -DTSP_ROUND=4 -DTSP_LOCK=0 -Iinclude -o "$out/worst.bin" proof/worst.c src/tsp4k.c \
        src/common.c && "$out/worst.bin" > "$out/table" || return 1
    sed '/^(/,$d' "$out/table"
    echo "worst: $(grep -c '^| [1-9]' "$out/table") loads, $(sed -n 's/^(\(.*\) states)$/\1/p' "$out/table") states visited"
}

spin() { sh proof/spin.sh; }
frama() { sh proof/frama.sh; }
lint() { sh proof/lint.sh; }
machines() { sh proof/machines.sh; }
chips() { sh proof/chips.sh; }

# The behaviour tests as other compilers make them, and under those sanitizers that CI, which has clang's for 32 bits,
# has not.
compilers() {
    told=
    bad=0
    sanitize="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
    for here in "gcc -m32 -O2" "clang -m64 -O2" "gcc -m64 $sanitize" "gcc -m32 $sanitize" "clang -m64 $sanitize"; do
        sh tests/all.sh "$out/tests" "${here%% *}" "${here#* }" > "$out/tests.out" 2>&1 || bad=1
        cat "$out/tests.out"
        told="$told ${here%% -g*} $(tail -n 1 "$out/tests.out");"
    done
    echo "compilers:${told%;}"
    return $bad
}

# Each request of the tiny traces finds no memory, each 997th of the small ones, and the program goes on.
failures() {
    make -s build/teaspoon || return 1
    for kind in sized malloc; do
        build/teaspoon replay --heap min --$kind --fail-each 1 traces/tiny/*.gz || return 1
        [ "$quick" ] || build/teaspoon replay --heap min --$kind --fail-each 997 traces/small/*.gz || return 1
    done > "$out/replays"
    awk '/requests failed/ { sub(/.*\): /, ""); gsub(/,/, ""); n += $1 }
        END { print "failures: " n " requests failed, nothing was lost" }' "$out/replays"
}

sums=
failed=
for part in ${parts:-states worst spin frama lint machines chips compilers failures}; do
    echo "== $part"
    { $part 2>&1; echo "exit status $?"; } | tee "$out/$part" | grep -v '^exit status [0-9]*$'
    tail -n 1 "$out/$part" | grep -q ' 0$' || failed="$failed $part"
    sums="$sums$(tail -n 2 "$out/$part" | head -n 1); "
done
echo "proof:${failed:+ FAILED:$failed;} ${sums%; }"
[ -z "$failed" ]
