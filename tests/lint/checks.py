# SPDX-License-Identifier: Apache-2.0
"""The checks that read text. Each takes the root of a tree and yields
complaints as "file:line: what is wrong"."""

import os
import re

from tree import C_ENDINGS, functions, line_of, sources

FUNCTION_LINES, FILE_LINES = 60, 500

# What each folder of src may include besides itself. Those at the side meet
# the others only through the tables in seam/; core wires them.
LOW = ["base", "model", "seam", "endpoint"]
MAY_INCLUDE = {
    "base": [],
    "model": LOW[:1],
    "seam": LOW[:2],
    "endpoint": LOW[:3],
    "dns": ["base", "seam"],
    "health": LOW,
    "balance": LOW,
    "route": LOW,
    "stack": LOW + ["balance", "route"],
    "policy": LOW + ["dns", "balance", "route", "stack"],
    "core": LOW + ["dns", "balance", "route", "stack", "policy", "transport", "source", "observe",
                   "health"],
    "mock": LOW + ["balance", "route", "stack", "policy", "core", "transport", "source"],
    "transport": LOW,
    "source": LOW,
    "observe": LOW,
    "tool": [],
}


def layers(root):
    for source in sources(root, ("src",)):
        folder = source.path.split(os.sep)[1]
        if folder not in MAY_INCLUDE:
            yield f"{source.path}:1: tests/lint/checks.py does not know the folder {folder}"
            continue
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', source.text, re.M):
            target = match.group(1)
            wanted = target.split("/")[0]
            if wanted != folder and wanted not in MAY_INCLUDE[folder]:
                line = line_of(source.text, match.start())
                yield f"{source.path}:{line}: {folder}/ may not include \"{target}\""


def sizes(root):
    for source in sources(root, endings=C_ENDINGS + (".py",)):
        count = source.text.count("\n")
        if count > FILE_LINES:
            yield f"{source.path}:{FILE_LINES}: {count} lines, at most {FILE_LINES}"
        if not source.path.endswith(C_ENDINGS):
            continue
        for name, first, last in functions(source):
            if last - first + 1 > FUNCTION_LINES:
                yield (f"{source.path}:{first}: {name}() has {last - first + 1} lines, "
                       f"at most {FUNCTION_LINES}")


# Unsafe wherever they stand; then what a guest in a process must not do; then
# what has one place, src/base, so that tests can stand in for it.
UNSAFE = "strcpy stpcpy strcat sprintf vsprintf strtok atoi atol gets alloca".split()
GUEST = ("printf vprintf fprintf vfprintf puts putchar fputs perror exit _exit quick_exit abort "
         "signal sigaction setlocale getenv secure_getenv setenv putenv").split()
MEMORY = ("malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf "
          "aligned_alloc posix_memalign").split()
BASE_ONLY = MEMORY + ("clock_gettime gettimeofday time clock timespec_get rand rand_r srand random "
                      "srandom drand48 getrandom pthread_create thrd_create").split()


def banned(root):
    for source in sources(root):
        names = list(UNSAFE)
        if source.path.startswith("src" + os.sep):
            names += GUEST
            if not source.path.startswith(os.path.join("src", "base", "")):
                names += BASE_ONLY
        yield from _calls(source, names)


def _calls(source, names):
    code = source.code
    call = re.compile(r"(?<![\w.])(?<!->)(" + "|".join(names) + r")\s*\(")
    for match in call.finditer(code):
        yield f"{source.path}:{line_of(code, match.start())}: {match.group(1)}() is banned here"
    if "free" not in names:
        return
    for match in re.finditer(r"[=,(]\s*(" + "|".join(MEMORY) + r")\s*[,;)}]", code):
        yield f"{source.path}:{line_of(code, match.start(1))}: {match.group(1)} is banned here"


def docs(root):
    for source in sources(root, ("include",)):
        for match in re.finditer(r"^TULLE_API\b[^;(]*?(\w+)\(", source.text, re.M):
            if not source.text[:match.start()].endswith("*/\n"):
                line = line_of(source.text, match.start())
                yield f"{source.path}:{line}: {match.group(1)}() has no comment above it"


def licence(root):
    for source in sources(root, endings=C_ENDINGS + (".py",)):
        if "SPDX-License-Identifier: Apache-2.0" not in "\n".join(source.text.split("\n")[:3]):
            yield f"{source.path}:1: the SPDX line is missing"


def readmes(root):
    top = os.path.join(root, "src")
    for folder in [""] + sorted(os.listdir(top)):
        place = os.path.join(top, folder)
        if os.path.isdir(place) and not os.path.exists(os.path.join(place, "README.md")):
            yield f"{os.path.relpath(place, root)}:1: the folder has no README.md"


# In two halves, so that this line does not find itself.
PLACES = re.compile("|".join(("/wo" + "rk/", "/fa" + "rm/", r"\.lib" + "rary")))


def places(root):
    """No file may name a folder of the machine it was written on."""
    for place, inner, names in os.walk(root):
        inner[:] = [d for d in inner if d not in (".git", ".cache", "__pycache__")
                    and not d.startswith("build")]
        for name in names:
            path = os.path.join(place, name)
            try:
                with open(path, encoding="utf-8") as file:
                    text = file.read()
            except (UnicodeDecodeError, OSError):
                continue
            for match in PLACES.finditer(text):
                yield (f"{os.path.relpath(path, root)}:{line_of(text, match.start())}: "
                       f"names {match.group(0)}")


CHECKS = {check.__name__: check
          for check in (layers, sizes, banned, docs, licence, readmes, places)}
