# SPDX-License-Identifier: Apache-2.0
"""A mesh that a test scripts: the real library on a virtual clock, against
endpoints that do as they are told. No network, no threads, no waiting.

    with tulle.mock.MockMesh() as mesh:
        bad = mesh.endpoint("reviews", "10.0.0.1:9080").answers(503)
        assert mesh.get("http://reviews/", retry=False).status == 503

It belongs to the version of the library it is shipped with."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, TypeVar, Union

from tulle import _mock_structs as m
from tulle import errors
from tulle._library import lib
from tulle._mesh import Mesh
from tulle._options import _PROTOCOL, Config, Opened, _named
from tulle._reply import Headers, Reply
from tulle._structs import Request as RawRequest
from tulle._request import Duration, HeaderLines, header_array, nanoseconds, text

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from tulle._options import MeshOptions

_KINDS = {"answer": 0, "hang": 1, "refuse": 2, "connect-hang": 3, "reset": 4, "reset-before": 5,
          "refused-stream": 6, "break": 7}
_DISCOVERY = {"fresh": 0, "stale": 1, "failing": 2}
_EVENTS = {1: "published", 2: "ejected", 3: "back", 4: "call"}
_RESULTS = {0: "picked", 1: "waits", 2: "none"}
_T = TypeVar("_T")


class Request(NamedTuple):
    """A request that an endpoint got; ``at`` in seconds of the virtual clock."""

    endpoint: str
    method: str
    url: str
    headers: Headers
    body: bytes
    body_size: int
    at: float
    reused: bool
    unexpected: bool


class Candidate(NamedTuple):
    """An endpoint as it stood when a pick was made."""

    address: str
    gate: str
    why: str
    weight: int
    in_flight: int


class Pick(NamedTuple):
    """A decision of a balancer; ``result`` is "picked", "waits" or "none"."""

    cluster: str
    endpoint: str
    result: str
    attempt: int
    at: float
    candidates: tuple[Candidate, ...]


class Event(NamedTuple):
    """Something that happened: "published", "ejected", "back" or "call"."""

    kind: str
    at: float
    cluster: str
    endpoint: str
    text: str
    status: int
    attempts: int


def _str(value: Optional[bytes]) -> str:
    return (value or b"").decode("utf-8", "replace")


class Clock:
    """The mesh's time, which passes only when it is told to, or while a call waits."""

    def __init__(self, mock: int) -> None:
        self._mock = mock

    @property
    def now(self) -> float:
        """Seconds, monotonic."""
        return float(lib.mock_now(self._mock)) / 1e9

    def advance(self, by: Duration) -> None:
        """Turns it forward ("31s", seconds or a timedelta) through all that is due."""
        errors.check(lib.mock_advance(self._mock, nanoseconds(by)))

    def run(self) -> None:
        """Does what is due now; no time passes."""
        errors.check(lib.mock_run(self._mock))

    async def until(self, work: Awaitable[_T], step: Duration = 0.001) -> _T:
        """Turns the clock by steps until an asyncio piece of work is over."""
        task = asyncio.ensure_future(work)
        while not task.done():
            await asyncio.sleep(0)
            self.advance(step)
            await asyncio.sleep(0.0001)
        return await task


