"""Other right ways of `visualize.py`: each must earn every point."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from grader.author import accepted, accepted_value

# --- filter_images ----------------------------------------------------------------------------------------------------


def _over_all(pictures):
    return (pictures - pictures.min()) / max(float(pictures.max() - pictures.min()), 1e-8)


@accepted("visualize.filter_images", "filters_over_all_first_channel", "one range for all filters, the first channel")
def filters_over_all_first_channel(weight):
    if weight.shape[1] != 3:
        weight = weight[:, :1].repeat(1, 3, 1, 1)
    return _over_all(weight).permute(0, 2, 3, 1)


@accepted(
    "visualize.filter_images", "filters_three_channels", "the first three channels where there are so many, one range"
)
def filters_three_channels(weight):
    w = weight.numpy()
    w = w[:, :3] if w.shape[1] >= 3 else np.repeat(w[:, :1], 3, axis=1)
    return _over_all(w.transpose(0, 2, 3, 1))


@accepted("visualize.filter_images", "filters_around_grey", "weights of 0 are middle grey; a list of pictures")
def filters_around_grey(weight):
    pictures = []
    for kernel in weight:
        colours = kernel if len(kernel) == 3 else kernel[-1].expand(3, -1, -1)
        largest = max(float(colours.abs().max()), 1e-8)
        pictures.append((0.5 + colours / (2 * largest)).permute(1, 2, 0))
    return pictures


@accepted("visualize.filter_images", "filters_through_bytes", "rounded to 8 bits on the way, middle three channels")
def filters_through_bytes(weight):
    middle = weight.shape[1] // 2
    channels = weight if weight.shape[1] == 3 else weight[:, [middle, 0, min(1, middle)]]
    low, high = channels.amin((1, 2, 3), keepdim=True), channels.amax((1, 2, 3), keepdim=True)
    grey = ((channels - low) / (high - low + 1e-8) * 255).byte()
    return grey.permute(0, 2, 3, 1).float() / 255


@accepted("visualize.filter_images", "filters_with_gradient", "as a parameter would give it: requires grad, float64")
def filters_with_gradient(weight):
    weight = weight.double().requires_grad_()
    channels = weight if weight.shape[1] == 3 else weight.mean(1, keepdim=True).repeat(1, 3, 1, 1)
    flat = channels.flatten(1)
    scaled = (flat - flat.min(1, keepdim=True)[0]) / (
        flat.max(1, keepdim=True)[0] - flat.min(1, keepdim=True)[0] + 1e-6
    )
    return scaled.view_as(channels).permute(0, 2, 3, 1)


@accepted("visualize.filter_images", "filters_without_outliers", "the outermost percent on both sides cut off")
def filters_without_outliers(weight):
    w = weight.numpy()
    w = w if w.shape[1] == 3 else np.repeat(w[:, :1], 3, axis=1)
    low, high = np.percentile(w, (1, 99))
    return np.clip((w - low) / (high - low + 1e-8), 0, 1).transpose(0, 2, 3, 1)


layers_in_a_list = accepted_value(
    "visualize.LAYERS", "layers_in_a_list", ["conv1", "layer4.0.downsample.0"], "a list, with a 1x1 convolution"
)

# --- class_activation_map ---------------------------------------------------------------------------------------------


@accepted("visualize.class_activation_map", "map_with_corners_aligned", "corners aligned; scores as a matrix product")
def map_with_corners_aligned(feature_maps, fc_weight, class_id, size):
    c, h, w = feature_maps.shape
    small = (fc_weight[class_id] @ feature_maps.reshape(c, h * w)).reshape(1, 1, h, w)
    return F.interpolate(small, (size, size), mode="bilinear", align_corners=True).squeeze()


@accepted(
    "visualize.class_activation_map", "map_enlarged_first", "channels enlarged first, summed with einsum; (1, s, s)"
)
def map_enlarged_first(feature_maps, fc_weight, class_id, size):
    large = F.interpolate(feature_maps[None], size=size, mode="bilinear", antialias=True)
    return torch.einsum("c,bcij->bij", fc_weight[class_id], large)


@accepted("visualize.class_activation_map", "map_by_pillow", "numpy, enlarged by Pillow as floating point, min-max")
def map_by_pillow(feature_maps, fc_weight, class_id, size):
    small = np.tensordot(fc_weight[class_id].numpy(), feature_maps.numpy(), axes=1)
    small = (small - small.min()) / (np.ptp(small) + 1e-8)
    return np.asarray(Image.fromarray(small.astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR))


@accepted("visualize.class_activation_map", "map_by_scipy", "scipy's zoom of first order, which aligns the corners")
def map_by_scipy(feature_maps, fc_weight, class_id, size):
    from scipy.ndimage import zoom

    small = np.einsum("c,chw->hw", fc_weight[class_id].numpy(), feature_maps.numpy())
    return zoom(small, (size / small.shape[0], size / small.shape[1]), order=1)


@accepted("visualize.class_activation_map", "map_mirrored_at_rim", "as scikit-image's resize: mirrored beyond the rim")
def map_mirrored_at_rim(feature_maps, fc_weight, class_id, size):
    from scipy.ndimage import zoom

    small = np.einsum("c,chw->hw", fc_weight[class_id].numpy(), feature_maps.numpy())
    return zoom(small, (size / small.shape[0], size / small.shape[1]), order=1, mode="mirror", grid_mode=True)


@accepted("visualize.class_activation_map", "map_as_bytes", "0 to 255 as uint8, by nn.Upsample, all classes at once")
def map_as_bytes(feature_maps, fc_weight, class_id, size):
    scores = F.conv2d(feature_maps[None], fc_weight[:, :, None, None])
    large = torch.nn.Upsample(size=(size, size), mode="bilinear")(scores)[0, class_id]
    return ((large - large.min()) / (large.max() - large.min()) * 255).byte()


@accepted("visualize.class_activation_map", "map_by_torchvision", "torchvision's resize; result requires grad")
def map_by_torchvision(feature_maps, fc_weight, class_id, size):
    from torchvision.transforms.functional import resize

    weight = fc_weight.clone().requires_grad_()
    small = sum(weight[class_id, c] * feature_maps[c] for c in range(len(feature_maps)))
    return resize(small[None], [size, size])
