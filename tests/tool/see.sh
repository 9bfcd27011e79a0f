#!/bin/sh
# Tests of what shows traces: top, leaks and diff, why there was no room, export. Usage: sh tests/tool/see.sh TEASPOON.
# Ends in "N passed, N failed". SPDX-License-Identifier: BSD-3-Clause
set -u

# shellcheck source=tests/tool/suite.sh
. "$(dirname "$0")/suite.sh"
squeezed() { tr -s ' ' < out | sed -e 's/^ //' -e 's/ $//'; }
row() { squeezed | sed -n "$1p"; }

# -- Who holds memory ------------------------------------------------------------------------------------------------

cat > before.trace << 'END'
# name: before, pointer size: 4
# site 1: parse (json.c:40) < main (main.c:7)
# site 2: log (log.c:3)
a 0 1000 0 site=1
a 1 300 0 site=2 ms=5
a 2 300 0 site=2
r 0 2000 site=1
a 3 50 0
f 1
f 3
# site 7: late (late.c:1)
a 4 10 0 site=7
f 4
END
run 0 top before.trace
is 'title' "$(row 1)" 'before: a peak of 2,650 bytes in 4 objects, after operation 5 (line 8)'
is 'first' "$(row 3)" '2,000 75.5 1 2 parse (json.c:40) < main (main.c:7)'
is 'second' "$(row 4)" '600 22.6 2 2 log (log.c:3)'
is 'an object without a site' "$(row 5)" '50 1.9 1 1 (no site)'
is 'no more' "$(row 6)" ''
run 0 leaks before.trace
is 'leaks' "$(squeezed | tr '\n' ';')" 'before: 2,300 bytes in 2 objects are never given back;bytes objects first line site;'\
'2,000 1 7 parse (json.c:40) < main (main.c:7);300 1 6 log (log.c:3);'
run 0 leaks --max 2300 before.trace
run 1 leaks --max 2299 before.trace; says err 'before: 2,300 bytes are never given back, and at most 2,299 may be'
sed -e 's/json.c:40/json.c:44/' -e 's/^a 1 300/a 1 900/' -e '/^f 3/d' before.trace > after.trace
run 0 diff before.trace after.trace
is 'diff' "$(row 1)" 'peak: 3,250 bytes, was 2,650; operations: 8, was 9; at the end: 2,350 bytes, was 2,300'
is 'what grew' "$(row 3)" '+600 600 1,200 0 0 log (log.c)'
is 'what is new at the end' "$(row 4)" '0 50 50 0 +50 (no site)'
is 'what only moved is not there' "$(row 5)" ''
run 0 diff after.trace before.trace; is 'what shrank' "$(squeezed | grep log)" '-600 1,200 600 0 0 log (log.c)'
run 2 diff before.trace; says err 'diff compares two traces, not 1'
printf 'a 0 10 0\na 1 10 0\nr 1 1\na 2 0 0\nf 0\n' > sizes.trace
run 2 diff before.trace sizes.trace; says err 'before.trace names sites, and sizes.trace none'
run 2 diff sizes.trace before.trace; says err 'before.trace names sites, and sizes.trace none'
run 0 top sizes.trace; is 'by size' "$(row 3)" '20 100.0 2 2 10 bytes'
run 0 leaks sizes.trace; is 'one byte' "$(row 3)" '1 1 3 1 byte'
# Names that come last, far apart, in pieces, and none.
printf 'a 0 10 0 site=5\na 1 20 0 site=4000000\na 2 30 0 site=9\r\n# site 5: five\r\n# site 9\n# site x: y\n' > odd.trace
run 0 top odd.trace; is 'odd names' "$(squeezed | sed 1,2d | cut -d' ' -f5- | tr '\n' ';')" 'site 9;(no site);five;'
printf 'a 0 10 0 site=\n' > bad.trace; run 2 top bad.trace; says err "bad.trace:1: neither a number nor NAME=VALUE: 'site='"
printf 'a 0 10 0 site=x\n' > bad.trace; run 2 top bad.trace; says err "bad.trace:1: site is not a number: 'x'"
printf 'a 0 10 0 ms=-1\n' > bad.trace; run 2 top bad.trace; says err 'bad.trace:1: ms is negative: -1'
awk 'BEGIN { for (i = 0; i < 30; i++) print "a", i, i + 1, 0 }' > many.trace
run 0 top many.trace; is 'the rest' "$(squeezed | tail -n 1)" '55 in 10 others; --all prints them'
run 0 top --all many.trace; is 'all' "$(wc -l < out)" 32
# Columns that begin late, and go on through thousands of lines.
awk 'BEGIN { print "# site 1: early (a.c:1)"; print "# site 2: late (b.c:1)"; for (i = 0; i < 20000; i++)
    print "a", i, 8, 0, i < 10 ? "" : "site=" (i < 9000 ? 1 : 2), i % 1000 == 500 ? "ms=" i : "" }' > columns.trace
