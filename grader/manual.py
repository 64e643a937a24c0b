"""Scores that a person gives: the form that `make grade` leaves for a TA, and reading it back."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import tomli_w
from pydantic import ValidationError

from grader.decoding import NotText, decode_text
from grader.errors import UsageError
from grader.records import Grade, Record, State
from grader.rubric import Assignment
from grader.text import clean_text

FORM = "manual.toml"
NOT_MARKED = -1.0
_HEAD = """\
# Written answers and what else waits for a person. Set `score`, from 0 to `points`; -1 stands for not marked yet.
# `comment` goes into the student's report. Questions with `points = 0` are scored by checks: only comment on them.
# Then: make report SUBMISSION={student}.zip MANUAL={student}/manual.toml (with the path of this file)

"""


class Mark(Record):
    """One question of the form, filled in or not."""

    task: str
    title: str = ""
    points: float = 0.0
    answer: str = ""
    score: float = NOT_MARKED
    comment: str = ""

    @property
    def is_marked(self) -> bool:
        """Whether the person has given a score."""
        return self.score != NOT_MARKED


class Form(Record):
    """The whole form of one submission."""

    student: str
    submission_sha256: str
    question: tuple[Mark, ...] = ()


def write_form(folder: Path, grade: Grade, assignment: Assignment) -> None:
    """Leave `manual.toml` for a TA; a form of the same submission that somebody has begun to fill in stays."""
    path = folder / FORM
    begun = _begun(path)
    if begun is not None:
        if begun.submission_sha256 == grade.submission_sha256:
            return
        # Of another version of the zip: the marks are kept beside, since nobody likes to mark twice.
        path.rename(path.with_name(f"manual-{begun.submission_sha256[:12]}.toml"))
    questions = [
        _question(grade, assignment, task.id) for task in assignment.tasks if _waits(grade, assignment, task.id)
    ]
    form = Form(student=grade.student, submission_sha256=grade.submission_sha256, question=tuple(questions))
    text = _HEAD.format(student=grade.student) + tomli_w.dumps(form.model_dump(), multiline_strings=True)
    path.write_text(text, encoding="utf-8")


def _waits(grade: Grade, assignment: Assignment, task_id: str) -> bool:
    states = {task.id: task.state for task in grade.tasks}
    return assignment.by_id[task_id].written or states.get(task_id) is State.MANUAL


def _question(grade: Grade, assignment: Assignment, task_id: str) -> Mark:
    task = next(task for task in grade.tasks if task.id == task_id)
    answer = clean_text(grade.answers.get(task_id, ""), lines=200, columns=2000, limit=16384)
    points = assignment.by_id[task_id].points if task.state is State.MANUAL else 0.0
    return Mark(task=task_id, title=task.title, points=points, answer=answer)


def _begun(path: Path) -> Form | None:
    if not path.exists():
        return None
    try:
        form = read_form(path)
    except UsageError:  # somebody's half-edited form: kept, out of the way
        path.rename(path.with_name("manual-unreadable.toml"))
        return None
    return form if any(mark.is_marked or mark.comment for mark in form.question) else None


def read_form(path: Path) -> Form:
    """Read a form.

    Raises:
        UsageError: If it is missing or not a form.
    """
    try:
        form = Form.model_validate(tomllib.loads(decode_text(path.read_bytes())))
    except (OSError, NotText, tomllib.TOMLDecodeError, ValidationError) as error:
        raise UsageError(f"{path} can't be read as a form of manual scores: {error}") from error
    return form


def marks_for(form: Form, grade: Grade, assignment: Assignment) -> Mapping[str, Mark]:
    """The form's marks by task, checked against the rubric.

    Raises:
        UsageError: If the form belongs to another submission, names a task twice or one that there is none of, or gives
            a score that the task can't have.
    """
    if form.submission_sha256 != grade.submission_sha256:
        raise UsageError(f"the form is of another submission of {form.student}: its digest is not the graded zip's")
    states = {task.id: task for task in grade.tasks}
    marks: dict[str, Mark] = {}
    for mark in form.question:
        if mark.task not in states or mark.task in marks:
            raise UsageError(
                f"the form names task {mark.task!r} {'twice' if mark.task in marks else 'and there is none'}"
            )
        points = assignment.by_id[mark.task].points
        if mark.is_marked and not 0 <= mark.score <= points:
            raise UsageError(f"the form gives task {mark.task} {mark.score:g}; it has 0 to {points:g} points")
        if mark.is_marked and states[mark.task].state is not State.MANUAL and not states[mark.task].by_person:
            raise UsageError(f"the form scores task {mark.task}, which checks score: only a comment is possible")
        marks[mark.task] = mark
    return marks
