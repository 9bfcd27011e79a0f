#!/usr/bin/env python3
"""Measures what teaspoon promises, deterministically; called by `make bench` and `make figures`.

    bench.py [DIR]         build products go to DIR
    bench.py DIR docs      puts the tables into README.md and DESIGN.md too, between <!-- bench NAME --> and
                           <!-- end -->

Prints tables; what misses its goal is bold. DIR/bench.tsv has each figure: name, value, goal and the best of the peers
in peers.tsv, "-" where there is none. KIND is nothing for layout calls in a sized heap, or _malloc for the C library's
calls in a heap that remembers sizes.

    heap_peak_GROUP_sized, heap_peak_GROUP_malloc
                           (smallest heap + handle) / peak of live bytes, geometric mean over the group's traces
    heap_peak_GROUP_HALF   the same for sized heaps over half of them: "fit", to which parameters may be fitted, or
                           "heldout", which says whether that holds for others (see harness.py)
    heap_peak_TRACEKIND    the same for one trace
    instr_op_GROUPKIND     instructions per operation on x86-32, copies included, in a heap of 1.25 times the smallest;
                           also by half, and instr_op_TRACEKIND
    instr_op_MACHINE_GROUPKIND     the same elsewhere; the Cortex ones without a lock
    instr_op_4k_GROUP      the same as instr_op_GROUP, all in the smallest family
    instr_max_TRACEKIND    the slowest alloc or dealloc there; from here on copies are left out
    adversary_NAME_HEAPKIND_{mean,alloc,dealloc,resize}     mean and slowest of a sequence that wants to be slow
    slowest_HEAPKIND, slowest_resize_HEAPKIND     of all of these but the one that wants an alignment above 8
    among_HOLE_COUNTKIND_{mean,slowest}     in tsp16m, among COUNT holes of HOLE bytes
    latency_MACHINE_FAMILY_KIB_{alloc,dealloc,resize}
                           the slowest malloc, free and realloc (with its copy) on a Cortex-M, to 40 instructions
    churn_HEAP_LIVE_{mean,slowest}     LIVE random objects are replaced, in 16 MiB or in a heap that they fill to 80 %
    heap_peak_LOAD, instr_op_LOAD, instr_max_LOAD     of the sequences in loads.py
    code_m0                bytes of code on Cortex-M0+ (-Os): init, alloc, dealloc and resize of the smallest family
    handle_FAMILY          bytes of the structure outside the heap, 32-bit
"""
import re
import shutil
import sys

import harness
import loads
from harness import GROUPS, MACHINES, OUT, ROOT, counted, fits, geomean, half, in_parallel, launcher, run, unpack

HALVES = ["fit", "heldout"]
KINDS = {"sized": "", "malloc": "_malloc"}
KIB, MIB = 1 << 10, 1 << 20
MAIN = "x86-32"
EACH = 76  # bytes, on the mean, that an object of 16 to 128 bytes takes

# Names, the goal, and how far we want to get one day.
GOALS = [(re.compile(pattern + "$"), goal, one_day) for pattern, goal, one_day in [
    ("heap_peak_tiny_sized", 1.104, 1.06), ("heap_peak_small_sized", 1.041, 1.03),
    ("heap_peak_large_sized", 1.037, 1.02),
    ("heap_peak_tiny_malloc", 1.140, None), ("heap_peak_small_malloc", 1.075, None),
    ("heap_peak_large_malloc", 1.053, None),
    ("instr_op_large", 270, 150), ("instr_op_4k_tiny", 130, 60), ("instr_op_4k_small", 160, 60),
    ("instr_op_tiny_malloc", 150, None), ("instr_op_small_malloc", 170, None), ("instr_op_large_malloc", 220, None),
    ("instr_op_worst_malloc", 400, None), ("instr_op_m4_tiny", 100, None), ("instr_op_m4_small", 130, None),
    ("churn_16m_100_mean", 270, 150), ("churn_16m_100000_mean", 310, 150), ("churn_80_tsp16m_1000000_mean", 340, 150),
    ("churn_(16m|80_tsp16m)_.*_slowest", 800, 400), ("among_.*_slowest", 800, 400), ("among_.*_growth", 1.3, 1),
    ("adversary_full_128k_mean", 350, 200), ("slowest_128k.*", 700, 400), ("slowest_(2m|16m).*", 800, 400),
    ("slowest_resize_128k.*", 1200, 600),
    ("adversary_(?!aligned).*_128k(_malloc)?_(alloc|dealloc)", 700, 400),
    ("adversary_(?!aligned).*_128k(_malloc)?_resize", 1200, 600),
    ("adversary_(?!aligned).*m(_malloc)?_(alloc|dealloc)", 800, 400),
    ("code_m0", 1700, 700), ("handle_tsp4k", 16, 16), ("handle_tsp128k", 16, 16), ("handle_tsp16m", 40, 24)]]

