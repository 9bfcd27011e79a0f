#!/usr/bin/env python3
"""How good are the tests? Breaks the library in one place at a time, in every place, and sees whether a test notices.

    python3 proof/mutants.py [--folder NAME] [--only WORD] [--sample N --seed S] [--again LOG] [--jobs N] [--list] [BUILD_DIR]

Mutants: operators swapped, constants one off, conditions forced, statements deleted, return values and statuses
changed. Each is compiled for the families that see it and run against the behaviour tests in tests/, the quick ones
first, until one fails; an endless loop fails too. Another folder's files are judged by the tests of what is made of
them. What the compiler makes the same code of as before is equivalent. What else survives must be listed in
mutants.txt with the reason why no test can notice; what is listed must survive.
SPDX-License-Identifier: BSD-3-Clause"""

import argparse, collections, concurrent.futures, filecmp, os, queue, random, re
import resource, shutil, signal, subprocess, sys, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = ['hole.h', 'map.h', 'chunks.h', 'bins.h', 'spans.h', 'engine.h', 'placement.h', 'objects.h', 'debug.h', 'calls.h',
           'look.h', 'heaps.h', 'check.h', 'lock.h', 'common.c', 'misuse.c']
UNLOCKED = SOURCES[:SOURCES.index('objects.h') + 1] + ['debug.h', 'check.h']  # they know of no lock

# -- Making mutants ---------------------------------------------------------------------------------------------------

SWAPS = {
    '==': ['!='], '!=': ['=='], '<': ['<=', '>='], '<=': ['<', '>'], '>': ['>=', '<='],
    '>=': ['>', '<'], '&&': ['||'], '||': ['&&'], '+': ['-'], '-': ['+'], '*': ['/'], '/': ['*'], '%': ['/'],
    '&': ['|'], '|': ['&'], '^': ['|'], '<<': ['>>'], '>>': ['<<'], '++': ['--'], '--': ['++'], '+=': ['-=', '='],
    '-=': ['+=', '='], '*=': ['='], '/=': ['*=', '='], '^=': ['|=', '&='], '!': [''], '~': [''],
}
KNOBS = ['#TSP_INDEX_FROM', '#TSP_CHUNK', '#TSP_FAN', '#TSP_LARGE', '#TSP_SPAN']
STATUSES = ['TSP_OK', 'TSP_NO_MEMORY', 'TSP_BUSY', 'TSP_BAD_ALIGNMENT', 'TSP_FOREIGN', 'TSP_MISALIGNED',
            'TSP_ALREADY_FREE', 'TSP_INTERIOR', 'TSP_WRONG_SIZE', 'TSP_SIZED_HEAP', 'TSP_CORRUPT']
NAMES = {a: [b] for pair in (('SIZED', 'REMEMBERS'), ('TSP_OBJECT', 'TSP_LIVE')) for a, b in (pair, pair[::-1])}
NAMES.update({s: [t for t in ('TSP_OK', STATUSES[(i + 1) % len(STATUSES)]) if t != s] for i, s in enumerate(STATUSES)})
NAMES.update({'NULL': [], 'UNMADE': ['SIZED'], 'DAMAGED': ['0'], 'TSP_HOLE': ['TSP_LIVE'], 'break': [''],
              'continue': ['']})

TOKEN = re.compile(r'''(?P<skip>\s+|/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'
    |\#if[ ]TSP_DEBUG\b.*?\n\#(?=else|endif)  # debugging aids, which these builds have not
    |\#[ \t]*(?:if|ifdef|ifndef|else|elif|endif|include|undef)\b(?:\\\n|[^\n])*)
    |(?P<define>\#[ \t]*define[ \t]+\w+(?:\([^)]*\))?)
    |(?P<number>\b\d[\w.]*)|(?P<name>[A-Za-z_]\w*)
    |(?P<op><<=|>>=|->|\+\+|--|<<|>>|[-+*/%&|^<>=!]=|&&|\|\||.)''', re.S | re.X)


