"""Which wall is chosen, what bubblewrap is told, what reaches a worker, and what comes back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sample_machine import open_worker
from sample_walls import LIMITS
from sample_without import skip_without, without

from benchmarks import sandbox as benchmark
from grader.errors import SandboxUnavailable, StudentRaised
from grader.rubric import PROJECT
from grader.sandbox import bubblewrap, cold, container, fork, landlock, process, worker_pool
from grader.sandbox.seccomp import build_filter
from grader.sandbox.worker_pool import BACKENDS, WEAKEST, WorkerPool, choose_backend

LONG_NAME = "\U0001f600" * 100 + ".txt"  # 404 bytes: more than a file system's 255
FILES = {"deep/er/data.bin": b"123", "empty.txt": b"", LONG_NAME: b"x", "torch.py": b"raise RuntimeError('shadowed')"}
FILES |= {f"many/{number}": b"x" for number in range(900)}


@pytest.fixture
def working(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The names of the backends that work, as a test says; all others have a reason why not."""
    names = {backend.NAME for backend in BACKENDS}
    for backend in BACKENDS:
        reason = None if backend is process else f"no {backend.NAME} on a Tuesday"
        say = lambda backend=backend, reason=reason: None if backend.NAME in names else reason  # noqa: E731 closed over
        monkeypatch.setattr(backend, "unavailable", say)
    worker_pool._choose.cache_clear()
    yield names
    worker_pool._choose.cache_clear()


@pytest.mark.parametrize("chosen", [fork, cold, container])
def test_strongest_first(working: set[str], chosen: ModuleType) -> None:
    """The strongest wall that works is taken, also where a weaker one would do."""
    working -= {backend.NAME for backend in BACKENDS[: BACKENDS.index(chosen)]}
    assert choose_backend() is chosen
    assert choose_backend(chosen.NAME) is chosen
    assert choose_backend(process.NAME) is chosen


@pytest.mark.parametrize("weakest", [fork, cold, container])
def test_nothing_weaker(working: set[str], weakest: ModuleType) -> None:
    """Where nothing as strong as asked for works, nothing is chosen, and the reasons are named."""
    stronger = {backend.NAME for backend in BACKENDS[: BACKENDS.index(weakest) + 1]}
    working -= stronger
    with pytest.raises(SandboxUnavailable) as raised:
        choose_backend(weakest.NAME)
    assert {name for name in stronger if f"{name}: no {name} on a Tuesday" in str(raised.value)} == stronger


def test_practice_is_asked_for(working: set[str]) -> None:
    """Student code runs without a wall only where that was asked for by name."""
    working.clear()
    assert WEAKEST == container.NAME
    with pytest.raises(SandboxUnavailable):
        choose_backend()
    assert choose_backend(process.NAME) is process
    assert WorkerPool.__init__.__defaults__ == (WEAKEST,)


@pytest.mark.parametrize("name", ["", "none", "Process", "bubblewrap"])
def test_unknown_name(name: str) -> None:
    """A name of no wall is an error, not a wall that is weaker than all."""
    with pytest.raises(ValueError, match="none of the sandboxes fork, cold, container, process"):
        choose_backend(name)


@pytest.mark.parametrize("backend", BACKENDS)
def test_open_jail(monkeypatch: pytest.MonkeyPatch, backend: ModuleType) -> None:
    """Only practice is open: there no hidden data may be used."""
    monkeypatch.setattr(worker_pool, "choose_backend", lambda _weakest: backend)
    assert WorkerPool(LIMITS, ("probe",), {}).is_open == (backend is process)


def test_bubblewrap_that_hangs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A bubblewrap that says nothing is ended after a while: no grading waits for it for ever."""
    hanging = tmp_path / "bwrap"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(hanging))
    monkeypatch.setattr(cold, "ANSWER_S", 0.2)
    with pytest.raises(SandboxUnavailable, match="bubblewrap did not start"):
        cold.start(LIMITS, 1)


def test_titles() -> None:
    """Each wall has a name for the command line and a title for reports, and no two the same."""
    assert [backend.NAME for backend in BACKENDS] == ["fork", "cold", "container", "process"]
    assert len({backend.TITLE for backend in BACKENDS}) == len(BACKENDS)


def test_without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where bubblewrap is missing or does not start, the two that need it say so."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert "apt-get install" in (cold.unavailable() or "")
    assert "apt-get install" in (fork.unavailable() or "")
    monkeypatch.setattr(shutil, "which", lambda _name: "/nonexistent/bwrap")
    assert "No such file" in (cold.unavailable() or "")


def test_wrong_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    """What bubblewrap says about a command line it does not take is the reason."""
    skip_without("cold")
    whole = bubblewrap.command
    wrong = lambda *arguments, **options: [*whole(*arguments, **options), "--no-such-flag"]  # noqa: E731 a replacement
    monkeypatch.setattr(bubblewrap, "command", wrong)
    assert "no-such-flag" in (cold.unavailable() or "")
    assert "no-such-flag" in (fork.unavailable() or "")


def test_without_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Among the machine's files nothing is run where the kernel can't hide them."""
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert "Landlock" in (container.unavailable() or "")


