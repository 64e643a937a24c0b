"""What a worker takes of the machine, measured from outside: memory, tasks and computing of all its processes together.

Limits of the kernel's per process (`worker.confine`) can't see what many processes take together. A control group can,
where the grader may make one; elsewhere a thread looks now and then.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from grader.rubric import Limits
from grader.sandbox.cgroups import ControlGroups
from grader.sandbox.freezer import Freezer
from grader.sandbox.stopwatch import Reading, queued_seconds

EVERY_S = 0.05  # between two looks of the watchdog
CPU_MARGIN_S = 120  # a cold start's, and what is used between two looks
OURS = 2  # tasks beside the student's: bubblewrap has a process of its own in the worker
FILES = 1024  # open in all processes together: of sockets each may hold 208 KiB that are in no process's account
MOST_NICE, NICE_STEP = 19, 1.25  # each step of the scale takes a fifth of a task's share
_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(Protocol):
    """Tells what a worker takes."""

    def exceeded(self) -> str:
        """Which limit it went beyond, "memory", "processes" or "files"; empty for none."""

    def pids(self) -> list[int]:
        """Its processes."""

    def used(self) -> Reading:
        """What its processes have used of the processors."""

    def remove(self) -> None:
        """Give back what the source holds; nothing of the worker is left by now."""


class ResourceMonitor:
    """Measures a worker, and kills it when it takes too much: all of it, not one of its processes.

    Args:
        limits: What the worker may use.
        source: What it takes.
        kill: Kills it.
        divides: Whether the kernel already gives the worker no more than its share of the processors.

    Attributes:
        freezer: Stops the worker between requests.
    """

    def __init__(self, limits: Limits, source: Usage, kill: Callable[[], None], *, divides: bool = False) -> None:
        self._limits, self._source, self._kill, self._divides = limits, source, kill, divides
        self.freezer = Freezer(source.pids)
        self._verdict: str | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._closed.wait(EVERY_S):
            try:
                is_over = self._look() is not None
                self.freezer.look()
                if not (self._divides or self.freezer.is_frozen):
                    give_way(self._source.pids(), self._limits.threads)
            except BaseException:  # what can't be measured can't be limited
                self._kill()
                raise
            if is_over:
                self._kill()
                return

    def _look(self) -> str | None:
        sentences = {
            "memory": f"it needed more than {self._limits.memory_mib:,} MiB of memory",
            "processes": f"it had more than {self._limits.processes} processes and threads",
            "files": f"its processes had more than {FILES:,} files open together",
        }
        if exceeded := self._source.exceeded():
            self._verdict = f"Your code was stopped: {sentences[exceeded]}."
        return self._verdict

    def used(self) -> Reading:
        """What the worker has used of the processors so far."""
        return self._source.used()

    def close(self) -> str | None:
        """Look a last time, before the worker is killed: the kernel may have ended it for a limit. Its sentence."""
        if not self._closed.is_set():
            self._closed.set()
            self._thread.join()
            self._look()
        return self._verdict

    def remove(self) -> None:
        """Give back what is held; nothing of the worker is left by now."""
        self._source.remove()


def open_monitor(limits: Limits, folder_mib: int, pid: int, kill: Callable[[], None]) -> ResourceMonitor:
    """Watch the worker whose first process is `pid`.

    Args:
        limits: What it may use.
        folder_mib: Size of its folder, which is memory too.
        pid: Its first process, which has not seen the submission yet.
        kill: Kills it.
    """
    total, tasks = (limits.memory_mib + folder_mib) << 20, limits.processes + OURS
    groups = ControlGroups.here()
    if groups is None:
        return ResourceMonitor(limits, ProcessTree(pid, total, tasks), kill)
    return ResourceMonitor(limits, groups.make(total, tasks, family(pid)), kill, divides=groups.divides)


class ProcessTree:
    """A source that adds up what /proc says of every process of a worker.

    Args:
        pid: The first of them.
        total: Bytes of memory that they may take.
        tasks: How many processes and threads there may be: the kernel's own limit counts for users, not for root, and
            all that an ordinary user runs.
    """

    def __init__(self, pid: int, total: int, tasks: int) -> None:
        self._pid, self._total, self._tasks = pid, total, tasks
        self._cpu_s = 0.0

    def exceeded(self) -> str:
        """Which limit they are beyond together."""
        pids = self.pids()
        if sum(len(_threads(pid)) for pid in pids) > self._tasks:
            return "processes"
        if sum(map(open_files, pids)) > FILES:
            return "files"
        return "memory" if memory_of(pids) > self._total and _own_share(pids) > self._total else ""

    def pids(self) -> list[int]:
        """The first of them, and all that come of it."""
        return family(self._pid)

    def used(self) -> Reading:
        """What they have used of the processors, without those that have ended and that nobody has waited for."""
        pids = self.pids()
        self._cpu_s = max(self._cpu_s, cpu_seconds(pids))
        return self._cpu_s, {thread: queued_seconds(thread) for pid in pids for thread in _threads(pid)}

    def remove(self) -> None:
        """There is nothing to remove."""


def _own_share(pids: Iterable[int]) -> float:
    """As `share`; without bound where a container forbids to see what forks share, so that the sum decides."""
    try:
        return share(pids)
    except PermissionError:
        return math.inf


def give_way(pids: Iterable[int], threads: int) -> None:
    """Have more tasks than may compute at a time get no more of the processors together than these would.

    A nicer task gets a smaller share, and no task of an ordinary user can take that back. In a container that does not
    let root change the tasks of others, they keep their shares.
    """
    tasks = [task for pid in pids for task in _threads(pid)]
    busy = sum(_read(f"{task}/stat").rpartition(")")[2].startswith(" R") for task in tasks)
    if busy <= threads:
        return
    nice = min(MOST_NICE, math.ceil(math.log(busy / threads, NICE_STEP)))
    for task in tasks:
        with suppress(ProcessLookupError, PermissionError):  # the former where it has just ended
            if os.getpriority(os.PRIO_PROCESS, task) < nice:
                os.setpriority(os.PRIO_PROCESS, task, nice)


def most_cpu_s(limits: Limits) -> int:
    """CPU seconds at which the kernel ends a process: more than the submission's seconds allow all of them together."""
    return int(limits.submission_s * limits.threads) + CPU_MARGIN_S


