"""Maps over an image: the plain image at the left, then a column per map, the student's row above the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from grader.figures import style
from grader.figures.heat import enlarge, mix, normalise, peak
from grader.figures.picture import FigureError, Picture, as_jpeg, new_figure
from grader.figures.sides import problem_of
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.figures.thumbnail import Thumbnail, both_sides, overlay
from grader.records import Array, Exhibit

MOST = 6  # maps
MAPS = ((STUDENT, "student_maps", "your maps"), (REFERENCE, "reference_maps", "the reference's maps"))
KEY = "Each map on its own scale; the line is half way."
SIDE_PX = 400  # longer side of what is mixed: a little more than a tile has in print
CELL_MM, TALLEST_MM = 34.0, 104.0  # widest tile; highest figure: what can't be split must fit below other things
RAIL_MM, STRIP_MM, GAP_MM, LINE_MM, KEY_MM = 30.0, 5.5, 2.5, 3.4, 2.2
SHAPES = (0.45, 1.6)  # height over width of a tile; an image outside is fitted into it
MUCH_LARGER = 1.25  # tiles in two blocks must be so much larger than in one to be worth the paper


@dataclass(frozen=True)
class Grid:
    """Where the tiles stand, mm: `columns` maps side by side, in blocks of one row per owner below their labels."""

    columns: int
    blocks: int
    cell: float
    tall: float
    head: float
    rail: float

    def block(self, rows: int) -> float:
        """Height of one block."""
        return self.head + rows * self.tall + (rows - 1) * GAP_MM

    def height(self, rows: int) -> float:
        """Height of all blocks."""
        return self.blocks * self.block(rows) + (self.blocks - 1) * GAP_MM

    @property
    def width(self) -> float:
        """Width with the plain image and the strip of owners' names."""
        return self.rail + STRIP_MM + self.columns * self.cell + (self.columns - 1) * GAP_MM + 0.4


def draw(exhibit: Exhibit) -> Picture:
    """Draw `image` (H, W, 3) uint8 and `student_maps`, `reference_maps` or both: (n, h, w), each on its own scale.

    Facts: `labels`, n names; optionally `scores`, n strings; `note`, a sentence; `in_a_row`, where the maps are to be
    small and side by side; `problem`, a sentence that stands where the student's maps are missing; `class_page`, false
    where a class page is not to show it.

    Raises:
        FigureError: If an array is missing, has another shape, or a map is not finite.
    """
    image = _image(exhibit)
    owners = [owner for owner, name, _ in MAPS if name in exhibit.arrays] or [STUDENT]
    rows = [(owner, _maps(exhibit, name, words)) for owner, name, words in MAPS if owner in owners]
    n = len(rows[0][1])
    if any(len(maps) != n for _, maps in rows):
        raise FigureError("yours and the reference's are not equally many")
    problem = problem_of(exhibit) if STUDENT not in owners else ""
    labels = _texts(exhibit, "labels", n) or [f"map {i + 1}" for i in range(n)]
    scores = _texts(exhibit, "scores", n) or [""] * n
    shape = float(np.clip(image.shape[0] / image.shape[1], *SHAPES))
    tall = len(rows) + bool(problem)
    grid = arrange(n, tall, shape, labels, int(any(scores)), bool(exhibit.facts.get("in_a_row")))
    note = [*style.wrap(KEY, grid.rail, 4), *style.wrap(exhibit.facts.get("note", ""), grid.rail, 6)]
    height = max(grid.height(tall), grid.head + grid.rail * shape + 10.4 + len(note) * LINE_MM) + 0.4
    figure = new_figure(grid.width, height)
    _rail(figure, grid, image, shape, note)
    for row, (owner, maps) in enumerate(rows):
        for i, one in enumerate(maps):
            axes = _tile(figure, *_place(grid, tall, row, i), grid.cell, grid.tall)
            _overlay(axes, image, one)
            if row == 0:
                _name(axes, grid, labels[i], scores[i])
            if i % grid.columns == 0:
                _whose(axes, owner, grid.cell)
    if problem:
        _say(figure, grid, problem, _place(grid, tall, len(rows), 0))
    return as_jpeg(figure, alt=f"{_alt(rows, labels, scores)} {problem}".strip(), caption=exhibit.caption)


