#!/usr/bin/env python3
"""Where the instructions go: by call, by function and by source line.

    instructions.py [DIR] [TRACE...]    build products go to DIR; of these traces only, such as lua_sensor

Each trace is replayed under callgrind in a sized heap of 1.25 times its smallest, on x86-64. Tables of columns
separated by tabs, for each group the mean over its traces:

    part      call (alloc, dealloc, resize, or all), section and path: the functions from the public one to where the
              instructions are, the inlined ones too. What the source marks as ALWAYS_INLINE counts for its user.
              `lock` is what takes and gives back the lock, `libc` what memmove and its kin take.
              per_call: instructions per call of this kind; per_op: over all operations; share of all; rounds: how often
              per call the path's most frequent instruction runs, which is how long its loop is, about
    line      the most expensive source lines, per operation
    call      operations of this kind in per cent, instructions per call
    holes     holes per heap while it runs: mean over the operations
    took      per cent of the calls that took less than so many instructions (copies left out)
"""
import collections
import os
import pathlib
import re
import subprocess
import sys

import harness
from harness import GROUPS, ROOT, fits, in_parallel, say, unpack

KINDS = ["alloc", "dealloc", "resize"]
LEAST = 0.3  # instructions per operation below which a path is among "others"
LINES = 24


class Source:
    """One file of the library: what each line belongs to."""

    def __init__(self, path):
        self.lines = path.read_text().splitlines()
        self.section, self.function, self.accessor = {}, {}, set()
        section, start = path.name, None
        for number, line in enumerate(self.lines, 1):
            header = re.match(r"/\* -- (.*?) -*-- ?\*/$", line)
            section = header.group(1) if header else section
            self.section[number] = section
            if start is None and re.match(r"[a-zA-Z].*\(", line) and not line.startswith(("typedef", "enum", "struct")):
                start, text = number, ""
            if start is not None:
                text += line + "\n"
                name = re.match(r"[^{]*?(\w+)\)?\(", text.replace("V_(", ""))
                self.function[number] = name.group(1) if name else "?"
                if "ALWAYS_INLINE" in text.split("{")[0]:
                    self.accessor.add(self.function[number])
                if line.startswith("}") or text.rstrip().endswith(";") and "{" not in text:
                    start = None


SOURCES = {path.name: Source(path) for path in (ROOT / "src").iterdir()}


def frames(binary, addresses):
    """{address: [(file name, line), ...] from the innermost of the inlined functions outwards}"""
    text = subprocess.run(["addr2line", "-e", str(binary), "-i", "-a"], stdout=subprocess.PIPE, check=True,
                          universal_newlines=True, input="".join("0x%x\n" % a for a in addresses)).stdout
    found, frame = {}, None
    for line in text.splitlines():
        if line.startswith("0x"):
            frame = found.setdefault(int(line, 16), [])
        else:
            file, number = re.match(r"(.*):(\d+|\?)", line).groups()
            frame.append((pathlib.Path(file).name, 0 if number == "?" else int(number)))
    return found


def place_of(stack):
    """(section, path, source line) of an instruction."""
    stack = [(file, line) for file, line in stack if file in SOURCES and line in SOURCES[file].function]
    if not stack:
        return "-", "plumbing", "-"
    file, number = stack[0]
    line = "%s:%d\t%s" % (file, number, SOURCES[file].lines[number - 1].strip())
    for file, number in stack:
        if file == "lock.h" or re.search(r"LOCK\(", SOURCES[file].lines[number - 1]):
            return "lock", "lock", line
    stack = [(SOURCES[file], number) for file, number in stack]
    while len(stack) > 1 and stack[0][0].function[stack[0][1]] in stack[0][0].accessor:
        stack.pop(0)
    source, number = stack[0]
    return source.section[number], " > ".join(s.function[n] for s, n in reversed(stack)), line


