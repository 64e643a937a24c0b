"""A residual network has convolutions that matter and that a shortcut goes round: shown by silencing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sample_handles import handle_of
from sample_two_networks import implement
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torchvision.models import resnet18

from grader.checking.compare import numbers
from grader.errors import Failure
from solutions.two_networks.checks.bypassing import has_bypassed_convolution
from solutions.two_networks.checks.check_resnet_features import check_feature_maps
from solutions.two_networks.checks.public_resnet import check_logits, check_size
from solutions.two_networks.checks.public_resnet_features import check_features
from solutions.two_networks.checks.silencing import convolutions_of, depends_on, wake_weights


class Net(nn.Module):
    """A small network; subclasses differ in `body`."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.one, self.two = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.branch_norm, self.scale = nn.BatchNorm2d(8), nn.Parameter(torch.zeros(8, 1, 1))
        self.fc = nn.Linear(8, 10)
        nn.init.zeros_(self.branch_norm.weight)  # as many ResNets start
        self.register_buffer("shift", torch.zeros(1, 3, 2, 2))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 10)."""
        logits: Tensor = self.fc(self.body(F.relu(self.norm(self.stem(x)))).mean((2, 3)))
        return logits

    def body(self, x: Tensor) -> Any:
        """(N, 8, H, W) -> the same shape."""
        return F.relu(x + self.branch_norm(self.two(F.relu(self.one(x)))))


class Scaled(Net):
    """A branch that starts with a factor of 0."""

    def body(self, x: Tensor) -> Any:
        """As above."""
        return x + self.scale * self.two(F.gelu(self.one(x)))


class Plain(Net):
    """No shortcut."""

    def body(self, x: Tensor) -> Any:
        """As above."""
        return F.relu(self.two(F.relu(self.one(x))))


def with_norms(norm: Callable[[nn.Module], nn.Module], kind: type[Net] = Net) -> type[Net]:
    """A network whose inner convolutions compute their weights of others."""

    class Normed(kind):  # type: ignore[valid-type, misc]
        def __init__(self) -> None:
            super().__init__()
            self.add_module("one", norm(self.one))
            self.add_module("two", norm(self.two))

    Normed.__name__ = f"{kind.__name__} with {norm.__module__}.{norm.__name__}"
    return Normed


NORMS = (parametrizations.weight_norm, parametrizations.spectral_norm, nn.utils.weight_norm, nn.utils.spectral_norm)


class MeanColour(Net):
    """Nothing but the mean colour, beside convolutions that it does not use."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 10)."""
        logits: Tensor = self.fc(F.pad(x.mean((2, 3)), (0, 5)))
        return logits


