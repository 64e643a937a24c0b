"""Class activation maps of a few images: both networks side by side, the student's map beside the reference's."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from grader.figures import style
from grader.figures.heat import enlarge, mix, normalise, peak
from grader.figures.picture import FigureError, Picture
from grader.figures.sheet import NOTICE_MM, Sheet, dots
from grader.figures.sides import Side, images_of, problem_of, side_of
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.figures.thumbnail import Thumbnail, both_sides, overlay
from grader.records import Array, Exhibit
from grader.vision.figures.overlays import KEY

MOST = 6  # images
NETWORKS = (
    ("supervised", "Supervised network", "map of the class"),
    ("rotation", "Rotation network", "map of “upright”"),
)
SIDE, MIXED = 192, 64  # dots of a tile, and of what is mixed: three dots each
NAMES, APART, BETWEEN, ROW = dots(36), dots(4.4), dots(1.5), dots(1.5)
GROUP = dots(36)  # least width of a network's columns: its name stands above them
HEAD, LINE, STRIPE = dots(11.8), dots(3.4), dots(2.2)


@dataclass(frozen=True)
class Column:
    """One owner's maps by one network: `side.data` is (n, h, w), finite."""

    network: str
    side: Side[Array]
    left: int


def draw(exhibit: Exhibit) -> Picture:
    """Draw `images` (n, H, W, 3) uint8 and (n, h, w) maps: `student_` and `reference_`, `supervised` and `rotation`.

    Facts: `labels`, the class whose map the supervised network's is; `said`, `remarks`, n strings each; `rule`, by
    which an image was chosen; `problem`.

    Raises:
        FigureError: If the images or all maps are missing.
    """
    images = images_of(exhibit.arrays, "images", MOST)
    if all(f"student_{network}" not in exhibit.arrays for network, _, _ in NETWORKS):
        owners, problem = [REFERENCE], problem_of(exhibit)
    else:
        owners, problem = [STUDENT, REFERENCE], ""
    columns, width = _columns(exhibit, len(images), owners)
    if all(column.side.data is None for column in columns):
        raise FigureError("the maps are missing")
    rule = style.label(exhibit.facts.get("rule") or "", 400)
    notes = textwrap.wrap(f"{KEY} {rule}", int(width / dots(1.36)), max_lines=4, placeholder=" …")
    body = len(images) * (SIDE + ROW)
    sheet = Sheet(width, HEAD + body + (len(notes) + 1) * LINE + dots(1) + (dots(NOTICE_MM) if problem else 0))
    start = sheet.notice(problem)
    _write_heads(sheet, columns, start)
    for i, image in enumerate(images):
        top = start + HEAD + i * (SIDE + ROW)
        _write_names(sheet, exhibit, i, top)
        sheet.paste(image, NAMES, top, SIDE)
    for column in columns:
        _draw_column(sheet, column, images, start + HEAD)
    _write_key(sheet, notes, start + HEAD + body)
    return sheet.finish(_alt(exhibit, columns, len(images), problem), exhibit.caption)


def thumbnail(exhibit: Exhibit) -> list[Thumbnail]:
    """The maps of each network over the first image."""
    images = exhibit.arrays.get("images")
    image = None if images is None or not len(images) else images[0]
    what = "A class activation map over its image"
    return [both_sides(exhibit, name, lambda maps: overlay(image, maps), what, name) for name, _, _ in NETWORKS]


def _columns(exhibit: Exhibit, n: int, owners: Sequence[Owner]) -> tuple[list[Column], int]:
    """The columns of maps, and the figure's width."""
    columns: list[Column] = []
    left = NAMES + SIDE
    for network, _, _ in NETWORKS:
        left = first = left + APART
        for owner in owners:
            side = side_of(exhibit, owner, network, lambda maps: _maps(maps, n))
            if side is not None:
                columns.append(Column(network, side, left))
                left += SIDE + BETWEEN
        left = max(left - BETWEEN, first + GROUP)
    return columns, left + 1


def _maps(maps: Array, n: int) -> Array:
    if maps.ndim != 3 or len(maps) < n or 0 in maps.shape:
        raise FigureError("there is no map for each image")
    if not np.isfinite(maps[:n]).all():
        raise FigureError("the maps hold values that are not finite numbers")
    return maps[:n]


