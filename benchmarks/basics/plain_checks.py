"""The five checks as plain functions: the peers and the bare fork server run these, each in its own form.

A check's argument is named after the function that it checks: otter finds it by that name.
"""

# Its text stands in notebooks too, as a teacher would write it.
# ruff: noqa: D103
# mypy: allow-untyped-defs

import torch


def check_standardise(standardise):
    images, mean, std = torch.rand(4, 3, 16, 16), torch.rand(3), torch.rand(3) + 0.5
    expected = torch.stack([(images[:, c] - mean[c]) / std[c] for c in range(3)], dim=1)
    assert torch.allclose(standardise(images, mean, std), expected, atol=1e-4)


def check_softmax(softmax):
    logits = torch.randn(8, 10) * 1000
    assert torch.allclose(softmax(logits), torch.softmax(logits, dim=1), atol=1e-4)


def check_blur(blur):
    image = torch.rand(3, 12, 12)
    expected = torch.nn.functional.avg_pool2d(image, 3, stride=1, padding=1)
    got = blur(image, 3)
    assert got.shape == expected.shape
    assert torch.allclose(got, expected, atol=1e-4)


def check_slopes(slopes):
    weight, inputs, targets = torch.randn(10, 20), torch.randn(32, 20), torch.randint(10, (32,))
    errors = torch.softmax(inputs @ weight.T, dim=1) - torch.nn.functional.one_hot(targets, 10)
    assert torch.allclose(slopes(weight, inputs, targets), errors.T @ inputs / 32, atol=1e-4)


def check_descend(descend):
    weight, gradient = torch.randn(10, 20), torch.randn(10, 20)
    assert torch.allclose(descend(weight, gradient, 0.1), torch.sub(weight, gradient, alpha=0.1), atol=1e-4)


CHECKS = (check_standardise, check_softmax, check_blur, check_slopes, check_descend)
