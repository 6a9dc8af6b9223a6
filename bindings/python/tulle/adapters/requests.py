# SPDX-License-Identifier: Apache-2.0
"""requests over the mesh. One line moves a session:

    session.mount("http://", tulle.adapters.requests.TulleAdapter(mesh))

What fails raises requests' own exceptions; what a mesh cannot honour is refused
by name. A timeout is the deadline of a whole call, over all attempts; with
``stream=True`` it is what requests means by it, between bytes."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from http.client import HTTPMessage, responses
from typing import Any, NamedTuple, Optional, Union
from urllib.parse import urlsplit

import requests
from requests import exceptions
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from tulle import Mesh, Progress, Stream, _request, errors
from tulle._structs import NONE

_FRAMING = {"content-length", "transfer-encoding", "host", "connection"}


class Unsupported(exceptions.RequestException, ValueError):
    """The mesh cannot honour what the request asks for."""


class _Times(NamedTuple):
    connect: Optional[float]
    read: Optional[float]

    def whole(self) -> Optional[float]:
        """The deadline of a call whose body is read at once."""
        if self.connect is None and self.read is None:
            return None
        return (self.connect or 0.0) + (self.read or 0.0)


def _times(timeout: Any) -> _Times:
    if timeout is None:
        return _Times(None, None)
    if isinstance(timeout, tuple):
        return _Times(*timeout)
    if isinstance(timeout, (int, float)):
        return _Times(None, float(timeout))
    return _Times(timeout.connect_timeout, timeout.read_timeout)


class _Body(io.RawIOBase):
    """A streamed reply as the file that urllib3 reads."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    def readable(self) -> bool:
        return True

    def read(self, size: Optional[int] = -1) -> bytes:
        size = -1 if size is None else size
        try:
            return self._stream.read(size)
        except errors.Timeout as error:
            raise ReadTimeoutError(None, "", str(error)) from error  # type: ignore[arg-type]
        except errors.Error as error:
            raise ProtocolError(f"the body broke off: {error}", error) from error

    def readinto(self, buffer: Any) -> int:
        chunk = self.read(len(buffer))
        buffer[:len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _Original:
    """Where requests looks for cookies."""

    def __init__(self, headers: HTTPHeaderDict) -> None:
        self.msg = HTTPMessage()
        for name, value in headers.items():
            self.msg.add_header(name, value)

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        """There is nothing to close."""


class TulleAdapter(HTTPAdapter):
    """Sends what a requests.Session sends through a mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        super().__init__()

    def init_poolmanager(self, *_: Any, **__: Any) -> None:
        """The mesh has the connections."""

    def __reduce__(self) -> Any:
        raise TypeError("a TulleAdapter belongs to the mesh of its process: it is not pickled")

    def close(self) -> None:
        """The mesh is the program's, and stays open."""

    def send(self, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None,
             verify: Union[bool, str] = True, cert: Any = None,
             proxies: Optional[Mapping[str, str]] = None) -> requests.Response:
        """As HTTPAdapter.send()."""
        self._refuse(request, verify, cert, proxies)
        times = _times(timeout)
        options: dict[str, Any] = {"headers": _headers(request)}
        try:
            if stream:
                return self._streamed(request, options, times)
            deadline = times.whole()
            if deadline is not None:
                options["deadline"] = deadline
            return self._whole(request, options)
        except errors.Error as error:
            raise _translated(error, request) from error

    def _whole(self, request: requests.PreparedRequest, options: Any) -> requests.Response:
        reply = self.mesh.request(request.method or "GET", request.url or "", request.body,
                                  **_sized(request, options))
        if "content-encoding" in reply.headers:
            return self.build_response(request, _raw(reply, io.BytesIO(reply.body)))
        response = self.build_response(request, _raw(reply, io.BytesIO()))
        # What reading `raw` to its end leaves; urllib3 would copy it four times.
        vars(response).update(_content=reply.body, _content_consumed=True)
        return response

    def _streamed(self, request: requests.PreparedRequest, options: Any,
                  times: _Times) -> requests.Response:
        options["deadline"] = float("inf")
        head = times.whole()
        stream = self.mesh._stream(request.method or "GET", request.url or "", request.body,
                                   _sized(request, options), _ns(head), _ns(times.read))
        return self.build_response(request, _raw(stream, _Body(stream)))

    def _refuse(self, request: requests.PreparedRequest, verify: Any, cert: Any,
                proxies: Any) -> None:
        url = request.url or ""
        if cert:
            raise Unsupported("cert: the mesh has no client certificates", request=request)
        if proxies and requests.utils.select_proxy(url, proxies):
            raise Unsupported("proxies: the mesh calls endpoints itself (if they come from the "
                              "environment: session.trust_env = False)", request=request)
        if url.startswith("https:") and verify is not True and not self._is_ours(verify):
            raise Unsupported("verify: the mesh always verifies, by its own roots "
                              "(Mesh(ca_file=...))", request=request)

    def _is_ours(self, verify: Any) -> bool:
        ours = self.mesh.ca_file
        return bool(ours and isinstance(verify, (str, os.PathLike))
                    and os.fspath(ours) == os.fspath(verify))


def _headers(request: requests.PreparedRequest) -> list[tuple[str, str]]:
    """Framing is the library's; what is asked for beyond that is refused."""
    out = []
    for name, value in request.headers.items():
        lower = name.lower()
        if lower not in _FRAMING:
            out.append((name, value))
        elif lower == "host" and _str(value) != urlsplit(request.url or "").netloc:
            raise Unsupported(f"Host: {_str(value)}: the mesh sends the URL's host", request=request)
        elif lower == "connection" and _str(value).lower() != "keep-alive":
            raise Unsupported(f"Connection: {_str(value)}: the mesh keeps its connections",
                              request=request)
    return out


def _str(value: Union[str, bytes]) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _sized(request: requests.PreparedRequest, options: Any) -> Any:
    """A streamed body whose size requests knows is sent with it."""
    body: Any = request.body
    length = request.headers.get("Content-Length")
    if length is not None and body is not None and _request.whole(body) is None:
        options["size"] = int(length)
    return options


def _ns(seconds: Optional[float]) -> int:
    return NONE if seconds is None else _request.nanoseconds(seconds)


def _raw(reply: Any, body: Any) -> HTTPResponse:
    headers = HTTPHeaderDict()
    for name, value in reply.headers.lines:
        headers.add(name, value)
    original: Any = _Original(headers) if "set-cookie" in headers else None
    return HTTPResponse(body=body, headers=headers, status=reply.status, version=11,
                        reason=responses.get(reply.status, ""), preload_content=False,
                        original_response=original)


def _translated(error: errors.Error, request: requests.PreparedRequest) -> Exception:
    kind: Any = exceptions.ConnectionError
    if isinstance(error, errors.Timeout):
        early = error.progress == Progress.NOTHING_SENT
        kind = exceptions.ConnectTimeout if early else exceptions.ReadTimeout
    elif isinstance(error, errors.TLSError):
        kind = exceptions.SSLError
    elif isinstance(error, errors.UsageError):
        kind = exceptions.InvalidHeader if "header" in error.text else exceptions.InvalidURL
    elif isinstance(error, errors.OutOfMemory):
        return error
    return kind(str(error), request=request)  # type: ignore[no-any-return]


__all__ = ["TulleAdapter", "Unsupported"]
