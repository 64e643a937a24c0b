"""What a network owes to its convolutions: one is silenced, and the logits are compared.

A residual network has a convolution that matters and that a shortcut bypasses: without it the logits change, and still
depend on the image. In a plain stack of layers, silencing any convolution cuts the image off. Where silencing changes
nothing, the convolutions are decoration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.random import Generator
from torch import Tensor

from grader.checks.compare import numbers
from grader.checks.two_networks.untrained import NEAR, random_images
from grader.errors import StudentRaised
from grader.records import Array
from grader.sandbox.calls import make
from grader.sandbox.student import Handle

MOST_TRIED = 24  # convolutions; a ResNet of depth 18 has 20
IMAGES = 4


def has_bypassed_convolution(net: Handle, rng: Generator) -> bool:
    """Whether silencing one convolution changes the logits, and leaves them dependent on the image.

    Args:
        net: A network in evaluation mode; its weights are other ones afterwards.
        rng: Draws images, and which convolutions are tried where there are many.

    Raises:
        CheckStopped: If the network can't be run.
    """
    state = net.state_dict()
    _rescale(net, [name for name, value in state.items() if _is_vector(value)])
    images = random_images(rng, IMAGES)
    before = _logits(net, images)
    names = [name for name, value in state.items() if value.ndim == 4 and not _is_vector(value)]
    for weight in _parameters(net, rng.permutation(names)[:MOST_TRIED].tolist()):
        kept = net.owner.make(make("torch.clone", make("torch.Tensor.detach", weight)))
        _change(weight, "zero_")
        after = _logits(net, images)
        _change(weight, "copy_", kept)
        scale = NEAR * max(float(np.abs(before).max(initial=0)), 1e-9)
        if np.abs(after - before).max(initial=0) > scale and np.ptp(after, axis=0).max(initial=0) > scale:
            return True
    return False


def _parameters(net: Handle, names: Iterable[str]) -> Iterator[Handle]:
    """The parameters of these names, without those that are buffers."""
    for name in names:
        try:
            found = net.get_parameter.with_options(keep=True)(name)
        except StudentRaised:
            continue
        yield found


def _change(weight: Handle, method: str, *args: Any) -> None:
    """Call a method of a parameter that changes it in place."""
    getattr(weight, method).with_options(no_grad=True, keep=True)(*args)


def _rescale(net: Handle, names: Iterable[str]) -> None:
    """Give every scale and bias a size at which branches show: some architectures start all of theirs at 0."""
    for vector in _parameters(net, names):
        _change(vector, "uniform_", 0.5, 1.5)


def _is_vector(value: Array) -> bool:
    """Whether a weight has one number per channel, or one in all."""
    return value.dtype.kind == "f" and value.size == max(value.shape, default=1)


def _logits(net: Handle, images: Tensor) -> Array:
    return np.nan_to_num(numbers(net(images)).reshape(len(images), -1).astype(np.float64))
