"""What a request is charged: the same on a busy machine as on an idle one."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from grader.rubric import Limits
from grader.sandbox import stopwatch
from grader.sandbox.cgroups import ControlGroups
from grader.sandbox.protocol import DeadlinePassed
from grader.sandbox.resource_monitor import ProcessTree, ResourceMonitor, Usage
from grader.sandbox.stopwatch import FAR, Reading, Spent, Stopwatch, queued_seconds

BUSY = "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
COMPUTES = "import time\nwhile time.process_time() < 0.5: pass"
SLEEPS = "import time\ntime.sleep(0.5)"
FORKS = "import os, time\nif os.fork() == 0:\n while time.process_time() < 0.5: pass\n os._exit(0)\nos.wait()"


def spent(clock_s: float, cpu_s: float = 0, queued_s: float = 0, ours_s: float = 0) -> Spent:
    """With two threads."""
    return Spent(clock_s, ours_s, cpu_s, queued_s, threads=2)


@pytest.mark.parametrize(
    ("took", "seconds"),
    [
        (spent(10, cpu_s=10), 10),  # one thread computes
        (spent(10, cpu_s=20), 10),  # two do
        (spent(10, cpu_s=60), 30),  # six do, where two may
        (spent(10), 10),  # it sleeps
        (spent(30, cpu_s=10, queued_s=20), 10),  # one thread computes, on a machine that does other things
        (spent(50, cpu_s=20, queued_s=80), 10),  # two do
        (spent(12, cpu_s=10, ours_s=2), 10),  # it waits for the grader to send
        (spent(10 * FAR, cpu_s=3, queued_s=10 * FAR), 10),  # the machine is far too busy
    ],
)
def test_seconds(took: Spent, seconds: float) -> None:
    """Computing and waiting count, and not the time in which the machine did something else."""
    assert took.seconds == pytest.approx(seconds)


class Worker:
    """What is seen of a worker: each second by the clock it computes and waits for so long, while others compute."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cpu: float, queued: float, others: float = 2) -> None:
        self.now, self.cpu, self.queued = 100.0, cpu, queued
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(stopwatch, "_own_seconds", lambda: (0.0, 0.0))
        monkeypatch.setattr(stopwatch, "busy_seconds", lambda: (cpu + others) * self.now)

    def used(self) -> Reading:
        """So far; the second thread has begun with the request."""
        return self.cpu * self.now, {1: self.queued * self.now} | ({2: 0.0} if self.now > 100 else {})

    def run(self, limit_s: float) -> Stopwatch:
        """Wait for an answer that does not come."""
        watch = Stopwatch(self.used, 2, limit_s)
        with suppress(DeadlinePassed):
            while self.now < 10_000:
                self.now += watch()
        return watch


@pytest.mark.parametrize(
    ("cpu", "queued", "clock_s", "words"),
    [
        (1, 0, 20, "20 seconds of computing"),
        (2, 0, 20, "20 seconds of computing"),
        (0.2, 0.8, 100, "20 seconds of computing"),
        (0, 0, 20, "20 seconds; it computed for 0 seconds and waited for the rest"),
        (0.25, 0.5, 40, "20 seconds of computing"),
        (0.01, 0.99, 20 * FAR, "400 seconds by the clock; it computed for 4 seconds"),
    ],
)
def test_limit(monkeypatch: pytest.MonkeyPatch, cpu: float, queued: float, clock_s: float, words: str) -> None:
    """The limit ends what computes or waits so long, and words say which, and whether the clock had to end it."""
    worker = Worker(monkeypatch, cpu, queued)
    watch = worker.run(20)
    assert worker.now - 100 == pytest.approx(clock_s, rel=0.02)
    assert watch.limit_in_words() == words
    assert watch.seconds() == 20


@pytest.mark.parametrize(("cpu", "queued"), [(0.4, 0.4), (0.1, 1), (0.0, 5)])
def test_queue_of_its_own(monkeypatch: pytest.MonkeyPatch, cpu: float, queued: float) -> None:
    """Waits for a processor that others did not have are the worker's own doing, and end nothing later."""
    worker = Worker(monkeypatch, cpu, queued, others=0)
    worker.run(20)
    assert worker.now - 100 == pytest.approx(20, abs=0.5)


def test_answer_that_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grader's computing counts for the worker where it is more than an answer of so many bytes can need."""
    worker, moved = Worker(monkeypatch, cpu=0, queued=0), [0]
    monkeypatch.setattr(stopwatch, "_own_seconds", lambda: (worker.now, 0.0))
    watch = Stopwatch(worker.used, 2, 20, lambda: (moved[0], 0))
    worker.now += 1
    assert watch.spent().seconds > 0.9
    moved[0] = 400_000_000
    assert watch.spent().seconds < 0.1


