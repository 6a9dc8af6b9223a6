# SPDX-License-Identifier: Apache-2.0

"""bench pick: every balancer at 10, 1,000 and 10,000 endpoints (picks.c), one
thread and two at once; and one whole decision without network (decision.c): ns,
instructions (callgrind, as the difference of two runs that differ by their
rounds), and how often memory was asked for."""

import json
import os
import re
import subprocess

import report
import servers

SIZES = [10, 1000, 10000]
NS_MAX = 1000
PICK_NS_MAX = 100  # at 1,000
LINE_NS_MAX = 120  # over it the two cores share no cache, and what is shared is told apart
NEAR_MIN = 5  # of so many rounds a bar holds
FLAT_MAX = 2
SPEEDUP_MIN = 1.3
ROUNDS = 200000
COUNTED_ROUNDS = 2000  # under callgrind
PICK_ROUNDS = 20
PICKS = 200000

# By the names that picks.c knows. BARRED: those of which the figures are promised.
BALANCERS = ["round_robin", "least_request", "random", "peak_ewma", "ring_hash", "maglev",
             "weighted", "prequal", "pick_first"]
BARRED = ["round_robin", "least_request", "peak_ewma", "maglev"]
WEIGHED = ["round_robin", "least_request"]  # unequal weights are chosen among in another way


def output(command, core=servers.CLIENT_CORE, more=None):
    prepare = servers.pinned(core) if core is not None else None
    done = subprocess.run(command, preexec_fn=prepare, check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300,
                          env=os.environ | (more or {}))
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed with {done.returncode}: {done.stderr}")
    return done


# --- picks ---

def picked(build, balancer, size, weights, smoke):
    rounds, picks = (1, 1000) if smoke else (PICK_ROUNDS, PICKS)
    folder = f"{build}/tests/bench"
    got = json.loads(output([f"{folder}/picks", balancer, str(size), weights, str(rounds),
                             str(picks)], core=None,
                            more={"LD_PRELOAD": f"{folder}/counts.so"}).stdout)
    assert got["counted"], "counts.so is not in the process"
    return got


def bar(wanted, key, sign, limit):
    return {"bar": (key, sign, limit)} if wanted else {}


def together_lines(case, got, rounds, promised, barred):
    report.line("pick", f"{case}_two", "ns", [got["two"][i] for i in rounds],
                **bar(promised, "value", "<=", PICK_NS_MAX))
    report.line("pick", f"{case}_together", "times one thread",
                [2 * got["one"][i] / got["two"][i] for i in rounds],
                **bar(barred, "value", ">=", SPEEDUP_MIN))


def pick_lines(case, size, got, barred, smoke):
    promised = barred and size == 1000
    case = f"{case}_{size}"
    near = [i for i, line in enumerate(got["line"]) if line <= LINE_NS_MAX]
    far = [i for i, line in enumerate(got["line"]) if line > LINE_NS_MAX]
    report.line("pick", case, "ns", got["one"], **bar(promised, "value", "<=", PICK_NS_MAX))
    if near:
        enough = len(near) >= NEAR_MIN
        together_lines(case, got, near, promised and enough, barred and enough and size > 10)
    if far:
        together_lines(f"{case}_far", got, far, False, False)
    if len(near) < NEAR_MIN and not smoke:
        report.say({"bench": "pick", "case": case, "counted": False, "value": len(near),
                    "unit": "rounds", "why": "in the others a line took more than "
                    f"{LINE_NS_MAX} ns from core to core"})
    report.line("pick", f"{case}_locks", "pthread_mutex_lock", [got["locks"]],
                bar=("value", "<=", 0))
    report.line("pick", f"{case}_memory", "malloc", [got["memory"]], bar=("value", "<=", 0))


def bench_picks(options, balancer, weights):
    case = balancer if weights == "equal" else f"{balancer}_{weights}"
    barred = balancer in BARRED and not options.smoke
    sizes = [10] if options.smoke else SIZES
    got = {size: picked(options.build, balancer, size, weights, options.smoke) for size in sizes}
    for size in sizes:
        pick_lines(case, size, got[size], barred, options.smoke)
    if not options.smoke:
        report.line("pick", f"{case}_line", "ns", [ns for each in got.values() for ns in each["line"]])
        report.pairs("pick", f"{case}_10000", "ns", got[10000]["one"], "1,000 endpoints",
                     got[1000]["one"], **bar(barred, "ratio", "<=", FLAT_MAX))


# --- decisions ---

def decided(program, endpoints, rounds):
    got = json.loads(output([program, str(endpoints), str(rounds)]).stdout)
    assert got["decided"] == rounds + 1, got
    return got


def instructions_all(program, endpoints, rounds):
    said = output(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program,
                   str(endpoints), str(rounds)]).stderr
    return int(re.search(r"Collected : (\d+)", said).group(1))


def instructions(program, endpoints, rounds):
    return (instructions_all(program, endpoints, 2 * rounds)
            - instructions_all(program, endpoints, rounds)) / rounds


def measured(program, counts, runs, rounds):
    """Sizes take turns, so that what disturbs one run disturbs all of them."""
    got = {count: [] for count in counts}
    for run in range(runs):
        for count in counts if run % 2 == 0 else counts[::-1]:
            got[count].append(decided(program, count, rounds))
    return got


def bench_decisions(options):
    program = f"{options.build}/tests/bench/decision"
    runs, rounds = (1, 1000) if options.smoke else (10, ROUNDS)
    counts = [10] if options.smoke else SIZES
    got = measured(program, counts, runs, rounds)
    for count in counts:
        report.line("pick", f"decision_{count}", "ns", [run["ns"] for run in got[count]],
                    **bar(not options.smoke, "value", "<=", NS_MAX))
        report.line("pick", f"allocations_{count}", "allocations/decision",
                    [run["allocations"] / rounds for run in got[count]], bar=("value", "<=", 0))
        report.line("pick", f"instructions_{count}", "instructions",
                    [instructions(program, count, COUNTED_ROUNDS // (20 if options.smoke else 1))])
    if not options.smoke:
        report.pairs("pick", "decision_10000", "ns", [run["ns"] for run in got[10000]],
                     "10 endpoints", [run["ns"] for run in got[10]], bar=("ratio", "<=", FLAT_MAX))


def bench(options, _folder):
    for balancer in BALANCERS:
        bench_picks(options, balancer, "equal")
    for balancer in WEIGHED:
        bench_picks(options, balancer, "weighted")
    bench_decisions(options)
