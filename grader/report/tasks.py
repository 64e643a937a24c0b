"""One task's section of the report, and its bar on the first page, as plain, cleaned data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.figures import Picture
from grader.figures.style import TEXT_WIDTH_MM
from grader.records import CheckResult, Grade, Outcome, State, TaskGrade
from grader.report.repeats import tell_once
from grader.report.text import StudentText
from grader.rubric import Assignment
from grader.text import clean_name

MOST_CHECKS = 200
BETWEEN_MM = 5.0  # two figures that stand side by side
EN_DASH = "\N{EN DASH}"

MARKS = {  # symbol, word, tone; the word says it without the symbol, and both without color
    Outcome.PASSED: ("✓", "passed", "good"),
    Outcome.FAILED: ("✗", "failed", "bad"),
    Outcome.ERROR: ("!", "error", "bad"),
    Outcome.TIMEOUT: ("!", "too slow", "bad"),
    Outcome.CRASHED: ("!", "crashed", "bad"),
    Outcome.MISSING: ("○", "missing", "bad"),
    Outcome.SKIPPED: (EN_DASH, "skipped", "quiet"),
    Outcome.INTERNAL: ("◇", "not run", "quiet"),
}
BY_A_PERSON = "by a person"
STATES = {
    State.WITHHELD: ("◇", "withheld"),
    State.MANUAL: ("○", BY_A_PERSON),
    State.UNASKED: (EN_DASH, "not asked"),
}

Anchors = dict[str, tuple[str, str]]  # task id -> (anchor on the page, task id)
Keyed = tuple[str, Picture]  # (key in memory, picture)


@dataclass(frozen=True)
class CheckView:
    """One check's line; `anatomy` is [(name, text)] of what did not pass.

    `repeats` says that a check above of the same task names the same known mistake, with the same help.
    """

    title: str
    symbol: str
    word: str
    tone: str
    message: str
    anatomy: tuple[tuple[str, str], ...]
    help: str
    mistakes: tuple[str, ...]  # one, or two alternatives
    repeats: bool = False


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
    by_staff: bool  # whose comment it is: the course staff's, otherwise the grader's
    checks: tuple[CheckView, ...]
    unshown: int
    rows: tuple[tuple[Keyed, ...], ...]  # figures; the two of a row stand side by side
    answer: str
    is_beside: bool = False  # a written question about the task above

    @property
    def pictures(self) -> tuple[Keyed, ...]:
        """All figures in order."""
        return tuple(keyed for row in self.rows for keyed in row)

    @property
    def is_bare(self) -> bool:
        """Whether a line is enough: nothing was checked, drawn or written, and nobody of the staff said anything."""
        said = self.comment and self.by_staff
        return not (self.checks or self.unshown or self.rows or self.answer or said)


def view_tasks(
    grade: Grade, anchors: Anchors, pictures: Sequence[tuple[str, Picture]], assignment: Assignment | None,
    text: StudentText,
) -> tuple[TaskView, ...]:  # fmt: skip
    """Every task's section, in the rubric's order.

    Args:
        grade: What to show.
        anchors: Where each task's section stands.
        pictures: The drawn exhibits with the id of the task in whose section each stands.
        assignment: The rubric; it knows which tasks a person scores.
        text: Cleans what the student may have written.
    """
    longest = max((task.max_score for task in grade.tasks), default=0) or 1
    by_hand = {task.id for task in assignment.tasks if task.scoring == "manual"} if assignment else set()
    # Told once in the report's order; what a check says here need not be all that is recorded of it.
    told = tell_once([check for task in grade.tasks for check in grade.checks if check.task == task.id])
    shown = 0
    owner: TaskGrade | None = None  # the last task that is no question about another
    views: list[TaskView] = []
    for task in grade.tasks:
        checks = [check for check in told if check.task == task.id]
        rows = _checks(checks[: MOST_CHECKS - shown], text)
        shown += len(rows)
        # A check that could not be run decided nothing: where a score stands all the same, a person gave it.
        undecided = bool(checks) and all(check.outcome is Outcome.INTERNAL for check in checks)
        symbol, word, kind = _state(task, by_person=undecided or task.id in by_hand)
        views.append(
            TaskView(
                anchor=anchors[task.id][0], id=task.id, title=clean_name(task.title),
                symbol=symbol, word=word, kind=kind,
                score=task.score, max_score=task.max_score, bonus=task.bonus,
                bar=round(100 * task.max_score / longest, 2),
                fill=round(100 * min(task.score / task.max_score, 1), 2) if task.max_score else 0,
                comment=text.prose(task.comment), by_staff=task.state is State.SCORED,
                checks=rows, unshown=len(checks) - len(rows),
                rows=pair([(f"picture:{n}", _clean(picture, text))
                           for n, (where, picture) in enumerate(pictures) if where == task.id]),
                answer=text.answer(grade.answers.get(task.id, "")),
                is_beside=owner is not None and task.id in by_hand and _is_about(task, owner),
            )
        )  # fmt: skip
        owner = owner if views[-1].is_beside else task
    return tuple(views)


def _is_about(task: TaskGrade, owner: TaskGrade) -> bool:
    """Whether a question's id and module say that it is about another task: 2.1w about 2.1; 4.2.1, 4.2.2 about 4.2."""
    rest = task.id.removeprefix(owner.id)
    return task.module == owner.module and task.id.startswith(owner.id) and (rest == "w" or rest.startswith("."))


