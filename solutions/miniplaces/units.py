"""Task 2: look at single units of a network's last convolutional block, and at what happens without them.

A ResNet ends with `layer4`, whose output has one map per unit; `avgpool` averages each map to one number, and `fc`
weighs these numbers for each class. So a map says where a unit fires (2a, 2b), a unit set to 0 is missing from every
class (2c), and the units with the largest weight for a class are those it needs most (2d).

Shapes: H x W the image, c units with maps of h x w, K classes. A *full model* has torchvision's ResNet names.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# Numbers of two different units of the last convolutional block (`layer4`) of the Places365 ResNet-50, 0 ... 2047.
SKY_UNIT = 1427  # SOLUTION 2b: a unit that fires on sky
BUILDING_UNIT = 1085  # SOLUTION 2b: a unit that fires on buildings

IMAGENET_MEAN = (
    0.485,
    0.456,
    0.406,
)  # of the pixels of ImageNet's training images in [0, 1], by channel; torchvision's
IMAGENET_STD = (0.229, 0.224, 0.225)


def load_places365(path: str) -> nn.Module:
    """The ResNet-50 trained on Places365, in evaluation mode. Given.

    Args:
        path: Where you put `resnet50_places365.pth.tar`, from the Places365 project's page.
    """
    from torchvision.models import resnet50  # here, because importing torchvision takes a second

    model = resnet50(num_classes=365)
    weights = torch.load(path, map_location="cpu")["state_dict"]
    model.load_state_dict({name.removeprefix("module."): weight for name, weight in weights.items()})
    model.eval()
    return model


def load_image(path: str, side: int = 256) -> Tensor:
    """A picture as the Places365 network wants it: (3, side, side), normalized float32. Given."""
    from torchvision.io import ImageReadMode, read_image
    from torchvision.transforms.functional import normalize, resize

    pixels = resize(read_image(path, ImageReadMode.RGB), [side, side], antialias=True)
    image: Tensor = normalize(pixels.float() / 255, list(IMAGENET_MEAN), list(IMAGENET_STD))
    return image


def remove_last_layers(model: nn.Module, num_layers: int = 2) -> nn.Module:
    """Cut the last layers off a network.

    Args:
        model: Any network whose forward pass is its children in order; torchvision's ResNets count (their flattening
            before `fc` is no child). It is left as it is.
        num_layers: How many of its children to leave out.

    Returns:
        A module that runs the children that are left, in order. For a full model and 2 it ends with `layer4`.
    """
    # BEGIN SOLUTION 2a
    #: `model.children()` gives the direct children in order.
    children = list(model.children())
    return nn.Sequential(*children[: len(children) - num_layers])
    # END SOLUTION


def generate_featuremap_unit(model_cut: nn.Module, unit_id: int, image: Tensor) -> Tensor:
    """Where one unit fires.

    Args:
        model_cut: Any network that ends with a convolutional block, such as `remove_last_layers` gives.
        unit_id: Number of the unit, from 0.
        image: One image, (3, H, W), float32, normalized.

    Returns:
        The unit's activations, (h, w); how large they are depends on the network and on H x W.
    """
    # BEGIN SOLUTION 2a
    #: Networks want a batch. Which mode must a network with batch norm be in here?
    model_cut.eval()
    with torch.no_grad():
        maps: Tensor = model_cut(image.unsqueeze(0))  # (1, c, h, w)
    return maps[0, unit_id]
    # END SOLUTION


def deactivate_unit_activations(model: nn.Module, image: Tensor, unit_ids: int | Sequence[int] | Tensor) -> Tensor:
    """What the network says when some units of its last convolutional output are silent.

    Args:
        model: Full model. It is left as it was: the next ordinary call gives the ordinary answer.
        image: One image, (3, H, W), float32, normalized.
        unit_ids: One unit or several: an int, a list or a tensor of ints.

    Returns:
        Logits, (K,), with the maps of these units set to 0.
    """
    # BEGIN SOLUTION 2c
    #: A forward hook on `model.layer4` may return another output in place of its own; remove it, also when something
    #: fails. Or run the network up to `layer4`, then `model.avgpool` and `model.fc`.
    #: `torch.as_tensor(unit_ids).reshape(-1)` makes the three forms one.
    units = torch.as_tensor(unit_ids).reshape(-1)

    def silence(_layer: nn.Module, _inputs: tuple[Tensor, ...], maps: Tensor) -> Tensor:
        return maps.index_fill(1, units, 0)  # (1, c, h, w)

    model.eval()
    hook = model.layer4.register_forward_hook(silence)
    try:
        with torch.no_grad():
            logits: Tensor = model(image.unsqueeze(0))  # (1, K)
    finally:
        hook.remove()
    return logits[0]
    # END SOLUTION


def top_units(model: nn.Module, class_id: int, k: int = 5) -> Tensor:
    """The k units with the largest weight in `fc` for a class, (k,), largest first. Given."""
    return model.fc.weight[class_id].detach().argsort(descending=True, stable=True)[:k]


def lowest_dropped_units(model: nn.Module, image: Tensor) -> int | None:
    """How many of its most important units the top class can lose.

    The units are dropped one after the other, in the order of their `fc` weight for the class that the whole network
    puts first, largest first; what is dropped stays dropped. Units that do not fire are dropped, and counted, as well.

    Args:
        model: Full model. It is left as it was.
        image: One image, (3, H, W), float32, normalized.

    Returns:
        How many units are dropped when another class first comes out on top; None when that never happens.
    """
    # BEGIN SOLUTION 2d
    #: Which class is on top before anything is dropped? `top_units` gives the order.
    #: The features are the same each time: with 2048 units it pays to compute them once.
    model.eval()
    with torch.no_grad():
        maps = nn.Sequential(*list(model.children())[:-2])(image.unsqueeze(0))  # (1, c, h, w)
        features = model.avgpool(maps).flatten(1)  # (1, c): a unit without activations has the average 0
        top = int(model.fc(features).argmax())
        for count, unit in enumerate(top_units(model, top, k=features.shape[1]), start=1):
            features[0, unit] = 0
            if int(model.fc(features).argmax()) != top:
                return count
    return None
    # END SOLUTION
