# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin and the mesh it gives."""

from __future__ import annotations

import asyncio
import os
import time

import pytest

import tulle
from tulle.mock import MockMesh

EXAMPLE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "examples",
                       "test_shop.py")


def test_a_mesh_answers_as_it_is_told(mesh: MockMesh) -> None:
    mesh.endpoint("reviews", "10.0.0.1:9080", version="v1").answers(
        418, "tea", headers={"X-Kind": "pot"}, path="/tea", times=1)
    reply = mesh.get("http://reviews/tea", headers={"X-Who": "me"})
    assert (reply.status, reply.text, reply.headers["x-kind"]) == (418, "tea", "pot")
    (seen,) = mesh.requests
    assert (seen.method, seen.endpoint, seen.headers["x-who"]) == ("GET", "10.0.0.1:9080", "me")


def test_time_passes_only_when_told(mesh: MockMesh) -> None:
    mesh.endpoint("reviews", "10.0.0.1:9080").hangs(times=1)
    began, real = mesh.clock.now, time.perf_counter()
    with pytest.raises(tulle.Timeout):
        mesh.get("http://reviews/", deadline="30s", retry=False)
    assert mesh.clock.now - began == pytest.approx(30)
    mesh.clock.advance("1h")
    assert mesh.clock.now - began == pytest.approx(3630)
    assert time.perf_counter() - real < 20


def test_picks_say_who_and_why(mesh: MockMesh) -> None:
    for number in (1, 2):
        mesh.endpoint("reviews", f"10.0.0.{number}:9080")
    mesh.get("http://reviews/")
    (pick,) = mesh.picks
    assert pick.result == "picked" and pick.attempt == 1
    assert sorted(c.address for c in pick.candidates) == ["10.0.0.1:9080", "10.0.0.2:9080"]
    assert [c.address for c in pick.candidates if c.why == "picked"] == [pick.endpoint]


def test_a_bad_text_is_told_by_line(mesh: MockMesh) -> None:
    with pytest.raises(tulle.ConfigError) as failed:
        mesh.yaml("apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
                  "metadata: {name: a}\nspec: {hots: [a]}\n")
    assert "mock.yaml:4" in failed.value.errors[0]


def test_asyncio_runs_against_the_script(mesh: MockMesh) -> None:
    mesh.endpoint("reviews", "10.0.0.1:9080").answers(body="stars", delay="20s")
    calls = tulle.AsyncMesh(mesh)

    async def main() -> list[str]:
        both = asyncio.gather(calls.get("http://reviews/1"), calls.get("http://reviews/2"))
        return [reply.text for reply in await mesh.clock.until(both, step="1s")]

    assert asyncio.run(main()) == ["stars", "stars"]


@pytest.mark.mesh(strict=True, seed=7)
def test_the_marker_has_the_options(mesh: MockMesh) -> None:
    mesh.endpoint("reviews", "10.0.0.1:9080").answers(times=1)
    assert mesh.get("http://reviews/").status == 200


def test_what_is_left_over_fails_the_test(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        def test_two_are_expected(mesh):
            mesh.endpoint("reviews", "10.0.0.1:9080").answers(200, times=2)
            assert mesh.get("http://reviews/").status == 200
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*left over*10.0.0.1:9080*"])


def test_the_example_passes_and_fails_when_it_is_broken(pytester: pytest.Pytester) -> None:
    with open(EXAMPLE, encoding="utf-8") as file:
        words = file.read()
    pytester.makepyfile(words)
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
    broken = words.replace('advance("31s")', 'advance("3s")')
    assert broken != words
    pytester.makepyfile(broken)
    pytester.runpytest_subprocess().assert_outcomes(passed=1, failed=1)
