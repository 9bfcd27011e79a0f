"""What the measuring commands in bench/ share: builds, traces, smallest heaps, counted instructions.

Everything is built with -O2 and the default lock. Values depend on compiler and C library, not on the machine's load.
x86-32 code is run as it is where that works, else by qemu-i386 (Debian: qemu-user); the counts are the same. Build
products go to the folder that is the first argument, build/bench if there is none.
"""
import collections
import concurrent.futures
import functools
import gzip
import hashlib
import json
import math
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "bench").resolve()
GROUPS = ["tiny", "small", "large"]
FAMILIES = ["tsp4k", "tsp128k", "tsp16m"]
MACHINES = ["x86-32", "x86-64", "Cortex-M0+", "Cortex-M4"]
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

GCC = ["gcc", "-m64", "-O2"]
ARM = ["arm-none-eabi-gcc", "-mthumb", "-O2"]


@functools.lru_cache(None)
def build(name, *arguments, gcc=tuple(GCC)):
    OUT.mkdir(parents=True, exist_ok=True)
    run(*gcc, "-I%s" % (ROOT / "include"), *arguments, "-o", OUT / name)
    return OUT / name


def library():
    return sorted((ROOT / "src").glob("*.c"))


def tool():
    """The command, which finds smallest heaps."""
    return build("teaspoon", "-std=c11", "-DTSP_PLAIN_TRACES", *sorted((ROOT / "tool").glob("*.c")), *library(),
                 "-lpthread")


def callgrind_driver(family):
    """driver.c for callgrind. -g changes no instruction, -fno-ipa-icf only lets equal functions keep their names."""
    return build("callgrind-" + family, "-g", "-fno-ipa-icf", "-std=c11", "-DTSP_V=" + family, "-DUNDER_CALLGRIND",
                 ROOT / "bench" / "driver.c", ROOT / "src" / (family + ".c"), *SHARED)


def counting(source, bits, *flags):
    """Assembly that counts its own instructions."""
    gcc = ("gcc", "-m" + bits, "-O2")
    path = build("%s-%s.s" % (source.stem, bits), "-std=c99", "-S", *flags, source, gcc=gcc)
    text = run(sys.executable, ROOT / "bench" / "count.py", bits, stdin=open(path))
    path.write_text(text)
    return path


@functools.lru_cache(None)
def driver(machine, family):
    """driver.c with a library that counts its own instructions, or whose instructions QEMU counts."""
    source, library_ = ROOT / "bench" / "driver.c", ROOT / "src" / (family + ".c")
    flags = "-std=c11", "-DTSP_V=" + family
    if machine.startswith("x86"):
        bits = machine[-2:]
        copy = counting(ROOT / "bench" / "copy.c", bits, "-fno-builtin", "-fno-tree-loop-distribute-patterns")
        return build("%s-%s" % (machine, family), *flags, source, counting(library_, bits), copy, *SHARED, "-no-pie",
                     gcc=("gcc", "-m" + bits, "-O2"))
    # tests/newlib has what a program on a board needs; this board has more memory.
    board, script = ROOT / "tests" / "newlib" / "board", OUT / "board.ld"
    script.write_text(board.with_suffix(".ld").read_text().replace("0x20000000, LENGTH = 16K",
                                                                   "0x21000000, LENGTH = 16M"))
    cpu = machine.lower().replace("+", "plus")
    return build("%s-%s" % (cpu, family), *flags, "-DUNDER_QEMU", "-DTSP_LOCK=0", "-ffunction-sections",
                 "-Wl,--gc-sections", source, library_, *SHARED, "--specs=rdimon.specs", "-nostartfiles",
                 "-T", script, board.with_suffix(".c"), gcc=(*ARM, "-mcpu=" + cpu))


@functools.lru_cache(None)
def launcher(machine):
    """What stands before a command to run it on this machine: [] for nothing, None if nothing can."""
    if machine.startswith("Cortex"):
        if not shutil.which(ARM[0]) or not shutil.which("qemu-system-arm"):
            return None
        if "/" not in run(*ARM, "-print-file-name=rdimon.specs"):  # newlib's
            return None
        # Cortex-M4 executes what M0+ does. One instruction is a nanosecond.
        return ["qemu-system-arm", "-M", "mps2-an386", "-icount", "shift=0", "-display", "none", "-chardev",
                "stdio,id=console"]
    OUT.mkdir(parents=True, exist_ok=True)
    program = OUT / ("works-" + machine)
    made = subprocess.run(["gcc", "-m" + machine[-2:], "-x", "c", "-", "-o", str(program)], stderr=subprocess.DEVNULL,
                          input=b"#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }")
    for before in ([], ["qemu-i386"]) if made.returncode == 0 else ():
        try:
            if subprocess.run([*before, str(program)], stdout=subprocess.DEVNULL).returncode == 0:
                return before
        except OSError:
            continue
    return None


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


@functools.lru_cache(None)
def handle(family):
    """Bytes of the structure outside the heap, 32-bit."""
    text = run("gcc", "-m32", "-ffreestanding", "-I%s" % (ROOT / "include"), "-x", "c", "-S", "-o", "-", "-", input=(
        '#include "teaspoon.h"\nchar handle[sizeof(%s)] = {1};' % family))
    return next(int(line.split()[-1]) for line in text.splitlines() if ".size\thandle" in line)


class Fit:
    """The smallest heap of a trace, as the tool's own fit has it, with a 32-bit handle."""

    def __init__(self, row):
        self.family = "tsp" + row["variant"]
        self.heap, self.peak, self.ops = (int(row[x]) for x in ("heap", "peak", "ops"))
        self.handle = handle(self.family)
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
        callgrind_driver(family), "sized", "trace", heap, path, env=dict(os.environ, LD_BIND_NOW="1"))
    return out


class Counted(collections.namedtuple("Counted", "operations instructions copies alloc dealloc resize refused")):
    """What driver.c printed: instructions, and the slowest calls, without copies; nothing of the slowest and of copies
    (which are among the instructions) on a Cortex-M."""

    @property
    def mean(self):
        return self.instructions / self.operations

    @property
    def with_copies(self):
        return (self.instructions + self.copies) / self.operations

    @property
    def slowest(self):
        return max(self.alloc, self.dealloc)


def counted(machine, family, kind, *load):
    """A load of driver.c."""
    command, words = driver(machine, family), [kind, *map(str, load)]
    before = launcher(machine)
    if machine.startswith("Cortex"):
        words = ",".join(["enable=on,target=native,chardev=console,arg=driver", *("arg=" + word for word in words)])
        command, words = "-kernel", [command, "-semihosting-config", words]
    return Counted(*map(int, run(*before, command, *words, stdin=subprocess.DEVNULL).split()))
