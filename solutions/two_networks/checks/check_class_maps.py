"""Checks of the class activation maps in `visualize.py`: task 4.2."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    CheckStopped,
    Failure,
    Handle,
    Implementation,
    LayOut,
    Reference,
    check,
    expect_close,
    expect_shape,
    make,
    numbers,
    summarise,
)
from grader.vision.datasets.cifar import normalise_cifar
from grader.vision.maps import expect_same_map, standardised
from solutions.two_networks.checks.examples import choose_examples
from solutions.two_networks.checks.layers import weight_of
from solutions.two_networks.checks.networks import NETWORKS
from solutions.two_networks.checks.pictures import Pictures
from solutions.two_networks.checks.shown import shown_networks

SIDE = 8  # of the painted maps
IMAGE = 32  # pixels
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
# Of the first class the map is positive in some places, which tells a wrong sign from a wrong scale.
AGAINST = np.array([[2.0, -1.0, 0.5, -0.3], [-1.0, 0.2, -2.0, -0.2], [-0.1, -3.0, -0.4, 0.1]], np.float32)


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


@check("4.2", weight=2, public=True)
def check_class_map(student: Implementation, rng: Generator) -> None:
    """Each place of the map is the sum of the channels there, each times its weight for the class."""
    _expect_maps(student, *disguise(rng, painted_maps(), WEIGHTS))


@check("4.2", weight=2)
def check_bilinear(student: Implementation, rng: Generator) -> None:
    """The map is enlarged to size x size bilinearly: evenly from one place to the next."""
    draw = student.visualize.class_activation_map.with_options(canonical=standardised)
    for channels, height, width, size in ((4, 8, 8, 32), (6, 4, 4, 32), (3, 7, 7, 224), (5, 6, 4, 20)):
        maps = rng.uniform(0, 1, size=(channels, height, width)).astype(np.float32)
        weight = rng.uniform(0.1, 1, size=(3, channels)).astype(np.float32)
        class_id = int(rng.integers(len(weight)))
        answer = numbers(draw(torch.from_numpy(maps), torch.from_numpy(weight), class_id, size))
        expect_shape(answer, (size, size))
        right = right_maps(np.tensordot(weight[class_id], maps, axes=1), size)
        expect_same_map(answer, *right, what=f"map enlarged from {height}x{width} to {size}x{size}")


@check("4.2")
def check_evidence_against(student: Implementation, rng: Generator) -> None:
    """Where everything speaks against a class, the places that do so least are the brightest."""
    _expect_maps(student, *disguise(rng, painted_maps() + 0.5, AGAINST))


def _expect_maps(student: Implementation, maps: Array, weight: Array, classes: Sequence[int]) -> None:
    """Expect the map of each class, as large as the feature maps, so that nothing has to be enlarged."""
    draw = student.visualize.class_activation_map.with_options(canonical=standardised)
    for class_id in classes:
        answer = numbers(draw(torch.from_numpy(maps), torch.from_numpy(weight), class_id, SIDE))
        expect_same_map(answer, np.tensordot(weight[class_id], maps, axes=1), what=f"map of class {class_id}")


@check("4.2", after=("check_class_map",), public=True)
def check_arguments_kept(student: Implementation, rng: Generator) -> None:
    """The feature maps and weights that were passed in stay as they were when a map is made of them."""
    sent = disguise(rng, painted_maps(), WEIGHTS)[:2]
    maps, weight = (student.make(make("torch.as_tensor", torch.from_numpy(array))) for array in sent)
    student.visualize.class_activation_map(maps, weight, int(rng.integers(len(WEIGHTS))), 2 * SIDE)
    expect_close(numbers(maps.clone()), sent[0], within=0, what="feature maps after the call")
    expect_close(numbers(weight.clone()), sent[1], within=0, what="weights after the call")


@check("4.2", weight=0.5, diagnosed=False)
def check_maps_drawn(
    student: Implementation,
    oracle: Implementation,
    reference: Reference,
    pictures: Pictures,
    rng: Generator,
    exhibit: LayOut,
) -> None:
    """On test images, the maps of trained networks are the reference's."""
    shown = student.twin()  # of what is only shown, no record is kept: it earns nothing
    own, problem = shown_networks(shown, pictures)
    chosen = choose_examples(oracle, reference, pictures)
    arrays, given = {"images": chosen.images.permute(0, 2, 3, 1).numpy()}, []
    for network in NETWORKS:
        classes = chosen.labels if network == "supervised" else [0] * len(chosen.labels)  # 0: upright
        features, weight = chosen.feature_maps[network], chosen.fc_weight[network]
        small = np.stack([np.tensordot(weight[k], one, axes=1) for k, one in zip(classes, features, strict=True)])
        arrays[f"reference_{network}"] = np.stack([right_maps(one, IMAGE)[0] for one in small])
        given += [(one, weight) for one in features]
        if network in own:
            try:
                arrays[f"student_{network}"] = _own_maps(shown, own[network], chosen.images, classes)
            except CheckStopped as stopped:
                problem = problem or f"Your maps of the {network} network can't be drawn. {stopped.message}"
    names = [pictures.test.classes[label] for label in chosen.labels]
    facts = {"labels": names, "said": chosen.said, "remarks": chosen.remarks, "rule": chosen.rule, "problem": problem}
    caption = (
        "Class activation maps: of the supervised network for the image's class, of the rotation network for the turn "
        f'"upright". {pictures.note}'
    ).strip()
    exhibit("cam_grid", "cam_grid", caption, arrays, facts)
    for pair in given:  # only now: the picture stands in the report, right or wrong
        features, weight, order = disguise(rng, *pair)
        class_id = int(rng.choice(order))
        answer = student.visualize.class_activation_map(
            torch.from_numpy(features), torch.from_numpy(weight), class_id, IMAGE
        )
        right = right_maps(np.tensordot(weight[class_id], features, axes=1), IMAGE)
        expect_same_map(numbers(answer), *right, what="map of a test image")


