#!/usr/bin/env python3
"""Makes one teaspoon.c of everything in src/, to be copied into a project together with teaspoon.h.

    amalgamate.py DIR      writes DIR/teaspoon.c, DIR/teaspoon.h and DIR/teaspoon.hpp

The three families compile the same text with different knobs. The generated file has that text once and includes itself
once per family; #defines give every file-scope name of the text a name per family, so that the three copies do not
collide. The names are found by the style of src/: a declaration at file scope begins in column 0.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAMILIES = ["tsp4k", "tsp128k", "tsp16m"]
SHARED = ["common.c", "misuse.c"]

COMMENT = re.compile(r"/\*.*?\*/", re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"].*\n', re.M)
GUARD = re.compile(r"^#ifndef (\w+)\n#define \1\n", re.M)


# The text's own V_ would expand V_(check) to the family's name for the static function `check`; ## keeps that from
# happening.
PUBLIC = re.compile(r"^#define V_\(name\) .*\n", re.M)
OWN = """#define TSP_JOIN2(a, b) a##b
#define TSP_JOIN(a, b) TSP_JOIN2(a, b)
#define TSP_OWN(name) TSP_JOIN(TSP_V, _##name##_)
#define V_(name) TSP_JOIN(TSP_V, _##name)
"""


def fail(message):
    sys.exit("amalgamate.py: " + message)


def source(name):
    return (ROOT / "src" / name).read_text().replace('#include "teaspoon.h"\n', "")


class Template:
    """What is compiled once per family, and the headers that it needs once: system ones, and ours that have a guard."""

    def __init__(self):
        self.text, self.system, self.shared = "", [], []

    def add(self, name):
        text = source(name)
        if GUARD.search(text):
            if name not in self.shared:
                self.shared.append(name)
            return ""
        return banner("src/" + name) + INCLUDE.sub(self.included, text)

    def included(self, match):
        kind, name = match.groups()
        if kind == '"':
            return self.add(name)
        include = "#include <%s>\n" % name
        for condition in reversed(enclosing(match.string[: match.start()])):
            include = condition + include + "#endif\n"
        if include not in self.system:
            self.system.append(include)
        return ""


def enclosing(text):
    """The #if lines that are open at the end of the text."""
    open_ones = []
    for line in re.findall(r"^#(?:if|endif).*\n", text, re.M):
        if line.startswith("#if"):
            open_ones.append(line)
        else:
            open_ones.pop()
    return open_ones


def file_scope_names(text):
    """Static functions and objects, types, tags and enumeration constants."""
    text = COMMENT.sub("", text)
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*\n", "\n", text, flags=re.M)
    text = re.sub(r"__attribute__\s*\(\(.*?\)\)\s*", "", text)
    names = []
    for start in re.findall(r"^static\b[^;{=]*", text, re.M):
        names += re.findall(r"(\w+)\s*\(", start)[:1] or re.findall(r"\w+", start.split("[")[0])[-1:]
    names += re.findall(r"^typedef\b[^{}();]*?(\w+);", text, re.M)
    names += re.findall(r"^}\s*(\w+);", text, re.M)
    names += re.findall(r"^(?:typedef )?(?:struct|union|enum) (\w+)", text, re.M)
    for body in re.findall(r"^(?:typedef )?enum\b[^{;]*\{([^}]*)\}", text, re.M):
        names += re.findall(r"(?:^|,)\s*(\w+)", body)
    return sorted(set(names))


def macros(text):
    return sorted(set(re.findall(r"^[ \t]*#[ \t]*define (\w+)", COMMENT.sub("", text), re.M)))


def undef(names):
    return "".join("#undef %s\n" % name for name in names)


def banner(words):
    return "\n/* -- %s %s */\n\n" % (words, "-" * (110 - len(words)))


def family_section(family):
    knobs = re.findall(r"^#define .*\n", COMMENT.sub("", source(family + ".c")), re.M)
    return "\n#ifndef TSP_NO_%s\n%s#include \"teaspoon.c\"\n%s#endif\n" % (
        family[3:].upper(), "".join(knobs), undef(macros("".join(knobs))))


def top(version):
    return """/* teaspoon %s, the whole library in one file: a memory allocator over bytes that you own.
 *
 * Copy this file and teaspoon.h into your project and compile it with the rest. Keep its name: it includes itself once
 * for each family of functions. -DTSP_NO_4K, -DTSP_NO_128K and -DTSP_NO_16M leave families out, -DTSP_LOCK=... chooses
 * a lock policy; see teaspoon.h. It may be compiled as C++, and be included among other sources.
 *
 * Made from src/ by scripts/amalgamate.py: do not edit. SPDX-License-Identifier: BSD-3-Clause
 *
%s
 */
#ifndef TSP_V /* ==== Compiled once: what the families share */

#include "teaspoon.h"

""" % (version, (ROOT / "LICENSE").read_text().strip())


