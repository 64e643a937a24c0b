"""Public checks of the class activation maps in `visualize.py`: task 4.2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    Implementation,
    check,
    expect_close,
    make,
    numbers,
)
from grader.vision.maps import expect_same_map, standardised

SIDE = 8  # of the painted maps
CHANGED = 0.1  # of each weight: how far it is changed


def painted_maps() -> Array:
    """Four feature maps, (4, 8, 8): each is lit in one part of the image, and no two parts are alike."""
    maps = np.zeros((4, SIDE, SIDE), np.float32)
    maps[0, 0:3, 1:3] = 1
    maps[1, 5:8, 0:5] = 1
    maps[2, 0:2, 4:8] = 1
    maps[3, 2:6, 3:7] = 1  # the only one that overlaps another
    return maps


# Of four classes: what speaks for each, and what against it. Square, so that rows and columns can be confused. The
# third has the highest score, so that the top class is neither of the first one's neighbours.
WEIGHTS = np.array(
    [[2.0, -1.0, 0.5, 0.7], [0.3, 1.5, -0.7, 0.2], [-1.0, 1.9, 2.2, -0.5], [0.9, -0.2, 0.1, -1.5]], np.float32
)


def disguise(rng: Generator, maps: Array, weight: Array) -> tuple[Array, Array, list[int]]:
    """Turn or mirror maps, shuffle channels, roll or reverse the classes, and change each weight a little.

    What speaks for a class stays, and each class keeps its two neighbours, but nobody knows the maps from another day.

    Args:
        rng: Random numbers.
        maps: (C, h, w).
        weight: (K, C).

    Returns:
        `(maps, weight (K, C), where each class is now)`.
    """
    turned = np.rot90(maps, int(rng.integers(4)), axes=(1, 2))
    turned = turned[:, ::-1] if rng.integers(2) else turned
    channels = rng.permutation(len(maps))
    classes = (rng.integers(len(weight)) + rng.choice((-1, 1)) * np.arange(len(weight))) % len(weight)
    changed = np.empty_like(weight)
    changed[classes] = weight * rng.uniform(1 - CHANGED, 1 + CHANGED, weight.shape)
    return np.ascontiguousarray(turned[channels]), np.ascontiguousarray(changed[:, channels]), classes.tolist()


@check("4.2", weight=2)
def check_class_map(student: Implementation, rng: Generator) -> None:
    """Each place of the map is the sum of the channels there, each times its weight for the class."""
    expect_maps(student, *disguise(rng, painted_maps(), WEIGHTS))


def expect_maps(student: Implementation, maps: Array, weight: Array, classes: Sequence[int]) -> None:
    """Expect the map of each class, as large as the feature maps, so that nothing has to be enlarged."""
    draw = student.visualize.class_activation_map.with_options(canonical=standardised)
    for class_id in classes:
        answer = numbers(draw(torch.from_numpy(maps), torch.from_numpy(weight), class_id, SIDE))
        expect_same_map(answer, np.tensordot(weight[class_id], maps, axes=1), what=f"map of class {class_id}")


@check("4.2", after=("check_class_map",))
def check_arguments_kept(student: Implementation, rng: Generator) -> None:
    """The feature maps and weights that were passed in stay as they were when a map is made of them."""
    sent = disguise(rng, painted_maps(), WEIGHTS)[:2]
    maps, weight = (student.make(make("torch.as_tensor", torch.from_numpy(array))) for array in sent)
    student.visualize.class_activation_map(maps, weight, int(rng.integers(len(WEIGHTS))), 2 * SIDE)
    expect_close(numbers(maps.clone()), sent[0], within=0, what="feature maps after the call")
    expect_close(numbers(weight.clone()), sent[1], within=0, what="weights after the call")
