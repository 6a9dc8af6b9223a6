# SPDX-License-Identifier: Apache-2.0
"""Calls under asyncio. The mesh's completion queue is a descriptor of the event
loop; a cancelled task cancels its call."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import AsyncIterable, AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Union

from tulle import _structs as s
from tulle._library import lib
from tulle._mesh import Mesh, Streamed, prepare
from tulle._options import Config
from tulle._port import Port, port_of
from tulle._reply import Head, Reply
from tulle._stream import failure_of, timed_out
from tulle._upload import AGAIN, CHUNK, Upload, chunks

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from tulle._options import MeshOptions
    from tulle._request import AsyncBody, BodyOptions, CallOptions


class Flight:
    """A streamed call of an event loop: its events, and its body on its way out."""

    def __init__(self, port: Port, key: int) -> None:
        self.call = 0
        self.ended: Optional[int] = None
        self._port = port
        self._key = key
        self._seen = 0
        self._waiters: dict[int, asyncio.Future[None]] = {}
        self._sender: Optional[asyncio.Task[None]] = None
        port.calls[key] = self

    def told(self, kind: int, error: int) -> None:
        self._seen |= kind
        if kind == s.END:
            self.ended = error
        for wanted, waiter in self._waiters.items():
            if wanted & self._seen or kind == s.END:
                if not waiter.done():
                    waiter.set_result(None)

    def forget(self, kind: int) -> None:
        """Before a look: an event after it counts."""
        self._seen &= ~kind

    async def until(self, kind: int, timeout: Optional[float] = None) -> None:
        """Waits for this kind of event, or the end."""
        if self._seen & (kind | s.END):
            return
        waiter = self._waiters[kind] = asyncio.get_running_loop().create_future()
        try:
            await (waiter if timeout is None else asyncio.wait_for(waiter, timeout))
        except asyncio.TimeoutError:
            self._waiters.pop(kind, None)
            lib.call_cancel(self.call)
            await self.until(s.END)
            raise timed_out(self.call) from None
        finally:
            self._waiters.pop(kind, None)

    def send(self, streamed: Streamed) -> None:
        """Sends the body from a task of its own."""
        self._sender = asyncio.get_running_loop().create_task(self._send(streamed))

    async def _send(self, streamed: Streamed) -> None:
        upload = Upload(streamed.trailers)
        try:
            async for chunk in _all_chunks(streamed.body):
                upload.load(chunk)
                await self._written(upload)
                if upload.over:
                    return
            if self.call:
                upload.end(self.call)
        except asyncio.CancelledError:
            raise
        except BaseException:
            lib.call_cancel(self.call)  # whoever waits for the call hears of it
            raise

    async def _written(self, upload: Upload) -> None:
        while self.call:
            self.forget(s.WRITABLE)
            if upload.write(self.call):
                return
            await self.until(s.WRITABLE)
            if self.ended is not None:
                upload.over = True

    def failed(self, code: int) -> BaseException:
        """Why: the body's own exception, or the call's failure."""
        sender = self._sender
        if sender and sender.done() and not sender.cancelled():
            own = sender.exception()
            if own is not None:
                return own
        return failure_of(self.call, code)

    def dropped(self) -> None:
        """The handle goes now; the garbage collector may say so, on any thread."""
        self.call = 0
        self._port.calls.pop(self._key, None)

    def let_go(self, free: bool) -> None:
        """No events any more, and nothing is sent; `free`: the handle goes as well."""
        self._port.calls.pop(self._key, None)
        if self._sender and not self._sender.done():
            self._sender.cancel()
        if free:
            lib.call_free(self.call)
            self.call = 0


async def _all_chunks(body: Any) -> AsyncIterator[Any]:
    if isinstance(body, AsyncIterable):
        async for chunk in body:
            yield chunk
        return
    for chunk in chunks(body):
        yield chunk
        await asyncio.sleep(0)


class AsyncStream(Head):
    """A reply whose body is read as it comes; what is not read holds the peer up.

        async with mesh.stream("GET", "http://reviews/all") as reply:
            async for chunk in reply: ..."""

    __slots__ = ("_flight", "_buffer", "_got", "_over", "timeout")

    def __init__(self, handle: int, flight: Flight, timeout: Optional[float] = None) -> None:
        super().__init__(handle, flight.call)
        self._flight = flight
        self._buffer = ctypes.create_string_buffer(CHUNK)
        self._got = ctypes.c_size_t()
        self._over = False
        self.timeout = timeout

    def __del__(self, call_free: Any = lib.call_free, reply_free: Any = None) -> None:
        self._flight.dropped()
        call_free(self._call)

    async def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, as soon as there are some; b"": it is over.
        Without a size: all that is still to come."""
        if size < 0:
            return b"".join([chunk async for chunk in self])
        return await self._some(size) if size else b""

    async def _some(self, size: int) -> bytes:
        if self._over:
            return b""
        size = min(size, CHUNK)
        while True:
            self._flight.forget(s.READABLE)
            code = lib.call_read(self._call, self._buffer, size, ctypes.byref(self._got))
            if not code:
                break
            if code != AGAIN:
                self._over = True
                raise self._flight.failed(code)
            await self._flight.until(s.READABLE, self.timeout)
        self._over = not self._got.value
        return ctypes.string_at(self._buffer, self._got.value)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            chunk = await self._some(CHUNK)
            if not chunk:
                return
            yield chunk

    async def aclose(self) -> None:
        """Cancels the call unless it is over. Status and headers stay readable."""
        self._over = True
        self._flight.let_go(free=False)
        lib.call_cancel(self._call)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]],
                        error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await self.aclose()