# The holes, what is between them, the size that is wanted and its alignment, the very first object: in bytes.
ADVERSARIES = {
    "every_4": ("every second object of 4 bytes free", (4, 4, 8, 8, 0)),
    "every_8": ("every second object of 8 bytes free", (8, 8, 16, 8, 0)),
    "equal_24": ("equal holes of 24, for 32", (24, 8, 32, 8, 0)),
    "short_16": ("holes of 15 units where 16 are wanted", (120, 8, 128, 8, 0)),
    "short_100": ("holes of 99 units where 100 are wanted", (792, 8, 800, 8, 0)),
    "aligned": ("64 bytes aligned to 64, holes of 96 that miss it", (96, 32, 64, 64, 8)),
    "blocks": ("objects of 1/32 of the heap", None),
    "full": ("random objects, 85 to 95 % full", ("full", 85, 95, 1)),
    "storm": ("the same, half of the calls are resizes", ("full", 85, 95, 8))}
HEAPS = {"128k": ("tsp128k", 128 * KIB), "2m": ("tsp16m", 2 * MIB), "16m": ("tsp16m", 16 * MIB)}
LATENCIES = [("tsp4k", 2), ("tsp4k", 8), ("tsp4k", 32), ("tsp128k", 24), ("tsp128k", 64), ("tsp128k", 128),
             ("tsp16m", 512)]
CALLS = ["mean", "alloc", "dealloc", "resize"]
HOLES, COUNTS = [8, 16, 24, 32, 48], [1000, 10000, 100000]
LIVE = [100, 300, 1000, 2500, 10000, 30000, 100000, 300000, 1000000]

figures, flash, best, skipped = {}, {}, {}, []
tables, documents = {}, {}


# -- Measuring --------------------------------------------------------------------------------------------------------

def read_peers():
    """{(metric, trace or group, with "(sized)" ones or not): (best figure, whose)}; for a group the geometric mean, of
    those who run all of it."""
    by_group = {}
    for line in (ROOT / "bench" / "peers.tsv").read_text().splitlines()[1:]:
        group, trace, metric, allocator, value = line.split("\t")
        value = float("inf" if value == "fails" else value)
        by_group.setdefault((metric, group, allocator), {})[trace] = value
    for (metric, group, allocator), traces in by_group.items():
        for name, value in [*traces.items(), (group, geomean(list(traces.values())))]:
            for sized in (True, False):
                key = metric, name, sized
                if (sized or "(sized)" not in allocator) and (key not in best or value < best[key][0]):
                    best[key] = value, allocator


def measure_bytes(traces):
    found = {}
    for kind, suffix in KINDS.items():
        for group in GROUPS:
            found[kind, group] = fits(traces[group], kind)
            ratios = [fit.ratio for fit in found[kind, group]]
            for path, ratio in zip(traces[group], ratios):
                figures["heap_peak_%s%s" % (path.stem, suffix)] = ratio
            figures["heap_peak_%s_%s" % (group, kind)] = geomean(ratios)
            if kind == "sized":
                for which in HALVES:
                    figures["heap_peak_%s_%s" % (group, which)] = geomean(half(ratios, which))
    return found


