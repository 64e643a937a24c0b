"""Layers of a student's network, by their dotted names."""

from __future__ import annotations

from contextlib import suppress

import torch

from grader.author import (
    Array,
    Failure,
    Function,
    Handle,
    Implementation,
    StudentCrashed,
    StudentRaised,
    StudentTimeout,
    numbers,
)

CHANNELS = 3  # of an image


def weight_of(net: Handle, layer: str, name: str = "weight") -> Array:
    """The weight of a layer, or another tensor of it.

    Raises:
        StudentRaised: If the network has no such layer, or that one no weight.
        Failure: If its weight is no tensor.
    """
    return numbers(getattr(net.get_submodule.with_options(keep=True)(layer), name).value())


def is_convolution(net: Handle, layer: str) -> bool:
    """Whether a layer has filters: a weight (n, c, kh, kw)."""
    try:
        return weight_of(net, layer).ndim == 4
    except (StudentRaised, Failure):
        return False


def has_layer(net: Handle, layer: str) -> bool:
    """Whether the network has a layer of that name."""
    try:
        net.get_submodule.with_options(keep=True)(layer)
    except StudentRaised:
        return False
    return True


def is_first_convolution(net: Handle, layer: str) -> bool:
    """Whether a convolution is the one that sees the image, or the first that the network lists."""
    return weight_of(net, layer).shape[1] == CHANNELS or layer == _first_listed(net)


def _first_listed(net: Handle) -> str | None:
    """The first convolution in the order of the network's parameters, None when there is none."""
    state = net.state_dict.with_options(keep=True)()
    listed = Function(net.owner, {"path": "builtins.list"}, "list")(state)
    names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    layers = [name.removesuffix(".weight") for name in names if name.endswith(".weight")]
    return next((layer for layer in layers if is_convolution(net, layer)), None)


def made_network(student: Implementation) -> Handle:
    """The student's `SmallResNet()`, whether or not it can be run.

    Raises:
        CheckStopped: If it can't be made, or if nothing is left of the seconds of `visualize`.
    """
    try:
        net: Handle = student.resnet.SmallResNet.with_options(keep=True)()
        with suppress(StudentRaised):
            net.eval()
            net(torch.zeros(1, CHANNELS, 32, 32))  # lazy layers make their weights now
    except (StudentTimeout, StudentCrashed):  # what is slow or ends the process is not run again, only made
        net = student.resnet.SmallResNet.with_options(keep=True, charged_to="visualize")()
    return net
