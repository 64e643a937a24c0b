"""Grades one submission of a class: plain data in, plain data out, in another process or on another machine.

The whole way of a submission happens in a folder that is thrown away; its files travel back as bytes, so that whoever
asked for them can write them where they belong, all or none.
"""

from __future__ import annotations

import functools
import logging
import platform
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from grader.course.digests import take_digests
from grader.errors import GraderError, MachineError, SandboxUnavailable, UnknownVariant
from grader.manual import FORM
from grader.pipeline import grade_zip, score_again
from grader.records import Grade
from grader.results import looks_path
from grader.rubric import find_assignments, get_assignment

LOG = logging.getLogger(__name__)
_ONE_AT_A_TIME = threading.Lock()  # pytest, which runs the checks, works in one thread of a process
Files = Mapping[str, bytes]
OURS_S, TIMES = 900.0, 3.0  # by the clock: for all that is ours, and how often a submission's own seconds may fit in


@dataclass(frozen=True)
class Job:
    """One submission to grade, or, where `recorded` holds its files, only to score and render again.

    Attributes:
        student: Name of the student's folder.
        archive: The zip's bytes; empty where `recorded` is given.
        form: The student's `manual.toml` as it is now; None where there is none.
        kept: Forms of the student's other zips, by file name.
        recorded: `results.json` and `arrays.safetensors` of the last run of the checks.
        assignment: Id of the assignment; None recognizes it.
        variant: Which variant counts; None takes the assignment's default.
        submitted_at: When it was handed in.
        weakest: Name of the weakest sandbox that will do.
        seed: What the checks' inputs derive from; the course secret itself stays where the class is graded.
        expects: Digest of code and data sets that it is to be graded with (`digests.py`); "" for any.
        scratch: Folder on the same machine for the files in between; None takes the machine's.
    """

    student: str
    archive: bytes = b""
    form: bytes | None = None
    kept: Files = field(default_factory=dict)
    recorded: Files = field(default_factory=dict)
    assignment: str | None = None
    variant: str | None = None
    submitted_at: datetime | None = None
    weakest: str = "container"
    seed: str = ""
    expects: str = ""
    scratch: str | None = None

    @property
    def deadline_s(self) -> float:
        """Seconds by the clock after which it is given up: many more than any submission takes on a busy machine."""
        limits = {each.id: each.limits.submission_s for each in find_assignments().values()}
        theirs_s = 0.0 if self.recorded else limits.get(self.assignment or "", max(limits.values(), default=0.0))
        return OURS_S + TIMES * theirs_s


@dataclass(frozen=True)
class Graded:
    """What comes back.

    Attributes:
        files: What belongs into the student's folder, by name; kept forms only where they are new.
        looks: The remarks for the instructor, as they are written; None where there are none.
        grade: What the gradebook is made of, without checks and answers; None where the grader failed.
        message: What else is to be said, sentences, or why the grader failed.
        seconds: Wall time.
        machine: Where it was done.
        unavailable: Whether it failed because no sandbox works there.
    """

    files: Files
    looks: bytes | None
    grade: Grade | None
    message: str
    seconds: float
    machine: str
    unavailable: bool = False


def grade_job(job: Job) -> Graded:
    """Do one job. Whatever goes wrong on our side is told in the result, so that it ends this submission alone."""
    started = time.monotonic()
    try:
        if job.expects and job.expects != own_digest(job.weakest):
            raise MachineError("code or data sets differ there from those of the machine that asks for the grade")
        with _ONE_AT_A_TIME:
            files, looks, grade, message = _grade(job)
        return Graded(files, looks, grade, message, time.monotonic() - started, platform.node())
    except Exception as error:  # of ours or the machine's: the others go on
        if not isinstance(error, GraderError):
            LOG.exception("the grader failed on %s", job.student)
        told = str(error) if isinstance(error, GraderError) else f"{type(error).__name__}: {error}"
        is_hopeless = isinstance(error, SandboxUnavailable)
        return Graded({}, None, None, told, time.monotonic() - started, platform.node(), is_hopeless)


@functools.cache
def own_digest(weakest: str) -> str:
    """Digest of this machine's code, rubrics and data sets, for `Job.expects`."""
    return take_digests(weakest, find_assignments().values()).whole


def _grade(job: Job) -> tuple[Files, bytes | None, Grade, str]:
    with TemporaryDirectory(prefix="grader-class-", dir=job.scratch) as scratch:
        out = Path(scratch) / "out"
        folder = out / job.student
        folder.mkdir(parents=True)
        forms = {**job.kept, **({FORM: job.form} if job.form is not None else {})}
        for name, content in {**job.recorded, **forms}.items():
            (folder / name).write_bytes(content)
        messages: list[str] = []
        try:
            grade = _once(job, Path(scratch), out, messages.append)
        except UnknownVariant as error:  # of another assignment: the class has several
            messages = [f"graded under the usual variant, because {error}"]
            grade = _once(replace(job, variant=None), Path(scratch), out, messages.append)
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        files = {name: content for name, content in files.items() if name not in job.kept}
        looks = looks_path(folder)
        return files, looks.read_bytes() if looks.exists() else None, _summary(grade), "; ".join(messages)


def _once(job: Job, scratch: Path, out: Path, tell: Callable[[str], None]) -> Grade:
    if job.recorded:
        return score_again(out, job.student, variant=job.variant, submitted_at=job.submitted_at, tell=tell)
    archive = scratch / f"{job.student}.zip"
    archive.write_bytes(job.archive)
    return grade_zip(
        archive,
        out,
        assignment=get_assignment(job.assignment) if job.assignment else None,
        variant=job.variant,
        submitted_at=job.submitted_at,
        weakest=job.weakest,
        seed=job.seed,
        tell=tell,
    )


def _summary(grade: Grade) -> Grade:
    return grade.model_copy(update={"checks": (), "answers": {}})
