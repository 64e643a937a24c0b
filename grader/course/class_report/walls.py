"""The walls of the class report: everyone's filters and maps as thumbnails, pictures that look the same shown once."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from grader.course.class_report.seen import Seen
from grader.course.records import Row
from grader.figures import FigureError, Picture
from grader.figures.heat import mix, normalise
from grader.figures.style import label
from grader.figures.tiles import tile
from grader.records import Array, Exhibit
from grader.rubric import Assignment

LOG = logging.getLogger(__name__)
WIDE = 120  # pixels of the longer side of a map's thumbnail: some 3 KiB
QUALITY = 80  # of its JPEG; filters are PNG, because their pixels are what is to be seen
SAME = 8  # most that a grey value may differ between two thumbnails that look the same: rounding, never a shape
MM_PER_PIXEL = 25.4 / 96


@dataclass(frozen=True)
class Tile:
    """One picture of a wall.

    Attributes:
        key: Unique on the page.
        picture: The thumbnail.
        students: Whose it is, sorted; none for a reference that nobody matched.
        is_reference: Whether it looks as the reference's.
    """

    key: str
    picture: Picture
    students: tuple[str, ...]
    is_reference: bool


@dataclass(frozen=True)
class Wall:
    """One kind of picture of everyone who has one: the reference first, then what fewest people have.

    Attributes:
        assignment: Id of the assignment.
        task: Id of the task.
        name: What is shown: a layer, a network, a scene.
        kind: "filters" or "maps".
        tiles: The pictures.
        without: Whose picture is missing or can't be drawn, sorted.
    """

    assignment: str
    task: str
    name: str
    kind: str
    tiles: tuple[Tile, ...]
    without: tuple[str, ...]


def build_walls(rows: Sequence[Row], seen: Mapping[str, Seen], rubrics: Mapping[str, Assignment]) -> tuple[Wall, ...]:
    """The walls of a class in the rubrics' order.

    Args:
        rows: The graded submissions, each once.
        seen: What their folders hold.
        rubrics: The assignments by id.
    """
    walls: list[Wall] = []
    for assignment in rubrics.values():
        own = [row.student for row in rows if row.assignment == assignment.id]
        order = {task.id: i for i, task in enumerate(assignment.tasks)}
        found: dict[tuple[str, str, int], dict[str, Exhibit]] = {}
        for student in own:
            for place, exhibit in _placed(seen[student].pictures):
                found.setdefault(place, {})[student] = exhibit
        for place in sorted(found, key=lambda place: (order.get(place[0], len(order)), place)):
            wall = _build(assignment.id, own, found[place], f"wall:{assignment.id}:{len(walls)}")
            walls += [wall] if wall.tiles else []
    return tuple(walls)


def _placed(exhibits: Iterable[Exhibit]) -> Iterable[tuple[tuple[str, str, int], Exhibit]]:
    """Each exhibit with its task, its kind and its number among those: a name may be one that the student chose."""
    counts: dict[tuple[str, str], int] = {}
    for exhibit in exhibits:
        place = (exhibit.task, exhibit.kind)
        counts[place] = counts.get(place, 0) + 1
        yield (*place, counts[place]), exhibit


def _build(assignment: str, students: Sequence[str], exhibits: Mapping[str, Exhibit], key: str) -> Wall:
    """Group the thumbnails by their looks, in the order of the students."""
    own = {student: thumbnail(exhibit, "student") for student, exhibit in exhibits.items()}
    references: list[Array] = []
    for exhibit in exhibits.values():
        pixels = thumbnail(exhibit, "reference")
        if pixels is not None and not any(_look_same(pixels, known) for known in references):
            references.append(pixels)
    # More than one reference: everyone chose an image of their own, and there is nothing to compare with.
    groups: list[tuple[Array, list[str], bool]] = [(references[0], [], True)] if len(references) == 1 else []
    for student, drawn in own.items():
        if drawn is None:
            continue
        group = next((group for group in groups if _look_same(drawn, group[0])), None)
        if group is None:
            groups.append((drawn, [student], False))
        else:
            group[1].append(student)
    groups.sort(key=lambda group: (not group[2], len(group[1]), group[1]))
    first = next(iter(exhibits.values()))
    kind = "filters" if first.kind == "filters" else "maps"
    tiles = tuple(
        Tile(f"{key}:{i}", _picture(pixels, kind, names, is_reference), tuple(names), is_reference)
        for i, (pixels, names, is_reference) in enumerate(groups)
    )
    names = [exhibit.name for exhibit in exhibits.values()]
    name = min(names, key=lambda name: (-names.count(name), name))  # a student may have chosen the layer
    without = tuple(student for student in students if own.get(student) is None)
    return Wall(assignment, first.task, label(name, 40), kind, tiles, without)


def thumbnail(exhibit: Exhibit, owner: str) -> Array | None:
    """One side's picture, (h, w, 3) uint8; None where there is none or it has another form.

    Args:
        exhibit: Of the kinds that `reading.py` keeps.
        owner: "student" or "reference".
    """
    name = f"{owner}_{'images' if exhibit.kind == 'filters' else 'maps'}"
    if name not in exhibit.arrays:
        return None
    try:
        return tile(exhibit.arrays[name]) if exhibit.kind == "filters" else _map(exhibit, name)
    except FigureError as error:
        LOG.warning("thumbnail of %r: %s", exhibit.key, error)
        return None


def _map(exhibit: Exhibit, name: str) -> Array:
    image, one = np.asarray(exhibit.arrays.get("image", ())), exhibit.arrays[name][0]
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=-1)
    if image.ndim != 3 or image.shape[-1] != 3 or one.ndim != 2:
        raise FigureError("the image or its map has another form")
    if not np.isfinite(one).all():
        raise FigureError("the map holds values that are not finite numbers")
    tall, wide = image.shape[:2]
    scale = WIDE / max(tall, wide)
    size = (max(1, round(wide * scale)), max(1, round(tall * scale)))
    kind = Image.Resampling.NEAREST if scale > 3 else Image.Resampling.LANCZOS  # small images keep their pixels
    plain = np.asarray(Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).resize(size, kind))
    scaled = normalise(one)
    mixed: Array = np.round(255 * mix(plain, np.zeros((1, 1)) if scaled is None else scaled)).astype(np.uint8)
    return mixed


def _look_same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and int(np.abs(one.astype(np.int16) - other.astype(np.int16)).max()) <= SAME


def _picture(pixels: Array, kind: str, students: Sequence[str], is_reference: bool) -> Picture:
    out = io.BytesIO()
    if kind == "filters":  # enlarged, because not every reader of a PDF leaves pixels alone
        times = max(1, WIDE // max(pixels.shape[:2]))
        pixels = pixels.repeat(times, axis=0).repeat(times, axis=1)
    image = Image.fromarray(pixels)
    if kind == "filters":
        image.save(out, "PNG", optimize=True)
    else:
        image.save(out, "JPEG", quality=QUALITY)
    what = "Filters as images" if kind == "filters" else "A class activation map over its image"
    whose = [*(["the reference's"] if is_reference else []), *(label(student, 40) for student in students[:3])]
    more = f" and {len(students) - 3} more" if len(students) > 3 else ""
    media = "image/png" if kind == "filters" else "image/jpeg"
    tall, wide = pixels.shape[:2]
    return Picture(media, out.getvalue(), f"{what}: {', '.join(whose)}{more}", "", wide * MM_PER_PIXEL,
                   tall * MM_PER_PIXEL)  # fmt: skip
