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
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from grader.classroom.digests import take_digests
from grader.errors import GraderError, MachineError, SandboxUnavailable, UnknownVariant, UsageError
from grader.manual import FORM, read_form
from grader.pipeline import grade_zip, score_again
from grader.records import Grade
from grader.results import looks_path

LOG = logging.getLogger(__name__)
_ONE_AT_A_TIME = threading.Lock()  # pytest, which runs the checks, works in one thread of a process
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Job:
    """One submission to grade, or, where `recorded` holds its files, only to score and render again.

    Attributes:
        student: Name of the student's folder.
        archive: The zip's bytes; empty where `recorded` is given.
        form: The student's `manual.toml` as it is now; empty where there is none.
        recorded: `results.json` and `arrays.safetensors` of the last run of the checks.
        assignment: Id of the assignment; None recognises it.
        variant: Which variant counts; None takes the assignment's default.
        submitted_at: When it was handed in.
        weakest: Name of the weakest sandbox that will do.
        seed: What the checks' inputs derive from; the course secret itself stays where the class is graded.
        expects: Digest of code and data sets that it is to be graded with (`digests.py`); "" for any.
        scratch: Folder on the same machine for the files in between; None takes the machine's.
    """

    student: str
    archive: bytes = b""
    form: bytes = b""
    recorded: Files = field(default_factory=dict)
    assignment: str | None = None
    variant: str | None = None
    submitted_at: datetime | None = None
    weakest: str = "container"
    seed: str = ""
    expects: str = ""
    scratch: str | None = None


@dataclass(frozen=True)
class Graded:
    """What comes back.

    Attributes:
        files: What belongs into the student's folder, by name.
        looks: The remarks for the instructor, as they are written; None where there are none.
        grade: What the gradebook is made of, without checks and answers; None where the grader failed.
        message: What else is to be said, a sentence, or why the grader failed.
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
    return take_digests(weakest).whole


def _grade(job: Job) -> tuple[Files, bytes | None, Grade, str]:
    with TemporaryDirectory(prefix="grader-class-", dir=job.scratch) as scratch:
        out = Path(scratch) / "out"
        folder = out / job.student
        folder.mkdir(parents=True)
        for name, content in {**job.recorded, **({FORM: job.form} if job.form else {})}.items():
            (folder / name).write_bytes(content)
        form = folder / FORM if _is_marked(folder / FORM) else None
        message = ""
        try:
            grade = _once(job, Path(scratch), out, form)
        except UnknownVariant as error:  # of another assignment: the class has several
            message = f"graded under the usual variant, because {error}"
            grade = _once(replace(job, variant=None), Path(scratch), out, form)
        except UsageError as error:
            if form is None:
                raise
            message = f"{FORM} is not merged: {error}"  # a slip of a person's must not cost the student the rest
            grade = _once(job, Path(scratch), out, None)
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
        message = message or _put_aside(files)
        looks = looks_path(folder)
        return files, looks.read_bytes() if looks.exists() else None, _summary(grade), message


def _once(job: Job, scratch: Path, out: Path, form: Path | None) -> Grade:
    options = {"variant": job.variant, "submitted_at": job.submitted_at, "manual": form}
    if job.recorded:
        return score_again(out, job.student, **options)  # type: ignore[arg-type]
    archive = scratch / f"{job.student}.zip"
    archive.write_bytes(job.archive)
    options |= {"assignment_id": job.assignment, "weakest": job.weakest, "seed": job.seed}
    return grade_zip(archive, out, **options)  # type: ignore[arg-type]


def _is_marked(path: Path) -> bool:
    """Whether a person has begun to fill the form in."""
    if not path.exists():
        return False
    try:
        return any(mark.is_marked or mark.comment for mark in read_form(path).question)
    except UsageError:
        return True  # to be told why it is of no use


def _put_aside(files: Files) -> str:
    """What is said of marks that a person gave another zip of this student, which `write_form` keeps."""
    kept = [name for name in files if name.startswith("manual-")]
    return f"marks of another zip are kept in {', '.join(kept)}" if kept else ""


def _summary(grade: Grade) -> Grade:
    return grade.model_copy(update={"checks": (), "answers": {}})
