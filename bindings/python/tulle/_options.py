# SPDX-License-Identifier: Apache-2.0
"""What a mesh is opened with."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Callable, Optional, TypedDict, Union

from tulle import _observe
from tulle import _structs as s
from tulle._library import lib
from tulle._request import Duration, nanoseconds, text
from tulle.errors import UsageError, check

_OUTSIDE = {"pass": 1, "refuse": 2}
_AFTER_FORK = {"fail": 1, "reopen": 2}
_TRACE = {"w3c": 1, "b3": 2, "b3-multi": 3, "off": 4}
_PROTOCOL = {"http": 0, "http2": 1, "https": 2}


class MeshOptions(TypedDict, total=False):
    """The options of ``struct tulle_options``, by name."""

    #: where short names resolve; "default"
    namespace: str
    #: of the cluster; "cluster.local"
    domain: str
    #: kinds of resources to pass over instead of refusing them
    ignore_kinds: Iterable[str]
    #: open with what is good; else any bad resource fails the open
    open_with_errors: bool
    #: a host that no service has: "pass" (call it without policies) or "refuse"
    outside: str
    #: connection loops; one per core, at least 2
    loops: int
    #: Istio's default retries and nothing more
    strict_retries: bool
    #: of a call that names none; 30 s; ``math.inf``: none
    deadline: Duration
    #: how long closing waits for calls; 5 s; ``math.inf``: until done
    close_timeout: Duration
    #: label sets per metric; 2000
    series_max: int
    #: the most that is told: "error", "warning", "info", "debug" or a level of
    #: ``logging``; what the logger "tulle" lets through when the mesh is opened
    log_level: Union[int, str]
    #: called for each finished call, on a thread of the library's
    access: Callable[[_observe.Access], None]
    #: called for each finished attempt, on a thread of the library's
    span: Callable[[_observe.Span], None]
    #: PEM roots for https; the system's
    ca_file: Union[str, os.PathLike[str]]
    #: this program's name in metrics; "unknown"
    workload: str
    #: in a child of fork(): "reopen" (its first call opens the mesh anew) or "fail"
    after_fork: str
    #: what a new trace starts in: "w3c", "b3", "b3-multi" or "off"
    trace: str
    #: the configuration may be "mock:FILE"
    allow_mock: bool
    #: "127.0.0.1:5353,[::1]:53"; those of the system
    dns_servers: str
    #: how long the last good addresses of a name serve while look-ups fail; for ever
    dns_stale: Duration
    #: where this program runs, "region/zone/subzone"; unknown
    locality: str
    #: of this workload, for failoverPriority; none
    labels: Mapping[str, str]
    #: which of its replicas this process is, from 0, for subsetting by aperture
    peer_index: int
    #: how many replicas there are; unknown
    peer_count: int


class Config:
    """A configuration built in code, for tests and small programs.

        Config().service("reviews", 80).endpoint("reviews", "10.0.0.1:9080")"""

    def __init__(self) -> None:
        self.handle: Optional[int] = None
        out = ctypes.c_void_p()
        check(lib.config_new(ctypes.byref(out)))
        self.handle = out.value

    def __del__(self, free: Any = lib.config_free) -> None:
        free(self.handle)

    def service(self, host: str, port: int = 80, protocol: str = "http") -> Config:
        """A service with one port and, so far, no endpoint; "http", "http2" or "https"."""
        check(lib.config_add_service(self.handle, text(host), port,
                                     _named("protocol", protocol, _PROTOCOL)))
        return self

    def endpoint(self, host: str, address: str, labels: Optional[Mapping[str, str]] = None,
                 weight: int = 0) -> Config:
        """An endpoint of a service: "10.0.0.1:9080" or "[::1]:9080"."""
        pairs = _pairs(labels or {})
        check(lib.config_add_endpoint(self.handle, text(host), text(address),
                                      text(pairs) if pairs else None, weight))
        return self

    def set(self, target: str, path: str, value: Any) -> Config:
        """One field of a TrafficPolicy of a host ("reviews", "reviews:80", "reviews/v1"):

            Config().set("reviews", "balancer.peakEwma", {"decayTime": "5s"})

        `value` is YAML, or a number, a boolean, a list or a mapping."""
        words = value if isinstance(value, str) else json.dumps(value)
        error = lib.config_set(self.handle, text(target), text(path), text(words))
        if error == s.Code.USAGE:
            raise UsageError(lib.config_fault(self.handle).decode(errors="replace"))
        check(error)
        return self

    def yaml(self, words: str, name: str = "config.yaml") -> Config:
        """Resources as YAML or JSON; `name` stands for the file's name in errors."""
        check(lib.config_add_yaml(self.handle, text(name), text(words)))
        return self