def tokens(text):
    """(kind, text, start, function or macro it is in) of all that can be code."""
    found, depth, where, name = [], 0, '-', '-'
    for m in TOKEN.finditer(text):
        kind, word = m.lastgroup, m.group()
        if kind == 'skip':
            if where.startswith('#') and '\n' in word and text[m.start() + word.index('\n') - 1] != '\\': where = '-'
            if word.startswith('"'): found.append(('string', word, m.start(), where))
            continue
        if kind == 'define':
            where = '#' + re.findall(r'\w+', word)[1]
            continue
        if kind == 'op' and not where.startswith('#'):
            if word == '(' and depth == 0 and found and found[-1][0] == 'name':
                name = found[-1][1] if found[-1][1] != 'V_' else text[m.end():text.index(')', m.end())]
            if word == '{' and depth == 0: where = name if found and found[-1][1] == ')' else '-'
            depth += (word in '{(') - (word in '})')
            found.append((kind, word, m.start(), where))
            if word == '}' and text[m.start() - 1] == '\n': where, depth = '-', 0  # #if and #else may both open
            continue
        found.append((kind, word, m.start(), where))
    return found


def match(t, i, step=1):
    """The index of the bracket that closes (or opens) the one at i."""
    depth = 0
    while True:
        depth += (t[i][1] in ('(', '[', '{')) - (t[i][1] in (')', ']', '}'))
        if depth == 0: return i
        i += step


def mutations(text):
    """(start, end, replacement) of every mutant, and the function it is in."""
    t = tokens(text)

    def span(i, j):  # the source of tokens i to j, exclusive
        return t[i][2], t[j - 1][2] + len(t[j - 1][1])

    def forced(i, j):
        a, b = span(i, j)
        if text[a:b] in ('0', '1'): return
        for to in '01': yield a, b, to, where

    for i, (kind, word, at, where) in enumerate(t):
        before, after = t[i - 1] if i else ('', '', 0, ''), t[i + 1] if i + 1 < len(t) else ('', '', 0, '')
        end = at + len(word)
        if where in KNOBS or (where.startswith('#') and 'TSP_LOCK' in where): continue
        if kind == 'number' and not re.match(r'\d+u?$', word): continue
        if kind == 'number':
            value, suffix = int(word.rstrip('u')), 'u' * word.endswith('u')
            truth = before[1] == 'return' and word == '1' and after[1] == ';'  # any other number is as true
            for to in sorted({value + 1, max(value - 1, 0)} - {value} - ({2} if truth else set())):
                yield at, end, '%d%s' % (to, suffix), where
        elif kind == 'name' and word in NAMES:
            for to in sorted(set(NAMES[word])): yield at, end, to, where
        elif word in SWAPS:
            binary = text[end] in ' \n' or before[1] in (')', ']') or before[0] in ('number',)
            if word in '*&-+' and not (binary and before[0] in ('name', 'number') or before[1] in (')', ']')): continue
            if word in '*' and not (text[end] == ' ' or before[1] == ')'): continue
            for to in SWAPS[word]: yield at, end, to, where
        if word in ('if', 'while'): yield from forced(i + 2, match(t, i + 1))
        if word == 'for':
            j = k = next(j for j in range(i, len(t)) if t[j][1] == ';') + 1
            while t[k][1] != ';': k += 1
            if k > j: yield from forced(j, k)
        if word == '?':
            j = i
            while t[j - 1][1] not in ('=', ',', '?', ':', ';', '(', '[', '{', '}', 'return'):
                j = match(t, j - 1, -1)
            yield from forced(j, i)
        if word in ('&&', '||'):  # its right side always, or never
            k = i + 1
            while t[k][1] not in ('&&', '||', ')', ']', ';', '?', ','): k = match(t, k) + 1
            yield from forced(i + 1, k)
        # A statement: where one can begin, and what is none.
        begins = before[1] in (';', '{', '}', 'else', ':')
        if before[1] == ')': begins = t[match(t, i - 1, -1) - 1][1] in ('if', 'for', 'while')
        if not begins or where[0] in '-#' or kind not in ('name', 'op') or word in '{};': continue
        if word in ('if while for else do switch case default struct union break continue const static unsigned '
                    'lock_state link').split(): continue
        k = i
        while k < len(t) and t[k][1] not in (';', '{', '}', ')', ']'): k = match(t, k) + 1
        if k >= len(t) or t[k][1] != ';': continue
        declares = after[0] == 'name' or after[1] == '*' and text[t[i + 1][2] - 1] == ' '
        if kind == 'name' and word != 'return' and declares: continue
        if before[1] == ':' and word != 'return' and '?' in text[at - 40:at]: continue
        if word == 'return':
            a, b = span(i + 1, k) if k > i + 1 else (end, end)
            if a == b: continue
            value = text[a:b]
            other = '0' if value.startswith(('TSP_', '"')) else '(%s) + 1' % value
            if value not in ('0', '1'):  # of a number there are mutants already
                for to in sorted({'0', '1', other} - {value}): yield a, b, to, where
            if re.compile(';\n[}#]').match(text, t[k][2]): continue  # without it the function would end without a value
        yield at, t[k][2], '', where


