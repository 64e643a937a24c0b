"""Fixtures of the checks of A Tale of Two Networks."""

from __future__ import annotations

import pytest

from grader.author import Context, DataMissing
from grader.vision.datasets.imageset import ImageSet
from solutions.two_networks.checks.pictures import Pictures, load_pictures


@pytest.fixture
def cifar_test(context: Context, behind_walls: None) -> ImageSet:
    """CIFAR-10's test images and labels in random order; a check that asks for them is `internal` without them."""
    pictures = load_pictures(context.most_images)
    if not pictures.is_cifar:
        raise DataMissing("CIFAR-10 is not on this machine.")
    return pictures.test


@pytest.fixture
def training_images(context: Context, behind_walls: None) -> ImageSet | None:
    """Some of CIFAR-10's training images; None where they are missing, or where nothing is asked about them."""
    pictures = load_pictures(context.most_images)
    return pictures.bank if context.most_images is None and pictures.is_cifar else None


@pytest.fixture
def pictures(context: Context) -> Pictures:
    """CIFAR-10's images, or the stand-in's, for plots."""
    return load_pictures(context.most_images)
