"""Filters of which some are copies of others: the pictures show whether they were made of the weights.

Shapes: n filters, c input channels, kh x kw.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from grader.author import Array, Malformed, expect, summarise

SLACK = 2e-3  # how far values may fall where weights rise: half a step of 8 bits


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
