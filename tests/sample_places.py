"""A checkpoint of the Places365 ResNet-50's form, of which some units see what they should in china.jpg.

The real weights can't be had everywhere. Here everything is random, but for a path of a channel per such unit, through
the shortcuts of all blocks: what the channel sees in the first convolution, the unit sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torchvision.models import ResNet50_Weights, resnet50

from grader.vision.datasets.places import CLASSES, FILE

# How strongly a pixel (r, g, b) in [0, 1] is seen: weights of the colours and what is added; below 0 it is not seen.
SIGHTS = {
    "sky": ((1 / 3, 1 / 3, 1 / 3), -0.8),  # brighter than the lake
    "building": ((1.0, -1.0, 0.0), -0.05),  # more red than green
    "everything": ((0.0, 0.0, 0.0), 1.0),
    "nothing": ((0.0, 0.0, 0.0), -1.0),
}
BLOCKS = {"layer1": 3, "layer2": 4, "layer3": 6, "layer4": 3}  # of a ResNet-50


def places_weights(units: Mapping[str, int]) -> dict[str, Tensor]:
    """The state dict of torchvision's ResNet-50 with 365 classes, random but for the units of these sights."""
    with torch.random.fork_rng():
        torch.manual_seed(365)
        weights: dict[str, Tensor] = resnet50(num_classes=CLASSES).state_dict()
    statistics = ResNet50_Weights.IMAGENET1K_V1.transforms()
    mean, deviation = torch.tensor(statistics.mean), torch.tensor(statistics.std)
    for channel, sight in enumerate(units):
        colours, added = torch.tensor(SIGHTS[sight][0]), SIGHTS[sight][1]
        weights["conv1.weight"][channel] = (colours * deviation / 49)[:, None, None]  # averages 7 x 7 pixels
        weights["bn1.bias"][channel] = colours @ mean + added
    sources = list(range(len(units)))
    for layer, blocks in BLOCKS.items():
        targets = list(units.values()) if layer == "layer4" else sources
        shortcut = weights[f"{layer}.0.downsample.0.weight"]  # (wide, narrow, 1, 1)
        for target, source in zip(targets, sources, strict=True):
            shortcut[target] = 0
            shortcut[target, source] = 1
            for block in range(blocks):
                weights[f"{layer}.{block}.bn3.weight"][target] = 0  # nothing is added to what the shortcut brings
        sources = targets
    return weights


def write_places(data: Path, units: Mapping[str, int]) -> None:
    """Save it in a data folder as the authors of Places365 saved theirs: from a `DataParallel`, with notes beside."""
    state = {f"module.{name}": value for name, value in places_weights(units).items()}
    torch.save({"epoch": 90, "arch": "resnet50", "state_dict": state, "best_prec1": 54.77}, data / FILE)