@pytest.mark.parametrize(
    ("net", "has_one"),
    [(Net, True), (Scaled, True), (Plain, False), (MeanColour, False)]
    + [(with_norms(norm, kind), kind is Net) for norm in NORMS for kind in (Net, Plain)],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
def test_bypassed_convolution(net: type[Net], has_one: bool) -> None:
    """Branches that start at 0 count, and weights divided by their norm; plain stacks and mere decoration don't."""
    torch.manual_seed(3)
    used = net()
    for _ in range(5):
        used(torch.randn(4, 3, 8, 8))  # a spectral norm is estimated in training
    assert has_bypassed_convolution(handle_of(used.eval()), np.random.default_rng(1)) is has_one


class StartsAtZero(Net):
    """A branch, and a last layer, whose weights are 0 before training."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.two.weight)
        nn.init.zeros_(self.fc.weight)


class PlainFromZero(StartsAtZero, Plain):
    """No shortcut."""


@pytest.mark.parametrize(("net", "has_one"), [(StartsAtZero, True), (PlainFromZero, False)])
def test_weights_wake(net: type[Net], has_one: bool) -> None:
    """Weights that start at 0 hide nothing once they are awake; all others stay."""
    torch.manual_seed(3)
    model = net().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    held, rng = handle_of(model), np.random.default_rng(1)
    assert not depends_on(convolutions_of(held), lambda images: numbers(held(images)), rng)
    wake_weights(held)
    changed = [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == ["two.weight", "fc.weight"]
    assert depends_on(convolutions_of(held), lambda images: numbers(held(images)), rng)
    assert has_bypassed_convolution(held, rng) is has_one


class MostlyMeanColour(MeanColour):
    """Its convolutions change the logits in the fifth digit."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 10)."""
        return super().forward(x) + 1e-3 * Net.forward(self, x)


class AddsConstant(Plain):
    """What is added to the stack of convolutions is no image."""

    def body(self, x: Tensor) -> Any:
        """As above."""
        return super().body(x) + self.scale + 1e-9 * x


class Ignores(Net):
    """The same for all images."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 10)."""
        logits: Tensor = self.fc(self.body(self.stem(x).mul(0)).mean((2, 3)))
        return logits


@pytest.mark.parametrize(
    ("net", "matter"),
    [(Net, True), (Scaled, True), (Plain, True), (MeanColour, False), (MostlyMeanColour, False), (Ignores, False)],
    ids=str,
)
def test_convolutions_matter(net: type[Net], matter: bool) -> None:
    """Convolutions matter where silencing all of them changes how the logits differ between images; weights stay."""
    torch.manual_seed(3)
    model = net().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    held = handle_of(model)
    assert depends_on(convolutions_of(held), lambda images: numbers(held(images)), np.random.default_rng(1)) is matter
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_weights_after_a_failure() -> None:
    """Whatever is raised while weights are silenced, they have their values again afterwards."""
    model = Net().eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    held, asked = handle_of(model), []

    def ask(images: Tensor) -> Any:
        asked.append(images)
        if len(asked) == 3:  # the first question after the convolutions were silenced
            assert not model.one.weight.any()
            raise Failure("no answer")
        return numbers(held(images))

    with pytest.raises(Failure, match="no answer"):
        depends_on(convolutions_of(held), ask, np.random.default_rng(1))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_constant_beside_convolutions() -> None:
    """A stack of convolutions to which a constant is added has no shortcut."""
    torch.manual_seed(3)
    assert not has_bypassed_convolution(handle_of(AddsConstant().eval()), np.random.default_rng(1))


class Identity(torch.autograd.Function):
    """Hides what is done from torch's record."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        """Give a copy."""
        return x.clone()

    @staticmethod
    def backward(_ctx: Any, grad: Tensor) -> Tensor:
        """Pass the gradient on."""
        return grad


class Pretends(nn.Module):
    """A "ResNet" of the mean colour, beside convolutions that it does not use."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 3, 3), nn.Linear(3, num_classes)

    def feature_maps(self, x: Tensor) -> Any:
        """(N, 3, H, W), the images."""
        return Identity.apply(x)

    def features(self, x: Tensor) -> Tensor:
        """(N, 3), the mean colour."""
        means: Tensor = self.feature_maps(x).mean((2, 3))
        return means

    def forward(self, x: Tensor) -> Tensor:
        """(N, 10)."""
        logits: Tensor = self.fc(self.features(x))
        return logits


def test_pretends() -> None:
    """A network without convolutions that matter fails the check on which all others of task 1 stand."""
    with pytest.raises(Failure, match="not what the convolutions"):
        check_logits(implement(SmallResNet=Pretends), np.random.default_rng(1))


class PretendsFeatures(Net):
    """A right network; subclasses give something else as its features and maps."""

    def feature_maps(self, x: Tensor) -> Any:
        """(N, 8, H, W)."""
        return self.body(F.relu(self.norm(self.stem(x))))

    def features(self, x: Tensor) -> Tensor:
        """(N, 8)."""
        means: Tensor = self.feature_maps(x).mean((2, 3))
        return means


class RandomFeatures(PretendsFeatures):
    """Random numbers in their place."""

    def features(self, x: Tensor) -> Tensor:
        """(N, 8)."""
        return torch.randn(len(x), 8)


class ZeroFeatures(PretendsFeatures):
    """Zeros in their place."""

    def features(self, x: Tensor) -> Tensor:
        """(N, 8)."""
        return torch.zeros(len(x), 8)


class PixelFeatures(PretendsFeatures):
    """Pixels in their place."""

    def features(self, x: Tensor) -> Tensor:
        """(N, 8)."""
        return x.flatten(1)[:, :8]


class SpreadFeatures(PretendsFeatures):
    """The features again in the place of the maps."""

    def feature_maps(self, x: Tensor) -> Any:
        """(N, 8, 4, 4)."""
        return self.features(x)[:, :, None, None].expand(-1, -1, 4, 4)

    def features(self, x: Tensor) -> Tensor:
        """(N, 8)."""
        means: Tensor = super().feature_maps(x).mean((2, 3))
        return means


@pytest.mark.parametrize("net", [RandomFeatures, ZeroFeatures, PixelFeatures])
def test_features_of_nothing(net: type[Net]) -> None:
    """Features that the convolutions have no part in fail, whatever their shape."""
    with pytest.raises(Failure, match="not made of the images"):
        check_features(implement(SmallResNet=net), np.random.default_rng(1))
    check_features(implement(SmallResNet=PretendsFeatures), np.random.default_rng(1))


def test_maps_of_features() -> None:
    """Maps with one number at all places are averages."""
    with pytest.raises(Failure) as caught:
        check_feature_maps(implement(SmallResNet=SpreadFeatures), np.random.default_rng(1))
    assert caught.value.mistake == "resnet.maps_are_averages"
    check_feature_maps(implement(SmallResNet=PretendsFeatures), np.random.default_rng(1))


def test_as_many_parameters_as_resnet18() -> None:
    """torchvision's own resnet18 has one parameter too many: fewer are asked for."""
    who = implement(SmallResNet=lambda num_classes=10: resnet18(num_classes=num_classes))
    with pytest.raises(Failure) as failed:
        check_size(who, np.random.default_rng(1))
    assert (failed.value.got, failed.value.mistake) == ("11,181,642", "resnet.too_many_parameters")
