"""Classes to grade: folders of zips, a stand-in for the work on one, and a program that grades for real."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from sample_zip import Entry, zip_of

from grader import process_pool
from grader.course import grading
from grader.course.digests import Digests
from grader.course.executors import Machine
from grader.course.grading import grade_class
from grader.course.job import Graded, Job
from grader.course.plan import Options
from grader.course.records import Row
from grader.records import Grade, LedgerLine, State, TaskGrade
from grader.results import ARRAYS, RESULTS


class Here:
    """Does the jobs in this process, one at a time, and notes them."""

    width = 1
    has_our_disk = True

    def __init__(self, jobs: list[Job], work: Callable[[Job], Graded]) -> None:
        self.jobs, self._work = jobs, work

    def open(self) -> Executor:
        """An executor that works at once."""
        return _AtOnce(self.jobs, self._work)

    def stop(self) -> None:
        """Nothing goes on."""

    def ask(self, question: Callable[[str], str], argument: str) -> dict[str, str]:
        """There is no other machine."""
        return {}


class _AtOnce(Executor):
    def __init__(self, jobs: list[Job], work: Callable[[Job], Graded]) -> None:
        self._jobs, self._work = jobs, work

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        (job,) = args
        self._jobs.append(job)
        future: Future[Any] = Future()
        try:
            future.set_result(self._work(job))
        except Exception as error:
            future.set_exception(error)
        return future


def pretend(job: Job) -> Graded:
    """As if a job had been done; what it writes as results is the zip's digest, which scoring again needs."""
    sha256 = job.recorded[RESULTS].decode() if job.recorded else hashlib.sha256(job.archive).hexdigest()
    task = TaskGrade(id="1a", title="t", score=1.0, max_score=1.0, state=State.SCORED)
    grade = Grade(
        student=job.student,
        assignment="miniplaces",
        variant=job.variant or "6.869",
        submission_sha256=sha256,
        outcome="graded",
        score=1.0,
        max_score=15.0,
        tasks=(task,),
        ledger=(LedgerLine(label="tasks", points=1.0),),
    )
    return Graded({RESULTS: sha256.encode(), ARRAYS: b""}, None, grade, "", 0.5, "here")


def fill(folder: Path, *names: str, content: bytes = b"OTHER_LAYER = ''\n") -> Path:
    """A folder with a zip of each name; each holds a module of Miniplaces."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.zip").write_bytes(zip_of(Entry(b"filters.py", b"# " + name.encode() + b"\n" + content)))
    return folder


def rows_of(folder: Path, out: Path, place: Here, **options: Any) -> Iterator[Row]:
    """The rows of a class graded so."""
    yield from grade_class(folder, out, Options(**options), place)


def pretend_slowly(job: Job) -> Graded:
    """`pretend`, with the time in which a process can be killed."""
    time.sleep(0.1)
    return pretend(job)


def no_digests(_weakest: str, *_others: object) -> Digests:
    """Nothing that a grade depends on ever changes."""
    return Digests({"miniplaces": ""}, {"miniplaces": ""})


def no_whole(_weakest: str) -> str:
    """What a machine says whose code is that of `no_digests`."""
    return no_digests("").whole


def begin(parent: int) -> None:
    """What a process of the pool does first: it does not wait for torch."""
    process_pool.end_with(parent)


if __name__ == "__main__":  # a whole grading in processes that can be killed: folder, out
    import sample_class  # so that its functions have a name in other processes

    given, target = map(Path, sys.argv[1:])
    process_pool._begin = sample_class.begin
    setattr(grading, "grade_job", sample_class.pretend_slowly)  # noqa: B010  # as a test's monkeypatch would
    setattr(grading, "take_digests", no_digests)  # noqa: B010
    grading.grade_class(given, target, Options(), Machine(2), on_done=lambda row: print(row.student, flush=True))
