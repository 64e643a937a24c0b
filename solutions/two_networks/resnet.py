"""Task 1: a small ResNet for CIFAR-10.

Write the residual block and the network. Every other module of this assignment uses what you build here: the same
architecture is trained on the ten classes and on the four rotations, and its feature maps are what you look at in
task 4.

Shapes: N images in a batch; images (N, 3, 32, 32), float32, normalized by channel; C channels of the last convolutional
layer, h and w the size of its map.

Reference:
    He et al., 2015, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, added before the last ReLU: relu(convolutions(x) + shortcut(x)).

    Args:
        channels_in: Channels of the block's input.
        channels_out: Channels of its output.
        stride: Stride of the first convolution: with 2, the map's height and width are halved.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        """Build the layers; their weights start at random."""
        super().__init__()
        # BEGIN SOLUTION 1
        #: Two convolutions, a batch norm after each. A sum needs two tensors of one shape: what must the shortcut do
        #: where the channels or the size change?
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)  # batch norm has a bias
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )
        # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) -> (N, channels_out, H / stride, W / stride)."""
        # BEGIN SOLUTION 1
        #: Where is the sum taken: before or after the last ReLU?
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.downsample(x))
        # END SOLUTION


class SmallResNet(nn.Module):
    """A ResNet of 0.45 million parameters for 32x32 color images.

    It has the names and the order of torchvision's ResNets (conv1, bn1, relu, maxpool, layer1 ... layer4, avgpool, fc),
    and running its children in this order, with one flatten before `fc`, is its forward pass: whatever works on those
    works here. For images this small there is no pooling at the beginning, and the map is halved only twice. In
    evaluation mode, an image's logits depend on that image alone.

    Args:
        num_classes: K, the number of logits.
    """

    def __init__(self, num_classes: int = 10) -> None:
        """Build the layers; their weights start at random."""
        super().__init__()
        # BEGIN SOLUTION 1
        #: A first convolution that keeps the size, some blocks, a global average and a linear layer called `fc`.
        #: Stay below the 11,181,642 parameters of torchvision's resnet18: far fewer are enough, and train faster.
        self.conv1 = nn.Conv2d(3, 24, 3, padding=1, bias=False)  # (N, 24, 32, 32)
        self.bn1 = nn.BatchNorm2d(24)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity()
        self.layer1 = nn.Sequential(BasicBlock(24, 24))  # (N, 24, 32, 32)
        self.layer2 = nn.Sequential(BasicBlock(24, 48, stride=2))  # (N, 48, 16, 16)
        self.layer3 = nn.Sequential(BasicBlock(48, 96, stride=2))  # (N, 96, 8, 8)
        self.layer4 = nn.Sequential(BasicBlock(96, 128))  # (N, 128, 8, 8)
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # (N, 128, 1, 1)
        self.fc = nn.Linear(128, num_classes)
        # END SOLUTION

    def feature_maps(self, x: Tensor) -> Tensor:
        """Run the network up to its last convolutional layer.

        Args:
            x: Images, (N, 3, 32, 32), float32, normalized by channel.

        Returns:
            The last convolutional output, (N, C, h, w).
        """
        # BEGIN SOLUTION 1
        #: All that comes before the global average.
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        maps: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return maps
        # END SOLUTION

    def features(self, x: Tensor) -> Tensor:
        """Describe each image by one vector: what `fc` receives.

        Args:
            x: Images, (N, 3, 32, 32), float32, normalized by channel.

        Returns:
            The average of each feature map over its h x w places, (N, C).
        """
        # BEGIN SOLUTION 1
        #: Use `feature_maps`.
        vectors: Tensor = self.avgpool(self.feature_maps(x)).flatten(1)
        return vectors
        # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> logits (N, num_classes)."""
        # BEGIN SOLUTION 1
        #: Use `features`.
        logits: Tensor = self.fc(self.features(x))
        return logits
        # END SOLUTION
