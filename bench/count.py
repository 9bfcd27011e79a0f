#!/usr/bin/env python3
"""Makes x86-32 code count its own instructions: a filter over `gcc -m32 -S` output.

Before each instruction it puts five that add 1 to tsp_count and touch neither flags nor registers. The compiler does
not know, so what is counted is exactly the code that it would have made anyway. What the code calls elsewhere, such as
memcpy, is not counted; an inlined `rep movs` counts as one. Callgrind's counts agree to the last instruction, but for
an exchange with memory (the spin lock), of which it makes two or three.
"""
import re
import sys

COUNT = "\tpushl %eax\n\tmovl tsp_count, %eax\n\tleal 1(%eax), %eax\n\tmovl %eax, tsp_count\n\tpopl %eax\n"

for line in sys.stdin:
    # gcc gives each file a copy of these helpers and the linker takes any; so that ours count, they get another name.
    line = line.replace("__x86.get_pc_thunk", "tsp_get_pc_thunk")
    if "_GLOBAL_OFFSET_TABLE_" in line:  # must directly follow the call of a helper
        line += COUNT
    elif re.match(r"\t[a-z]", line):
        line = COUNT + line
    sys.stdout.write(line)
