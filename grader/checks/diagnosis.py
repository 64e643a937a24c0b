"""Recognises known mistakes: the check is run again with each mistake in the student's place.

A mistake is named only when the check fails for it too, and every answer on the way there was the student's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from grader.checks.context import Context
from grader.checks.declare import spec_of
from grader.checks.looks import Looks
from grader.errors import StudentRaised
from grader.records import Array
from grader.sandbox.student import Exchange, Handle, Implementation
from grader.solutions import Variation

RELATIVE, ABSOLUTE = 1e-4, 1e-7  # how near two answers of one algorithm come, in float32
NUMERIC = np.ndarray | np.generic | int | float
TODO = (StudentRaised.__name__, NotImplementedError.__name__)  # how an untouched stub is recorded: nobody's mistake


class _Differs(Exception):
    """The mistake gave another answer than the student."""


def diagnose(context: Context, check: Callable[..., None], arguments: Mapping[str, Any]) -> list[Variation]:
    """The known mistakes that explain how the check just failed, in the order they are declared.

    Args:
        context: The run, whose student has just failed the check.
        check: The check's function.
        arguments: What it was called with.
    """
    record = list(context.student.record)
    if record and same_value(record[-1].value, TODO):
        return []
    called = {exchange.called.split("(")[0] for exchange in record}
    modules = {name.split(".")[0] for name in called}
    nearby = [m for m in context.mistakes if m.module in modules and not m.is_file]
    # First of what was called; else of the same module: a function may go wrong through another that it uses.
    direct = [m for m in nearby if m.target in called]
    found = [m for m in direct if _explains(context, check, arguments, m, record)]
    return found or [m for m in nearby if m not in direct and _explains(context, check, arguments, m, record)]


def _explains(
    context: Context,
    check: Callable[..., None],
    arguments: Mapping[str, Any],
    candidate: Variation,
    record: Sequence[Exchange],
) -> bool:
    stand_in = context.implement(candidate)
    try:
        replay(context, check, arguments, stand_in, record)
    except _Differs:
        return False
    except Exception:
        # It fails, as it should, or trips over the mistake's answer; either way the answers decide.
        return len(stand_in.record) == len(record)
    return False


def passes_for_oracle(context: Context, check: Callable[..., None], arguments: Mapping[str, Any]) -> bool:
    """Whether the check passes with the solutions in the student's place; if it does, the check itself is sound."""
    try:
        replay(context, check, arguments, context.oracle, None)
    except Exception:  # whatever it is, the check is at fault
        return False
    return True


def replay(
    context: Context,
    check: Callable[..., None],
    arguments: Mapping[str, Any],
    who: Implementation,
    record: Sequence[Exchange] | None,
) -> None:
    """Run a check again with `who` in the student's place, same inputs; stop where the answers leave `record`."""
    name = spec_of(check).name
    replaced: dict[str, Any] = {"student": who, "rng": context.generator(name), "exhibit": _lay_out_nothing}
    # What is kept is the student's, not a mistake's.
    replaced |= {"looks": Looks("", [], is_asking=False), "measured": dict(context.measured)}
    who.reset(0)

    def watch(exchange: Exchange) -> None:
        place = len(who.record) - 1
        if record is not None and (place >= len(record) or not same_exchange(exchange, record[place])):
            raise _Differs

    who.watch = watch
    try:
        check(**{key: replaced.get(key, value) for key, value in arguments.items()})
    finally:
        who.watch = None


def _lay_out_nothing(*_args: Any, **_kwargs: Any) -> None:
    return None


def same_exchange(one: Exchange, other: Exchange) -> bool:
    """Whether two answers to the same question agree."""
    return one.called.split("(")[0] == other.called.split("(")[0] and same_value(one.value, other.value)


def same_value(one: Any, other: Any) -> bool:
    """Whether two answers agree: numbers nearly, objects always, the rest exactly."""
    if isinstance(one, Handle) or isinstance(other, Handle):
        return isinstance(one, Handle) and isinstance(other, Handle)
    if isinstance(one, NUMERIC) and isinstance(other, NUMERIC):
        return _same_numbers(np.asarray(one), np.asarray(other))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


def _same_numbers(one: Array, other: Array) -> bool:
    one, other = one.squeeze(), other.squeeze()
    if one.shape != other.shape:
        return False
    scale = float(np.abs(other[np.isfinite(other)]).max(initial=0)) if other.size else 0.0
    tolerance = ABSOLUTE + RELATIVE * scale if other.dtype.kind == "f" or one.dtype.kind == "f" else 0
    return bool(np.allclose(one.astype(np.float64), other.astype(np.float64), rtol=0, atol=tolerance, equal_nan=True))
