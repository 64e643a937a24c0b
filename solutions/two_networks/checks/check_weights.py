"""Checks of task 2.2: the choice of the epoch, the network in `supervised.pth`, its curves in `history.json`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import Array, Handle, Implementation, IntegrityFlags, LayOut, Reference, check, expect, number
from grader.vision.artifact_size import look_into, note_files
from grader.vision.datasets.imageset import ImageSet
from grader.vision.memorization import ask_network
from grader.vision.model_files import share_right
from grader.vision.training_images import draw_training
from solutions.two_networks.checks.claims import note_curves
from solutions.two_networks.checks.histories import CURVES, judge_curves
from solutions.two_networks.checks.networks import NETWORKS, load_network, logits_of

NETWORK = "supervised"
PROBED = 1_000  # images on which it is found out what is wrong with a network
FAR_BETTER = 0.05  # a gain in accuracy that tells that a network was trained on other numbers
GUESSING = 0.2  # an accuracy below it is hardly better than guessing, 0.1
BEST = 0.98  # what learns from CIFAR-10's training images alone, with so few parameters, stays below it


@check("2.2", weight=2)
def check_best_epoch(student: Implementation, rng: Generator) -> None:
    """best_epoch gives the index of the epoch with the least validation error."""
    for history in _histories(rng):
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


def _histories(rng: Generator) -> list[dict[str, list[float]]]:
    """Curves on which each wrong rule gives another epoch."""
    whole, best, _ = _curves(rng)
    disagree, other, elsewhere = _curves(rng)
    disagree["val_loss"][other], disagree["val_loss"][elsewhere] = 0.8, 0.4  # the least loss at another epoch
    tied, one, another = _curves(rng)
    tied["val_accuracy"][another] = tied["val_accuracy"][one]
    first = {name: curve[best:] for name, curve in whole.items()}
    last = {name: curve[: best + 1] for name, curve in whole.items()}
    longer, _, _ = _curves(rng)
    return [whole, disagree, tied, first, last, longer]


def _curves(rng: Generator) -> tuple[dict[str, list[float]], int, int]:
    """Draw four curves of 12 to 20 epochs.

    The highest validation accuracy and the least validation loss stand at one epoch. The extremes by which wrong rules
    choose stand at others, all different: those of the training curves, the least accuracy, the highest loss, and the
    least difference of the losses. None stands at the last epoch, or behind the best one.

    Returns:
        `(curves, best epoch, another epoch at which no extreme stands)`.
    """
    epochs = int(rng.integers(12, 21))
    best = int(rng.integers(2, epochs - 2))
    free = [epoch for epoch in range(epochs - 1) if epoch not in (best, best + 1)]
    learned, perfect, worst, highest, same, spare = (int(epoch) for epoch in rng.permutation(free)[:6])
    train_loss, val_loss = rng.uniform(0.9, 1.2, epochs), rng.uniform(1.4, 1.9, epochs)
    train_accuracy, val_accuracy = rng.uniform(0.5, 0.7, epochs), rng.uniform(0.4, 0.6, epochs)
    train_loss[learned], train_accuracy[perfect] = 0.3, 0.9
    val_accuracy[best], val_loss[best], train_loss[best] = 0.75, 0.6, 0.8
    val_accuracy[worst], val_loss[highest] = 0.2, 2.3
    val_loss[same] = train_loss[same] + 0.01
    curves = {
        "train_loss": train_loss, "train_accuracy": train_accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy,
    }  # fmt: skip
    return {name: curve.round(4).tolist() for name, curve in curves.items()}, best, spare


@check("2.2", weight=9, diagnosed=False)
def check_supervised_accuracy(
    student: Implementation,
    rng: Generator,
    thresholds: Mapping[str, float],
    cifar_test: ImageSet,
    training_images: ImageSet | None,
    measured: dict[str, float],
    looks: IntegrityFlags,
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
    look_into(looks, asked, rng, threshold, BEST, draw_training(training_images, rng))


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
    found = {name: share_right(logits_of(net, given, 10, normalised=True), labels) for name, given in ranges.items()}
    best = max(found, key=found.__getitem__)
    return f"{best}, {found[best]:.2%}" if found[best] > accuracy + FAR_BETTER else ""


@check("2.2", weight=2)
def check_supervised_curves(
    student: Implementation,
    thresholds: Mapping[str, float],
    reference: Reference,
    measured: dict[str, float],
    exhibit: LayOut,
    looks: IntegrityFlags,
) -> None:
    """history.json holds the four curves of the supervised network, a number for each epoch."""
    caption = "Training with labels. The lines are accuracies on the test images."
    accuracy, threshold = measured.get("supervised_accuracy"), thresholds["accuracy"]
    metrics = reference.metrics[NETWORK]
    history = judge_curves(student, NETWORK, CURVES, caption, accuracy, threshold, metrics, exhibit)
    looks.ask(lambda: note_curves(looks, history, accuracy))
