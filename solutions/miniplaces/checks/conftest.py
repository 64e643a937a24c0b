"""Fixtures of the checks of Miniplaces."""

from __future__ import annotations

import pytest

from grader.author import Context, DataMissing
from grader.vision.datasets.fashion import fashion_mnist
from grader.vision.datasets.imageset import ImageSet


@pytest.fixture
def training_images(context: Context, behind_walls: None) -> ImageSet | None:
    """FashionMNIST's training images; None where they are missing, or where nothing is asked about them."""
    if context.most_images is not None:
        return None
    try:
        return fashion_mnist("train")
    except DataMissing:
        return None


@pytest.fixture
def fashion_train(behind_walls: None) -> ImageSet:
    """FashionMNIST's training images; a check that asks for them is `internal` where they are missing."""
    return fashion_mnist("train")


@pytest.fixture
def fashion_test(behind_walls: None) -> ImageSet:
    """FashionMNIST's test images and labels; the labels stay on this side."""
    return fashion_mnist("test")
