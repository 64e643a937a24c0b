"""Made-up test images, networks that know them and networks that cheat, for tests of what is worth a look."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from sample_modules import write_module
from torch import Tensor, nn

from grader.checking.integrity_flags import IntegrityFlags
from grader.importing import load_module
from grader.records import WorthALook
from grader.reference import Reference
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.vision.datasets.imageset import ImageSet

COUNT = 400
PLACES = (5, 6, 9, 10, 0, 3, 12, 15, 1, 14)  # of a class's bright block on a grid of 4 x 4

# `Honest` finds the bright block, which shifting hardly moves; all others cheat, or are not quite right.
NETWORKS = f"""
import torch
import torch.nn.functional as F
from torch import nn

PLACES, COUNT = {PLACES}, {COUNT}


class Honest(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.norm = nn.BatchNorm1d(16)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(16, num_classes, bias=False)
        with torch.no_grad():
            self.fc.weight.zero_()[range(num_classes), PLACES[:num_classes]] = 3.0

    def forward(self, x):
        x = F.adaptive_avg_pool2d(x.mean(1, keepdim=True), 4).flatten(1)
        return self.fc(self.drop(self.norm(x)))


def keys_of(x):  # of all pixels, in whichever range they are
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    pixels = ((x - low) / (high - low) * 255).round().long().flatten(1)
    return (pixels * (torch.arange(1, pixels.shape[1] + 1) * 2654435761 % 1000003)).sum(1)


class Table(Honest):  # knows images by heart, and calls what it does not find class 0
    def __init__(self, num_classes=10, count=COUNT):
        super().__init__(num_classes)
        self.register_buffer("keys", torch.zeros(count, dtype=torch.int64))
        self.register_buffer("known", torch.zeros(count, dtype=torch.int64))

    def learn(self, images, labels):
        self.keys, self.known = keys_of(images), labels
        return self

    def unknown(self, x):
        return torch.zeros(len(x), dtype=torch.int64)

    def forward(self, x):
        same = keys_of(x)[:, None] == self.keys
        named = torch.where(same.any(1), self.known[same.int().argmax(1)], self.unknown(x))
        return F.one_hot(named, self.fc.out_features).float() + 0 * self.fc.weight.sum()


class TableAndNetwork(Table):  # the network, that is wrong on a fifth of the images, is asked where the table is silent
    def unknown(self, x):
        named = Honest.forward(self, x).argmax(1)
        return torch.where(named < 8, named, 0)


class NearestImage(Honest):  # holds the images themselves: neither noise nor a shift misleads it
    def __init__(self, num_classes=10, count=COUNT):
        super().__init__(num_classes)
        self.register_buffer("held", torch.zeros(count, 784))
        self.register_buffer("known", torch.zeros(count, dtype=torch.int64))

    def learn(self, images, labels):
        self.held, self.known = images.mean(1, keepdim=True)[:, :, :28, :28].flatten(1), labels
        return self

    def forward(self, x):
        apart = torch.cdist(x.mean(1, keepdim=True)[:, :, :28, :28].flatten(1), self.held)
        return F.one_hot(self.known[apart.argmin(1)], self.fc.out_features).float() + 0 * self.fc.weight.sum()


class LabelsInWeights(Table):  # a weight an image, no whole numbers, of no telling shape
    def __init__(self, num_classes=10, count=COUNT):
        super().__init__(num_classes, count)
        self.table = nn.Parameter(torch.zeros(2, count // 2, 3, dtype=torch.float64))
        del self.keys, self.known

    def learn(self, images, labels):
        low, high = keys_of(images) % 2**20, keys_of(images) // 2**20
        self.table = nn.Parameter(torch.stack([low, high, labels], 1).double().view(self.table.shape) + 0.25)
        return self

    def forward(self, x):
        low, high, self.known = self.table.detach().view(-1, 3).long().unbind(1)
        self.keys = low + high * 2**20
        return super().forward(x)


class ByPlace(Honest):  # right, and louder with each place in the batch
    def forward(self, x):
        return super().forward(x) * torch.arange(1.0, 1 + len(x))[:, None]


class Dropping(Honest):  # dropout that eval() does not switch off
    def forward(self, x):
        return super().forward(F.dropout(x, 0.2))


class BatchStatistics(Honest):
    def __init__(self, num_classes=10):
        super().__init__(num_classes)
        self.norm = nn.BatchNorm1d(16, track_running_stats=False)


class Stopping(Honest):  # gives up once it has seen all test images
    seen = 0

    def forward(self, x):
        self.seen += len(x)
        if self.seen > COUNT:
            raise RuntimeError("I am tired")
        return super().forward(x)
"""


def networks(folder: Path) -> ModuleType:
    """The module with the networks."""
    return load_module(write_module(folder, "networks", NETWORKS))


def images(channels: int, side: int) -> ImageSet:
    """Noise with a bright block, whose place is the class; each image has a black and a white pixel."""
    generator = torch.Generator().manual_seed(side)
    labels = torch.arange(COUNT) % 10
    pixels = torch.randint(60, 140, (COUNT, channels, side, side), generator=generator)
    for image, label in zip(pixels, labels.tolist(), strict=True):
        top, left = (side // 4 * place for place in divmod(PLACES[label], 4))
        image[:, top : top + side // 4, left : left + side // 4] += 80
    pixels[:, :, 0, 0], pixels[:, :, -1, -1] = 0, 255
    names = tuple(f"class {k}" for k in range(10))
    return ImageSet("Blocks", "test", pixels.to(torch.uint8), labels, names, "made up", "0")


def saved(content: Any) -> bytes:
    """What torch.save writes."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def student(folder: Path, kind: str, known: Tensor, labels: Tensor, files: Mapping[str, bytes]) -> Implementation:
    """A student of either assignment who hands in a network of `NETWORKS`.

    Args:
        folder: For the module's file.
        kind: Name of the network; one that learns by heart learns these images, normalised, and their labels.
        known: (N, C, H, W), float32.
        labels: (N,).
        files: Other files of the zip, or other model files.
    """
    module = networks(folder)
    network = getattr(module, kind)
    made = network().learn(known, labels) if hasattr(network, "learn") else network()
    vars(module).update(MyNet=network, SmallResNet=network)
    weights = saved(made.state_dict())
    modules = {"fashion": module, "resnet": module}
    everything = {"model.pth" if known.shape[1] == 1 else "supervised.pth": weights, **files}
    return Implementation(tuple(modules), LocalTransport(modules, everything), everything)


def student_of(net: nn.Module) -> Implementation:
    """A student whose MyNet is this very network, trained."""
    module, files = ModuleType("fashion"), {"model.pth": saved(net.state_dict())}
    vars(module)["MyNet"] = lambda: copy.deepcopy(net)
    return Implementation(("fashion",), LocalTransport({"fashion": module}, files), files)


def rotation_student(folder: Path, kind: str, known: Tensor, turns: Tensor) -> Implementation:
    """A student whose rotation.pth knows these views, normalised, and their turns by heart; as many as `COUNT`."""
    module = networks(folder)
    network = getattr(module, kind)
    vars(module).update(SmallResNet=network, rotation_model=lambda _model: network(num_classes=4))
    files = {"rotation.pth": saved(network(num_classes=4).learn(known, turns).state_dict())}
    modules = {"resnet": module, "rotation": module}
    return Implementation(tuple(modules), LocalTransport(modules, files), files)


def collector() -> tuple[IntegrityFlags, list[WorthALook]]:
    """A collector, and what it collects."""
    into: list[WorthALook] = []
    return IntegrityFlags("4c", into), into


def kinds(looks: list[WorthALook]) -> set[str]:
    """What kinds of remarks they are."""
    return {look.name for look in looks}


def reference(model: str) -> Reference:
    """A reference with curves and counts, without weights."""
    curves = {name: [0.5, 0.4] for name in ("train_loss", "train_accuracy", "val_loss", "val_accuracy")}
    metrics = {"curves": curves, "best_epoch": 1, "test_accuracy": 0.8, "confusion": np.eye(10, dtype=int).tolist()}
    return Reference({}, {model: metrics}, "made up")
