"""Checks of task 1: what the network gives beside its logits, `fc`, `features` and `feature_maps`."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from grader.checks.compare import expect, number, numbers, summarise
from grader.checks.declare import check
from grader.checks.two_networks.untrained import final_layer, is_near, new_network, random_images, used_network
from grader.errors import Failure, StudentRaised
from grader.records import Array
from grader.sandbox.student import Handle, Implementation

LARGER = 128  # pixels: the maps of images so large have more than one place, unless they are averages

Floats = NDArray[np.float64]


@check("1", after=("check_logits",), public=True)
def check_final_layer(student: Implementation, rng: Generator) -> None:
    """The final layer is an nn.Linear called `fc`."""
    net = new_network(student)
    net(random_images(rng, 2))
    fc = final_layer(net)
    weight = numbers(fc.weight.value())
    expect(
        weight.ndim == 2 and len(weight) == 10,
        "`fc` is not the layer that gives the ten logits.",
        expected="fc.weight of shape (10, C)",
        got=f"shape {weight.shape}",
    )


@check("1", after=("check_final_layer",), public=True)
def check_features(student: Implementation, rng: Generator) -> None:
    """features(x) has as many numbers per image as `fc` receives."""
    net = used_network(student, rng)
    images = random_images(rng, 3)
    answer = numbers(net.features(images))
    width = number(final_layer(net).in_features.value())
    mistake = None
    if answer.size == 30 and width != 10:
        mistake = "resnet.features_are_logits"
    elif answer.size > 3 * width and answer.size == numbers(net.feature_maps(images)).size:
        mistake = "resnet.features_not_averaged"
    expect(
        len(answer) == 3 and answer.size == 3 * width,
        "features(x) has another shape than what `fc` receives.",
        expected=f"(3, {width:.0f}) for 3 images",
        got=f"shape {answer.shape}",
        mistake=mistake,
    )


@check("1", after=("check_features",))
def check_forward(student: Implementation, rng: Generator) -> None:
    """The logits are what `fc` makes of features(x)."""
    net = used_network(student, rng)
    images = random_images(rng, 5)
    fc, features = final_layer(net), numbers(net.features(images)).reshape(5, -1).astype(np.float64)
    right: Floats = features @ numbers(fc.weight.value()).T.astype(np.float64)
    bias = fc.bias.value()
    right = right if bias is None else right + numbers(bias)
    logits = numbers(net(images)).reshape(5, 10)
    if not is_near(logits, right):
        shifted = right - right.max(axis=1, keepdims=True)
        log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        known = {
            "ends_in_softmax": np.exp(log_softmax),
            "ends_in_log_softmax": log_softmax,
            "relu_after_last_layer": right.clip(0),
        }
        raise Failure(
            "SmallResNet()(x) is something else than fc(features(x)).",
            expected=summarise(right),
            got=summarise(logits),
            mistake=next((f"resnet.{name}" for name, wrong in known.items() if is_near(logits, wrong)), None),
        )


@check("1", after=("check_features",))
def check_feature_maps(student: Implementation, rng: Generator) -> None:
    """The mean of each of the feature_maps(x) is the feature: they are the last convolutional output."""
    net = used_network(student, rng)
    images = random_images(rng, 5)
    maps, features = numbers(net.feature_maps(images)), numbers(net.features(images)).reshape(5, -1)
    expect(
        maps.ndim == 4 and len(maps) == 5 and maps.size > 0,
        "feature_maps(x) must give a map for each image and channel.",
        expected="(5, C, h, w) for 5 images",
        got=f"shape {maps.shape}",
        mistake="resnet.maps_are_averages" if maps.size == features.size else None,
    )
    expect(
        maps.shape[1] == features.shape[1],
        f"feature_maps(x) has {maps.shape[1]} channels, and features(x) {features.shape[1]} numbers per image.",
        expected=f"(5, {features.shape[1]}, h, w)",
        got=f"shape {maps.shape}",
        mistake="resnet.maps_of_earlier_layer",
    )
    right = maps.mean(axis=(2, 3), dtype=np.float64)
    if not is_near(features, right):
        known = {
            "features_are_maxima": maps.max(axis=(2, 3)),
            "features_are_sums": maps.sum(axis=(2, 3), dtype=np.float64),
            "maps_before_relu": maps.clip(0).mean(axis=(2, 3), dtype=np.float64),
        }
        raise Failure(
            "features(x) is not the average of feature_maps(x) over its places.",
            expected=summarise(right),
            got=summarise(features),
            mistake=next((f"resnet.{name}" for name, wrong in known.items() if is_near(features, wrong)), None),
        )
    _expect_places(net, maps, rng)


def _expect_places(net: Handle, maps: Array, rng: Generator) -> None:
    """Maps of a single place are right where the network halves so often, and wrong where they are averages."""
    if maps.shape[2:] != (1, 1):
        return
    try:
        larger = numbers(net.feature_maps(random_images(rng, 1, LARGER)))
    except StudentRaised:  # it need not take other sizes
        return
    expect(
        larger.shape[-2:] != (1, 1),
        f"feature_maps(x) has one place only, for images of {LARGER}x{LARGER} as well.",
        expected="the maps before the global average",
        got=f"shape {larger.shape} for an image of {LARGER}x{LARGER}",
        mistake="resnet.maps_are_averages",
    )
