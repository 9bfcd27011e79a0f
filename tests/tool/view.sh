#!/bin/sh
# Opens pages of `teaspoon view` in headless Chromium, and holds what they show against replay, top and leaks. Usage: sh
# tests/tool/view.sh TEASPOON [PNG]; PNG: keep a screenshot there. Ends in "N passed, N failed".
# SPDX-License-Identifier: BSD-3-Clause
set -u

keep=${2:-}
case $keep in /* | '') ;; *) keep=$PWD/$keep ;; esac
# shellcheck source=tests/tool/suite.sh
. "$(dirname "$0")/suite.sh"

# -- Without a browser -----------------------------------------------------------------------------------------------

lua=$root/traces/small/lua_sensor.trace.gz
"$teaspoon" view "$lua" > out 2> err
is 'the default name' "$(sed 's/ [0-9,]* bytes$/ N bytes/' out)" 'lua_sensor.html: N bytes'
ok 'it refers to no other file' [ -z "$(grep -oE '(src|href|import)[=(]["'\'']?[a-z./]*' lua_sensor.html)" ]
ok 'nothing is left to put in' [ -z "$(grep -E '^@.*@$' lua_sensor.html)" ]
"$teaspoon" view -o no/such/page.html "$lua" > out 2> err; is 'status where it cannot be written' $? 2
is 'why' "$(cat err)" 'teaspoon: cannot write no/such/page.html: No such file or directory'
"$teaspoon" view --variant 4k --heap 1M "$lua" > out 2> err; is 'a heap beyond the family is cut to it' $? 0
"$teaspoon" view --heap 8 "$lua" > out 2> err; is 'status where nothing fits' $? 1
is 'what it says' "$(cat err)" 'teaspoon: lua_sensor: nothing fits into a heap of 8 bytes'
mkdir -p away; cp "$teaspoon" away/
away/teaspoon view "$lua" > out 2> err; is 'status without the page' $? 2; says err 'there is no teaspoon-view.html in '
mkdir -p away/bin away/lib/teaspoon; cp "$teaspoon" away/bin/
cp "$(dirname "$teaspoon")/teaspoon-view.html" away/lib/teaspoon/
away/bin/teaspoon view "$lua" > out 2> err; is 'as it is installed' $? 0
"$teaspoon" view --svg "$lua" > out 2> err; is '--svg' "$(cat out)" lua_sensor.svg
"$teaspoon" view --svg "$lua" "$lua" > out 2> err; is 'status of two for --svg' $? 2
ok 'the SVG has cells and two curves' [ "$(grep -c polyline lua_sensor.svg)/$(grep -c '<path' lua_sensor.svg)" = 2/18 ]
if command -v python3 > /dev/null; then
    ok 'it is XML' python3 -c 'import xml.dom.minidom; xml.dom.minidom.parse("lua_sensor.svg")'
fi

# -- In a browser ----------------------------------------------------------------------------------------------------

browser=
for name in chromium chromium-browser google-chrome; do
    if command -v $name > /dev/null; then browser=$name; break; fi
done
if [ -z "$browser" ]; then
    echo 'skipped: the page in a browser (no chromium)'
    echo "$passed passed, $failed failed"
    [ $failed -eq 0 ]
    exit
fi
# --no-sandbox: for root, as in containers. Virtual time: no waiting, and the same on slow machines.
chromium() { # URL OPTION...
    url=$1
    shift
    timeout 120 $browser --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$dir/profile" \
        --host-resolver-rules='MAP * ~NOTFOUND' --virtual-time-budget=30000 "$@" "file://$dir/$url" 2> /dev/null
}
opened() { # URL: into dom
    chromium "$1" --dump-dom > dom
    ok "$1 is shown" grep -q 'data-ready="yes"' dom
}
data() { grep -o '<section[^>]*>' dom | sed -n "${2:-1}p" | sed -n "s/.* data-$1=\"\([^\"]*\)\".*/\1/p"; } # NAME [PANEL]
text() {
    grep -o '<section.*' dom | sed -e 's/<script.*//' -e 's/<\/tr>/\n/g' -e 's/<[^>]*>/ /g' | tr -s ' ' | sed 's/^ //; s/ $//'
}

