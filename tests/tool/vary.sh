# shellcheck shell=sh disable=SC2154 # what suite.sh and run.sh set
# Tests of what another run may need, and of other targets. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

misused '--vary is a number of variations, 1 to 10000; not 0' fit --vary=0 x
misused '--vary is a number of variations, 1 to 10000; not 10001' fit --vary=10001 x
misused "--for is 32 or the pointers' bits of this machine; not 16" fit --for 16 x
misused '--compare is a table of its own, without --json, --vary and --max' fit --compare --vary x

# varied N TEXT HEAP99 HEAP100 GIVE: the same on every machine.
varied() {
    # shellcheck disable=SC2059
    printf "$2" > varied.trace
    run 0 fit --tsv --vary=$1 varied.trace
    is "variations of '$2'" "$(column 9) $(column 10) $(column 11) $(column 12)" "$1 $3 $4 $5"
}
varied 100 'a 0 1000 0\n' 1056 1056 1088                                # 1050 at most, in steps of 16 bytes, and 64
varied 200 'a 0 1000 0\na 1 500 0\nf 0\na 2 900 0\n' 2512 2608 2688     # 1 before 0 is freed: 1052 + 525 + 945
awk 'BEGIN { for (i = 0; i < 80; i++) {
    print "a", i, i < 40 ? 24 + i : 40, 0
    if (i < 40 ? i % 2 : i % 3 == 0) print "f", i < 40 ? i - 1 : i } }' > churn.trace
run 0 fit --tsv --vary churn.trace; is 'all of churn' "$(column 9) $(column 10) $(column 11) $(column 12)" '100 2272 2272 2304'
run 0 fit --tsv --vary=10 churn.trace; is 'ten of churn' "$(column 10) $(column 11)" '2240 2240'
run 0 fit --json --vary=10 churn.trace; says out '"variations": 10, "heap99": 2240, "heap100": 2240, "give": 2304}]'
run 0 fit --vary=10 churn.trace; ok 'the numbers for people' grep -qE '^churn .* 113 +2,240 +2,240 +2,304$' out
run 0 fit --vary --max 2272 churn.trace
run 1 fit --vary --max 2271 churn.trace; says err 'churn needs a heap of 2,272 bytes, and may have 2,271'
echo 'a 0 262100 0' > edge.trace
run 0 fit --tsv --vary edge.trace; is 'the family that holds all variations' "$(column 2)" 16m
run 1 fit --tsv --vary --variant 4k edge.trace
is 'or none' "$(cat err)" 'teaspoon: edge: the 4k variant cannot hold its variations; its largest heap has 262,136 bytes'

# What variations are, and their heap, by the definitions.
unit vary search replay trace say family

printf '# name: wide, recorded by teaspoon, pointer size: 8, process 3\na 0 1000 0\n' > wide.trace
for handle in 4k:16 128k:20 16m:32; do
    run 0 fit --tsv --for 32 --variant ${handle%:*} wide.trace; is "handle of ${handle%:*}" "$(column 6)" ${handle#*:}
done
is 'pointers' "$(cat err)" 'teaspoon: wide was recorded with pointers of 8 bytes: with 4, structures that have some need less'
run 0 fit --tsv --for 32 dc_calc.trace; is 'of 4 bytes' "$(cat err)" ''
