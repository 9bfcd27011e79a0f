# shellcheck shell=sh disable=SC2154 # what suite.sh and run.sh set
# Tests of the command line. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

unit say
misused 'what shall it do'
misused 'there is no command frobnicate' frobnicate
misused 'too many words after help' help fit replay
misused '--tsv or --json, not both' fit --tsv --json x
misused '--max is a number of bytes such as 2000, 8K or 1M; not x' fit --max x y
run 2 fit; says err 'no trace given'
run 2 fit --frobnicate; says err "unrecognized option '--frobnicate'"
run 2 fit --variant 5k x; says err '--variant is 4k, 128k, 16m or auto, not 5k'
run 2 fit --align 3 x; says err '--align is 4, 8 or 16, not 3'
run 2 fit --heap 8K x; says err 'unrecognized option'
run 2 fit - -; says err 'standard input can be read only once'
run 2 replay x; says err 'replay needs --heap'
for bytes in '' x -8 8Q 8KB 99999999999999999999 99999999999G; do
    run 2 replay --heap "$bytes" x; says err '--heap is a number of bytes'
done
run 2 help nothing; says err 'no help about nothing'
run 0 --help; says out 'a ID SIZE ALIGN'
run 0 help; says out 'Exit status'
run 0 help fit; says out 'smallest multiple of 8'
run 0 fit --help; says out '--tsv'
run 0 replay --help; says out 'low_free'
for about in fit replay record decode look; do
    run 0 help $about; cp out help.out
    ok "teaspoon $about -h" "$teaspoon" $about -h > out
    ok "is teaspoon help $about" cmp -s help.out out
    run 0 $about --help; ok "and teaspoon $about --help" cmp -s help.out out
    ok "help of at most 120 columns" awk 'length > 120 { exit 1 }' out
done
run 0 -h; says out 'Exit status'
run 0 -V; cp out version.out
run 0 version; ok '-V is version' cmp -s version.out out
run 0 --version
is version "$(cat out)" "teaspoon $(sed -n 's/#define TSP_VERSION "\(.*\)"/\1/p' "$root/include/teaspoon.h")"
