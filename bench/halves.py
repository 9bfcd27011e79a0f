#!/usr/bin/env python3
"""Does the heap that `teaspoon fit --vary` recommends after the first half of a program's run hold for the second?

    python3 bench/halves.py [TEASPOON] [TRACE...]

For each trace: the peak of live bytes in the first half and in all of it; the smallest heap for the first half, what is
recommended then, the smallest heap for all of it, and whether the whole run passes in what was recommended. A run whose
second half has more live than that is one that nothing could have foreseen. Prints a table for docs/tool.md.
SPDX-License-Identifier: BSD-3-Clause"""

import glob, gzip, os, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def fit(tool, trace, *options):
    out = subprocess.run([tool, 'fit', '--tsv', *options, trace], stdout=subprocess.PIPE, check=True, text=True).stdout
    header, row = (line.split('\t') for line in out.splitlines())
    return {name: int(x) if x.isdigit() else x for name, x in zip(header, row)}


def passes(tool, trace, heap, variant):
    return subprocess.run([tool, 'replay', '--heap', str(heap), '--variant', variant, trace],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def main():
    tool = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, 'build', 'teaspoon')
    traces = sys.argv[2:] or [t for g in ('tiny', 'small', 'large')
                              for t in sorted(glob.glob(os.path.join(ROOT, 'traces', g, '*.gz')))]
    print('| trace | peak, first half | peak | fit, first half | recommended | fit | holds |\n|---|--:|--:|--:|--:|--:|---|')
    held = {True: [0, 0], False: [0, 0]}  # by whether the peak is in the first half: of the recommendation, of the fit
    count = {True: 0, False: 0}
    with tempfile.NamedTemporaryFile('w', suffix='.trace') as half:
        for trace in traces:
            lines = gzip.open(trace, 'rt').read().splitlines(True)
            half.seek(0)
            half.truncate()
            half.writelines(lines[:1 + (len(lines) - 1) // 2])
            half.flush()
            first = fit(tool, half.name, '--vary')
            whole = fit(tool, trace, '--variant', first['variant'])
            early = whole['peak'] <= first['peak'] * 1.01
            holds = passes(tool, trace, first['give'], first['variant'])
            count[early] += 1
            held[early][0] += holds
            held[early][1] += passes(tool, trace, first['heap'], first['variant'])
            why = '' if holds else ', %.0f %% more live' % (100 * (whole['peak'] / first['peak'] - 1))
            print('| %s | %s |' % (first['trace'], ' | '.join(
                ['{:,}'.format(n) for n in (first['peak'], whole['peak'], first['heap'], first['give'], whole['heap'])] +
                [('yes' if holds else 'no') + why])), flush=True)
    print('\nPeak reached in the first half, to 1 %%: the recommendation held in %d of %d, the bare fit in %d. '
          'Peak in the second: %d of %d, and %d.' % (held[True][0], count[True], held[True][1],
                                                      held[False][0], count[False], held[False][1]))


if __name__ == '__main__':
    main()
