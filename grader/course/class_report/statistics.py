"""What a class's numbers say: scores, tasks, mistakes, late days, run times. Pure; what is not defined is None.

Counted are submissions: a zip that a group handed in together counts once. Means and correlations are made of exact
fractions, so that equal scores have no spread at all, and the order of the rows changes nothing.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from grader.course.records import GRADED, Row
from grader.records import CheckResult
from grader.rubric import Task

BINS = 10
LONGEST = 5  # run times that are named
FEWEST = 3  # submissions for a correlation: of two it is always 1 or -1


@dataclass(frozen=True)
class Distribution:
    """Scores of the graded submissions, as shares of the points there were; a bonus may lift one above 1.

    Attributes:
        n: How many.
        mean: Arithmetic mean.
        median: As many above as below.
        lower: A quarter is below.
        upper: A quarter is above.
        full: How many have all points.
        bins: How many in each tenth, a bound counted in the tenth above it, all points in the last; then those above.
    """

    n: int
    mean: float
    median: float
    lower: float
    upper: float
    full: int
    bins: tuple[int, ...]


@dataclass(frozen=True)
class TaskNumbers:
    """How a class did on one task.

    Attributes:
        task: The rubric's line.
        n: Submissions with a score for it.
        full: How many have all points.
        none: How many have none.
        difficulty: Mean share of the points, which is low where the task is hard.
        discrimination: Pearson's correlation of the score with the share of the points of all other tasks.
        withheld: Submissions for which it could not be checked.
        waiting: Submissions for which a person has yet to score it.
    """

    task: Task
    n: int
    full: int
    none: int
    difficulty: float | None
    discrimination: float | None
    withheld: int
    waiting: int


@dataclass(frozen=True)
class Fault:
    """A known mistake, or a check that did not pass for no known one, and who it was.

    Attributes:
        name: The mistake's id, or the check's name.
        sentence: The mistake's help, or the check's own sentence.
        tasks: Ids of the tasks in which it showed.
        students: Who, sorted; a group by the first of its rows.
        others: Other mistakes that some of them may have made instead: their answers are the same.
    """

    name: str
    sentence: str
    tasks: tuple[str, ...]
    students: tuple[str, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Times:
    """How long the grading took, seconds by the clock.

    Attributes:
        n: Submissions whose time is known.
        median: Half of them took longer.
        total: All together; several may have been graded at once.
        longest: The students whose took longest, and how long.
        machines: How many each machine graded, by name.
    """

    n: int
    median: float
    total: float
    longest: tuple[tuple[str, float], ...]
    machines: tuple[tuple[str, int], ...]


def one_each(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows sorted by student; of a group whose zip was graded once, only the one whose folder holds the results."""
    kept: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: (bool(row.graded_as), row.student)):
        kept.setdefault(row.graded_as or row.student, row)
    return tuple(sorted(kept.values(), key=lambda row: row.student))


def share(row: Row) -> Fraction | None:
    """Score over points; None where there are no points."""
    return _exact(row.score) / _exact(row.max_score) if row.max_score else None


def distribution(rows: Iterable[Row]) -> Distribution | None:
    """How the scores of the graded rows are spread; None where there is none."""
    shares = sorted(part for row in rows if row.outcome == GRADED and (part := share(row)) is not None)
    if not shares:
        return None
    counts = Counter(BINS if part > 1 else min(BINS - 1, max(0, math.floor(part * BINS))) for part in shares)
    lower, _, upper = statistics.quantiles(shares, method="inclusive") if len(shares) > 1 else shares * 3
    return Distribution(
        n=len(shares),
        mean=float(statistics.mean(shares)),
        median=float(statistics.median(shares)),
        lower=float(lower),
        upper=float(upper),
        full=sum(part >= 1 for part in shares),
        bins=tuple(counts[i] for i in range(BINS + 1)),
    )


def task_numbers(tasks: Sequence[Task], rows: Iterable[Row]) -> tuple[TaskNumbers, ...]:
    """The numbers of each task over the graded rows of its assignment, in the rubric's order."""
    graded = [row for row in rows if row.outcome == GRADED]
    points = {task.id: _exact(task.points) for task in tasks}
    numbers = []
    for task in tasks:
        scored = [(row, _exact(row.tasks[task.id])) for row in graded if task.id in row.tasks]
        scores = [score for _, score in scored]
        asked = bool(task.points)
        rests = [(score, rest) for row, score in scored if (rest := _rest(row, task.id, tasks, points)) is not None]
        numbers.append(
            TaskNumbers(
                task=task,
                n=len(scored),
                full=sum(score >= points[task.id] for score in scores) if asked else 0,
                none=sum(score <= 0 for score in scores) if asked else 0,
                difficulty=float(statistics.mean(scores) / points[task.id]) if scores and asked else None,
                discrimination=correlation(rests),
                withheld=sum(task.id in row.withheld for row in graded),
                waiting=sum(task.id in row.waiting for row in graded),
            )
        )
    return tuple(numbers)


