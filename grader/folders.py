"""The folders for data sets and for what can be made again."""

from __future__ import annotations

import os
from pathlib import Path

from grader.rubric import PROJECT


def data_folder() -> Path:
    """The folder for data sets: `$GRADER_DATA`, or `data/` in the project."""
    return Path(os.environ.get("GRADER_DATA") or PROJECT / "data")


def cache_folder() -> Path:
    """The folder for what can be made again at any time: `$GRADER_CACHE`, or `.cache/` in the project."""
    return Path(os.environ.get("GRADER_CACHE") or PROJECT / ".cache")
