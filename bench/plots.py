#!/usr/bin/env python3
"""Draws docs/plots/*.svg from what bench.py found (DIR/bench.tsv) and peers.tsv says; called by `make figures`.

    plots.py [DIR]

    heap.svg           smallest heap over peak, per allocator
    instructions.svg   instructions per operation, per allocator
    growth.svg         instructions per operation against live objects

Needs matplotlib (Debian: python3-matplotlib). The same figures make the same files, to the byte.
"""
import sys

import harness
from harness import OUT, ROOT, geomean

try:
    import matplotlib
except ImportError:
    sys.exit("plots.py: matplotlib is not installed (Debian: python3-matplotlib); the plots stay as they are")
matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402, the backend comes first

PLOTS = ROOT / "docs" / "plots"
OURS, LIGHT, PEERS, FAINT, INK = "#c2410c", "#fb923c", "#64748b", "#cbd5e1", "#1e293b"
SHOWN = ["tiny", "small"]  # the groups that peers.tsv has
ABOUT = {"tiny": "six programs with peaks of 2 to 5 KB", "small": "nine programs with peaks of 11 to 93 KB"}

matplotlib.rcParams.update({
    "svg.hashsalt": "teaspoon", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": FAINT,
    "axes.titlesize": 10, "axes.titleweight": "bold",
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False, "xtick.color": PEERS,
    "ytick.color": INK, "ytick.major.size": 0, "figure.facecolor": "white", "axes.axisbelow": True})


def figures():
    """{name: [value, goal if there is one]}"""
    rows = [line.split("\t") for line in (OUT / "bench.tsv").read_text().splitlines()]
    return {name: [float(cell) for cell in cells[:2] if cell != "-"] for name, *cells in rows}


def peers():
    """{metric: {allocator: {group: [value of each trace]}}} of those that run every trace."""
    found = {}
    for line in (ROOT / "bench" / "peers.tsv").read_text().splitlines()[1:]:
        group, _, metric, allocator, value = line.split("\t")
        value = float("inf") if value == "fails" else float(value)
        found.setdefault(metric, {}).setdefault(allocator, {}).setdefault(group, []).append(value)
    return {metric: {name: values for name, values in allocators.items()
                     if all(group in values and max(values[group]) < float("inf") for group in SHOWN)}
            for metric, allocators in found.items()}


def save(figure, name):
    PLOTS.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOTS / name, metadata={"Date": None})
    plt.close(figure)
    print(PLOTS / name)


def headline(figure, title, note):
    figure.suptitle(title, x=0.008, ha="left", fontsize=12, fontweight="bold")
    figure.text(0.992, 0.99, note, ha="right", va="top", color=PEERS, fontsize=8)


def comparison(name, rows, title, goals, show, limits, ticks):
    """A row for each allocator, the best on top; a bar to its geometric mean, and a dot for each trace."""
    rows = sorted(rows.items(), key=lambda row: -geomean([geomean(row[1][group]) for group in SHOWN]))
    figure, both = plt.subplots(1, 2, figsize=(9.6, 0.25 * len(rows) + 1.2), sharey=True, layout="constrained")
    headline(figure, title, "bar: geometric mean; dot: one program")
    low, high = limits
    for axes, group in zip(both, SHOWN):
        axes.set_xlim(low, high)
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_title(" " + ABOUT[group], loc="left", pad=16)
        axes.set_xticks(ticks, [show(tick) for tick in ticks])
        axes.grid(axis="x", color=FAINT, linewidth=0.5)
        axes.axvline(goals[group], color=OURS, linewidth=1, linestyle=(0, (2, 2)))
        axes.annotate("our goal", (goals[group], 1), xycoords=("data", "axes fraction"), xytext=(-3, 2),
                      textcoords="offset points", color=OURS, fontsize=7)
        for y, (allocator, values) in enumerate(rows):
            mean, ours = geomean(values[group]), allocator.startswith("teaspoon")
            axes.barh(y, min(mean, high) - low, left=low, height=0.6, color=OURS if ours else FAINT)
            inside = [value for value in values[group] if value <= high]
            axes.plot(inside, [y] * len(inside), "o", color=LIGHT if ours else PEERS, markersize=2.8, alpha=0.8,
                      markeredgewidth=0)
            if len(inside) < len(values[group]):
                axes.plot([high], [y], ">", color=PEERS, markersize=4, markeredgewidth=0, clip_on=False)
            axes.annotate(show(mean), (1, y), xycoords=("axes fraction", "data"), xytext=(34, 0), ha="right",
                          textcoords="offset points", va="center", fontsize=8, color=OURS if ours else INK,
                          fontweight="bold" if ours else "normal", annotation_clip=False)
        axes.set_yticks(range(len(rows)), [allocator for allocator, _ in rows])
        for label in axes.get_yticklabels():
            if label.get_text().startswith("teaspoon"):
                label.set(color=OURS, fontweight="bold")
    save(figure, name)


