"""How checks end, and when a known mistake is named: on a toy assignment whose implementations run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from grader.checking import diagnosis, running
from grader.checking.agreement import same_changes, same_exchange, same_value
from grader.checking.context import Context
from grader.packages import checks_folder
from grader.records import CheckResult, Outcome
from grader.rubric import Assignment
from grader.sandbox.record import Exchange, NoAnswer
from grader.sandbox.student import Handle, Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import Variation

CHECKS = '''
import numpy as np
from grader.checking.compare import compare, expect, numbers
from grader.checking.declare import check


@check("1", help="Think of the mean.")
def check_mean(student, oracle, rng):
    """The mean is right."""
    compare(student.stats.mean, oracle.stats.mean, rng.normal(size=20) + 3)


@check("1", after=("check_mean",))
def check_mean_of_one(student):
    """The mean of one number is that number."""
    expect(float(student.stats.mean(np.array([4.0]))) == 4, "It is not.")


@check("2")
def check_spread_of_three(student):
    """The spread of three numbers is right."""
    expect(bool(abs(student.stats.spread(np.array([1.0, 2, 6])) - np.std([1, 2, 6])) < 1e-6), "It is not.")


@check("2", help="Think of the first day.")
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
def run(tmp_path_factory: pytest.TempPathFactory) -> Function:
    """Runs the toy's checks against functions of a student: name of a check -> result."""
    tasks = [{"id": number, "title": "t", "points": 1, "module": "stats"} for number in "1234"]
    fields = {"id": "toy", "title": "Toy", "course": "c", "due_at": "2022-03-30T00:00:00Z", "modules": ["stats"]}
    assignment = Assignment.model_validate(fields | {"task": tasks}).at(tmp_path_factory.mktemp("project"))
    checks_folder(assignment).mkdir(parents=True)
    (checks_folder(assignment) / "check_stats.py").write_text(CHECKS)

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
            running.run_checks(context)
        finally:
            for name in set(sys.modules) - before:
                if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(assignment.root):
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


def variance_of(count: int) -> Function:
    """A spread that is the variance of so many numbers, and right for others."""
    return lambda values: np.var(values) if len(values) == count else np.std(values)


def test_check_that_must_catch_it_passes_later(run: Function) -> None:
    """A mistake is not named if the check that must catch it passes, though that check runs later."""
    results = run(VARIANCE, spread=variance_of(3))
    assert results["check_second"].outcome is Outcome.PASSED
    assert (results["check_spread_of_three"].outcome, results["check_spread_of_three"].mistake) == (
        Outcome.FAILED,
        None,
    )
    assert run(VARIANCE, spread=np.var)["check_spread_of_three"].mistake == "stats.variance"


def test_other_check_passes_that_should_not(run: Function) -> None:
    """A mistake is not named if a check passes that it would fail, though the check that must catch it fails."""
    results = run(VARIANCE, spread=variance_of(5))
    assert results["check_spread_of_three"].outcome is Outcome.PASSED
    assert (results["check_second"].outcome, results["check_second"].mistake) == (Outcome.FAILED, None)


def test_one_mistake_for_all_checks(run: Function) -> None:
    """Of mistakes that explain one check, only the one is named that explains the other failed check as well."""
    of_three = known("spread", "variance_of_three", "check_spread_of_three", variance_of(3))
    results = run(of_three, VARIANCE, spread=np.var)
    assert results["check_spread_of_three"].mistakes == results["check_second"].mistakes == ("stats.variance",)
    assert run(of_three, VARIANCE, spread=variance_of(3))["check_spread_of_three"].mistake == of_three.id


def test_three_alternatives(run: Function) -> None:
    """Of three mistakes that give the same answer none is named: what would be said is no help."""
    third = known("mean", "totals", "check_mean", lambda values: np.sum(values) + 0.0)
    result = run(SUM_AGAIN, SUM, third, mean=lambda values: np.sum(values))["check_mean"]
    assert (result.mistake, result.mistakes, result.help) == (None, (), "Think of the mean.")


