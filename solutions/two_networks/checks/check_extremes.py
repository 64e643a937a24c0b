"""Hidden checks of task 3.3: the images with the lowest and with the highest loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
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
)
from solutions.two_networks.checks.networks import logits_of, reference_network, turned
from solutions.two_networks.checks.pictures import Pictures
from solutions.two_networks.checks.public_extremes import Losses, pick_examples
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


@check("3.3", help="Where losses are equal, any of them will do, but no image twice.")
def check_equal_losses(student: Implementation, rng: Generator) -> None:
    """Among equal losses each image is named once."""
    for k in (2, 5, 8):
        losses = rng.permutation(np.repeat(np.array([0.125, 0.5, 2.0], np.float32), (3, 2, 3)))
        pick_examples(student, losses, k)


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
    arrays = _drawn("reference", pick_examples(oracle, by_reference.losses, SHOWN), by_reference, views, turns)
    asked, problem = _ask_student(student, pictures, views, turns)
    try:
        picked = pick_examples(student, (asked or by_reference).losses, SHOWN)
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
