#!/bin/sh
# What each program does, told by its name: sh -e programs.sh NAME, in the directory that run.sh has filled.
# $heap: libc, for its malloc, or the size of the heap in which ours, $so, is preloaded. SPDX-License-Identifier: BSD-3-Clause

# shellcheck disable=SC2154 # from the environment
in_heap() {
    if [ "$heap" = libc ]; then timeout 300 "$@"; else timeout 300 env LD_PRELOAD="$so" TEASPOON_HEAP="$heap" "$@"; fi
}

case $1 in
dash)
    in_heap dash "${0%/*}/script.sh"
    ;;
bash)
    in_heap bash "${0%/*}/script.sh"
    in_heap bash -c 'declare -A n; while read -ra w; do for x in "${w[@]:1}"; do ((n[$x]++)); done; ((w[0] < 800)) || break
        done < text; for x in "${!n[@]}"; do echo "$x ${n[$x]}"; done | sort'
    ;;
sed)
    # No \1 in what is searched: where that finds no memory glibc's regexec frees its list of them twice.
    in_heap sed -E -e 's/w([0-9a-f])([0-9a-f]*)/\2<\1>/g; /(<[0-7]>).*<[89a-f]>/{H;s/^/!/}' -e '$G' text
    ;;
gawk)
    in_heap gawk '{ for (i = 2; i <= NF; i++) { n[$i]++; at[$i] = at[$i] " " $1 } }
        END { m = asorti(n, sorted); for (i = 1; i <= m; i++) print sorted[i], n[sorted[i]], at[sorted[i]] }' text
    ;;
bc)
    echo 'scale=400; 4*a(1); e(1); 2^4000 % 3^500; for (i = 1; i < 40; i++) sqrt(i)' | in_heap bc -l
    ;;
jq)
    in_heap jq -Rn '[inputs | split(" ") | {id: .[0] | tonumber, words: .[1:]}] |
        group_by(.words | length) | map({words: .[0].words | length, ids: map(.id), last: .[-1]})' text
    ;;
sqlite3)
    echo 'create table t(id integer primary key, a text, b real);
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 8000)
        insert into t select i, printf("name %x", i * 7919 % 10007), i * 0.5 from n;
        create index ta on t(a);
        select substr(a, 1, 6), count(*), sum(b), min(a) from t group by 1 order by 3 desc, 1;
        delete from t where id % 3 = 0; update t set a = a || a where id % 5 = 0;
        select * from t join t as u on u.id = t.id + 1 where t.a > u.a order by u.a limit 50;
        pragma integrity_check;' | in_heap sqlite3 :memory:
    ;;
lua5.4)
    in_heap lua5.4 -e 'local n, all = {}, {}
        for line in io.lines("text") do
            for w in line:gmatch("w%x+") do n[w] = (n[w] or 0) + 1 end
            all[#all + 1] = line:reverse()
        end
        local keys = {} for w in pairs(n) do keys[#keys + 1] = w end
        table.sort(keys) for _, w in ipairs(keys) do print(w, n[w], ("%5.2f"):format(math.sqrt(n[w]))) end
        table.sort(all) print(#table.concat(all), all[1])'
    ;;
git)
    rm -rf repository && mkdir repository && cp files/x* repository
    export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null HOME=/nonexistent GIT_PAGER=cat
    export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE='2020-02-02T02:02:02Z'
    export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org GIT_COMMITTER_DATE='2020-02-02T02:02:02Z'
    in_heap git -C repository -c init.defaultBranch=main init -q
    in_heap git -C repository add .
    in_heap git -C repository commit -q -m one
    for file in repository/xa[a-m]; do sed 's/w1/W/' "$file" > edited && mv edited "$file"; done
    rm repository/xb?
    in_heap git -C repository commit -q -a -m two
    in_heap git -C repository -c gc.auto=0 -c pack.threads=2 repack -a -d -q
    in_heap git -C repository fsck --full
    in_heap git -C repository log -p --stat
    ;;
tar)
    in_heap tar --sort=name --owner=0 --group=0 --numeric-owner --mode=644 -cf packed.tar files
    in_heap tar --utc -tvf packed.tar
    rm -rf unpacked && mkdir unpacked
    in_heap tar -C unpacked --no-same-owner --no-same-permissions -xf packed.tar --mode=755
    cat packed.tar unpacked/files/xaa
    ;;
python3)
    python=$(python3 -c 'import sys; print(sys.executable)') # python3 may be a script
    PYTHONMALLOC=malloc PYTHONHASHSEED=0 in_heap "$python" -s -S -c 'import json, re, threading
