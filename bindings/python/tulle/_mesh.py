# SPDX-License-Identifier: Apache-2.0
"""The mesh, and calls that wait.

A mesh may be used by many threads and closed by one of them. The library wants
no function to begin once closing has; `_users` has an entry for each thread
that is about to call one. Appending and looking at the handle, taking the
handle away and looking at the list: each side does its step before its look, so
one of them sees the other. Nothing here is locked, which is also why a fork()
in the middle of it does no harm."""

from __future__ import annotations

import atexit
import ctypes
import os
import select
import sys
import threading
import time
import warnings
import weakref
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional, Union

from tulle import _request, errors
from tulle import _structs as s
from tulle._library import lib
from tulle._observe import Endpoint, endpoint_callback
from tulle._options import Config, Opened
from tulle._pick import Pick, pick
from tulle._reply import Reply
from tulle._stream import Flight, Stream, failure_of
from tulle._upload import Pump

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from tulle._options import MeshOptions
    from tulle._request import Body, BodyOptions, CallOptions, Duration, HeaderLines

_byref = ctypes.byref
_addressof = ctypes.addressof
_STREAM_OPTIONS = ("size", "window", "trailers")
_CLOSE_TIMEOUT_NS = 5_000_000_000
_all: weakref.WeakSet[Mesh] = weakref.WeakSet()


