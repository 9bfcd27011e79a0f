# shellcheck shell=sh disable=SC2034,SC2154 # what suite.sh and run.sh set
# Tests of decode: recordings put together here, as adapters/tsp_record.h describes them. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

# sent FILE: of lines, the bytes. Addresses are in units.
#     s AT [UNIT PTR]   the state, with the logarithms of the unit and of a pointer's bytes (2 2)
#     n AT SIZE   r AT SIZE   f AT   m AT   new, resized, freed, moved to
#     d COUNT   a LOG2          dropped, the alignment of what comes next
#     o WHAT NUMBER             what is neither
#     + N                       so many events are lost
#     x OCTAL...                bytes as they are
# shellcheck disable=SC2059 # a format of octals
sent() {
    printf "$(awk '
        function put(n) { text = ""; do { text = text sprintf("\\%03o", n % 128); n = int(n / 128); length_of++ } while (n > 0)
            return text }
        function event(kind, first, two, second,    one) {
            length_of = 0
            one = put(first)
            printf "\\%03o%s%s", 128 + kind * 32 + (length_of - 1) * 8 + sequence++ % 8, one, two ? put(second) : ""
        }
        function distance(at,    d) { d = at - last; last = at; return d < 0 ? -2 * d - 1 : 2 * d }
        BEGIN { kinds["n"] = 0; kinds["f"] = 1; kinds["r"] = 2 }
        $1 == "s" { last = $2; event(3, 0, 1, $2 % 8 * 16 + (NF > 2 ? $3 * 4 + $4 : 10)) # in two: awk has 53 bits
            if ($2 >= 8) printf "%s", put(int($2 / 8)) }
        $1 == "d" { event(3, 1, 1, $2) }
        $1 == "a" { event(3, 2, 1, $2) }
        $1 == "m" { event(3, 3, 1, distance($2)) }
        $1 == "o" { event(3, $2, 1, $3) }
        $1 == "+" { sequence += $2 }
        $1 == "x" { for (i = 2; i <= NF; i++) printf "\\%s", $i }
        $1 in kinds { event(kinds[$1], distance($2), NF > 2, $3) }')" > "$1"
}
# decodes WHAT EVENTS TRACE SAID: events become these operations, and this is said of it, where that is given.
decodes() {
    printf '%s\n' "$2" | tr ';' '\n' | sent soup.v2.bin
    run 0 decode soup.v2.bin
    is "$1" "$(sed 1d out | tr '\n' ';')" "$3"
    if [ $# -gt 3 ]; then says err "$4"; else ok "$1: nothing is missing" [ "$(wc -l < err)" -eq 1 ]; fi
}

decodes 'each kind once' 's 1000;n 1000 16;n 1010 8;r 1000 24;f 1010' 'a 0 16 0;a 1 8 0;r 0 24;f 1;'
is 'the name, and pointers' "$(head -n 1 out)" '# name: soup, decoded by teaspoon, pointer size: 4'
is 'what is said of it' "$(cat err)" "teaspoon: soup.v2.bin: 4 calls in 15 bytes, 3.8 each; 0 dropped by the sink"
mkdir -p deep/er && cp soup.v2.bin deep/er/stew
run 0 decode --quiet deep/er/stew; is 'quiet' "$(cat err)" ''
is 'a name without its folders' "$(head -n 1 out)" '# name: stew, decoded by teaspoon, pointer size: 4'
cp out stew.trace
run 0 decode -q -o written.trace deep/er/stew; ok 'into a file' cmp -s written.trace stew.trace
is 'and nothing else' "$(cat out)" ''
input=deep/er/stew run 0 decode -q -; is 'standard input' "$(head -n 1 out)" '# name: -, decoded by teaspoon, pointer size: 4'
run 2 decode -o no/such/file deep/er/stew; is 'nowhere to write' "$(cat err)" \
    'teaspoon: cannot write no/such/file: No such file or directory'
if [ -w /dev/full ]; then
    run 2 decode -o /dev/full deep/er/stew; is 'no room to write' "$(cat err)" 'teaspoon: cannot write /dev/full'
    "$teaspoon" decode deep/er/stew > /dev/full 2> err
    is 'no room on standard output' "$?: $(tail -n 1 err)" '2: teaspoon: cannot write the output'
fi
run 2 decode nowhere.bin; is 'no file' "$(cat err)" 'teaspoon: cannot read nowhere.bin: No such file or directory'
run 2 decode deep; is 'a folder' "$(cat err)" 'teaspoon: cannot read deep: Is a directory'
: > empty.bin; run 2 decode empty.bin
is 'nothing' "$(cat err)" 'teaspoon: empty.bin: nothing in 0 bytes that tsp_record.h has sent'

# Units, and what a pointer has: objects of 8 bytes at 1000 and 1001 are in each other's way up to 4 bytes a unit.
for unit in 0 1 2 3; do
    decodes "2^$unit bytes a unit" "s 1000 $unit 1;n 1000 8;n 1001 8" \
        "a 0 8 0;$([ $unit -lt 3 ] && echo 'f 0;')a 1 8 0;"
done
for pointer in 1 2 3; do
    decodes "pointers, 2^$pointer" "s 1000 2 $pointer;n 1000 8" 'a 0 8 0;'
    is 'bytes of pointers' "$(sed -n '1s/.*size: //p' out)" $((1 << pointer))
done

# Addresses begin again where the sender's do, and a state says the same as the steps to it.
for pointer in '0 1 61440' '1 1 28672' '0 2 4294963200' '2 2 1073737728' '0 3 1152921504606842880' '2 3 288230376151707648'; do
    # shellcheck disable=SC2086 # unit, pointer, where 4096 before the beginning is
    set -- $pointer
    decodes 'behind the last address' "s 4096 $1 $2;n 4096 8;n -4096 8;s $3 $1 $2;f $3" 'a 0 8 0;a 1 8 0;f 1;'
    decodes 'objects there' "s 16 $1 $2;n 16 8;r -1 99999;m 16;f 16" 'a 0 8 0;a 1 99999 0;f 0;f 1;' \
        '1 calls about objects that nobody has seen come'
done

# Sizes and distances of all lengths; up to 2^27 units, then the place is sent.
decodes 'every length' 's 1000;n 1000 0;n 1063 1;n 999 127;n 935 128;n 9127 16383;n 17319 16384;n 1065895 2097151'\
';n 135283622 2097152;n 1065895 2147483647' \
    'a 0 0 0;a 1 1 0;f 0;a 2 127 0;a 3 128 0;a 4 16383 0;a 5 16384 0;a 6 2097151 0;a 7 2097152 0;f 6;f 7;a 8 2147483647 0;'
for far in 134217728 200000000; do
    decodes 'far above' "s 500000000;n 500000000 8;s $((500000000 + far));n $((500000000 + far)) 8" 'a 0 8 0;a 1 8 0;'
    decodes 'far below' "s 500000000;n 500000000 8;s $((500000000 - far));n $((500000000 - far)) 8" 'a 0 8 0;a 1 8 0;'
done
for near in 634217727 365782273; do
    decodes 'not so far: something is missing' "s 500000000;n 500000000 8;s $near;n $near 8" 'a 0 8 0;a 1 8 0;' 'cut in 1 places; 0 bytes and 0 calls'
done
decodes 'the same state again' 's 1000;n 1000 8;s 1000;n 1002 8' 'a 0 8 0;a 1 8 0;'

# An object where others are: they have been freed.
decodes 'over three' 's 1000 0 2;n 1000 8;n 1010 8;n 1020 8;n 1030 8;n 1007 23' 'a 0 8 0;a 1 8 0;a 2 8 0;a 3 8 0;f 0;f 1;f 2;a 4 23 0;'
decodes 'between them' 's 1000 0 2;n 1000 8;n 1010 8;n 1020 8;n 1008 2;n 1018 2' 'a 0 8 0;a 1 8 0;a 2 8 0;a 3 2 0;a 4 2 0;'
decodes 'beside nothing, and over it' 's 1000 0 2;n 1000 0;n 1001 3;n 998 2;n 1000 1' \
    'a 0 0 0;a 1 3 0;a 2 2 0;f 0;a 3 1 0;'
decodes 'nothing where something is' 's 1000 0 2;n 1000 4;n 1002 0;n 999 0' 'a 0 4 0;f 0;a 1 0 0;a 2 0 0;'
decodes 'nothing over something, and beside it' 's 1000 0 2;n 1000 4;n 1000 0;n 1002 4;n 1001 0' \
    'a 0 4 0;f 0;a 1 0 0;a 2 4 0;a 3 0 0;'
decodes 'two hundred' "$(awk 'BEGIN { print "s 1000 0 2"; for (i = 0; i < 200; i++) print "n", 1000 + i * 37 % 200, 1
    print "n 1000 200" }')" "$(awk 'BEGIN { for (i = 0; i < 200; i++) { printf "a %d 1 0;", i; at[i * 37 % 200] = i }
        for (i = 0; i < 200; i++) printf "f %d;", at[i]; print "a 200 200 0;" }')"