def _pairs(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in labels.items())


def _named(option: str, value: Any, names: Mapping[str, int]) -> int:
    if value not in names:
        raise UsageError(f"{option} is {value!r}; it may be {', '.join(names)}")
    return names[value]


def _count(value: Any) -> int:
    return s.NONE_COUNT if value == float("inf") else int(value)


_SETTERS: dict[str, Callable[[s.Options, Any], None]] = {}


def _sets(field: str, convert: Callable[[Any], Any]) -> Callable[[s.Options, Any], None]:
    return lambda options, value: setattr(options, field, convert(value))


_SETTERS.update({
    "namespace": _sets("name_space", text),
    "domain": _sets("domain", text),
    "open_with_errors": _sets("open_with_errors", int),
    "outside": _sets("outside", lambda value: _named("outside", value, _OUTSIDE)),
    "loops": _sets("loops", int),
    "strict_retries": _sets("strict_retries", int),
    "deadline": _sets("deadline_ns", nanoseconds),
    "close_timeout": _sets("close_timeout_ns", nanoseconds),
    "series_max": _sets("series_max", _count),
    "ca_file": _sets("ca_file", os.fsencode),
    "workload": _sets("workload", text),
    "after_fork": _sets("after_fork", lambda value: _named("after_fork", value, _AFTER_FORK)),
    "trace": _sets("trace", lambda value: _named("trace", value, _TRACE)),
    "allow_mock": _sets("allow_mock", int),
    "dns_servers": _sets("dns_servers", text),
    "dns_stale": _sets("dns_stale_ns", nanoseconds),
    "locality": _sets("locality", text),
    "labels": _sets("labels", lambda value: text(_pairs(value))),
    "peer_index": _sets("peer_index", int),
    "peer_count": _sets("peer_count", int),
})


class Opened:
    """``struct tulle_options`` and all that has to live as long as the mesh."""

    def __init__(self, config: Any, named: Mapping[str, Any]) -> None:
        self.errors: list[str] = []
        self.raw = s.Options()
        lib.options_init(ctypes.byref(self.raw), ctypes.sizeof(self.raw))
        self._config(config)
        self.raw.log = _observe.log_callback(self.errors)
        self.raw.log_level = _observe.log_level(named.get("log_level"))
        self.raw.after_fork = _AFTER_FORK["reopen"]
        self.keep: list[Any] = [config]
        for name, value in named.items():
            if value is not None and name != "log_level":
                self._set(name, value)

    def _config(self, config: Any) -> None:
        if isinstance(config, Config):
            self.raw.built = config.handle
        elif config is not None:
            self.raw.config = os.fsencode(config)

    def _set(self, name: str, value: Any) -> None:
        if name in ("access", "span"):
            make: Any = _observe.access_callback if name == "access" else _observe.span_callback
            callback = make(value)
            self.keep.append(callback)
            setattr(self.raw, name, ctypes.cast(callback, ctypes.c_void_p).value)
        elif name == "ignore_kinds":
            kinds = [text(kind) for kind in value]
            self.raw.ignore_kinds = (ctypes.c_char_p * (len(kinds) + 1))(*kinds, None)
        elif name in _SETTERS:
            _SETTERS[name](self.raw, value)
        else:
            raise UsageError(f"there is no option {name!r}")

