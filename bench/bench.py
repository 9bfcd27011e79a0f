#!/usr/bin/env python3
"""Measures what teaspoon promises, deterministically; called by `make bench`.

    bench.py DIR      build products go to DIR

Prints name, value and goal, separated by tabs. Everything is built with gcc -m32 -O2 and the default lock, so values
can be compared with what is published of other allocators; they depend on compiler and C library, not on the machine's
load (memcpy may choose its code by the processor).

    heap_peak_GROUP_KIND   (smallest heap + handle) / peak of live bytes, geometric mean over the group's traces
    instr_op_GROUP         instructions per operation, from call to return, copies included: callgrind's count in a
                           sized heap of 1.25 times the smallest, geometric mean over the group's traces
    instr_op_TRACE         the same for one trace
    instr_max_128k         the slowest single operation in a tsp128k heap, copies left out: over the small traces at
                           1.25 times their smallest heap, and in a heap of 128 KiB kept 85 to 95 % full
    growth_16m             instructions per operation in a 16 MiB heap with 100,000 live objects over those with 100
"""
import concurrent.futures
import gzip
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "bench").resolve()
GROUPS = ["tiny", "small", "large"]
GOAL_PEAK = {"tiny": 1.12, "small": 1.07, "large": 1.07}
GOAL_INSTR = {"tiny": 130, "small": 170, "large": None}
GOAL_MAX, GOAL_GROWTH = 3000, 10
FAMILIES = ["tsp4k", "tsp128k", "tsp16m"]
GCC = ["gcc", "-m32", "-O2", "-I" + str(ROOT / "include")]
SHARED = [str(ROOT / "src" / name) for name in ("common.c", "misuse.c")]


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True, **options)
    if done.returncode:
        sys.exit("bench.py: this failed: " + " ".join(map(str, command)))
    return done.stdout


def text(name, value):
    if value is None:
        return "-"
    if isinstance(value, int):
        return str(value)
    return ("%.3f" if name.startswith("heap_peak") else "%.1f") % value


def row(name, value, goal=None):
    print(name, text(name, value), text(name, goal), sep="\t", flush=True)


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def in_parallel(function, arguments):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, arguments))


def unpack(group):
    """The group's traces as plain files."""
    plain = []
    for packed in sorted((ROOT / "traces" / group).glob("*.trace.gz")):
        path = OUT / packed.name[:-len(".gz")]  # NAME.trace
        if not path.exists() or path.stat().st_mtime < packed.stat().st_mtime:
            path.write_bytes(gzip.decompress(packed.read_bytes()))
        plain.append(path)
    return plain


def build():
    tool = sorted(map(str, (ROOT / "tool").glob("*.c")))
    library = sorted(map(str, (ROOT / "src").glob("*.c")))
    run(*GCC, "-std=c11", "-DTSP_PLAIN_TRACES", *tool, *library, "-o", OUT / "teaspoon", "-lpthread")
    for family in FAMILIES:
        source = str(ROOT / "src" / (family + ".c"))
        driver = [str(ROOT / "bench" / "driver.c"), "-std=c11", "-DTSP_V=" + family]
        run(*GCC, *driver, "-DUNDER_CALLGRIND", source, *SHARED, "-o", OUT / ("callgrind-" + family))
        text = OUT / (family + ".s")
        run(*GCC, "-std=c99", "-S", source, "-o", text)
        counting = run(sys.executable, ROOT / "bench" / "count.py", stdin=open(text))
        text.write_text(counting)
        run(*GCC, *driver, text, *SHARED, "-no-pie", "-o", OUT / ("counting-" + family))


