#!/usr/bin/env python3
"""Compiles and runs every example: the ```c and ```cpp blocks of README.md and docs/, the indented one in each header's opening
comment, and the programs in examples/. A block with `int main` is a program; anything else becomes the body of one,
with what it needs around it: a `...` line is dropped, and lines that define functions or macros, or are directives, go
before main.

    python3 tests/examples.py [BUILD_DIR [CC [CFLAGS]]]

SPDX-License-Identifier: BSD-3-Clause"""

import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build/examples").resolve()
CC = shlex.split(sys.argv[2] if len(sys.argv) > 2 else "cc")
CFLAGS = shlex.split(sys.argv[3] if len(sys.argv) > 3 else "-O1")
CXX = [CC[0].replace("clang", "clang++").replace("gcc", "g++") if re.search("clang|gcc", CC[0]) else "c++"]
COMPILE = {
    ".c": CC + CFLAGS + ["-std=c11", "-I", str(ROOT / "include")],
    ".cpp": CXX + CC[1:] + CFLAGS + ["-std=c++17", "-I", str(ROOT / "include")],
}
INCLUDES = {
    ".c": ["teaspoon.h", "assert.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"],
    ".cpp": ["teaspoon.hpp", "string", "vector"],
}


def fenced(text):
    """The ```c and ```cpp blocks: (line, code, language)."""
    for match in re.finditer(r"^```(c|cpp)\n(.*?)^```", text, re.M | re.S):
        yield text.count("\n", 0, match.start()) + 2, match.group(2), "." + match.group(1)


def indented(text):
    """The code in the first comment: paragraphs set off by five spaces, one of whose lines ends as a statement does."""
    comment = text[: text.index("*/")]
    for match in re.finditer(r"((?:^ \*(?:     .*)?\n)+)", comment, re.M):
        lines = [line[2:] for line in match.group(1).split("\n")]
        code = "\n".join(line[5:] for line in lines)
        if re.search(r";$", code, re.M):
            yield text.count("\n", 0, match.start()) + 1, code


def program(code, language=".c"):
    """A block as a whole program."""
    if re.search(r"\bint main\b", code):
        return code
    outside, inside, depth, function = [], [], 0, False
    for line in code.split("\n"):
        if line.strip() in ("...", "/* ... */", "// ..."):
            continue
        begins = depth == 0 and re.match(r"(static\b.*\)|void\b.*\)|\w+ \*?\w+\(.*\)) \{", line)
        function = function or bool(begins)
        macro = re.match(r"TSP\w+_(STATIC|LAZY)(_SIZED)?\(", line)
        (outside if function or macro or line.startswith("#") else inside).append(line)
        depth += line.count("{") - line.count("}")
        function = function and depth > 0
    head = "".join(f"#include <{name}>\n" for name in INCLUDES[language])
    return head + "\n".join(outside) + "\nint main(void) {\n" + "\n".join(inside) + "\nreturn 0;\n}\n"


def run(name, source, objects, language=".c"):
    """Whether the program compiles without a warning that matters, and ends well."""
    binary = BUILD / re.sub(r"\W", "_", name)
    file = binary.with_suffix(language)
    file.write_text(source)
    command = COMPILE[language] + ["-Wall", "-Wno-unused", "-o", str(binary), str(file)] + objects + ["-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == 0 and not done.stderr:
        done = subprocess.run([str(binary)], capture_output=True, text=True, timeout=20)
        if done.returncode == 0:
            return True
    print(f"{name}: does not compile or run (exit {done.returncode}); see {file}\n{done.stdout}{done.stderr}")
    return False


def main():
    BUILD.mkdir(parents=True, exist_ok=True)
    objects = []
    for source in sorted((ROOT / "src").glob("*.c")):
        objects.append(str(BUILD / (source.stem + ".o")))
        subprocess.run(COMPILE[".c"] + ["-c", "-o", objects[-1], str(source)], check=True)
    header = ROOT / "include/teaspoon.h"
    blocks = [(f"include/teaspoon.h:{line}", program(code)) for line, code in indented(header.read_text())]
    if not blocks:
        print("include/teaspoon.h: no example found")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        blocks += [(f"{page.relative_to(ROOT)}:{line}", program(code, kind), kind)
                   for line, code, kind in fenced(page.read_text())]
    for file in sorted((ROOT / "examples").glob("*.c")):
        blocks.append((f"examples/{file.name}", file.read_text()))
    for file in sorted((ROOT / "examples").glob("*.cpp")):
        blocks.append((f"examples/{file.name}", file.read_text(), ".cpp"))
    code = next(code for _, code in indented((ROOT / "include/teaspoon.hpp").read_text()))
    blocks.append(("include/teaspoon.hpp", program(code, ".cpp"), ".cpp"))
    passed = sum([run(name, source, objects, *language) for name, source, *language in blocks])
    print(f"{passed} passed, {len(blocks) - passed + (not blocks)} failed")
    return passed != len(blocks) or not blocks


sys.exit(main())