def mutants(folder, only=''):
    """Every mutant once, with a key that survives edits elsewhere: file, function, line, and what changes in it."""
    known, result = {}, []
    for source in SOURCES if folder == 'src' else FOLDERS[folder].sources:
        text = open(os.path.join(ROOT, folder, os.path.basename(source))).read()
        for start, end, to, where in mutations(text):
            line, stop = text.rindex('\n', 0, start) + 1, text.index('\n', end)
            marked = '%s{%s => %s}%s' % (text[line:start], text[start:end], to, text[end:stop])
            key = '%s %s: %s' % (source, where, ' '.join(marked.split()))
            known[key] = known.get(key, 0) + 1
            if known[key] > 1: key += ' #%d' % known[key]
            if only in key: result.append((key, source, text[:start] + to + text[end:]))
    return result


# -- Killing them -----------------------------------------------------------------------------------------------------

CFLAGS = ['-w', '-I' + os.path.join(ROOT, 'include')]
FAST = ['tcc', '-DTSP_LOCK=0', '-DTSP_ANY_LIBRARY'] if shutil.which('tcc') else ['gcc', '-O0']  # tcc takes milliseconds; it has no atomics
ALWAYS, INDEX, LOCKS = range(3)  # when a build is tried: for what only a family with an index has, for what may lock


class Build:
    """The library compiled in one way, as a shared one, and the tests to run against it, quick ones first."""

    def __init__(self, name, family, command, tests, when=ALWAYS):
        self.name, self.family, self.compiler, self.flags = name, family, command[0], CFLAGS + command[1:]
        self.tests, self.when = tests, when
        self.limit = {}  # of processor seconds, by test

    def library(self, source, out):
        os.makedirs(out, exist_ok=True)
        return run([self.compiler, '-std=c99', '-fPIC', '-shared', '-s'] + self.flags +
                   ['-o', os.path.join(out, 'libtsp.so'), self.family + '.c', 'common.c', 'misuse.c'], 60, source) == 0

    def program(self, test, out):
        return run(['gcc', '-std=c11', '-DTSP_V=' + self.family] + self.flags + ['-O2', '-o', os.path.join(out, test),
                   test + '.c', '-L' + out, '-ltsp', '-lpthread'], 60, os.path.join(ROOT, 'tests')) == 0


