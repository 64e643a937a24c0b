"""Public checks of `units.py`: tasks 2a to 2c, on networks whose units are known by construction, and on real ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Failure,
    Handle,
    Implementation,
    check,
    expect,
    expect_close,
    expect_shape,
    make,
    numbers,
    summarise,
)
from grader.vision.probe_networks import network
from solutions.miniplaces.checks.networks import (
    BLUE,
    BRIGHT,
    COLOURS,
    GREEN,
    RED,
    UNITS,
    classifier,
    expect_as_sent,
    mosaic,
)


def run_cut(cut: Handle, inputs: torch.Tensor) -> object:
    """What the shortened network answers; raises Failure if there is no such module."""
    if cut.kind in ("list", "tuple", "NoneType", "generator"):
        raise Failure("remove_last_layers did not return a module.", expected="a module", got=summarise(cut))
    return cut(inputs)


@check("2a")
def check_default_ends_with_maps(student: Implementation, rng: Generator) -> None:
    """Without its last two layers a ResNet ends with the maps of layer4."""
    seen = mosaic(rng)
    net = seen.network(student, classifier([{RED: 1}, {BLUE: 1}]), torch.zeros(2))
    cut = student.units.remove_last_layers.with_options(keep=True)(net)
    expected = np.zeros((UNITS, *seen.maps.shape[1:]))
    expected[list(seen.order[:4])] = seen.maps
    answer = numbers(run_cut(cut, seen.image[None]))
    expect_shape(answer, expected.shape)
    expect_close(answer, expected, within=1e-3, what="maps")


@check("2a", after=("check_default_ends_with_maps",))
def check_cut_keeps_model(student: Implementation, rng: Generator) -> None:
    """The network that was passed to remove_last_layers still works as before."""
    weights = {
        name: torch.from_numpy(rng.normal(size=shape).astype(np.float32))
        for name, shape in (("0.weight", (7, 8)), ("0.bias", (7,)), ("2.weight", (6, 7)), ("2.bias", (6,)))
    }
    net = network(student, make("torch.nn.Linear", 8, 7), make("torch.nn.Tanh"), make("torch.nn.Linear", 7, 6))
    net.load_state_dict(weights)
    inputs = torch.from_numpy(rng.normal(size=(2, 8)).astype(np.float32))
    student.units.remove_last_layers.with_options(keep=True)(net, 1)
    hidden = (inputs @ weights["0.weight"].T + weights["0.bias"]).tanh()
    right = (hidden @ weights["2.weight"].T + weights["2.bias"]).numpy()
    expect_close(numbers(net(inputs)), right, within=1e-5, what="outputs of the network afterwards")


@check("2a", weight=2)
def check_unit_map(student: Implementation, rng: Generator) -> None:
    """A unit that fires on a color gives a map that is bright where the image has that color."""
    seen = mosaic(rng, cell=8, units=4)
    cut = network(student, make("torch.nn.Conv2d", 3, 4, 1, stride=8, bias=False), make("torch.nn.ReLU"))
    weight = torch.empty(4, 3)
    weight[list(seen.order)] = torch.tensor(COLOURS)
    cut.load_state_dict({"0.weight": weight[:, :, None, None]})
    cut.eval()
    for colour in rng.permutation([RED, GREEN, BLUE]).tolist()[:2]:
        answer = numbers(student.units.generate_featuremap_unit(cut, seen.order[colour], seen.image))
        expect_shape(answer, seen.maps[colour].shape)
        expect_close(answer, seen.maps[colour], within=1e-4, what="activations")


@check("2b", weight=0, help="Look at the maps of units on pictures with much sky, and with buildings.")
def check_units_named(student: Implementation) -> None:
    """SKY_UNIT and BUILDING_UNIT are two different units of the last block, 0 to 2047."""
    units = {}
    for name in ("SKY_UNIT", "BUILDING_UNIT"):  # one after the other: what was called is the one that is wrong
        unit = units[name] = chosen_unit(student, name)
        mistake = "units.counts_from_one" if unit == 2048 else None
        expect(unit != -1, f"{name} is not chosen yet.", expected="an int from 0 to 2047", got="-1")
        expect(
            0 <= unit < 2048,
            f"{name} is not the number of a unit.",
            expected="0 to 2047",
            got=str(unit),
            mistake=mistake,
        )
    same = units["SKY_UNIT"] == units["BUILDING_UNIT"]
    expect(
        not same, "Both are the same unit.", expected="two units", got=str(units["SKY_UNIT"]), mistake="units.same_unit"
    )


def chosen_unit(student: Implementation, name: str) -> int:
    """The number of a unit that a student has chosen; raises Failure when it is no whole number."""
    unit = getattr(student.units, name).value()
    if isinstance(unit, np.ndarray) and unit.size == 1 and unit.dtype.kind in "iu":
        unit = int(unit.reshape(-1)[0])  # as argmax gives it
    expect(type(unit) is int, f"{name} must be an int.", expected="an int from 0 to 2047", got=unit)
    return int(unit)


@check("2c", weight=2)
def check_deactivated(student: Implementation, rng: Generator) -> None:
    """The logits lose exactly what the silent units gave; one unit or several, as int, list or tensor."""
    seen = mosaic(rng)
    weight, bias = _random_classifier(rng, classes=int(rng.integers(3, 6)))
    by_place = sorted((RED, GREEN, BLUE), key=lambda k: seen.order[k])
    one, other = rng.permutation(by_place[:2]).tolist()
    # The last of the three alone: what switches off the units before it as well is told from what does not.
    for silent, form in (
        ([by_place[2]], "int"),
        ([one], "list"),
        ([by_place[2], one], "list"),
        ([one, other], "tensor"),
        ([*by_place, BRIGHT], "list"),
        ([other], "tensor"),
    ):
        units = [seen.order[k] for k in silent]
        given = {"int": units[0], "list": units, "tensor": torch.tensor(units)}[form]
        # A new network for each: what stays behind in one is judged by the next check.
        answer = student.units.deactivate_unit_activations(seen.network(student, weight, bias), seen.image, given)
        expect_close(numbers(answer), seen.logits(weight, bias, silent), within=1e-3, what="logits")


def _random_classifier(rng: Generator, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (K, UNITS) and bias (K,); every unit speaks for or against every class, and no two weights are alike."""
    weight = rng.choice([-1, 1], (classes, UNITS)) * rng.uniform(1, 4, (classes, UNITS))
    return torch.from_numpy(weight.astype(np.float32)), torch.from_numpy(rng.uniform(-1, 1, classes).astype(np.float32))


@check("2c", after=("check_deactivated",))
def check_model_restored(student: Implementation, rng: Generator) -> None:
    """Afterwards the network is as it was: the next call gives the ordinary answer."""
    seen = mosaic(rng)
    weight, bias = _random_classifier(rng, classes=3)
    net = seen.network(student, weight, bias)
    student.units.deactivate_unit_activations(net, seen.image, [seen.order[RED], seen.order[GREEN]])
    expect_as_sent(net, seen, weight, bias)
