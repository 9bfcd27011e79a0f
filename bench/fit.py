#!/usr/bin/env python3
"""How long does `teaspoon fit` take for a long trace?

    python3 bench/fit.py [TEASPOON...]

Three traces of 5 million operations, always the same: a queue of 1,750 objects of up to 400 bytes; objects of such
sizes that are freed in any order, 200,000 bytes of them; and gawk_index of traces/ 66 times. For each: the smallest
heap, seconds by the clock and seconds of processor time, reading included. Several TEASPOONs are compared.
SPDX-License-Identifier: BSD-3-Clause"""

import gzip, os, random, resource, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def queue(count=2500000, length=1750):
    r = random.Random(1)
    for i in range(count):
        if i >= length: yield 'f %d\n' % (i - length)
        yield 'a %d %d 0\n' % (i, int(r.random() * r.random() * 400))


def any_order(operations=5000000, most=200000):
    r, live, bytes, new = random.Random(2), [], 0, 0
    for _ in range(operations):
        size = int(r.random() * r.random() * 400)
        if bytes + size <= most:
            live.append((new, size))
            bytes, new = bytes + size, new + 1
            yield 'a %d %d 0\n' % live[-1]
        else:
            i = r.randrange(len(live))
            live[i], live[-1] = live[-1], live[i]
            bytes -= live[-1][1]
            yield 'f %d\n' % live.pop()[0]


def again(name, times):
    lines = [line.split() for line in gzip.open(os.path.join(ROOT, 'traces', name), 'rt') if line[0] != '#']
    ids, left = 1 + max(int(line[1]) for line in lines), set()
    for kind, n, *_ in lines: (left.discard if kind == 'f' else left.add)(int(n))
    for base in range(0, times * ids, ids):
        for kind, n, *rest in lines: yield ' '.join([kind, str(base + int(n))] + rest) + '\n'
        for n in left: yield 'f %d\n' % (base + n)


def main():
    tools = sys.argv[1:] or [os.path.join(ROOT, 'build', 'teaspoon')]
    for name, lines in (('queue', queue()), ('any order', any_order()), ('gawk_index', again('large/gawk_index.trace.gz', 66))):
        with tempfile.NamedTemporaryFile('w', suffix='.trace') as trace:
            trace.writelines(lines)
            trace.flush()
            for tool in tools:
                before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
                out = subprocess.run([tool, 'fit', '--tsv', trace.name], stdout=subprocess.PIPE, check=True, text=True).stdout
                took, after = time.time() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
                busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                print('%-12s %12s bytes %6.1f s %6.1f s of processor time  %s' % (
                    name, '{:,}'.format(int(out.splitlines()[1].split('\t')[4])), took, busy, tool), flush=True)


if __name__ == '__main__':
    main()
