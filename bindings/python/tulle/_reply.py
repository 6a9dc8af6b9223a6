# SPDX-License-Identifier: Apache-2.0
"""What comes back. The status is read at once, all else when it is asked for:
most programs look at a status and a body and at nothing more."""

from __future__ import annotations

import ctypes
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Optional

from tulle import _structs as s
from tulle._library import lib


class Headers(Mapping[str, str]):
    """Header lines in the order of the wire, found by name in any case.

    ``headers["Set-Cookie"]`` joins the lines of that name with ", ";
    ``headers.all(name)`` has them one by one, ``headers.lines`` all there are."""

    __slots__ = ("lines",)

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self.lines = lines

    def all(self, name: str) -> list[str]:
        """The values of each line of this name."""
        wanted = name.lower()
        return [value for key, value in self.lines if key.lower() == wanted]

    def __getitem__(self, name: str) -> str:
        found = self.all(name)
        if not found:
            raise KeyError(name)
        return found[0] if len(found) == 1 else ", ".join(found)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.all(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.lower() for name, _ in self.lines))

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.lines})

    def __repr__(self) -> str:
        return f"Headers({self.lines!r})"


class Timings(NamedTuple):
    """Where the time went, in seconds from the call's start; None: did not happen."""

    attempt_start: Optional[float]
    connected: Optional[float]
    head: Optional[float]
    end: Optional[float]


def _lines(count: Any, line_at: Any, handle: int) -> list[tuple[str, str]]:
    line = s.Header()
    at = ctypes.byref(line)
    out = []
    for index in range(count(handle)):
        line_at(handle, index, at)
        out.append((line.name.decode("latin-1"), line.value.decode("latin-1")))
    return out


def _seconds(ns: int) -> Optional[float]:
    return ns / 1e9 if ns else None


class Head:
    """Status, headers and story of a reply, whole or streamed."""

    __slots__ = ("status", "_handle", "_call", "_headers", "__weakref__")

    #: the HTTP status
    status: int

    def __init__(self, handle: int, call: int) -> None:
        self._handle = handle
        self._call = call
        self._headers: Optional[Headers] = None
        self.status = lib.reply_status(handle)

    def __del__(self, call_free: Any = lib.call_free, reply_free: Any = lib.reply_free) -> None:
        if self._call:
            call_free(self._call)
        else:
            reply_free(self._handle)

    @property
    def ok(self) -> bool:
        """True for 2xx and 3xx."""
        return 200 <= self.status < 400

    @property
    def headers(self) -> Headers:
        """The header lines."""
        if self._headers is None:
            self._headers = Headers(_lines(lib.reply_header_count, lib.reply_header_at,
                                           self._handle))
        return self._headers

    @property
    def trailers(self) -> Headers:
        """The lines that came behind the body."""
        return Headers(_lines(lib.reply_trailer_count, lib.reply_trailer_at, self._handle))

    @property
    def attempts(self) -> int:
        """How many attempts were made, the first included."""
        return int(lib.reply_attempts(self._handle))

    @property
    def endpoint(self) -> str:
        """Who answered, "10.0.0.1:9080"."""
        return str(lib.reply_endpoint(self._handle).decode("ascii", "replace"))

    @property
    def explain(self) -> str:
        """The story of a call that was made with ``explain=True``, else ""."""
        return str(lib.reply_explain(self._handle).decode("utf-8", "replace"))

    @property
    def timings(self) -> Timings:
        """Where the time went."""
        out = s.Timings(ctypes.sizeof(s.Timings))
        lib.reply_timings(self._handle, ctypes.byref(out))
        return Timings(_seconds(out.attempt_start_ns), _seconds(out.connected_ns),
                       _seconds(out.head_ns), _seconds(out.end_ns))

    @property
    def encoding(self) -> str:
        """The charset of Content-Type, or UTF-8."""
        found = re.search(r'charset\s*=\s*"?([^\s";]+)', self.headers.get("content-type", ""), re.I)
        return found.group(1) if found else "utf-8"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status} from {self.endpoint}>"


class Reply(Head):
    """A whole reply. A status is no failure: look at ``status`` or ``ok``."""

    __slots__ = ("_body",)

    def __init__(self, handle: int, call: int = 0) -> None:
        super().__init__(handle, call)
        self._body: Optional[bytes] = None

    @property
    def body(self) -> bytes:
        """The body as it came."""
        if self._body is None:
            self._body = ctypes.string_at(lib.reply_body(self._handle),
                                          lib.reply_body_size(self._handle))
        return self._body

    @property
    def text(self) -> str:
        """The body as text; bytes that its charset does not have become U+FFFD."""
        try:
            return self.body.decode(self.encoding, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)
