"""Which reference models there are, by assignment: the network, the data and the settings of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from grader.datasets.cifar import cifar10, normalise_cifar
from grader.datasets.fashion import fashion_mnist, normalise_fashion, stand_in
from grader.reference.batches import Batches
from grader.reference.training import Load, Pupil, Recipe, Settings

# The turns are the solution's: counter-clockwise, as torch.rot90 counts them.
TURNS = ("upright", "quarter turn left", "half turn", "quarter turn right")


def _fashion(load: Load) -> Pupil:
    fashion = load("miniplaces/fashion")
    return _trained_by(fashion, fashion.MyNet())


def _scene(load: Load) -> Pupil:
    """A network with torchvision's names, for the plots of tasks 2 and 3 where the Places365 network is missing."""
    return _trained_by(load("miniplaces/fashion"), load("two_networks/resnet").SmallResNet())


def _trained_by(fashion: Any, net: nn.Module) -> Pupil:
    def train_epoch(
        net: nn.Module, loader: Batches, optimizer: torch.optim.Optimizer, epoch: int
    ) -> tuple[float, float]:
        loss, accuracy = fashion.train(loader, net, optimizer, epoch)
        return loss, accuracy

    return Pupil(net, fashion.create_optimizer, train_epoch)


def _supervised(load: Load) -> Pupil:
    supervised = load("two_networks/supervised")
    return _trained_with_labels(supervised, load("two_networks/resnet").SmallResNet())


def _rotation(load: Load) -> Pupil:
    rotation = load("two_networks/rotation")
    network = rotation.rotation_model(load("two_networks/resnet").SmallResNet())
    pupil = _trained_with_labels(load("two_networks/supervised"), network)
    return replace(pupil, views=lambda images, _labels: rotation.rotate_images(images), classes=TURNS)


def _trained_with_labels(supervised: Any, net: nn.Module) -> Pupil:
    return Pupil(
        net,
        supervised.create_optimizer,
        lambda net, loader, optimizer, _epoch: supervised.train_epoch(net, loader, optimizer),
    )


SUPERVISED_SOURCES = ("two_networks/resnet", "two_networks/supervised")
ROTATION_SOURCES = (*SUPERVISED_SOURCES, "two_networks/rotation")

RECIPES: dict[str, tuple[Recipe, ...]] = {
    "miniplaces": (
        Recipe(
            model="fashion",
            sources=("miniplaces/fashion",),
            prepare=_fashion,
            data=fashion_mnist,
            normalise=normalise_fashion,
            presets={
                "quick": Settings(epochs=4, peak_lr=1e-2),
                "full": Settings(epochs=12, peak_lr=5e-3, augment=True),
            },
        ),
        Recipe(
            model="scene",
            sources=("miniplaces/fashion", "two_networks/resnet"),
            prepare=_scene,
            data=cifar10,
            normalise=normalise_cifar,
            presets={
                "quick": Settings(epochs=7, peak_lr=5e-3, augment=True, shift=4),
                "full": Settings(epochs=30, peak_lr=5e-3, augment=True, shift=4),
            },
        ),
    ),
    "two_networks": (
        Recipe(
            model="supervised",
            sources=SUPERVISED_SOURCES,
            prepare=_supervised,
            data=cifar10,
            normalise=normalise_cifar,
            presets={
                "quick": Settings(epochs=6, peak_lr=0.2, augment=True, shift=4),
                "full": Settings(epochs=30, peak_lr=0.2, augment=True, shift=4),
            },
        ),
        Recipe(
            model="rotation",
            sources=ROTATION_SOURCES,
            prepare=_rotation,
            data=cifar10,
            normalise=normalise_cifar,
            presets={  # an epoch shows each image four times; 32 images are a batch of 128
                "quick": Settings(epochs=2, peak_lr=0.2, batch_size=32, augment=True, shift=4),
                "full": Settings(epochs=6, peak_lr=0.2, batch_size=32, augment=True, shift=4),
            },
        ),
        Recipe(
            model="supervised_stand_in",
            sources=SUPERVISED_SOURCES,
            prepare=_supervised,
            data=stand_in,
            normalise=normalise_cifar,
            presets={
                "quick": Settings(epochs=1, peak_lr=0.2),
                "full": Settings(epochs=3, peak_lr=0.2, augment=True, shift=2),
            },
            in_place_of=cifar10,
        ),
        Recipe(
            model="rotation_stand_in",
            sources=ROTATION_SOURCES,
            prepare=_rotation,
            data=stand_in,
            normalise=normalise_cifar,
            presets={
                "quick": Settings(epochs=1, peak_lr=0.2, batch_size=32),
                "full": Settings(epochs=1, peak_lr=0.2, batch_size=32, augment=True, shift=2),
            },
            in_place_of=cifar10,
        ),
    ),
}
