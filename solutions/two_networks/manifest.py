"""The data sets, reference models and further files of A Tale of Two Networks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from grader.manifest import Manifest
from grader.vision.datasets.cifar import cifar10, normalise_cifar
from grader.vision.datasets.declared import CIFAR10, FASHION_MNIST
from grader.vision.datasets.fashion import stand_in
from grader.vision.training.recipe import Load, TrainingRecipe
from grader.vision.training.run import Settings, TrainingSetup

FOLDER = Path(__file__).parent
SUPERVISED_SOURCES = ("resnet", "supervised")
ROTATION_SOURCES = (*SUPERVISED_SOURCES, "rotation")
# The turns are the solution's: counter-clockwise, as torch.rot90 counts them.
TURNS = ("upright", "quarter turn left", "half turn", "quarter turn right")


def supervised_network(load: Load) -> TrainingSetup:
    """The network that is trained with labels."""
    return _trained_with_labels(load("supervised"), load("resnet").SmallResNet())


def rotation_network(load: Load) -> TrainingSetup:
    """The network that is trained to tell the four turns."""
    rotation = load("rotation")
    setup = _trained_with_labels(load("supervised"), rotation.rotation_model(load("resnet").SmallResNet()))
    return replace(setup, views=lambda images, _labels: rotation.rotate_images(images), classes=TURNS)


def _trained_with_labels(supervised: ModuleType, net: nn.Module) -> TrainingSetup:
    return TrainingSetup(
        net,
        supervised.create_optimizer,
        lambda net, loader, optimizer, _epoch: supervised.train_epoch(net, loader, optimizer),
    )


def histories(metrics: Mapping[str, Any]) -> bytes:
    """The reference networks' learning curves in the form that a student hands in."""
    return json.dumps({network: metrics[network]["curves"] for network in ("supervised", "rotation")}).encode()


MANIFEST = Manifest(
    data=(CIFAR10, FASHION_MNIST),
    models=(
        TrainingRecipe(
            FOLDER,
            model="supervised",
            sources=SUPERVISED_SOURCES,
            prepare=supervised_network,
            data=cifar10,
            normalise=normalise_cifar,
            presets={
                "quick": Settings(epochs=6, peak_lr=0.2, augment=True, shift=4),
                "full": Settings(epochs=30, peak_lr=0.2, augment=True, shift=4),
            },
        ),
        TrainingRecipe(
            FOLDER,
            model="rotation",
            sources=ROTATION_SOURCES,
            prepare=rotation_network,
            data=cifar10,
            normalise=normalise_cifar,
            presets={  # an epoch shows each image four times; 32 images are a batch of 128
                "quick": Settings(epochs=2, peak_lr=0.2, batch_size=32, augment=True, shift=4),
                "full": Settings(epochs=6, peak_lr=0.2, batch_size=32, augment=True, shift=4),
            },
        ),
        TrainingRecipe(
            FOLDER,
            model="supervised_stand_in",
            sources=SUPERVISED_SOURCES,
            prepare=supervised_network,
            data=stand_in,
            normalise=normalise_cifar,
            presets={
                "quick": Settings(epochs=1, peak_lr=0.2),
                "full": Settings(epochs=3, peak_lr=0.2, augment=True, shift=2),
            },
            in_place_of=cifar10,
        ),
        TrainingRecipe(
            FOLDER,
            model="rotation_stand_in",
            sources=ROTATION_SOURCES,
            prepare=rotation_network,
            data=stand_in,
            normalise=normalise_cifar,
            presets={
                "quick": Settings(epochs=1, peak_lr=0.2, batch_size=32),
                "full": Settings(epochs=1, peak_lr=0.2, batch_size=32, augment=True, shift=2),
            },
            in_place_of=cifar10,
        ),
    ),
    model_files={"supervised": "supervised.pth", "rotation": "rotation.pth"},
    files={"history.json": histories},
    recorded=("truths.right_losses", "truths.right_gradient"),
)