words = {}
for line in open("text").readlines()[:1500]:
    number, *rest = line.split()
    for word in rest:
        words.setdefault(word, []).append(int(number))
text = json.dumps(words, indent=1, sort_keys=True)
assert json.loads(text) == words
out = []
def count(letter):
    out.append((letter, len(re.findall(f"{letter}[0-9]+", text)), sum(map(len, text.split(letter)))))
threads = [threading.Thread(target=count, args=(letter,)) for letter in "abcdef"]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sorted(out), len(text), 7 ** 2000)'
    ;;
sort)
    in_heap sort --parallel=2 -S 400K -k 3,3 -k 2,2r -k 1n text text text
    ;;
xz)
    in_heap xz -T2 -1 --block-size=64KiB -c packed > packed.xz
    in_heap xz -T2 -dc packed.xz | cmp - packed
    cat packed.xz
    ;;
zstd)
    in_heap zstd -q -T2 -3 -B64K -c packed > packed.zst
    in_heap zstd -q -dc packed.zst | cmp - packed
    cat packed.zst
    ;;
perl)
    in_heap perl -e 'for (my $round = 0; $round < 10; $round++) { $s{$_ * 7919 % 20011} .= "x" x ($_ % 50) for 1 .. 20000 }
        $all += length for values %s; print scalar(keys %s), " $all\n"; print "$_ $s{$_}\n" for (sort keys %s)[0 .. 99]'
    ;;
ruby)
    in_heap ruby -e 'n = Hash.new(0); all = File.readlines("text"); all.each { |l| l.split.each { |w| n[w] += 1 } }
        n.sort.first(200).each { |w, i| puts "#{w} #{i}" }; puts all.map(&:reverse).sort.join.sum'
    ;;
node)
    in_heap node -e 'const n = {}, all = require("fs").readFileSync("text", "utf8").split("\n")
        for (const l of all) for (const w of l.split(" ")) n[w] = (n[w] || 0) + 1
        console.log(JSON.stringify(Object.entries(n).sort(), null, 1).length, Buffer.from(all.join()).toString("base64").length)
        require("zlib").gzip(all.join(), (e, z) => require("zlib").gunzip(z, (e, t) => console.log(String(t) == all.join())))'
    ;;
java)
    cat > Words.java << 'END'
import java.nio.file.*;
import java.util.*;
class Words {
    public static void main(String[] args) throws Exception {
        var n = new TreeMap<String, Integer>();
        Files.readAllLines(Path.of("text")).parallelStream().forEach(l -> { for (var w : l.split(" "))
            synchronized (n) { n.merge(w, 1, Integer::sum); } });
        System.out.println(n.size() + " " + n.hashCode());
        var z = new java.util.zip.Deflater();
        z.setInput(Files.readAllBytes(Path.of("packed")));
        z.finish();
        System.out.println(z.deflate(new byte[1 << 20]) > 0);
    }
}
END
    in_heap java -Xmx64m Words.java
    ;;
holes) # as Lua makes them: strings of a few bytes among tables, every second of which goes
    in_heap lua5.4 -e 'local t = {} for i = 1, 120000 do t[i] = {i, tostring(i)} end
        for i = 1, 120000, 2 do t[i] = nil end collectgarbage()
        for round = 1, 5 do local u = {} for i = 1, 20000 do u[i] = {("x"):rep(i % 90), {}, i} end end print(#t[2][2])'
    ;;
entities) # each of which is in the next
    PYTHONMALLOC=malloc in_heap "$(python3 -c 'import sys; print(sys.executable)')" -s -S -c 'import pyexpat
text = ["<!DOCTYPE a [<!ENTITY e0 \"x\">"]
text += ["<!ENTITY e%d \"&e%d;\">" % (i, i - 1) for i in range(1, 20000)]
parser, got = pyexpat.ParserCreate(), []
parser.CharacterDataHandler = got.append
for line in text + ["]><a>"] + ["&e%d;" % i for i in range(0, 20000, 1000)] + ["&e19999;</a>"]: parser.Parse(line)
parser.Parse("", True)
print(len("".join(got)))'
    ;;
threads)
    in_heap ./threads
    ;;
exceptions)
    in_heap ./exceptions
    ;;
esac
