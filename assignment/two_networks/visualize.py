"""Task 4, first part: look at the filters of your networks (4.1), and at the places that speak for a class (4.2).

Shapes: n filters; c input channels; kh, kw the filter's size; C channels of the last convolutional layer, h and w the
size of its map; K classes.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

# Dotted names of two different convolutions of your SmallResNet, the first being its first convolution.
LAYERS = ()  # TODO(4.1): as model.named_modules() lists them


def filter_images(weight: Tensor) -> Tensor:
    """Turn the filters of a convolution into pictures.

    Args:
        weight: (n, c, kh, kw), float32, of any range; any number of input channels.

    Returns:
        (n, kh, kw, 3), float32 in [0, 1], finite also where all weights are equal. Three input channels are red, green
        and blue, with one range for all three: the larger the weight, the larger the value. Of any other number, 1 and
        2 too, show a fixed choice: one channel three times, three of them, or their mean.
    """
    # TODO(4.1): write filter_images.
    # Channels come last in a picture. Bring the values to [0, 1] at the end: all filters together or each on its own.
    raise NotImplementedError("4.1: filter_images is not written yet")


def class_activation_map(feature_maps: Tensor, fc_weight: Tensor, class_id: int, size: int) -> Tensor:
    """Show how strongly each place of an image speaks for a class.

    Args:
        feature_maps: Last convolutional output of one image, (C, h, w).
        fc_weight: Weight of the network's last layer, (K, C).
        class_id: Which class, 0 to K - 1.
        size: Side of the result, pixels.

    Returns:
        The maps summed with the class's weights, (size, size), upsampled bilinearly. A positive factor or a constant
        does not matter.

    Reference:
        Zhou et al., 2015, Learning deep features for discriminative localization, https://arxiv.org/abs/1512.04150.
    """
    # TODO(4.2): write class_activation_map.
    # One weight per channel. `F.interpolate` wants a batch and a channel dimension in front.
    raise NotImplementedError("4.2: class_activation_map is not written yet")
