"""Tells whether a student's answers are those of a known mistake.

The mistake got the same questions. Exceptions must have the same type, message and place; numbers must be nearly the
same. What an answer adds to what was there before must agree as well: weights after one step agree in four digits with
weights that never moved.
"""

from __future__ import annotations

import builtins
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from grader.records import Array
from grader.sandbox.record import Exchange, NoAnswer
from grader.sandbox.student import Handle

RELATIVE, ABSOLUTE = 1e-4, 1e-7  # how near two answers of one algorithm come, in float32
OF_CHANGE = 1e-2  # how near two changes come, relative to the change ...
ROUNDING = 1e-5  # ... or, where the change is small, to the numbers: several ways of computing one thing differ so much
NUMERIC = np.ndarray | np.generic | int | float
PLAIN_KINDS = ("NoneType", "Tensor", "Parameter", "ndarray", "generator", "function", "method")
Pair = tuple[Array, Array]  # the mistake's, and the student's

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_NUMBERS = re.compile(r"#(?:\s*[,x]\s*#)*,?")  # shapes and lists too


def same_exchange(of_mistake: Exchange, of_student: Exchange) -> bool:
    """Whether a mistake's answer to a question is nearly the student's."""
    one, other = of_mistake.value, of_student.value
    if of_mistake.name != of_student.name:
        return False
    if isinstance(one, NoAnswer) and isinstance(other, NoAnswer):
        return same_exception(one, other)
    return same_value(one, other)


def same_exception(of_mistake: NoAnswer, of_student: NoAnswer) -> bool:
    """Whether two exceptions have type, place and message in common, the message's wording and numbers.

    Numbers may come in another order, as those of two factors do, and the student's may be more: -1 stands for any.
    """
    one, other = of_mistake, of_student
    if (one.outcome, one.kind, one.library) != (other.outcome, other.kind, other.library):
        return False
    return _wording(one.text) == _wording(other.text) and _numbers_in(one.text) <= _numbers_in(other.text)


def _wording(text: str) -> str:
    return _NUMBERS.sub("#", _NUMBER.sub("#", _ADDRESS.sub("#", text)))


def _numbers_in(text: str) -> Counter[str]:
    return Counter(number for number in _NUMBER.findall(_ADDRESS.sub("", text)) if number != "-1")


def same_value(one: Any, other: Any) -> bool:
    """Whether two answers agree: numbers nearly, objects if both may be networks or have one type, the rest exactly."""
    if isinstance(one, Handle) or isinstance(other, Handle):
        return isinstance(one, Handle) and isinstance(other, Handle) and _plain_kind(one) == _plain_kind(other)
    if isinstance(one, NUMERIC) and isinstance(other, NUMERIC):
        return _same_numbers(np.asarray(one), np.asarray(other))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def _plain_kind(held: Handle) -> str:
    """The type of an object that is no network, whatever its class would be called; empty for others."""
    return held.kind if held.kind in PLAIN_KINDS or hasattr(builtins, held.kind) else ""


def _same_numbers(one: Array, other: Array) -> bool:
    one, other = one.squeeze(), other.squeeze()
    if one.shape != other.shape:
        return False
    tolerance = ABSOLUTE + RELATIVE * _largest(other) if other.dtype.kind == "f" or one.dtype.kind == "f" else 0
    return bool(np.allclose(one.astype(np.float64), other.astype(np.float64), rtol=0, atol=tolerance, equal_nan=True))


def _largest(array: Array) -> float:
    return float(np.abs(array[np.isfinite(array)]).max(initial=0)) if array.size else 0.0


def same_changes(of_mistake: Sequence[Exchange], of_student: Sequence[Exchange], right: Sequence[Exchange]) -> bool:
    """Whether answers that nearly agree also differ alike from what was there before, and from what would be right.

    Args:
        of_mistake: The mistake's exchanges.
        of_student: The student's; each answer nearly the mistake's.
        right: The solution's, as far as they go.
    """
    before: list[Pair] = []
    for place, (one, other) in enumerate(zip(of_mistake, of_student, strict=True)):
        before += zip(one.given, other.given, strict=False)
        pairs = list(zip(_floats(one.value), _floats(other.value), strict=False))
        solved = right[place] if place < len(right) and right[place].name == one.name else None
        goals = list(_floats(solved.value)) if solved is not None else []
        goals = goals if len(goals) == len(pairs) else []
        for number, pair in enumerate(pairs):
            earlier = [each for each in before if pair[0].size > 1 and each[0].shape == each[1].shape == pair[0].shape]
            if not _same_change(pair, earlier, goals[number] if goals else None):
                return False
        before += pairs
    return True


def _floats(value: Any) -> Iterator[Array]:
    """The arrays and numbers in an answer that are no whole numbers, in order, each without dimensions of size 1."""
    if isinstance(value, float | np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind == "f":
            yield array.squeeze().astype(np.float64)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _floats(item)
    elif isinstance(value, dict):
        yield from _floats(list(value.values()))


def _same_change(pair: Pair, before: Sequence[Pair], right: Array | None) -> bool:
    """Whether a mistake's numbers and a student's have moved alike from the nearest of what they may come from."""
    changes = [(_moved(pair[0], one), _moved(pair[1], other)) for one, other in before]
    if any(one.any() != other.any() for one, other in changes):
        return False  # one of them has left something exactly as it was, the other has not
    if right is not None and right.shape == pair[0].shape:
        changes.append((_moved(pair[0], right), _moved(pair[1], right)))
    if not changes:
        return True
    one, other = min(changes, key=lambda change: _largest(change[0]))
    scale = _largest(pair[0])
    return _largest(one - other) <= max(ROUNDING * scale, min(RELATIVE * scale, OF_CHANGE * _largest(one)))


def _moved(now: Array, then: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        moved: Array = np.nan_to_num(now - then)
    return moved
