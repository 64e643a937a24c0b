"""Task 3: train the network without labels, by predicting rotations.

Every image is shown in its four quarter turns, and the network says which turn it was: the labels come for free. Write
the turns (3), the four-way network (3) and the choice of the images that the network finds hardest and easiest (3.3).
Then run this file,

    python rotation.py

which trains the network with your functions of task 2, saves `rotation.pth` and adds its learning curves to
`history.json`, both for your submission.

Shapes: N images in a batch; images (N, C, H, H), as high as wide; labels (N,), int64.

Reference:
    Gidaris et al., 2018, Unsupervised representation learning by predicting image rotations,
    https://arxiv.org/abs/1803.07728.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPOCHS = 10  # each goes through four turns of every image, and takes four times as long as a supervised one


def rotate_images(images: Tensor) -> tuple[Tensor, Tensor]:
    """Turn each image by 0, 90, 180 and 270 degrees.

    Args:
        images: (N, C, H, H), any dtype.

    Returns:
        `(rotated, labels)`: (4N, C, H, H), all four turns of each image in any order, and (4N,), int64, how many
        quarter turns each was given: 0 is upright. Which direction counts as positive is up to you, the same for all.
    """
    # TODO(3): write rotate_images.
    # A turn is not a mirror image, and it moves pixels in the last two dimensions only: see `torch.rot90`.
    # The labels must be in the same order as the images.
    raise NotImplementedError("3: rotate_images is not written yet")


def rotation_model(model: nn.Module) -> nn.Module:
    """Make the network that predicts rotations: the same architecture with four classes.

    Args:
        model: A `SmallResNet`; it may be changed and returned.

    Returns:
        A network (N, 3, 32, 32) -> logits (N, 4), all of it trainable.
    """
    # TODO(3): write rotation_model.
    # Only the last layer knows how many classes there are.
    raise NotImplementedError("3: rotation_model is not written yet")


def extreme_examples(losses: Tensor, k: int) -> tuple[list[int], list[int]]:
    """Find the images with the lowest and with the highest loss.

    Args:
        losses: Loss of each image, (N,), float32.
        k: How many of each, at most N.

    Returns:
        `(lowest, highest)`: two lists of k indices into `losses`, the most extreme one first in both. Of equal losses
        any, but none twice in a list.
    """
    # TODO(3.3): write extreme_examples.
    # One sorting is enough for both lists; mind the order of the second.
    raise NotImplementedError("3.3: extreme_examples is not written yet")


def main() -> None:
    """Train with the functions of task 2 and save what you hand in. Given; you are free to change it."""
    from resnet import SmallResNet  # your task 1
    from supervised import Changed, add_to_history, evaluate, fit, make_loaders  # your task 2

    torch.manual_seed(0)
    loaders = make_loaders(batch_size=32)  # 128 with the turns
    train_loader, val_loader, test_loader = (Changed(loader, lambda x, _: rotate_images(x)) for loader in loaders)
    model = rotation_model(SmallResNet()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    add_to_history("rotation", fit(model, train_loader, val_loader, EPOCHS, "rotation.pth"))
    model.load_state_dict(torch.load("rotation.pth", weights_only=True))
    print(f"test {evaluate(model, test_loader)[1]:.2%}; rotation.pth and history.json are for your zip")


if __name__ == "__main__":
    main()
