"""Checks of task 2.1: the cross-entropy, by its value and its gradient, without torch's own."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import Implementation, check, expect, expect_close, number, numbers, summarise
from solutions.two_networks.checks.losses import (
    ALLOWED,
    WRITTEN_OUT,
    Trial,
    right_gradient,
    right_losses,
    writing_it_out,
)

LARGE = 1e4


@check("2.1", weight=3, public=True)
def check_loss(student: Implementation, rng: Generator) -> None:
    """The loss, written out, is the mean over the batch of -log softmax(logits) at the right class."""
    for count, classes in ((6, 10), (9, 4), (1, 3)):
        logits, targets = _batch(rng, count, classes)
        _expect_loss(student, logits, targets)


@check("2.1", weight=2, after=("check_loss",), help="Use log_softmax or logsumexp: they never compute exp(1e4).")
def check_large_logits(student: Implementation, rng: Generator) -> None:
    """The loss is right for logits as large as 10,000."""
    logits, targets = _batch(rng, 4, 5)
    _expect_loss(student, logits, targets)
    logits[0, targets[0]] = LARGE
    logits[1] -= LARGE  # a row far below the largest logit of the batch
    _expect_loss(student, logits, targets)
    logits[2, targets[2]] = -LARGE
    logits[2, (targets[2] + 1) % 5] = LARGE
    _expect_loss(student, logits, targets)


@check("2.1", weight=2, after=("check_loss",))
def check_loss_gradient(student: Implementation, rng: Generator) -> None:
    """The gradient by logit is (softmax - one-hot) / N."""
    logits, targets = _batch(rng, 6, 5)
    right = right_gradient(logits, targets)
    with writing_it_out():
        trial = Trial(student, logits, targets, forbid=WRITTEN_OUT)
    expect_close(np.array(trial.value()), right_losses(logits, targets).mean(), within=10 * ALLOWED, what="losses")
    gradient = trial.gradient()
    expect_close(gradient, right, within=10 * ALLOWED * float(np.abs(right).max()), what="gradients")


@check("2.1", after=("check_loss",), public=True)
def check_logits_untouched(student: Implementation, rng: Generator) -> None:
    """The logits that it is given are the same afterwards."""
    logits, targets = _batch(rng, 5, 10)
    with writing_it_out():
        after = numbers(Trial(student, logits, targets, forbid=WRITTEN_OUT).given.detach())
    expect(
        np.array_equal(after, logits.numpy()),
        "cross_entropy changes the logits that it is given.",
        expected=summarise(logits.numpy()),
        got=after,
        mistake="supervised.changes_logits",
    )


def _batch(rng: Generator, count: int, classes: int) -> tuple[Tensor, Tensor]:
    """Logits (N, K) of ordinary size, and targets (N,), mostly not the largest logit's."""
    logits = torch.from_numpy(2 * rng.normal(size=(count, classes)).astype(np.float32))
    return logits, torch.from_numpy(rng.integers(classes, size=count))


def _expect_loss(student: Implementation, logits: Tensor, targets: Tensor) -> None:
    right = np.array(right_losses(logits, targets).mean())
    with writing_it_out():
        got = np.array(number(student.supervised.cross_entropy.with_options(forbid=WRITTEN_OUT)(logits, targets)))
    expect_close(got, right, within=ALLOWED * max(1.0, float(right)), what="losses")