class Mesh:
    """A service mesh in this process.

        with tulle.Mesh("mesh/") as mesh:
            print(mesh.get("http://reviews/ratings/7").text)

    `config` is a folder or a file of Istio YAML, a ``tulle.Config``, or None.
    The options are those of ``tulle.MeshOptions``."""

    def __init__(self, config: Union[str, os.PathLike[str], Config, None] = None,
                 **options: Unpack[MeshOptions]) -> None:
        self._handle: Optional[int] = None
        self._users: list[None] = []
        self._closing = threading.Lock()
        self._opened = opened = Opened(config, options)
        self.ca_file = options.get("ca_file")
        self._open(opened)
        _all.add(self)

    def _open(self, opened: Opened) -> None:
        raw = opened.raw
        timeout = raw.close_timeout_ns or _CLOSE_TIMEOUT_NS
        self._patience_s = timeout / 2e9
        if timeout != s.NONE:  # one half is waited here, the other one in the library
            raw.close_timeout_ns = max(1, timeout // 2)
        out = ctypes.c_void_p()
        code = self._open_raw(opened, out)
        if code == s.Code.CONFIG:
            found = tuple(opened.errors)
            raise errors.ConfigError("\n".join(found) or "the configuration is wrong", errors=found)
        errors.check(code)
        self._handle = out.value

    def _open_raw(self, opened: Opened, out: ctypes.c_void_p) -> int:
        return int(lib.open(_byref(opened.raw), _byref(out)))

    @property
    def closed(self) -> bool:
        """True once ``close()`` was called."""
        return self._handle is None

    def close(self) -> None:
        """Leaves the mesh: waits for calls in flight up to ``close_timeout``,
        cancels the rest, ends the library's threads."""
        with self._closing:
            handle, self._handle = self._handle, None
            if handle is None:
                return
            due = time.monotonic() + self._patience_s
            while self._users and time.monotonic() < due:
                time.sleep(0.001)
            code = lib.close(handle)
            if code:
                self._handle = handle
                raise errors.of_code(code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self)
            self.close()

    def _enter(self) -> int:
        """The handle, safe from closing until ``self._users.pop()``."""
        self._users.append(None)
        handle = self._handle
        if handle is None:
            self._users.pop()
            raise errors.Closed("the mesh is closed")
        return handle

    def wait_ready(self, timeout: Optional[Duration] = None) -> None:
        """Waits until every source has delivered once; 30 s unless told otherwise."""
        ns = 0 if timeout is None else _request.nanoseconds(timeout)
        handle = self._enter()
        try:
            errors.check(lib.wait_ready(handle, ns))
        finally:
            self._users.pop()

    # --- calls ---

    def request(self, method: str, url: str, body: Optional[Body] = None,
                **options: Unpack[BodyOptions]) -> Reply:
        """Makes a call and waits for the whole reply. A body that yields bytes,
        and a file, are streamed."""
        if options:
            if "json" in options:
                body = _request.with_json(options)
            if any(name in options for name in _STREAM_OPTIONS):
                return self._by_flight(method, url, body, options)
        data = _request.whole(body) if body is not None else None
        if data is None and body is not None:
            return self._by_flight(method, url, body, options)
        request = _request.build(method, url, data, **options)  # type: ignore[misc]
        return self._explained(request) if options.get("explain") else self._call(request)

    def _call(self, request: s.Request) -> Reply:
        failure = s.Failure(_request.FAILURE_SIZE)
        request.failure = _addressof(failure)
        out = ctypes.c_void_p()
        handle = self._enter()
        try:
            code = lib.call(handle, _byref(request), _byref(out))
        finally:
            self._users.pop()
        if code:
            raise errors.of_failure(code, failure)
        return Reply(out.value)  # type: ignore[arg-type]

    def _explained(self, request: s.Request) -> Reply:
        """By a queue and a handle, which can tell the story of a failure too."""
        queue = ctypes.c_void_p()
        errors.check(lib.queue_new(_byref(queue)))
        request.queue = queue
        try:
            call = self._begin(request, None)
            try:
                poll = select.poll()
                poll.register(lib.queue_fd(queue), select.POLLIN)
                poll.poll()
                code = lib.call_error(call)
                if code:
                    raise failure_of(call, code)
            except BaseException:
                lib.call_free(call)
                raise
        finally:
            lib.queue_free(queue)
        return Reply(lib.call_reply(call), call)

    def _by_flight(self, method: str, url: str, body: Any, options: Any) -> Reply:
        flight = self._start(method, url, body, 0, options)
        try:
            code = flight.end()
            if code:
                raise failure_of(flight.call, code)
        except BaseException:
            lib.call_free(flight.call)
            raise
        return Reply(lib.call_reply(flight.call), flight.call)

    def stream(self, method: str, url: str, body: Optional[Body] = None,
               **options: Unpack[BodyOptions]) -> Stream:
        """Makes a call and waits for the head of the reply; the body is read
        from what is returned. The request's body may still be on its way."""
        return self._stream(method, url, body, options)

    def _stream(self, method: str, url: str, body: Any, options: Any, head_ns: int = 0,
                read_ns: int = 0) -> Stream:
        flight = self._start(method, url, body, s.STREAM_REPLY, options)
        try:
            flight.until(s.HEAD, head_ns)
            handle = lib.call_reply(flight.call)
            if not handle:
                raise failure_of(flight.call, lib.call_error(flight.call))
        except BaseException:
            lib.call_free(flight.call)
            raise
        return Stream(handle, flight, read_ns)

    def _start(self, method: str, url: str, body: Any, stream: int, options: Any) -> Flight:
        request, streamed = prepare(method, url, body, stream, options)
        pump = Pump(streamed.body, streamed.trailers) if streamed else None
        return Flight(self._begin(request, None), pump)

    def _begin(self, request: s.Request, user: Optional[int]) -> int:
        out = ctypes.c_void_p()
        handle = self._enter()
        try:
            code = lib.call_start(handle, _byref(request), None, user, _byref(out))
        finally:
            self._users.pop()
        if code:
            raise errors.of_code(code)
        return out.value  # type: ignore[return-value]

    def get(self, url: str, **options: Unpack[CallOptions]) -> Reply:
        """GETs a URL."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Unpack[CallOptions]) -> Reply:
        """HEAD."""
        return self.request("HEAD", url, **options)

    def post(self, url: str, body: Optional[Body] = None,
             **options: Unpack[BodyOptions]) -> Reply:
        """POSTs a body."""
        return self.request("POST", url, body, **options)

    def put(self, url: str, body: Optional[Body] = None, **options: Unpack[BodyOptions]) -> Reply:
        """PUTs a body."""
        return self.request("PUT", url, body, **options)

    def patch(self, url: str, body: Optional[Body] = None,
              **options: Unpack[BodyOptions]) -> Reply:
        """PATCHes with a body."""
        return self.request("PATCH", url, body, **options)

    def delete(self, url: str, body: Optional[Body] = None,
               **options: Unpack[BodyOptions]) -> Reply:
        """DELETEs a URL."""
        return self.request("DELETE", url, body, **options)

    def pick(self, url: str, *, method: str = "GET", headers: Optional[HeaderLines] = None,
             deadline: Optional[Duration] = None) -> Pick:
        """Picks an endpoint for a protocol that the program speaks itself."""
        frame = sys._getframe(1)
        place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        handle = self._enter()
        try:
            return pick(handle, url, method, headers, deadline, place)
        finally:
            self._users.pop()

    # --- what one can see ---

    def metrics(self) -> str:
        """All metrics as Prometheus text."""
        size, out = ctypes.c_size_t(), ctypes.c_void_p()
        handle = self._enter()
        try:
            errors.check(lib.metrics(handle, _byref(size), _byref(out)))
        finally:
            self._users.pop()
        try:
            return ctypes.string_at(out.value or 0, size.value).decode("utf-8")
        finally:
            lib.text_free(out)

    def endpoints(self) -> list[Endpoint]:
        """Every endpoint of every cluster, sorted by cluster and address."""
        out: list[Endpoint] = []
        handle = self._enter()
        try:
            errors.check(lib.endpoints(handle, endpoint_callback(out), None))
        finally:
            self._users.pop()
        return out


class Streamed:
    """A body that is not in memory, and what comes behind it."""

    def __init__(self, body: Any, trailers: Any) -> None:
        self.body, self.trailers = body, trailers


def prepare(method: str, url: str, body: Any, stream: int,
            options: Any) -> tuple[s.Request, Optional[Streamed]]:
    """The request, and its body if that is to be streamed."""
    if "json" in options:
        body = _request.with_json(options)
    size, window, trailers = (options.pop(name, None) for name in _STREAM_OPTIONS)
    data = _request.whole(body) if body is not None else None
    if data is not None and trailers:
        body, data, size = [data], None, None
    request = _request.build(method, url, data, **options)
    streamed = None
    if body is not None and data is None:
        streamed = Streamed(body, trailers)
        stream |= s.STREAM_REQUEST
        request.window = window or 0
        if size is not None:
            request.has_stream_size, request.stream_size = 1, size
    request.stream = stream
    return request, streamed


def _after_fork_in_child() -> None:
    # Threads that were inside a call are not here any more.
    for mesh in list(_all):
        mesh._users = []
        mesh._closing = threading.Lock()


def _at_exit() -> None:
    # The library's threads call Python's log; that must end before Python does.
    for mesh in list(_all):
        mesh.close()


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
