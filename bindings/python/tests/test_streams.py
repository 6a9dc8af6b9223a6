# SPDX-License-Identifier: Apache-2.0
"""Bodies that stream, waiting and under asyncio."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator

import pytest

import tulle
from conftest import PATIENCE_S, Server

MEGABYTE = 1 << 20


def pieces(count: int, size: int = 10000) -> Iterator[bytes]:
    for number in range(count):
        yield bytes([number % 251]) * size


async def async_pieces(count: int, size: int = 10000) -> AsyncIterator[bytes]:
    for piece in pieces(count, size):
        yield piece
        await asyncio.sleep(0)


def test_an_iterable_and_a_file_are_sent_as_they_come(real: tulle.Mesh) -> None:
    whole = b"".join(pieces(100))
    assert real.post("http://reviews/?relay", pieces(100)).body == whole
    assert real.post("http://reviews/?relay", io.BytesIO(whole)).body == whole
    assert real.post("http://reviews/?relay", io.BytesIO(whole), size=len(whole)).body == whole


def test_trailers_go_and_come(real: tulle.Mesh) -> None:
    seen = 0

    def counted() -> Iterator[bytes]:
        nonlocal seen
        for piece in pieces(3, 10):
            seen += len(piece)
            yield piece

    reply = real.post("http://reviews/?relay", counted(), trailers=lambda: {"X-Sum": str(seen)})
    assert reply.trailers["x-sum"] == "30"


def test_both_directions_run_at_once_in_one_thread(real: tulle.Mesh) -> None:
    """More than all windows and sockets hold: sending has to go on while reading."""
    sent = 0

    def counted() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += MEGABYTE
            yield b"x" * MEGABYTE

    got = 0
    with real.stream("POST", "http://reviews/?relay", counted()) as reply:
        assert reply.status == 200
        early = sent
        for chunk in reply:
            got += len(chunk)
    assert got == sent == 64 * MEGABYTE and early < 64 * MEGABYTE


def test_a_reader_that_stops_stops_the_server(real: tulle.Mesh, server: Server) -> None:
    with real.stream("GET", f"http://reviews/?body={256 * MEGABYTE}") as reply:
        assert len(reply.read(10)) == 10
        assert real.get("http://reviews/").status == 200
    assert server.process.poll() is None


def test_lines_are_cut_where_they_end(real: tulle.Mesh) -> None:
    with real.stream("POST", "http://reviews/?relay", [b"one\ntw", b"o\r\nthree"]) as reply:
        assert list(reply.lines()) == ["one", "two", "three"]


def test_a_body_that_breaks_off_is_an_error_after_what_came(real: tulle.Mesh) -> None:
    got = 0
    with pytest.raises(tulle.NetworkError) as failed:
        with real.stream("GET", "http://reviews/?body=100000&break=50000&piece=1000") as reply:
            for chunk in reply:
                got += len(chunk)
    assert got == 50000 and failed.value.progress == tulle.Progress.ANSWERED


def test_what_the_body_raises_comes_out(real: tulle.Mesh) -> None:
    def bad() -> Iterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        real.post("http://reviews/?relay", bad())
    with pytest.raises(tulle.UsageError, match="int"):
        real.post("http://reviews/?relay", iter([1]))  # type: ignore[arg-type]
    assert real.get("http://reviews/").status == 200


def test_an_early_answer_ends_the_body(real: tulle.Mesh) -> None:
    # The server reads on: one that closes at once may take its answer back (RST).
    assert real.post("http://reviews/?early&status=413", pieces(10000)).status == 413


def test_asyncio_streams_both_ways(real: tulle.Mesh) -> None:
    calls = tulle.AsyncMesh(real)

    async def main() -> tuple[bytes, int]:
        whole = await calls.post("http://reviews/?relay", async_pieces(200),
                                 trailers={"X-T": "1"})
        assert whole.trailers["x-t"] == "1"
        got = 0
        async with calls.stream("POST", "http://reviews/?relay", async_pieces(2000)) as reply:
            async for chunk in reply:
                got += len(chunk)
        return whole.body, got

    body, got = asyncio.run(asyncio.wait_for(main(), PATIENCE_S))
    assert body == b"".join(pieces(200)) and got == 2000 * 10000


def test_asyncio_hears_what_the_body_raises(real: tulle.Mesh) -> None:
    calls = tulle.AsyncMesh(real)

    async def bad() -> AsyncIterator[bytes]:
        yield b"a"
        raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await calls.post("http://reviews/?relay", bad())
        with pytest.raises(ZeroDivisionError):
            async with calls.stream("POST", "http://reviews/?relay", bad()) as reply:
                await reply.read()
        assert (await calls.get("http://reviews/")).status == 200

    asyncio.run(asyncio.wait_for(main(), PATIENCE_S))


def test_a_stream_that_is_left_is_cancelled(real: tulle.Mesh, server: Server) -> None:
    calls = tulle.AsyncMesh(real)

    async def main() -> None:
        async with calls.stream("GET", f"http://reviews/?body={256 * MEGABYTE}") as reply:
            assert await reply.read(10)
        stream = await calls.stream("GET", f"http://reviews/?body={256 * MEGABYTE}")
        assert stream.status == 200
        del stream
        assert (await calls.get("http://reviews/")).status == 200

    asyncio.run(asyncio.wait_for(main(), PATIENCE_S))
    (endpoint,) = real.endpoints()
    assert endpoint.in_flight == 0
