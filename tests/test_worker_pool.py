"""The life of a worker, behind every wall: what is left of it, and what becomes of one that can't start."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sample_machine import open_worker
from sample_processes import descendants, of_users
from sample_walls import FOLDER_MIB, LIMITS
from sample_without import BACKENDS, skip_without, without

from grader.errors import SandboxUnavailable
from grader.sandbox import container, fork, process, users, worker_pool
from grader.sandbox.cgroups import ControlGroups
from grader.sandbox.forking import ForkServers
from grader.sandbox.worker import Worker
from grader.sandbox.worker_pool import WorkerPool

ALL = {**BACKENDS, process.NAME: process}


@pytest.fixture(scope="module", params=ALL)
def backend(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """Each backend, without torch, with temporary folders of its own; what lives as long as the grader has started."""
    if request.param in BACKENDS:
        skip_without(request.param)
    with without(ALL[request.param], ()), tempfile.TemporaryDirectory(prefix="boxes-") as folder:
        Path(folder).chmod(0o755)
        with pytest.MonkeyPatch.context() as change:
            change.setattr(tempfile, "tempdir", folder)
            with open_worker(ALL[request.param]):
                pass
            yield ALL[request.param]


def wait_for_descendants(expected: set[int], seconds: float = 5) -> set[int]:
    """The processes below this one, once they are the expected ones or the time is over."""
    deadline = time.monotonic() + seconds
    while (now := descendants(os.getpid())) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    return now


def test_nothing_is_left(backend: ModuleType) -> None:
    """Stopping a worker ends all in it, also what has left its session, and gives its user, folder and group back."""
    before, groups, boxes = descendants(os.getpid()), group_folders(), box_folders()
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    with open_worker(backend) as (student, worker):
        has_children = backend is not container and (backend is not process or ControlGroups.here() is not None)
        if has_children:
            student.others.stay(3)
        uid = worker._setup["uid"]
        assert len(descendants(os.getpid()) - before) >= (4 if has_children else 1)
        assert uid is None or of_users({uid})
        started = time.monotonic()
    assert time.monotonic() - started < 10
    assert descendants(os.getpid()) == before
    assert uid is None or of_users({uid}) == set()
    assert (group_folders(), box_folders()) == (groups, boxes)
    assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == (threads, descriptors)


def group_folders() -> set[Path]:
    """The control groups of this process's workers."""
    groups = ControlGroups.here()
    return {path for folder in groups._folders.values() for path in folder.glob("*/")} if groups else set()


def box_folders() -> set[Path]:
    """Folders of workers that live among the machine's files."""
    return set(Path(tempfile.gettempdir()).glob(f"vision-autograder-{os.getpid()}-*"))


def test_unconfined_cell_can_be_stopped(backend: ModuleType) -> None:
    """A worker that was never given anything can be stopped, more than once."""
    before = descendants(os.getpid())
    worker = backend.start(LIMITS, FOLDER_MIB)
    assert descendants(os.getpid()) - before
    worker.stop()
    worker.stop()
    assert descendants(os.getpid()) == before


def test_failing_confinement(backend: ModuleType) -> None:
    """A worker that can't be confined is unavailable, says why, and is gone."""
    before = descendants(os.getpid())
    worker = backend.start(LIMITS, FOLDER_MIB)
    with pytest.raises(SandboxUnavailable, match=r"did not start[\s\S]*prctl\(22\) was refused"):
        worker.confine(LIMITS, FOLDER_MIB, {}, b"no filter")
    assert descendants(os.getpid()) == before


