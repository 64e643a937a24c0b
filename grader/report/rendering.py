"""Step 5, render: a grade and its exhibits -> report.html and report.pdf, in a process of its own.

`worker.py` is that process, `page.py` what it does. A page that hangs, eats memory or crashes the library
that lays it out costs the full report, never the grade: a plain one with the same score takes its place and says why.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.bounded_process import Bounds, Ended, preload, run_limited
from grader.errors import MachineError
from grader.records import Grade
from grader.reference import load_reference
from grader.report.fallback import write_full_or_plain
from grader.report.job import JOB, PAGE, PDF, RenderJob, is_reference
from grader.rubric import Assignment

# A report with all its figures takes 9 seconds of computing, 0.8 GiB of addresses and files of 5 MiB.
BOUNDS = Bounds(cpu_s=60, wall_s=600, memory_mib=2048, file_mib=64)
WORKER = "grader.report.worker"


def prepare() -> None:
    """Begin what takes time before a report can be rendered, while there is other work.

    Raises:
        MachineError: If the process can't be started.
    """
    preload(WORKER)


def render_report(job: RenderJob, folder: Path) -> None:
    """Write `report.html` and `report.pdf` into `folder`; the same job gives the same bytes.

    What can't be made of the full report becomes a plain one with the score that says so.

    Raises:
        MachineError: If not even the plain report can be made or written.
    """
    job = replace(job, models=_models(job.grade, job.assignment))
    write_full_or_plain(job, _render, _plain, folder, "report", f"the report of {job.grade.submission_sha256}")


def _render(job: RenderJob) -> Ended:
    return run_limited(WORKER, {JOB: pickle.dumps(job)}, (PAGE, PDF), BOUNDS, preloaded=True)


def _plain(job: RenderJob, full: Ended) -> RenderJob:
    """The same job without pictures."""
    return replace(job, exhibits=(), plain=full.why, has_page=PAGE in full.files)


def _models(grade: Grade, assignment: Assignment | None) -> Mapping[str, Any]:
    """How today's reference models were trained, for the report on the solutions; nothing where there are none."""
    if assignment is None or not is_reference(grade):
        return {}
    try:
        return load_reference(assignment).metrics
    except MachineError:
        return {}