def family(pid: int) -> list[int]:
    """A process and all that come of it, as far as they live."""
    found, new = [], [pid]
    while new:
        found += new
        new = [child for parent in new for child in _children(parent)]
    return found


def _children(pid: int) -> Iterable[int]:
    for thread in _threads(pid):
        yield from map(int, _read(f"{pid}/task/{thread}/children").split())


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except (FileNotFoundError, ProcessLookupError):
        return []


def open_files(pid: int) -> int:
    """How many files a process has open; 0 where that is not told: of another user, to a root without that right."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU seconds of these processes."""
    ticks = 0
    for pid in pids:
        fields = _read(f"{pid}/stat").rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))  # of the process in user and kernel mode, then of its waited-for children
    return ticks / _TICKS


def memory_of(pids: Iterable[int]) -> int:
    """Bytes of memory that these processes hold; what several share is counted for each."""
    return sum(_sum_of(f"{pid}/status", ("RssAnon:", "RssShmem:", "VmSwap:")) for pid in pids)


def share(pids: Iterable[int]) -> int:
    """Bytes of memory that are these processes' part of what they hold: slow, and right for what forks share."""
    return sum(_sum_of(f"{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")) for pid in pids)


def _sum_of(path: str, names: tuple[str, ...]) -> int:
    return sum(int(line.split()[1]) << 10 for line in _read(path).splitlines() if line.startswith(names))


def _read(path: str) -> str:
    """A file of /proc; empty when its process or thread has ended."""
    try:
        with open(f"/proc/{path}", encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""
