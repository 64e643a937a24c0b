"""What the report's templates see: a grade and its pictures as plain, cleaned text, in the order of the page.

Everything that a student may have written goes through `StudentText` or `clean_name` here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.figures import Picture
from grader.records import CheckResult, Grade, Outcome, State, TaskGrade
from grader.rubric import Assignment
from grader.text import CUT, clean_name, clean_text

STUDENT_TEXT_BYTES = 32 * 1024  # more makes the layout slow, and nobody reads it
MOST_CHECKS = 200
MOST_FINDINGS = 3
MOST_NOTES = 20
LONG_WORD = re.compile(r"\S{80}(?=\S)")  # broken up: laying out a line takes time quadratic in its longest word
EN_DASH = "\N{EN DASH}"

MARKS = {  # symbol, word, tone; the word says it without the symbol, and both without colour
    Outcome.PASSED: ("✓", "passed", "good"),
    Outcome.FAILED: ("✗", "failed", "bad"),
    Outcome.ERROR: ("!", "error", "bad"),
    Outcome.TIMEOUT: ("!", "too slow", "bad"),
    Outcome.CRASHED: ("!", "crashed", "bad"),
    Outcome.MISSING: ("○", "missing", "bad"),
    Outcome.SKIPPED: (EN_DASH, "skipped", "quiet"),
    Outcome.INTERNAL: ("◇", "not run", "quiet"),
}
STATES = {
    State.WITHHELD: ("◇", "withheld"),
    State.MANUAL: ("○", "by a person"),
    State.UNASKED: (EN_DASH, "not asked"),
}

Anchors = dict[str, tuple[str, str]]  # task id -> (anchor on the page, task id)


class StudentText:
    """Cleans text that may come from a student, until the report holds as much of it as it may.

    Attributes:
        cut: Whether something was left out because the report is full.
    """

    def __init__(self, limit: int = STUDENT_TEXT_BYTES) -> None:
        self._left = limit
        self.cut = False

    def take(self, text: str, **bounds: int) -> str:
        """The text with every character visible, within `clean_text`'s bounds and what is left of the report's."""
        data = LONG_WORD.sub("\\g<0>\n", clean_text(text, **bounds)).encode()
        if len(data) > self._left:
            self.cut = True
            data = data[: self._left]
            self._left = 0
            return data.decode("utf-8", "ignore") + CUT
        self._left -= len(data)
        return data.decode()

    def prose(self, text: str) -> str:
        """Sentences: a paragraph may stand on one long line."""
        return self.take(text, columns=4096)

    def answer(self, text: str) -> str:
        """A written answer: as `prose`, and longer."""
        return self.take(text.strip("\n"), lines=120, columns=8192, limit=8192)


@dataclass(frozen=True)
class CheckView:
    """One check's line; `anatomy` is [(name, text)] of what did not pass."""

    title: str
    symbol: str
    word: str
    tone: str
    message: str
    anatomy: tuple[tuple[str, str], ...]
    help: str
    mistake: str


@dataclass(frozen=True)
class TaskView:
    """One task's bar on the first page, and its section; shares are percentages of a whole bar or of this bar."""

    anchor: str
    id: str
    title: str
    symbol: str
    word: str
    kind: str  # full, part, none, withheld, manual, unasked
    score: float
    max_score: float
    bonus: bool
    bar: float
    fill: float
    comment: str
    checks: tuple[CheckView, ...]
    unshown: int
    pictures: tuple[tuple[str, Picture], ...]  # (key in memory, picture)
    answer: str

    @property
    def is_bare(self) -> bool:
        """Whether a line is enough."""
        return not (self.checks or self.unshown or self.pictures or self.answer or self.comment)