class MockEndpoint:
    """An endpoint and its script. What is said for `times` is used up in order;
    what is said without is said for ever, and gives way to what is said later."""

    def __init__(self, mesh: MockMesh, service: Optional[str], address: Optional[str]) -> None:
        self._mesh = mesh
        self._service = service
        self.address = address
        self._name = text(address) if address is not None else None

    def answers(self, status: int = 200, body: Union[str, bytes, None] = None, *,
                times: int = 0, delay: Optional[Duration] = None,
                headers: Optional[HeaderLines] = None,
                trailers: Optional[HeaderLines] = None, method: Optional[str] = None,
                path: Optional[str] = None, prefix: Optional[str] = None, size: int = 0,
                chunk: int = 0, chunk_delay: Optional[Duration] = None,
                connect_delay: Optional[Duration] = None, break_at: Optional[int] = None,
                close: bool = False, kind: str = "answer") -> Self:
        """Answers requests (all, or those of this method and path) with this."""
        raw = m.Answer()
        lib.mock_answer_init(ctypes.byref(raw), ctypes.sizeof(raw))
        raw.kind = _KINDS["break"] if break_at is not None else _named("kind", kind, _KINDS)
        raw.status, raw.times, raw.close = status, times, int(close)
        raw.break_at, raw.chunk_size, raw.body_size = break_at or 0, chunk, size
        for field, words in (("method", method), ("path", path), ("prefix", prefix)):
            setattr(raw, field, text(words) if words is not None else None)
        for field, span in (("delay_ns", delay), ("chunk_ns", chunk_delay),
                            ("connect_ns", connect_delay)):
            setattr(raw, field, nanoseconds(span) if span is not None else 0)
        for field, lines in (("header", headers), ("trailer", trailers)):
            if lines:
                array = header_array(lines)
                setattr(raw, f"{field}s", array)
                setattr(raw, f"{field}_count", len(array))
        if body is not None:
            data = body.encode() if isinstance(body, str) else body
            raw.body, raw.body_size = data, len(data)
        errors.check(lib.mock_answer(self._mesh.mock, self._name, ctypes.byref(raw)))
        return self

    def hangs(self, times: int = 0, **what: Any) -> Self:
        """Takes requests and never answers."""
        return self.answers(times=times, kind="hang", **what)

    def refuses(self, times: int = 0, **what: Any) -> Self:
        """Refuses connections."""
        return self.answers(times=times, kind="refuse", **what)

    def resets(self, times: int = 0, **what: Any) -> Self:
        """Takes requests and resets."""
        return self.answers(times=times, kind="reset", **what)

    def unsay(self) -> None:
        """Takes back what was said and not used."""
        lib.mock_unsay(self._mesh.mock, self._name)

    def kill(self) -> None:
        """Its process dies; ``revive()`` brings it back."""
        errors.check(lib.mock_kill(self._mesh.mock, self._name))

    def revive(self) -> None:
        """It is there again."""
        lib.mock_revive(self._mesh.mock, self._name)

    def remove(self) -> None:
        """Discovery does not name it any more."""
        errors.check(lib.mock_remove_endpoint(self._mesh.mock, text(self._service or ""),
                                              self._name))

    @property
    def gate(self) -> str:
        """ "ready", "trial" or "ejected"; "" when the mesh does not know it."""
        return _str(lib.mock_gate(self._mesh.mock, self._name))

    @property
    def requests(self) -> int:
        """How many requests it got."""
        return int(lib.mock_requests(self._mesh.mock, self._name))


