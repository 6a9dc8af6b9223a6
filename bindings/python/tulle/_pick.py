# SPDX-License-Identifier: Apache-2.0
"""Picks: the mesh chooses an endpoint, the program speaks to it itself."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p
from types import TracebackType
from typing import TYPE_CHECKING, Any, Optional

from tulle import _request, errors
from tulle import _structs as s
from tulle._library import lib

if TYPE_CHECKING:
    from typing_extensions import Self


class PickRequest(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t), ("url", c_char_p), ("method", c_char_p),
        ("headers", POINTER(s.Header)), ("header_count", c_size_t), ("deadline_ns", c_int64),
        ("place", c_char_p), ("queue", c_void_p), ("failure", c_void_p),
        ("hash_key", c_char_p),
    ]


class PickResult(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("error", c_int32), ("status", c_int32)]


lib.bind({"tulle_pick": (c_int, [c_void_p, POINTER(PickRequest), POINTER(c_void_p)])},
         {"tulle_pick_address": (c_char_p, [c_void_p]),
          "tulle_pick_cluster": (c_char_p, [c_void_p]),
          "tulle_pick_done": (None, [c_void_p, POINTER(PickResult)])})

# The library keeps no copy of a place: these stay for good, one for each line of a program.
_places: dict[str, bytes] = {}


class Pick:
    """An endpoint that was picked; it counts as a request in flight until ``done()``.

        with mesh.pick("http://redis:6379/") as pick:
            talk_to(pick.address)

    What the block raises counts as the endpoint's failure."""

    def __init__(self, handle: int) -> None:
        self._handle: Optional[int] = handle
        #: "10.0.0.1:6379"
        self.address = str(lib.pick_address(handle).decode("ascii"))
        #: "outbound|6379||redis.default.svc.cluster.local"
        self.cluster = str(lib.pick_cluster(handle).decode("utf-8"))

    def done(self, error: s.Code = s.Code.OK, status: int = 0) -> None:
        """Reports what came of it, once."""
        handle, self._handle = self._handle, None
        result = PickResult(ctypes.sizeof(PickResult), int(error), status)
        lib.pick_done(handle, ctypes.byref(result))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        if self._handle is None:
            return
        if error is None:
            self.done()
        elif isinstance(error, Exception):
            timeout = isinstance(error, TimeoutError)
            self.done(s.Code.TIMEOUT if timeout else s.Code.NETWORK)
        else:
            self.done(s.Code.CANCELLED)


def pick(handle: int, url: str, method: str, headers: Optional[_request.HeaderLines],
         deadline: Optional[_request.Duration], place: str) -> Pick:
    """Picks an endpoint of an open mesh."""
    failure = s.Failure(_request.FAILURE_SIZE)
    raw: Any = PickRequest(ctypes.sizeof(PickRequest), _request.text(url), _request.text(method))
    if headers:
        raw.headers = array = _request.header_array(headers)
        raw.header_count = len(array)
    raw.deadline_ns = 0 if deadline is None else _request.nanoseconds(deadline)
    raw.place = _places.setdefault(place, place.encode("utf-8", "replace"))
    raw.failure = ctypes.addressof(failure)
    out = c_void_p()
    code = lib.pick(handle, ctypes.byref(raw), ctypes.byref(out))
    if code:
        raise errors.of_failure(code, failure)
    return Pick(out.value or 0)
