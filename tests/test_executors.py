"""Jobs in processes that die, hang together and are given up."""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sample_processes import descendants

from grader import process_pool
from grader.course.executors import Cluster, Machine, run_jobs
from grader.course.job import Job
from grader.errors import MachineError, TookTooLong
from grader.rubric import get_assignment


def begin(parent: int) -> None:
    """What a process does first here: it does not wait for torch."""
    process_pool.end_with(parent)


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "_begin", begin)


def double(number: int) -> int:
    """Twice the number; its process is killed by a negative one."""
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def once_only(path: str) -> str:
    """Its process is killed the first time, and beside it whatever is under way."""
    if not Path(path).exists():
        Path(path).touch()
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    return path


@pytest.mark.slow
def test_deaths_cost_only_themselves() -> None:
    """Jobs beside one whose process dies have their results; that one comes back as an exception.

    Each new process imports torch.
    """
    found = dict(run_jobs(Machine(2), double, [1, 2, -3, 4, -5, 6, 7]))
    assert {job: result for job, result in found.items() if not isinstance(result, Exception)} == {
        1: 2, 2: 4, 4: 8, 6: 12, 7: 14,
    }  # fmt: skip
    assert {job for job, result in found.items() if isinstance(result, Exception)} == {-3, -5}


@pytest.mark.slow
def test_second_chance(tmp_path: Path) -> None:
    """A job whose process died once, by bad luck, is tried again alone.

    Each new process imports torch.
    """
    paths = [str(tmp_path / name) for name in "ab"]
    assert sorted(run_jobs(Machine(2), once_only, paths)) == [(path, path) for path in paths]


def test_taken_as_needed() -> None:
    """No more jobs are made than are under way: what they hold is never all in memory together."""
    made: list[int] = []

    def jobs() -> Iterator[int]:
        for number in range(12):
            made.append(number)
            yield number

    for done, _ in enumerate(run_jobs(Machine(1), double, jobs()), 1):
        assert len(made) <= done + 2


@dataclass(frozen=True)
class Task:
    """A job that sleeps, in a process that ignores what asks it to end, beside a process that it has started."""

    seconds: float
    deadline_s: float = 60


def sleep(task: Task) -> float:
    """Return how long it slept."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(task.seconds)
    return task.seconds


def test_deadline() -> None:
    """A job of ours that hangs is ended with its process and given up; those beside it have their results."""
    before, began = descendants(os.getpid()), time.monotonic()
    jobs = [Task(0.1), Task(600, deadline_s=1), Task(0.2), Task(0.3), Task(600, deadline_s=1), Task(0.4)]
    found = dict(run_jobs(Machine(2), sleep, jobs))
    assert [job for job in jobs if found[job] == job.seconds] == [job for job in jobs if job.seconds < 1]
    assert {type(found[job]) for job in jobs if job.seconds > 1} == {TookTooLong}
    assert time.monotonic() - began < 30
    assert descendants(os.getpid()) <= before


def test_deadline_of_a_submission() -> None:
    """A submission may take 15 minutes and three times its own seconds; one that is scored again the minutes alone."""
    known = Job("ada", assignment="miniplaces")
    assert known.deadline_s == 15 * 60 + 3 * get_assignment("miniplaces").limits.submission_s
    assert Job("ada").deadline_s >= known.deadline_s
    assert Job("ada", assignment="miniplaces", recorded={"results.json": b""}).deadline_s == 15 * 60


def test_no_scheduler() -> None:
    """A cluster that nobody answers at is told."""
    with pytest.raises(MachineError, match="no Dask scheduler answers"):
        Cluster("tcp://127.0.0.1:9", patience_s=1)


def never(_argument: bytes) -> None:
    """Nothing ever gets here."""


def begin_deaf(_parent: int) -> None:
    """What a process does that never reads what it is sent."""
    time.sleep(60)


def test_deadline_of_sending(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that does not read its job, larger than a pipe holds, is ended at the job's deadline too."""
    monkeypatch.setattr(process_pool, "_begin", begin_deaf)
    process, began = process_pool.OwnProcess(), time.monotonic()
    with pytest.raises(TookTooLong):
        process.do(never, bytes(64 << 20), 1)
    assert time.monotonic() - began < 30
    process.end()


@pytest.mark.slow
def test_job_that_cannot_be_sent() -> None:
    """What can't be pickled costs its own job, and the process goes on beyond that job's deadline."""
    process = process_pool.OwnProcess()
    assert process.do(double, 4, 60) == 8
    with pytest.raises(Exception, match="pickle"):
        process.do(lambda _: None, None, 0.2)
    time.sleep(0.4)
    assert process.do(double, 4, 60) == 8
    process.end()


def where(seconds: float) -> int:
    """The number of the process, some time later."""
    time.sleep(seconds)
    return os.getpid()


@pytest.mark.slow
def test_a_process_for_each_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Dask worker with two threads does two jobs at once, as its width says, each in a process of its own."""
    monkeypatch.setattr(process_pool, "_IDLE", queue.SimpleQueue())
    with ThreadPoolExecutor(2) as threads:
        first, second = (threads.submit(process_pool.do_in_time, where, 1.0, 60) for _ in range(2))
        assert first.result() != second.result()
        assert threads.submit(process_pool.do_in_time, where, 0.0, 60).result() in (first.result(), second.result())
    assert process_pool._IDLE.qsize() == 2
    while not process_pool._IDLE.empty():
        process_pool._IDLE.get().end()
