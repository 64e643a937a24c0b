"""Finds what a class handed in: which zip is whose, and which counts where one student has several.

Understood are plain zips (`alice.zip`), those that Canvas exports (`alice_12345_67890_homework.zip`), copies that a
browser numbered (`alice (1).zip`), and folders as Gradescope leaves them, a zip beside a `submission_metadata.json`.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from grader.classroom.records import Person
from grader.decoding import parse_json
from grader.errors import SubmissionRefused, UsageError
from grader.intake.opening import open_submission, student_name
from grader.rubric import Assignment, find_assignments
from grader.text import clean_name

LOG = logging.getLogger(__name__)
METADATA = "submission_metadata.json"
_CANVAS = re.compile(r"(?P<who>[^_]+)_(?P<late>LATE_)?(?P<id>\d{2,})_(?P<attempt>\d{3,})_.+", re.IGNORECASE)
LATE = "Canvas marks it as late: no late days are counted unless the roster has its submitted_at"
RESERVED = {
    "index.html",
    "class.pdf",
    "gradebook.csv",
    "exports",
    ".grading",
    ".lock",
}  # what else stands beside the students
_AGAIN = re.compile(r"(?P<stem>.+?) ?\((?P<attempt>\d{1,3})\)")


@dataclass(frozen=True)
class HandIn:
    """One zip, and what its name and what lies beside it tell.

    Attributes:
        path: The zip.
        person: Whose: from the roster, or made of what is known.
        group: All who handed it in together, by e-mail or name, where Gradescope tells it.
        submitted_at: When, with a time zone.
        attempt: Grows with each hand-in of one person, where the file's name tells it.
        is_late: Whether Canvas marks it as late; it does not tell by how much.
        note: A sentence on why this one of several counts; empty where there is one.
    """

    path: Path
    person: Person
    group: tuple[str, ...] = ()
    submitted_at: datetime | None = None
    attempt: int = 0
    is_late: bool = False
    note: str = ""


def find_hand_ins(folder: Path, roster: Mapping[str, Person], assignment: str | None = None) -> list[HandIn]:
    """What counts of each student, sorted by the student's name.

    Args:
        folder: Holds the zips, and a folder each for those with a `submission_metadata.json`.
        roster: The class by student; may be empty.
        assignment: Id of the assignment; None recognises it.

    Raises:
        UsageError: If there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"no such folder: {folder}")
    archives = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".zip" and path.is_file())
    stems = {path.stem for path in archives}
    found = [_from_name(path, roster, stems) for path in archives]
    for metadata in sorted(folder.glob(f"*/{METADATA}")):
        found += _from_metadata(metadata, roster)
    by_student: dict[str, list[HandIn]] = {}
    for hand_in in _told_apart(found):
        by_student.setdefault(hand_in.person.student, []).append(hand_in)
    return [choose(several, assignment) for _, several in sorted(by_student.items())]


def _from_name(path: Path, roster: Mapping[str, Person], stems: Iterable[str]) -> HandIn:
    if canvas := _CANVAS.fullmatch(path.stem):
        by_id = {person.canvas_id: person for person in roster.values() if person.canvas_id}
        student = student_name(Path(canvas["who"]))
        namesake = roster.get(student)
        known = by_id.get(canvas["id"]) or (namesake if namesake and not namesake.canvas_id else None)
        person = known or Person(student=student, name=canvas["who"], canvas_id=canvas["id"])
        is_late = bool(canvas["late"])
        note = LATE if is_late and person.submitted_at is None else ""
        return HandIn(path, person, (), person.submitted_at, int(canvas["attempt"]), is_late, note)
    stem, attempt = path.stem, 0
    if again := _AGAIN.fullmatch(path.stem):
        first = student_name(Path(again["stem"]))
        if again["stem"] in stems or first in roster:
            stem, attempt = again["stem"], int(again["attempt"])
    student = student_name(Path(f"{stem}.zip"))
    person = roster.get(student) or Person(student=student, name=clean_name(stem))
    return HandIn(path, person, submitted_at=person.submitted_at, attempt=attempt)


