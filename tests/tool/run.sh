#!/bin/sh
# Tests of the command. Usage: sh tests/tool/run.sh TEASPOON; CC and CFLAGS are for the one that builds a broken heap.
# One line per failure; the last line is "N passed, N failed". TSP_TEST_STOP=1: ends with the first that fails.
# TSP_TEST_OBJECTS: the command's, to build the one with a broken heap from, instead of the sources. TSP_TEST_LIBRARY:
# the library, where it is not beside the command.
set -u

# shellcheck source=tests/tool/suite.sh
. "$(dirname "$0")/suite.sh"

column() { awk -F '\t' -v c="$1" 'NR == 2 { print $c }' out; }

# -- The command line ---------------------------------------------------------------------------------------------

# misused MESSAGE ARGUMENT...: one line, without the usage.
misused() {
    message=$1
    shift
    run 2 "$@"
    is "message of teaspoon $*" "$(cat err)" "teaspoon: $message; see \`teaspoon help\`"
}
misused 'what shall it do'
misused 'there is no command frobnicate' frobnicate
misused 'too many words after help' help fit replay
misused '--tsv or --json, not both' fit --tsv --json x
misused '--max is a number of bytes such as 2000, 8K or 1M; not x' fit --max x y
run 2 fit; says err 'no trace given'
run 2 fit --frobnicate; says err "unrecognized option '--frobnicate'"
run 2 fit --variant 5k x; says err '--variant is 4k, 128k, 16m or auto, not 5k'
run 2 fit --align 3 x; says err '--align is 4, 8 or 16, not 3'
run 2 fit --heap 8K x; says err 'unrecognized option'
run 2 fit - -; says err 'standard input can be read only once'
run 2 replay x; says err 'replay needs --heap'
for bytes in '' x -8 8Q 8KB 99999999999999999999 99999999999G; do
    run 2 replay --heap "$bytes" x; says err '--heap is a number of bytes'
done
run 2 help nothing; says err 'no help about nothing'
run 0 --help; says out 'a ID SIZE ALIGN'
run 0 help; says out 'Exit status'
run 0 help fit; says out 'smallest multiple of 8'
run 0 fit --help; says out '--tsv'
run 0 replay --help; says out 'low_free'
for about in fit replay record decode look; do
    run 0 help $about; cp out help.out
    ok "teaspoon $about -h" "$teaspoon" $about -h > out
    ok "is teaspoon help $about" cmp -s help.out out
    run 0 $about --help; ok "and teaspoon $about --help" cmp -s help.out out
    ok "help of at most 120 columns" awk 'length > 120 { exit 1 }' out
done
run 0 -h; says out 'Exit status'
run 0 -V; cp out version.out
run 0 version; ok '-V is version' cmp -s version.out out
run 0 --version
is version "$(cat out)" "teaspoon $(sed -n 's/#define TSP_VERSION "\(.*\)"/\1/p' "$root/include/teaspoon.h")"
run 2 fit nowhere.trace; says err 'nowhere.trace: No such file'
run 2 fit .; says err 'cannot read .: '

# -- Malformed traces: file, line, and what is wrong -----------------------------------------------------------------

# bad LINE MESSAGE TEXT: the text is a format for printf.
bad() {
    # shellcheck disable=SC2059
    printf "$3" > bad.trace
    run 2 fit bad.trace
    is "message for '$3'" "$(cat err)" "bad.trace:$1: $2"
}