def growth(bench):
    figure, axes = plt.subplots(figsize=(9.6, 4.6), layout="constrained")
    headline(figure, "Instructions per operation against live objects",
             "random objects of 16 to 128 bytes, replaced in a heap that they fill to 80 %")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.grid(color=FAINT, linewidth=0.5)
    axes.tick_params(axis="both", which="both", length=0)
    for family, colour in (("tsp128k", LIGHT), ("tsp16m", OURS)):
        for metric, style in (("mean", "-"), ("slowest", (0, (1, 1.5)))):
            prefix, suffix = "churn_80_%s_" % family, "_" + metric
            points = sorted((int(name[len(prefix):-len(suffix)]), row[0]) for name, row in bench.items()
                            if name.startswith(prefix) and name.endswith(suffix))
            axes.plot(*zip(*points), color=colour, linestyle=style, marker="o", markersize=4, linewidth=2)
            below = family == "tsp128k" and metric == "mean"  # the lines of the means meet there
            axes.annotate("%s, %s" % (family, metric), points[-1], xytext=(8, -13 if below else -3),
                          textcoords="offset points", color=colour, fontweight="bold")
    axes.set_xlim(20, 6e6)
    axes.set_xticks([10 ** n for n in range(2, 7)], ["100", "1,000", "10,000", "100,000", "1,000,000"])
    axes.set_xlabel("live objects")
    top = int(axes.get_ylim()[1])
    axes.set_yticks([10 ** n for n in range(2, 7) if 10 ** n <= top],
                    ["{:,}".format(10 ** n) for n in range(2, 7) if 10 ** n <= top])
    axes.minorticks_off()
    save(figure, "growth.svg")


def main():
    bench, others = figures(), peers()
    traces = {group: harness.unpack(group) for group in SHOWN}
    heaps = {name: {group: [fit.ratio for fit in harness.fits(traces[group], kind)] for group in SHOWN}
             for name, kind in (("teaspoon, sized", "sized"), ("teaspoon, free(p)", "malloc"))}
    instructions = {group: [bench["instr_op_" + path.stem][0] for path in traces[group]] for group in SHOWN}
    goals = [{group: bench[name % group][1] for group in SHOWN} for name in ("heap_peak_%s_sized", "instr_op_4k_%s")]
    comparison("heap.svg", {**others["heap_peak"], **heaps},
               "Smallest heap, handle included, over the most bytes ever live", goals[0],
               lambda x: "%.2f" % x, (1, 2.5), [1, 1.25, 1.5, 1.75, 2, 2.25, 2.5])
    comparison("instructions.svg", {**others["instr_op"], "teaspoon, sized": instructions},
               "Instructions per operation, x86-32", goals[1],
               lambda x: "{:,.0f}".format(x), (0, 400), [0, 100, 200, 300, 400])
    growth(bench)


main()