def measure_traces(traces, found, machines):
    """Instructions per operation; Cortex-M: of those of the traces that fit such a machine."""
    jobs, names = [], []
    for machine in machines:
        for (kind, group), fitted in found.items():
            if group == "large" and machine.startswith("Cortex"):
                continue
            for path, fit in zip(traces[group], fitted):
                families = [fit.family]
                if machine == MAIN and kind == "sized" and group == "small":
                    families.append("tsp4k")
                for family in families:
                    jobs.append((machine, family, kind, "trace", fit.roomy, path))
                    names.append((machine, family if family != fit.family else "", group, path.stem, KINDS[kind]))
    results = dict(zip(names, in_parallel(lambda job: counted(*job), jobs)))
    for machine in machines:
        prefix = "instr_op_" + ("" if machine == MAIN else short(machine) + "_")
        for kind, suffix in KINDS.items():
            worst = 0
            for group in GROUPS:
                of_group = [(path.stem, results[machine, "", group, path.stem, suffix]) for path in traces[group]
                            if (machine, "", group, path.stem, suffix) in results]
                if not of_group:
                    continue
                means = [count.with_copies for _, count in of_group]
                figures[prefix + group + suffix] = geomean(means)
                worst = max(worst, *means)
                if machine == MAIN:
                    for name, count in of_group:
                        figures["instr_op_%s%s" % (name, suffix)] = count.with_copies
                        figures["instr_max_%s%s" % (name, suffix)] = count.slowest
                    for which in HALVES:
                        figures["instr_op_%s%s_%s" % (group, suffix, which)] = geomean(half(means, which))
            figures[prefix + "worst" + suffix] = worst
    if MAIN in machines:
        figures["instr_op_4k_tiny"] = figures["instr_op_tiny"]
        figures["instr_op_4k_small"] = geomean([count.with_copies for name, count in results.items()
                                                if name[1] == "tsp4k"])


def short(machine):
    return {"x86-64": "x86_64", "Cortex-M0+": "m0", "Cortex-M4": "m4"}[machine]


