"""What becomes of workers when their grader is killed, forks, or starts them from a thread that ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sample_grader
from sample_machine import open_worker
from sample_tiers import tiered
from sample_user import ENVIRONMENT, NoUser, command_as_user
from sample_without import BACKENDS, skip_without, without

from grader.errors import StudentCrashed
from grader.sandbox import cold, container
from grader.sandbox.cgroups import ControlGroups

WITHIN_S = 5
EACH_WALL = pytest.mark.parametrize("backend", tiered(BACKENDS.keys(), slow=set(BACKENDS) - {"fork"}))
FORKING = """
import os, sys
from grader.sandbox import fork
from sample_machine import open_worker
from sample_without import BACKENDS, without
backend = BACKENDS[sys.argv[1]]
with without(backend, ()), open_worker(backend) as (student, worker):
    child = os.fork()
    if child == 0:
        with open_worker(backend) as (own, _):
            assert own.limits.goes_first()
        fork._SERVERS.close()  # as at its exit
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert student.limits.goes_first()
    with open_worker(backend) as (another, _):
        assert another.limits.goes_first()
print("as before")
"""


@pytest.fixture
def folder() -> Iterator[str]:
    """Where a grader that is killed leaves its files: a folder that workers of any user can reach."""
    with tempfile.TemporaryDirectory(prefix="killed-") as path:
        Path(path).chmod(0o777)
        yield path


def kill(command: list[str], folder: str, within_s: float = WITHIN_S) -> tuple[set[int], list[str]]:
    """Start a grader, kill it; the processes and control groups that are left of it after some seconds at most."""
    environment = ENVIRONMENT | {"TMPDIR": folder}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd="/") as grader:
        assert grader.stdout is not None
        told: dict[str, Any] = json.loads(grader.stdout.readline())
        assert len(told["below"]) >= 2
        grader.kill()
    return left(told, time.monotonic() + within_s)


def left(told: dict[str, Any], deadline: float) -> tuple[set[int], list[str]]:
    """What is left once nothing is, or the time is over."""
    while True:
        processes = {pid for pid in told["below"] if Path(f"/proc/{pid}").exists()}
        groups = [path for path in told["groups"] if Path(path).exists()]
        if not (processes or groups) or time.monotonic() > deadline:
            return processes, groups
        time.sleep(0.05)


def mounts() -> list[str]:
    """What is mounted where, as this process sees it."""
    return sorted(line.split(" ", 2)[2] for line in Path("/proc/self/mountinfo").read_text().splitlines())


@EACH_WALL
@pytest.mark.parametrize("user", tiered(["root", "ordinary"], slow={"ordinary"}))
def test_killed_grader(user: str, backend: str, folder: str) -> None:
    """When the grader is killed while student code is busy, no process, mount or group is left within five seconds."""
    if user == "root" and os.geteuid() != 0:
        pytest.skip("the tests are not run by root")
    skip_without(backend)
    arguments = (sample_grader.__file__, backend)
    try:
        command = command_as_user(*arguments) if user == "ordinary" else [sys.executable, *arguments]
    except NoUser as reason:
        pytest.skip(str(reason))
    before = mounts()
    assert kill(command, folder) == (set(), [])
    assert mounts() == before


@pytest.mark.slow
@EACH_WALL
def test_two_ways_to_end(backend: str, folder: str) -> None:
    """The kernel ends a worker with its grader, and so does who removes its control group: each would do.

    It starts two graders, which import torch.
    """
    skip_without(backend)
    if ControlGroups.here() is None:
        pytest.skip("there are no control groups to be had")
    for part in ("groups", backend):
        assert kill([sys.executable, sample_grader.__file__, backend, part], folder) == (set(), [])


@pytest.mark.slow
@EACH_WALL
def test_neither_way(backend: str, folder: str) -> None:
    """Without either, busy student code lives on: the tests above do look."""
    skip_without(backend)
    processes, _ = kill([sys.executable, sample_grader.__file__, backend, f"{backend} and groups"], folder, within_s=1)
    assert processes
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@EACH_WALL
def test_forking_grader(backend: str) -> None:
    """A fork of the grader has workers of its own; when it ends, its parent's workers and fork server live on."""
    skip_without(backend)
    environment = os.environ | {"PYTHONPATH": f"{Path(__file__).parent}:{ENVIRONMENT['PYTHONPATH']}"}
    command = [sys.executable, "-W", "error", "-c", FORKING, backend]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (run.stdout, run.stderr) == ("as before\n", "")


@EACH_WALL
def test_thread_that_ends(backend: str) -> None:
    """Workers, and what they are forked from, outlive the thread of the grader that started them."""
    skip_without(backend)
    with without(BACKENDS[backend], ()):
        assert outlives(BACKENDS[backend], 0.5)


@pytest.mark.slow
@EACH_WALL
def test_starting_thread_matters(monkeypatch: pytest.MonkeyPatch, backend: str) -> None:
    """Started by that thread itself they would end with it: the test above does look."""
    skip_without(backend)
    with without(BACKENDS[backend], ()):
        for module in (cold, container):
            monkeypatch.setattr(module, "start_process", subprocess.Popen)
        assert not outlives(BACKENDS[backend], 10)


def outlives(backend: ModuleType, seconds: float) -> bool:
    """Whether a worker answers for so long when the thread that started it has ended."""
    contexts: list[Any] = []

    def start() -> None:
        contexts.append(open_worker(backend))
        contexts.append(contexts[0].__enter__()[0])

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    context, student = contexts
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            assert student.limits.goes_first()
            time.sleep(0.05)
        return True
    except StudentCrashed:
        return False
    finally:
        context.__exit__(None, None, None)