bad 1 'the trace ends without any operation' ''
bad 2 'the trace ends without any operation' '# name: nothing\n\n'
bad 2 "unknown operation 'x': a line begins with a, r, f or #" 'a 0 4 0\nx 1\n'
bad 1 "unknown operation 'alloc': a line begins with a, r, f or #" 'alloc 0 4 0\n'
bad 1 "unknown operation '????': a line begins with a, r, f or #" '\001\377\033\200\n'
bad 1 'a zero byte: this is not a text file' 'a 0 4\0000\n'
bad 1 'too few fields: the line must read a ID SIZE ALIGN' 'a 0 4\n'
bad 1 'too many fields: the line must read a ID SIZE ALIGN' 'a 0 4 0 0\n'
bad 1 'too many fields: the line must read a ID SIZE ALIGN' 'a 0 4 0 0 0 0 0 0\n'
bad 2 'too few fields: the line must read r ID NEWSIZE' 'a 0 4 0\nr 0\n'
bad 2 'too many fields: the line must read r ID NEWSIZE' 'a 0 4 0\nr 0 4 4\n'
bad 2 'too few fields: the line must read f ID' 'a 0 4 0\nf'
bad 2 'too many fields: the line must read f ID' 'a 0 4 0\nf 0 4\n'
bad 1 "ID is not a number: 'x'" 'a x 4 0\n'
bad 1 "SIZE is not a number: '0x10'" 'a 0 0x10 0\n'
bad 1 "SIZE is not a number: '4.5'" 'a 0 4.5 0\n'
bad 1 "SIZE is not a number: '+4'" 'a 0 +4 0\n'
bad 1 'SIZE is negative: -4' 'a 0 -4 0\n'
bad 1 'ID is negative: -1' 'a -1 4 0\n'
bad 2 'NEWSIZE is negative: -4' 'a 0 4 0\nr 0 -4\n'
bad 1 'SIZE is too large: 18446744073709551616' 'a 0 18446744073709551616 0\n'
bad 1 'SIZE is too large: 18446744073709551615' 'a 0 18446744073709551615 0\n'
bad 1 'SIZE is too large: 99999999999999999999...' 'a 0 9999999999999999999999999 0\n'
bad 1 'ID is too large: 4294967296' 'a 4294967296 1 0\n'
bad 1 'ALIGN is neither 0 nor a power of two: 3' 'a 0 4 3\n'
bad 1 'ALIGN is too large: 2097152; at most 1048576' 'a 0 4 2097152\n'
bad 1 'ID 1 is out of order: the next new ID is 0' 'a 1 4 0\n'
bad 3 'ID 0 cannot be allocated: it was used before, and IDs are never reused' 'a 0 4 0\nf 0\na 0 4 0\n'
bad 2 'ID 0 cannot be allocated: it was used before, and IDs are never reused' 'a 0 4 0\na 0 4 0\n'
bad 1 'ID 0 cannot be freed: it was never allocated' 'f 0\n'
bad 1 'ID 7 cannot be resized: it was never allocated' 'r 7 4\n'
bad 4 'ID 0 cannot be freed: it was freed on line 3' '# x\na 0 4 0\nf 0\nf 0\n'
bad 3 'ID 0 cannot be resized: it was freed on line 2' 'a 0 4 0\nf 0\nr 0 8\n'

# Columns with names, of which nobody has to know all.
bad 1 "neither a number nor NAME=VALUE: 'X=1'" 'a 0 4 0 X=1\n'
bad 1 "neither a number nor NAME=VALUE: 'site='" 'a 0 4 0 site=\n'
bad 1 "a column without a name behind one that has one: '0'" 'a 0 4 site=1 0\n'
bad 1 'too few fields: the line must read a ID SIZE ALIGN' 'a 0 4 site=1\n'
bad 2 'too few fields: the line must read f ID' 'a 0 4 0\nf size=4\n'
bad 1 "unknown operation 'a=1': a line begins with a, r, f or #" 'a=1 0 4 0\n'

seq 0 999 | sed 's/.*/a & & 0/' | gzip > whole.gz
size=$(wc -c < whole.gz)
head -c $((size / 2)) whole.gz > cut.gz
head -c $((size - 4)) whole.gz > short.gz
{ head -c $((size / 2)) whole.gz; echo nonsense; tail -c $((size / 2)) whole.gz; } > damaged.gz
plain=0
"$teaspoon" fit whole.gz > out 2> err || plain=1 # a build without zlib
if [ $plain -eq 1 ]; then
    says err 'built without zlib'
    gunzip -c "$root/traces/tiny/dc_calc.trace.gz" > dc_calc.trace
else
    cp "$root/traces/tiny/dc_calc.trace.gz" dc_calc.trace
    run 2 fit cut.gz; ok 'a gzip file cut in half' grep -qx "cut.gz:[0-9]*: the gzip'ed data is cut short here" err
    run 2 fit short.gz; is 'a gzip file without its end' "$(cat err)" \
        "short.gz:1001: the gzip'ed data is cut short here"
    run 2 fit damaged.gz; ok 'a damaged gzip file' grep -qx "damaged.gz:[0-9]*: the gzip'ed data is damaged here" err
    input=whole.gz run 0 fit -
