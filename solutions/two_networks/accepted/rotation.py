"""Other right ways of `rotation.py`: each must earn every point."""

from __future__ import annotations

import copy
import heapq

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from grader.author import accepted

# --- rotate_images ----------------------------------------------------------------------------------------------------


@accepted("rotation.rotate_images", "with_numpy", "np.rot90, results as numpy arrays")
def with_numpy(images):
    array = np.asarray(images)
    rotated = np.concatenate([np.rot90(array, k, axes=(2, 3)) for k in range(4)], axis=0)
    return rotated, np.repeat(np.arange(4), len(array))


@accepted("rotation.rotate_images", "clockwise", "quarter turns to the right, labels int32")
def clockwise(images):
    rotated = torch.cat([torch.rot90(images, -k, (2, 3)) for k in range(4)])
    return rotated, torch.arange(4, dtype=torch.int32).repeat_interleave(len(images))


@accepted("rotation.rotate_images", "by_torchvision", "torchvision's rotate by degrees, labels as a list")
def by_torchvision(images):
    from torchvision.transforms import functional

    rotated = torch.cat([functional.rotate(images, angle) for angle in (0, 90, 180, 270)])
    return rotated, [k for k in range(4) for _ in range(len(images))]


@accepted("rotation.rotate_images", "transposes_and_flips", "transpose and flip, as in the paper's own code")
def transposes_and_flips(images):
    left, half, right = images.transpose(2, 3).flip(2), images.flip(2).flip(3), images.flip(2).transpose(2, 3)
    labels = torch.zeros(4 * len(images), dtype=torch.long)
    for k in range(4):
        labels[k * len(images) : (k + 1) * len(images)] = k
    return torch.cat([images, left, half, right]), labels


@accepted("rotation.rotate_images", "image_by_image", "the four turns of each image together, one by one")
def image_by_image(images):
    rotated, labels = [], []
    for image in images:
        for k in range(4):
            rotated.append(torch.rot90(image, k, [1, 2]))
            labels.append(k)
    return torch.stack(rotated), torch.tensor(labels)


@accepted("rotation.rotate_images", "stacked_and_viewed", "stacked along a second dimension, then viewed as one batch")
def stacked_and_viewed(images):
    n, c, h, w = images.shape
    rotated = torch.stack([torch.rot90(images, k, (-2, -1)) for k in range(4)], dim=1).view(4 * n, c, h, w)
    return rotated, torch.arange(4).repeat(n)


@accepted("rotation.rotate_images", "turn_after_turn", "each turn made from the last, shuffled, labels a column")
def turn_after_turn(images):
    turned = [images]
    for _ in range(3):
        turned.append(turned[-1].rot90(1, (3, 2)))
    order = torch.randperm(4 * len(images))
    labels = torch.arange(4).repeat_interleave(len(images))
    return torch.cat(turned)[order], labels[order].unsqueeze(1)


@accepted("rotation.rotate_images", "on_a_grid", "sampled on a rotated grid, bilinear; lists of tensors")
def on_a_grid(images):
    rotated, labels = [], []
    for k, (cosine, sine) in enumerate([(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)]):
        theta = torch.tensor([[cosine, -sine, 0], [sine, cosine, 0]]).expand(len(images), 2, 3)
        grid = F.affine_grid(theta, list(images.shape), align_corners=False)
        rotated += list(F.grid_sample(images, grid, align_corners=False))
        labels += [torch.tensor(k)] * len(images)
    return rotated, labels


@accepted("rotation.rotate_images", "filled_in", "written into a float64 array that was made before, half turn last")
def filled_in(images, turns=(0, 1, 3, 2)):
    n = len(images)
    rotated = np.zeros((4 * n, *images.shape[1:]))
    labels = np.zeros(4 * n)
    for place, k in enumerate(turns):
        for i in range(n):
            pixels = images[i].permute(1, 2, 0).numpy()  # as pictures lie: (H, H, C)
            rotated[place * n + i] = np.rot90(pixels, k=k).transpose(2, 0, 1)
            labels[place * n + i] = k
    return [rotated, labels]


# --- rotation_model ---------------------------------------------------------------------------------------------------


def _network_of(model, classes):
    """A new network of the same class, as `SmallResNet(num_classes=4)` gives it in a student's module."""
    return type(model)(num_classes=classes)


@accepted("rotation.rotation_model", "new_network", "a new SmallResNet(num_classes=4)")
def new_network(model):
    return _network_of(model, 4)


@accepted("rotation.rotation_model", "changed_copy", "a deep copy, its last layer exchanged, without a bias")
def changed_copy(model):
    turned = copy.deepcopy(model)
    turned.fc = nn.Linear(model.fc.weight.shape[1], 4, bias=True)
    nn.init.zeros_(turned.fc.bias)
    return turned


@accepted("rotation.rotation_model", "starts_at_zero", "a new last layer whose weights start at 0")
def starts_at_zero(model):
    model.fc = nn.Linear(model.fc.in_features, 4)
    nn.init.zeros_(model.fc.weight)
    return model


@accepted("rotation.rotation_model", "by_name", "the last nn.Linear found by its name, exchanged with setattr")
def by_name(model):
    name, last = [(name, child) for name, child in model.named_children() if isinstance(child, nn.Linear)][-1]
    setattr(model, name, nn.Linear(last.in_features, 4))
    return model.train()


@accepted("rotation.rotation_model", "new_weights_in_place", "the layer kept, its weight and bias made anew")
def new_weights_in_place(model):
    model.fc.out_features = 4
    model.fc.weight = nn.Parameter(torch.randn(4, model.fc.in_features) * 0.01)
    model.fc.bias = nn.Parameter(torch.zeros(4))
    return model


# --- extreme_examples -------------------------------------------------------------------------------------------------


@accepted("rotation.extreme_examples", "by_topk", "topk, indices as tensors")
def by_topk(losses, k):
    return losses.topk(k, largest=False).indices, losses.topk(k, largest=True).indices


@accepted("rotation.extreme_examples", "by_heapq", "heapq over indices")
def by_heapq(losses, k):
    values = losses.tolist()
    return (
        heapq.nsmallest(k, range(len(values)), key=values.__getitem__),
        heapq.nlargest(k, range(len(values)), key=values.__getitem__),
    )


@accepted("rotation.extreme_examples", "with_numpy_argsort", "np.argsort of the losses and of their negatives")
def with_numpy_argsort(losses, k):
    values = np.array(losses)
    return [np.argsort(values)[:k], np.argsort(-values)[:k]]


@accepted("rotation.extreme_examples", "pairs_sorted", "pairs of loss and index sorted, tuples of ints")
def pairs_sorted(losses, k):
    pairs = sorted((float(loss), index) for index, loss in enumerate(losses))
    return tuple(index for _, index in pairs[:k]), tuple(index for _, index in reversed(pairs[-k:]))


@accepted("rotation.extreme_examples", "crosses_out_a_copy", "the least and the largest of what is left, one by one")
def crosses_out_a_copy(losses, k):
    low, high = losses.clone(), losses.clone()
    lowest, highest = [], []
    for _ in range(k):
        lowest.append(low.argmin())
        highest.append(high.argmax())
        low[lowest[-1]], high[highest[-1]] = float("inf"), -1.0
    return lowest, highest


@accepted("rotation.extreme_examples", "one_matrix", "both lists in one tensor (2, k)")
def one_matrix(losses, k):
    order = losses.sort().indices
    return torch.stack([order[:k], order.flip(0)[:k]])
