# SPDX-License-Identifier: Apache-2.0
"""A WSGI application over the mesh, opened before gunicorn forks its workers:

    gunicorn --preload --workers 4 shop_app:app

Each worker's first call opens the mesh anew (after_fork="reopen" is the
default here); nothing has to be said in post_fork."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import tulle

mesh = tulle.Mesh(os.environ.get("MESH", "mesh/"))


def page(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    reply = mesh.get(f"http://reviews{environ.get('PATH_INFO', '/')}")
    start_response("200 OK" if reply.ok else "502 Bad Gateway",
                   [("Content-Type", "text/plain"), ("X-Worker", str(os.getpid()))])
    return [reply.body]


app = tulle.trace.wsgi(page)
