# Sums up test suites. Sourced by scripts/test.sh and .ci/run.
#     suite NAME COMMAND...   runs a suite that ends in a line "N passed, N failed", and adds that up
#     check NAME COMMAND...   runs a command that counts as one test: passed if it exits with 0
#     skip NAME REASON        says that something is not tested here, and why
#     beside LANE LANE...     runs functions that call the above side by side, and adds up what they found
#     verdict                 prints the sum as the last line; returns 1 if anything failed
# Each step says how many seconds it took; side by side a suite shows what it has to say when it has ended.

SUITES_LOG=$(mktemp)
trap 'rm -f "$SUITES_LOG" "$SUITES_LOG".*' EXIT
SUITES_PASSED=0
SUITES_FAILED=0
SUITES_SKIPPED=
SUITES_LANE=

have() {
    command -v "$1" > /dev/null 2>&1
}

suite() {
    suite_name=$1
    shift
    suite_began=$(date +%s)
    suite_status=0
    if [ "$SUITES_LANE" ]; then
        { "$@" 2>&1; echo "exit status $?"; } > "$SUITES_LOG"
        { echo "== $suite_name"; grep -v '^exit status [0-9]*$' "$SUITES_LOG"; } > "$SUITES_LOG.said"
        cat "$SUITES_LOG.said"
    else
        echo "== $suite_name"
        { "$@" 2>&1; echo "exit status $?"; } | tee "$SUITES_LOG" | grep -v '^exit status [0-9]*$' || true
    fi
    echo "-- $suite_name: $(($(date +%s) - suite_began)) s"
    suite_status=$(sed -n 's/^exit status //p' "$SUITES_LOG" | tail -n 1)
    suite_sum=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$SUITES_LOG" | tail -n 1)
    suite_passed=${suite_sum%% *}
    suite_failed=${suite_sum#*, }
    suite_failed=${suite_failed%% *}
    SUITES_PASSED=$((SUITES_PASSED + ${suite_passed:-0}))
    SUITES_FAILED=$((SUITES_FAILED + ${suite_failed:-0}))
    # A suite that broke off counts as a failure even if it counted none itself.
    if [ -z "$suite_sum" ] || { [ "$suite_status" != 0 ] && [ "$suite_failed" = 0 ]; }; then
        echo "FAILED: $suite_name ended with status $suite_status"
        SUITES_FAILED=$((SUITES_FAILED + 1))
    fi
}

check() {
    check_name=$1
    check_began=$(date +%s)
    shift
    if "$@" > "$SUITES_LOG" 2>&1; then
        echo "passed: $check_name ($(($(date +%s) - check_began)) s)"
        SUITES_PASSED=$((SUITES_PASSED + 1))
    else
        echo "FAILED: $check_name ($(($(date +%s) - check_began)) s)"
        sed 's/^/    /' "$SUITES_LOG" | tail -n 40
        SUITES_FAILED=$((SUITES_FAILED + 1))
    fi
}

skip() {
    echo "skipped: $1 ($2)"
    SUITES_SKIPPED="$SUITES_SKIPPED $1;"
}

beside() {
    for lane in "$@"; do
        (
            SUITES_LANE=$lane
            SUITES_LOG=$SUITES_LOG.$lane
            SUITES_PASSED=0
            SUITES_FAILED=0
            SUITES_SKIPPED=
            $lane
            echo "$SUITES_PASSED $SUITES_FAILED $SUITES_SKIPPED" > "$SUITES_LOG.sum"
        ) &
    done
    wait
    for lane in "$@"; do
        lane_passed=0
        lane_failed=1 # of a lane that broke off
        lane_skipped=
        [ -f "$SUITES_LOG.$lane.sum" ] && read -r lane_passed lane_failed lane_skipped < "$SUITES_LOG.$lane.sum"
        SUITES_PASSED=$((SUITES_PASSED + lane_passed))
        SUITES_FAILED=$((SUITES_FAILED + lane_failed))
        SUITES_SKIPPED="$SUITES_SKIPPED${lane_skipped:+ $lane_skipped}"
    done
}

verdict() {
    [ -z "$SUITES_SKIPPED" ] || echo "not tested here:${SUITES_SKIPPED%;}"
    echo "$SUITES_PASSED passed, $SUITES_FAILED failed"
    [ "$SUITES_FAILED" = 0 ]
}
