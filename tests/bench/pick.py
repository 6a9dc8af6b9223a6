# SPDX-License-Identifier: Apache-2.0

"""bench pick: one whole decision without network, by the number of endpoints:
ns, instructions (callgrind, as the difference of two runs that differ by their
rounds), and how often memory was asked for."""

import json
import re
import subprocess

import report
import servers

NS_MAX = 1000
FLAT_MAX = 2
ROUNDS = 200000
COUNTED_ROUNDS = 2000  # under callgrind


def output(command):
    done = subprocess.run(command, preexec_fn=servers.pinned(servers.CLIENT_CORE), check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed with {done.returncode}: {done.stderr}")
    return done


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


def bench(options, _folder):
    program = f"{options.build}/tests/bench/decision"
    runs, rounds = (1, 1000) if options.smoke else (10, ROUNDS)
    counts = [10] if options.smoke else [10, 1000, 10000]
    got = measured(program, counts, runs, rounds)
    for count in counts:
        bar = {} if options.smoke else {"bar": ("value", "<=", NS_MAX)}
        report.line("pick", f"decision_{count}", "ns", [run["ns"] for run in got[count]], **bar)
        report.line("pick", f"allocations_{count}", "allocations/decision",
                    [run["allocations"] / rounds for run in got[count]], bar=("value", "<=", 0))
        report.line("pick", f"instructions_{count}", "instructions",
                    [instructions(program, count, COUNTED_ROUNDS // (20 if options.smoke else 1))])
    if not options.smoke:
        report.pairs("pick", "decision_10000", "ns", [run["ns"] for run in got[10000]],
                     "10 endpoints", [run["ns"] for run in got[10]], bar=("ratio", "<=", FLAT_MAX))
