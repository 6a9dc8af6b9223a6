# SPDX-License-Identifier: Apache-2.0
"""What a mesh tells: its log, its access log, its spans. Python functions that
the library calls on its own threads; nothing they raise gets into C."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Callable, NamedTuple, Optional, Union

from tulle import _structs as s
from tulle._structs import Code, code_of
from tulle.errors import UsageError

logger = logging.getLogger("tulle")
logger.addHandler(logging.NullHandler())

_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}
_NAMES: Mapping[str, int] = {"error": 1, "warning": 2, "info": 3, "debug": 4}


class Access(NamedTuple):
    """One finished call, as an access log line tells it."""

    method: str
    authority: str
    path: str
    cluster: str
    endpoint: str
    flags: str
    protocol: str
    route: str
    status: int
    error: Code
    attempts: int
    duration: float
    bytes_sent: int
    bytes_received: int


class Span(NamedTuple):
    """One finished attempt."""

    trace_id: str
    span_id: str
    parent_id: str
    sampled: Optional[bool]
    method: str
    authority: str
    path: str
    cluster: str
    endpoint: str
    attempt: int
    status: int
    error: Code
    start_ns: int
    end_ns: int


class Endpoint(NamedTuple):
    """Where an endpoint of the mesh stands; ``gate`` is "ready", "trial" or "ejected",
    ``health`` (active checks, control plane) "healthy", "degraded" or "unhealthy"."""

    cluster: str
    address: str
    gate: str
    weight: int
    in_flight: int
    ejections: int
    requests: int
    failures: int
    health: str


def log_level(wanted: Optional[Union[int, str]]) -> int:
    """The library's level: as named, or what the logger "tulle" lets through."""
    if isinstance(wanted, str):
        if wanted not in _NAMES:
            raise UsageError(f"log_level is {wanted!r}; it may be {', '.join(_NAMES)}")
        return _NAMES[wanted]
    level = logger.getEffectiveLevel() if wanted is None else wanted
    return next((ours for ours, theirs in reversed(_LEVELS.items()) if theirs >= level), 1)


def _text(value: Optional[bytes]) -> str:
    return (value or b"").decode("utf-8", "replace")


def _guarded(function: Callable[..., None]) -> Callable[..., None]:
    def call(*arguments: Any) -> None:
        try:
            function(*arguments)
        except BaseException:
            try:
                logger.exception("a callback of the program failed")
            except BaseException:  # the handler failed as well: there is nobody left to tell
                pass

    return call


def log_callback(collected: list[str]) -> Any:
    """Lines go to ``logging.getLogger("tulle")``. Those about the configuration
    are collected as well, for ConfigError, until the list is told to stop."""

    def log(_: Any, level: int, area: bytes, line: bytes) -> None:
        name, words = _text(area), _text(line)
        if level == 1 and name == "config" and len(collected) < 1000:
            collected.append(words)
        logger.log(_LEVELS.get(level, logging.INFO), "%s: %s", name, words, extra={"area": name})

    return s.LOG_FN(_guarded(log))


def access_callback(each: Callable[[Access], None]) -> Any:
    def access(_: Any, record: Any) -> None:
        a = record.contents
        each(Access(_text(a.method), _text(a.authority), _text(a.path), _text(a.cluster),
                    _text(a.endpoint), _text(a.flags), _text(a.protocol), _text(a.route),
                    a.status, code_of(a.error), a.attempts, a.duration_ns / 1e9, a.bytes_sent,
                    a.bytes_received))

    return s.ACCESS_FN(_guarded(access))


def span_callback(each: Callable[[Span], None]) -> Any:
    def span(_: Any, record: Any) -> None:
        a = record.contents
        each(Span(_text(a.trace_id), _text(a.span_id), _text(a.parent_id),
                  None if a.sampled < 0 else bool(a.sampled), _text(a.method),
                  _text(a.authority), _text(a.path), _text(a.cluster), _text(a.endpoint),
                  a.attempt, a.status, code_of(a.error), a.start_ns, a.end_ns))

    return s.SPAN_FN(_guarded(span))


def endpoint_callback(out: list[Endpoint]) -> Any:
    def endpoint(record: Any, _: Any) -> None:
        a = record.contents
        out.append(Endpoint(_text(a.cluster), _text(a.address), _text(a.gate), a.weight,
                            a.in_flight, a.ejections, a.requests, a.failures,
                            _text(a.health)))

    return s.ENDPOINT_FN(_guarded(endpoint))
