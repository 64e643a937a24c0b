"""Scores that a person gives: the form that `make grade` leaves for a TA, and reading it back.

What a person typed is never overwritten, and a form is never moved: before another form takes its place, a copy is kept
under a name that is free. A form that can't be read stays where it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field, ValidationError, field_validator

from grader.decoding import NotText, decode_text
from grader.errors import MarksRefused
from grader.records import Grade, Record, State, TaskGrade
from grader.results import write_whole
from grader.rubric import Assignment
from grader.text import clean_name, clean_text
from grader.toml_slips import Slip, find_key, find_line, parse_toml

FORM = "manual.toml"
KEPT = "manual-*.toml"  # forms of a student's other zips
NOT_MARKED = -1.0
_HEAD = """\
# Written answers and what else waits for a person. Set `score`, from 0 to `points`; -1 stands for not marked yet.
# `comment` goes into the student's report. Questions with `points = 0` are scored by checks: only comment on them.
# Then: make report SUBMISSION={student}.zip MANUAL={student}/manual.toml (with the path of this file)

"""
_STAMP = (
    b"\n# As long as nobody changes this file, the grader may write it anew. "  # then a digest of what stands above
)


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


def write_form(folder: Path, grade: Grade, assignment: Assignment) -> str:
    """Leave `manual.toml` for a TA, unless a person has changed the one that is there for the same submission.

    A changed form of another submission is kept in a file of its own first. If this submission has been marked before,
    its kept form comes back.

    Returns:
        A sentence about a form that was kept or could not be read; "" when there is nothing to say.
    """
    path = folder / FORM
    told = ""
    if is_changed(path):
        try:
            form = read_form(path)
        except MarksRefused as refusal:
            return str(refusal)
        if form.submission_sha256 == grade.submission_sha256:
            return ""
        kept = keep_form(folder, path.read_bytes(), _stem(form.submission_sha256))
        what = "marks" if any(mark.is_marked or mark.comment for mark in form.question) else "a changed form"
        told = f"{what} of another zip {'are' if what == 'marks' else 'is'} kept in {kept}"
    before = _kept_of(folder, grade.submission_sha256)
    write_whole(path, before.read_bytes() if before else _fresh(grade, assignment))
    return told


def find_form(folder: Path, sha256: str) -> Path | None:
    """Where a person's marks for a submission are: in `manual.toml`, or in a form that was kept.

    Returns:
        A form of that submission, or a `manual.toml` of which nobody can tell because it can't be read. None where no
        person has changed a form.
    """
    path = folder / FORM
    if is_changed(path):
        try:
            form = read_form(path)
        except MarksRefused:
            return path
        if form.submission_sha256 == sha256:
            return path
    return _kept_of(folder, sha256)


def keep_form(folder: Path, content: bytes, stem: str) -> str:
    """Keep a form of another zip, under a name that is free.

    Args:
        folder: The student's.
        content: The form's bytes.
        stem: What the file's name begins with; a number and `.toml` follow.

    Returns:
        The file's name; that of an older file where one holds the same bytes.
    """
    path, number = folder / f"{stem}.toml", 1
    while True:
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            if not path.is_file() or path.read_bytes() != content:
                number += 1
                path = folder / f"{stem}-{number}.toml"
                continue
        return path.name


def _stem(sha256: str) -> str:
    """What the name of a kept form begins with; the digest is what a person's file says."""
    return f"manual-{re.sub('[^0-9a-f]', '', sha256)[:12]}"


def _kept_of(folder: Path, sha256: str) -> Path | None:
    """The kept form of a submission, the last one where there are several; None where there is none."""
    for path in sorted(
        folder.glob(f"{_stem(sha256)}*.toml"), key=lambda path: (len(path.name), path.name), reverse=True
    ):
        try:
            if read_form(path).submission_sha256 == sha256:
                return path
        except MarksRefused:  # it stays, under its name
            continue
    return None


def is_changed(path: Path) -> bool:
    """Whether there is a form that is not exactly as the grader wrote it."""
    if not path.exists():
        return False
    if not path.is_file():
        return True
    text, _, stamp = path.read_bytes().rpartition(_STAMP)
    return not text or stamp.strip() != _stamp(text)


def _stamp(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest()[:16].encode()


def _fresh(grade: Grade, assignment: Assignment) -> bytes:
    """A form that nobody has filled in."""
    questions = [
        _question(grade, assignment, task.id) for task in assignment.tasks if _waits(grade, assignment, task.id)
    ]
    form = Form(student=grade.student, submission_sha256=grade.submission_sha256, question=tuple(questions))
    text = _HEAD.format(student=grade.student) + tomli_w.dumps(form.model_dump(), multiline_strings=True)
    return text.encode() + _STAMP + _stamp(text.encode()) + b"\n"


def _waits(grade: Grade, assignment: Assignment, task_id: str) -> bool:
    states = {task.id: task.state for task in grade.tasks}
    return assignment.by_id[task_id].written or states.get(task_id) is State.MANUAL


def _question(grade: Grade, assignment: Assignment, task_id: str) -> Mark:
    task = next(task for task in grade.tasks if task.id == task_id)
    answer = clean_text(grade.answers.get(task_id, ""), lines=200, columns=2000, limit=16384)
    points = assignment.by_id[task_id].points if task.state is State.MANUAL else 0.0
    return Mark(task=task_id, title=task.title, points=points, answer=answer)


def read_form(path: Path) -> Form:
    """Read a form.

    Raises:
        MarksRefused: If it is missing or not a form; the text names the file, the line and what is wrong with it.
    """
    name = _named(path)
    try:
        text = decode_text(path.read_bytes())
    except OSError as error:
        raise _refused(name, 0, f"can't be read as a form of manual scores: {error.strerror}") from error
    except NotText as error:
        raise _refused(name, 0, f"can't be read as a form of manual scores: {error}") from error
    if not text.strip():
        raise _refused(name, 0, "is empty; delete it, and the next grading writes a new form")
    try:
        content = parse_toml(text)
        form = Form.model_validate(content)
    except Slip as slip:
        raise _refused(name, slip.line, slip.what) from slip
    except ValidationError as error:
        raise _refused(name, *_wrong_value(text, error)) from error
    marks = tuple(
        mark.model_copy(update={"at": {key: find_line(text, "question", number, key) for key in ("task", "score")}})
        for number, mark in enumerate(form.question)
    )
    return form.model_copy(update={"question": marks, "name": name})


def _refused(name: str, line: int, what: str) -> MarksRefused:
    place = f", line {line}: " if line else " "
    return MarksRefused(
        f"{name}{place}{what}. None of its marks are merged until that is mended; the file stays as it is"
    )


def _named(path: Path) -> str:
    """A form's name for messages, with the student's folder."""
    return clean_name(f"{path.parent.name}/{path.name}")


def _wrong_value(text: str, error: ValidationError) -> tuple[int, str]:
    """Line of the first value that a form can't have, and what is wrong with it; what is missing has no line."""
    first = min(error.errors(), key=lambda each: each["type"] == "missing")
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
        raise MarksRefused(f"{form.name} {told}; none of its marks are merged")
    states = {task.id: task for task in grade.tasks}
    marks: dict[str, Mark] = {}
    for mark in form.question:
        if wrong := _misfit(mark, states, marks, assignment):
            raise _refused(form.name, mark.at.get(wrong[0], 0), wrong[1])
        marks[mark.task] = mark
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
    if mark.is_marked and states[mark.task].state is not State.MANUAL and not states[mark.task].by_person:
        return "score", f"the form scores task {mark.task}, which checks score: only a comment is possible"
    return None
