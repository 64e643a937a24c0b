"""A submission's time and workers: replaced after a crash, not waited for twice, charged to the slow module."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from typing import Any, cast

import pytest

from grader.errors import Missing, SandboxUnavailable, StudentCrashed, StudentTimeout
from grader.rubric import Limits
from grader.sandbox.calls import Terms
from grader.sandbox.protocol import Array, ChannelClosed, DeadlinePassed, Frame, Header, ProtocolError
from grader.sandbox.student import Implementation
from grader.sandbox.transport import WorkerTransport
from grader.sandbox.worker_pool import WorkerPool

Behaviour = Callable[[Header], Any]


class FakeStopwatch:
    """Shows the time that it is told."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s, self.told_s = limit_s, 0.0

    def seconds(self) -> float:
        """The time."""
        return self.told_s

    def limit_in_words(self) -> str:
        """The limit."""
        return f"{self.limit_s:g} seconds of computing"


class FakeCell:
    """Behaves as told, taking no real time."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.asked: list[Header] = []
        self.stopped = False

    def stopwatch(self, limit_s: float) -> FakeStopwatch:
        """One that stands still."""
        return FakeStopwatch(limit_s)

    def exchange(self, header: Header, _arrays: list[Array], stopwatch: Any, _max_body: int) -> Frame:
        """Answer, or end the way the behaviour ends; "hang" takes the whole time, a number so many seconds."""
        self.asked.append(header)
        answer = self.behave(header)
        if answer == "hang" or (isinstance(answer, int) and answer > stopwatch.limit_s):
            stopwatch.told_s = stopwatch.limit_s
            raise DeadlinePassed
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            stopwatch.told_s, answer = answer, None
        return answer or {"value": None}, []

    def verdict(self) -> None:
        """It met no limit."""

    def stop(self) -> str:
        """Note it, and give what was printed."""
        self.stopped = True
        return "\n".join(f"line {number}" for number in range(20))


class FakePool:
    """Hands out fake workers and remembers them."""

    modules = ("one", "two", "three", "four")

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.workers: list[FakeCell] = []
        self.lasts: list[bool] = []

    def take(self, *, last: bool = False) -> FakeCell:
        """A new worker."""
        self.lasts.append(last)
        self.workers.append(FakeCell(self.behave))
        return self.workers[-1]

    def retire(self, worker: FakeCell) -> None:
        """Stop one."""
        worker.stop()


Build = Callable[[Behaviour], tuple[WorkerTransport, FakePool]]


@pytest.fixture
def build() -> Build:
    """A transport over fake workers that behave as told: 10 s an import, 20 s a call, 100 s in all, 30 s a module."""

    def build(behave: Behaviour) -> tuple[WorkerTransport, FakePool]:
        pool = FakePool(behave)
        limits = Limits(import_s=10, call_s=20, submission_s=100)
        return WorkerTransport(cast(WorkerPool, pool), limits), pool

    return build


def call(transport: WorkerTransport, module: str = "one") -> Frame:
    """Call a function of a module."""
    terms = Terms(f"{module}.f(int64 (3,))", frozenset({module}))
    return transport.exchange({"op": "call", "target": {"module": module, "name": "f"}}, [], terms)


RESET = {"op": "reset", "seed": 0}


def test_import_comes_first_and_once(build: Build) -> None:
    """A module is imported before its first call in a worker, and again in the next worker."""
    transport, pool = build(lambda _header: None)
    for _ in range(2):
        call(transport)
        call(transport)
        transport.renew()
    assert [[header["op"] for header in worker.asked] for worker in pool.workers] == [
        ["import", "call", "call"]
    ] * 2 + [[]]
    assert [worker.stopped for worker in pool.workers] == [True, True, False]


def test_import_that_hangs(build: Build) -> None:
    """A module that hangs at import is waited for once, with advice; another module in a new worker goes on."""
    transport, pool = build(lambda header: "hang" if header.get("module") == "one" else None)
    for _ in range(3):
        with pytest.raises(StudentTimeout, match="stopped after 10 seconds") as timeout:
            call(transport)
        assert "__main__" in timeout.value.help
    assert len(pool.workers) == 1
    call(transport, "two")
    assert len(pool.workers) == 2


def test_import_that_crashes(build: Build) -> None:
    """A module whose import ends the process is tried once."""
    transport, pool = build(lambda header: ChannelClosed("gone") if header.get("module") == "one" else None)
    for _ in range(3):
        with pytest.raises(StudentCrashed, match="ended before it answered") as crash:
            call(transport)
        assert crash.value.got.endswith("line 18\nline 19")
        assert "line 11" not in crash.value.got
    assert len(pool.workers) == 1


def test_import_beside_another_module(build: Build) -> None:
    """A module whose import fails where another's code runs too is given a worker of its own before it is given up."""
    crashes = [ChannelClosed("gone")]

    def behave(header: Header) -> Any:
        return crashes.pop() if header.get("module") == "two" and crashes else None

    transport, pool = build(behave)
    call(transport, "one")
    with pytest.raises(StudentCrashed):
        call(transport, "two")
    call(transport, "two")
    assert len(pool.workers) == 2


