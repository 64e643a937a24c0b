"""Checks of `fashion.py`: tasks 4a and 4b, on networks and images whose right answers are known by construction.

What any training code must do is in `grader/checks/training.py`.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.checks.compare import expect, expect_finite, expect_shape, number, numbers, summarise
from grader.checks.declare import check
from grader.checks.known_networks import band_images, band_network, linear_network, loader, mean_loss, sgd
from grader.checks.miniplaces.training import SHAPE, course_of, train_quietly
from grader.checks.training import (
    expect_evaluation_mode,
    expect_given_optimizer,
    expect_gradients_cleared,
    expect_step,
    expect_training_mode,
    expect_untouched,
    expect_whole_epoch,
)
from grader.datasets.fashion import normalise_fashion
from grader.datasets.imageset import ImageSet
from grader.errors import Failure
from grader.sandbox.student import Implementation


@check("4a", weight=3)
def check_learns(student: Implementation, rng: Generator, fashion_train: ImageSet) -> None:
    """After two epochs on 1,000 real images, the loss has fallen well below guessing."""
    chosen = torch.from_numpy(rng.choice(len(fashion_train.labels), size=1000, replace=False))
    images, labels = normalise_fashion(fashion_train.images[chosen]), fashion_train.labels[chosen]
    net = linear_network(student, SHAPE)
    optimizer = sgd(student, net, lr=0.01, momentum=0.9)
    before = mean_loss(net, images, labels)
    tried = []
    for epoch in (0, 1):  # both before anything is expected: whoever trains in neither has no trouble with epoch 0
        train_quietly(student, loader(images, labels, 50), net, optimizer, epoch)
        tried.append((student.last_asked(), mean_loss(net, images, labels)))
    for epoch, enough, (called, after) in zip((0, 1), (0.9, 0.6), tried, strict=True):
        if not after < enough * before:
            raise Failure(
                f"After train(..., epoch={epoch}) the loss is still too high.",
                called=called,
                expected=f"a loss that has fallen from {before:.2f} to below {enough * before:.2f}",
                got=f"{after:.3g}",
            )


@check("4a")
def check_step(student: Implementation, oracle: Implementation, rng: Generator, fashion_train: ImageSet) -> None:
    """One batch moves the weights along the gradient of the mean cross-entropy, by about the right amount."""
    chosen = torch.from_numpy(rng.choice(len(fashion_train.labels), size=64, replace=False))
    images, labels = normalise_fashion(fashion_train.images[chosen]), fashion_train.labels[chosen]
    images = (images + images.flip(-1)) / 2  # a student's random flip changes nothing
    expect_step(course_of(student), course_of(oracle), images, labels)


@check("4a", help="Is optimizer.zero_grad() called in every step, before backward()?", public=True)
def check_gradients_cleared(student: Implementation, rng: Generator) -> None:
    """The gradient of one batch is gone when the next one is used."""
    expect_gradients_cleared(course_of(student), rng)


@check("4a", public=True)
def check_training_mode(student: Implementation, rng: Generator) -> None:
    """The model is put into training mode, even when it arrives in evaluation mode."""
    expect_training_mode(course_of(student), rng)


@check("4a", public=True)
def check_whole_epoch(student: Implementation) -> None:
    """Every batch of the loader is used, the smaller last one too."""
    expect_whole_epoch(course_of(student))


@check("4a", public=True)
def check_given_optimizer(student: Implementation) -> None:
    """The weights move only as the given optimizer moves them: not at all with a learning rate of 0."""
    expect_given_optimizer(course_of(student))


@check("4a")
def check_report(student: Implementation) -> None:
    """train returns the loss and the fraction of images classified right."""
    predicted = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3]
    images, labels = band_images(predicted, SHAPE)
    labels[[1, 5, 6, 7, 12]] = 0  # 9 of 14 right, in batches of 4, 4, 4, 2, whose shares tell which of them count
    net = band_network(student, SHAPE)
    answer = student.fashion.train(loader(images, labels, 4), net, sgd(student, net, lr=0.0), 0)
    if isinstance(answer, np.ndarray) and answer.shape == (2,):
        answer = answer.tolist()
    expect(
        isinstance(answer, list | tuple) and len(answer) == 2,
        "train must return two things: (train_loss, accuracy).",
        expected="a tuple of two",
        got=answer,
    )
    losses = answer[0]
    if not (isinstance(losses, list | tuple) and not losses):  # an empty list of losses is fine
        values = numbers(losses)
        expect_finite(values, what="loss")
        expect(bool((values >= 0).all()), "A cross-entropy is never negative.", expected="0 or more", got=values)
    accuracy = number(answer[1])
    batches = (3 / 4 + 1 / 4 + 4 / 4 + 1 / 2) / 4  # the mean over batches is right too
    expect(
        min(abs(accuracy - 9 / 14), abs(accuracy - batches)) < 0.005,
        "This is not the accuracy of these 14 images, which is known at a learning rate of 0.",
        expected="9 of 14 right: 0.643",
        got=f"{accuracy:.4g}",
    )


@check("4b", weight=2, public=True)
def check_prediction(student: Implementation) -> None:
    """get_prediction gives the class with the largest logit for each image."""
    net = band_network(student, SHAPE)
    net.eval()
    for classes in ([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [7]):
        images, _ = band_images(classes, SHAPE)
        answer = numbers(student.fashion.get_prediction(images, net))
        expect_shape(answer, (len(classes),))
        got = answer.reshape(-1)
        expect(
            [float(item) for item in got.tolist()] == classes,
            f"Of {len(classes)} images, {int((got != classes).sum())} got a wrong class.",
            expected=str(classes),
            got=summarise(got),
        )


@check("4b", after=("check_prediction",), public=True)
def check_prediction_type(student: Implementation) -> None:
    """Predictions are whole numbers, so that they can be used as indices."""
    images, _ = band_images([2, 0, 9], SHAPE)
    net = band_network(student, SHAPE)
    net.eval()
    answer = numbers(student.fashion.get_prediction(images, net))
    expect(
        answer.dtype.kind in "iu", "The predictions have the wrong type.", expected="integers", got=str(answer.dtype)
    )


@check("4b", weight=2)
def check_accuracy(student: Implementation) -> None:
    """evaluate gives the fraction of images classified right, over all batches."""
    images, labels = band_images([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0], SHAPE)
    labels[[0, 1, 2, 10]] = torch.tensor([5, 5, 5, 5])  # 7 of 11 right, in batches of 4, 4, 3
    net = band_network(student, SHAPE)
    net.eval()
    accuracy = number(student.fashion.evaluate(loader(images, labels, 4), net))
    expect(
        abs(accuracy - 7 / 11) < 1e-4,
        "The network classifies 7 of these 11 images right.",
        expected="7 / 11 = 0.6364",
        got=f"{accuracy:.4g}",
    )


@check("4b", help="Is net.eval() called before the loop?", public=True)
def check_evaluation_mode(student: Implementation) -> None:
    """evaluate puts the network into evaluation mode: dropout does not spoil the result."""
    expect_evaluation_mode(course_of(student))


@check("4b", public=True)
def check_untouched(student: Implementation, rng: Generator) -> None:
    """evaluate leaves the weights and the batch norm's statistics as they were."""
    expect_untouched(course_of(student), rng)
