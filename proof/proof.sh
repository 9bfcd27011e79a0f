#!/bin/sh
# Everything that is proved or exhausted, and too long for every commit; called by `make proof`.
#     sh proof/proof.sh [PART...]      states worst spin frama lint machines failures; all of them without an argument
# Each part ends in one line with its figures, in build/proof/PART too; the last line here says which parts hold.
cd "$(dirname "$0")/.." || exit 1
. scripts/suites.sh
out=build/proof
mkdir -p "$out"

states() { sh proof/states.sh $quick; }

worst() {
    ${CC:-cc} -std=c11 -O2 -DTSP_ROUND=4 -DTSP_LOCK=0 -Iinclude -o "$out/worst.bin" proof/worst.c src/tsp4k.c \
        src/common.c && "$out/worst.bin"
}

spin() { sh proof/spin.sh; }
frama() { sh proof/frama.sh; }
lint() { sh proof/lint.sh; }
machines() { sh proof/machines.sh; }

# Every trace that is not large, once for each of its requests, which then finds no memory.
failures() {
    make -s build/teaspoon || return 1
    for trace in traces/tiny/*.gz traces/small/*.gz; do echo "$trace"; done |
        xargs -P 2 -I {} build/teaspoon replay --fail-each {} > "$out/replays" 2>&1 || { cat "$out/replays"; return 1; }
    awk '{ print } { n += $3 } END { print "failures: " NR " traces, " n " requests" }' "$out/replays"
}

held=
failed=
for part in ${*:-states worst spin frama lint machines failures}; do
    echo "== $part"
    { $part 2>&1; echo "exit status $?"; } | tee "$out/$part" | grep -v '^exit status [0-9]*$'
    if tail -n 1 "$out/$part" | grep -q ' 0$'; then held="$held $part"; else failed="$failed $part"; fi
done
echo "proof: holds:${held:- nothing}; fails:${failed:- nothing}"
[ -z "$failed" ]
