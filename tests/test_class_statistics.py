"""The numbers of a class, against values known by construction and against numpy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from sample_class_page import fault, row

from grader.course.class_report.statistics import (
    correlation,
    distribution,
    late_days,
    mistakes,
    one_each,
    run_times,
    task_numbers,
    unnamed,
)
from grader.course.records import Row
from grader.records import Outcome
from grader.rubric import Task


def tasks(*ids: str) -> list[Task]:
    """Tasks of two points each."""
    return [Task(id=each, title=each, points=2, module="") for each in ids]


def test_distribution_by_hand() -> None:
    """Mean, median and quartiles are those of the shares; each tenth begins at its lower bound."""
    found = distribution([row(str(i), score=score, max_score=10) for i, score in enumerate((0, 3, 6, 9, 10, 10.5))])
    assert found is not None
    assert found.bins == (1, 0, 0, 1, 0, 0, 1, 0, 0, 2, 1)
    assert (found.n, found.full) == (6, 2)
    assert [found.mean, found.median] == pytest.approx([38.5 / 60, 0.75])
    assert [found.lower, found.upper] == pytest.approx([0.375, 0.975])


def test_distribution_of_exact_tenths() -> None:
    """A score on a bound between two tenths belongs to the upper one, whatever floating point makes of it."""
    for tenth in range(10):
        found = distribution([row("a", score=round(0.1 * tenth * 15, 2), max_score=15)])
        assert found is not None
        assert found.bins.index(1) == tenth


def test_distribution_leaves_out_others() -> None:
    """Refused, missing and failed submissions are not among the scores, nor is one without points."""
    outcomes = ("refused", "missing", "failed")
    others = [row(outcome, outcome=outcome) for outcome in outcomes] + [row("none", max_score=0.0)]
    assert distribution(others) is None
    assert distribution([]) is None
    one = distribution([*others, row("one", score=6, max_score=15)])
    assert one is not None
    assert (one.n, one.mean, one.lower, one.upper) == (1, 0.4, 0.4, 0.4)


def test_task_numbers_agree_with_numpy() -> None:
    """Difficulty is the mean share, discrimination numpy's correlation with the sum of the other tasks."""
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 201, size=(40, 4)) / 100
    ids = ("1", "2", "3", "4")
    rows = [row(str(i), tasks=dict(zip(ids, map(float, line), strict=True))) for i, line in enumerate(scores)]
    for i, numbers in enumerate(task_numbers(tasks(*ids), rows)):
        rest = np.delete(scores, i, axis=1).sum(axis=1)
        assert numbers.difficulty == pytest.approx(scores[:, i].mean() / 2)
        assert numbers.discrimination == pytest.approx(np.corrcoef(scores[:, i], rest)[0, 1])
        assert numbers.full == (scores[:, i] == 2).sum()
        assert numbers.none == (scores[:, i] == 0).sum()


def test_discrimination_of_variants() -> None:
    """Students whom fewer tasks were asked count by their share of the others, so that variants can be compared."""
    rows = [row(f"a{i}", tasks={"1": i, "2": i, "3": i}) for i in (0, 1, 2)]
    rows += [row(f"b{i}", tasks={"1": i, "2": i}) for i in (0, 1, 2)]
    first, _, third = task_numbers(tasks("1", "2", "3"), rows)
    assert first.discrimination == third.discrimination == 1.0
    assert (first.n, third.n) == (6, 3)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row("a", tasks={"1": 1.0, "2": 2.0})],
        [row("a", tasks={"1": 1.0, "2": 2.0}), row("b", tasks={"1": 0.0, "2": 1.0})],
        [row(str(i), tasks={"1": 0.33, "2": i}) for i in range(3)],
        [row(str(i), tasks={"1": i, "2": 0.33}) for i in range(3)],
        [row(str(i), tasks={"1": i}) for i in range(3)],
        [row(str(i), tasks={"1": i, "2": i}, outcome="refused") for i in range(3)],
    ],
    ids=["nobody", "one", "two", "same score", "same rest", "no rest", "none graded"],
)
def test_discrimination_undefined(rows: list[Row]) -> None:
    """Where a correlation is not defined or says nothing there is None, never nan."""
    assert task_numbers(tasks("1", "2"), rows)[0].discrimination is None


