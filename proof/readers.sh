#!/bin/sh
# Fuzzes what the command reads, through readers.c, under AddressSanitizer and UndefinedBehaviorSanitizer: traces as text
# and gzip'ed, recordings, memory dumps. Begins with seeds that it makes itself; what was found is named.
#
#     sh proof/readers.sh [SECONDS]    60 unless it says otherwise; 0: only replays the seeds, cut and with bytes changed
#
# Needs clang with libFuzzer for more than that. SPDX-License-Identifier: BSD-3-Clause
set -u
cd "$(dirname "$0")/.." || exit 2
seconds=${1:-60}
work=build/readers
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"
sources="proof/readers.c tool/decode.c tool/look.c tool/picture.c tool/family.c tool/say.c tool/trace.c"
rm -rf "$work"
mkdir -p "$work/seeds" "$work/new" "$work/found"

# shellcheck disable=SC2086 # flags are words
build() { # COMPILER FLAG...
    program=$1
    shift
    "$@" -std=gnu11 -O1 -g $sanitize -Iinclude -Itool $sources "$work"/*.o -lz -lpthread -o "$work/$program" || exit 1
}
seed() { # WHICH NAME: standard input is the rest
    { printf "\\00$1"; cat; } > "$work/seeds/$2"
}

# The library is no reader: it comes without sanitizers.
for source in src/*.c; do
    "${CC:-cc}" -std=c99 -O1 -Iinclude -c -o "$work/$(basename "$source").o" "$source" || exit 1
done
build replay "${CC:-cc}" -DREPLAY
printf '# name: lunch, pointer size: 4\na 0 100 0 site=1\n# site 1: main < start\nr 0 8 ms=3\na 1 24 64\nf 0 size=8\n' > "$work/text"
seed 0 text < "$work/text"
seed 2 packed < "$work/text"
gzip -nc "$work/text" | seed 1 gzip
printf ', e=1\n' | seed 0 short-name # nothing stands in front of it
# shellcheck disable=SC2086
"${CC:-cc}" -std=gnu11 -g -DHOST -DHOW=1 -DDROP=50 -Iinclude -Iadapters tests/tool/firmware.c \
    "$work"/*.o -Wl,--wrap=tsp128k_malloc,--wrap=tsp128k_calloc,--wrap=tsp128k_realloc,--wrap=tsp128k_free -o "$work/firmware" || exit 1
(cd "$work" && ./firmware > firmware.out) || exit 1
head -c 200 "$work/recording.bin" | seed 3 recording
# A tsp4k heap of 16 bytes at 0x20000010: one hole of 4 granules; and one that remembers sizes.
printf '\020\000\000\040\000\000\000\000\000\000\004\000\004\000\000\012%012d\000\000\004\000' 0 | seed 4 dump
printf '\020\000\000\040\000\000\000\000\000\000\004\000\004\000\000\013%012d\000\000\004\000\000' 0 | seed 4 dump-malloc

# Each seed, cut everywhere and with each byte changed: some thousand inputs for who has no fuzzer.
python3 - "$work" <<'END' || exit 1
import os, sys
work = sys.argv[1]
os.makedirs(work + '/inputs')
for name in sorted(os.listdir(work + '/seeds')):
    data = open(work + '/seeds/' + name, 'rb').read()
    for i in range(1, len(data)):
        for what, changed in (('cut', data[:i]), ('flip', data[:i] + bytes([data[i] ^ 1 << i % 8]) + data[i + 1:]),
                              ('ff', data[:i] + b'\xff' + data[i + 1:]), ('gone', data[:i] + data[i + 1:])):
            open('%s/inputs/%s-%s-%04d' % (work, name, what, i), 'wb').write(changed)
END
find "$work/seeds" "$work/inputs" -type f | sort > "$work/list"
xargs "$work/replay" < "$work/list" > "$work/replay.log" 2>&1 || { tail -n 20 "$work/replay.log"; echo "readers: replaying the seeds failed"; exit 1; }
inputs=$(wc -l < "$work/list")

clang=
for name in clang-19 clang; do
    command -v $name > /dev/null 2>&1 && clang=$name && break
done
if [ "$seconds" = 0 ] || [ -z "$clang" ]; then
    [ -n "$clang" ] || echo "skipped: clang is not installed"
    echo "readers: $inputs inputs replayed"
    exit 0
fi
build fuzzer "$clang" -fsanitize=fuzzer
"$work/fuzzer" -seed=1 -max_total_time="$seconds" -max_len=1000 -timeout=10 -rss_limit_mb=1000 -print_final_stats=1 -close_fd_mask=3 \
    -artifact_prefix="$work/found/" "$work/new" "$work/seeds" > "$work/fuzzer.log" 2>&1
found=$(find "$work/found" -type f)
for file in $found; do echo "FOUND: $work/replay $file"; done
executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/fuzzer.log")
echo "readers: $inputs inputs replayed, ${executions:-0} executions in $seconds s, $(echo "$found" | grep -c .) crashes"
[ -z "$found" ] && [ "${executions:-0}" -gt 0 ]