def smallest_heaps(traces, kind):
    """{trace: (family, smallest heap)} and [ratio], by the tool's own fit."""
    lines = run(OUT / "teaspoon", "fit", "--tsv", "--" + kind, *traces).splitlines()
    rows = [dict(zip(lines[0].split("\t"), line.split("\t"))) for line in lines[1:]]
    if len(rows) != len(traces):
        sys.exit("bench.py: fit gave %d rows for %d traces" % (len(rows), len(traces)))
    heaps = {}
    for path, fit in zip(traces, rows):
        heaps[path] = ("tsp" + fit["variant"].replace("tsp", ""), int(fit["heap"]))
    return heaps, [(int(fit["heap"]) + int(fit["handle"])) / int(fit["peak"]) for fit in rows]


def roomy(heap):
    return (heap * 5 // 4 + 7) // 8 * 8


def callgrind(job):
    """Instructions per operation over a trace: the cost of the calls from the driver's three functions."""
    path, family, heap = job
    out = OUT / (path.stem + ".callgrind")
    run("valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=%s" % out,
        OUT / ("callgrind-" + family), "trace", str(heap), path, env=dict(os.environ, LD_BIND_NOW="1"))
    names, caller, callee, operations, cost, is_call = {}, "", "", 0, 0, False
    for line in open(out):
        name = re.match(r"(c?fn)=(\(\d+\))(?: (.*))?", line)
        if name:
            function = names.setdefault(name.group(2), name.group(3))
            if name.group(1) == "fn":
                caller = function
            else:
                callee = function
        elif line.startswith("calls="):
            is_call = caller.startswith("do_") and callee.startswith(family)
            operations += int(line[len("calls="):].split()[0]) if is_call else 0
        elif is_call:  # the line after calls= is the inclusive cost
            cost += int(line.split()[-1])
            is_call = False
    return cost / operations


def counting(family, *load):
    """(instructions per operation, slowest operation, which one) of a load, copies left out."""
    operations, total, slowest, which, failed = map(int, run(OUT / ("counting-" + family), *map(str, load)).split())
    print("# %s %s: %d operations, %d refused; the slowest is number %d" % (
        family, " ".join(pathlib.Path(str(x)).stem for x in load), operations, failed, which), flush=True)
    return total / operations, slowest


def main():
    if not shutil.which("valgrind"):
        sys.exit("bench.py: valgrind is not installed (and gcc needs its -m32 parts: gcc-multilib)")
    OUT.mkdir(parents=True, exist_ok=True)
    build()
    traces = {group: unpack(group) for group in GROUPS}
    heaps = {}
    for group in GROUPS:
        fits, ratios = smallest_heaps(traces[group], "sized")
        heaps.update(fits)
        row("heap_peak_%s_sized" % group, geomean(ratios), GOAL_PEAK[group])
        sized = geomean(ratios)
        _, ratios = smallest_heaps(traces[group], "malloc")
        row("heap_peak_%s_malloc" % group, geomean(ratios), sized * 33 / 32)

    jobs = [(path, *heaps[path]) for group in GROUPS for path in traces[group]]
    jobs = [(path, family, roomy(heap)) for path, family, heap in jobs]
    per_operation = dict(zip((path for path, _, _ in jobs), in_parallel(callgrind, jobs)))
    for group in GROUPS:
        for path in traces[group]:
            row("instr_op_" + path.stem, per_operation[path])
        row("instr_op_" + group, geomean([per_operation[path] for path in traces[group]]), GOAL_INSTR[group])

    slowest = {}
    for path in traces["small"]:
        family, heap = heaps[path]
        if family == "tsp128k" and roomy(heap) <= 128 * 1024:
            slowest[path.stem] = counting(family, "trace", roomy(heap), path)[1]
    slowest["full"] = counting("tsp128k", "full", 128 * 1024)[1]
    for name, value in slowest.items():
        row("instr_max_128k_" + name, value)
    row("instr_max_128k", max(slowest.values()), GOAL_MAX)

    few, many = (counting("tsp16m", "churn", 16 * 1024 * 1024, live)[0] for live in (100, 100000))
    row("growth_16m_100", few)
    row("growth_16m_100000", many)
    row("growth_16m", many / few, GOAL_GROWTH)


main()
