# SPDX-License-Identifier: Apache-2.0
"""httpx over the mesh. One argument moves a client:

    httpx.Client(transport=tulle.adapters.httpx.Transport(mesh))
    httpx.AsyncClient(transport=tulle.adapters.httpx.AsyncTransport(mesh))

What fails raises httpx's own exceptions; what a mesh cannot honour is refused by
name. Bodies stream both ways. httpx's timeouts are what they are there, between
bytes; the routes' own timeouts hold besides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple, Optional, Union

import httpx

from tulle import AsyncMesh, AsyncStream, Mesh, Progress, Stream, _request, errors
from tulle._structs import NONE

_FRAMING = {b"content-length", b"transfer-encoding", b"host", b"connection"}
_EXTENSIONS = ("sni_hostname", "target", "network_stream")
_DEFAULTS = {"verify": True, "cert": None, "trust_env": True, "http1": True, "proxy": None,
             "uds": None, "local_address": None, "retries": 0, "socket_options": None}


class _Times(NamedTuple):
    head: Optional[float]
    read: Optional[float]


def _refuse_arguments(arguments: dict[str, Any]) -> None:
    """httpx.HTTPTransport's arguments: those that say nothing new are let through."""
    for name, value in arguments.items():
        if name not in _DEFAULTS or value != _DEFAULTS[name]:
            raise ValueError(f"{name}: a mesh cannot honour it; its own options are tulle.Mesh's")


def _times(request: httpx.Request) -> _Times:
    timeout = request.extensions.get("timeout") or {}
    connect, read = timeout.get("connect"), timeout.get("read")
    return _Times(None if connect is None or read is None else connect + read, read)


def _options(request: httpx.Request) -> dict[str, Any]:
    for name in _EXTENSIONS:
        if name in request.extensions:
            raise httpx.LocalProtocolError(f"{name}: the mesh cannot honour this extension",
                                           request=request)
    if request.url.scheme not in ("http", "https"):
        raise httpx.UnsupportedProtocol(f"{request.url.scheme}: a mesh calls http and https",
                                        request=request)
    options: dict[str, Any] = {"deadline": float("inf"), "headers": []}
    for field, value in request.headers.raw:
        lower = field.lower()
        if lower not in _FRAMING:
            options["headers"].append((field, value))
        elif lower == b"host" and value != request.url.netloc:
            raise httpx.LocalProtocolError(f"Host: {value.decode('latin-1')}: the mesh sends the "
                                           "URL's host", request=request)
        elif lower == b"connection" and value.lower() != b"keep-alive":
            raise httpx.LocalProtocolError("Connection: the mesh keeps its connections",
                                           request=request)
    return options


def _body(request: httpx.Request, options: dict[str, Any]) -> Any:
    """The bytes if they are there, else the stream, with its size if it is known."""
    try:
        return request.content or None
    except httpx.RequestNotRead:
        length = request.headers.get("content-length")
        if length is not None:
            options["size"] = int(length)
        return request.stream


def _translated(error: errors.Error, request: Optional[httpx.Request]) -> Exception:
    early = error.progress == Progress.NOTHING_SENT
    kind: Any = httpx.ReadError
    if isinstance(error, errors.Timeout):
        kind = httpx.ConnectTimeout if early else httpx.ReadTimeout
    elif isinstance(error, errors.PeerError):
        kind = httpx.RemoteProtocolError
    elif isinstance(error, errors.UsageError):
        kind = httpx.LocalProtocolError
    elif isinstance(error, errors.OutOfMemory):
        return error
    elif early or isinstance(error, (errors.TLSError, errors.Refused)):
        kind = httpx.ConnectError
    return kind(str(error), request=request)  # type: ignore[no-any-return]


class _Reply(httpx.SyncByteStream):
    def __init__(self, stream: Stream, request: httpx.Request) -> None:
        self._stream, self._request = stream, request

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except errors.Error as error:
            raise _translated(error, self._request) from error

    def close(self) -> None:
        self._stream.close()


class _AsyncReply(httpx.AsyncByteStream):
    def __init__(self, stream: AsyncStream, request: httpx.Request) -> None:
        self._stream, self._request = stream, request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except errors.Error as error:
            raise _translated(error, self._request) from error

    async def aclose(self) -> None:
        await self._stream.aclose()


def _response(stream: Union[Stream, AsyncStream], body: Any) -> httpx.Response:
    lines = [(name.encode("latin-1"), value.encode("latin-1"))
             for name, value in stream.headers.lines]
    return httpx.Response(stream.status, headers=lines, stream=body)


def _ns(seconds: Optional[float]) -> int:
    return NONE if seconds is None else _request.nanoseconds(seconds)


class Transport(httpx.BaseTransport):
    """Sends what an httpx.Client sends through a mesh, which stays open."""

    def __init__(self, mesh: Mesh, **arguments: Any) -> None:
        _refuse_arguments(arguments)
        self.mesh = mesh

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx.HTTPTransport."""
        options = _options(request)
        times = _times(request)
        try:
            stream = self.mesh._stream(request.method, str(request.url), _body(request, options),
                                       options, _ns(times.head), _ns(times.read))
        except errors.Error as error:
            raise _translated(error, request) from error
        return _response(stream, _Reply(stream, request))


class AsyncTransport(httpx.AsyncBaseTransport):
    """Sends what an httpx.AsyncClient sends through a mesh, which stays open."""

    def __init__(self, mesh: Union[AsyncMesh, Mesh], **arguments: Any) -> None:
        _refuse_arguments(arguments)
        self.mesh = mesh if isinstance(mesh, AsyncMesh) else AsyncMesh(mesh)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """As httpx.AsyncHTTPTransport."""
        options = _options(request)
        times = _times(request)
        try:
            stream = await self.mesh._stream(request.method, str(request.url),
                                             _body(request, options), options, times.head,
                                             times.read)
        except errors.Error as error:
            raise _translated(error, request) from error
        return _response(stream, _AsyncReply(stream, request))


__all__ = ["AsyncTransport", "Transport"]
