#!/bin/sh
# Tests of the command. Usage: sh tests/tool/run.sh TEASPOON [PART...]; a part is one of the files named below, and all are
# the default. CC and CFLAGS are for what is built from the command's sources. One line per failure; the last line is
# "N passed, N failed". TSP_TEST_STOP=1: ends with the first that fails. TSP_TEST_OBJECTS: the command's, to build from
# them instead of the sources. TSP_TEST_LIBRARY: the library, where it is not beside the command.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2034,SC2048 # for the parts, which are words
set -u

# shellcheck source=tests/tool/suite.sh
. "$(dirname "$0")/suite.sh"
shift

column() { awk -F '\t' -v c="$1" 'NR == 2 { print $c }' out; }

# misused MESSAGE ARGUMENT...: one line, without the usage.
misused() {
    message=$1
    shift
    run 2 "$@"
    is "message of teaspoon $*" "$(cat err)" "teaspoon: $message; see \`teaspoon help\`"
}

# of PART...: those parts of the command, to build a test with.
of() {
    for part in "$@"; do
        object=$(for object in ${TSP_TEST_OBJECTS:-}; do case $object in */$part.c.o) echo "$object" ;; esac; done)
        echo "${object:-$root/tool/$part.c}"
    done
}
library=${TSP_TEST_LIBRARY:-$(dirname "$teaspoon")/libteaspoon.a}

# unit NAME PART...: the test NAME.c of the command's part NAME, over other parts; family: that of TSP_V, where it asks.
unit() {
    if ! [ -f "$library" ]; then return; fi
    # shellcheck disable=SC2046,SC2086 # file names without blanks, and flags
    ok "$1.c is built" ${CC:-cc} -std=c11 -O1 ${CFLAGS:-} ${family:+-DTSP_V=$family} -DTSP_PLAIN_TRACES \
        -I"$root/include" -I"$root/tool" "$root/tests/tool/$1.c" $(of "$@") "$library" ${TSP_TEST_OBJECTS:+-lz} -lpthread -o "$1"
    ok "tests/tool/$1.c${family:+, $family}" "./$1" > out 2> err
    grep '^FAILED' out
}

# Traces of more than one part.
seq 0 999 | sed 's/.*/a & & 0/' | gzip > whole.gz
plain=0
if "$teaspoon" fit whole.gz 2>&1 | grep -q 'built without zlib'; then plain=1; fi
if [ $plain -eq 1 ]; then gunzip -c "$root/traces/tiny/dc_calc.trace.gz" > dc_calc.trace
else cp "$root/traces/tiny/dc_calc.trace.gz" dc_calc.trace; fi
echo 'a 0 262144 0' > known.trace
printf '# name: lunch box, source: a test\na 0 100 0\nr 0 8\na 1 20 0\n' > name.trace
printf 'a 0 100 0\na 1 24 0\na 2 200 0\nf 1\na 3 8 0\n' > picture.trace

for part in ${*:-command traces fit search vary compare replay fail decode look history broken}; do
    # shellcheck disable=SC1090 # one of those
    . "$root/tests/tool/$part.sh"
done

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
