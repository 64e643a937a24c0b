"""What the process that renders does: takes its job, gives up what it does not need, and writes both files."""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import sys
from pathlib import Path

from grader.figures import import_kinds
from grader.packages import figures_folder
from grader.report.job import JOB, RenderJob
from grader.report.page import TEMPLATES, write_report
from grader.rubric import PROJECT
from grader.sandbox import landlock

PR_SET_NO_NEW_PRIVS = 38
OBJECTS = 100_000  # new ones between two collections: after 700, the default, they take 7% of the time
# Where libraries and fonts are, and what the kernel tells about this process. Not the project's folder: others' reports
# are in it, data sets, solutions.
READ = "/usr /lib /lib64 /etc/fonts /etc/ld.so.cache /proc/self /dev/urandom /var/cache/fontconfig".split()
READ_AT_HOME = ".fonts .fonts.conf .config/fontconfig .local/share/fonts .cache/fontconfig .cache/matplotlib".split()


def main(folder: Path) -> None:
    """Render the job that the grader put into `folder`."""
    job: RenderJob = pickle.loads((folder / JOB).read_bytes())
    if job.assignment is not None:
        import_kinds(figures_folder(job.assignment))
    fence(folder)
    gc.set_threshold(OBJECTS)
    write_report(job, folder)


def fence(folder: Path) -> int:
    """Take away the rights to other files and to TCP: a second wall behind the fetcher that fetches nothing.

    Args:
        folder: Where this process writes.

    Returns:
        The version of Landlock that holds; 0 where the kernel has none.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS) was refused")
    ours = [TEMPLATES, PROJECT / "grader", Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()]
    installed = [Path(path) for path in sys.path if path and Path(path) != PROJECT]
    at_home = [os.path.expanduser(f"~/{path}") for path in READ_AT_HOME]
    return landlock.restrict({"read": [*READ, *map(str, ours + installed), *at_home], "write": [str(folder)]})
