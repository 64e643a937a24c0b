"""Networks, images and loaders for the checks of training code, all with known answers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from grader.checks.compare import numbers
from grader.errors import Failure
from grader.records import Array
from grader.sandbox.calls import Recipe, make
from grader.sandbox.student import Handle, Implementation

BAND = 2  # rows of an image that are lit for a class; 10 classes fill 20 of 28 rows


def network(who: Implementation, *layers: Recipe) -> Handle:
    """An `nn.Sequential` of layers, kept on `who`'s side, its random weights the same on every side."""
    who.make(make("torch.manual_seed", 1))
    return who.make(make("torch.nn.Sequential", *layers))


def linear_network(who: Implementation) -> Handle:
    """Logits (N, 10) linear in the pixels, without bias: a pixel that is 0 gives its weights no gradient."""
    return network(who, make("torch.nn.Flatten"), make("torch.nn.Linear", 784, 10, bias=False))


def band_network(who: Implementation, *before: Recipe) -> Handle:
    """A network that classifies `band_images` without error: logit k sums the pixels of band k."""
    net = network(who, make("torch.nn.Flatten"), *before, make("torch.nn.Linear", 784, 10, bias=False))
    weight = torch.zeros(10, 28, 28)
    for k in range(10):
        weight[k, BAND * k : BAND * (k + 1)] = 0.1
    net.load_state_dict({f"{1 + len(before)}.weight": weight.flatten(1)})
    return net


def band_images(classes: Iterable[int]) -> tuple[Tensor, Tensor]:
    """Dark images, (N, 1, 28, 28) in [-1, 1], whose rows of band k are lit for class k, and the labels (N,) int64."""
    labels = torch.tensor(list(classes))
    images = torch.full((len(labels), 1, 28, 28), -1.0)
    for image, k in zip(images, labels.tolist(), strict=True):
        image[:, BAND * k : BAND * (k + 1)] = 1.0
    return images, labels


def loader(images: Tensor, labels: Tensor, batch_size: int) -> Recipe:
    """A real DataLoader over images (N, 1, 28, 28) and labels (N,), in order."""
    return make("torch.utils.data.DataLoader", make("torch.utils.data.TensorDataset", images, labels), batch_size)


def sgd(who: Implementation, net: Handle, *, lr: float, momentum: float = 0.0) -> Handle:
    """Plain gradient descent over all of `net`'s parameters."""
    return who.make(make("torch.optim.SGD", net.parameters(), lr=lr, momentum=momentum))


def weights_of(net: Handle) -> Array:
    """The weight (10, 784) of a linear network.

    Raises:
        Failure: If training broke it.
    """
    weights = next(iter(net.state_dict().values()))
    if not np.isfinite(weights).all():
        raise Failure("The weights are not finite any more.", expected="finite weights", got="nan or inf")
    return numbers(weights)


def one_step(who: Implementation, images: Tensor, labels: Tensor) -> Array:
    """How far one epoch of a single batch moves the weights (10, 784) of a linear network, at a learning rate of 1.

    The network is sure of itself and mostly wrong: there, other losses than the cross-entropy point elsewhere.
    """
    net = linear_network(who)
    start = 2 * torch.randn(10, 784, generator=torch.Generator().manual_seed(5))
    net.load_state_dict({"1.weight": start})
    batches = loader(0.1 * images, labels, len(labels))  # small inputs: gradients that no sensible clipping would cut
    who.fashion.train.with_options(keep=True)(batches, net, sgd(who, net, lr=1.0), 0)
    moved: Array = weights_of(net) - start.numpy()
    return moved


def mean_loss(net: Handle, images: Tensor, labels: Tensor) -> float:
    """Mean cross-entropy of the network's logits, computed on this side."""
    logits = torch.from_numpy(numbers(net(images))).double()
    return float(torch.nn.functional.cross_entropy(logits, labels))
