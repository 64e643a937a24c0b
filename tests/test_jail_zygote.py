"""The process that cells are forked from: replaced when it has ended, renewed when old, ended with its last cell."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from sample_machine import open_cell
from sample_processes import descendants
from sample_walls import BOX_MIB, LIMITS
from sample_without import Edit, skip_without, without

from grader.errors import SandboxUnavailable, StudentCrashed
from grader.sandbox import fork
from grader.sandbox.fork import _Zygote


@pytest.fixture
def zygotes() -> Iterator[fork._Zygotes]:
    """Those of this process: none yet."""
    skip_without("fork")
    with without(fork, ()):
        yield fork._ZYGOTES


def present(zygotes: fork._Zygotes) -> _Zygote:
    """The one that the next cell comes from."""
    assert zygotes._zygote is not None
    return zygotes._zygote


def end(zygote: _Zygote) -> None:
    """Kill it, as the machine may for want of memory."""
    os.kill(zygote._first.pid, signal.SIGKILL)
    zygote._process.wait()


def test_one_for_all(zygotes: fork._Zygotes) -> None:
    """All cells come from one process, each a child of it: starting one adds one process."""
    with open_cell(fork):
        first, before = present(zygotes), descendants(os.getpid())
        with open_cell(fork):
            assert len(descendants(os.getpid()) - before) == 1
        assert descendants(os.getpid()) == before
    assert present(zygotes) is first


def test_begun_before_it_is_needed(zygotes: fork._Zygotes) -> None:
    """One that was begun early serves the first cell; beginning again starts no other."""
    fork.begin()
    begun = present(zygotes)
    fork.begin()
    with open_cell(fork):
        assert present(zygotes) is begun


def test_beginning_in_vain(zygotes: fork._Zygotes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it can't be had, beginning says nothing and leaves nothing: the probe tells, when a cell is wanted."""
    before = descendants(os.getpid())
    monkeypatch.setattr(shutil, "which", lambda _name: "/nonexistent/bwrap")
    fork.begin()
    assert zygotes._zygote is None
    assert descendants(os.getpid()) == before
    assert "No such file" in (fork.unavailable() or "")


def test_ended(zygotes: fork._Zygotes) -> None:
    """When it has ended, so have its cells, and the next one comes from a fresh one."""
    with open_cell(fork) as (student, _):
        old = present(zygotes)
        end(old)
        with pytest.raises(StudentCrashed):
            student.limits.goes_first()
    with open_cell(fork) as (student, _):
        assert student.limits.goes_first()
    assert present(zygotes) is not old
    assert old.is_stopped


def test_ended_before_its_first_cell(zygotes: fork._Zygotes) -> None:
    """One that ends before it has forked anything is an error with what it printed; the next attempt starts another."""
    with pytest.MonkeyPatch.context() as change:
        whole = fork._Zygote.fork

        def fork_nothing(zygote: _Zygote, *arguments: Any) -> Any:
            end(zygote)
            return whole(zygote, *arguments)

        change.setattr(fork._Zygote, "fork", fork_nothing)
        with pytest.raises(SandboxUnavailable, match="forked from"):
            fork.start(LIMITS, BOX_MIB)
    with open_cell(fork) as (student, _):
        assert student.limits.goes_first()


def test_broken() -> None:
    """One that can't start says why, and nothing is left of it."""
    skip_without("fork")
    before = descendants(os.getpid())
    broken = Edit("zygote.py", "    gc.collect()\n", "    raise RuntimeError('out of order')\n")
    with without(fork, (broken,)), pytest.raises(SandboxUnavailable, match="out of order"):
        fork.start(LIMITS, BOX_MIB)
    assert descendants(os.getpid()) == before


def test_threads() -> None:
    """One with threads is refused: what is forked from it would hang."""
    skip_without("fork")
    line = "    import threading, time\n    threading.Thread(target=time.sleep, args=(30,)).start()\n"
    threaded = Edit("zygote.py", "    gc.collect()\n", line)
    with without(fork, (threaded,)), pytest.raises(SandboxUnavailable, match="has 2 threads"):
        fork.start(LIMITS, BOX_MIB)


def test_refused_fork() -> None:
    """A fork that fails is an error, costs no other cell, and the process stays."""
    skip_without("fork")
    line = "    child = os.fork()\n"
    refusing = Edit(
        "zygote.py", line, f"    if request['box_mib'] < 10:\n        raise OSError('not this one')\n{line}"
    )
    with without(fork, (refusing,)), open_cell(fork) as (student, _):
        old = present(fork._ZYGOTES)
        with pytest.raises(SandboxUnavailable, match="no cell could be forked: not this one"):
            fork.start(LIMITS, 1)
        assert student.limits.goes_first()
        with open_cell(fork) as (another, _):
            assert another.limits.goes_first()
        assert present(fork._ZYGOTES) is old


@pytest.mark.slow
def test_no_answer(zygotes: fork._Zygotes, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not answer is replaced, and ended only when the last of its cells has."""
    with open_cell(fork) as (student, _):
        old = present(zygotes)
        monkeypatch.setattr(fork, "ANSWER_S", 3)
        (stopped,) = [pid for pid in descendants(old._first.pid) if parent(pid) == old._first.pid]
        os.kill(stopped, signal.SIGSTOP)
        with open_cell(fork) as (another, _):
            assert another.limits.goes_first()
            assert present(zygotes) is not old
            assert student.limits.goes_first()
            assert not old.is_stopped
    assert old.is_stopped


def parent(pid: int) -> int:
    """Of a process."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def test_renewed(zygotes: fork._Zygotes, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many cells a fresh one takes over; the old one ends with the last of its cells, not before."""
    monkeypatch.setattr(fork, "RENEW_AFTER", 2)
    with open_cell(fork) as (first, _):
        old = present(zygotes)
        with open_cell(fork):
            assert present(zygotes) is old
        with open_cell(fork):
            assert present(zygotes) is not old
            assert first.limits.goes_first()
            assert not old.is_stopped
    assert old.is_stopped
    assert descendants(old._process.pid) == set()


def test_memory_of_the_previous_one(zygotes: fork._Zygotes) -> None:
    """Nothing that one submission sent is in the memory of the next: it never was in the process both come from."""
    text = {"text.py": b"TEXT = 'left-5a2e-behind-77c1'"}
    with open_cell(fork, text) as (student, _):
        student.others.leave("left-5a2e-behind-77c1")
        assert student.others.count_in_memory("left-5a2e", "-behind-77c1") >= 1
    with open_cell(fork) as (student, _):
        assert student.others.count_in_memory("left-5a2e", "-behind-77c1") == 0


def test_memory_of_the_zygote() -> None:
    """What the process that cells come from has seen would be found: the test above does look."""
    skip_without("fork")
    line = "    gc.collect()\n    global KEPT\n    KEPT = ['left-5a2e' + '-behind-77c1']\n"
    with without(fork, (Edit("zygote.py", "    gc.collect()\n", line),)), open_cell(fork) as (student, _):
        assert student.others.count_in_memory("left-5a2e", "-behind-77c1") >= 1


def test_closed(zygotes: fork._Zygotes) -> None:
    """Closing ends all of them, with their cells."""
    cell = fork.start(LIMITS, BOX_MIB)
    old = present(zygotes)
    zygotes.close()
    zygotes.close()
    assert old.is_stopped
    cell.stop()
