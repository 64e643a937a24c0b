"""Processes that have imported a module and wait: each forks one of its own for every folder that it is given.

For `bounded_process.py`, where importing a module takes longer than its work. A process that waits holds nothing but
libraries; it ends with the grader, and what it has forked ends with it.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock

from grader.bounded_process_main import NOTED

START_S = 120  # importing libraries on a cold and busy disk


class Preloaded:
    """A process that waits.

    Args:
        command: Starts it: `bounded_process_main.py`, to serve a module.
        home: The folder that it works in.
        environment: Of it and of what it forks.
    """

    def __init__(self, command: Sequence[str], home: Path, environment: Mapping[str, str]) -> None:
        self._busy = Lock()
        self._process = subprocess.Popen(
            command,
            cwd=home,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interrupt at the terminal is for the grader, which ends this one
        )

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def run(self, folder: Path, wall_s: float, limits: Sequence[int]) -> int | None:
        """Have it fork a process, and wait for its end.

        Args:
            folder: What the process is given.
            wall_s: Seconds by the clock after which it is ended.
            limits: What it may use (`bounded_process_main.py`).

        Returns:
            Its exit code, None if the clock ended it; that of the process that waits if that one ended.
        """
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        (folder / NOTED).touch()
        with self._busy:
            try:
                asked.write(json.dumps([str(folder), wall_s, *limits]) + "\n")
                asked.flush()
                if not select.select([answers], [], [], wall_s + START_S)[0]:
                    self.stop()
                    return None
                answer = answers.readline()
            except BrokenPipeError:  # it could not import the module
                answer = ""
            except BaseException:  # interrupted: what it does now is for nobody
                self.stop()
                raise
        return json.loads(answer) if answer else self._process.wait()

    def stop(self) -> None:
        """End it, and what it has forked."""
        self._process.kill()
        self._process.communicate()

    def leave(self) -> None:
        """In a fork of the grader: let go of it without ending it."""
        for end in (self._process.stdin, self._process.stdout):
            assert end is not None
            end.close()
        self._process.returncode = 0  # it is not our child: there is nothing to wait for


_waiting: dict[str, Preloaded] = {}  # by module


def waiting_for(module: str, command: Sequence[str], home: Path, environment: Mapping[str, str]) -> Preloaded:
    """The process that waits for work on a module, started if there is none.

    Raises:
        OSError: If it can't be started.
    """
    if module not in _waiting or not _waiting[module].is_alive:
        if module in _waiting:
            _waiting.pop(module).stop()
        _waiting[module] = Preloaded(command, home, environment)
    return _waiting[module]


def living() -> set[int]:
    """Numbers of the processes that wait."""
    return {each.pid for each in _waiting.values() if each.is_alive}


@atexit.register
def stop_all() -> None:
    """End all of them; the next one wanted is started anew."""
    while _waiting:
        _waiting.popitem()[1].stop()


def _leave_all() -> None:
    while _waiting:
        _waiting.popitem()[1].leave()


os.register_at_fork(after_in_child=_leave_all)
