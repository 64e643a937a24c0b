"""Runs a module of ours in a process that may use only so much, for work whose size a student's text decides.

Laying out a page, drawing a figure and parsing a source are done by libraries that can't be interrupted, and that take
hours or gigabytes for what was made to have them do so. The process has a folder for its files, bounds on computing,
time, memory and what it writes, and ends with the grader. What runs in it is ours: a student's code never does.

`bounded_process_main.py` is what runs there. Where importing the module takes long, the process is forked from one that
has imported it (`preloading.py`).
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from grader.bounded_process_main import NOTED, OUT_OF_MEMORY, SERVE
from grader.errors import MachineError
from grader.preloading import Preloaded, waiting_for
from grader.text import clean_text

LOG = logging.getLogger(__name__)
PROJECT = Path(__file__).resolve().parent.parent  # not from `rubric`, which takes long to import
COMMAND = (sys.executable, "-m", "grader.bounded_process_main")
NOTED_LINES, NOTED_COLUMNS = 50, 300  # at its end, and of each line
# Memory is limited by address space, of which each thread of a numerical library takes much.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Bounds:
    """What such a process may use.

    Attributes:
        cpu_s: Seconds of computing; without those of its start where it is forked.
        wall_s: Seconds by the clock: many times as much, because the machine may have much else to do.
        memory_mib: Address space; a Python with numerical libraries begins with half a GiB.
        file_mib: Largest file that it may write.
    """

    cpu_s: int
    wall_s: float
    memory_mib: int
    file_mib: int

    @property
    def of_process(self) -> tuple[int, int, int]:
        """Those that the process sets itself."""
        return self.cpu_s, self.memory_mib, self.file_mib


@dataclass(frozen=True)
class Ended:
    """How such a process ended.

    Attributes:
        files: What was wanted of it and is there, by name.
        why: Why something is missing, a clause; empty when nothing is.
    """

    files: dict[str, bytes]
    why: str


def run_limited(
    module: str, given: Mapping[str, bytes], wanted: Sequence[str], bounds: Bounds, *, preloaded: bool = False
) -> Ended:
    """Call `main(folder)` of a module in a process of its own, and wait for it.

    Args:
        module: Its dotted name.
        given: Files that the folder holds, by name.
        wanted: Names of the files that `main` writes, each whole or not at all.
        bounds: What it may use.
        preloaded: Whether to fork it from a process that has imported the module and waits for more.

    Raises:
        MachineError: If the process can't be started.
    """
    try:
        with TemporaryDirectory(prefix="grader-") as made:
            folder = Path(made)
            for name, content in given.items():
                (folder / name).write_bytes(content)
            if preloaded:
                code = _waiting(module).run(folder, bounds.wall_s, bounds.of_process)
            else:
                code = _run(module, folder, bounds)
            _pass_on(folder / NOTED)
            files = {name: (folder / name).read_bytes() for name in wanted if (folder / name).exists()}
    except OSError as error:
        raise MachineError(f"a process for {module} can't be started: {error}") from error
    return Ended(files, "" if len(files) == len(wanted) else _why(code, bounds))


def preload(module: str) -> None:
    """Begin to import a module that `run_limited` will be asked for, while there is other work.

    Raises:
        MachineError: If the process can't be started.
    """
    try:
        _waiting(module)
    except OSError as error:
        raise MachineError(f"a process for {module} can't be started: {error}") from error


def _waiting(module: str) -> Preloaded:
    return waiting_for(module, (*COMMAND, SERVE, module), PROJECT, {**os.environ, **ONE_THREAD})


def _run(module: str, folder: Path, bounds: Bounds) -> int | None:
    """Run the process to its end; its exit code, or None if the clock ended it."""
    arguments = (module, str(folder), str(os.getpid()), *map(str, bounds.of_process))
    with (folder / NOTED).open("wb") as noted:
        try:
            ended = subprocess.run(
                [*COMMAND, *arguments],
                cwd=PROJECT,
                env={**os.environ, **ONE_THREAD},
                stdin=subprocess.DEVNULL,
                stdout=noted,
                stderr=noted,
                start_new_session=True,  # an interrupt at the terminal is for the grader, which ends this one
                timeout=bounds.wall_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
    return ended.returncode


def _pass_on(path: Path) -> None:
    """Log the end of what the process complained about; it may quote the submission."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - NOTED_LINES * NOTED_COLUMNS))
        lines = file.read().decode("utf-8", "backslashreplace").strip().splitlines()[-NOTED_LINES:]
    if lines:
        said = "\n".join(clean_text(line[-NOTED_COLUMNS:], columns=2 * NOTED_COLUMNS) for line in lines)
        LOG.warning("%s", said)


def _why(code: int | None, bounds: Bounds) -> str:
    if code is None:
        return f"it took longer than {bounds.wall_s:g} seconds"
    if code == -signal.SIGXCPU:
        return f"it took longer than {bounds.cpu_s} seconds of computing"
    if code in (OUT_OF_MEMORY, -signal.SIGKILL):  # the second when the whole machine ran out of it
        return "it needed too much memory"
    return "the program that does it stopped"
