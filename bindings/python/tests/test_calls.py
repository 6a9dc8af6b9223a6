# SPDX-License-Identifier: Apache-2.0
"""Calls that wait, and what a mesh is opened with."""

from __future__ import annotations

import logging
import math
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable

import pytest

import tulle
from conftest import Server, config_of


def test_a_reply_has_all_that_came(real: tulle.Mesh, server: Server) -> None:
    reply = real.get("http://reviews/x?status=418&text=hello&header=set-cookie:a=1",
                     headers={"X-A": "b"})
    assert (reply.status, reply.ok, reply.text, reply.body) == (418, False, "hello", b"hello")
    assert reply.headers["SET-cookie"] == "a=1" and "set-cookie" in reply.headers
    assert reply.attempts == 1 and reply.endpoint == server.address
    assert reply.timings.end is not None and reply.timings.end > 0


def test_repeated_headers_stay_apart() -> None:
    headers = tulle.Headers([("A", "1"), ("b", "2"), ("a", "3")])
    assert headers.all("a") == ["1", "3"] and headers["A"] == "1, 3"
    assert list(headers) == ["a", "b"] and len(headers) == 2
    assert headers.get("c") is None


@pytest.mark.parametrize("body", [b"bytes", bytearray(b"bytes"), memoryview(b"bytes"), "bytes"])
def test_a_body_in_memory_is_sent(real: tulle.Mesh, body: Any) -> None:
    assert real.post("http://reviews/x?echobody", body).body == b"bytes"


def test_json_goes_both_ways(real: tulle.Mesh) -> None:
    assert real.post("http://reviews/x?echobody", json={"a": [1]}).json() == {"a": [1]}
    head = real.post("http://reviews/x?echo", json={}, idempotency_key="k-1").text.lower()
    assert "content-type: application/json" in head and "idempotency-key: k-1" in head


def test_a_story_is_told_of_success_and_failure(real: tulle.Mesh) -> None:
    assert "pick" in real.get("http://reviews/", explain=True).explain
    with pytest.raises(tulle.Timeout) as failed:
        real.get("http://reviews/?hang", explain=True, deadline="50ms")
    assert "deadline" in failed.value.explain


def test_a_failure_says_where_and_how_far(real: tulle.Mesh, server: Server) -> None:
    with pytest.raises(tulle.Timeout) as failed:
        real.get("http://reviews/?hang", deadline=0.05)
    error = failed.value
    assert (error.code, error.status, error.layer, error.endpoint) == (
        tulle.Code.TIMEOUT, 504, "deadline", server.address)
    assert error.progress == tulle.Progress.PERHAPS_EXECUTED and error.attempts == 1
    assert isinstance(error, TimeoutError) and server.address in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.layer) == (tulle.Timeout, str(error), "deadline")


def test_the_network_s_failures_are_connection_errors(real: tulle.Mesh, server: Server) -> None:
    with pytest.raises(tulle.NetworkError) as failed:
        real.post("http://reviews/?reset", b"x")
    assert isinstance(failed.value, ConnectionError)
    server.stop()
    with pytest.raises(tulle.NetworkError):
        real.get("http://reviews/")


@pytest.mark.parametrize(("url", "options"), [
    ("reviews", {}), ("http://reviews/a b", {}), ("http://reviews/\0", {}),
    ("http://reviews/", {"headers": {"a": "b\r\nc: d"}}),
    ("http://reviews/", {"headers": {"Host": "x"}}),
    ("http://reviews/", {"deadline": "soon"}),
])
def test_a_wrong_call_is_a_usage_error(real: tulle.Mesh, url: str, options: Any) -> None:
    with pytest.raises(tulle.UsageError):
        real.get(url, **options)


def test_a_body_over_its_cap_is_too_large(real: tulle.Mesh) -> None:
    with pytest.raises(tulle.TooLarge):
        real.get("http://reviews/?body=1000", body_max=999)
    assert len(real.get("http://reviews/?body=1000", body_max=0).body) == 1000


def test_a_name_outside_is_refused_where_the_mesh_is_closed(server: Server) -> None:
    with tulle.Mesh(config_of(server), outside="refuse") as mesh:
        with pytest.raises(tulle.Refused):
            mesh.get("http://elsewhere/")


def test_a_closed_mesh_says_so(real: tulle.Mesh) -> None:
    real.close()
    real.close()
    with pytest.raises(tulle.Closed):
        real.get("http://reviews/")


def test_replies_outlive_the_mesh(server: Server) -> None:
    with tulle.Mesh(config_of(server)) as mesh:
        reply = mesh.get("http://reviews/?body=10")
    assert reply.body == b"x" * 10 and reply.headers["content-length"] == "10"


def test_closing_while_threads_call_loses_no_call(server: Server) -> None:
    mesh = tulle.Mesh(config_of(server))
    strange: list[BaseException] = []
    calls = [0] * 4

    def caller(number: int) -> None:
        try:
            while True:
                assert mesh.get("http://reviews/").status == 200
                calls[number] += 1
        except tulle.Closed:
            pass
        except BaseException as error:
            strange.append(error)

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while min(calls) < 20 and not strange:
        pass
    mesh.close()
    for thread in threads:
        thread.join()
    assert not strange


