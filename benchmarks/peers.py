"""The other graders: their environment, what they need lying ready, and the commands that run them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.accounts import Account
from benchmarks.basics.submissions import SOLUTION
from grader.rubric import PROJECT

BASICS = Path(__file__).with_name("basics")
REQUIREMENTS = Path(__file__).with_name("peers.txt")
ENVIRONMENT = PROJECT / ".venv-peers"
NAMES = ("gradescope_utils", "nbgrader", "otter")
INSTALL_S = 900


class PeersMissing(Exception):
    """The peers can't be had here; its text is the reason."""


def install_peers() -> Path:
    """The Python of the peers' environment, made first where it is not there or holds other versions.

    torch and what it needs come from the grader's own environment, after everything that the peers brought.

    Raises:
        PeersMissing: If pip can't install them.
    """
    torch = importlib.util.find_spec("torch")
    assert torch is not None
    assert torch.origin is not None
    shared = Path(torch.origin).parent.parent
    stamp = f"{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()} {shared}\n"
    ready, python = ENVIRONMENT / ".ready", ENVIRONMENT / "bin" / "python"
    if ready.is_file() and ready.read_text() == stamp:
        return python
    venv.create(ENVIRONMENT, clear=True, with_pip=True)
    try:
        _run([python, "-m", "pip", "install", "--quiet", "--no-input", "--requirement", REQUIREMENTS])
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        packages = ENVIRONMENT / "lib" / version / "site-packages"
        (packages / "torch_of_the_grader.pth").write_text(f"{shared}\n")  # now: pip is to install all else anew
        _run([python, "-c", f"import torch, {', '.join(NAMES)}"])
    except (subprocess.SubprocessError, OSError) as error:
        raise PeersMissing(_reason(error)) from error
    ready.write_text(stamp)
    return python


def _run(command: list[str | Path]) -> None:
    subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=INSTALL_S,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _reason(error: Exception) -> str:
    printed = str(getattr(error, "output", "") or error).strip().splitlines()
    wrong = [line for line in printed if line.startswith("ERROR")] or printed[-1:]
    return re.sub(r"(/[\w.+-]+){2,}", "...", wrong[0] if wrong else type(error).__name__)


