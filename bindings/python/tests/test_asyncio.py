# SPDX-License-Identifier: Apache-2.0
"""asyncio: many calls, many loops, cancellation, and loops that go on turning.

How long a loop was held up is measured in the loop itself: a task that only
yields notes the time from one of its turns to the next. Two clocks: the wall's,
which has the other thread's turns at the interpreter and whatever else the
machine does in it; and the thread's own CPU time, which has what this loop had
to work through between two turns. The bar of 5 ms is held by CPU time in the median
round (where others use the machine, they use this time as well). By the wall the
best round is held to ten times that: a library that sleeps or waits for a lock does
so in each round, a busy machine does not. What this machine does to two loops that
call nothing is measured and told beside it."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable, NamedTuple

import pytest

import tulle
from conftest import PATIENCE_S, Server, config_of

LOOPS, CALLS, ROUNDS, BAR_S = 2, 1000, 12, 0.005
IDLE_S = 1  # of loops that only turn
SHARED_S = 0.05  # by the wall, on a machine that others use as well


class Gap(NamedTuple):
    wall: float
    cpu: float


class Heartbeat:
    """The greatest time between two turns of the loop."""

    def __init__(self) -> None:
        self.worst = Gap(0, 0)
        self._task = asyncio.ensure_future(self._beat())

    async def _beat(self) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        while True:
            await asyncio.sleep(0)
            now, used = time.perf_counter(), time.thread_time()
            self.worst = Gap(max(self.worst.wall, now - wall), max(self.worst.cpu, used - cpu))
            wall, cpu = now, used

    async def stop(self) -> Gap:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        return self.worst


@pytest.fixture
def latency_settings() -> Iterator[None]:
    """What a program does that minds 5 ms. Two loops share one interpreter: each hands
    it over after 0.5 ms, not 5. A full collection takes 10 to 30 ms among pytest's own
    objects: they are frozen, so that it goes over those of the calls alone."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    sys.setswitchinterval(before)


async def start_all(calls: tulle.AsyncMesh, url: str) -> list[asyncio.Task[tulle.Reply]]:
    """A thousand tasks; making them is the program's own work, so it yields."""
    tasks = []
    for number in range(CALLS):
        tasks.append(asyncio.ensure_future(calls.get(url)))
        if number % 20 == 19:
            await asyncio.sleep(0)
    return tasks


async def one_loop(calls: tulle.AsyncMesh, all_wait: Callable[[], object]) -> Gap:
    heart = Heartbeat()
    tasks = await start_all(calls, "http://reviews/?hold")
    await asyncio.get_running_loop().run_in_executor(None, all_wait)
    for task in tasks:
        assert (await task).status == 200
    return await heart.stop()


def in_threads(count: int, work: Callable[[], Any]) -> list[Any]:
    """What `work` gave in each of the threads."""
    out: list[Any] = []
    threads = [threading.Thread(target=lambda: out.append(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * PATIENCE_S)
    assert len(out) == count
    return out


async def idle_loop() -> Gap:
    heart = Heartbeat()
    await asyncio.sleep(IDLE_S)
    return await heart.stop()


def worst(gaps: list[Gap]) -> Gap:
    return Gap(max(gap.wall for gap in gaps), max(gap.cpu for gap in gaps))


def one_round(calls: tulle.AsyncMesh, server: Server) -> Gap:
    def release() -> None:
        due = time.monotonic() + PATIENCE_S
        while server.counts()["in_flight"] < LOOPS * CALLS:
            assert time.monotonic() < due
            time.sleep(0.01)
        server.command("release")

    barrier = threading.Barrier(LOOPS, action=release)
    gaps = in_threads(LOOPS, lambda: asyncio.run(
        one_loop(calls, lambda: barrier.wait(2 * PATIENCE_S))))
    return worst(gaps)


def test_a_thousand_calls_on_each_of_two_loops_hold_neither_up(
        server: Server, latency_settings: None, capsys: pytest.CaptureFixture[str]) -> None:
    with tulle.AsyncMesh(config_of(server), deadline="5m").mesh as mesh:
        calls = tulle.AsyncMesh(mesh)
        rounds = []
        for _ in range(ROUNDS):
            rounds.append(one_round(calls, server))
            if rounds[-1].wall < BAR_S and len(rounds) > 2:
                break
    idle = worst(in_threads(LOOPS, lambda: asyncio.run(idle_loop())))
    wall, cpu = sorted(gap.wall for gap in rounds), sorted(gap.cpu for gap in rounds)
    with capsys.disabled():
        print(f"\n{LOOPS} loops x {CALLS} calls at once, {len(rounds)} rounds: a loop was held up "
              f"for {cpu[len(cpu) // 2] * 1e3:.2f} ms of its own time, at most {cpu[-1] * 1e3:.2f} "
              f"ms; by the wall {wall[0] * 1e3:.2f} to {wall[-1] * 1e3:.2f} ms; loops that call "
              f"nothing: {idle.cpu * 1e3:.2f} ms, by the wall {idle.wall * 1e3:.2f} ms")
    assert cpu[len(cpu) // 2] < BAR_S
    assert wall[0] < SHARED_S


def test_the_round_trip_is_told(real: tulle.Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    calls = tulle.AsyncMesh(real)

    async def main() -> list[float]:
        times = []
        for _ in range(500):
            began = time.perf_counter()
            assert (await calls.get("http://reviews/")).status == 200
            times.append(time.perf_counter() - began)
        return sorted(times)

    times = asyncio.run(main())
    with capsys.disabled():
        print(f"\nround trip by asyncio: p50 {times[250] * 1e6:.0f} us, p99 {times[495] * 1e6:.0f} us")


def test_a_cancelled_task_cancels_its_call(real: tulle.Mesh, server: Server) -> None:
    calls = tulle.AsyncMesh(real)

    async def main() -> None:
        task = asyncio.ensure_future(calls.get("http://reviews/?hang"))
        while server.counts()["in_flight"] == 0:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        due = time.monotonic() + PATIENCE_S
        while real.endpoints()[0].in_flight and time.monotonic() < due:
            await asyncio.sleep(0.01)

    asyncio.run(main())
    assert real.endpoints()[0].in_flight == 0


def test_failures_come_as_they_do_without_asyncio(real: tulle.Mesh) -> None:
    calls = tulle.AsyncMesh(real)

    async def main() -> None:
        with pytest.raises(tulle.Timeout) as failed:
            await calls.get("http://reviews/?hang", deadline="50ms", explain=True)
        assert failed.value.status == 504 and "deadline" in failed.value.explain
        with pytest.raises(tulle.UsageError):
            await calls.get("reviews")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(calls.get("http://reviews/?hang"), 0.05)

    asyncio.run(main())


def test_one_loop_after_the_other_uses_the_mesh(real: tulle.Mesh) -> None:
    calls = tulle.AsyncMesh(real)

    async def main() -> int:
        return (await calls.get("http://reviews/")).status

    assert [asyncio.run(main()) for _ in range(20)] == [200] * 20


def test_closing_under_asyncio_does_not_hold_up_the_loop(server: Server) -> None:
    async def main() -> None:
        async with tulle.AsyncMesh(config_of(server), close_timeout="200ms") as calls:
            task = asyncio.ensure_future(calls.get("http://reviews/?hang"))
            while server.counts()["in_flight"] == 0:
                await asyncio.sleep(0.01)
        with pytest.raises(tulle.Cancelled):
            await task
        with pytest.raises(tulle.Closed):
            await calls.get("http://reviews/")

    asyncio.run(main())
