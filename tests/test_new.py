"""`make new`: an assignment to start from, which passes at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.authoring.linting import lint_assignment
from grader.authoring.new import new_assignment
from grader.authoring.release import is_current
from grader.cli.main import GRADED, WRONG_USAGE, main
from grader.errors import UsageError
from grader.rubric import get_assignment


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Exit code of `grader` with these arguments, in this process."""
    monkeypatch.setattr("sys.argv", ["grader", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def test_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Outside the project it is written under its id, without slips and with current stubs, and the next step told.

    It releases the assignment, which runs the public checks.
    """
    root = tmp_path / "my course"
    assert run(monkeypatch, "new", "--assignment", "week_1", "--out", str(root)) == GRADED
    assert capsys.readouterr().out.splitlines()[-1] == f"Next: ASSIGNMENTS='{root}' make validate ASSIGNMENT=week_1"
    monkeypatch.setenv("ASSIGNMENTS", str(root))
    made = get_assignment("week_1")
    assert (lint_assignment(made), is_current(made)) == ([], [])
    assert not [
        path for path in root.rglob("*") if path.is_file() and b"toy" in path.read_bytes() and path.suffix != ".zip"
    ]
    with pytest.raises(UsageError, match=r"there is an assignment 'week_1' already"):
        new_assignment("week_1", root)


@pytest.mark.parametrize("name", ["Week1", "1st", "a-b", "", "../x"])
def test_no_id(tmp_path: Path, name: str) -> None:
    """What can't be an id is refused, and nothing is written."""
    with pytest.raises(UsageError, match="can't be an id"):
        new_assignment(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A file that is there stays as it is, and nothing is written beside it."""
    path = tmp_path / "solutions" / "week_1" / "pixels.py"
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(UsageError, match=r"pixels\.py exists"):
        new_assignment("week_1", tmp_path)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    assert path.read_text() == "mine"


def test_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """An id of an assignment of the project is refused by the command."""
    assert run(monkeypatch, "new", "--assignment", "miniplaces") == WRONG_USAGE


@pytest.mark.slow
def test_new_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make validate` proves it at once: solutions, stubs, mistakes and other ways, in processes of their own."""
    new_assignment("week_1", tmp_path)
    monkeypatch.setenv("ASSIGNMENTS", str(tmp_path))
    assert run(monkeypatch, "validate", "--assignment", "week_1", "--out", str(tmp_path / "out")) == GRADED
