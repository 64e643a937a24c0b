"""Task 2.2: only training trains, only measuring measures; inputs and answers are other ones for each submission."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from grader.errors import CheckStopped
from grader.importing import load_module
from grader.rubric import PROJECT
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from solutions.two_networks.checks.check_training import check_learns, check_measured_accuracy, check_measured_loss
from solutions.two_networks.checks.check_weights import _histories, check_best_epoch
from solutions.two_networks.checks.public_training import check_step_per_batch

supervised = load_module(PROJECT / "solutions" / "two_networks" / "supervised.py")
Function = Callable[..., Any]


def implement(**functions: Any) -> Implementation:
    """The solutions' supervised.py with functions replaced."""
    module = ModuleType("supervised")
    vars(module).update(vars(supervised) | functions)
    return Implementation(("supervised",), LocalTransport({"supervised": module}, {}))


def run(check: Function, who: Implementation, seed: int = 0) -> None:
    """Run a check with inputs of a seed."""
    check(who, rng=np.random.default_rng(seed))


def learns_by_heart(model: Any, loader: Any, _optimizer: Any) -> tuple[float, float]:
    """Replace the forward pass by a memory of the images that were seen."""
    batches = list(loader)
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    known = {image.numpy().tobytes(): label for image, label in zip(images, labels, strict=True)}

    def forward(x: Any) -> Any:
        found = torch.stack([known.get(image.numpy().tobytes(), torch.tensor(0)) for image in x])
        return 9 * torch.nn.functional.one_hot(found, 10).float()

    model.forward = forward
    return 0.0, 1.0


def claims_steps(model: Any, _loader: Any, optimizer: Any) -> tuple[float, float]:
    """Write into the optimizer that it has made steps."""
    for parameter in model.parameters():
        optimizer.state[parameter]["step"] = torch.tensor(3.0)
    return 0.7, 0.8


@pytest.mark.parametrize("train", [learns_by_heart, claims_steps, lambda *_: (0.3, 0.9), lambda *_: None])
@pytest.mark.parametrize("check", [check_learns, check_step_per_batch])
def test_no_training(check: Function, train: Function) -> None:
    """A train_epoch that leaves the weights alone earns nothing, whatever else it changes or returns."""
    with pytest.raises(CheckStopped):
        run(check, implement(train_epoch=train))
    run(check, implement())


def recorded(function: Function) -> tuple[Function, Function]:
    """A function that notes the answers of another one, and one that plays them back."""
    answers: list[Any] = []

    def note(*args: Any) -> Any:
        answers.append(function(*args))
        return answers[-1]

    def replay() -> Iterator[Any]:
        while True:
            yield from answers

    playing = replay()
    return note, lambda *_args: next(playing)


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("evaluate", check_measured_accuracy),
        ("evaluate", check_measured_loss),
        ("best_epoch", check_best_epoch),
    ],
)
def test_recorded_answers(name: str, check: Function) -> None:
    """Answers that were right for one submission are wrong for the next."""
    note, replay = recorded(getattr(supervised, name))
    run(check, implement(**{name: note}), seed=1)
    run(check, implement(**{name: replay}), seed=1)
    with pytest.raises(CheckStopped):
        run(check, implement(**{name: replay}), seed=2)


@pytest.mark.parametrize("seed", range(20))
def test_histories_tell_rules_apart(seed: int) -> None:
    """Each wrong rule chooses another epoch of the first curves than the right rules and than each other."""
    first = _histories(np.random.default_rng(seed))[0]
    gaps = [abs(a - b) for a, b in zip(first["train_loss"], first["val_loss"], strict=True)]
    best = int(np.argmax(first["val_accuracy"]))
    assert best == np.argmin(first["val_loss"])
    others = [np.argmin(gaps), np.argmin(first["train_loss"]), np.argmax(first["train_accuracy"])]
    others += [np.argmax(first["val_loss"]), np.argmin(first["val_accuracy"])]
    chosen = [best, best + 1, len(gaps) - 1, *map(int, others)]
    assert len({*chosen}) == len(chosen)
