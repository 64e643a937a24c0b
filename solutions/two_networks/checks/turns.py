"""Which turn of which image an output is: told by the pixels, whatever the order and the form of the answer.

Random images are unlike their own turns and mirror images, and unlike each other's, so each output is recognised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.author import Array, Failure, expect, expect_shape, numbers

MOST = 8  # outputs for each image that are looked at: twice as many as there must be
NEAR = 0.02  # largest difference of a pixel: float16 and interpolation between pixels stay below, other images do not
TURN_NAMES = ("upright", "a quarter turn left", "a half turn", "a quarter turn right")
MIRROR_NAMES = ("mirrored left to right", "mirrored along a diagonal", "mirrored upside down", "transposed")


@dataclass(frozen=True, order=True)
class View:
    """What one output is.

    Attributes:
        image: Which of the images.
        turns: How many quarter turns counter-clockwise, 0 to 3.
        mirrored: Whether it is then mirrored left to right as well.
        channels_reversed: Whether its channels are in the opposite order.
    """

    image: int
    turns: int
    mirrored: bool = False
    channels_reversed: bool = False

    def __str__(self) -> str:
        """In words, as a message shows it."""
        how = MIRROR_NAMES[self.turns] if self.mirrored else TURN_NAMES[self.turns]
        return f"images[{self.image}], {how}{', its channels in the opposite order' if self.channels_reversed else ''}"


def make_images(rng: np.random.Generator, count: int, channels: int, side: int) -> NDArray[np.float32]:
    """Random images (count, channels, side, side), about as large as normalised ones."""
    return rng.uniform(-2, 2, (count, channels, side, side)).astype(np.float32)


def both_parts(answer: Any) -> tuple[Any, Any]:
    """`(rotated, labels)` of what `rotate_images` returned.

    Raises:
        Failure: If it is not two things.
    """
    expect(
        isinstance(answer, tuple | list) and len(answer) == 2,
        "rotate_images must return two things: (rotated, labels).",
        expected="a tuple of two",
        got=answer,
    )
    return answer[0], answer[1]


def as_batch(rotated: Any, images: Array) -> Array:
    """Outputs as (M, C, H, H), however many there are.

    Raises:
        Failure: If they have another shape than the images, or if they are far too many.
    """
    array = numbers(rotated)
    count = array.size // images[0].size
    expect_shape(array, (count, *images.shape[1:]))
    expect(
        count <= MOST * len(images),
        "There are far too many outputs.",
        expected=f"4 turns of {len(images)} images",
        got=f"{count:,} outputs",
    )
    return array.reshape(-1, *images.shape[1:]).astype(np.float64)


def recognise(outputs: Array, images: Array) -> list[View | None]:
    """What each of the outputs (M, C, H, H) is; None where it is nothing that was made of an image's own pixels."""
    kinds = [View(*kind) for kind in product(range(len(images)), range(4), (False, True), (False, True))]
    kinds.sort(key=lambda view: (view.channels_reversed, view.mirrored))  # of equals, as with one channel, the plainer
    made = np.stack([_made(images[kind.image], kind) for kind in kinds])
    found: list[View | None] = []
    for output in outputs:
        apart = np.abs(made - output).reshape(len(made), -1).max(axis=1)
        apart[~np.isfinite(apart)] = np.inf
        best = int(apart.argmin())
        found.append(kinds[best] if apart[best] < NEAR else None)
    return found


def _made(image: Array, kind: View) -> Array:
    turned = np.rot90(image, kind.turns, (1, 2))
    mirrored = turned[:, :, ::-1] if kind.mirrored else turned
    return mirrored[::-1] if kind.channels_reversed else mirrored


def in_canonical_form(images: Array, *, with_labels: bool) -> Callable[[Any], Any]:
    """Gives answers of `rotate_images` without what is free in them: the order of the outputs, and the direction.

    Args:
        images: (N, C, H, H) that it was called with.
        with_labels: Whether the labels matter.
    """

    def canonical(answer: Any) -> Any:
        try:
            rotated, labels = both_parts(answer)
            views = recognise(as_batch(rotated, images), images)
            told = numbers(labels).reshape(-1).tolist() if with_labels else [0] * len(views)
        except Failure:
            return answer
        if None in views or len(told) != len(views):
            return answer
        return min(
            sorted(
                (view.image, sign * view.turns % 4, view.mirrored, view.channels_reversed, label)
                for view, label in zip(views, told, strict=True)
                if view is not None
            )
            for sign in (1, -1)
        )

    return canonical
