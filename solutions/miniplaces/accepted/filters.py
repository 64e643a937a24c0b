"""Other right ways of `filters.py`: each must earn every point."""

from __future__ import annotations

import numpy as np
import torch

from grader.author import accepted, accepted_value


@accepted("filters.normalize_tensor", "truncates_in_torch", "torch throughout, truncating, a tiny number against zero")
def truncates_in_torch(tensor):
    x = torch.as_tensor(tensor).detach().float()
    return ((x - x.min()) / (x.max() - x.min() + 1e-8) * 255).to(torch.uint8)


@accepted("filters.normalize_tensor", "interpolates", "np.interp, rounding")
def interpolates(tensor):
    x = np.array(tensor.detach() if isinstance(tensor, torch.Tensor) else tensor, dtype=np.float64)
    if x.min() == x.max():
        return np.full(x.shape, 128, np.uint8)
    return np.interp(x, (x.min(), x.max()), (0, 255)).round().astype(np.uint8)


@accepted("filters.normalize_tensor", "keeps_extra_dimension", "an extra dimension of size 1 in front")
def keeps_extra_dimension(tensor):
    x = torch.as_tensor(tensor).detach().clone()
    x -= x.min()
    if x.max() > 0:
        x /= x.max()
    return (x * 255).round().byte().numpy()[None]


other_block = accepted_value("filters.OTHER_LAYER", "other_block", "layer4.2.conv3", "a convolution of the last block")
downsample = accepted_value("filters.OTHER_LAYER", "downsample", "layer1.0.downsample.0", "a shortcut's convolution")
