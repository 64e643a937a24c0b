"""Checks of task 2.1: the cross-entropy, by its value, by its gradient, and by how it is written."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.checks.compare import expect, expect_close, number, numbers, summarise
from grader.checks.declare import check
from grader.checks.two_networks.losses import ALLOWED, Trial, right_gradient, right_losses
from grader.checks.two_networks.sources import read_uses
from grader.sandbox.student import Implementation

FORBIDDEN = {
    "cross_entropy": "supervised.uses_cross_entropy",
    "CrossEntropyLoss": "supervised.uses_cross_entropy",
    "cross_entropy_loss": "supervised.uses_cross_entropy",
    "nll_loss": "supervised.uses_nll_loss",
    "NLLLoss": "supervised.uses_nll_loss",
}
LARGE = 1e4


@check("2.1", weight=3, public=True)
def check_loss(student: Implementation, rng: Generator) -> None:
    """The loss is the mean over the batch of -log softmax(logits) at the right class."""
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
    trial, right = Trial(student, logits, targets), right_gradient(logits, targets)
    expect_close(np.array(trial.value()), right_losses(logits, targets).mean(), within=10 * ALLOWED, what="losses")
    gradient = trial.gradient()
    expect_close(gradient, right, within=10 * ALLOWED * float(np.abs(right).max()), what="gradients")


@check("2.1", after=("check_loss",), public=True)
def check_logits_untouched(student: Implementation, rng: Generator) -> None:
    """The logits that it is given are the same afterwards."""
    logits, targets = _batch(rng, 5, 10)
    after = numbers(Trial(student, logits, targets).given.detach())
    expect(
        np.array_equal(after, logits.numpy()),
        "cross_entropy changes the logits that it is given.",
        expected=summarise(logits.numpy()),
        got=after,
        mistake="supervised.changes_logits",
    )


@check("2.1", weight=2, after=("check_loss",))
def check_written_out(student: Implementation, rng: Generator) -> None:
    """The loss is written out: cross_entropy uses neither F.cross_entropy, nn.CrossEntropyLoss nor F.nll_loss."""
    number(student.supervised.cross_entropy(*_batch(rng, 3, 10)))
    used = read_uses(student.files, "supervised", "cross_entropy")
    forbidden = sorted(name for name in used if name.startswith("torch.") and name.rpartition(".")[2] in FORBIDDEN)
    expect(
        not forbidden,
        f"cross_entropy uses {', '.join(forbidden[:3])}.",
        expected="the formula, with log_softmax or logsumexp if you like",
        got=", ".join(forbidden[:3]),
        mistake=FORBIDDEN[forbidden[0].rpartition(".")[2]] if forbidden else None,
    )


def _batch(rng: Generator, count: int, classes: int) -> tuple[Tensor, Tensor]:
    """Logits (N, K) of ordinary size, and targets (N,), mostly not the largest logit's."""
    logits = torch.from_numpy(2 * rng.normal(size=(count, classes)).astype(np.float32))
    return logits, torch.from_numpy(rng.integers(classes, size=count))


def _expect_loss(student: Implementation, logits: Tensor, targets: Tensor) -> None:
    right = np.array(right_losses(logits, targets).mean())
    got = np.array(number(student.supervised.cross_entropy(logits, targets)))
    expect_close(got, right, within=ALLOWED * max(1.0, float(right)), what="losses")
