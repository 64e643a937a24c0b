"""Task 4.3: describe images by what the last layer receives, and lay them out in two dimensions with t-SNE.

Shapes: N images; D numbers describe an image.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def penultimate_features(model: nn.Module, images: Tensor) -> Tensor:
    """Describe each image by what the network's last layer receives.

    Args:
        model: A `SmallResNet`, or one with a four-way classifier. Left in the mode that it was in.
        images: (N, 3, 32, 32), float32, normalized by channel.

    Returns:
        (N, D), computed in evaluation mode.
    """
    # TODO(4.3): write penultimate_features.
    # Your `SmallResNet` has a method for it. `model.training` tells the mode; no gradients are needed.
    raise NotImplementedError("4.3: penultimate_features is not written yet")


def embed_2d(features: Tensor | NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    """Lay features out in the plane with t-SNE, run until it has settled: what is near stays near.

    Args:
        features: (N, D), N at least 100.
        seed: The same seed gives the same result.

    Returns:
        (N, 2).

    Reference:
        van der Maaten & Hinton, 2008, Visualizing data using t-SNE, https://jmlr.org/papers/v9/vandermaaten08a.html.
    """
    # TODO(4.3): write embed_2d.
    # scikit-learn has it: `sklearn.manifold.TSNE`. Where does the randomness come from?
    raise NotImplementedError("4.3: embed_2d is not written yet")
