"""Scores that a person gives."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.manual import FORM, marks_for, read_form, write_form
from grader.records import CheckResult, Grade, Outcome, State, Submission
from grader.rubric import Assignment, get_assignment
from grader.scoring import grade_submission, merge_marks

Fill = Callable[..., Path]


@pytest.fixture
def assignment() -> Assignment:
    """Miniplaces: 2b waits for a person where data are missing, 3d always does, 3c is scored by checks."""
    return get_assignment("miniplaces")


@pytest.fixture
def grade(assignment: Assignment) -> Grade:
    """A grade in which 2b could not be run, and everything else passed."""
    outcomes = {task.id: Outcome.INTERNAL if task.id == "2b" else Outcome.PASSED for task in assignment.tasks}
    checks = [CheckResult(task=task, name="check", title="t", outcome=end) for task, end in outcomes.items()]
    submission = Submission("alice", assignment.id, "ab" * 32, {})
    return grade_submission(submission, assignment, checks, "6.869", {"2b": 'I looked.\n"""\\ done'})


@pytest.fixture
def fill(grade: Grade, assignment: Assignment, tmp_path: Path) -> Fill:
    """Writes the form and replaces parts of it, as a TA would."""

    def write(*changes: tuple[str, str]) -> Path:
        write_form(tmp_path, grade, assignment)
        path = tmp_path / FORM
        text = path.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path.write_text(text)
        return path

    return write


def question(path: Path, task: str) -> dict[str, object]:
    """One question of a form."""
    return next(each for each in tomllib.loads(path.read_text())["question"] if each["task"] == task)


def test_form(fill: Fill) -> None:
    """The form lists each written question with its points and the student's answer, whatever is in it."""
    path = fill()
    assert [each["task"] for each in tomllib.loads(path.read_text())["question"]] == ["2b", "3c", "3d", "4c", "4d"]
    assert question(path, "2b")["points"] == 1
    assert question(path, "3c")["points"] == 0
    assert question(path, "2b")["answer"] == 'I looked.\n"""\\ done'


def test_merge(fill: Fill, grade: Grade, assignment: Assignment) -> None:
    """Scores and comments go into the grade, its ledger and its total; what checks scored stays."""
    text = fill().read_text().split("[[question]]")
    text[1] = text[1].replace("score = -1.0", "score = 0.75").replace('comment = ""', 'comment = "Nearly."')
    path = fill()
    path.write_text("[[question]]".join(text))
    merged = merge_marks(grade, assignment, marks_for(read_form(path), grade, assignment))
    task = next(task for task in merged.tasks if task.id == "2b")
    assert (task.state, task.score, task.comment) == (State.SCORED, 0.75, "Nearly.")
    assert merged.score == grade.score + 0.75
    assert sum(line.points for line in merged.ledger) == merged.score
    again = merge_marks(merged, assignment, marks_for(read_form(path), merged, assignment))
    assert again == merged


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("score = -1.0", "score = 1.5"), "gives task 2b 1.5; it has 0 to 1 points"),
        (("score = -1.0", "score = -0.5"), "gives task 2b -0.5"),
        (('task = "2b"', 'task = "2B"'), "names task '2B' and there is none"),
        (('task = "3c"', 'task = "2b"'), "names task '2b' twice"),
        (("ab" * 32, "cd" * 32), "another submission"),
    ],
)
def test_wrong_marks(fill: Fill, grade: Grade, assignment: Assignment, change: tuple[str, str], told: str) -> None:
    """A mark that the task can't have is refused in a sentence, whatever points the form claims."""
    path = fill(change, ("points = 1.0", "points = 100.0"))
    with pytest.raises(UsageError, match=told):
        marks_for(read_form(path), grade, assignment)


def test_score_of_checks(fill: Fill, grade: Grade, assignment: Assignment) -> None:
    """What checks score can be commented on, and not scored."""
    head, tail = fill().read_text().split('task = "3c"')
    path = fill()
    path.write_text(head + 'task = "3c"' + tail.replace("score = -1.0", "score = 0.0", 1))
    with pytest.raises(UsageError, match="only a comment is possible"):
        marks_for(read_form(path), grade, assignment)


@pytest.mark.parametrize("content", ["score = 0,5", "[[question]]\ntask = 3", "\xff"])
def test_unreadable(tmp_path: Path, grade: Grade, assignment: Assignment, content: str) -> None:
    """A form that can't be read is wrong usage; one that lies in the folder is kept aside and made anew."""
    (tmp_path / FORM).write_bytes(content.encode("latin-1"))
    with pytest.raises(UsageError, match="can't be read as a form"):
        read_form(tmp_path / FORM)
    write_form(tmp_path, grade, assignment)
    assert (tmp_path / "manual-unreadable.toml").read_bytes() == content.encode("latin-1")
    assert read_form(tmp_path / FORM).student == "alice"


def test_begun_form_stays(fill: Fill, tmp_path: Path, grade: Grade, assignment: Assignment) -> None:
    """Grading again leaves a form that somebody has begun; of another version of the zip it is kept beside."""
    path = fill(("score = -1.0", "score = 0.5"))
    begun = path.read_text()
    write_form(tmp_path, grade, assignment)
    assert path.read_text() == begun
    write_form(tmp_path, grade.model_copy(update={"submission_sha256": "ef" * 32}), assignment)
    assert (tmp_path / f"manual-{'ab' * 6}.toml").read_text() == begun
    assert question(path, "2b")["score"] == -1
