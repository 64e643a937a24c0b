"""Hidden checks of `fashion.py`: tasks 4a and 4b, on networks and images whose right answers are known by construction.

What any training code must do is in `grader/vision/training_probes.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import (
    Array,
    Failure,
    Implementation,
    check,
    expect,
    expect_finite,
    number,
    numbers,
    summarise,
)
from grader.vision.datasets.fashion import normalise_fashion
from grader.vision.datasets.imageset import ImageSet
from grader.vision.known_answers import KnownAnswers, known_answers
from grader.vision.probe_networks import (
    CLASSES,
    linear_network,
    loader,
    loss_of,
    mean_loss,
    random_weight,
    sgd,
)
from grader.vision.training_probes import (
    EXACT,
    expect_step,
)
from solutions.miniplaces.checks.training import SHAPE, course_of, train_quietly

SMOOTHED = 0.2  # of the labels, at most
ROUNDED = 0.01  # how far a loss may be off: logits in half precision, and a penalty on weights as a part of it


@check("4a", weight=3, listed_before="check_gradients_cleared")
def check_learns(student: Implementation, rng: Generator, fashion_train: ImageSet) -> None:
    """After two epochs on 1,000 real images, the loss on 1,000 others is well below what it was before."""
    chosen = torch.from_numpy(
        rng.choice(len(fashion_train.labels), size=min(2000, len(fashion_train.labels)), replace=False)
    )
    numbering = torch.from_numpy(rng.permutation(CLASSES))  # of the classes: no network from elsewhere knows it
    images, labels = normalise_fashion(fashion_train.images[chosen]), numbering[fashion_train.labels[chosen]]
    seen, start = len(chosen) // 2, random_weight(rng, SHAPE)
    net = linear_network(student, SHAPE, start)
    optimizer = sgd(student, net, lr=0.01, momentum=0.9)
    before = loss_of(start.numpy(), images[seen:], labels[seen:])
    tried = []
    for epoch in (0, 1):  # both before anything is expected: whoever trains in neither has no trouble with epoch 0
        train_quietly(student, loader(images[:seen], labels[:seen], 50), net, optimizer, epoch)
        tried.append((student.last_asked(), mean_loss(net, images[seen:], labels[seen:])))
    for epoch, enough, (called, after) in zip((0, 1), (0.9, 0.6), tried, strict=True):
        if not after < enough * before:
            raise Failure(
                f"After train(..., epoch={epoch}) the loss on images that it has not seen is still too high.",
                called=called,
                expected=f"a loss that has fallen from {before:.2f} to below {enough * before:.2f}",
                got=f"{after:.3g}",
            )


@check("4a", listed_before="check_gradients_cleared")
def check_step(student: Implementation, oracle: Implementation, rng: Generator, fashion_train: ImageSet) -> None:
    """One batch moves the weights against the gradient of the mean cross-entropy, by about the right amount."""
    chosen = torch.from_numpy(rng.choice(len(fashion_train.labels), size=64, replace=False))
    images, labels = normalise_fashion(fashion_train.images[chosen]), fashion_train.labels[chosen]
    images = (images + images.flip(-1)) / 2  # a student's random flip changes nothing
    expect_step(course_of(student), course_of(oracle), images, labels, rng)


@check("4a", after=("check_given_optimizer",))
def check_report(student: Implementation, rng: Generator) -> None:
    """train returns the mean loss and the fraction of images classified right."""
    known = known_answers(student, SHAPE, rng)
    answer = student.fashion.train(known.loader(), known.net, sgd(student, known.net, lr=0.0), 0)
    if isinstance(answer, np.ndarray) and answer.shape == (2,):
        answer = answer.tolist()
    expect(
        isinstance(answer, list | tuple) and len(answer) == 2,
        "train must return two things: (train_loss, accuracy).",
        expected="a tuple of two",
        got=answer,
    )
    accuracy, right, count = number(answer[1]), int(known.right.sum()), len(known.labels)
    by_batch = float(known.by_batch(known.right).mean())
    expect(
        min(abs(accuracy - right / count), abs(accuracy - by_batch)) < 0.005,
        f"This is not the accuracy of these {count} images, which is known at a learning rate of 0.",
        expected=f"{right} of {count} right: {right / count:.3f}",
        got=f"{accuracy:.4g}",
    )
    _expect_losses(answer[0], known)


def _expect_losses(answer: Any, known: KnownAnswers) -> None:
    """Expect the mean loss over images or over batches, or the loss of each batch; or an empty list, which claims none.

    Labels may be smoothed: the loss lies between the cross-entropy and what that makes of it.
    """
    if isinstance(answer, list | tuple) and not answer:
        return
    given = numbers(answer).reshape(-1)
    expect_finite(given, what="loss")
    losses = torch.stack([known.losses(), known.losses(SMOOTHED)], dim=1)  # (N, 2)
    by_batch = known.by_batch(losses)
    means = losses.mean(dim=0), by_batch.mean(dim=0)
    if given.size == 1:
        fits = any(_lies_between(given, mean[None]) for mean in means)
    else:
        fits = given.size == len(by_batch) and _lies_between(given, by_batch)
    expect(
        fits,
        "The loss is not the mean cross-entropy of these images, which is known at a learning rate of 0.",
        expected=f"{float(means[0][0]):.4f} (over images), {float(means[1][0]):.4f} (over batches), or a list of "
        f"{len(by_batch)} losses, one of each batch",
        got=summarise(given),
    )


def _lies_between(values: Array, ends: Tensor) -> bool:
    """Whether values (n,) lie between two ends each, (n, 2), in any order."""
    low, high = ends.amin(dim=1).numpy() - ROUNDED, ends.amax(dim=1).numpy() + ROUNDED
    return bool(((low <= values) & (values <= high)).all())


@check("4b", weight=2, listed_before="check_evaluation_mode")
def check_accuracy(student: Implementation, rng: Generator) -> None:
    """evaluate gives the fraction of images classified right, over all batches."""
    for _ in range(2):
        known = known_answers(student, SHAPE, rng)
        known.net.eval()
        right, count = int(known.right.sum()), len(known.labels)
        accuracy = number(student.fashion.evaluate(known.loader(), known.net))
        expect(
            abs(accuracy - right / count) < EXACT,
            f"The network classifies {right} of these {count} images right.",
            expected=f"{right} / {count} = {right / count:.4f}",
            got=f"{accuracy:.4g}",
        )
