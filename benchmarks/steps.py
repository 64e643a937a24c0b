"""Gradings of one zip, cold and warm, each split by the steps that it logs, with what they cost in computing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accounts import Account
from benchmarks.measuring import reap_orphans
from grader.rubric import PROJECT

STEPS = ("1 open", "2 run", "3 score", "4 draw", "5 render", "6 record")  # how a step's line begins


@dataclass(frozen=True)
class Grading:
    """What one grading took.

    Attributes:
        wall_s: Seconds on the clock, from the call to the end.
        cpu_s: Seconds of computing, of all its processes.
        steps: Seconds from each step's line to the next one's, by STEPS; `start` is what came before the first.
    """

    wall_s: float
    cpu_s: float
    steps: dict[str, float]


def grade_cold(archive: Path, out: Path, account: Account) -> Grading:
    """Grade with the command, nothing running before.

    Raises:
        RuntimeError: If it fails.
    """
    command = [sys.executable, "-m", "grader", "grade", str(archive), "--out", str(out)]
    before, started = account.cpu_s(), time.monotonic()
    with subprocess.Popen(
        command, cwd=PROJECT, text=True, preexec_fn=account.enter,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    ) as run:  # fmt: skip
        assert run.stderr is not None
        lines = [(time.monotonic() - started, line) for line in run.stderr]
    lines.append((time.monotonic() - started, ""))
    reap_orphans()
    if run.returncode:
        raise RuntimeError(f"{command} ended with {run.returncode}:\n{''.join(line for _, line in lines[-20:])}")
    return Grading(lines[-1][0], account.cpu_s() - before, _split(lines))


class Warm:
    """A grader that is running."""

    def __init__(self, process: subprocess.Popen[str], account: Account) -> None:
        self._process, self._account = process, account

    def grade(self, archive: Path, out: Path) -> Grading:
        """Grade a zip there.

        Raises:
            RuntimeError: If the grader has ended.
        """
        asked, answers = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answers is not None
        before = self._account.cpu_s()
        asked.write(json.dumps([str(archive), str(out)]) + "\n")
        asked.flush()
        if not (answer := answers.readline()):
            raise RuntimeError(f"the grader ended with {self._process.wait()}")
        lines = json.loads(answer)
        return Grading(lines[-1][0], self._account.cpu_s() - before, _split(lines))


@contextmanager
def warm_grader(account: Account) -> Iterator[Warm]:
    """Start a grader that waits for zips; it ends with the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.warm"], cwd=PROJECT, text=True, preexec_fn=account.enter,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        yield Warm(process, account)


def _split(lines: Iterable[tuple[float, str]]) -> dict[str, float]:
    """Seconds by step, of a log whose last line is its end."""
    steps, name, since, expected = dict.fromkeys(("start", *STEPS), 0.0), "start", 0.0, list(STEPS)
    for moment, line in lines:
        if not line or (expected and line.startswith(expected[0])):
            steps[name] += moment - since
            since = moment
            name = expected.pop(0) if line else name
    return steps
