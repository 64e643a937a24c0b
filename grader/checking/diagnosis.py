"""Recognises known mistakes: the check is run again with each mistake in the student's place.

A mistake explains how a check ended when the check fails for it too and every answer on the way there was the
student's. Which mistakes are named is settled when all checks have run, because the others are evidence as well.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grader.checking.agreement import same_changes, same_exchange
from grader.checking.context import Context
from grader.checking.declare import spec_of
from grader.checking.integrity_flags import IntegrityFlags
from grader.errors import CheckStopped
from grader.records import Outcome
from grader.sandbox.record import Exchange, NoAnswer, ignore
from grader.sandbox.student import Implementation
from grader.solutions import Variation

LOG = logging.getLogger(__name__)
MOST = 2  # mistakes that are named as alternatives; of three, no advice can be made
INTERNAL = Outcome.INTERNAL
Check = Callable[..., None]
Key = tuple[str, str]  # a check's task and name


@dataclass(frozen=True)
class _Passed:
    """A check that the student passed, and what it asked for."""

    check: Check
    arguments: Mapping[str, Any]
    asked: frozenset[str]


class Diagnosis:
    """Collects what explains each failed check of a run, and settles which known mistakes are named.

    Args:
        context: The run.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._passed: list[_Passed] = []
        self._found: dict[Key, list[Variation]] = {}

    def note_passed(self, check: Check, arguments: Mapping[str, Any]) -> None:
        """Note that the student has just passed a check."""
        if spec_of(check).diagnosed:
            asked = frozenset(exchange.name for exchange in self._context.student.record)
            self._passed.append(_Passed(check, arguments, asked))

    def note_stopped(self, check: Check, arguments: Mapping[str, Any], stopped: CheckStopped) -> None:
        """Look for what explains how a check has just ended for the student, unless that is known already.

        An exception whose cause is told beside it, such as a missing GPU, needs no mistake to explain it.
        """
        spec = spec_of(check)
        found = [mistake for mistake in self._context.mistakes if mistake.id == stopped.mistake]
        is_told = stopped.outcome == "error" and bool(stopped.help)
        if not found and spec.diagnosed and not is_told and stopped.outcome in ("failed", "error"):
            try:
                found = diagnose(self._context, check, arguments)
            except Exception:  # the verdict stands without a diagnosis; what went wrong is ours, and is told to us
                LOG.exception("no diagnosis of %s", check.__name__)
        self._found[spec.task, spec.name] = found

    def settle(self) -> dict[Key, list[Variation]]:
        """The mistakes to name for each check that did not pass: one, two alternatives, or none."""
        named = {}
        for key, found in self._found.items():
            kept = [mistake for mistake in found if not self._is_contradicted(mistake)]
            most = max(map(self._explained, kept), default=0)
            kept = [mistake for mistake in kept if self._explained(mistake) == most]
            named[key] = kept if len(kept) <= MOST else []
        return named

    def _explained(self, mistake: Variation) -> int:
        """How many of the failed checks a mistake explains."""
        return sum(mistake in found for found in self._found.values())

    def _is_contradicted(self, mistake: Variation) -> bool:
        """Whether the check that must catch a mistake ended otherwise than for it, or one passed that it would fail.

        A check that could not be run for a reason of ours tells nothing.
        """
        own = [each for each in self._context.results if each.name == mistake.check]
        if any(mistake not in self._found.get((each.task, each.name), ()) for each in own if each.outcome != INTERNAL):
            return True
        return not mistake.is_file and any(
            mistake.target in passed.asked and not _passes(self._context, passed, mistake) for passed in self._passed
        )


def diagnose(context: Context, check: Check, arguments: Mapping[str, Any]) -> list[Variation]:
    """The known mistakes that explain how the check just failed, in the order they are declared.

    Args:
        context: The run, whose student has just failed the check.
        check: The check's function.
        arguments: What it was called with.
    """
    record = list(context.student.record)
    if record and isinstance(record[-1].value, NoAnswer) and record[-1].value.kind == NotImplementedError.__name__:
        return []  # an untouched stub is nobody's mistake
    called = {exchange.name for exchange in record}
    modules = {name.split(".")[0] for name in called}
    nearby = [m for m in context.mistakes if m.module in modules and not m.is_file]
    # First of what was called; else of the same module: a function may go wrong through another that it uses.
    direct = [m for m in nearby if m.target in called]
    for candidates in (direct, [m for m in nearby if m not in direct]):
        answers = {m.id: answer for m in candidates if (answer := _same_answers(context, check, arguments, m, record))}
        if answers:
            right = _right_answers(context, check, arguments)
            return [m for m in candidates if m.id in answers and same_changes(answers[m.id], record, right)]
    return []


def _same_answers(
    context: Context,
    check: Check,
    arguments: Mapping[str, Any],
    candidate: Variation,
    record: Sequence[Exchange],
) -> list[Exchange] | None:
    """A mistake's answers if the check fails for it and they are nearly the student's; None otherwise."""
    stand_in = context.implement(candidate)
    try:
        replay(context, check, arguments, stand_in, record)
    except _Differs:
        return None
    except Exception:
        # It fails, as it should, or trips over the mistake's answer; either way the answers decide.
        return stand_in.record if len(stand_in.record) == len(record) else None
    return None


def _right_answers(context: Context, check: Check, arguments: Mapping[str, Any]) -> list[Exchange]:
    """The solution's answers to the check's questions, as far as it goes."""
    twin = context.oracle.twin()
    try:
        replay(context, check, arguments, twin, None)
    except Exception:
        LOG.debug("%s does not go to its end with the solution", check.__name__, exc_info=True)
    return twin.record


def _passes(context: Context, passed: _Passed, mistake: Variation) -> bool:
    try:
        replay(context, passed.check, passed.arguments, context.implement(mistake), None)
    except Exception:  # it fails, or trips over the mistake's answer
        return False
    return True


def passes_for_oracle(context: Context, check: Check, arguments: Mapping[str, Any]) -> bool:
    """Whether the check passes with the solutions in the student's place; if it does, the check itself is sound."""
    try:
        replay(context, check, arguments, context.oracle, None)
    except Exception:  # whatever it is, the check is at fault
        return False
    return True


class _Differs(Exception):
    """The mistake gave another answer than the student."""


def replay(
    context: Context,
    check: Check,
    arguments: Mapping[str, Any],
    who: Implementation,
    record: Sequence[Exchange] | None,
) -> None:
    """Run a check again with `who` in the student's place, same inputs; stop where the answers leave `record`."""
    name = spec_of(check).name
    replaced: dict[str, Any] = {"student": who, "rng": context.generator(name), "exhibit": _lay_out_nothing}
    # What is kept is the student's, not a mistake's.
    replaced |= {"looks": IntegrityFlags("", [], is_asking=False), "measured": dict(context.measured)}
    who.reset(0)

    def watch(exchange: Exchange) -> None:
        place = len(who.record) - 1
        if record is not None and (place >= len(record) or not same_exchange(exchange, record[place])):
            raise _Differs

    who.watch = watch
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a mistake's division by zero, nobody needs to hear
            check(**{key: replaced.get(key, value) for key, value in arguments.items()})
    finally:
        who.watch = ignore


def _lay_out_nothing(*_args: Any, **_kwargs: Any) -> None:
    return None
