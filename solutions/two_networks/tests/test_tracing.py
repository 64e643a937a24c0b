"""How a network computed its answer is read from torch's record: additions, however written, and hidden weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from sample_handles import handle_of
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from grader.errors import Failure
from solutions.two_networks.checks.tracing import Computation, Step, identities, trace


class Block(nn.Module):
    """Two convolutions, and what `forward` makes of them."""

    def __init__(self, combine: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.norm, self.scale = nn.BatchNorm2d(3), nn.Parameter(torch.zeros(()))
        self.weight = nn.Parameter(torch.eye(3))
        self.combine = combine

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> the same shape."""
        return self.combine(self, x)

    def branch(self, x: Tensor) -> Tensor:
        """The convolutions without a shortcut."""
        return F.relu(self.norm(self.one(x)))


def computed(combine: Callable[[Any, Tensor], Tensor]) -> Computation:
    """How a network of two blocks computes."""
    net = nn.Sequential(nn.Conv2d(3, 3, 1), Block(combine), Block(combine), nn.Flatten(), nn.Linear(3 * 16, 10))
    return trace(handle_of(net), torch.randn(2, 3, 4, 4))


def in_place(block: Any, x: Tensor) -> Tensor:
    """The sum, in place."""
    y: Tensor = block.branch(x)
    y = y * 1
    y += x
    return F.relu_(y)


RESIDUAL = {
    "plus": lambda b, x: b.branch(x) + x,
    "torch.add": lambda b, x: torch.add(x, b.branch(x), alpha=0.5),
    "in place": in_place,
    "with a convolution as shortcut": lambda b, x: b.branch(b.branch(x)) + b.two(x),
    "with a pooled and padded shortcut": lambda b, x: b.branch(x) + F.pad(F.avg_pool2d(x, 2), [0, 2, 0, 2]),
    "dense": lambda b, x: x + (y := b.branch(x)) + b.two(x + y),
    "with two branches": lambda b, x: x + b.branch(x) + b.two(x),
    "with weights made in the forward pass": lambda b, x: x + F.conv2d(x, (b.weight @ b.weight)[..., None, None]),
    "with a factor that is 0": lambda b, x: x + b.scale * b.branch(x),
    "sum of a list": lambda b, x: sum([b.branch(x), x]),
    "sum of a stack": lambda b, x: torch.stack([b.branch(x), x]).sum(0),
    "minus": lambda b, x: x - b.branch(x),
    "twice the layer": lambda b, x: b.branch(b.branch(x)) + x,
    "out of sight": lambda b, x: checkpoint(lambda y: b.branch(y) + y, x, use_reentrant=True),
}


@pytest.mark.parametrize("combine", RESIDUAL.values(), ids=RESIDUAL)
def test_residual(combine: Callable[[Any, Tensor], Tensor]) -> None:
    """Every way to write a residual addition is recognised; of what is out of sight the best is assumed."""
    assert computed(combine).has_residual()


PARALLEL = {
    "two convolutions side by side": lambda b, x: b.one(x) + b.two(x),
    "after other functions": lambda b, x: b.branch(x) + b.two(F.relu(b.norm(x))),
    "three side by side": lambda b, x: b.one(x) + b.two(x) + b.branch(x),
    "stacked": lambda b, x: torch.stack([b.one(x), b.two(x), b.branch(x)]).sum(0),
    "two and two": lambda b, x: b.two(b.branch(x)) - b.one(b.two(x)),
    "one with made weights": lambda b, x: b.one(x) + F.conv2d(x, (b.weight @ b.weight @ b.weight)[..., None, None]),
}


@pytest.mark.parametrize("combine", PARALLEL.values(), ids=PARALLEL)
def test_parallel(combine: Callable[[Any, Tensor], Tensor]) -> None:
    """Branches of equally many layers are no residual addition: none of them is a shortcut past the others."""
    steps = computed(combine)
    assert steps.has_parallel()
    assert not steps.has_residual()


PLAIN = {
    "no shortcut": lambda b, x: b.two(b.branch(x)),
    "added to itself": lambda b, x: (y := b.branch(x)) + y,
    "concatenated": lambda b, x: torch.cat([b.branch(x), x])[: len(x)],
    "multiplied": lambda b, x: b.branch(x) * x,
    "a bias": lambda b, x: b.branch(x) + b.scale,
    "less its mean": lambda b, x: (y := b.branch(x)) - y.mean(),
}


@pytest.mark.parametrize("combine", PLAIN.values(), ids=PLAIN)
def test_no_residual(combine: Callable[[Any, Tensor], Tensor]) -> None:
    """Other sums, products and concatenations are no residual additions."""
    steps = computed(combine)
    assert not steps.has_residual()
    assert not steps.has_parallel()
    assert steps.has_doubling() is (combine is PLAIN["added to itself"])


def test_strangers() -> None:
    """Weights that the network computes with and does not list are found, those that it lists are not."""
    hidden = nn.Conv2d(3, 3, 1)

    class Hiding(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            answer: Tensor = super().forward(hidden(x))  # type: ignore[no-untyped-call]
            return answer

    for net, strangers in ((nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), 0), (Hiding(nn.Conv2d(3, 2, 1)), 2)):
        held = handle_of(net)
        steps = trace(held, torch.randn(1, 3, 2, 2))
        assert len(steps.tensors() - identities(held.owner, held.parameters())) == strangers


SPOILS = [
    lambda x: x.detach(),
    lambda x: x.detach().numpy(),
    lambda x: x.sum().item(),
    lambda x: x.detach() * torch.ones(2, requires_grad=True),
]


@pytest.mark.parametrize("spoil", SPOILS)
def test_no_gradient(spoil: Callable[[Tensor], Any]) -> None:
    """An answer without a gradient is a failure that says so."""

    class Cut(nn.Linear):
        def forward(self, x: Tensor) -> Any:
            return spoil(super().forward(x))

    with pytest.raises(Failure, match="No gradient"):
        trace(handle_of(Cut(4, 2)), torch.randn(1, 3, 2, 4))


def forged(chain: int, sums: int) -> Computation:
    """A graph as no network makes it: `sums` additions of everything above a chain of products."""
    steps = {0: Step("AccumulateGrad", (), 0), 1: Step("ConvolutionBackward0", (0,))}
    steps |= {n: Step("MulBackward0", (n - 1, n - 1)) for n in range(2, chain)}
    steps |= {chain + n: Step("AddBackward0", tuple(range(chain + n))) for n in range(sums)}
    return Computation(steps, images=0)


def test_forged_graph() -> None:
    """A graph that was made to keep the grader busy is read in linear time: 5,000 steps at once."""
    assert not forged(4_900, 0).has_residual()
    assert forged(4_900, 100).has_residual() is True


def test_loop_in_a_forged_graph() -> None:
    """A step that claims to depend on itself ends nowhere, and is no residual addition."""
    steps = {0: Step("AccumulateGrad", (), 0), 1: Step("AddBackward0", (2, 1, 0)), 2: Step("MulBackward0", (1, 2))}
    assert not Computation(steps, images=0).has_residual()
