"""Tasks 4.1 and 4.2: what the checks judge by is right, odd answers fail, and any network may have any names.

That known mistakes are caught and other right ways accepted is shown by tests/test_validation.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sample_two_networks import Reordered, expect_odd_fails, implement

from grader.checks.maps import expect_same_map, standardised
from grader.checks.two_networks import check_class_maps, check_visualize
from grader.checks.two_networks.filter_pictures import expect_colours, expect_one_choice, expect_visible, ranked
from grader.checks.two_networks.layers import has_layer, is_convolution, is_first_convolution
from grader.errors import CheckStopped, Failure, StudentRaised
from grader.records import Array


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers for the inputs."""
    return np.random.default_rng(11)


def test_odd_pictures_fail() -> None:
    """Whatever filter_images returns, the student hears a sentence."""
    checks = (
        check_visualize.check_range,
        check_visualize.check_rgb,
        check_visualize.check_other_channels,
        check_visualize.check_constant_filter,
    )
    expect_odd_fails(checks, "filter_images")


def test_odd_maps_fail() -> None:
    """Whatever class_activation_map returns, the student hears a sentence."""
    checks = (
        check_class_maps.check_class_map,
        check_class_maps.check_bilinear,
        check_class_maps.check_evidence_against,
    )
    expect_odd_fails(checks, "class_activation_map")


ODD_LAYERS = [None, 3, "", "conv1", (), ("", ""), (1, 2), ("conv1",) * 3, {"conv1": 1}, ["conv1"]]


@pytest.mark.parametrize("layers", ODD_LAYERS)
def test_odd_layers_fail(layers: Any) -> None:
    """LAYERS that are not two names fail, an empty stub's too, even where there is no network to look them up in."""
    for who in (implement(LAYERS=layers), implement(LAYERS=layers, SmallResNet=lambda: 1 / 0)):
        with pytest.raises(CheckStopped):
            check_visualize.check_layers(who)


@pytest.mark.parametrize("layers", [("stem.1.0", "late"), ["late", "stem.1.0"]])
def test_first_convolution(layers: Any) -> None:
    """The first convolution is the one that sees the image, or the one that is listed first: both are right."""
    check_visualize.check_layers(implement(SmallResNet=Reordered, LAYERS=layers))


def test_layers_of_network() -> None:
    """A network's convolutions are told from its other layers, and its first from the others, by their weights."""
    net = implement(SmallResNet=Reordered).resnet.SmallResNet.with_options(keep=True)()
    assert [is_convolution(net, name) for name in ("late", "stem.1.0", "stem", "stem.0", "fc", "absent")] == [
        True,
        True,
        *[False] * 4,
    ]
    assert [has_layer(net, name) for name in ("stem.1", "stem[1]")] == [True, False]
    solution = implement().resnet.SmallResNet.with_options(keep=True)()
    assert [is_first_convolution(solution, name) for name in ("conv1", "layer1.0.conv1")] == [True, False]


def test_layers_without_network() -> None:
    """Names of layers earn nothing where SmallResNet can't be made: they name no layer."""
    with pytest.raises(StudentRaised):
        check_visualize.check_layers(implement(SmallResNet=lambda: 1 / 0))


def _upright(weight: Array) -> Array:
    return weight.transpose(0, 2, 3, 1)


def test_pictures_of_filters(rng: np.random.Generator) -> None:
    """Any increasing function of the weights is a right picture; another order, or another place, is not."""
    weight = rng.normal(size=(5, 3, 4, 3)).astype(np.float32)
    for right in (weight, weight * 3 - 9, weight**3, np.round(np.clip(weight, -2, 2) * 60) / 255, np.tanh(weight)):
        expect_colours(_upright(right), weight)
    for wrong in (-weight, np.abs(weight), weight[:, ::-1], np.roll(weight, 1, 2), weight * 0, weight > 0):
        with pytest.raises(Failure):
            expect_colours(expect_visible(_upright(np.asarray(wrong, np.float32)), (5, 4, 3, 3)), weight)


def test_choice_of_channels(rng: np.random.Generator) -> None:
    """One channel three times, three channels and the mean are right; a choice of its own for each filter is not."""
    weight = rng.normal(size=(5, 16, 4, 3)).astype(np.float32)
    mean = weight.mean(axis=1, keepdims=True).repeat(3, 1)
    for right in (weight[:, [4, 4, 4]], weight[:, [15, 0, 7]], mean, np.concatenate([mean[:, :1], weight[:, :2]], 1)):
        expect_one_choice(_upright(right), weight)
    own_choice = np.stack([weight[i, [i, i, i]] for i in range(5)])
    for wrong in (own_choice, np.linalg.norm(weight, axis=1, keepdims=True).repeat(3, 1), -mean):
        with pytest.raises(Failure):
            expect_one_choice(_upright(wrong), weight)


def test_ranked(rng: np.random.Generator) -> None:
    """The recorded answer is free of scale, and the same for all right scalings of the same pictures."""
    pictures = rng.normal(size=(4, 3, 3, 3))
    scales = rng.uniform(1, 2, size=(4, 1, 1, 1))
    assert (ranked(pictures) == ranked(pictures * scales + 3)).all()  # type: ignore[attr-defined]
    assert (ranked(pictures) != ranked(pictures[..., ::-1].copy())).any()  # type: ignore[attr-defined]
    assert ranked("text") == "text"


# --- 4.2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "size"), [((8, 8), 32), ((4, 4), 32), ((7, 7), 224), ((6, 4), 20), ((5, 5), 5)])
def test_right_maps(rng: np.random.Generator, shape: tuple[int, int], size: int) -> None:
    """Right are torch's bilinear maps, repeated or mirrored at the rim; nearest and bicubic ones are told from them."""
    small = rng.normal(size=shape)
    right = check_class_maps.right_maps(small, size)
    given = torch.from_numpy(small)[None, None]
    repeated, aligned = (
        F.interpolate(given, size=(size, size), mode="bilinear", align_corners=corners)[0, 0].numpy()
        for corners in (False, True)
    )
    rows, columns = (2 * ((torch.arange(size).double() + 0.5) * side / size - 0.5) / (side - 1) - 1 for side in shape)
    grid = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)[None]
    mirrored = F.grid_sample(given, grid, padding_mode="reflection", align_corners=True)[0, 0].numpy()
    for map_, independent in zip(right, (repeated, mirrored, aligned), strict=True):
        assert np.abs(map_ - independent).max() < 1e-9
    others = (F.interpolate(given, size=(size, size), mode=mode)[0, 0].numpy() for mode in ("nearest", "bicubic"))
    for other in others if size > shape[0] else ():
        with pytest.raises(Failure, match="does not match"):
            expect_same_map(other, *right, what="map")


def test_same_map(rng: np.random.Generator) -> None:
    """Scale and constant are free, 8-bit steps are fine, a negative scale is not; a constant map agrees with none."""
    right = rng.normal(size=(6, 6))
    steps = ((right - right.min()) / np.ptp(right) * 255).astype(np.uint8)
    for same_one in (right, right * 1e-6 + 5, right * 1e6, steps, right[None]):
        expect_same_map(same_one, right * 0 + rng.normal(size=(6, 6)), right, what="map")
    for wrong in (-right, right.T, right.clip(0), right * 0, right * np.nan, right * 1e300, right[:5]):
        with pytest.raises(Failure), np.errstate(over="ignore", invalid="ignore"):
            expect_same_map(wrong, right, what="map")
    assert standardised(np.zeros(3)) is not None
