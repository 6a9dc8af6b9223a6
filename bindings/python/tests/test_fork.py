# SPDX-License-Identifier: Apache-2.0
"""A mesh that was opened before a fork."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

import tulle
from conftest import PATIENCE_S, Server, config_of

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
WORKERS, THREADS, CALLS = 4, 8, 100


def child(work: Callable[[], object], leave: Callable[[int], None] = os._exit) -> int:
    """The exit status of a child that did some work."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            leave(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_child_calls_on_a_mesh_of_its_own(server: Server) -> None:
    def connection() -> str:
        reply = mesh.get("http://reviews/")
        assert reply.status == 200
        return reply.headers["x-connection"]

    def work() -> None:
        assert connection() != before

    with tulle.Mesh(config_of(server), loops=1) as mesh:  # of two, each has its own
        before = connection()
        for _ in range(5):
            assert child(work) == 0
        assert connection() == before


def test_a_child_may_be_told_to_fail(server: Server) -> None:
    def work() -> None:
        with pytest.raises(tulle.Forked):
            mesh.get("http://reviews/")

    with tulle.Mesh(config_of(server), after_fork="fail") as mesh:
        mesh.get("http://reviews/")
        assert child(work) == 0
        assert mesh.get("http://reviews/").status == 200


def test_a_child_of_a_busy_parent_calls(real: tulle.Mesh) -> None:
    over = threading.Event()
    failed: list[BaseException] = []

    def caller() -> None:
        try:
            while not over.is_set():
                assert real.get("http://reviews/").status == 200
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=caller) for _ in range(2)]
    for thread in threads:
        thread.start()
    statuses = [child(lambda: real.get("http://reviews/").body) for _ in range(10)]
    over.set()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 10 and not failed


class Gunicorn:
    """gunicorn with pre-forked workers over a mesh that was opened before."""

    def __init__(self, folder: Path, server: Server) -> None:
        host, port = server.address.split(":")
        (folder / "mesh.yaml").write_text(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: reviews}\n"
            "spec:\n  hosts: [reviews]\n  resolution: STATIC\n"
            "  ports: [{number: 80, name: http, protocol: HTTP}]\n"
            f"  endpoints: [{{address: {host}, ports: {{http: {port}}}}}]\n")
        self.log = open(folder / "log", "w+b")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--preload", "--workers", str(WORKERS),
             "--bind", f"127.0.0.1:{self.port}", "--pythonpath", str(EXAMPLES), "shop_app:app"],
            cwd=folder, env={**os.environ, "MESH": "mesh.yaml", "HOME": str(folder)},
            stdout=self.log, stderr=self.log)

    def get(self) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", "/?text=hi")
            reply = connection.getresponse()
            reply.read()
            return reply.status, reply.headers.get("X-Worker", "")
        finally:
            connection.close()

    def wait(self) -> None:
        due = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.get()
                return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < due, self.said()
                time.sleep(0.05)

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read().decode()


@pytest.fixture
def gunicorn(tmp_path: Path, server: Server) -> Iterator[Gunicorn]:
    run = Gunicorn(tmp_path, server)
    try:
        run.wait()
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.process.wait()
        run.log.close()


def test_gunicorn_s_pre_forked_workers_all_call(gunicorn: Gunicorn) -> None:
    seen: list[tuple[int, str]] = []
    failed: list[BaseException] = []

    def load() -> None:
        try:
            seen.extend(gunicorn.get() for _ in range(CALLS))
        except BaseException as error:
            failed.append(error)

    due = time.monotonic() + PATIENCE_S
    while len({worker for _, worker in seen}) < WORKERS and time.monotonic() < due:
        threads = [threading.Thread(target=load) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failed and {status for status, _ in seen} == {200}, gunicorn.said()
    assert len({worker for _, worker in seen}) == WORKERS
    gunicorn.process.send_signal(signal.SIGTERM)
    assert gunicorn.process.wait(PATIENCE_S) == 0, gunicorn.said()
