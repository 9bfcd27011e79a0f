# Sums up test suites. Sourced by scripts/test.sh and .ci/run.
#     suite NAME COMMAND...   runs a suite that ends in a line "N passed, N failed", and adds that up
#     check NAME COMMAND...   runs a command that counts as one test: passed if it exits with 0
#     skip NAME REASON        says that something is not tested here, and why
#     verdict                 prints the sum as the last line; returns 1 if anything failed

SUITES_LOG=$(mktemp)
trap 'rm -f "$SUITES_LOG"' EXIT
SUITES_PASSED=0
SUITES_FAILED=0
SUITES_SKIPPED=

have() {
    command -v "$1" > /dev/null 2>&1
}

suite() {
    suite_name=$1
    shift
    echo "== $suite_name"
    suite_status=0
    { "$@" 2>&1; echo "exit status $?"; } | tee "$SUITES_LOG" | grep -v '^exit status [0-9]*$' || true
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
    shift
    if "$@" > "$SUITES_LOG" 2>&1; then
        echo "passed: $check_name"
        SUITES_PASSED=$((SUITES_PASSED + 1))
    else
        echo "FAILED: $check_name"
        sed 's/^/    /' "$SUITES_LOG" | tail -n 40
        SUITES_FAILED=$((SUITES_FAILED + 1))
    fi
}

skip() {
    echo "skipped: $1 ($2)"
    SUITES_SKIPPED="$SUITES_SKIPPED $1;"
}

verdict() {
    [ -z "$SUITES_SKIPPED" ] || echo "not tested here:${SUITES_SKIPPED%;}"
    echo "$SUITES_PASSED passed, $SUITES_FAILED failed"
    [ "$SUITES_FAILED" = 0 ]
}
