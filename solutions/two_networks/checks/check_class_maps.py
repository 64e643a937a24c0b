"""Hidden checks of the class activation maps in `visualize.py`: task 4.2."""

from __future__ import annotations

from collections.abc import Callable

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
    expect_shape,
    numbers,
    summarise,
)
from grader.vision.datasets.cifar import normalise_cifar
from grader.vision.maps import expect_same_map, standardised
from solutions.two_networks.checks.examples import choose_examples
from solutions.two_networks.checks.layers import weight_of
from solutions.two_networks.checks.networks import NETWORKS
from solutions.two_networks.checks.pictures import Pictures
from solutions.two_networks.checks.public_class_maps import disguise, expect_maps, painted_maps
from solutions.two_networks.checks.shown import shown_networks

IMAGE = 32  # pixels
# Of the first class the map is positive in some places, which tells a wrong sign from a wrong scale.
AGAINST = np.array([[2.0, -1.0, 0.5, -0.3], [-1.0, 0.2, -2.0, -0.2], [-0.1, -3.0, -0.4, 0.1]], np.float32)


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
    expect_maps(student, *disguise(rng, painted_maps() + 0.5, AGAINST))


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
