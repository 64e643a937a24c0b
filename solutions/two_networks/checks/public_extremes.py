"""Public checks of task 3.3: the images with the lowest and with the highest loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from grader.author import (
    CheckStopped,
    Implementation,
    check,
    expect,
    expect_close,
    make,
    numbers,
    summarise,
)

Losses = NDArray[np.float32]


@check("3.3", weight=2)
def check_extreme_indices(student: Implementation, rng: Generator) -> None:
    """extreme_examples gives the indices of the k lowest and of the k highest losses, the most extreme first."""
    whole = int(rng.integers(4, 9))
    for count, k in ((12, 3), (int(rng.integers(30, 50)), int(rng.integers(4, 12))), (9, 1), (whole, whole), (2, 1)):
        losses = (3 * rng.permutation(count) / count + 0.01).astype(np.float32)  # no two alike
        pick_examples(student, losses, k)


@check("3.3", after=("check_extreme_indices",), help="Sort a copy, or sort indices.")
def check_losses_kept(student: Implementation, rng: Generator) -> None:
    """The losses that were passed to extreme_examples are not changed."""
    losses = rng.permutation(np.linspace(0.1, 4, 10).astype(np.float32))
    held = student.make(make("torch.clone", torch.from_numpy(losses)))
    student.rotation.extreme_examples.with_options(keep=True)(held, 3)
    expect_close(numbers(held.clone()), losses, within=0, what="losses afterwards")


def pick_examples(student: Implementation, losses: Losses, k: int) -> tuple[list[int], list[int]]:
    """What `extreme_examples` picks, expected to be right.

    Raises:
        Failure: If it is not.
    """

    def canonical(answer: Any) -> Any:
        """Indices by the losses that they stand for: which of equal ones is free."""
        try:
            return [[float(losses[i]) for i in _indices(part, losses, k)] for part in _both(answer)]
        except CheckStopped:
            return answer

    answer = student.rotation.extreme_examples.with_options(canonical=canonical)(torch.from_numpy(losses.copy()), k)
    picked = [_indices(part, losses, k) for part in _both(answer)]
    order = np.sort(losses)
    for name, indices, values in zip(("lowest", "highest"), picked, (order[:k], order[::-1][:k]), strict=True):
        got = losses[indices]
        expect(
            bool((got == values).all()),
            f"These are not the {k} {name} losses, the {name} one first.",
            expected=f"indices of the losses {_listed(values)}",
            got=f"{indices[:10]}, whose losses are {_listed(got)}",
        )
        expect(
            len(set(indices)) == k,
            f"An index appears twice among the {name}.",
            expected=f"{k} different images",
            got=str(indices[:20]),
        )
    return picked[0], picked[1]


def _both(answer: Any) -> tuple[Any, Any]:
    is_array = isinstance(answer, np.ndarray) and answer.ndim > 0
    parts = list(answer) if is_array or isinstance(answer, tuple | list) else []
    expect(
        len(parts) == 2,
        "extreme_examples must return two things: (lowest, highest).",
        expected="two lists of indices",
        got=answer,
    )
    return parts[0], parts[1]


def _indices(part: Any, losses: Losses, k: int) -> list[int]:
    """A list of k indices into the losses; raises Failure when it is none."""
    values = numbers(part)
    expect(
        values.size == k == max(values.shape, default=1),
        f"There must be k = {k} indices in each list.",
        expected=f"{k} indices",
        got=summarise(values),
    )
    flat = values.reshape(-1).astype(np.float64)
    expect(
        bool(np.isfinite(flat).all() and (flat == np.round(flat)).all()),
        "Indices are whole numbers.",
        expected=f"numbers from 0 to {len(losses) - 1}",
        got=summarise(flat),
    )
    expect(
        bool(((flat >= 0) & (flat < len(losses))).all()),
        f"An index is not among the {len(losses)} losses.",
        expected=f"numbers from 0 to {len(losses) - 1}",
        got=summarise(flat),
    )
    return [int(value) for value in flat]


def _listed(values: Losses) -> str:
    return ", ".join(f"{value:.3g}" for value in values[:8].tolist()) + (", ..." if len(values) > 8 else "")
