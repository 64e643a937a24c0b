"""Implementations, images and networks for the tests of tasks 3, 3.2 and 3.3."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from grader.records import Exhibit
from grader.reference import Reference
from grader.rubric import PROJECT
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import load_module
from grader.vision.datasets.imageset import ImageSet
from solutions.two_networks.checks.pictures import Pictures

FOLDER = PROJECT / "solutions" / "two_networks"
Function = Callable[..., Any]


@functools.cache
def weights(classes: int) -> dict[str, torch.Tensor]:
    """The state dict of an untrained network."""
    torch.manual_seed(classes)
    return dict(load_module(FOLDER / "resnet.py").SmallResNet(num_classes=classes).state_dict())


def saved(content: Any) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def implement(files: dict[str, bytes] | None = None, **replaced: Any) -> Implementation:
    """The solutions with other files and some names of `rotation` replaced; `SmallResNet` is one of `resnet`."""
    modules = {name: load_module(FOLDER / f"{name}.py") for name in ("resnet", "rotation")}
    for name, value in replaced.items():
        setattr(modules["resnet" if name == "SmallResNet" else "rotation"], name, value)
    files = {"rotation.pth": saved(weights(4))} if files is None else files
    return Implementation(("resnet", "rotation"), LocalTransport(modules, files), files)


ODD: list[Any] = [None, 3, "turned", (), (1, 2, 3), {"rotated": 1}, (None, None), ([], []), (np.zeros(0), np.zeros(0))]


def answers(value: Any) -> Function:
    """A function that gives this whatever it is asked."""
    return lambda *_arguments: value


def pictures(*, is_cifar: bool) -> Pictures:
    """Forty random images whose upper left quarter is brighter than the rest."""
    pixels = torch.randint(128, (40, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    pixels[:, :, :16, :16] += torch.arange(20, 100, 2, dtype=torch.uint8)[:, None, None, None]
    data = ImageSet("Noise", "test", pixels, torch.zeros(40, dtype=torch.int64), ("noise",), "made up", "0")
    return Pictures(data, data, is_cifar, "" if is_cifar else "Drawn with noise.")


def looks_for_bright_quarter(labels: tuple[int, ...]) -> nn.Module:
    """A network that tells the turns of `pictures` without error; `labels` of 0 to 3 turns counter-clockwise."""
    net = nn.Sequential(nn.AvgPool2d(16), nn.Flatten(), nn.Linear(12, 4))
    weight, bias = torch.zeros(4, 12), torch.full((4,), -1e3)
    bias[list(labels)] = 0
    for turns, quarter in enumerate((0, 2, 3, 1)):  # upper left, lower left, lower right, upper right
        weight[labels[turns], quarter] = 5
    net.load_state_dict({"2.weight": weight, "2.bias": bias})
    return net


def tells_turns_by(net: nn.Module) -> Implementation:
    """A student whose rotation.pth is such a network, as one of `looks_for_bright_quarter`."""
    return implement({"rotation.pth": saved(net)}, rotation_model=lambda _model: looks_for_bright_quarter((0, 1, 2, 3)))


def metrics() -> dict[str, Any]:
    """Of a reference network."""
    curves = {name: [0.5, 0.4] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy")}
    return {"curves": curves, "best_epoch": 1, "test_accuracy": 0.8}


def make_reference() -> Reference:
    """Reference networks that are untrained."""
    nets = {f"{network}{kind}": weights(4) for network in ("rotation", "supervised") for kind in ("", "_stand_in")}
    return Reference(nets, {"rotation": metrics()}, "made up")


def lay_out_into(laid_out: list[Exhibit]) -> Function:
    """Stands for the fixture `exhibit` of the checks; keeps what is laid out in a list."""

    def lay_out(kind: str, name: str, caption: str, arrays: Any = None, facts: Any = None) -> None:
        laid_out.append(Exhibit("3", kind, name, caption, dict(arrays or {}), dict(facts or {})))

    return lay_out
