"""What makes a picture of a filter a right one, however its values are brought to [0, 1].

Per filter, over all filters, around a middle grey or from the smallest to the largest: all keep the order of the
weights, and that is what is asked for. Shapes: n filters, c input channels, kh x kw.
"""

from __future__ import annotations

import numpy as np

from grader.author import Array, Failure, expect, expect_finite, expect_shape, summarise
from solutions.two_networks.checks.filter_copies import SLACK

CONTRAST = 0.25  # least distance of the brightest from the darkest value of all filters
SATURATED = 0.4  # most of the values that may lie at the ends: outliers may be cut off, half of all not
FEW = 9  # values of a filter: of fewer, scaled each on its own, most lie at the ends


def ranked(answer: object) -> object:
    """Pictures, (n, ...), without what is free in them: each value's rank in its picture; anything else as it is."""
    if not isinstance(answer, np.ndarray) or answer.dtype.kind != "f" or answer.ndim < 2 or not answer.size:
        return answer
    flat = np.round(answer.reshape(len(answer), -1), 6)
    return flat.argsort(axis=1, kind="stable").argsort(axis=1).reshape(answer.shape)


def expect_visible(answer: Array, shape: tuple[int, ...]) -> Array:
    """Expect pictures of a shape, (n, kh, kw, 3), finite and of some contrast; returns them in that shape.

    Raises:
        Failure: If they are not.
    """
    expect_shape(answer, shape)
    expect_finite(answer, what="pictures")
    pictures = answer.astype(np.float64).reshape(shape)
    low, high = float(pictures.min()), float(pictures.max())
    expect(
        high - low >= CONTRAST,
        "The pictures have hardly any contrast.",
        expected="values that spread over [0, 1]",
        got=summarise(answer),
    )
    ends = float(np.mean((pictures == low) | (pictures == high)))
    expect(
        ends <= SATURATED or pictures[0].size < FEW,
        f"{ends:.0%} of the values lie at the ends of the range, where they can't be told apart.",
        expected="the range of the weights brought to [0, 1]",
        got=summarise(answer),
    )
    return pictures


def keeps_order(values: Array, weights: Array) -> bool:
    """Whether values rise with their weights, within `SLACK`, and are not all the same; both flat."""
    rising = values[np.argsort(weights, kind="stable")]
    falls = np.maximum.accumulate(rising) - rising
    return bool(falls.max() <= SLACK and rising[-1] - rising[0] > SLACK)


def expect_colours(pictures: Array, weight: Array) -> None:
    """Expect pictures (n, kh, kw, 3) of a weight (n, 3, kh, kw) as red, green, blue.

    Raises:
        Failure: If the values of a filter are not in the order of its weights.
    """
    for number, (picture, filter) in enumerate(zip(pictures, weight, strict=True)):
        if not keeps_order(picture.reshape(-1), filter.transpose(1, 2, 0).reshape(-1)):
            raise Failure(
                f"In the picture of filter {number} a larger weight is not always the larger value.",
                expected="the three input channels as red, green and blue, each weight at its place",
                got=summarise(picture),
            )


def expect_one_choice(pictures: Array, weight: Array) -> None:
    """Expect pictures (n, kh, kw, 3) of which each colour shows one channel of (n, c, kh, kw), or the mean of all.

    Raises:
        Failure: If a colour does not, or not the same for all filters.
    """
    sources = np.concatenate([weight, weight.mean(axis=1, keepdims=True)], axis=1)  # (n, c + 1, kh, kw)
    count = len(weight)
    for colour, name in enumerate(("red", "green", "blue")):
        shown = pictures[..., colour].reshape(count, -1)
        if not any(
            all(keeps_order(shown[i], sources[i, source].reshape(-1)) for i in range(count))
            for source in range(sources.shape[1])
        ):
            raise Failure(
                f"The {name} of the pictures shows neither one input channel of all {count} filters nor their mean.",
                expected=f"one of the {weight.shape[1]} channels, the same for every filter, or the mean of all",
                got=summarise(pictures),
            )
