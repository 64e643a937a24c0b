"""Filters of a convolution as images: the student's grid at the left, the reference's at the right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.figures import style
from grader.figures.picture import FigureError, Picture, as_png, new_figure
from grader.figures.sides import PREFIXES, Side, sides_of
from grader.figures.thumbnail import Thumbnail, both_sides
from grader.figures.tiles import MOST, tile
from grader.records import Array, Exhibit

SIDE_MM, GAP_MM, HEAD_MM = 36.0, 3.5, 7.0  # both layers of a task stand side by side on a page
ALONE_MM = 60.0
THUMBNAIL_SIDE = 16  # most pixels of a filter's side on a class page


def draw(exhibit: Exhibit) -> Picture:
    """Draw `student_images` and `reference_images`, or one of them: (n, kh, kw) or (n, kh, kw, 3), uint8.

    Where the student's are missing, the fact `problem` says why, in their place.

    Raises:
        FigureError: If all are missing or of another shape.
    """
    if not {"student_images", "reference_images"} & set(exhibit.arrays):
        raise FigureError("the filters are missing")
    sides = sides_of(exhibit, lambda prefix: tile(exhibit.arrays[f"{prefix}images"]))
    side = SIDE_MM if len(sides) > 1 else ALONE_MM
    heights = [side * grid.shape[0] / grid.shape[1] for each in sides if (grid := each.data) is not None]
    height = max(heights) + HEAD_MM
    width = len(sides) * side + (len(sides) - 1) * GAP_MM
    figure = new_figure(width, height)
    for i, each in enumerate(sides):
        left = i * (side + GAP_MM) / width
        tall = max(heights) if each.data is None else side * each.data.shape[0] / each.data.shape[1]
        axes = figure.add_axes((left, (height - HEAD_MM - tall) / height, side / width, tall / height))
        if each.data is None:
            style.no_axes(axes)
            lines = style.wrap(each.problem, side - 3, max(1, int(tall / 3.6)), letter_mm=1.4)
            axes.text(0.04, 0.96, "\n".join(lines), va="top", color=style.MUTED, fontsize=7, transform=axes.transAxes)
        else:
            axes.imshow(each.data, interpolation="nearest", aspect="auto")
            axes.set_axis_off()
        axes.set_title(each.owner.name, color=each.owner.text, pad=3.5)
    return as_png(figure, alt=_alt(exhibit, sides), caption=exhibit.caption)


def thumbnail(exhibit: Exhibit) -> list[Thumbnail]:
    """Both grids, of each of whose large filters rows and columns are left out."""
    return [both_sides(exhibit, "images", lambda images: tile(_thin(images)), "Filters as images", is_sharp=True)]


def _thin(images: Array) -> Array:
    step = max(1, -(-max(images.shape[1:3], default=1) // THUMBNAIL_SIDE))
    return images[:MOST, ::step, ::step] if images.ndim in (3, 4) else images


def _alt(exhibit: Exhibit, sides: Sequence[Side[Array]]) -> str:
    parts = ["Filters as images."]
    for side in sides:
        whose = f"{side.owner.name}:"
        if side.data is None:
            parts.append(f"{whose} {side.problem}")
            continue
        shape = exhibit.arrays[f"{PREFIXES[side.owner.name]}images"].shape
        more = f", the first {MOST} shown" if shape[0] > MOST else ""
        parts.append(f"{whose} {shape[0]} filters of {shape[1]} by {shape[2]} pixels{more}.")
    grids = [side.data for side in sides if side.data is not None]
    if len(grids) > 1:
        same = grids[0].shape == grids[1].shape and np.abs(grids[0].astype(int) - grids[1].astype(int)).max() <= 1
        parts.append(f"They are {'equal' if same else 'different'}.")
    return " ".join(parts)
