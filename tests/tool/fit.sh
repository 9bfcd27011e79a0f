# shellcheck shell=sh disable=SC2154 # what suite.sh and run.sh set
# Tests of fit: traces whose smallest heap is known, and the table. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

# least HEAP PEAK OPTIONS TEXT
least() {
    printf "$4" > least.trace
    # shellcheck disable=SC2086
    run 0 fit --tsv $3 least.trace
    is "heap for '$4' $3" "$(column 5)" "$1"
    is "peak for '$4' $3" "$(column 4)" "$2"
}

least 8 4 '' 'a 0 4 0\n'
least 8 8 '' 'a 0 8 0\n'
least 16 9 '' 'a 0 9 0\n'
least 0 0 '' 'a 0 0 0\nr 0 0\nf 0\n'
least 104 100 '' 'a 0 100 0\nf 0\na 1 100 0\nf 1\na 2 100 0\n'
least 208 200 '' 'a 0 100 4\na 1 100 4\n'                        # each takes 104
least 208 200 '' 'a 0 100 0\na 1 100 0\n'
least 208 200 '--align 4' 'a 0 100 0\na 1 100 0\n'
least 16 14 '' 'a 0 4 0\na 1 4 4\na 2 3 0\na 3 3 0\n'              # below 8 bytes, a granule each
least 168 101 '' 'a 0 1 64\na 1 100 64\n'                        # 64 + 100
least 104 100 '' 'a 0 50 0\nr 0 100\nf 0\na 1 100 0\n'           # grows where it is
least 104 100 '' 'a 0 0 0\nr 0 100\nr 0 0\nr 0 50\n'             # to and from nothing
least 8 8 '--variant 16m' 'a 0 8 0\n'
least 104 100 '' 'a 0 50 0 site=1 ms=2\nr 0 100 thread=2\nf 0 size=100 align=8 colour=red\na 1 100 0 site=3\r\n'
least 8192 8192 '' 'a 0 8192 0\r\n'                              # lines from DOS
least 1050096 1048576 '' 'a 0 1048576 0\n'                     # with the index
input=least.trace run 0 fit --tsv -; is 'stdin' "$(column 5)" 1050096
least 832 800 '--malloc --variant 4k' 'a 0 400 4\na 1 360 4\na 2 40 4\n' # 200 granules, and a bit for each
least 816 800 '--malloc --variant 16m' 'a 0 400 4\na 1 360 4\na 2 40 4\n'

# A size that succeeds alone does not count: the definition, by brute force.
succeeds() { "$teaspoon" replay --heap "$1" --align 8 dc_calc.trace > /dev/null 2>&1; }
size=3552 row=0
while [ $row -lt 17 ] && [ $size -lt 8000 ]; do
    if succeeds $size; then row=$((row + 1)); else row=0; fi
    size=$((size + 8))
done
run 0 fit --tsv dc_calc.trace
dc_heap=$((size - 17 * 8))
is 'dc_calc by brute force' "$(column 5)" $dc_heap

# -- The table ----------------------------------------------------------------------------------------------------

for size in 8192:4k 8193:128k 262136:128k 262144:16m; do
    echo "a 0 ${size%:*} 0" > bytes.trace
    run 0 fit --tsv bytes.trace
    is "variant for $size" "$(column 2)" "${size#*:}"
done
run 1 fit --tsv --variant 4k known.trace
is 'why it does not fit' "$(cat err)" \
    'teaspoon: known: the 4k variant cannot hold it; its largest heap has 262,136 bytes'
run 1 fit --tsv --variant 4k known.trace dc_calc.trace
is 'the others are fitted all the same' "$(column 1)" dc_calc

run 0 fit --malloc --tsv name.trace
is header "$(head -n 1 out)" "$(printf 'trace\tvariant\tinterface\tpeak\theap\thandle\tratio\tops')"
is 'name, from the first line' "$(column 1)" 'lunch box'
is interface "$(column 3)" malloc
is peak "$(column 4)" 100
is ops "$(column 8)" 3
json="\"heap\": $(column 5), \"handle\": $(column 6), \"ratio\": $(column 7), \"ops\": $(column 8)}"
is ratio "$(column 7)" "$(awk -F '\t' 'NR == 2 { printf "%.4f", ($5 + $6) / $4 }' out)"
is 'no more columns' "$(awk -F '\t' 'NR == 2 { print NF }' out)" 8
echo 'a 0 1 0' > a_name_of_more_than_forty_seven_letters_is_cut_off_there.trace
run 0 fit --tsv a_name_*.trace; is 'a long name' "$(column 1)" a_name_of_more_than_forty_seven_letters_is_cut_
mkdir -p deep && echo 'a 0 1 0' > deep/soup.spoon.trace
run 0 fit --tsv deep/soup.spoon.trace
is "name, from the file's" "$(column 1)" soup.spoon
run 0 fit name.trace known.trace deep/soup.spoon.trace
says out '262,144'
mean=$(sed -n 's/^geometric mean of 3 *//p' out)
run 0 fit --tsv name.trace known.trace deep/soup.spoon.trace
is 'the mean' "$(awk -F '\t' 'NR > 1 { n++; sum += log(($5 + $6) / $4) } END { printf "%.3f", exp(sum / n) }' out)" "$mean"
run 0 fit deep/soup.spoon.trace known.trace # the first is far above the mean
is 'a mean of two' "$(sed -n 's/^geometric mean of 2 *//p' out)" "$(
    "$teaspoon" fit --tsv deep/soup.spoon.trace known.trace |
        awk -F '\t' 'NR > 1 { product = NR == 2 ? ($5 + $6) / $4 : product * ($5 + $6) / $4 }
            END { printf "%.3f", sqrt(product) }')"
