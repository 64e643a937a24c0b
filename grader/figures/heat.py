"""A map as colors over an image in gray, and in words."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from PIL import Image

from grader.records import Array

SHADES = colormaps["inferno"]  # dark to light without a turn: reads in gray and for color-blind readers
VEIL = 0.7  # share of the map in a mixed pixel; the rest is the image in gray
PLACES = (("top left", "top", "top right"), ("left", "centre", "right"), ("bottom left", "bottom", "bottom right"))


def mix(image: Array, one: Array) -> Array:
    """The image in gray below the map in color.

    Args:
        image: (H, W, 3), uint8.
        one: (h, w), values in [0, 1]; enlarged bilinearly.

    Returns:
        (H, W, 3), values in [0, 1].
    """
    grey = (image @ np.array([0.299, 0.587, 0.114]) / 255)[..., None]
    mixed: Array = VEIL * SHADES(enlarge(one, image.shape))[..., :3] + (1 - VEIL) * grey
    return mixed


def enlarge(one: Array, shape: tuple[int, ...]) -> Array:
    """A map (h, w) with values in [0, 1], enlarged bilinearly to the height and width that `shape` begins with."""
    size = (shape[1], shape[0])
    large = np.asarray(Image.fromarray(one.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
    values: Array = np.clip(large, 0, 1)
    return values


def normalise(one: Array) -> Array | None:
    """A map scaled to [0, 1], whatever its range; None when it is the same everywhere.

    Args:
        one: (h, w), finite.
    """
    values = one.astype(float)
    largest = float(np.abs(values).max())
    if largest == 0:
        return None
    values = values / largest  # first, so that a difference of huge values does not overflow
    low, high = float(values.min()), float(values.max())
    return None if high - low < 1e-6 else (values - low) / (high - low)


def peak(one: Array) -> str:
    """Where a map, (h, w), is highest, in words."""
    if normalise(one) is None:
        return "the same everywhere"
    y, x = np.unravel_index(int(one.argmax()), one.shape)
    return f"highest at the {PLACES[3 * int(y) // one.shape[0]][3 * int(x) // one.shape[1]]}"