def pair(pictures: Sequence[Keyed]) -> tuple[tuple[Keyed, ...], ...]:
    """Figures in rows: two that follow each other stand side by side where the page's column is wide enough."""
    rows: list[tuple[Keyed, ...]] = []
    for keyed in pictures:
        before = rows[-1] if rows else ()
        if len(before) == 1 and before[0][1].width_mm + BETWEEN_MM + keyed[1].width_mm <= TEXT_WIDTH_MM + 0.01:
            rows[-1] = (before[0], keyed)
        else:
            rows.append((keyed,))
    return tuple(rows)


def _clean(picture: Picture, text: StudentText) -> Picture:
    """Captions and alt texts may hold class names or file names out of a submission."""
    return replace(picture, alt=text.prose(picture.alt), caption=text.prose(picture.caption))


def _state(task: TaskGrade, *, by_person: bool) -> tuple[str, str, str]:
    """Symbol, word and kind of a task's score; the word of one that a person gave says so."""
    if task.state is not State.SCORED:
        return (*STATES[task.state], str(task.state))
    if task.score >= task.max_score:
        symbol, word, kind = "✓", "all points", "full"
    elif task.score > 0:
        symbol, word, kind = "◆", "part of the points", "part"
    else:
        symbol, word, kind = "✗", "no points", "none"
    return symbol, BY_A_PERSON if by_person else word, kind


def _checks(checks: Sequence[CheckResult], text: StudentText) -> tuple[CheckView, ...]:
    """The checks of one task; the help of a known mistake stands at the first check that names it."""
    helped: set[tuple[str, str]] = set()
    views = []
    for check in checks:
        named = (check.mistake or "", check.help)
        repeats = bool(check.mistake and check.help) and named in helped
        helped.add(named)
        views.append(_check(check, text, repeats=repeats))
    return tuple(views)


def _check(check: CheckResult, text: StudentText, *, repeats: bool) -> CheckView:
    symbol, word, tone = MARKS[check.outcome]
    title = text.prose(check.title)
    if check.outcome is Outcome.PASSED:
        return CheckView(title, symbol, word, tone, text.prose(check.message), (), "", ())
    anatomy = [(name, text.take(part)) for name, part in
               (("called", check.called), ("expected", check.expected), ("got", check.got)) if part]  # fmt: skip
    advice = "" if repeats else text.prose(check.help)
    return CheckView(title, symbol, word, tone, text.prose(check.message), tuple(anatomy), advice,
                     known_mistakes(check), repeats)  # fmt: skip


def known_mistakes(check: CheckResult) -> tuple[str, ...]:
    """Ids of the known mistakes that a check names, cleaned: one, two alternatives, or none."""
    return tuple(map(clean_name, check.mistakes or ((check.mistake,) if check.mistake else ())))
