"""The solution's `SmallResNet` is what the contract asks for, and has the form of torchvision's ResNets."""

from __future__ import annotations

import ast
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from grader.authoring.release import stub_source
from grader.importing import load_module
from grader.rubric import PROJECT

PATH = PROJECT / "solutions" / "two_networks" / "resnet.py"
resnet = load_module(PATH)
TORCHVISION_CHILDREN = "conv1 bn1 relu maxpool layer1 layer2 layer3 layer4 avgpool fc".split()


@pytest.fixture
def net() -> Any:
    """A network in evaluation mode, its batch norm statistics as after some training."""
    torch.manual_seed(0)
    net = resnet.SmallResNet()
    net(torch.randn(16, 3, 32, 32))
    return net.eval()


@pytest.fixture
def images() -> Tensor:
    """Five images, (5, 3, 32, 32)."""
    return torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("classes", [10, 4])
def test_logits(images: Tensor, classes: int) -> None:
    """There are as many logits as classes, and ten where nothing is said."""
    assert resnet.SmallResNet(classes)(images).shape == (5, classes)
    assert resnet.SmallResNet().fc.out_features == 10


def test_size(net: Any) -> None:
    """It has at most 450,000 parameters, so that its float16 weights are smaller than a megabyte."""
    assert sum(parameter.numel() for parameter in net.parameters()) == 445_698
    assert sum(value.numel() for value in net.state_dict().values()) * 2 < 1_000_000


def test_maps_features_logits(net: Any, images: Tensor) -> None:
    """`features` are the global averages of the 8x8 `feature_maps`, and `fc` of them gives the logits."""
    maps, features = net.feature_maps(images), net.features(images)
    assert maps.shape == (5, 128, 8, 8)
    torch.testing.assert_close(features, maps.mean(dim=(2, 3)))
    torch.testing.assert_close(net(images), features @ net.fc.weight.T + net.fc.bias)


def test_torchvisions_children(net: Any, images: Tensor) -> None:
    """Its children have torchvision's names and order; run one after the other, they are the forward pass."""
    children = dict(net.named_children())
    assert list(children) == TORCHVISION_CHILDREN
    x = images
    for name, child in children.items():
        x = child(x.flatten(1) if name == "fc" else x)
    torch.testing.assert_close(x, net(images))


@pytest.mark.parametrize(("channels", "stride"), [((6, 6), 1), ((6, 9), 1), ((6, 9), 2), ((6, 6), 2)])
def test_residual(channels: tuple[int, int], stride: int) -> None:
    """A block whose convolutions give 0 gives what its shortcut gives, cut off at 0."""
    block = resnet.BasicBlock(*channels, stride).eval()
    nn.init.zeros_(block.bn2.weight)
    x = torch.randn(2, channels[0], 8, 8)
    shortcut = block.downsample(x)
    assert shortcut.shape == (2, channels[1], 8 // stride, 8 // stride)
    assert torch.equal(block(x), shortcut.relu())
    if channels == (6, 6) and stride == 1:
        assert torch.equal(shortcut, x)


def test_stub_keeps_the_outline() -> None:
    """The stub that students get has every class, method and docstring, and none of the layers."""
    source = PATH.read_text(encoding="utf-8")
    stub = stub_source(source, {"1"}, "resnet.py")
    (net,) = (node for node in ast.parse(stub).body if isinstance(node, ast.ClassDef) and node.name == "SmallResNet")
    methods = [node.name for node in net.body if isinstance(node, ast.FunctionDef)]
    assert methods == ["__init__", "feature_maps", "features", "forward"]
    assert "nn.Conv2d" not in stub
    assert stub.count("TODO(1)") == 6