LOW, MIXED = '-DTSP_LARGE=1', '-DTSP_LARGE=3'  # no object is large, as tests that draw layouts want it; some are
# An index of several chunks, levels and mixed bins in the smallest heaps.
SMALL = ['-DTSP_INDEX_FROM=1', '-DTSP_CHUNK=4', '-DTSP_FAN=2', '-DTSP_EXACT_BITS=1']
EXPLORED = ['explore misuse', 'explore bit', 'explore state']
EVERY = [*EXPLORED, 'model small', 'model only', 'attach', 'extend']
BUILDS = [
    Build('4k-quick', 'tsp4k', FAST + [LOW], ['crate', 'museum']),
    Build('4k-mixed', 'tsp4k', FAST + [MIXED], ['model tiny']),
    Build('16m-list', 'tsp16m', FAST + [LOW], ['crate']),  # which knows what a heap without an index holds
    Build('16m-quick', 'tsp16m', FAST + [LOW] + SMALL, ['museum']),
    Build('16m-mixed', 'tsp16m', FAST + [MIXED] + SMALL, ['model tiny']),
    Build('4k-low', 'tsp4k', ['gcc', '-O1', LOW], ['misuse', 'limits']),
    Build('4k', 'tsp4k', ['gcc', '-O1', '-DTSP_LOCK=1'], EVERY + ['abort']),
    Build('16m-limits', 'tsp16m', ['gcc', '-O1', LOW], ['limits']),
    Build('16m-low', 'tsp16m', ['gcc', '-O1', LOW] + SMALL, ['misuse']),
    Build('16m', 'tsp16m', ['gcc', '-O1', MIXED, '-DTSP_LOCK=1'] + SMALL, EVERY),
    Build('16m-rare', 'tsp16m', ['gcc', '-O1'], ['model thousands', 'model only', 'model ends'], INDEX),
    Build('16m-long', 'tsp16m', ['gcc', '-O1', MIXED] + SMALL + ['-DTSP_SPAN=1'], EXPLORED, INDEX),
    Build('4k-none', 'tsp4k', ['gcc', '-O1', LOW, '-DTSP_LOCK=0'], ['crate', 'misuse'], LOCKS),
    Build('4k-hooks', 'tsp4k', ['gcc', '-O1', '-DTSP_LOCK=2'], ['threads'], LOCKS),
    Build('4k-spin', 'tsp4k', ['gcc', '-O1', '-DTSP_LOCK=1'], ['threads'], LOCKS),
    Build('16m-asan', 'tsp16m', ['gcc', '-O1', LOW, '-fsanitize=address'] + SMALL, ['museum', 'misuse']),
    Build('16m-large', 'tsp16m', ['gcc', '-O1', LOW, '-fsanitize=address'], ['misuse']),
]


class Folder:
    """Another folder than src/, and shell commands: to make once what its sources need, to compile one of them, to link
    all objects, and, by file, to test what was made: the tests that are about it, the quick ones first.
    {out} is a folder for all that."""

    def __init__(self, name, once, compile, link, tests):
        self.every = sorted(name + '/' + f for f in os.listdir(os.path.join(ROOT, name)) if f.endswith('.c'))
        self.tests = {name + '/' + f: commands for f, commands in tests.items()}
        self.sources, self.seconds = list(self.tests), {}
        self.once, self.compile, self.link = once, compile, link

    def sh(self, command, seconds, **words):
        """Whether it exits with 0, in time, as does everything that it starts."""
        def limit():
            resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1,) * 2)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if 'san' not in command.lower(): resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        shell = subprocess.Popen(['sh', '-c', command.format(**words)], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=limit, cwd=ROOT,
                                 start_new_session=True)
        try:
            return shell.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            return shell.wait() == 0

    def object(self, source, path, out, folder):
        to = os.path.join(folder, os.path.basename(source) + '.o')
        return self.sh(self.compile, 60, source=path, out=out, object=to)

    def words(self, out, folder, changed=None):
        objects = [os.path.join(folder if s == changed else out, os.path.basename(s) + '.o') for s in self.every]
        return {'out': out, 'objects': ' '.join(objects), 'made': os.path.join(folder, 'made')}

    def prepare(self, out, chosen):
        """All of it as it is, and every test: what fails now says nothing about mutants."""
        os.makedirs(out, exist_ok=True)
        if not self.sh(self.once, 600, out=out): return 'what it needs does not compile'
        for source in self.every:
            if not self.object(source, source, out, out): return source + ' does not compile'
        if not self.sh(self.link, 60, **self.words(out, out)): return 'it does not link'
        for test in sorted({test for _, source, _ in chosen for test in self.tests[source]}):
            began = time.time()
            if not self.sh(test, 600, **self.words(out, out)): return test + ' fails without a mutant'
            self.seconds[test] = 5 + 4 * (time.time() - began)
        return None

    def judge(self, mutant, out, workers):
        _, source, text = mutant
        folder = workers.get()
        path, name = os.path.join(folder, os.path.basename(source)), os.path.basename(source) + '.o'
        try:
            with open(path, 'w') as f: f.write('#line 1 "%s"\n%s' % (source, text))
            if not self.object(source, path, out, folder): return 'does not compile'
            if filecmp.cmp(os.path.join(folder, name), os.path.join(out, name), False): return 'same code'
            words = self.words(out, folder, source)
            if not self.sh(self.link, 60, **words): return 'does not compile'
            for test in self.tests[source]:
                if not self.sh(test, self.seconds[test], **words): return test
            return 'survived'
        finally:
            workers.put(folder)


