#!/bin/sh
# What `make demo` shows: the smallest heaps of fifteen real programs beside those that three other allocators need, and
# Lua at work in 32 KiB, with pictures of them.
#
#     sh tool/demo.sh TEASPOON        the command, beside which is libteaspoon.a
set -eu

teaspoon=$1
root=$(dirname "$0")/..
peers=$root/bench/peers.tsv
build=$(dirname "$teaspoon")
fits=$build/demo.fits

cat <<'END'
How small a heap can these programs live in? What they asked of malloc, realloc and free was recorded, and is replayed
through teaspoon in heap after heap. Peak: the most bytes they had live at once, as they asked for them. Ratio: the
smallest heap, and the handle beside it, over the peak; 1.000 would be no overhead at all.

END

for interface in sized malloc; do
    "$teaspoon" fit --$interface --tsv "$root"/traces/tiny/*.gz "$root"/traces/small/*.gz
done > "$fits"

# Columns 1 and 2 are ours, 3 to 5 the peers'.
awk -F '\t' '
    function commas(n) { return n < 1000 ? n : sprintf("%d,%03d", n / 1000, n % 1000) }
    function line(name, peak, heap, a, b, c, d, e) {
        printf "%-17s%9s%9s%8s%9s  |%12s%12s%13s\n", name, peak, heap, a, b, c, d, e
    }
    function table(which, title,    i, k, t, rows, mean) {
        print title
        for (i = 1; i <= count; i++) {
            t = order[i]
            if (group[t] != which) continue
            rows++
            for (k = 1; k <= 5; k++) mean[k] += log(ratio[t, k])
            line("  " t, commas(peak[t]), commas(heap[t]),
                ratio[t, 1], ratio[t, 2], ratio[t, 3], ratio[t, 4], ratio[t, 5])
        }
        for (k = 1; k <= 5; k++) mean[k] = sprintf("%.3f", exp(mean[k] / rows))
        line("  geometric mean", "", "", mean[1], mean[2], mean[3], mean[4], mean[5])
    }
    BEGIN {
        column["Rust teaspoon 16MiB, resize mended"] = 3
        column["umm_malloc (best fit)"] = 4
        column["newlib-nano"] = 5
    }
    FNR == 1 { file++ }
    $1 == "trace" || $1 == "group" { next }
    file == 1 && $3 == "heap_peak" {
        group[$2] = $1
        if ($4 in column) ratio[$2, column[$4]] = $5
    }
    file == 2 && $3 == "sized" {
        order[++count] = $1
        peak[$1] = $4
        heap[$1] = $5
        ratio[$1, 1] = sprintf("%.3f", $7)
    }
    file == 2 && $3 == "malloc" { ratio[$1, 2] = sprintf("%.3f", $7) }
    END {
        line("", "", "sized", "sized", "free(p)", "Rust crate", "umm_malloc", "newlib-nano")
        line("program", "peak", "heap", "ratio", "ratio", "ratio", "ratio", "ratio")
        table("tiny", "tiny")
        table("small", "small")
    }
' "$peers" "$fits"

cat <<'END'

Left of the bar: teaspoon, measured just now in this build. "sized": the program says how large an object was when it
frees it, and objects cost no bytes. "free(p)": the heap remembers sizes. Objects are aligned to up to 8 bytes (those of
umm_malloc to 4).
Right of the bar: published figures, from 32-bit builds, handle included (bench/peers.tsv has more of them). The Rust
crate is teaspoon 0.1.0, in the one variant that runs all of these, with its resize bug mended; its interface is sized.
END

# Without Lua, a trace will do for the picture.
if ! pkg-config --exists lua5.4 2> /dev/null; then
    cat << 'END'

This is what a heap looks like inside. It is replayed with every byte verified, and drawn at its fullest:

END
    "$teaspoon" replay --heap min "$root/traces/tiny/cjson_telemetry.trace.gz"
    cat << 'END'

Next, Lua would be at work in 32 KiB, but it is not installed. To see it:
    sudo apt-get install -y pkg-config liblua5.4-dev && make demo
END
    exit
fi

lua=$build/lua_kitchen
script=$root/examples/adapters/kitchen.lua
# shellcheck disable=SC2046 # the flags are words
${CC:-cc} -std=c11 -O2 -I "$root/include" -I "$root/adapters" -I "$root/tool" $(pkg-config --cflags lua5.4) -o "$lua" \
    "$root/examples/adapters/lua_kitchen.c" "$root/tool/picture.c" "$root/tool/family.c" "$root/tool/say.c" \
    "$build/libteaspoon.a" $(pkg-config --libs lua5.4)

cat << 'END'

And this is Lua 5.4, a whole language, in 32 KiB of static bytes. Its script, examples/adapters/kitchen.lua, has
coroutines that read sensors, closures that smooth what they say, and a log that it forgets. Twice it stops for a
picture.

END
"$lua" "$script" > "$lua.out"
grep -v '^heap: ' "$lua.out"

# does_it_in BYTES: whether the script does the same in a sized heap of so many bytes.
does_it_in() {
    "$lua" "$script" "$1" > "$lua.out" 2> /dev/null && grep -v '^heap: ' "$lua.out" | cmp -s - "$lua.same"
}

smallest=32768
too_small=0
"$lua" "$script" $smallest | grep -v '^heap: ' > "$lua.same"
while [ $((smallest - too_small)) -gt 8 ]; do
    size=$(((smallest + too_small) / 16 * 8))
    if does_it_in $size; then smallest=$size; else too_small=$size; fi
done
"$lua" "$script" $too_small 2>&1 | grep -e "not enough memory" -e ", 0 now" | wc -l | grep -q 2
does_it_in $smallest
awk '
    function commas(n) { return sprintf("%d,%03d", n / 1000, n % 1000) }
    /^heap: / {
        print "\nThat heap remembers sizes. In a sized one, where objects cost no bytes at all, the script does the"
        print "same in " commas($6) " bytes, of which it uses " commas($4) " at its fullest. In 8 bytes less Lua says"
        print "\"not enough memory\", and gives back all it had."
    }' "$lua.out"

page=$build/lua_sensor.html
"$teaspoon" view -o "$page" "$root/traces/small/lua_sensor.trace.gz" > /dev/null
cat << END

What a heap goes through, call by call, is on a page that any browser opens: $page
It is that of lua_sensor, from the table above. For a program of yours:
    $teaspoon record --sites -o app.trace -- ./app && $teaspoon view -o app.html app.trace
END
