"""Hidden checks of task 1: what the network gives beside its logits, `fc`, `features` and `feature_maps`."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from grader.author import (
    Array,
    Failure,
    Handle,
    Implementation,
    StudentRaised,
    check,
    expect,
    numbers,
    summarise,
)
from solutions.two_networks.checks.untrained import final_layer, is_near, random_images, used_network

LARGER = 128  # pixels: the maps of images so large have more than one place, unless they are averages
Floats = NDArray[np.float64]


@check("1", after=("check_features",))
def check_forward(student: Implementation, rng: Generator) -> None:
    """The logits are what `fc` makes of features(x)."""
    net = used_network(student, rng)
    images = random_images(rng, 5)
    features = numbers(net.features(images)).reshape(5, -1).astype(np.float64)
    right = _exchange_weights(final_layer(net), features, rng)
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
    expect(
        maps.shape[2:] == (1, 1)
        or not is_near(maps, np.broadcast_to(maps.mean(axis=(2, 3), keepdims=True), maps.shape)),
        "Each of the feature_maps(x) has the same number at all of its places.",
        expected="the maps before the global average",
        got=maps,
        mistake="resnet.maps_are_averages",
    )
    _expect_places(net, maps, rng)


def _exchange_weights(fc: Handle, features: Array, rng: Generator) -> Floats:
    """Give the last layer weights of ours, and return the logits (N, 10) that they make of the features (N, C)."""
    state = fc.state_dict()
    if isinstance(state, dict) and "weight" in state and state.keys() <= {"weight", "bias"}:
        state = {name: rng.normal(size=numbers(value).shape).astype(np.float32) for name, value in state.items()}
        fc.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
        weight, bias = state["weight"], state.get("bias")
    else:  # a parametrized layer computes its weight of others
        weight, bias = numbers(fc.weight.value()), fc.bias.value()
    logits: Floats = features @ weight.T.astype(np.float64)
    return logits if bias is None else logits + numbers(bias)


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
