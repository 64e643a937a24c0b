"""How checks end, and when a known mistake is named: on a toy assignment whose implementations run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from grader import runner
from grader.checks.agreement import same_value
from grader.checks.context import Context
from grader.records import CheckResult, Outcome
from grader.rubric import Assignment
from grader.sandbox.student import Handle, Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import Variation

CHECKS = '''
import numpy as np
from grader.checks.compare import compare, expect, numbers
from grader.checks.declare import check


@check("1", help="Think of the mean.")
def check_mean(student, oracle, rng):
    """The mean is right."""
    compare(student.stats.mean, oracle.stats.mean, rng.normal(size=20) + 3)


@check("1", after=("check_mean",))
def check_mean_of_one(student):
    """The mean of one number is that number."""
    expect(float(student.stats.mean(np.array([4.0]))) == 4, "It is not.")


@check("2")
def check_table(student):
    """The table has a row for the first day."""
    expect(student.stats.table()["first"] == 1, "It has not.")


@check("3")
def check_broken(student):
    """This check divides by zero, whoever is asked."""
    student.stats.mean(np.ones(3))
    1 / 0


@check("4")
def check_second(student, rng):
    """Two calls in a row are right."""
    values = rng.normal(size=5)
    expect(numbers(student.stats.mean(values)).size == 1, "The first is wrong.")
    expect(bool(abs(student.stats.spread(values) - values.std()) < 1e-6), "The second is wrong.")
'''

Function = Callable[..., Any]


RIGHT: dict[str, Function] = {
    "mean": lambda values: np.asarray(values).mean(),
    "spread": lambda values: np.asarray(values).std(),
    "table": lambda: {"first": 1},
}


def todo(*_arguments: Any) -> Any:
    """An untouched stub."""
    raise NotImplementedError


def known(target: str, name: str, check: str, function: Function) -> Variation:
    """A known mistake."""
    return Variation(f"stats.{target}", f"stats.{name}", check, f"You wrote {name}.", function)


SUM = known("mean", "sums", "check_mean", lambda values: np.asarray(values).sum())
SUM_AGAIN = known("mean", "adds_up", "check_mean", lambda values: float(sum(values)))
MEDIAN = known("mean", "median", "check_mean", lambda values: float(np.median(values)))
# As right as the mean: a variation that no check can tell from the solution must never be named.
HARMLESS = known("mean", "harmless", "check_mean", lambda values: np.asarray(values).sum() / np.size(values))
RAISES = known("mean", "divides", "check_mean", lambda values: 1 // 0)
VARIANCE = known("spread", "variance", "check_second", lambda values: np.asarray(values).var())


def implement(**functions: Function) -> Implementation:
    """The right functions, some of them replaced."""
    module = ModuleType("stats")
    vars(module).update(RIGHT | functions)
    return Implementation(("stats",), LocalTransport({"stats": module}, {}))


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Function:
    """Runs the toy's checks against functions of a student: name of a check -> result."""
    folder = tmp_path_factory.mktemp("checks")
    (folder / "toy").mkdir()
    (folder / "toy" / "check_stats.py").write_text(CHECKS)
    (folder / "conftest.py").write_text("from grader.checks.conftest import *\n")
    (folder / "pytest.ini").write_text((runner.CHECKS / "pytest.ini").read_text())
    monkeypatch.setattr(runner, "CHECKS", folder)
    tasks = [{"id": number, "title": "t", "points": 1, "module": "stats"} for number in "1234"]
    fields = {"id": "toy", "title": "Toy", "course": "c", "due_at": "2022-03-30T00:00:00Z", "modules": ["stats"]}
    assignment = Assignment.model_validate(fields | {"task": tasks})

    def run_checks(*mistakes: Variation, **functions: Function) -> dict[str, CheckResult]:
        context = Context(
            assignment=assignment,
            student=implement(**functions),
            oracle=implement(),
            mistakes=mistakes,
            implement=lambda mistake: implement(**{mistake.name: mistake.replacement}),
            seed="toy",
        )
        before = set(sys.modules)
        try:
            runner.run_checks(context)
        finally:
            for name in set(sys.modules) - before:
                if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(folder):
                    del sys.modules[name]
        return {result.name: result for result in context.results}

    return run_checks


def test_right(run: Function) -> None:
    """The right answer passes, and no mistake is named, not even one that is no mistake at all."""
    result = run(SUM, HARMLESS)["check_mean"]
    assert (result.outcome, result.mistakes) == (Outcome.PASSED, ())


def test_named(run: Function) -> None:
    """A mistake is named when its answer is the student's; its help stands in place of the check's."""
    result = run(MEDIAN, SUM, HARMLESS, RAISES, mean=lambda values: float(np.sum(values)))["check_mean"]
    assert (result.outcome, result.mistake, result.mistakes) == (Outcome.FAILED, "stats.sums", ("stats.sums",))
    assert result.help == "You wrote sums."


def test_unknown(run: Function) -> None:
    """A wrong answer that no mistake gives names none, and keeps the check's own help."""
    result = run(SUM, MEDIAN, HARMLESS, RAISES, mean=lambda values: values[0])["check_mean"]
    assert (result.outcome, result.mistake, result.help) == (Outcome.FAILED, None, "Think of the mean.")


