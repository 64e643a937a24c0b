"""The grade that a made-up submission is to get, found out without the sandbox and without the zip reader.

The checks run in this process, on the files that went into the zip, with the seed that the zip's digest gives them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.checking.running import run_checks
from grader.course.records import Person
from grader.importing import ModulesOnDemand
from grader.intake.answers import answers_of
from grader.intake.opening import student_name
from grader.records import CheckResult, Grade, Submission
from grader.rubric import Assignment
from grader.runner import context_of
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.scoring import grade_submission


@dataclass(frozen=True)
class ExampleWork:
    """What one student of an example class handed in; it travels to another process.

    Attributes:
        assignment: Which.
        person: Who, under which variant, and when.
        files: Contents by path below the zip's root.
        sha256: Digest of the zip, hex: what the checks' random inputs derive from.
        mistakes: Ids of the known mistakes that were put in.
        tasks: Ids of the tasks to check; None checks all.
    """

    assignment: Assignment
    person: Person
    files: Mapping[str, bytes]
    sha256: str
    mistakes: tuple[str, ...] = ()
    tasks: tuple[str, ...] | None = None


def expect_grade(work: ExampleWork) -> Grade:
    """The grade of work of ours; never of a student's, whose code would run here without walls."""
    student, moment = student_name(Path(f"{work.person.student}.zip")), work.person.submitted_at
    answers = answers_of(work.files, work.assignment)
    submission = Submission(student, work.assignment, work.sha256, work.files, submitted_at=moment, answers=answers)
    return grade_submission(submission, _run(work), work.person.variant)


def _run(work: ExampleWork) -> tuple[CheckResult, ...]:
    assignment = work.assignment
    with tempfile.TemporaryDirectory(prefix="example-") as scratch:
        modules = ModulesOnDemand(Path(scratch), assignment.modules, work.files)
        student = Implementation(assignment.modules, LocalTransport(modules, work.files), work.files)
        context = context_of(assignment, student, work.sha256, begin_task=lambda _last: modules.renew())
        run_checks(context, work.tasks)
    return tuple(context.results)