@dataclass(frozen=True)
class Finding:
    """One thing to look at first: what to do, or what happened, and in which tasks."""

    text: str
    tasks: tuple[tuple[str, str], ...]  # (anchor, id)
    mistake: str


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
    tasks = _tasks(grade, anchors, pictures, text)
    notes = tuple(text.prose(note) for note in grade.notes[:MOST_NOTES])
    return ReportView(
        student=clean_name(grade.student),
        title=assignment.title if assignment else "Submission",
        course=assignment.course if assignment else "",
        variant=grade.variant if assignment and assignment.variants != ("default",) else "",
        due=f"{assignment.due_at:%A} {assignment.due_at.day} {assignment.due_at:%B %Y, %H:%M}" if assignment else "",
        late="on time" if grade.days_late == 0 else f"{grade.days_late} day{'s' * (grade.days_late > 1)} late",
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
        more_notes=max(0, len(grade.notes) - MOST_NOTES),
        was_cut=text.cut,
    )


def _tasks(
    grade: Grade, anchors: Anchors, pictures: Sequence[tuple[str, Picture]], text: StudentText
) -> tuple[TaskView, ...]:
    longest = max((task.max_score for task in grade.tasks), default=0) or 1
    shown = 0
    views = []
    for task in grade.tasks:
        checks = [check for check in grade.checks if check.task == task.id]
        rows = tuple(_check(check, text) for check in checks[: MOST_CHECKS - shown])
        shown += len(rows)
        symbol, word, kind = _state(task)
        views.append(
            TaskView(
                anchor=anchors[task.id][0], id=task.id, title=clean_name(task.title),
                symbol=symbol, word=word, kind=kind,
                score=task.score, max_score=task.max_score, bonus=task.bonus,
                bar=round(100 * task.max_score / longest, 2),
                fill=round(100 * min(task.score / task.max_score, 1), 2) if task.max_score else 0,
                comment=text.prose(task.comment), checks=rows, unshown=len(checks) - len(rows),
                pictures=tuple((f"picture:{n}", _clean(picture, text))
                               for n, (where, picture) in enumerate(pictures) if where == task.id),
                answer=text.answer(grade.answers.get(task.id, "")),
            )
        )  # fmt: skip
    return tuple(views)


def _clean(picture: Picture, text: StudentText) -> Picture:
    """Captions and alt texts may hold class names or file names out of a submission."""
    return replace(picture, alt=text.prose(picture.alt), caption=text.prose(picture.caption))


def _state(task: TaskGrade) -> tuple[str, str, str]:
    """Symbol, word and kind of a task's score."""
    if task.state is not State.SCORED:
        return (*STATES[task.state], str(task.state))
    if task.score >= task.max_score:
        return "✓", "all points", "full"
    return ("◆", "part of the points", "part") if task.score > 0 else ("✗", "no points", "none")


def _check(check: CheckResult, text: StudentText) -> CheckView:
    symbol, word, tone = MARKS[check.outcome]
    title = text.prose(check.title)
    if check.outcome is Outcome.PASSED:
        return CheckView(title, symbol, word, tone, "", (), "", "")
    anatomy = [(name, text.take(part)) for name, part in
               (("called", check.called), ("expected", check.expected), ("got", check.got)) if part]  # fmt: skip
    return CheckView(title, symbol, word, tone, text.prose(check.message), tuple(anatomy), text.prose(check.help),
                     clean_name(check.mistake or ""))  # fmt: skip


def _findings(grade: Grade, anchors: Anchors, text: StudentText) -> tuple[tuple[Finding, ...], list[CheckResult]]:
    """What to look at first, and the other checks that did not pass: known mistakes, else the first failures."""
    lost = [check for check in grade.checks if MARKS[check.outcome][2] == "bad" and check.task in anchors]
    by_mistake: dict[str, list[CheckResult]] = {}
    for check in lost:
        if check.mistake and check.help:
            by_mistake.setdefault(check.mistake, []).append(check)
    groups = (list(by_mistake.values()) or [[check] for check in lost])[:MOST_FINDINGS]
    findings = []
    for group in groups:
        words = group[0].help if by_mistake else f"{group[0].title} {group[0].message}"
        tasks = tuple(dict.fromkeys(anchors[check.task] for check in group))
        findings.append(Finding(text.prose(words), tasks, clean_name(group[0].mistake or "")))
    return tuple(findings), [check for check in lost if not any(check in group for group in groups)]
