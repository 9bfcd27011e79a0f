#!/usr/bin/env python3
"""The table of DESIGN section 4: placements tried on the traces and on the loads of loads.py, by simulation.

    placement.py [DIR]    build products go to DIR

Prints a line for each placement, separated by tabs: its name; smallest heap and handle over peak, for the tiny traces,
the small ones and the loads; holes that an allocation and a free pass, in tiny heaps and in small ones. placement.cpp
says what the keys mean."""
import loads
from harness import OUT, ROOT, in_parallel, run, say, unpack

PLACEMENTS = [
    ("first fit", "fit=first large=0"),
    ("best fit", "fit=best large=0"),
    ("exact fit or first fit, one end", "large=0"),
    ("best fit, two ends", "fit=best"),
    ("first fit, two ends", "fit=first"),
    ("exact fit or first fit, two ends", ""),
    ("exact within 1/8 of the heap", "within=8"),
    ("large from 1/16 of the heap", "large=16"),
    ("large from 1/24", "large=24"),
    ("large from 1/40", "large=40"),
    ("large from 1/64", "large=64"),
    ("what moves to grow goes anywhere", "grown=any"),
    ("it slides before it moves", "grown=slide"),
    ("it may go where it was", "grown=own"),
    ("rounded from 16 bytes on", "from=16"),
    ("granules of 8 bytes", "granule=8"),
    ("exact sizes", "round=4"),
    ("exact sizes, granules of 1 byte", "granule=1 round=1"),
    ("exact sizes, alignment to 4", "round=4 align=4"),
]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    program = OUT / "placement"
    run("g++", "-std=c++17", "-O2", ROOT / "bench" / "placement.cpp", "-o", program)
    groups = [unpack("tiny"), unpack("small"), loads.write(OUT / "loads")]
    jobs = [(options.split(), paths) for _, options in PLACEMENTS for paths in groups]
    found = in_parallel(lambda job: run(program, *job[0], *job[1]).split(), jobs)
    say("placement", "tiny", "small", "loads", "alloc_tiny", "free_tiny", "alloc_small", "free_small")
    for i, (name, _) in enumerate(PLACEMENTS):
        tiny, small, load = found[3 * i:3 * i + 3]
        say(name, tiny[0], small[0], load[0], *tiny[1:], *small[1:])


main()
