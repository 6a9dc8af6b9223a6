# SPDX-License-Identifier: Apache-2.0

"""bench python: calls from Python, one at a time: Mesh.get and the adapters
against requests and httpx themselves. Client on one core, nginx on the other;
each client is a new process; rounds go forward and back."""

import glob
import json
import os
import subprocess
import sys

import report
import servers

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WAYS = ["requests", "requests_adapter", "get", "httpx_adapter", "httpx"]
ASYNC_WAYS = ["aget", "async_httpx_adapter", "async_httpx"]
PAIRS = [("get", "requests"), ("get", "httpx"), ("requests_adapter", "requests"),
         ("httpx_adapter", "httpx"), ("aget", "async_httpx"),
         ("async_httpx_adapter", "async_httpx")]


class Venv:
    """A venv with requests, httpx and the wheel (./dev deps --peers makes it)."""

    def __init__(self, build, folder):
        version = "%d.%d" % sys.version_info[:2]
        base = f"{ROOT}/.cache/python/{version}/bin/python"
        if not os.path.exists(base):
            raise SystemExit("no venv: ./dev deps --peers makes it")
        (wheel,) = glob.glob(f"{build}/python/dist/tulle-*.whl")
        self.python, self.package = base, f"{folder}/package"
        subprocess.run([base, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
                        "--disable-pip-version-check", "--target", self.package, wheel],
                       check=True, stdout=sys.stderr)

    def run(self, way, mesh, port, warm_ms, run_ms):
        environment = {name: value for name, value in os.environ.items()
                       if not name.lower().endswith("_proxy") and name != "TULLE_LIBRARY"}
        done = subprocess.run(
            [self.python, "-B", f"{HERE}/python_client.py", way, mesh, servers.URL,
             f"http://127.0.0.1:{port}/", str(warm_ms), str(run_ms)],
            env={**environment, "PYTHONPATH": self.package}, check=False,
            preexec_fn=servers.pinned(servers.CLIENT_CORE), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, timeout=120)
        if done.returncode != 0:
            raise SystemExit(f"{way} failed with {done.returncode}: {done.stdout}")
        return json.loads(done.stdout)


def tell(got):
    for ours, theirs in PAIRS:
        for field, unit, bar in (("rps", "calls/s", ("ratio", ">=", 1)),
                                 ("p50_us", "us", ("ratio", "<=", 1))):
            report.pairs("python", f"{ours}_{field}", unit, [r[ours][field] for r in got], theirs,
                         [r[theirs][field] for r in got], bar=bar)


def bench(options, folder):
    venv = Venv(options.build, folder)
    nginx = servers.nginx(folder)
    warm_ms, run_ms = (100, 200) if options.smoke else (300, 1000)
    got = []
    try:
        mesh = servers.mesh(folder, nginx.port)
        order = WAYS + ASYNC_WAYS
        for number in range(1 if options.smoke else options.rounds):
            ways = order if number % 2 == 0 else order[::-1]
            got.append({way: venv.run(way, mesh, nginx.port, warm_ms, run_ms) for way in ways})
            report.note(f"python: round {number + 1}")
    finally:
        nginx.stop()
    tell(got)