fi
run 2 fit whole.gz bad.trace; is 'no work before all traces are read' "$(cat out)" ''

# -- Traces whose smallest heap is known ------------------------------------------------------------------------------

# least HEAP PEAK OPTIONS TEXT
least() {
    printf "$4" > known.trace
    # shellcheck disable=SC2086
    run 0 fit --tsv $3 known.trace
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
input=known.trace run 0 fit --tsv -; is 'stdin' "$(column 5)" 1050096
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
    echo "a 0 ${size%:*} 0" > "known.trace"
    run 0 fit --tsv known.trace
    is "variant for $size" "$(column 2)" "${size#*:}"
done
run 1 fit --tsv --variant 4k known.trace
is 'why it does not fit' "$(cat err)" \
    'teaspoon: known: the 4k variant cannot hold it; its largest heap has 262,136 bytes'
run 1 fit --tsv --variant 4k known.trace dc_calc.trace
is 'the others are fitted all the same' "$(column 1)" dc_calc

printf '# name: lunch box, source: a test\na 0 100 0\nr 0 8\na 1 20 0\n' > name.trace
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

# -- What another run may need, other targets, and other heaps -------------------------------------------------------

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

printf '# name: wide, recorded by teaspoon, pointer size: 8, process 3\na 0 1000 0\n' > wide.trace
for handle in 4k:16 128k:20 16m:32; do
    run 0 fit --tsv --for 32 --variant ${handle%:*} wide.trace; is "handle of ${handle%:*}" "$(column 6)" ${handle#*:}
done
is 'pointers' "$(cat err)" 'teaspoon: wide was recorded with pointers of 8 bytes: with 4, structures that have some need less'
run 0 fit --tsv --for 32 dc_calc.trace; is 'of 4 bytes' "$(cat err)" ''

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
run 0 fit --compare --tsv exact.trace
is 'exact sizes' "$(awk -F '\t' '$2 == "4k" && $3 == "sized" { print $4 ":" $6 }' out | tr '\n' ' ')" '8:32 8:32 4:24 '
run 0 fit --compare --tsv --align 4 --variant 16m exact.trace
is 'one alignment of one family' "$(awk -F '\t' 'NR > 1 { print $2, $3, $4, $5, $6 }' out | tr '\n' ',')" '16m sized 8 4 32,16m malloc 8 4 40,'
input=exact.trace run 0 fit --compare --tsv -; is 'standard input, which is read once' "$(wc -l < out)" 7
run 0 fit --compare --tsv --for 32 --variant 128k exact.trace
is 'handle and code' "$(awk -F '\t' 'NR == 2 { print $7, $8 }' out)" "20 $(sed -n 's/^CODE(128k, 8, .*, \(.*\))/\1/p' "$root/tool/code.h")"
# Each second object is freed, and what comes then fits into the last hole only: it takes as many steps as there are holes.
awk 'BEGIN { for (i = 0; i < 200; i++) print "a", i, 8, 0; for (i = 0; i < 198; i += 2) print "f", i
    print "a", 200, 24, 0 }' > holes.trace
run 0 fit --compare --tsv --variant 4k holes.trace
ok 'a step a hole at least' awk -F '\t' 'NR == 2 && !($10 >= 99 && $10 < 1000 && $9 < $10) { exit 1 }' out
if command -v arm-none-eabi-gcc > /dev/null && [ "${TSP_TEST_STOP:-0}" = 0 ]; then
    ok 'bytes of code, to 3 %: sh scripts/code.sh > tool/code.h' sh -c "sh '$root/scripts/code.sh' | awk -F '[(, ]+' '
        !/^CODE/ { next } NR == FNR { a[\$2, \$3] = \$4; b[\$2, \$3] = \$5 + 0; next }
        function off(x, y) { return x > y * 1.03 || x < y / 1.03 }
        off(a[\$2, \$3], \$4) || off(b[\$2, \$3], \$5 + 0) { exit 1 } { n++ } END { exit n != 5 }' - '$root/tool/code.h'"
fi
run 1 fit --compare --variant 4k known.trace; says err 'known: no family can hold it'

# Progress, on a terminal only, and none before a second has passed.
if script -qec true /dev/null > out 2> err < /dev/null; then
    gunzip -c "$root/traces/large/cjson_registry.trace.gz" > slow.trace
    many=$(awk 'BEGIN { while (n++ < 40) printf " slow.trace" }')
    script -qec "timeout 4 '$teaspoon' fit $many" /dev/null > out 2> err < /dev/null
    ok 'progress on a terminal' grep -q 'fit cjson_registry: [0-9,]* bytes \.\.\.' out
    script -qec "'$teaspoon' fit name.trace" /dev/null > out 2> err < /dev/null
    ok 'but not at once' sh -c '! grep -q "\.\.\." out'
fi
run 0 fit dc_calc.trace; is 'nor into a file' "$(cat err)" ''

# A long trace is replayed in several threads, and by the definition all the same.
awk 'BEGIN { srand(1); for (i = 0; i < 60000; i++) {
    if (i >= 60) printf "f %d\n", i - 60
    printf "a %d %d 0\n", i, int(rand() * rand() * 400) } }' > long.trace
