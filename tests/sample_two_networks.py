"""Implementations, networks and pictures for the tests of tasks 4.1 to 4.4."""

from __future__ import annotations

import copy
import functools
import io
import itertools
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from grader.errors import CheckStopped, Failure
from grader.importing import load_module
from grader.reference import Reference
from grader.rubric import PROJECT
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.vision.datasets.imageset import ImageSet
from solutions.two_networks.checks.pictures import Pictures

FOLDER = PROJECT / "solutions" / "two_networks"
MODULES = ("resnet", "rotation", "visualize", "embedding", "neighbours")
NAN = np.full((2, 2), np.nan)
ODD: list[Any] = [
    None,
    "a string",
    [],
    [[1, 2], [3]],
    np.zeros(0),
    NAN,
    torch.tensor(3),
    object(),
    1,
    np.full(9, 1e300),
]

Check = Callable[..., None]


@functools.cache
def weights(classes: int) -> dict[str, Tensor]:
    """The state dict of an untrained network of the solutions."""
    torch.manual_seed(classes)
    return dict(load_module(FOLDER / "resnet.py").SmallResNet(num_classes=classes).state_dict())


def model_files() -> dict[str, bytes]:
    """Both networks as a student hands them in."""
    files = {}
    for name, classes in (("supervised.pth", 10), ("rotation.pth", 4)):
        buffer = io.BytesIO()
        torch.save(weights(classes), buffer)
        files[name] = buffer.getvalue()
    return files


def implement(files: dict[str, bytes] | None = None, **replaced: Any) -> Implementation:
    """The solutions with some files, and names of any module replaced: `implement(LAYERS=..., embed_2d=...)`."""
    modules: dict[str, ModuleType] = {name: load_module(FOLDER / f"{name}.py") for name in MODULES}
    for name, value in replaced.items():
        setattr(next(module for module in modules.values() if hasattr(module, name)), name, value)
    return Implementation(MODULES, LocalTransport(modules, files or {}), files or {})


def mistake_of(check: Check, *arguments: Any) -> str | None:
    """The mistake that a check names when it fails."""
    with pytest.raises(Failure) as failure:
        check(*arguments)
    return failure.value.mistake


def expect_odd_fails(checks: Iterable[Check], name: str) -> None:
    """Whatever a function returns, its checks pass or stop with a sentence for the student, and not all pass."""
    for odd in ODD:
        stopped = 0
        for check in checks:
            replaced: dict[str, Any] = {name: lambda *_args, _odd=odd, **_options: _odd}
            who = implement(None, **replaced)
            arguments = [np.random.default_rng(11)] if "rng" in check.__annotations__ else []
            try:
                check(who, *arguments)
            except CheckStopped:
                stopped += 1
        assert stopped, f"{odd!r} passes"


LAZY: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda _answer: None,
    "empty": lambda answer: answer[:0],
    "zeros": lambda answer: np.zeros_like(answer),
    "ones": lambda answer: np.ones_like(answer),
    "random": lambda answer: np.random.default_rng(0).random(answer.shape).astype(answer.dtype),
    "whole numbers": lambda answer: np.random.default_rng(0).integers(0, 10, answer.shape),
}


def expect_lazy_fails(checks: Iterable[Check], name: str, right: Callable[..., Any], **others: Any) -> None:
    """No check passes for a function that looks at the shape of the right answer alone, or that returns its input."""
    lazy: list[Callable[..., Any]] = [
        lambda *args, _make=make, **options: _make(np.asarray(right(*copy.deepcopy(args), **options)))
        for make in LAZY.values()
    ]
    for check, function in itertools.product(checks, [*lazy, lambda first, *_rest, **_options: first]):
        with pytest.raises(CheckStopped):
            check(implement(None, **{name: function}, **others), np.random.default_rng(3))


def expect_replay_fails(
    run: Callable[[Implementation, int], object], name: str, right: Callable[..., Any], **others: Any
) -> None:
    """Right answers under one seed are none under another: `run(student, seed)` passes first and is stopped then."""
    answers: list[Any] = []

    def record(*args: Any, **options: Any) -> Any:
        answers.append(right(*args, **options))
        return answers[-1]

    run(implement(None, **{name: record}, **others), 1)
    again = iter(answers)
    with pytest.raises(CheckStopped):
        run(implement(None, **{name: lambda *_args, **_options: next(again)}, **others), 2)


def solved(name: str) -> Any:
    """What the solutions have by a name."""
    modules = (load_module(FOLDER / f"{module}.py") for module in MODULES)
    return next(vars(module)[name] for module in modules if name in vars(module))


def reference() -> Reference:
    """Untrained reference networks, of pictures and of their stand-in."""
    trained = {"supervised": weights(10), "rotation": weights(4)}
    trained |= {f"{name}_stand_in": value for name, value in trained.items()}
    return Reference(trained, {name: {"test_accuracy": 0.5} for name in trained}, "made up")


def pictures(*, is_cifar: bool) -> Pictures:
    """Forty random test images of ten classes, and a bank of thirty."""
    generator = torch.Generator().manual_seed(1)
    names = tuple(f"class {k}" for k in range(10))

    def split(count: int) -> ImageSet:
        pixels = torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
        return ImageSet("Noise", "test", pixels, torch.arange(count) % 10, names, "made up", str(count))

    return Pictures(split(40), split(30), is_cifar, "" if is_cifar else "Drawn with noise.")


class Reordered(nn.Module):
    """A network whose last convolution is listed first, and whose first is a part of a part."""

    def __init__(self, num_classes: int = 10) -> None:
        """Build it."""
        super().__init__()
        self.late = nn.Conv2d(6, 8, 3, padding=1)
        self.stem = nn.Sequential(nn.BatchNorm2d(3), nn.Sequential(nn.Conv2d(3, 6, 3)))
        self.fc = nn.Linear(8, num_classes)

    def feature_maps(self, x: Tensor) -> Tensor:
        """The last maps."""
        maps: Tensor = self.late(self.stem(x))
        return maps

    def features(self, x: Tensor) -> Tensor:
        """Their averages."""
        return self.feature_maps(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.fc(self.features(x))
        return logits


class WrongFeatures(Reordered):
    """Its `features` are not what `fc` receives."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        logits: Tensor = self.fc(self.feature_maps(x).amax(dim=(2, 3)))
        return logits


class WithDropout(Reordered):
    """Another architecture, with dropout and no batch norm behind it."""

    def features(self, x: Tensor) -> Tensor:
        """Averages, half of them dropped in training."""
        return F.dropout(super().features(x), 0.5, self.training)


class Raises(Reordered):
    """Its `features` raise."""

    def features(self, x: Tensor) -> Tensor:
        """Fail."""
        raise RuntimeError("no features")
