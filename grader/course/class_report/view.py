"""What the template of the class report sees: a class as plain, cleaned data, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.course.class_report.attention import PairView, Reason, view_pairs, view_reasons
from grader.course.class_report.charts import (
    Histogram,
    Networks,
    late_histogram,
    networks,
    percent,
    score_histogram,
    time_histogram,
)
from grader.course.class_report.names import DisplayNames
from grader.course.class_report.seen import ClassJob
from grader.course.class_report.statistics import (
    Distribution,
    Fault,
    Times,
    distribution,
    late_days,
    mistakes,
    one_each,
    run_times,
    task_numbers,
    unnamed,
)
from grader.course.class_report.tables import FEW, Table, TaskLine, view_tables, view_tasks
from grader.course.class_report.walls import Wall, build_walls
from grader.course.records import FAILED, GRADED, MISSING, REFUSED, UNREAD, Row
from grader.figures.thumbnail import Accuracy
from grader.report.page import points
from grader.rubric import Assignment, Task

MOST_LATE = 8  # days; the last bar stands for more
MOST_UNNAMED = 8


@dataclass(frozen=True)
class Part:
    """One assignment's part of the page; `n` submissions were graded, `read` of which have results that can be read."""

    assignment: Assignment
    n: int
    read: int
    median: str
    of: str
    histogram: Histogram | None
    facts: tuple[tuple[str, str], ...]
    faults: tuple[Fault, ...]
    unnamed: tuple[Fault, ...]
    not_started: tuple[tuple[Task, tuple[str, ...]], ...]
    tasks: tuple[TaskLine, ...]
    is_few: bool
    networks: tuple[Networks, ...]
    walls: tuple[Wall, ...]


@dataclass(frozen=True)
class ClassView:
    """Everything that the template shows."""

    title: str
    counts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    reasons: tuple[Reason, ...]
    tables: tuple[Table, ...]
    pairs: tuple[PairView, ...]
    more_pairs: int
    late: Histogram | None
    late_facts: str
    times: Histogram | None
    times_facts: tuple[str, ...]
    longest: tuple[tuple[str, float], ...]
    names: DisplayNames
    plain: str


def view_class(job: ClassJob) -> ClassView:
    """Arrange a class for the page."""
    names = DisplayNames(job)
    rows = one_each(job.rows)
    reasons = view_reasons(job, names)  # first: what is urgent gets its room
    parts = tuple(_part(job, assignment, rows) for assignment in job.rubrics.values())
    pairs, more = view_pairs(job.pairs, names)
    paired = frozenset(student for pair in job.pairs for student in (pair.first, pair.second, *pair.others))
    tables = view_tables(job, names, paired)
    days, times = late_days(rows, MOST_LATE), run_times(rows)
    return ClassView(
        title=names.name(job.title) or "Class",
        counts=_counts(job.rows),
        parts=parts,
        reasons=reasons,
        tables=tables,
        pairs=pairs,
        more_pairs=more,
        late=late_histogram(days, MOST_LATE) if len(days) > 1 else None,
        late_facts=_late_facts(rows),
        times=time_histogram([row.seconds for row in rows if row.seconds > 0]) if times and times.n > 1 else None,
        times_facts=_times_facts(times, names),
        longest=times.longest if times else (),
        names=names,
        plain=job.plain,
    )


def _counts(rows: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    words = (
        (GRADED, "graded"),
        (REFUSED, "refused"),
        (MISSING, "handed in nothing"),
        (UNREAD, "handed in what is not read"),
        (FAILED, "could not be graded"),
    )
    counted = [(kind, sum(row.outcome == kind for row in rows), word) for kind, word in words]
    return (("all", f"{len(rows)} student{'s' * (len(rows) != 1)}"),
            *((kind, f"{n} {word}") for kind, n, word in counted if n))  # fmt: skip


def _part(job: ClassJob, assignment: Assignment, rows: Sequence[Row]) -> Part:
    own = [row for row in rows if row.assignment == assignment.id and row.outcome == GRADED]
    scores = distribution(own)
    faults = {row.student: job.seen[row.student].faults for row in own if not job.seen[row.student].problem}
    tops = {row.max_score for row in own}
    top = tops.pop() if len(tops) == 1 else None

    def told(share: float) -> str:
        """A share of the points, in points where all have the same number of them."""
        return percent(share) if top is None else points(round(share * top, 2))

    measured: dict[str, list[tuple[str, Accuracy]]] = {}
    for row in own:
        for task, accuracy in job.seen[row.student].accuracies:
            measured.setdefault(task, []).append((row.student, accuracy))
    return Part(
        assignment=assignment,
        n=len(own),
        read=len(faults),
        median=told(scores.median) if scores else "–",
        of="of the points" if top is None else f"of {points(top)} points",
        histogram=score_histogram(scores) if scores else None,
        facts=_facts(scores, told, own) if scores else (),
        faults=mistakes(faults),
        unnamed=unnamed(faults)[:MOST_UNNAMED],
        not_started=tuple(
            (task, who)
            for task in assignment.tasks
            if (who := tuple(row.student for row in own if task.id in job.seen[row.student].not_started))
        ),
        tasks=view_tasks(task_numbers(assignment.tasks, own)),
        is_few=len(own) < FEW,
        networks=tuple(networks(task, of_task) for task in assignment.tasks if (of_task := measured.get(task.id))),
        walls=build_walls(assignment, [row.student for row in own], job.seen),
    )


def _facts(scores: Distribution, told: Callable[[float], str], rows: Sequence[Row]) -> tuple[tuple[str, str], ...]:
    late, waiting = sum(row.days_late > 0 for row in rows), sum(bool(row.waiting) for row in rows)
    return (
        ("Median", told(scores.median)),
        ("Middle half", f"{told(scores.lower)} to {told(scores.upper)}"),
        ("Mean", told(scores.mean)),
        ("All points", f"{scores.full} of {scores.n}"),
        ("Handed in late", f"{late} of {scores.n}"),
        ("Wait for a person", f"{waiting} of {scores.n}"),
    )


def _late_facts(rows: Sequence[Row]) -> str:
    late = [row.days_late for row in rows if row.outcome == GRADED and row.days_late]
    graded = sum(row.outcome == GRADED for row in rows)
    if graded and not any(row.submitted_at for row in rows if row.outcome == GRADED):
        return "No time of hand-in is known, so every submission was counted as on time."
    if not late:
        return f"All {graded} graded submissions were on time." if graded else "Nothing was graded."
    days = f"{sum(late)} day{'s' * (sum(late) != 1)}"
    return f"{len(late)} of {graded} were late, by {days} together; the latest by {max(late)}."


def _times_facts(times: Times | None, names: DisplayNames) -> tuple[str, ...]:
    if times is None:
        return ()
    machines = [f"{names.name(machine or 'not recorded')} {n}" for machine, n in times.machines]
    return (f"median {times.median:.0f} s", f"{times.total / 60:.1f} minutes in all",
            f"graded on {', '.join(machines)}")  # fmt: skip