def measure_loads():
    """Everything in one go, the longest first, so that no processor waits at the end."""
    jobs = {}
    for live in LIVE:
        warm = min(4 * live, live // 2 + 400000) + 20000  # replacements until holes are as they will stay
        if live in (100, 100000):
            jobs["churn_16m_%d" % live] = "tsp16m", "sized", "churn", 16 * MIB, live, warm
        for family, most in (("tsp128k", 2500), ("tsp16m", 1000000)):
            if live <= most:
                jobs["churn_80_%s_%d" % (family, live)] = (family, "sized", "churn", live * EACH * 10 // 8 // 8 * 8,
                                                           live, warm)
    for kind, suffix in KINDS.items():
        for heap, (family, size) in HEAPS.items():
            for name, (_, how) in ADVERSARIES.items():
                if name == "every_4" and family != "tsp128k":
                    continue
                block = size // 32
                load = (how[0], size, *how[1:]) if how and how[0] == "full" else (
                    "holes", size, *(how or (block, block, block + 8, 8, 0)))
                jobs["adversary_%s_%s%s" % (name, heap, suffix)] = family, kind, *load
        for hole in HOLES:
            for number in COUNTS:
                jobs["among_%d_%d%s" % (hole, number, suffix)] = "tsp16m", kind, "among", 16 * MIB, hole, number
    paths = loads.write(OUT / "loads")
    for path, fit in zip(paths, fits(paths)):
        figures["heap_peak_" + path.stem] = fit.ratio
        jobs["load_" + path.stem] = fit.family, "sized", "trace", fit.roomy, path
    for low, high in ((45, 55), (70, 80), (85, 95), (95, 99)):
        jobs["load_full_%d_%d" % (low, high)] = "tsp128k", "sized", "full", 128 * KIB, low, high, 1
    order = sorted(jobs, key=lambda name: -int(jobs[name][3]) * (2 if "every_8" in name else 1))
    for name, count in zip(order, in_parallel(lambda name: counted(MAIN, *jobs[name]), order)):
        if name.startswith("load_"):
            figures["instr_op_" + name[5:]], figures["instr_max_" + name[5:]] = count.mean, count.slowest
            continue
        for call in CALLS if name.startswith("adversary") else ["mean", "slowest"]:
            figures["%s_%s" % (name, call)] = getattr(count, call)
    for suffix in KINDS.values():
        for heap in HEAPS:
            prefixes = ["adversary_%s_%s%s_" % (name, heap, suffix) for name in ADVERSARIES if name != "aligned"]
            for prefix, calls in (("slowest_", ["alloc", "dealloc"]), ("slowest_resize_", ["resize"])):
                figures[prefix + heap + suffix] = max(figures.get(x + call, 0) for x in prefixes for call in calls)
        for hole in HOLES:
            few, many = (figures["among_%d_%d%s_mean" % (hole, number, suffix)] for number in (COUNTS[0], COUNTS[-1]))
            figures["among_%d%s_growth" % (hole, suffix)] = many / few


def measure_latencies(machines):
    """What an interrupt waits for where the lock disables interrupts: a full heap, and one in which every second object
    of 8 bytes is free."""
    jobs = []
    for machine in machines:
        for family, kib in LATENCIES if machine.startswith("Cortex") else ():
            for _, (word, *rest) in (ADVERSARIES["full"], ("", ("holes", *ADVERSARIES["every_8"][1]))):
                jobs.append((machine, family, "malloc", word, kib * KIB, *rest))
    for job, count in zip(jobs, in_parallel(lambda job: counted(*job), jobs)):
        machine, family, kib = job[0], job[1], job[4] // KIB
        for call in CALLS[1:]:
            name = "latency_%s_%s_%d_%s" % (short(machine), family, kib, call)
            figures[name] = max(figures.get(name, 0), getattr(count, call))


def measure_code():
    """As `make size` has it."""
    for line in run("sh", ROOT / "scripts" / "size.sh", OUT / "size").splitlines():
        name, value = (line.split("\t") + [""])[:2]
        if name == "size_m0_4k_core":
            figures["code_m0"] = int(value)
        elif name.startswith("whole_"):
            flash[name] = "{:,}".format(int(value))
        elif re.match("# .* is not installed|# .*no program", line):
            skipped.append(line[2:])
    for family in harness.FAMILIES:
        figures["handle_" + family] = harness.handle(family)


# -- Showing ----------------------------------------------------------------------------------------------------------

def goal(name, which=0):
    return next((goals[which] for pattern, *goals in GOALS if pattern.match(name)), None)


def text(name, value):
    if value is None or isinstance(value, str):
        return value or "-"
    if name.startswith("heap_peak"):
        return "%.3f" % value
    return "%.2f" % value if name.endswith("growth") else "{:,.0f}".format(value)


def show(name):
    value, most = figures.get(name), goal(name)
    shown = text(name, value)
    return "**%s**" % shown if value is not None and most is not None and round(value, 3) > most else shown


def peer(metric, name, sized=True):
    found = best.get((metric, name, sized))
    return "%s, %s" % (text(metric, found[0]), found[1].replace(" (sized)", "")) if found else "-"


def row(label, names, what=show):
    return [label, *map(what, names)]


def goals(label, names, which=0):
    return row(label, names, lambda name: text(name, goal(name, which)))


def table(name, about, header, rows):
    """Remembers it as text, for people and for documents."""
    rows = [header, *rows]
    widths = [max(len(line[i]) for line in rows) for i in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(line, widths))) + " |" for line in rows]
    rule = "|" + "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":"
                          for i, width in enumerate(widths)) + "|"
    tables[name] = "%s\n\n%s\n" % (about, "\n".join([lines[0], rule, *lines[1:]]))
    lines, rule = ["| %s |" % " | ".join(line) for line in rows], "|---" + "|--:" * (len(header) - 1) + "|"
    documents[name] = "%s\n\n%s\n" % (about, "\n".join([lines[0], rule, *lines[1:]]))