class _Opening:
    """What ``stream()`` gives: to be awaited, or entered by ``async with``."""

    def __init__(self, opening: Any) -> None:
        self._opening = opening
        self._stream: Optional[AsyncStream] = None

    def __await__(self) -> Any:
        return self._opening.__await__()

    async def __aenter__(self) -> AsyncStream:
        self._stream = stream = await self._opening
        assert isinstance(stream, AsyncStream)
        return stream

    async def __aexit__(self, kind: Optional[type[BaseException]],
                        error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        if self._stream is not None:
            await self._stream.aclose()


class AsyncMesh:
    """A service mesh for asyncio, of a configuration or over a Mesh that is open.

        async with tulle.AsyncMesh("mesh/") as mesh:
            reply = await mesh.get("http://reviews/ratings/7")

    Any number of event loops, each in its thread, may use it at once."""

    def __init__(self, config: Union[str, os.PathLike[str], Config, Mesh, None] = None,
                 **options: Unpack[MeshOptions]) -> None:
        self._owns = not isinstance(config, Mesh)
        #: the same mesh for calls that wait
        self.mesh = config if isinstance(config, Mesh) else Mesh(config, **options)

    async def aclose(self) -> None:
        """Closes the mesh without holding up the loop; a borrowed one stays open."""
        if self._owns:
            await asyncio.get_running_loop().run_in_executor(None, self.mesh.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: Optional[type[BaseException]],
                        error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        await self.aclose()

    async def request(self, method: str, url: str, body: Optional[AsyncBody] = None,
                      **options: Unpack[BodyOptions]) -> Reply:
        """Makes a call and waits for the whole reply. A body that yields bytes
        (also an async one), and a file, are streamed."""
        loop = asyncio.get_running_loop()
        port = port_of(loop)
        await port.turn()
        request, streamed = prepare(method, url, body, 0, options)
        if streamed:
            return await self._upload(port, request, streamed)
        key = next(port.keys)
        request.queue = port.queue
        port.calls[key] = ended = loop.create_future()
        try:
            call = self.mesh._begin(request, key)
        except BaseException:
            del port.calls[key]
            raise
        try:
            code = await ended
            if code:
                raise failure_of(call, code)
        except BaseException:
            port.calls.pop(key, None)
            lib.call_free(call)
            raise
        return Reply(lib.call_reply(call), call)

    def _start(self, port: Port, request: s.Request, streamed: Optional[Streamed]) -> Flight:
        key = next(port.keys)
        request.queue = port.queue
        flight = Flight(port, key)
        try:
            flight.call = self.mesh._begin(request, key)
        except BaseException:
            del port.calls[key]
            raise
        if streamed:
            flight.send(streamed)
        return flight

    async def _upload(self, port: Port, request: s.Request, streamed: Streamed) -> Reply:
        flight = self._start(port, request, streamed)
        try:
            await flight.until(s.END)
            if flight.ended:
                raise flight.failed(flight.ended)
            flight.let_go(free=False)
        except BaseException:
            flight.let_go(free=True)
            raise
        return Reply(lib.call_reply(flight.call), flight.call)

    def stream(self, method: str, url: str, body: Optional[AsyncBody] = None,
               **options: Unpack[BodyOptions]) -> _Opening:
        """Makes a call and waits for the head of the reply; the body is read
        from what comes. The request's body may still be on its way."""
        return _Opening(self._stream(method, url, body, options))

    async def _stream(self, method: str, url: str, body: Any, options: Any,
                      head_s: Optional[float] = None,
                      read_s: Optional[float] = None) -> AsyncStream:
        port = port_of(asyncio.get_running_loop())
        await port.turn()
        request, streamed = prepare(method, url, body, s.STREAM_REPLY, options)
        flight = self._start(port, request, streamed)
        try:
            await flight.until(s.HEAD, head_s)
            handle = lib.call_reply(flight.call)
            if not handle:
                raise flight.failed(flight.ended or s.Code.INTERNAL)
        except BaseException:
            flight.let_go(free=True)
            raise
        return AsyncStream(handle, flight, read_s)

    async def get(self, url: str, **options: Unpack[CallOptions]) -> Reply:
        """GETs a URL."""
        return await self.request("GET", url, **options)

    async def head(self, url: str, **options: Unpack[CallOptions]) -> Reply:
        """HEAD."""
        return await self.request("HEAD", url, **options)

    async def post(self, url: str, body: Optional[AsyncBody] = None,
                   **options: Unpack[BodyOptions]) -> Reply:
        """POSTs a body."""
        return await self.request("POST", url, body, **options)

    async def put(self, url: str, body: Optional[AsyncBody] = None,
                  **options: Unpack[BodyOptions]) -> Reply:
        """PUTs a body."""
        return await self.request("PUT", url, body, **options)

    async def patch(self, url: str, body: Optional[AsyncBody] = None,
                    **options: Unpack[BodyOptions]) -> Reply:
        """PATCHes with a body."""
        return await self.request("PATCH", url, body, **options)

    async def delete(self, url: str, body: Optional[AsyncBody] = None,
                     **options: Unpack[BodyOptions]) -> Reply:
        """DELETEs a URL."""
        return await self.request("DELETE", url, body, **options)

