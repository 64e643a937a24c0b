"""Networks whose top class is lost after a known number of dropped units, drawn anew for each submission: task 2d."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import Array
from grader.vision.probe_networks import MOST_DRAWS
from solutions.miniplaces.checks.networks import UNITS, Mosaic, mosaic

CLASSES = 3
FIRST_FIVE = 5  # units that `top_units` gives where no other number is asked for
CLEAR = 0.02  # by how much one logit exceeds the other: no rounding turns them round

Wanted = Callable[["_Answers"], bool]


@dataclass(frozen=True)
class Countdown:
    """A detector network, a picture, and the answer.

    Attributes:
        seen: The picture and what the units make of it.
        weight: (CLASSES, UNITS).
        bias: (CLASSES,).
        count: How many units are dropped when another class first comes out on top; None where that never happens.
    """

    seen: Mosaic
    weight: Tensor
    bias: Tensor
    count: int | None


def draw_countdowns(rng: Generator) -> list[Countdown]:
    """Five networks: of one the top class is lost early, of one late, of one never, of two at any count.

    In the first, other orders of dropping, and drops that are undone or that concern the top class alone, all lead to
    answers of their own.
    """
    others: list[Wanted] = [
        lambda answers: answers.count is None,
        lambda answers: answers.count is not None and answers.count > FIRST_FIVE,
        lambda answers: answers.count is not None,
        lambda answers: answers.count is not None,
    ]
    return [_draw(rng, wanted) for wanted in (_Answers.is_telling, *(others[k] for k in rng.permutation(len(others))))]


def _draw(rng: Generator, wanted: Wanted) -> Countdown:
    seen = mosaic(rng)
    averages = np.zeros(UNITS)
    averages[: len(seen.maps)] = seen.maps.mean(axis=(1, 2))
    for _ in range(MOST_DRAWS):
        weight, bias = rng.uniform(-1, 3, (CLASSES, UNITS)), rng.uniform(-3, 3, CLASSES)
        weight[0] = rng.permutation(np.linspace(-0.5, 8, UNITS) + rng.uniform(-0.1, 0.1, UNITS))  # no two nearly alike
        order = rng.permutation(CLASSES)  # so that no class is on top more often than another
        answers = _Answers(averages, weight[order], bias[order])
        if answers.is_clear() and wanted(answers):
            sent = [torch.from_numpy(values[order].astype(np.float32)) for values in (weight, bias)]
            return Countdown(seen, sent[0], sent[1], answers.count)
    raise AssertionError("no network met the condition")


class _Answers:
    """What a network says, and what wrong ways of counting make of it.

    Args:
        averages: Of the units, (UNITS,).
        weight: (CLASSES, UNITS).
        bias: (CLASSES,).
    """

    def __init__(self, averages: Array, weight: Array, bias: Array) -> None:
        self._averages, self._weight, self._bias = averages, weight, bias
        self._top = int((weight @ averages + bias).argmax())
        self._dropped = self._cumulative(weight[self._top])
        self.count = self._first_change(self._dropped)

    def is_clear(self) -> bool:
        """Whether the best two classes differ clearly before each drop and after it."""
        logits = np.sort(self._logits(np.concatenate([np.ones_like(self._dropped[:1]), self._dropped])), axis=1)
        return bool((logits[:, -1] - logits[:, -2] > CLEAR).all())

    def is_telling(self) -> bool:
        """Whether the count is an early one, and no wrong way of counting leads to it or to that of another."""
        if self.count is None or self.count > FIRST_FIVE:
            return False
        weights = self._weight[self._top]
        of_top_alone = np.ones_like(self._dropped)
        of_top_alone[:, self._top] = self._dropped[:, self._top]
        one_at_a_time = np.ones_like(self._dropped)
        one_at_a_time[np.arange(UNITS), :, (-weights).argsort(kind="stable")] = 0
        others = (self._cumulative(-weights), self._cumulative(weights * self._averages), of_top_alone, one_at_a_time)
        answers = [self.count, self.count - 1, self.count + 1, *map(self._first_change, others)]
        return len(set(answers)) == len(answers)

    def _cumulative(self, by: Array) -> Array:
        """Which weights are left after each drop, (UNITS, CLASSES, UNITS): units in falling order of `by`."""
        rank = (-by).argsort(kind="stable").argsort()
        left = (rank[None] > np.arange(UNITS)[:, None]).astype(np.float64)
        return np.repeat(left[:, None], CLASSES, axis=1)

    def _logits(self, left: Array) -> Array:
        """(n, CLASSES, UNITS) -> (n, CLASSES)."""
        logits: Array = (self._weight * left) @ self._averages + self._bias
        return logits

    def _first_change(self, left: Array) -> int | None:
        changed = np.flatnonzero(self._logits(left).argmax(axis=1) != self._top)
        return int(changed[0]) + 1 if len(changed) else None