# What replay says: "used 29612, free 4204, objects 532, holes ?, largest 2336"
of_replay() {
    tr -d ',' < replayed | sed -nE 's/.*end: .*used ([0-9]+) free ([0-9]+) objects ([0-9]+) largest ([0-9]+).*/used \1, '\
'free \2, objects \3, largest \4/p'
}
fullest() { # "33396 objects 622, holes 38, largest 16"
    tr -d ',' < replayed | sed -nE 's/^ *([0-9]+) objects in ([0-9]+) of .*; ([0-9]+) holes? the largest ([0-9]+) bytes.*/'\
'\2 objects \1, holes \3, largest \4/p'
}
for case in tiny/cjson_telemetry:--sized:4k small/lua_sensor:--malloc:128k small/lwip_httpd:--sized:16m \
    large/mujs_rules:--malloc:16m; do
    trace=$root/traces/${case%%:*}.trace.gz kind=${case#*:} family=${case##*:}
    kind=${kind%:*}
    "$teaspoon" replay --heap min $kind --variant "$family" "$trace" > replayed
    moment=$(sed -n 's/.*at its fullest, after operation \([0-9,]*\) .*/\1/p' replayed | tr -d ,)
    "$teaspoon" view $kind --variant "$family" -o page.html "$trace" > out
    opened "page.html#moment=$moment"
    is "$case: the end" "$(data end | sed 's/ holes [0-9]*,//')" "$(of_replay)"
    is "$case: at its fullest" "$(data moment | sed 's/used \([0-9]*\), free [0-9]*,/\1/')" "$(fullest)"
    is "$case: curves agree with rectangles at the end" "$(data end-curves)" "$(data end)"
    is "$case: curves agree with rectangles" "$(data moment-curves)" "$(data moment)"
    "$teaspoon" top "$trace" > top
    is "$case: peak" "$(data peak) $(data peak-at)" \
        "$(sed -n '1s/.* of \([0-9,]*\) bytes .* operation \([0-9,]*\) .*/\1 \2/p' top | tr -d ,)"
    text > shown
    sed -n '3,12p' top | while read -r bytes _ objects _ name; do
        grep -q "$bytes $objects $name\$" shown || echo "$bytes $objects $name"
    done > missing
    ok "$case: who holds the peak: $(cat missing)" [ ! -s missing ]
    "$teaspoon" leaks "$trace" | sed -n '3,12p' | while read -r bytes objects _ name; do
        grep -q "$bytes $objects $name\$" shown || echo "$bytes $objects $name"
    done > missing
    ok "$case: what is never given back: $(cat missing)" [ ! -s missing ]
done

# Names that HTML would take for markup; milliseconds; sites; two heaps side by side.
cat > sites.trace << 'END'
# name: sites & <b>, pointer size: 4
# site 1: operator<</script>(a.cpp:1) < "main" & co
a 0 100 0 site=1
a 1 13 64 ms=7
r 0 200 site=1 ms=20
f 1
END
"$teaspoon" view --variant 4k --variant 16m --sized --malloc --heap 1000 -o page.html sites.trace > out
opened 'page.html#moment=2&theme=dark'
is 'panels' "$(grep -o '<section' dom | wc -l)" 4
is 'in the order of the command line' "$(grep -o '<h2>[^<]*' dom | sed -E 's/.*: (.*), a heap.*/\1/' | tr '\n' ' ')" \
    '4k, sized 4k, malloc 16m, sized 16m, malloc '
says dom 'operator&lt;&lt;/script&gt;(a.cpp:1) &lt; "main" &amp; co'
says dom '<title>sites &amp; &lt;b&gt;: teaspoon</title>'
says dom 'After operation 2, 7 ms'
is 'rounding, alignment, holes, and what the heap takes' \
    "$(text | grep -o 'objects [0-9]* rounding.*index [0-9]*' | head -n 1)" \
    "$(text | grep -oE 'objects 113 rounding 7 alignment [0-9]+ holes [0-9]+ map and index 0' | head -n 1)"
ok 'dark' grep -q 'data-theme="dark"' dom

# Objects of no bytes, and a trace of one call.
printf 'a 0 0 0\nr 0 7\nr 0 0\nf 0\n' > none.trace
"$teaspoon" view -o page.html none.trace > out
opened page.html
is 'of no bytes' "$(data end | cut -d, -f1-3)" "used 0, free $(data end | sed 's/.*free \([0-9]*\).*/\1/'), objects 0"
printf 'a 0 16 0\n' > one.trace
"$teaspoon" view -o page.html one.trace > out
opened page.html
is 'one call' "$(data end)" 'used 16, free 0, objects 1, holes 0, largest 0'

# Without room.
"$teaspoon" replay --heap 33000 "$lua" > replayed 2> err
"$teaspoon" view --heap 33000 -o page.html "$lua" > out
opened page.html
text > shown
says shown 'Then no room: operation 1,978 (line 1,979) asks for 48 bytes'
pin=$(grep -A 2 'there would be room' replayed | tail -n 1 | tr -s ' ')
set -- $pin
says shown "There would be room at $(sed -n 's/.*room at \([0-9,]*\) without.*/\1/p' replayed) without this object"
says shown "$2 bytes, object $4 at $1; age $3 operations"

# Under a mouse.
"$teaspoon" view -o page.html "$lua" > out
"$teaspoon" replay --heap min "$lua" > replayed
moment=$(sed -n 's/.*at its fullest, after operation \([0-9,]*\) .*/\1/p' replayed | tr -d ,)
share=$(tr -d , < replayed | sed -n 's/.* objects in \([0-9]*\) of \([0-9]*\) bytes.*/\1 \2/p' | awk '{ print $1 / $2 }')
if command -v python3 > /dev/null; then
    timeout 120 python3 "$root/tests/tool/drive.py" $browser page.html "$moment" "$share" > driven 2>&1
    grep '^FAILED' driven
    last=$(tail -n 1 driven)
    case $last in
        *' passed, '*' failed') passed=$((passed + ${last%% *})) rest=${last#*, }; failed=$((failed + ${rest%% *})) ;;
        *) ok "drive.py ends with: $last" false ;;
    esac
else
    echo 'skipped: the page under a mouse (no python3)'
fi

# What can be seen is more than paper, and other than in the dark.
chromium 'page.html#theme=light' --window-size=1200,900 --screenshot="$dir/light.png" > /dev/null
chromium 'page.html#theme=dark' --window-size=1200,900 --screenshot="$dir/dark.png" > /dev/null
ok 'a screenshot' [ "$(wc -c < light.png)" -gt 40000 ]
ok 'a dark one' [ "$(wc -c < dark.png)" -gt 40000 ]
if [ -n "$keep" ]; then
    "$teaspoon" view -o page.html "$lua" > out
    chromium 'page.html#theme=light' --window-size=880,680 --screenshot="$keep" > /dev/null
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
