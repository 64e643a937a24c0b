"""Step 3: what a submission's check results are worth."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.records import CheckResult, Grade, Outcome, State, Submission, TaskGrade
from grader.rubric import Assignment, LatePolicy, get_assignment
from grader.scoring import NO_CHECKS, days_late, grade_submission, late_coefficient, refuse

DUE = datetime(2022, 3, 30, 23, 59, tzinfo=UTC)


def rubric(*tasks: dict[str, Any]) -> Assignment:
    """An assignment of two variants with these tasks, 2 points each unless they say otherwise."""
    filled = [{"id": str(number), "title": "t", "points": 2, "module": "m"} | task for number, task in enumerate(tasks)]
    fields = {"id": "toy", "title": "Toy", "course": "c", "due_at": DUE, "modules": ["m"], "task": filled}
    return Assignment.model_validate(fields | {"variants": ["long", "short"], "default_variant": "long"})


def check(task: str = "0", outcome: Outcome = Outcome.PASSED, weight: float = 1.0, message: str = "") -> CheckResult:
    """How one check ended."""
    return CheckResult(task=task, name="check", title="t", outcome=outcome, weight=weight, message=message)


def grade(assignment: Assignment, *checks: CheckResult, variant: str = "long", late: timedelta | None = None) -> Grade:
    """The grade of these results, handed in so much after the deadline."""
    submitted_at = None if late is None else assignment.due_at + late
    submission = Submission("alice", assignment, "0" * 64, {}, submitted_at=submitted_at)
    return grade_submission(submission, checks, variant)


def only(graded: Grade) -> TaskGrade:
    """The grade of the only task."""
    (task,) = graded.tasks
    return task


@pytest.mark.parametrize(
    ("results", "score"),
    [
        ([(Outcome.PASSED, 1)], 2.0),
        ([(Outcome.PASSED, 1), (Outcome.FAILED, 1)], 1.0),
        ([(Outcome.PASSED, 3), (Outcome.FAILED, 1)], 1.5),
        ([(Outcome.FAILED, 3), (Outcome.PASSED, 1)], 0.5),
        ([(Outcome.PASSED, 1), (Outcome.PASSED, 1), (Outcome.FAILED, 1)], 1.33),
        ([(Outcome.PASSED, 1), (Outcome.FAILED, 5)], 0.33),
        ([(Outcome.PASSED, 0.1), (Outcome.PASSED, 0.2), (Outcome.FAILED, 0.3)], 1.0),
        ([(Outcome.PASSED, 0)], 0.0),
    ],
)
def test_weights(results: list[tuple[Outcome, float]], score: float) -> None:
    """A task earns its points times the share of passed weight, rounded to hundredths."""
    task = only(grade(rubric({}), *(check(outcome=outcome, weight=weight) for outcome, weight in results)))
    assert (task.score, task.max_score, task.state) == (score, 2, State.SCORED)


@pytest.mark.parametrize("outcome", [each for each in Outcome if each not in (Outcome.PASSED, Outcome.INTERNAL)])
def test_everything_but_passed_earns_nothing(outcome: Outcome) -> None:
    """A check that ended in another way than passing gives no points, and the task stays scored."""
    task = only(grade(rubric({}), check(outcome=outcome)))
    assert (task.score, task.state) == (0, State.SCORED)


def test_internal_withholds_the_task() -> None:
    """One check that we could not run withholds its whole task, with the reason, and costs no other."""
    missing = check("0", Outcome.INTERNAL, message="The data set is not here.")
    graded = grade(rubric({}, {}), check("0"), missing, check("1"))
    first, second = graded.tasks
    assert (first.state, first.score, first.max_score) == (State.WITHHELD, 0, 2)
    assert first.comment == "The data set is not here."
    assert (second.state, second.score, graded.score) == (State.SCORED, 2, 2)


@pytest.mark.parametrize(
    ("task", "variant", "state", "max_score"),
    [
        ({"scoring": "manual"}, "long", State.MANUAL, 2),
        ({"scoring": "manual", "variants": ["long"]}, "short", State.UNASKED, 0),
        ({"variants": ["long"]}, "short", State.UNASKED, 0),
        ({"variants": ["long"]}, "long", State.SCORED, 2),
        ({"variants": []}, "short", State.SCORED, 2),
    ],
)
def test_states(task: dict[str, Any], variant: str, state: State, max_score: float) -> None:
    """A task is scored by checks where its variant asks for it, waits for a person, or counts nothing."""
    graded = only(grade(rubric(task), check(), variant=variant))
    assert (graded.state, graded.max_score) == (state, max_score)
    assert graded.score == (2 if state is State.SCORED else 0)


def test_no_checks() -> None:
    """A task without any check is withheld, not lost."""
    task = only(grade(rubric({})))
    assert (task.state, task.comment) == (State.WITHHELD, NO_CHECKS)


def test_unasked_results_are_kept() -> None:
    """What a variant does not ask for is still shown."""
    graded = grade(rubric({"variants": ["long"]}, {}), check("0"), check("1"), variant="short")
    assert [result.task for result in graded.checks] == ["0", "1"]
    assert (graded.score, graded.max_score) == (2, 2)


def test_bonus() -> None:
    """Bonus points stand on a line of their own, on top of the maximum."""
    graded = grade(rubric({}, {"bonus": True, "points": 0.5}), check("0"), check("1"))
    assert (graded.score, graded.max_score) == (2.5, 2)
    assert [(line.label, line.points) for line in graded.ledger] == [("tasks", 2.0), ("bonus", 0.5)]


def test_bonus_not_earned() -> None:
    """A bonus that was not earned has no line."""
    graded = grade(rubric({}, {"bonus": True}), check("0"), check("1", Outcome.FAILED))
    assert [line.label for line in graded.ledger] == ["tasks"]


@pytest.mark.parametrize(
    ("after", "days"),
    [
        (timedelta(days=-3), 0),
        (timedelta(0), 0),
        (timedelta(microseconds=1), 1),
        (timedelta(hours=24), 1),
        (timedelta(hours=24, microseconds=1), 2),
        (timedelta(days=7), 7),
        (timedelta(days=7, seconds=1), 8),
        (timedelta(days=400_000, microseconds=1), 400_001),
    ],
)
def test_days_late(after: timedelta, days: int) -> None:
    """Days late are rounded up, to the microsecond."""
    assert days_late(DUE + after, DUE) == days


def test_days_late_across_zones() -> None:
    """Deadline and hand-in may name different time zones; an unknown hand-in is on time."""
    assert (
        days_late(datetime.fromisoformat("2022-03-31T02:00+02:00"), datetime.fromisoformat("2022-03-30T20:00-04:00"))
        == 0
    )
    assert days_late(None, DUE) == 0


@pytest.mark.parametrize(
    ("days", "coefficient"), [(0, 1), (1, 1 - 0.5 / 7), (2, 1 - 1 / 7), (6, 1 - 3 / 7), (7, 0.5), (8, 0), (1000, 0)]
)
def test_late_coefficient(days: int, coefficient: float) -> None:
    """The coefficient falls linearly from 1 to 0.5 at seven days, and is 0 after that."""
    assert float(late_coefficient(days, LatePolicy())) == pytest.approx(coefficient)


def test_late_line() -> None:
    """Two days late cost two fourteenths of tasks and bonus, on a line that says so."""
    graded = grade(rubric({"points": 7}, {"bonus": True}), check("0"), check("1"), late=timedelta(days=1, hours=1))
    assert (graded.days_late, graded.score) == (2, 7.71)  # 9 * 6 / 7 = 7.714
    assert graded.ledger[-1].label == "2 days late: 9.00 × 0.857 = 7.71"
    assert graded.ledger[-1].points == -1.29


def test_too_late() -> None:
    """After seven days nothing is left, and the total is plain zero."""
    graded = grade(rubric({}), check(), late=timedelta(days=7, seconds=1))
    assert str(graded.score) == "0.0"


OUTCOMES = st.lists(
    st.tuples(st.sampled_from(Outcome), st.floats(0, 10).map(lambda weight: round(weight, 2))), max_size=6
)
TASKS = st.lists(
    st.fixed_dictionaries(
        {
            "points": st.integers(0, 3000).map(lambda cents: cents / 100),
            "bonus": st.booleans(),
            "scoring": st.sampled_from(["automatic", "manual"]),
            "variants": st.sampled_from([[], ["long"], ["short"]]),
        }
    ),
    min_size=1,
    max_size=8,
)


@given(tasks=TASKS, outcomes=st.lists(OUTCOMES, min_size=8, max_size=8), hours=st.integers(-48, 240))
def test_ledger_adds_up(tasks: list[dict[str, Any]], outcomes: list[list[tuple[Outcome, float]]], hours: int) -> None:
    """Whatever happens, the lines add up to the score exactly, in hundredths, and no task exceeds its points."""
    assignment = rubric(*tasks)
    checks = [
        check(str(number), outcome, weight)
        for number, results in enumerate(outcomes[: len(tasks)])
        for outcome, weight in results
    ]
    graded = grade(assignment, *checks, late=timedelta(hours=hours))
    lines = [Decimal(str(line.points)) for line in graded.ledger]
    assert sum(lines) == Decimal(str(graded.score))
    assert all(line == line.quantize(Decimal("0.01")) for line in lines)
    assert all(0 <= task.score <= task.max_score for task in graded.tasks)
    assert 0 <= graded.score <= sum(task.max_score for task in graded.tasks)


def test_refused() -> None:
    """A refused submission has 0 points, the reason, and no tasks."""
    graded = refuse("alice", "0" * 64, get_assignment("miniplaces"), "6.819", "It is not a zip.")
    assert (graded.outcome, graded.score, graded.max_score, graded.reason) == ("refused", 0, 10, "It is not a zip.")
    assert graded.tasks == () == graded.ledger


def test_refused_unrecognised() -> None:
    """Where not even the assignment is known, there is no maximum."""
    graded = refuse("alice", "0" * 64, None, "", "It is not a zip.")
    assert (graded.assignment, graded.max_score) == ("", 0)


@pytest.mark.parametrize(("variant", "max_score"), [("6.819", 10), ("6.869", 15)])
def test_miniplaces(variant: str, max_score: float) -> None:
    """A perfect Miniplaces is worth 10 points under 6.819 and 15 under 6.869, and the manual bonus waits."""
    assignment = get_assignment("miniplaces")
    graded = grade(assignment, *(check(task.id) for task in assignment.tasks), variant=variant)
    assert (graded.score, graded.max_score) == (max_score, max_score)
    assert graded.tasks[9].state is State.MANUAL


BONUS = {"bonus": True, "scoring": "manual", "written": True}


@pytest.mark.parametrize(
    ("fields", "outcome", "answer", "state"),
    [
        (BONUS, Outcome.MISSING, "", State.SCORED),
        (BONUS, None, "", State.SCORED),
        (BONUS | {"written": False}, Outcome.MISSING, "", State.SCORED),
        (BONUS, Outcome.MISSING, "I tried.", State.MANUAL),
        (BONUS, Outcome.PASSED, "", State.MANUAL),
        (BONUS, Outcome.FAILED, "", State.MANUAL),
        (BONUS | {"written": False}, None, "", State.MANUAL),
        (BONUS | {"bonus": False}, Outcome.MISSING, "", State.MANUAL),
    ],
)
def test_unclaimed_bonus(fields: dict[str, Any], outcome: Outcome | None, answer: str, state: State) -> None:
    """A bonus that a person scores is settled with 0 where nothing was handed in for it, and otherwise waits."""
    submission = Submission("alice", rubric(fields), "0" * 64, {}, answers={"0": answer})
    checks = [] if outcome is None else [check(outcome=outcome, message="There is none.")]
    graded = grade_submission(submission, checks, "long")
    assert only(graded).state is state
    assert only(graded).score == 0
    assert only(graded).comment.startswith("Not handed in.") == (state is State.SCORED)


def test_unknown_time_is_kept() -> None:
    """A grade says whether the time of hand-in was known."""
    assert not grade(rubric({}), check()).is_time_known
    assert grade(rubric({}), check(), late=timedelta(0)).is_time_known
