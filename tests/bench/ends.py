# SPDX-License-Identifier: Apache-2.0

"""bench queue: what it costs to hear of a call's end as an event. The same
calls by a queue, by a queue in a mesh without threads, and by what lib_call
does (one in flight: tulle_call(); 32: completions on the library's thread)."""

import call
import report
import servers

WAYS = [("queue", "threads", "a queue, and the library's thread"),
        ("own_loop", "own", "a queue, and no thread but this")]
CASES = [("p50_1", "us", 1, "p50_us"), ("cpu_1", "us/request", 1, "cpu_us"),
         ("throughput_32", "requests/s", 32, "rps"), ("cpu_32", "us/request", 32, "cpu_us")]


def one_round(clients):
    got = call.one_round(clients, ["library"])
    for way, mode, _ in WAYS:
        got[way] = {in_flight: call.run(
            [clients.program("queue_call"), mode, clients.mesh, servers.URL, str(in_flight),
             clients.warm_ms, clients.run_ms]) for in_flight in (32, 1)}
    return got


def bench(options, folder):
    warm_ms, run_ms = (100, 300) if options.smoke else (300, 1000)
    nginx = servers.nginx(folder)
    try:
        clients = call.Clients(options.build, folder, nginx, None, warm_ms, run_ms)
        rounds = [one_round(clients)
                  for _ in range(1 if options.smoke else options.rounds)]
    finally:
        nginx.stop()
    for way, _, words in WAYS:
        for case, unit, in_flight, field in CASES:
            peer = "tulle_call()" if in_flight == 1 else "completions"
            report.pairs("queue", f"{way}_{case}", unit,
                         [got[way][in_flight][field] for got in rounds], peer,
                         [got["library"][in_flight][field] for got in rounds], way=words)
