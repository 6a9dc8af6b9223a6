# SPDX-License-Identifier: Apache-2.0
"""The checks that run a program over files, several at a time."""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess

from tree import sources


def _run_all(commands, passed=lambda command: None):
    """Runs commands in parallel; yields (command, output) of those that failed."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = pool.map(lambda c: subprocess.run(c, capture_output=True, text=True), commands)
        for command, run in zip(commands, runs):
            if run.returncode != 0:
                yield command, run.stdout + run.stderr
            else:
                passed(command)


def headers(root, build):
    """Each public header compiles alone, as C11 and as C++17; each inner one as C11;
    those of tulle.hpp by g++ and clang."""
    commands = []
    for source in sources(root, ("include",), (".h",)):
        path = os.path.join(root, source.path)
        for language, standard in (("c", "c11"), ("c++", "c++17")):
            commands.append(_syntax(root, language, standard, path) + ["-pedantic"] +
                            _foreign(source.path))
    for source in sources(root, ("src",), (".h",)):
        commands.append(_syntax(root, "c", "gnu11", os.path.join(root, source.path)) +
                        ["-I", os.path.join(root, "src"), "-D_GNU_SOURCE"])
    cpp = os.path.join("bindings", "cpp", "include")
    for source in sources(root, (cpp,), (".hpp",)):
        command = _syntax(root, "c++", "c++17", os.path.join(root, source.path))[1:]
        for compiler in ("c++", "clang++-14"):
            commands.append([compiler, *command, "-Wconversion", "-pedantic",
                             "-I", os.path.join(root, cpp)])
    for command, output in _run_all(commands):
        yield f"{' '.join(command)}\n{output}"


def _foreign(path):
    """What the loop wants that an adapter is for; libuv's header, alone in C11, names
    types that glibc hides there."""
    if path.endswith(os.path.join("tulle", "uv.h")):
        return ["-D_GNU_SOURCE"]
    if not path.endswith(os.path.join("tulle", "glib.h")):
        return []
    run = subprocess.run(["pkg-config", "--cflags-only-I", "glib-2.0"], check=True,
                         capture_output=True, text=True)
    return [flag.replace("-I", "-isystem", 1) for flag in run.stdout.split()]


def _syntax(root, language, standard, path):
    # Included from elsewhere: "#pragma once in main file" and the like are no matter.
    return ["cc", "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Werror",
            "-fsyntax-only", "-I", os.path.join(root, "include"), "-include", path, "/dev/null"]


def format(root, build):
    paths = [os.path.join(root, s.path) for s in sources(root)]
    batches = [paths[i:i + 20] for i in range(0, len(paths), 20)]
    commands = [["clang-format-14", "--dry-run", "-Werror"] + batch for batch in batches if batch]
    for _, output in _run_all(commands):
        lines = re.findall(r"^(.*?):(\d+):\d+: error:", output, re.M)
        for path in dict.fromkeys(path for path, _ in lines):
            first = next(line for other, line in lines if other == path)
            yield f"{os.path.relpath(path, root)}:{first}: not as clang-format-14 writes it"


def tidy(root, build):
    """clang-tidy over src. What was clean and has not changed, headers and
    settings included, is not looked at again."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        units = [u["file"] for u in json.load(file)]
    units = [u for u in units if u.startswith(os.path.join(root, "src", ""))]
    clean = os.path.join(build, "tidy-clean")
    os.makedirs(clean, exist_ok=True)
    state = _settings(root)
    stamps = {unit: os.path.join(clean, _digest(state, unit)) for unit in units}
    todo = [u for u in units if not os.path.exists(stamps[u])]
    commands = [["clang-tidy-14", "--quiet", "-p", build, u] for u in todo]
    for _, output in _run_all(commands, lambda c: open(stamps[c[-1]], "w").close()):
        found = [line for line in output.split("\n") if re.search(r": (error|warning):", line)]
        yield from dict.fromkeys(found) if found else [output]


def _settings(root):
    state = hashlib.sha256()
    paths = [os.path.join(root, ".clang-tidy")]
    paths += [os.path.join(root, s.path) for s in sources(root, ("src", "include"), (".h",))]
    for path in paths:
        with open(path, "rb") as file:
            state.update(file.read())
    return state.digest()


def _digest(state, unit):
    with open(unit, "rb") as file:
        return hashlib.sha256(state + unit.encode() + file.read()).hexdigest()


CHECKS = {check.__name__: check for check in (headers, format, tidy)}
