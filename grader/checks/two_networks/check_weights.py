"""Checks of task 2.2: the choice of the epoch, the network in `supervised.pth`, its curves in `history.json`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from numpy.random import Generator
from torch import Tensor

from grader.checks.altered import ask_network
from grader.checks.compare import expect, number
from grader.checks.context import LayOut
from grader.checks.declare import check
from grader.checks.holdings import look_into, note_files
from grader.checks.looks import Looks
from grader.checks.two_networks.claims import note_curves
from grader.checks.two_networks.histories import CURVES, judge_curves
from grader.checks.two_networks.networks import NETWORKS, load_network, logits_of
from grader.datasets.imageset import ImageSet
from grader.records import Array
from grader.reference.models import Reference
from grader.sandbox.student import Handle, Implementation

NETWORK = "supervised"
PROBED = 1_000  # images on which it is found out what is wrong with a network
FAR_BETTER = 0.05  # a gain in accuracy that tells that a network was trained on other numbers
GUESSING = 0.2  # an accuracy below it is hardly better than guessing, 0.1
BEST = 0.98  # what learns from CIFAR-10's training images alone, with so few parameters, stays below it


@check("2.2", weight=2)
def check_best_epoch(student: Implementation) -> None:
    """best_epoch gives the index of the epoch with the least validation error."""
    for history in _histories():
        accuracies, losses = history["val_accuracy"], history["val_loss"]
        right = {i for i, value in enumerate(accuracies) if value == max(accuracies)}
        right |= {i for i, value in enumerate(losses) if value == min(losses)}
        answer = number(student.supervised.best_epoch(history))
        expect(
            answer in right,
            "best_epoch chose another epoch than the one with the least validation error.",
            expected=" or ".join(map(str, sorted(right))),
            got=f"{answer:g}",
        )


def _histories() -> list[dict[str, list[float]]]:
    """Curves on which each wrong rule gives another epoch: they overfit, and end badly."""
    whole = {
        "train_loss": [2.0, 1.6, 1.3, 1.1, 0.9, 0.7, 0.5, 0.3, 0.4],  # least at 7
        "train_accuracy": [0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.95, 0.9, 0.93],  # highest at 6
        "val_loss": [1.9, 1.7, 2.2, 1.1, 0.8, 0.9, 1.0, 1.2, 1.4],  # least at 4, highest at 2
        "val_accuracy": [0.4, 0.3, 0.5, 0.6, 0.7, 0.66, 0.65, 0.6, 0.55],  # highest at 4, least at 1
    }
    disagree = whole | {"val_loss": [1.9, 1.7, 2.2, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4]}  # least at 3
    tied = whole | {"val_accuracy": [0.4, 0.3, 0.5, 0.6, 0.7, 0.7, 0.65, 0.6, 0.55]}
    first = {name: curve[4:] for name, curve in whole.items()}
    last = {name: curve[:5] for name, curve in whole.items()}
    return [whole, disagree, tied, first, last]


@check("2.2", weight=9, diagnosed=False)
def check_supervised_accuracy(
    student: Implementation,
    rng: Generator,
    thresholds: Mapping[str, float],
    cifar_test: ImageSet,
    measured: dict[str, float],
    looks: Looks,
) -> None:
    """The network in supervised.pth classifies more than 70% of CIFAR-10's test images right."""
    threshold = thresholds["accuracy"]
    net = load_network(student, NETWORK)
    order = rng.permutation(len(cifar_test.labels))
    images, labels = cifar_test.images[torch.from_numpy(order)], cifar_test.labels.numpy()[order]
    asked = ask_network(student, f"{NETWORK}.pth", net, images, labels, lambda images: logits_of(net, images, 10))
    accuracy = measured["supervised_accuracy"] = asked.accuracy
    looks.ask(lambda: note_files(looks, student, *(f"{network}.pth" for network in NETWORKS)))
    mistake, remark = None, ""
    if accuracy <= threshold and (better := better_range(net, images[:PROBED], labels[:PROBED], accuracy)):
        mistake, remark = "supervised.model_of_other_normalisation", f"; given as {better} of {PROBED:,}"
    elif accuracy < GUESSING:
        mistake = "supervised.model_untrained"
    expect(
        accuracy > threshold,
        f"The network classifies {accuracy:.2%} of the test images right.",
        expected=f"more than {threshold:.0%}",
        got=f"{accuracy:.2%}{remark}",
        mistake=mistake,
    )
    look_into(looks, asked, rng, threshold, BEST)


def _share_right(logits: Array, labels: Array) -> float:
    return float((logits.argmax(axis=1) == labels).mean())


def better_range(net: Handle, images: Tensor, labels: Array, accuracy: float) -> str:
    """Whether a network does far better on pixels of another range: which, and how well; empty where it does not.

    Args:
        net: In evaluation mode.
        images: (N, 3, 32, 32), uint8.
        labels: (N,).
        accuracy: On images that are normalised as they must be.
    """
    pixels = images.float()
    ranges = {
        "pixels from 0 to 1": pixels / 255,  # as ToTensor() gives them
        "pixels from -1 to 1": pixels / 127.5 - 1,  # Normalize(0.5, 0.5) after it
        "pixels from 0 to 255": pixels,
    }
    found = {name: _share_right(logits_of(net, given, 10, normalised=True), labels) for name, given in ranges.items()}
    best = max(found, key=found.__getitem__)
    return f"{best}, {found[best]:.2%}" if found[best] > accuracy + FAR_BETTER else ""


@check("2.2", weight=2)
def check_supervised_curves(
    student: Implementation,
    thresholds: Mapping[str, float],
    reference: Reference,
    measured: dict[str, float],
    exhibit: LayOut,
    looks: Looks,
) -> None:
    """history.json holds the four curves of the supervised network, a number for each epoch."""
    caption = "Training with labels. The lines are accuracies on the test images."
    accuracy, threshold = measured.get("supervised_accuracy"), thresholds["accuracy"]
    metrics = reference.metrics[NETWORK]
    history = judge_curves(student, NETWORK, CURVES, caption, accuracy, threshold, metrics, exhibit)
    looks.ask(lambda: note_curves(looks, history, accuracy))
