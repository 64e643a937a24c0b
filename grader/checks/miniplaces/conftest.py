"""Fixtures of the checks of Miniplaces."""

from __future__ import annotations

import pytest

from grader.checks.context import Context
from grader.datasets.fashion import fashion_mnist
from grader.datasets.imageset import ImageSet
from grader.errors import DataMissing


@pytest.fixture
def training_images(context: Context, behind_walls: None) -> ImageSet | None:
    """FashionMNIST's training images; None where they are missing, or where nothing is asked about them."""
    if context.most_images is not None:
        return None
    try:
        return fashion_mnist("train")
    except DataMissing:
        return None
