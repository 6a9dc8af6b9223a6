# SPDX-License-Identifier: Apache-2.0
"""Real servers for the tests: those of tests/harness/servers, as processes."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator
from typing import Callable

import pytest

import tulle

pytest_plugins = ["pytester"]
#: for what comes at once on a quiet machine
PATIENCE_S = 60
SERVERS = os.environ["TULLE_TEST_SERVERS"]


class Server:
    """A server that does what requests tell it (tests/harness/servers/README.md)."""

    def __init__(self, program: str = "http_server", *arguments: str) -> None:
        self.process = subprocess.Popen(
            [f"{SERVERS}/{program}", "--listen", "127.0.0.1:0", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            bufsize=1)
        self.address = self.line().split()[1]
        assert self.line() == "ready"

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def command(self, words: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(words + "\n")
        return self.line()

    def counts(self) -> dict[str, int]:
        """What the command `counts` tells."""
        words = self.command("counts").split()[1:]
        return {name: int(value) for name, _, value in (word.partition("=") for word in words)}

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """Starts servers, which end with the test."""
    started: list[Server] = []

    def start_one(*arguments: str) -> Server:
        started.append(Server(*arguments))
        return started[-1]

    yield start_one
    for server in started:
        server.stop()


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    one = start()
    one.command("quiet")
    return one


@pytest.fixture
def real(server: Server) -> Iterator[tulle.Mesh]:
    """A mesh with the service "reviews" at one real server."""
    with tulle.Mesh(config_of(server)) as opened:
        yield opened


def config_of(*servers: Server) -> tulle.Config:
    config = tulle.Config().service("reviews", 80)
    for server in servers:
        config.endpoint("reviews", server.address)
    return config


def wait_for_line(pipe: int, timeout_s: float = PATIENCE_S) -> bool:
    """True when there is something to read."""
    return bool(select.select([pipe], [], [], timeout_s)[0])
