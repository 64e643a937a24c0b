"""Networks of the student's, untrained, for the checks of task 1."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import Array, Failure, Handle, Implementation, StudentRaised, expect_close, make
from solutions.two_networks.checks.attributes import attribute

NEAR = 1e-3  # of the largest number: what float32 and another order of summation may differ by


def new_network(student: Implementation, **options: int) -> Handle:
    """A new network in evaluation mode."""
    net: Handle = student.resnet.SmallResNet.with_options(keep=True)(**options)
    net.eval()
    return net


def used_network(student: Implementation, rng: Generator) -> Handle:
    """A network in evaluation mode whose batch norm has seen some images: its numbers have sensible sizes."""
    net = new_network(student)
    net.train()
    for _ in range(3):
        net(random_images(rng, 6))
    net.eval()
    return net


def random_images(rng: Generator, count: int, side: int = 32) -> Tensor:
    """Noise, (count, 3, side, side), as if normalised."""
    return torch.from_numpy(rng.normal(size=(count, 3, side, side)).astype(np.float32))


def is_near(got: Array, right: Array) -> bool:
    """Whether numbers agree, measured by the largest."""
    try:
        expect_close(got, right, within=NEAR * float(np.abs(right).max(initial=1e-9)))
    except Failure:
        return False
    return True


def final_layer(net: Handle) -> Handle:
    """The layer `fc`.

    Raises:
        Failure: If there is none, or if it is no nn.Linear.
    """
    expected = "self.fc = nn.Linear(C, num_classes)"
    try:
        fc = _kept(net, "fc")
    except StudentRaised as error:
        help = "Later tasks look for `fc`: call the layer that gives the logits so."
        raise Failure(
            "The network has no layer `fc`.", expected=expected, got=f"{error.kind}: {error.text}", help=help
        ) from error
    is_linear = net.owner.ask(
        {"op": "make", "recipe": make("builtins.isinstance", fc, attribute("torch.nn", "Linear"))}, "isinstance"
    )
    help = "Keep dropout, activations and flattening out of `fc`: later tasks use fc.weight."
    if is_linear is not True:
        raise Failure("`fc` is not an nn.Linear.", expected=expected, got=f"an object of type {fc.kind}", help=help)
    return fc


def _kept(held: Handle, name: str) -> Handle:
    found: Handle = held.owner.ask({"op": "read", "target": {"object": held.id, "name": name}, "keep": True}, name)
    return found
