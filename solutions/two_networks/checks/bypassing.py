"""Whether a network has a convolution that a shortcut bypasses.

In a residual network, such a convolution matters: without it the answers change, and still depend on the image. In a
plain stack of layers, silencing any convolution cuts the image off.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numpy.random import Generator

from grader.author import Handle, Recipe, StudentRaised, make, numbers
from solutions.two_networks.checks.silencing import (
    ask_kept,
    change_in_place,
    convolutions_of,
    differences,
    is_matrix,
    parameters_of,
    silenced,
)
from solutions.two_networks.checks.untrained import random_images

MOST_TRIED = 24  # convolutions; a ResNet of depth 18 has 20
IMAGES = 4
ONE_CHANGES = 0.01  # ... and a single convolution, in a network of fifty
FIRST_ORIGINALS = ("original", "original0")  # what torch calls the first tensor of which a weight is computed
# ... and which function undoes the hooks that computed it before, by the name of what it was computed of.
OLD_NORMS = {"weight_g": "torch.nn.utils.remove_weight_norm", "weight_u": "torch.nn.utils.remove_spectral_norm"}


def has_bypassed_convolution(net: Handle, rng: Generator) -> bool:
    """Return whether silencing one convolution changes the logits, and leaves them dependent on the image.

    Args:
        net: A network in evaluation mode; its weights are other ones afterwards.
        rng: Draws images, and which convolutions are tried where there are many.

    Raises:
        CheckStopped: If the network can't be run.
    """
    _make_weights_plain(net)
    for vector in parameters_of(net, lambda shape: not is_matrix(shape)):
        change_in_place(
            vector, "uniform_", 0.5, 1.5
        )  # some architectures start their scales at 0: their branches don't show
    images = random_images(rng, IMAGES)
    before = differences(numbers(net(images)))
    least = ONE_CHANGES * np.abs(before).max(initial=0)
    found = convolutions_of(net)
    for place in rng.permutation(len(found))[:MOST_TRIED]:
        with silenced([found[place]]):
            after = differences(numbers(net(images)))
        if np.abs(after - before).max(initial=0) > least and np.abs(after).max(initial=0) > least:
            return True
    return False


def _make_weights_plain(net: Handle) -> None:
    """Turn weights that a layer computes of others, as weight norm does, into plain ones: what divides has no 0."""
    who = net.owner
    listed = who.ask({"op": "make", "recipe": make("builtins.list", ask_kept(net, "state_dict"))}, "", recorded=False)
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