def test_diagnosis_that_fails(run: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict stands without a diagnosis where that fails for a reason of ours."""

    def fails(*_arguments: Any) -> Any:
        raise OSError("ours")

    monkeypatch.setattr(diagnosis, "diagnose", fails)
    result = run(SUM, mean=lambda values: np.sum(values))["check_mean"]
    assert (result.outcome, result.mistake, result.help) == (Outcome.FAILED, None, "Think of the mean.")


def test_answer_of_another_kind(run: Function) -> None:
    """Where the check trips over an answer, the answer is told, not the check's exception, and no advice is given."""
    result = run(table=lambda: None)["check_table"]
    assert (result.outcome, result.got, result.help) == (Outcome.FAILED, "None", "")
    assert result.called == "stats.table()"


def test_both_wrong(run: Function) -> None:
    """Two mistakes in one check, each right where the other is wrong: neither explains all answers."""
    result = run(SUM, VARIANCE, mean=np.sum, spread=np.var)["check_second"]
    assert (result.outcome, result.mistake) == (Outcome.FAILED, None)


def test_same_exception(run: Function) -> None:
    """A mistake that raises is named when the student's code raises the same."""
    result = run(SUM, RAISES, mean=lambda values: 5 // 0)["check_mean"]
    assert (result.outcome, result.mistake) == (Outcome.ERROR, "stats.divides")
    assert run(RAISES, mean=lambda values: [][1])["check_mean"].mistake is None


def test_exception_of_another_place(run: Function) -> None:
    """An exception with the type and the words of a mistake's is not explained by it if another function raised it."""
    inverse = known("mean", "inverts", "check_mean", lambda values: np.linalg.inv(np.ones((2, 3))))
    with pytest.raises(np.linalg.LinAlgError) as raised:
        inverse.replacement([])
    said = str(raised.value)

    def raises(_values: Any) -> Any:
        raise np.linalg.LinAlgError(said)

    assert run(inverse, mean=lambda values: np.linalg.inv(np.ones((2, 3))))["check_mean"].mistake == inverse.id
    assert run(inverse, mean=raises)["check_mean"].mistake is None


def raised(text: str, kind: str = "RuntimeError", library: str = "") -> NoAnswer:
    """How an exception is recorded."""
    return NoAnswer("error", kind, text, library)


@pytest.mark.parametrize(
    ("of_mistake", "of_student", "same"),
    [
        (raised("shape '[-1, 8]' is invalid"), raised("shape '[-1, 8]' is invalid"), True),
        (raised("shape '[-1, 8]' is invalid"), raised("shape '[3, 2, 8]' is invalid"), True),
        (raised("shape '[-1, 8]' is invalid"), raised("shape '[-1, 9]' is invalid"), False),
        (raised("no (12x6 and 4x6)"), raised("no (4x6 and 12x6)"), True),
        (raised("no (12x6 and 4x6)"), raised("no (12x6 and 4x7)"), False),
        (raised("<Net at 0x7f0011aa22>"), raised("<Net at 0x7f9988bb77>"), True),
        (raised("one"), raised("another"), False),
        (raised("one"), raised("one", kind="ValueError"), False),
        (raised("one", library="torch/nn/functional.py: linear"), raised("one"), False),
        (raised("one", library="a.py: f"), raised("one", library="a.py: f"), True),
        (raised("one"), NoAnswer("timeout"), False),
        (NoAnswer("timeout"), NoAnswer("timeout"), True),
    ],
)
def test_same_exception_in_words(of_mistake: NoAnswer, of_student: NoAnswer, same: bool) -> None:
    """Type, place, wording and the mistake's numbers decide; shapes may be longer and in another order."""
    assert same_exchange(Exchange("a.f(1)", of_mistake), Exchange("a.f(1)", of_student)) is same


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
    assert [name for name in results if name != "check_spread_of_three"] == [
        "check_mean", "check_mean_of_one", "check_table", "check_broken", "check_second",
    ]  # fmt: skip
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


HANDLE, OTHER, NOTHING, TUPLE = (
    Handle(implement(), number, kind) for number, kind in enumerate(("Linear", "Sequential", "NoneType", "tuple"))
)


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
        (NOTHING, NOTHING, True),
        (NOTHING, TUPLE, False),
        (NOTHING, HANDLE, False),
        ([HANDLE, TUPLE], [OTHER, TUPLE], True),
        (None, None, True),
        (None, 0, False),
        ("a", "a", True),
        ("a", np.array([1]), False),
        (np.array([1]), ("a", "b"), False),
    ],
)
def test_same_value(one: Any, other: Any, same: bool) -> None:
    """Numbers agree nearly, whole numbers and text exactly, networks always, whichever comes first."""
    assert same_value(one, other) is same_value(other, one) is same


START = np.linspace(-8, 8, 50)  # weights that hardly move
STEP = np.sin(np.arange(50.0))


def trained(after: Any, *, given: bool = False) -> list[Exchange]:
    """A network's weights as they are asked before and after training, or given before and asked after."""
    if given:
        return [Exchange("net.load_state_dict()", None, (START,)), Exchange("net.state_dict()", {"w": after})]
    return [Exchange("net.state_dict()", {"w": START}), Exchange("net.state_dict()", {"w": after})]


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(
    ("of_mistake", "of_student", "same"),
    [
        (START, START, True),
        (START, START + 1e-9 * STEP, False),
        (START + 1e-9 * STEP, START, False),
        (START + 1e-3 * STEP, START + 1.001e-3 * STEP, True),
        (START + 1e-2 * STEP, START + 1.05e-2 * STEP, False),
        (START + 1e-2 * STEP, START + 1.005e-2 * STEP, True),
    ],
)
def test_changes_are_compared(of_mistake: Any, of_student: Any, same: bool, given: bool) -> None:
    """What was added to the weights must agree, not only the weights; what never moved must never have moved."""
    ours, theirs, right = (trained(after, given=given) for after in (of_mistake, of_student, START + STEP))
    assert all(map(same_exchange, ours, theirs))
    assert same_changes(ours, theirs, right) is same


@pytest.mark.parametrize(
    ("of_mistake", "of_student", "same"), [(2.3030, 2.3030, True), (2.3030, 2.30295, False), (2.0, 2.00015, True)]
)
def test_distance_from_what_is_right(of_mistake: float, of_student: float, same: bool) -> None:
    """A number near the right one, as a loss near log 10 is, must be as far from it as the mistake's."""
    ours, theirs, right = ([Exchange("a.f()", (value, 1))] for value in (of_mistake, of_student, 2.302585))
    assert all(map(same_exchange, ours, theirs))
    assert same_changes(ours, theirs, right) is same


@pytest.mark.parametrize(
    "right", [[], [Exchange("a.g()", 1.0)], [Exchange("a.f()", "text")], [Exchange("a.f()", [1.0, 2.0])]]
)
def test_right_answers_of_another_form(right: list[Exchange]) -> None:
    """Where the solution's answers can't be compared, the two answers alone decide."""
    assert same_changes([Exchange("a.f()", 1.0)], [Exchange("a.f()", 1.00005)], right)
