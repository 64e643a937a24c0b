"""What the grading of a class hands around: one frozen row a student, and where its files are."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import Field

from grader.frozen_record import Record

GRADEBOOK = "gradebook.csv"

GRADED, REFUSED, MISSING, FAILED, UNREAD = "graded", "refused", "missing", "failed", "unread"


class Person(Record):
    """One line of the roster. Everything but `student` may be empty.

    Attributes:
        student: The name of the student's folder and, without `.zip`, of the handed-in file.
        name: As people write it.
        email: Where to reach them.
        variant: Which variant of the assignment counts for them.
        submitted_at: When they handed in, with a time zone.
        canvas_id: Their number in Canvas.
        group: The same text for all who hand in together; empty where each hands in alone, or students say it.
    """

    student: str
    name: str = ""
    email: str = ""
    variant: str = ""
    submitted_at: datetime | None = None
    canvas_id: str = ""
    group: str = ""


class Row(Record):
    """What the gradebook and the class report know of one student; text may quote the student and is untrusted.

    Attributes:
        student: Name of the folder below `out/`; unique, rows are sorted by it.
        person: The roster's line, or one with the name alone.
        group: All who handed this zip in together, names as in `group.txt`; empty for one alone.
        is_listed: Whether the platform says so; what only `group.txt` says is a claim.
        archive: File name of the zip that counts; empty when nothing was handed in.
        sha256: Digest of that zip, hex.
        submitted_at: When it was handed in; None where nobody knows.
        assignment: Id of the assignment; empty when it is not known.
        variant: Under which it was graded.
        outcome: "graded", "refused" (the zip's fault), "missing" (nothing handed in), "unread" (something that the
            grader does not understand lies there) or "failed" (the grader's fault: every point is withheld).
        score: Points, bonus and late days included.
        max_score: Points there were, bonus aside.
        days_late: Rounded up.
        tasks: Points of each task that was scored, by id; a task without a score is not in it.
        withheld: Ids of tasks that could not be checked for a reason of ours.
        waiting: Ids of tasks that wait for a person.
        message: The total, or why there is none, and the remarks.
        remarks: Sentences for the instructor, such as why a person's marks are not merged.
        seconds: Wall time of the grading.
        machine: Name of the machine that graded it.
        graded_as: Whose folder holds the results, where it is not the student's own: somebody of the same group's.
    """

    student: str
    person: Person
    group: tuple[str, ...] = ()
    is_listed: bool = False
    archive: str = ""
    sha256: str = ""
    submitted_at: datetime | None = None
    assignment: str = ""
    variant: str = ""
    outcome: str
    score: float = 0.0
    max_score: float = 0.0
    days_late: int = 0
    tasks: dict[str, float] = {}
    withheld: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    message: str = ""
    remarks: tuple[str, ...] = ()
    seconds: float = 0.0
    machine: str = ""
    graded_as: str = ""


class Pair(Record):
    """Two submissions that resemble each other: worth a look, never a verdict. The evidence quotes students, untrusted.

    Attributes:
        kind: "code" or "weights".
        first: One student.
        second: The other.
        others: Further students with the very same file, where more than two have it.
        share: How alike they are, from 0 to 1.
        sentence: What is alike.
        evidence: What to compare, with the first's text and the second's.
    """

    kind: str
    first: str
    second: str
    others: tuple[str, ...] = ()
    share: float = Field(ge=0, le=1)
    sentence: str
    evidence: tuple[tuple[str, str, str], ...] = ()


def student_folder(out: Path, row: Row) -> Path:
    """Where a student's `results.json`, `arrays.safetensors` and report are."""
    return out / (row.graded_as or row.student)
