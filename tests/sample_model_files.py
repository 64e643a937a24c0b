"""A small network, and files as students save them: builders, no state."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from grader.sandbox.student import Handle, Implementation
from grader.sandbox.transport import LocalTransport
from grader.vision.model_files import load_weights

FILE = "model.pth"


class Net(nn.Module):
    """(N, 1, H, W) to (N, classes)."""

    def __init__(self, classes: int = 10) -> None:
        """Build it."""
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4))
        self.fc = nn.Linear(4, classes)

    def forward(self, images: Tensor) -> Any:
        """Give logits."""
        return self.fc(self.features(images).mean((2, 3)))


class Within(nn.Module):
    """A network with another in it, under the name of a usual wrapper."""

    def __init__(self, name: str) -> None:
        """Build it."""
        super().__init__()
        self.add_module(name, Net())

    def forward(self, images: Tensor) -> Any:
        """Give logits."""
        return next(self.children())(images)


def trained(make: Callable[[], nn.Module] = Net) -> nn.Module:
    """A network whose every number, batch norm's too, is its own."""
    net = make()
    for place, value in enumerate(net.state_dict().values()):
        value.copy_(torch.arange(value.numel()).reshape(value.shape) / 8 + place)
    return net.eval()


def below(prefix: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """The same with a prefix before each name."""
    return {prefix + name: value for name, value in state.items()}


def saved(value: Any, **options: Any) -> bytes:
    """What `torch.save` writes."""
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def as_if_in(name: str, write: Callable[[], bytes]) -> bytes:
    """What is written while the classes above are those of a module of another name, which is gone afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        module = sys.modules["__main__"] if name == "__main__" else ModuleType(name)
        patch.setitem(sys.modules, name.partition(".")[0], module)
        patch.setitem(sys.modules, name, module)
        for kind in (Net, Within):
            patch.setattr(kind, "__module__", name)
            patch.setattr(module, kind.__name__, kind, raising=False)
        return write()


def holder(data: bytes | None, net: Callable[[], nn.Module] = Net) -> Implementation:
    """A student with a module of the network and with this file."""
    module = ModuleType("fashion")
    vars(module).update(Net=Net, Within=Within, make=net)
    files = {} if data is None else {FILE: data}
    return Implementation(("fashion",), LocalTransport({"fashion": module}, files), files)


def load(who: Implementation) -> Handle:
    """Load the file as the check of 4c does."""
    net = who.fashion.make.with_options(keep=True)()
    return load_weights(who, FILE, "fashion", net, maker="MyNet()", mistakes="fashion")