# A calloc over a malloc is said twice.
decodes 'a calloc over a malloc' 's 1000;n 1000 16;n 1000 16;f 1000' 'a 0 16 0;f 0;'
decodes 'another size' 's 1000;n 1000 16;n 1000 17' 'a 0 16 0;f 0;a 1 17 0;'
decodes 'not at once' 's 1000;n 1000 16;n 1010 16;n 1000 16' 'a 0 16 0;a 1 16 0;f 0;a 2 16 0;'
decodes 'nor after a resize' 's 1000;n 1000 16;r 1000 8;n 1000 8' 'a 0 16 0;r 0 8;f 0;a 1 8 0;'

# Resized where it is, in the way of others, and moved.
decodes 'larger' 's 1000 0 2;n 1000 8;r 1000 32;n 1031 1;r 1031 9;n 1032 1' \
    'a 0 8 0;r 0 32;f 0;a 1 1 0;r 1 9;f 1;a 2 1 0;'
decodes 'smaller' 's 1000 0 2;n 1000 32;r 1000 8;n 1008 1' 'a 0 32 0;r 0 8;a 1 1 0;'
decodes 'up to the next' 's 1000 0 2;n 1000 8;n 1010 8;r 1000 10;n 1009 1' \
    'a 0 8 0;a 1 8 0;r 0 10;f 0;a 2 1 0;'
