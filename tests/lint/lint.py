#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lint.py [--root DIR] [--build DIR] [check...]: one line for each check, and
below it what is wrong. Exits 1 if anything is. No names: all checks."""

import argparse
import os
import sys
import time

sys.dont_write_bytecode = True
import checks
import tools

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHOWN = 40
NAMES = list(checks.CHECKS) + list(tools.CHECKS)


def run(name, root, build, shown):
    started = time.monotonic()
    if name in checks.CHECKS:
        complaints = list(checks.CHECKS[name](root))
    else:
        complaints = list(tools.CHECKS[name](root, build))
    result = f"{len(complaints)} to mend" if complaints else "good"
    print(f"{name:10} {result:12} {time.monotonic() - started:5.1f} s", flush=True)
    for complaint in complaints[:shown]:
        print("    " + complaint)
    if len(complaints) > shown:
        print(f"    and {len(complaints) - shown} more")
    return not complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=ROOT)
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--all", action="store_true", help="show every complaint")
    parser.add_argument("check", nargs="*", choices=[[], *NAMES], default=[])
    options = parser.parse_args()
    shown = sys.maxsize if options.all else SHOWN
    root, build = os.path.abspath(options.root), os.path.abspath(options.build)
    results = [run(name, root, build, shown) for name in options.check or NAMES]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
