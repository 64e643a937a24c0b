"""Grades a whole class: a folder of zips -> a folder of reports, `gradebook.csv` and the class report.

What is recorded and unchanged is left alone (`class_digests.py`); what only the score depends on is scored again from
the recorded results. All files of a submission are written when it is done, its record last: whenever the grader is
stopped, what is recorded is whole, and the next run goes on from there.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grader.class_digests import Digests, digest, take_digests
from grader.class_job import Graded, Job, grade_job
from grader.class_records import FAILED, Row
from grader.class_rows import failed_row, graded_row, missing_rows, shared_rows
from grader.errors import MachineError, SandboxUnavailable, UsageError
from grader.executors import Place, run_jobs
from grader.gradebook import ClassRecord, read_record, write_gradebook, write_record
from grader.handed_in import HandIn, find_hand_ins
from grader.intake import file_digest
from grader.manual import FORM
from grader.results import ARRAYS, RESULTS, looks_path, write_whole
from grader.roster import read_roster
from grader.rubric import find_assignments

LOG = logging.getLogger(__name__)
SCRATCH = ".grading"  # below `out`: what is under way; whatever is in it when a run begins was left by a kill


@dataclass(frozen=True)
class Options:
    """How a class is to be graded; None where the zip or the rubric decides."""

    roster: Path | None = None
    assignment: str | None = None
    variant: str | None = None
    weakest: str = "container"


@dataclass
class Class:
    """A class while it is graded; `rows` is what is known so far, by student."""

    out: Path
    options: Options
    digests: Digests
    hand_ins: dict[str, HandIn]
    rows: dict[str, Row] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """One submission that needs work."""

    hand_in: HandIn
    sha256: str
    is_recorded: bool  # its checks need not run again


def grade_class(
    folder: Path,
    out: Path,
    options: Options,
    place: Place,
    on_start: Callable[[int, int], None] = lambda _all, _left: None,
    on_done: Callable[[Row], None] = lambda _row: None,
) -> list[Row]:
    """Grade every zip of a folder that is new or changed.

    Args:
        folder: The zips (`handed_in.py`).
        out: Where everything goes.
        options: How.
        place: Where the work is done.
        on_start: Gets the number of submissions, and how many of them need work.
        on_done: Gets the row of each that was worked on.

    Returns:
        A row for each student, the missing ones of the roster too, sorted.

    Raises:
        UsageError: If folder, roster, assignment or variant make no sense.
        SandboxUnavailable: If no sandbox works where the work is done.
    """
    roster = read_roster(options.roster) if options.roster else {}
    found = find_hand_ins(folder, roster, options.assignment)
    _check(options, found)
    out.mkdir(parents=True, exist_ok=True)
    group = Class(out, options, take_digests(options.weakest), {each.person.student: each for each in found})
    plans = list(_plans(group))
    on_start(len(found), len(plans))
    write_gradebook(out, group.rows.values())
    scratch = out / SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    try:
        # Taken as they are needed: a class's zips and arrays do not fit into memory together.
        for job, result in run_jobs(place, grade_job, (_job(group, plan, scratch) for plan in plans)):
            row = _finish(group, job.student, result)
            write_gradebook(out, group.rows.values())
            on_done(row)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    everybody = [*group.rows.values(), *shared_rows(group.rows, roster)]
    everybody += missing_rows({row.student for row in everybody}, roster)
    write_gradebook(out, everybody)
    return sorted(everybody, key=lambda row: row.student)


def _check(options: Options, found: list[HandIn]) -> None:
    """Refuse what no submission could be graded with, before the work begins."""
    assignments = find_assignments()
    if options.assignment is not None and options.assignment not in assignments:
        raise UsageError(f"no assignment {options.assignment!r}; there are {', '.join(assignments)}")
    known = {variant for each in assignments.values() for variant in each.variants}
    wanted = {options.variant} | {each.person.variant for each in found if each.person.variant}
    if unknown := sorted(wanted - known - {None}, key=str):
        raise UsageError(f"no assignment has a variant {unknown[0]!r}")


def _plans(group: Class) -> Iterator[Plan]:
    """What needs work; the rows of the others are taken from their records."""
    for student, hand_in in sorted(group.hand_ins.items()):
        try:
            sha256 = file_digest(hand_in.path)
        except UsageError as error:
            group.rows[student] = failed_row(hand_in, "", str(error))
            continue
        record = read_record(group.out, student) if _has_files(group.out / student) else None
        is_known = record is not None and record.run == _run_digest(group, record.row.assignment, sha256)
        if record is None or not is_known or record.row.outcome == FAILED:
            yield Plan(hand_in, sha256, is_recorded=False)
        elif record.score != _score_digest(group, hand_in, record.row.assignment):
            # A refused zip has no results to score: it is opened again, which runs nothing.
            yield Plan(hand_in, sha256, is_recorded=record.row.outcome != "refused")
        else:
            group.rows[student] = record.row


def _has_files(folder: Path) -> bool:
    return (folder / RESULTS).is_file() and (folder / ARRAYS).is_file()


def _run_digest(group: Class, assignment: str, sha256: str) -> str:
    return digest(group.digests.run.get(assignment, group.digests.run), sha256, group.options.assignment)


def _score_digest(group: Class, hand_in: HandIn, assignment: str) -> str:
    """Of what the score depends on beside the checks' results, a person's marks among it."""
    form = group.out / hand_in.person.student / FORM
    marks = form.read_bytes() if form.exists() else b""
    given = (_variant(group, hand_in), hand_in.submitted_at, hand_in.person, hand_in.note, hand_in.group)
    return digest(group.digests.score.get(assignment, group.digests.score), *map(str, given), marks.hex())


def _variant(group: Class, hand_in: HandIn) -> str | None:
    return hand_in.person.variant or group.options.variant


def _job(group: Class, plan: Plan, scratch: Path) -> Job:
    folder = group.out / plan.hand_in.person.student
    recorded = {name: (folder / name).read_bytes() for name in (RESULTS, ARRAYS)} if plan.is_recorded else {}
    form = folder / FORM
    return Job(
        plan.hand_in.person.student,
        archive=b"" if recorded else plan.hand_in.path.read_bytes(),
        form=form.read_bytes() if form.exists() else b"",
        recorded=recorded,
        assignment=group.options.assignment,
        variant=_variant(group, plan.hand_in),
        submitted_at=plan.hand_in.submitted_at,
        weakest=group.options.weakest,
        expects=digest(group.digests.run),
        scratch=str(scratch.resolve()),
    )


def _finish(group: Class, student: str, result: Graded | Exception) -> Row:
    """Write a submission's files, then its record."""
    hand_in = group.hand_ins[student]
    if isinstance(result, Exception):
        LOG.error("the process that was to grade %s failed twice: %s", student, result)
        told = (str(result).splitlines() or [type(result).__name__])[0]
        why = f"the process that was to grade it failed twice ({told}); is there enough memory?"
        row = failed_row(hand_in, "", why)
    elif result.grade is None:
        if result.unavailable:
            raise SandboxUnavailable(f"{result.machine}: {result.message}")
        row = failed_row(hand_in, result.machine, result.message)
    else:
        _write_files(group.out / student, result.files, result.looks)
        row = graded_row(hand_in, result)
    group.rows[student] = row
    run = _run_digest(group, row.assignment, row.sha256)
    write_record(group.out, ClassRecord(run=run, score=_score_digest(group, hand_in, row.assignment), row=row))
    return row


def _write_files(folder: Path, files: Mapping[str, bytes], looks: bytes | None) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)
        if looks is None:
            looks_path(folder).unlink(missing_ok=True)
        else:
            looks_path(folder).parent.mkdir(exist_ok=True)
            write_whole(looks_path(folder), looks)
    except OSError as error:
        raise MachineError(f"{folder} can't be written: {error.strerror}") from error