def thumbnail(exhibit: Exhibit) -> list[Thumbnail]:
    """The first map of each side over its image; nothing where the fact `class_page` is false."""
    if not exhibit.facts.get("class_page", True):
        return []
    image = exhibit.arrays.get("image")
    return [both_sides(exhibit, "maps", lambda maps: overlay(image, maps), "A map over its image")]


def arrange(n: int, rows: int, shape: float, labels: Sequence[str], score_lines: int, in_a_row: bool = False) -> Grid:
    """The grid with the largest tiles that is neither wider than the page's column nor too high.

    Args:
        n: How many maps.
        rows: How many owners.
        shape: Height of a tile over its width.
        labels: Names of the maps; long ones take two lines.
        score_lines: Lines below the names.
        in_a_row: Whether all stand side by side, as small as the plain image.
    """
    best: Grid | None = None
    for blocks in range(1, 2 if in_a_row else n + 1):
        columns = -(-n // blocks)
        whole = style.TEXT_WIDTH_MM - STRIP_MM - (columns - 1) * GAP_MM - 0.4
        rail = whole / (columns + 1) if in_a_row else RAIL_MM if columns > 2 else CELL_MM
        cell = min(CELL_MM, (whole - rail) / columns)
        lines = max((len(style.wrap(label, cell, 2)) for label in labels), default=1) + score_lines
        head = lines * LINE_MM + 1.4
        free = TALLEST_MM - blocks * (head + (rows - 1) * GAP_MM) - (blocks - 1) * GAP_MM
        cell = min(cell, free / (blocks * rows) / shape)
        if best is None or cell > best.cell * MUCH_LARGER:
            best = Grid(columns, blocks, cell, cell * shape, head, rail)
    assert best is not None  # n is at least 1
    return best


def _image(exhibit: Exhibit) -> Array:
    image = np.asarray(exhibit.arrays.get("image", ()))
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=-1)
    if image.ndim != 3 or image.shape[-1] != 3 or 0 in image.shape:
        raise FigureError("the image is missing or no color image")
    image = np.clip(image, 0, 255).astype(np.uint8)
    tall, wide = image.shape[:2]
    scale = SIDE_PX / max(tall, wide)
    kind = Image.Resampling.NEAREST if scale > 4 else Image.Resampling.LANCZOS  # thumbnails keep their pixels
    size = (max(1, round(wide * scale)), max(1, round(tall * scale)))
    return np.asarray(Image.fromarray(image).resize(size, kind))


def _maps(exhibit: Exhibit, name: str, words: str) -> Array:
    maps = np.asarray(exhibit.arrays.get(name, ()))
    if maps.ndim != 3 or 0 in maps.shape:
        raise FigureError(f"{words} are missing or not a stack of maps")
    if not np.isfinite(maps).all():
        raise FigureError(f"{words} hold values that are not finite numbers")
    return maps[:MOST]


def _texts(exhibit: Exhibit, name: str, n: int) -> list[str]:
    texts = [style.label(text, 60) for text in exhibit.facts.get(name, ())][:n]
    return [*texts, *[""] * (n - len(texts))] if texts else []


def _place(grid: Grid, rows: int, row: int, i: int) -> tuple[float, float]:
    """Left and top of a tile, mm from the figure's upper left corner."""
    block, column = divmod(i, grid.columns)
    left = grid.rail + STRIP_MM + column * (grid.cell + GAP_MM)
    return left, block * (grid.block(rows) + GAP_MM) + grid.head + row * (grid.tall + GAP_MM)