class Headers(Folder):
    """Another folder whose files are compiled by their tests: for each, shell commands in a copy of the project, the
    quick ones first. `made`: how some are compiled beforehand, to BUILD/object0 and so on, so that the same code is
    seen; the tests find the first."""

    def __init__(self, name, tests, made={}):
        self.tests = {name + '/' + f: commands for f, commands in tests.items()}
        self.made = {name + '/' + f: commands for f, commands in made.items()}
        self.sources, self.seconds = list(self.tests), {}

    def copy(self, to):
        if not os.path.exists(to):
            shutil.copytree(ROOT, to, ignore=shutil.ignore_patterns('build*', '.git', 'traces', '__pycache__'))
        return to

    def compiles(self, command, i, source, project):
        """Where it is then, or None."""
        os.makedirs(os.path.join(project, 'build', 'mutant'), exist_ok=True)
        to = 'build/mutant/object%d' % i
        made = self.sh('cd {project} && ' + command, 60, project=project, source=source, object=to)
        return os.path.join(project, to) if made else None

    def same(self, source, project, out):
        """What can be said without a test: that it does not compile, or makes the same code; or None."""
        for i, command in enumerate(self.made.get(source, [])):
            made, before = self.compiles(command, i, source, project), os.path.join(out, 'whole', 'build', 'mutant')
            if made is None: return 'does not compile'
            if not filecmp.cmp(made, os.path.join(before, 'object%d.%s' % (i, os.path.basename(source))), False): return None
        return 'same code' if source in self.made else None

    def passes(self, test, seconds, project):
        return self.sh('cd {project} && ' + test.replace('BUILD', 'build/mutant'), seconds, project=project)

    def prepare(self, out, chosen):
        shutil.rmtree(os.path.join(out, 'whole'), ignore_errors=True)
        whole = self.copy(os.path.join(out, 'whole'))
        for source in sorted({source for _, source, _ in chosen}):
            for i, command in enumerate(self.made.get(source, [])):
                made = self.compiles(command, i, source, whole)
                if made is None: return source + ' does not compile'
                shutil.copy(made, made + '.' + os.path.basename(source))
        for test in sorted({test for _, source, _ in chosen for test in self.tests[source]}):
            began = time.time()
            if not self.passes(test, 600, whole): return test + ' fails without a mutant'
            self.seconds[test] = 5 + 4 * (time.time() - began)
        return None

    def judge(self, mutant, out, workers):
        _, source, text = mutant
        folder = workers.get()
        try:
            whole = self.copy(os.path.join(folder, 'whole'))
            with open(os.path.join(whole, source), 'w') as f: f.write(text)
            end = self.same(source, whole, out)
            if end: return end
            for test in self.tests[source]:
                if not self.passes(test, self.seconds[test], whole): return test
            return 'survived'
        finally:
            shutil.copy(os.path.join(ROOT, source), os.path.join(whole, source))
            workers.put(folder)