def test_answer_that_is_long_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a long list of an answer costs the grader afterwards is charged too; a short one costs nothing."""
    worker, parsed = Worker(monkeypatch, cpu=0, queued=0), [0]
    watch = Stopwatch(worker.used, 2, 20, lambda: (parsed[0], parsed[0]))
    parsed[0] = 60_000
    assert watch.seconds() == 0
    parsed[0] = 1 << 20
    assert watch.seconds() > 0.2


def test_queue_that_is_told_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel counts a wait for a processor once it is over: what seems too long is looked at again."""
    worker = Worker(monkeypatch, cpu=0, queued=0)
    watch = Stopwatch(worker.used, 2, 1)
    while worker.now < 101.05:
        worker.now += watch()
    worker.queued = 0.01
    for _ in range(10):
        worker.now += watch()
    assert watch.seconds() < 1


@pytest.fixture(params=["control group", "/proc"])
def source_of(request: pytest.FixtureRequest) -> Iterator[Callable[[int], Usage]]:
    """Makes what measures a process."""
    made: list[Usage] = []
    if request.param == "/proc":
        yield lambda pid: ProcessTree(pid, 1 << 40, 32)
        return
    if (groups := ControlGroups.here()) is None:
        pytest.skip("no control groups on this machine")

    def make(pid: int) -> Usage:
        made.append(groups.make(1 << 30, 100, [pid]))
        return made[-1]

    yield make
    for source in made:
        source.remove()


@contextmanager
def on_one_core(source: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs Python when a line comes, on the same core as all others of these."""
    core = min(os.sched_getaffinity(0))
    program = f"import os\nos.sched_setaffinity(0, [{core}])\nprint(flush=True)\ninput()\n{source}\nprint(flush=True)"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def measure(source: str, source_of: Callable[[int], Usage]) -> Spent:
    """What a process takes from a line that is sent to the line that comes back."""
    with on_one_core(source) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        monitor = ResourceMonitor(Limits(), source_of(process.pid), process.kill)
        watch = Stopwatch(monitor.used, 2, 60)
        process.stdin.write(b"\n")
        process.stdin.flush()
        while not select.select([process.stdout], [], [], watch())[0]:
            continue
        took = watch.spent()
        monitor.close()
    return took


@pytest.mark.parametrize("load", [0, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("source", [COMPUTES, SLEEPS, FORKS], ids=["computes", "sleeps", "forks"])
def test_same_on_a_busy_machine(source: str, load: int, source_of: Callable[[int], Usage]) -> None:
    """Half a second of computing or of sleep is half a second, whatever else the processor does."""
    if queued_seconds("self") == 0 and load:
        pytest.skip("this kernel does not tell how long a thread has waited for a processor")
    others = [subprocess.Popen([sys.executable, "-c", f"import os\nos.sched_setaffinity(0, [{core()}])\n{BUSY}"])
              for _ in range(load)]  # fmt: skip
    try:
        took = measure(source, source_of)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert 0.4 < took.seconds < 0.65
    if load and source is not SLEEPS:
        assert took.clock_s > 0.8


def core() -> int:
    """The one on which these tests run."""
    return min(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("controller", "files"),
    [
        ("", {"cpu.stat": "usage_usec 2500000\nuser_usec 1\n", "cgroup.threads": "THREAD\n"}),
        ("cpuacct", {"cpuacct.usage": "2500000000\n", "tasks": "THREAD\n"}),
    ],
    ids=["second form", "first form"],
)
def test_control_groups(tmp_path: Path, controller: str, files: dict[str, str]) -> None:
    """Control groups of either form tell computing and threads."""
    group = ControlGroups.Group({controller: tmp_path / "group"})
    for name, text in files.items():
        (tmp_path / "group" / name).write_text(text.replace("THREAD", str(os.getpid())))
    cpu_s, queued = group.used()
    assert cpu_s == 2.5
    assert list(queued) == [os.getpid()]


def test_odd_name_of_a_process() -> None:
    """A process that calls itself something that is no text is measured like any other."""
    with on_one_core(
        f"{COMPUTES}\nimport ctypes\nctypes.CDLL(None).prctl(15, b'\\xff) 1 (', 0, 0, 0)\ninput()"
    ) as process:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        while b"\xff" not in Path(f"/proc/{process.pid}/comm").read_bytes():
            time.sleep(0.01)
        source = ProcessTree(process.pid, 1 << 40, 32)
        assert source.used()[0] >= 0.4
        assert source.exceeded() == ""


def test_thread_that_has_ended() -> None:
    """What is gone has waited for nothing."""
    assert queued_seconds(2**22 + 1) == 0