def test_project_inside_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the interpreter's own folder holds the project, every wall would show it and is refused."""
    skip_without("cold")
    monkeypatch.setattr(sys, "prefix", str(PROJECT.parent))
    for backend in (fork, cold, container):
        assert "the grader lies inside" in (backend.unavailable() or "")


def test_assignments_inside_the_interpreter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the interpreter's own folder holds assignments of a course, every wall would show their solutions."""
    skip_without("cold")
    (tmp_path / "course" / "assignment").mkdir(parents=True)
    monkeypatch.setenv("ASSIGNMENTS", str(tmp_path / "course"))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    for backend in (fork, cold, container):
        assert f"and {tmp_path / 'course'} lies inside: move it out" in (backend.unavailable() or "")


def test_interpreter_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """With Debian's own interpreter, its libraries and programs are shown, not the whole of /usr with its data sets."""
    skip_without("cold")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "prefix", "/usr")
    assert cold.unavailable() is None
    listing = [*bubblewrap.command((), own_user=bubblewrap.is_root(), folder_mib=64), "--", "/usr/bin/ls", "/usr"]
    shown = subprocess.run(listing, env={}, capture_output=True, text=True, check=True).stdout.split()
    assert {"bin", "lib"} <= set(shown) <= {"bin", "lib", "lib64", "local"}


def test_binds_over_scratch() -> None:
    """What is shown of the machine is laid over the scratch folders, so that a project below /tmp is not covered."""
    command = bubblewrap.command((), own_user=True, folder_mib=64)
    assert len(command) - 1 - command[::-1].index("--tmpfs") < command.index("--ro-bind")


def test_closed_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below a closed folder, Python is of no use to a worker's user: the machine's own is, if our packages are open."""
    monkeypatch.setattr(bubblewrap, "is_root", lambda: True)
    monkeypatch.setattr(bubblewrap, "shown_folders", lambda: [tmp_path])
    tmp_path.chmod(0o700)
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="can't run"):
        container._interpreter()


@pytest.mark.parametrize("alone", [True, False])
def test_filter_is_a_program(alone: bool) -> None:
    """The filter is a whole number of instructions, within the kernel's limit."""
    program = build_filter(alone)
    assert len(program) % 8 == 0
    assert 100 < len(program) // 8 <= 4096


@pytest.mark.parametrize("name", ["fork", "container"])
def test_submission_is_there(name: str) -> None:
    """A submission of 200 MB arrives whole; a name that no file system takes is left out without harm."""
    skip_without(name)
    wanted = {"large.bin": 200 << 20, "deep/er/data.bin": 3, "empty.txt": 0, LONG_NAME: -1, "many/899": 1}
    backend = {"fork": fork, "container": container}[name]
    with without(backend, ()), open_worker(backend, FILES | {"large.bin": bytes(200 << 20)}, 264) as (student, _):
        assert student.work.sizes(list(wanted)) == wanted


def test_large_answers() -> None:
    """An answer too large to be compared is an error in a sentence, and the process lives on."""
    if reason := cold.unavailable():
        pytest.skip(reason)
    with open_worker(cold, FILES) as (student, _):  # with a `torch.py` of its own, which is not taken for torch
        work: Any = student.work
        large = ((work.return_large, (65,)), (work.return_large, (1 << 20,)), (work.return_many, ()))
        for function, arguments in large:
            with pytest.raises(StudentRaised, match="too large to be compared"):
                function(*arguments)
        assert work.return_large(1).shape == (1 << 18,)


def test_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    """The benchmark measures a whole check, and prints a line for each wall, or why there is none."""
    skip_without("fork")
    with without(fork, ()):
        ready, check = benchmark.measure(fork)
    assert 0 < ready < check
    benchmark.show("root", {"fork": [[1.0, 4.0], [3.0, 6.0], [2.0, 5.5]], "cold": "no bubblewrap"})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "root fork 3 2.0 ( 3.0) 5.5 ( 6.0)".split()
    assert lines[1] == "root cold no bubblewrap".split()


def test_deep_folder() -> None:
    """A folder of folders three thousand deep is removed with the worker that made it: no recursion gives up."""
    skip_without("container")
    with without(container, ()), open_worker(container) as (student, worker):
        folder = Path(worker._setup["folder"])
        student.others.dig(3_000)
        assert folder.exists()
    assert not folder.exists()


def test_folder_that_is_gone() -> None:
    """Practice that has removed its folder, or put a link in its place, is ended like any other."""
    with without(process, ()), open_worker(process) as (student, worker):
        folder = Path(worker._setup["folder"])
        student.limits.goes_first()  # the files are written by now
        folder.rename(folder.with_suffix(".moved"))
        folder.symlink_to(folder.with_suffix(".moved"))
        assert student.limits.goes_first()
    assert folder.is_symlink()
    folder.unlink()
    shutil.rmtree(folder.with_suffix(".moved"))
