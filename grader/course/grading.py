"""Grades a whole class: a folder of zips -> a folder of reports, `gradebook.csv` and the class report.

What is recorded and unchanged is left alone (`digests.py`); what only the score depends on is scored again from
the recorded results. All files of a submission are written when it is done, its record last: whenever the grader is
stopped, what is recorded is whole, and the next run goes on from there.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from grader.course.digests import Digests, take_digests
from grader.course.executors import Place, run_jobs
from grader.course.gradebook import ClassRecord, record_path, write_gradebook, write_record
from grader.course.hand_in import HandIn
from grader.course.handed_in import Found, look_through
from grader.course.job import Graded, Job, grade_job, own_digest
from grader.course.plan import Class, Options, digest_of, find_plans, make_job, marks_of, run_digest, score_digest
from grader.course.records import Row
from grader.course.roster import Roster, read_roster
from grader.course.rows import failed_row, graded_row
from grader.course_secret import course_secret
from grader.errors import MachineError, SandboxUnavailable, TookTooLong, UsageError
from grader.manual import FORM, KEPT, keep_form
from grader.results import RESULTS, looks_path, write_whole
from grader.rubric import find_assignments

LOG = logging.getLogger(__name__)
LOCK = ".lock"  # below `out`: held while a class is graded
SCRATCH = ".grading"  # below `out`: what is under way; whatever is in it when a run begins was left by a kill


def grade_class(
    folder: Path,
    out: Path,
    options: Options,
    place: Place,
    on_start: Callable[[int, int], None] = lambda _all, _left: None,
    on_done: Callable[[Row], None] = lambda _row: None,
    on_found: Callable[[Found, Roster], None] = lambda _found, _roster: None,
) -> list[Row]:
    """Grade every zip of a folder that is new or changed.

    Args:
        folder: The zips (`handed_in.py`).
        out: Where everything goes.
        options: How.
        place: Where the work is done.
        on_start: Gets the number of submissions, and how many of them need work.
        on_done: Gets the row of each that was worked on.
        on_found: Gets what there is in the folder, and the roster.

    Returns:
        A row for each student, the missing ones of the roster too, sorted.

    Raises:
        UsageError: If folder, roster, assignment or variant make no sense.
        SandboxUnavailable: If no sandbox works where the work is done.
    """
    roster = read_roster(options.roster) if options.roster else Roster()
    found = look_through(folder, roster, options.assignment, [out, *([options.roster] if options.roster else [])])
    on_found(found, roster)
    _check(options, found.hand_ins, roster)
    digests = take_digests(options.weakest, find_assignments().values())
    _check_machines(place, digests, options.weakest)
    hand_ins = {each.person.student: each for each in found.hand_ins}
    with _alone_in(out) as scratch:
        group = Class(out, options, digests, roster, hand_ins, course_secret(out), found.unread, found.namings)
        plans = list(find_plans(group))
        on_start(len(found.hand_ins), len(plans))
        write_gradebook(out, group.everybody())
        given = str(scratch.resolve()) if place.has_our_disk else None
        # Taken as they are needed: a class's zips and arrays do not fit into memory together.
        for job, result in run_jobs(place, grade_job, (make_job(group, plan, given) for plan in plans)):
            row = _finish(group, job, result)
            write_gradebook(out, group.everybody())
            on_done(row)
    return group.everybody()


@contextmanager
def _alone_in(out: Path) -> Iterator[Path]:
    """A folder for what is under way; it is removed at the end, and what a kill left of it before.

    Raises:
        UsageError: If the class is being graded into `out` already, or nothing can be written there.
    """
    scratch = out / SCRATCH
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / LOCK).open("w")
    except OSError as error:
        raise UsageError(f"{out} can't be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"a class is being graded into {out} already") from error
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _check_machines(place: Place, digests: Digests, weakest: str) -> None:
    """Refuse a cluster some of whose workers would grade otherwise: each of them would fail whatever it is given."""
    answers = place.ask(own_digest, weakest)
    if others := sorted(address for address, answer in answers.items() if answer != digests.whole):
        raise MachineError(f"code or data sets differ on {', '.join(others)}: bring them up to date, or stop them")


def _check(options: Options, found: list[HandIn], roster: Roster) -> None:
    """Refuse what no submission could be graded with, before the work begins."""
    assignments = find_assignments()
    if options.assignment is not None and options.assignment not in assignments:
        raise UsageError(f"no assignment {options.assignment!r}; there are {', '.join(assignments)}")
    known = {variant for each in assignments.values() for variant in each.variants}
    if options.variant is not None and options.variant not in known:
        raise UsageError(f"no assignment has a variant {options.variant!r}")
    for person in (each.person for each in found):
        if person.variant and person.variant not in known:
            line = f"{roster.name}, line {roster.lines[person.student]}: " if person.student in roster.lines else ""
            raise UsageError(
                f"{line}no assignment has a variant {person.variant!r}; there are {', '.join(sorted(known))}"
            )


def _finish(group: Class, job: Job, result: Graded | Exception) -> Row:
    """Write a submission's files, then its record; whatever a kill leaves between is graded again."""
    student, hand_in = job.student, group.hand_ins[job.student]
    record_path(group.out, student).unlink(missing_ok=True)
    marks = job.form
    if isinstance(result, TookTooLong):
        LOG.error("the grading of %s was given up: %s", student, result)
        row = failed_row(hand_in, "", f"{result}; look at what keeps the grader busy before it is graded again")
    elif isinstance(result, Exception):
        LOG.error("the process that was to grade %s failed twice: %s", student, result)
        told = (str(result).splitlines() or [type(result).__name__])[0]
        why = f"the process that was to grade it failed twice ({told}); is there enough memory?"
        row = failed_row(hand_in, "", why)
    elif result.grade is None:
        if result.unavailable:
            raise SandboxUnavailable(f"{result.machine}: {result.message}")
        row = failed_row(hand_in, result.machine, result.message)
    else:
        files = dict(result.files)
        if marks_of(group, student) != job.form:  # a person wrote into it meanwhile: kept, and scored by the next run
            files.pop(FORM, None)
        marks = files.get(FORM, marks)
        for name in [name for name in files if fnmatch(name, KEPT)]:
            keep_form(group.out / student, files.pop(name), Path(name).stem)
        _write_files(group.out / student, files, result.looks)
        row = graded_row(hand_in, result)
    group.rows[student] = row
    run, score = run_digest(group, row.assignment, row.sha256), score_digest(group, hand_in, row.assignment, marks)
    results = digest_of(group.out / student / RESULTS)
    write_record(group.out, ClassRecord(run=run, score=score, results=results, row=row))
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
