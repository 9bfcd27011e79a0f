"""What the measuring commands in bench/ share: builds, traces, smallest heaps, counted instructions.

Everything is built with gcc -m32 -O2 and the default lock, so values can be compared with what is published of other
allocators; they depend on compiler and C library, not on the machine's load (memcpy may choose its code by the
processor). Build products go to the folder that is the first argument, build/bench if there is none.
"""
import concurrent.futures
import functools
import gzip
import hashlib
import json
import math
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "bench").resolve()
GROUPS = ["tiny", "small", "large"]
FAMILIES = ["tsp4k", "tsp128k", "tsp16m"]
GCC = ["gcc", "-m32", "-O2", "-I" + str(ROOT / "include")]
SHARED = [str(ROOT / "src" / name) for name in ("common.c", "misuse.c")]


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, universal_newlines=True, **options)
    if done.returncode:
        sys.exit("%s: this failed: %s" % (pathlib.Path(sys.argv[0]).name, " ".join(map(str, command))))
    return done.stdout


def say(*cells):
    """A line of output, its cells separated by tabs."""
    print(*cells, sep="\t", flush=True)


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def in_parallel(function, arguments):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, arguments))


# -- Builds -----------------------------------------------------------------------------------------------------------

def library():
    return sorted((ROOT / "src").glob("*.c"))


def tool():
    """The command, which finds smallest heaps."""
    return build("teaspoon", "-std=c11", "-DTSP_PLAIN_TRACES", *sorted((ROOT / "tool").glob("*.c")), *library(),
                 "-lpthread")


@functools.lru_cache(None)
def build(name, *arguments):
    OUT.mkdir(parents=True, exist_ok=True)
    run(*GCC, *arguments, "-o", OUT / name)
    return OUT / name


def callgrind_driver(family):
    """driver.c for callgrind. -g changes no instruction, and -fno-ipa-icf only lets equal functions keep their names."""
    return build("callgrind-" + family, "-g", "-fno-ipa-icf", "-std=c11", "-DTSP_V=" + family, "-DUNDER_CALLGRIND",
                 ROOT / "bench" / "driver.c", ROOT / "src" / (family + ".c"), *SHARED)


@functools.lru_cache(None)
def counting_driver(family):
    """driver.c with a library that counts its own instructions."""
    assembly = OUT / (family + ".s")
    build(family + ".s", "-std=c99", "-S", ROOT / "src" / (family + ".c"))
    counting = run(sys.executable, ROOT / "bench" / "count.py", stdin=open(assembly))
    assembly.write_text(counting)
    return build("counting-" + family, "-std=c11", "-DTSP_V=" + family, ROOT / "bench" / "driver.c", assembly, *SHARED,
                 "-no-pie")


# -- Traces and their smallest heaps ----------------------------------------------------------------------------------

def unpack(group):
    """The group's traces as plain files, in order of name."""
    plain = []
    OUT.mkdir(parents=True, exist_ok=True)
    for packed in sorted((ROOT / "traces" / group).glob("*.trace.gz")):
        path = OUT / packed.name[:-len(".gz")]  # NAME.trace
        if not path.exists() or path.stat().st_mtime < packed.stat().st_mtime:
            path.write_bytes(gzip.decompress(packed.read_bytes()))
        plain.append(path)
    return plain


def half(traces, which):
    """Parameters are fitted on one half of the traces, and the other says whether that holds: in each group the first,
    third, ... by name are in "fit", the others in "heldout"."""
    return traces[["fit", "heldout"].index(which)::2]


class Fit:
    """The smallest heap of a trace, as the tool's own fit has it."""

    def __init__(self, row):
        self.family = "tsp" + row["variant"]
        self.heap, self.handle, self.peak, self.ops = (int(row[x]) for x in ("heap", "handle", "peak", "ops"))
        self.ratio = (self.heap + self.handle) / self.peak
        self.roomy = (self.heap * 5 // 4 + 7) // 8 * 8


def fits(traces, kind="sized"):
    """[Fit], remembered in a file for as long as tool and trace stay the same to the byte."""
    command, memory = tool(), OUT / "fits.json"
    known = json.loads(memory.read_text()) if memory.exists() else {}
    digest = {path: hashlib.sha256(command.read_bytes() + path.read_bytes() + kind.encode()).hexdigest()
              for path in traces}
    missing = [path for path in traces if digest[path] not in known]
    if missing:
        lines = run(command, "fit", "--tsv", "--" + kind, *missing).splitlines()
        if len(lines) != len(missing) + 1:
            sys.exit("harness.py: fit gave %d rows for %d traces" % (len(lines) - 1, len(missing)))
        for path, line in zip(missing, lines[1:]):
            known[digest[path]] = dict(zip(lines[0].split("\t"), line.split("\t")))
        memory.write_text(json.dumps(known))
    return [Fit(known[digest[path]]) for path in traces]


# -- Instructions -----------------------------------------------------------------------------------------------------

def under_callgrind(path, family, heap, *options):
    """Replays a trace; the file that callgrind wrote."""
    out = OUT / (path.stem + ".callgrind")
    run("valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=%s" % out, *options,
        callgrind_driver(family), "trace", heap, path, env=dict(os.environ, LD_BIND_NOW="1"))
    return out


def per_operation(job):
    """Instructions per operation of (trace, Fit), in a heap of 1.25 times the smallest: the cost of the calls from the
    driver's three functions, copies included."""
    path, fit = job
    names, caller, callee, operations, cost, is_call = {}, "", "", 0, 0, False
    for line in open(under_callgrind(path, fit.family, fit.roomy)):
        name = re.match(r"(c?fn)=(\(\d+\))(?: (.*))?", line)
        if name:
            function = names.setdefault(name.group(2), name.group(3))
            if name.group(1) == "fn":
                caller = function
            else:
                callee = function
        elif line.startswith("calls="):
            is_call = caller.startswith("do_") and callee.startswith(fit.family)
            operations += int(line[len("calls="):].split()[0]) if is_call else 0
        elif is_call:  # the line after calls= is the inclusive cost
            cost += int(line.split()[-1])
            is_call = False
    if operations < fit.ops * 0.9:  # the compiler gave two equal functions one name, or so
        sys.exit("harness.py: only %d of %s's %d operations were counted" % (operations, path.stem, fit.ops))
    return cost / operations


def counted(family, *load):
    """(instructions per operation, slowest operation, which one, operations, refused) of a load of driver.c, copies
    left out."""
    operations, total, slowest, which, refused = map(int, run(counting_driver(family), *load).split())
    return total / operations, slowest, which, operations, refused
