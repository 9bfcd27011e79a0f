#!/usr/bin/env python3
"""How much of the library do the tests run? Lines, branches and MC/DC: does every condition of every decision decide it
alone at least once? (clang 19; llvm-cov counts.)

    python3 proof/coverage.py [BUILD_DIR]

The library is compiled in several variants, each as a shared library that counts, and the behaviour tests in tests/ run
against it; tests/explore.c is left out, since it reaches everything and says little about the others. A static function
in a header exists once per family and variant: what one of its copies reaches is reached. What none does must be listed
in coverage.txt with the reason, and what is listed must be unreached. SPDX-License-Identifier: BSD-3-Clause"""

import concurrent.futures, glob, json, os, re, shutil, subprocess, sys
from collections import Counter

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, 'build', 'coverage'))
COUNTING = ['-fprofile-instr-generate', '-fcoverage-mapping', '-fcoverage-mcdc']
LOW = ['crate', 'limits', 'museum', 'misuse', 'many']  # they draw their layouts from the low end
BOTH = ['abort', 'model', 'attach', 'extend']  # any placement will do
# An index of several chunks, levels and mixed bins in the smallest heaps, which have small objects and large ones.
INDEX = ['-DTSP_LOCK=1', '-DTSP_INDEX_FROM=1', '-DTSP_CHUNK=4', '-DTSP_FAN=2', '-DTSP_EXACT_BITS=1']
VARIANTS = [  # name, flags, families, tests
    ('spin', ['-DTSP_LOCK=1'], ['tsp4k', 'tsp128k', 'tsp16m'], BOTH + ['threads']),
    ('low', ['-DTSP_LARGE=1'], ['tsp4k', 'tsp128k', 'tsp16m'], LOW),
    ('hooks', ['-DTSP_LOCK=2'], ['tsp4k', 'tsp16m'], ['threads']),
    ('none', ['-DTSP_LOCK=0', '-DTSP_LARGE=1'], ['tsp4k'], ['crate', 'misuse']),
    ('index', INDEX + ['-DTSP_LARGE=3'], ['tsp128k', 'tsp16m'], BOTH),
    ('indexlow', INDEX + ['-DTSP_LARGE=1'], ['tsp128k', 'tsp16m'], ['museum', 'misuse']),
    ('exact', ['-DTSP_LOCK=1', '-DTSP_ROUND=4'], ['tsp4k'], BOTH),
    ('trusting', ['-DTSP_CHECK=0', '-DMOST_MISUSED=0', '-DMOST_FLIPPED=0'], ['tsp4k', 'tsp16m'], ['model']),
    ('size', ['-Os', '-DTSP_LARGE=3'], ['tsp4k'], ['model']),
    ('exactlow', ['-DTSP_ROUND=4', '-DTSP_LARGE=1'], ['tsp4k'], LOW),
]
# What a build decides decides nothing while it runs. (CAN_FAIL is two of them.)
CONSTANTS = re.compile(r'!?(TSP_CHECK|TSP_INDEX|FAST|TSP_ROUND > GRANULE)$')
FOUR = re.compile(r'^tsp\w+\.c:|^tsp(4k|128k|16m)_')  # what a copy's name begins with


def call(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True, **options).stdout


def measure(name, flags, families, tests):
    """Runs the tests against one variant: its counts in llvm-cov's two formats, and what is too deep for MC/DC."""
    out = os.path.join(OUT, name)
    os.makedirs(out)
    library = os.path.join(out, 'libtsp.so')
    flags = flags + ['-I' + os.path.join(ROOT, 'include'), '-w']
    compiled = subprocess.run(['clang-19', '-std=c99', '-O1', '-fPIC', '-shared', *COUNTING, *flags, '-o', library,
                               *sorted(glob.glob(os.path.join(ROOT, 'src', '*.c')))],
                              check=True, stderr=subprocess.PIPE, universal_newlines=True)
    unjudged = re.findall(r'^(/.*):(\d+):\d+: warning: unsupported MC/DC', compiled.stderr, re.M)
    for family in families:
        for test in tests:
            program = os.path.join(out, test + '-' + family)
            call('clang-19', '-std=c11', '-O1', '-DTSP_V=' + family, *flags, '-o', program,
                 os.path.join(ROOT, 'tests', test + '.c'), '-L' + out, '-ltsp', '-lpthread')
            said = call(program, env=dict(os.environ, LD_LIBRARY_PATH=out, LLVM_PROFILE_FILE=program + '.profraw'))
            print('%s, %s, %s: %s\n' % (name, family, test, said.split('\n')[-2]), end='', flush=True)
    profile = os.path.join(out, 'profile')
    call('llvm-profdata-19', 'merge', '-o', profile, *glob.glob(os.path.join(out, '*.profraw')))
    export = ['llvm-cov-19', 'export', '-instr-profile', profile, library]
    return json.loads(call(*export, '-format=text')), call(*export, '-format=lcov'), unjudged


