# SPDX-License-Identifier: Apache-2.0
"""Requests as the library wants them."""

from __future__ import annotations

import ctypes
import json as _json
import math
import re
from collections.abc import AsyncIterable, Iterable, Mapping
from datetime import timedelta
from typing import IO, Any, Callable, Optional, TypedDict, Union

from tulle import _structs as s
from tulle import trace
from tulle.errors import UsageError

#: Seconds, a timedelta, or a text such as "31s", "250ms", "1m30s".
Duration = Union[float, timedelta, str]
HeaderLines = Union[Mapping[str, str], Iterable[tuple[str, str]]]
#: What a request's body may be. Bytes and texts are sent whole; anything that
#: yields bytes, and files, are streamed.
Body = Union[bytes, bytearray, memoryview, str, IO[bytes], Iterable[bytes]]
AsyncBody = Union[Body, AsyncIterable[bytes]]
#: Lines behind a streamed body, or a function that has them when it is over.
Trailers = Union[HeaderLines, Callable[[], HeaderLines]]

REQUEST_SIZE = ctypes.sizeof(s.Request)
FAILURE_SIZE = ctypes.sizeof(s.Failure)
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)")


class CallOptions(TypedDict, total=False):
    """What each call may say; every way of calling takes these by name."""

    #: sent in this order; Host, Content-Length, Transfer-Encoding and Connection are refused
    headers: Optional[HeaderLines]
    #: over all attempts; None: the mesh's; ``math.inf``: none
    deadline: Optional[Duration]
    #: False: one attempt, whatever happens
    retry: bool
    #: sent as Idempotency-Key; makes any method retriable
    idempotency_key: Optional[str]
    #: record the story for ``reply.explain`` and ``error.explain``
    explain: bool
    #: the largest body of a whole reply; None: 64 MiB; 0: no cap
    body_max: Optional[int]
    #: whose trace goes on; None: that of ``tulle.trace.use()``
    context: Optional[trace.Context]


class BodyOptions(CallOptions, total=False):
    """What a call that sends a body may say besides."""

    #: sent as JSON, with its Content-Type, in place of a body
    json: Any
    #: of a streamed body: its size, sent as Content-Length; None: not known (chunked)
    size: Optional[int]
    #: of a streamed body: how much of it is kept for another attempt; None: 64 KiB
    window: Optional[int]
    #: behind a streamed body
    trailers: Optional[Trailers]


def nanoseconds(duration: Duration) -> int:
    """A duration as the library counts it; infinity is its "none"."""
    if isinstance(duration, str):
        parts = _DURATION.findall(duration)
        if not parts or "".join(a + b for a, b in parts) != duration:
            raise UsageError(f'no duration: "{duration}"; say "31s", "250ms" or "1m30s"')
        return round(sum(float(n) * _UNITS[unit] for n, unit in parts) * 1e9)
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    if math.isinf(duration):
        return s.NONE
    return max(1, round(duration * 1e9))


def text(value: Union[str, bytes], encoding: str = "utf-8") -> bytes:
    """As C reads it; a NUL would cut it short there, so it is refused here."""
    if isinstance(value, bytes):
        data = value
    else:
        try:
            data = value.encode(encoding)
        except UnicodeEncodeError:
            data = value.encode("utf-8")
    if b"\0" in data:
        raise UsageError(f"there is a NUL in {data!r}")
    return data


def header_array(headers: HeaderLines) -> Any:
    """The lines as an array of ``struct tulle_header``, which keeps its texts alive."""
    lines = headers.items() if isinstance(headers, Mapping) else headers
    pairs: Any = [(text(name, "latin-1"), text(value, "latin-1")) for name, value in lines]
    return (s.Header * len(pairs))(*pairs)


def with_json(options: Any) -> Optional[bytes]:
    """Takes ``json`` out of the options of a call, adds its header, gives the body."""
    if "json" not in options:
        return None
    body = _json.dumps(options.pop("json"), separators=(",", ":")).encode()
    headers = options.get("headers") or ()
    lines = list(headers.items() if isinstance(headers, Mapping) else headers)
    if not any(name.lower() == "content-type" for name, _ in lines):
        lines.append(("Content-Type", "application/json"))
    options["headers"] = lines
    return body


def build(method: str, url: str, body: Optional[bytes], headers: Optional[HeaderLines] = None,
          deadline: Optional[Duration] = None, retry: bool = True,
          idempotency_key: Optional[str] = None, explain: bool = False,
          body_max: Optional[int] = None,
          context: Optional[trace.Context] = None) -> s.Request:
    """A request that is sent whole; it keeps alive what it points to."""
    request = s.Request(REQUEST_SIZE, text(method), text(url))
    if headers:
        request.headers = array = header_array(headers)
        request.header_count = len(array)
    if body:
        request.body = body
        request.body_size = len(body)
    if deadline is not None:
        request.deadline_ns = nanoseconds(deadline)
    if not retry:
        request.retry = 1
    if idempotency_key is not None:
        request.idempotency_key = text(idempotency_key)
    if explain:
        request.explain = 1
    if body_max is not None:
        request.body_max = body_max or ctypes.c_size_t(-1).value
    current = context if context is not None else trace.current()
    if current is not None:
        request.context = current.handle
    return request


def whole(body: Any) -> Optional[bytes]:
    """The body if it is in memory; None if it is to be streamed."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode("utf-8")
    if isinstance(body, (bytearray, memoryview)):
        return bytes(body)
    return None
