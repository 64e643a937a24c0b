"""`make validate ONLY=` proves one task, module, function or variation."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.authoring.validation.cases import Case, CaseKind, list_cases
from grader.authoring.validation.choosing import choose_cases
from grader.cli.main import GRADED, WRONG_USAGE, main
from grader.rubric import get_assignment
from grader.solutions import load_mistakes

ASSIGNMENT = get_assignment("miniplaces")


@pytest.fixture(scope="module")
def cases() -> tuple[Case, ...]:
    """All cases of the assignment."""
    return list_cases(ASSIGNMENT)


def test_one_variation(cases: tuple[Case, ...]) -> None:
    """The id of a mistake chooses it alone, a function all that replaces it, a module all that belongs to it."""
    assert [case.name for case in choose_cases(ASSIGNMENT, cases, "filters.stays_float")] == ["filters.stays_float"]
    of_function = choose_cases(ASSIGNMENT, cases, "filters.normalize_tensor")
    assert {case.kind for case in of_function} == {CaseKind.MISTAKE, CaseKind.ACCEPTED, CaseKind.LAZY}
    of_module = choose_cases(ASSIGNMENT, cases, "filters")
    assert set(of_function) < set(of_module)
    assert all(case.name.startswith("filters.") for case in of_module)
    assert {case.kind for case in choose_cases(ASSIGNMENT, cases, "model.pth")} == {
        CaseKind.MISTAKE,
        CaseKind.ACCEPTED,
        CaseKind.LAZY,
    }


def test_one_task(cases: tuple[Case, ...]) -> None:
    """A task chooses its checks on solutions and stubs, and the mistakes that these checks must catch."""
    chosen = choose_cases(ASSIGNMENT, cases, "1a")
    assert {case.kind: case.tasks for case in chosen if case.tasks} == {
        CaseKind.SOLUTIONS: ("1a",),
        CaseKind.STUBS: ("1a",),
    }
    caught = {case.name for case in chosen if case.kind is CaseKind.MISTAKE}
    assert caught == {each.id for each in load_mistakes(ASSIGNMENT) if each.target == "filters.normalize_tensor"}
    assert "filters.normalize_tensor" in {case.name for case in chosen if case.kind is CaseKind.LAZY}
    every = [set(choose_cases(ASSIGNMENT, cases, task.id)) for task in ASSIGNMENT.tasks]
    proved = {case.name for chosen in every for case in chosen}
    assert {case.name for case in cases if case.kind in (CaseKind.MISTAKE, CaseKind.ACCEPTED)} <= proved


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """The exit code of `validate` with these options, in this process."""
    monkeypatch.setattr("sys.argv", ["grader", "validate", "--jobs", "1", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One mistake is proved by itself; what is unknown is refused with names that are near."""
    out = ["--out", str(tmp_path)]
    assert run(monkeypatch, "--only", "filters.stays_float", *out) == GRADED
    assert "1/1" in capsys.readouterr().out
    assert not any(tmp_path.iterdir())
    assert run(monkeypatch, "--only", "filters.stays_flaot", *out) == WRONG_USAGE
    assert "is it filters.stays_float" in capsys.readouterr().err