run 0 fit --tsv long.trace
found=$(column 5)
ok 'fit of a long trace: one size less fails, or one of the 16 behind' sh -c "
    for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
        '$teaspoon' replay --heap \$(($found + 8 * i)) --variant 128k long.trace > /dev/null 2>&1 || exit 1
    done
    for i in -1 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        '$teaspoon' replay --heap \$(($found + 8 * i)) --variant 128k long.trace > /dev/null 2>&1 || exit 0
    done
    exit 1"

# The search itself, over heaps that are none. (parts PART...: those parts of the command, to build a test with.)
parts() {
    for part in "$@"; do
        object=$(for object in ${TSP_TEST_OBJECTS:-}; do case $object in */$part.c.o) echo "$object" ;; esac; done)
        echo "${object:-$root/tool/$part.c}"
    done
}
library=${TSP_TEST_LIBRARY:-$(dirname "$teaspoon")/libteaspoon.a}
if [ -f "$library" ]; then
    # shellcheck disable=SC2046,SC2086
    ok "search is built" ${CC:-cc} -std=c11 -O1 ${CFLAGS:-} -DTSP_PLAIN_TRACES -I"$root/include" -I"$root/tool" \
        "$root/tests/tool/search.c" $(parts search replay trace say family) "$library" ${TSP_TEST_OBJECTS:+-lz} -lpthread -o search
    ok "the search, in drawn landscapes" ./search > out 2> err
    grep '^FAILED' out
fi

# -- Replay ---------------------------------------------------------------------------------------------------------

