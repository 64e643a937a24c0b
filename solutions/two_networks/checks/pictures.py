"""The images that the checks of the two networks show and measure on: CIFAR-10, or its stand-in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch

from grader.author import DataMissing, Reference
from grader.vision.datasets.cifar import cifar10
from grader.vision.datasets.fashion import stand_in
from grader.vision.datasets.imageset import ImageSet

BANK = 10_000  # training images among which neighbours are looked for: 50,000 would take a student's network minutes
SEED = 280  # of the order of the bank's images


@dataclass(frozen=True)
class Pictures:
    """What the plots are drawn from.

    Attributes:
        test: Test images.
        bank: Training images, equally many of each class, in random order.
        is_cifar: Whether they are CIFAR-10's; otherwise the stand-in's, which no student's network was trained on.
        note: A sentence for the captions when they are not; otherwise empty.
    """

    test: ImageSet
    bank: ImageSet
    is_cifar: bool
    note: str

    def reference_model(self, network: str) -> str:
        """The reference model that was trained on such images; `network` is "supervised" or "rotation"."""
        return network if self.is_cifar else f"{network}_stand_in"

    def has_reference(self, reference: Reference) -> bool:
        """Whether both reference networks for such images are there."""
        return all(self.reference_model(network) in reference.weights for network in ("supervised", "rotation"))


def load_pictures(most: int | None = None) -> Pictures:
    """CIFAR-10 where it is on this machine, else FashionMNIST in its form.

    Args:
        most: Test images to make do with, and a tenth of that as the bank; None means all.

    Raises:
        DataMissing: If there is not even FashionMNIST.
    """
    pictures = _load_pictures()
    if most is None:
        return pictures
    return replace(pictures, test=first(pictures.test, most), bank=first(pictures.bank, most // 10))


@cache
def _load_pictures() -> Pictures:
    try:
        return Pictures(_shuffled(cifar10("test")), _balanced(cifar10("train")), True, "")
    except DataMissing:
        note = "CIFAR-10 is not on this machine: drawn with FashionMNIST, padded to 32x32 RGB, in its place."
        return Pictures(_shuffled(stand_in("test")), _balanced(stand_in("train")), False, note)


def first(images: ImageSet, count: int) -> ImageSet:
    """The first `count` images."""
    return replace(images, images=images.images[:count], labels=images.labels[:count])


def _shuffled(images: ImageSet) -> ImageSet:
    """In a random order, always the same: the classes of an image tree follow each other."""
    order = torch.randperm(len(images.labels), generator=torch.Generator().manual_seed(SEED))
    return replace(images, images=images.images[order], labels=images.labels[order])


def _balanced(images: ImageSet) -> ImageSet:
    """`BANK` images, equally many of each class."""
    shuffled = _shuffled(images)
    each = BANK // len(images.classes)
    rows = [torch.nonzero(shuffled.labels == label)[:each, 0] for label in range(len(images.classes))]
    chosen = torch.cat(rows).sort().values
    return replace(shuffled, images=shuffled.images[chosen], labels=shuffled.labels[chosen])
