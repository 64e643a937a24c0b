"""Five functions. Shapes: N batch, C channels, H W image, D inputs, K classes."""

import torch
import torch.nn.functional as F


def standardise(images, mean, std):
    """Images (N, C, H, W) less their channels' mean (C,), over their channels' deviation (C,)."""
    return (images - mean.view(1, -1, 1, 1)) / std.view(1, -1, 1, 1)


def softmax(logits):
    """Probabilities (N, K) of logits (N, K), large ones too."""
    powers = torch.exp(logits - logits.max(dim=1, keepdim=True).values)
    return powers / powers.sum(dim=1, keepdim=True)


def blur(image, side):
    """Each pixel of an image (C, H, W) the mean of the `side` x `side` around it, zeros beyond the edge."""
    weight = torch.full((image.shape[0], 1, side, side), 1 / side**2)
    return F.conv2d(image[None], weight, padding=side // 2, groups=image.shape[0])[0]


def slopes(weight, inputs, targets):
    """Derivatives (K, D) of the mean cross-entropy of `inputs @ weight.T` to the weight (K, D)."""
    weight = weight.clone().requires_grad_()
    F.cross_entropy(inputs @ weight.T, targets).backward()
    return weight.grad


def descend(weight, gradient, lr):
    """The weight after a step of gradient descent."""
    return weight - lr * gradient
