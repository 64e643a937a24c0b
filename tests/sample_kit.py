"""The students' kit of Miniplaces as one unpacks it, and a Python that finds nothing of this project."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.authoring.release import release
from grader.checking.declare import CheckSpec, specs_in
from grader.packages import checks_folder, import_part
from grader.rubric import PROJECT, get_assignment

ID = "miniplaces"
SOLUTIONS = PROJECT / "solutions" / ID
ABSENT = ("pydantic", "pydantic_core", "safetensors", "click", "rich", "nbformat", "weasyprint", "jinja2", "tomli_w")
BLOCKER = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(name)

sys.meta_path[:] = [each for each in sys.meta_path if not each.__module__.startswith("__editable__")]
sys.meta_path.insert(0, Blocker())
"""
HANG_S = 300
Run = Callable[..., subprocess.CompletedProcess[str]]


@functools.cache
def unpacked(folder: Path) -> Path:
    """The kit as students unpack it, out of a release of a copy of the project; made once."""
    for name in ("assignment", "solutions"):
        shutil.copytree(PROJECT / name / ID, folder / name / ID, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.unpack_archive(release(get_assignment(ID, folder))[-1], folder / "unpacked")
    (folder / "blocker").mkdir()
    (folder / "blocker" / "sitecustomize.py").write_text(BLOCKER)
    return folder / "unpacked" / ID


@pytest.fixture
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kit; leave its files alone."""
    return unpacked(tmp_path_factory.getbasetemp() / "kit")


@pytest.fixture
def home(kit: Path, tmp_path: Path) -> Path:
    """A student's copy of the kit."""
    return Path(shutil.copytree(kit, tmp_path / "home of a student"))


@pytest.fixture
def run(kit: Path) -> Run:
    """Runs a command of Python in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    kept |= {"PYTHONPATH": str(kit.parent.parent / "blocker"), "OMP_NUM_THREADS": "1"}

    def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *words]
        return subprocess.run(
            command, cwd=folder, env=kept, capture_output=True, text=True, timeout=HANG_S, check=False
        )

    return call


def solve(home: Path) -> None:
    """Put the solutions in the place of the stubs."""
    for name in ("filters.py", "units.py", "cam.py", "fashion.py", "answers.md", "experiments.json"):
        shutil.copy(SOLUTIONS / name, home / name)


def declared(assignment_id: str, *, public: bool) -> dict[str, CheckSpec]:
    """What the public checks of an assignment declare, or the hidden ones, by name."""
    paths = checks_folder(get_assignment(assignment_id)).glob("public_*.py" if public else "check_*.py")
    return specs_in(import_part(path) for path in paths)


def solved_lines(source: str) -> set[str]:
    """Lines that stubs must not have: those of marked regions, hints and what any code has aside."""
    regions = re.findall(r"# BEGIN SOLUTION.*?\n(.*?)# END SOLUTION", source, re.DOTALL)
    lines = {line.strip() for region in regions for line in region.splitlines()}
    return {line for line in lines if len(line) > 20 and not line.startswith("#")}
