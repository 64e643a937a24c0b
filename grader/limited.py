"""Runs a module of ours in a process that may use only so much, for work whose size a student's text decides.

Laying out a page, drawing a figure and parsing a source are done by libraries that can't be interrupted, and that take
hours or gigabytes for what was made to have them do so. The process has a folder for its files, bounds on computing,
time, memory and what it writes, and ends with the grader. What runs in it is ours: a student's code never does.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from grader.errors import MachineError
from grader.text import clean_text

LOG = logging.getLogger(__name__)
PROJECT = Path(__file__).resolve().parent.parent  # not from `rubric`, which takes long to import
COMMAND = (sys.executable, "-m", "grader.limited")
OUT_OF_MEMORY = 4  # the exit code that says so
PR_SET_PDEATHSIG = 1
CPU_MARGIN_S = 1  # between the signal that says what it is and the one that can't be caught
NOTED = "noted.txt"  # what the process says
NOTED_LINES, NOTED_COLUMNS = 50, 300  # at its end, and of each line
# Memory is limited by address space, of which each thread of a numerical library takes much.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Bounds:
    """What such a process may use.

    Attributes:
        cpu_s: Seconds of computing, starting included.
        wall_s: Seconds by the clock: many times as much, because the machine may have much else to do.
        memory_mib: Address space; a Python with numerical libraries begins with half a GiB.
        file_mib: Largest file that it may write.
    """

    cpu_s: int
    wall_s: float
    memory_mib: int
    file_mib: int


@dataclass(frozen=True)
class Ended:
    """How such a process ended.

    Attributes:
        files: What was wanted of it and is there, by name.
        why: Why something is missing, a clause; empty when nothing is.
    """

    files: dict[str, bytes]
    why: str


def run_limited(module: str, given: Mapping[str, bytes], wanted: Sequence[str], bounds: Bounds) -> Ended:
    """Call `main(folder)` of a module in a process of its own, and wait for it.

    Args:
        module: Its dotted name.
        given: Files that the folder holds, by name.
        wanted: Names of the files that `main` writes, each whole or not at all.
        bounds: What it may use.

    Raises:
        MachineError: If the process can't be started.
    """
    try:
        with TemporaryDirectory(prefix="grader-") as made:
            folder = Path(made)
            for name, content in given.items():
                (folder / name).write_bytes(content)
            code = _run(module, folder, bounds)
            _pass_on(folder / NOTED)
            files = {name: (folder / name).read_bytes() for name in wanted if (folder / name).exists()}
    except OSError as error:
        raise MachineError(f"a process for {module} can't be started: {error}") from error
    return Ended(files, "" if len(files) == len(wanted) else _why(code, bounds))


def _run(module: str, folder: Path, bounds: Bounds) -> int | None:
    """Run the process to its end; its exit code, or None if the clock ended it."""
    limits = (bounds.cpu_s, bounds.memory_mib, bounds.file_mib)
    with (folder / NOTED).open("wb") as noted:
        try:
            ended = subprocess.run(
                [*COMMAND, module, str(folder), str(os.getpid()), *map(str, limits)],
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


def main(module: str, folder: str, parent: str, cpu_s: str, memory_mib: str, file_mib: str) -> int:
    """What the process does; returns its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    _end_with(int(parent))
    _lower(resource.RLIMIT_AS, int(memory_mib) << 20)
    _lower(resource.RLIMIT_CPU, int(cpu_s), more=CPU_MARGIN_S)
    _lower(resource.RLIMIT_FSIZE, int(file_mib) << 20)
    _lower(resource.RLIMIT_CORE, 0)
    try:
        import_module(module).main(Path(folder))
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def _end_with(parent: int) -> None:
    """Have the kernel end this process when the grader is gone: nobody would wait for it."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent:
        raise SystemExit("the grader ended before this process began")


def _lower(limit: int, soft: int, *, more: int = 0) -> None:
    """Set a limit, the hard one so much higher, unless there is a lower one already."""
    highest = resource.getrlimit(limit)[1]
    hard = soft + more if highest == resource.RLIM_INFINITY else min(soft + more, highest)
    resource.setrlimit(limit, (min(soft, hard), hard))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
