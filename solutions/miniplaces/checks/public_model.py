"""Public checks of task 4c: the optimizer, and the trained network in `model.pth`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from grader.author import (
    Array,
    Failure,
    Implementation,
    StudentRaised,
    check,
    expect,
    expect_finite,
    expect_shape,
    make,
    numbers,
    summarise,
)
from grader.vision.probe_networks import network


@check("4c")
def check_all_parameters(student: Implementation, rng: Generator) -> None:
    """The optimizer holds every parameter of the network, and a step moves them all."""
    step = _step(student, _small_network(rng), lr=float(rng.uniform(0.01, 0.05)))
    listed = [group.get("params") for group in step.groups]
    held, count = sum(len(each) for each in listed if isinstance(each, list | tuple)), len(step.moved)
    expect(held == count, f"The optimizer holds {held} of {count} parameters.", expected=str(count), got=str(held))
    left = step.moved.count(0)
    expect(
        not left,
        f"A step of the optimizer leaves {left} of {count} parameters as they were.",
        expected="0",
        got=str(left),
    )


@check("4c", after=("check_all_parameters",))
def check_learning_rate(student: Implementation, rng: Generator) -> None:
    """The optimizer uses the learning rate that it is given."""
    weights, lr = _small_network(rng), float(rng.uniform(0.004, 0.008))
    rates, lengths = (lr, lr * float(rng.uniform(3, 5))), []
    for rate in rates:
        step = _step(student, weights, rate)
        given = [group.get("lr") for group in step.groups]
        given = [each.item() if isinstance(each, np.ndarray) and each.size == 1 else each for each in given]
        found = [float(each) for each in given if isinstance(each, int | float)]
        expect(
            any(abs(each - rate) < 1e-6 * rate for each in found),
            "No group of parameters has the learning rate that was passed in.",
            expected=f"lr = {rate:g}",
            got=", ".join(f"lr = {each:g}" for each in found[:5]) or "no learning rate",
        )
        lengths.append(max(step.moved))
    expect(
        lengths[1] > 1.5 * lengths[0],
        "With a larger learning rate, the first step is not longer.",
        expected=f"a step {rates[1] / rates[0]:.1f} times as long",
        got=f"lengths of {lengths[0]:.3g} and {lengths[1]:.3g}",
    )


@dataclass(frozen=True)
class _Step:
    """What one step of a student's optimizer does.

    Attributes:
        groups: Of parameters, as its `state_dict()` has them.
        moved: How far each parameter was moved at most.
    """

    groups: list[dict[str, Any]]
    moved: list[float]


def _small_network(rng: Generator) -> list[torch.Tensor]:
    """Weight and bias of each layer of a small perceptron, 3 to 5 layers."""
    sizes = rng.integers(4, 10, size=int(rng.integers(4, 7))).tolist()
    shapes = [shape for each in zip(sizes[1:], sizes, strict=False) for shape in (each, each[:1])]
    return [torch.from_numpy(rng.normal(0, 0.5, shape).astype(np.float32)) for shape in shapes]


def _step(student: Implementation, weights: Sequence[torch.Tensor], lr: float) -> _Step:
    """Create the student's optimizer over a small network, and make a step along a gradient."""
    layers = [make("torch.nn.Linear", each.shape[1], each.shape[0]) for each in weights[::2]]
    net = network(student, *(part for layer in layers for part in (layer, make("torch.nn.Tanh"))))
    names = [f"{2 * (place // 2)}.{('weight', 'bias')[place % 2]}" for place in range(len(weights))]
    net.load_state_dict(dict(zip(names, weights, strict=True)))
    optimizer = student.fashion.create_optimizer.with_options(keep=True)(net, lr)
    if optimizer.kind in ("type", "NoneType", "str"):
        raise Failure("create_optimizer did not return an optimizer.", got=summarise(optimizer))
    state = optimizer.state_dict()
    found = state.get("param_groups") if isinstance(state, dict) else None
    groups = list(found) if isinstance(found, list | tuple) else []
    expect(
        bool(groups) and all(isinstance(group, dict) for group in groups),
        "The state_dict() of what create_optimizer returned is not an optimizer's.",
        expected="param_groups, as every optimizer of torch.optim has",
        got=state,
    )
    logits = make("operator.call", net, torch.ones(2, weights[0].shape[1]))
    student.make(make("torch.Tensor.backward", make("torch.sum", logits)))
    make_step = optimizer.step.with_options(keep=True)
    try:
        make_step()
    except StudentRaised:  # LBFGS wants a function that computes the loss again: here it stays as it is
        make_step(make("builtins.getattr", torch.ones(1), "clone"))
    state = net.state_dict()
    return _Step(groups, [_distance(numbers(state[name]), sent) for name, sent in zip(names, weights, strict=True)])


def _distance(after: Array, sent: torch.Tensor) -> float:
    """How far the furthest number of a parameter was moved."""
    expect_shape(after, tuple(sent.shape))
    expect_finite(after, what="parameters after a step")
    return float(np.abs(after.reshape(sent.shape) - sent.numpy()).max())