def test_import_that_raises(build: Build) -> None:
    """An import that raised is answered by the call itself, which imports again."""
    transport, pool = build(lambda _header: {"error": {"type": "ValueError"}})
    reply, _ = call(transport)
    assert reply["error"]["type"] == "ValueError"
    assert [header["op"] for header in pool.workers[0].asked] == ["import", "call"]


def test_missing_module(build: Build) -> None:
    """A module that the zip does not hold is missing, at no cost."""
    transport, pool = build(lambda _header: {"missing": "one.py"})
    with pytest.raises(Missing, match=r"no `one\.py`"):
        call(transport)
    assert not pool.workers[0].stopped


@pytest.mark.parametrize(
    ("end", "kind"),
    [("hang", StudentTimeout), (ChannelClosed("gone"), StudentCrashed), (ProtocolError("nonsense"), StudentCrashed)],
)
def test_call_that_ends_the_cell(build: Build, end: Any, kind: type[Exception]) -> None:
    """After a call that hangs, dies or answers nonsense the worker is stopped, and the next call has a new one."""
    ends = [end]
    transport, pool = build(lambda header: ends.pop() if header["op"] == "call" and ends else None)
    with pytest.raises(kind) as stopped:
        call(transport)
    assert not re.search("gone|nonsense|connection|frame", str(stopped.value))  # no word of the protocol
    call(transport)
    assert [worker.stopped for worker in pool.workers] == [True, False]


def test_crash_in_the_last_task(build: Build) -> None:
    """A worker in the place of one that died is the last one where that was."""
    ends = [ChannelClosed("gone")]
    transport, pool = build(lambda header: ends.pop() if header["op"] == "call" and ends else None)
    transport.renew()
    transport.renew(last=True)
    with pytest.raises(StudentCrashed):
        call(transport)
    call(transport)
    assert pool.lasts == [False, True, True]


def test_surprise_ends_the_cell(build: Build) -> None:
    """Where anything unforeseen interrupts an exchange, the worker is not asked again."""
    ends: list[Exception] = [ValueError("ours")]
    transport, pool = build(lambda header: ends.pop() if header["op"] == "call" and ends else None)
    with pytest.raises(ValueError, match="ours"):
        call(transport)
    assert pool.workers[0].stopped


def is_call(header: Header, module: str) -> bool:
    """Whether a request is a call of this module's."""
    return bool(header["op"] == "call" and header["target"].get("module") == module)


def test_module_that_is_used_up(build: Build) -> None:
    """A module that has used up its seconds is stopped, not called again, and told of in both; others go on."""
    transport, pool = build(lambda header: "hang" if is_call(header, "one") else None)
    with pytest.raises(StudentTimeout, match=r"The call was stopped after 20 seconds of computing\."):
        call(transport)
    with pytest.raises(StudentTimeout) as cut:
        call(transport)
    assert cut.value.message == "`one` had used up its 30 seconds of computing and waiting; this call was stopped."
    assert cut.value.got == "Most went to one.f (2 times, 30 seconds)."
    with pytest.raises(StudentTimeout, match=r"`one` had used up its 30 seconds .*; this call was not made\."):
        call(transport)
    call(transport, "two")
    assert len(pool.workers) == 3


def test_import_beyond_the_seconds(build: Build) -> None:
    """An import is not blamed where what was called before it has used up the seconds."""
    imports = [None, 9]
    transport, _ = build(lambda header: imports.pop(0) if header["op"] == "import" else 25 if imports else None)
    transport._limits = Limits(import_s=10, call_s=40, submission_s=100)
    call(transport)
    transport.renew()
    with pytest.raises(StudentTimeout, match=r"`one` had used up its 30 seconds .*; this call was stopped\.") as cut:
        call(transport)
    assert "one.f (once, 25 seconds), import one" in cut.value.got
    assert "__main__" not in cut.value.help


