"""Draws and renders one report in a process that times itself.

python -m benchmarks.drawing prepare FOLDER           finds the figures' data, the solutions in the student's place
python -m benchmarks.drawing render FOLDER STARTED    renders them, and prints what each part took as JSON

STARTED is the moment, of `time.monotonic`, at which the process was asked for.
"""

from __future__ import annotations

import gc
import json
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.report.job import JOB, PDF, RenderJob

FIGURES = 20
IMAGES = 400  # of each data set: enough for figures of the usual size
TIMED = ("draw", "write_pdf")


def prepare(folder: Path) -> None:
    """Write a job with FIGURES figures, a whole report of Miniplaces and some of Two Networks', into a folder."""
    from grader.intake.answers import answers_of  # here, with what takes long to import: the other word is timed
    from grader.packages import figures_folder
    from grader.records import RunFacts, Submission
    from grader.scoring import grade_submission
    from grader.solutions import solution_files

    others, own = _run("two_networks"), _run("miniplaces")
    last = own.exhibits[-1].task
    foreign = {path.stem for path in figures_folder(others.assignment).glob("*.py")}  # a report here can't draw these
    added = [replace(each, task=last) for each in others.exhibits if each.kind not in foreign]
    exhibits = [*own.exhibits, *added][:FIGURES]
    assignment, files = own.assignment, solution_files(own.assignment)
    submission = Submission("perfect", assignment, "1" * 64, files, answers=answers_of(files, assignment))
    grade = grade_submission(submission, own.results, assignment.check_variant(None))
    job = RenderJob(grade, tuple(exhibits), assignment, RunFacts(sandbox="none"))
    (folder / JOB).write_bytes(pickle.dumps(job))


def _run(name: str) -> Any:
    """The context of a run of the checks on the solutions, in this process."""
    from grader.checking.running import run_checks
    from grader.rubric import get_assignment
    from grader.runner import context_of
    from grader.solutions import implementation

    assignment = get_assignment(name)
    context = context_of(assignment, implementation(assignment), "report", most_images=IMAGES)
    run_checks(context)
    return context


def render(folder: Path, started: float) -> dict[str, float]:
    """Render the job of a folder; seconds by part, and bytes."""
    from grader.report import page
    from grader.report.worker import OBJECTS

    gc.set_threshold(OBJECTS)  # as the grader's process does
    job: RenderJob = pickle.loads((folder / JOB).read_bytes())
    spent = {"start": time.monotonic() - started, **dict.fromkeys(TIMED, 0.0)}
    for name in TIMED:
        setattr(page, name, _timed(getattr(page, name), name, spent))
    began = time.monotonic()
    page.write_report(job, folder)
    spent["page"] = time.monotonic() - began - sum(spent[name] for name in TIMED)
    return spent | {"figures": len(job.exhibits), "bytes": (folder / PDF).stat().st_size}


def _timed(function: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        began = time.monotonic()
        try:
            return function(*args, **kwargs)
        finally:
            spent[name] += time.monotonic() - began

    return call


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]))
    else:
        print(json.dumps(render(Path(sys.argv[2]), float(sys.argv[3]))))
