"""Public checks of task 2.1: the cross-entropy, by its value and its gradient, without torch's own."""

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
    writing_it_out,
)
from solutions.two_networks.checks.truths import right_losses


@check("2.1", weight=3)
def check_loss(student: Implementation, rng: Generator) -> None:
    """The loss, written out, is the mean over the batch of -log softmax(logits) at the right class."""
    for count, classes in ((6, 10), (9, 4), (1, 3)):
        logits, targets = random_batch(rng, count, classes)
        expect_loss(student, logits, targets)


@check("2.1", after=("check_loss",))
def check_logits_untouched(student: Implementation, rng: Generator) -> None:
    """The logits that it is given are the same afterwards."""
    logits, targets = random_batch(rng, 5, 10)
    with writing_it_out():
        after = numbers(Trial(student, logits, targets, forbid=WRITTEN_OUT).given.detach())
    expect(
        np.array_equal(after, logits.numpy()),
        "cross_entropy changes the logits that it is given.",
        expected=summarise(logits.numpy()),
        got=after,
        mistake="supervised.changes_logits",
    )


def random_batch(rng: Generator, count: int, classes: int) -> tuple[Tensor, Tensor]:
    """Logits (N, K) of ordinary size, and targets (N,), mostly not the largest logit's."""
    logits = torch.from_numpy(2 * rng.normal(size=(count, classes)).astype(np.float32))
    return logits, torch.from_numpy(rng.integers(classes, size=count))


def expect_loss(student: Implementation, logits: Tensor, targets: Tensor) -> None:
    """Expect the mean cross-entropy, written out without the loss functions of torch."""
    right = np.array(right_losses(logits, targets).mean())
    with writing_it_out():
        got = np.array(number(student.supervised.cross_entropy.with_options(forbid=WRITTEN_OUT)(logits, targets)))
    expect_close(got, right, within=ALLOWED * max(1.0, float(right)), what="losses")