run 0 top columns.trace
is 'early' "$(row 4)" '71,920 45.0 8,990 8,990 early (a.c:1)'
is 'late' "$(row 3)" '88,000 55.0 11,000 11,000 late (b.c:1)'
is 'neither' "$(row 5)" '80 0.1 10 10 (no site)'
run 0 export --to chrome columns.trace; cp out columns.json
if command -v python3 > /dev/null; then
    ok 'when' python3 -c 'import json, sys
began = [e["ts"] for e in json.load(open("columns.json"))["traceEvents"] if e["ph"] == "b"]
said = [0 if i < 500 else i - (i - 500) % 1000 for i in range(20000)]
sys.exit(began != [1000 * ms + i - ms for i, ms in enumerate(said)])'
    printf '# site 1: operator<<("\\\\") & co\na 0 10 0 site=1\n' > quoted.trace
    for command in 'top quoted.trace before.trace' 'leaks many.trace' 'diff before.trace after.trace'; do
        # shellcheck disable=SC2086 # the words of a command
        run 0 ${command%% *} --json ${command#* }
        ok "JSON of $command" python3 -m json.tool out json.out
    done
    run 0 top --json quoted.trace
    is 'a quoted name' "$(python3 -c 'import json; print(json.load(open("out"))[0]["sites"][0]["site"])')" \
        'operator<<("\\") & co'
else
    echo 'skipped: JSON (no python3)'
fi
for trace in "$root"/traces/*/*.gz; do
    run 0 leaks "$trace"
    is "$trace, left" "$(sed -n '1s/.*: \([0-9,]*\) bytes.*/\1/p' out | tr -d ,)" \
        "$(gunzip -c "$trace" | awk '/^a/ { size[$2] = $3; live += $3 } /^r/ { live += $3 - size[$2]; size[$2] = $3 }
            /^f/ { live -= size[$2] } END { print live + 0 }')"
done

# -- Why there was no room -------------------------------------------------------------------------------------------

# blocks LETTERS TAIL: objects side by side: l 40 bytes, s 8 bytes, h a hole of 40; then what asks for more. The heap
# fills from its end.
blocks() {
    echo "$1" | fold -w 1 | awk '{ print "a", NR - 1, $1 == "s" ? 8 : 40, 8 } $1 == "h" { gone = gone "f " NR - 1 "\n" }
        END { printf "%s", gone }'
    echo "$2"
}
# pinned TRACE-LETTERS TAIL HEAP: IDs and ages of what is in the way.
pinned() {
    blocks "$1" "$2" > pins.trace
    run 1 replay --variant 4k --heap "$3" pins.trace
    grep -A 99 'there would be room' out | sed '1,2d;$d' | awk '{ print $4 "/" $1 "/" $2 "/" $3 }' | tr '\n' ' '
}
is 'one of five' "$(pinned lhlhlhs 'a 7 100 8' 248)" '4/48/40/6 '
is 'the smaller one' "$(pinned lhlhshl 'a 7 80 8' 248)" '4/80/8/6 '
is 'two of five' "$(pinned lhlhlhl 'a 7 160 8' 280)" '6/0/40/4 4/80/40/6 '
is 'the fewest, not the least' "$(pinned hshshshl 'a 8 128 8' 224)" '5/80/8/7 3/128/8/9 '
is 'at the end of the heap' "$(pinned hlll 'a 4 72 8' 160)" '1/80/40/4 '
is 'one that grows is not in its own way' "$(pinned lhlhl 'r 2 160' 200)" '4/0/40/3 '
is 'with an alignment' "$(pinned hshshl 'a 6 40 64' 176)" '3/80/8/6 '
blocks lhl 'a 3 400 8' > pins.trace
run 1 replay --variant 4k --heap 200 pins.trace; says out 'no room for it even if it were empty'

# without TRACE LINE ID...: the trace to its line, where those are freed just before.
without() {
    trace=$1 line=$2
    shift 2
    gunzip -c "$trace" | awk -v line="$line" -v gone="$*" 'NR == line { n = split(gone, id, " ")
        for (i = 1; i <= n; i++) print "f", id[i] } { print } NR == line { exit }'
}
# Real programs, in heaps that are too small: without what is named the request fits.
for case in tiny/cjson_telemetry:2700 tiny/yajl_stream:4600 small/lua_sensor:33000 small/lwip_httpd:36200 \
    small/bc_calc:57600 large/nano_edit:320000 large/mujs_rules:905000 large/sqlite_big:3700000; do
    trace=$root/traces/${case%:*}.trace.gz heap=${case#*:}
    run 1 replay --heap "$heap" "$trace"
    line=$(sed -n 's/.* line \([0-9,]*\) (operation.*/\1/p' err | tr -d ,)
    ids=$(grep -A 99 'there would be room' out | sed 1,2d | awk 'NF > 4 && $4 ~ /^[0-9,]*$/ { print $4 }' | tr -d ,)
    family=$(sed -n 's/.*(\([0-9km]*\), sized).*/\1/p' out)
    # shellcheck disable=SC2086 # IDs
    without "$trace" "$line" $ids > without.trace
    ok "something is in the way of $case" [ -n "$ids" ]
    run 0 replay --variant "$family" --heap "$heap" without.trace
done
# Where two are named, no single object will do.
blocks hshshshl 'a 8 128 8' > two.trace
run 1 replay --variant 4k --heap 224 two.trace
gzip -c two.trace > two.trace.gz
for id in 1 3 5 7; do
    without two.trace.gz "$(wc -l < two.trace)" $id > one.trace
    run 1 replay --variant 4k --heap 224 one.trace
done

# -- For other tools -------------------------------------------------------------------------------------------------

run 2 export before.trace; says err 'export needs --to heaptrack, folded or chrome'
run 2 export --to x before.trace; says err 'export needs --to'
run 2 export --to folded before.trace after.trace; says err 'export takes one trace, not 2'
run 2 export --to folded -o no/such/file before.trace; says err 'cannot write no/such/file: No such file or directory'
run 0 export --to folded before.trace
is 'folded' "$(tr '\n' '|' < out)" '(no site) 50|main (main.c:7);parse (json.c:40) 2000|log (log.c:3) 600|'
for trace in before.trace "$root"/traces/tiny/dc_calc.trace.gz "$root"/traces/small/lua_sensor.trace.gz; do
    "$teaspoon" top "$trace" > top.out
    peak=$(sed -n '1s/.* of \([0-9,]*\) bytes.*/\1/p' top.out | tr -d ,)
    left=$("$teaspoon" leaks "$trace" | sed -n '1s/.*: \([0-9,]*\) bytes.*/\1/p' | tr -d ,)
    run 0 export --to folded "$trace"
    is "folded, $trace" "$(awk '{ n += $NF } END { print n }' out)" "$peak"
    run 0 export --to heaptrack -o h.heaptrack "$trace"
    if command -v heaptrack_print > /dev/null; then
        heaptrack_print -f h.heaptrack --flamegraph-cost-type peak -F flames > printed 2> err
        human() { awk -v n="$1" 'BEGIN { print n < 1000 ? n "B" : sprintf("%.2fK", n / 1000) }'; }
        is "heaptrack's peak of $trace" "$(sed -n 's/^peak heap memory consumption: //p' printed)" "$(human "$peak")"
        is "heaptrack's leaks of $trace" "$(sed -n 's/^total memory leaked: //p' printed)" "$(human "$left")"
        is "heaptrack's flames of $trace" "$(awk '{ n += $NF } END { print n }' flames)" "$peak"
        is "calls to allocate of $trace" "$(sed -n 's/^calls to allocation functions: \([0-9]*\).*/\1/p' printed)" \
            "$(grep -c '^+' h.heaptrack)"
    else
        echo 'skipped: heaptrack (no heaptrack_print)'
    fi
    run 0 export --to chrome "$trace"
    if command -v python3 > /dev/null; then
        is "chrome, $trace" "$(python3 -c '
import json
live, most, end, last = {}, 0, 0, 0
for e in json.load(open("out"))["traceEvents"]:
    if "ts" in e: assert e["ts"] >= last; last = e["ts"]
    if e["ph"] == "b": assert e["id"] not in live; live[e["id"]] = e
    if e["ph"] == "e": assert live.pop(e["id"])["args"] == e["args"]
    if e["ph"] == "C" and e["name"] == "bytes":
        end = e["args"]["live"]; most = max(most, end)
        assert end == sum(x["args"]["size"] for x in live.values())
print(most, end)')" "$peak $left"
    fi
done
if command -v heaptrack_print > /dev/null; then
    run 0 export --to heaptrack -o h.heaptrack before.trace
    heaptrack_print -f h.heaptrack --print-leaks 1 --flamegraph-cost-type peak -F flames > printed 2> err
    says flames 'main (main.c);parse (json.c); 2000'
    says flames 'log (log.c); 600'
    ok 'files and lines' grep -q 'json.c:40' printed
fi

# -- Completion, and the manual ---------------------------------------------------------------------------------------

if command -v bash > /dev/null; then
    completes() { # WORDS...: what the last one may become
        # shellcheck disable=SC2016 # bash's own
        bash -c '. "$0" && COMP_WORDS=("$@") && COMP_CWORD=$(($# - 1)) && _teaspoon "$1" && echo ${COMPREPLY[*]}' \
            "$root/tool/completion.bash" "$teaspoon" "$@"
    }
    is 'commands' "$(completes re)" 'replay record'
    is 'every command' "$(completes '')" "$("$teaspoon" help | sed -n 's/^.* teaspoon \([a-z]*\) .*/\1/p' | sed '/^help/q' |
        tr '\n' ' ')--help --version"
    is 'options' "$(completes leaks --m)" '--max'
    is 'values' "$(completes view --variant 1)" '128k 16m'
    is 'files' "$(completes top before)" 'before.trace'
    is 'help' "$(completes help di)" 'diff'
    is 'what a program is recorded with is its own' "$(completes record ls --he)" ''
else
    echo 'skipped: completion (no bash)'
fi
"$teaspoon" help | sed -n 's/^.* teaspoon \([a-z]*\) .*/\1/p' | sort -u | while read -r command; do
    ok "teaspoon $command in the manual" grep -q "^.B teaspoon $command" "$root/tool/teaspoon.1"
    [ "$command" = help ] && continue
    run 0 help "$command"
    ok "teaspoon $command -h" "$teaspoon" "$command" -h > /dev/null
    for option in $("$teaspoon" help "$command" | grep -oE -e '--[a-z][a-z-]*' | sort -u); do
        ok "$option of $command in the manual" \
            grep -q -e "$(printf '%s' "$option" | sed 's/-/\\\\-/g')" "$root/tool/teaspoon.1"
    done
done > manual
ok "the manual has every command and option: $(cat manual)" [ ! -s manual ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