decodes 'moved' 's 1000 0 2;n 1000 8;n 1010 8;r 1000 11;m 2000;n 1000 8;n 2010 1' \
    'a 0 8 0;a 1 8 0;r 0 11;a 2 8 0;f 0;a 3 1 0;'
decodes 'where it went is lost' 's 1000 0 2;n 1000 8;n 1010 8;r 1000 11;n 1009 1;f 1010' \
    'a 0 8 0;a 1 8 0;r 0 11;f 0;a 2 1 0;f 1;'
decodes 'its neighbour is there' 's 1000 0 2;n 1000 8;n 1010 8;n 1030 8;r 1000 11;f 1010;r 1000 90;f 1030' \
    'a 0 8 0;a 1 8 0;a 2 8 0;r 0 11;f 1;r 0 90;f 2;'
decodes 'moved without need' 's 1000 0 2;n 1000 8;r 1000 9;m 900;n 1000 1;n 908 1' \
    'a 0 8 0;r 0 9;a 1 1 0;f 0;a 2 1 0;'
decodes 'moved over one' 's 1000 0 2;n 1000 8;n 3000 8;n 2000 8;r 1000 9;m 2001' \
    'a 0 8 0;a 1 8 0;a 2 8 0;r 0 9;f 2;'
# A realloc over malloc and free.
decodes 'a realloc over malloc and free' 's 1000 0 2;n 500 4;n 1000 8;n 2000 24;f 1000;r 1000 24;m 2000;f 2000;n 3000 1' 'a 0 4 0;a 1 8 0;r 1 24;f 1;a 2 1 0;'
decodes 'and where it is' 's 1000 0 2;n 1000 8;n 2000 24;f 1000;r 1000 24;m 2000;n 2023 1' 'a 0 8 0;r 0 24;f 0;a 1 1 0;'
decodes 'where nothing is' 's 1000 0 2;n 1000 8;n 2000 24;f 1000;r 1000 24;m 3000' 'a 0 8 0;a 1 24 0;f 0;'
decodes 'where another is' 's 1000 0 2;n 1000 8;n 2000 24;n 1500 4;f 1000;r 1000 24;m 2000' 'a 0 8 0;a 1 24 0;a 2 4 0;f 0;'

# Objects that nobody has seen come.
decodes 'freed' 's 1000 0 2;n 1000 8;f 2000;f 1001' 'a 0 8 0;' \
    'soup.v2.bin: 2 calls about objects that nobody has seen come'
decodes 'resized' 's 1000 0 2;n 1000 8;r 2000 8;n 2007 1' 'a 0 8 0;a 1 8 0;f 1;a 2 1 0;' ': 1 calls about'
decodes 'moved at once' 's 1000 0 2;r 2000 8;m 3000;n 2000 8;n 3000 1' \
    'a 0 8 0;a 1 8 0;f 0;a 2 1 0;' ': 1 calls about'
decodes 'after a free' 's 1000 0 2;n 1000 8;f 1000;f 1000;r 2000 8' 'a 0 8 0;f 0;' ': 1 calls about'
decodes 'after two frees' 's 1000 0 2;n 1000 8;n 1010 8;f 1000;f 1010;r 2000 8' \
    'a 0 8 0;a 1 8 0;f 0;f 1;a 2 8 0;' ': 1 calls about'

