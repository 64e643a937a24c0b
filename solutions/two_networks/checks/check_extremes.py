"""Checks of task 3.3: the images with the lowest and with the highest loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from grader.author import (
    Array,
    CheckStopped,
    DataMissing,
    Handle,
    Implementation,
    LayOut,
    Reference,
    check,
    expect,
    expect_close,
    make,
    numbers,
    summarise,
)
from solutions.two_networks.checks.networks import logits_of, reference_network, turned
from solutions.two_networks.checks.pictures import Pictures
from solutions.two_networks.checks.rotation_network import (
    NETWORK,
    TURNS,
    best_direction,
    confusion,
    load_rotation_network,
)

SHARE = 20  # one of so many test images, 500 in all, is looked at in its four turns
SHOWN = 8  # of the lowest and of the highest
LARGEST = 1e30  # logits beyond it count as this, so that losses stay finite in float32
Losses = NDArray[np.float32]


@check("3.3", weight=2, public=True)
def check_extreme_indices(student: Implementation, rng: Generator) -> None:
    """extreme_examples gives the indices of the k lowest and of the k highest losses, the most extreme first."""
    whole = int(rng.integers(4, 9))
    for count, k in ((12, 3), (int(rng.integers(30, 50)), int(rng.integers(4, 12))), (9, 1), (whole, whole), (2, 1)):
        losses = (3 * rng.permutation(count) / count + 0.01).astype(np.float32)  # no two alike
        _pick(student, losses, k)


@check("3.3", help="Where losses are equal, any of them will do, but no image twice.")
def check_equal_losses(student: Implementation, rng: Generator) -> None:
    """Among equal losses each image is named once."""
    for k in (2, 5, 8):
        losses = rng.permutation(np.repeat(np.array([0.125, 0.5, 2.0], np.float32), (3, 2, 3)))
        _pick(student, losses, k)


@check("3.3", after=("check_extreme_indices",), help="Sort a copy, or sort indices.", public=True)
def check_losses_kept(student: Implementation, rng: Generator) -> None:
    """The losses that were passed to extreme_examples are not changed."""
    losses = rng.permutation(np.linspace(0.1, 4, 10).astype(np.float32))
    held = student.make(make("torch.clone", torch.from_numpy(losses)))
    student.rotation.extreme_examples.with_options(keep=True)(held, 3)
    expect_close(numbers(held.clone()), losses, within=0, what="losses afterwards")


@dataclass(frozen=True)
class _Asked:
    """What a network said of views.

    Attributes:
        losses: Cross-entropy of each, (M,).
        said: Quarter turns counter-clockwise that it took each for, (M,).
    """

    losses: Losses
    said: Array


@check("3.3", diagnosed=False)
def check_extremes_of_network(
    student: Implementation,
    oracle: Implementation,
    rng: Generator,
    pictures: Pictures,
    reference: Reference,
    exhibit: LayOut,
) -> None:
    """Of test images in their four turns, extreme_examples picks those with the lowest and with the highest loss."""
    if not pictures.has_reference(reference):
        raise DataMissing("The reference networks are missing: run `make reference`.")
    views, turns = turned(pictures.test.images[: max(SHOWN, len(pictures.test.labels) // SHARE)])
    order = rng.permutation(len(turns))  # or the indices would be the same for everybody
    views, turns = views[torch.from_numpy(order)], turns[order]
    by_reference = _ask(reference_network(oracle, reference, pictures, NETWORK), views, turns)
    arrays = _drawn("reference", _pick(oracle, by_reference.losses, SHOWN), by_reference, views, turns)
    asked, problem = _ask_student(student, pictures, views, turns)
    try:
        picked = _pick(student, (asked or by_reference).losses, SHOWN)
        arrays |= _drawn("student", picked, asked, views, turns) if asked else {}
    except CheckStopped as stopped:
        problem = stopped.message
        raise
    finally:
        caption = (
            f"Of {len(views) // TURNS} test images in their four turns, those whose turn the network tells with the "
            f"lowest and with the highest loss. {pictures.note}"
        )
        exhibit("extremes", "extremes", caption.strip(), arrays, {"problem": problem} if problem else {})


def _ask_student(student: Implementation, pictures: Pictures, views: Tensor, turns: Array) -> tuple[_Asked | None, str]:
    """What the student's own network says; None, and a sentence why, where it can't be asked: judged elsewhere."""
    if not pictures.is_cifar:
        return None, "Your network was trained on CIFAR-10, which is not on this machine."
    try:
        return _ask(load_rotation_network(student), views, turns), ""
    except CheckStopped as stopped:
        return None, stopped.message


def _ask(net: Handle, views: Tensor, turns: Array) -> _Asked:
    logits = logits_of(net, views, TURNS)
    labels = np.array(best_direction(confusion(turns, logits)))
    scores = np.clip(logits, -LARGEST, LARGEST)
    losses = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(turns)), labels[turns]]
    # Which turn a label means is what label a turn has: either direction is its own inverse.
    return _Asked(losses.astype(np.float32), labels[logits.argmax(axis=1)])


def _drawn(
    whose: str, picked: tuple[list[int], list[int]], asked: _Asked, views: Tensor, turns: Array
) -> dict[str, Array]:
    """The arrays of one side of the figure."""
    arrays: dict[str, Array] = {}
    for part, indices in zip(("lowest", "highest"), picked, strict=True):
        arrays |= {
            f"{whose}_{part}_images": views[indices].permute(0, 2, 3, 1).numpy(),
            f"{whose}_{part}_losses": asked.losses[indices],
            f"{whose}_{part}_turns": turns[indices],
            f"{whose}_{part}_predicted": asked.said[indices],
        }
    return arrays


def _pick(student: Implementation, losses: Losses, k: int) -> tuple[list[int], list[int]]:
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
