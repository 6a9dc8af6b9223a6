# SPDX-License-Identifier: Apache-2.0
"""A user's service, tested against a scripted mesh: pytest test_shop.py.

`product_page` is the service; it does not know that it is tested."""

from __future__ import annotations

import time

import tulle
from tulle.mock import MockMesh

EJECT_AFTER_FIVE = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy:
    outlierDetection: {consecutive5xxErrors: 5, interval: 1s, maxEjectionPercent: 100}
"""


def product_page(mesh: tulle.Mesh, product: int) -> str:
    try:
        reply = mesh.get(f"http://reviews/{product}", deadline="2s")
    except tulle.Error:
        return "reviews are on holiday"
    return reply.text if reply.ok else "no reviews"


def test_a_bad_replica_is_ejected_and_comes_back(mesh: MockMesh) -> None:
    good = mesh.endpoint("reviews", "10.0.0.1:9080").answers(200, "five stars")
    bad = mesh.endpoint("reviews", "10.0.0.2:9080").answers(503)
    mesh.yaml(EJECT_AFTER_FIVE)
    began = time.process_time()
    while bad.gate == "ready":
        assert product_page(mesh, 7) in ("five stars", "no reviews")
    seen = bad.requests
    for _ in range(20):
        assert product_page(mesh, 7) == "five stars"
    assert bad.requests == seen and good.requests > 20

    bad.answers(200, "five stars")
    mesh.clock.advance("31s")
    assert bad.gate == "ready"
    while bad.requests == seen:
        assert product_page(mesh, 7) == "five stars"
    assert time.process_time() - began < 0.1  # of real time; 31 s of the mesh's


def test_without_reviews_there_is_still_a_page(mesh: MockMesh) -> None:
    mesh.endpoint("reviews", "10.0.0.1:9080").hangs()
    assert product_page(mesh, 7) == "reviews are on holiday"
