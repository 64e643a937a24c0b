"""Maps over an image that are right up to a positive factor and a constant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.checking.compare import expect, expect_finite, expect_shape, summarise
from grader.errors import Failure
from grader.records import Array

SAME = 0.999  # least correlation of two maps that are the same: 8-bit steps are fine enough


def standardised(answer: object) -> object:
    """A map without its scale and constant, which both are free; anything else as it is."""
    if not isinstance(answer, np.ndarray) or answer.dtype.kind != "f" or not answer.size or not answer.std() > 0:
        return answer
    return (answer - answer.mean()) / answer.std()


def expect_same_map(got: Array, *expected: Array, what: str) -> None:
    """Expect a map to agree with one of the right ones, up to a positive factor and a constant.

    Args:
        got: The student's.
        expected: The right ones, all of one shape.
        what: How messages name it.

    Raises:
        Failure: If it agrees with none.
    """
    expect_shape(got, expected[0].shape)
    expect_finite(got, what=what)
    flat = _centred(got)
    expect(
        bool(np.linalg.norm(flat) > 0), f"The {what} is the same everywhere.", expected=summarise(expected[0]), got=got
    )
    correlation = max(float(_centred(right) @ flat) for right in expected)
    if not correlation > SAME:
        raise Failure(
            f"The {what} does not match, whatever its scale (correlation {correlation:.3f}).",
            expected=summarise(expected[0]),
            got=summarise(got),
        )


def _centred(values: Array) -> Array:
    """Flat, with mean 0 and length 1; all zero where there is nothing but a constant."""
    flat = values.reshape(-1).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        flat = flat - flat.mean()
        length = float(np.linalg.norm(flat))
    return flat / length if length > 0 and np.isfinite(length) else np.zeros_like(flat)


def as_maps(answers: Sequence[Array], like: Sequence[Array]) -> Array:
    """Answers as maps of the reference's shape, for a figure: what has another shape becomes zeros."""
    drawn = [a.reshape(b.shape) if a.size == b.size else np.zeros(b.shape) for a, b in zip(answers, like, strict=True)]
    return np.nan_to_num(np.stack(drawn).astype(np.float64))
