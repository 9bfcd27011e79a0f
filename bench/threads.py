#!/usr/bin/env python3
"""Threads on one heap and on one heap each, beside the mallocs that Debian has. Seconds, unlike all else in bench/.

    threads.py [DIR]    build products go to DIR

Prints name and value, separated by tabs. Each round runs every allocator, in turn forwards and backwards, so that what
else the machine does strikes all alike; a value is the median of the rounds. Compare within one run only.

    ops_s_THREADS_NAME     million operations per second, all threads together
    cpu_ns_THREADS_NAME    nanoseconds of processor time per operation: waiting in a spin lock counts, sleeping does not

    larson_THREADS_NAME    microseconds of wall clock and of processor time per 1,000 operations of threads.c's larson,
                           and both as multiples of glibc's

one, each: a sized tsp16m heap for all threads, and one for each. teaspoon (adapters/malloc.c), glibc, musl (static,
Debian: musl-tools), mimalloc (libmimalloc2.0) and jemalloc (libjemalloc2): the same load on malloc and free. 64-bit,
gcc -O2.
"""
import glob
import os
import shutil
import statistics

import harness
from harness import OUT, ROOT, run, say

ROUNDS = 7
OPERATIONS = 2000000
THREADS = (1, 2, 4, 16)


def allocators():
    """{name: (command, arguments behind, environment)}"""
    OUT.mkdir(parents=True, exist_ok=True)
    source, flags = ROOT / "bench" / "threads.c", ["-std=c11", "-O2", "-I%s" % (ROOT / "include")]
    run("gcc", *flags, "-DTEASPOON", source, ROOT / "src" / "tsp16m.c", *harness.SHARED, "-o", OUT / "threads-teaspoon",
        "-lpthread")
    run("gcc", *flags, source, "-o", OUT / "threads-malloc", "-lpthread")
    found = {"one": (OUT / "threads-teaspoon", ["one"], {}), "each": (OUT / "threads-teaspoon", ["each"], {}),
             "glibc": (OUT / "threads-malloc", [], {}),
             "teaspoon": (OUT / "threads-malloc", [], {"LD_PRELOAD": str(OUT / "libteaspoon-malloc.so")})}
    run("gcc", "-std=c99", "-O2", "-I%s" % (ROOT / "include"), "-fPIC", "-shared", ROOT / "adapters" / "malloc.c",
        "-o", OUT / "libteaspoon-malloc.so", "-lpthread")
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


def measure(found, threads, operations, *load):
    """{name: [(nanoseconds of wall clock, of processor time, per operation), ...]}, round by round."""
    results = {name: [] for name in found}
    for turn in range(ROUNDS):
        for name in list(found)[::1 if turn % 2 == 0 else -1]:
            command, behind, environment = found[name]
            done, seconds, busy = map(float, run(command, threads, operations, *(load or behind),
                                                 env=dict(os.environ, **environment)).split())
            results[name].append((seconds / done * 1e9, busy / done * 1e9))
    return results


def main():
    found = allocators()
    say("# %d processors, load average %.2f at the start; median of %d rounds" % (
        os.cpu_count(), os.getloadavg()[0], ROUNDS))
    for threads in THREADS:
        results = measure(found, threads, OPERATIONS)
        for name in found:
            say("ops_s_%d_%s" % (threads, name), "%.1f" % (1e3 / statistics.median(wall for wall, _ in results[name])))
        for name in found:
            say("cpu_ns_%d_%s" % (threads, name), "%.0f" % statistics.median(busy for _, busy in results[name]))
    found = {name: found[name] for name in found if name not in ("one", "each")}
    for threads in THREADS:
        results = measure(found, threads, OPERATIONS, "larson")
        for name in found:
            both = [statistics.median(r[i] for r in results[name]) for i in (0, 1)]
            times = [statistics.median(r[i] / g[i] for r, g in zip(results[name], results["glibc"])) for i in (0, 1)]
            say("larson_%d_%s" % (threads, name), "%.0f" % both[0], "%.0f" % both[1], "%.2f" % times[0],
                "%.2f" % times[1])


main()
