"""The network that a student's `penultimate_features` is tried on, and what its last layer receives.

It is the student's own `SmallResNet`, which the function may know by heart; one of ours where that one does not work:
what is wrong with it is judged by task 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grader.checks.compare import numbers
from grader.errors import CheckStopped
from grader.records import Array
from grader.sandbox.calls import make
from grader.sandbox.student import Function, Handle, Implementation

CLASSES, TURNS = 10, 4
NEAR = 1e-3  # how far two ways of computing the same features may differ, relative to the largest
TRIED = torch.linspace(-1, 1, 3 * 3 * 32 * 32).view(3, 3, 32, 32).sin()


@dataclass(frozen=True)
class Subject:
    """A network, and a copy of it without its last layer, both made on the student's side.

    Attributes:
        net: With `fc`, `feature_maps` and `features`.
        bare: The copy, whose answer is what `fc` receives.
    """

    net: Handle
    bare: Handle

    def received(self, images: Tensor, *, training: bool = False) -> Array:
        """What `fc` receives, (N, D), in evaluation mode unless told otherwise; leaves both networks as they are."""
        bare = self.bare.owner.make(make("copy.deepcopy", self.bare)) if training else self.bare
        bare.train(training)
        return _ask(bare, images).reshape(len(images), -1)


def make_subject(student: Implementation, classes: int = CLASSES) -> Subject:
    """The student's own untrained network with a classifier of so many classes, in evaluation mode, or ours."""
    try:
        subject = _with_bare(student, student.resnet.SmallResNet.with_options(keep=True)())
        if not _works(subject):
            subject = _with_bare(student, _our_network(student))
    except CheckStopped:
        subject = _with_bare(student, _our_network(student))
    if classes != CLASSES:
        wide = subject.received(TRIED[:1]).shape[1]
        student.make(make("builtins.setattr", subject.net, "fc", make("torch.nn.Linear", wide, classes)))
    return subject


def _with_bare(student: Implementation, net: Handle) -> Subject:
    net.eval()
    _ask(net, TRIED)  # lazy layers make their weights now
    bare = student.make(make("copy.deepcopy", net))
    student.make(make("builtins.setattr", bare, "fc", make("torch.nn.Identity")))
    return Subject(net, bare)


def _works(subject: Subject) -> bool:
    """Whether `features` is what `fc` receives, and `fc` makes the logits of it."""
    logits, received = _ask(subject.net, TRIED), subject.received(TRIED)
    described = _ask(subject.net, TRIED, "features")
    layer = subject.net.get_submodule.with_options(keep=True)("fc")
    expected = _ask(layer, torch.from_numpy(received))
    return logits.shape == (len(TRIED), CLASSES) and same(logits, expected) and same(described, received)


def same(one: Array, other: Array) -> bool:
    """Whether two arrays hold the same numbers, dimensions of size 1 aside."""
    one, other = one.squeeze(), other.squeeze()
    scale = float(np.abs(other).max(initial=0))
    return one.shape == other.shape and bool(np.allclose(one, other, rtol=0, atol=NEAR * scale + 1e-7))


def _ask(net: Handle, images: Tensor, name: str = "") -> Array:
    """What a network, or one of its methods, answers; recorded as a mere call, for its weights are random."""
    target = {"object": net.id} | ({"name": name} if name else {})
    call = Function(net.owner, target, net.kind).with_options(no_grad=True, canonical=lambda _answer: None)
    return numbers(call(images))


def logits_of_subject(subject: Subject, images: Tensor) -> Array:
    """The network's own answer, (N, K), in the mode that it is in."""
    return _ask(subject.net, images)


def maps_of_subject(subject: Subject, images: Tensor) -> Array:
    """The last feature maps, (N, C, h, w)."""
    return _ask(subject.net, images, "feature_maps")


def _our_network(student: Implementation) -> Handle:
    """A small network with all that a `SmallResNet` offers; its features have both signs."""
    student.make(make("torch.manual_seed", 5))
    layers = {
        "conv1": make("torch.nn.Conv2d", 3, 12, 3, stride=2, padding=1),
        "bn1": make("torch.nn.BatchNorm2d", 12),
        "relu": make("torch.nn.ReLU"),
        "conv2": make("torch.nn.Conv2d", 12, 20, 3, stride=2, padding=1),
    }
    body, pooled, net = (student.make(make("torch.nn.Sequential")) for _ in range(3))
    for name, recipe in layers.items():
        body.add_module(name, student.make(recipe))
    for whole in (pooled, net):
        whole.add_module("body", body)
    for name, recipe in (("avgpool", make("torch.nn.AdaptiveAvgPool2d", 1)), ("flatten", make("torch.nn.Flatten"))):
        part = student.make(recipe)
        for whole in (pooled, net):
            whole.add_module(name, part)
    net.add_module("fc", student.make(make("torch.nn.Linear", 20, CLASSES)))
    student.make(make("builtins.setattr", net, "feature_maps", make("builtins.getattr", body, "forward")))
    student.make(make("builtins.setattr", net, "features", make("builtins.getattr", pooled, "forward")))
    return net
