"""Networks, images and loaders of ours, with known answers, for code that trains or evaluates.

They are made beside the student's code from recipes. An image's shape is (C, H, W).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from grader.checks.compare import expect_finite, numbers, summarise
from grader.errors import Malformed
from grader.records import Array
from grader.sandbox.calls import Recipe, make
from grader.sandbox.student import Handle, Implementation

Shape = tuple[int, int, int]
CLASSES = 10


def network(who: Implementation, *layers: Recipe) -> Handle:
    """An `nn.Sequential` of layers, kept on `who`'s side, its random weights the same on every side."""
    who.make(make("torch.manual_seed", 1))
    return who.make(make("torch.nn.Sequential", *layers))


def linear_network(who: Implementation, shape: Shape) -> Handle:
    """Logits (N, 10) linear in the pixels, without bias: a pixel that is 0 gives its weights no gradient."""
    return network(who, make("torch.nn.Flatten"), make("torch.nn.Linear", pixels_of(shape), CLASSES, bias=False))


def band_network(who: Implementation, shape: Shape, *before: Recipe, weight: float = 0.1) -> Handle:
    """A network that classifies `band_images` without error: logit k sums the pixels of band k, times `weight`."""
    linear = make("torch.nn.Linear", pixels_of(shape), CLASSES, bias=False)
    net = network(who, make("torch.nn.Flatten"), *before, linear)
    weights = torch.zeros(CLASSES, *shape)
    for k in range(CLASSES):
        weights[k, :, _band(shape, k)] = weight
    net.load_state_dict({f"{1 + len(before)}.weight": weights.flatten(1)})
    return net


def band_images(classes: Iterable[int], shape: Shape) -> tuple[Tensor, Tensor]:
    """Dark images, (N, C, H, W) in [-1, 1], whose rows of band k are lit for class k, and the labels (N,) int64."""
    labels = torch.tensor(list(classes))
    images = torch.full((len(labels), *shape), -1.0)
    for image, k in zip(images, labels.tolist(), strict=True):
        image[:, _band(shape, k)] = 1.0
    return images, labels


def _band(shape: Shape, k: int) -> slice:
    """The rows that belong to class k: a tenth of the height, rounded down."""
    rows = shape[1] // CLASSES
    return slice(rows * k, rows * (k + 1))


def pixels_of(shape: Shape) -> int:
    """Numbers in an image."""
    return shape[0] * shape[1] * shape[2]


def loader(images: Tensor, labels: Tensor, batch_size: int) -> Recipe:
    """A real DataLoader over images (N, C, H, W) and labels (N,), in order."""
    return make("torch.utils.data.DataLoader", make("torch.utils.data.TensorDataset", images, labels), batch_size)


def sgd(who: Implementation, net: Handle, *, lr: float, momentum: float = 0.0) -> Handle:
    """Plain gradient descent over all of `net`'s parameters."""
    return who.make(make("torch.optim.SGD", net.parameters(), lr=lr, momentum=momentum))


def weights_of(net: Handle) -> Array:
    """The weight (10, C*H*W) of a linear network.

    Raises:
        Malformed: If training broke it.
    """
    state = net.state_dict()
    if not isinstance(state, dict) or len(state) != 1:
        raise Malformed("The network has lost its layer, or has others.", expected="one weight", got=summarise(state))
    weights = numbers(next(iter(state.values())))
    expect_finite(weights, what="weights afterwards", expected="finite weights")
    return weights


def mean_loss(net: Handle, images: Tensor, labels: Tensor) -> float:
    """Mean cross-entropy of the network's logits, computed on this side.

    Raises:
        Malformed: If the logits are not finite.
    """
    logits = numbers(net(images))
    expect_finite(logits, what="network's logits")
    return float(torch.nn.functional.cross_entropy(torch.from_numpy(logits).double(), labels))