def test_errors_in_the_configuration_are_told_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
                                     "metadata: {name: a}\nspec: {hots: [a]}\n")
    with pytest.raises(tulle.ConfigError) as failed:
        tulle.Mesh(tmp_path)
    assert any("a.yaml:4" in line for line in failed.value.errors)


@pytest.mark.parametrize("options", [{"outside": "maybe"}, {"spam": 1}, {"trace": "x"}])
def test_an_unknown_option_is_refused_by_name(options: Any) -> None:
    with pytest.raises(tulle.UsageError, match=next(iter(options))):
        tulle.Mesh(None, **options)


def test_metrics_and_endpoints_are_there(real: tulle.Mesh, server: Server) -> None:
    real.get("http://reviews/")
    assert "istio_requests_total" in real.metrics()
    (endpoint,) = real.endpoints()
    assert (endpoint.address, endpoint.gate, endpoint.requests) == (server.address, "ready", 1)
    assert endpoint.health == "healthy"


def test_calls_and_spans_are_told_and_what_the_callbacks_raise_is_logged(
        server: Server, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[tulle.Access] = []
    spans: list[tulle.Span] = []

    def access(call: tulle.Access) -> None:
        calls.append(call)
        raise ZeroDivisionError("of the program")

    with tulle.Mesh(config_of(server), access=access, span=spans.append) as mesh:
        assert mesh.get("http://reviews/a?status=404").status == 404
    (call,), (span,) = calls, spans
    assert (call.path, call.status, call.error) == ("/a?status=404", 404, tulle.Code.OK)
    assert (span.status, span.attempt, span.endpoint) == (404, 1, server.address)
    assert len(span.trace_id) == 32 and span.end_ns >= span.start_ns
    assert "a callback of the program failed" in caplog.text


def test_the_log_goes_to_the_logger(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.yaml").write_text("spam: 1\n")
    with caplog.at_level(logging.DEBUG, "tulle"):
        with pytest.raises(tulle.ConfigError):
            tulle.Mesh(tmp_path)
    assert any(record.name == "tulle" and record.levelno == logging.ERROR
               for record in caplog.records)
    silent = subprocess.run([sys.executable, "-c", "import tulle\ntry: tulle.Mesh('/nowhere')\n"
                             "except tulle.ConfigError: pass"], capture_output=True, check=True)
    assert (silent.stdout, silent.stderr) == (b"", b"")


def test_durations_may_be_said_in_words() -> None:
    from tulle._request import nanoseconds
    assert nanoseconds("1m30s") == 90 * 10**9 and nanoseconds("250ms") == 250 * 10**6
    assert nanoseconds(0.001) == 10**6 and nanoseconds(math.inf) == 2**63 - 1


@pytest.mark.parametrize(("named", "said"), [("/nowhere/lib.so", "nowhere"),
                                             ("libc.so.6", "tulle_abi_version")])
def test_a_wrong_library_is_an_import_error(named: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", "import tulle"], capture_output=True, text=True,
                          env={**os.environ, "TULLE_LIBRARY": named}, check=False)
    assert done.returncode == 1 and "ImportError" in done.stderr and said in done.stderr


def test_a_policy_is_set_field_by_field(server: Server) -> None:
    config = config_of(server).set("reviews", "balancer.leastRequest", {"choiceCount": 3})
    config.set("reviews:80", "hedge.minDelay", "1ms").set("reviews", "retry.previousHosts", False)
    with pytest.raises(tulle.UsageError, match="reviews: decayTime must be a duration"):
        config.set("reviews", "balancer", {"peakEwma": {"decayTime": 5}})
    with tulle.Mesh(config, locality="r/z", labels={"app": "front"}, peer_index=1,
                    peer_count=2) as mesh:
        assert mesh.get("http://reviews/").status == 200


def test_a_policy_that_was_set_holds(server: Server) -> None:
    config = config_of(server).set("reviews", "dropOverload", {"percent": 100})
    with tulle.Mesh(config) as mesh, pytest.raises(tulle.Error):
        mesh.get("http://reviews/")


def test_an_open_mesh_does_not_hold_up_the_end(server: Server) -> None:
    code = (f"import tulle\nm = tulle.Mesh(tulle.Config().service('a', 80)"
            f".endpoint('a', '{server.address}'), log_level='debug')\nm.get('http://a/')")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_many_threads_share_a_mesh(real: tulle.Mesh) -> None:
    statuses: list[int] = []

    def caller() -> None:
        statuses.extend(real.get("http://reviews/").status for _ in range(50))

    threads = [threading.Thread(target=caller) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 400


def test_the_failing_server_is_retried_elsewhere(start: Callable[..., Server]) -> None:
    good, gone = start(), start()
    gone.stop()
    with tulle.Mesh(config_of(good, gone)) as mesh:
        assert {mesh.get("http://reviews/").status for _ in range(20)} == {200}