def _own_maps(student: Implementation, net: Handle, images: torch.Tensor, classes: list[int]) -> Array:
    """The student's maps of own network, (n, 32, 32); CheckStopped where they can't be had."""
    weight = torch.from_numpy(weight_of(net, "fc").astype(np.float32))
    maps = []
    for image, class_id in zip(normalise_cifar(images), classes, strict=True):
        features = numbers(net.feature_maps(image[None]))
        if features.ndim != 4 or len(features) != 1:
            raise Failure("feature_maps must give (1, C, h, w) for one image.", got=summarise(features))
        answer = numbers(
            student.visualize.class_activation_map(
                torch.from_numpy(features[0].astype(np.float32)), weight, class_id, IMAGE
            )
        )
        expect_shape(answer, (IMAGE, IMAGE))
        maps.append(np.clip(np.nan_to_num(answer.astype(np.float64)), -1e30, 1e30).reshape(IMAGE, IMAGE))
    return np.stack(maps)


def right_maps(small: Array, size: int) -> tuple[Array, ...]:
    """A map (h, w) enlarged bilinearly to (size, size), as libraries do it; they differ at the rim.

    Places are squares, repeated beyond the rim (torch, OpenCV, Pillow) or mirrored (scikit-image); or corners align.
    """
    return tuple(_enlarged(small, size, way) for way in (_repeated, _mirrored, _aligned))


def _enlarged(small: Array, size: int, places: Callable[[int, int], Array]) -> Array:
    rows, columns = (_mixing(side, places(side, size)) for side in small.shape)
    enlarged: Array = rows @ small.astype(np.float64) @ columns.T
    return enlarged


def _repeated(side: int, size: int) -> Array:
    return _centres(side, size).clip(0, side - 1)


def _mirrored(side: int, size: int) -> Array:
    mirrored: Array = (side - 1) - np.abs((side - 1) - np.abs(_centres(side, size)))
    return mirrored


def _aligned(side: int, size: int) -> Array:
    return np.linspace(0, side - 1, size)


def _centres(side: int, size: int) -> Array:
    """Where the centre of each of `size` pixels lies among `side` places."""
    centres: Array = (np.arange(size) + 0.5) * side / size - 0.5
    return centres


def _mixing(side: int, places: Array) -> Array:
    """How much of each of `side` places goes into each pixel, (size, side), by where it lies; a row's sum is 1."""
    distance = np.abs(places[:, None] - np.arange(side))
    shares: Array = np.clip(1 - distance, 0, None)
    return shares
