#!/usr/bin/env python3
"""How cost grows: with the number of live objects, and with the number of heaps.

    scale.py [DIR]    build products go to DIR

Prints name and value, separated by tabs; instructions, copies left out:

    instr_op_16m_LIVE, instr_max_16m_LIVE     per operation, and the slowest, when random ones among LIVE objects of 16
                     to 128 bytes are replaced in a heap of 16 MiB
    instr_op_FAMILY_80_LIVE, instr_max_FAMILY_80_LIVE     the same in a heap that they fill to 80 %
    heaps_BYTES_*    a million heaps of BYTES bytes each in one process, sized; for each of them:
        handle       bytes of the structure outside the heap
        objects      of 8 to 64 bytes that fit, and the bytes in them in per cent of heap and handle
        make, fill, reset    instructions; fill ends with an allocation that fails
"""
import harness
from harness import counted, in_parallel, say

MIB = 1 << 20
EACH = 76  # bytes, on the mean, that an object of 16 to 128 bytes takes
HEAPS = 1000000


def churn(job):
    family, heap, live = job
    warm = min(4 * live, live // 2 + 400000) + 20000  # replacements until holes are as they will stay
    return counted(family, "churn", heap, live, warm)


def million(bytes_each):
    handle, number, held, made, filled, reset = map(int, harness.run(
        harness.counting_driver("tsp4k"), "heaps", bytes_each, HEAPS).split())
    full = 100 * held / HEAPS / (bytes_each + handle)
    return handle, number / HEAPS, full, made / HEAPS, filled / HEAPS, reset / HEAPS


def main():
    jobs = [("16m", "tsp16m", 16 * MIB, live) for live in (100, 1000, 10000, 100000, 150000)]
    for family, most in (("tsp128k", 2500), ("tsp16m", 1000000)):
        jobs += [(family + "_80", family, live * EACH * 10 // 8 // 8 * 8, live)
                 for live in (30, 100, 300, 1000, 2500, 10000, 30000, 100000, 300000, 1000000) if live <= most]
    for family in harness.FAMILIES:
        harness.counting_driver(family)
    for (name, _, _, live), (mean, slowest, *_) in zip(jobs, in_parallel(churn, [job[1:] for job in jobs])):
        say("instr_op_%s_%d" % (name, live), "%.1f" % mean)
        say("instr_max_%s_%d" % (name, live), slowest)
    for bytes_each in (256, 512, 1024):
        handle, objects, full, made, filled, reset = million(bytes_each)
        for name, value in (("handle", "%d" % handle), ("objects", "%.1f" % objects), ("full", "%.1f" % full),
                            ("make", "%.1f" % made), ("fill", "%.1f" % filled), ("reset", "%.1f" % reset)):
            say("heaps_%d_%s" % (bytes_each, name), value)


main()
