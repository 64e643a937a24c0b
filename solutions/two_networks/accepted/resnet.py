"""Other right networks, of other architectures: each must earn every point.

Weights of their own would have to be trained. Once the reference's are loaded, each becomes the solution's network, to
which these belong: what is tried here is what the checks say of another architecture, not how well it does.
"""

from __future__ import annotations

import resnet
import torch
import torch.nn.functional as F
from torch import nn

from grader.author import accepted


class _Other(nn.Module):
    """A network of other layers; `conv1` and `layer2` are there because the solution's LAYERS name them."""

    def load_state_dict(self, state_dict, strict=True, assign=False):
        trained = resnet.SmallResNet(len(state_dict["fc.weight"]))
        self.__class__, self.__dict__ = resnet.SmallResNet, trained.__dict__
        return self.load_state_dict(state_dict, strict)

    def features(self, x):
        return self.feature_maps(x).mean(dim=(2, 3))

    def forward(self, x):
        return self.fc(self.features(x))


class _Bottleneck(nn.Module):
    """1x1, 3x3, 1x1, the sum in place."""

    def __init__(self, c_in, c_mid, c_out, stride=1, groups=1):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_mid, 1, bias=False)
        self.conv2 = nn.Conv2d(c_mid, c_mid, 3, stride, padding=1, groups=groups, bias=False)
        self.conv3 = nn.Conv2d(c_mid, c_out, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(c) for c in (c_mid, c_mid, c_out)])
        self.shortcut = nn.Conv2d(c_in, c_out, 1, stride) if stride > 1 or c_in != c_out else nn.Identity()

    def forward(self, x):
        y = x
        for conv, norm in zip((self.conv1, self.conv2, self.conv3), self.norms, strict=True):
            y = norm(conv(F.relu(y) if y is not x else y))
        y += self.shortcut(x)
        return F.relu_(y)


@accepted("resnet.SmallResNet", "bottlenecks", "bottleneck blocks, the sum in place, 0.1 million parameters")
class _Bottlenecks(_Other):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.layer1 = nn.Sequential(_Bottleneck(16, 16, 64), _Bottleneck(64, 16, 64))
        self.layer2 = nn.Sequential(_Bottleneck(64, 32, 128, stride=2))
        self.fc = nn.Linear(128, num_classes)

    def feature_maps(self, x):
        return self.layer2(self.layer1(F.relu(self.conv1(x))))


@accepted("resnet.SmallResNet", "grouped", "grouped convolutions as in ResNeXt; features of shape (N, C, 1, 1)")
class _Grouped(_Other):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.layer2 = nn.Sequential(
            _Bottleneck(32, 32, 64, stride=2, groups=8), _Bottleneck(64, 64, 96, stride=2, groups=8)
        )
        self.pool = nn.AvgPool2d(8)
        self.fc = nn.Linear(96, num_classes, bias=False)

    def feature_maps(self, x):
        return self.layer2(self.conv1(x))

    def features(self, x):
        return self.pool(self.feature_maps(x))

    def forward(self, x):
        return self.fc(torch.flatten(self.features(x), 1))


class _PreActivationBlock(nn.Module):
    """Norm and ReLU before each convolution, a factor before the branch that starts at 0: at first it does nothing."""

    def __init__(self, channels):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, channels), nn.GroupNorm(4, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.factor = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        y = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return torch.add(x, self.factor * y)


@accepted("resnet.SmallResNet", "pre_activation", "pre-activation blocks with group norm, branches that start at 0")
class _PreActivation(_Other):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.layer2 = nn.Sequential(*(_PreActivationBlock(32) for _ in range(6)))
        self.norm = nn.GroupNorm(4, 32)
        self.fc = nn.Linear(32, num_classes)

    def feature_maps(self, x):
        return F.silu(self.norm(self.layer2(self.conv1(x))))


class _FixupBlock(nn.Module):
    """No norms of activations, but of a weight; the last convolution's weights are all 0 at first."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.utils.parametrizations.weight_norm(nn.Conv2d(channels, channels, 3, padding=1))
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x):
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))


@accepted("resnet.SmallResNet", "starts_at_zero", "last convolutions and fc start at 0, as in Fixup; weight norm")
class _StartsAtZero(_Other):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, stride=2, padding=1)
        self.layer2 = nn.Sequential(*(_FixupBlock(32) for _ in range(3)))
        self.fc = nn.Linear(32, num_classes)
        nn.init.zeros_(self.fc.weight)

    def feature_maps(self, x):
        return self.layer2(F.relu(self.conv1(x)))


class _Residual(nn.Module):
    """Adds whatever stands inside."""

    def __init__(self, conv1):
        super().__init__()
        self.conv1, self.add = conv1, torch.ao.nn.quantized.FloatFunctional()

    def forward(self, x):
        return self.add.add(self.conv1(x), x)


@accepted(
    "resnet.SmallResNet", "with_dropout", "dropout in the maps and before fc, the addition in a module, more options"
)
class _WithDropout(_Other):
    def __init__(self, num_classes=10, width=20, dropout=0.5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 5, padding=2)
        self.layer2 = nn.Sequential(_Residual(nn.Conv2d(width, width, 3, padding=1)), nn.ReLU(), nn.Dropout2d(dropout))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(width, num_classes)

    def feature_maps(self, x):
        return self.layer2(self.conv1(x))

    def forward(self, x):
        return self.fc(self.dropout(self.features(x)))


@accepted("resnet.SmallResNet", "of_torchvision", "torchvision's ResNet with fewer blocks: maps of a single place")
class _OfTorchvision(_Other):
    def __init__(self, num_classes=10):
        super().__init__()
        from torchvision.models.resnet import BasicBlock, ResNet

        whole = ResNet(BasicBlock, [1, 1, 1, 1], num_classes, zero_init_residual=True)
        for name, child in whole.named_children():
            self.add_module(name, child)

    def feature_maps(self, x):
        for name, child in self.named_children():
            x = x if name in ("avgpool", "fc") else child(x)
        return x

    def features(self, x):
        return self.avgpool(self.feature_maps(x)).squeeze()  # of a single image: (C,)

    def forward(self, x):
        return self.fc(self.features(x))


@accepted("resnet.SmallResNet", "gives_numpy", "features and feature_maps as numpy arrays, lazy layers, one shortcut")
class _GivesNumpy(_Other):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.LazyConv2d(24, 3, padding=1)
        self.layer2 = nn.Sequential(_Residual(nn.LazyConv2d(24, 3, padding=1)), nn.LazyBatchNorm2d(), nn.ReLU())
        self.fc = nn.Linear(24, num_classes)

    def _maps(self, x):
        return self.layer2(F.max_pool2d(self.conv1(x), 2))

    def feature_maps(self, x):
        return self._maps(x).detach().cpu().numpy()

    def features(self, x):
        return self.feature_maps(x).mean(axis=(2, 3))

    def forward(self, x):
        return self.fc(self._maps(x).mean(3).mean(2))
