"""Checks of `units.py`: tasks 2a to 2c, on networks whose units are known by construction, and on real ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    Failure,
    Handle,
    Implementation,
    LayOut,
    check,
    expect,
    expect_close,
    expect_shape,
    make,
    numbers,
    summarise,
)
from grader.vision.maps import as_maps
from grader.vision.probe_networks import network
from solutions.miniplaces.checks.dropped_units import lay_out_dropped, top5
from solutions.miniplaces.checks.networks import (
    BLUE,
    BRIGHT,
    COLOURS,
    GREEN,
    RED,
    UNITS,
    any_seed,
    classifier,
    expect_as_sent,
    load_scene,
    mosaic,
    scene_network,
    seeded_resnet50,
)


@check("2a", weight=2)
def check_layers_removed(student: Implementation, oracle: Implementation, rng: Generator) -> None:
    """remove_last_layers drops as many of the last children as it is told to."""
    inputs = torch.from_numpy(rng.normal(size=(3, 8)).astype(np.float32))
    for count in rng.permutation([1, 2, 3]).tolist():
        seed = any_seed(rng)
        results = [_shortened(who, count, inputs, seed) for who in (oracle, student)]
        expect_shape(results[1], results[0].shape)
        expect_close(results[1], results[0], within=1e-5, what=f"outputs without the last {count}")


def _shortened(who: Implementation, count: int, inputs: torch.Tensor, seed: int) -> Array:
    layers = [make("torch.nn.Linear", 8, 7), make("torch.nn.Tanh"), make("torch.nn.Linear", 7, 6)]
    inner = make("torch.nn.Sequential", make("torch.nn.Linear", 6, 5), make("torch.nn.Sigmoid"))  # one child of two
    net = network(who, *layers, inner, make("torch.nn.Linear", 5, 4), seed=seed)
    cut = who.units.remove_last_layers.with_options(keep=True)(net, count)
    return numbers(_run(cut, inputs))


def _run(cut: Handle, inputs: torch.Tensor) -> object:
    if cut.kind in ("list", "tuple", "NoneType", "generator"):
        raise Failure("remove_last_layers did not return a module.", expected="a module", got=summarise(cut))
    return cut(inputs)


@check("2a", public=True)
def check_default_ends_with_maps(student: Implementation, rng: Generator) -> None:
    """Without its last two layers a ResNet ends with the maps of layer4."""
    seen = mosaic(rng)
    net = seen.network(student, classifier([{RED: 1}, {BLUE: 1}]), torch.zeros(2))
    cut = student.units.remove_last_layers.with_options(keep=True)(net)
    expected = np.zeros((UNITS, *seen.maps.shape[1:]))
    expected[list(seen.order[:4])] = seen.maps
    answer = numbers(_run(cut, seen.image[None]))
    expect_shape(answer, expected.shape)
    expect_close(answer, expected, within=1e-3, what="maps")


@check("2a", after=("check_default_ends_with_maps",), public=True)
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


@check("2a", weight=2, public=True)
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


@check("2a", diagnosed=False)
def check_real_network(student: Implementation, oracle: Implementation, rng: Generator, exhibit: LayOut) -> None:
    """On ResNet-50, and on the network of the pictures, the maps are those of the reference, at any image size."""
    image = torch.from_numpy(rng.normal(size=(3, 256, 224)).astype(np.float32))
    seed, unit = any_seed(rng), int(rng.integers(2048))
    maps = []
    for who in (oracle, student):
        cut = who.units.remove_last_layers.with_options(keep=True)(seeded_resnet50(who, seed), 2)
        maps.append(numbers(who.units.generate_featuremap_unit(cut, unit, image)))
    scene = load_scene()
    drawn = []
    for who in (oracle, student):
        net = scene_network(who, scene)
        cut = who.units.remove_last_layers.with_options(keep=True)(net, 2)
        drawn.append([numbers(who.units.generate_featuremap_unit(cut, first, scene.image)) for first in range(5)])
    arrays = {"image": scene.pixels, "reference_maps": np.stack(drawn[0]), "student_maps": as_maps(drawn[1], drawn[0])}
    labels = {"labels": [f"unit {unit}" for unit in range(5)]}
    caption = f"Where the first five units of the last block fire on china.jpg. {scene.note}"
    exhibit("overlays", "units", caption, arrays, labels)
    for got, expected in zip((maps[1], *drawn[1]), (maps[0], *drawn[0]), strict=True):
        expect_shape(got, expected.shape)
        expect_close(got, expected, within=1e-3 * float(np.abs(expected).max()), what="activations")


@check("2b", weight=0, help="Look at the maps of units on pictures with much sky, and with buildings.", public=True)
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


@check("2c", weight=2, public=True)
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


@check("2c", after=("check_deactivated",), public=True)
def check_model_restored(student: Implementation, rng: Generator) -> None:
    """Afterwards the network is as it was: the next call gives the ordinary answer."""
    seen = mosaic(rng)
    weight, bias = _random_classifier(rng, classes=3)
    net = seen.network(student, weight, bias)
    student.units.deactivate_unit_activations(net, seen.image, [seen.order[RED], seen.order[GREEN]])
    expect_as_sent(net, seen, weight, bias)


@check("2c", diagnosed=False)
def check_real_logits(student: Implementation, oracle: Implementation, rng: Generator, exhibit: LayOut) -> None:
    """On ResNet-50, and on the network of the pictures, the logits are those of the reference."""
    image = torch.from_numpy(rng.normal(size=(3, 224, 224)).astype(np.float32))
    seed, units = any_seed(rng), [int(unit) for unit in rng.choice(2048, size=300, replace=False)]
    logits = [
        numbers(who.units.deactivate_unit_activations(seeded_resnet50(who, seed), image, units))
        for who in (oracle, student)
    ]
    scene = load_scene()
    nets = [scene_network(who, scene) for who in (oracle, student)]
    before = numbers(nets[0](scene.image[None])).reshape(-1)
    top = [int(k) for k in numbers(oracle.units.top_units(nets[0], int(before.argmax()), 5))]
    after = [
        numbers(who.units.deactivate_unit_activations(net, scene.image, top))
        for who, net in zip((oracle, student), nets, strict=True)
    ]
    facts = {
        "before": top5(before, scene.classes),
        "reference_after": top5(after[0], scene.classes),
        "dropped": f"units {', '.join(map(str, top))}",
    }
    if after[1].size == before.size:
        facts["student_after"] = top5(after[1], scene.classes)
    caption = f"The five likeliest classes of china.jpg before and after its top class lost five units. {scene.note}"
    exhibit("top5", "top5", caption, facts=facts)
    lay_out_dropped(student, oracle, scene, int(before.argmax()), top, exhibit)
    for got, expected in ((logits[1], logits[0]), (after[1], after[0])):
        expect_shape(got, expected.shape)
        expect_close(got, expected, within=1e-3 * float(np.abs(expected).max()), what="logits")
