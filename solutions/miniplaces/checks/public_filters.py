"""Public checks of `filters.py`: tasks 1a and 1b."""

from __future__ import annotations

import functools

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    Implementation,
    LayOut,
    as_drawn,
    check,
    expect,
    expect_close,
    expect_finite,
    expect_shape,
    make,
    numbers,
)


@check("1a", weight=2)
def check_range(student: Implementation, rng: Generator) -> None:
    """The smallest weight becomes 0 and the largest 255, whatever their signs."""
    for low, high in ((-0.3, 0.2), (0.1, 0.9), (-8.0, -2.0), (-400.0, 900.0)):
        weights = rng.uniform(low, high, size=(7, 7)).astype(np.float32)
        image = numbers(student.filters.normalize_tensor(torch.from_numpy(weights)))
        expect_shape(image, weights.shape)
        expect_finite(image, what="grey values", expected="0 to 255")
        ends = f"{float(image.min()):.4g} to {float(image.max()):.4g}"
        expect(
            image.min() == 0 and image.max() in (254, 255),  # truncating may leave 254.99... at 254
            f"Weights from {weights.min():.3g} to {weights.max():.3g} do not fill the range of an image.",
            expected="0 to 255",
            got=ends,
        )
        smallest, largest = (float(image.reshape(-1)[place]) for place in (weights.argmin(), weights.argmax()))
        expect(
            smallest == image.min() and largest == image.max(),
            "The ends of the range are not where the smallest and the largest weight are.",
            expected="0 for the smallest weight, 255 for the largest",
            got=f"{smallest:.4g} for the smallest weight, {largest:.4g} for the largest",
        )


@check("1a", weight=2)
def check_linear(student: Implementation, oracle: Implementation, rng: Generator, exhibit: LayOut) -> None:
    """Between the ends, equal steps of the weight are equal steps of gray."""
    weights = np.sort(rng.normal(scale=0.1, size=64)).astype(np.float32)
    answer = numbers(oracle.filters.normalize_tensor(torch.from_numpy(weights)))
    image = numbers(student.filters.normalize_tensor(torch.from_numpy(weights)))
    expect_shape(image, weights.shape)
    outputs = {"student_output": as_drawn(image), "reference_output": as_drawn(answer)}
    exhibit("ramp", "ramp", "Gray value of each of 64 sorted weights.", {"student_input": weights, **outputs})
    expect_close(image, answer, within=1, what="gray values")


def _few_weights(rng: Generator) -> Array:
    """A filter (6, 6) of four different weights, each at nine places."""
    weights: Array = rng.permutation(np.repeat(rng.normal(size=4), 9)).reshape(6, 6).astype(np.float32)
    return weights


def _expect_picture_of(weights: Array, image: Array) -> None:
    """Expect that gray values follow the weights, rightly or not: a fact about any image counts for no work."""
    expect_shape(image, weights.shape)
    is_input = np.array_equal(image.reshape(weights.shape), weights)
    expect(not is_input, "The weights came back as they were.", expected="gray values", got=image)
    values = [np.unique(image.reshape(weights.shape)[weights == weight]) for weight in np.unique(weights)]
    expect(
        all(len(found) == 1 for found in values) and len({float(found[0]) for found in values}) > 1,
        "The gray values do not follow the weights.",
        expected="one gray value for each weight, wherever it stands",
        got=image,
    )


@check("1a")
def check_type(student: Implementation, rng: Generator) -> None:
    """The result holds whole gray values as uint8, for tensors and for numpy arrays."""
    weights = _few_weights(rng)
    for given in (torch.from_numpy(weights), weights, weights.astype(np.float64)):
        image = numbers(student.filters.normalize_tensor(given))
        expect(
            image.dtype == np.uint8,
            f"The image of a {'numpy array' if isinstance(given, np.ndarray) else 'tensor'} has the wrong type.",
            expected="uint8",
            got=str(image.dtype),
        )
        _expect_picture_of(weights, image)


@check("1a", after=("check_linear",))
def check_constant(student: Implementation, rng: Generator) -> None:
    """Weights that are all the same give one finite gray value, not a division by zero."""
    for value in (0.0, float(rng.uniform(0.1, 1)), float(rng.uniform(-4, -2))):
        shape = tuple(rng.integers(3, 8, size=2).tolist())
        image = numbers(student.filters.normalize_tensor(torch.full(shape, value)))
        expect_shape(image, shape)
        expect(
            bool(np.isfinite(image).all()) and bool((image == image.reshape(-1)[0]).all()),
            f"Weights that are all {value:g} do not give one finite gray value.",
            expected="the same finite gray value everywhere",
            got=image,
        )


@check("1a")
def check_argument_kept(student: Implementation, rng: Generator) -> None:
    """The weights that were passed in stay as they were."""
    weights = _few_weights(rng)
    given = student.make(make("torch.as_tensor", torch.from_numpy(weights)))
    _expect_picture_of(weights, numbers(student.filters.normalize_tensor(given)))
    expect_close(numbers(given.clone()), weights, within=0, what="weights after the call")


@functools.cache
def _convolutions() -> dict[str, tuple[str, ...]]:
    """Dotted names in torchvision's ResNet-50: its convolutions, its other modules, its parameters."""
    from torchvision.models import resnet50  # takes a second: only when asked for

    with torch.device("meta"):  # names without weights
        network = resnet50()
    modules = dict(network.named_modules())
    return {
        "convolutions": tuple(name for name, module in modules.items() if isinstance(module, torch.nn.Conv2d)),
        "others": tuple(name for name, module in modules.items() if not isinstance(module, torch.nn.Conv2d)),
        "parameters": tuple(name for name, _ in network.named_parameters()),
    }


@check(
    "1b",
    help="`[name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]` lists them.",
)
def check_other_layer(student: Implementation) -> None:
    """OTHER_LAYER names a convolution of ResNet-50 other than the first."""
    name = student.filters.OTHER_LAYER.value()
    expect(isinstance(name, str), "OTHER_LAYER must be a string.", expected="a dotted name", got=name)
    expect(name.strip() != "", "OTHER_LAYER is still empty.", expected="a dotted name", got="''")
    names = _convolutions()
    mistake = None
    if name == "conv1":
        mistake = "filters.layer_is_first"
    elif name.removesuffix(".weight").removesuffix(".bias") in names["convolutions"] and name in names["parameters"]:
        mistake = "filters.layer_is_parameter"
    elif "[" in name:
        mistake = "filters.layer_in_brackets"
    elif name in names["others"]:
        mistake = "filters.layer_is_not_convolution"
    elif any(name.endswith(f".{known}") for known in names["convolutions"]):
        mistake = "filters.layer_with_prefix"
    expect(
        name in names["convolutions"] and name != "conv1",
        "OTHER_LAYER does not name a convolution of ResNet-50 other than conv1.",
        expected="the dotted name of a convolution after conv1, as named_modules() lists it",
        got=repr(name[:80]),
        mistake=mistake,
    )
