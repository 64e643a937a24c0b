"""Checks of `units.py`: tasks 2a to 2d, on networks whose units are known by construction, and on real ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.checks.compare import expect, expect_close, expect_shape, numbers, summarise
from grader.checks.context import LayOut
from grader.checks.declare import check
from grader.checks.maps import as_maps
from grader.checks.miniplaces.dropped_units import dropping, lay_out_dropped
from grader.checks.miniplaces.networks import (
    BLUE,
    BRIGHT,
    CELL,
    GREEN,
    RED,
    classifier,
    detector_network,
    load_scene,
    painted,
    scene_network,
    seeded_resnet50,
)
from grader.checks.miniplaces.training import network
from grader.errors import Failure
from grader.records import Array
from grader.sandbox.calls import make
from grader.sandbox.student import Handle, Implementation

HEIGHT, WIDTH = 5 * CELL, 7 * CELL  # not square, so that rows and columns can't be confused unseen
CORNER = (slice(0, 80), slice(0, 48))  # lights the places [0:3, 0:2] of the last map


@check("2a", weight=2)
def check_layers_removed(student: Implementation, oracle: Implementation, rng: Generator) -> None:
    """remove_last_layers leaves out as many of the last children as it is told."""
    inputs = torch.from_numpy(rng.normal(size=(3, 8)).astype(np.float32))
    for count in (2, 1, 3):
        results = [_shortened(who, count, inputs) for who in (oracle, student)]
        expect_shape(results[1], results[0].shape)
        expect_close(results[1], results[0], within=1e-5, what=f"outputs without the last {count}")


def _shortened(who: Implementation, count: int, inputs: torch.Tensor) -> Array:
    layers = [make("torch.nn.Linear", 8, 7), make("torch.nn.Tanh"), make("torch.nn.Linear", 7, 6)]
    inner = make("torch.nn.Sequential", make("torch.nn.Linear", 6, 5), make("torch.nn.Sigmoid"))  # one child of two
    net = network(who, *layers, inner, make("torch.nn.Linear", 5, 4))
    cut = who.units.remove_last_layers.with_options(keep=True)(net, count)
    return numbers(_run(cut, inputs))


def _run(cut: Handle, inputs: torch.Tensor) -> object:
    if cut.kind in ("list", "tuple", "NoneType", "generator"):
        raise Failure("remove_last_layers did not return a module.", expected="a module", got=summarise(cut))
    return cut(inputs)


@check("2a", public=True)
def check_default_ends_with_maps(student: Implementation, oracle: Implementation) -> None:
    """Without its last two layers a ResNet ends with the maps of layer4."""
    image = painted(HEIGHT, WIDTH, [(RED, *CORNER), (BLUE, slice(96, 160), slice(96, 224))])
    results = []
    for who in (oracle, student):
        net = detector_network(who, classifier([{RED: 1}, {BLUE: 1}]), torch.zeros(2))
        cut = who.units.remove_last_layers.with_options(keep=True)(net)
        results.append(numbers(_run(cut, image[None])))
    expect_shape(results[1], results[0].shape)
    expect_close(results[1], results[0], within=1e-3, what="maps")


@check("2a", public=True)
def check_cut_keeps_model(student: Implementation, rng: Generator) -> None:
    """The network that was passed to remove_last_layers still works as before."""
    net = network(student, make("torch.nn.Linear", 8, 7), make("torch.nn.Tanh"), make("torch.nn.Linear", 7, 6))
    inputs = torch.from_numpy(rng.normal(size=(2, 8)).astype(np.float32))
    before = numbers(net(inputs))
    student.units.remove_last_layers.with_options(keep=True)(net, 1)
    expect_close(numbers(net(inputs)), before, within=1e-6, what="outputs of the network afterwards")


@check("2a", weight=2, public=True)
def check_unit_map(student: Implementation) -> None:
    """A unit that fires on green gives a map that is bright where the image is green."""
    cut = network(student, make("torch.nn.Conv2d", 3, 4, 1, stride=8, bias=False), make("torch.nn.ReLU"))
    colours = torch.tensor([[1.0, -1, -1], [-1, 1, -1], [-1, -1, 1], [1 / 3, 1 / 3, 1 / 3]])
    cut.load_state_dict({"0.weight": colours[:, :, None, None]})
    cut.eval()
    image = painted(40, 56, [(GREEN, slice(0, 16), slice(24, 56)), (RED, slice(24, 40), slice(0, 16))])
    expected = np.zeros((5, 7))
    expected[0:2, 3:7] = 1
    answer = numbers(student.units.generate_featuremap_unit(cut, GREEN, image))
    expect_shape(answer, expected.shape)
    expect_close(answer, expected, within=1e-4, what="activations")


@check("2a", diagnosed=False)
def check_real_network(student: Implementation, oracle: Implementation, rng: Generator, exhibit: LayOut) -> None:
    """On ResNet-50, and on the network of the pictures, the maps are those of the reference, at any image size."""
    image = torch.from_numpy(rng.normal(size=(3, 256, 224)).astype(np.float32))
    maps = []
    for who in (oracle, student):
        cut = who.units.remove_last_layers.with_options(keep=True)(seeded_resnet50(who), 2)
        maps.append(numbers(who.units.generate_featuremap_unit(cut, 1234, image)))
    scene = load_scene()
    drawn = []
    for who in (oracle, student):
        net = scene_network(who, scene)
        cut = who.units.remove_last_layers.with_options(keep=True)(net, 2)
        drawn.append([numbers(who.units.generate_featuremap_unit(cut, unit, scene.image)) for unit in range(5)])
    arrays = {"image": scene.pixels, "reference_maps": np.stack(drawn[0]), "student_maps": as_maps(drawn[1], drawn[0])}
    labels = {"labels": [f"unit {unit}" for unit in range(5)]}
    caption = f"Where the first five units of the last block fire on china.jpg. {scene.note}"
    exhibit("overlays", "units", caption, arrays, labels)
    for got, expected in zip((maps[1], *drawn[1]), (maps[0], *drawn[0]), strict=True):
        expect_shape(got, expected.shape)
        expect_close(got, expected, within=1e-3 * float(np.abs(expected).max()), what="activations")


@check("2b", help="Look at the maps of units on pictures with much sky, and with buildings.", public=True)
def check_units_named(student: Implementation) -> None:
    """SKY_UNIT and BUILDING_UNIT are two different units of the last block, 0 to 2047."""
    units = {name: chosen_unit(student, name) for name in ("SKY_UNIT", "BUILDING_UNIT")}
    for name, unit in units.items():
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
def check_deactivated(student: Implementation, oracle: Implementation) -> None:
    """The logits lose exactly what the silent units gave; one unit or several, as int, list or tensor."""
    weight = classifier([{RED: 3.0, GREEN: 1.0, 7: 2.0}, {GREEN: 2.0, BLUE: -1.0}, {BLUE: 4.0, RED: -2.0}])
    bias = torch.tensor([0.5, -0.25, 0.125])
    image = painted(
        HEIGHT, WIDTH, [(RED, *CORNER), (GREEN, slice(96, 160), slice(96, 160)), (BLUE, slice(0, 48), slice(96, 224))]
    )
    for units in (GREEN, [GREEN], [BLUE, RED], torch.tensor([BLUE, GREEN]), [0, 1, 2, 3], torch.tensor([RED])):
        # A new network for each: what stays behind in one is judged by the next check.
        logits = [
            numbers(who.units.deactivate_unit_activations(detector_network(who, weight, bias), image, units))
            for who in (oracle, student)
        ]
        expect_close(logits[1], logits[0], within=1e-4, what="logits")


@check("2c", public=True)
def check_model_restored(student: Implementation) -> None:
    """Afterwards the network is as it was: the next call gives the ordinary answer."""
    fc_weight = classifier([{RED: 3.0}, {GREEN: 2.0}, {BRIGHT: 1.0}])
    net = detector_network(student, fc_weight, torch.zeros(3))
    image = painted(HEIGHT, WIDTH, [(RED, *CORNER), (GREEN, slice(96, 160), slice(96, 160))])
    before = numbers(net(image[None]))
    student.units.deactivate_unit_activations(net, image, [RED, GREEN])
    net.eval()
    weight = numbers(net.state_dict()["fc.weight"])
    expect_close(weight, fc_weight.numpy(), within=0, what="weights of fc")
    expect_close(numbers(net(image[None])), before, within=1e-5, what="logits of the next ordinary call")


@check("2c", diagnosed=False)
def check_real_logits(student: Implementation, oracle: Implementation, rng: Generator, exhibit: LayOut) -> None:
    """On ResNet-50, and on the network of the pictures, the logits are those of the reference."""
    image = torch.from_numpy(rng.normal(size=(3, 224, 224)).astype(np.float32))
    units = [int(unit) for unit in rng.choice(2048, size=300, replace=False)]
    logits = [
        numbers(who.units.deactivate_unit_activations(seeded_resnet50(who), image, units)) for who in (oracle, student)
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


@check("2d", weight=3)
def check_dropped_count(student: Implementation) -> None:
    """The count is the first at which another class comes out on top; None when none ever does."""
    colours = painted(CELL, 3 * CELL, [(k, slice(0, 32), slice(32 * k, 32 * k + 28)) for k in range(3)])
    # Each colour fills one of three places, so its unit's average is 1/3; BRIGHT gives 1/9 per place, 1/3 in all.
    # Silent units count when they are dropped. The top logit falls from 6.5 to 3.5, 3.5, 1.5, 0.5, then, silent units
    # 10 to 12 aside, to 0.
    rows = [{RED: 9.0, 9: 7.0, GREEN: 6.0, BLUE: 3.0, 10: 2.5, 11: 2.3, 12: 2.1, BRIGHT: 1.5}, {BRIGHT: 0.0}]
    for threshold, expected in ((5.0, 1), (2.6, 3), (1.0, 4), (0.2, 8), (-1.0, None)):
        net = detector_network(student, classifier(rows), torch.tensor([0.0, threshold]))
        answer = student.units.lowest_dropped_units(net, colours)
        if expected is None:
            expect(answer is None, "The top class stays on top whatever is dropped.", expected="None", got=answer)
            continue
        expect(answer is not None, "A count was expected, not None.", expected=str(expected), got="None")
        value = numbers(answer)
        expect(value.size == 1, "The count must be one number.", expected=str(expected), got=value)
        got = float(value.reshape(-1)[0])
        expect(got == expected, "The top class first changes at another count.", expected=str(expected), got=f"{got:g}")


@check("2d", diagnosed=False)
def check_real_count(student: Implementation, oracle: Implementation, exhibit: LayOut) -> None:
    """On the network of the pictures the count is the reference's."""
    scene = load_scene()
    nets = [scene_network(who, scene) for who in (oracle, student)]
    answers = [
        who.units.lowest_dropped_units(net, scene.image) for who, net in zip((oracle, student), nets, strict=True)
    ]
    curves = dropping(oracle, nets[0], scene.image)
    count = None if answers[1] is None else numbers(answers[1])
    shown = int(count.reshape(-1)[0]) if count is not None and count.size == 1 else None
    facts = {"student_count": shown, "reference_count": answers[0], "label": scene.classes[curves[2]]}
    arrays = {"reference_probability": curves[0], "reference_runner_up": curves[1]}
    caption = (
        f"Probability of the top class of china.jpg, and of the best other one, as its units are dropped. {scene.note}"
    )
    exhibit("dropping", "dropping", caption, arrays, facts)
    expect(
        shown == answers[0], "The top class first changes at another count.", expected=str(answers[0]), got=answers[1]
    )


def top5(logits: Array, classes: tuple[str, ...]) -> list[dict[str, object]]:
    """The five likeliest classes of logits (K,), with their probabilities, as a figure wants them."""
    chances = torch.softmax(torch.from_numpy(np.asarray(logits, np.float64).reshape(-1)), dim=0)
    values, indices = chances.topk(min(5, len(chances)))
    return [{"label": classes[int(k)], "probability": float(v)} for v, k in zip(values, indices, strict=True)]
