"""The five checks in our form: the same inputs, truths and tolerance as in `plain_checks.py`."""

from __future__ import annotations

import torch
from numpy.random import Generator
from torch import Tensor

from grader.checking.compare import expect_close, numbers
from grader.checking.declare import check
from grader.sandbox.student import Implementation


@check("1")
def check_standardise(student: Implementation, rng: Generator) -> None:
    """Each channel has its own mean and deviation."""
    images, mean, std = _uniform(rng, 4, 3, 16, 16), _uniform(rng, 3), _uniform(rng, 3) + 0.5
    expected = torch.stack([(images[:, c] - mean[c]) / std[c] for c in range(3)], dim=1)
    expect_close(numbers(student.basics.standardise(images, mean, std)), expected.numpy(), within=1e-4)


@check("2")
def check_softmax(student: Implementation, rng: Generator) -> None:
    """Probabilities are right, of large logits too."""
    logits = _normal(rng, 8, 10) * 1000
    expect_close(numbers(student.basics.softmax(logits)), torch.softmax(logits, dim=1).numpy(), within=1e-4)


@check("3")
def check_blur(student: Implementation, rng: Generator) -> None:
    """Each pixel is the mean of those around it."""
    image = _uniform(rng, 3, 12, 12)
    expected = torch.nn.functional.avg_pool2d(image, 3, stride=1, padding=1)
    expect_close(numbers(student.basics.blur(image, 3)), expected.numpy(), within=1e-4)


@check("4")
def check_slopes(student: Implementation, rng: Generator) -> None:
    """The derivatives are those of the cross-entropy."""
    weight, inputs, targets = _normal(rng, 10, 20), _normal(rng, 32, 20), torch.from_numpy(rng.integers(10, size=32))
    errors = torch.softmax(inputs @ weight.T, dim=1) - torch.nn.functional.one_hot(targets, 10)
    got = numbers(student.basics.slopes(weight, inputs, targets))
    expect_close(got, (errors.T @ inputs / 32).numpy(), within=1e-4)


@check("5")
def check_descend(student: Implementation, rng: Generator) -> None:
    """The step goes down the slope."""
    weight, gradient = _normal(rng, 10, 20), _normal(rng, 10, 20)
    expected = torch.sub(weight, gradient, alpha=0.1)
    expect_close(numbers(student.basics.descend(weight, gradient, 0.1)), expected.numpy(), within=1e-4)


def _uniform(rng: Generator, *shape: int) -> Tensor:
    return torch.from_numpy(rng.random(shape, dtype="float32"))


def _normal(rng: Generator, *shape: int) -> Tensor:
    return torch.from_numpy(rng.standard_normal(shape, dtype="float32"))
