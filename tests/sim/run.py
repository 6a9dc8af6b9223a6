#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs scenarios over many seeds: prints a JSON line for each metric (the median
of the seeds and the worst of them), holds them against the scenario's bars, and
draws a picture of each.

    run.py BUILD [SCENARIO...] [--seeds N | --slice] [--jobs N] [--check]

--slice takes as many of the thousand seeds as the scenario can afford in a test,
another part of them for each commit. --check judges alone: no picture, no README.
The exit status is 1 when a bar is not met; a bad case that does not fail as
published is a bar like the others."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import draw  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
SEEDS = 1000


def scenarios(names):
    found = sorted(path.stem for path in (HERE / "scenarios").glob("*.json"))
    unknown = [name for name in names if name not in found]
    if unknown:
        sys.exit(f"no such scenario: {unknown[0]} (there are: {', '.join(found)})")
    return [(name, json.loads((HERE / "scenarios" / f"{name}.json").read_text()))
            for name in found if not names or name in names]


class Results:
    """values[policy][metric] and series[policy][metric]: a list, one entry a seed."""

    def __init__(self):
        self.values, self.series = {}, {}

    def take(self, lines):
        for line in lines.splitlines():
            policy, seed, metric, value = line.split("\t")
            table, parsed = self.values, None
            if "," in value:
                table, parsed = self.series, [float(part) for part in value.split(",") if part]
            else:
                parsed = float(value)
            table.setdefault(policy, {}).setdefault(metric, {})[int(seed)] = parsed

    def add_ratio(self, policy, metric, of, against):
        """How many times less than `against` has it, seed by seed."""
        other = self.values[against][of]
        self.values[policy][metric] = {seed: other[seed] / value
                                       for seed, value in self.values[policy][of].items()}

    def of(self, policy, metric):
        return [value for _, value in sorted(self.values[policy][metric].items())]

    def series_of(self, policy, metric):
        return [value for _, value in sorted(self.series[policy][metric].items())]


def simulate(program, name, first, count):
    done = subprocess.run([program, HERE / "scenarios" / f"{name}.json", str(first), str(count)],
                          stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{name}: sim ended with {done.returncode} (seeds {first} and on)")
    return done.stdout


def part_of_commit(size):
    """(first seed, how many): each commit plays its part of the thousand."""
    done = subprocess.run(["git", "-C", HERE, "rev-parse", "HEAD"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    commit = int(done.stdout.strip() or "0", 16)
    return commit % (SEEDS // size) * size + 1, size


def run_seeds(program, name, seeds, jobs):
    first, count = seeds
    results, chunk, done, began = Results(), max(1, min(25, count // (jobs * 2))), 0, time.time()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {}
        for start in range(first, first + count, chunk):
            size = min(chunk, first + count - start)
            waiting[pool.submit(simulate, program, name, start, size)] = size
        for future in concurrent.futures.as_completed(waiting):
            results.take(future.result())
            done += waiting[future]
            if sys.stderr.isatty():
                print(f"\r{name}: {done} of {count} seeds", end="", file=sys.stderr, flush=True)
    print(f"\r{name}: seeds {first} to {first + count - 1} in {time.time() - began:.0f} s",
          file=sys.stderr)
    return results


def tell(name, spec, results):
    for policy in spec["policies"]:
        for metric in results.values.get(policy, {}):
            values = results.of(policy, metric)
            print(json.dumps({"scenario": name, "policy": policy, "seeds": len(values),
                              "metric": metric, "value": round(statistics.median(values), 6),
                              "worst": round(draw.worst(spec, metric, values), 6)}), flush=True)


def judge(name, spec, results):
    good = True
    for bar in spec["bars"]:
        value = statistics.median(results.of(bar["policy"], bar["metric"]))
        if bar.get("least", value) <= value <= bar.get("most", value):
            continue
        good = False
        print(f"{name}: {bar['policy']} has {bar['metric']} {value:.6g}, and the bar is "
              f"{bar.get('least', '')}..{bar.get('most', '')}", file=sys.stderr)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("scenario", nargs="*")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--slice", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    program = pathlib.Path(options.build) / "tests" / "sim" / "sim"
    good = True
    for name, spec in scenarios(options.scenario):
        seeds = part_of_commit(spec["slice"]) if options.slice else (1, options.seeds)
        results = run_seeds(program, name, seeds, options.jobs)
        for ratio in spec.get("ratios", []):
            results.add_ratio(**ratio)
        tell(name, spec, results)
        good = judge(name, spec, results) and good
        if not options.check:
            draw.picture(HERE, name, spec, results)
            draw.row(HERE, name, spec, results)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
