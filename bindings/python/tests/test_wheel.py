# SPDX-License-Identifier: Apache-2.0
"""The wheel on a machine without a compiler: what README.md shows, as it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import Server

README = Path(__file__).resolve().parent.parent / "README.md"
WHEEL = os.environ["TULLE_TEST_WHEEL"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.S | re.M)


def test_the_first_lines_of_the_readme_run_in_a_fresh_venv(tmp_path: Path, server: Server) -> None:
    assert not any(shutil.which(name) for name in ("cc", "gcc", "clang", "c99", "ld"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "fresh"], check=True)
    python = str(tmp_path / "fresh" / "bin" / "python")
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check",
                    "--python", python, "install", "--no-index", "--no-deps", WHEEL], check=True)
    (tmp_path / "mesh").mkdir()
    host, port = server.address.split(":")
    text = blocks("yaml")[0].replace("10.0.0.1", host).replace("9080", port)
    (tmp_path / "mesh" / "reviews.yaml").write_text(text)
    server.command("set status=200 text=five+stars")
    lines = blocks("python")[0]
    assert len(lines.splitlines()) == 6
    done = subprocess.run([python, "-c", lines], cwd=tmp_path, capture_output=True, text=True,
                          check=False)
    assert (done.stdout, done.stderr) == ("200 five stars\n", "")


def test_the_wheel_has_what_it_promises() -> None:
    with zipfile.ZipFile(WHEEL) as wheel:
        names = wheel.namelist()
        assert wheel.testzip() is None
    for wanted in ("tulle/py.typed", "tulle/_lib/libtulle.so.0", "tulle/adapters/httpx.py"):
        assert wanted in names
    assert "-py3-none-linux_" in WHEEL


def test_the_readme_s_python_is_python() -> None:
    for number, block in enumerate(blocks("python")):
        compile(block, f"README.md, block {number + 1}", "exec")


def test_the_readme_s_own_test_passes(pytester: pytest.Pytester) -> None:
    (block,) = [block for block in blocks("python") if "def test_" in block]
    pytester.makepyfile(block)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
