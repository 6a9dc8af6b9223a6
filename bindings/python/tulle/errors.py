# SPDX-License-Identifier: Apache-2.0
"""Why a call has no reply. A reply with any status is a reply, not an error."""

from __future__ import annotations

from typing import Any, Optional

from tulle._library import lib
from tulle._structs import Code, Failure, Progress, progress_of

_FIELDS = ("code", "progress", "status", "attempts", "flags", "layer", "cluster", "endpoint",
           "explain", "errors")


class Error(Exception):
    """Whatever went wrong, with what the library knows about it."""

    #: which error it is
    code: Code = Code.INTERNAL
    #: how far the request got, of the last attempt
    progress: Progress = Progress.NOTHING_SENT
    #: the status that Envoy would have answered with; 0 where there was no call
    status: int = 0
    #: how many attempts were made
    attempts: int = 0
    #: Envoy's response flags, "UF" or "URX,UF"; "-" when none
    flags: str = "-"
    #: the layer that decided: "admit", "deadline", "transport"...
    layer: str = ""
    #: the cluster, "outbound|80||reviews.default.svc.cluster.local"; "" when no route
    cluster: str = ""
    #: the endpoint of the last attempt; "" when none was picked
    endpoint: str = ""
    #: the story of the call, when it was asked for
    explain: str = ""
    #: each thing that is wrong, of a ConfigError
    errors: tuple[str, ...] = ()

    def __init__(self, text: str = "", **fields: Any) -> None:
        super().__init__(text)
        self.text = text
        for name, value in fields.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        more = [part for part in (self.flags if self.flags != "-" else "", self.cluster,
                                  self.endpoint) if part]
        if self.attempts > 1:
            more.append(f"{self.attempts} attempts")
        return f"{self.text} [{', '.join(more)}]" if more else self.text

    def __reduce__(self) -> tuple[Any, ...]:
        fields = {name: getattr(self, name) for name in _FIELDS}
        return _again, (type(self), self.text, fields)


def _again(kind: type[Error], text: str, fields: dict[str, Any]) -> Error:
    return kind(text, **fields)


class UsageError(Error, ValueError):
    """The call was wrong: a bad URL, method, header or option, or not allowed here."""

    code = Code.USAGE


class ConfigError(Error):
    """The configuration is wrong; ``errors`` has a line for each mistake."""

    code = Code.CONFIG


class Refused(Error):
    """Refused here, before any I/O: no route, or a name outside the mesh."""

    code = Code.REFUSED


class LimitExceeded(Refused):
    """Refused here: a limit of connectionPool."""

    code = Code.LIMIT


class NoEndpoint(Refused):
    """Refused here: every endpoint of the service is ejected."""

    code = Code.NO_ENDPOINT


class NetworkError(Error, ConnectionError):
    """Connecting, sending or receiving failed."""

    code = Code.NETWORK


class TLSError(NetworkError):
    """The peer did not prove that it is who it should be."""

    code = Code.TLS


class PeerError(NetworkError):
    """The peer broke the protocol."""

    code = Code.PEER


class TooLarge(Error):
    """The reply's head or body is over its cap."""

    code = Code.TOO_LARGE


class Timeout(Error, TimeoutError):
    """The deadline, the route's timeout or a per-try timeout passed."""

    code = Code.TIMEOUT


class Cancelled(Error):
    """The call was cancelled, or the mesh closed while it ran."""

    code = Code.CANCELLED


class Closed(Error):
    """The mesh is closed and takes no new calls."""

    code = Code.CLOSED


class Forked(Error):
    """The mesh was opened before ``fork()`` with ``after_fork="fail"``; this is the child."""

    code = Code.FORKED


class OutOfMemory(Error, MemoryError):
    """There is no memory for it."""

    code = Code.NOMEM


class InternalError(Error):
    """A fault in the library or the system: no thread, no descriptor."""


_KINDS: dict[int, type[Error]] = {
    int(kind.code): kind
    for kind in (UsageError, OutOfMemory, ConfigError, Refused, LimitExceeded, NoEndpoint,
                 NetworkError, TLSError, PeerError, TooLarge, Timeout, Cancelled, Closed, Forked,
                 InternalError)
}


def of_code(code: int, text: str = "", **fields: Any) -> Error:
    """The exception for an error code that came without a failure."""
    if not text:
        text = str(lib.error_text(code).decode("utf-8", "replace"))
    return _KINDS.get(code, InternalError)(text, **fields)


def of_failure(code: int, failure: Optional[Failure], explain: str = "") -> Error:
    """The exception for a call that failed."""
    if failure is None or not failure.error:
        return of_code(code, explain=explain)
    return of_code(code, failure.text.decode("utf-8", "replace"),
                   progress=progress_of(failure.progress), status=failure.status,
                   attempts=failure.attempts, flags=failure.flags.decode("ascii", "replace"),
                   layer=failure.layer.decode("ascii", "replace"),
                   cluster=failure.cluster.decode("utf-8", "replace"),
                   endpoint=failure.endpoint.decode("ascii", "replace"), explain=explain)


def check(code: int) -> None:
    """Raises what a code stands for."""
    if code:
        raise of_code(code)
