"""A residual network has convolutions that matter and that a shortcut goes round: shown by silencing them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sample_handles import handle_of
from torch import Tensor, nn

from grader.checks.two_networks.silencing import has_bypassed_convolution


class Net(nn.Module):
    """A small network; subclasses differ in `body`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.one, self.two = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.branch_norm, self.scale = nn.BatchNorm2d(8), nn.Parameter(torch.zeros(8, 1, 1))
        self.fc = nn.Linear(8, 10)
        nn.init.zeros_(self.branch_norm.weight)  # as many ResNets start
        self.register_buffer("shift", torch.zeros(1, 3, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 10)."""
        logits: Tensor = self.fc(self.body(F.relu(self.norm(self.stem(x)))).mean((2, 3)))
        return logits

    def body(self, x: Tensor) -> Any:
        """(N, 8, H, W) -> the same shape."""
        return F.relu(x + self.branch_norm(self.two(F.relu(self.one(x)))))


class Scaled(Net):
    """A branch that starts with a factor of 0."""

    def body(self, x: Tensor) -> Any:
        """As above."""
        return x + self.scale * self.two(F.gelu(self.one(x)))


class Plain(Net):
    """No shortcut."""

    def body(self, x: Tensor) -> Any:
        """As above."""
        return F.relu(self.two(F.relu(self.one(x))))


class MeanColour(Net):
    """Nothing but the mean colour, beside convolutions that it does not use."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 10)."""
        logits: Tensor = self.fc(F.pad(x.mean((2, 3)), (0, 5)))
        return logits


@pytest.mark.parametrize(
    ("net", "has_one"), [(Net, True), (Scaled, True), (Plain, False), (MeanColour, False)], ids=lambda value: str(value)
)
def test_bypassed_convolution(net: type[Net], has_one: bool) -> None:
    """Branches that start at 0 count; a plain stack and convolutions without effect don't."""
    torch.manual_seed(3)
    assert has_bypassed_convolution(handle_of(net().eval()), np.random.default_rng(1)) is has_one
