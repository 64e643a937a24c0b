"""What a command, or a piece of work here, costs: wall time, computing time and memory, its processes included."""

from __future__ import annotations

import ctypes
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SET_CHILD_SUBREAPER = 36  # of prctl(2)


@dataclass
class Cost:
    """What something cost.

    Attributes:
        wall_s: Seconds on the clock.
        cpu_s: Seconds of computing, of all processes that were started and ended meanwhile.
        peak_mib: The most memory that all of them held together, in MiB, pages that several share counted once.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mib: float = 0.0


def adopt_orphans() -> None:
    """Have processes whose parent ended become ours, so that their computing time is not lost."""
    if ctypes.CDLL(None, use_errno=True).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def reap_orphans() -> None:
    """Wait for adopted processes that have ended; those that live on are left alone."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                return
        except ChildProcessError:
            return


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median, and in brackets the smallest and the largest."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def descendants(pid: int) -> list[int]:
    """Every process below one, without itself."""
    parents: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                stat = Path("/proc", entry, "stat").read_text()
            except OSError:  # it has ended
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry))
    found, left = [], [pid]
    while left:
        below = parents.get(left.pop(), [])
        found += below
        left += below
    return found


def proportional_kib(pid: int) -> int:
    """A process's memory, pages shared with others divided among them; 0 when it has ended."""
    try:
        for line in Path("/proc", str(pid), "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        return 0
    return 0
