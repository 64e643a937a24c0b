"""Public checks of task 2.2: `train_epoch` and `evaluate`, on networks and images whose answers are known.

Where the student's own cross-entropy is wrong, which is judged by task 2.1, a right one is lent to these functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import Array, Handle, Implementation, check, expect, make, number, numbers, summarise
from grader.vision.probe_networks import (
    CLASSES,
    linear_network,
    loader,
    pixels_of,
    weights_of,
)
from grader.vision.training_probes import (
    Course,
    expect_evaluation_mode,
    expect_gradients_cleared,
    expect_training_mode,
    expect_untouched,
    expect_whole_epoch,
)
from solutions.two_networks.checks.losses import lend_loss

SHAPE = (3, 32, 32)
MEASURED = "evaluate must return two numbers: (mean loss, accuracy)."


def course_of(student: Implementation) -> Course:
    """A course of training by the student's functions; the loss is lent to a student whose own is wrong."""
    lend_loss(student)
    return Course(
        student,
        SHAPE,
        lambda batches, net, optimizer: student.supervised.train_epoch.with_options(keep=True)(net, batches, optimizer),
        lambda batches, net: student.supervised.evaluate(net, batches),
        lambda answer: as_pair(answer, MEASURED)[1],
    )


@check("2.2", help="Is optimizer.step() called once for each batch?")
def check_step_per_batch(student: Implementation, rng: Generator) -> None:
    """The optimizer makes one step for each batch."""
    course, batches = course_of(student), int(rng.integers(3, 8))
    images, labels = noisy_prototypes(rng, 4 * batches)
    half = torch.from_numpy(rng.random((3, 32, 16)) < 0.5)
    dark = torch.cat([half, half.flip(-1)], dim=-1)  # a student's random flip lights none of these pixels
    images[:, dark] = 0  # these pixels' weights have no gradient: weight decay alone shrinks them, at each step
    net, start = noise_network(student, rng)
    lr, decay = rng.uniform(0.3, 0.6, 2).tolist()
    optimizer = student.make(make("torch.optim.SGD", net.parameters(), lr=lr, weight_decay=decay))
    course.train(loader(images, labels, 4), net, optimizer)
    of_dark = dark.flatten().numpy()
    shrunk = np.abs(weights_of(net)[:, of_dark]).sum() / np.abs(start[:, of_dark]).sum()
    steps = float(np.log(max(shrunk, 1e-30)) / np.log(1 - lr * decay))
    expect(
        abs(steps - batches) < 0.2,
        f"The optimizer did not make one step for each of {batches} batches.",
        expected=f"{batches} steps of the optimizer",
        got=f"{max(steps, 0):.3g}",
    )


@check("2.2", help="Is optimizer.zero_grad() called for each batch, before backward()?")
def check_gradients_cleared(student: Implementation, rng: Generator) -> None:
    """The gradient of one batch is gone when the next one is used."""
    expect_gradients_cleared(course_of(student), rng)


@check("2.2")
def check_training_mode(student: Implementation, rng: Generator) -> None:
    """The network is put into training mode, even when it arrives in evaluation mode."""
    expect_training_mode(course_of(student), rng)


@check("2.2")
def check_whole_epoch(student: Implementation, rng: Generator) -> None:
    """Every batch of the loader is used, the smaller last one too."""
    expect_whole_epoch(course_of(student), rng)


@check("2.2", help="Is model.eval() called before the loop?")
def check_measuring_mode(student: Implementation, rng: Generator) -> None:
    """evaluate puts the network into evaluation mode: dropout does not spoil the result."""
    expect_evaluation_mode(course_of(student), rng)


@check("2.2")
def check_untouched(student: Implementation, rng: Generator) -> None:
    """evaluate leaves the weights and the batch norm's statistics as they were."""
    expect_untouched(course_of(student), rng)


def noisy_prototypes(rng: Generator, count: int) -> tuple[Tensor, Tensor]:
    """Images of ten kinds, (N, 3, 32, 32), small, so that gradients are: no sensible clipping would cut them."""
    prototypes = rng.normal(size=(10, *SHAPE))
    labels = rng.integers(10, size=count)
    images = 0.05 * (prototypes[labels] + rng.normal(size=(count, *SHAPE)))
    return torch.from_numpy(images.astype(np.float32)), torch.from_numpy(labels)


def noise_network(student: Implementation, rng: Generator) -> tuple[Handle, Array]:
    """A linear network and its weight (10, C*H*W), which nobody but us knows beforehand."""
    start = (rng.normal(size=(CLASSES, pixels_of(SHAPE))) / 50).astype(np.float32)
    return linear_network(student, SHAPE, torch.from_numpy(start)), start


def as_pair(answer: Any, message: str) -> tuple[float, float]:
    """Loss and accuracy out of what a student's function returned; raises Failure if it is no pair of numbers."""
    whole = isinstance(answer, np.ndarray) and answer.size == 2
    pair = numbers(answer).reshape(-1).tolist() if whole else answer
    expect(isinstance(pair, list | tuple) and len(pair) == 2, message, expected="a pair", got=summarise(answer))
    return number(pair[0]), number(pair[1])
