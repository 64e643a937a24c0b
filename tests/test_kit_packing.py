"""Packing in the students' kit: what comes along, what stays behind, and what the grader would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_kit import ID, SOLUTIONS, Run, solve
from sample_kit import home as home
from sample_kit import kit as kit
from sample_kit import run as run

from grader.authoring.composing.notebook import notebook_of
from grader.authoring.kit.main import main
from grader.authoring.kit.packing import zip_name
from grader.authoring.kit.report import Report
from grader.authoring.kit.rubric import read_rubric
from grader.errors import UsageError
from grader.intake.opening import open_submission
from grader.records import CheckResult, Outcome
from grader.rubric import PROJECT, get_assignment


def test_what_the_grader_would_refuse_is_not_packed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A module of 300 KiB, or none at all, is refused with the grader's sentence, and no zip is written."""
    solve(home)
    (home / "helper.py").write_text("#" * (300 << 10))
    ended = main(home, ["--pack"])
    said = capsys.readouterr().out
    assert ended == 1
    assert '"helper.py"' in said
    assert "256 KiB" in said
    (home / "helper.py").unlink()
    for name in ("filters", "units", "cam", "fashion"):
        (home / f"{name}.py").unlink()
    none = main(home, ["--pack"])
    assert none == 1
    assert "filters.py" in capsys.readouterr().out
    assert not list(home.glob("*.zip"))


@pytest.mark.parametrize("name", ["../ada", ".hidden", "a/b", "C:x", "", ".zip"])
def test_names_of_zips_stay_in_the_folder(name: str) -> None:
    """A name that is a path, hidden or empty is none for a zip; `.zip` at its end is not doubled."""
    assert zip_name("ada.ZIP") == "ada.zip"
    with pytest.raises(UsageError):
        zip_name(name)


def test_only_the_students_files_are_packed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Helper modules come along; the kit, data, environments, archives and hidden files stay behind."""
    solve(home)
    for name in (
        "helper.py",
        "more/layers.py",
        "more/note.txt",
        "data/images.bin",
        ".secret",
        "old.zip",
        "train.tar.gz",
    ):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text("1")
    (home / "env" / "lib").mkdir(parents=True)
    (home / "env" / "pyvenv.cfg").write_text("")
    (home / "env" / "lib" / "torch.py").write_text("")
    (home / "plots.py").write_text("import matplotlib\n")
    assert main(home, ["--pack", "ada"]) == 0
    said = capsys.readouterr().out
    files = open_submission(home / "ada.zip").files
    expected = {"helper.py", "more/layers.py", "filters.py", "units.py", "cam.py", "fashion.py", "answers.md"}
    assert files.keys() == expected | {"experiments.json"}
    for left in ("data: ", "old.zip: ", "train.tar.gz: ", "env: ", "plots.py: a file of the kit that you changed"):
        assert f"  {left}" in said


@pytest.mark.slow
def test_notebook_is_tried_and_packed(home: Path, run: Run) -> None:
    """Work done in the notebook is tried as the grader tries it, and the untouched modules stay behind."""
    modules = {name: (SOLUTIONS / f"{name}.py").read_text() for name in get_assignment(ID).modules}
    (home / f"{ID}.ipynb").write_bytes(notebook_of(get_assignment(ID), modules))
    ended = run(home, "check.py", "1a", "3a", "4b")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "3 of 3 tasks pass" in ended.stdout
    run(home, "check.py", "--pack", "ada")
    with_notebook = open_submission(home / "ada.zip")
    assert {"filters.py", f"{ID}.ipynb", "answers.md"} <= with_notebook.files.keys()
    assert b"NotImplementedError" not in with_notebook.files["filters.py"]


def test_report_tells_each_task_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """Tasks without a public check keep their place; what did not pass is told with every part that it has."""
    assignment = read_rubric(PROJECT / "assignment" / ID / "assignment.toml")
    report = Report(assignment, ["1a", "1b", "2d", "3d"], [b'raise NotImplementedError("2d: not yet")'])
    report.add(CheckResult(task="1a", name="check_a", title="A.", outcome=Outcome.PASSED))
    failed = CheckResult(task="1a", name="check_b", title="B.", outcome=Outcome.FAILED, message="No.", called="f(1)")
    report.add(failed.model_copy(update={"expected": "2", "got": "3", "help": "Add \x1b one."}))
    todo = "Not started: the TODO is still in place."
    report.add(CheckResult(task="1b", name="check_c", title="C.", outcome=Outcome.ERROR, message=todo))
    report.finish()
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip() for line in lines[1:7]] == [
        "failed: B.", "No.", "called: f(1)", "expected: 2", "got: 3", "→ Add \\u{1b} one."
    ]  # fmt: skip
    rest = [lines[0], *lines[7:]]
    assert [line.split()[0] for line in rest] == ["1a", "1b", "2d", "3d"]
    ends = ("1 of 2 public checks pass", "not started", "not started", "tried when it is graded")
    assert all(line.endswith(end) for line, end in zip(rest, ends, strict=True))
    assert (report.passed, report.tried) == (0, 2)
