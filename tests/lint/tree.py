# SPDX-License-Identifier: Apache-2.0
"""The files of the tree and what C code in them is, for the checks beside it.

The scanner knows comments, strings, directives and braces, and nothing more:
enough to find functions and calls, small enough to be trusted."""

import os
import re
from dataclasses import dataclass

FOLDERS = ("src", "include", "tests", "examples", "bindings")
C_ENDINGS = (".c", ".h", ".cc", ".cpp", ".hpp")


@dataclass
class Source:
    path: str  # from the root of the tree
    text: str

    @property
    def code(self):
        """The text with comments and the insides of strings blanked, line for line."""
        return re.sub(TOKEN, _blank, self.text)

    @property
    def bare_code(self):
        """The same without directives (a macro's braces need not match)."""
        return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", _blank, self.code, flags=re.M)


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def _blank(match):
    text = match.group(0)
    if text[0] in "\"'":
        return text[0] + " " * (len(text) - 2) + text[0]
    return re.sub(r"[^\n]", " ", text)


def sources(root, folders=FOLDERS, endings=C_ENDINGS):
    for folder in folders:
        for place, inner, names in os.walk(os.path.join(root, folder)):
            inner[:] = sorted(d for d in inner if d[0] != "." and d not in ("node_modules", "__pycache__"))
            for name in sorted(names):
                if name.endswith(endings):
                    path = os.path.join(place, name)
                    with open(path, encoding="utf-8") as file:
                        yield Source(os.path.relpath(path, root), file.read())


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def functions(source):
    """Yields (name, first line, last line) of each function that has a body."""
    code = source.bare_code
    depth, head, start = 0, 0, None
    for match in re.finditer(r"[{};]", code):
        at, sign = match.start(), match.group(0)
        if sign == "{":
            opening = code[head:at]
            if depth == 0 and re.search(r'extern\s+"\s*"\s*$|namespace[\s\w:]*$', opening):
                head = at + 1
                continue
            if depth == 0:
                start = _function_head(code, head, at)
            depth += 1
        elif sign == "}" and depth > 0:
            depth -= 1
            if depth == 0 and start:
                yield start[0], start[1], line_of(code, at)
        if depth == 0:
            head = at + 1


def _function_head(code, head, at):
    opening = re.sub(r"__attribute__\s*\(\(.*?\)\)", _blank, code[head:at], flags=re.S)
    found = re.search(r"(\w+)\s*\([^;=]*\)\s*(?:const|noexcept)?\s*$", opening, re.S)
    if not found:
        return None
    return found.group(1), line_of(code, head + found.start(1))
