# SPDX-License-Identifier: Apache-2.0
"""Traces: a server hands over the headers of the request it serves, and every
call made meanwhile carries the trace on.

    with tulle.trace.use(request.headers):
        mesh.get("http://ratings/7")

The scope is a ``contextvars`` one: tasks and threads do not mix."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Awaitable, Callable, Optional, Union

from tulle import _structs as s
from tulle._library import lib
from tulle.errors import check

_current: ContextVar[Optional[Context]] = ContextVar("tulle.trace", default=None)


class Context:
    """A trace that was handed over: W3C, B3, x-request-id and baggage."""

    __slots__ = ("handle",)

    def __init__(self, headers: Union[Mapping[str, str], Iterable[tuple[str, str]]]) -> None:
        self.handle: Optional[int] = None
        lines = headers.items() if isinstance(headers, Mapping) else headers
        pairs: Any = [(name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
                 for name, value in lines]
        out = ctypes.c_void_p()
        check(lib.context_new((s.Header * len(pairs))(*pairs), len(pairs), ctypes.byref(out)))
        self.handle = out.value

    def __del__(self, free: Any = lib.context_free) -> None:
        free(self.handle)

    @property
    def trace_id(self) -> str:
        """32 hex digits; "" when the headers had none."""
        return str(lib.context_trace_id(self.handle).decode("ascii"))


def current() -> Optional[Context]:
    """The context of the innermost ``use()``, if there is one."""
    return _current.get()


@contextlib.contextmanager
def use(context: Union[Context, Mapping[str, str], Iterable[tuple[str, str]]]) -> Iterator[Context]:
    """Calls made inside carry on this trace: a Context, or headers to make one from."""
    if not isinstance(context, Context):
        context = Context(context)
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


def wsgi(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The WSGI application with each request's trace in use while it is called
    (not while a generator that it returned is read)."""

    def traced(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        headers = [(key[5:].replace("_", "-"), value) for key, value in environ.items()
                   if key.startswith("HTTP_") and isinstance(value, str)]
        with use(headers):
            return app(environ, start_response)

    return traced


def asgi(app: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """The ASGI application with each request's trace in use."""

    async def traced(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await app(scope, receive, send)
            return
        with use([(name.decode("latin-1"), value.decode("latin-1"))
                  for name, value in scope["headers"]]):
            await app(scope, receive, send)

    return traced
