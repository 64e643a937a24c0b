"""The tables of the class report: a line for each student, and one for each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.course.class_report.attention import flags
from grader.course.class_report.charts import percent
from grader.course.class_report.names import DisplayNames, Who
from grader.course.class_report.seen import ClassJob
from grader.course.class_report.statistics import TaskNumbers, mistake_anchor, share
from grader.course.records import GRADED, MISSING, UNREAD, Row
from grader.identity import person_key
from grader.rubric import Assignment

OUTCOMES = {"graded": "✓", "refused": "✗", "missing": "○", "unread": "?", "failed": "◇"}
FEW = 10  # submissions below which a correlation says little
# Ebel & Frisbie 1991, Essentials of Educational Measurement, chapter 13: what an item's discrimination is worth.
DISCRIMINATION = ((0.4, "very well"), (0.3, "well"), (0.2, "somewhat"), (0.0, "hardly"))
AGAINST = "against the rest"
EN_DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Cell:
    """A task in a student's line: what stands there, its words, its kind, and by what it is sorted."""

    text: str
    words: str
    kind: str  # full, part, none, withheld, waiting, unasked
    order: float


@dataclass(frozen=True)
class Line:
    """One student's line.

    Attributes:
        who: The student.
        person: The name on the roster, where it is another.
        partners: The others of a group that shares the grade.
        row: What grading left.
        symbol: The sign of its outcome.
        share: Score over points, percent; below zero where there is none, for sorting.
        cells: The tasks, as many as the table has.
        networks: Accuracies in words.
        accuracy: The best of them, for sorting.
        mistakes: Anchors of the known mistakes.
        flags: Why to look.
        search: What the page searches, small letters.
    """

    who: Who
    person: str
    partners: tuple[str, ...]
    variant: str
    row: Row
    symbol: str
    share: float
    cells: tuple[Cell, ...]
    networks: tuple[str, ...]
    accuracy: float
    mistakes: tuple[str, ...]
    flags: tuple[str, ...]
    seconds: float
    search: str


@dataclass(frozen=True)
class Table:
    """The students of one assignment, or those of whom none is known.

    Attributes:
        anchor: Where it stands.
        title: Of the assignment.
        tasks: (id, title) of each column.
        has_variants: Whether there is more than one variant among them.
        lines: The students.
    """

    anchor: str
    title: str
    tasks: tuple[tuple[str, str], ...]
    has_variants: bool
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class TaskLine:
    """One task's line: its numbers, and what they mean in words; shares in percent."""

    numbers: TaskNumbers
    easy: float | None
    separates: str
    word: str
    kind: str


def view_tables(job: ClassJob, names: DisplayNames, paired: frozenset[str]) -> tuple[Table, ...]:
    """The tables of all students, each of whom stands in one.

    Args:
        job: The class.
        names: What the students are called.
        paired: Who stands in a pair.
    """
    known = list(job.rubrics.values())
    alone = known[0].id if len(known) == 1 else ""  # who handed nothing in stands in the only table there is
    tables: list[Table] = []
    for assignment in [*known, None]:
        own = assignment.id if assignment else ""
        rows = [row for row in job.rows if (row.assignment if row.assignment in job.rubrics else alone) == own]
        if not rows:
            continue
        tasks = assignment.tasks if assignment else ()
        lines = tuple(_line(row, assignment, job, names, paired) for row in rows)
        title = assignment.title if assignment else "Assignment not known"
        variants = {row.variant for row in rows if row.outcome == GRADED}
        tables.append(Table(f"table-{len(tables)}", title, tuple((task.id, task.title) for task in tasks),
                            len(variants) > 1, lines))  # fmt: skip
    return tuple(tables)


def _line(row: Row, assignment: Assignment | None, job: ClassJob, names: DisplayNames, paired: frozenset[str]) -> Line:
    person = names.name(row.person.name) if row.person.name and row.person.name != row.student else ""
    own = {person_key(text) for text in (row.student, row.person.name, row.person.email)}
    is_shared = row.graded_as or any(other.graded_as == row.student for other in job.rows)
    partners = tuple(names.name(other) for other in row.group if is_shared and person_key(other) not in own)
    variant = names.name(row.variant) if row.variant != "default" else ""
    who, seen = names.who(row.student), job.seen[row.student]
    mistakes = {mistake_anchor(row.assignment, check.mistake) for check in seen.faults if check.mistake}
    part = share(row) if row.outcome == GRADED else None
    tasks = assignment.tasks if assignment else ()
    scored = row.outcome == GRADED
    return Line(
        who=who, person=person, partners=partners, variant=variant,
        row=row, symbol=OUTCOMES.get(row.outcome, "?"), share=round(100 * float(part), 2) if part is not None else -1.0,
        cells=tuple(_cell(row, task.id, task.points) if scored else Cell("", "", "absent", -3) for task in tasks),
        networks=tuple(percent(one.value) for _, one in seen.accuracies),
        accuracy=max((one.value for _, one in seen.accuracies), default=-1.0),
        mistakes=tuple(sorted(mistakes)),
        flags=flags(row, job, paired),
        seconds=row.seconds if row.outcome not in (MISSING, UNREAD) else 0.0,
        search=" ".join((who.name, person, *partners, variant, row.outcome)).casefold(),
    )  # fmt: skip


def _cell(row: Row, task: str, points: float) -> Cell:
    if task in row.tasks:
        score = row.tasks[task]
        kind = "full" if score >= points else "part" if score > 0 else "none"
        return Cell(f"{score:g}", f"{score:g} of {points:g}", kind, score)
    if task in row.withheld:
        return Cell("◇", "withheld", "withheld", -1)
    if task in row.waiting:
        return Cell("○", "waits for a person", "waiting", -1)
    return Cell(EN_DASH, "not asked", "unasked", -2)


def view_tasks(numbers: Sequence[TaskNumbers]) -> tuple[TaskLine, ...]:
    """The task lines of one assignment, in the rubric's order."""
    lines = []
    for one in numbers:
        value = one.discrimination
        word = "" if value is None else next((word for least, word in DISCRIMINATION if value >= least), AGAINST)
        kind = "bad" if word == AGAINST else "part" if word == "hardly" else ""
        easy = None if one.difficulty is None else round(100 * one.difficulty, 1)
        text = "" if value is None else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
        lines.append(TaskLine(one, easy, text, word, kind))
    return tuple(lines)