run 0 fit name.trace known.trace deep/soup.spoon.trace
ok 'a line for the mean' grep -q '^geometric mean of 3  *[0-9]*\.[0-9]*$' out
ok 'columns are aligned' awk '{ if (NR > 1 && NR < 5 && length != n) exit 1; n = length }' out

echo 'a 0 100 0' > short.trace
printf '# name: a name of some thirty letters, no less\na 0 100 0\nf 0\na 1 3000 0\n' > wide.trace
cat > expected <<'END'
trace                    variant  interface        peak        heap  handle   ratio       ops
short                    4k       sized             100         104      16   1.200         1
trace                          variant  interface        peak        heap  handle   ratio       ops
short                          4k       sized             100         104      16   1.200         1
a name of some thirty letters  4k       sized           3,000       3,000      16   1.005         3
geometric mean of 2                                                          1.098
trace                          variant  interface        peak        heap  handle   ratio       ops  99 % of runs    all runs        give
a name of some thirty letters  4k       sized           3,000       3,000      16   1.005         3         3,136       3,136       3,200
trace	variant	interface	peak	heap	handle	ratio	ops	variations	heap99	heap100	give
a name of some thirty letters	4k	sized	3000	3000	16	1.0053	3	10	3136	3136	3200
END
run 0 fit --for 32 short.trace; cp out tables
run 0 fit --for 32 short.trace wide.trace; cat out >> tables
run 0 fit --for 32 --vary=10 wide.trace; cat out >> tables
run 0 fit --for 32 --vary=10 --tsv wide.trace; cat out >> tables
ok 'tables, as people and programs read them' diff expected tables
run 0 fit --tsv --for 32 short.trace; handle=$(column 6)
run 0 fit --tsv short.trace
[ "$(getconf LONG_BIT)" = 32 ] || ok 'the handle on this machine is larger' [ "$(column 6)" -gt "$handle" ]
run 1 fit --variant 4k known.trace; is 'no table of nothing' "$(cat out)" ''

run 0 fit --json --malloc name.trace known.trace
is 'JSON, first object' "$(head -n 1 out)" \
    "[{\"trace\": \"lunch box\", \"variant\": \"4k\", \"interface\": \"malloc\", \"peak\": 100, $json,"
if command -v python3 > /dev/null; then
    ok 'JSON is JSON' python3 -c 'import json, sys
rows = json.load(open("out"))
sys.exit([r["peak"] for r in rows] != [100, 262144])'
    printf '# name: a "b\\c"\na 0 0 0\n' > quote.trace
    run 0 fit --json quote.trace
    ok 'a name with quotes, and a peak of nothing' python3 -c 'import json, sys
row, = json.load(open("out"))
sys.exit(row["trace"] != "a \"b\\c\"" or row["ratio"] is not None)'
fi
run 1 fit --json --variant 4k known.trace; is 'JSON of nothing' "$(cat out)" '[]'

run 0 fit --max 104 name.trace
run 1 fit --max 103 name.trace
is 'more than may be had' "$(cat err)" 'teaspoon: lunch box needs a heap of 104 bytes, and may have 103'
says out 'lunch box'
run 1 fit --max 1K name.trace known.trace dc_calc.trace
is 'each that needs more' "$(sed 's/of [0-9,]* bytes/of N bytes/' err)" \
    'teaspoon: known needs a heap of N bytes, and may have 1,024
teaspoon: dc_calc needs a heap of N bytes, and may have 1,024'

# Progress, on a terminal only, and none before a second has passed.
if script -qec true /dev/null > out 2> err < /dev/null; then
    gunzip -c "$root/traces/large/cjson_registry.trace.gz" > slow.trace
    many=$(awk 'BEGIN { while (n++ < 40) printf " slow.trace" }')
    script -qfec "exec timeout 60 '$teaspoon' fit $many" /dev/null > out 2> err < /dev/null &
    until grep -q 'cjson_registry: [0-9,]* bytes \.\.\.' out || ! kill -0 $! 2> err; do sleep 0.1; done
    kill $! 2> err
    ok 'progress on a terminal' grep -q 'fit cjson_registry: [0-9,]* bytes \.\.\.' out
    script -qec "'$teaspoon' fit name.trace" /dev/null > out 2> err < /dev/null
    ok 'but not at once' sh -c '! grep -q "\.\.\." out'
fi
run 0 fit dc_calc.trace; is 'nor into a file' "$(cat err)" ''