class MockMesh(Mesh):
    """A Mesh whose world is scripted. Used by one thread."""

    def __init__(self, config: Union[str, os.PathLike[str], Config, None] = None, *,
                 seed: int = 0, strict: bool = False, **options: Unpack[MeshOptions]) -> None:
        self.mock: Optional[int] = None
        raw = m.MockOptions()
        lib.mock_options_init(ctypes.byref(raw), ctypes.sizeof(raw))
        raw.seed, raw.strict = seed, int(strict)
        out = ctypes.c_void_p()
        errors.check(lib.mock_new(ctypes.byref(raw), ctypes.byref(out)))
        self.mock = out.value
        #: the virtual clock
        self.clock = Clock(out.value or 0)
        super().__init__(config, **options)

    def _open_raw(self, opened: Opened, out: ctypes.c_void_p) -> int:
        return int(lib.mock_open(self.mock, ctypes.byref(opened.raw), ctypes.byref(out)))

    def _explained(self, request: RawRequest) -> Reply:
        return self._call(request)  # only a call that waits turns the clock

    def __del__(self) -> None:
        super().__del__()
        if getattr(self, "mock", None) is not None:
            lib.mock_free(self.mock)

    # --- discovery ---

    def service(self, host: str, port: int = 80, protocol: str = "http") -> Self:
        """Adds a service; ``endpoint()`` adds one by itself where it is missing."""
        errors.check(lib.mock_add_service(self.mock, text(host), port,
                                          _named("protocol", protocol, _PROTOCOL)))
        return self

    def remove_service(self, host: str) -> None:
        """Removes a service with its endpoints."""
        errors.check(lib.mock_remove_service(self.mock, text(host)))

    def endpoint(self, service: str, address: str, weight: int = 0,
                 **labels: str) -> MockEndpoint:
        """Adds an endpoint (and its service, on port 80, if it is not there)."""
        pairs = ",".join(f"{key}={value}" for key, value in labels.items())
        arguments = (text(service), text(address), text(pairs) if pairs else None, weight)
        if lib.mock_add_endpoint(self.mock, *arguments):
            lib.mock_add_service(self.mock, text(service), 80, 0)
            errors.check(lib.mock_add_endpoint(self.mock, *arguments))
        return MockEndpoint(self, service, address)

    def yaml(self, words: Optional[str], name: str = "mock.yaml") -> Self:
        """Adds resources, or replaces those of this name; None: removes them."""
        seen = len(self._opened.errors)
        code = lib.mock_yaml(self.mock, text(name), None if words is None else text(words))
        if code:
            found = tuple(self._opened.errors[seen:])
            raise errors.of_code(code, "\n".join(found), errors=found)
        return self

    def discovery(self, state: str) -> None:
        """How discovery does from now on: "fresh", "stale" or "failing"."""
        errors.check(lib.mock_discovery(self.mock, _named("state", state, _DISCOVERY)))

    @property
    def everyone(self) -> MockEndpoint:
        """All endpoints, for what is said to each of them."""
        return MockEndpoint(self, None, None)

    # --- what came of it ---

    @property
    def requests(self) -> list[Request]:
        """All requests, in the order of arrival."""
        return [self._request(index) for index in range(lib.mock_requests(self.mock, None))]

    def _request(self, index: int) -> Request:
        raw = m.MockRequest(ctypes.sizeof(m.MockRequest))
        errors.check(lib.mock_request_at(self.mock, index, ctypes.byref(raw)))
        lines = [line.split(": ", 1) for line in raw.headers.decode("latin-1").splitlines()]
        body = ctypes.string_at(raw.body, min(raw.body_size, 65536)) if raw.body else b""
        return Request(_str(raw.endpoint), _str(raw.method), _str(raw.url),
                       Headers([(name, value) for name, value in lines]), body, raw.body_size,
                       raw.at_ns / 1e9, bool(raw.reused), bool(raw.unexpected))

    @property
    def picks(self) -> list[Pick]:
        """Who was picked, and why not the others."""
        return [self._pick(index) for index in range(lib.mock_picks(self.mock))]

    def _pick(self, index: int) -> Pick:
        raw = m.MockPick(ctypes.sizeof(m.MockPick))
        errors.check(lib.mock_pick_at(self.mock, index, ctypes.byref(raw)))
        candidates = []
        for number in range(raw.candidate_count):
            one = m.Candidate(ctypes.sizeof(m.Candidate))
            errors.check(lib.mock_candidate_at(self.mock, index, number, ctypes.byref(one)))
            candidates.append(Candidate(_str(one.address), _str(one.gate), _str(one.why),
                                        one.weight, one.in_flight))
        return Pick(_str(raw.cluster), _str(raw.endpoint), _RESULTS.get(raw.result, ""),
                    raw.attempt, raw.at_ns / 1e9, tuple(candidates))

    @property
    def events(self) -> list[Event]:
        """What happened: configurations, ejections, returns, calls that ended."""
        out = []
        for index in range(lib.mock_events(self.mock)):
            raw = m.MockEvent(ctypes.sizeof(m.MockEvent))
            errors.check(lib.mock_event_at(self.mock, index, ctypes.byref(raw)))
            out.append(Event(_EVENTS.get(raw.kind, ""), raw.at_ns / 1e9, _str(raw.cluster),
                             _str(raw.endpoint), _str(raw.text), raw.status, raw.attempts))
        return out

    def metric(self, selector: str) -> float:
        """The sum of the metric lines of this name and these labels."""
        out = ctypes.c_double()
        errors.check(lib.mock_metric(self.mock, text(selector), ctypes.byref(out)))
        return out.value

    def forget(self) -> None:
        """Forgets requests, picks and events."""
        lib.mock_forget(self.mock)

    def verify(self) -> None:
        """AssertionError if something that was said is left over, a request came
        that nobody expected, or a reply was not let go."""
        out = ctypes.c_void_p()
        code = lib.mock_check(self.mock, ctypes.byref(out))
        words = ctypes.string_at(out.value).decode("utf-8", "replace") if out.value else ""
        lib.text_free(out)
        if code:
            raise AssertionError(words.rstrip() or str(errors.of_code(code)))
