#!/bin/sh
# Checks the models of lock.pml with Spin. The sound ones: in every schedule no assertion fails, nobody waits for ever,
# and every call ends. The broken ones must be caught, and in the way that is said here.
#     sh proof/spin.sh [DIR]     DIR, by default build/spin, is for what it makes
# Ends in one line with the figures, after half a minute. Needs spin and a C compiler. SPDX-License-Identifier: BSD-3-Clause
set -u
cd "$(dirname "$0")/.." || exit 1
model=$PWD/proof/lock.pml
out=${1:-build/spin}
CC=${CC:-cc}
mkdir -p "$out" && cd "$out" || exit 1
if ! command -v spin > /dev/null; then
    echo "spin: skipped, since it is not installed"
    exit 0
fi
models=0
states=0
broken=0
caught=0

# pan "FLAGS" "COMPILER FLAGS" "OPTIONS": goes through every reachable state, and leaves what it has to say in pan.out.
# No reduction of states, since that is not sound where a process is "provided" with a condition.
pan() {
    # shellcheck disable=SC2086 # the flags are words
    rm -f pan pan.out && spin $1 -a "$model" > spin.out 2>&1 && $CC -O1 -w -DNOREDUCE $2 -o pan pan.c &&
        ./pan -m100000 $3 > pan.out 2>&1 && ! grep -q -e 'max search depth too small' -e 'out of memory' pan.out &&
        grep -q 'errors: ' pan.out && return
    cat spin.out pan.out
    echo "spin: $1 could not be checked"
    exit 1
}

complaint() { # what pan found: "assertion violated ...", "invalid end state ...", or nothing
    sed -n 's/^pan:1: //p' pan.out
}

# holds MODEL: no error, and no cycle of any kind, so that every call ends
holds() {
    pan "-D$1" -DSAFETY ""
    wrong=$(complaint)
    number=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.out)
    pan "-D$1" -DNP -l
    wrong="$wrong$(complaint)"
    if [ "$wrong" ]; then
        echo "FAILED: $1: $wrong"
        failed=1
    else
        echo "holds: $1, $number states"
        models=$((models + 1))
        states=$((states + number))
    fi
}

# fails MODEL FLAG HOW: what pan says must begin with HOW
fails() {
    broken=$((broken + 1))
    pan "-D$1 -D$2" -DSAFETY ""
    case $(complaint) in
    "$3"*)
        echo "caught: $1 with $2: $(complaint)"
        caught=$((caught + 1))
        ;;
    *) echo "FAILED: $1 with $2 should have been caught by: $3, but was not. $(complaint)" ;;
    esac
}

failed=0
race="assertion violated ((seen[me]"
stuck="invalid end state"
holds EXCLUSION
fails EXCLUSION NO_EXCHANGE "assertion violated"
fails EXCLUSION NO_ACQUIRE "$race"
fails EXCLUSION NO_RELEASE "$race"
holds YIELD
fails YIELD NO_YIELD "$stuck"
holds ONCE
fails ONCE NO_ACQUIRE_OF_STATE "$race"
fails ONCE NO_RELEASE_OF_STATE "$race"
fails ONCE NO_STATE_LAST "$race"
fails ONCE NO_SECOND_LOOK "assertion violated (supplied==1)"
holds HANDLER
fails HANDLER NO_TRY "$stuck"
fails HANDLER NO_HEAP_YET "$stuck"
holds HOOKS
fails HOOKS NO_NESTING "assertion violated (inside==1)"
holds RESIZE
fails RESIZE NO_OLD_OBJECT "assertion violated"
fails RESIZE NO_SECOND_LOCK "assertion violated"
holds FORK
fails FORK NO_HANDLERS "$stuck"
fails FORK NO_PREPARE "assertion violated  !(half_done_in_child)"
echo "spin: $models models hold ($states states), $caught of $broken broken variants caught"
[ $failed = 0 ] && [ "$caught" = "$broken" ]
