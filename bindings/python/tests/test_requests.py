# SPDX-License-Identifier: Apache-2.0
"""requests over the mesh: one line moves a session."""

from __future__ import annotations

import gzip
import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
import requests
from requests import exceptions

import tulle
import tulle.adapters.requests
from conftest import Server, config_of
from tulle.adapters.requests import TulleAdapter, Unsupported


@pytest.fixture
def session(real: tulle.Mesh) -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.trust_env = False
        opened.mount("http://", tulle.adapters.requests.TulleAdapter(real))
        yield opened


def test_a_reply_is_what_requests_gives(session: requests.Session) -> None:
    reply = session.get("http://reviews/x", params={"status": "404", "text": "gone"})
    assert (reply.status_code, reply.text, reply.reason, reply.ok) == (404, "gone", "Not Found", False)
    assert reply.url == "http://reviews/x?status=404&text=gone"
    assert reply.headers["x-served-by"] and reply.elapsed.total_seconds() > 0
    with pytest.raises(exceptions.HTTPError):
        reply.raise_for_status()


def test_json_forms_cookies_and_redirects_work(session: requests.Session) -> None:
    assert session.post("http://reviews/?echobody", json={"a": 1}).json() == {"a": 1}
    assert session.post("http://reviews/?echobody", data={"a": "b"}).text == "a=b"
    session.get("http://reviews/?header=Set-Cookie:who=me")
    assert "who=me" in session.get("http://reviews/?echo").text
    reply = session.get("http://reviews/?status=302&header=Location:/status/201")
    assert reply.status_code == 201 and len(reply.history) == 1


def test_a_body_is_there_without_a_session_and_as_its_encoding_says(
        session: requests.Session) -> None:
    packed = gzip.compress(b"hello")
    url = "http://reviews/?echobody&header=Content-Encoding:gzip"
    assert session.post(url, data=packed).content == b"hello"
    request = requests.Request("GET", "http://reviews/?text=hello").prepare()
    alone = session.get_adapter(request.url or "").send(request)
    assert b"".join(alone.iter_content(2)) == b"hello" and alone.raw.read() == b""


def test_bodies_stream_up(session: requests.Session) -> None:
    def pieces() -> Iterator[bytes]:
        yield from [b"a" * 50000] * 10

    assert len(session.post("http://reviews/?relay", data=pieces()).content) == 500000
    file = io.BytesIO(b"b" * 300000)
    assert session.put("http://reviews/?relay", data=file).content == b"b" * 300000


def test_bodies_stream_down(session: requests.Session) -> None:
    with session.get("http://reviews/?body=1000000", stream=True) as reply:
        assert sum(len(chunk) for chunk in reply.iter_content(8192)) == 1000000
    with session.get("http://reviews/?body=1000000", stream=True) as reply:
        assert reply.raw.read(10) == b"x" * 10


def test_a_broken_stream_is_a_chunked_encoding_error(session: requests.Session) -> None:
    with pytest.raises(exceptions.ChunkedEncodingError):
        with session.get("http://reviews/?body=100000&break=50000", stream=True) as reply:
            for _ in reply.iter_content(1000):
                pass


def test_except_connection_error_still_catches(session: requests.Session, server: Server) -> None:
    server.stop()
    try:
        session.get("http://reviews/")
    except requests.ConnectionError as error:
        assert isinstance(error.__cause__, tulle.NetworkError) and error.request is not None
    else:
        raise AssertionError("there is no server")


def test_each_failure_is_requests_own(session: requests.Session, real: tulle.Mesh) -> None:
    with pytest.raises(exceptions.ReadTimeout):
        session.get("http://reviews/?hang", timeout=0.1)
    with pytest.raises(exceptions.ReadTimeout):
        session.get("http://reviews/?hang", timeout=(0.2, 0.1), stream=True)
    with pytest.raises(requests.Timeout):
        session.get("http://reviews/?hang", timeout=(0.05, 0.05))
    with pytest.raises(requests.ConnectionError):
        session.post("http://reviews/?reset", data=b"x")
    real.close()
    with pytest.raises(requests.ConnectionError):
        session.get("http://reviews/")


def test_a_peer_that_proves_nothing_is_an_ssl_error(start: Callable[..., Server],
                                                    tmp_path: Path) -> None:
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                    "/CN=reviews", "-addext", "subjectAltName=DNS:reviews", "-keyout", key,
                    "-out", cert], check=True, capture_output=True)
    server = start("tls_server", "--cert", cert, "--key", key)
    config = tulle.Config().service("reviews", 443, "https").endpoint("reviews", server.address)
    with tulle.Mesh(config) as mesh, requests.Session() as session:
        session.trust_env = False
        session.mount("https://", TulleAdapter(mesh))
        with pytest.raises(requests.exceptions.SSLError):
            session.get("https://reviews/")
    with tulle.Mesh(config, ca_file=cert) as mesh, requests.Session() as session:
        session.mount("https://", TulleAdapter(mesh))
        assert session.get("https://reviews/", verify=cert).status_code == 200


@pytest.mark.parametrize(("said", "options"), [
    ("proxies", {"proxies": {"http": "http://127.0.0.1:1"}}),
    ("cert", {"cert": "me.pem"}),
    ("Host", {"headers": {"Host": "else"}}),
    ("Connection", {"headers": {"Connection": "close"}}),
])
def test_what_the_mesh_cannot_honour_is_refused_by_name(
        session: requests.Session, said: str, options: Any) -> None:
    with pytest.raises(Unsupported, match=said):
        session.get("http://reviews/", **options)


def test_verify_is_the_mesh_s(server: Server) -> None:
    with tulle.Mesh(config_of(server)) as mesh, requests.Session() as session:
        session.mount("https://", TulleAdapter(mesh))
        for verify in (False, "ca.pem"):
            with pytest.raises(Unsupported, match="verify"):
                session.get("https://reviews/", verify=verify)
