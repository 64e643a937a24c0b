"""Checks of task 2.2: `train_epoch` and `evaluate`, on networks and images whose answers are known.

Where the student's own cross-entropy is wrong, which is judged by task 2.1, a right one is lent to these functions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import Array, Handle, Implementation, check, expect, make, number, numbers, summarise
from grader.vision.known_answers import KnownAnswers, known_answers
from grader.vision.probe_networks import (
    CLASSES,
    linear_network,
    loader,
    loss_of,
    pixels_of,
    sgd,
    weights_of,
)
from grader.vision.training_probes import (
    Course,
    expect_evaluation_mode,
    expect_given_optimizer,
    expect_gradients_cleared,
    expect_step,
    expect_training_mode,
    expect_untouched,
    expect_whole_epoch,
)
from solutions.two_networks.checks.losses import lend_loss

SHAPE = (3, 32, 32)
UNSEEN = 100  # images that are kept back
ROUNDED = 0.01  # how far a loss may be off: logits in half precision, and a penalty on weights as a part of it
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
    """After two epochs on 200 images that can be told apart, the loss on others like them has halved."""
    course = _course(student)
    images, labels = _noisy_prototypes(rng, 200 + UNSEEN)
    net, start = _linear_network(student, rng)
    optimizer = sgd(student, net, lr=0.3, momentum=0.9)
    for _ in range(2):
        course.train(loader(images[UNSEEN:], labels[UNSEEN:], 20), net, optimizer)
    before, after = (loss_of(weight, images[:UNSEEN], labels[:UNSEEN]) for weight in (start, weights_of(net)))
    expect(
        after < 0.5 * before,
        "After two calls of train_epoch the loss on images that were not trained on is still too high.",
        expected=f"a loss that has fallen from {before:.2f} to below {0.5 * before:.2f}",
        got=f"{after:.3g}",
    )


@check("2.2")
def check_step(student: Implementation, oracle: Implementation, rng: Generator) -> None:
    """One batch moves the weights against the gradient of the mean cross-entropy, by about the right amount."""
    images, labels = _noisy_prototypes(rng, 64)
    images = 10 * (images + images.flip(-1)) / 2  # a student's random flip changes nothing
    expect_step(_course(student), _course(oracle), images, labels, rng)


@check("2.2", help="Is optimizer.step() called once for each batch?", public=True)
def check_step_per_batch(student: Implementation, rng: Generator) -> None:
    """The optimizer makes one step for each batch."""
    course, batches = _course(student), int(rng.integers(3, 8))
    images, labels = _noisy_prototypes(rng, 4 * batches)
    half = torch.from_numpy(rng.random((3, 32, 16)) < 0.5)
    dark = torch.cat([half, half.flip(-1)], dim=-1)  # a student's random flip lights none of these pixels
    images[:, dark] = 0  # these pixels' weights have no gradient: weight decay alone shrinks them, at each step
    net, start = _linear_network(student, rng)
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


@check("2.2", help="Is optimizer.zero_grad() called for each batch, before backward()?", public=True)
def check_gradients_cleared(student: Implementation, rng: Generator) -> None:
    """The gradient of one batch is gone when the next one is used."""
    expect_gradients_cleared(_course(student), rng)


@check("2.2", public=True)
def check_training_mode(student: Implementation, rng: Generator) -> None:
    """The network is put into training mode, even when it arrives in evaluation mode."""
    expect_training_mode(_course(student), rng)


@check("2.2", public=True)
def check_whole_epoch(student: Implementation, rng: Generator) -> None:
    """Every batch of the loader is used, the smaller last one too."""
    expect_whole_epoch(_course(student), rng)


@check("2.2")
def check_given_optimizer(student: Implementation, rng: Generator) -> None:
    """The weights move only as the given optimizer moves them: not at all with a learning rate of 0."""
    expect_given_optimizer(_course(student), rng)


@check("2.2", weight=2, after=("check_learns",))
def check_report(student: Implementation, rng: Generator) -> None:
    """train_epoch returns the mean loss and the fraction of images classified right."""
    lend_loss(student)
    known = known_answers(student, SHAPE, rng)
    answer = student.supervised.train_epoch(known.net, known.loader(), sgd(student, known.net, lr=0.0))
    loss, accuracy = _pair(answer, TRAINED)
    expect(
        min(abs(accuracy - known.accuracy), abs(accuracy - float(known.by_batch(known.right).mean()))) < 0.005,
        "This is not the accuracy of these images, which is known at a learning rate of 0.",
        expected=f"{known.right.sum():.0f} of {len(known.labels)} right: {known.accuracy:.3f}",
        got=f"{accuracy:.4g}",
    )
    _expect_mean(loss, known)


@check("2.2", weight=2)
def check_measured_accuracy(student: Implementation, rng: Generator) -> None:
    """evaluate gives the fraction of images classified right, over all batches."""
    course = _course(student)
    for _ in range(2):
        known = known_answers(student, SHAPE, rng)
        known.net.eval()
        accuracy = course.accuracy(course.evaluate(known.loader(), known.net))
        expect(
            abs(accuracy - known.accuracy) < 1e-4,
            f"The network classifies {known.right.sum():.0f} of these {len(known.labels)} images right.",
            expected=f"{known.accuracy:.4f}",
            got=f"{accuracy:.4g}",
        )


@check("2.2")
def check_measured_loss(student: Implementation, rng: Generator) -> None:
    """evaluate gives the mean loss, over all batches."""
    known = known_answers(student, SHAPE, rng)
    known.net.eval()
    loss, _ = _pair(_course(student).evaluate(known.loader(), known.net), MEASURED)
    _expect_mean(loss, known)


@check("2.2", help="Is model.eval() called before the loop?", public=True)
def check_measuring_mode(student: Implementation, rng: Generator) -> None:
    """evaluate puts the network into evaluation mode: dropout does not spoil the result."""
    expect_evaluation_mode(_course(student), rng)


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


def _linear_network(student: Implementation, rng: Generator) -> tuple[Handle, Array]:
    """A linear network and its weight (10, C*H*W), which nobody but us knows beforehand."""
    start = (rng.normal(size=(CLASSES, pixels_of(SHAPE))) / 50).astype(np.float32)
    return linear_network(student, SHAPE, torch.from_numpy(start)), start


def _pair(answer: Any, message: str) -> tuple[float, float]:
    """Loss and accuracy out of what a student's function returned; raises Failure if it is no pair of numbers."""
    whole = isinstance(answer, np.ndarray) and answer.size == 2
    pair = numbers(answer).reshape(-1).tolist() if whole else answer
    expect(isinstance(pair, list | tuple) and len(pair) == 2, message, expected="a pair", got=summarise(answer))
    return number(pair[0]), number(pair[1])


def _expect_mean(loss: float, known: KnownAnswers) -> None:
    """Expect the mean of the losses of a mild network, over the images or over batches."""
    losses = known.losses()
    by_image, by_batch = float(losses.mean()), float(known.by_batch(losses).mean())
    expect(
        min(abs(loss - by_image), abs(loss - by_batch)) < ROUNDED,
        "The loss is not the mean cross-entropy of these images.",
        expected=f"{by_image:.4f} (over images) or {by_batch:.4f} (over batches)",
        got=f"{loss:.4f}",
    )
