"""Public checks of `cam.py`: tasks 3a to 3d."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    Implementation,
    check,
    compare,
    expect_close,
    expect_shape,
    make,
    numbers,
)
from grader.vision.maps import expect_same_map, standardised
from solutions.miniplaces.checks.networks import BRIGHT, UNITS, expect_as_sent, mosaic


@check("3a")
def check_any_size(student: Implementation, oracle: Implementation, rng: Generator) -> None:
    """Maps of any size and number of units can be flattened, also square maps, and as many units as places."""
    for shape in ((1, 2048, 7, 7), (1, 16, 4, 4), (1, 3, 2, 9)):
        activations = torch.from_numpy(rng.normal(size=shape).astype(np.float32))
        compare(student.cam.flatten_activations, oracle.cam.flatten_activations, activations, within=1e-5)


@check("3b")
def check_scores(student: Implementation, rng: Generator) -> None:
    """Each place gets the score of each class: its activations times the class's weights."""
    flat = rng.normal(size=(12, 6)).astype(np.float32)
    weight, bias = rng.normal(size=(4, 6)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    layer = student.make(make("torch.nn.Linear", 6, 4))
    layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    answer = numbers(student.cam.class_scores(torch.from_numpy(flat), layer))
    expect_scores(answer, flat @ weight.T, bias, within=1e-4)


def expect_scores(answer: Array, expected: Array, bias: Array, within: float) -> None:
    """Expect scores with the layer's bias or without it: both are right."""
    expect_shape(answer, expected.shape)
    if not np.abs(answer.reshape(expected.shape) - expected - bias).max() < within:
        expect_close(answer, expected, within=within, what="scores")


@check("3c", weight=2)
def check_map(student: Implementation, rng: Generator) -> None:
    """The map of a class is bright where the image speaks for it and dark where it speaks against it."""
    seen = mosaic(rng)
    weight, bias = _drawn_classes(rng)
    draw, evidence = student.cam.generate_featuremap_CAM.with_options(canonical=standardised), seen.evidence(weight)
    top = int(seen.logits(weight, bias).argmax())
    for class_id in (top + 1 + np.arange(len(weight))) % len(weight):  # the first is not on top, nor is the next one
        # A new network for each: what becomes of it is judged by the next check.
        answer = numbers(draw(seen.network(student, weight, bias), int(class_id), seen.image))
        expect_same_map(answer, evidence[class_id], what=f"map of class {class_id}")


def _drawn_classes(rng: Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (4, UNITS) and bias (4,): colors speak for three classes and against them, and all against the fourth."""
    sizes = np.stack([rng.permutation([0.8, 1.6, 2.4]) for _ in range(4)]) * rng.uniform(0.9, 1.1, (4, 3))
    signs = np.stack([*(rng.permutation(each) for each in ([1, 1, -1], [1, 1, -1], [1, -1, -1])), [-1, -1, -1]])
    rows = np.zeros((4, UNITS))
    rows[:, : len(signs[0])] = sizes * signs
    rows[:, BRIGHT] = [*rng.uniform(-0.4, 0.4, 3), -0.4]
    rows[3, BRIGHT + 1 :] = -3.0  # of the silent units: the largest weight is that of a unit that fires
    order, bias = rng.permutation(4), rng.uniform(-0.2, 0.2, 4)
    return torch.from_numpy(rows[order].astype(np.float32)), torch.from_numpy(bias.astype(np.float32))


@check("3c", after=("check_map",))
def check_map_keeps_model(student: Implementation, rng: Generator) -> None:
    """The network that was passed in still works as before."""
    seen = mosaic(rng)
    weight, bias = _drawn_classes(rng)
    net = seen.network(student, weight, bias)
    student.cam.generate_featuremap_CAM(net, int(rng.integers(len(weight))), seen.image)
    expect_as_sent(net, seen, weight, bias)
