"""No wall: a process of its own and nothing else, for practice with code that is one's own.

What runs here can read every file of this user, and where there are no control groups, what leaves its session outlives
it. No hidden data is used with it, and every report says so.
"""

from __future__ import annotations

import sys
from pathlib import Path

from grader.records import PRACTICE
from grader.rubric import Limits
from grader.sandbox import container
from grader.sandbox.forking import ForkServers
from grader.sandbox.worker import Worker, nothing

NAME = "process"
TITLE = PRACTICE


def unavailable() -> str | None:
    """It always works."""
    return None


def system_calls() -> bytes:
    """There is no filter."""
    return b""


def start(limits: Limits, folder_mib: int) -> Worker:
    """Start a worker.

    Args:
        limits: What it may use.
        folder_mib: Size of the largest file that it may write, MiB.

    Raises:
        SandboxUnavailable: If it does not start.
    """
    del folder_mib
    return container.launch(_SERVERS, None, _all_files, limits.output_kib, nothing)


def _all_files(_folder: Path) -> dict[str, list[str]]:
    return {}


_SERVERS = ForkServers(lambda control: container.spawn(control, (sys.executable, [])))
