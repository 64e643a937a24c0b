"""Tasks 3 and 3.2, the network: any architecture and either direction will do, and wrong files are told apart."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
import torch
from sample_rotation import (
    Function,
    implement,
    lay_out_into,
    looks_for_bright_quarter,
    make_reference,
    pictures,
    saved,
    tells_turns_by,
    weights,
)
from torch import nn

from grader.checking.integrity_flags import IntegrityFlags
from grader.errors import CheckStopped, Failure
from grader.records import Exhibit
from grader.sandbox.student import Implementation
from solutions.two_networks.checks import check_rotation_model, check_rotation_training, public_rotation_model
from solutions.two_networks.checks.rotation_network import (
    LEFT,
    RIGHT,
    accuracy_under,
    best_direction,
    best_of_any_labels,
    confusion,
    load_rotation_network,
)

# --- rotation_model ---------------------------------------------------------------------------------------------------


def check_four_logits(student: Implementation) -> None:
    """The check with random numbers."""
    public_rotation_model.check_four_logits(student, np.random.default_rng(2))


MODEL_CHECKS = [
    check_four_logits,
    check_rotation_model.check_same_architecture,
    check_rotation_model.check_all_trainable,
]


class OtherNetwork(nn.Module):
    """A network whose last layer has another name, and which has a frozen parameter."""

    def __init__(self, num_classes: int = 10) -> None:
        """Build it."""
        super().__init__()
        self.classify = nn.Linear(30, num_classes)
        self.body = nn.Sequential(nn.Conv2d(3, 30, 3), nn.BatchNorm2d(30), nn.Dropout(), nn.AdaptiveAvgPool2d(1))
        self.scale = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x: torch.Tensor) -> Any:
        """(N, 3, H, W) -> (N, num_classes)."""
        return self.classify(self.body(x).flatten(1)) * self.scale


def exchange_classify(model: Any) -> Any:
    """Exchange the last layer of `OtherNetwork`."""
    model.classify = nn.Linear(30, 4)
    return model


@pytest.mark.parametrize("check", MODEL_CHECKS)
@pytest.mark.parametrize("make_model", [exchange_classify, lambda model: type(model)(4)])
def test_other_architecture(check: Function, make_model: Function) -> None:
    """Any architecture will do, whatever its last layer is called and wherever it stands, and frozen parts stay."""
    check(implement(SmallResNet=OtherNetwork, rotation_model=make_model))


def raises(*_arguments: Any) -> Any:
    """A network that can't be made."""
    raise ValueError("no")


def gives_probabilities() -> nn.Module:
    """A network for ten classes that ends with a softmax."""
    return nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(48, 10), nn.Softmax(1))


@pytest.mark.parametrize("check", MODEL_CHECKS)
@pytest.mark.parametrize("network", [raises, lambda: None, lambda: nn.Flatten(), OtherNetwork, gives_probabilities])
def test_network_that_cannot_be_used(check: Function, network: Function) -> None:
    """Where `SmallResNet` is broken, or has no `fc`, `rotation_model` is judged with torchvision's network."""
    check(implement(SmallResNet=network))


def test_names_other_architecture() -> None:
    """A network that shares no layer with the given one is named so; having fewer parameters, it has none frozen."""
    student = implement(rotation_model=lambda model: nn.Sequential(nn.Flatten(), nn.Linear(3072, 4)))
    check_four_logits(student)
    with pytest.raises(Failure) as caught:
        check_rotation_model.check_same_architecture(student)
    assert caught.value.mistake == "rotation.other_architecture"
    check_rotation_model.check_all_trainable(student)


class Forgets(nn.Module):
    """Four logits that have nothing to do with weights or images."""

    def __init__(self, model: nn.Module, logits: Function) -> None:
        """Keep the network that it does not use."""
        super().__init__()
        self.model, self.logits = model, logits

    def forward(self, x: torch.Tensor) -> Any:
        """(N, 3, H, W) -> (N, 4)."""
        return self.logits(x)


FORGETFUL = {
    "zeros": lambda x: torch.zeros(len(x), 4),
    "random": lambda x: torch.randn(len(x), 4),
    "pixels": lambda x: x.flatten(1)[:, :4],
}


@pytest.mark.parametrize("logits", FORGETFUL.values(), ids=FORGETFUL)
def test_network_that_ignores_its_weights(logits: Function) -> None:
    """Four logits that the network's weights have no part in are not enough."""
    with pytest.raises(Failure, match="not what the network's weights make"):
        check_four_logits(implement(rotation_model=lambda model: Forgets(model, logits)))