def make_tables(traces):
    def of(pattern, groups=GROUPS):
        return [pattern % group for group in groups]

    sized, remembering = of("heap_peak_%s_sized"), of("heap_peak_%s_malloc")
    table("bytes", "Smallest heap and handle over peak, geometric means over the traces (x86-32 handles):",
          ["", *GROUPS], [
              row("sized heap", sized), goals("goal", sized), goals("where we are going", sized, 1),
              ["best of the others", *(peer("heap_peak", group) for group in GROUPS)],
              row("remembering heap, V_malloc's own alignment", remembering), goals("goal", remembering),
              ["best of the others", *(peer("heap_peak", group, False) for group in GROUPS)]])

    chips = {"m0": "Cortex-M0+", "m4": "Cortex-M4", "rv32imac": "RV32IMAC", "avr": "AVR"}
    kinds = ["sized", "resize", "malloc"]
    table("flash", "Bytes of flash of a whole program (`make size`):", ["", *chips.values()], [
        [label, *(" / ".join(flash.get("whole_%s_%s" % (chip, use), "-") for use in uses) for chip in chips)]
        for label, uses in [
            ("sized heap: init, alloc, dealloc", ["sized"]), ("and resize", ["resize"]),
            ("malloc, realloc, free", ["malloc"]), ("the three with `-flto`", [kind + "_lto" for kind in kinds]),
            ("the three with `-DTSP_CHECK=0`", [kind + "_check0" for kind in kinds]),
            ("the C library's malloc", ["own_malloc"])]])

    rows, columns = [], [*GROUPS, "worst"]
    for machine in MACHINES:
        prefix = "instr_op_" + ("" if machine == MAIN else short(machine) + "_")
        for suffix, calls in (("", "V_alloc, V_dealloc, V_resize"), ("_malloc", "V_malloc, V_free, V_realloc")):
            names = [prefix + column + suffix for column in columns]
            rows.append(row("%s: %s" % (machine, calls), names))
            if any(map(goal, names)):
                rows.append(goals("goal", names))
            if machine == MAIN and not suffix:
                names = ["instr_op_4k_tiny", "instr_op_4k_small", "", ""]
                rows += [row("the same in tsp4k", names), goals("goal", names)]
                rows.append(["best of the others", *(peer("instr_op", group) for group in columns)])
    table("instructions", "Instructions per operation in a heap of 1.25 times the smallest, copies included; Cortex: "
          "without a lock:", ["", "tiny", "small", "large", "worst trace"], rows)

    rows = []
    for heap in HEAPS:
        names = ["adversary_full_%s%s_%s" % (heap, suffix, call) for suffix in KINDS.values() for call in CALLS]
        rows.append(goals("%s in %s: goal" % (HEAPS[heap][0], heap), names))
        for name, (label, _) in ADVERSARIES.items():
            if "adversary_%s_%s_mean" % (name, heap) in figures:
                rows.append(row(label, ["adversary_%s_%s%s_%s" % (name, heap, suffix, call)
                                        for suffix in KINDS.values() for call in CALLS]))
    table("adversaries", "Mean and slowest calls of sequences that want to be slow (x86-32, copies left out; "
          "alignments above 8 have no goal):", ["", *CALLS, "mean", "malloc", "free", "realloc"], rows)

    rows = []
    for suffix, label in zip(KINDS.values(), ("bytes", "bytes, V_malloc")):
        for hole in HOLES:
            rows.append(row("%d %s" % (hole, label), [
                *("among_%d_%d%s_%s" % (hole, number, suffix, what) for number in COUNTS
                  for what in ("mean", "slowest")), "among_%d%s_growth" % (hole, suffix)]))
    rows.append(goals("goal", ["", "among_8_1_slowest"] * 3 + ["among_8_growth"]))
    table("among", "Calls in `tsp16m` among so many holes of so many bytes (x86-32, copies left out; the "
          "mean is of resizes too, the slowest of the other calls):",
          ["holes", *("{:,}, {}".format(n, what) for n in COUNTS for what in ("mean", "slowest")), "growth"], rows)

    heaps = ["16m", "80_tsp16m", "80_tsp128k"]
    rows = []
    for live in LIVE:
        names = ["churn_%s_%d_%s" % (heap, live, what) for heap in heaps for what in ("mean", "slowest")]
        rows.append(row("{:,}".format(live), names))
        if any(goal(name) for name in names if name.endswith("mean")):
            rows.append(goals("goal", [name if name in figures else "" for name in names]))
    table("churn", "Random objects of 16 to 128 bytes are replaced, so many live (x86-32):",
          ["live", "16 MiB", "slowest", "tsp16m, 80 % full", "slowest", "tsp128k, 80 % full", "slowest"], rows)

    rows = []
    for path in [path for group in GROUPS for path in traces[group]]:
        name = path.stem
        rows.append(row(name, [pattern % name for pattern in (
            "heap_peak_%s", "heap_peak_%s_malloc", "instr_op_%s", "instr_max_%s", "instr_op_%s_malloc",
            "instr_max_%s_malloc")]))
    table("traces", "Each trace (x86-32): heap over peak, instructions per operation, the slowest alloc or dealloc:",
          ["", "heap, sized", "malloc", "instructions, sized", "slowest", "malloc", "slowest"], rows)

    names = [name[len("instr_max_"):] for name in figures if name.startswith("instr_max_")]
    inside = {path.stem for group in GROUPS for path in traces[group]}
    rows = [row(name, ["heap_peak_" + name, "instr_op_" + name, "instr_max_" + name])
            for name in names if name not in inside and not name.endswith("_malloc")]
    table("loads", "Loads that no program asked for (`bench/loads.py`; full: random objects, in per cent of 128 KiB):",
          ["", "heap / peak", "mean", "slowest"], sorted(rows))

    def short_row(label, names, others="-"):
        return [label, *(" / ".join(map(what, names)) for what in (
            show, lambda name: text(name, goal(name)), lambda name: text(name, goal(name, 1)))), others]

    def peers(metric, whether=True):
        return " / ".join(peer(metric, group, whether) for group in GROUPS[:2])

    code, handles = ["code_m0"], ["handle_" + family for family in harness.FAMILIES]
    rows = [
        short_row("heap and handle over peak, tiny / small / large programs, sized", sized, peers("heap_peak")),
        short_row("the same where the heap remembers sizes", remembering, peers("heap_peak", False)),
        short_row("instructions of a layout call, all in `tsp4k`, tiny / small", of("instr_op_4k_%s", GROUPS[:2]),
                  peers("instr_op")),
        short_row("in the family for its size, tiny / small / large", of("instr_op_%s")),
        short_row("of V_malloc, V_free, V_realloc", of("instr_op_%s_malloc")),
        short_row("of a layout call on Cortex-M4, no lock, tiny / small", of("instr_op_m4_%s", GROUPS[:2]))]
    for suffix, calls in (("", "V_alloc or V_dealloc"), ("_malloc", "V_malloc or V_free")):
        rows.append(short_row("slowest %s, adversaries in 128 KiB / 2 MiB / 16 MiB" % calls,
                              ["slowest_%s%s" % (heap, suffix) for heap in HEAPS]))
    rows += [
        short_row("slowest V_resize, its copy left out", ["slowest_resize_" + heap for heap in HEAPS]),
        short_row("`tsp16m` with 100 / 100,000 / 1,000,000 live objects",
                  ["churn_16m_100_mean", "churn_16m_100000_mean", "churn_80_tsp16m_1000000_mean"]),
        short_row("among 100,000 holes of 8 / 16 / 24 bytes over among 1,000",
                  ["among_%d_growth" % hole for hole in (8, 16, 24)]),
        short_row("code on Cortex-M0+: init, alloc, dealloc, resize of `tsp4k`", code),
        short_row("handle, bytes: `tsp4k` / `tsp128k` / `tsp16m`", handles)]
    table("summary", "Instructions on 32-bit x86, but where it says Cortex; bold misses its goal (`make bench`):",
          ["", "teaspoon", "goal", "where we are going", "best of the others"], rows)

    names = code + handles
    table("latency", "Slowest calls in instructions, without a lock (counted in steps of 40; realloc with its copy):", [
        "", *("%s: %s" % (m, call) for m in MACHINES[2:] for call in ("V_malloc", "V_free", "V_realloc"))], [
            row("%s, %d KiB" % (family, kib), ["latency_%s_%s_%d_%s" % (short(m), family, kib, call)
                                               for m in MACHINES[2:] for call in CALLS[1:]])
            for family, kib in LATENCIES])
    table("code", "Bytes on Cortex-M0+ (`make size`):", ["", "code: init, alloc, dealloc, resize", *harness.FAMILIES], [
        row("now", names), goals("goal", names), goals("where we are going", names, 1)])


