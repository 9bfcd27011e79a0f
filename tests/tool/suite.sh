# Sourced by the tests of the command: it is $teaspoon, their folder is a new one, and ok counts. Needs TEASPOON as $1.
# SPDX-License-Identifier: BSD-3-Clause
teaspoon=$1
# shellcheck disable=SC2034 # for who sources this
root=$(cd "$(dirname "$0")/../.." && pwd)
case $teaspoon in /*) ;; *) teaspoon=$PWD/$teaspoon ;; esac
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0
failed=0
# shellcheck disable=SC3045 # dash and bash have it
[ "${TSP_TEST_STOP:-0}" = 0 ] || ulimit -t 10 # a mutant may never end
MALLOC_PERTURB_=165 # what glibc's malloc hands out is not zero by chance
export MALLOC_PERTURB_

# ok WHAT CONDITION...: the condition is a command.
ok() {
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        [ -s err ] && sed 's/^/    stderr: /;5q' err
        [ "${TSP_TEST_STOP:-0}" = 0 ] || exit 1
    fi
}
is() { ok "$1: '$2', not '$3'" [ "$2" = "$3" ]; }
says() { ok "'$2' not in $1" grep -qF -e "$2" "$1"; }

# run STATUS ARGUMENT...: the command, its output in the files out and err.
run() {
    expected=$1
    shift
    "$teaspoon" "$@" > out 2> err < "${input:-/dev/null}"
    status=$?
    ok "exit status $status, not $expected: teaspoon $*" [ $status -eq "$expected" ]
}
