#!/bin/sh
# Tests of `teaspoon record`: programs that know what they asked for, and their recordings. Usage: sh
# tests/tool/record.sh TEASPOON; CC and CXX build the programs. Ends in "N passed, N failed".
# SPDX-License-Identifier: BSD-3-Clause
set -u

# shellcheck source=tests/tool/suite.sh
. "$(dirname "$0")/suite.sh"
unset LD_PRELOAD

# record STATUS ARGUMENT...: the program's output in out, ours in err, descriptor 3 in log.
record() {
    expected=$1
    shift
    rm -f ./*.trace ./*.trace.gz
    "$teaspoon" record "$@" > out 2> err 3> log
    status=$?
    ok "exit status $status, not $expected: record $*" [ $status -eq "$expected" ]
}

fits() {
    "$teaspoon" fit --tsv "$@" > fit.out 2> err
    ok "fit $*" [ $? -eq 0 ]
    "$teaspoon" replay --heap 64M --variant 16m "$@" > /dev/null 2> err
    ok "replay $*" [ $? -eq 0 ]
}

# The operations of a trace, without comments and further columns.
bare() { sed -e '/^#/d' -e 's/ [a-z]*=.*//' "$1"; }
count() { grep -c "$1" "$2"; }
balance() { # "LIVE_OBJECTS LIVE_BYTES PEAK"
    bare "$1" | awk '/^a/ { n++; size[$2] = $3; live += $3 } /^r/ { live += $3 - size[$2]; size[$2] = $3 }
        /^f/ { n--; live -= size[$2] } live > peak { peak = live } END { print n + 0, live + 0, peak + 0 }'
}
# What there is of the sizes in a list.
of_size() { bare "$1" | awk -v sizes=" $2 " '/^a/ && index(sizes, " " $3 " ") { n++ } END { print n + 0 }'; }

# -- The command line ------------------------------------------------------------------------------------------------

record 2; says err 'record needs a program to run'
record 2 ./nowhere; is 'a program that is not there' "$(cat err)" \
    'teaspoon: cannot run ./nowhere: No such file or directory'
record 2 --sites=0 true; says err '--sites is a number of frames, 1 to 15; not 0'
record 2 --sites=16 true; says err 'not 16'
record 2 -o no/such/file.trace true; says err 'cannot make a directory no/such/file.trace.'
record 7 -q -- sh -c 'echo to stdout; echo to stderr >&2; exit 7'
is 'stdout is the program'\''s' "$(cat out)" 'to stdout'
is 'stderr too, with -q' "$(cat err)" 'to stderr'
ok 'the default name' [ -s sh.trace ]
is 'nothing else is left behind' "$(echo sh*)" sh.trace
record 0 -o here.trace.gz -- ls -l /; says err 'teaspoon: here.trace.gz: '
gunzip -c here.trace.gz > here.trace; ok 'gzip' grep -q '^# name: ls, ' here.trace
fits here.trace

# -- C ---------------------------------------------------------------------------------------------------------------

sums() {
    recorded=$1
    record 0 -o c.trace "$recorded" calls
    bare c.trace > bare.out
    ok "$recorded: every call of malloc's family is there, and no other" cmp -s bare.out log
    fits c.trace

    record 0 -o t.trace "$recorded" threads
    allocations=$(cut -d' ' -f1 out)
    resizes=$(cut -d' ' -f2 out)
    is 'resizes of eight threads' "$(count '^r' t.trace)" "$resizes"
    # stdio's buffer and what threads need beside: not less than all, nor more than a few
    extra=$(($(count '^a' t.trace) - allocations))
    ok "allocations of eight threads: $extra more than theirs" [ $extra -ge 0 -a $extra -lt 30 ]
    ok "nothing of theirs is left: $(balance t.trace)" [ "$(balance t.trace | cut -d' ' -f2)" -lt 8192 ]
    ok 'threads are told apart' [ "$(grep -o 'thread=[0-9]*' t.trace | sort -u | wc -l)" -eq 8 ]
    ok 'no call is about an unknown object' [ "$(count '^# left out' t.trace)" -eq 0 ]
    fits t.trace

    record 0 -o s.trace "$recorded" signals
    is 'malloc and free among signals' "$(bare s.trace | grep -c '^a [0-9]* 24 0$')" 300000
    record 3 -o x.trace "$recorded" _exit; is 'allocations before _exit' "$(of_size x.trace 10)" 3000
    for mode in kill:137:9 abort:134:6 crash:139:11; do
        code=${mode#*:}
        record "${code%:*}" -o x.trace "$recorded" "${mode%%:*}"
        is "allocations before ${mode%%:*}" "$(of_size x.trace 10)" 3000
        says err "was ended by signal ${code#*:}"
    done
    record 3 -o x.trace "$recorded" close
    is 'allocations of a program that closes all files' "$(of_size x.trace 10)" 6000

    # The child frees what it has from its parent; the grandchild too.
    record 0 -o f.trace "$recorded" fork
    is 'the parent' "$(bare f.trace | tr '\n' ';')" 'a 0 1111 0;a 1 2222 0;a 2 1 0;f 2;f 1;a 3 5555 0;'
    is 'the child' "$(bare f.2-recorded*.trace | tr '\n' ';')" 'a 0 1111 0;a 1 2222 0;f 0;a 2 3333 0;'
    is 'the grandchild' "$(bare f.3-recorded*.trace | tr '\n' ';')" 'a 0 2222 0;a 1 3333 0;f 0;a 2 4444 0;'
    fits f.trace f.2-*.trace f.3-*.trace
}

CC=${CC:-cc}
CXX=${CXX:-c++}
ok 'building a C program' $CC -std=c11 -O1 -g -fno-builtin -w -o recorded "$root/tests/tool/recorded.c" -lpthread -ldl
sums ./recorded

record 0 -q -o sites.trace --sites=2 ./recorded calls
bare sites.trace > bare.out
ok 'with sites it is the same trace' cmp -s bare.out log
is 'each object has a site' "$(grep -v '^#' sites.trace | grep -c '^[ar].* site=')" \
    "$(grep -v '^#' sites.trace | grep -c '^[ar]')"
ok 'sites are named before they are used' awk '/^# site/ { known["site=" $3 + 0] = 1 }
    /^[ar]/ { for (i = 3; i <= NF; i++) if ($i ~ /^site=/ && !($i in known)) exit 1 }' sites.trace
if grep -q 'libdw\.so' "$teaspoon"; then
    ok 'functions and lines' grep -q '^# site [0-9]*: calls (recorded\.c:[0-9]*) < main (recorded\.c:[0-9]*)$' \
        sites.trace
else
    ok 'modules and offsets' grep -q '^# site [0-9]*: recorded+0x[0-9a-f]* < recorded+0x[0-9a-f]*$' sites.trace
fi
fits sites.trace
record 0 -q -o sites.trace --sites ./recorded threads
is 'eight threads with sites' "$(count '^r' sites.trace)" "$(cut -d' ' -f2 out)"

# -- C++ -------------------------------------------------------------------------------------------------------------

# cxx TRACE: what recorded.cpp's plug does, once.
cxx() {
    pairs=$(awk '/^a/ { size[$2] = $3; align[$2] = $4 }
        /^f/ && (size[$2] > 10000 && size[$2] < 30100 || align[$2]) {
            rest = ""; for (i = 3; i <= NF; i++) if ($i ~ /^(size|align)=/) rest = rest " " $i
            printf "%s/%s%s;", size[$2], align[$2], rest }' "$1")
    is "operators of $1" "$pairs" "10001/0 size=10001;20002/0;20014/0 size=20014;1280/128 size=1280 align=128;\
3840/128 align=128;10001/0 size=10001;10007/0;10009/0 size=10009;10011/64 align=64;10013/0;10015/0;10017/0;\
10001/0 size=10001;"
}

if $CXX -std=c++17 -O0 -fno-inline -o recorded_cxx "$root/tests/tool/recorded.cpp" 2> err; then
    record 0 -o cxx.trace ./recorded_cxx
    is 'the new handler was called' "$(cat out)" 1
    cxx cxx.trace
    is 'strings' "$(bare cxx.trace | grep -c '^a [0-9]* 1001 0$')" 100
    fits cxx.trace
    # A program in C, and a library that brings C++ along.
    if $CXX -std=c++17 -O0 -fno-inline -fPIC -shared -o plug.so "$root/tests/tool/recorded.cpp" 2> err; then
        record 0 -o dl.trace ./recorded dlopen ./plug.so
        cxx dl.trace
    fi
else
    echo 'skipped: C++ (no compiler)'
fi

# -- 32 bits ---------------------------------------------------------------------------------------------------------

# shellcheck disable=SC2086
if $CC -m32 -std=c11 -O1 -fno-builtin -w -o recorded32 "$root/tests/tool/recorded.c" -lpthread -ldl 2> err; then
    mkdir -p bits32
    ok 'a 32-bit command' $CC -m32 -std=c11 -w -DTSP_PLAIN_TRACES -I"$root/include" -o bits32/teaspoon \
        "$root"/tool/*.c "$root"/src/*.c -lpthread
    ok 'a 32-bit library' $CC -m32 -std=c11 -O2 -fPIC -shared -fvisibility=hidden -fexceptions -static-libgcc \
        -I"$root/tool" -o bits32/libteaspoon-record.so "$root/tool/preload/record.c" -lpthread
    if "$dir/bits32/teaspoon" version > out 2> err; then
        record 2 -o x.trace "$dir/recorded32" calls; says err 'of another word size'
        teaspoon64=$teaspoon teaspoon=$dir/bits32/teaspoon
        sums ./recorded32
        ok 'pointer size' grep -q 'pointer size: 4' f.trace
        teaspoon=$teaspoon64
    elif qemu-i386 "$dir/bits32/teaspoon" version > out 2> err; then
        # A kernel for 64 bits only: qemu runs the program, over the 32-bit library, and is recorded itself.
        record 0 -o q.trace qemu-i386 -E "LD_PRELOAD=$dir/bits32/libteaspoon-record.so" ./recorded32 calls
        ok 'pointer size' grep -q 'pointer size: 4' q.2-*.trace
        bare q.2-*.trace > bare.out
        ok '32 bits: every call of malloc'\''s family is there, and no other' cmp -s bare.out log
        record 0 -o q.trace qemu-i386 -E "LD_PRELOAD=$dir/bits32/libteaspoon-record.so" ./recorded32 threads
        is '32 bits: resizes of eight threads' "$(count '^r' q.2-*.trace)" "$(cut -d' ' -f2 out)"
        fits q.2-*.trace
    else
        echo 'skipped: 32-bit programs (neither this kernel nor qemu-i386 runs them)'
    fi
else
    echo 'skipped: 32-bit programs (no -m32)'
fi

# -- Others ----------------------------------------------------------------------------------------------------------

echo 'int main(void) { return 0; }' > nothing.c
if $CC -static -o static nothing.c 2> err; then
    record 2 ./static; says err 'is it static'
fi
mkdir -p away/bin away/lib/teaspoon
cp "$teaspoon" away/bin/
"$dir/away/bin/teaspoon" record true > out 2> err
is 'without the library' "$?" 2; says err 'there is no libteaspoon-record.so in '
cp "$(dirname "$teaspoon")/libteaspoon-record.so" away/lib/teaspoon/
teaspoon=$dir/away/bin/teaspoon
record 0 -o moved.trace ls; ok 'as it is installed' [ -s moved.trace ]

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
