"""Hidden checks of `filters.py`: tasks 1a and 1b."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Implementation,
    LayOut,
    Reference,
    as_image,
    check,
    compare,
    expect_close,
    expect_shape,
    numbers,
)


@check("1a", listed_before="check_type")
def check_whole_tensor(student: Implementation, oracle: Implementation, rng: Generator) -> None:
    """Minimum and maximum are taken over the whole tensor, of any shape."""
    for shape in ((4, 3, 5, 5), (3, 7, 7), (5,)):
        # Rows and channels that differ in size, so that scaling each on its own gives another picture.
        sizes = rng.uniform(0.1, 2.0, size=(shape[0],) + (1,) * (len(shape) - 1))
        weights = (rng.normal(size=shape) * sizes).astype(np.float32)
        compare(
            student.filters.normalize_tensor, oracle.filters.normalize_tensor, torch.from_numpy(weights), within=1 / 255
        )


@check("1a")
def check_filters_drawn(
    student: Implementation, oracle: Implementation, rng: Generator, reference: Reference, exhibit: LayOut
) -> None:
    """The filters of two layers of a trained network look as they should, and so do filters drawn at random."""
    # The trained network is anybody's, and so are its pictures: these are not.
    weight = torch.from_numpy(rng.normal(size=(4, int(rng.integers(1, 5)), 5, 5)).astype(np.float32))
    right = np.stack([numbers(image) for image in oracle.filters.visualize_filters(weight)])
    pairs = [(numbers(student.filters.visualize_filters(weight)), right)]
    for layer, which, task in (("features.0", "first", "1a"), ("features.3", "second", "1b")):
        weight = reference.weights["fashion"][f"{layer}.weight"][:32]
        expected = np.stack([numbers(image) for image in oracle.filters.visualize_filters(weight)])
        drawn = numbers(student.filters.visualize_filters(weight))
        expect_shape(drawn, expected.shape)
        exhibit(
            "filters",
            layer,
            f"Filters of the {which} convolution of the FashionMNIST reference network (input channel 0), drawn by "
            "visualize_filters with your normalize_tensor, and with the reference's.",
            {"student_images": as_image(drawn), "reference_images": as_image(expected)},
            task=task,
        )
        pairs.append((drawn, expected))
    for drawn, expected in pairs:  # only now: both pictures stand in the report, right or wrong
        expect_close(drawn, expected, within=1, what="gray values")
