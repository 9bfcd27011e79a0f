# shellcheck shell=sh disable=SC2154 # what suite.sh and run.sh set
# Tests of replay. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

unit replay say family
unit picture say
unit verify fail pins sites picture search replay say family trace
for trace in "$root"/traces/tiny/*.gz; do
    if [ $plain -eq 1 ]; then gunzip -c "$trace" > tiny.trace; trace=tiny.trace; fi
    for kind in sized malloc; do
        for variant in 4k 128k 16m; do
            run 0 replay --heap min --check --$kind --variant $variant "$trace"
        done
    done
done
says out 'every byte verified'
says out 'low-water mark:'
run 0 replay --heap 400 picture.trace
cat > expected <<'END'
picture in a heap of 400 bytes (4k, sized): 5 operations, every byte verified
  at the end: total 400, used 312, free 88, objects 3, largest 64, low_free 72, failed 0
  low-water mark: 72 bytes were free at every moment, and no more than 328 in use
  at its fullest, after operation 3 (line 3):
           0  ..................[=============================================
         256  ====[=====[=========================
  a cell is 4 bytes: [ an object begins, = it goes on, . free
  3 objects in 328 of 400 bytes (82.0 %); 1 hole, the largest 72 bytes
END
ok 'the picture' diff expected out
run 0 replay --heap 1K --malloc picture.trace; says out '; size map 31 bytes'
says out 'picture in a heap of 1,024 bytes (4k, malloc): 5 operations'
run 0 replay --heap 2m --variant 16m picture.trace; says out 'a cell is 2,048 bytes'
run 0 replay --heap 300K picture.trace; says out 'picture in a heap of 307,200 bytes (16m, sized)'
run 0 replay --heap 262136 picture.trace; says out '(4k, sized)'
run 0 replay --heap 300K --variant 4k picture.trace; says out '(4k, sized)'
"$teaspoon" replay --heap 400 picture.trace picture.trace known.trace > both 2>&1 # what is said comes in order
is 'in order' "$(grep -o -e 'no more than' -e ': no room' -e 'too small' both | tr '\n' ';')" 'no more than;no more than;: no room;too small;'
run 1 replay --heap 400 known.trace picture.trace # the worst of the two
is 'a blank line between two' "$(grep -c '^$' out)" 1
run 1 replay --heap 300 picture.trace
is 'what does not fit' "$(cat err)" "teaspoon: picture: line 3 (operation 3 of 5): \
object 2, 200 bytes aligned to 8: no room; 168 bytes are free, but at most 168 in one piece"
says out 'too small'
says out '  then: total 296, used 128, free 168, objects 2, largest 168, low_free 168, failed 1'
says out 'a cell is 4 bytes'
run 1 replay --heap 0 picture.trace
run 1 replay --heap 4000000G picture.trace
says err 'picture: this machine has no 4,294,967,296,000,000 bytes for a heap'
printf 'a 0 24 0\na 1 8 0\na 2 40 0\na 3 8 0\na 4 16 0\na 5 8 0\nf 0\nf 2\nf 4\na 6 300 0\n' > gaps.trace
run 1 replay --heap 104 gaps.trace; says out '3 holes, the largest 40 bytes'
sed "/^f 4/d" gaps.trace > two.trace
run 1 replay --heap 107 two.trace; says out '; 2 holes, the largest 40 bytes'; ok 'no map in a sized heap' sh -c '! grep -q map out'
printf 'a 0 0 0\nr 0 0\nf 0\n' > nothing.trace
run 0 replay --heap 0 --check nothing.trace; is 'nothing in nothing' "$(tail -n 1 out)" '  0 objects in 0 of 0 bytes (0.0 %); no holes'
run 0 replay --heap 0 --malloc nothing.trace; is 'and no map of it' "$(tail -n 1 out)" '  0 objects in 0 of 0 bytes (0.0 %); no holes'
run 0 replay --heap min --check --malloc nothing.trace
# Nothing, of a strict alignment: a remembering heap has no such address for it, and the program no less memory.
printf 'a 0 0 4096\nr 0 8\nr 0 0\nr 0 100\na 1 0 64\nf 1\nf 0\n' > strict.trace
for kind in --sized --malloc; do
    run 0 replay --heap 5000 --check $kind strict.trace
    run 0 fit --tsv $kind strict.trace
done
run 0 fit --compare strict.trace
run 1 replay --heap min --variant 4k known.trace
is 'no heap will do' "$(cat err)" 'teaspoon: known: the 4k variant cannot hold it; its largest heap has 262,136 bytes'
is 'and nothing was tried' "$(cat out)" ''
