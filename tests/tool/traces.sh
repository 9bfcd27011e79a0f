# shellcheck shell=sh disable=SC2154 # what suite.sh and run.sh set
# Tests of the reader: malformed traces get file, line, and what is wrong. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

# bad LINE MESSAGE TEXT: the text is a format for printf.
bad() {
    # shellcheck disable=SC2059
    printf "$3" > bad.trace
    run 2 fit bad.trace
    is "message for '$3'" "$(cat err)" "bad.trace:$1: $2"
    is 'in one line' "$(wc -l < err)" 1
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

bad 1 "ID is not a number: '-'" 'a - 4 0\n'
bad 1 "ID is not a number: ':'" 'a : 4 0\n'
bad 1 "ID is not a number: '/'" 'a / 4 0\n'
bad 1 "unknown operation 'I': a line begins with a, r, f or #" 'I 0 4 0\n'
bad 1 'the trace ends without any operation' '# name: a'
bad 1 "ALIGN is not a number: 'x'" 'a 0 4 x\n'
bad 1 "unknown operation '~': a line begins with a, r, f or #" '~ 0 4 0\n'
bad 1 "ID is not a number: 'twenty_letters,_less'" 'a twenty_letters,_less 4 0\n'
bad 1 "ID is not a number: 'twenty_letters,_and_...'" 'a twenty_letters,_and_1 4 0\n'
bad 1 'SIZE is too large: 18446744073709551620' 'a 0 18446744073709551620 0\n' # which wraps to 4
bad 1 'ID is too large: 4294967295' 'a 4294967295 1 0\n'
bad 1 'ID 4294967294 is out of order: the next new ID is 0' 'a 4294967294 1 0\n'
if [ "$(getconf LONG_BIT)" = 64 ]; then
    bad 1 'SIZE is too large: 9223372036854775808' 'a 0 9223372036854775808 1\n'
    bad 2 'the live objects are too large together' 'a 0 9223372036854775807 1\na 1 1 1\n'
    for most in 'a 0 9223372036854775807 1' 'a 0 9223372036854775806 1,a 1 1 1'; do
        echo "$most" | tr , '\n' > most.trace
        run 1 fit most.trace; says err 'most: the 16m variant cannot hold it'
    done
fi
printf '\n\n\na 0 4 0\n' | gzip > lines.gz
head -c $(($(wc -c < lines.gz) - 4)) lines.gz > bare.gz
[ $plain -eq 1 ] || { run 2 fit bare.gz; is 'a line for each newline' "$(cat err)" "bare.gz:5: the gzip'ed data is cut short here"; }
{ echo 'a 0 4 0'; awk 'BEGIN { printf "#"; while (n++ < 65524) printf "-"; print "" }'; printf 'f 0'; } > piece.trace
is 'a piece and a byte' "$(wc -c < piece.trace)" 65537
run 0 fit --tsv piece.trace; is 'and its last byte' "$(column 8)" 2
input=piece.trace run 0 fit --tsv -; is 'what standard input is called' "$(column 1)" stdin
run 2 fit nowhere.trace; is 'no file' "$(cat err)" 'teaspoon: cannot read nowhere.trace: No such file or directory'
run 2 fit .; is 'a folder' "$(cat err)" 'teaspoon: cannot read .: Is a directory'

# Columns with names, of which nobody has to know all.
bad 1 "neither a number nor NAME=VALUE: 'X=1'" 'a 0 4 0 X=1\n'
bad 1 "neither a number nor NAME=VALUE: 'site='" 'a 0 4 0 site=\n'
bad 1 "neither a number nor NAME=VALUE: '=1'" 'a 0 4 0 =1\n'
bad 1 "site is not a number: 'x'" 'a 0 4 0 site=x\n'
bad 1 'site is too large: 4294967296' 'a 0 4 0 site=4294967296\n'
bad 1 'ms is negative: -1' 'a 0 4 0 ms=-1\n'
bad 1 "a column without a name behind one that has one: '0'" 'a 0 4 site=1 0\n'
bad 1 'too few fields: the line must read a ID SIZE ALIGN' 'a 0 4 site=1\n'
bad 2 'too few fields: the line must read f ID' 'a 0 4 0\nf size=4\n'
bad 1 "unknown operation 'a=1': a line begins with a, r, f or #" 'a=1 0 4 0\n'

size=$(wc -c < whole.gz)
head -c $((size / 2)) whole.gz > cut.gz
head -c $((size - 4)) whole.gz > short.gz
{ head -c $((size / 2)) whole.gz; echo nonsense; tail -c $((size / 2)) whole.gz; } > damaged.gz
if [ $plain -eq 1 ]; then
    run 2 fit whole.gz; says err 'built without zlib'
else
    run 2 fit cut.gz; ok 'a gzip file cut in half' grep -qx "cut.gz:[0-9]*: the gzip'ed data is cut short here" err
    run 2 fit short.gz; is 'a gzip file without its end' "$(cat err)" \
        "short.gz:1001: the gzip'ed data is cut short here"
    run 2 fit damaged.gz; ok 'a damaged gzip file' grep -qx "damaged.gz:[0-9]*: the gzip'ed data is damaged here" err
    input=whole.gz run 0 fit -
fi
run 2 fit whole.gz bad.trace; is 'no work before all traces are read' "$(cat out)" ''

unit trace say
