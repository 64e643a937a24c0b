"""What makes a picture of a filter a right one, however its values are brought to [0, 1].

Per filter, over all filters, around a middle grey or from the smallest to the largest: all keep the order of the
weights, and that is what is asked for. Shapes: n filters, c input channels, kh x kw.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from grader.author import Array, Failure, Malformed, expect, expect_finite, expect_shape, summarise

SLACK = 2e-3  # how far values may fall where weights rise: half a step of 8 bits
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


def with_copies(rng: Generator, filters: Array) -> tuple[Array, Array]:
    """Add copies of some filters, and put all in random order.

    Args:
        rng: Random numbers.
        filters: Different ones, (m, c, kh, kw).

    Returns:
        `(weight (n, c, kh, kw) float32, which of the filters each one is (n,) int64)`; n is from m + 5 to m + 8.
    """
    different = len(filters)
    extra = rng.integers(0, different, int(rng.integers(5, 9)))
    copy_of = rng.permutation(np.concatenate([np.arange(different), extra]))
    return filters[copy_of].astype(np.float32), copy_of


def expect_each_its_own(answer: Array, weight: Array, copy_of: Array) -> None:
    """Expect pictures that come from the filters: the same where filters are copies, different where they are not.

    Whether colors and places are right is not asked. What was made without looking at the weights does not hold.

    Args:
        answer: Pictures, n x kh x kw x 3 numbers in any order of the last three dimensions.
        weight: The filters, (n, c, kh, kw).
        copy_of: As of `with_copies`.

    Raises:
        Failure: If there are not so many numbers, or if two pictures are alike that should not be, or the other way.
    """
    count, _, *sizes = weight.shape
    expected = (count, *sizes, 3)
    if answer.shape[:1] != (count,) or answer.size != np.prod(expected):
        raise Malformed("The result has the wrong shape.", expected=f"shape {expected}", got=f"shape {answer.shape}")
    pictures = answer.reshape(count, -1).astype(np.float64)
    differences = np.abs(pictures[:, None] - pictures).max(axis=2)
    for is_copy, wrong, what in (
        (True, differences > SLACK, "are copies of each other and have different pictures"),
        (False, differences <= SLACK, "have different weights and the same picture"),
    ):
        found = np.argwhere(wrong & ((copy_of[:, None] == copy_of) == is_copy))
        expect(
            not len(found),
            f"Filters {' and '.join(map(str, found[0]))} {what}." if len(found) else "",
            expected="a picture of each filter",
            got=summarise(answer),
        )
