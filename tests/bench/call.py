# SPDX-License-Identifier: Apache-2.0

"""bench call: the library, a bare libcurl loop, wrk, and the same bare loop
through an Envoy sidecar. Client on one core, servers on another; each client
is a new process; rounds go forward and back, so that library and bare loop
stand ABBA."""

import json
import os
import re
import subprocess

import report
import servers

LEAST_OF_WRK = 0.35  # below it the bare loop was starved, and the round says nothing
UNITS_US = {"us": 1, "ms": 1e3, "s": 1e6}


class Clients:
    """One method for each path; all give requests, rps, cpu_us, p50_us, p99_us."""

    def __init__(self, build, folder, nginx, envoy, warm_ms, run_ms):
        self.build, self.nginx, self.envoy = build, nginx, envoy
        self.warm_ms, self.run_ms = str(warm_ms), str(run_ms)
        self.mesh = servers.mesh(folder, nginx.port)

    def program(self, name):
        return f"{self.build}/tests/bench/{name}"

    def library(self, in_flight):
        if in_flight == 1:
            command = ["block", self.mesh, servers.URL]
        else:
            command = ["async", self.mesh, servers.URL, str(in_flight)]
        return run([self.program("lib_call"), *command, self.warm_ms, self.run_ms])

    def bare_at(self, port, in_flight):
        return run([self.program("bare_curl"), "call", servers.URL, servers.connect_to(port),
                    str(in_flight), self.warm_ms, self.run_ms])

    def bare(self, in_flight):
        return self.bare_at(self.nginx.port, in_flight)

    def sidecar(self, in_flight):
        """The sidecar's own CPU is part of what a request costs."""
        before = self.envoy.cpu_s()
        got = self.bare_at(self.envoy.port, in_flight)
        got["cpu_us"] += (self.envoy.cpu_s() - before) * 1e6 / max(got["all"], 1)
        return got

    def wrk(self, in_flight):
        seconds = max(1, round(int(self.run_ms) / 1000))
        before = os.times()
        out = output(["wrk", "-t1", f"-c{in_flight}", f"-d{seconds}s", "--latency",
                      f"http://127.0.0.1:{self.nginx.port}/"])
        after = os.times()
        cpu_s = (after.children_user + after.children_system
                 - before.children_user - before.children_system)
        requests = int(re.search(r"(\d+) requests in", out).group(1))
        return {"requests": requests, "cpu_us": cpu_s * 1e6 / max(requests, 1),
                "rps": float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1)),
                "p50_us": latency_us(out, "50%"), "p99_us": latency_us(out, "99%")}


def latency_us(out, which):
    value, unit = re.search(rf"{which}\s+([\d.]+)(us|ms|s)\b", out).groups()
    return float(value) * UNITS_US[unit]


def output(command):
    done = subprocess.run(command, preexec_fn=servers.pinned(servers.CLIENT_CORE), check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=120)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} failed with {done.returncode}: {done.stdout}")
    return done.stdout


def run(command):
    return json.loads(output(command))


def one_round(clients, order):
    return {name: {in_flight: getattr(clients, name)(in_flight) for in_flight in (32, 1)}
            for name in order}


def counts(got, number):
    share = got["bare"][32]["rps"] / got["wrk"][32]["rps"]
    if share >= LEAST_OF_WRK:
        return True
    report.say({"bench": "call", "case": "round", "round": number, "counted": False,
                "value": round(share, 3), "unit": "of wrk",
                "why": f"the bare loop reached less than {LEAST_OF_WRK} of wrk"})
    return False


def rounds(clients, wanted, tries):
    order = ["wrk", "bare", "library", "sidecar"]
    kept, spoilt = [], []
    for number in range(tries):
        if len(kept) == wanted:
            break
        got = one_round(clients, order if number % 2 == 0 else order[::-1])
        (kept if counts(got, number) else spoilt).append(got)
        report.note(f"call: round {number + 1}, {len(kept)} of {wanted} count")
    return kept, spoilt


CASES = [("throughput_32", "requests/s", 32, "rps"), ("cpu_32", "us/request", 32, "cpu_us"),
         ("p50_1", "us", 1, "p50_us"), ("p99_1", "us", 1, "p99_us"),
         ("cpu_1", "us/request", 1, "cpu_us")]
PEERS = [("bare", "bare libcurl"), ("wrk", "wrk"), ("sidecar", "bare libcurl through Envoy")]
BARS = {("throughput_32", "bare"): ("ratio", ">=", 0.90),
        ("p50_1", "bare"): ("difference", "<=", 8),
        ("throughput_32", "sidecar"): ("ratio", ">=", 2)}


def tell(got, counted):
    for case, unit, in_flight, field in CASES:
        for peer, name in PEERS:
            more = {"counted": counted}
            if counted and (case, peer) in BARS:
                more["bar"] = BARS[case, peer]
            report.pairs("call", case, unit, [r["library"][in_flight][field] for r in got], name,
                         [r[peer][in_flight][field] for r in got], **more)


def bench(options, folder):
    nginx = servers.nginx(folder)
    envoy = None
    try:
        envoy = servers.envoy(options.envoy, folder, nginx.port)
        clients = Clients(options.build, folder, nginx, envoy, 100 if options.smoke else 300,
                          300 if options.smoke else 2000)
        wanted = 1 if options.smoke else options.rounds
        kept, spoilt = rounds(clients, wanted, 1 if options.smoke else 3 * wanted)
    finally:
        if envoy:
            envoy.stop()
        nginx.stop()
    tell(kept or spoilt, len(kept) == wanted)
    if len(kept) < wanted and not options.smoke:
        report.note(f"call: only {len(kept)} of {wanted} rounds count: the machine is busy")
        report.missed.append("rounds")
