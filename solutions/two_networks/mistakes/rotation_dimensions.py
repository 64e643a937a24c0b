"""Known mistakes in `rotation.rotate_images`, task 3, that mix up dimensions."""

from __future__ import annotations

import torch

from grader.author import mistake


def _four(images, turn):
    """`turn(images, k)` for k = 0 to 3, one after the other, with right labels."""
    rotated = torch.cat([turn(images, k) for k in range(4)])
    return rotated, torch.arange(4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "turns_batch_dimension",
    check="check_turns",
    help="Are images and channels turned, as by torch.rot90 without its `dims`? Pass dims=(2, 3).",
)
def turns_batch_dimension(images):
    return _four(images, lambda x, k: torch.rot90(x, k))


@mistake(
    "rotation.rotate_images",
    "turns_channels_and_rows",
    check="check_turns",
    help="Are channels and rows turned? In a batch (N, C, H, H) the image lies in dimensions 2 and 3; dims=(1, 2) "
    "are right for a single image.",
)
def turns_channels_and_rows(images):
    return _four(images, lambda x, k: torch.rot90(x, k, (1, 2)))


@mistake(
    "rotation.rotate_images",
    "turns_channels_and_columns",
    check="check_turns",
    help="Are channels and columns turned? In a batch (N, C, H, H) the image lies in dimensions 2 and 3.",
)
def turns_channels_and_columns(images):
    return _four(images, lambda x, k: torch.rot90(x, k, (1, 3)))


@mistake(
    "rotation.rotate_images",
    "reverses_channels",
    check="check_turns",
    help="Turned images have their channels in the opposite order: red and blue are exchanged. Flip rows and columns "
    "only.",
)
def reverses_channels(images):
    return _four(images, lambda x, k: torch.rot90(x.flip(1) if k else x, k, (2, 3)))


@mistake(
    "rotation.rotate_images",
    "flips_batch_too",
    check="check_turns",
    help="The half turn also has its channels in the opposite order. `flip()` needs the dimensions (2, 3), not all.",
)
def flips_batch_too(images):
    return _four(images, lambda x, k: x.flip(0, 1, 2, 3) if k == 2 else torch.rot90(x, k, (2, 3)))


@mistake(
    "rotation.rotate_images",
    "views_for_permute",
    check="check_turns",
    help="Numbers of different places are mixed, as when `view` or `reshape` stands for a reordering. Use `permute` "
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
    help="The channels come last in the result. Permute it back to (4N, C, H, H).",
)
def not_permuted_back(images):
    return _four(images.permute(0, 2, 3, 1), lambda x, k: torch.rot90(x, k, (1, 2)))
