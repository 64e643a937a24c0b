"""The way of a submission, in six numbered steps; read this first.

1 open    a zip              -> Submission     intake
2 run     Submission         -> Run            runner, with the student's code behind sandbox/
3 score   Submission, Run    -> Grade          scoring
4 draw    Grade, Run         -> Job            report; `figures` draw its exhibits in the process of step 5
5 render  Job                -> report         report
6 record  Job                -> results.json   results
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from grader.course_secret import course_secret, submission_seed
from grader.errors import MachineError, SubmissionRefused, UsageError
from grader.intake.answers import answers_of
from grader.intake.opening import file_digest, open_submission, student_name
from grader.manual import FORM, is_changed, read_form
from grader.manual_merging import merge_and_leave_form, merge_form
from grader.records import CheckResult, Grade, RunFacts, Submission
from grader.report.job import NO_ZIP, RenderJob
from grader.report.rendering import prepare, render_report
from grader.results import read_results, write_looks, write_results, write_whole
from grader.rubric import Assignment, get_assignment
from grader.runner import run_submission
from grader.sandbox.worker_pool import WEAKEST
from grader.scoring import grade_submission, refuse
from grader.solutions import solution_files
from grader.terminal import feedback_text, total_line
from grader.text import clean_name

Log = Callable[[str], None]
REFUSED = RunFacts(sandbox="none")
REFERENCE_SEED = "reference"  # the solutions need no secret: everybody's reference report shows the same
NOTHING_TO_MARK = "the submission was refused as a whole, so that there is nothing that a person could give points for"


def grade_zip(
    path: Path,
    out: Path,
    *,
    assignment: Assignment | None = None,
    variant: str | None = None,
    submitted_at: datetime | None = None,
    manual: Path | None = None,
    weakest: str = WEAKEST,
    seed: str | None = None,
    log: Log = lambda _line: None,
    tell: Log = lambda _line: None,
) -> Grade:
    """Grade one zip and write everything into `out/<student>/`.

    Args:
        path: The zip.
        out: Folder of all students.
        assignment: Which; None recognizes it.
        variant: Which variant counts; None takes the assignment's default.
        submitted_at: When it was handed in, with a time zone; None counts as on time.
        manual: A form with the scores that a person gave, to be merged; None takes the one in the student's folder
            where a person has changed it.
        weakest: Name of the weakest sandbox that will do.
        seed: What the checks' inputs derive from; None derives it from the course secret of `out`.
        log: Gets a line per step.
        tell: Gets a sentence where the form in the student's folder is not merged, or kept under another name.

    Raises:
        UsageError: If there is no such file, assignment or variant.
        MarksRefused: If `manual` can't be merged: before anything is run where it can't be read, otherwise after the
            grade has been recorded without it.
        SandboxUnavailable: If no sandbox so strong works on this machine.
        MachineError: If something of ours or of this machine is missing.
    """
    log(f"1 open    {clean_name(path.name)}")
    folder = out / student_name(path)
    try:
        submission = open_submission(path, choices=[assignment] if assignment else (), submitted_at=submitted_at)
    except SubmissionRefused as refusal:
        chosen = (assignment.check_variant(variant) if assignment else variant) or ""
        grade = refuse(student_name(path), file_digest(path), assignment, chosen, str(refusal))
        _make(folder)
        _report(RenderJob(grade, (), assignment, REFUSED), folder, log)
        write_looks(folder, ())
        if manual is not None:
            log(f"          {manual} is not used: {NOTHING_TO_MARK}")
        elif is_changed(folder / FORM):
            tell(f"{folder.name}/{FORM} stays as it is and is not used: {NOTHING_TO_MARK}")
        return grade
    if seed is None:
        seed = submission_seed(course_secret(out), submission.sha256)
    return grade_opened(submission, folder, seed, variant=variant, manual=manual, weakest=weakest, log=log, tell=tell)


def grade_opened(
    submission: Submission,
    folder: Path,
    seed: str,
    *,
    variant: str | None = None,
    manual: Path | None = None,
    weakest: str = WEAKEST,
    log: Log = lambda _line: None,
    tell: Log = lambda _line: None,
) -> Grade:
    """Steps 2 to 6 for a submission that is open, its checks' inputs derived from `seed`; writes into `folder`.

    Arguments and errors as for `grade_zip`.
    """
    assignment = submission.assignment
    variant = assignment.check_variant(variant)
    _make(folder)  # before the work that it is for
    try:
        prepare()
    except MachineError as error:  # step 5 will say so too; the score does not wait for it
        log(f"          {error}")
    form = read_form(manual) if manual is not None else None  # before the work that a wrong path would lose
    log(f"2 run     {assignment.title}, variant {variant}")
    run = run_submission(submission, seed, lambda result: log(_line_of(result)), weakest=weakest)
    log("3 score")
    grade = grade_submission(submission, run.checks, variant)
    grade, refusal = merge_and_leave_form(grade, assignment, form, folder, tell)
    _report(RenderJob(grade, run.exhibits, assignment, run.facts), folder, log)
    write_looks(folder, run.looks)
    if refusal is not None:
        raise refusal
    return grade


def render_again(
    out: Path,
    student: str,
    *,
    manual: Path | None = None,
    log: Log = lambda _line: None,
    tell: Log = lambda _line: None,
) -> Grade:
    """Render a student's report again from what step 6 recorded, grading nothing.

    Args:
        out: Folder of all students.
        student: Whose.
        manual: A form with the scores that a person gave, to be merged and recorded; None as for `grade_zip`.
        log: Gets a line per step.
        tell: As for `grade_zip`.

    Raises:
        UsageError: If that student has no record in `out`, or `manual` is given for a refused submission.
        MarksRefused: If `manual` can't be merged; nothing is written.
    """
    folder = out / student
    grade, exhibits, facts = read_results(folder)
    assignment = get_assignment(grade.assignment) if grade.assignment else None
    if manual is not None and (grade.outcome == "refused" or assignment is None):
        raise UsageError(f"{manual} can't be merged: {NOTHING_TO_MARK}")
    if grade.outcome != "refused" and assignment is not None:
        form = read_form(manual) if manual is not None else None
        grade, refusal = merge_form(grade, assignment, form, folder, tell)
        if refusal is not None and manual is not None:
            raise refusal
        if refusal is not None:
            tell(str(refusal))
    _report(RenderJob(grade, exhibits, assignment, facts), folder, log)
    return grade


def score_again(
    out: Path,
    student: str,
    *,
    variant: str | None = None,
    submitted_at: datetime | None = None,
    tell: Log = lambda _line: None,
) -> Grade:
    """Score what step 6 recorded by today's rubric and render it again; no student code runs.

    Args:
        out: Folder of all students.
        student: Whose; of a submission that was not refused.
        variant: Which variant counts; None takes the assignment's default.
        submitted_at: When it was handed in; None counts as on time.
        tell: As for `grade_zip`.

    Raises:
        UsageError: If there is no record, assignment or variant.
    """
    folder = out / student
    recorded, exhibits, facts = read_results(folder)
    assignment = get_assignment(recorded.assignment)
    submission = Submission(
        student,
        assignment,
        recorded.submission_sha256,
        {},
        notes=recorded.notes,
        submitted_at=submitted_at,
        group=recorded.group,
        first=recorded.first,
        answers=recorded.answers,
    )
    grade = grade_submission(submission, recorded.checks, assignment.check_variant(variant))
    grade, _ = merge_and_leave_form(grade, assignment, None, folder, tell)
    _report(RenderJob(grade, exhibits, assignment, facts), folder, lambda _line: None)
    return grade


def report_reference(assignment: Assignment, out: Path, log: Log = lambda _line: None) -> Grade:
    """Grade the solutions with the reference models like a submission; writes into `out/reference-<id>/`."""
    files = solution_files(assignment)
    name = f"reference-{assignment.id}"
    submission = Submission(name, assignment, NO_ZIP, files, answers=answers_of(files, assignment))
    return grade_opened(submission, out / name, REFERENCE_SEED, log=log)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} can't be made: {error.strerror}") from error


def _line_of(result: CheckResult) -> str:
    return f"          {result.task:3} {result.outcome.value:8} {result.name}"


def _report(job: RenderJob, folder: Path, log: Log) -> None:
    """Steps 4 to 6."""
    started = time.monotonic()
    log(f"4 draw    {len(job.exhibits)} figures")
    log(f"5 render  {folder / 'report.pdf'}")
    try:
        render_report(job, folder)
    finally:  # a score never waits for a picture
        log(f"6 record  {folder / 'results.json'}, {time.monotonic() - started:.1f} s after the last check")
        grade, title = job.grade, job.assignment.title if job.assignment else "Submission"
        write_results(folder, grade, job.exhibits, job.facts, " ".join([*grade.first, total_line(grade)]))
        write_whole(folder / "feedback.txt", feedback_text(grade, title).encode())
