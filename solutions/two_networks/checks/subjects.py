"""The network that a student's `penultimate_features` is tried on, and what its last layer receives.

It is the student's own `SmallResNet`, which the function may know by heart; one of ours where that one does not work:
what is wrong with it is judged by task 1. Only the student's process can tell what that network's last layer receives,
so its `fc` is replaced by one whose weights were sent, and what is told must explain the logits by these weights.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor

from grader.author import Array, CheckStopped, Function, Handle, Implementation, expect, make, numbers, summarise

CLASSES, TURNS = 10, 4
NEAR = 1e-3  # how far two ways of computing the same features may differ, relative to the largest
TRIED = torch.linspace(-1, 1, 3 * 3 * 32 * 32).view(3, 3, 32, 32).sin()


@dataclass(frozen=True)
class Subject:
    """A network, and a copy of it without its last layer, both made on the student's side.

    Attributes:
        net: With `fc`, `feature_maps` and `features`.
        bare: The copy, whose answer is what `fc` receives.
        weight: Of `fc`, as it was sent, (K, D).
        bias: Of `fc`, as it was sent, (K,).
    """

    net: Handle
    bare: Handle
    weight: Array
    bias: Array

    def received(self, images: Tensor) -> Array:
        """What `fc` receives in evaluation mode, (N, D); call it before any code of the student's is asked.

        Args:
            images: (N, 3, 32, 32). The network must be in evaluation mode, and stays in it.

        Raises:
            Failure: If the network's logits do not come from it, or if all images look alike to the network.
        """
        received = _ask(self.bare, images).reshape(len(images), -1)
        logits = _ask(self.net, images)
        expect(
            same(logits, self.logits_of(received)),
            "The network's logits are not what `fc` makes of what it receives.",
            expected=summarise(self.logits_of(received)),
            got=summarise(logits),
        )
        spread = float(np.ptp(received, axis=0).max(initial=0))
        expect(
            len(images) == 1 or spread > NEAR * float(np.abs(received).max(initial=0)),
            "The network's last layer receives the same for all images.",
            got=summarise(received),
        )
        return received

    def received_in_training(self, images: Tensor) -> Array:
        """What `fc` receives in training mode, (N, D); leaves both networks as they are."""
        bare = self.bare.owner.make(make("copy.deepcopy", self.bare))
        bare.train(True)
        return _ask(bare, images).reshape(len(images), -1)

    def logits_of(self, features: Array) -> Array:
        """What `fc` makes of features (N, D), computed here: (N, K)."""
        logits: Array = features.astype(np.float64) @ self.weight.T + self.bias
        return logits


def make_subject(student: Implementation, rng: Generator, classes: int = CLASSES) -> Subject:
    """The student's own untrained network with a random classifier of ours, in evaluation mode, or a network of ours.

    Args:
        student: Where it is made.
        rng: Source of the classifier's weights.
        classes: K, how many logits it gives.
    """
    with suppress(CheckStopped):
        subject = _with_classifier(student, rng, student.resnet.SmallResNet.with_options(keep=True)(), classes)
        if same(_ask(subject.net, TRIED, "features"), subject.received(TRIED)):
            return subject
    return _with_classifier(student, rng, _our_network(student), classes)


def _with_classifier(student: Implementation, rng: Generator, net: Handle, classes: int) -> Subject:
    net.eval()
    _ask(net, TRIED)  # lazy layers make their weights now
    bare = student.make(make("copy.deepcopy", net))
    student.make(make("builtins.setattr", bare, "fc", make("torch.nn.Identity")))
    wide = _ask(bare, TRIED[:1]).size
    own_rng = rng.spawn(1)[0]  # the check's next numbers don't depend on how wide the network is
    weight = (own_rng.normal(size=(classes, wide)) / np.sqrt(wide)).astype(np.float32)
    bias = own_rng.normal(size=classes).astype(np.float32)
    layer = student.make(make("torch.nn.Linear", wide, classes))
    layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    student.make(make("builtins.setattr", net, "fc", layer))
    return Subject(net, bare, weight, bias)


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
