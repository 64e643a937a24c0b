"""The walls of the class report: everyone's thumbnails of one figure, pictures that look the same shown once."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from grader.course.class_report.seen import Place, Seen
from grader.figures import Picture
from grader.figures.style import label
from grader.figures.thumbnail import WIDE, Thumbnail
from grader.records import Array
from grader.rubric import Assignment

QUALITY = 80  # of a JPEG
SAME = 8  # largest difference of gray values between thumbnails that look the same: rounding, never a shape
MM_PER_PIXEL = 25.4 / 96


@dataclass(frozen=True)
class Tile:
    """One picture of a wall.

    Attributes:
        key: Unique on the page.
        picture: The thumbnail.
        students: Whose it is, sorted; none for a reference that nobody matched.
        is_reference: Whether it looks like the reference's.
    """

    key: str
    picture: Picture
    students: tuple[str, ...]
    is_reference: bool


@dataclass(frozen=True)
class Wall:
    """One figure of everyone who has it: the reference first, then the pictures that the fewest people have.

    Attributes:
        task: Id of the task.
        name: Which figure of the task; empty where the task has only one.
        is_sharp: Whether to enlarge the pictures without smoothing.
        tiles: The pictures.
        without: Students whose picture is missing or can't be drawn, sorted.
    """

    task: str
    name: str
    is_sharp: bool
    tiles: tuple[Tile, ...]
    without: tuple[str, ...]


def build_walls(assignment: Assignment, students: Sequence[str], seen: Mapping[str, Seen]) -> tuple[Wall, ...]:
    """Build the walls of one assignment in the rubric's order.

    Args:
        assignment: The assignment.
        students: Who was graded, each submission once.
        seen: What their folders hold.
    """
    order = {task.id: i for i, task in enumerate(assignment.tasks)}
    found: dict[Place, dict[str, tuple[str, Thumbnail]]] = {}
    for student in students:
        for place, shown in seen[student].pictures.items():
            found.setdefault(place, {})[student] = shown
    places = sorted(found, key=lambda place: (order.get(place[0], len(order)), place))
    of_task = [place[0] for place in places]
    walls = []
    for i, place in enumerate(places):
        names = [name for name, _ in found[place].values()]
        name = min(names, key=lambda name: (-names.count(name), name))  # a student may have chosen the layer
        name = label(name, 40) if of_task.count(place[0]) > 1 else ""
        pictures = {student: one for student, (_, one) in found[place].items()}
        walls.append(_build(place[0], name, students, pictures, f"wall:{assignment.id}:{i}"))
    return tuple(wall for wall in walls if wall.tiles)


def _build(task: str, name: str, students: Sequence[str], pictures: Mapping[str, Thumbnail], key: str) -> Wall:
    """Group the thumbnails by what they look like, in the order of the students."""
    references: list[Array] = []
    for one in pictures.values():
        if one.reference is not None and not any(_look_same(one.reference, known) for known in references):
            references.append(one.reference)
    # More than one reference: everyone chose an image of their own, and there is nothing to compare with.
    groups: list[tuple[Array, list[str], bool]] = [(references[0], [], True)] if len(references) == 1 else []
    for student, one in pictures.items():
        if one.student is None:
            continue
        group = next((group for group in groups if _look_same(one.student, group[0])), None)
        if group is None:
            groups.append((one.student, [student], False))
        else:
            group[1].append(student)
    groups.sort(key=lambda group: (not group[2], len(group[1]), group[1]))
    first = next(iter(pictures.values()))
    tiles = tuple(
        Tile(f"{key}:{i}", _picture(pixels, first, names, is_reference), tuple(names), is_reference)
        for i, (pixels, names, is_reference) in enumerate(groups)
    )
    drawn = {student for _, names, _ in groups for student in names}
    return Wall(task, name, first.is_sharp, tiles, tuple(student for student in students if student not in drawn))


def _look_same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and int(np.abs(one.astype(np.int16) - other.astype(np.int16)).max()) <= SAME


def _picture(pixels: Array, like: Thumbnail, students: Sequence[str], is_reference: bool) -> Picture:
    out = io.BytesIO()
    if like.is_sharp:  # enlarged, because not every reader of a PDF leaves pixels alone
        times = max(1, WIDE // max(pixels.shape[:2]))
        pixels = pixels.repeat(times, axis=0).repeat(times, axis=1)
        Image.fromarray(pixels).save(out, "PNG", optimize=True)
    else:
        Image.fromarray(pixels).save(out, "JPEG", quality=QUALITY)
    whose = [*(["the reference's"] if is_reference else []), *(label(student, 40) for student in students[:3])]
    more = f" and {len(students) - 3} more" if len(students) > 3 else ""
    tall, wide = pixels.shape[:2]
    return Picture("image/png" if like.is_sharp else "image/jpeg", out.getvalue(),
                   f"{like.what}: {', '.join(whose)}{more}", "", wide * MM_PER_PIXEL, tall * MM_PER_PIXEL)  # fmt: skip
