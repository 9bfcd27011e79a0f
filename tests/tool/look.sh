# shellcheck shell=sh disable=SC2034,SC2154 # what suite.sh and run.sh set
# Tests of a heap in a memory dump. Sourced by run.sh.
# SPDX-License-Identifier: BSD-3-Clause

misused 'look needs a memory dump' look
misused '--handle is an address such as 0x20000400; not kitchen' look --handle kitchen x
misused '--for is 16, 32 or 64; not 8' look --for 8 x
run 2 look nowhere.bin; says err 'nowhere.bin: No such file'
head -c 4000 "$teaspoon" > cut.elf
run 2 look nowhere.bin nor_here.bin; is 'the first that is not there' "$(cat err)" 'teaspoon: cannot read nowhere.bin: No such file or directory'
run 2 look cut.elf; is 'an ELF file without its end' "$(cat err)" 'teaspoon: cut.elf: a damaged or truncated ELF file'
head -c 4000 /dev/zero > zero.bin
run 3 look zero.bin; is 'no heap' "$(cat err)" 'teaspoon: zero.bin: no sound heap in it'
run 3 look --handle 64 --for 32 zero.bin
is 'no handle' "$(cat err)" 'teaspoon: zero.bin: 0x40: there is no heap: the handle has not been made'
run 3 look --handle 0x2000 zero.bin; says err '0x2000: the handle is not in the dump'
for family in tsp4k tsp128k tsp16m; do unit look picture say family; done
unset family
