"""What a network's answers owe to its weights: some are set to 0, and the answers are compared.

What is compared is how answers differ from image to image, for whatever is the same for all images is no answer. Where
silencing all convolutions changes nothing, the convolutions are decoration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from grader.author import Array, CheckStopped, Handle, make
from solutions.two_networks.checks.attributes import attribute
from solutions.two_networks.checks.untrained import random_images

ORDERED = 14  # images that are asked about in two orders
FOLLOWS = 0.8  # cosine of the answers in both orders: of recorded ones it is 0.3 or less, with dropout 0.9 or more
ROUNDING = 1e-6  # of the largest number: two images whose answers are nearer than that have the same
ALL_CHANGE = 0.1  # least share of the differences between images that all of the weights together must change ...
SMALL = 0.1  # standard deviation of weights that were 0


def depends_on(weights: Sequence[Handle], ask: Callable[[Tensor], Array], rng: Generator) -> bool:
    """Return whether answers follow the images, and differ otherwise between images while all of the weights are 0.

    Images are asked about twice, in two secret orders, so that nobody can have the answers ready. Their contrasts are
    far apart: noise in the answers, such as dropout makes, does not hide how these differ.

    Args:
        weights: Parameters of a network in evaluation mode; the same afterwards.
        ask: Gives its answers, (N, ...), for images (N, 3, 32, 32).
        rng: Draws the images and their orders.

    Raises:
        CheckStopped: If the network can't be run.
    """
    contrasts = rng.permutation(np.geomspace(0.25, 4, ORDERED)).astype(np.float32)
    images = random_images(rng, ORDERED) * torch.from_numpy(contrasts).view(-1, 1, 1, 1)
    order = rng.permutation(ORDERED)
    before, again = (
        differences(ask(images[torch.from_numpy(rows)]))[np.argsort(rows)] for rows in (np.arange(ORDERED), order)
    )
    lengths = float(np.linalg.norm(before) * np.linalg.norm(again))
    if before.shape != again.shape or not lengths or float((before * again).sum()) < FOLLOWS * lengths:
        return False
    with silenced(weights):
        change = np.abs(differences(ask(images)) - before).max(initial=0)
    return bool(change > ALL_CHANGE * np.abs(before).max(initial=0))


def wake_weights(net: Handle) -> None:
    """Give weights that are all 0 random values: a last layer or a branch may start so, and its network shows nothing.

    Args:
        net: A network that has been run; what it answers is another thing afterwards.

    Raises:
        StudentRaised: If it has no parameters that can be listed.
    """
    weights = matrices_of(net)
    counts = make("builtins.map", attribute("torch", "count_nonzero"), weights)
    request = {
        "op": "make",
        "recipe": make("builtins.list", make("builtins.map", attribute("builtins", "int"), counts)),
    }
    found = net.owner.ask(request, net.kind, recorded=False)
    for weight, count in zip(weights, found if isinstance(found, list) else [], strict=False):
        if count == 0:
            change_in_place(weight, "normal_", 0.0, SMALL)


def convolutions_of(net: Handle) -> list[Handle]:
    """Return the weights of a network's convolutions: its parameters with four dimensions."""
    return parameters_of(net, lambda shape: len(shape) == 4 and is_matrix(shape))


def matrices_of(net: Handle) -> list[Handle]:
    """Return the weights of a network's layers, without biases and scales."""
    return parameters_of(net, is_matrix)


def is_matrix(shape: tuple[int, ...]) -> bool:
    """Whether a weight has more than one number per channel."""
    return int(np.prod(shape)) > max(shape, default=1)


def parameters_of(net: Handle, is_wanted: Callable[[tuple[int, ...]], bool]) -> list[Handle]:
    """The parameters whose shapes are wanted; they stay where they are."""
    who = net.owner
    listed = who.make(make("builtins.list", ask_kept(net, "parameters")))
    shapes = make("builtins.map", make("operator.attrgetter", "shape"), listed)
    shapes = make("builtins.map", attribute("builtins", "tuple"), shapes)  # a torch.Size would stay there
    told = who.ask({"op": "make", "recipe": make("builtins.list", shapes)}, net.kind, recorded=False)
    return [
        who.make(make("operator.getitem", listed, place))
        for place, shape in enumerate(told if isinstance(told, list) else [])
        if isinstance(shape, tuple | list) and is_wanted(tuple(int(side) for side in shape))
    ]


@contextmanager
def silenced(weights: Sequence[Handle]) -> Iterator[None]:
    """Set weights to 0 for a while, and give them their values back whatever happens meanwhile."""
    kept = [weight.owner.make(make("torch.clone", make("torch.Tensor.detach", weight))) for weight in weights]

    def restore() -> None:
        for weight, value in zip(weights, kept, strict=True):
            change_in_place(weight, "copy_", value)

    try:
        for weight in weights:
            change_in_place(weight, "zero_")
        yield
    except BaseException:
        with suppress(CheckStopped):  # with a process that has ended, the weights are gone; what ended it is told
            restore()
        raise
    restore()


def change_in_place(weight: Handle, method: str, *args: Any) -> None:
    """Call a method of a parameter that changes it in place."""
    target = {"object": weight.id, "name": method}
    request = {"op": "call", "target": target, "args": args, "kwargs": {}, "no_grad": True, "keep": True}
    weight.owner.ask(request, method, recorded=False)


def ask_kept(held: Handle, name: str) -> Handle:
    """What a method gives, which stays where it is."""
    request = {"op": "call", "target": {"object": held.id, "name": name}, "args": (), "kwargs": {}, "keep": True}
    found: Handle = held.owner.ask(request, name, recorded=False)
    return found


def differences(answers: Array) -> NDArray[np.float64]:
    """How answers (N, ...) differ from their mean over the images, (N, D); 0 where that is rounding."""
    exact = np.nan_to_num(answers.reshape(len(answers), -1).astype(np.float64), posinf=0, neginf=0)
    apart: NDArray[np.float64] = exact - exact.mean(axis=0)
    apart[np.abs(apart) <= ROUNDING * np.abs(exact).max(initial=0)] = 0
    return apart
