# SPDX-License-Identifier: Apache-2.0
"""Tulle: a service mesh that is linked in.

    import tulle

    with tulle.Mesh("mesh/") as mesh:
        reply = mesh.get("http://reviews/ratings/7")
        print(reply.status, reply.text)
"""

from tulle import trace
from tulle._aio import AsyncMesh, AsyncStream
from tulle._library import lib as _lib
from tulle._mesh import Mesh
from tulle._observe import Access, Endpoint, Span
from tulle._options import Config, MeshOptions
from tulle._pick import Pick
from tulle._reply import Headers, Reply, Timings
from tulle._request import BodyOptions, CallOptions
from tulle._stream import Stream
from tulle._structs import Code, Progress
from tulle.errors import (Cancelled, Closed, ConfigError, Error, Forked, InternalError,
                          LimitExceeded, NetworkError, NoEndpoint, OutOfMemory, PeerError,
                          Refused, Timeout, TLSError, TooLarge, UsageError)

#: of the library that runs
__version__: str = _lib.version().decode("ascii")

__all__ = [
    "Access", "AsyncMesh", "AsyncStream", "BodyOptions", "CallOptions", "Cancelled", "Closed",
    "Code", "Config", "ConfigError", "Endpoint", "Error", "Forked", "Headers", "InternalError",
    "LimitExceeded", "Mesh", "MeshOptions", "NetworkError", "NoEndpoint", "OutOfMemory",
    "PeerError", "Pick", "Progress", "Refused", "Reply", "Span", "Stream", "TLSError", "Timeout",
    "Timings", "TooLarge", "UsageError", "trace",
]
