"""The fork server: replaced when it has ended, renewed when old, ended with its last worker."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from sample_machine import open_worker
from sample_processes import descendants
from sample_walls import FOLDER_MIB, LIMITS
from sample_without import Edit, skip_without, without

from grader.errors import SandboxUnavailable, StudentCrashed
from grader.sandbox import container, fork, forking
from grader.sandbox.forking import ForkServer, ForkServers

FORK = pytest.mark.parametrize("wall", [fork], indirect=True, ids=["fork"])


@pytest.fixture(params=[fork, container], ids=["fork", "container"])
def wall(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """Each backend that has fork servers, with none started yet."""
    skip_without(request.param.NAME)
    with without(request.param, ()):
        yield request.param


@pytest.fixture
def servers(wall: ModuleType) -> ForkServers:
    """Those of this process."""
    servers: ForkServers = wall._SERVERS  # type: ignore[attr-defined, unused-ignore]
    return servers


def present(servers: ForkServers) -> ForkServer:
    """The one that the next worker comes from."""
    assert servers._server is not None
    return servers._server


def end(server: ForkServer) -> None:
    """Kill it, as the machine may for want of memory."""
    os.kill(server._first.pid, signal.SIGKILL)
    server._process.wait()


def test_one_for_all(wall: ModuleType, servers: ForkServers) -> None:
    """All workers come from one process, each a child of it: starting one adds one process."""
    with open_worker(wall):
        first, before = present(servers), descendants(os.getpid())
        with open_worker(wall):
            assert len(descendants(os.getpid()) - before) == 1
        assert descendants(os.getpid()) == before
    assert present(servers) is first


@FORK
def test_begun_before_it_is_needed(servers: ForkServers) -> None:
    """One that was begun early serves the first worker; beginning again starts no other."""
    fork.begin()
    begun = present(servers)
    fork.begin()
    with open_worker(fork):
        assert present(servers) is begun


@FORK
def test_beginning_in_vain(servers: ForkServers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it can't be had, beginning says nothing and leaves nothing: the probe tells, when a worker is wanted."""
    before = descendants(os.getpid())
    monkeypatch.setattr(shutil, "which", lambda _name: "/nonexistent/bwrap")
    fork.begin()
    assert servers._server is None
    assert descendants(os.getpid()) == before
    assert "No such file" in (fork.unavailable() or "")


def test_ended(wall: ModuleType, servers: ForkServers) -> None:
    """When it has ended, so have its workers, and the next one comes from a fresh one."""
    with open_worker(wall) as (student, _):
        old = present(servers)
        end(old)
        with pytest.raises(StudentCrashed):
            student.limits.goes_first()
    with open_worker(wall) as (student, _):
        assert student.limits.goes_first()
    assert present(servers) is not old
    assert old.is_stopped


def test_ended_before_its_first_cell(wall: ModuleType, servers: ForkServers) -> None:
    """One that ends before it has forked anything is an error with what it printed; the next attempt starts another."""
    with pytest.MonkeyPatch.context() as change:
        whole = ForkServer.fork

        def fork_nothing(server: ForkServer, *arguments: Any) -> Any:
            end(server)
            return whole(server, *arguments)

        change.setattr(ForkServer, "fork", fork_nothing)
        with pytest.raises(SandboxUnavailable, match="fork server"):
            wall.start(LIMITS, FOLDER_MIB)
    with open_worker(wall) as (student, _):
        assert student.limits.goes_first()


def test_broken() -> None:
    """One that can't start says why, and nothing is left of it."""
    skip_without("fork")
    before = descendants(os.getpid())
    broken = Edit("fork_server.py", "    gc.collect()\n", "    raise RuntimeError('out of order')\n")
    with without(fork, (broken,)), pytest.raises(SandboxUnavailable, match="out of order"):
        fork.start(LIMITS, FOLDER_MIB)
    assert descendants(os.getpid()) == before


def test_threads() -> None:
    """One with threads is refused: what is forked from it would hang."""
    skip_without("fork")
    line = "    import threading, time\n    threading.Thread(target=time.sleep, args=(30,)).start()\n"
    threaded = Edit("fork_server.py", "    gc.collect()\n", line)
    with without(fork, (threaded,)), pytest.raises(SandboxUnavailable, match="has 2 threads"):
        fork.start(LIMITS, FOLDER_MIB)


def test_refused_fork() -> None:
    """A fork that fails is an error, costs no other worker, and the process stays."""
    skip_without("fork")
    line = "    child = os.fork()\n"
    refusing = Edit(
        "fork_server.py", line, f"    if request['folder_mib'] < 10:\n        raise OSError('not this one')\n{line}"
    )
    with without(fork, (refusing,)), open_worker(fork) as (student, _):
        old = present(fork._SERVERS)
        with pytest.raises(SandboxUnavailable, match="no worker could be forked: not this one"):
            fork.start(LIMITS, 1)
        assert student.limits.goes_first()
        with open_worker(fork) as (another, _):
            assert another.limits.goes_first()
        assert present(fork._SERVERS) is old


@pytest.mark.slow
@FORK
def test_no_answer(servers: ForkServers, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not answer is replaced, and ended only when the last of its workers has."""
    with open_worker(fork) as (student, _):
        old = present(servers)
        monkeypatch.setattr(forking, "ANSWER_S", 3)
        (stopped,) = [pid for pid in descendants(old._first.pid) if parent(pid) == old._first.pid]
        os.kill(stopped, signal.SIGSTOP)
        with open_worker(fork) as (another, _):
            assert another.limits.goes_first()
            assert present(servers) is not old
            assert student.limits.goes_first()
            assert not old.is_stopped
    assert old.is_stopped


def parent(pid: int) -> int:
    """Of a process."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def test_renewed(wall: ModuleType, servers: ForkServers, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many workers a fresh one takes over; the old one ends with the last of its workers, not before."""
    monkeypatch.setattr(forking, "RENEW_AFTER", 2)
    with open_worker(wall) as (first, _):
        old = present(servers)
        with open_worker(wall):
            assert present(servers) is old
        with open_worker(wall):
            assert present(servers) is not old
            assert first.limits.goes_first()
            assert not old.is_stopped
    assert old.is_stopped
    assert descendants(old._process.pid) == set()


def test_memory_of_the_previous_one(wall: ModuleType, servers: ForkServers) -> None:
    """Nothing that one submission sent is in the memory of the next: it never was in the process both come from."""
    text = {"text.py": b"TEXT = 'left-5a2e-behind-77c1'"}
    with open_worker(wall, text) as (student, _):
        student.others.leave("left-5a2e-behind-77c1")
        assert student.others.count_in_memory("left-5a2e", "-behind-77c1") >= 1
    with open_worker(wall) as (student, _):
        assert student.others.count_in_memory("left-5a2e", "-behind-77c1") == 0


def test_memory_of_the_fork_server() -> None:
    """What the process that workers come from has seen would be found: the test above does look."""
    skip_without("fork")
    line = "    gc.collect()\n    global KEPT\n    KEPT = ['left-5a2e' + '-behind-77c1']\n"
    with without(fork, (Edit("fork_server.py", "    gc.collect()\n", line),)), open_worker(fork) as (student, _):
        assert student.others.count_in_memory("left-5a2e", "-behind-77c1") >= 1


def test_closed(wall: ModuleType, servers: ForkServers) -> None:
    """Closing ends all of them, with their workers."""
    worker = wall.start(LIMITS, FOLDER_MIB)
    old = present(servers)
    servers.close()
    servers.close()
    assert old.is_stopped
    worker.stop()
