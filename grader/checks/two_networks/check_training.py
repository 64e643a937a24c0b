"""Checks of task 2.2: `train_epoch` and `evaluate`, on networks and images whose answers are known.

Where the student's own cross-entropy is wrong, which is judged by task 2.1, a right one is lent to these functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from grader.checks.compare import expect, number, numbers, summarise
from grader.checks.declare import check
from grader.checks.known_networks import (
    band_images,
    band_network,
    linear_network,
    loader,
    mean_loss,
    sgd,
    weights_of,
)
from grader.checks.training import (
    Course,
    expect_evaluation_mode,
    expect_given_optimizer,
    expect_gradients_cleared,
    expect_step,
    expect_training_mode,
    expect_untouched,
    expect_whole_epoch,
)
from grader.checks.two_networks.losses import lend_loss, right_losses
from grader.sandbox.calls import make
from grader.sandbox.student import Handle, Implementation

SHAPE = (3, 32, 32)
BAND_PIXELS = 3 * 3 * 32  # three rows of three channels
TRAINED = "train_epoch must return two numbers: (mean loss, accuracy)."
MEASURED = "evaluate must return two numbers: (mean loss, accuracy)."


def _course(student: Implementation) -> Course:
    lend_loss(student)
    return Course(
        student,
        SHAPE,
        lambda batches, net, optimizer: student.supervised.train_epoch.with_options(keep=True)(net, batches, optimizer),
        lambda batches, net: student.supervised.evaluate(net, batches),
        lambda answer: _pair(answer, MEASURED)[1],
    )


@check("2.2", weight=2)
def check_learns(student: Implementation, rng: Generator) -> None:
    """After two epochs on 200 images that can be told apart, the loss has fallen well below guessing."""
    course = _course(student)
    images, labels = _noisy_prototypes(rng, 200)
    net = linear_network(student, SHAPE)
    optimizer = sgd(student, net, lr=0.3, momentum=0.9)
    before = mean_loss(net, images, labels)
    for _ in range(2):
        course.train(loader(images, labels, 20), net, optimizer)
    after = mean_loss(net, images, labels)
    expect(
        after < 0.5 * before,
        "After two calls of train_epoch the loss is still too high.",
        expected=f"a loss that has fallen from {before:.2f} to below {0.5 * before:.2f}",
        got=f"{after:.3g}",
    )


@check("2.2")
def check_step(student: Implementation, oracle: Implementation, rng: Generator) -> None:
    """One batch moves the weights along the gradient of the mean cross-entropy, by about the right amount."""
    images, labels = _noisy_prototypes(rng, 64)
    images = 10 * (images + images.flip(-1)) / 2  # a student's random flip changes nothing
    expect_step(_course(student), _course(oracle), images, labels)


@check("2.2", help="Is optimizer.step() called once for each batch?", public=True)
def check_step_per_batch(student: Implementation) -> None:
    """The optimizer makes one step for each batch."""
    course = _course(student)
    images, labels = band_images(range(10), SHAPE)
    net = linear_network(student, SHAPE)
    optimizer = student.make(make("torch.optim.Adam", net.parameters()))  # it counts its steps
    course.train(loader(images, labels, 4), net, optimizer)
    weights_of(net)  # tells, among known mistakes, another optimizer's steps from none
    found = optimizer.state_dict()
    states = found["state"] if isinstance(found, dict) and isinstance(found.get("state"), dict) else {}
    steps = [number(state["step"]) for state in states.values()]
    expect(
        steps == [3.0],
        "The optimizer did not make one step for each of 3 batches.",
        expected="3 steps of the optimizer",
        got=f"{steps[0] if steps else 0:g}",
    )


@check("2.2", help="Is optimizer.zero_grad() called for each batch, before backward()?", public=True)
def check_gradients_cleared(student: Implementation, rng: Generator) -> None:
    """The gradient of one batch is gone when the next one is used."""
    expect_gradients_cleared(_course(student), rng)


@check("2.2", public=True)
def check_training_mode(student: Implementation, rng: Generator) -> None:
    """The network is put into training mode, even when it arrives in evaluation mode."""
    expect_training_mode(_course(student), rng)


@check("2.2", public=True)
def check_whole_epoch(student: Implementation) -> None:
    """Every batch of the loader is used, the smaller last one too."""
    expect_whole_epoch(_course(student))


@check("2.2")
def check_given_optimizer(student: Implementation) -> None:
    """The weights move only as the given optimizer moves them: not at all with a learning rate of 0."""
    expect_given_optimizer(_course(student))


@check("2.2", weight=2)
def check_report(student: Implementation) -> None:
    """train_epoch returns the mean loss and the fraction of images classified right."""
    lend_loss(student)
    images, labels = band_images([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3], SHAPE)
    labels[[1, 5, 6, 7, 12]] = 0  # 9 of 14 right, in batches of 4, 4, 4, 2, whose shares tell which of them count
    net = _mild_network(student)
    optimizer = sgd(student, net, lr=0.0)
    answer = student.supervised.train_epoch(net, loader(images, labels, 4), optimizer)
    loss, accuracy = _pair(answer, TRAINED)
    batches = (3 / 4 + 1 / 4 + 4 / 4 + 1 / 2) / 4  # the mean over batches is right too
    expect(
        min(abs(accuracy - 9 / 14), abs(accuracy - batches)) < 0.005,
        "This is not the accuracy of these 14 images, which is known at a learning rate of 0.",
        expected="9 of 14 right: 0.643",
        got=f"{accuracy:.4g}",
    )
    _expect_mean(loss, images, labels)


@check("2.2", weight=2)
def check_measured_accuracy(student: Implementation) -> None:
    """evaluate gives the fraction of images classified right, over all batches."""
    images, labels = _eleven_images()
    course = _course(student)
    net = _mild_network(student)
    accuracy = course.accuracy(course.evaluate(loader(images, labels, 4), net))
    expect(
        abs(accuracy - 7 / 11) < 1e-4,
        "The network classifies 7 of these 11 images right.",
        expected="7 / 11 = 0.6364",
        got=f"{accuracy:.4g}",
    )


@check("2.2")
def check_measured_loss(student: Implementation) -> None:
    """evaluate gives the mean loss, over all batches."""
    images, labels = _eleven_images()
    course = _course(student)
    loss, _ = _pair(course.evaluate(loader(images, labels, 4), _mild_network(student)), MEASURED)
    _expect_mean(loss, images, labels)


@check("2.2", help="Is model.eval() called before the loop?", public=True)
def check_measuring_mode(student: Implementation) -> None:
    """evaluate puts the network into evaluation mode: dropout does not spoil the result."""
    expect_evaluation_mode(_course(student))


@check("2.2", public=True)
def check_untouched(student: Implementation, rng: Generator) -> None:
    """evaluate leaves the weights and the batch norm's statistics as they were."""
    expect_untouched(_course(student), rng)


