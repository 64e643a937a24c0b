"""Step 3, score: from results to a grade, purely; the same input gives the same grade anywhere and any time.

A task's score is its points times the share of passed weight. The total is the sum of the asked tasks' scores, bonus on
top, times a coefficient for late days. Every line of the ledger is rounded to hundredths, and the lines add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from grader.manual import Mark
from grader.manual_reading import is_for_a_person
from grader.records import CheckResult, Grade, LedgerLine, Outcome, State, Submission, TaskGrade
from grader.rubric import Assignment, LatePolicy, Task

NO_CHECKS = "This version of the grader has no checks for this task yet."
NOT_HANDED_IN = "Not handed in."  # how the comment on a bonus that nobody claimed begins


def grade_submission(submission: Submission, checks: Sequence[CheckResult], variant: str) -> Grade:
    """Grade a submission whose checks were run.

    Args:
        submission: What was handed in, and when.
        checks: How every check ended.
        variant: Which of the assignment's variants counts.
    """
    assignment = submission.assignment
    answered = {task for task, answer in submission.answers.items() if answer}
    tasks = tuple(
        _grade_task(task, [c for c in checks if c.task == task.id], variant, has_answer=task.id in answered)
        for task in assignment.tasks
    )
    late = days_late(submission.submitted_at, assignment.due_at)
    ledger = _ledger(tasks, late, assignment.late)
    return Grade(
        student=submission.student,
        assignment=assignment.id,
        variant=variant,
        submission_sha256=submission.sha256,
        outcome="graded",
        score=_total(ledger),
        max_score=assignment.max_score(variant),
        days_late=late,
        is_time_known=submission.submitted_at is not None,
        tasks=tasks,
        checks=tuple(checks),
        ledger=ledger,
        answers=dict(submission.answers),
        notes=submission.notes,
        first=submission.first,
        group=submission.group,
    )


def merge_marks(grade: Grade, assignment: Assignment, marks: Mapping[str, Mark]) -> Grade:
    """The grade with the scores and comments that a person gave, by task; scores of checks stay as they are."""
    tasks = tuple(
        _marked(task, marks[task.id], assignment.by_id[task.id]) if task.id in marks else task for task in grade.tasks
    )
    ledger = _ledger(tasks, grade.days_late, assignment.late)
    return grade.model_copy(update={"tasks": tasks, "ledger": ledger, "score": _total(ledger)})


def _marked(task: TaskGrade, mark: Mark, line: Task) -> TaskGrade:
    changed: dict[str, object] = {"comment": mark.comment} if mark.comment else {}
    if mark.is_marked and is_for_a_person(task, line):
        if mark.score and is_unclaimed(task):
            changed["comment"] = mark.comment
        changed |= {"state": State.SCORED, "score": _round(Decimal(str(mark.score))), "by_person": True}
    return task.model_copy(update=changed)


def is_unclaimed(task: TaskGrade) -> bool:
    """Whether a task is a bonus for which nothing was handed in, so that it is settled without a person."""
    return task.bonus and task.state is State.SCORED and task.comment.startswith(NOT_HANDED_IN)


def _total(ledger: Iterable[LedgerLine]) -> float:
    return float(sum((Decimal(str(line.points)) for line in ledger), Decimal(0)))


def refuse(student: str, sha256: str, assignment: Assignment | None, variant: str, reason: str) -> Grade:
    """The grade of a submission that was refused as a whole: 0, with the reason."""
    return Grade(
        student=student,
        assignment=assignment.id if assignment else "",
        variant=variant,
        submission_sha256=sha256,
        outcome="refused",
        score=0.0,
        max_score=assignment.max_score(variant) if assignment else 0.0,
        reason=reason,
    )


def _grade_task(task: Task, checks: Sequence[CheckResult], variant: str, *, has_answer: bool) -> TaskGrade:
    asked = task.asked_by(variant)
    state, comment = _state(task, checks, asked, has_answer)
    by_checks = state is State.SCORED and task.scoring != "manual"
    score = _share(checks) * Decimal(str(task.points)) if by_checks else Decimal(0)
    return TaskGrade(
        id=task.id,
        title=task.title,
        score=_round(score),
        max_score=task.points if asked else 0.0,
        state=state,
        bonus=task.bonus,
        module=task.module,
        comment=comment,
    )


def _state(task: Task, checks: Sequence[CheckResult], asked: bool, has_answer: bool) -> tuple[State, str]:
    if not asked:
        return State.UNASKED, ""
    if task.scoring == "manual":
        if _is_unclaimed(task, checks, has_answer):
            return State.SCORED, " ".join([NOT_HANDED_IN, *dict.fromkeys(check.message for check in checks)]).strip()
        return State.MANUAL, ""
    if not checks:
        return State.WITHHELD, NO_CHECKS
    internal = next((check for check in checks if check.outcome is Outcome.INTERNAL), None)
    if internal is not None:
        return State(task.without_data), internal.message
    return State.SCORED, ""


def _is_unclaimed(task: Task, checks: Sequence[CheckResult], has_answer: bool) -> bool:
    """Whether nothing was handed in for a bonus: no answer where one is asked for, and no file that a check asks for.

    Without an answer or a check to go by, only a person can tell.
    """
    is_nothing = all(check.outcome is Outcome.MISSING for check in checks)
    return task.bonus and (task.written or bool(checks)) and not has_answer and is_nothing


def _share(checks: Iterable[CheckResult]) -> Decimal:
    weights = [(Decimal(str(check.weight)), check.outcome is Outcome.PASSED) for check in checks]
    whole = sum((weight for weight, _ in weights), Decimal(0))
    return sum((weight for weight, passed in weights if passed), Decimal(0)) / whole if whole else Decimal(0)


def days_late(submitted_at: datetime | None, due_at: datetime) -> int:
    """Days after the deadline, rounded up; 0 when on time or unknown."""
    if submitted_at is None or submitted_at <= due_at:
        return 0
    return -((due_at - submitted_at) // timedelta(days=1))  # whole numbers round a fraction of a day up exactly


def late_coefficient(days: int, policy: LatePolicy) -> Decimal:
    """What the grade is multiplied by: linear from 1 at no days to the floor, 0 after that."""
    if days > policy.days:
        return Decimal(0)
    return 1 - (1 - Decimal(str(policy.floor))) * days / policy.days


def _ledger(tasks: Iterable[TaskGrade], late: int, policy: LatePolicy) -> tuple[LedgerLine, ...]:
    asked = [task for task in tasks if task.state is not State.UNASKED]
    base = sum((Decimal(str(task.score)) for task in asked if not task.bonus), Decimal(0))
    bonus = sum((Decimal(str(task.score)) for task in asked if task.bonus), Decimal(0))
    lines = [LedgerLine(label="tasks", points=float(base))]
    if bonus:
        lines.append(LedgerLine(label="bonus", points=float(bonus)))
    if late:
        coefficient = late_coefficient(late, policy)
        left = Decimal(str(_round((base + bonus) * coefficient)))
        label = f"{late} day{'s' * (late != 1)} late: {base + bonus:.2f} × {coefficient:.3f} = {left:.2f}"
        lines.append(LedgerLine(label=label, points=float(left - base - bonus)))
    return tuple(lines)


def _round(points: Decimal) -> float:
    return float(points.quantize(Decimal("0.01"), ROUND_HALF_UP))
