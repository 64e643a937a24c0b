"""Stops a worker's processes between requests: what a student's code has left running computes nothing meanwhile.

By SIGSTOP, which works under every wall and user, and leaves a process that can be killed as before.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Sequence

from grader.errors import SandboxUnavailable

MOST_ROUNDS = 10  # at once; what goes on after these is stopped again at the next look


class Freezer:
    """Freezes and thaws one worker.

    A process of the worker that may not be stopped is a fault of the machine's: every call raises SandboxUnavailable.

    Args:
        pids: Tells the worker's processes.
    """

    def __init__(self, pids: Callable[[], Sequence[int]]) -> None:
        self._pids = pids
        self._is_frozen = False
        self._lock = threading.Lock()  # a look must not stop what is being thawed

    @property
    def is_frozen(self) -> bool:
        """Whether the worker is meant to stand still."""
        return self._is_frozen

    def freeze(self) -> None:
        """Stop every process and all its threads."""
        with self._lock:
            self._is_frozen = True
            self._stop()

    def look(self) -> None:
        """Stop what runs in a frozen worker: it was started, or continued by another process, while it was stopped."""
        with self._lock:
            if self._is_frozen:
                self._stop()

    def thaw(self) -> None:
        """Let every process go on."""
        with self._lock:
            if self._is_frozen:
                self._is_frozen = False
                self._signal(self._pids(), signal.SIGCONT)

    def _stop(self) -> None:
        running = list(self._pids())
        for _ in range(MOST_ROUNDS):
            self._signal(running, signal.SIGSTOP)
            if len(running) <= 1:  # alone, it has no other that would start it again
                return
            running = [pid for pid in self._pids() if not _is_stopped(pid)]

    def _signal(self, pids: Sequence[int], number: signal.Signals) -> None:
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:  # it has just ended
                continue
            except PermissionError as error:
                if pid in self._pids():  # else it has ended, and its number is another's process by now
                    raise SandboxUnavailable(f"the grader may not stop process {pid} of a sandboxed worker") from error


def _is_stopped(pid: int) -> bool:
    """Whether a process is stopped, or has ended."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] in b"TtZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
