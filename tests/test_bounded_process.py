"""Work in a process with bounds ends in its files or in a clause that says why not, whatever it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from grader import bounded_process, preloading
from grader.bounded_process import Bounds, Ended, run_limited
from grader.errors import MachineError
from grader.rubric import PROJECT

FEW = Bounds(cpu_s=1, wall_s=120, memory_mib=300, file_mib=2)


Run = Callable[..., Ended]


def run(what: str, bounds: Bounds = FEW, preloaded: bool = False) -> Ended:
    """Have it done."""
    return run_limited("tests.sample_limited", {"do": what.encode()}, ["done"], bounds, preloaded=preloaded)


@pytest.fixture(autouse=True)
def _none_waits() -> Iterator[None]:
    """Each test starts what waits anew, and leaves none."""
    preloading.stop_all()
    yield
    preloading.stop_all()


@pytest.fixture(params=[False, True], ids=["started", "forked"])
def run_either_way(request: pytest.FixtureRequest) -> Run:
    """`run` in a process of its own, and in one that is forked from a process that waits."""
    return partial(run, preloaded=request.param)


def test_answer(run_either_way: Run) -> None:
    """What `main` writes comes back; it runs in the project's folder, on one thread."""
    ended = run_either_way("answer")
    assert ended.why == ""
    assert ended.files == {"done": f"in {PROJECT} with 1 thread".encode()}


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("spin", "it took longer than 1 seconds of computing"),
        ("eat", "it needed too much memory"),
        ("crash", "the program that does it stopped"),
        ("exit", "the program that does it stopped"),
        ("fill", "the program that does it stopped"),
        ("complain", "the program that does it stopped"),
        ("no such action", "the program that does it stopped"),
    ],
)
def test_bounds(run_either_way: Run, what: str, why: str) -> None:
    """Computing, memory and files are bounded, and each other end has its clause too."""
    assert run_either_way(what) == Ended({}, why)


def test_finished_before_it_crashed(run_either_way: Run) -> None:
    """What was finished counts, even if the process fails at its very end."""
    assert run_either_way("answer and crash") == Ended({"done": b"there"}, "")


def test_clock(run_either_way: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that only waits ends by the clock, and its folder is gone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    started = time.monotonic()
    assert run_either_way("sleep", Bounds(60, 1, 300, 2)) == Ended({}, "it took longer than 1 seconds")
    assert time.monotonic() - started < 60
    assert list(tmp_path.iterdir()) == []


def test_lower_limits_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that the machine's owner has set lower than ours stay; the others are ours, and no core is written."""
    lowered = (
        "import os, resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 21))\n"
        "resource.setrlimit(resource.RLIMIT_CPU, (20, 30))\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    monkeypatch.setattr(bounded_process, "COMMAND", (sys.executable, "-c", lowered, *bounded_process.COMMAND))
    ended = run("limits", Bounds(cpu_s=29, wall_s=120, memory_mib=300, file_mib=64))
    ours = f"AS ({300 << 20}, {300 << 20}); CPU (29, 30); FSIZE ({1 << 21}, {1 << 21}); CORE (0, 0)"
    assert ended.files["done"].decode() == ours


def test_complaints_are_passed_on(run_either_way: Run, caplog: pytest.LogCaptureFixture) -> None:
    """The end of what the process says is logged, with nothing that a terminal would obey."""
    run_either_way("complain", Bounds(cpu_s=5, wall_s=120, memory_mib=300, file_mib=8))
    (record,) = caplog.records
    assert "ValueError: \\u{1b}[31mred" in record.getMessage()
    assert "\x1b" not in record.getMessage()
    assert len(record.getMessage()) < 20_000


def test_no_process_possible(run_either_way: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the process can't even be started, that is the machine's fault."""
    monkeypatch.setattr(bounded_process, "COMMAND", (str(tmp_path / "no python"),))
    with pytest.raises(MachineError, match=r"a process for tests\.sample_limited can't be started"):
        run_either_way("answer")


def test_forked_from_one() -> None:
    """Work that follows is forked from the same process; one that was killed is replaced."""
    run("answer", preloaded=True)
    first = preloading.living()
    run("crash", preloaded=True)
    assert preloading.living() == first
    preloading._waiting["tests.sample_limited"].stop()
    assert run("answer", preloaded=True).why == ""
    assert preloading.living() != first


def test_module_that_fails() -> None:
    """A module that can't be imported is the program's end, whichever way."""
    for preloaded in (False, True):
        ended = run_limited("tests.no_such_module", {}, ["done"], FEW, preloaded=preloaded)
        assert ended == Ended({}, "the program that does it stopped")


@pytest.mark.parametrize(
    ("module", "why"),
    [("tests.sample_printing", ""), ("tests.sample_printing_failure", "the program that does it stopped")],
)
def test_import_that_prints(module: str, why: str) -> None:
    """What a library prints while it is imported is no answer, whether the import succeeds or not."""
    assert run_limited(module, {}, ["done"], FEW, preloaded=True).why == why


def test_in_a_fork_of_the_grader() -> None:
    """A fork of the grader starts a process of its own, and ends without waiting for that of its parent."""
    run("answer", preloaded=True)
    before = preloading.living()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = int(run("answer", preloaded=True).why != "" or preloading.living() & before != set())
            preloading.stop_all()
        finally:
            os._exit(code)
    assert wait_for(lambda: os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None)
    assert os.waitpid(child, 0)[1] == 0
    assert preloading.living() == before
    assert run("answer", preloaded=True).why == ""


STARTED = (
    "import os, subprocess, sys, time\n"
    "subprocess.Popen([*sys.argv[2:], 'tests.sample_limited', sys.argv[1], str(os.getpid()), '60', '300', '2'])\n"
    "time.sleep(300)\n"
)
FORKED = (
    "import os, pathlib, sys\n"
    "from grader.preloading import Preloaded\n"
    "waiting = Preloaded([*sys.argv[2:], 'serve', 'tests.sample_limited'], pathlib.Path.cwd(), os.environ)\n"
    "waiting.run(pathlib.Path(sys.argv[1]), 300, (60, 300, 2))\n"
)


@pytest.mark.parametrize("grader", [STARTED, FORKED])
def test_ends_with_the_grader(grader: str, tmp_path: Path) -> None:
    """When the grader is killed, the process that works for it ends too."""
    (tmp_path / "do").write_text("sleep")
    command = [sys.executable, "-c", grader, str(tmp_path), *bounded_process.COMMAND]
    with subprocess.Popen(command, cwd=PROJECT) as running:
        try:
            assert wait_for(lambda: (tmp_path / "began").exists())
        finally:
            running.kill()
    child = int((tmp_path / "began").read_text())
    gone = wait_for(lambda: not is_running(child))
    if not gone:
        os.kill(child, signal.SIGKILL)
    assert gone


def test_grader_gone_before(tmp_path: Path) -> None:
    """A process whose grader has ended before it began does nothing."""
    (tmp_path / "do").write_text("answer")
    command = [*bounded_process.COMMAND, "tests.sample_limited", str(tmp_path), "1", "60", "300", "2"]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "the grader ended before" in ended.stderr
    assert not (tmp_path / "began").exists()


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it happens in time."""
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.02)
    return happened()


def is_running(process: int) -> bool:
    """Whether a process is there and does not only wait to be collected."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False
