"""What of a class needs work: a class while it is graded, its records compared with what they were made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader.course.digests import Digests, digest
from grader.course.gradebook import ClassRecord, read_record
from grader.course.groups import claims_on, with_groups
from grader.course.hand_in import HandIn
from grader.course.job import Job
from grader.course.records import FAILED, REFUSED, Person, Row
from grader.course.rows import failed_row, missing_rows, unread_rows
from grader.course.unread import Unread
from grader.course_secret import submission_seed
from grader.errors import UsageError
from grader.manual import FORM, KEPT
from grader.results import ARRAYS, RESULTS


@dataclass(frozen=True)
class Options:
    """How a class is to be graded; None where the zip or the rubric decides."""

    roster: Path | None = None
    assignment: str | None = None
    variant: str | None = None
    weakest: str = "container"


@dataclass
class Class:
    """A class while it is graded; `rows` is what is known so far, by student: of the last run where it is not done."""

    out: Path
    options: Options
    digests: Digests
    roster: Mapping[str, Person]
    hand_ins: dict[str, HandIn]
    secret: str = field(repr=False)
    unread: Sequence[Unread] = ()
    namings: Sequence[HandIn] = ()
    rows: dict[str, Row] = field(default_factory=dict)

    def everybody(self) -> list[Row]:
        """The rows, with those of groups and of the missing, sorted; nobody who waits to be graded is missing."""
        rows = with_groups(self.rows, self.roster, self.namings)
        rows += unread_rows({row.student for row in rows} | self.hand_ins.keys(), self.unread)
        there = {row.student for row in rows} | self.hand_ins.keys()
        return sorted(
            [*rows, *missing_rows(there, self.roster, claims_on(rows, self.roster))], key=lambda row: row.student
        )


@dataclass(frozen=True)
class Plan:
    """One submission that needs work."""

    hand_in: HandIn
    sha256: str
    is_recorded: bool  # its checks need not run again


def find_plans(group: Class) -> Iterator[Plan]:
    """What needs work; the rows of the others are taken from their records."""
    for student, hand_in in sorted(group.hand_ins.items()):
        try:
            sha256 = hand_in.digest()
        except UsageError as error:
            group.rows[student] = failed_row(hand_in, "", str(error))
            continue
        record = _usable(group, student, sha256)
        if record is None:
            yield Plan(hand_in, sha256, is_recorded=False)
            continue
        group.rows[student] = record.row
        if record.score != score_digest(group, hand_in, record.row.assignment, marks_of(group, student)):
            # A refused zip has no results to score: it is opened again, which runs nothing.
            yield Plan(hand_in, sha256, is_recorded=record.row.outcome != REFUSED)


def _usable(group: Class, student: str, sha256: str) -> ClassRecord | None:
    """What is recorded of a submission, where its checks need not run again and its files are those of the record."""
    record, folder = read_record(group.out, student), group.out / student
    if record is None or record.row.outcome == FAILED or not (folder / ARRAYS).is_file():
        return None
    if record.run != run_digest(group, record.row.assignment, sha256):
        return None
    return record if record.results == digest_of(folder / RESULTS) else None


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hex; empty where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def marks_of(group: Class, student: str) -> bytes | None:
    """The form in which a person marks; None where there is none."""
    path = group.out / student / FORM
    return path.read_bytes() if path.is_file() else None


def run_digest(group: Class, assignment: str, sha256: str) -> str:
    """Of what the checks' results depend on."""
    return digest(group.digests.run.get(assignment, group.digests.run), sha256, group.options.assignment)


def score_digest(group: Class, hand_in: HandIn, assignment: str, marks: bytes | None) -> str:
    """Of what the score depends on beside the checks' results, a person's marks among it."""
    given = (_variant(group, hand_in), hand_in.submitted_at, hand_in.person, hand_in.note, hand_in.group)
    return digest(
        group.digests.score.get(assignment, group.digests.score),
        *map(str, given),
        None if marks is None else marks.hex(),
    )


def _variant(group: Class, hand_in: HandIn) -> str | None:
    return hand_in.person.variant or group.options.variant


def make_job(group: Class, plan: Plan, scratch: str | None) -> Job:
    """The work of a plan; `scratch` is a folder that the one who does it finds, None where that is not known."""
    folder = group.out / plan.hand_in.person.student
    recorded = {name: (folder / name).read_bytes() for name in (RESULTS, ARRAYS)} if plan.is_recorded else {}
    return Job(
        plan.hand_in.person.student,
        archive=b"" if recorded else plan.hand_in.read(),
        form=marks_of(group, plan.hand_in.person.student),
        kept={path.name: path.read_bytes() for path in sorted(folder.glob(KEPT)) if path.is_file()},
        recorded=recorded,
        assignment=group.options.assignment,
        variant=_variant(group, plan.hand_in),
        submitted_at=plan.hand_in.submitted_at,
        weakest=group.options.weakest,
        seed=submission_seed(group.secret, plan.sha256),
        expects=group.digests.whole,
        scratch=scratch,
    )
