"""What the report's templates see: a grade and its pictures as plain, cleaned text, in the order of the page.

Everything that a student may have written goes through `StudentText` or `clean_name` here or in `tasks.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from grader.figures import Picture
from grader.records import CheckResult, Grade, Outcome
from grader.report.tasks import MARKS, Anchors, TaskView, known_mistakes, view_tasks
from grader.report.text import StudentText
from grader.rubric import Assignment
from grader.text import clean_name

MOST_FINDINGS = 3
FINDING_LETTERS, FEWER_LETTERS = 240, 175  # three lines of the first page, and two where its table is long
LONG_TABLE = 16  # tasks
MOST_NOTES = 20


@dataclass(frozen=True)
class Finding:
    """One thing to look at first: what to do, or what happened, and in which tasks; none where it is about all."""

    text: str
    tasks: tuple[tuple[str, str], ...]  # (anchor, id)
    mistakes: tuple[str, ...]


@dataclass(frozen=True)
class ReportView:
    """Everything that the templates show."""

    student: str
    title: str
    course: str
    variant: str
    due: str
    late: str
    outcome: str
    score: float
    max_score: float
    reason: str
    modules: tuple[str, ...]
    tasks: tuple[TaskView, ...] = ()
    findings: tuple[Finding, ...] = ()
    other_findings: int = 0
    other_tasks: tuple[tuple[str, str], ...] = ()
    ledger: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = ()
    more_notes: int = 0
    was_cut: bool = False


def view_report(grade: Grade, pictures: Sequence[tuple[str, Picture]], assignment: Assignment | None) -> ReportView:
    """Arrange a grade for the page.

    Args:
        grade: What to show.
        pictures: The drawn exhibits with the id of the task in whose section each stands.
        assignment: The rubric of `grade`; None for a refused zip that does not tell what it is.
    """
    text = StudentText()
    anchors = {task.id: (f"task-{i}", task.id) for i, task in enumerate(grade.tasks)}
    findings, others = _findings(grade, anchors, text)
    tasks = view_tasks(grade, anchors, pictures, assignment, text)
    others_noted = [note for note in grade.notes if note not in grade.first]
    notes = tuple(text.prose(note) for note in others_noted[:MOST_NOTES])
    return ReportView(
        student=clean_name(grade.student),
        title=assignment.title if assignment else "Submission",
        course=assignment.course if assignment else "",
        variant=grade.variant if assignment and assignment.variants != ("default",) else "",
        due=_moment(assignment.due_at) if assignment else "",
        late=_late(grade),
        outcome=grade.outcome,
        score=grade.score,
        max_score=grade.max_score,
        reason=text.prose(grade.reason),
        modules=assignment.modules if assignment else (),
        tasks=tasks,
        findings=findings,
        other_findings=len(others),
        other_tasks=tuple(dict.fromkeys(anchors[check.task] for check in others)),
        ledger=tuple((text.take(line.label), line.points) for line in grade.ledger),
        notes=notes,
        more_notes=max(0, len(others_noted) - MOST_NOTES),
        was_cut=text.cut,
    )


def _late(grade: Grade) -> str:
    if grade.days_late:
        return f"{grade.days_late} day{'s' * (grade.days_late > 1)} late"
    return "on time" if grade.is_time_known else "time of hand-in unknown, counted as on time"


def _moment(moment: datetime) -> str:
    """A point in time in its own zone: "Tuesday, March 29, 2022, 23:59 (UTC-04:00)"."""
    return f"{moment:%A, %B} {moment.day}, {moment:%Y, %H:%M (%Z)}"


def _findings(grade: Grade, anchors: Anchors, text: StudentText) -> tuple[tuple[Finding, ...], list[CheckResult]]:
    """What to look at first, and the other checks that did not pass: what cost most, one cause told once.

    What is said of the whole submission comes before all causes. A cause is a known mistake, or one message of several
    checks (an import that fails them all); known mistakes come first, since they say what to do.
    """
    bonus = {task.id for task in grade.tasks if task.bonus}  # one that is not claimed costs nothing
    lost = [check for check in grade.checks if MARKS[check.outcome][2] == "bad" and check.task in anchors]
    lost = [check for check in lost if check.outcome is not Outcome.MISSING or check.task not in bonus]
    causes: dict[str, list[CheckResult]] = {}
    for check in lost:
        causes.setdefault(check.mistake or check.message, []).append(check)
    cost = {key: sum(_points_lost(check, grade) for check in group) for key, group in causes.items()}
    ordered = sorted(causes.items(), key=lambda cause: (cause[1][0].mistake is None, -cost[cause[0]]))
    room = FINDING_LETTERS if len(grade.tasks) < LONG_TABLE else FEWER_LETTERS
    findings = [Finding(text.brief(note, room), (), ()) for note in grade.first[:MOST_FINDINGS]]
    groups = [group for _, group in ordered][: max(1, MOST_FINDINGS - len(findings))]
    for group in groups:
        named = group[0].mistake and group[0].help
        words = group[0].help if named else f"{group[0].title} {group[0].message}"
        tasks = tuple(dict.fromkeys(anchors[check.task] for check in group))
        findings.append(Finding(text.brief(words, room), tasks, known_mistakes(group[0])))
    return tuple(findings), [check for check in lost if not any(check in group for group in groups)]


def _points_lost(check: CheckResult, grade: Grade) -> float:
    """What a check that did not pass has cost."""
    weight = sum(each.weight for each in grade.checks if each.task == check.task)
    points = next((task.max_score for task in grade.tasks if task.id == check.task), 0.0)
    return points * check.weight / weight if weight else 0.0