for trace in "$root"/traces/tiny/*.gz; do
    if [ $plain -eq 1 ]; then gunzip -c "$trace" > tiny.trace; trace=tiny.trace; fi
    for kind in sized malloc; do
        for variant in 4k 128k 16m; do
            run 0 replay --heap min --check --$kind --variant $variant "$trace"
        done
    done
done
says out 'every byte verified'
says out 'low-water mark:'
printf 'a 0 100 0\na 1 24 0\na 2 200 0\nf 1\na 3 8 0\n' > picture.trace
run 0 replay --heap 400 picture.trace
cat > expected <<'END'
picture in a heap of 400 bytes (4k, sized): 5 operations, every byte verified
  at the end: total 400, used 312, free 88, objects 3, largest 64, low_free 72, failed 0
  low-water mark: 72 bytes were free at every moment, and no more than 328 in use
  at its fullest, after operation 3 (line 3):
           0  ..................[=============================================
         256  ====[=====[=========================
  a cell is 4 bytes: [ an object begins, = it goes on, . free
  3 objects in 328 of 400 bytes (82.0 %); 1 hole, the largest 72 bytes
END
ok 'the picture' diff expected out
run 0 replay --heap 1K --malloc picture.trace; says out 'size map'
run 0 replay --heap 2m --variant 16m picture.trace; says out 'a cell is 2,048 bytes'
run 1 replay --heap 300 picture.trace
is 'what does not fit' "$(cat err)" "teaspoon: picture: line 3 (operation 3 of 5): \
object 2, 200 bytes aligned to 8: no room; 168 bytes are free, but at most 168 in one piece"
says out 'too small'
says out 'a cell is 4 bytes'
run 1 replay --heap 0 picture.trace
printf 'a 0 0 0\nr 0 0\nf 0\n' > nothing.trace
run 0 replay --heap 0 --check nothing.trace
run 0 replay --heap min --check --malloc nothing.trace

# -- Requests made to fail ---------------------------------------------------------------------------------------------

run 2 replay --heap 400 --fail 0 picture.trace; says err '--fail is the number of a request, from 1; not 0'
run 2 replay --heap 400 --fail-each 0 picture.trace; says err '--fail-each is a number of requests, at least 1; not 0'
run 2 replay --heap 400 --fail x picture.trace; says err '--fail is the number of a request, from 1; not x'
run 2 replay --heap 400 --fail 5 picture.trace
is 'request 5 of 4' "$(cat err)" 'teaspoon: picture: it makes only 4 requests'
run 1 replay --heap 300 --fail-each 1 picture.trace; says err 'line 3 (operation 3 of 5): object 2'
run 0 replay --heap 400 --fail-each 1 picture.trace
cat > expected <<'END'
picture in a heap of 400 bytes (4k, sized): 4 of 4 requests failed, each in a replay of its own
  8 operations came after them, every byte verified; 0 more found no room; each time nothing was lost
END
ok 'every request of four' diff expected out # 4 + 2 + 2 + 0: what is not there is not freed
printf 'a 0 100 0\nr 0 200\nr 0 50\nr 0 0\nr 0 8\nf 0\na 1 0 0\n' > resizes.trace
for kind in sized malloc; do # shrinking needs no memory, nor does an object of size 0
    run 0 replay --heap 400 --$kind --fail-each 1 --check resizes.trace; says out ' 3 of 3 requests failed'
    run 0 replay --heap 400 --$kind --fail 2 resizes.trace; says out ' 1 of 3 requests failed'
    run 0 replay --heap 400 --$kind --fail-each 2 resizes.trace; says out ' 2 of 3 requests failed'
done
printf 'a 0 96 0\na 1 40 0\nf 0\na 2 48 0\nf 1\na 3 96 0\n' > crowd.trace # without 0, 1 comes to lie elsewhere
run 0 replay --heap 144 --fail 1 crowd.trace; says out '; 1 more found no room;'

# -- A heap in a memory dump -------------------------------------------------------------------------------------------

misused 'look needs a memory dump' look
misused '--handle is an address such as 0x20000400; not kitchen' look --handle kitchen x
misused '--for is 16, 32 or 64; not 8' look --for 8 x
run 2 look nowhere.bin; says err 'nowhere.bin: No such file'
head -c 4000 "$teaspoon" > cut.elf
run 2 look cut.elf; is 'an ELF file without its end' "$(cat err)" 'teaspoon: cut.elf: a damaged or truncated ELF file'
head -c 4000 /dev/zero > zero.bin
run 3 look zero.bin; is 'no heap' "$(cat err)" 'teaspoon: zero.bin: no sound heap in it'
run 3 look --handle 64 --for 32 zero.bin
is 'no handle' "$(cat err)" 'teaspoon: zero.bin: 0x40: there is no heap: the handle has not been made'
run 3 look --handle 0x2000 zero.bin; says err '0x2000: the handle is not in the dump'
for family in tsp4k tsp128k tsp16m; do
    if ! [ -f "$library" ]; then break; fi
    # shellcheck disable=SC2046,SC2086
    ok "look-$family is built" ${CC:-cc} -std=c11 ${CFLAGS:-} -DTSP_V=$family -I"$root/include" -I"$root/tool" \
        "$root/tests/tool/look.c" $(parts look picture say family) "$library" -lpthread -o look-$family
    ok "teaspoon look, $family" ./look-$family > out 2> err
    grep '^FAILED' out
done

# -- A heap that breaks its promises -----------------------------------------------------------------------------------

wrap=-Wl,--wrap=tsp4k_alloc,--wrap=tsp4k_dealloc,--wrap=tsp4k_resize,--wrap=tsp4k_usage
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
else
    ok 'building a broken heap' false
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