# -- The header, in which editors show contracts: each function of each family is declared below its own, where
# include/teaspoon.h has one macro for the declarations of all, and contracts that say V_ once.

CONTRACTS = re.compile(r"/\* ---- The functions -+\n.*?\*/\n", re.S)
HEADING = re.compile(r"^ \* (?:\w[\w ]*?[ *]+)V_(\w+)\(", re.M)


def contracts(text):
    """What is said of each function: {name: lines}. Names that stand directly below each other share what follows."""
    said, names = {}, []
    for line in text.splitlines():
        heading = HEADING.match(line)
        if heading:
            if names and said[names[-1]]:
                names = []
            names.append(heading.group(1))
            said[names[-1]] = []
        elif line.startswith(" * ----"):
            names = []
        elif names and line.startswith(" *"):
            for name in names:
                said[name].append(line[7:])
    return {name: "\n".join(lines).strip() for name, lines in said.items()}


def declarations(header, family):
    """TSP_FUNCTIONS(family) written out, each function below its contract."""
    said = contracts(CONTRACTS.search(header).group())
    macro = re.search(r"^#define TSP_FUNCTIONS\(V\).*?(?<!\\)\n", header, re.S | re.M).group()
    out = []
    for line in macro.split("\n")[1:-1]:
        line = line.rstrip("\\").strip()
        name = re.search(r"V##_(\w+)\(", line).group(1)
        if not said.get(name):
            fail("teaspoon.h says nothing of V_" + name)
        text = said[name].replace("V_", family + "_").replace("\n", "\n * ")
        out.append("\n/** %s */\n%s\n" % (text.replace(" * \n", " *\n"), re.sub(r"\bV(##|\b)", lambda v: family, line)))
    return "".join(out)


def spelled_out(header):
    for family in FAMILIES:
        header = header.replace("TSP_FUNCTIONS(%s)\n" % family, declarations(header, family))
    return CONTRACTS.sub("", header)


def main():
    if len(sys.argv) != 2:
        fail("usage: amalgamate.py DIR")
    header = (ROOT / "include" / "teaspoon.h").read_text()
    template = Template()
    parts = {tuple(n for kind, n in INCLUDE.findall(source(f + ".c")) if kind == '"') for f in FAMILIES}
    if len(parts) != 1:
        fail("the families' .c files do not all include the same headers")
    template.text = "".join(template.add(name) for name in parts.pop())
    template.text = PUBLIC.sub("", template.text)
    names = file_scope_names(template.text)
    # What are functions with TSP_DEBUG or TSP_INDEX, and macros without.
    either = set(names).intersection(macros(template.text))
    aids = sorted(either.intersection(macros(source("debug.h"))))
    keys = sorted(either.difference(aids))
    names = sorted(set(names).difference(either))

    members = " ".join(re.findall(r"struct \w+ \{([^}]*)\}", COMMENT.sub("", header)))
    clash = sorted(set(re.findall(r"(\w+)\s*[;,]", members)).intersection(names))
    if clash:
        fail("rename in src/, a structure in teaspoon.h has a member of that name: " + ", ".join(clash))

    shared = [(name, source(name)) for name in template.shared + SHARED]
    out = [top(re.search(r'#define TSP_VERSION "([^"]+)"', header).group(1))]
    out += template.system
    out += [banner("src/" + name) + text for name, text in shared]
    out.append(banner("A name of its own in each family for everything at file scope"))
    out.append(OWN)
    out += ["#define %s TSP_OWN(%s)\n" % (name, name) for name in names]
    out.append(banner("The families"))
    out += [family_section(family) for family in FAMILIES]
    out.append(banner("Nothing stays defined for what may be compiled after this file"))
    out.append(undef(macros(OWN) + names))
    out.append(undef(sorted(set(m for _, text in shared for m in macros(text)))))
    out.append("\n#else /* ==== Compiled once per family: TSP_V is its prefix */\n")
    out.append("\n#if TSP_DEBUG\n" + "".join("#define %s TSP_OWN(%s)\n" % (name, name) for name in aids) + "#endif\n")
    out.append("\n#if TSP_INDEX\n" + "".join("#define %s TSP_OWN(%s)\n" % (name, name) for name in keys) + "#endif\n")
    out.append(template.text)
    out.append("\n" + undef(macros(template.text)) + "\n#endif\n")

    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "teaspoon.c").write_text(re.sub(r"\n{3,}", "\n\n", "".join(out)))
    (directory / "teaspoon.h").write_text(spelled_out(header))
    (directory / "teaspoon.hpp").write_text((ROOT / "include" / "teaspoon.hpp").read_text())  # for C++, as it is


main()
