"""Merges the marks that a person gave into a grade, and leaves a form for those that are still to be given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grader.errors import MarksRefused
from grader.manual import find_form, write_form
from grader.manual_reading import FORM, Form, marks_for, read_form
from grader.records import Grade
from grader.rubric import Assignment
from grader.scoring import is_unclaimed, merge_marks
from grader.text import clean_name


def merge_and_leave_form(
    grade: Grade, assignment: Assignment, form: Form | None, folder: Path, tell: Callable[[str], None]
) -> tuple[Grade, MarksRefused | None]:
    """Merge a person's marks and leave a form for them in `folder`: everything is read before anything is written.

    Args:
        grade: Of the checks alone.
        assignment: Its rubric.
        form: The form that was asked for; None takes that in `folder`, and tells why it can't be merged.
        folder: The student's.
        tell: Gets what is to be said.

    Returns:
        The grade, with the marks if they can be merged, and why the form that was asked for can't.
    """
    merged, refusal = merge_form(grade, assignment, form, folder, tell)
    kept = write_form(folder, grade, assignment)
    own_refusal = str(refusal) if refusal is not None and form is None else ""
    for sentence in dict.fromkeys(filter(None, (own_refusal, kept))):
        tell(sentence)
    return merged, refusal if form is not None else None


def merge_form(
    grade: Grade, assignment: Assignment, form: Form | None, folder: Path, tell: Callable[[str], None]
) -> tuple[Grade, MarksRefused | None]:
    """The grade with the marks of a form, or of that in `folder`; or the grade as it is, and why.

    Points for a bonus that nobody handed in count as the person gave them, and `tell` gets a sentence about it.
    """
    try:
        if form is None and (path := find_form(folder, grade.submission_sha256)) is not None:
            form = read_form(path)
        marks = marks_for(form, grade, assignment) if form is not None else {}
    except MarksRefused as refusal:
        return grade, refusal
    for task in grade.tasks:
        if is_unclaimed(task) and task.id in marks and marks[task.id].score > 0:
            score, student = marks[task.id].score, clean_name(grade.student)
            tell(f"{student}: task {task.id} gets {score:g} from {FORM}, although nothing was handed in for it")
    return merge_marks(grade, assignment, marks) if marks else grade, None
