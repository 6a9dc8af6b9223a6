# SPDX-License-Identifier: Apache-2.0
"""Finds the shared library, checks its ABI and gives its functions their types.

Two handles on one library. Functions that may wait go by ``CDLL``, which lets
other threads of Python run meanwhile. The short ones go by ``PyDLL``, which
keeps the interpreter's lock: giving it up costs more than they take, and under
many threads getting it back may cost five milliseconds."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint16, c_uint32, c_void_p
from typing import Any

from tulle import _structs as s

ABI = 0
SONAME = f"libtulle.so.{ABI}"

# name: (result, arguments)
WAIT: dict[str, tuple[Any, list[Any]]] = {
    "tulle_open": (c_int, [POINTER(s.Options), POINTER(c_void_p)]),
    "tulle_wait_ready": (c_int, [c_void_p, c_int64]),
    "tulle_close": (c_int, [c_void_p]),
    "tulle_call": (c_int, [c_void_p, POINTER(s.Request), POINTER(c_void_p)]),
    "tulle_call_wait": (c_int, [c_void_p, c_int32, c_int64, POINTER(c_int32)]),
    "tulle_metrics": (c_int, [c_void_p, POINTER(c_size_t), POINTER(c_void_p)]),
    "tulle_endpoints": (c_int, [c_void_p, s.ENDPOINT_FN, c_void_p]),
}
QUICK: dict[str, tuple[Any, list[Any]]] = {
    "tulle_version": (c_char_p, []),
    "tulle_abi_version": (c_uint32, []),
    "tulle_error_text": (c_char_p, [c_int32]),
    "tulle_options_init": (None, [POINTER(s.Options), c_size_t]),
    "tulle_config_new": (c_int, [POINTER(c_void_p)]),
    "tulle_config_free": (None, [c_void_p]),
    "tulle_config_add_service": (c_int, [c_void_p, c_char_p, c_uint16, c_int32]),
    "tulle_config_add_endpoint": (c_int, [c_void_p, c_char_p, c_char_p, c_char_p, c_uint32]),
    "tulle_config_set": (c_int, [c_void_p, c_char_p, c_char_p, c_char_p]),
    "tulle_config_fault": (c_char_p, [c_void_p]),
    "tulle_config_add_yaml": (c_int, [c_void_p, c_char_p, c_char_p]),
    "tulle_call_start": (c_int, [c_void_p, POINTER(s.Request), c_void_p, c_void_p,
                                 POINTER(c_void_p)]),
    "tulle_call_cancel": (None, [c_void_p]),
    "tulle_call_free": (None, [c_void_p]),
    "tulle_call_reply": (c_void_p, [c_void_p]),
    "tulle_call_failure": (POINTER(s.Failure), [c_void_p]),
    "tulle_call_explain": (c_char_p, [c_void_p]),
    "tulle_call_error": (c_int, [c_void_p]),
    "tulle_call_write": (c_int, [c_void_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tulle_call_write_end": (c_int, [c_void_p, POINTER(s.Header), c_size_t]),
    "tulle_call_read": (c_int, [c_void_p, c_void_p, c_size_t, POINTER(c_size_t)]),
    "tulle_reply_free": (None, [c_void_p]),
    "tulle_reply_status": (c_int32, [c_void_p]),
    "tulle_reply_body": (c_void_p, [c_void_p]),
    "tulle_reply_body_size": (c_size_t, [c_void_p]),
    "tulle_reply_header": (c_char_p, [c_void_p, c_char_p]),
    "tulle_reply_header_count": (c_size_t, [c_void_p]),
    "tulle_reply_header_at": (c_int, [c_void_p, c_size_t, POINTER(s.Header)]),
    "tulle_reply_trailer_count": (c_size_t, [c_void_p]),
    "tulle_reply_trailer_at": (c_int, [c_void_p, c_size_t, POINTER(s.Header)]),
    "tulle_reply_attempts": (c_uint32, [c_void_p]),
    "tulle_reply_endpoint": (c_char_p, [c_void_p]),
    "tulle_reply_explain": (c_char_p, [c_void_p]),
    "tulle_reply_timings": (c_int, [c_void_p, POINTER(s.Timings)]),
    "tulle_text_free": (None, [c_void_p]),
    "tulle_queue_new": (c_int, [POINTER(c_void_p)]),
    "tulle_queue_free": (None, [c_void_p]),
    "tulle_queue_fd": (c_int, [c_void_p]),
    "tulle_queue_take": (c_size_t, [c_void_p, c_void_p, c_size_t]),
    "tulle_context_new": (c_int, [POINTER(s.Header), c_size_t, POINTER(c_void_p)]),
    "tulle_context_free": (None, [c_void_p]),
    "tulle_context_trace_id": (c_char_p, [c_void_p]),
}


def candidates() -> list[str]:
    """Where the library may be: TULLE_LIBRARY alone if it is set, else the
    package's own, then what the loader finds by its soname."""
    named = os.environ.get("TULLE_LIBRARY")
    if named:
        return [named]
    own = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_lib", SONAME)
    return [own, SONAME] if os.path.exists(own) else [SONAME]


def _open() -> tuple[str, ctypes.CDLL, ctypes.PyDLL]:
    errors = []
    for path in candidates():
        try:
            return path, ctypes.CDLL(path), ctypes.PyDLL(path)
        except OSError as error:
            errors.append(str(error))
    hint = ""
    if "libcurl" in " ".join(errors):
        hint = " (libcurl.so.4 comes with Debian's package libcurl4)"
    raise ImportError(f"no libtulle: {'; '.join(errors)}{hint}; TULLE_LIBRARY may name it")


def _typed(library: ctypes.CDLL, name: str, signature: tuple[Any, list[Any]], path: str) -> Any:
    try:
        function = getattr(library, name)
    except AttributeError:
        raise ImportError(f"{path} has no {name}(): it is older than this package") from None
    function.restype, function.argtypes = signature
    return function


class Library:
    """The functions by their names without ``tulle_``."""

    def __init__(self) -> None:
        self.path, self.waiting, self.quick = _open()
        abi = _typed(self.quick, "tulle_abi_version", (c_uint32, []), self.path)()
        if abi != ABI:
            raise ImportError(f"{self.path} has ABI {abi}, this package needs ABI {ABI}: "
                              "install the package of that library")
        self.bind(WAIT, QUICK)

    def bind(self, wait: dict[str, tuple[Any, list[Any]]],
             quick: dict[str, tuple[Any, list[Any]]]) -> None:
        for library, table in ((self.waiting, wait), (self.quick, quick)):
            for name, signature in table.items():
                setattr(self, name[len("tulle_"):], _typed(library, name, signature, self.path))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"tulle_{name} is not bound")


lib = Library()
