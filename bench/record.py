"""What `teaspoon record` costs: gcc compiling a file, alone and recorded, with and without sites.

    python3 bench/record.py [TEASPOON [RUNS]]

Prints medians of the times, the making of the traces included, and of the ratios of neighbouring runs. Exits with
1 if recording without sites takes twice the processor time or more. SPDX-License-Identifier: BSD-3-Clause"""
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

GOAL = 2.0
teaspoon = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/teaspoon")
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def seconds(command):
    """Elapsed, and of processors, which does not depend on what else the machine does."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    subprocess.run(command, check=True)
    elapsed = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main():
    with tempfile.TemporaryDirectory() as place:
        compile_it = ["gcc", "-O2", "-I" + os.path.join(root, "include"), "-c", "-o", os.path.join(place, "out.o"),
                      os.path.join(root, "tool", "convert.c")]
        record = [teaspoon, "record", "-q", "-o", os.path.join(place, "gcc.trace")]
        ways = {"alone": compile_it,
                "recorded": record + ["--"] + compile_it,
                "with sites": record + ["--sites", "--"] + compile_it}
        times = {way: [] for way in ways}
        for _ in range(runs):
            for way, command in ways.items():
                times[way].append(seconds(command))
        calls = 0
        for name in os.listdir(place):
            if name.endswith(".trace"):
                with open(os.path.join(place, name), encoding="utf-8") as trace:
                    calls += sum(line[0] in "arf" for line in trace)
        print(f"gcc -O2 compiling tool/convert.c, {calls:,} calls, medians of {runs} runs:\n"
              f"{'':14}{'elapsed':>10}{'processor':>12}{'over alone':>12}")
        ratios = {}
        for way, pairs in times.items():
            elapsed, processor = (1000 * statistics.median(p[i] for p in pairs) for i in (0, 1))
            ratios[way] = statistics.median(p[1] / q[1] for p, q in zip(pairs, times["alone"]))
            print(f"  {way:<12}{elapsed:7.0f} ms{processor:9.0f} ms{ratios[way]:12.2f}")
        met = ratios["recorded"] < GOAL
        print(f"goal: recorded, with the traces made, below {GOAL:.0f} times: {'met' if met else 'MISSED'}")
        return not met


if __name__ == "__main__":
    sys.exit(main())
