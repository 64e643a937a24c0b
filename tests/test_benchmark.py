"""Checking stays cheap: a ratio of computing seconds, never seconds, so that a busy machine does not matter."""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path

from benchmarks.accounts import account
from benchmarks.basics.submissions import submissions
from benchmarks.checking import copy_project
from benchmarks.peers import BASICS
from grader.packing import pack_files

MOST = 3  # imports of torch


def test_ten_submissions_cost_less_than_three_imports_of_torch(tmp_path: Path) -> None:
    """Once the grader has started, ten submissions are checked behind all walls for less than torch's import costs."""
    environment = {**os.environ, "PYTHONPATH": str(copy_project(tmp_path / "project"))}
    zips = [
        pack_files({"basics.py": source.encode()}, tmp_path / f"{student}.zip")
        for student, (source, _) in submissions().items()
    ]

    def grade(some: list[Path]) -> float:
        return cost([sys.executable, BASICS / "ours.py", tmp_path / "result.json", *some], tmp_path, environment)

    grade(zips[:1])  # compiles what was copied
    imports = [cost([sys.executable, "-c", "import torch"], tmp_path, dict(os.environ)) for _ in range(3)]
    assert len(zips) == 10
    assert grade([zips[0], *zips]) - grade(zips[:1]) < MOST * statistics.median(imports)


def cost(command: list[str | Path], folder: Path, environment: dict[str, str]) -> float:
    """Computing seconds of a command, its cells included; seconds by the clock where no control group counts those."""
    with account() as spent:
        spent.run(command, folder, environment)
    return spent.cost.cpu_s if spent.is_whole else spent.cost.wall_s
