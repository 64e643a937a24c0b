"""What one worker may take of the machine beside others: tasks, processors, and time in which it is asked nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest
import sample_taking
from sample_taking import take
from sample_tiers import tiered
from sample_user import NoUser, run_as_user
from sample_walls import LIMITS
from sample_without import BACKENDS, skip_without

from grader.errors import SandboxUnavailable
from grader.sandbox import resource_monitor
from grader.sandbox.cgroups import ControlGroups
from grader.sandbox.freezer import Freezer
from grader.sandbox.resource_monitor import ProcessTree, family, give_way

WAYS = [f"{name}{way}" for name in BACKENDS for way in ("", " without groups", " as a user")]
COUNTS = "import sys, time\nend = time.monotonic() + 20\nn = 0\nwhile time.monotonic() < end: n += 1"
SPINS = "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"


@pytest.mark.parametrize("way", tiered(WAYS, slow=set(WAYS) - {"fork"}))
def test_share(way: str) -> None:
    """Under every wall and user, tasks are limited, idle workers stand still, and 28 busy tasks starve nobody.

    It measures what tasks get while 28 others compute for seconds.
    """
    name, _, how = way.partition(" ")
    skip_without(name)
    found: dict[str, Any]
    if how == "as a user":
        try:
            found = json.loads(run_as_user(sample_taking.__file__, name))
        except NoUser as reason:
            pytest.skip(str(reason))
    elif not how and ControlGroups.here() is None:
        pytest.skip("there are no control groups to be had")
    else:
        found = take(name, groups=not how)
    over = f"Your code was stopped: it had more than {LIMITS.processes} processes and threads."
    assert found["threads"] == over or found["threads"] <= LIMITS.processes
    assert found["idle_seconds"] < 0.1
    assert found["slowdown"] < 4.5  # of 30 on two cores; another job may have its half


def running(count: int) -> list[subprocess.Popen[bytes]]:
    """So many busy processes, which end by themselves."""
    return [subprocess.Popen([sys.executable, "-c", SPINS]) for _ in range(count)]


def test_too_many_tasks() -> None:
    """ProcessTree and threads of a whole tree are counted from outside, whoever runs them."""
    source = f"import subprocess, sys, threading, time\np = subprocess.Popen([sys.executable, '-c', {SPINS!r}])\n"
    source += "for _ in range(5): threading.Thread(target=time.sleep, args=(20,), daemon=True).start()\n"
    source += "print(flush=True)\ninput()\np.kill()"
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert ProcessTree(process.pid, 1 << 40, 7).exceeded() == ""
        assert ProcessTree(process.pid, 1 << 40, 6).exceeded() == "processes"
        process.communicate(b"\n")


def test_too_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open files of a whole tree are counted: sockets hold memory that no process is charged for."""
    source = "import os, socket, sys\nmine, other = os.pipe()\nchild = os.fork()\n"  # each has less than the limit
    source += "held = [socket.socketpair() for _ in range(6)]\n"
    source += "if child: os.read(mine, 1); print(flush=True); input()\n"
    source += "else: os.write(other, b'.'); os.close(other); sys.stdin.read()\n"
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        watched = ProcessTree(process.pid, 1 << 40, 7)
        assert watched.exceeded() == ""
        monkeypatch.setattr(resource_monitor, "FILES", 24)
        assert watched.exceeded() == "files"
        process.communicate(b"\n")


def test_giving_way() -> None:
    """More busy tasks than may compute at a time become nicer, so that all together weigh no more; others do not."""
    few, many = running(2), running(16)
    try:
        time.sleep(0.3)
        give_way([each.pid for each in few], 2)
        give_way([each.pid for each in many], 2)
        before = os.getpriority(os.PRIO_PROCESS, 0)
        assert {os.getpriority(os.PRIO_PROCESS, each.pid) for each in few} == {before}
        assert {os.getpriority(os.PRIO_PROCESS, each.pid) for each in many} <= set(range(8, 12))
    finally:
        for each in few + many:
            each.kill()
            each.wait()


def test_frozen_tree() -> None:
    """A frozen process and its children stand still, also those that others continue, and go on when thawed."""
    source = f"import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', {COUNTS!r}])\nprint(flush=True)\n"
    with subprocess.Popen([sys.executable, "-c", source + COUNTS], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        freezer = Freezer(lambda: family(process.pid))
        pids = family(process.pid)
        try:
            freezer.freeze()
            assert [state(pid) for pid in pids] == ["T", "T"]
            os.kill(pids[1], 18)
            freezer.look()
            assert state(pids[1]) == "T"
            freezer.thaw()
            freezer.look()
            assert "T" not in [state(pid) for pid in pids]
        finally:
            freezer.freeze()
            for pid in reversed(pids):
                os.kill(pid, 9)  # what is frozen can be killed


def forbidden(_pid: int, _signal: int) -> None:
    """What the kernel says of a process of another user."""
    raise PermissionError


def test_process_that_may_not_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of the worker that may not be stopped is the machine's fault, told with its number."""
    monkeypatch.setattr(os, "kill", forbidden)
    freezer = Freezer(lambda: [4711])
    for call in (freezer.freeze, freezer.look, freezer.thaw):
        with pytest.raises(SandboxUnavailable, match="4711"):
            call()


def test_number_of_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has ended is no fault, though its number belongs to another user's process by then."""
    monkeypatch.setattr(os, "kill", forbidden)
    listed = iter([[4711], [], []])
    freezer = Freezer(lambda: next(listed))
    freezer.freeze()
    freezer.thaw()
    assert not freezer.is_frozen


def state(pid: int) -> str:
    """Of a process, once it is settled."""
    time.sleep(0.05)
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()[0]
