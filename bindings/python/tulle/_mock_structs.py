# SPDX-License-Identifier: Apache-2.0
"""The structs and functions of include/tulle/mock.h."""

from __future__ import annotations

import ctypes
from ctypes import (POINTER, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint16,
                    c_uint32, c_uint64, c_void_p)
from typing import Any

from tulle._library import lib
from tulle._structs import Header, Options


class MockOptions(ctypes.Structure):
    _fields_ = [("size", c_size_t), ("seed", c_uint64), ("start_ns", c_int64),
                ("wall_ns", c_int64), ("strict", c_int32), ("keep_max", c_uint32)]


class Answer(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t), ("kind", c_int32), ("status", c_int32), ("times", c_uint32),
        ("method", c_char_p), ("path", c_char_p), ("prefix", c_char_p),
        ("headers", POINTER(Header)), ("header_count", c_size_t), ("body", c_char_p),
        ("body_size", c_size_t), ("trailers", POINTER(Header)), ("trailer_count", c_size_t),
        ("delay_ns", c_int64), ("connect_ns", c_int64), ("chunk_size", c_size_t),
        ("chunk_ns", c_int64), ("break_at", c_size_t), ("close", c_int32),
    ]


class MockRequest(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t), ("endpoint", c_char_p), ("method", c_char_p), ("url", c_char_p),
        ("headers", c_char_p), ("body", c_void_p), ("body_size", c_size_t), ("at_ns", c_int64),
        ("reused", c_int32), ("unexpected", c_int32),
    ]


class MockPick(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t), ("cluster", c_char_p), ("endpoint", c_char_p), ("result", c_int32),
        ("attempt", c_uint32), ("at_ns", c_int64), ("candidate_count", c_size_t),
    ]


class Candidate(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t), ("address", c_char_p), ("gate", c_char_p), ("why", c_char_p),
        ("weight", c_uint32), ("in_flight", c_uint32),
    ]


class MockEvent(ctypes.Structure):
    _fields_ = [
        ("size", c_size_t), ("kind", c_int32), ("at_ns", c_int64), ("cluster", c_char_p),
        ("endpoint", c_char_p), ("text", c_char_p), ("generation", c_uint64),
        ("method", c_char_p), ("path", c_char_p), ("authority", c_char_p), ("flags", c_char_p),
        ("status", c_int32), ("error", c_int32), ("attempts", c_uint32), ("duration_ns", c_int64),
    ]


_P = c_void_p
WAIT: dict[str, tuple[Any, list[Any]]] = {
    "tulle_mock_open": (c_int, [_P, POINTER(Options), POINTER(c_void_p)]),
    "tulle_mock_run": (c_int, [_P]),
    "tulle_mock_advance": (c_int, [_P, c_int64]),
    "tulle_mock_yaml": (c_int, [_P, c_char_p, c_char_p]),
    "tulle_mock_discovery": (c_int, [_P, c_int32]),
    "tulle_mock_add_service": (c_int, [_P, c_char_p, c_uint16, c_int32]),
    "tulle_mock_remove_service": (c_int, [_P, c_char_p]),
    "tulle_mock_add_endpoint": (c_int, [_P, c_char_p, c_char_p, c_char_p, c_uint32]),
    "tulle_mock_remove_endpoint": (c_int, [_P, c_char_p, c_char_p]),
    "tulle_mock_kill": (c_int, [_P, c_char_p]),
    "tulle_mock_revive": (None, [_P, c_char_p]),
}
QUICK: dict[str, tuple[Any, list[Any]]] = {
    "tulle_mock_options_init": (None, [POINTER(MockOptions), c_size_t]),
    "tulle_mock_new": (c_int, [POINTER(MockOptions), POINTER(c_void_p)]),
    "tulle_mock_free": (None, [_P]),
    "tulle_mock_now": (c_int64, [_P]),
    "tulle_mock_answer_init": (None, [POINTER(Answer), c_size_t]),
    "tulle_mock_answer": (c_int, [_P, c_char_p, POINTER(Answer)]),
    "tulle_mock_unsay": (None, [_P, c_char_p]),
    "tulle_mock_check": (c_int, [_P, POINTER(c_void_p)]),
    "tulle_mock_forget": (None, [_P]),
    "tulle_mock_requests": (c_size_t, [_P, c_char_p]),
    "tulle_mock_request_at": (c_int, [_P, c_size_t, POINTER(MockRequest)]),
    "tulle_mock_picks": (c_size_t, [_P]),
    "tulle_mock_pick_at": (c_int, [_P, c_size_t, POINTER(MockPick)]),
    "tulle_mock_candidate_at": (c_int, [_P, c_size_t, c_size_t, POINTER(Candidate)]),
    "tulle_mock_events": (c_size_t, [_P]),
    "tulle_mock_event_at": (c_int, [_P, c_size_t, POINTER(MockEvent)]),
    "tulle_mock_metric": (c_int, [_P, c_char_p, POINTER(c_double)]),
    "tulle_mock_gate": (c_char_p, [_P, c_char_p]),
}

lib.bind(WAIT, QUICK)