def test_failing_group(backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine refuses to measure a worker, it is unavailable and gone."""

    def refuse(*_arguments: Any) -> Any:
        raise OSError("no room for a group")

    before = descendants(os.getpid())
    worker = backend.start(LIMITS, FOLDER_MIB)
    monkeypatch.setattr("grader.sandbox.worker.open_monitor", refuse)
    with pytest.raises(SandboxUnavailable, match="no room for a group"):
        worker.confine(LIMITS, FOLDER_MIB, {}, backend.system_calls())
    assert descendants(os.getpid()) == before


@pytest.fixture
def workers(backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerPool]:
    """A pool behind one of the walls; once it is closed, nothing of it may be left."""
    before = descendants(os.getpid())
    monkeypatch.setattr(worker_pool, "choose_backend", lambda _weakest: backend)
    workers = WorkerPool(LIMITS, ("reach",), {})
    yield workers
    workers.close()
    assert descendants(os.getpid()) == before


def test_failing_spare(workers: WorkerPool, backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A next worker that can't be started is an error when it is wanted, not before, and leaves nothing running."""

    def fail(*_arguments: Any) -> Any:
        raise SandboxUnavailable("no more")

    first = workers.take(last=True)
    monkeypatch.setattr(backend, "start", fail)
    workers.warm()
    with pytest.raises(SandboxUnavailable, match="no more"):
        workers.take()
    first.stop()


def test_spare(workers: WorkerPool) -> None:
    """A pool starts the next worker while one is used, unless it is the last, and closing it ends that one."""
    first = workers.take()
    spare = workers._spare
    assert spare is not None
    second = workers.take(last=True)
    assert second is spare.result()
    assert workers._spare is None
    workers.warm()
    for worker in (first, second):
        worker.stop()
    workers.close()


def test_spare_that_failed_beside_a_cell(
    workers: WorkerPool, backend: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What kept the machine from making the next worker may be over when it is wanted: then it is made once more."""
    whole, reasons = backend.start, ["too slow"]

    def start(*arguments: Any) -> Any:
        if reasons:
            raise SandboxUnavailable(reasons.pop())
        return whole(*arguments)

    monkeypatch.setattr(backend, "start", start)
    assert workers.take(last=True).stop() is not None
    assert reasons == []


def test_spare_that_died(workers: WorkerPool) -> None:
    """A next worker that the machine has ended while it waited is not given to anybody."""
    workers.warm()
    assert workers._spare is not None
    spare = workers._spare.result()
    os.kill(spare._first.pid, signal.SIGKILL)
    while spare.is_alive():
        time.sleep(0.01)
    taken = workers.take(last=True)
    assert taken is not spare
    assert taken.is_alive()
    taken.stop()


def test_closing_while_one_is_made(workers: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a worker to be made that nobody wants."""
    is_confining = threading.Event()

    def wait_for_the_end(worker: Worker, *_arguments: Any) -> None:
        is_confining.set()
        deadline = time.monotonic() + 30
        while worker.is_alive() and time.monotonic() < deadline:
            time.sleep(0.01)
        raise SandboxUnavailable("it was ended")

    monkeypatch.setattr(Worker, "confine", wait_for_the_end)
    workers.warm()
    assert is_confining.wait(10)
    started = time.monotonic()
    workers.close()
    assert time.monotonic() - started < 20


def test_interrupted_while_waiting(workers: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was still being made when somebody pressed Ctrl-C is ended with the pool."""

    def interrupt(*_arguments: Any) -> Any:
        raise KeyboardInterrupt

    workers.warm()
    monkeypatch.setattr(workers._spare, "exception", interrupt)
    with pytest.raises(KeyboardInterrupt):
        workers.take()
    monkeypatch.undo()


@pytest.mark.parametrize("broken", ["pidfd", "program"])
def test_failing_start(backend: ModuleType, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """A process that is missing or can't be watched is unavailable with its reason, and leaves nothing."""

    def refuse(_pid: int) -> int:
        raise OSError("no pidfd")

    before, boxes = descendants(os.getpid()), box_folders()
    with pytest.MonkeyPatch.context() as change:
        for module in (fork, container, process):  # so that it must start one
            change.setattr(module, "_SERVERS", ForkServers(module._SERVERS._spawn))
        if broken == "pidfd":
            change.setattr(os, "pidfd_open", refuse)
        else:
            change.setattr(shutil, "which", lambda _name: "/nonexistent/bwrap")
            change.setattr(container, "_interpreter", lambda: ("/nonexistent/python", []))
            change.setattr(sys, "executable", "/nonexistent/python")
        with pytest.raises(SandboxUnavailable, match=r"did not start: .*(no pidfd|No such file)"):
            backend.start(LIMITS, FOLDER_MIB)
    assert wait_for_descendants(before) == before
    assert box_folders() == boxes


def test_user_is_given_back(backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that ends, or could not be had, gives its user back: of two, none is used up by ten workers."""
    monkeypatch.setattr(users, "UIDS", 2)
    monkeypatch.setattr(users, "FIRST_UID", 68_000)  # not in any grader's range
    for number in range(10):
        worker = backend.start(LIMITS, FOLDER_MIB)
        if number % 2:
            with pytest.raises(SandboxUnavailable):
                worker.confine(LIMITS, FOLDER_MIB, {}, b"no filter")
        worker.stop()


def test_uids_do_not_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id in use is not given again until it is given back."""
    monkeypatch.setattr(users, "UIDS", 2)
    monkeypatch.setattr(users, "FIRST_UID", 68_000)
    (one, free_one), (other, free_other) = users.reserve_uid(), users.reserve_uid()
    assert {one, other} == {68_000, 68_001}
    with pytest.raises(SandboxUnavailable, match="in use"):
        users.reserve_uid()
    free_one()
    again, free_again = users.reserve_uid()
    assert again == one
    free_again()
    free_other()
