"""Hidden checks of the filters in `visualize.py`: task 4.1."""

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
    numbers,
)
from solutions.two_networks.checks.filter_pictures import expect_colours, expect_one_choice, expect_visible, ranked
from solutions.two_networks.checks.layers import (
    weight_of,
)
from solutions.two_networks.checks.networks import NETWORKS, own_networks, reference_network
from solutions.two_networks.checks.pictures import Pictures
from solutions.two_networks.checks.public_visualize import SIZES, layer_names

MOST = 64  # filters shown of a layer
CHANGED = 0.1  # of the weights' standard deviation: how far trained filters are changed


@check("4.1", weight=2, listed_before="check_constant_filter")
def check_rgb(student: Implementation, rng: Generator) -> None:
    """Filters of three channels are shown in color: red, green, blue, the larger the weight the larger the value."""
    draw = student.visualize.filter_images.with_options(canonical=ranked)
    for count, sizes in ((7, SIZES), (24, (3, 3)), (5, (1, 1))):
        weight = rng.normal(scale=0.1, size=(count, 3, *sizes)).astype(np.float32)
        pictures = expect_visible(numbers(draw(torch.from_numpy(weight))), (count, *sizes, 3))
        expect_colours(pictures, weight)


@check("4.1", weight=2, listed_before="check_constant_filter")
def check_other_channels(student: Implementation, rng: Generator) -> None:
    """Filters of any other number of channels show the same channels, or the mean of all, of every filter."""
    draw = student.visualize.filter_images.with_options(canonical=ranked)
    for count, channels in ((6, 16), (5, 1), (4, 2), (9, 128)):
        weight = rng.normal(scale=0.1, size=(count, channels, *SIZES)).astype(np.float32)
        expect_one_choice(expect_visible(numbers(draw(torch.from_numpy(weight))), (count, *SIZES, 3)), weight)


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
        layer = layer_names(student)[number]
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
