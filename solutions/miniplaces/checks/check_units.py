"""Hidden checks of `units.py`: tasks 2a to 2c, on networks whose units are known by construction, and on real ones."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    Implementation,
    LayOut,
    check,
    expect_close,
    expect_shape,
    make,
    numbers,
)
from grader.vision.maps import as_maps
from grader.vision.probe_networks import network
from solutions.miniplaces.checks.dropped_units import lay_out_dropped, top5
from solutions.miniplaces.checks.public_units import run_cut
from solutions.miniplaces.checks.scenes import any_seed, load_scene, scene_network, seeded_resnet50


@check("2a", weight=2, listed_before="check_default_ends_with_maps")
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
    return numbers(run_cut(cut, inputs))


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
    labels = {"labels": [f"unit {unit}" for unit in range(5)], "class_page": False}  # they look alike for everybody
    caption = f"Where the first five units of the last block fire on china.jpg. {scene.note}"
    exhibit("overlays", "units", caption, arrays, labels)
    for got, expected in zip((maps[1], *drawn[1]), (maps[0], *drawn[0]), strict=True):
        expect_shape(got, expected.shape)
        expect_close(got, expected, within=1e-3 * float(np.abs(expected).max()), what="activations")


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