def test_indistinguishable(run: Function) -> None:
    """Two mistakes that give the same answer are both listed, in the order they are declared."""
    result = run(SUM_AGAIN, MEDIAN, SUM, mean=lambda values: np.sum(values))["check_mean"]
    assert result.mistakes == ("stats.adds_up", "stats.sums")
    assert result.mistake == "stats.adds_up"
    assert result.help == "Two known mistakes lead to this result. Either: You wrote adds_up. Or: You wrote sums."


def test_failing_is_not_enough(run: Function) -> None:
    """A mistake whose answers match up to where the student went on right is not named."""
    result = run(VARIANCE, spread=lambda values: 3 * np.std(values))["check_second"]
    assert (result.outcome, result.mistake) == (Outcome.FAILED, None)


def test_later_call(run: Function) -> None:
    """A mistake in the second of two functions is named, when the first answer was right."""
    assert run(SUM, VARIANCE, spread=np.var)["check_second"].mistake == "stats.variance"


def test_both_wrong(run: Function) -> None:
    """Two mistakes in one check, each right where the other is wrong: neither explains all answers."""
    result = run(SUM, VARIANCE, mean=np.sum, spread=np.var)["check_second"]
    assert (result.outcome, result.mistake) == (Outcome.FAILED, None)


def test_same_exception(run: Function) -> None:
    """A mistake that raises is named when the student's code raises the same."""
    result = run(SUM, RAISES, mean=lambda values: 5 // 0)["check_mean"]
    assert (result.outcome, result.mistake) == (Outcome.ERROR, "stats.divides")
    assert run(RAISES, mean=lambda values: [][1])["check_mean"].mistake is None


def test_untouched_stub(run: Function) -> None:
    """An untouched TODO is nobody's mistake, even where a mistake would raise the same."""
    result = run(known("mean", "todo", "check_mean", todo), mean=todo)["check_mean"]
    assert (result.outcome, result.mistake) == (Outcome.ERROR, None)


WEIRD: list[Any] = [None, "text", [], {}, {"second": 1}, 3, [1, [2]], np.zeros(3), object(), len, "a" * 10_000, 10**30]


@pytest.mark.parametrize("answer", WEIRD, ids=lambda answer: type(answer).__name__)
def test_weird_answers(run: Function, answer: Any) -> None:
    """Whatever a student's function returns, its check ends as failed: never internal, and never without a result."""

    def weird(*_arguments: Any) -> Any:
        return answer

    results = run(SUM, MEDIAN, VARIANCE, mean=weird, table=weird)
    assert list(results) == ["check_mean", "check_mean_of_one", "check_table", "check_broken", "check_second"]
    assert results["check_mean"].outcome is results["check_table"].outcome is Outcome.FAILED
    assert run(SUM, VARIANCE, spread=weird)["check_second"].outcome is Outcome.FAILED


def test_exception_in_the_check(run: Function) -> None:
    """An exception that the solutions set off as well is ours, and withholds the task; no student can cause it."""
    for mean in (RIGHT["mean"], np.sum, lambda values: None):
        assert run(SUM, mean=mean)["check_broken"].outcome is Outcome.INTERNAL


def test_skipped(run: Function) -> None:
    """A check that stands on one that did not pass is skipped; otherwise it is run."""
    assert run(mean=np.sum)["check_mean_of_one"].outcome is Outcome.SKIPPED
    assert run(mean=todo)["check_mean_of_one"].outcome is Outcome.SKIPPED
    assert run()["check_mean_of_one"].outcome is Outcome.PASSED


HANDLE, OTHER = Handle(implement(), 1, "Linear"), Handle(implement(), 2, "Sequential")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1.0, 1, True),
        (1.0, 1.00001, True),
        (1, 2, False),
        (1.0, 1.001, False),
        (np.float32(1e-9), 0.0, True),
        (np.array([1, 2]), np.array([[1, 2]]), True),
        (np.array([1, 2]), np.array([1, 2, 3]), False),
        (np.array([np.nan, 1]), np.array([np.nan, 1]), True),
        (np.array([np.inf, 1]), np.array([-np.inf, 1]), False),
        (np.array([200], np.uint8), np.array([201], np.uint8), False),
        (np.ones(1), np.ones(1000), False),
        ([1, np.ones(2)], (1, np.ones(2)), True),
        ([1], [1, 2], False),
        ({"a": np.ones(2)}, {"a": np.ones(2)}, True),
        ({"a": 1}, {"b": 1}, False),
        (HANDLE, OTHER, True),
        (HANDLE, 1, False),
        (None, None, True),
        (None, 0, False),
        ("a", "a", True),
        ("a", np.array([1]), False),
        (np.array([1]), ("a", "b"), False),
    ],
)
def test_same_value(one: Any, other: Any, same: bool) -> None:
    """Numbers agree nearly, whole numbers and text exactly, objects always, whichever comes first."""
    assert same_value(one, other) is same_value(other, one) is same
