"""What the process that renders the class report does: takes its job, gives up what it does not need, writes both."""

from __future__ import annotations

import pickle
from pathlib import Path

from grader.course.class_report.page import write_class
from grader.course.class_report.seen import JOB, ClassJob
from grader.report.worker import fence


def main(folder: Path) -> None:
    """Render the job that the grader put into `folder`."""
    job: ClassJob = pickle.loads((folder / JOB).read_bytes())
    fence(folder)
    write_class(job, folder)
