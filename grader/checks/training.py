"""What any code that trains or evaluates must do, shown on networks and images whose right answers are known.

Networks, loaders and optimizers are ours, see `known_networks.py`; what the student's functions did to them is judged
here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.checks.compare import expect, number, summarise
from grader.checks.known_networks import (
    CLASSES,
    Shape,
    band_images,
    band_network,
    linear_network,
    loader,
    network,
    pixels_of,
    sgd,
    weights_of,
)
from grader.errors import Failure
from grader.records import Array
from grader.sandbox.calls import Recipe, make
from grader.sandbox.student import Handle, Implementation

UNMOVED = 1e-6  # what rounding may move a weight by
KEPT = 0.1  # of the first step: what is left of its gradient is as long as that step, a penalty on weights far shorter


@dataclass(frozen=True)
class Course:
    """How the training code of one assignment is called.

    Attributes:
        who: Whose it is.
        shape: Of the images, (C, H, W).
        train: `(batches, net, optimizer)` -> anything; trains for one epoch.
        evaluate: `(batches, net)` -> anything; measures a network.
        accuracy: What `evaluate` returns -> the accuracy in it, a fraction.
    """

    who: Implementation
    shape: Shape
    train: Callable[[Recipe, Handle, Handle], Any]
    evaluate: Callable[[Recipe, Handle], Any]
    accuracy: Callable[[Any], float] = number


def one_step(course: Course, images: Tensor, labels: Tensor) -> Array:
    """How far one epoch of a single batch moves the weights (10, C*H*W) of a linear network, at a learning rate of 1.

    The network is sure of itself and mostly wrong: there, other losses than the cross-entropy point elsewhere.
    """
    net = linear_network(course.who, course.shape)
    start = 2 * torch.randn(CLASSES, pixels_of(course.shape), generator=torch.Generator().manual_seed(5))
    net.load_state_dict({"1.weight": start})
    batches = loader(0.1 * images, labels, len(labels))  # small inputs: gradients that no sensible clipping would cut
    course.train(batches, net, sgd(course.who, net, lr=1.0))
    moved: Array = weights_of(net) - start.numpy()
    return moved


def expect_step(student: Course, oracle: Course, images: Tensor, labels: Tensor) -> None:
    """One batch must move the weights as the oracle's does, roughly; images that equal their mirror images hide flips.

    Raises:
        Failure: If it moves them elsewhere, or by another amount.
    """
    right = one_step(oracle, images, labels)
    step = one_step(student, images, labels)
    length, right_length = float(np.linalg.norm(step)), float(np.linalg.norm(right))
    expect(length > 0, "The weights did not move at all.", expected=f"a step of length {right_length:.3g}", got="0")
    cosine = float((step * right).sum() / (length * right_length))
    expect(
        cosine > 0.9 and 0.5 < length / right_length < 2,
        "The step is not the one that the cross-entropy of the logits asks for.",
        expected=f"a step of length {right_length:.3g}",
        got=f"length {length:.3g}, cosine to the right direction {cosine:.2f}",
    )


def expect_gradients_cleared(course: Course, rng: Generator) -> None:
    """The second batch must not move weights that only the first one uses: those of the images' upper halves.

    Raises:
        Failure: If it does.
    """
    channels, height, width = course.shape
    half, halves = height // 2, (8, channels, height // 2, width)
    images = torch.zeros(16, *course.shape)
    images[:8, :, :half] = torch.from_numpy(rng.uniform(-1, 1, halves).astype(np.float32))
    images[8:, :, half:] = torch.from_numpy(rng.uniform(-1, 1, halves).astype(np.float32))
    labels = torch.arange(16) % CLASSES
    of_first = np.zeros(course.shape, bool)
    of_first[:, :half] = True
    after = []
    for count in (8, 16):
        net = linear_network(course.who, course.shape)
        start = weights_of(net)[:, of_first.reshape(-1)]
        course.train(loader(images[:count], labels[:count], 8), net, sgd(course.who, net, lr=0.1))
        after.append(weights_of(net)[:, of_first.reshape(-1)])
    first, moved = (float(np.abs(step).max()) for step in (after[0] - start, after[1] - after[0]))
    expect(
        moved < max(KEPT * first, UNMOVED),
        "Weights that only the first batch uses are different after a second batch.",
        expected="weights of pixels that are 0 in the second batch stay where the first step put them",
        got=f"they moved by up to {moved:.3g}, after {first:.3g} in the first step",
    )


def _network_with_norm(course: Course) -> Handle:
    pixels = pixels_of(course.shape)
    norm = make("torch.nn.BatchNorm1d", pixels)
    return network(course.who, make("torch.nn.Flatten"), norm, make("torch.nn.Linear", pixels, CLASSES))


def expect_training_mode(course: Course, rng: Generator) -> None:
    """A network that arrives in evaluation mode must be trained in training mode.

    Raises:
        Failure: If its batch norm saw no batch.
    """
    net = _network_with_norm(course)
    images = torch.from_numpy(rng.uniform(-1, 1, (24, *course.shape)).astype(np.float32))
    net.eval()
    course.train(loader(images, torch.arange(24) % CLASSES, 8), net, sgd(course.who, net, lr=0.01))
    tracked = number(net.state_dict()["1.num_batches_tracked"])
    expect(
        tracked > 0,
        "The batch norm saw no batch in training mode.",
        expected="3 batches of statistics",
        got="none",
    )


def expect_whole_epoch(course: Course) -> None:
    """Each of 10 images, in batches of 4, 4 and 2, must leave a trace in the weights of its lit pixels.

    Raises:
        Failure: If one leaves none.
    """
    images, labels = band_images(range(CLASSES), course.shape)
    net = linear_network(course.who, course.shape)
    start = weights_of(net)
    course.train(loader(images + 1, labels, 4), net, sgd(course.who, net, lr=0.1))  # dark pixels are 0
    moved = np.abs(weights_of(net) - start).max(axis=0)  # (C*H*W,)
    lit = (images + 1).flatten(1).numpy() > 0  # (10, C*H*W)
    unused = [i for i in range(CLASSES) if moved[lit[i]].max() < 0.1 * UNMOVED]
    expect(
        not unused,
        f"{len(unused)} of 10 images left no trace in the weights.",
        expected="3 batches of 4, 4 and 2 images, each used",
        got=f"images without a trace: {', '.join(map(str, unused))}",
    )


def expect_given_optimizer(course: Course) -> None:
    """An optimizer whose learning rate is 0 must leave the weights where they are.

    Raises:
        Failure: If they move.
    """
    images, labels = band_images(range(CLASSES), course.shape)
    net = linear_network(course.who, course.shape)
    start = weights_of(net)
    optimizer = sgd(course.who, net, lr=0.0)
    course.train(loader(images, labels, 5), net, optimizer)
    moved = float(np.abs(weights_of(net) - start).max())
    if moved > 0:
        rates = [group["lr"] for group in optimizer.state_dict()["param_groups"]]
        raise Failure(
            "The weights moved, although the given optimizer's learning rate is 0."
            if rates == [0]
            else "The learning rate of the given optimizer was changed.",
            expected="a learning rate of 0, and no change of the weights",
            got=f"a learning rate of {', '.join(map(summarise, rates))}, and a change of up to {moved:.3g}",
        )


def expect_evaluation_mode(course: Course) -> None:
    """A network that drops everything in training mode, in which it arrives, must be evaluated in evaluation mode.

    Raises:
        Failure: If it is not.
    """
    images, labels = band_images([1, 2, 3, 4, 5, 6, 7, 8, 9], course.shape)
    net = band_network(course.who, course.shape, make("torch.nn.Dropout", 1.0))
    net.train()
    accuracy = course.accuracy(course.evaluate(loader(images, labels, 4), net))
    expect(
        accuracy > 0.5,
        "In evaluation mode, the network classifies all of these images right. The accuracy returned is far lower.",
        expected="1.0",
        got=f"{accuracy:.4g}",
    )


def expect_untouched(course: Course, rng: Generator) -> None:
    """Evaluation must leave weights and the batch norm's statistics as they were, whichever mode a network arrives in.

    Raises:
        Failure: If something changed.
    """
    net = _network_with_norm(course)
    images = torch.from_numpy(rng.uniform(-1, 1, (12, *course.shape)).astype(np.float32))
    for mode in ("eval", "train"):
        getattr(net, mode)()
        before = net.state_dict()
        course.evaluate(loader(images, torch.arange(12) % CLASSES, 4), net)
        after = net.state_dict()
        changed = [name for name in before if not np.array_equal(before[name], after[name])]
        expect(
            not changed,
            f"Evaluating changed a network that arrived in {'evaluation' if mode == 'eval' else 'training'} mode.",
            expected="the same weights and buffers before and after",
            got=f"changed: {', '.join(changed)}",
        )
