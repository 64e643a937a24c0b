"""Slips of an assignment's author: each a sentence with file and line, before anything is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sample_guide import write_guide

from grader.authoring.linting import lint_assignment
from grader.cli.main import AT_FAULT, main
from grader.errors import AssignmentInvalid
from grader.rubric import PROJECT, Assignment, find_assignments, read_assignment

Edit = Callable[[str, str, str], int]
RUBRIC = "assignment/toy/assignment.toml"
HIDDEN = "solutions/toy/checks/check_pixels.py"
PUBLIC = "solutions/toy/checks/public_pixels.py"
MISTAKES = "solutions/toy/mistakes/pixels.py"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The guide's assignment in a folder of its own, named by ASSIGNMENTS."""
    folder = write_guide(tmp_path / "course")
    monkeypatch.setenv("ASSIGNMENTS", str(folder))
    return folder


@pytest.fixture
def edit(course: Path) -> Edit:
    """Puts a text in the place of another's first occurrence in a file; returns the line where that stands."""

    def put(file: str, old: str, new: str) -> int:
        text = (course / file).read_text(encoding="utf-8")
        assert old in text
        (course / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return text[: text.index(old)].count("\n") + 1

    return put


def toy(course: Path) -> Assignment:
    """The assignment as it is now."""
    return read_assignment(course / RUBRIC)


@pytest.mark.parametrize("assignment", find_assignments(PROJECT).values(), ids=lambda each: each.id)
def test_ours_have_none(assignment: Assignment) -> None:
    """The project's own assignments are without slips."""
    assert [str(slip) for slip in lint_assignment(assignment)] == []


def test_guide_has_none(course: Path) -> None:
    """So is the guide's."""
    assert [str(slip) for slip in lint_assignment(toy(course))] == []


SLIPS = [
    (HIDDEN, '@check("2"', '@check("3"', "belongs to '3', and there is no such task"),
    (
        HIDDEN,
        "thresholds:",
        "treshold:",
        "no such fixture; did you mean 'thresholds'?",
    ),
    (
        HIDDEN,
        "def check_crop",
        "def check_grey",
        "two checks are called check_grey: the other one is in check_pixels.py, line",
    ),
    (
        MISTAKES,
        '"pixels.to_grey"',
        '"pixels.to_gray"',
        "no such name in pixels.py; did you mean 'to_grey'?",
    ),
    (MISTAKES, '"pixels.to_grey"', '"pixel.to_grey"', "there is no such module; did you mean 'pixels'?"),
    (MISTAKES, 'check="check_grey"', 'check="check_gray"', "no such check; did you mean 'check_grey'?"),
]


@pytest.mark.parametrize(("file", "old", "new", "sentence"), SLIPS)
def test_slips(course: Path, edit: Edit, file: str, old: str, new: str, sentence: str) -> None:
    """Each is told once, at its line, with what may be meant."""
    line = edit(file, old, new)
    told = [slip for slip in lint_assignment(toy(course)) if sentence in slip.sentence]
    assert [(slip.path, slip.line) for slip in told] == [(course / file, line)]


def test_check_after_nothing(course: Path, edit: Edit) -> None:
    """A check that stands after one that its task does not have is told, and one without the sentence for students."""
    line = edit(HIDDEN, '("check_grey_shape",)', '("check_gray_shape",)')
    edit(HIDDEN, '    """Green counts most and blue least."""\n', "")
    told = {slip.line: slip.sentence for slip in lint_assignment(toy(course))}
    assert told[line].endswith("no such check of task 1; did you mean 'check_grey_shape'?")
    assert "check_grey has no docstring, which is the sentence that students read" in told.values()


def test_unknown_kind_of_figure(course: Path, edit: Edit) -> None:
    """An exhibit of a kind that no module draws is told where it is laid out; so is a module that draws nothing."""
    line = edit(PUBLIC, "    expect", '    exhibit("patches", "grey", "Grey.", {})\n    expect')
    (course / "solutions/toy/figures").mkdir(exist_ok=True)
    (course / "solutions/toy/figures/patch.py").write_text("SIZE = 3\n")
    told = {(slip.path.name, slip.line): slip.sentence for slip in lint_assignment(toy(course))}
    assert "there is no kind of figure 'patches'" in told["public_pixels.py", line]
    assert "has no function `draw(exhibit)`" in told["patch.py", 1]


def test_tasks(course: Path, edit: Edit) -> None:
    """A task without a check, or without a heading for its answer, is told at its line; so is one no handout names."""
    more = '[[task]]\nid = "7"\ntitle = "More"\npoints = 1\nmodule = "pixels"\nwritten = true\n\n'
    line = edit(RUBRIC, "[[task]]", f"{more}[[task]]") + 1
    told = [slip.sentence for slip in lint_assignment(toy(course)) if slip.line == line]
    assert any("task 7 is scored by checks and has none" in each for each in told)
    assert any("answers.md has no heading for it" in each for each in told)
    assert any("task 7 is nowhere in README.md" in each for each in told)


def test_module_renamed_on_one_side(course: Path) -> None:
    """A module that the rubric names and the solutions don't have is told, with what they have."""
    own = course / "solutions/toy"
    (own / "pixels.py").rename(own / "pixel.py")
    told = [slip.sentence for slip in lint_assignment(toy(course))]
    assert any("module 'pixels'" in each and "did you mean 'pixel.py'?" in each for each in told)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("points =", "point =", "task 1: unknown key `point`; did you mean `points`?"),
        ("title =", "titel =", "unknown key `titel`; did you mean `title`?"),
    ],
)
def test_unknown_key(course: Path, edit: Edit, old: str, new: str, words: str) -> None:
    """A key of the rubric that there is not is told with its task's id and the key that may be meant."""
    edit(RUBRIC, old, new)
    with pytest.raises(AssignmentInvalid, match=r"assignment\.toml: ") as caught:
        toy(course)
    assert words in str(caught.value)


def test_validate_runs_nothing(
    course: Path, edit: Edit, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make validate` tells slips and ends with 1 before any check is run."""
    line = edit(HIDDEN, "thresholds:", "treshold:")
    monkeypatch.setattr("sys.argv", ["grader", "validate", "--assignment", "toy"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == AT_FAULT
    assert f"check_pixels.py:{line}: " in capsys.readouterr().out