def adapter(*names):
    return ['TSP_WARNINGS=-w TSP_SWEEP=3 sh tests/adapters/run.sh BUILD ' + name for name in ('contracts',) + names]


# The library, as the tests of what is above it want it.
PLAIN = ('[ -f BUILD/plain/tsp4k.o ] || (mkdir -p BUILD/plain && cd BUILD/plain && gcc -O1 -DTSP_LOCK=1 -DTSP_LARGE=1 '
         '-I../../../include -c ../../../src/*.c)')
CXX = '%s -std=c++17 -w -Iinclude -DTSP_LOCK=1 -DTSP_V=tsp4k' % ('clang++' if shutil.which('clang++') else 'g++')


def behaviour(compiler, test, *families):
    return ['{{ %s; }} && %s -w -Iinclude -DTSP_LOCK=1 -DTSP_V=%s -o BUILD/test tests/%s BUILD/plain/*.o -lpthread && '
            'BUILD/test' % (PLAIN, compiler, family, test) for family in families]


def preloaded(program):
    """A test of malloc.c, all of it or, by words in their names, some."""
    name, *words = program.split()
    once = ('[ -f BUILD/{0} ] || gcc -std=c11 -O1 -w -Iinclude -fno-builtin -o BUILD/{0} tests/malloc/{0}.c src/common.c '
            'src/tsp16m.c -lpthread'.format(name))
    run = ''.join(' && TEASPOON_HEAP=16M LD_PRELOAD=$PWD/BUILD/object0 BUILD/%s %s' % (name, word) for word in words or [''])
    return '{{ %s; }}%s' % (once, run)


SANITIZED = '-fsanitize=address,undefined -fno-sanitize-recover=all'
WATCHED = 'ASAN_OPTIONS=exitcode=99:max_allocation_size_mb=2000:allocator_may_return_null=1 TSP_TEST_STOP=1 '
if os.access('/dev/shm', os.W_OK): WATCHED += 'TMPDIR=/dev/shm '  # where many small files are no load


def command(*parts):
    """Parts of the command's test."""
    return [WATCHED + 'CFLAGS="' + SANITIZED + '" TSP_TEST_OBJECTS="{objects}" TSP_TEST_LIBRARY={out}/lib/libteaspoon.a '
            'sh tests/tool/run.sh {made} ' + part for part in parts]


