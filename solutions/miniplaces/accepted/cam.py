"""Other right ways of `cam.py`: each must earn every point."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from grader.author import accepted


@accepted("cam.flatten_activations", "transposes_flat", "flatten, then transpose")
def transposes_flat(activations):
    return activations.squeeze(0).flatten(1).t()


@accepted("cam.flatten_activations", "loops", "two loops over rows and columns, as numpy")
def loops(activations):
    maps = activations.detach().numpy()[0]
    return np.stack([maps[:, i, j] for i in range(maps.shape[1]) for j in range(maps.shape[2])])


@accepted("cam.flatten_activations", "keeps_batch", "the batch dimension stays in front")
def keeps_batch(activations):
    return activations.flatten(2).permute(0, 2, 1)


@accepted("cam.class_scores", "without_bias", "a matrix product without the bias")
def without_bias(flat, fc):
    return torch.matmul(flat, fc.weight.t())


@accepted("cam.class_scores", "in_numpy", "numpy, with the bias where there is one")
def in_numpy(flat, fc):
    scores = np.asarray(flat) @ fc.weight.detach().numpy().T
    return scores + fc.bias.detach().numpy() if fc.bias is not None else scores


def _activations(model, image):
    model.eval()
    with torch.no_grad():
        return nn.Sequential(*list(model.children())[:-2])(image.unsqueeze(0))


@accepted("cam.generate_featuremap_CAM", "through_fc", "fc at every place, with its bias")
def through_fc(model, class_id, image):
    activations = _activations(model, image)
    _, c, h, w = activations.shape
    return model.fc(activations.permute(0, 2, 3, 1).reshape(h * w, c))[:, class_id].view(h, w)


@accepted("cam.generate_featuremap_CAM", "as_uint8", "min-max normalised to 0 ... 255, uint8")
def as_uint8(model, class_id, image):
    scores = through_fc.replacement(model, class_id, image)
    scores = scores - scores.min()
    return (255 * scores / scores.max()).detach().numpy().astype(np.uint8)


@accepted("cam.generate_featuremap_CAM", "as_convolution", "a 1x1 convolution, on gradients, a batch of one")
def as_convolution(model, class_id, image):
    weight = model.fc.weight[class_id : class_id + 1, :, None, None]
    return nn.functional.conv2d(_activations(model, image), weight)


@accepted("cam.generate_featuremap_CAM", "with_a_hook", "activations taken by a forward hook, standardised")
def with_a_hook(model, class_id, image):
    taken = []
    hook = model.layer4.register_forward_hook(lambda _layer, _inputs, maps: taken.append(maps.detach()))
    model.eval()
    model(image[None])
    hook.remove()
    scores = torch.einsum("c,chw->hw", model.fc.weight[class_id], taken[0][0])
    return (scores - scores.mean()) / scores.std()


@accepted("cam.class_scores", "adds_the_bias", "a matrix product and the bias, which a full model's fc always has")
def adds_the_bias(flat, fc):
    return flat @ fc.weight.T + fc.bias
