#!/usr/bin/env python3
"""Measures what teaspoon promises, deterministically; called by `make bench`.

    bench.py [DIR]    build products go to DIR

Prints name, value, goal and the best of the peers in peers.tsv, separated by tabs; "-" where there is none. Last come
those with a goal: the budget.

    heap_peak_GROUP_KIND   (smallest heap + handle) / peak of live bytes, geometric mean over the group's traces
    heap_peak_GROUP_HALF   the same for sized heaps over half of them: "fit", to which parameters may be fitted, or
                           "heldout", which says whether that holds for others (see harness.py)
    instr_op_GROUP         instructions per operation, from call to return, copies included: callgrind's count in a
                           sized heap of 1.25 times the smallest, geometric mean over the group's traces; also by half
    heap_peak_TRACE, instr_op_TRACE      the same for one trace
    instr_max_128k         the slowest single operation in a tsp128k heap, copies left out: over the small traces at
                           1.25 times their smallest heap, and in a heap of 128 KiB kept 85 to 95 % full
    growth_16m             instructions per operation in a 16 MiB heap with 100,000 live objects over those with 100
    code_m0                bytes of code on Cortex-M0+ (-Os): init, alloc, dealloc and resize of the smallest family
    handle_FAMILY          bytes of the structure outside the heap, 32-bit
"""
import shutil
import sys

import harness
from harness import GROUPS, ROOT, fits, geomean, half, in_parallel, say, unpack

HALVES = ["fit", "heldout"]
BUDGET = []
GOAL_PEAK = {"tiny": 1.06, "small": 1.03, "large": 1.02}
GOAL_INSTR = {"tiny": 60, "small": 60}
GOAL_MAX, GOAL_GROWTH, GOAL_CODE = 500, 2, 700
GOAL_HANDLE = {"tsp4k": 16, "tsp128k": 16, "tsp16m": 24}


def text(name, value):
    if value is None or isinstance(value, (int, str)):
        return "-" if value is None else str(value)
    return ("%.3f" if name.startswith("heap_peak") else "%.1f") % value


def row(name, value, goal=None, peer=None):
    """Says it now, or at the end if there is a goal."""
    cells = name, text(name, value), text(name, goal), peer and "%s (%s)" % (text(name, peer[0]), peer[1]) or "-"
    if goal is None:
        say(*cells)
    else:
        BUDGET.append(cells)


def peers(sized=True):
    """{(metric, trace or group): (best figure, whose)}; for a group the geometric mean, of those who run all of it.
    sized: also of those to whom sizes are given back."""
    figures, best = {}, {}
    for line in (ROOT / "bench" / "peers.tsv").read_text().splitlines()[1:]:
        group, trace, metric, allocator, value = line.split("\t")
        if sized or "(sized)" not in allocator:
            value = float("inf" if value == "fails" else value)
            figures.setdefault((metric, group, allocator), {})[trace] = value
    for (metric, group, allocator), traces in figures.items():
        for name, value in [*traces.items(), (group, geomean(list(traces.values())))]:
            if (metric, name) not in best or value < best[metric, name][0]:
                best[metric, name] = value, allocator
    return best


def rows_of(metric, suffix, group, traces, values, goal, best):
    """Each trace, each half, and the group."""
    for path, value in zip(traces, values):
        row("%s_%s" % (metric, path.stem), value, None, best.get((metric, path.stem)))
    for which in HALVES:
        row("%s_%s_%s" % (metric, group, which), geomean(half(values, which)))
    row("%s_%s%s" % (metric, group, suffix), geomean(values), goal, best.get((metric, group)))


def code_size():
    """On Cortex-M0+, as `make size` has it."""
    if not shutil.which("arm-none-eabi-gcc"):
        return None
    for line in harness.run("sh", ROOT / "scripts" / "size.sh", harness.OUT / "size").splitlines():
        cells = line.split()
        if cells[:1] == ["size_m0_4k_core"]:
            return int(cells[1])
    return None


def main():
    if not shutil.which("valgrind"):
        sys.exit("bench.py: valgrind is not installed (and gcc needs its -m32 parts: gcc-multilib)")
    best = peers()
    handles = {}
    traces = {group: unpack(group) for group in GROUPS}
    sized = {group: fits(traces[group]) for group in GROUPS}
    for group in GROUPS:
        ratios = [fit.ratio for fit in sized[group]]
        rows_of("heap_peak", "_sized", group, traces[group], ratios, GOAL_PEAK[group], best)
        row("heap_peak_%s_malloc" % group, geomean([fit.ratio for fit in fits(traces[group], "malloc")]),
            geomean(ratios) * 65 / 64, peers(sized=False).get(("heap_peak", group)))
        handles.update({fit.family: fit.handle for fit in sized[group]})

    for family in harness.FAMILIES:
        harness.callgrind_driver(family)
    jobs = [job for group in GROUPS for job in zip(traces[group], sized[group])]
    instructions = dict(zip((path for path, _ in jobs), in_parallel(harness.per_operation, jobs)))
    for group in GROUPS:
        rows_of("instr_op", "", group, traces[group], [instructions[path] for path in traces[group]],
                GOAL_INSTR.get(group), best)

    slowest = {}
    for path, fit in zip(traces["small"], sized["small"]):
        if fit.family == "tsp128k" and fit.roomy <= 128 * 1024:
            slowest[path.stem] = harness.counted(fit.family, "trace", fit.roomy, path)[1]
    slowest["full"] = harness.counted("tsp128k", "full", 128 * 1024, 85, 95)[1]
    for name, value in slowest.items():
        row("instr_max_128k_" + name, value)
    row("instr_max_128k", max(slowest.values()), GOAL_MAX)

    few, many = (harness.counted("tsp16m", "churn", 16 << 20, live, 4 * live + 20000)[0] for live in (100, 100000))
    row("growth_16m_100", few)
    row("growth_16m_100000", many)
    row("growth_16m", many / few, GOAL_GROWTH)

    row("code_m0", code_size(), GOAL_CODE)
    for family, handle in handles.items():
        row("handle_" + family, handle, GOAL_HANDLE[family])
    say("# the budget")
    for cells in BUDGET:
        say(*cells)


main()
