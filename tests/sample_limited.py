"""What misbehaves in a process with bounds: `main` does what the folder's file `do` names."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path


def eat() -> None:
    """More memory than there may be."""
    held = [bytes(1 << 20) for _ in range(1 << 16)]
    del held


def spin() -> None:
    """Compute for ever."""
    while True:
        pass


def complain() -> None:
    """Say much, and something that a terminal would obey."""
    print("x" * 3_000_000)
    raise ValueError("\x1b[31mred")


def limits() -> str:
    """The limits that hold."""
    names = ("AS", "CPU", "FSIZE", "CORE")
    return "; ".join(f"{name} {resource.getrlimit(getattr(resource, f'RLIMIT_{name}'))}" for name in names)


ACTIONS: dict[str, Callable[[], object]] = {
    "answer": lambda: f"in {os.getcwd()} with {os.environ['OMP_NUM_THREADS']} thread",
    "limits": limits,
    "eat": eat,
    "spin": spin,
    "sleep": lambda: time.sleep(300),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exit": lambda: os._exit(0),
    "fill": lambda: Path("/dev/shm").joinpath(f"filled-{os.getpid()}").write_bytes(bytes(3 << 20)),
    "complain": complain,
    "answer and crash": lambda: "there",
}


def main(folder: Path) -> None:
    """Do it, and write down what came out."""
    what = (folder / "do").read_text()
    (folder / "began").write_text(str(os.getpid()))
    (folder / "done").write_text(str(ACTIONS[what]()))
    if what.endswith("crash"):
        sys.exit(9)
