"""Checks of task 3.2: the network in `rotation.pth`, and its learning curve in `history.json`.

The network is asked about the four turns of a quarter of the test images: as many views as there are test images, so
that a student's network, larger than ours, ends in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import Array, Handle, Implementation, IntegrityFlags, LayOut, Reference, check, expect
from grader.vision.artifact_size import look_into
from grader.vision.datasets.imageset import ImageSet
from grader.vision.memorization import ask_network
from grader.vision.training_images import Labelled, draw_training
from solutions.two_networks.checks.claims import note_curves
from solutions.two_networks.checks.histories import judge_curves
from solutions.two_networks.checks.networks import logits_of, turned
from solutions.two_networks.checks.rotation_network import (
    FILE,
    NETWORK,
    TURNS,
    accuracy_under,
    best_direction,
    best_of_any_labels,
    confusion,
    load_rotation_network,
)

PROBED = 500  # views on which it is found out what is wrong with a network
GUESSING = 0.3  # an accuracy below it is hardly better than guessing, 0.25
BEST = 0.98  # of views whose turn can be told at all, there are hardly more


@check("3.2", weight=2, diagnosed=False)
def check_rotation_accuracy(
    student: Implementation,
    rng: Generator,
    thresholds: Mapping[str, float],
    cifar_test: ImageSet,
    training_images: ImageSet | None,
    measured: dict[str, float],
    looks: IntegrityFlags,
) -> None:
    """The network in rotation.pth tells the four turns of CIFAR-10's test images apart, more than 60% of them right."""
    threshold = thresholds["accuracy"]
    net = load_rotation_network(student)
    views, turns = turned(cifar_test.images[: max(1, len(cifar_test.labels) // TURNS)])
    order = rng.permutation(len(turns))
    views, turns = views[torch.from_numpy(order)], turns[order]
    asked = ask_network(student, FILE, net, views, turns, lambda images: logits_of(net, images, TURNS))
    counts = confusion(turns, asked.logits)
    labels = best_direction(counts)
    accuracy = measured["rotation_accuracy"] = accuracy_under(counts, labels)
    mistake = None
    if accuracy <= threshold < best_of_any_labels(counts):
        mistake = "rotation.model_of_other_labels"
    elif accuracy <= threshold and _expects_other_range(net, views, turns, accuracy):
        mistake = "rotation.model_of_other_normalisation"
    elif accuracy < GUESSING:
        mistake = "rotation.model_untrained"
    expect(
        accuracy > threshold,
        f"Of {len(turns):,} views of test images, the network tells the turn of {accuracy:.2%}.",
        expected=f"more than {threshold:.0%}",
        got=f"{accuracy:.2%}",
        mistake=mistake,
    )
    training = _turned_once(draw_training(training_images, rng), np.array(labels), rng)
    look_into(looks, replace(asked, labels=np.array(labels)[turns]), rng, threshold, BEST, training)


def _turned_once(training: Labelled | None, labels: Array, rng: Generator) -> Labelled | None:
    """Training images, each in one of its four turns, with what the network calls it, `labels`."""
    if training is None:
        return None
    views, turns = turned(training[0])
    count = len(training[0])
    rows = rng.integers(0, TURNS, count) * count + np.arange(count)
    return views[torch.from_numpy(rows)], labels[turns[rows]]


def _expects_other_range(net: Handle, views: Tensor, turns: Array, accuracy: float) -> bool:
    """Whether the network does far better on pixels from 0 to 1, from -1 to 1, or from 0 to 255."""
    chosen = torch.arange(0, len(views), max(1, len(views) // PROBED))
    pixels = views[chosen].float()
    for images in (pixels / 255, pixels / 127.5 - 1, pixels):
        counts = confusion(turns[chosen.numpy()], logits_of(net, images, TURNS, normalised=True))
        if accuracy_under(counts, best_direction(counts)) > accuracy + 0.1:
            return True
    return False


@check("3.2")
def check_rotation_curve(
    student: Implementation,
    thresholds: Mapping[str, float],
    reference: Reference,
    measured: dict[str, float],
    exhibit: LayOut,
    looks: IntegrityFlags,
) -> None:
    """history.json holds the training loss of the rotation network, a number for each epoch."""
    caption = "Training on the turns. The lines are accuracies on the four turns of test images."
    accuracy, threshold = measured.get("rotation_accuracy"), thresholds["accuracy"]
    metrics = reference.metrics[NETWORK]
    history = judge_curves(student, NETWORK, ("train_loss",), caption, accuracy, threshold, metrics, exhibit)
    looks.ask(lambda: note_curves(looks, history, accuracy))
