#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""abi.py --build DIR [--update]: holds the built library against symbols.txt.

symbols.txt has every exported symbol and the size of every public struct (on
x86-64). A line that goes, or a size that shrinks, breaks programs that run:
then SOVERSION must change. A new line is an addition: --update writes it."""

import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(HERE, "..", "..", "include")
STORED = os.path.join(HERE, "symbols.txt")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def headers():
    folder = os.path.join(INCLUDE, "tulle")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            yield file.read()


def declared(texts):
    return {name for text in texts
            for name in re.findall(r"^TULLE_API\b[^;(]*?(\w+)\(", text, re.M)}


def exported(build):
    lines = output("nm", "-D", "--defined-only", os.path.join(build, "libtulle.so"))
    return {line.split()[-1] for line in lines.splitlines()}


def strays(build):
    """Names of the static library that could meet a program's own. C++ names
    are RE2's and libstdc++'s templates, merged by the linker."""
    lines = output("nm", "-g", "--defined-only", os.path.join(build, "libtulle.a"))
    names = {line.split()[-1] for line in lines.splitlines() if len(line.split()) == 3}
    return {name for name in names if not re.match(r"tulle_|_Z|DW\.ref\.", name)}


def promised():
    """The headers that tulle.h includes: what is in others is compiled into the
    program (the adapters), or built against the library it runs with (mock.h)."""
    with open(os.path.join(INCLUDE, "tulle", "tulle.h"), encoding="utf-8") as file:
        names = re.findall(r"#include <(tulle/\w+\.h)>", file.read())
    for name in names:
        with open(os.path.join(INCLUDE, name), encoding="utf-8") as file:
            yield file.read()


def sizes():
    structs = [name for text in promised()
               for name in re.findall(r"^struct (tulle_\w+) \{", text, re.M)]
    prints = "".join(f'printf("struct {s} %zu\\n", sizeof(struct {s}));' for s in structs)
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "sizes.c"), os.path.join(folder, "sizes")
        with open(source, "w", encoding="utf-8") as file:
            file.write("#include <stdio.h>\n#include <tulle/tulle.h>\n"
                       f"int main(void) {{ {prints} return 0; }}\n")
        subprocess.run(["cc", "-I", INCLUDE, "-o", program, source], check=True)
        return set(output(program).splitlines())


def compare(now):
    if not os.path.exists(STORED):
        yield "symbols.txt is missing: abi.py --update writes it"
        return
    with open(STORED, encoding="utf-8") as file:
        stored = {line.strip() for line in file if line.strip() and line[0] != "#"}
    for line in sorted(stored - now):
        yield f"gone or changed: {line}"
    for line in sorted(now - stored):
        yield f"new (abi.py --update writes it): {line}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    names = exported(options.build)
    kept = names & declared(promised())
    now = {f"function {name}" for name in kept} | sizes()
    if options.update:
        with open(STORED, "w", encoding="utf-8") as file:
            file.write("# What the shared library shows; sizes on x86-64. See abi.py.\n")
            file.write("".join(line + "\n" for line in sorted(now)))
    wrong = [f"exported, but not declared in include/: {name}" for name in names - declared(headers())]
    wrong += [f"declared, but not exported: {name}" for name in declared(headers()) - names]
    wrong += [f"not under tulle_ in libtulle.a: {name}" for name in strays(options.build)]
    wrong += compare(now)
    print("\n".join(sorted(wrong)) or f"{len(now)} symbols and structs are as they were")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
