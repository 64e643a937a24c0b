"""Expectations and how they read when they are not met: what was called, expected, got.

Everything here runs in the trusted process on plain values that came from anywhere: nothing is assumed about a
student's answer, and tensors are summarized, never dumped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.errors import Failure, Malformed
from grader.records import Array
from grader.sandbox.calls import describe_value
from grader.sandbox.protocol import MAX_RANK
from grader.sandbox.student import Function, Handle, Implementation

MAX_ELEMENTS = 64 << 20
NUMERIC = "biuf"  # kinds of dtype: bool, int, unsigned, float


@dataclass(frozen=True)
class PerSide:
    """An argument that each side has its own of, such as a network that was made there."""

    make: Callable[[Implementation], Any]


def each(make: Callable[[Implementation], Any]) -> PerSide:
    """For `compare`: an argument that is made for each side, out of the implementation."""
    return PerSide(make)


def compare(
    student: Function,
    oracle: Function,
    *args: Any,
    within: float = 1e-4,
    canonical: Callable[[Array], Array] | None = None,
    **kwargs: Any,
) -> Array:
    """Call both with the same arguments and expect the same numbers; returns the student's.

    Args:
        student: The student's function.
        oracle: The solution's.
        args: Arguments, copied for each; those that are made for each side by `each`.
        within: Largest difference allowed, absolute, in units of the larger of 1 and the answer's largest value.
        canonical: Brings an answer to the form in which both are compared, where a sign or an order is free.
        kwargs: Keyword arguments.

    Raises:
        Failure: If shapes or numbers differ.
    """
    form = canonical or (lambda array: array)
    expected, got = (form(numbers(_call(side, canonical, args, kwargs))) for side in (oracle, student))
    expect_close(got, expected, within=_allowed(expected, within))
    return got


def compare_parts(
    student: Function, oracle: Function, *args: Any, within: float = 1e-4, **kwargs: Any
) -> tuple[Array, ...]:
    """Call both, which return tuples or lists, and expect each part to have the same numbers; as `compare`.

    Raises:
        Failure: If there are more or fewer parts, or if shapes or numbers of one differ.
    """
    expected, got = (_call(side, None, args, kwargs) for side in (oracle, student))
    if not isinstance(got, list | tuple) or len(got) != len(expected):
        raise Malformed(
            f"The function must return {len(expected)} values.",
            expected=f"a tuple of {len(expected)}",
            got=f"a tuple of {len(got)}" if isinstance(got, list | tuple) else summarise(got),
        )
    parts = []
    for place, (right, answer) in enumerate(zip(expected, got, strict=True), 1):
        parts.append(numbers(answer))
        right = numbers(right)
        expect_close(parts[-1], right, within=_allowed(right, within), what=f"values of part {place}")
    return tuple(parts)


def _call(
    side: Function, canonical: Callable[[Array], Array] | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    own = [arg.make(side.owner) if isinstance(arg, PerSide) else arg for arg in args]
    if canonical is None:
        return side(*own, **kwargs)
    return side.with_options(canonical=lambda value: canonical(numbers(value)))(*own, **kwargs)


def _allowed(expected: Array, within: float) -> float:
    return within * max(1.0, float(np.abs(expected).max(initial=0)))


def expect(condition: bool, message: str, *, expected: str = "", got: Any = "", mistake: str | None = None) -> None:
    """Fail with `message` unless `condition` holds.

    Args:
        condition: What must be true.
        message: What went wrong, a sentence.
        expected: What would have been right.
        got: What came back; described, not dumped.
        mistake: Id of the known mistake, when the check itself recognizes it.

    Raises:
        Failure: If `condition` is false.
    """
    if not condition:
        raise Failure(message, expected=expected, got=got if isinstance(got, str) else summarise(got), mistake=mistake)


def expect_close(got: Array, expected: Array, *, within: float, what: str = "values") -> None:
    """Expect two arrays to have the same shape, dimensions of size 1 aside, and nearly the same numbers.

    Raises:
        Failure: If they do not.
    """
    expect_shape(got, expected.shape)
    expect_finite(got, what=what, expected=summarise(expected))
    with np.errstate(over="ignore"):  # numbers of opposite signs may be further apart than a float can say
        difference = np.abs(_plain(got) - _plain(expected))
    if difference.size and float(difference.max()) > within:
        place = tuple(int(i) for i in np.unravel_index(int(difference.argmax()), difference.shape))
        where = f" at index {place}" if place else ""
        raise Failure(
            f"The {what} differ by up to {float(difference.max()):.4g}{where}, where {within:.3g} is allowed.",
            expected=summarise(expected),
            got=summarise(got),
        )


def expect_finite(got: Array, *, what: str = "values", expected: str = "finite numbers") -> None:
    """Expect that no number is NaN or infinite.

    Raises:
        Malformed: If one is; the message says how many are.
    """
    if strays := _strays(got):
        found = f": of {got.size:,} numbers, {strays}" if got.size > 1 else f", not {got.item()}"
        raise Malformed(f"The {what} must be finite{found}.", expected=expected, got=summarise(got))


def _strays(array: Array) -> str:
    """How many numbers of an array are NaN and how many infinite, in words; empty if none is."""
    nan, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    counted = [(nan, "NaN"), (infinite, "infinite")]
    return " and ".join(f"{count:,} {'is' if count == 1 else 'are'} {word}" for count, word in counted if count)


def expect_shape(got: Array, shape: tuple[int, ...]) -> None:
    """Expect a shape, dimensions of size 1 aside.

    Raises:
        Malformed: If it differs.
    """
    if _without_ones(got.shape) != _without_ones(shape):
        raise Malformed("The result has the wrong shape.", expected=f"shape {shape}", got=f"shape {got.shape}")


def numbers(value: Any) -> Array:
    """A student's answer as an array: an array, a number, or a list of these, of one shape, nested or not.

    Raises:
        Malformed: If it is something else.
    """
    array = _stacked(value)
    if array is not None and array.dtype.kind in NUMERIC:
        return array
    if value is None:
        raise Malformed("The function returned nothing (None).", expected="numbers", got="None")
    raise Malformed("The function returned something that is not numbers.", expected="numbers", got=summarise(value))


def number(value: Any) -> float:
    """A student's answer as one number.

    Raises:
        Malformed: If it is not one, or not finite.
    """
    array = numbers(value)
    if array.size != 1:
        raise Malformed("The result must be one number.", expected="a number", got=summarise(array))
    expect_finite(array, what="result", expected="a finite number")
    return float(array.item())


def as_drawn(array: Array) -> Array:
    """An answer as a figure can show it: float64, flat, finite."""
    flat: Array = np.nan_to_num(np.asarray(array, np.float64).reshape(-1), posinf=1e9, neginf=-1e9)
    return flat


def as_image(array: Array) -> Array:
    """Images as a figure can show them: uint8, whatever the answer holds."""
    return np.clip(np.nan_to_num(np.asarray(array, np.float64)), 0, 255).astype(np.uint8)


def summarise(value: Any) -> str:
    """A value in a few words; of an array the shape, the range of its finite numbers and the first numbers."""
    if isinstance(value, Handle) and value.kind == "NoneType":
        return "None"
    if isinstance(value, Handle):
        return f"an object of type {value.kind}{f', {value.dtype}' if value.dtype else ''}"
    if not isinstance(value, np.ndarray) or value.dtype.kind not in NUMERIC:
        return describe_value(value)
    if not value.size:
        return f"{describe_value(value)}, empty"
    first = ", ".join(map(_shown, value.reshape(-1)[:6].tolist()))
    if value.ndim == 0:
        return f"{first} ({value.dtype})"
    return f"{describe_value(value)}{_spread(value)}: [{first}{', ...' if value.size > 6 else ''}]"


def _spread(array: Array) -> str:
    """Between which ends the numbers of an array lie, those aside that are not finite, which are counted."""
    if array.dtype.kind == "b":
        return f", {int(array.sum()):,} of {array.size:,} True"
    finite = array[np.isfinite(array)]
    ends = f" from {_shown(finite.min().item())} to {_shown(finite.max().item())}" if finite.size else ""
    strays = _strays(array)
    return f", of which {strays}{f', the others{ends}' if ends else ''}" if strays else ends


def _shown(number: object) -> str:
    """A number of an array: whole numbers as they are, others with four digits."""
    return f"{number:.4g}" if isinstance(number, float) else str(number)


def _plain(array: Array) -> Array:
    return np.asarray(array, np.float64).reshape(_without_ones(array.shape))


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(side for side in shape if side != 1)


def _stacked(value: Any, depth: int = MAX_RANK) -> Array | None:
    """Arrays, numbers and lists of them as one array; None when something else is among them or shapes differ."""
    if isinstance(value, np.ndarray | np.generic | bool | int | float):
        return np.asarray(value)
    if not isinstance(value, list | tuple) or not depth:
        return None
    if all(isinstance(item, bool | int | float) for item in value):
        return np.array(value)
    parts = [_stacked(item, depth - 1) for item in value]
    shapes = {None if part is None else part.shape for part in parts}
    if len(shapes) > 1 or None in shapes or sum(part.size for part in parts if part is not None) > MAX_ELEMENTS:
        return None
    return np.array(parts)
