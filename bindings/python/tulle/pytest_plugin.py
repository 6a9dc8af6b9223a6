# SPDX-License-Identifier: Apache-2.0
"""The fixture ``mesh``: a scripted mesh for each test (tulle.mock). A script that
is not used up fails the test. ``@pytest.mark.mesh("folder", strict=True)`` gives
it the arguments of ``tulle.mock.MockMesh``."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator

import pytest

from tulle.mock import MockMesh


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    config.addinivalue_line("markers", "mesh(config, **options): how the fixture mesh is opened")


@pytest.fixture
def mesh(request: pytest.FixtureRequest) -> Iterator[MockMesh]:
    """A mesh without services; the test says what there is, and how it answers."""
    marker = request.node.get_closest_marker("mesh")
    opened = MockMesh(*marker.args, **marker.kwargs) if marker else MockMesh()
    yield opened
    opened.close()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """As part of the test, so that what is left over is a failure of it."""
    result = yield
    scripted = pyfuncitem.funcargs.get("mesh")
    if isinstance(scripted, MockMesh):
        gc.collect()  # replies in a cycle would look like leaks
        scripted.verify()
    return result
