"""The class report, index.html and class.pdf: for instructors, because it names people and what is worth a look.

`reading.py` takes what it needs from the students' folders, and `worker.py` renders it in a process with
bounds, as a student's report: names, messages and evidence are students' text. Where the full report can't be made, a
plain one with the same numbers takes its place.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from grader.bounded_process import Bounds, Ended, run_limited
from grader.course.class_report.reading import read_class
from grader.course.class_report.seen import JOB, PAGE, PDF, ClassJob
from grader.course.records import Pair, Row
from grader.report.fallback import write_full_or_plain
from grader.rubric import find_assignments

# A class of 200 takes 18 seconds of computing, 0.4 GiB of memory and files of 2 MiB.
BOUNDS = Bounds(cpu_s=60, wall_s=1200, memory_mib=2048, file_mib=128)
CPU_S_A_STUDENT = 1.0


def render_class(
    rows: Sequence[Row], out: Path, title: str, pairs: Sequence[Pair] = (), remarks: Sequence[str] = ()
) -> None:
    """Write `index.html` and `class.pdf` into `out`, each whole or not at all; the same input gives the same bytes.

    Args:
        rows: The students, each once, in any order.
        out: Where their folders are.
        title: Of the class, as people say it.
        pairs: Submissions that resemble each other.
        remarks: Sentences on the class as a whole.

    Raises:
        MachineError: If not even the plain report can be made or written.
    """
    kept = tuple(sorted({row.student: row for row in rows}.values(), key=lambda row: row.student))
    named = {row.assignment for row in kept}
    rubrics = {id: assignment for id, assignment in find_assignments().items() if id in named}
    job = ClassJob(title, kept, read_class(kept, out), tuple(pairs), rubrics, tuple(remarks))
    write_full_or_plain(job, _render, _plain, out, "class report", "the class report")


def _render(job: ClassJob) -> Ended:
    bounds = replace(BOUNDS, cpu_s=BOUNDS.cpu_s + round(CPU_S_A_STUDENT * len(job.rows)))
    return run_limited("grader.course.class_report.worker", {JOB: pickle.dumps(job)}, (PAGE, PDF), bounds)


def _plain(job: ClassJob, full: Ended) -> ClassJob:
    """The same job without a student's words and pictures."""
    seen = {student: replace(one, pictures={}, looks=()) for student, one in job.seen.items()}
    return replace(job, seen=seen, plain=full.why, has_page=PAGE in full.files)
