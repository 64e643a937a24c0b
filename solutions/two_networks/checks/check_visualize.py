"""Checks of the filters in `visualize.py`: task 4.1."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    CheckStopped,
    Handle,
    Implementation,
    LayOut,
    Reference,
    check,
    expect,
    expect_close,
    expect_finite,
    make,
    numbers,
)
from solutions.two_networks.checks.filter_pictures import (
    expect_colours,
    expect_each_its_own,
    expect_one_choice,
    expect_visible,
    ranked,
    with_copies,
)
from solutions.two_networks.checks.layers import (
    has_layer,
    is_convolution,
    is_first_convolution,
    made_network,
    weight_of,
)
from solutions.two_networks.checks.networks import NETWORKS, own_networks, reference_network
from solutions.two_networks.checks.pictures import Pictures

RANGE = 1e-5  # how far beyond [0, 1] float32 may round
MOST = 64  # filters shown of a layer
CHANGED = 0.1  # of the weights' standard deviation: how far trained filters are changed
DIFFERENT = 4  # filters, of which there are copies
SIZES = (5, 3)  # of a filter: higher than wide, so that rows and columns can't be confused unseen


@check("4.1", public=True)
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


@check("4.1", weight=2)
def check_rgb(student: Implementation, rng: Generator) -> None:
    """Filters of three channels are shown in color: red, green, blue, the larger the weight the larger the value."""
    draw = student.visualize.filter_images.with_options(canonical=ranked)
    for count, sizes in ((7, SIZES), (24, (3, 3)), (5, (1, 1))):
        weight = rng.normal(scale=0.1, size=(count, 3, *sizes)).astype(np.float32)
        pictures = expect_visible(numbers(draw(torch.from_numpy(weight))), (count, *sizes, 3))
        expect_colours(pictures, weight)


@check("4.1", weight=2)
def check_other_channels(student: Implementation, rng: Generator) -> None:
    """Filters of any other number of channels show the same channels, or the mean of all, of every filter."""
    draw = student.visualize.filter_images.with_options(canonical=ranked)
    for count, channels in ((6, 16), (5, 1), (4, 2), (9, 128)):
        weight = rng.normal(scale=0.1, size=(count, channels, *SIZES)).astype(np.float32)
        expect_one_choice(expect_visible(numbers(draw(torch.from_numpy(weight))), (count, *SIZES, 3)), weight)


@check(
    "4.1", help="Where the largest value is the smallest, their difference is 0: add a tiny number to it.", public=True
)
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


@check("4.1", public=True)
def check_weight_kept(student: Implementation, rng: Generator) -> None:
    """The weights that were passed in stay as they were when their pictures are made."""
    for channels in (3, 8):
        weight, copy_of = with_copies(rng, rng.normal(size=(DIFFERENT, channels, *SIZES)))
        given = student.make(make("torch.as_tensor", torch.from_numpy(weight)))
        answer = numbers(student.visualize.filter_images(given))
        expect_each_its_own(answer, weight, copy_of)
        expect_close(numbers(given.clone()), weight, within=0, what="weights after the call")


@check("4.1", weight=2, help="`[name for name, module in SmallResNet().named_modules()]` lists the names.", public=True)
def check_layers(student: Implementation) -> None:
    """LAYERS names two convolutions of your SmallResNet, the first of which is its first."""
    layers = _two_names(student)
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


def _two_names(student: Implementation) -> list[str]:
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


@check("4.1", weight=0.5, diagnosed=False)
def check_filters_drawn(
    student: Implementation,
    oracle: Implementation,
    reference: Reference,
    pictures: Pictures,
    rng: Generator,
    exhibit: LayOut,
) -> None:
    """The filters of trained networks look as they should, in both layers."""
    shown = student.twin()  # of what is only shown, no record is kept: it earns nothing
    own, problem = own_networks(shown)  # filters need no picture, so no data set
    weights = []
    for network in NETWORKS:
        trained = reference_network(oracle, reference, pictures, network)
        for number, layer in enumerate(oracle.visualize.LAYERS.value()):
            weight = weight_of(trained, layer)[:MOST]
            arrays = {"reference_images": _as_bytes(numbers(oracle.visualize.filter_images(torch.from_numpy(weight))))}
            drawn, name = _own_filters(shown, own.get(network), number)
            told = f"yours of {name}" if name else "yours can't be shown"
            caption = (
                f"Filters of the {'first' if number == 0 else 'second'} layer of the {network} network: {told}, the "
                f"reference's of {layer}. {pictures.note}"
            ).strip()
            facts = {} if name else {"problem": problem or "Your LAYERS or filter_images do not fit your network."}
            exhibit("filters", f"{network}.{layer}", caption, arrays | drawn, facts)
            weights.append(weight)
    for weight in (_shuffled(weight, rng) for weight in weights):  # only now: the pictures are in the report by then
        answer = numbers(student.visualize.filter_images(torch.from_numpy(weight)))
        made = expect_visible(answer, (len(weight), *weight.shape[2:], 3))
        (expect_colours if weight.shape[1] == 3 else expect_one_choice)(made, weight)


def _shuffled(weight: Array, rng: Generator) -> Array:
    """Trained filters (n, c, kh, kw) in random order, each weight changed a little: nobody has seen these before."""
    noise = rng.normal(scale=CHANGED * weight.std(), size=weight.shape)
    return rng.permutation(weight + noise).astype(np.float32)


def _own_filters(student: Implementation, net: Handle | None, number: int) -> tuple[dict[str, Array], str]:
    """The student's filters of one of the two layers of the own network, and its name; nothing where impossible."""
    if net is None:
        return {}, ""
    try:
        layer = _two_names(student)[number]
        weight = weight_of(net, layer)[:MOST].astype(np.float32)
        answer = numbers(student.visualize.filter_images(torch.from_numpy(weight)))
    except CheckStopped:
        return {}, ""
    if weight.ndim != 4 or answer.size != weight[:, 0].size * 3:
        return {}, ""
    return {"student_images": _as_bytes(answer.reshape(len(weight), *weight.shape[2:], 3))}, layer


def _as_bytes(pictures: Array) -> Array:
    """Pictures in [0, 1] as uint8, whatever they hold."""
    return np.round(np.clip(np.nan_to_num(pictures.astype(np.float64)), 0, 1) * 255).astype(np.uint8)
