# SPDX-License-Identifier: Apache-2.0
"""The structs of include/tulle/*.h as ctypes lays them out, and their enums.

A library that is newer may have longer structs: each begins with its size, and
the library reads no further than that."""

from __future__ import annotations

import ctypes
import struct
from ctypes import c_char, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from enum import IntEnum

NONE = 2**63 - 1
NONE_COUNT = 2**32 - 1


class Code(IntEnum):
    """Why a call has no reply: ``enum tulle_error``."""

    OK = 0
    USAGE = 1
    NOMEM = 2
    CONFIG = 3
    REFUSED = 4
    LIMIT = 5
    NO_ENDPOINT = 6
    NETWORK = 7
    TLS = 8
    PEER = 9
    TOO_LARGE = 10
    TIMEOUT = 11
    CANCELLED = 12
    CLOSED = 13
    INTERNAL = 14
    AGAIN = 15
    FORKED = 16


def code_of(number: int) -> Code:
    """A number that only a newer library knows is an internal error here."""
    try:
        return Code(number)
    except ValueError:
        return Code.INTERNAL


class Progress(IntEnum):
    """How far a request got before it failed: ``enum tulle_progress``."""

    NOTHING_SENT = 0
    PERHAPS_EXECUTED = 1
    REFUSED_UNPROCESSED = 2
    ANSWERED = 3


def progress_of(number: int) -> Progress:
    """The least safe to repeat, where only a newer library knows it."""
    try:
        return Progress(number)
    except ValueError:
        return Progress.PERHAPS_EXECUTED


# enum tulle_stream
STREAM_REQUEST, STREAM_REPLY = 1, 2
# enum tulle_event_kind
HEAD, READABLE, WRITABLE, END = 1, 2, 4, 8

LOG_FN = ctypes.CFUNCTYPE(None, c_void_p, c_int32, c_char_p, c_char_p)


class Options(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("config", c_char_p),
        ("built", c_void_p),
        ("name_space", c_char_p),
        ("domain", c_char_p),
        ("ignore_kinds", ctypes.POINTER(c_char_p)),
        ("open_with_errors", c_int32),
        ("outside", c_int32),
        ("loops", c_uint32),
        ("strict_retries", c_int32),
        ("deadline_ns", c_int64),
        ("close_timeout_ns", c_int64),
        ("series_max", c_uint32),
        ("log_level", c_int32),
        ("log", LOG_FN),
        ("log_user", c_void_p),
        ("access", c_void_p),
        ("access_user", c_void_p),
        ("ca_file", c_char_p),
        ("workload", c_char_p),
        ("threads", c_uint32),
        ("after_fork", c_int32),
        ("trace", c_int32),
        ("span", c_void_p),
        ("span_user", c_void_p),
        ("allow_mock", c_int32),
        ("dns_servers", c_char_p),
        ("locality", c_char_p),
        ("labels", c_char_p),
        ("peer_index", c_uint32),
        ("peer_count", c_uint32),
        ("dns_stale_ns", c_int64),
    ]


class Header(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("value", c_char_p)]


class Failure(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("error", c_int32),
        ("progress", c_int32),
        ("status", c_int32),
        ("attempts", c_uint32),
        ("flags", c_char * 16),
        ("layer", c_char * 24),
        ("cluster", c_char * 256),
        ("endpoint", c_char * 64),
        ("text", c_char * 256),
    ]


class Request(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("method", c_char_p),
        ("url", c_char_p),
        ("headers", ctypes.POINTER(Header)),
        ("header_count", c_size_t),
        ("body", c_char_p),
        ("body_size", c_size_t),
        ("deadline_ns", c_int64),
        ("retry", c_int32),
        ("explain", c_int32),
        ("idempotency_key", c_char_p),
        ("body_max", c_size_t),
        ("failure", c_void_p),
        ("stream", c_int32),
        ("has_stream_size", c_int32),
        ("stream_size", c_uint64),
        ("window", c_size_t),
        ("queue", c_void_p),
        ("event", c_void_p),
        ("context", c_void_p),
        ("source", c_char_p),
    ]


class Timings(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("attempt_start_ns", c_int64),
        ("connected_ns", c_int64),
        ("head_ns", c_int64),
        ("end_ns", c_int64),
    ]


class Access(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("method", c_char_p),
        ("authority", c_char_p),
        ("path", c_char_p),
        ("cluster", c_char_p),
        ("endpoint", c_char_p),
        ("flags", c_char_p),
        ("protocol", c_char_p),
        ("route", c_char_p),
        ("status", c_int32),
        ("error", c_int32),
        ("attempts", c_uint32),
        ("duration_ns", c_int64),
        ("bytes_sent", c_uint64),
        ("bytes_received", c_uint64),
    ]


class Span(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("trace_id", c_char_p),
        ("span_id", c_char_p),
        ("parent_id", c_char_p),
        ("sampled", c_int32),
        ("method", c_char_p),
        ("authority", c_char_p),
        ("path", c_char_p),
        ("cluster", c_char_p),
        ("endpoint", c_char_p),
        ("attempt", c_uint32),
        ("status", c_int32),
        ("error", c_int32),
        ("start_ns", c_int64),
        ("end_ns", c_int64),
        ("hedge", c_int32),
    ]


class EndpointState(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t),
        ("cluster", c_char * 256),
        ("address", c_char * 64),
        ("gate", c_char * 16),
        ("weight", c_uint32),
        ("in_flight", c_uint32),
        ("ejections", c_uint32),
        ("requests", c_uint64),
        ("failures", c_uint64),
        ("health", c_char * 16),
    ]


ACCESS_FN = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(Access))
SPAN_FN = ctypes.CFUNCTYPE(None, c_void_p, ctypes.POINTER(Span))
ENDPOINT_FN = ctypes.CFUNCTYPE(None, ctypes.POINTER(EndpointState), c_void_p)

# struct tulle_event, read without making an object for each: call, pick, user, kind, error.
EVENT = struct.Struct("@PPPii")
