#!/usr/bin/env python3
"""Threads on one heap and on one heap each, beside the mallocs that Debian has. Seconds, unlike all else in bench/.

    threads.py [DIR]    build products go to DIR

Prints name and value, separated by tabs. Each round runs every allocator, in turn forwards and backwards, so that what
else the machine does strikes all alike; a value is the median of the rounds. Compare within one run only.

    ops_s_THREADS_NAME     million operations per second, all threads together
    cpu_ns_THREADS_NAME    nanoseconds of processor time per operation: waiting in a spin lock counts, sleeping does not

one, each: a sized tsp16m heap for all threads, and one for each. glibc, musl (static, Debian: musl-tools), mimalloc
(libmimalloc2.0) and jemalloc (libjemalloc2): the same load on malloc and free. 64-bit, gcc -O2.
"""
import glob
import os
import shutil
import statistics

import harness
from harness import OUT, ROOT, run, say

ROUNDS = 7
OPERATIONS = 2000000
THREADS = (1, 2, 4, 8)


def allocators():
    """{name: (command, arguments behind, environment)}"""
    OUT.mkdir(parents=True, exist_ok=True)
    source, flags = ROOT / "bench" / "threads.c", ["-std=c11", "-O2", "-I%s" % (ROOT / "include")]
    run("gcc", *flags, "-DTEASPOON", source, ROOT / "src" / "tsp16m.c", *harness.SHARED, "-o", OUT / "threads-teaspoon",
        "-lpthread")
    run("gcc", *flags, source, "-o", OUT / "threads-malloc", "-lpthread")
    found = {"one": (OUT / "threads-teaspoon", ["one"], {}), "each": (OUT / "threads-teaspoon", ["each"], {}),
             "glibc": (OUT / "threads-malloc", [], {})}
    if shutil.which("musl-gcc"):
        run("musl-gcc", "-static", *flags, source, "-o", OUT / "threads-musl")
        found["musl"] = OUT / "threads-musl", [], {}
    for name in ("mimalloc", "jemalloc"):
        libraries = sorted(glob.glob("/usr/lib/*/lib%s.so.2*" % name))
        if libraries:
            found[name] = OUT / "threads-malloc", [], {"LD_PRELOAD": libraries[0]}
    for name in {"musl", "mimalloc", "jemalloc"} - set(found):
        say("# %s: not installed" % name)
    return found


def main():
    found = allocators()
    say("# %d processors, load average %.2f at the start; median of %d rounds" % (
        os.cpu_count(), os.getloadavg()[0], ROUNDS))
    for threads in THREADS:
        speeds, costs = {name: [] for name in found}, {name: [] for name in found}
        for turn in range(ROUNDS):
            for name in list(found)[::1 if turn % 2 == 0 else -1]:
                command, behind, environment = found[name]
                operations, seconds, busy = map(float, run(command, threads, OPERATIONS, *behind,
                                                           env=dict(os.environ, **environment)).split())
                speeds[name].append(operations / seconds / 1e6)
                costs[name].append(busy / operations * 1e9)
        for name in found:
            say("ops_s_%d_%s" % (threads, name), "%.1f" % statistics.median(speeds[name]))
        for name in found:
            say("cpu_ns_%d_%s" % (threads, name), "%.0f" % statistics.median(costs[name]))


main()
