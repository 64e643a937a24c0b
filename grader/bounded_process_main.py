"""What `bounded_process.py` starts: a process that lowers its limits and calls `main(folder)` of a module of ours.

bounded_process_main MODULE FOLDER PARENT CPU_S MEMORY_MIB FILE_MIB    does it in this process
bounded_process_main serve MODULE                                      imports the module, then forks one for each line
                                                                  of its input: folder, wall_s and the limits
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import resource
import select
import signal
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path

SERVE = "serve"
OUT_OF_MEMORY = 4  # the exit code that says so
PR_SET_PDEATHSIG = 1
CPU_MARGIN_S = 1  # between the signal that says what it is and the one that can't be caught
NOTED = "noted.txt"  # in the folder: what a forked process says


def main(*arguments: str) -> int:
    """What the process does; returns its exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    if arguments[0] == SERVE:
        serve(arguments[1])
        return 0
    module, folder, parent, *limits = arguments
    return _do(module, folder, int(parent), *map(int, limits))


def serve(module: str) -> None:
    """Fork a process for each line of the input, and answer with its exit code; null if the clock ended it."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not look like an answer
    import_module(module)
    gc.collect()
    gc.freeze()  # a collection would touch, and so copy, pages that forked processes share
    while line := os.read(0, 1 << 16):  # one at a time: the next comes after the answer
        folder, wall_s, *limits = json.loads(line)
        parent, child = os.getpid(), os.fork()
        if child == 0:
            os.close(answers)
            _become(module, folder, parent, limits)
        code = _wait(child, wall_s)
        with suppress(BrokenPipeError):  # the grader has ended meanwhile; so does this loop
            os.write(answers, json.dumps(code).encode() + b"\n")


def _become(module: str, folder: str, parent: int, limits: list[int]) -> None:
    """What a forked process does, to its end: with no way to the grader but its folder."""
    code = 1
    try:
        noted = os.open(Path(folder, NOTED), os.O_WRONLY)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for given, taken in ((nothing, 0), (noted, 1), (noted, 2)):
            os.dup2(given, taken)
        code = _do(module, folder, parent, *limits)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int, wall_s: float) -> int | None:
    """Its exit code, negative for a signal; None when the clock or the end of the grader ended it."""
    watched = os.pidfd_open(child)
    try:
        ready = select.select([watched, 0], [], [], wall_s)[0]  # the input has no more to say, but ends with the grader
        if watched not in ready:
            signal.pidfd_send_signal(watched, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        os.close(watched)
    return code if watched in ready else None


def _do(module: str, folder: str, parent: int, cpu_s: int, memory_mib: int, file_mib: int) -> int:
    end_with(parent)
    _lower(resource.RLIMIT_AS, memory_mib << 20)
    _lower(resource.RLIMIT_CPU, cpu_s, more=CPU_MARGIN_S)
    _lower(resource.RLIMIT_FSIZE, file_mib << 20)
    _lower(resource.RLIMIT_CORE, 0)
    try:
        import_module(module).main(Path(folder))
    except MemoryError:
        return OUT_OF_MEMORY
    return 0


def end_with(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel end this process, by a signal, when its parent is gone: nobody would wait for it."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, by, 0, 0, 0) != 0:
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
