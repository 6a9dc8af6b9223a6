# SPDX-License-Identifier: Apache-2.0
"""A test of tests: every example of the mock passes, and each fails, alone,
when the mesh does something else than what it expects.

    breaks.py PROGRAM    (it knows --list and --break NAME)"""

import subprocess
import sys


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def failed(done):
    return [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED")]


def complaints(program):
    names = run(program, "--list").stdout.split()
    whole = run(program)
    if len(names) < 2:
        yield "there are no examples"
    if whole.returncode != 0 or failed(whole):
        yield f"unbroken, it does not pass:\n{whole.stdout}{whole.stderr}"
    for name in names:
        broken = run(program, "--break", name)
        if broken.returncode != 1 or failed(broken) != [name]:
            yield (f"{name} is broken; it should fail alone, with status 1, not "
                   f"{failed(broken)}, with {broken.returncode}")
    print(f"{len(names)} examples pass, and each fails when it is broken")


def main():
    wrong = list(complaints(sys.argv[1]))
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
