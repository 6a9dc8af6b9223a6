# SPDX-License-Identifier: Apache-2.0
"""A request's body on its way out: chunk by chunk, as much as there is room for."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from typing import Any, Callable, Optional

from tulle import _request
from tulle import _structs as s
from tulle._library import lib
from tulle.errors import UsageError, check

#: What a file is read by, and the most that is written before looking at the reply.
CHUNK = 65536
AGAIN = int(s.Code.AGAIN)


class Upload:
    """One body; over when all of it was taken, or when the call is."""

    def __init__(self, trailers: Optional[_request.Trailers]) -> None:
        self.over = False
        self._trailers = trailers
        self._chunk = b""
        self._address = 0
        self._left = 0
        self._taken = ctypes.c_size_t()

    def load(self, chunk: Any) -> None:
        """The next chunk, when the last one was taken."""
        if not isinstance(chunk, bytes):
            if not isinstance(chunk, (bytearray, memoryview)):
                raise UsageError(f"a body yields bytes, not {type(chunk).__name__}")
            chunk = bytes(chunk)
        self._chunk = chunk
        self._address = ctypes.cast(ctypes.c_char_p(chunk), ctypes.c_void_p).value or 0
        self._left = len(chunk)

    def write(self, call: int) -> bool:
        """Hands the chunk over; False: there is no more room now."""
        while self._left and not self.over:
            code = lib.call_write(call, self._address, self._left, ctypes.byref(self._taken))
            self._address += self._taken.value
            self._left -= self._taken.value
            if code == AGAIN:
                return False
            self._ended(code)
        return True

    def end(self, call: int) -> None:
        """After the last chunk."""
        trailers = self._trailers() if callable(self._trailers) else self._trailers
        array = _request.header_array(trailers) if trailers else None
        self.over = True
        self._ended(lib.call_write_end(call, array, len(array) if array else 0))

    def _ended(self, code: int) -> None:
        if code == s.Code.USAGE or code == s.Code.NOMEM:
            check(code)
        if code:  # the call is over: its end says why
            self.over = True


class Pump(Upload):
    """The body of a call that waits: it is drawn from as the call goes on."""

    def __init__(self, body: Any, trailers: Optional[_request.Trailers]) -> None:
        super().__init__(trailers)
        self._chunks = chunks(body)

    def some(self, call: int) -> None:
        """Writes about CHUNK bytes, or what there is room for."""
        written = 0
        while not self.over and written < CHUNK:
            if not self._left:
                chunk = next(self._chunks, None)
                if chunk is None:
                    self.end(call)
                    return
                self.load(chunk)
            before = self._left
            if not self.write(call):
                return
            written += before


def chunks(body: Any) -> Iterator[Any]:
    """A file is read by chunks; all else yields them itself."""
    read: Optional[Callable[[int], bytes]] = getattr(body, "read", None)
    if read is not None:
        return iter(lambda: read(CHUNK) or None, None)
    if isinstance(body, Iterable):
        return iter(body)
    raise UsageError(f"a body is bytes, text, a file or yields bytes, not {type(body).__name__}")
