# SPDX-License-Identifier: Apache-2.0
"""httpx over the mesh: one argument moves a client, waiting or under asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, Callable

import httpx
import pytest

import tulle
from conftest import PATIENCE_S, Server
from tulle.adapters.httpx import AsyncTransport, Transport


@pytest.fixture
def client(real: tulle.Mesh) -> Iterator[httpx.Client]:
    with httpx.Client(transport=Transport(real)) as opened:
        yield opened


def asynchronous(real: tulle.Mesh, work: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with httpx.AsyncClient(transport=AsyncTransport(real)) as client:
            return await work(client)

    return asyncio.run(asyncio.wait_for(main(), PATIENCE_S))


def test_a_reply_is_what_httpx_gives(client: httpx.Client) -> None:
    reply = client.get("http://reviews/x", params={"status": "404", "text": "gone"})
    assert (reply.status_code, reply.text, reply.reason_phrase) == (404, "gone", "Not Found")
    assert reply.headers["x-served-by"] and reply.elapsed.total_seconds() > 0
    assert client.post("http://reviews/?echobody", json={"a": 1}).json() == {"a": 1}


def test_redirects_and_cookies_work(client: httpx.Client) -> None:
    client.get("http://reviews/?header=Set-Cookie:who=me;path=/")
    reply = client.get("http://reviews/?status=302&header=Location:/status/201",
                       follow_redirects=True)
    assert reply.status_code == 201 and len(reply.history) == 1


def test_bodies_stream_both_ways(client: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        yield from [b"a" * 50000] * 40

    with client.stream("POST", "http://reviews/?relay", content=pieces()) as reply:
        assert sum(len(chunk) for chunk in reply.iter_bytes()) == 2000000


def test_except_connect_error_still_catches(client: httpx.Client, server: Server) -> None:
    server.stop()
    try:
        client.get("http://reviews/")
    except httpx.ConnectError as error:
        assert isinstance(error.__cause__, tulle.NetworkError) and error.request is not None
    else:
        raise AssertionError("there is no server")


def test_each_failure_is_httpx_own(client: httpx.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        client.get("http://reviews/?hang", timeout=0.1)
    with pytest.raises(httpx.ReadError):
        client.post("http://reviews/?reset", content=b"x")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.get("http://reviews/?body=100000&break=50000")
    with pytest.raises(httpx.UnsupportedProtocol):
        client.get("ftp://reviews/")


def test_what_the_mesh_cannot_honour_is_refused_by_name(real: tulle.Mesh,
                                                        client: httpx.Client) -> None:
    for name, value in (("verify", False), ("proxy", "http://a"), ("cert", "a"), ("retries", 2)):
        with pytest.raises(ValueError, match=name):
            Transport(real, **{name: value})
    with pytest.raises(httpx.LocalProtocolError, match="Host"):
        client.get("http://reviews/", headers={"Host": "else"})
    with pytest.raises(httpx.LocalProtocolError, match="sni_hostname"):
        client.get("http://reviews/", extensions={"sni_hostname": "else"})


def test_the_same_under_asyncio(real: tulle.Mesh) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"a" * 50000

    async def work(client: httpx.AsyncClient) -> None:
        assert (await client.get("http://reviews/?text=hi")).text == "hi"
        replies = await asyncio.gather(*(client.get("http://reviews/") for _ in range(50)))
        assert {reply.status_code for reply in replies} == {200}
        async with client.stream("POST", "http://reviews/?relay", content=pieces()) as reply:
            assert sum([len(chunk) async for chunk in reply.aiter_bytes()]) == 2000000
        with pytest.raises(httpx.ReadTimeout):
            await client.get("http://reviews/?hang", timeout=0.1)
        with pytest.raises(httpx.ReadError):
            await client.post("http://reviews/?reset", content=b"x")

    asynchronous(real, work)


def test_a_server_that_is_gone_is_a_connect_error_under_asyncio(real: tulle.Mesh,
                                                                server: Server) -> None:
    server.stop()

    async def work(client: httpx.AsyncClient) -> None:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://reviews/")

    asynchronous(real, work)
