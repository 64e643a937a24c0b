"""Reads the form in which a person scores, and checks its marks; every slip is told with its line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from grader.decoding import NotText, decode_text
from grader.errors import MarksRefused
from grader.frozen_record import Record
from grader.records import Grade, State, TaskGrade
from grader.rubric import Assignment, Task
from grader.text import clean_name
from grader.toml_slips import Slip, find_key, find_line, parse_toml

FORM = "manual.toml"
NOT_MARKED = -1.0


class Mark(Record):
    """One question of the form, filled in or not; `at` holds the file's line of its `task` and `score`."""

    task: str
    title: str = ""
    points: float = 0.0
    answer: str = ""
    score: float = NOT_MARKED
    comment: str = ""
    at: dict[str, int] = Field(default={}, exclude=True)

    @field_validator("score", mode="before")
    @classmethod
    def _is_no_truth(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("write a number")
        return value

    @property
    def is_marked(self) -> bool:
        """Whether the person has given a score."""
        return self.score != NOT_MARKED


class Form(Record):
    """The whole form of one submission; `name` is the file's, for messages."""

    student: str
    submission_sha256: str
    question: tuple[Mark, ...] = ()
    name: str = Field(default=FORM, exclude=True)


def is_for_person(task: TaskGrade, rule: Task) -> bool:
    """Whether a person gives this task's score, or may change it."""
    asked = task.state is not State.UNASKED
    return asked and (task.state is State.MANUAL or task.by_person or rule.scoring == "manual")


def read_form(path: Path) -> Form:
    """Read a form.

    Raises:
        MarksRefused: If it is missing or not a form; the text names the file, the line and what is wrong with it.
    """
    name = _named(path)
    try:
        text = decode_text(path.read_bytes())
    except OSError as error:
        raise _refused(name, (0, f"can't be read as a form of manual scores: {error.strerror}")) from error
    except NotText as error:
        raise _refused(name, (0, f"can't be read as a form of manual scores: {error}")) from error
    if not text.strip():
        raise _refused(name, (0, "is empty; delete it, and the next grading writes a new form"))
    try:
        content = parse_toml(text)
        form = Form.model_validate(content)
    except Slip as slip:
        raise _refused(name, (slip.line, slip.what)) from slip
    except ValidationError as error:
        raise _refused(name, *_wrong_values(text, error)) from error
    marks = tuple(
        mark.model_copy(update={"at": {key: find_line(text, "question", number, key) for key in ("task", "score")}})
        for number, mark in enumerate(form.question)
    )
    return form.model_copy(update={"question": marks, "name": name})


def _refused(name: str, *slips: tuple[int, str]) -> MarksRefused:
    """The refusal of a form for slips, each with its line; 0 where it has none."""
    places = [f"line {line}: {what}" if line else what for line, what in slips]
    said = f"{name}{', ' if slips[0][0] else ' '}{'; '.join(places)}"
    return MarksRefused(f"{said}. No mark of this file counts until it is corrected; the file stays as it is")


def _named(path: Path) -> str:
    """A form's name for messages, with the student's folder."""
    return clean_name(f"{path.parent.name}/{path.name}")


def _wrong_values(text: str, error: ValidationError) -> list[tuple[int, str]]:
    """Lines of the values that a form can't have, and what is wrong with them; what is missing has no line."""
    return sorted(
        dict.fromkeys(_wrong_value(text, each) for each in error.errors()), key=lambda slip: (not slip[0], slip)
    )


def _wrong_value(text: str, first: ErrorDetails) -> tuple[int, str]:
    place, key = first["loc"], clean_name(str(first["loc"][-1]))
    if len(place) == 3 and isinstance(place[1], int):
        line = find_line(text, "question", place[1], key)
    else:
        line = find_key(text, str(place[0]))
    if first["type"] == "extra_forbidden":
        return line, f"a form has no `{key}` here"
    if first["type"] == "missing":
        return line, f"lacks `{key}`"
    said = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return line, f"`{key}` {said}" if said.startswith("should") else f"`{key}`: {said}"


def marks_for(form: Form, grade: Grade, assignment: Assignment) -> Mapping[str, Mark]:
    """The form's marks by task, checked against the rubric.

    Raises:
        MarksRefused: If the form belongs to another submission, names a task twice or one that there is none of, or
            gives a score that the task can't have.
    """
    if form.submission_sha256 != grade.submission_sha256:
        told = f"is the form of another submission of {clean_name(form.student)}: its digest is not the graded zip's"
        raise MarksRefused(f"{form.name} {told}; no mark of this file counts")
    states = {task.id: task for task in grade.tasks}
    marks: dict[str, Mark] = {}
    slips: list[tuple[int, str]] = []
    for mark in form.question:
        if wrong := _misfit(mark, states, marks, assignment):
            slips.append((mark.at.get(wrong[0], 0), wrong[1]))
        else:
            marks[mark.task] = mark
    if slips:
        raise _refused(form.name, *slips)
    return marks


def _misfit(
    mark: Mark, states: Mapping[str, TaskGrade], earlier: Mapping[str, Mark], assignment: Assignment
) -> tuple[str, str] | None:
    """The key of a mark that can't be merged, and why; None when it can."""
    if mark.task not in states or mark.task in earlier:
        task = clean_name(mark.task)
        return "task", f"the form names task {task!r} {'twice' if mark.task in earlier else 'and there is none'}"
    points = assignment.by_id[mark.task].points
    if mark.is_marked and not 0 <= mark.score <= points:
        return "score", f"the form gives task {mark.task} {mark.score:g}; it has 0 to {points:g} points"
    if mark.is_marked and not is_for_person(states[mark.task], assignment.by_id[mark.task]):
        return "score", f"task {mark.task} is scored by checks: write only a comment"
    return None
