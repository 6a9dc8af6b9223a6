#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fields.py PROGRAM [--write]: holds what is written of TrafficPolicy's fields
against the tables of the decoder, which PROGRAM (fields.c) prints."""

import os
import re
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
README = os.path.join(ROOT, "src", "source", "file", "README.md")
CRD = os.path.join(ROOT, "examples", "trafficpolicy-crd.yaml")
BETWEEN = re.compile(r"(<!-- fields: [^\n]*-->\n).*?(<!-- /fields -->\n)", re.S)


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def main():
    program, *rest = sys.argv[1:]
    made = {kind: subprocess.run([program, kind], check=True, capture_output=True,
                                 text=True).stdout for kind in ("table", "crd")}
    readme = read(README)
    if not BETWEEN.search(readme):
        sys.exit(f"{README}: the marks of the table of fields are gone")
    wanted = {README: BETWEEN.sub(lambda marks: marks[1] + made["table"] + marks[2], readme),
              CRD: made["crd"]}
    old = [path for path, text in wanted.items() if read(path) != text]
    if rest == ["--write"]:
        for path in old:
            with open(path, "w", encoding="utf-8") as file:
                file.write(wanted[path])
            print(f"wrote {os.path.relpath(path, ROOT)}")
        return
    for path in old:
        print(f"{os.path.relpath(path, ROOT)} is not what the decoder takes: ./dev fields")
    sys.exit(1 if old else 0)


main()