# Alignments, of what comes next; calls that were dropped.
decodes 'alignments' 's 1000;a 4;n 1000 8;n 1010 8;a 20;n 1020 8;a 3;f 1000;n 1000 8;a 0;n 1030 8' \
    'a 0 8 16;a 1 8 0;a 2 8 1048576;f 0;a 3 8 0;a 4 8 1;'
decodes 'dropped' 's 1000;n 1000 8;d 1234' 'a 0 8 0;' ' 1 calls in 11 bytes, 11.0 each; 1,234 dropped by the sink'
ok 'and no more is said' [ "$(wc -l < err)" -eq 1 ]

# What is missing, and what nobody sends: until the next state nothing has a place.
decodes 'the beginning' 'n 900 8;a 4;f 900;s 1000;n 1000 8' 'a 0 8 0;' 'cut in 0 places; 0 bytes and 2 calls'
says err 'teaspoon: soup.v2.bin: 1 calls in 16 bytes, 5.3 each; '
decodes 'an event' 's 1000;n 1000 8;+ 1;f 1000;n 1010 8;s 1000;n 1020 8' 'a 0 8 0;a 1 8 0;' \
    'cut in 1 places; 0 bytes and 2 calls could not be placed'
decodes 'a place to move from' 's 1000;n 1000 8;r 1000 9;+ 2;m 2000;n 2000 1;s 1000;n 1000 2' \
    'a 0 8 0;r 0 9;f 0;a 1 2 0;' 'cut in 2 places; 4 bytes and 1 calls'
decodes 'its last byte' 'x 177;s 1000;n 1000 8' 'a 0 8 0;' 'cut in 0 places; 1 bytes and 0 calls'
decodes 'number 7' 's 1000;n 0 1;n 1 1;n 2 1;n 3 1;n 4 1;n 5 1;+ 1;n 6 1' 'a 0 1 0;a 1 1 0;a 2 1 0;a 3 1 0;a 4 1 0;a 5 1 0;' \
    'cut in 1 places; 0 bytes and 1 calls'
decodes 'two that nobody sends' 'x 000;s 1000;n 1000 8;o 4 0;o 5 0' 'a 0 8 0;' 'cut in 2 places; 7 bytes and 0 calls'
decodes 'bytes before' 'x 101 177 000;s 1000;n 1000 8' 'a 0 8 0;' 'cut in 0 places; 3 bytes and 0 calls'
sent most.bin << 'END'
s 1000
n 1000 8
d 34359738367
END
printf '\000\000\000\000\000' >> most.bin # ten bytes are as many as there can be
run 0 decode most.bin; says err '34,359,738,367 dropped'; is 'nothing missing' "$(wc -l < err)" 1
printf '\000' >> most.bin
run 0 decode most.bin; says err '; 0 dropped'; says err 'cut in 1 places; 13 bytes and 0 calls'
# nobody_sends WHAT OCTAL...: in sequence after two events, and what comes behind it is lost.
nobody_sends() {
    what=$1 bytes=$#
    shift
    decodes "$what" "s 1000;n 1000 8;x $*;+ 1;f 1000;s 1000;n 1010 8" 'a 0 8 0;a 1 8 0;' \
        "cut in 1 places; $((bytes - 1)) bytes and 1 calls could not be placed"
}
nobody_sends 'a new object without a size' 202 000
nobody_sends 'an object without all of its address' 212 000
nobody_sends 'nothing behind it' 242
nobody_sends 'a free with a size' 242 000 010
nobody_sends 'a resize without a size' 302 000
nobody_sends 'a state without a number' 342 000
nobody_sends 'pointers of one byte' 342 000 000 001
nobody_sends 'an alignment of 2^21' 342 002 025
decodes 'which is not what comes next has' 's 1000;n 1000 8;a 21;s 1000;n 1010 8' 'a 0 8 0;a 1 8 0;' \
    'cut in 1 places; 3 bytes and 0 calls'
nobody_sends 'something else' 342 004 000
nobody_sends 'a move without a resize' 342 003 000
nobody_sends 'an object of 2^31 bytes' 202 000 000 000 000 000 010
decodes 'a second move' 's 1000;n 1000 8;r 1000 9;m 1010;m 1020;f 1000' 'a 0 8 0;r 0 9;' \
    'cut in 1 places; 3 bytes and 1 calls'
