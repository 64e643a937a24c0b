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
        # TODO(1): write BasicBlock.__init__.
        # Two convolutions, a batch norm after each. A sum needs two tensors of one shape: what must the shortcut do
        # where the channels or the size change?
        raise NotImplementedError("1: BasicBlock.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) -> (N, channels_out, H / stride, W / stride)."""
        # TODO(1): write BasicBlock.forward.
        # Where is the sum taken: before or after the last ReLU?
        raise NotImplementedError("1: BasicBlock.forward is not written yet")


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
        # TODO(1): write SmallResNet.__init__.
        # A first convolution that keeps the size, some blocks, a global average and a linear layer called `fc`.
        # Stay below the 11,181,642 parameters of torchvision's resnet18: far fewer are enough, and train faster.
        raise NotImplementedError("1: SmallResNet.__init__ is not written yet")

    def feature_maps(self, x: Tensor) -> Tensor:
        """Run the network up to its last convolutional layer.

        Args:
            x: Images, (N, 3, 32, 32), float32, normalized by channel.

        Returns:
            The last convolutional output, (N, C, h, w).
        """
        # TODO(1): write SmallResNet.feature_maps.
        # All that comes before the global average.
        raise NotImplementedError("1: SmallResNet.feature_maps is not written yet")

    def features(self, x: Tensor) -> Tensor:
        """Describe each image by one vector: what `fc` receives.

        Args:
            x: Images, (N, 3, 32, 32), float32, normalized by channel.

        Returns:
            The average of each feature map over its h x w places, (N, C).
        """
        # TODO(1): write SmallResNet.features.
        # Use `feature_maps`.
        raise NotImplementedError("1: SmallResNet.features is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> logits (N, num_classes)."""
        # TODO(1): write SmallResNet.forward.
        # Use `features`.
        raise NotImplementedError("1: SmallResNet.forward is not written yet")