# --- rotation.pth -----------------------------------------------------------------------------------------------------


def test_both_directions() -> None:
    """Labels that count to the left and to the right give the same accuracy; no other labels do."""
    turns = np.repeat(np.arange(4), 10)
    said = np.eye(4)[turns]
    said[::5] = said[::5, [1, 0, 3, 2]]  # two of each ten wrong
    for labels in (LEFT, RIGHT):
        counts = confusion(turns, said[:, np.argsort(labels)])
        assert best_direction(counts) == labels
        assert accuracy_under(counts, labels) == pytest.approx(0.8)
    counts = confusion(turns, np.roll(said, 1, axis=1))
    assert accuracy_under(counts, best_direction(counts)) < 0.5
    assert best_of_any_labels(counts) == pytest.approx(0.8)


@pytest.mark.parametrize("make_model", [lambda model: model, lambda model: None, raises])
def test_wrong_rotation_model(make_model: Function) -> None:
    """A right rotation.pth can be used though `rotation_model` is wrong."""
    assert load_rotation_network(implement(rotation_model=make_model)).kind == "SmallResNet"


def test_files_exchanged() -> None:
    """A ten-way network in rotation.pth is told from other networks."""
    for content, mistake in (
        (weights(10), "rotation.model_of_ten_classes"),
        (weights(7), "rotation.model_of_other_network"),
        (nn.Sequential(nn.AvgPool2d(32), nn.Flatten(), nn.Linear(3, 10)), "rotation.model_of_other_network"),
        (nn.Sequential(nn.AvgPool2d(32), nn.Flatten(), nn.Linear(3, 5)), "rotation.model_of_other_network"),
    ):
        with pytest.raises(Failure) as caught:
            load_rotation_network(implement({"rotation.pth": saved(content)}))
        assert caught.value.mistake == mistake


def test_curves_are_always_shown() -> None:
    """Without a history the reference's curves are shown; a loss alone is enough, and claims are told, not judged."""
    laid_out: list[Exhibit] = []
    check = functools.partial(
        check_rotation_training.check_rotation_curve,
        thresholds={"accuracy": 0.6},
        reference=make_reference(),
        exhibit=lay_out_into(laid_out),
        looks=IntegrityFlags("", []),
    )
    with pytest.raises(CheckStopped):
        check(implement(), measured={})
    check(implement({"history.json": b'{"rotation": {"train_loss": [2, 1.5]}}'}), measured={"rotation_accuracy": 0.7})
    claims = b'{"rotation": {"train_loss": [2], "val_accuracy": [0.99]}}'
    check(implement({"history.json": claims}), measured={"rotation_accuracy": 0.3})
    assert [[each["label"] for each in shown.facts["series"]] for shown in laid_out] == [
        ["Reference"],
        ["Yours", "Reference"],
        ["Yours", "Reference"],
    ]
    assert [len(shown.facts["lines"]) for shown in laid_out] == [1, 2, 2]
    assert "far apart" in laid_out[2].caption


def test_accuracy_is_kept_for_other_plots() -> None:
    """The accuracy on the four turns is measured, whichever way the labels count, and kept under its name."""
    for labels in (LEFT, RIGHT):
        measured: dict[str, float] = {}
        student = tells_turns_by(looks_for_bright_quarter(labels))
        shown = pictures(is_cifar=True).test
        check_rotation_training.check_rotation_accuracy(
            student, np.random.default_rng(1), {"accuracy": 0.6}, shown, None, measured, IntegrityFlags("", [])
        )
        assert measured == {"rotation_accuracy": 1.0}


@pytest.mark.parametrize(
    ("net", "mistake"),
    [
        (looks_for_bright_quarter((1, 2, 3, 0)), "rotation.model_of_other_labels"),
        (looks_for_bright_quarter((0, 0, 0, 0)), "rotation.model_untrained"),
        (looks_for_bright_quarter((0, 0, 2, 3)), None),
    ],
)
def test_accuracy_is_too_low(net: nn.Module, mistake: str | None) -> None:
    """Other labels are told from a network that has learned nothing, and from one that has learned too little."""
    student = tells_turns_by(net)
    shown, looks = pictures(is_cifar=True).test, IntegrityFlags("", [])
    check = functools.partial(check_rotation_training.check_rotation_accuracy, student, np.random.default_rng(1))
    with pytest.raises(Failure) as caught:
        check({"accuracy": 0.99}, shown, None, {}, looks)
    assert caught.value.mistake == mistake
