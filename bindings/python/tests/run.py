#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests with the wheel under every CPython from 3.9 to 3.13 that is
there, each in a venv of its own in .cache/python, on a PATH without a compiler.

    run.py --venvs                 makes the venvs (network)
    run.py --build DIR             runs the tests
    run.py --build DIR --types     mypy --strict on package, examples and tests"""

import argparse
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)
ROOT = os.path.dirname(os.path.dirname(PACKAGE))
CACHE = os.path.join(ROOT, ".cache", "python")
VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
TOOLS = ("openssl",)  # what the tests themselves call


def version_of(program):
    """"3.11", or None if it does not run."""
    try:
        done = subprocess.run([program, "-c", "import ctypes, ssl, sys, venv\n"
                               "print('%d.%d' % sys.version_info[:2])"],
                              capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def pyenv_programs():
    try:
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return sorted(glob.glob(f"{root.strip()}/versions/*/bin/python3"))


def interpreters():
    """{"3.11": program}: the one that runs this, python3.X on PATH, pyenv's."""
    found = {}
    named = [sys.executable, *(f"python{version}" for version in VERSIONS), *pyenv_programs()]
    for program in named:
        version = version_of(program)
        if version in VERSIONS:
            found.setdefault(version, program)
    return {version: found[version] for version in VERSIONS if version in found}


def venv(version, program):
    """The interpreter of its venv, made if it is not there as it should be."""
    place = os.path.join(CACHE, version)
    python = os.path.join(place, "bin", "python")
    with open(f"{HERE}/requirements.txt", "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()
    stamp = os.path.join(place, "made")
    if not os.path.exists(python) or not os.path.exists(stamp) or open(stamp).read() != wanted:
        print(f"making the venv of CPython {version}", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([program, "-m", "venv", place], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                        "-r", f"{HERE}/requirements.txt"], check=True)
        with open(stamp, "w") as file:
            file.write(wanted)
    return python


def wheel_of(build):
    (wheel,) = glob.glob(f"{build}/python/dist/tulle-*.whl")
    return wheel


def install(python, wheel):
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                    "--no-index", "--no-deps", "--force-reinstall", wheel], check=True)


def environment(python, build, tools):
    """A PATH with the venv and the few tools, and no way into the source tree."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "TULLE_", "LD_"))
            and not name.lower().endswith("_proxy")}
    return {**kept, "PATH": f"{os.path.dirname(python)}:{tools}", "TULLE_TEST_WHEEL": wheel_of(build),
            "TULLE_TEST_SERVERS": f"{build}/tests/harness/servers", "PYTHONDONTWRITEBYTECODE": "1"}


def run_tests(build, names):
    wrong = []
    with tempfile.TemporaryDirectory() as tools:
        for tool in TOOLS:
            os.symlink(shutil.which(tool), os.path.join(tools, tool))
        for version, program in interpreters().items():
            python = venv(version, program)
            install(python, wheel_of(build))
            print(f"\n== CPython {version}", flush=True)
            done = subprocess.run([python, "-m", "pytest", *names], cwd=HERE,
                                  env=environment(python, build, tools), check=False)
            if done.returncode:
                wrong.append(version)
    print(f"\ntested with {len(interpreters())} interpreters: {', '.join(interpreters())}"
          + (f"; failed with {', '.join(wrong)}" if wrong else ""), flush=True)
    return 1 if wrong else 0


def run_types(build):
    version, program = list(interpreters().items())[-1]
    python = venv(version, program)
    install(python, wheel_of(build))
    result = 0
    for what in ("tulle", "examples/shop_app.py", "examples/test_shop.py", "tests"):
        print(f"mypy --strict {what}", flush=True)
        done = subprocess.run([python, "-m", "mypy", "--strict", "--exclude", "(run|layout)[.]py$",
                               "--cache-dir", os.path.join(CACHE, "mypy"), what],
                              cwd=PACKAGE, check=False)
        result = result or done.returncode
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venvs", action="store_true")
    parser.add_argument("--types", action="store_true")
    parser.add_argument("--build", default=f"{ROOT}/build")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    if options.venvs:
        for version, program in interpreters().items():
            venv(version, program)
        return 0
    build = os.path.abspath(options.build)
    return run_types(build) if options.types else run_tests(build, options.tests)


if __name__ == "__main__":
    sys.exit(main())
