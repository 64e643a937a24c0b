"""Tasks 4.1 and 4.2: what the checks judge by is right, odd answers fail, and any network may have any names.

That known mistakes are caught and other right ways accepted is shown by tests/test_validation.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sample_two_networks import (
    Reordered,
    expect_lazy_fails,
    expect_odd_fails,
    expect_replay_fails,
    implement,
    solved,
)

from grader.checking.declare import spec_of
from grader.errors import CheckStopped, Failure, StudentCrashed, StudentRaised, StudentTimeout
from grader.records import Array
from grader.sandbox.calls import Terms
from grader.sandbox.protocol import Frame, Header
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.vision.maps import expect_same_map, standardised
from solutions.two_networks.checks import check_class_maps, check_visualize, public_class_maps, public_visualize
from solutions.two_networks.checks.filter_copies import expect_each_its_own, with_copies
from solutions.two_networks.checks.filter_pictures import expect_colours, expect_one_choice, expect_visible, ranked
from solutions.two_networks.checks.layers import has_layer, is_convolution, is_first_convolution


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers for the inputs."""
    return np.random.default_rng(11)


FILTER_CHECKS = (
    public_visualize.check_range,
    check_visualize.check_rgb,
    check_visualize.check_other_channels,
    public_visualize.check_constant_filter,
    public_visualize.check_weight_kept,
)
MAP_CHECKS = (
    public_class_maps.check_class_map,
    check_class_maps.check_bilinear,
    check_class_maps.check_evidence_against,
)
ALL_CHECKS = [(check, "filter_images") for check in FILTER_CHECKS]
ALL_CHECKS += [(check, "class_activation_map") for check in MAP_CHECKS]


def test_odd_pictures_fail() -> None:
    """Whatever filter_images returns, the student hears a sentence."""
    expect_odd_fails(FILTER_CHECKS, "filter_images")


def test_odd_maps_fail() -> None:
    """Whatever class_activation_map returns, the student hears a sentence."""
    expect_odd_fails(MAP_CHECKS, "class_activation_map")


@pytest.mark.parametrize(("check", "name"), ALL_CHECKS)
def test_without_work(check: Callable[..., None], name: str) -> None:
    """Pictures and maps that are empty, constant, random or the input pass no check, nor do answers of another day."""
    expect_lazy_fails([check], name, solved(name))
    expect_replay_fails(lambda student, seed: check(student, np.random.default_rng(seed)), name, solved(name))


def test_map_kept_counts_with_a_map() -> None:
    """That the arguments stay as they are counts only for a function that draws a map."""
    assert spec_of(public_class_maps.check_arguments_kept).after == ("check_class_map",)


def test_pictures_come_from_filters(rng: np.random.Generator) -> None:
    """Any picture that is made of its filter will do, in any order of its numbers; one of something else will not."""
    weight, copy_of = with_copies(rng, rng.normal(size=(4, 8, 5, 3)))
    for made in (_upright(weight[:, :3]), weight[:, 5:], np.abs(weight[:, [1, 1, 1]]), np.cbrt(weight[:, :3])):
        expect_each_its_own(made, weight, copy_of)
    for other in (made[::-1], made * 0, weight, made[:1].repeat(len(weight), 0), rng.random(made.shape)):
        with pytest.raises(Failure):
            expect_each_its_own(other, weight, copy_of)


@pytest.mark.parametrize("seed", range(10))
def test_disguise(seed: int) -> None:
    """However maps and classes are shuffled, each class keeps its map, and the top class is not beside the first."""
    maps, weight, classes = public_class_maps.disguise(
        np.random.default_rng(seed), public_class_maps.painted_maps(), public_class_maps.WEIGHTS
    )
    scores = weight @ maps.mean(axis=(1, 2))
    assert scores.argmax() == (classes[0] + 2) % 4
    assert np.tensordot(weight, maps, axes=1).sum(axis=(1, 2)) == pytest.approx(scores * 64, rel=1e-4)
    before = np.tensordot(public_class_maps.WEIGHTS, public_class_maps.painted_maps(), axes=1)
    after = np.tensordot(weight, maps, axes=1)[classes]
    assert np.abs(np.sort(after.reshape(4, -1)) - np.sort(before.reshape(4, -1))).max() < 0.4


ODD_LAYERS = [None, 3, "", "conv1", (), ("", ""), (1, 2), ("conv1",) * 3, {"conv1": 1}, ["conv1"]]


@pytest.mark.parametrize("layers", ODD_LAYERS)
def test_odd_layers_fail(layers: Any) -> None:
    """LAYERS that are not two names fail, an empty stub's too, even where there is no network to look them up in."""
    for who in (implement(LAYERS=layers), implement(LAYERS=layers, SmallResNet=lambda: 1 / 0)):
        with pytest.raises(CheckStopped):
            public_visualize.check_layers(who)


@pytest.mark.parametrize("layers", [("stem.1.0", "late"), ["late", "stem.1.0"]])
def test_first_convolution(layers: Any) -> None:
    """The first convolution is the one that sees the image, or the one that is listed first: both are right."""
    public_visualize.check_layers(implement(SmallResNet=Reordered, LAYERS=layers))


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
        public_visualize.check_layers(implement(SmallResNet=lambda: 1 / 0))


class Ending(LocalTransport):
    """Ends the process whenever a network is given images: what was made in it is gone."""

    def __init__(self, names: dict[str, Any], end: type[CheckStopped]) -> None:
        modules = {name: ModuleType(name) for name in ("resnet", "visualize")}
        for module in modules.values():
            vars(module).update(names)
        self.end = end
        super().__init__(modules, {})

    def exchange(self, header: Header, arrays: list[Array], terms: Terms) -> Frame:
        """Answer what needs no images."""
        if arrays:
            super().__init__(self._modules, self._files)
            raise self.end("The call was stopped after 30 seconds.")
        return super().exchange(header, arrays, terms)


@pytest.mark.parametrize("end", [StudentTimeout, StudentCrashed])
@pytest.mark.parametrize(
    ("layers", "is_right"), [(("stem.1.0", "late"), True), (("any", "two"), False), (("late", "fc"), False)]
)
def test_layers_of_slow_network(end: type[CheckStopped], layers: tuple[str, str], is_right: bool) -> None:
    """A network that does not end in time, or ends its process, is looked into without being run: wrong names fail."""
    transport = Ending({"SmallResNet": Reordered, "LAYERS": layers}, end)
    with nullcontext() if is_right else pytest.raises(Failure):
        public_visualize.check_layers(Implementation(("resnet", "visualize"), transport))


def test_layers_of_network_that_takes_too_long_to_make() -> None:
    """Where SmallResNet() is not made in time, names earn nothing: they name no layer."""

    class Slow(LocalTransport):
        def exchange(self, header: Header, arrays: list[Array], terms: Terms) -> Frame:
            if header.get("target", {}).get("name") == "SmallResNet":
                raise StudentTimeout("The call was stopped after 30 seconds.")
            return super().exchange(header, arrays, terms)

    module = ModuleType("visualize")
    vars(module)["LAYERS"] = ("any", "two")
    with pytest.raises(StudentTimeout):
        public_visualize.check_layers(Implementation(("resnet", "visualize"), Slow({"visualize": module}, {})))


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