SOURCES = {}


def text(path, line, column, last, stop):
    """The source between two places, on one line."""
    lines = SOURCES.setdefault(path, open(path).read().split('\n'))[line - 1:last]
    lines[-1] = lines[-1][:stop - 1]
    lines[0] = lines[0][column - 1:]
    return ' '.join(' '.join(lines).split())


def operands(decision):
    """The conditions of a decision, in order."""
    parts, depth, begin, i = [], 0, 0, 0
    decision = decision.replace('CAN_FAIL', 'TSP_CHECK || TSP_INDEX')
    if decision.startswith('(') and ') && ' in decision and '||' in decision: # (a || b) && c: the parts of a group
        decision = decision[1:].replace(')) && ', ') && ', 1)
    while i < len(decision):
        depth += {'(': 1, ')': -1}.get(decision[i], 0)
        if depth <= 0 and decision[i:i + 2] in ('&&', '||'):
            parts.append(decision[begin:i].strip())
            begin = i = i + 2
        i += 1
    return parts + [decision[begin:].strip()]


def collect(reports):
    """({key: reached by any copy}) of lines, branches and conditions."""
    lines, branches, conditions = {}, {}, {}

    def note(table, place, key, reached):
        table.setdefault(place, [key, False])[1] |= reached

    for as_json, as_lcov, unjudged in reports:
        for path, line in unjudged:
            source = text(path, int(line), 1, int(line), 999)
            note(conditions, (path, line), 'MC/DC, %s: %s, is too deep' % (os.path.basename(path), source), False)
        path = None
        for entry in as_lcov.split('\n'):
            if entry.startswith('SF:'): path = entry[3:]
            if entry.startswith('DA:'):
                line, count = map(int, entry[3:].split(',')[:2])
                key = 'line, %s: %s' % (os.path.basename(path), text(path, line, 1, line, 999))
                note(lines, (path, line), key, count > 0)
        for function in as_json['data'][0]['functions']:
            files = function['filenames']
            name = FOUR.sub('', function['name'].split(';')[-1])

            def where(kind, path, span):
                return '%s, %s %s: %s' % (kind, os.path.basename(path), name, text(path, *span))

            for b in function['branches']:
                path, span = files[b[6]], tuple(b[:4])
                for outcome, count in (('true', b[4]), ('false', b[5])):
                    note(branches, (path, span, outcome), '%s, is never %s' % (where('branch', path, span), outcome),
                         count > 0)
            for record in function['mcdc_records']:
                path, span = files[0], tuple(record[:4])
                parts = operands(text(path, *span))
                for i, decided in enumerate(record[-1]):
                    if i < len(parts) and CONSTANTS.match(parts[i]): continue
                    note(conditions, (path, span, i), '%s, condition %d' % (where('MC/DC', path, span), i + 1), decided)
    return lines, branches, conditions


def listed():
    """[key] from coverage.txt, as often as places may look like that: a paragraph of '#' lines is the reason for what
    stands below it."""
    keys, reason = [], ''
    for line in open(os.path.join(ROOT, 'proof', 'coverage.txt')):
        if line.startswith('#'): reason += line[1:].rstrip()
        elif line.strip() and not reason: sys.exit('coverage.txt: without a reason: ' + line.strip())
        elif line.strip(): keys.append(line.strip())
        else: reason = ''
    return Counter(keys)


def main():
    for tool in ('clang-19', 'llvm-cov-19', 'llvm-profdata-19'):
        if not shutil.which(tool):
            print('coverage: skipped, there is no %s (apt-get install clang-19 llvm-19 libclang-rt-19-dev)' % tool)
            return 0
    shutil.rmtree(OUT, ignore_errors=True)
    reasons, figures, wrong, unreached = listed(), [], 0, Counter()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = list(pool.map(lambda v: measure(*v), VARIANTS))
    for name, table in zip(('lines', 'branches', 'MC/DC'), collect(reports)):
        missed = [key for key, reached in table.values() if not reached]
        unreached += Counter(missed)
        unknown = list((Counter(missed) - reasons).elements())  # each excuses one place
        total = len(table) - (len(missed) - len(unknown))
        reached = total - len(unknown)
        figures.append('%s %.1f %% (%d of %d)' % (name, 100 * reached / total, reached, total))
        for key in sorted(unknown): print('not reached: ' + key)
        wrong += len(unknown)
    for key in sorted((reasons - unreached).elements()): print('listed, but reached (or gone): ' + key)
    print('coverage: %s, %d exclusions with reasons' % (', '.join(figures), sum(reasons.values())))
    return 1 if wrong or reasons - unreached else 0


if __name__ == '__main__':
    sys.exit(main())
