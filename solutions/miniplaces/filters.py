"""Task 1: look at what the convolutions of a network have learned.

A convolution's weight holds one small image per filter. Its numbers are small and may be negative, so they have to be
brought to 0 ... 255 before anybody can look at them (1a). The first layer of a ResNet-50 shows edges and colors; then
choose a deeper layer and compare (1b).

Shapes: n filters, c input channels, kh x kw kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

# Dotted name of a convolution of torchvision's ResNet-50 other than "conv1", as `model.named_modules()` lists it.
# Its filters are `visualize_filters(model.get_submodule(OTHER_LAYER).weight, 64)`.
OTHER_LAYER = "layer2.0.conv2"  # SOLUTION 1b


def normalize_tensor(tensor: Tensor | NDArray[Any]) -> NDArray[np.uint8]:
    """Bring a tensor's values to 0 ... 255, so that it can be shown as an image.

    Args:
        tensor: Tensor or numpy array of any shape, floating point; it may require grad and is left as it is.

    Returns:
        uint8 array of the same shape: the minimum becomes 0, the maximum 255, and what lies between is linear
        (rounded or truncated, as you like). Where all values are equal, so is the result, and it is finite.
    """
    # BEGIN SOLUTION 1a
    #: Take one minimum and one maximum over the whole tensor, not one per channel or row.
    #: Scale before you convert to uint8: the conversion drops everything behind the decimal point.
    #: What does your formula do when the minimum equals the maximum?
    if isinstance(tensor, Tensor):
        tensor = tensor.detach().cpu().double().numpy()
    values = np.asarray(tensor, dtype=np.float64)
    low, high = values.min(), values.max()
    if low == high:
        return np.zeros(values.shape, dtype=np.uint8)
    image: NDArray[np.uint8] = np.rint((values - low) / (high - low) * 255).astype(np.uint8)
    return image
    # END SOLUTION


def visualize_filters(conv_w: Tensor, output_size: int | None = None) -> list[NDArray[np.uint8]]:
    """Turn the weight of a convolution into one image per filter. Given; it uses your `normalize_tensor`.

    Args:
        conv_w: Weight of a convolution, (n, c, kh, kw), float32.
        output_size: Side of the images in pixels; None keeps the size of the kernel.

    Returns:
        n uint8 images, each normalized on its own: (kh, kw, 3) in color when c == 3, otherwise (kh, kw), showing the
        first input channel. With `output_size`, kh and kw are replaced by it; pixels are repeated, not blended.
    """
    images = []
    for weight in conv_w.detach().cpu():  # (c, kh, kw)
        kernel = weight.permute(1, 2, 0) if weight.shape[0] == 3 else weight[0]
        image = np.asarray(normalize_tensor(kernel)).reshape(kernel.shape)
        if output_size is not None:
            height, width = image.shape[:2]
            rows = np.arange(output_size) * height // output_size
            columns = np.arange(output_size) * width // output_size
            image = image[rows[:, None], columns]
        images.append(image)
    return images