def _from_metadata(path: Path, roster: Mapping[str, Person]) -> list[HandIn]:
    """The zips beside a `submission_metadata.json`; the first of its users gives them their name.

    What can't be read there stops nobody else's grade: it is told.
    """
    archives = sorted(each for each in path.parent.iterdir() if each.suffix.lower() == ".zip" and each.is_file())
    if not archives:
        LOG.warning("%s holds no zip: nothing of it is graded", clean_name(str(path.parent)))
        return []
    try:
        content = parse_json(path.read_bytes())
        users = [_user(user) for user in content["users"]]
        submitted_at = datetime.fromisoformat(content["created_at"])
        if submitted_at.tzinfo is None:
            raise ValueError("created_at names no time zone")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        told = f"{type(error).__name__}: {clean_name(str(error))}"
        LOG.warning("%s can't be read as Gradescope's (%s): graded without", clean_name(str(path)), told)
        person = Person(student=student_name(path.parent))
        return [HandIn(archive, person, note=f"{METADATA} can't be read") for archive in archives]
    by_email = {person.email.casefold(): person for person in roster.values() if person.email}
    known = next((by_email[user.email.casefold()] for user in users if user.email.casefold() in by_email), None)
    person = known or (users[0] if users else Person(student=student_name(path.parent)))
    group = tuple(user.email or user.name for user in users) if len(users) > 1 else ()
    moment, attempt = person.submitted_at or submitted_at, int(submitted_at.timestamp())
    return [HandIn(archive, person, group, moment, attempt) for archive in archives]


def _user(user: Any) -> Person:
    email, name = str(user.get("email") or ""), str(user.get("name") or "")
    return Person(
        student=student_name(Path(email.partition("@")[0] or name or str(user["id"]))), name=name, email=email
    )


def _told_apart(found: Sequence[HandIn]) -> list[HandIn]:
    """The same with a folder for each: one name can stand for two who differ in a character, or for a file of ours."""
    identities: dict[str, set[tuple[str, str, str]]] = {}
    for each in found:
        identities.setdefault(each.person.student, set()).add(_identity(each.person))
    taken = {student for student, people in identities.items() if len(people) > 1} | RESERVED
    return [_renamed(each) if each.person.student in taken else each for each in found]


def _identity(person: Person) -> tuple[str, str, str]:
    return person.canvas_id, person.email, person.name


def _renamed(hand_in: HandIn) -> HandIn:
    person = hand_in.person
    told = person.canvas_id or hashlib.sha256("\0".join(_identity(person)).encode(errors="replace")).hexdigest()[:6]
    student = student_name(Path(f"{person.student}-{told}.zip"))
    return replace(hand_in, person=person.model_copy(update={"student": student}))


def choose(several: Sequence[HandIn], assignment: str | None = None) -> HandIn:
    """Which zip of one student counts, by the rule of the assignment (`several_zips` in `assignment.toml`).

    A zip that would be refused counts only where there is no other. Without times, the order of the attempts decides.
    """
    if len(several) == 1:
        return several[0]
    opened = [(each, _recognise(each.path, assignment)) for each in several]
    usable = [(each, rubric) for each, rubric in opened if rubric is not None]
    candidates = usable or opened
    timely = [each for each, rubric in candidates if rubric is None or _counts(each, rubric)]
    chosen = max(timely or [each for each, _ in candidates], key=_order)
    note = f"of {len(several)} zips, {clean_name(chosen.path.name)} counts"
    return replace(chosen, note="; ".join(filter(None, (note, chosen.note))))


def _counts(hand_in: HandIn, rubric: Assignment) -> bool:
    if rubric.several_zips == "last":
        return True
    if hand_in.submitted_at is None:
        return not hand_in.is_late
    return hand_in.submitted_at <= rubric.due_at


def _order(hand_in: HandIn) -> tuple[float, int, str]:
    moment = hand_in.submitted_at.timestamp() if hand_in.submitted_at else 0.0
    return moment, hand_in.attempt, hand_in.path.name


def _recognise(path: Path, assignment: str | None) -> Assignment | None:
    try:
        return find_assignments()[open_submission(path, assignment=assignment).assignment]
    except (SubmissionRefused, UsageError):  # a file that can't be read is told when it is its turn
        return None
