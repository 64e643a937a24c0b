"""The order in which the checks of an assignment run, and in which reports tell them."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.checking import running
from grader.checking.context import Context
from grader.errors import MachineError
from grader.rubric import Assignment
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport

TASKS = [{"id": number, "title": "t", "points": 1, "module": "toy"} for number in "12"]
TOY = {"id": "toy", "title": "t", "course": "c", "due_at": "2022-03-30T00:00:00Z", "modules": ["toy"], "task": TASKS}
HEAD = "from grader.author import check\n\n\n"
CHECK = '@check({})\ndef check_{}():\n    """It is."""\n\n\n'
PUBLIC = ('"2"', "of_two"), ('"1"', "first"), ('"1", after=("check_first",)', "stands_on_it"), ('"1"', "last")
HIDDEN = ('"1"', "hidden"), ('"1", listed_before="check_last"', "between"), ('"1", listed_before="check_last"', "too")


def run(folder: Path, *files: tuple[str, tuple[tuple[str, str], ...]]) -> list[str]:
    """Names of the checks in files of these, without `check_`, as they ran."""
    checks = folder / "solutions" / "toy" / "checks"
    checks.mkdir(parents=True)
    for name, declared in files:
        (checks / name).write_text(HEAD + "".join(CHECK.format(*each) for each in declared))
    nobody = Implementation(("toy",), LocalTransport({}, {}))
    context = Context(Assignment.model_validate(TOY).at(folder), nobody, nobody, (), lambda _one: nobody, "seed")
    running.run_checks(context)
    return [result.name.removeprefix("check_") for result in context.results]


def test_order(tmp_path: Path) -> None:
    """By task, in it by module, public ones first; one says which it stands before; what stands on others is last."""
    found = run(tmp_path, ("check_a.py", HIDDEN), ("public_a.py", PUBLIC), ("check_b.py", (('"1"', "b"),)))
    assert found == ["first", "between", "too", "last", "hidden", "b", "stands_on_it", "of_two"]


def test_before_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A check that is listed before one that its task has not stops the run, and is named."""
    with pytest.raises(MachineError):
        run(tmp_path, ("check_a.py", (('"1", listed_before="check_other"', "lost"),)))
    assert "check_lost is listed before check_other" in capfd.readouterr().err
