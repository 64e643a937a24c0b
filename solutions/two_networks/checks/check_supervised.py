"""Hidden checks of task 2.1: the cross-entropy, by its value and its gradient, without torch's own."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from grader.author import Implementation, check, expect_close
from solutions.two_networks.checks.losses import (
    ALLOWED,
    WRITTEN_OUT,
    Trial,
    writing_it_out,
)
from solutions.two_networks.checks.public_supervised import expect_loss, random_batch
from solutions.two_networks.checks.truths import right_gradient, right_losses

LARGE = 1e4


@check(
    "2.1",
    weight=2,
    after=("check_loss",),
    help="Use log_softmax or logsumexp: they never compute exp(1e4).",
    listed_before="check_logits_untouched",
)
def check_large_logits(student: Implementation, rng: Generator) -> None:
    """The loss is right for logits as large as 10,000."""
    logits, targets = random_batch(rng, 4, 5)
    expect_loss(student, logits, targets)
    logits[0, targets[0]] = LARGE
    logits[1] -= LARGE  # a row far below the largest logit of the batch
    expect_loss(student, logits, targets)
    logits[2, targets[2]] = -LARGE
    logits[2, (targets[2] + 1) % 5] = LARGE
    expect_loss(student, logits, targets)


@check("2.1", weight=2, after=("check_loss",), listed_before="check_logits_untouched")
def check_loss_gradient(student: Implementation, rng: Generator) -> None:
    """The gradient by logit is (softmax - one-hot) / N."""
    logits, targets = random_batch(rng, 6, 5)
    right = right_gradient(logits, targets)
    with writing_it_out():
        trial = Trial(student, logits, targets, forbid=WRITTEN_OUT)
    expect_close(np.array(trial.value()), right_losses(logits, targets).mean(), within=10 * ALLOWED, what="losses")
    gradient = trial.gradient()
    expect_close(gradient, right, within=10 * ALLOWED * float(np.abs(right).max()), what="gradients")
