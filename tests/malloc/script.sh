#!/bin/sh
# Work for a shell: numbers, words, variables, subshells. SPDX-License-Identifier: BSD-3-Clause
factorial() { if [ "$1" -le 1 ]; then echo 1; else echo $(($1 * $(factorial $(($1 - 1))))); fi; }
factorial 15
set --
while read -r number first rest; do
    case $first in w?) set -- "$@" "$number:$first" ;; esac
    [ "$number" -lt 1000 ] || break
done < text
echo $# "$*"
for word; do eval "v${word%%:*}=\${word#*:}"; done
list=
for i in 1 2 3 4 5 6 7 8 9; do list="$list $(echo "$list$i" | (read -r a b; echo "${b:-$a}$i"))"; done
echo "$list"
trap 'echo bye' EXIT
set | grep -c '^v'
