"""Networks for tasks 2 and 3 whose answers are known by construction, made from recipes beside the student's code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import (
    Array,
    Handle,
    Implementation,
    Recipe,
    expect,
    expect_close,
    make,
    numbers,
)

RED, GREEN, BLUE, BRIGHT = range(4)  # what units of the detector network fire on; all others are silent
UNITS = 16
COLOURS = ((1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0), (1 / 3, 1 / 3, 1 / 3))  # of a pixel, (4, 3)
CELL = 32  # pixels of the image from one place of its last map to the next


@dataclass(frozen=True)
class Mosaic:
    """A picture of pure colours, and what the units of a detector network make of it.

    Attributes:
        image: (3, H, W) in [0, 1].
        maps: Of RED, GREEN, BLUE and BRIGHT, (4, h, w).
        order: Where the units are in the network: what this calls unit k is its unit `order[k]`.
    """

    image: Tensor
    maps: Array
    order: tuple[int, ...]

    def network(self, who: Implementation, weight: Tensor, bias: Tensor) -> Handle:
        """The detector network, its units in this order; weight (K, UNITS) as `classifier` gives it, bias (K,)."""
        return detector_network(who, weight, bias, self.order)

    def logits(self, weight: Tensor, bias: Tensor, silent: Sequence[int] = ()) -> Array:
        """What the network says, (K,), when some of RED to BRIGHT are silent."""
        averages = self.maps.mean(axis=(1, 2))
        averages[[k for k in silent if k < len(averages)]] = 0
        logits: Array = weight.numpy()[:, : len(averages)].astype(np.float64) @ averages + bias.numpy()
        return logits

    def evidence(self, weight: Tensor) -> Array:
        """The maps of the classes, (K, h, w)."""
        return np.tensordot(weight.numpy()[:, : len(self.maps)].astype(np.float64), self.maps, axes=1)


def mosaic(rng: Generator, cell: int = CELL, units: int = UNITS) -> Mosaic:
    """A picture, higher or wider than the other, all of whose places are lit: in colours and strengths at random.

    Args:
        rng: Random numbers.
        cell: Pixels from one place of the network's last map to the next.
        units: How many the network has.
    """
    height = int(rng.integers(3, 6))
    width = height + int(rng.integers(1, 4))
    colours = rng.permutation(np.arange(height * width) % 3).reshape(height, width)  # each in a third of the places
    strength = rng.uniform(0.5, 1, (height, width))
    maps = np.stack([strength * (colours == k) for k in range(3)] + [strength / 3])
    # A place sees the pixels around its first one, half a cell above and half a cell below.
    rows, columns = ((np.arange(side * cell) + cell // 2) // cell for side in (height, width))
    image = maps[:3][:, rows.clip(0, height - 1)][:, :, columns.clip(0, width - 1)]
    order = tuple(int(unit) for unit in rng.permutation(units))
    return Mosaic(torch.from_numpy(image.astype(np.float32)), maps, order)


def detector_network(
    who: Implementation, fc_weight: Tensor, fc_bias: Tensor, order: Sequence[int] = tuple(range(UNITS))
) -> Handle:
    """A small torchvision ResNet whose last maps are colour detectors.

    All residual branches are 0, so the first convolution's outputs run through the shortcuts to the end: unit RED is 1
    where the picture is pure red and 0 where it is black, and so on; unit BRIGHT is the mean of the channels.

    Args:
        who: On whose side.
        fc_weight: (K, UNITS).
        fc_bias: (K,).
        order: Where the units are, RED first.
    """
    detectors = torch.zeros(UNITS, 3, 7, 7)
    detectors[list(order[:4]), :, 3, 3] = torch.tensor(COLOURS)
    weights = {"conv1.weight": detectors, "bn1.weight": torch.ones(UNITS)}
    for layer in range(1, 5):
        block = f"layer{layer}.0"
        weights |= {f"{block}.conv{n}.weight": torch.zeros(UNITS, UNITS, 3, 3) for n in (1, 2)}
        weights |= {f"{block}.bn{n}.weight": torch.zeros(UNITS) for n in (1, 2)}
        if layer > 1:
            weights[f"{block}.downsample.0.weight"] = torch.eye(UNITS)[:, :, None, None]
            weights[f"{block}.downsample.1.weight"] = torch.ones(UNITS)
    placed = torch.empty_like(fc_weight)
    placed[:, list(order)] = fc_weight
    weights |= {"fc.weight": placed, "fc.bias": fc_bias}
    parts = resnet_parts(weights, halving=("layer2.0", "layer3.0", "layer4.0"))
    parts["conv1"] = make("torch.nn.Conv2d", 3, UNITS, 7, stride=2, padding=3, bias=False)
    parts["maxpool"] = make("torch.nn.MaxPool2d", 3, stride=2, padding=1)
    net = assembled_resnet(who, parts)
    net.load_state_dict(weights, strict=False)  # what a batch norm holds beside its weight is right from the start
    net.eval()
    return net


def expect_as_sent(net: Handle, seen: Mosaic, weight: Tensor, bias: Tensor) -> None:
    """Expect a detector network to have the weights that were sent, and to answer as these do.

    Raises:
        Failure: If it does not.
    """
    net.eval()
    state = net.state_dict()
    expect(isinstance(state, dict) and "fc.weight" in state, "The network has lost its fc.", expected="fc", got=state)
    sent = torch.empty_like(weight)
    sent[:, list(seen.order)] = weight
    expect_close(numbers(state["fc.weight"]), sent.numpy(), within=0, what="weights of fc")
    logits = numbers(net(seen.image[None]))
    expect_close(logits, seen.logits(weight, bias), within=1e-3, what="logits of the next ordinary call")


def classifier(rows: Sequence[Mapping[int, float]]) -> Tensor:
    """A weight (K, UNITS) of which each row is given as unit -> weight."""
    weight = torch.zeros(len(rows), UNITS)
    for k, row in enumerate(rows):
        for unit, value in row.items():
            weight[k, unit] = value
    return weight


def assembled_resnet(who: Implementation, parts: Mapping[str, Recipe]) -> Handle:
    """A real torchvision ResNet, with its own forward pass, whose children are exchanged for `parts`."""
    who.make(make("torch.set_default_device", "meta"))  # its own children are thrown away: no need to fill them
    net = who.make(make("torchvision.models.resnet18"))
    who.make(make("torch.set_default_device", None))
    for name, part in parts.items():
        who.make(make("builtins.setattr", net, name, part))
    return net


def resnet_parts(weights: Mapping[str, Tensor], halving: Sequence[str]) -> dict[str, Recipe]:
    """The children of a ResNet of BasicBlocks as wide as `weights`; blocks in `halving` have stride 2."""
    stem = weights["conv1.weight"].shape  # (width, 3, side, side)
    parts = {
        "conv1": make("torch.nn.Conv2d", stem[1], stem[0], stem[2], padding=stem[2] // 2, bias=False),
        "bn1": make("torch.nn.BatchNorm2d", stem[0]),
        "fc": make("torch.nn.Linear", weights["fc.weight"].shape[1], weights["fc.weight"].shape[0]),
    }
    for layer in range(1, 5):
        blocks = sorted({name.split(".")[1] for name in weights if name.startswith(f"layer{layer}.")})
        names = [f"layer{layer}.{block}" for block in blocks]
        recipes = [_block(weights, name, 2 if name in halving else 1) for name in names]
        parts[f"layer{layer}"] = make("torch.nn.Sequential", *recipes)
    return parts


def _block(weights: Mapping[str, Tensor], name: str, stride: int) -> Recipe:
    wide, narrow = weights[f"{name}.conv1.weight"].shape[:2]
    shortcut = None
    if f"{name}.downsample.0.weight" in weights:
        projection = make("torch.nn.Conv2d", narrow, wide, 1, stride=stride, bias=False)
        shortcut = make("torch.nn.Sequential", projection, make("torch.nn.BatchNorm2d", wide))
    return make("torchvision.models.resnet.BasicBlock", narrow, wide, stride, shortcut)
