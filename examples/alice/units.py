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

# Numbers of two units of the last convolutional block (`layer4`) of the Places365 ResNet-50, 0 ... 2047.
SKY_UNIT = 483
BUILDING_UNIT = 1202

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
    """A picture as the Places365 network wants it: (3, side, side), normalised float32. Given."""
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
    return nn.Sequential(*list(model.children())[:-num_layers])


def generate_featuremap_unit(model_cut: nn.Module, unit_id: int, image: Tensor) -> Tensor:
    """Where one unit fires.

    Args:
        model_cut: A network that ends with a convolutional block, as `remove_last_layers` gives it.
        unit_id: Number of the unit, from 0.
        image: One image, (3, H, W), float32, normalised.

    Returns:
        The unit's activations, (h, w); how large they are depends on the network and on H x W.
    """
    model_cut.eval()
    with torch.no_grad():
        output = model_cut(image.unsqueeze(0))
    return output[0][unit_id]


def deactivate_unit_activations(model: nn.Module, image: Tensor, unit_ids: int | Sequence[int] | Tensor) -> Tensor:
    """What the network says when some units of its last convolutional output are silent.

    Args:
        model: Full model. It is left as it was: the next ordinary call gives the ordinary answer.
        image: One image, (3, H, W), float32, normalised.
        unit_ids: One unit or several: an int, a list or a tensor of ints.

    Returns:
        Logits, (K,), with the maps of these units set to 0.
    """
    if isinstance(unit_ids, int):
        unit_ids = [unit_ids]

    def hook(module, inputs, output):
        output[:, unit_ids] = 0
        return output

    # switch the units off in the last block
    model.layer4.register_forward_hook(hook)
    model.eval()
    with torch.no_grad():
        logits = model(image.unsqueeze(0))
    return logits[0]


def top_units(model: nn.Module, class_id: int, k: int = 5) -> Tensor:
    """The k units with the largest weight in `fc` for a class, (k,), largest first. Given."""
    return model.fc.weight[class_id].detach().argsort(descending=True, stable=True)[:k]


def lowest_dropped_units(model: nn.Module, image: Tensor) -> int | None:
    """How many of its most important units the top class can lose.

    The units are dropped one after the other, in the order of their `fc` weight for the class that the whole network
    puts first, largest first; what is dropped stays dropped.

    Args:
        model: Full model. It is left as it was.
        image: One image, (3, H, W), float32, normalised.

    Returns:
        How many units are dropped when another class first comes out on top; None when that never happens.
    """
    model.eval()
    features = []
    hook = model.avgpool.register_forward_hook(lambda module, inputs, output: features.append(output.flatten(1)))
    with torch.no_grad():
        top = model(image.unsqueeze(0)).argmax(1).item()
    hook.remove()
    x = features[0].clone()
    # count how many can go before the class changes
    for i, unit in enumerate(top_units(model, top, k=x.shape[1])):
        x[0, unit] = 0
        if model.fc(x).argmax(1).item() != top:
            return i
    return None
