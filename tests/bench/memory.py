# SPDX-License-Identifier: Apache-2.0

"""bench memory: calls that are sent and wait, each on a connection of its own,
on one loop: how much resident memory grows, beside a bare libcurl loop. A
server holds all answers until both sides were measured; then all must come."""

import json
import resource
import select
import subprocess

import report
import servers

CALLS = 10000
SPARE_DESCRIPTORS = 500
GROWN_MAX = 150e6
RATIO_MAX = 1.5
PATIENCE_S = 60


class Talker:
    """A program that speaks JSON lines and goes on when it gets a line."""

    def __init__(self, command, core):
        self.process = subprocess.Popen(command, preexec_fn=servers.pinned(core), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def hear(self):
        if not select.select([self.process.stdout], [], [], PATIENCE_S)[0]:
            raise SystemExit(f"memory: {self.process.args[0]} said nothing for {PATIENCE_S} s")
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"memory: {self.process.args[0]} ended with {self.process.wait()}")
        return json.loads(line)

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def held(server_command, client_command, count):
    """The bytes that `count` waiting calls cost; checks that all were answered."""
    server = Talker(server_command, servers.SERVER_CORE)
    client = None
    try:
        port = server.hear()["port"]
        client = Talker(client_command(port), servers.CLIENT_CORE)
        assert server.hear()["held"] == count
        client.go_on()
        waiting = client.hear()
        server.go_on()
        answered = client.hear()
        served = server.hear()
        assert waiting["waiting"] == count, waiting
        assert answered == {"answered": count, "failed": 0}, answered
        assert served == {"answered": count, "connections": count}, served
        return waiting["grown"]
    finally:
        if client:
            client.stop()
        server.stop()


def descriptors(count):
    """Makes room for `count` connections. How many there is room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_DESCRIPTORS
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(count, soft - SPARE_DESCRIPTORS)


def bench(options, folder):
    wanted = 500 if options.smoke else CALLS
    count = descriptors(wanted)
    if count < wanted:
        raise SystemExit(f"memory: the limit on descriptors leaves room for {count} calls only")
    programs = f"{options.build}/tests/bench"
    server = [f"{programs}/hold_server", str(count)]
    bare = held(server, lambda port: [f"{programs}/bare_curl", "hold", servers.URL,
                                      servers.connect_to(port), str(count)], count)
    library = held(server, lambda port: [f"{programs}/lib_call", "hold",
                                         servers.mesh(folder, port, patient=True), servers.URL,
                                         str(count)], count)
    more = {} if options.smoke else {"bar": ("ratio", "<=", RATIO_MAX)}
    report.pairs("memory", f"waiting_{count}", "bytes", [library], "bare libcurl", [bare], **more)
    report.line("memory", "per_call", "bytes", [library / count])
    if not options.smoke:
        report.line("memory", "grown", "bytes", [library], bar=("value", "<=", GROWN_MAX))
