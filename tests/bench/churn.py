# SPDX-License-Identifier: Apache-2.0

"""bench churn: one cluster of 100,000 endpoints, of which one is replaced a hundred
times a second, while a thread on each core picks (churn.c): memory an endpoint, the
time of a change, the slowest pick."""

import json
import subprocess

import report

BALANCERS = ["least_request", "round_robin", "peak_ewma"]
REBUILT = ["maglev"]  # whose table is made anew at each change: printed, no bar
ENDPOINTS = 100000
SECONDS = 10
A_SECOND = 100
MEMORY_MAX = 256
CHANGE_US_MAX = 2000
PICK_US_MAX = 50
SLOW_RATIO_MAX = 1.25


def churned(options, balancer):
    size, seconds = (1000, 1) if options.smoke else (ENDPOINTS, SECONDS)
    rate = 10 if balancer in REBUILT else A_SECOND
    done = subprocess.run([f"{options.build}/tests/bench/churn", balancer, str(size),
                           str(seconds), str(rate)], check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"churn failed with {done.returncode}: {done.stderr}")
    got = json.loads(done.stdout)
    assert len(got["changes"]) == seconds * rate, got
    return got


def rates(tail):
    """Of each second of the run: how many were over the bar, a second that was timed."""
    return [over / (ns / 1e9) for over, ns in tail["seconds"] if ns > 0]


def microseconds(values):
    return [value / 1000 for value in values]


def lines(options, balancer, got):
    def bar(key, limit):
        wanted = not options.smoke and balancer not in REBUILT
        return {"bar": (key, "<=", limit)} if wanted else {}

    report.line("churn", f"{balancer}_memory", "bytes/endpoint", [got["asked"]],
                **bar("value", MEMORY_MAX))
    report.line("churn", f"{balancer}_memory_of_malloc", "bytes/endpoint", [got["given"]])
    report.line("churn", f"{balancer}_open", "us", microseconds([got["open_ns"]]))
    report.line("churn", f"{balancer}_change", "us", microseconds(got["changes"]),
                **bar("value", CHANGE_US_MAX))
    report.line("churn", f"{balancer}_change_cpu", "us", microseconds(got["worked"]))
    report.line("churn", f"{balancer}_other_steps", "us", microseconds(got["others"] or [0]))
    report.pairs("churn", f"{balancer}_slowest_pick", "us", microseconds(got["pick"]["slowest"]),
                 "nothing", microseconds(got["nothing"]["slowest"]), picks=got["picks"],
                 lost=got["lost"])
    report.pairs("churn", f"{balancer}_picks_over_{PICK_US_MAX}us", "a second of picking",
                 rates(got["pick"]), "nothing", rates(got["nothing"]),
                 **bar("ratio", SLOW_RATIO_MAX))


def bench(options, _folder):
    for balancer in BALANCERS + REBUILT:
        lines(options, balancer, churned(options, balancer))
