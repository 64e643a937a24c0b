"""What a class's trained networks and pictures look like on the class page: accuracies and walls."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from grader.course.class_report.charts import Strip, percent, reference_of, strip
from grader.course.class_report.names import Names, Who
from grader.course.class_report.seen import Accuracy, ClassJob
from grader.course.class_report.walls import Tile, build_walls
from grader.course.records import Row
from grader.rubric import Assignment, Task

NAMELESS = ("cams", "scene")  # pictures whose task's title says what they are


@dataclass(frozen=True)
class ModelView:
    """Everyone's networks of one task."""

    task: str
    title: str
    strip: Strip
    facts: tuple[str, ...]
    below: tuple[tuple[Who, str], ...]


@dataclass(frozen=True)
class WallView:
    """One wall: the tiles with the students whose pictures they are."""

    title: str
    kind: str
    tiles: tuple[tuple[Tile, tuple[Who, ...]], ...]
    without: tuple[Who, ...]


def view_models(job: ClassJob, assignment: Assignment, rows: Sequence[Row], names: Names) -> tuple[ModelView, ...]:
    """The networks of each task that has some, in the rubric's order."""
    views = []
    for task in assignment.tasks:
        of_task = [(row.student, one) for row in rows for one in job.seen[row.student].accuracies]
        found = [(student, one) for student, one in of_task if one.task == task.id]
        if found:
            views.append(_model(task, found, names))
    return tuple(views)


def _model(task: Task, found: Sequence[tuple[str, Accuracy]], names: Names) -> ModelView:
    reference, threshold = reference_of([one for _, one in found])
    values = [one.value for _, one in found]
    n, best = len(values), max(found, key=lambda one: one[1].value)
    facts = [f"{n} network{'s' * (n != 1)}", f"median {percent(statistics.median(values))}",
             f"best {percent(best[1].value)}, by {names.name(best[0])}"]  # fmt: skip
    if threshold is not None:
        facts.append(
            f"{sum(value > threshold for value in values)} above the {percent(threshold)} that earn the credit"
        )
    if reference is not None:
        facts.append(f"{sum(value > reference for value in values)} above the reference’s {percent(reference)}")
    low = sorted((one.value, student) for student, one in found if threshold is not None and one.value <= threshold)
    below = tuple((names.who(student), percent(value)) for value, student in low)
    return ModelView(task.id, task.title, strip(values, reference, threshold), tuple(facts), below)


def view_walls(job: ClassJob, assignment: Assignment, rows: Sequence[Row], names: Names) -> tuple[WallView, ...]:
    """The walls of one assignment."""
    views = []
    for wall in build_walls(rows, job.seen, {assignment.id: assignment}):
        task = assignment.by_id.get(wall.task)
        name = "" if wall.name in NAMELESS else f": {names.name(wall.name)}"
        title = f"{wall.task} {task.title if task else ''}{name}"
        tiles = tuple((tile, names.all(tile.students)) for tile in wall.tiles)
        views.append(WallView(title, wall.kind, tiles, names.all(wall.without)))
    return tuple(views)