def makes_objects(header: Header) -> Any:
    """Every call that is to keep its result makes an object; a call of an object takes 12 seconds."""
    if "object" in header.get("target", {}):
        return 12
    return {"value": {"$": "object", "id": 7, "type": "Net"}} if header.get("keep") else None


def test_objects_are_their_makers(build: Build) -> None:
    """A call of an object is charged to the module that made it, whichever module was called last."""
    transport, _ = build(makes_objects)
    who = Implementation(FakePool.modules, transport)
    net = who.one.Net.with_options(keep=True)()
    for _ in range(2):
        who.two.f()
        net(0)
    with pytest.raises(StudentTimeout, match="`one` had used up its 30 seconds") as cut:
        net(0)
    assert cut.value.called == "one.Net()(0)"
    assert cut.value.got.startswith("Most went to one.Net (4 times, 30 seconds).")
    who.two.f()
    with pytest.raises(StudentTimeout, match="`one`"):
        who.two.f(net)


def test_seconds_that_were_charged(build: Build) -> None:
    """An implementation knows what its answers were charged, whatever the process says of it."""
    who = Implementation(("one",), build(lambda _header: {"value": None, "charged_s": 99.0})[0])
    who.one.f()
    assert who.charged_s == 0
    slow = Implementation(("one",), build(lambda _header: 3)[0])
    slow.one.f()
    assert slow.charged_s == 3  # the call's; the import is no answer


def test_calls_of_several_modules(build: Build) -> None:
    """What a function of one module takes with an object of another is charged to the two together, and to neither."""
    transport, _ = build(lambda header: 15 if header.get("args") else makes_objects(header))
    who = Implementation(FakePool.modules, transport)
    net = who.one.Net.with_options(keep=True)()
    who.two.train(net)
    with pytest.raises(StudentTimeout, match="`one` and `two` had used up their common 15 seconds"):
        who.two.train([{"net": net}])
    who.two.f()
    who.one.f()
    with pytest.raises(StudentTimeout, match="`one` and `two`"):
        who.two.train(net)


def test_requests_of_no_module(build: Build) -> None:
    """What runs no code of theirs by name is charged to the modules that this worker has imported."""
    transport, _ = build(lambda header: 20 if header["op"] == "make" else None)
    call(transport)
    for _ in range(2):
        with contextlib.suppress(StudentTimeout):
            transport.exchange({"op": "make", "recipe": None}, [], Terms("torch.ones"))
    with pytest.raises(StudentTimeout, match="`one` had used up its 30 seconds"):
        call(transport)
    call(transport, "two")


@pytest.mark.parametrize("end", ["hang", ChannelClosed("gone"), {"error": {"type": "ValueError"}}])
def test_clearing_up_costs_no_check(build: Build, end: Any) -> None:
    """A worker that can't forget what a check has left is replaced, and the next check goes on."""
    transport, pool = build(lambda header: end if header["op"] == "reset" and len(pool.workers) == 1 else None)
    call(transport)
    transport.exchange(RESET, [], Terms("reset"))
    call(transport, "two")
    assert [[header["op"] for header in worker.asked] for worker in pool.workers] == [
        ["import", "call", "reset"], ["reset", "import", "call"]
    ]  # fmt: skip


def test_clearing_up_after_a_used_up_module(build: Build) -> None:
    """A module whose seconds are used up is not asked to clear up: there is a new worker."""
    transport, pool = build(lambda header: 19 if is_call(header, "one") else None)
    for _ in range(2):
        with contextlib.suppress(StudentTimeout):
            call(transport)
    transport.exchange(RESET, [], Terms("reset"))
    call(transport, "two")
    assert pool.workers[-1].asked[0] == RESET


def test_new_cell_that_does_not_answer(build: Build) -> None:
    """A worker in which no code of the student's has run and that does not answer is the machine's fault."""
    transport, pool = build(lambda _header: ChannelClosed("gone"))
    with pytest.raises(SandboxUnavailable, match="gone"):
        transport.exchange(RESET, [], Terms("reset"))
    assert pool.workers[0].stopped


def test_drop_without_a_cell(build: Build) -> None:
    """Dropping where no worker was started gives no output."""
    transport, pool = build(lambda _header: None)
    assert transport.drop() == ""
    assert pool.workers == []
