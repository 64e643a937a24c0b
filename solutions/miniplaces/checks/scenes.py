"""The real networks of tasks 2 and 3: torchvision's ResNet-50, and the trained one that the pictures are drawn with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from PIL import Image
from torch import Tensor

from grader.author import (
    Array,
    DataMissing,
    Handle,
    Implementation,
    get_assignment,
    load_reference,
    make,
)
from grader.vision.datasets.places import class_names, load_places365
from solutions.miniplaces.checks.networks import assembled_resnet, resnet_parts

# Mean and standard deviation of the training pixels in [0, 1], by channel: torchvision's for ImageNet, the contract's.
IMAGENET_STATISTICS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CIFAR10_STATISTICS = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


def seeded_resnet50(who: Implementation, seed: int) -> Handle:
    """torchvision's ResNet-50 with 365 classes and random weights, by seed the same on every side, in evaluation mode.

    Between the blocks it is as wide as any (2,048 units at the end), within them a quarter: random numbers for all 24
    million weights take longer than what is done with them.
    """
    who.make(make("torch.manual_seed", seed))
    net = who.make(make("torchvision.models.resnet50", num_classes=365, width_per_group=16))
    net.eval()
    return net


@dataclass(frozen=True)
class Scene:
    """What the report's pictures of tasks 2 and 3 are drawn with.

    Attributes:
        weights: State dict of the network.
        classes: Names of its classes.
        pixels: The picture, (H, W, 3), uint8.
        image: The same, (3, H, W), normalised as the network wants it.
        note: What to say on the page about it.
    """

    weights: Mapping[str, Tensor]
    classes: tuple[str, ...]
    pixels: Array
    image: Tensor
    note: str


def load_scene(pixels: Array | None = None) -> Scene:
    """The trained network for pictures: Places365's where it is on this machine, else the reference; with china.jpg.

    Args:
        pixels: Another picture than scikit-learn's china.jpg, (H, W, 3), uint8.

    Raises:
        DataMissing: If there is no such network at all.
    """
    try:
        return load_places_scene(pixels)
    except DataMissing:
        reference = load_reference(get_assignment("miniplaces"))
    if "scene" not in reference.weights:
        raise DataMissing("The reference network for pictures is missing: run `make reference`.")
    classes = tuple(reference.metrics["scene"]["classes"])
    note = "The Places365 network is not on this machine: drawn with the reference ResNet, trained on CIFAR-10."
    return _scene(reference.weights["scene"], classes, pixels, (64, 96), CIFAR10_STATISTICS, note)


def load_places_scene(pixels: Array | None = None) -> Scene:
    """The Places365 network with a picture, as `load_scene`.

    Raises:
        DataMissing: If that network is not on this machine.
    """
    weights = load_places365()
    note = "The network is the Places365 ResNet-50."
    return _scene(weights, tuple(class_names()), pixels, (256, 256), IMAGENET_STATISTICS, note)


def _scene(
    weights: Mapping[str, Tensor],
    classes: tuple[str, ...],
    pixels: Array | None,
    size: tuple[int, int],
    statistics: tuple[tuple[float, ...], tuple[float, ...]],
    note: str,
) -> Scene:
    picture = Image.fromarray(sample_picture() if pixels is None else pixels)
    small = np.array(picture.resize((size[1], size[0]), Image.Resampling.BILINEAR))
    image = torch.from_numpy(small).permute(2, 0, 1).float() / 255
    mean, deviation = (torch.tensor(values)[:, None, None] for values in statistics)
    return Scene(weights, classes, small, (image - mean) / deviation, note)


def sample_picture() -> Array:
    """scikit-learn's china.jpg, (427, 640, 3), uint8."""
    from sklearn.datasets import load_sample_image  # takes a second: only for pictures

    pixels: Array = load_sample_image("china.jpg")
    return pixels


def scene_network(who: Implementation, scene: Scene) -> Handle:
    """The scene's network, in evaluation mode: torchvision's ResNet, its parts exchanged where the widths differ."""
    if "layer1.0.conv3.weight" in scene.weights:
        net = who.make(make("torchvision.models.resnet50", num_classes=len(scene.classes)))
    else:
        parts = resnet_parts(scene.weights, halving=("layer2.0", "layer3.0"))
        net = assembled_resnet(who, parts | {"maxpool": make("torch.nn.Identity")})
    net.load_state_dict(dict(scene.weights))
    net.eval()
    return net


def any_seed(rng: Generator) -> int:
    """A seed for torch's random numbers."""
    return int(rng.integers(1 << 32))
