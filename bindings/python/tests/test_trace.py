# SPDX-License-Identifier: Apache-2.0
"""Traces that calls carry on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import tulle
from conftest import PATIENCE_S
from tulle.mock import MockMesh

ONE, TWO = "0af7651916cd43dd8448eb211c80319c", "1bf7651916cd43dd8448eb211c80319c"


def parent(trace_id: str) -> dict[str, str]:
    return {"traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}


def trace_of(head: str) -> str:
    (line,) = [line for line in head.splitlines() if line.lower().startswith("traceparent:")]
    return line.split("-")[1]


def test_calls_inside_use_carry_the_trace_on(mesh: MockMesh) -> None:
    mesh.endpoint("reviews", "10.0.0.1:9080")
    with tulle.trace.use({**parent(ONE), "x-request-id": "r-1"}) as context:
        mesh.get("http://reviews/")
        assert context.trace_id == ONE
    mesh.get("http://reviews/", context=tulle.trace.Context(parent(TWO)))
    mesh.get("http://reviews/")
    first, second, third = (request.headers for request in mesh.requests)
    assert first["traceparent"].split("-")[1] == ONE and first["x-request-id"] == "r-1"
    assert first["traceparent"].split("-")[2] != "b7ad6b7169203331"
    assert second["traceparent"].split("-")[1] == TWO
    assert third["traceparent"].split("-")[1] not in (ONE, TWO)


def test_interleaved_tasks_keep_their_own(real: tulle.Mesh) -> None:
    calls = tulle.AsyncMesh(real)

    async def task(trace_id: str) -> set[str]:
        with tulle.trace.use(parent(trace_id)):
            seen = set()
            for _ in range(50):
                seen.add(trace_of((await calls.get("http://reviews/?echo")).text))
                await asyncio.sleep(0)
            return seen

    async def main() -> list[set[str]]:
        return list(await asyncio.gather(task(ONE), task(TWO)))

    assert asyncio.run(asyncio.wait_for(main(), PATIENCE_S)) == [{ONE}, {TWO}]


def test_wsgi_and_asgi_hand_the_trace_over(mesh: MockMesh) -> None:
    mesh.endpoint("reviews", "10.0.0.1:9080")

    def wsgi(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return [mesh.get("http://reviews/").body]

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        mesh.get("http://reviews/")

    tulle.trace.wsgi(wsgi)({"HTTP_TRACEPARENT": parent(ONE)["traceparent"]}, None)
    headers = [(b"traceparent", parent(TWO)["traceparent"].encode())]
    asyncio.run(tulle.trace.asgi(asgi)(  # type: ignore[arg-type]
        {"type": "http", "headers": headers}, None, None))
    assert [request.headers["traceparent"].split("-")[1] for request in mesh.requests] == [ONE, TWO]
