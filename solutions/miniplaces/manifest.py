"""The data sets, reference models and further files of Miniplaces."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from grader.manifest import Manifest
from grader.vision.datasets.cifar import cifar10, normalise_cifar
from grader.vision.datasets.declared import CIFAR10, FASHION_MNIST, PLACES365
from grader.vision.datasets.fashion import fashion_mnist, normalise_fashion
from grader.vision.training.recipe import Load, TrainingRecipe
from grader.vision.training.run import Settings, TrainingSetup

FOLDER = Path(__file__).parent


def fashion_network(load: Load) -> TrainingSetup:
    """The solution's own network, for task 4."""
    fashion = load("fashion")
    return _trained_by(fashion, fashion.MyNet())


def scene_network(load: Load) -> TrainingSetup:
    """A small network with torchvision's names, for the plots of tasks 2 and 3 where that of Places365 is missing."""
    return _trained_by(load("fashion"), small_resnet())


def _trained_by(fashion: ModuleType, net: nn.Module) -> TrainingSetup:
    return TrainingSetup(
        net,
        fashion.create_optimizer,
        lambda net, loader, optimizer, epoch: fashion.train(loader, net, optimizer, epoch),
    )


def small_resnet() -> nn.Module:
    """A ResNet of 0.45 million parameters for (N, 3, 32, 32), its children in the order of their use, 10 classes."""
    from torchvision.models.resnet import BasicBlock  # takes a second: only where it is trained

    halved = nn.Sequential(nn.Conv2d(24, 48, 1, 2, bias=False), nn.BatchNorm2d(48))
    halved_again = nn.Sequential(nn.Conv2d(48, 96, 1, 2, bias=False), nn.BatchNorm2d(96))
    widened = nn.Sequential(nn.Conv2d(96, 128, 1, bias=False), nn.BatchNorm2d(128))
    parts = {
        "conv1": nn.Conv2d(3, 24, 3, padding=1, bias=False),
        "bn1": nn.BatchNorm2d(24),
        "relu": nn.ReLU(inplace=True),
        "maxpool": nn.Identity(),
        "layer1": nn.Sequential(BasicBlock(24, 24)),
        "layer2": nn.Sequential(BasicBlock(24, 48, 2, halved)),
        "layer3": nn.Sequential(BasicBlock(48, 96, 2, halved_again)),
        "layer4": nn.Sequential(BasicBlock(96, 128, 1, widened)),
        "avgpool": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "fc": nn.Linear(128, 10),
    }
    return nn.Sequential(OrderedDict(parts))


def scene_picture(_metrics: Mapping[str, Any]) -> bytes:
    """scikit-learn's flower.jpg as a student's own scene: no picture has to lie in the project."""
    from PIL import Image
    from sklearn.datasets import load_sample_image  # takes a second: only where a submission is made

    buffer = io.BytesIO()
    Image.fromarray(load_sample_image("flower.jpg")).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


MANIFEST = Manifest(
    data=(FASHION_MNIST, CIFAR10, PLACES365),
    models=(
        TrainingRecipe(
            FOLDER,
            model="fashion",
            sources=("fashion",),
            prepare=fashion_network,
            data=fashion_mnist,
            normalise=normalise_fashion,
            presets={
                "quick": Settings(epochs=4, peak_lr=1e-2),
                "full": Settings(epochs=12, peak_lr=5e-3, augment=True),
            },
        ),
        TrainingRecipe(
            FOLDER,
            model="scene",
            sources=("fashion", "manifest"),
            prepare=scene_network,
            data=cifar10,
            normalise=normalise_cifar,
            presets={
                "quick": Settings(epochs=7, peak_lr=5e-3, augment=True, shift=4),
                "full": Settings(epochs=30, peak_lr=5e-3, augment=True, shift=4),
            },
        ),
    ),
    model_files={"fashion": "model.pth"},
    files={"my_scene.jpg": scene_picture},
)