SEE = WATCHED + 'sh tests/tool/see.sh {made}'
TARGET = (WATCHED + 'TSP_TEST_HOST=1 TSP_TEST_LIBRARY={out}/lib/libteaspoon.a sh tests/tool/target.sh {made} {made}.target')
FOLDERS = {
    # Not what records: its tests take too long for each of so many mutants.
    'tool': Folder('tool', 'make -s BUILD={out}/lib {out}/lib/libteaspoon.a',
                   'gcc -std=c11 -O1 %s -w -Iinclude -Itool -c -o {object} {source}' % SANITIZED,
                   'gcc ' + SANITIZED + ' -o {made} {objects} {out}/lib/libteaspoon.a -lz -lpthread',
                   {'compare.c': command('compare'), 'decode.c': command('decode') + [TARGET],
                    'fail.c': command('fail', 'broken'), 'family.c': command('vary', 'compare', 'replay', 'look', 'fit', 'command'),
                    'fit.c': command('vary', 'fit', 'compare'), 'look.c': command('look') + [TARGET],
                    'picture.c': command('replay', 'fail', 'look'), 'replay.c': command('replay', 'fail', 'broken'),
                    'say.c': command('command', 'replay', 'fail'), 'search.c': command('search', 'vary', 'broken', 'fit'),
                    'sites.c': command('history') + [SEE], 'pins.c': command('history') + [SEE],
                    'history.c': command('history'), 'svg.c': command('history'),
                    'trace.c': command('traces', 'vary', 'replay'), 'vary.c': command('vary'),
                    'verify.c': command('replay', 'fail', 'broken') + [SEE]}),
    'adapters': Headers('adapters', dict(
        {'tsp_%s.h' % name: adapter(name) for name in
         'lua sqlite gmp zlib duktape mujs freetype pcre2 png protobuf_c yajl'.split()}, **{
            'tsp_hooks.h': adapter('cjson', 'curl'),
            'tsp_many.h': behaviour('gcc -std=c11', 'many.c', 'tsp16m', 'tsp4k') +
                          ['mkdir -p BUILD && gcc -std=c11 -fsanitize=address -w -Iinclude -DTSP_LOCK=1 -DTSP_LARGE=1 '
                           '-DTSP_MALLOC_ALIGN=16 -DTSP_V=tsp128k -o BUILD/test tests/many.c src/*.c -lpthread && BUILD/test'],
            'tsp_newlib.h': ['sh tests/newlib/run.sh BUILD'],
            'malloc.c': [preloaded(test) for test in (
                'calls', 'doors cancel stderr pipe exit calloc names mlock first', 'doors part memory pages',
                'doors space stdio its_time thousands errno', 'doors handler')] + ['TSP_WARNINGS=-w sh tests/malloc/run.sh BUILD/sizes sizes']}),
        {'malloc.c': ['gcc -std=c99 -O2 -w -Iinclude -fPIC -shared -o {object} {source} -lpthread']}),
    'include': Headers('include', {'teaspoon.hpp': ['{{ %s; }} && %s BUILD/plain/*.o -lpthread && BUILD/test' % (PLAIN, link)
        for link in ('g++ -o BUILD/test BUILD/object0', CXX + ' -fno-exceptions -o BUILD/test tests/containers.cpp')]}, {
            'teaspoon.hpp': [CXX + flag + ' -c -o {object} tests/containers.cpp' for flag in ('', ' -fno-exceptions')]}),
}


def run(command, seconds, folder=None, library=None):
    """Its exit status; a signal, or more processor time than allowed, is not 0."""
    def limit():
        signal.setitimer(signal.ITIMER_PROF, seconds)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    environment = dict(os.environ, LD_LIBRARY_PATH=library or '')
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=limit,
                              cwd=folder, env=environment, timeout=10 + 8 * seconds).returncode
    except subprocess.TimeoutExpired:
        return -1


def fails(build, test, base, library):
    """Whether a test, for instance 'model tiny', fails with this library."""
    program, *word = test.split()
    return run([os.path.join(base, program)] + word, build.limit.get(test, 600), None, library) != 0


def prepare(build, out):
    """The library as it is, and every test against it: what fails now says nothing about mutants."""
    base = os.path.join(out, build.name)
    if not build.library(os.path.join(ROOT, 'src'), base): return 'the library does not compile'
    for program in {test.split()[0] for test in build.tests}:
        if not build.program(program, base): return program + ' does not compile'
    for test in build.tests:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if fails(build, test, base, base): return test + ' fails without a mutant'
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        build.limit[test] = 0.3 + 4 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return None


def judge(mutant, out, workers):
    """How it ended: which test killed it, or 'survived', 'same code', 'does not compile'."""
    key, source, text = mutant
    folder = workers.get()
    try:
        with open(os.path.join(folder, 'src', source), 'w') as f: f.write(text)
        differs = []
        for build in BUILDS:
            if build.when == INDEX and '4k-quick' in differs: continue
            if build.when == LOCKS and source in UNLOCKED: continue
            base, broken = os.path.join(out, build.name), os.path.join(folder, build.name)
            if not build.library(os.path.join(folder, 'src'), broken): return 'does not compile'
            if filecmp.cmp(os.path.join(broken, 'libtsp.so'), os.path.join(base, 'libtsp.so'), False): continue
            differs.append(build.name)
            for test in build.tests:
                if fails(build, test, base, broken): return build.name + ' ' + test
        return 'survived' if differs else 'same code'
    finally:
        shutil.copy(os.path.join(ROOT, 'src', source), os.path.join(folder, 'src', source))
        workers.put(folder)


