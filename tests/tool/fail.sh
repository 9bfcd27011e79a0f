# shellcheck shell=sh disable=SC2154 # what suite.sh and run.sh set
# Tests of requests that are made to fail. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

run 2 replay --heap 400 --fail 0 picture.trace; says err '--fail is the number of a request, from 1; not 0'
run 2 replay --heap 400 --fail-each 0 picture.trace; says err '--fail-each is a number of requests, at least 1; not 0'
run 2 replay --heap 400 --fail x picture.trace; says err '--fail is the number of a request, from 1; not x'
run 2 replay --heap 400 --fail 5 picture.trace
is 'request 5 of 4' "$(cat err)" 'teaspoon: picture: it makes only 4 requests'
run 1 replay --heap 300 --fail-each 1 picture.trace; says err 'line 3 (operation 3 of 5): object 2'
run 0 replay --heap 400 --fail-each 1 picture.trace
cat > expected <<'END'
picture in a heap of 400 bytes (4k, sized): 4 of 4 requests failed, each in a replay of its own
  8 operations came after them, every byte verified; 0 more found no room; each time nothing was lost
END
ok 'every request of four' diff expected out # 4 + 2 + 2 + 0: what is not there is not freed
run 0 replay --heap 400 --fail-each 3 picture.trace; says out ' 2 of 4 requests failed' # 1 and 4
printf 'a 0 100 0\nr 0 200\nr 0 50\nr 0 0\nr 0 8\nf 0\na 1 0 0\n' > resizes.trace
for kind in sized malloc; do # shrinking needs no memory, nor does an object of size 0
    run 0 replay --heap 400 --$kind --fail-each 1 --check resizes.trace; says out ' 3 of 3 requests failed'
    run 0 replay --heap 400 --$kind --fail 2 resizes.trace; says out ' 1 of 3 requests failed'
    run 0 replay --heap 400 --$kind --fail-each 2 resizes.trace; says out ' 2 of 3 requests failed'
done
printf 'a 0 96 0\na 1 40 0\nf 0\na 2 48 0\nf 1\na 3 96 0\n' > crowd.trace # without 0, 1 comes to lie elsewhere
run 0 replay --heap 144 --fail 1 crowd.trace; says out '; 1 more found no room;'
unit fail verify pins sites picture search replay say family trace
