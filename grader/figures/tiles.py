"""Many small images in a grid, pixel by pixel: filters in a report, and their thumbnails in a class's."""

from __future__ import annotations

import math

import numpy as np

from grader.figures.picture import FigureError
from grader.figures.sides import as_pixels
from grader.records import Array

MOST = 64  # images shown; more could not be told apart in print
GUTTER = 1  # source pixels between two images
LARGEST = 64  # pixels of an image


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
        raise FigureError("the filters are not a stack of gray or color images")
    if max(images.shape[1:3]) > LARGEST:
        raise FigureError(f"a filter of {images.shape[1]} by {images.shape[2]} pixels is too large")
    images = as_pixels(images[:MOST])
    n, kh, kw, _ = images.shape
    columns = math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    sheet = np.full((rows * (kh + GUTTER) - GUTTER, columns * (kw + GUTTER) - GUTTER, 3), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = (i // columns) * (kh + GUTTER), (i % columns) * (kw + GUTTER)
        sheet[top : top + kh, left : left + kw] = image
    return sheet