def listed():
    """{key: reason} from mutants.txt: a paragraph of '#' lines is the reason for the mutants below it."""
    reasons, reason = {}, ''
    for line in open(os.path.join(ROOT, 'proof', 'mutants.txt')):
        if line.startswith('#'): reason += line[1:].rstrip()
        elif line.strip(): reasons[line.strip()] = reason.strip()
        else: reason = ''
    return reasons


def main():
    options = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    options.add_argument('--folder', default='src', choices=['src'] + sorted(FOLDERS), help='whose files are mutated')
    options.add_argument('--only', default='', help='mutants whose keys contain this')
    options.add_argument('--sample', type=int, help='so many of them')
    options.add_argument('--seed', type=int, default=1)
    options.add_argument('--jobs', type=int, default=1)
    options.add_argument('--again', help='of an earlier log: those that are not dead in it')
    options.add_argument('--list', action='store_true', help='say what there is, and try nothing')
    options.add_argument('out', nargs='?', default=os.path.join(ROOT, 'build', 'mutants'))
    o = options.parse_args()
    o.out = os.path.abspath(o.out)
    other = FOLDERS.get(o.folder)
    chosen = mutants(o.folder, o.only)
    if o.sample and o.sample < len(chosen): chosen = random.Random(o.seed).sample(chosen, o.sample)
    if o.again:
        dead = {key for end, key in (line.rstrip('\n').split('\t') for line in open(o.again)) if end != 'survived'}
        chosen = [mutant for mutant in chosen if mutant[0] not in dead]
    if o.list: return print('\n'.join(key for key, _, _ in chosen))
    for build in [other] if other else BUILDS:
        wrong = other.prepare(o.out, chosen) if other else prepare(build, o.out)
        if wrong: sys.exit('mutants: build %s: %s' % (o.folder if other else build.name, wrong))
    workers, ends = queue.Queue(), {}
    reasons = {key: reason for key, reason in listed().items()
               if os.path.dirname(key.split()[0]) == (o.folder if other else '')}
    for i in range(o.jobs):
        shutil.rmtree(os.path.join(o.out, str(i)), ignore_errors=True)
        for part in ('src', 'include'): shutil.copytree(os.path.join(ROOT, part), os.path.join(o.out, str(i), part))
        workers.put(os.path.join(o.out, str(i)))
    began = time.time()
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool, open(os.path.join(o.out, 'log'), 'w') as log:
        trial = other.judge if other else judge
        for (key, _, _), end in zip(chosen, pool.map(lambda m: trial(m, o.out, workers), chosen)):
            ends[key] = end
            print('%s\t%s' % (end, key), file=log, flush=True)
            if end == 'survived' and key not in reasons: print('survived: ' + key, flush=True)
            if end != 'survived' and key in reasons: print('listed, but %s: %s' % (end, key), flush=True)
    every = {key for key, _, _ in mutants(o.folder)}
    for key in reasons:
        if key not in every: print('listed, but there is no such mutant: ' + key)
    count = collections.Counter(ends.values())
    unknown = [key for key in ends if ends[key] == 'survived' and key not in reasons]
    wrong = [key for key in reasons if key not in every or ends.get(key, 'survived') != 'survived']
    tried = len(ends) - count['does not compile']
    print('mutants: %d tried in %d s, %d killed, %d make the same code, %d equivalent (listed with reasons), '
          '%d survived, %d listed wrongly; %d did not compile' % (
              tried, time.time() - began, tried - count['survived'] - count['same code'], count['same code'],
              count['survived'] - len(unknown), len(unknown), len(wrong), count['does not compile']))
    return 1 if unknown or wrong else 0


if __name__ == '__main__':
    sys.exit(main())
