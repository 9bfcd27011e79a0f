#!/bin/sh
# Static analysis of src/: gcc -fanalyzer, clang-tidy (checks and their reasons: .clang-tidy) and cppcheck with its
# MISRA C:2012 rules. Ends in one line with the figures, and fails if there is any finding that is not listed: MISRA
# deviations are in misra.txt, rule by rule with their number, and a number that no longer holds is a finding too.
#     sh proof/lint.sh [DIR]     DIR, by default build/lint, is for what it makes
cd "$(dirname "$0")/.." || exit 1
out=${1:-build/lint}
mkdir -p "$out"
have() { command -v "$1" > /dev/null 2>&1; }
first() { for tool in "$@"; do have "$tool" && echo "$tool" && return; done; }
findings=0
summary=
found() { # NAME FILE: one finding per line of FILE
    cat "$2"
    findings=$((findings + $(wc -l < "$2")))
    summary="$summary $1 $(wc -l < "$2") findings,"
}
skip() {
    echo "skipped: $1 is not installed"
    summary="$summary $1 skipped,"
}

if have gcc && gcc -v 2>&1 | grep -q '^gcc version'; then
    for source in src/*.c; do
        for lock in 0 1 2; do
            for level in -O0 -O2; do
                gcc -std=c99 $level -Wall -Wextra -Wconversion -pedantic -fanalyzer -fdiagnostics-plain-output \
                    -DTSP_LOCK=$lock -Iinclude -c -o "$out/lint.o" "$source" 2>&1
            done
        done
    done | grep -E '(warning|error):' | sort -u > "$out/gcc"
    found "gcc -fanalyzer" "$out/gcc"
else
    skip "gcc -fanalyzer"
fi

tidy=$(first clang-tidy-19 clang-tidy)
if [ "$tidy" ]; then
    for lock in 0 1 2; do
        $tidy --quiet --header-filter='.*' src/*.c -- -std=c99 -DTSP_LOCK=$lock -Iinclude 2> /dev/null ||
            echo "error: $tidy failed"
    done | grep -E '(warning|error):' | sort -u > "$out/tidy"
    found clang-tidy "$out/tidy"
else
    skip clang-tidy
fi

# Plain C without a lock, and what gcc compiles by default. Names differ on purpose: `spoon` is the word of the
# interface, `h` that of the engine.
if have cppcheck; then
    for knobs in "-DTSP_LOCK=0" "-DTSP_LOCK=1 -D__GNUC__=12 -D__BIGGEST_ALIGNMENT__=16"; do
        # shellcheck disable=SC2086 # the knobs are words
        cppcheck -q --enable=warning,style,performance,portability --inconclusive --std=c99 --platform=unix64 \
            --addon=misra --suppress=missingIncludeSystem --suppress=funcArgNamesDifferent \
            --template='{file}:{line}:{column}: {id}: {message}' -Iinclude $knobs src 2>&1
    done | sort -u > "$out/cppcheck.all"
    grep -v ': misra-c2012-' "$out/cppcheck.all" > "$out/cppcheck"
    found cppcheck "$out/cppcheck"
    sed -n 's/.*: misra-c2012-\([0-9.]*\):.*/\1/p' "$out/cppcheck.all" | sort | uniq -c |
        awk '{ print $2, $1 }' | sort > "$out/misra.is"
    awk '/^[0-9]/ { print $1, $2 }' proof/misra.txt | sort > "$out/misra.listed"
    diff "$out/misra.listed" "$out/misra.is" |
        sed -n 's/^</proof\/misra.txt has, but it is not so: rule, number/p
                s/^>/it is so, but proof\/misra.txt has it not: rule, number/p' > "$out/misra"
    found MISRA "$out/misra"
    summary="$summary $(awk '{ n += $2 } END { print NR " rules deviated from in " n " places" }' "$out/misra.is"),"
else
    skip "cppcheck and MISRA"
fi

echo "lint:${summary%,}"
[ "$findings" = 0 ]
