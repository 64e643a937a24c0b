"""Known mistakes in `filters.py`: tasks 1a and 1b."""

from __future__ import annotations

import numpy as np
import torch

from grader.author import mistake, mistaken_value


def _array(tensor):
    return tensor.detach().cpu().numpy() if isinstance(tensor, torch.Tensor) else np.asarray(tensor)


@mistake(
    "filters.normalize_tensor",
    "divides_by_maximum",
    check="check_range",
    help="These are the values of x / max * 255, where negative weights wrap around. Subtract the minimum first: (x "
    "- min) / (max - min).",
)
def divides_by_maximum(tensor):
    x = _array(tensor)
    return (x / x.max() * 255).astype(np.int64).astype(np.uint8)


@mistake(
    "filters.normalize_tensor",
    "keeps_unit_range",
    check="check_range",
    help="The values run from 0 to 1. Multiply them by 255 to get gray values.",
)
def keeps_unit_range(tensor):
    x = _array(tensor)
    return (x - x.min()) / (x.max() - x.min())


@mistake(
    "filters.normalize_tensor",
    "rounds_before_scaling",
    check="check_range",
    help="The image holds only 0 and 1. This happens when values from 0 to 1 are converted to uint8: multiply by 255 "
    "first.",
)
def rounds_before_scaling(tensor):
    x = _array(tensor)
    return ((x - x.min()) / (x.max() - x.min())).astype(np.uint8)


@mistake(
    "filters.normalize_tensor",
    "converts_first",
    check="check_range",
    help="Every value is 0. Were the weights converted to uint8 before scaling, which cuts off their decimals? Scale "
    "first, convert last.",
)
def converts_first(tensor):
    x = _array(tensor).astype(np.int64).astype(np.uint8).astype(np.float64)
    return ((x - x.min()) / max(x.max() - x.min(), 1e-8) * 255).astype(np.uint8)


@mistake(
    "filters.normalize_tensor",
    "centres_zero",
    check="check_range",
    help="The values are scaled by the largest absolute weight, with 0 at mid-gray, so one end of the range stays "
    "unused. Use the minimum and the maximum.",
)
def centres_zero(tensor):
    x = _array(tensor)
    return ((x / np.abs(x).max() + 1) / 2 * 255).astype(np.uint8)


@mistake(
    "filters.normalize_tensor",
    "scales_to_256",
    check="check_range",
    help="The values are scaled by 256, and 256 does not fit into uint8: it becomes 0. Multiply by 255.",
)
def scales_to_256(tensor):
    x = _array(tensor)
    return ((x - x.min()) / (x.max() - x.min()) * 256).astype(np.int64).astype(np.uint8)


@mistake(
    "filters.normalize_tensor",
    "standardises",
    check="check_range",
    help="The values are (x - mean) / std, scaled and clipped, which gives no fixed range. Use the minimum and the "
    "maximum.",
)
def standardises(tensor):
    x = _array(tensor)
    return np.clip((x - x.mean()) / x.std() * 64 + 128, 0, 255).astype(np.uint8)


@mistake(
    "filters.normalize_tensor",
    "clips_negatives",
    check="check_linear",
    help="Every negative weight became 0, so part of the filter is lost. Shift the minimum to 0 instead of clipping.",
)
def clips_negatives(tensor):
    x = np.clip(_array(tensor), 0, None)
    return (x / max(x.max(), 1e-8) * 255).astype(np.uint8)


@mistake(
    "filters.normalize_tensor",
    "inverted",
    check="check_linear",
    help="The picture is a negative: the minimum became 255 and the maximum 0. It should be the other way around.",
)
def inverted(tensor):
    x = _array(tensor)
    return ((x.max() - x) / max(x.max() - x.min(), 1e-8) * 255).astype(np.uint8)


@mistake(
    "filters.normalize_tensor",
    "each_channel_alone",
    check="check_whole_tensor",
    help="Every channel is scaled on its own, which changes the colors. Take one minimum and one maximum over the "
    "whole tensor.",
)
def each_channel_alone(tensor):
    x = _array(tensor)
    axes = (-2, -1) if x.ndim > 1 else None
    low, high = x.min(axis=axes, keepdims=True), x.max(axis=axes, keepdims=True)
    return ((x - low) / np.maximum(high - low, 1e-12) * 255).astype(np.uint8)


@mistake(
    "filters.normalize_tensor",
    "each_first_index_alone",
    check="check_whole_tensor",
    help="Every entry of the first dimension is scaled on its own. Take one minimum and one maximum over the whole "
    "tensor.",
)
def each_first_index_alone(tensor):
    x = _array(tensor)
    if x.ndim < 3:
        low, high = x.min(), x.max()
    else:
        axes = tuple(range(1, x.ndim))
        low, high = x.min(axis=axes, keepdims=True), x.max(axis=axes, keepdims=True)
    return ((x - low) / np.maximum(high - low, 1e-12) * 255).astype(np.uint8)


@mistake(
    "filters.normalize_tensor",
    "stays_float",
    check="check_type",
    help="The values are right, but they are floating point. An image for display is uint8: convert them at the end.",
)
def stays_float(tensor):
    x = _array(tensor)
    return (x - x.min()) / max(x.max() - x.min(), 1e-8) * 255


@mistake(
    "filters.normalize_tensor",
    "nan_when_constant",
    check="check_constant",
    help="Is the result nan where all weights are equal, since max - min is 0 there? Handle that case, or add a tiny "
    "number to the divisor.",
)
def nan_when_constant(tensor):
    x = _array(tensor)
    with np.errstate(invalid="ignore"):
        return (x - x.min()) / (x.max() - x.min()) * 255


@mistake(
    "filters.normalize_tensor",
    "changes_argument",
    check="check_argument_kept",
    help="The tensor that was passed in is different afterwards, and with it the network's weights. Work on a copy: "
    "`-=` and `sub_` change the original.",
)
def changes_argument(tensor):
    tensor -= tensor.min()
    x = _array(tensor)
    return (x / max(x.max(), 1e-8) * 255).astype(np.uint8)


layer_is_first = mistaken_value(
    "filters.OTHER_LAYER",
    "layer_is_first",
    "conv1",
    check="check_other_layer",
    help="conv1 is the first layer, which is shown already. Choose a convolution after it.",
)
layer_is_not_convolution = mistaken_value(
    "filters.OTHER_LAYER",
    "layer_is_not_convolution",
    "layer2.0",
    check="check_other_layer",
    help="That layer is not a convolution, so it has no filters of its own. Name a convolution, such as "
    "layer2.0.conv2.",
)
layer_is_parameter = mistaken_value(
    "filters.OTHER_LAYER",
    "layer_is_parameter",
    "layer2.0.conv2.weight",
    check="check_other_layer",
    help="That is the name of a parameter. Leave .weight off to name the layer.",
)
layer_in_brackets = mistaken_value(
    "filters.OTHER_LAYER",
    "layer_in_brackets",
    "layer2[0].conv2",
    check="check_other_layer",
    help="Write the index with a dot, as named_modules() does: layer2.0.conv2 instead of layer2[0].conv2.",
)
layer_with_prefix = mistaken_value(
    "filters.OTHER_LAYER",
    "layer_with_prefix",
    "model.layer2.0.conv2",
    check="check_other_layer",
    help="The name starts inside the network. Leave off what stands in front of it, such as `model.`.",
)