class Peers:
    """The three peers with everything that they need prepared in a folder.

    Args:
        python: Of their environment.
        folder: An empty one.
        sources: The submissions' modules by student.
    """

    def __init__(self, python: Path, folder: Path, sources: Mapping[str, str]) -> None:
        self._python, self._folder, self._bin = python, folder, python.parent
        own = {name: str(folder / name) for name in ("HOME", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
        self._environment = {**os.environ, **own, "PATH": f"{self._bin}:{os.environ['PATH']}"}
        for name in own.values():
            Path(name).mkdir(parents=True)
        self._sources = dict(sources)
        self._prepare_gradescope()
        self._prepare_otter()
        self._prepare_nbgrader()

    # gradescope-utils: unittest in a process for each submission.

    def _prepare_gradescope(self) -> None:
        for student, source in self._sources.items():
            folder = self._folder / "gradescope" / student
            folder.mkdir(parents=True)
            (folder / "basics.py").write_text(source, encoding="utf-8")

    def gradescope(self, account: Account, student: str) -> float:
        """Grade one submission; returns its points."""
        folder = self._folder / "gradescope" / student
        result = folder / "results.json"
        account.run([self._python, BASICS / "run_tests.py", folder, result], self._folder, self._environment)
        return _points(result)

    # otter: `otter run` for each submission.

    def _prepare_otter(self) -> None:
        folder = self._folder / "otter"
        (folder / "tests").mkdir(parents=True)
        for number, check in enumerate(_checks().values(), 1):
            text = _OTTER_TEST.format(number=number, check=check)
            (folder / "tests" / f"q{number}.py").write_text(text, encoding="utf-8")
        self._prepare(folder, "otter", "generate", "-t", "tests", "-o", "autograder.zip")
        for student, source in self._sources.items():
            cells = [_cell(part) for part in _parts(source)]
            _write_notebook(folder / student / "basics.ipynb", cells)

    def otter(self, account: Account, student: str) -> float:
        """Grade one submission; returns its points."""
        folder = self._folder / "otter"
        notebook, options = folder / student / "basics.ipynb", ("-a", "autograder.zip", "-o", student, "--no-logo")
        account.run([self._bin / "otter", "run", *options, notebook], folder, self._environment)
        return _points(folder / student / "results.json")

    # nbgrader: `nbgrader autograde` for the whole class.

    def _prepare_nbgrader(self) -> None:
        course = self._folder / "course"
        _write_notebook(course / "source" / "basics" / "basics.ipynb", _nbgrader_cells(SOLUTION.read_text()))
        self._prepare(course, "nbgrader", "generate_assignment", "basics")
        for student, source in self._sources.items():
            _write_notebook(course / "submitted" / student / "basics" / "basics.ipynb", _nbgrader_cells(source))
        shutil.copy(course / "gradebook.db", self._folder)

    def _prepare(self, folder: Path, command: str, *arguments: str) -> None:
        words = [str(self._bin / command), *arguments]
        subprocess.run(words, cwd=folder, env=self._environment, check=True, capture_output=True)

    def nbgrader(self, account: Account, *options: str) -> None:
        """Grade the class, or whom the options name, as if for the first time."""
        course = self._folder / "course"
        shutil.rmtree(course / "autograded", ignore_errors=True)
        shutil.copy(self._folder / "gradebook.db", course)
        account.run([self._bin / "nbgrader", "autograde", "basics", *options], course, self._environment)

    def nbgrader_points(self) -> dict[str, float]:
        """What nbgrader's book says, by student."""
        course = self._folder / "course"
        self._prepare(course, "nbgrader", "export", "--to", "grades.csv")
        lines = (course / "grades.csv").read_text(encoding="utf-8").splitlines()
        names = lines[0].split(",")
        student, score = names.index("student_id"), names.index("score")
        return {line.split(",")[student]: float(line.split(",")[score]) for line in lines[1:]}


_OTTER_TEST = """
import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q{number}"
points = 1


@test_case()
{check}
"""


def _points(result: Path) -> float:
    tests = json.loads(result.read_text(encoding="utf-8"))["tests"]
    return float(sum(test.get("score", 0) for test in tests))


def _checks() -> dict[str, str]:
    """The checks' sources by the function that each checks: the peers that have notebooks hold them as text."""
    parts = _parts((BASICS / "plain_checks.py").read_text(encoding="utf-8"))
    return {_name(part).removeprefix("check_"): part for part in parts if part.startswith("def check_")}


def _name(function: str) -> str:
    return function[len("def ") : function.index("(")]


def _parts(source: str) -> list[str]:
    """A module's imports, then each of its functions."""
    return [part.strip() for part in re.split(r"\n\n\n", source)]


def _nbgrader_cells(source: str) -> list[dict[str, Any]]:
    imports, *functions = _parts(source)
    cells = [_cell(imports)]
    for part in functions:
        name = _name(part)
        test = f"{_checks()[name]}\n\n\ncheck_{name}({name})"
        solution: dict[str, Any] = {"grade": False, "solution": True, "locked": False, "grade_id": name}
        graded = {"grade": True, "solution": False, "locked": True, "grade_id": f"check_{name}", "points": 1}
        for text, kind in ((part, solution), (test, graded)):
            metadata = {"nbgrader": {"schema_version": 3, "task": False, "cell_type": "code", **kind}}
            cells.append(_cell(text, metadata))
    return cells


def _cell(source: str, metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": metadata or {}, "outputs": [], "source": source}


def _write_notebook(path: Path, cells: list[dict[str, Any]]) -> None:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for number, cell in enumerate(cells):
        cell["id"] = str(number)
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")