def _noisy_prototypes(rng: Generator, count: int) -> tuple[Tensor, Tensor]:
    """Images of ten kinds, (N, 3, 32, 32), small, so that gradients are: no sensible clipping would cut them."""
    prototypes = rng.normal(size=(10, *SHAPE))
    labels = rng.integers(10, size=count)
    images = 0.05 * (prototypes[labels] + rng.normal(size=(count, *SHAPE)))
    return torch.from_numpy(images.astype(np.float32)), torch.from_numpy(labels)


def _eleven_images() -> tuple[Tensor, Tensor]:
    """7 of 11 are classified right by a band network, in batches of 4, 4, 3."""
    images, labels = band_images([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0], SHAPE)
    labels[[0, 1, 2, 10]] = 5
    return images, labels


def _mild_network(student: Implementation) -> Handle:
    """A band network whose logits are 1 for the lit band and -1 for the others, in evaluation mode."""
    net = band_network(student, SHAPE, weight=1 / BAND_PIXELS)
    net.eval()
    return net


def _pair(answer: Any, message: str) -> tuple[float, float]:
    """Loss and accuracy out of what a student's function returned; raises Failure if it is no pair of numbers."""
    whole = isinstance(answer, np.ndarray) and answer.size == 2
    pair = numbers(answer).reshape(-1).tolist() if whole else answer
    expect(isinstance(pair, list | tuple) and len(pair) == 2, message, expected="a pair", got=summarise(answer))
    return number(pair[0]), number(pair[1])


def _expect_mean(loss: float, images: Tensor, labels: Tensor) -> None:
    """Expect the mean of the losses of a mild band network, over the images or over batches of 4."""
    logits = torch.stack([image[0, 1:30:3, 0] for image in images])  # (N, 10): a pixel of each band
    losses = right_losses(logits, labels)
    by_batch: NDArray[np.float64] = np.array([losses[i : i + 4].mean() for i in range(0, len(losses), 4)])
    expect(
        min(abs(loss - losses.mean()), abs(loss - by_batch.mean())) < 1e-3,
        "The loss is not the mean cross-entropy of these images.",
        expected=f"{losses.mean():.4f} (over images) or {by_batch.mean():.4f} (over batches)",
        got=f"{loss:.4f}",
    )
