"""What a network's answers owe to its weights: some are set to 0, and the answers are compared.

What is compared is how answers differ from image to image, for whatever is the same for all images is no answer. In a
residual network, a convolution matters that a shortcut bypasses: without it the answers change, and still depend on the
image. In a plain stack of layers, silencing any convolution cuts the image off. Where silencing all of them changes
nothing, the convolutions are decoration.
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

from grader.author import Array, CheckStopped, Handle, Recipe, StudentRaised, make, numbers
from solutions.two_networks.checks.tracing import attribute
from solutions.two_networks.checks.untrained import random_images

MOST_TRIED = 24  # convolutions; a ResNet of depth 18 has 20
IMAGES = 4
ORDERED = 14  # images that are asked about in two orders
FOLLOWS = 0.8  # cosine of the answers in both orders: of recorded ones it is 0.3 or less, with dropout 0.9 or more
ROUNDING = 1e-6  # of the largest number: two images whose answers are nearer than that have the same
ALL_CHANGE = 0.1  # least share of the differences between images that all of the weights together must change ...
ONE_CHANGES = 0.01  # ... and a single convolution, in a network of fifty
SMALL = 0.1  # standard deviation of weights that were 0
FIRST_ORIGINALS = ("original", "original0")  # what torch calls the first tensor of which a weight is computed
# ... and which function undoes the hooks that computed it before, by the name of what it was computed of.
OLD_NORMS = {"weight_g": "torch.nn.utils.remove_weight_norm", "weight_u": "torch.nn.utils.remove_spectral_norm"}


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
        _differences(ask(images[torch.from_numpy(rows)]))[np.argsort(rows)] for rows in (np.arange(ORDERED), order)
    )
    lengths = float(np.linalg.norm(before) * np.linalg.norm(again))
    if before.shape != again.shape or not lengths or float((before * again).sum()) < FOLLOWS * lengths:
        return False
    with _silenced(weights):
        change = np.abs(_differences(ask(images)) - before).max(initial=0)
    return bool(change > ALL_CHANGE * np.abs(before).max(initial=0))


def has_bypassed_convolution(net: Handle, rng: Generator) -> bool:
    """Return whether silencing one convolution changes the logits, and leaves them dependent on the image.

    Args:
        net: A network in evaluation mode; its weights are other ones afterwards.
        rng: Draws images, and which convolutions are tried where there are many.

    Raises:
        CheckStopped: If the network can't be run.
    """
    _make_weights_plain(net)
    for vector in _parameters(net, lambda shape: not _is_matrix(shape)):
        _change(vector, "uniform_", 0.5, 1.5)  # some architectures start their scales at 0: their branches don't show
    images = random_images(rng, IMAGES)
    before = _differences(numbers(net(images)))
    least = ONE_CHANGES * np.abs(before).max(initial=0)
    found = convolutions_of(net)
    for place in rng.permutation(len(found))[:MOST_TRIED]:
        with _silenced([found[place]]):
            after = _differences(numbers(net(images)))
        if np.abs(after - before).max(initial=0) > least and np.abs(after).max(initial=0) > least:
            return True
    return False


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
            _change(weight, "normal_", 0.0, SMALL)


def convolutions_of(net: Handle) -> list[Handle]:
    """Return the weights of a network's convolutions: its parameters with four dimensions."""
    return _parameters(net, lambda shape: len(shape) == 4 and _is_matrix(shape))


def matrices_of(net: Handle) -> list[Handle]:
    """Return the weights of a network's layers, without biases and scales."""
    return _parameters(net, _is_matrix)


def _is_matrix(shape: tuple[int, ...]) -> bool:
    """Whether a weight has more than one number per channel."""
    return int(np.prod(shape)) > max(shape, default=1)


def _parameters(net: Handle, is_wanted: Callable[[tuple[int, ...]], bool]) -> list[Handle]:
    """The parameters whose shapes are wanted; they stay where they are."""
    who = net.owner
    listed = who.make(make("builtins.list", _ask_kept(net, "parameters")))
    shapes = make("builtins.map", make("operator.attrgetter", "shape"), listed)
    shapes = make("builtins.map", attribute("builtins", "tuple"), shapes)  # a torch.Size would stay there
    told = who.ask({"op": "make", "recipe": make("builtins.list", shapes)}, net.kind, recorded=False)
    return [
        who.make(make("operator.getitem", listed, place))
        for place, shape in enumerate(told if isinstance(told, list) else [])
        if isinstance(shape, tuple | list) and is_wanted(tuple(int(side) for side in shape))
    ]


def _make_weights_plain(net: Handle) -> None:
    """Turn weights that a layer computes of others, as weight norm does, into plain ones: what divides has no 0."""
    who = net.owner
    listed = who.ask({"op": "make", "recipe": make("builtins.list", _ask_kept(net, "state_dict"))}, "", recorded=False)
    names = [name.rpartition(".") for name in (listed if isinstance(listed, list) else []) if isinstance(name, str)]
    for layer, _, name in names:
        parametrized, is_so, weight = layer.rpartition(".parametrizations.")
        if is_so and name in FIRST_ORIGINALS:
            remove = make("torch.nn.utils.parametrize.remove_parametrizations", _layer(net, parametrized), weight)
        elif name in OLD_NORMS:
            remove = make(OLD_NORMS[name], _layer(net, layer))
        else:
            continue
        with suppress(StudentRaised):  # a layer of the student's own, which has such names for something else
            who.make(remove)


def _layer(net: Handle, name: str) -> Recipe:
    return make("torch.nn.Module.get_submodule", net, name)


@contextmanager
def _silenced(weights: Sequence[Handle]) -> Iterator[None]:
    """Set weights to 0 for a while, and give them their values back whatever happens meanwhile."""
    kept = [weight.owner.make(make("torch.clone", make("torch.Tensor.detach", weight))) for weight in weights]

    def restore() -> None:
        for weight, value in zip(weights, kept, strict=True):
            _change(weight, "copy_", value)

    try:
        for weight in weights:
            _change(weight, "zero_")
        yield
    except BaseException:
        with suppress(CheckStopped):  # with a process that has ended, the weights are gone; what ended it is told
            restore()
        raise
    restore()


def _change(weight: Handle, method: str, *args: Any) -> None:
    """Call a method of a parameter that changes it in place."""
    target = {"object": weight.id, "name": method}
    request = {"op": "call", "target": target, "args": args, "kwargs": {}, "no_grad": True, "keep": True}
    weight.owner.ask(request, method, recorded=False)


def _ask_kept(held: Handle, name: str) -> Handle:
    """What a method gives, which stays where it is."""
    request = {"op": "call", "target": {"object": held.id, "name": name}, "args": (), "kwargs": {}, "keep": True}
    found: Handle = held.owner.ask(request, name, recorded=False)
    return found


def _differences(answers: Array) -> NDArray[np.float64]:
    """How answers (N, ...) differ from their mean over the images, (N, D); 0 where that is rounding."""
    exact = np.nan_to_num(answers.reshape(len(answers), -1).astype(np.float64), posinf=0, neginf=0)
    apart: NDArray[np.float64] = exact - exact.mean(axis=0)
    apart[np.abs(apart) <= ROUNDING * np.abs(exact).max(initial=0)] = 0
    return apart
