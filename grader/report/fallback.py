"""The full report, or a plain one in its place: for a student's report and for a class's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from grader.bounded_process import Ended
from grader.errors import MachineError
from grader.results import write_whole

LOG = logging.getLogger(__name__)
AnyJob = TypeVar("AnyJob")


def write_full_or_plain(
    job: AnyJob,
    render: Callable[[AnyJob], Ended],
    plain_of: Callable[[AnyJob, Ended], AnyJob],
    folder: Path,
    called: str,
    whose: str,
) -> None:
    """Render a report and write its files, each whole or not at all.

    Args:
        job: The full report's.
        render: Renders a job in a process with bounds.
        plain_of: The job of the plain report, from the full one's and how that ended.
        folder: Where to.
        called: What it is called in an error: "report".
        whose: Words that tell it from others in the log.

    Raises:
        MachineError: If not even the plain report can be made or written.
    """
    full = render(job)
    files = full.files
    if full.why:
        LOG.error("%s became a plain one: %s", whose, full.why)
        plain = render(plain_of(job, full))
        if plain.why:
            raise MachineError(f"no {called} can be rendered on this machine: {plain.why}")
        files = plain.files | full.files
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_whole(folder / name, content)
    except OSError as error:
        raise MachineError(f"the {called} can't be written: {error}") from error
