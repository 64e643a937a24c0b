"""How a submission's time and cells are kept: replaced after a crash, not waited for twice, a share for each module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from grader.errors import Missing, StudentCrashed, StudentTimeout
from grader.rubric import Limits
from grader.sandbox import transport as transport_module
from grader.sandbox.jail import Jail
from grader.sandbox.protocol import Array, ChannelClosed, DeadlinePassed, Frame, Header, ProtocolError
from grader.sandbox.transport import CellTransport

Behaviour = Callable[[Header, float], Any]


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        """The time."""
        return self.now


class FakeCell:
    """Behaves as told, taking no real time."""

    def __init__(self, behave: Behaviour, clock: Clock) -> None:
        self.behave, self.clock = behave, clock
        self.asked: list[Header] = []
        self.stopped = False

    def exchange(self, header: Header, _arrays: list[Array], timeout_s: float, _max_body: int) -> Frame:
        """Answer, or end the way the behaviour ends; "hang" lets the whole time pass."""
        self.asked.append(header)
        answer = self.behave(header, timeout_s)
        if answer == "hang":
            self.clock.now += timeout_s
            raise DeadlinePassed
        if isinstance(answer, Exception):
            raise answer
        return answer or {"value": None}, []

    def verdict(self) -> None:
        """It met no limit."""

    def stop(self) -> str:
        """Note it, and give what was printed."""
        self.stopped = True
        return "\n".join(f"line {number}" for number in range(20))


class FakeJail:
    """Hands out fake cells and remembers them."""

    modules = ("one", "two", "three", "four")

    def __init__(self, behave: Behaviour, clock: Clock) -> None:
        self.behave, self.clock = behave, clock
        self.cells: list[FakeCell] = []
        self.lasts: list[bool] = []

    def take(self, *, last: bool = False) -> FakeCell:
        """A new cell."""
        self.lasts.append(last)
        self.cells.append(FakeCell(self.behave, self.clock))
        return self.cells[-1]

    def retire(self, cell: FakeCell) -> None:
        """Stop one."""
        cell.stop()


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Callable[[Behaviour], tuple[CellTransport, FakeJail]]:
    """A transport over fake cells that behave as told: 10 s an import, 20 s a call, 25 s a module."""
    clock = Clock()
    monkeypatch.setattr(transport_module, "time", clock)

    def build(behave: Behaviour) -> tuple[CellTransport, FakeJail]:
        jail = FakeJail(behave, clock)
        limits = Limits(import_s=10, call_s=20, submission_s=100)
        return CellTransport(cast(Jail, jail), limits), jail

    return build


Build = Callable[[Behaviour], tuple[CellTransport, FakeJail]]


def call(transport: CellTransport, module: str = "one") -> Frame:
    """Call a function of a module."""
    return transport.exchange({"op": "call", "target": {"module": module, "name": "f"}}, [], None, 1000)


def test_import_comes_first_and_once(build: Build) -> None:
    """A module is imported before its first call in a cell, and again in the next cell."""
    transport, jail = build(lambda _header, _s: None)
    for _ in range(2):
        call(transport)
        call(transport)
        transport.renew()
    assert [[header["op"] for header in cell.asked] for cell in jail.cells] == [["import", "call", "call"]] * 2 + [[]]
    assert [cell.stopped for cell in jail.cells] == [True, True, False]


def test_import_that_hangs(build: Build) -> None:
    """A module that hangs at import is waited for once, with advice; another module in a new cell goes on."""
    transport, jail = build(lambda header, _s: "hang" if header.get("module") == "one" else None)
    for _ in range(3):
        with pytest.raises(StudentTimeout, match="stopped after 10 seconds") as timeout:
            call(transport)
        assert "__main__" in timeout.value.help
    assert len(jail.cells) == 1
    call(transport, "two")
    assert len(jail.cells) == 2


def test_import_that_crashes(build: Build) -> None:
    """A module whose import ends the process is tried once."""
    transport, jail = build(lambda header, _s: ChannelClosed("gone") if header.get("module") == "one" else None)
    for _ in range(3):
        with pytest.raises(StudentCrashed, match="gone") as crash:
            call(transport)
        assert crash.value.got.endswith("line 18\nline 19")
        assert "line 11" not in crash.value.got
    assert len(jail.cells) == 1


def test_import_beside_another_module(build: Build) -> None:
    """A module whose import fails where another's code runs too is given a cell of its own before it is given up."""
    crashes = [ChannelClosed("gone")]

    def behave(header: Header, _s: float) -> Any:
        return crashes.pop() if header.get("module") == "two" and crashes else None

    transport, jail = build(behave)
    call(transport, "one")
    with pytest.raises(StudentCrashed):
        call(transport, "two")
    call(transport, "two")
    assert len(jail.cells) == 2