def profile(job):
    """{(kind, section, path): [cost, most frequent]}, {line: cost}, {kind: operations} of a trace."""
    path, fit = job
    binary = harness.callgrind_driver(fit.family)
    costs, calls, names, objects = collections.Counter(), collections.Counter(), {}, {}
    inside, address, chain, callee, skip = "", 0, [], "", False
    for line in open(harness.under_callgrind(path, fit.family, fit.roomy, "--dump-instr=yes", "--separate-callers=12")):
        name = re.match(r"(c?fn|ob)=(\(\d+\))(?: (.*))?", line)
        if name:
            known = objects if name.group(1) == "ob" else names
            value = known.setdefault(name.group(2), name.group(3))
            if name.group(1) == "ob":
                inside = value
            elif name.group(1) == "fn":
                chain = value.split("'")
            else:
                callee = value
        elif line.startswith("calls="):
            skip = True
            if chain[0].startswith("do_") and callee.startswith(fit.family):
                calls[re.match(r"do_([a-z]*)", chain[0]).group(1)] += int(line[len("calls="):].split()[0])
        elif line[0] in "0123456789+-*":
            where, _, cost = line.split()
            address = (address if where == "*" else int(where, 16) if where.startswith("0x") else address + int(where))
            entry = next((x for x in chain[1:] if x.startswith("do_")), None)
            if not skip and entry and chain[0] != "main" and any(x.startswith(fit.family) for x in chain):
                costs[re.match(r"do_([a-z]*)", entry).group(1),
                      os.path.basename(inside), tuple(chain), address] += int(cost)
            skip = False
    stacks = frames(binary, {key[3] for key in costs if key[1] == binary.name})
    parts, lines = {}, collections.Counter()
    for (kind, inside, chain, address), cost in costs.items():
        if inside == binary.name:
            section, name, line = place_of(stacks[address])
            outer = [x for x in reversed(chain[:next(i for i, x in enumerate(chain) if x.startswith("do_"))])]
            if section not in ("lock", "-"):  # functions that were called, then those inlined into the last of them
                name = " > ".join(x.split(".")[0] for x in outer[:-1] + [name])
        else:
            section = name = line = "libc"
        part = parts.setdefault((kind, section, name.replace(fit.family + "_", "")), [0, 0])
        part[0] += cost
        part[1] = max(part[1], cost)
        lines[line] += cost
    return parts, lines, calls


def distribution(job):
    path, fit = job
    lines = harness.run(harness.driver("x86-64", fit.family), "sized", "spread", fit.roomy, path).splitlines()
    return [list(map(int, line.split())) for line in lines[:-1]]


def report(group, jobs):
    profiles = in_parallel(profile, jobs)
    mean = {}
    lines = collections.Counter()
    for parts, costs, calls in profiles:
        operations = sum(calls.values())
        for (kind, section, name), (cost, most) in parts.items():
            for key, n in (((kind, section, name), calls[kind]), (("all", section, "-"), operations)):
                sums = mean.setdefault(key, [0, 0, 0])
                sums[0] += cost / n
                sums[1] += cost / operations
                sums[2] += most / n if key[0] != "all" else 0
        for line, cost in costs.items():
            lines[line] += cost / operations / len(jobs)
    total = sum(value[1] for key, value in mean.items() if key[0] == "all") / len(jobs)
    for kind in KINDS:
        having = [calls for _, _, calls in profiles if calls[kind]]
        if having:
            of_kind = sum(value[0] for key, value in mean.items() if key[0] == kind) / len(having)
            of_all = 100 * sum(calls[kind] / sum(calls.values()) for _, _, calls in profiles) / len(jobs)
            say("call", group, kind, "%.1f" % of_all, "%.1f" % of_kind)
    say("call", group, "all", "100.0", "%.1f" % total)
    others = collections.Counter()
    for key, (per_call, per_op, rounds) in sorted(mean.items(), key=lambda x: (x[0][0] != "all", x[0][0], -x[1][1])):
        having = len(jobs) if key[0] == "all" else sum(1 for _, _, calls in profiles if calls[key[0]])
        if per_op / len(jobs) < LEAST:
            others[key[0]] += per_op / len(jobs)
            continue
        say("part", group, *key, "%.1f" % (per_call / having), "%.1f" % (per_op / len(jobs)),
            "%.1f%%" % (100 * per_op / len(jobs) / total), "%.1f" % (rounds / having) if rounds else "-")
    for kind, per_op in others.items():
        say("part", group, kind, "-", "others", "-", "%.1f" % per_op, "%.1f%%" % (100 * per_op / total), "-")
    for line, per_op in lines.most_common(LINES):
        say("line", group, "%.2f" % per_op, line)
    spreads = in_parallel(distribution, jobs)
    say("holes", group, "%.1f" % (sum(s[0][0] / 100 for s in spreads) / len(jobs)))
    for kind, name in enumerate(KINDS, 1):
        below = 0
        for step, column in enumerate(zip(*(s[kind] for s in spreads))):
            counts = [100 * n / max(1, sum(s[kind])) for n, s in zip(column, spreads) if sum(s[kind])]
            below += sum(counts) / max(1, len(counts))
            if sum(column):
                say("took", group, name, (3, 4)[step % 2] << step // 2, "%.2f%%" % below)


def main():
    wanted = set(sys.argv[2:])
    for group in GROUPS:
        traces = [path for path in unpack(group) if not wanted or path.stem in wanted]
        if traces:
            jobs = list(zip(traces, fits(traces)))
            for family in {fit.family for _, fit in jobs}:
                harness.callgrind_driver(family)
                harness.driver("x86-64", family)
            report(group, jobs)


main()