def _tile(figure: Figure, left: float, top: float, wide: float, tall: float) -> Axes:
    width, height = figure.get_size_inches() * 25.4
    axes = figure.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height))
    axes.set_anchor("NW")
    style.no_axes(axes)
    return axes


def _rail(figure: Figure, grid: Grid, image: Array, shape: float, note: Sequence[str]) -> None:
    """The plain image, below it what the colors mean, and the note."""
    axes = _tile(figure, 0.2, grid.head, grid.rail, grid.rail * shape)
    axes.imshow(image, interpolation="bilinear")
    axes.text(0, 1 + 1.3 / (grid.rail * shape), "Image", fontweight="bold", va="bottom", transform=axes.transAxes)
    key = _tile(figure, 0.2, grid.head + grid.rail * shape + 3.2, grid.rail, KEY_MM)
    steps = np.linspace(0, 1, 64)[None]
    key.imshow(mix(np.full((1, 64, 3), 128, np.uint8), steps), aspect="auto", interpolation="nearest")
    for text, x, side in (("low", 0, "left"), ("high", 1, "right")):
        key.text(x, -0.45, text, ha=side, va="top", color=style.MUTED, fontsize=7, transform=key.transAxes)
    for i, line in enumerate(note):
        y = -(4.4 + i * LINE_MM) / KEY_MM
        key.text(0, y, line, va="top", color=style.MUTED, fontsize=7, transform=key.transAxes)


def _overlay(axes: Axes, image: Array, one: Array) -> None:
    scaled = normalise(one)
    axes.imshow(mix(image, np.zeros((1, 1)) if scaled is None else scaled), interpolation="bilinear")
    if scaled is not None:  # the line helps in gray, where bright parts of the image compete with the map
        axes.contour(enlarge(scaled, image.shape), levels=[0.5], colors=[style.PAPER], linewidths=0.7)
    else:
        axes.text(0.5, 0.5, "the same\neverywhere", color=style.PAPER, ha="center", va="center", fontsize=6.5,
                  transform=axes.transAxes)  # fmt: skip


def _whose(axes: Axes, owner: Owner, wide: float) -> None:
    axes.text(-1.6 / wide, 0.5, owner.name, color=owner.text, fontweight="bold", rotation=90, ha="right", va="center",
              transform=axes.transAxes)  # fmt: skip


def _say(figure: Figure, grid: Grid, problem: str, corner: tuple[float, float]) -> None:
    """A framed sentence in the place of the student's maps."""
    wide = grid.columns * (grid.cell + GAP_MM) - GAP_MM
    axes = _tile(figure, *corner, wide, grid.tall)
    lines = style.wrap(problem, wide - 4, max(1, int(grid.tall / LINE_MM) - 1), letter_mm=1.36)
    axes.text(2 / wide, 0.5, "\n".join(lines), va="center", color=style.MUTED, transform=axes.transAxes)
    _whose(axes, STUDENT, wide)


def _name(axes: Axes, grid: Grid, label: str, score: str) -> None:
    lines = style.wrap(label, grid.cell, 2)
    step = LINE_MM / grid.tall
    start = 1 + 1.3 / grid.tall
    if score:
        axes.text(0, start, style.fit(score, grid.cell), color=style.MUTED, va="bottom", transform=axes.transAxes)
        start += step
    for i, line in enumerate(reversed(lines)):
        text = style.fit(line, grid.cell, weight="bold")
        axes.text(0, start + i * step, text, fontweight="bold", va="bottom", transform=axes.transAxes)


def _alt(rows: Sequence[tuple[Owner, Array]], labels: Sequence[str], scores: Sequence[str]) -> str:
    parts = [f"An image, and over it {len(labels)} map{'s' * (len(labels) > 1)}, bright where a value is high."]
    for i, (label, score) in enumerate(zip(labels, scores, strict=True)):
        owners = ", ".join(f"{owner.name.lower()} {peak(maps[i])}" for owner, maps in rows)
        parts.append(f"{label}{f' ({score})' if score else ''}: {owners}.")
    return " ".join(parts)
