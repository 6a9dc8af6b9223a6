# SPDX-License-Identifier: Apache-2.0
"""Bodies that stream, for programs that wait. One thread does both directions:
while the reply is read, the request's body is drawn from."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Optional

from tulle import errors
from tulle import _structs as s
from tulle._library import lib
from tulle._reply import Head
from tulle._upload import AGAIN, CHUNK, Pump

if TYPE_CHECKING:
    from typing_extensions import Self

_byref = ctypes.byref
END = s.END


def failure_of(call: int, code: int) -> errors.Error:
    """Why this call failed."""
    found = lib.call_failure(call)
    story = lib.call_explain(call).decode("utf-8", "replace") if found else ""
    return errors.of_failure(code, found.contents if found else None, story)


def timed_out(call: int) -> errors.Error:
    """Why nothing came in time, of a call that was cancelled for it."""
    found = failure_of(call, s.Code.CANCELLED)
    return errors.Timeout("nothing came in time", progress=found.progress, status=504,
                          attempts=found.attempts, layer="app", cluster=found.cluster,
                          endpoint=found.endpoint, explain=found.explain)


class Flight:
    """A call that was started and is waited for by a thread."""

    def __init__(self, call: int, pump: Optional[Pump]) -> None:
        self.call = call
        self._pump = pump
        self._ready = ctypes.c_int32()

    def until(self, kinds: int, timeout_ns: int = 0) -> None:
        """Waits for one of `kinds` or the end, and sends of the body meanwhile.
        `timeout_ns` begins anew whenever some of the body was sent; when it is
        over, so is the call."""
        while True:
            wanted = kinds | END
            if self._pump and not self._pump.over:
                self._pump.some(self.call)
                wanted |= 0 if self._pump.over else s.WRITABLE
            code = lib.call_wait(self.call, wanted, timeout_ns, _byref(self._ready))
            if code == s.Code.TIMEOUT and not kinds & END:
                lib.call_cancel(self.call)
                self.end()
                raise timed_out(self.call)
            errors.check(code)
            if self._ready.value & (kinds | END):
                return

    def end(self) -> int:
        """Waits for the end; gives its code."""
        self.until(END)
        return int(lib.call_error(self.call))

    def send_some(self) -> None:
        """A reader that never has to wait sends all the same."""
        if self._pump and not self._pump.over:
            self._pump.some(self.call)


class Stream(Head):
    """A reply whose body is read as it comes; what is not read holds the peer up.

        with mesh.stream("GET", "http://reviews/all") as reply:
            for chunk in reply: ...

    Leaving the block early cancels the call."""

    __slots__ = ("_flight", "_buffer", "_got", "_over", "timeout_ns")

    def __init__(self, handle: int, flight: Flight, timeout_ns: int = 0) -> None:
        super().__init__(handle, flight.call)
        self._flight = flight
        self._buffer = ctypes.create_string_buffer(CHUNK)
        self._got = ctypes.c_size_t()
        self._over = False
        self.timeout_ns = timeout_ns

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, as soon as there are some; b"": it is over.
        Without a size: all that is still to come."""
        if size < 0:
            return b"".join(self)
        return self._some(size) if size else b""

    def _some(self, size: int) -> bytes:
        if self._over:
            return b""
        size = min(size, CHUNK)
        self._flight.send_some()
        while True:
            code = lib.call_read(self._call, self._buffer, size, _byref(self._got))
            if not code:
                break
            if code != AGAIN:
                self._over = True
                raise failure_of(self._call, code)
            self._flight.until(s.READABLE, self.timeout_ns)
        self._over = not self._got.value
        return ctypes.string_at(self._buffer, self._got.value)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            chunk = self._some(CHUNK)
            if not chunk:
                return
            yield chunk

    def lines(self) -> Iterator[str]:
        """The body as lines of text, without their ends."""
        rest = b""
        for chunk in self:
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield line.rstrip(b"\r").decode(self.encoding, "replace")
        if rest:
            yield rest.decode(self.encoding, "replace")

    def close(self) -> None:
        """Cancels the call unless it is over. Status and headers stay readable."""
        self._over = True
        lib.call_cancel(self._call)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

