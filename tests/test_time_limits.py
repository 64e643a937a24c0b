"""Limits of time in real workers: who is charged, what a message says, and that a busy machine changes nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from grader.records import CheckResult, Outcome, Submission
from grader.rubric import Limits, get_assignment
from grader.runner import run_submission
from grader.sandbox.stopwatch import queued_seconds
from grader.solutions import solution_files

BUSY = "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
SLOW_NETWORK = """

_forward = SmallResNet.forward


def _slow(self, x):
    import time

    time.sleep(0.1 * len(x))
    return _forward(self, x)


SmallResNet.forward = _slow
"""
COMPUTES = """

_right = normalize_tensor


def normalize_tensor(tensor):
    import time

    began, seconds = time.thread_time(), SECONDS.get(tuple(tensor.shape), 0.01)
    while time.thread_time() - began < seconds:
        pass
    return _right(tensor)
"""
WAITS = """

def _sleep():
    import time

    time.sleep(3600)


def _lock():
    import threading

    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def normalize_tensor(tensor):
    return _sleep() if tensor.ndim == 1 else _lock()
"""


def grade(assignment: str, edits: dict[str, str], tasks: tuple[str, ...], limits: Limits) -> tuple[CheckResult, ...]:
    """The results of tasks for the solutions with something appended to modules."""
    rubric = get_assignment(assignment).model_copy(update={"limits": limits})
    files = solution_files(rubric)
    for name, more in edits.items():
        files[name] += more.encode()
    return run_submission(Submission("ada", rubric, "0" * 64, files), "a seed", tasks=tasks).checks


def outcomes(results: tuple[CheckResult, ...]) -> dict[str, Outcome]:
    """By name of the check."""
    return {result.name: result.outcome for result in results}


@pytest.mark.slow
def test_slow_network() -> None:
    """A network that is right and slow costs what needs it, and a message says that it was the network.

    The network sleeps until its seconds are used up.
    """
    results = grade("two_networks", {"resnet.py": SLOW_NETWORK}, ("1", "2.1", "3", "4.1"), Limits(submission_s=6))
    assert {r.outcome for r in results if r.task == "1"} - {Outcome.PASSED} == {Outcome.TIMEOUT, Outcome.SKIPPED}
    assert [(r.name, r.message) for r in results if r.task != "1" and r.outcome != Outcome.PASSED] == []
    for result in results:
        if result.outcome == Outcome.TIMEOUT:
            assert re.match(r"`resnet` had used up its 1\.\d seconds of computing and waiting; ", result.message)
            assert result.got.startswith("Most went to resnet.SmallResNet (")


@contextmanager
def busy() -> Iterator[None]:
    """Twice as many busy processes as there are cores, for a minute at most."""
    cores = len(os.sched_getaffinity(0))
    before, began = os.times().children_user, time.monotonic()
    others = [subprocess.Popen([sys.executable, "-c", BUSY], start_new_session=True) for _ in range(2 * cores)]
    try:
        yield
    finally:
        took_s = time.monotonic() - began
        for other in others:
            other.kill()
            other.wait()
    assert os.times().children_user - before > took_s * cores / 4  # there was something else to do


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seconds", "limits", "cut"),
    [
        ({(64,): 0.7, (7, 7): 0.3}, Limits(call_s=0.5), r"The call was stopped after 0\.5 seconds of computing\."),
        (
            {(64,): 0.5, (7, 7): 0.3},
            Limits(submission_s=4),
            r"`filters` had used up its 1\.\d seconds of computing and waiting",
        ),
    ],
    ids=["call", "submission"],
)
def test_busy_machine(seconds: dict[tuple[int, ...], float], limits: Limits, cut: str) -> None:
    """What ends at a limit on an idle machine does so on a busy one, and nothing else does.

    It grades a task on an idle machine, and again on a busy one, up to its limits.
    """
    if queued_seconds("self") == 0:
        pytest.skip("this kernel does not tell how long a thread has waited for a processor")
    edits = {"filters.py": COMPUTES.replace("SECONDS", repr(seconds))}
    idle = grade("miniplaces", edits, ("1a",), limits)
    with busy():
        loaded = grade("miniplaces", edits, ("1a",), limits)
    assert outcomes(idle) == outcomes(loaded)
    assert {r.outcome for r in idle} - {Outcome.SKIPPED} == {Outcome.PASSED, Outcome.TIMEOUT}
    for results in (idle, loaded):
        assert re.match(cut, next(r for r in results if r.outcome is Outcome.TIMEOUT).message)


def test_what_waits_for_ever() -> None:
    """A call that sleeps or waits for itself is ended at the limit of a call, and told so."""
    began = time.monotonic()
    results = grade("miniplaces", {"filters.py": WAITS}, ("1a",), Limits(call_s=0.5, submission_s=6))
    assert {r.outcome for r in results} <= {Outcome.TIMEOUT, Outcome.SKIPPED}
    assert "The call was stopped after 0.5 seconds; it computed for 0" in results[0].message
    assert "waited for the rest" in results[0].message
    assert time.monotonic() - began < 60
