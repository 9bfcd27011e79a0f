# shellcheck shell=sh disable=SC2154 # what suite.sh and run.sh set
# Tests of fit --compare. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

run 0 fit --tsv dc_calc.trace
dc_heap=$(column 5)
run 0 fit --compare --tsv dc_calc.trace; cp out compared
is 'what is compared' "$(awk -F '\t' 'NR > 1 { print $2, $3, $4, $5 }' out | sort | tr '\n' ',')" "$(
    for kind in malloc sized; do
        for family in 4k 128k; do for rounds in '4 4' '8 4' '8 8'; do echo "$family $kind $rounds"; done; done
        echo "16m $kind 8 8"
    done | sort | tr '\n' ',')"
ok 'as fit has them' grep -q "^dc_calc	4k	sized	8	8	$dc_heap	" out
ok 'steps: more than one a call, none slower than the slowest' \
    awk -F '\t' 'NR > 1 && !($9 > 1 && $10 > $9 && $10 < 1000) { exit 1 }' out
run 0 fit --compare --tsv dc_calc.trace; ok 'the same in every run' cmp -s compared out
run 0 fit --compare dc_calc.trace
best() { # COLUMN [COLUMN]: of which the sum is the least
    awk -F '\t' -v a="$1" -v b="${2:-$1}" 'NR > 1 && (least == "" || $a + $b < least) { least = $a + $b
        best = $2 ", " $3 ", TSP_ROUND=" $4 ", aligned to " $5 }
        END { print best }' compared
}
says out "  fewest bytes: $(best 6 7)"
says out "  fewest steps: $(best 9)"
ok 'rows for people' grep -qE "^  4k +sized +8 +8 +$(echo $dc_heap | sed 's/...$/,&/') .* [0-9,]+ +[0-9]+\.[0-9] +[0-9]+$" out
ok 'columns of equal width' awk '/^  (variant|[0-9]+[km] )/ { if (n && length != n) exit 1; n = length }' out
printf 'a 0 12 4\na 1 12 4\nf 0\na 2 12 4\n' > exact.trace # 16 bytes each, or 12
run 0 fit --compare --tsv exact.trace; cp out compared
is 'exact sizes' "$(awk -F '\t' '$2 == "4k" && $3 == "sized" { print $4 ":" $6 }' out | tr '\n' ' ')" '8:32 8:32 4:24 '
run 0 fit --compare --tsv --align 4 --variant 16m exact.trace
is 'one alignment of one family' "$(awk -F '\t' 'NR > 1 { print $2, $3, $4, $5, $6 }' out | tr '\n' ',')" '16m sized 8 4 32,16m malloc 8 4 40,'
input=exact.trace run 0 fit --compare --tsv -; is 'standard input, which is read once' "$(wc -l < out) $(cat err)" '7 '
run 0 fit --compare --tsv --for 32 --variant 128k exact.trace
is 'handle and code' "$(awk -F '\t' 'NR == 2 { print $7, $8 }' out)" "20 $(sed -n 's/^CODE(128k, 8, .*, \(.*\))/\1/p' "$root/tool/code.h")"
echo 'a 0 12 4' > one.trace
run 0 fit --compare exact.trace; says out "  fewest bytes: $(best 6 7)"; says out "  fewest steps: $(best 9)"
ok 'a header' grep -qE '^  variant  interface +round +align +heap +handle +code +steps +slowest$' out
is 'what it is about' "$(head -n 1 out)" 'exact: 4 operations, peak 24 bytes'
run 0 fit --tsv --variant 128k exact.trace; handle=$(column 6)
run 0 fit --compare --tsv --variant 128k exact.trace one.trace; is 'the handle, here' "$(column 7)" "$handle"
is 'two traces' "$(cut -f 1 out | uniq | tr '\n' ' ')" 'trace exact one '
run 0 fit --compare --tsv one.trace
ok 'one call is the slowest, and the mean' awk -F '\t' 'NR > 1 && !($9 > 1 && $9 == $10) { exit 1 }' out
# Each second object is freed, and what comes then fits into the last hole only: it takes as many steps as there are holes.
awk 'BEGIN { for (i = 0; i < 200; i++) print "a", i, 8, 0; for (i = 0; i < 198; i += 2) print "f", i
    print "a", 200, 24, 0 }' > holes.trace
run 0 fit --compare --tsv --variant 4k holes.trace
{ cat holes.trace; echo 'f 200'; echo 'a 201 8 0'; } > after.trace
ok 'a step a hole at least' awk -F '\t' 'NR == 2 && !($10 >= 99 && $10 < 1000 && $9 < $10) { exit 1 }' out
slowest=$(column 10)
run 0 fit --compare --tsv --variant 4k after.trace; is 'the slowest is not the last' "$(column 10)" "$slowest"
if command -v arm-none-eabi-gcc > /dev/null && [ "${TSP_TEST_STOP:-0}" = 0 ]; then
    ok 'bytes of code, to 3 %: sh scripts/code.sh > tool/code.h' sh -c "sh '$root/scripts/code.sh' | awk -F '[(, ]+' '
        !/^CODE/ { next } NR == FNR { a[\$2, \$3] = \$4; b[\$2, \$3] = \$5 + 0; next }
        function off(x, y) { return x > y * 1.03 || x < y / 1.03 }
        off(a[\$2, \$3], \$4) || off(b[\$2, \$3], \$5 + 0) { exit 1 } { n++ } END { exit n != 5 }' - '$root/tool/code.h'"
fi
run 1 fit --compare --variant 4k known.trace; says err 'known: no family can hold it'
