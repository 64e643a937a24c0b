"""What this machine can do at best: multiply large matrices, and do a network's own convolutions and nothing else.

And where the time of a training step goes.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

SIDE = 2048  # of the matrices: large enough that nothing but the arithmetic counts
PRODUCTS = 8
KINDS = {  # what the names of PyTorch's operations hold
    "convolutions": ("convolution",),
    "batch norm": ("batch_norm",),
    "linear": ("mm",),
    "ReLU and sums": ("threshold", "clamp_min", "relu", "aten::add"),
    "pooling": ("pool",),
    "optimizer": ("Optimizer",),
}
REST = "the rest"


def multiplication_rate(dtype: torch.dtype) -> float:
    """Operations a second while large matrices are multiplied, an addition and a multiplication counted as two."""
    left, right = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    torch.mm(left, right)
    started = time.perf_counter()
    for _ in range(PRODUCTS):
        torch.mm(left, right)
    return PRODUCTS * 2 * SIDE**3 / (time.perf_counter() - started)


class Convolutions:
    """The convolutions of one training step, forward and backward, at the sizes and in the memory order of the network.

    Attributes:
        operations: Floating-point operations of all of them.
        of_a_step: The same of the whole step, which multiplies matrices too.

    Args:
        net: A network; its convolutions are used as they are.
        images: A batch of what it takes.
    """

    def __init__(self, net: nn.Module, images: Tensor) -> None:
        """Run the network once to see what each convolution gets."""
        self._layers: list[tuple[nn.Conv2d, Tensor, Tensor]] = []
        hooks = [each.register_forward_hook(self._note) for each in net.modules() if isinstance(each, nn.Conv2d)]
        with FlopCounterMode(display=False) as counter:
            net(images).sum().backward()
        for hook in hooks:
            hook.remove()
        net.zero_grad()
        by_kind = counter.get_flop_counts()["Global"]
        self.operations = int(sum(count for kind, count in by_kind.items() if "convolution" in str(kind)))
        self.of_a_step = int(sum(by_kind.values()))

    def run(self) -> None:
        """Do all of them once."""
        for layer, images, gradient in self._layers:
            wanted = [layer.weight, images] if images.requires_grad else [layer.weight]
            torch.autograd.grad(layer(images), wanted, gradient)

    def rate(self, times: int) -> float:
        """Operations a second."""
        self.run()
        started = time.perf_counter()
        for _ in range(times):
            self.run()
        return times * self.operations / (time.perf_counter() - started)

    def _note(self, layer: nn.Conv2d, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        images = inputs[0].detach().clone()  # keeps the memory order
        self._layers.append((layer, images.requires_grad_(inputs[0].requires_grad), torch.randn_like(output)))


def time_by_kind(work: Callable[[], object]) -> dict[str, float]:
    """The share of the time that each kind of operation takes, by name; those of `KINDS`, and the rest."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it tells of a missing GPU otherwise
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        work()
    spent: Counter[str] = Counter()
    for event in profile.key_averages():
        kind = next((kind for kind, parts in KINDS.items() if any(part in event.key for part in parts)), REST)
        spent[kind] += event.self_cpu_time_total
    return {kind: spent[kind] / spent.total() for kind in (*KINDS, REST)}
