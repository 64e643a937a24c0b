"""Scores that a person gives: the form that `make grade` leaves for a TA. `manual_reading.py` reads it back.

What a person typed is never overwritten, and a form is never moved: before another form takes its place, a copy is kept
under a name that is free. A form that can't be read stays where it is.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import tomli_w

from grader.errors import MarksRefused
from grader.manual_reading import FORM as FORM
from grader.manual_reading import Form as Form
from grader.manual_reading import Mark as Mark
from grader.manual_reading import is_for_a_person
from grader.manual_reading import marks_for as marks_for
from grader.manual_reading import read_form as read_form
from grader.records import Grade, State
from grader.results import write_whole
from grader.rubric import Assignment
from grader.text import clean_text

KEPT = "manual-*.toml"  # forms of a student's other zips
_HEAD = """\
# Written answers, and tasks that wait for a person. Set `score`, from 0 to `points`; -1 means not marked yet.
# `comment` goes into the student's report. Tasks with `points = 0` are scored by checks: only comment on them.
# Then: make report SUBMISSION={student}.zip MANUAL={student}/manual.toml (with the path of this file)

"""
_STAMP = (
    b"\n# As long as nobody changes this file, the grader may write it anew. "  # then a digest of what stands above
)


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
    line = assignment.by_id[task_id]
    points = line.points if is_for_a_person(task, line) else 0.0
    return Mark(task=task_id, title=task.title, points=points, answer=answer)
