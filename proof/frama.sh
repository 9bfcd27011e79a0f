#!/bin/sh
# Frama-C over src/: Eva for single calls on small heaps over arbitrary bytes (eva.c says why one call is enough),
# and WP for the arithmetic and the accessors of a heap of any size (contracts: wp.acsl). Ends in one line with the
# figures, and fails at the first alarm, the first unproved goal, or a precondition of our own that does not hold.
#     sh proof/frama.sh [DIR]     DIR, by default build/frama, is for what it makes
cd "$(dirname "$0")/.." || exit 1
out=${1:-build/frama}
rm -rf "$out"
mkdir -p "$out"
failures=0
for tool in frama-c why3 z3 cvc4; do
    command -v $tool > /dev/null 2>&1 && continue
    echo "frama-c: skipped, there is no $tool"
    exit 0
done
plain="-Iinclude -I$(frama-c -print-share-path)/libc -DTSP_LOCK=0 -U__GNUC__"

fails() { # LOG WHAT
    echo "FAILED: $2"
    grep -E -A 4 'alarm\]|rror|(Failed|Timeout|Unknown|Stepout)\] Goal' "$1" | head -n 40
    failures=$((failures + 1))
}

# eva FAMILY GRANULES BYTES KIND CALL [FLAG]: GRANULES of so many BYTES; KIND 1 is a sized heap, 2 one that remembers
# sizes. In heaps this small every object is large, unless -DTSP_LARGE=1 says that none is.
calls=
eva() {
    log=$out/eva.$1.$2.$4.$5
    last=$(printf '0x%x' $((4096 + $2 * $3 + ($4 - 1) * (($2 + 7) / 8) - 1)))
    frama-c -machdep gcc_x86_32 \
        -cpp-extra-args="-Isrc $plain -DFAMILY=\"\\\"$1.c\\\"\" -DGRANULES=$2 -DKIND=$4 -DCALL=$5_ $6" proof/eva.c \
        -absolute-valid-range "0x1000-$last" -eva -eva-slevel 1000000 -eva-ilevel 256 -eva-split-return full \
        -eva-no-show-progress -eva-msg-key=-initial-state,-final-states > "$log" 2>&1
    if grep -q '^  0 alarms generated' "$log" && ! grep -qE '[1-9][0-9]* (unknown|invalid)|^\[eva:alarm' "$log"; then
        calls="$calls $5"
    else
        fails "$log" "Eva: $5, $1, $2 granules, kind $4"
    fi
}
eva tsp4k 6 4 1 init
eva tsp4k 6 4 2 init
eva tsp4k 4 4 1 alloc
eva tsp4k 3 4 1 alloc -DTSP_LARGE=1
eva tsp4k 4 4 1 dealloc
eva tsp4k 4 4 2 dealloc
eva tsp4k 2 4 1 resize
eva tsp16m 6 8 1 init
eva tsp16m 2 8 1 alloc
eva tsp16m 3 8 1 dealloc

# A copy with the contracts of wp.acsl, each before its line. (What a function is besides static does not matter.)
cp -r src include "$out"
for file in $(sed -n 's/^@ src\/\([^ ]*\) .*/\1/p' proof/wp.acsl | sort -u); do
    awk -v name="src/$file" '
        FNR == NR && /^@ / { here = $2 == name; if (here) key[++n] = substr($0, length($2) + 4); next }
        FNR == NR { if (here) block[n] = block[n] $0 "\n"; next }
        function is_here(key) { # "name(" is the line that defines it: static void name(
            return index($0, key) == 1 || (key ~ /^[a-z_]+\($/ && /^static / && match($0, /[a-z_]+\(/) &&
                                           substr($0, RSTART, RLENGTH) == key)
        }
        { for (i = 1; i <= n; i++) if (is_here(key[i])) { printf "%s", block[i]; seen[i]++ }; print }
        END { for (i = 1; i <= n; i++) if (seen[i] != 1) { print "#error wp.acsl: not one line is " key[i] } }
    ' proof/wp.acsl "src/$file" > "$out/src/$file"
done
export WHY3CONFIG="$out/why3.conf"
why3 config detect > "$out/why3.log" 2>&1
proved=0
wp() { # OPTION...
    frama-c -machdep gcc_x86_32 -cpp-extra-args="-I$out/src $plain" "$out/src/tsp4k.c" -wp -wp-rte -wp-prover z3,cvc4 \
        -wp-timeout 20 -wp-par 1 "$@" > "$out/wp" 2>&1
    goals=$(sed -n 's/^\[wp\] Proved goals: *\([0-9]*\) *\/ *\([0-9]*\)$/\1 of \2/p' "$out/wp")
    [ "$goals" ] && [ "${goals% of *}" = "${goals#* of }" ] || fails "$out/wp" "WP: ${goals:-no} goals"
    proved=$((proved + ${goals%% *}))
}
wp -wp-prop=@lemma
wp -wp-fct "$(sed -n 's/^Proved: //p' proof/wp.acsl | paste -sd, -)"


# What WP is not told of bits (wp.acsl), in numbers of 16, 32 and 64: the opposite holds of none.
for width in 16 32 64; do
    for fact in '(bvule (bvand x (bvnot y)) x)' '(= (bvugt (bvxor x (bvsub x one)) (bvsub x one))
            (and (distinct x zero) (= (bvand x (bvsub x one)) zero)))'; do
        type="(_ BitVec $width)"
        if echo "(declare-const x $type) (declare-const y $type) (define-fun zero () $type (_ bv0 $width))
                (define-fun one () $type (_ bv1 $width)) (assert (not $fact)) (check-sat)" | z3 -in > "$out/bits" 2>&1 &&
            grep -q '^unsat$' "$out/bits"; then
            proved=$((proved + 1))
        else
            fails "$out/bits" "z3, $width bits: $fact"
        fi
    done
done

echo "frama-c: Eva 0 alarms in $(echo "$calls" | wc -w) analyses, WP $proved goals proved, $failures failures"
[ $failures = 0 ]
