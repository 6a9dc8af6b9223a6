#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Runs the benches. JSON lines on stdout, remarks on stderr."""

import argparse
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True

import call
import churn
import ends
import memory
import pick
import python
import report

BENCHES = {"call": call.bench, "pick": pick.bench, "memory": memory.bench,
           "churn": churn.bench, "queue": ends.bench, "python": python.bench}


def envoy_found(named):
    """`./dev deps --peers` puts it at .cache/peers/envoy."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for path in (named, f"{root}/.cache/peers/envoy", shutil.which("envoy")):
        if path and os.access(path, os.X_OK):
            return path
    raise SystemExit("no Envoy: ./dev deps --peers fetches it, --envoy PATH names one")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build", help="the build folder")
    parser.add_argument("benches", nargs="*", choices=[*BENCHES, []], metavar="BENCH",
                        help="call, pick, memory, churn, queue, python; none: all")
    parser.add_argument("--smoke", action="store_true",
                        help="one short round: shows that it works, not how fast")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bar is missed")
    parser.add_argument("--rounds", type=int, default=10, help="of call and python (10)")
    parser.add_argument("--envoy", help="the program")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    benches = options.benches or list(BENCHES)
    if "call" in benches:
        options.envoy = envoy_found(options.envoy)
    with tempfile.TemporaryDirectory(prefix="tulle-bench-") as folder:
        os.chmod(folder, 0o755)
        for name in benches:
            BENCHES[name](options, folder)
    sys.exit(1 if options.check and report.missed else 0)


if __name__ == "__main__":
    main()
