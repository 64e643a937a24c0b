"""What a cell takes of the machine, measured from outside: memory and CPU of all its processes together.

Limits of the kernel's per process (`worker.confine`) can't see what many processes take together. A control group can,
where the grader may make one; elsewhere a thread looks now and then.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from grader.rubric import Limits
from grader.sandbox.cgroups import ControlGroups

EVERY_S = 0.05  # between two looks of the watchdog
_TICKS = os.sysconf("SC_CLK_TCK")


class Source(Protocol):
    """Tells what a cell takes."""

    def is_out_of_memory(self) -> bool:
        """Whether it took more than it may."""

    def cpu_s(self) -> float:
        """Seconds of CPU that it has used."""

    def remove(self) -> None:
        """Give back what the source holds; nothing of the cell is left by now."""


class Meter:
    """Looks every few milliseconds, and kills a cell that has passed a limit: all of it, not one of its processes.

    Args:
        limits: What the cell may use.
        source: What it takes.
        kill: Kills it.
    """

    def __init__(self, limits: Limits, source: Source, kill: Callable[[], None]) -> None:
        self._limits, self._source, self._kill = limits, source, kill
        self._verdict: str | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._closed.wait(EVERY_S):
            try:
                is_over = self._look() is not None
            except BaseException:  # what can't be measured can't be limited
                self._kill()
                raise
            if is_over:
                self._kill()
                return

    def _look(self) -> str | None:
        if self._source.is_out_of_memory():
            self._verdict = f"Your code was stopped: it needed more than {self._limits.memory_mib:,} MiB of memory."
        elif self._source.cpu_s() >= (most := cpu_seconds(self._limits)):
            self._verdict = f"Your code was stopped: it used up {most:,} seconds of processor time."
        return self._verdict

    def close(self) -> str | None:
        """Look a last time, before the cell is killed: the kernel may have ended it for a limit. Its sentence."""
        if not self._closed.is_set():
            self._closed.set()
            self._thread.join()
            self._look()
        return self._verdict

    def remove(self) -> None:
        """Give back what is held; nothing of the cell is left by now."""
        self._source.remove()


def open_meter(limits: Limits, box_mib: int, pid: int, kill: Callable[[], None]) -> Meter:
    """Watch the cell whose first process is `pid`.

    Args:
        limits: What it may use.
        box_mib: Size of its folder, which is memory too.
        pid: Its first process, which has not seen the submission yet.
        kill: Kills it.
    """
    total = (limits.memory_mib + box_mib) << 20
    groups = ControlGroups.here()
    if groups is None:
        return Meter(limits, Processes(pid, total), kill)
    # bubblewrap has a process of its own in the group.
    return Meter(limits, groups.make(total, limits.processes + 2, family(pid)), kill)


class Processes:
    """A source that adds up what /proc says of every process of a cell.

    Args:
        pid: The first of them.
        total: Bytes of memory that they may take.
    """

    def __init__(self, pid: int, total: int) -> None:
        self._pid, self._total = pid, total
        self._cpu_s = 0.0

    def is_out_of_memory(self) -> bool:
        """Whether they take more together than they may."""
        pids = family(self._pid)
        memory, self._cpu_s = measure(pids)
        return memory > self._total and share(pids) > self._total

    def cpu_s(self) -> float:
        """Seconds of CPU, as of the last look."""
        return self._cpu_s

    def remove(self) -> None:
        """There is nothing to remove."""


def cpu_seconds(limits: Limits) -> int:
    """Seconds of CPU that a cell may use."""
    return int(limits.submission_s * limits.threads)


def family(pid: int) -> list[int]:
    """A process and all that come of it, as far as they live."""
    found, new = [], [pid]
    while new:
        found += new
        new = [child for parent in new for child in _children(parent)]
    return found


def _children(pid: int) -> Iterable[int]:
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from map(int, task.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread has ended


def measure(pids: Iterable[int]) -> tuple[int, float]:
    """Bytes of memory that these processes hold, what several share counted for each, and seconds of CPU they took."""
    memory, ticks = 0, 0
    for pid in pids:
        try:
            memory += _sum_of(Path(f"/proc/{pid}/status"), ("RssAnon:", "RssShmem:"))
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        ticks += sum(map(int, fields[11:15]))  # of the process in user and kernel mode, then of its waited-for children
    return memory, ticks / _TICKS


def share(pids: Iterable[int]) -> int:
    """Bytes of memory that are these processes' part of what they hold: slow, and right for what forks share."""
    memory = 0
    for pid in pids:
        try:
            memory += _sum_of(Path(f"/proc/{pid}/smaps_rollup"), ("Pss_Anon:", "Pss_Shmem:"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return memory


def _sum_of(path: Path, names: tuple[str, ...]) -> int:
    return sum(int(line.split()[1]) << 10 for line in path.read_text().splitlines() if line.startswith(names))
