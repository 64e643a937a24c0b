"""What a command costs in computing, all its processes included, also those that nobody waits for.

A cell of the grader is reaped by the kernel, so that its seconds are in no `getrusage`; a control group counts them.
"""

from __future__ import annotations

import itertools
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from benchmarks.measuring import Cost, reap_orphans
from benchmarks.memory import memory_watched

ROOT = Path("/sys/fs/cgroup")
EVERY = 0.1  # seconds between two looks at the memory
_NUMBERS = itertools.count()


class Account:
    """Runs commands and sums up what they cost.

    Args:
        folder: The control group to run them in, None for none.
        watch: Whether to look at their memory, which slows down what is looked at.
    """

    def __init__(self, folder: Path | None, *, watch: bool) -> None:
        self.cost = Cost()
        self._watch = watch
        self.is_whole = folder is not None  # whether processes that nobody waits for are in it
        self._folder = folder

    def run(self, command: Sequence[str | Path], cwd: Path, environment: Mapping[str, str] | None = None) -> None:
        """Run a command to its end.

        Raises:
            RuntimeError: If it does not end with 0; with the end of what it printed.
        """
        self.run_together([command], cwd, environment)

    def run_together(
        self, commands: Sequence[Sequence[str | Path]], cwd: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Run commands side by side until the last one ends."""
        before, started = self.cpu_s(), time.perf_counter()
        unseen = nullcontext(list[tuple[float, float]]())
        with memory_watched(EVERY) if self._watch else unseen as seen:
            runs = [
                subprocess.Popen(
                    [str(word) for word in command], cwd=cwd, env=environment, text=True, preexec_fn=self.enter,
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )
                for command in commands
            ]  # fmt: skip
            printed = [run.communicate()[0] for run in runs]
        self.cost.wall_s += time.perf_counter() - started
        reap_orphans()
        self.cost.peak_mib = max([self.cost.peak_mib, *(mib for _, mib in seen)])
        self.cost.cpu_s += self.cpu_s() - before
        for run, text in zip(runs, printed, strict=True):
            if run.returncode:
                raise RuntimeError(f"{run.args!r} ended with {run.returncode}:\n{text[-2000:]}")

    def enter(self) -> None:
        """Put the process that calls this into the group, and with it all that it will start."""
        if self._folder is not None:
            (self._folder / "cgroup.procs").write_text("0")

    def cpu_s(self) -> float:
        """Computing seconds of all that ran in the group so far."""
        if self._folder is None:
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return used.ru_utime + used.ru_stime
        if (usage := self._folder / "cpuacct.usage").is_file():
            return int(usage.read_text()) / 1e9
        return int((self._folder / "cpu.stat").read_text().split()[1]) / 1e6


@contextmanager
def account(*, watch: bool = False) -> Iterator[Account]:
    """A control group to run commands in, where one can be made; else what getrusage knows has to do."""
    unified = (ROOT / "cgroup.controllers").is_file()
    own = Path("/proc/self/cgroup").read_text().splitlines()
    paths = [line.split(":", 2)[2] for line in own if line.split(":", 2)[1] == ("" if unified else "cpuacct")]
    place = ROOT / ("" if unified else "cpuacct") / (paths[0] if paths else "").lstrip("/")
    folder: Path | None = place / f"benchmark-{os.getpid()}-{next(_NUMBERS)}"
    assert folder is not None
    try:
        folder.mkdir()
    except OSError:
        folder = None
    try:
        yield Account(folder, watch=watch)
    finally:
        if folder is not None:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a group once those that are ending in it have ended."""
    for _ in range(100):
        try:
            folder.rmdir()
        except OSError:
            time.sleep(0.05)
        else:
            return