def _write_heads(sheet: Sheet, columns: Sequence[Column], top: int) -> None:
    """The networks' names, what their maps are of, and whose the columns are."""
    sheet.write("Image", NAMES, top + dots(8), fontsize=7.5, fontweight="bold")
    for network, name, what in NETWORKS:
        own = [column for column in columns if column.network == network]
        if own:
            sheet.write(name, own[0].left, top, fontsize=8.5, fontweight="bold")
            sheet.write(what, own[0].left, top + dots(4), color=style.MUTED)
    for column in columns:
        owner = column.side.owner
        sheet.write(owner.name, column.left, top + dots(8), color=owner.text, fontsize=7.5, fontweight="bold")


def _write_names(sheet: Sheet, exhibit: Exhibit, i: int, top: int) -> None:
    """The class of the map, what the network said, and a remark, at the left of an image."""
    room = sheet.millimetres(NAMES) - 3
    lines = [(text, "bold", style.INK) for text in style.wrap(_fact(exhibit, "labels", i), room, 2)]
    lines += [(text, "regular", style.INK) for text in style.wrap(_fact(exhibit, "said", i), room, 2)]
    lines += [(text, "regular", style.MUTED) for text in style.wrap(_fact(exhibit, "remarks", i), room, 2)]
    middle = top + (SIDE - len(lines) * LINE) / 2
    for j, (text, weight, color) in enumerate(lines):
        sheet.write(style.fit(text, room, 7.5, weight), NAMES - dots(2), middle + j * LINE, ha="right", color=color,
                    fontweight=weight, fontsize=7.5)  # fmt: skip


def _fact(exhibit: Exhibit, name: str, i: int) -> object:
    texts = exhibit.facts.get(name, ())
    return texts[i] if i < len(texts) else ""


def _draw_column(sheet: Sheet, column: Column, images: Array, top: int) -> None:
    if column.side.data is None:
        sheet.say(column.side.problem, column.left, top, SIDE, len(images) * (SIDE + ROW) - ROW)
        return
    for i, (image, one) in enumerate(zip(images, column.side.data, strict=True)):
        place = top + i * (SIDE + ROW)
        scaled = normalise(one)
        small = np.zeros((1, 1)) if scaled is None else scaled
        rows = np.arange(MIXED) * image.shape[0] // MIXED
        plain = image[rows][:, np.arange(MIXED) * image.shape[1] // MIXED]
        sheet.paste(np.round(255 * mix(plain, small)).astype(np.uint8), column.left, place, SIDE)
        if scaled is None:
            sheet.write("the same\neverywhere", column.left + SIDE / 2, place + SIDE / 2, ha="center", va="center",
                        color=style.PAPER, fontsize=6.5)  # fmt: skip
        else:
            _draw_half(sheet.axes, scaled, column.left, place)


def _draw_half(axes: Axes, scaled: Array, left: int, top: int) -> None:
    """The line at which the map is half way: it helps in gray, where bright parts of the image compete."""
    large = enlarge(scaled, (MIXED, MIXED))
    places = (np.arange(MIXED) + 0.5) * SIDE / MIXED
    axes.contour(left + places, top + places, large, levels=[0.5], colors=[style.PAPER], linewidths=0.7)


def _write_key(sheet: Sheet, notes: Sequence[str], top: int) -> None:
    steps = mix(np.full((1, 256, 3), 128, np.uint8), np.linspace(0, 1, 256)[None])
    for i, color in enumerate(steps[0]):
        sheet.fill(dots(6) + i, top + dots(0.6), 1, STRIPE, (float(color[0]), float(color[1]), float(color[2])))
    sheet.write("low", 0, top + dots(0.4), color=style.MUTED)
    sheet.write("high", dots(7) + len(steps[0]), top + dots(0.4), color=style.MUTED)
    for i, note in enumerate(notes):
        sheet.write(note, 0, top + (i + 1) * LINE + dots(0.6), color=style.MUTED)


def _alt(exhibit: Exhibit, columns: Sequence[Column], n: int, problem: str) -> str:
    parts = [f"Class activation maps over {n} images, bright where a value is high."]
    parts += [f"Yours: {problem}"] if problem else []
    for i in range(n):
        label, said, remark = (style.label(_fact(exhibit, name, i), 60) for name in ("labels", "said", "remarks"))
        aside = ", ".join(text for text in (said, remark) if text)
        told = [f"{column.side.owner.name.lower()} {column.network} {peak(column.side.data[i])}"
                for column in columns if column.side.data is not None]  # fmt: skip
        parts.append(f"{label or f'image {i + 1}'}{f' ({aside})' if aside else ''}: {', '.join(told)}.")
    parts += [f"{column.network}: {column.side.problem}" for column in columns if column.side.problem]
    return " ".join(parts)