def test_undefined_difficulty() -> None:
    """A task that nobody has a score for, or that is worth nothing, has no difficulty."""
    nothing = Task(id="1", title="", points=0, module="")
    assert task_numbers([nothing], [row("a", tasks={"1": 0.0})])[0].difficulty is None
    found = task_numbers(tasks("1"), [row("a", tasks={}, waiting=("1",)), row("b", tasks={}, withheld=("1",))])[0]
    assert (found.difficulty, found.n, found.waiting, found.withheld) == (None, 0, 1, 1)


def test_rounding_noise_is_no_spread() -> None:
    """Scores that add up to the same in another order have no spread, so there is no correlation out of nothing."""
    lines = [(0.1, 0.2, 0.3), (0.3, 0.2, 0.1), (0.2, 0.1, 0.3)]
    rows = [row(str(i), tasks={"1": i, "2": a, "3": b, "4": c}) for i, (a, b, c) in enumerate(lines)]
    assert task_numbers(tasks("1", "2", "3", "4"), rows)[0].discrimination is None
    assert correlation([(Fraction(1), Fraction(1))] * 5) is None


def test_mistakes_are_counted_once_each() -> None:
    """A mistake counts once for each student however many checks name it; the most frequent comes first."""
    often = fault("a.often", task="3b", mistakes=("a.often", "a.other"))
    found = mistakes({
        "zoe": [often, fault("a.often"), fault("a.rare")],
        "ada": [often],
        "bob": [fault(None)],
    })  # fmt: skip
    assert [(one.name, one.students) for one in found] == [("a.often", ("ada", "zoe")), ("a.rare", ("zoe",))]
    assert found[0].tasks == ("3a", "3b")
    assert found[0].others == ("a.other",)
    assert found[0].sentence == "Move the channels to the end first."


def test_unnamed_faults() -> None:
    """Checks that failed for no known mistake are counted by task and check, and named by their own sentence."""
    crashed = fault(None, outcome=Outcome.CRASHED)
    found = unnamed({"ada": [crashed, fault("a.known")], "bob": [fault(None), fault(None, task="3b")]})
    assert [(one.tasks, one.students) for one in found] == [(("3a",), ("ada", "bob")), (("3b",), ("bob",))]
    assert found[0].sentence == "Each row is a place."


def test_group_counts_once() -> None:
    """Of a group only the row whose folder holds the results is counted, wherever it stands."""
    rows = [row("ann", graded_as="zoe"), row("zoe"), row("bob")]
    assert [one.student for one in one_each(rows)] == ["bob", "zoe"]
    assert [one.student for one in one_each([row("ann", graded_as="gone")])] == ["ann"]


def test_late_days() -> None:
    """Days are counted from 0 to the latest, the last bar taking all that are later; refused ones are left out."""
    rows = [row(str(i), days_late=days) for i, days in enumerate((0, 0, 2, 8, 30))]
    assert late_days([*rows, row("x", outcome="refused", days_late=1)], most=8) == (2, 0, 1, 0, 0, 0, 0, 0, 2)
    assert late_days([]) == ()


def test_run_times() -> None:
    """Times that are not known are left out; the longest come first."""
    found = run_times([row("a", seconds=2), row("b", seconds=0), row("c", seconds=9.5), row("d", seconds=3)])
    assert found is not None
    assert (found.n, found.median, found.total) == (3, 3, 14.5)
    assert found.longest == (("c", 9.5), ("d", 3), ("a", 2))
    assert found.machines == (("lab", 3),)
    assert run_times([row("a", seconds=0)]) is None


def test_order_changes_nothing() -> None:
    """The same rows in another order give the same numbers, to the last bit."""
    rng = np.random.default_rng(1)
    rows = [row(str(i), score=float(rng.integers(0, 1500)) / 100,
                tasks={"1": float(rng.integers(0, 200)) / 100, "2": float(rng.integers(0, 200)) / 100})
            for i in range(30)]  # fmt: skip
    mixed = [rows[i] for i in rng.permutation(30)]
    assert distribution(rows) == distribution(mixed)
    assert task_numbers(tasks("1", "2"), rows) == task_numbers(tasks("1", "2"), mixed)
