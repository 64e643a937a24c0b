"""Task 3: class activation maps, which show where a network finds evidence for a class.

The score of a class is `fc` applied to the average over all places. Averaging and weighing can change places: apply
`fc` at every place (3a, 3b), and a class's scores, laid out as they lie in the image, are its map (3c); their average
is the logit.

Shapes: H x W the image, c units with maps of h x w, K classes. A *full model* has torchvision's ResNet names.

Reference:
    Zhou et al., 2016, Learning Deep Features for Discriminative Localization, https://arxiv.org/abs/1512.04150
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def flatten_activations(activations: Tensor) -> Tensor:
    """Lay the places of a feature map out in a row.

    Args:
        activations: Activations of one image, (1, c, h, w).

    Returns:
        One row of c activations per place, (h*w, c): first the places of the top row from left to right, and so on.
    """
    # BEGIN SOLUTION 3a
    #: The right shape is not enough: `reshape` alone cuts the numbers up in the order in which they lie in memory.
    channels = activations.shape[1]
    return activations.permute(0, 2, 3, 1).reshape(-1, channels)
    # END SOLUTION


def class_scores(flat: Tensor, fc: nn.Linear) -> Tensor:
    """The scores of all classes at every place.

    Args:
        flat: Activations, (h*w, c), as `flatten_activations` gives them.
        fc: The network's last layer, with weight (K, c).

    Returns:
        Scores, (h*w, K); with the layer's bias or without, as you like.
    """
    # BEGIN SOLUTION 3b
    scores: Tensor = fc(flat)
    return scores
    # END SOLUTION


def generate_featuremap_CAM(model: nn.Module, class_id: int, image: Tensor) -> Tensor:
    """Class activation map: how much each place speaks for a class.

    Args:
        model: Full model. It is left as it was.
        class_id: Number of the class, from 0.
        image: One image, (3, H, W), float32, normalized.

    Returns:
        The map, (h, w). A positive factor or a constant added to all of it does not matter; do not cut it off at 0,
        since places that speak against the class belong to the answer.
    """
    # BEGIN SOLUTION 3c
    #: `model.children()` without the last two gives the activations. Then your two functions, whose column of the class
    #: you lay out as a map again; or weigh the maps by the class's row of `model.fc.weight`, which comes to the same.
    model.eval()
    with torch.no_grad():
        activations = nn.Sequential(*list(model.children())[:-2])(image.unsqueeze(0))[0]  # (c, h, w)
    weights = model.fc.weight[class_id].detach()  # (c,)
    return (weights[:, None, None] * activations).sum(dim=0)
    # END SOLUTION
