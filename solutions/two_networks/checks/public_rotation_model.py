"""Public checks of `rotation_model`, task 3: the given network's architecture, with four classes in place of ten.

The network that it is given is the student's own `SmallResNet`, so that a new one of that class is right as well;
torchvision's where the own one can't be used, or where `rotation_model` stumbles over it: what is wrong with the
network is judged by task 1.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    CheckStopped,
    Failure,
    Function,
    Handle,
    Implementation,
    Recipe,
    StudentRaised,
    check,
    expect,
    expect_finite,
    expect_shape,
    make,
    numbers,
    summarise,
)
from solutions.two_networks.checks.silencing import depends_on, matrices_of, wake_weights

CLASSES, TURNS = 10, 4
IMAGES = torch.linspace(-1, 1, 2 * 3 * 32 * 32).view(2, 3, 32, 32)
NO_NETWORK = ("NoneType", "tuple", "list", "int", "float", "str", "type", "dict", "Tensor")


@dataclass(frozen=True)
class _Made:
    """What `rotation_model` made of a network: tensors of parameters before, by size, and how many were frozen then."""

    net: Handle
    before: Counter[int]
    frozen_before: int


@check("3", weight=2)
def check_four_logits(student: Implementation, rng: Generator) -> None:
    """rotation_model gives a network that makes four logits of each image."""
    made = make_network(student, is_asked=True)
    answer = _logits(made.net, IMAGES)
    mistake = "rotation.keeps_ten_classes" if answer.size == len(IMAGES) * CLASSES else None
    expect(
        answer.size == len(IMAGES) * TURNS,
        "The network must give four logits for each image.",
        expected=f"shape ({len(IMAGES)}, {TURNS})",
        got=f"shape {answer.shape}",
        mistake=mistake,
    )
    expect_shape(answer, (len(IMAGES), TURNS))
    expect_finite(answer, what="logits")
    expect(
        not _are_probabilities(answer),
        "The network gives probabilities: positive numbers whose sum is 1.",
        expected="logits, of any sign",
        got=summarise(answer),
        mistake="rotation.model_with_softmax",
    )
    expect(
        _follows_images(made.net, rng),
        "The logits are not what the network's weights make of the images.",
        expected="logits that follow the images, and differ otherwise between images while all weights are 0",
        got=answer,
    )


def _follows_images(net: Handle, rng: Generator) -> bool:
    wake_weights(net)
    return depends_on(matrices_of(net), lambda images: _logits(net, images).reshape(len(images), -1), rng)


def make_network(student: Implementation, *, is_asked: bool = False) -> _Made:
    """Call `rotation_model`; with another network where the student's own can't be used or makes it raise.

    A network that is asked about images must make its logits of them.
    """
    given = _own_network(student)
    if given is not None:
        given.eval()
    if is_asked and given is not None and not _follows_images(given, np.random.default_rng(0)):
        given = None
    if given is not None:
        try:
            return _call(student, given)
        except StudentRaised as error:
            if error.not_started:
                raise
    return _call(student, student.make(make("torchvision.models.resnet18", num_classes=CLASSES)))


def _own_network(student: Implementation) -> Handle | None:
    """A student's `SmallResNet()`, if it works as such."""
    try:
        net: Handle = student.resnet.SmallResNet.with_options(keep=True)()
        answer = _logits(net, IMAGES)
        expect_shape(answer, (len(IMAGES), CLASSES))
    except CheckStopped:
        return None
    return net if np.isfinite(answer).all() and not _are_probabilities(answer) else None


def _call(student: Implementation, given: Handle) -> _Made:
    before = Counter(of_parameters(student, given, make("operator.methodcaller", "numel")))
    frozen = count_frozen(student, given)
    net: Handle = student.rotation.rotation_model.with_options(keep=True)(given)
    if net.kind in NO_NETWORK:
        raise Failure(
            "rotation_model did not return a network.",
            expected="a network with four logits",
            got=summarise(net),
            mistake="rotation.returns_no_model" if net.kind == "NoneType" else None,
        )
    net.eval()
    return _Made(net, before, frozen)


def _logits(net: Handle, images: torch.Tensor) -> np.ndarray[Any, Any]:
    """What a network answers; recorded by its shape only, for the weights are random."""
    call = Function(net.owner, {"object": net.id}, net.kind).with_options(no_grad=True, canonical=np.shape)
    return numbers(call(images))


def _are_probabilities(answer: np.ndarray[Any, Any]) -> bool:
    sums = answer.astype(np.float64).reshape(len(IMAGES), -1).sum(axis=1)
    return bool((answer >= 0).all() and np.allclose(sums, 1, atol=1e-3))


def count_frozen(student: Implementation, net: Handle) -> int:
    """How many of a network's parameter tensors are frozen."""
    return of_parameters(student, net, make("operator.attrgetter", "requires_grad")).count(0)


def of_parameters(student: Implementation, net: Handle, what: Recipe) -> list[int]:
    """One number for each of a network's tensors of parameters; they stay where they are, for they may be large."""
    listed = student.make(make("builtins.list", make("builtins.map", what, net.parameters())))
    call = listed.copy.with_options(canonical=lambda _value: None)
    values = numbers(call())
    return [int(value) for value in values.reshape(-1)]
