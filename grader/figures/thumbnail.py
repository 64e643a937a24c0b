"""What a class page shows of one exhibit: a small picture of each side, or an accuracy on everyone's axis.

A kind that has something for the class page defines `thumbnail(exhibit) -> Sequence[Thumbnail | Accuracy]`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from grader.figures.heat import mix, normalise
from grader.figures.picture import FigureError
from grader.records import Array, Exhibit

LOG = logging.getLogger(__name__)
WIDE = 120  # pixels of the longer side of an overlay: some 3 KiB as JPEG


@dataclass(frozen=True)
class Thumbnail:
    """The two sides of one small picture.

    Attributes:
        what: What it shows, for readers who can't see it: "Filters as images".
        student: (h, w, 3) uint8; None where the student has none.
        reference: The same of the reference.
        part: Which part of the exhibit it shows; empty: the exhibit's name says it.
        is_sharp: Whether single pixels matter: stored as PNG and enlarged without smoothing, else as JPEG.
    """

    what: str
    student: Array | None
    reference: Array | None
    part: str = ""
    is_sharp: bool = False


@dataclass(frozen=True)
class Accuracy:
    """How a student's trained network did on the test images; fractions in [0, 1].

    Attributes:
        value: The student's.
        reference: The reference network's; None where it is not known.
        threshold: What earns the credit; None where there is none.
    """

    value: float
    reference: float | None = None
    threshold: float | None = None


def both_sides(
    exhibit: Exhibit, array: str, draw: Callable[[Array], Array], what: str, part: str = "", *, is_sharp: bool = False
) -> Thumbnail:
    """Draw the student's and the reference's side of a thumbnail; a side that can't be drawn is None.

    Args:
        exhibit: What the page shows.
        array: Name of the array to draw, without `student_` or `reference_`.
        draw: Makes (h, w, 3) uint8 of one such array.
        what: See `Thumbnail`.
        part: See `Thumbnail`.
        is_sharp: See `Thumbnail`.
    """

    def side(owner: str) -> Array | None:
        found = exhibit.arrays.get(f"{owner}_{array}")
        try:
            return None if found is None else draw(found)
        except FigureError as error:
            LOG.warning("thumbnail of %r, %s: %s", exhibit.key, owner, error)
            return None

    return Thumbnail(what, side("student"), side("reference"), part, is_sharp)


def overlay(image: Array | None, maps: Array) -> Array:
    """Lay the first of several maps over its image, `WIDE` pixels on the longer side.

    Args:
        image: (H, W) or (H, W, 3), values from 0 to 255.
        maps: (n, h, w).

    Returns:
        (h, w, 3), uint8.

    Raises:
        FigureError: If a shape is wrong or the map is not finite.
    """
    image = np.asarray(() if image is None else image)
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=-1)
    if image.ndim != 3 or image.shape[-1] != 3 or 0 in image.shape or maps.ndim != 3 or 0 in maps.shape:
        raise FigureError("the image or its map has another form")
    if not np.isfinite(maps[0]).all():
        raise FigureError("the map holds values that are not finite numbers")
    scale = WIDE / max(image.shape[:2])
    tall, wide = (max(1, round(side * scale)) for side in image.shape[:2])
    kind = Image.Resampling.NEAREST if scale > 3 else Image.Resampling.LANCZOS  # small images keep their pixels
    plain = np.asarray(Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).resize((wide, tall), kind))
    scaled = normalise(maps[0])
    mixed: Array = np.round(255 * mix(plain, np.zeros((1, 1)) if scaled is None else scaled)).astype(np.uint8)
    return mixed