def write_tsv():
    lines = []
    for name, value in figures.items():
        metric, _, rest = name.partition("_op_" if "_op_" in name else "_peak_")
        found = best.get((metric + ("_op" if "_op_" in name else "_peak"), re.sub("_(sized|malloc)$", "", rest),
                          not name.endswith("_malloc")))
        exact = "%d" % value if value == int(value) else "%.1f" % value
        if name.startswith("heap_peak") or name.endswith("growth"):
            exact = text(name, value)
        lines.append("\t".join([name, exact, str(goal(name) or "-"),
                                "%s (%s)" % found if found and found[0] < float("inf") else "-"]))
    (OUT / "bench.tsv").write_text("\n".join(lines) + "\n")


def write_docs():
    for name in ("README.md", "DESIGN.md"):
        path = ROOT / name
        path.write_text(re.sub(r"(<!-- bench (\w+) -->\n).*?(<!-- end -->)",
                               lambda found: found[1] + documents[found[2]] + found[3], path.read_text(), flags=re.S))


def main():
    machines = []
    for machine in MACHINES:
        if launcher(machine) is None:
            skipped.append("%s: no compiler for it, or nothing that runs its code (%s)" % (machine, {
                "x86-32": "gcc-multilib, qemu-user", "x86-64": "not an x86-64 machine"}.get(
                    machine, "gcc-arm-none-eabi, libnewlib-arm-none-eabi, qemu-system-arm")))
        else:
            machines.append(machine)
    read_peers()
    in_parallel(lambda machine: [harness.driver(machine, family) for family in harness.FAMILIES], machines)
    traces = {group: unpack(group) for group in GROUPS}
    found = measure_bytes(traces)
    measure_traces(traces, found, machines)
    if MAIN in machines:
        measure_loads()
    measure_latencies(machines)
    measure_code()
    make_tables(traces)
    write_tsv()
    for name in tables:
        print(tables[name])
    missed = [name for name, value in figures.items() if goal(name) and round(value, 3) > goal(name)]
    print("%d figures, %d with a goal, %d of them missed" % (
        len(figures), sum(goal(name) is not None for name in figures), len(missed)))
    for reason in skipped:
        print("skipped: " + reason)
    if "docs" in sys.argv[2:]:
        if skipped:
            sys.exit("bench.py: not all was measured, so README.md and DESIGN.md stay as they are")
        write_docs()


if __name__ == "__main__":
    main()
