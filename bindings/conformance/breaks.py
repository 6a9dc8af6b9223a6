#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""breaks.py CASES COMMAND...: a runner must fail where it should. Each case is
broken in some way and put into a file of its own; COMMAND FILE must then fail."""

import copy
import json
import os
import subprocess
import sys
import tempfile

WRONG = {"error": "INTERNAL", "status": 599, "attempts": 77, "endpoint": "10.9.9.9:1",
         "headers": [["x-none", "here"]], "headerLines": [["x-none", "here"]],
         "trailers": [["x-none", "here"]], "body": "another", "bodySize": 77, "layer": "none",
         "flags": "ZZ", "progress": "REFUSED_UNPROCESSED", "cluster": "none",
         "explainHas": "no such word", "took": "77s", "method": "NONE", "url": "http://none/",
         "has": [["x-none", "here"]], "hasNot": ["traceparent"]}


def fields(case):
    """(words, the same case with one expectation broken)"""
    for index, step in enumerate(case.get("steps", [])):
        seen = step.get("seen", [])
        places = [("expect", None)] * ("expect" in step) + [("seen", i) for i in range(len(seen))]
        for key, at in places:
            for field in step[key] if at is None else seen[at]:
                broken = copy.deepcopy(case)
                place = broken["steps"][index][key]
                (place if at is None else place[at])[field] = WRONG[field]
                yield f"step {index}, {field}", broken
        for key in {"is", "requests"} & set(step):
            broken = copy.deepcopy(case)
            broken["steps"][index][key] = "trial" if isinstance(step[key], str) else 77
            yield f"step {index}, {key}", broken


def unknown(case):
    """An unknown key at each place where there are keys."""
    yield "a key of the case", {**case, "unheard": 1}
    for part in ("options", "open"):
        if part in case:
            yield part, {**case, part: {**case[part], "unheard": 1}}
    for part in ("answers", "steps"):
        for index, one in enumerate(case.get(part, [])):
            broken = copy.deepcopy(case)
            broken[part][index]["unheard"] = 1
            yield f"{part} {index}", broken
            for key, value in one.items():
                if isinstance(value, dict):
                    broken = copy.deepcopy(case)
                    broken[part][index][key]["unheard"] = 1
                    yield f"{part} {index}, {key}", broken


def one_of_each(whole):
    """The first broken case of each kind: all of them would be the same again."""
    done = set()
    for case in whole["cases"]:
        for make in (fields, unknown):
            for words, broken in make(case):
                kind = (make.__name__, words.split(", ")[-1].rstrip("0123456789 "))
                if kind not in done:
                    done.add(kind)
                    yield f"{case['name']}: {words}", {**whole, "cases": [broken]}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        whole = json.load(file)
    passed, count = [], 0
    wrong = [("no cases", {**whole, "cases": []}), ("a key of the file", {**whole, "unheard": 1}),
             ("a step that is none", {**whole, "cases": [{"name": "x", "steps": [{"jump": 1}]}]}),
             *one_of_each(whole)]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "cases.json")
        for words, broken in wrong:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(broken, file)
            done = subprocess.run([*sys.argv[2:], path], capture_output=True, check=False)
            count += 1
            if done.returncode != 1:
                passed.append(f"{words}: {done.returncode} {done.stderr.decode()[-200:]}")
    print(f"{count} broken files" + "".join(f"\nnot told: {words}" for words in passed))
    return 1 if passed else 0


if __name__ == "__main__":
    sys.exit(main())