def _rest(row: Row, but: str, tasks: Sequence[Task], points: Mapping[str, Fraction]) -> Fraction | None:
    """Share of the points of the other tasks that were scored, bonus aside, so that variants can be compared."""
    others = [task.id for task in tasks if task.id in row.tasks and task.id != but and not task.bonus]
    whole = sum((points[task] for task in others), Fraction(0))
    return sum((_exact(row.tasks[task]) for task in others), Fraction(0)) / whole if whole else None


def correlation(pairs: Sequence[tuple[Fraction, Fraction]]) -> float | None:
    """Pearson's correlation; None for fewer than three pairs, and where one side is always the same."""
    if len(pairs) < FEWEST:
        return None
    first, second = (statistics.mean(side) for side in zip(*pairs, strict=True))
    both = sum((a - first) * (b - second) for a, b in pairs)
    spread = sum((a - first) ** 2 for a, _ in pairs) * sum((b - second) ** 2 for _, b in pairs)
    return None if not spread else float(both) / math.sqrt(spread)


def mistakes(faults: Mapping[str, Sequence[CheckResult]]) -> tuple[Fault, ...]:
    """The known mistakes, the most frequent first.

    Args:
        faults: The checks that did not pass, by student; each student counts once for each mistake.
    """
    found = [(check.mistake, student, check) for student in sorted(faults) for check in faults[student]]
    return _ranked([(name, student, check) for name, student, check in found if name], is_mistake=True)


def unnamed(faults: Mapping[str, Sequence[CheckResult]]) -> tuple[Fault, ...]:
    """The checks that did not pass for no known mistake, those of most students first."""
    found = [(check.name, student, check) for student in sorted(faults) for check in faults[student]]
    return _ranked([one for one in found if not one[2].mistake], is_mistake=False)


def mistake_anchor(assignment: str, mistake: str) -> str:
    """Where the class page explains a mistake; a word without spaces."""
    return f"mistake:{assignment}:{mistake}"


def _ranked(found: Sequence[tuple[str, str, CheckResult]], *, is_mistake: bool) -> tuple[Fault, ...]:
    groups: dict[tuple[str, str], list[tuple[str, CheckResult]]] = {}
    for name, student, check in found:
        key = (name, "" if is_mistake else check.task)  # two tasks may have checks of one name
        groups.setdefault(key, []).append((student, check))
    ranked = []
    for key, group in groups.items():
        sentence = next((check.help for _, check in group if check.help), "") if is_mistake else group[0][1].title
        others = {other for _, check in group for other in check.mistakes} - {key[0]} if is_mistake else set()
        tasks = tuple(sorted({check.task for _, check in group}))
        students = tuple(dict.fromkeys(student for student, _ in group))
        ranked.append(Fault(key[0], sentence, tasks, students, tuple(sorted(others))))
    return tuple(sorted(ranked, key=lambda fault: (-len(fault.students), fault.name, fault.tasks)))


def late_days(rows: Iterable[Row], most: int = 8) -> tuple[int, ...]:
    """How many of the graded rows are 0, 1, ... days late; the last number is those `most` days late and more."""
    counts = Counter(min(row.days_late, most) for row in rows if row.outcome == GRADED)
    return tuple(counts[i] for i in range(max(counts, default=-1) + 1))


def run_times(rows: Sequence[Row]) -> Times | None:
    """How long the grading of the rows took; None where no time is known."""
    timed = sorted((row.seconds, row.student) for row in rows if row.seconds > 0)
    if not timed:
        return None
    seconds = [each for each, _ in timed]
    machines = Counter(row.machine for row in rows if row.seconds > 0)
    return Times(
        n=len(timed),
        median=statistics.median(seconds),
        total=math.fsum(seconds),
        longest=tuple((student, each) for each, student in timed[: -1 - LONGEST : -1]),
        machines=tuple(sorted(machines.items())),
    )


def _exact(value: float) -> Fraction:
    """The number as it is written, 0.33 as 33/100."""
    return Fraction(str(value))
