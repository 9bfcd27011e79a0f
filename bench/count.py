#!/usr/bin/env python3
"""Makes x86 code count its own instructions: a filter over `gcc -m32 -S` or `gcc -m64 -S` output.

    count.py 32|64

Before each run of instructions that are executed together, or not at all, it puts a few that add their number to
tsp_count and touch neither flags nor registers. The compiler does not know, so what is counted is exactly the code that
it would have made anyway. memcpy and its kin become those of copy.c, which are counted too; an inlined `rep movs`
counts as one. Callgrind's counts agree, but for an exchange with memory (the spin lock), of which it makes two or
three.
"""
import re
import sys

ADD = {
    "32": "\tpushl %eax\n\tmovl tsp_count, %eax\n\tleal {0}(%eax), %eax\n\tmovl %eax, tsp_count\n\tpopl %eax\n",
    # Below the stack pointer lie 128 bytes that a function may use.
    "64": "\tleaq -128(%rsp), %rsp\n\tpushq %rax\n\tmovl tsp_count(%rip), %eax\n\tleal {0}(%rax), %eax\n"
          "\tmovl %eax, tsp_count(%rip)\n\tpopq %rax\n\tleaq 128(%rsp), %rsp\n",
}[sys.argv[1]]
LEAVES = re.compile(r"\t(j|call|ret|loop|ud2)")

block = []  # the lines of a run of instructions, directives among them too


def flush():
    instructions = [i for i, line in enumerate(block) if re.match(r"\t[a-z]", line)]
    if instructions:
        first = instructions[0]
        if "_GLOBAL_OFFSET_TABLE_" in block[first]:  # must directly follow the call of a helper
            first += 1
        block.insert(first, ADD.format(len(instructions)))
    sys.stdout.writelines(block)
    block.clear()


for text in sys.stdin:
    # gcc gives each file a copy of these helpers and the linker takes any; so that ours count, they get another name.
    text = text.replace("__x86.get_pc_thunk", "tsp_get_pc_thunk")
    text = re.sub(r"\b(memcpy|memmove|memset)\b", r"tsp_\1", text)
    if re.match(r"\S", text):  # a label
        flush()
    block.append(text)
    if LEAVES.match(text):
        flush()
flush()
