#!/usr/bin/env python3
"""Where the bytes go at the moments that decide the smallest heap.

    bytes.py [DIR]    build products go to DIR

A table for each kind of heap, a line for each trace and moment, columns separated by tabs. All but the last four are in
per cent of the trace's peak of live bytes, and those from `live` to `step` add up to `heap`:

    moment    peak: the most bytes are live, in the smallest heap; tight: what fails in a heap 8 bytes smaller, the
              failing request counted as if the free bytes could have held it in pieces
    heap      the smallest heap and its handle
    live      what the program asked for
    twice     the old copy of the object that could not be resized
    round4    rounding sizes up to a multiple of 4
    round8    and from there to what an object takes
    gap       holes smaller than the alignment of the object behind them
    splinter  other holes of one granule, or smaller than any request of the trace
    hole      all other holes, less the request that failed (negative: too few free bytes in any order)
    map       the size map, and what a region loses to alignment
    handle    the structure outside the heap
    step      the 8 bytes between the smallest heap and the one that fails
    floor4    the least that any placement needs, handle included: in granules of 4 without any alignment beyond,
    floor1_8  in granules of 1 with natural alignment up to 8,
    floor4_8  in granules of 4 with natural alignment up to 8,
    floor     and rounded as the engine does, with the map
    holes, largest, wanted, operation   number of holes, bytes of the largest and of the request, its place in the trace
"""
import sys

import harness
from harness import GROUPS, ROOT, fits, in_parallel, say, unpack

PARTS = ["live", "twice", "round4", "round8", "gap", "splinter", "map", "hole", "handle"]
FLOORS = ["floor4", "floor1_8", "floor4_8", "floor"]
SHOWN = ["heap", "live", "twice", "round4", "round8", "gap", "splinter", "hole", "map", "handle", "step", *FLOORS]
PLAIN = ["holes", "largest", "wanted", "operation"]


def account(job):
    path, fit, kind, moment = job
    heap = fit.heap - (8 if moment == "tight" else 0)
    numbers = list(map(int, harness.run(harness.OUT / "bytes", fit.family[len("tsp"):], kind, heap, moment,
                                        path).split()))
    parts = dict(zip(PARTS + PLAIN + ["peak", *FLOORS], numbers))
    parts["step"], parts["handle"] = fit.heap - heap, fit.handle
    parts["heap"] = fit.heap + fit.handle
    if sum(parts[x] for x in PARTS) + parts["step"] != parts["heap"]:
        sys.exit("bytes.py: the parts of %s do not add up" % path.stem)
    for floor in FLOORS:
        parts[floor] += fit.handle
    parts["floor"] += parts["map"]
    return [100 * parts[x] / fit.peak for x in SHOWN], [parts[x] for x in PLAIN]


def main():
    tool = [ROOT / "tool" / name for name in ("family.c", "replay.c", "say.c", "trace.c")]
    harness.build("bytes", "-std=c11", "-DTSP_PLAIN_TRACES", ROOT / "bench" / "bytes.c", *tool, *harness.library())
    for kind in ("sized", "malloc"):
        say("# " + kind)
        say("trace", "moment", *SHOWN, *PLAIN)
        for group in GROUPS:
            traces = unpack(group)
            found = fits(traces, kind)
            for moment in ("peak", "tight"):
                lines = in_parallel(account, [(path, fit, kind, moment) for path, fit in zip(traces, found)])
                for path, (shares, counts) in zip(traces, lines):
                    say(path.stem, moment, *("%.2f" % x for x in shares), *counts)
                mean = [sum(column) / len(lines) for column in zip(*(shares for shares, _ in lines))]
                say("mean of " + group, moment, *("%.2f" % x for x in mean), *("-" for _ in PLAIN))


main()
