#!/usr/bin/env python3
"""The deepest stack, in bytes, of any of the given functions of one object file.

    stack.py FRAMES CALLS FUNCTION...

FRAMES is what gcc -fstack-usage wrote, CALLS is `objdump -dr` of the object, compiled with -ffunction-sections so that
every call has a relocation. Counts the frames of the object's own functions; what memcpy, libgcc or a visitor takes
comes on top. Fails on recursion through another function, and on a frame that has no fixed size.
"""
import re
import sys


def base(name):
    """find, for find, .text.find, find.isra.0 and .text.find+0x12."""
    return re.sub(r"^\.text\.", "", name).split(".")[0].split("+")[0]


frames, calls, wanted = {}, {}, sys.argv[3:]
for line in open(sys.argv[1]):
    place, size, kind = line.rstrip("\n").split("\t")
    name = base(place.split(":")[-1])
    if kind != "static":
        sys.exit("stack.py: the frame of %s is %s" % (name, kind))
    frames[name] = max(frames.get(name, 0), int(size))
function = None
for line in open(sys.argv[2]):
    start = re.match(r"[0-9a-f]+ <([^>]+)>:", line)
    target = re.search(r"\sR_\w+\s+(\S+)", line)
    if start and not start.group(1).startswith(".L"):
        function = base(start.group(1))
    elif target and base(target.group(1)) in frames and base(target.group(1)) != function:  # not its own jumps
        calls.setdefault(function, set()).add(base(target.group(1)))


def depth(name, above=()):
    if name in above:
        sys.exit("stack.py: recursion: " + " ".join(above + (name,)))
    return frames[name] + max((depth(callee, above + (name,)) for callee in calls.get(name, ())), default=0)


missing = [name for name in wanted if name not in frames]
if missing:
    sys.exit("stack.py: no such function: " + " ".join(missing))
print(max(map(depth, wanted)))
