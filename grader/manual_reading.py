"""Reads the form in which a person scores, and checks its marks; every slip is told with its line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

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
    """Tell every slip of a form, each a line (0: none) and a clause."""
    told = "; ".join(f"line {line}: {what}" if line else what for line, what in slips)
    comma = "," if slips[0][0] else ""
    rest = "No mark in this file counts until it is corrected; the file is kept as it is"
    return MarksRefused(f"{name}{comma} {told}. {rest}")


def _named(path: Path) -> str:
    """A form's name for messages, with the student's folder."""
    return clean_name(f"{path.parent.name}/{path.name}")


def _wrong_values(text: str, error: ValidationError) -> list[tuple[int, str]]:
    """Line and fault of each value that a form can't have; what is missing has no line, and is told last."""
    found = []
    for one in error.errors():
        place, key = one["loc"], clean_name(str(one["loc"][-1]))
        if len(place) == 3 and isinstance(place[1], int):
            line = find_line(text, "question", place[1], key)
        else:
            line = find_key(text, str(place[0]))
        said = one["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if one["type"] == "extra_forbidden":
            told = f"a form has no `{key}` here"
        elif one["type"] == "missing":
            told = f"`{key}` is missing"
        else:
            told = f"`{key}` {said}" if said.startswith("should") else f"`{key}`: {said}"
        found.append((one["type"] == "missing", line, told))
    return [(line, told) for _, line, told in sorted(found)]


def marks_for(form: Form, grade: Grade, assignment: Assignment) -> Mapping[str, Mark]:
    """The form's marks by task, checked against the rubric.

    Raises:
        MarksRefused: If the form belongs to another submission, names a task twice or one that there is none of, or
            gives a score that the task can't have.
    """
    if form.submission_sha256 != grade.submission_sha256:
        told = f"is the form of another submission of {clean_name(form.student)}: its digest is not the graded zip's"
        raise MarksRefused(f"{form.name} {told}. No mark in this file counts")
    states = {task.id: task for task in grade.tasks}
    marks: dict[str, Mark] = {}
    slips = []
    for mark in form.question:
        if wrong := _misfit(mark, states, marks, assignment):
            slips.append((mark.at.get(wrong[0], 0), wrong[1]))
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
        return "task", f"task {task!r} is there twice" if mark.task in earlier else f"there is no task {task!r}"
    points = assignment.by_id[mark.task].points
    if mark.is_marked and not 0 <= mark.score <= points:
        return "score", f"task {mark.task} has 0 to {points:g} points, not {mark.score:g}"
    if mark.is_marked and not is_for_a_person(states[mark.task], assignment.by_id[mark.task]):
        return "score", f"{_not_scored(states[mark.task])}; write only a comment, and leave `score = -1`"
    return None


def is_for_a_person(task: TaskGrade, line: Task) -> bool:
    """Whether a person may score a task, the rubric's `line`: it waits for one, or one has scored it."""
    return task.state is State.MANUAL or task.by_person or (line.scoring == "manual" and task.state is State.SCORED)


def _not_scored(task: TaskGrade) -> str:
    if task.state is State.UNASKED:
        return f"this student's variant does not ask for task {task.id}"
    return f"task {task.id} is scored by checks"
