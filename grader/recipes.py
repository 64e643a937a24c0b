"""Which reference models there are, by assignment: the network, the data and the settings of each."""

from __future__ import annotations

from grader.cifar import cifar10, normalise_cifar
from grader.datasets import fashion_mnist, normalise_fashion
from grader.training import Recipe, Settings

RECIPES: dict[str, tuple[Recipe, ...]] = {
    "miniplaces": (
        Recipe(
            model="fashion",
            module="fashion",
            network="MyNet",
            data=fashion_mnist,
            normalise=normalise_fashion,
            presets={
                "quick": Settings(epochs=4, peak_lr=1e-2),
                "full": Settings(epochs=12, peak_lr=5e-3, augment=True),
            },
        ),
        # For the plots of tasks 2 and 3 where the Places365 network is missing: a network with torchvision's names.
        Recipe(
            model="scene",
            module="fashion",
            network="SmallResNet",
            data=cifar10,
            normalise=normalise_cifar,
            presets={
                "quick": Settings(epochs=7, peak_lr=5e-3, augment=True, shift=4),
                "full": Settings(epochs=30, peak_lr=5e-3, augment=True, shift=4),
            },
            network_in=("two_networks", "resnet"),
        ),
    ),
}
