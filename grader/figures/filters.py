"""Filters of a convolution as images: the student's grid at the left, the reference's at the right."""

from __future__ import annotations

import math

import numpy as np

from grader.figures.picture import FigureError, Picture, as_png, new_figure
from grader.figures.style import REFERENCE, STUDENT, Owner
from grader.records import Array, Exhibit

MOST = 64  # filters shown of each; more could not be told apart in print
SIDE_MM, GAP_MM = 36.0, 3.5  # both layers of a task stand side by side on a page
GUTTER = 1  # source pixels between two filters


def draw(exhibit: Exhibit) -> Picture:
    """Draw `student_images` and, where given, `reference_images`: (n, kh, kw) or (n, kh, kw, 3), uint8.

    Raises:
        FigureError: If the student's images are missing or have another shape.
    """
    grids: list[tuple[Owner, Array]] = []
    for owner, name in ((STUDENT, "student_images"), (REFERENCE, "reference_images")):
        if name in exhibit.arrays:
            grids.append((owner, tile(exhibit.arrays[name])))
    if not grids or grids[0][0] is not STUDENT:
        raise FigureError("the filters are missing")
    side = SIDE_MM if len(grids) > 1 else 60.0
    heights = [side * grid.shape[0] / grid.shape[1] for _, grid in grids]
    height = max(heights) + 7
    width = len(grids) * side + (len(grids) - 1) * GAP_MM
    figure = new_figure(width, height)
    for i, ((owner, grid), tall) in enumerate(zip(grids, heights, strict=True)):
        left = i * (side + GAP_MM) / width
        axes = figure.add_axes((left, (height - 7 - tall) / height, side / width, tall / height))
        axes.imshow(grid, interpolation="nearest", aspect="auto")
        axes.set_axis_off()
        axes.set_title(owner.name, color=owner.text, pad=3.5)
    return as_png(figure, alt=_alt(exhibit), caption=exhibit.caption)


def tile(images: Array) -> Array:
    """Lay images out in a grid that is about as wide as it is high.

    Args:
        images: (n, kh, kw) or (n, kh, kw, 3), uint8.

    Returns:
        One image, (rows * (kh + 1) - 1, columns * (kw + 1) - 1, 3), uint8, white between the filters.

    Raises:
        FigureError: If `images` has another shape or none in it.
    """
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=-1)
    if images.ndim != 4 or images.shape[-1] != 3 or 0 in images.shape:
        raise FigureError("the filters are not a stack of grey or colour images")
    images = np.clip(images[:MOST], 0, 255).astype(np.uint8)
    n, kh, kw, _ = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (kh + GUTTER) - GUTTER, columns * (kw + GUTTER) - GUTTER, 3), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (kh + GUTTER), (i % columns) * (kw + GUTTER)
        sheet[top : top + kh, left : left + kw] = image
    return sheet


def _alt(exhibit: Exhibit) -> str:
    shape = exhibit.arrays["student_images"].shape
    more = f", the first {MOST} shown" if shape[0] > MOST else ""
    alt = f"{shape[0]} filters of {shape[1]} by {shape[2]} pixels as images{more}: the student's"
    if "reference_images" not in exhibit.arrays:
        return f"{alt}."
    reference = exhibit.arrays["reference_images"]
    student = exhibit.arrays["student_images"]
    same = student.shape == reference.shape and np.abs(student.astype(int) - reference.astype(int)).max() <= 1
    return f"{alt} at the left, the reference's at the right; they are {'equal' if same else 'different'}."
