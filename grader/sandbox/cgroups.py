"""Control groups, in their first form (a folder per controller) or their second (one for all).

The groups of one grader lie in a group of its own. A small shell waits for the grader's end, however it comes, and
removes what is left of them, processes too.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from grader.sandbox.processors import ROOT, own_path
from grader.sandbox.stopwatch import Reading, queued_seconds

_WAIT_S = 5  # for the kernel to let go of a group whose processes have ended
_JANITOR = """
cat > /dev/null
for _ in $(seq 100); do
  left=
  for folder; do
    cat "$folder"/*/cgroup.procs 2> /dev/null | while read -r pid; do kill -9 "$pid" 2> /dev/null; done
    rmdir "$folder"/*/ "$folder" 2> /dev/null
    [ -d "$folder" ] && left=1
  done
  [ "$left" ] || exit 0
  sleep 0.05
done
"""


class ControlGroups:
    """Where this grader's groups lie.

    Args:
        folders: One folder for each controller (`memory`, `pids`, `cpuacct`, `cpu`), or one for all under "".
        divides: Whether each group gets an equal share of the processors, however many processes it has.
    """

    def __init__(self, folders: dict[str, Path], *, divides: bool = False) -> None:
        self._folders, self.divides = folders, divides
        self._numbers = itertools.count()

    @staticmethod
    def here() -> ControlGroups | None:
        """Those of this process; None where it may not make any."""
        return _here(os.getpid())

    def make(self, memory: int, processes: int, pids: Iterable[int]) -> Group:
        """A new group with its limits, and `pids` in it.

        Args:
            memory: Bytes.
            processes: How many, threads included.
            pids: Its first members; what comes of them is in it too.
        """
        name = str(next(self._numbers))
        group = ControlGroups.Group({key: folder / name for key, folder in self._folders.items()})
        group.limit(memory, processes)
        group.add(pids)
        return group

    class Group:
        """One group."""

        def __init__(self, folders: dict[str, Path]) -> None:
            self._folders = folders
            for folder in set(folders.values()):  # two controllers may share one
                folder.mkdir()

        def _file(self, controller: str, first: str, second: str) -> Path:
            """A file by its names in the first and the second form."""
            unified = self._folders.get("")
            return unified / second if unified else self._folders[controller] / first

        def limit(self, memory: int, processes: int) -> None:
            """Set the limits."""
            self._file("memory", "memory.limit_in_bytes", "memory.max").write_text(str(memory))
            swap = self._file("memory", "memory.memsw.limit_in_bytes", "memory.swap.max")
            if swap.exists():  # not where the kernel does not count it
                swap.write_text("0" if "" in self._folders else str(memory))
            self._file("pids", "pids.max", "pids.max").write_text(str(processes))

        def add(self, pids: Iterable[int]) -> None:
            """Move processes here; those that have just ended are left out."""
            for folder, pid in itertools.product(set(self._folders.values()), pids):
                try:
                    (folder / "cgroup.procs").write_text(str(pid))
                except ProcessLookupError:
                    continue

        def exceeded(self) -> str:
            """Return "memory" if the kernel has ended a process for want of it; more processes it does not start."""
            lines = self._file("memory", "memory.oom_control", "memory.events").read_text().splitlines()
            killed = any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in lines)
            return "memory" if killed else ""

        def pids(self) -> list[int]:
            """Return its processes."""
            return [int(pid) for pid in self._file("pids", "cgroup.procs", "cgroup.procs").read_text().split()]

        def used(self) -> Reading:
            """What its processes have used of the processors, the dead included."""
            text = self._file("cpuacct", "cpuacct.usage", "cpu.stat").read_text()
            cpu_s = int(text.split()[1]) / 1e6 if "" in self._folders else int(text) / 1e9
            threads = self._file("cpuacct", "tasks", "cgroup.threads").read_text().split()
            return cpu_s, {int(thread): queued_seconds(thread) for thread in threads}

        def remove(self) -> None:
            """Remove it and, where the worker's end was not theirs, the processes that are left in it.

            Raises:
                OSError: If they are not in time.
            """
            deadline = time.monotonic() + _WAIT_S
            for folder in set(self._folders.values()):
                while True:
                    try:
                        folder.rmdir()
                        break
                    except OSError:
                        if time.monotonic() > deadline:
                            raise
                        _kill(map(int, (folder / "cgroup.procs").read_text().split()))
                        time.sleep(0.002)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, signal.SIGKILL)


@functools.cache
def _here(owner: int) -> ControlGroups | None:
    """The groups of the process `owner`, which is this one: a fork of the grader gets groups of its own."""
    name = f"vision-autograder-{owner}"
    unified = (ROOT / "cgroup.controllers").is_file()
    needed = ("",) if unified else ("memory", "pids", "cpuacct")
    made: dict[str, Path] = {}
    try:
        for controller in needed:
            _make_folder(made, controller, name)
        divides = _divide(made, name)
        if unified:
            (made[""] / "cgroup.subtree_control").write_text("+memory +pids")
        groups = ControlGroups(made, divides=divides)
        groups.make(1 << 30, 100, ()).remove()  # are the controllers there?
    except OSError:
        for folder in set(made.values()):
            for left in (*folder.glob("*/"), folder):
                left.rmdir()
        return None
    _clean_up_after(set(made.values()))
    return groups


def _make_folder(made: dict[str, Path], controller: str, name: str) -> None:
    """Make the folder of one controller, unless it lies together with another's that is made."""
    folder = (own_path(controller) / name).resolve()
    if folder not in made.values():
        folder.mkdir()
    made[controller] = folder


def _divide(made: dict[str, Path], name: str) -> bool:
    """Have each group get its share of the processors; returns False where that controller is not to be had."""
    try:
        if "" in made:
            (made[""] / "cgroup.subtree_control").write_text("+cpu")
        else:
            _make_folder(made, "cpu", name)
    except OSError:
        return False
    return True


def _clean_up_after(folders: Iterable[Path]) -> None:
    """Remove the folders when this process ends: then the janitor's input ends too."""
    janitor = subprocess.Popen(
        ["/bin/sh", "-c", _JANITOR, "janitor", *map(str, folders)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin"},
        start_new_session=True,
    )
    assert janitor.stdin is not None
    owner, stdin = os.getpid(), janitor.stdin

    def finish() -> None:
        if os.getpid() == owner:
            stdin.close()
            janitor.wait()

    atexit.register(finish)