def test_import_that_raises(build: Build) -> None:
    """An import that raised is answered by the call itself, which imports again."""
    transport, jail = build(lambda _header, _s: {"error": {"type": "ValueError"}})
    reply, _ = call(transport)
    assert reply["error"]["type"] == "ValueError"
    assert [header["op"] for header in jail.cells[0].asked] == ["import", "call"]


def test_missing_module(build: Build) -> None:
    """A module that the zip does not hold is missing, at no cost."""
    transport, jail = build(lambda _header, _s: {"missing": "one.py"})
    with pytest.raises(Missing, match=r"no `one\.py`"):
        call(transport)
    assert not jail.cells[0].stopped


@pytest.mark.parametrize(
    ("end", "kind"),
    [("hang", StudentTimeout), (ChannelClosed("gone"), StudentCrashed), (ProtocolError("nonsense"), StudentCrashed)],
)
def test_call_that_ends_the_cell(build: Build, end: Any, kind: type[Exception]) -> None:
    """After a call that hangs, dies or answers nonsense the cell is stopped, and the next call has a new one."""
    ends = [end]
    transport, jail = build(lambda header, _s: ends.pop() if header["op"] == "call" and ends else None)
    with pytest.raises(kind):
        call(transport)
    call(transport)
    assert [cell.stopped for cell in jail.cells] == [True, False]


def test_crash_in_the_last_task(build: Build) -> None:
    """A cell in the place of one that died is the last one where that was."""
    ends = [ChannelClosed("gone")]
    transport, jail = build(lambda header, _s: ends.pop() if header["op"] == "call" and ends else None)
    transport.renew()
    transport.renew(last=True)
    with pytest.raises(StudentCrashed):
        call(transport)
    call(transport)
    assert jail.lasts == [False, True, True]


def test_surprise_ends_the_cell(build: Build) -> None:
    """Where anything unforeseen interrupts an exchange, the cell is not asked again."""
    ends: list[Exception] = [ValueError("ours")]
    transport, jail = build(lambda header, _s: ends.pop() if header["op"] == "call" and ends else None)
    with pytest.raises(ValueError, match="ours"):
        call(transport)
    assert jail.cells[0].stopped


def test_share_of_a_module(build: Build) -> None:
    """A module that hangs uses up what is not reserved for the others; handles' calls count as its."""
    transport, jail = build(lambda header, _s: "hang" if "object" in header.get("target", {}) else None)
    for seconds in (20, 20, 20, 10):
        call(transport)
        with pytest.raises(StudentTimeout, match=f"stopped after {seconds} seconds"):
            transport.exchange({"op": "call", "target": {"object": 1}}, [], None, 1000)
    with pytest.raises(StudentTimeout, match=r"`one\.py` has used up its 70 seconds"):
        call(transport)
    call(transport, "two")
    assert len(jail.cells) == 5


def test_drop_without_a_cell(build: Build) -> None:
    """Dropping where no cell was started gives no output."""
    transport, jail = build(lambda _header, _s: None)
    assert transport.drop() == ""
    assert jail.cells == []
