"""Networks, images and loaders of ours, with known answers, for code that trains or evaluates.

They are made beside the student's code from recipes. An image's shape is (C, H, W). Weights are drawn and sent by us,
and what becomes of them is judged here: a network that stays over there is never asked how well it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.checking.compare import expect_finite, numbers, summarise
from grader.errors import Malformed
from grader.records import Array
from grader.sandbox.calls import Recipe, make
from grader.sandbox.student import Handle, Implementation

Shape = tuple[int, int, int]
CLASSES = 10
MOST_DRAWS = 10_000  # of inputs that must meet a condition: far more than any seed needs
SHARED = 0.25  # largest part of a pixel's weights that is the same for every class
BANDS = tuple(range(CLASSES))  # the band of each class, from above, where nothing else is said


def network(who: Implementation, *layers: Recipe, seed: int = 1) -> Handle:
    """An `nn.Sequential` of layers, kept on `who`'s side, its random weights the same on every side."""
    who.make(make("torch.manual_seed", seed))
    return who.make(make("torch.nn.Sequential", *layers))


def linear_network(who: Implementation, shape: Shape, weight: Tensor | None = None) -> Handle:
    """Logits (N, 10) linear in the pixels, without bias: a pixel that is 0 gives its weights no gradient.

    Args:
        who: On whose side.
        shape: Of the images.
        weight: What to start from, (10, C*H*W), such as `random_weight` draws; torch's own without.
    """
    net = network(who, make("torch.nn.Flatten"), make("torch.nn.Linear", pixels_of(shape), CLASSES, bias=False))
    if weight is not None:
        net.load_state_dict({"1.weight": weight})
    return net


def random_weight(rng: Generator, shape: Shape) -> Tensor:
    """The weight of a linear network to start from, (10, C*H*W), further from any other start than training goes.

    The weights of a pixel have a random part in common. It adds the same to all logits, so that training goes as it
    goes without it; but weights that were trained from another start are told by it.
    """
    pixels = pixels_of(shape)
    shared, own = rng.uniform(-SHARED, SHARED, pixels), rng.uniform(-1, 1, (CLASSES, pixels)) / np.sqrt(pixels)
    return torch.from_numpy((shared + own).astype(np.float32))


def random_bands(rng: Generator) -> tuple[int, ...]:
    """A band for each class, in random order."""
    return tuple(int(band) for band in rng.permutation(CLASSES))


def band_network(
    who: Implementation, shape: Shape, *before: Recipe, weight: float = 0.1, bands: Sequence[int] = BANDS
) -> Handle:
    """A network that classifies `band_images` without error: a logit sums the pixels of its band, times `weight`."""
    linear = make("torch.nn.Linear", pixels_of(shape), CLASSES, bias=False)
    net = network(who, make("torch.nn.Flatten"), *before, linear)
    weights = torch.zeros(CLASSES, *shape)
    for k in range(CLASSES):
        weights[k, :, _band(shape, bands[k])] = weight
    net.load_state_dict({f"{1 + len(before)}.weight": weights.flatten(1)})
    return net


def band_images(classes: Iterable[int], shape: Shape, bands: Sequence[int] = BANDS) -> tuple[Tensor, Tensor]:
    """Dark images, (N, C, H, W) in [-1, 1], in which the band of a class is lit, and the labels (N,) int64."""
    labels = torch.tensor(list(classes))
    images = torch.full((len(labels), *shape), -1.0)
    for image, k in zip(images, labels.tolist(), strict=True):
        image[:, _band(shape, bands[k])] = 1.0
    return images, labels


def _band(shape: Shape, band: int) -> slice:
    """The rows of a band: a tenth of the height, rounded down."""
    rows = shape[1] // CLASSES
    return slice(rows * band, rows * (band + 1))


def pixels_of_band(shape: Shape) -> int:
    """Numbers in a band of an image."""
    return shape[0] * (shape[1] // CLASSES) * shape[2]


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
    """Mean cross-entropy of a linear network, computed on this side from its weight.

    Raises:
        Malformed: If training broke it.
    """
    return loss_of(weights_of(net), images, labels)


def loss_of(weight: Array, images: Tensor, labels: Tensor) -> float:
    """Mean cross-entropy of the linear network with a weight (10, C*H*W)."""
    logits = images.flatten(1).double() @ torch.from_numpy(weight).double().T
    return float(torch.nn.functional.cross_entropy(logits, labels))
