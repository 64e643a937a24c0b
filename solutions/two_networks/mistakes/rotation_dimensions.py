"""Known mistakes in `rotation.rotate_images`, task 3, that mix up dimensions."""

from __future__ import annotations

import torch

from grader.solutions import mistake


def _four(images, turn):
    """`turn(images, k)` for k = 0 to 3, one after the other, with right labels."""
    rotated = torch.cat([turn(images, k) for k in range(4)])
    return rotated, torch.arange(4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "turns_batch_dimension",
    check="check_turns",
    help="Without its `dims`, torch.rot90 turns the first two dimensions, images and channels: pass dims=(2, 3).",
)
def turns_batch_dimension(images):
    return _four(images, lambda x, k: torch.rot90(x, k))


@mistake(
    "rotation.rotate_images",
    "turns_channels_and_rows",
    check="check_turns",
    help="You turn channels and rows: in a batch (N, C, H, H) the image lies in dimensions 2 and 3, dims=(1, 2) are "
    "right for a single image (C, H, H).",
)
def turns_channels_and_rows(images):
    return _four(images, lambda x, k: torch.rot90(x, k, (1, 2)))


@mistake(
    "rotation.rotate_images",
    "turns_channels_and_columns",
    check="check_turns",
    help="You turn channels and columns: in a batch (N, C, H, H) the image lies in dimensions 2 and 3.",
)
def turns_channels_and_columns(images):
    return _four(images, lambda x, k: torch.rot90(x, k, (1, 3)))


@mistake(
    "rotation.rotate_images",
    "reverses_channels",
    check="check_turns",
    help="Your turns also reverse the order of the channels, red and blue exchanged: flip rows and columns only.",
)
def reverses_channels(images):
    return _four(images, lambda x, k: torch.rot90(x.flip(1) if k else x, k, (2, 3)))


@mistake(
    "rotation.rotate_images",
    "flips_batch_too",
    check="check_turns",
    help="Your half turn also reverses the order of images or channels: `flip()` needs the dimensions (2, 3), not all.",
)
def flips_batch_too(images):
    return _four(images, lambda x, k: x.flip(0, 1, 2, 3) if k == 2 else torch.rot90(x, k, (2, 3)))


@mistake(
    "rotation.rotate_images",
    "views_for_permute",
    check="check_turns",
    help="You reorder dimensions with `view` or `reshape`, which only cuts the same row of numbers anew: use `permute` "
    "to move channels to the end and back.",
)
def views_for_permute(images):
    n, c, h, w = images.shape

    def turn(x, k):
        return torch.rot90(x.reshape(n, h, w, c), k, (1, 2)).reshape(n, c, h, w)

    return _four(images, turn)


@mistake(
    "rotation.rotate_images",
    "not_permuted_back",
    check="check_turns",
    help="Your images come back with the channels last: permute them back to (4N, C, H, H).",
)
def not_permuted_back(images):
    return _four(images.permute(0, 2, 3, 1), lambda x, k: torch.rot90(x, k, (1, 2)))
