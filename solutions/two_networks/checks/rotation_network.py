"""The network in `rotation.pth`: loaded, asked about turns, its labels read in whichever direction they count."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import torch
from numpy.typing import NDArray

from grader.author import Array, CheckStopped, Failure, Handle, Implementation, StudentRaised, expect, numbers
from grader.vision.model_files import load_weights
from solutions.two_networks.checks.networks import load_network

NETWORK, FILE = "rotation", "rotation.pth"
TURNS, CLASSES = 4, 10
LEFT, RIGHT = (0, 1, 2, 3), (0, 3, 2, 1)  # the labels of 0 to 3 quarter turns counter-clockwise, in either direction

Labels = tuple[int, ...]


def load_rotation_network(student: Implementation) -> Handle:
    """As `load_network`, but a `rotation_model` that is wrong costs a right file nothing; it is judged by task 3.

    Raises:
        CheckStopped: If there is no such file, or if it holds no network that gives four logits.
    """
    try:
        net = load_network(student, NETWORK)
    except (Failure, StudentRaised) as stopped:
        if (loaded := _load_into(student, TURNS)) is not None:
            net = loaded
        else:
            if stopped.mistake == "rotation.model_of_other_network" and _load_into(student, CLASSES) is not None:
                stopped.mistake = "rotation.model_of_ten_classes"
            raise
    answer = numbers(net(torch.zeros(2, 3, 32, 32)))
    expect(
        answer.size == 2 * TURNS,
        f"The network in {FILE} does not give four logits for each image.",
        expected=f"shape (2, {TURNS})",
        got=f"shape {answer.shape}",
        mistake="rotation.model_of_ten_classes" if answer.size == 2 * CLASSES else None,
    )
    return net


def _load_into(student: Implementation, classes: int) -> Handle | None:
    """The file in a plain `SmallResNet(num_classes=classes)`, in evaluation mode; None where it does not fit."""
    maker = f"SmallResNet(num_classes={classes})"
    try:
        net = student.resnet.SmallResNet.with_options(keep=True)(num_classes=classes)
        return load_weights(student, FILE, "resnet", net, maker=maker, mistakes=NETWORK)
    except CheckStopped:
        return None


def confusion(turns: Array, logits: Array) -> NDArray[np.int64]:
    """How many views of each turn got each label, (4, 4).

    Args:
        turns: True quarter turns counter-clockwise of each view, (M,).
        logits: What a network said of them, (M, 4).
    """
    counts = np.zeros((TURNS, TURNS), np.int64)
    np.add.at(counts, (turns, logits.argmax(axis=1)), 1)
    return counts


def accuracy_under(counts: Array, labels: Labels) -> float:
    """The accuracy where 0 to 3 quarter turns counter-clockwise have these labels; `counts` as in `confusion`."""
    return float(counts[range(TURNS), labels].sum() / counts.sum())


def best_direction(counts: Array) -> Labels:
    """The labels by which a network counts: to the left or to the right, both are right; `counts` as in `confusion`."""
    return max(LEFT, RIGHT, key=lambda labels: accuracy_under(counts, labels))


def best_of_any_labels(counts: Array) -> float:
    """The accuracy under those labels, in any order, that suit the network best."""
    return max(accuracy_under(counts, labels) for labels in permutations(range(TURNS)))
