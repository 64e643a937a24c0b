"""The summary of a test run has a line for each wall, however many processes the tests are spread over."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.rubric import PROJECT

SUITE = """
import pytest

def counted(*arguments): return pytest.mark.counted(*arguments)

@pytest.fixture
def broken(): raise RuntimeError("no wall")

@pytest.fixture
def breaks(): yield; raise RuntimeError("left something behind")

@pytest.mark.parametrize("number", [pytest.param(n, marks=counted("fork", "probes held")) for n in range(5)])
def test_probe(number): assert number != 3

@counted("cold", "probes held")
def test_other_wall(): pass

@counted("fork", "hostile submissions held")
@counted("cold", "hostile submissions held")
def test_both(): pass

@counted("fork", "hostile submissions held")
def test_no_setup(broken): pass

@counted("fork", "hostile submissions held")
def test_harm(breaks): pass

@counted("fork", "hostile submissions held")
def test_skipped(): pytest.skip("not here")

def test_uncounted(): pass
"""


@pytest.mark.parametrize("processes", ["0", "2"])
def test_lines(tmp_path: Path, processes: str) -> None:
    """A test counts where its marks say, and has held if nothing about it went wrong; skipped ones don't count."""
    shutil.copy(Path(__file__).parent / "conftest.py", tmp_path)
    (tmp_path / "test_suite.py").write_text(SUITE, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", processes, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in run.stdout.splitlines() if " held " in line]
    assert lines == [
        "cold: probes held 1/1, hostile submissions held 1/1",
        "fork: probes held 4/5, hostile submissions held 1/3",
    ], run
