"""Finds what a class handed in: which zip is whose, and which counts where one student has several.

Understood are plain zips (`alice.zip`), those that Canvas exports (`alice_12345_67890_homework.zip`; the attachments of
one hand-in are one), copies that a browser numbered (`alice (1).zip`), and zips in the folders of a Gradescope export,
beside which `submission_metadata.yml` says whose they are. What else lies there is found by `unread.py`, so that it can
be told. Who handed in and when is never read from a file in a student's own folder or zip.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.course.attachments import join_attachments
from grader.course.gradescope_lists import EXPORT, Listed, read_export
from grader.course.groups import as_naming
from grader.course.hand_in import HandIn
from grader.course.lms_names import read_canvas_name, read_moodle_name
from grader.course.people import People
from grader.course.records import Person
from grader.course.unread import Unread, find_unread
from grader.errors import SubmissionRefused, UsageError
from grader.intake.opening import open_archive, student_name
from grader.intake.zippaths import is_ignored
from grader.rubric import Assignment, chosen_assignments
from grader.text import clean_name

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
class Found:
    """What there is in a class's folder.

    Attributes:
        hand_ins: What counts of each student, sorted by student.
        unread: What is not graded.
        namings: Of students who handed in nothing else, a zip that only names those with whom they work.
    """

    hand_ins: list[HandIn]
    unread: list[Unread]
    namings: list[HandIn] = field(default_factory=list)


def find_hand_ins(folder: Path, roster: Mapping[str, Person], assignment: str | None = None) -> list[HandIn]:
    """What counts of each student, sorted by the student's name. Arguments and errors as for `look_through`."""
    return look_through(folder, roster, assignment).hand_ins


def look_through(
    folder: Path, roster: Mapping[str, Person], assignment: str | None = None, others: Iterable[Path] = ()
) -> Found:
    """Find everything in a class's folder.

    Args:
        folder: Holds the zips, or Gradescope's list and the folders that it names.
        roster: The class by student; may be empty.
        assignment: Id of the assignment; None recognizes it.
        others: Files and folders that may lie there and are no hand-ins.

    Raises:
        UsageError: If there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"no such folder: {folder}")
    people = People(roster)
    archives = zips_in(folder)
    stems = {path.stem for path in archives}
    found = [_from_name(path, people, stems) for path in archives]
    listed = read_export(folder / EXPORT)
    for inner in [path for path in sorted(folder.iterdir()) if path.name in listed and path.is_dir()]:
        found += _from_export(inner, listed[inner.name], people)
    read = {each.path for each in found} | {folder / EXPORT for each in found if each.path.parent != folder}
    found, unread = _told_apart(found, find_unread(folder, read, people, others))
    by_student: dict[str, list[HandIn]] = {}
    for hand_in in found:
        by_student.setdefault(hand_in.person.student, []).append(hand_in)
    hand_ins, namings = [], []
    for _, several in sorted(by_student.items()):
        named = [naming for each in several if (naming := as_naming(each)) is not None]
        if len(named) == len(several):
            namings.append(max(named, key=_order))
        else:
            hand_ins.append(choose(several, assignment))
    return Found(hand_ins, unread, namings)


def zips_in(folder: Path) -> list[Path]:
    """The zips that lie directly in a folder; the twin that macOS makes of one is none."""
    found = (path for path in folder.iterdir() if path.suffix.lower() == ".zip" and path.is_file())
    return sorted(path for path in found if not is_ignored(path.name))


def _from_name(path: Path, people: People, stems: Iterable[str]) -> HandIn:
    if canvas := read_canvas_name(path.name, people.has):
        person = people.with_id(canvas.id) or people.called(canvas.who)
        person = person or Person(student=student_name(Path(canvas.who)), name=canvas.who, canvas_id=canvas.id)
        note = LATE if canvas.is_late and person.submitted_at is None else ""
        return HandIn(path, person, (), person.submitted_at, canvas.attachment, canvas.is_late, note, canvas)
    stem, attempt = path.stem, 0
    again = _AGAIN.fullmatch(path.stem)
    if again and (again["stem"] in stems or people.named(again["stem"])):
        stem, attempt = again["stem"], int(again["attempt"])
    person = people.named(read_moodle_name(stem) or stem)
    person = person or Person(student=student_name(Path(f"{stem}.zip")), name=clean_name(stem))
    return HandIn(path, person, submitted_at=person.submitted_at, attempt=attempt)


def _from_export(folder: Path, listed: Listed, people: People) -> list[HandIn]:
    """The zips in a folder that Gradescope's list names; the first of its users whom the roster has gives the name.

    A link may lead to somebody else's zip: it is none.
    """
    archives = [path for path in zips_in(folder) if not path.is_symlink()]
    known = [found for user in listed.users if (found := people.like(user))]
    person = next(iter([*known, *listed.users]), Person(student=student_name(folder)))
    group = tuple(user.email or user.name for user in listed.users) if len(listed.users) > 1 else ()
    moment = person.submitted_at or listed.submitted_at
    attempt = int(listed.submitted_at.timestamp()) if listed.submitted_at else 0
    return [HandIn(archive, person, group, moment, attempt) for archive in archives]


def _told_apart(found: Sequence[HandIn], unread: Sequence[Unread]) -> tuple[list[HandIn], list[Unread]]:
    """The same with a folder for each: one name can stand for two who differ in a character, or for a file of ours."""
    identities: dict[str, set[tuple[str, str, str]]] = {}
    for person in (*(each.person for each in found), *(person for each in unread for person in each.people)):
        identities.setdefault(person.student, set()).add(_identity(person))
    taken = {student for student, people in identities.items() if len(people) > 1} | RESERVED

    def apart(person: Person) -> Person:
        return _renamed(person) if person.student in taken else person

    hand_ins = [replace(each, person=apart(each.person)) for each in found]
    return hand_ins, [replace(each, people=tuple(map(apart, each.people))) for each in unread]


def _identity(person: Person) -> tuple[str, str, str]:
    return person.canvas_id, person.email, person.name


def _renamed(person: Person) -> Person:
    told = person.canvas_id or hashlib.sha256("\0".join(_identity(person)).encode(errors="replace")).hexdigest()[:6]
    return person.model_copy(update={"student": student_name(Path(f"{person.student}-{told}.zip"))})


def choose(several: Sequence[HandIn], assignment: str | None = None) -> HandIn:
    """Which zip of one student counts, by the rule of the assignment (`several_zips` in `assignment.toml`).

    Attachments of one hand-in in Canvas are one zip. A zip that would be refused counts only where there is no other.
    Without times, the order of the attempts decides.
    """
    if len(several) == 1:
        return several[0]
    opened = join_attachments(
        [(each, _recognise(each, assignment)) for each in several], lambda each: _recognise(each, assignment)
    )
    usable = [(each, rubric) for each, rubric in opened if rubric is not None]
    candidates = usable or opened
    timely = [each for each, rubric in candidates if rubric is None or _counts(each, rubric)]
    chosen = max(timely or [each for each, _ in candidates], key=_order)
    if len(opened) == 1:
        return chosen
    note = f"of {len(several)} zips, {clean_name(chosen.names)} counts"
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


def _recognise(hand_in: HandIn, assignment: str | None) -> Assignment | None:
    try:
        return open_archive(hand_in.read(), "student", choices=chosen_assignments(assignment)).assignment
    except (SubmissionRefused, UsageError):  # a file that can't be read is told when it is its turn
        return None
