"""Public checks of the filters in `visualize.py`: task 4.1."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    Handle,
    Implementation,
    check,
    expect,
    expect_close,
    expect_finite,
    make,
    numbers,
)
from solutions.two_networks.checks.filter_copies import expect_each_its_own, with_copies
from solutions.two_networks.checks.layers import (
    has_layer,
    is_convolution,
    is_first_convolution,
    made_network,
)

RANGE = 1e-5  # how far beyond [0, 1] float32 may round
DIFFERENT = 4  # filters, of which there are copies
SIZES = (5, 3)  # of a filter: higher than wide, so that rows and columns can't be confused unseen


@check("4.1")
def check_range(student: Implementation, rng: Generator) -> None:
    """The values of the pictures lie in [0, 1], whatever the range of the weights."""
    for channels, low, high in ((3, -0.3, 0.2), (3, -40.0, 90.0), (16, 0.5, 3.0), (8, -2.0, -1.0)):
        weight, copy_of = with_copies(rng, rng.uniform(low, high, (DIFFERENT, channels, *SIZES)))
        answer = numbers(student.visualize.filter_images(torch.from_numpy(weight)))
        expect_finite(answer, what="pictures")
        ends = (float(answer.min(initial=0)), float(answer.max(initial=0)))
        expect(
            ends[0] >= -RANGE and ends[1] <= 1 + RANGE,
            f"Weights from {low:g} to {high:g} give values outside [0, 1].",
            expected="values from 0 to 1",
            got=f"{ends[0]:.4g} to {ends[1]:.4g}",
            mistake=_known_range(answer, weight),
        )
        expect_each_its_own(answer, weight, copy_of)


def _known_range(answer: Array, weight: Array) -> str | None:
    """The known mistake that shows in the range of the values."""
    if np.isin(np.round(answer.reshape(-1)[:64], 3), np.round(weight.reshape(-1), 3)).all():
        return "visualize.not_normalised"
    if answer.min() >= 0 and 2 < answer.max() <= 255:
        return "visualize.up_to_255"
    return None


@check("4.1", help="Where the largest value is the smallest, their difference is 0: add a tiny number to it.")
def check_constant_filter(student: Implementation, rng: Generator) -> None:
    """A filter whose weights are all equal gives a finite picture, alone and among others."""
    for channels in (3, 16):
        among, copy_of = with_copies(rng, rng.normal(size=(DIFFERENT, channels, *SIZES)))
        among[copy_of == 0] = rng.uniform(-1, 1)
        alone = np.full((2, channels, *rng.integers(1, 4, 2)), rng.uniform(-3, 3), np.float32)
        for weight in (among, alone, alone * 0):
            answer = numbers(student.visualize.filter_images(torch.from_numpy(weight)))
            expect(
                bool(np.isfinite(answer).all()),
                "Where all weights of a filter are equal, its picture is not finite.",
                expected="any value in [0, 1]",
                got=answer,
            )
            if weight is among:
                expect_each_its_own(answer, weight, copy_of)


@check("4.1")
def check_weight_kept(student: Implementation, rng: Generator) -> None:
    """The weights that were passed in stay as they were when their pictures are made."""
    for channels in (3, 8):
        weight, copy_of = with_copies(rng, rng.normal(size=(DIFFERENT, channels, *SIZES)))
        given = student.make(make("torch.as_tensor", torch.from_numpy(weight)))
        answer = numbers(student.visualize.filter_images(given))
        expect_each_its_own(answer, weight, copy_of)
        expect_close(numbers(given.clone()), weight, within=0, what="weights after the call")


@check("4.1", weight=2, help="`[name for name, module in SmallResNet().named_modules()]` lists the names.")
def check_layers(student: Implementation) -> None:
    """LAYERS names two convolutions of your SmallResNet, the first of which is its first."""
    layers = layer_names(student)
    net = made_network(student)
    for layer in layers:
        expect(
            is_convolution(net, layer),
            f"LAYERS names {layer[:80]!r}, which is not a convolution of your SmallResNet.",
            expected="dotted names of convolutions, as named_modules() lists them",
            got=repr(layer[:80]),
            mistake=_known_layer(net, layer),
        )
    expect(
        is_first_convolution(net, layers[0]),
        "The first name is not that of the network's first convolution.",
        expected="the convolution that sees the image's three channels",
        got=repr(layers[0]),
        mistake="visualize.layers_without_first",
    )


def layer_names(student: Implementation) -> list[str]:
    """The two names in `LAYERS`; raises Failure if it holds anything else."""
    layers = student.visualize.LAYERS.value()
    expected = "two names, e.g. ('conv1', 'layer2.0.conv1')"
    is_text = isinstance(layers, str) and layers.strip()
    expect(
        isinstance(layers, list | tuple) and all(isinstance(name, str) for name in layers),
        "LAYERS must be a list or tuple of names.",
        expected=expected,
        got=layers,
        mistake="visualize.layers_in_one_string" if is_text else None,
    )
    names = [name for name in layers if name.strip()]
    expect(bool(names), "LAYERS is still empty.", expected=expected, got=layers)
    expect(
        len(names) == len(layers) == 2,
        f"LAYERS holds {len(names)} name(s).",
        expected=expected,
        got=layers,
        mistake="visualize.layers_only_one" if len(names) == 1 else None,
    )
    expect(
        names[0] != names[1],
        "LAYERS names one layer twice.",
        expected=expected,
        got=layers,
        mistake="visualize.layers_twice_the_same",
    )
    return names


def _known_layer(net: Handle, layer: str) -> str | None:
    """The known mistake behind a name that is no convolution's."""
    if "[" in layer:
        return "visualize.layers_in_brackets"
    if layer.endswith((".weight", ".bias")) and has_layer(net, layer.rpartition(".")[0]):
        return "visualize.layers_are_parameters"
    if has_layer(net, layer):
        return "visualize.layers_not_convolutions"
    if has_layer(net, layer.partition(".")[2] or "?"):
        return "visualize.layers_with_prefix"
    return "visualize.layers_of_another_network"
