"""Known mistakes in the labels of `rotation.rotate_images`: task 3."""

from __future__ import annotations

import torch

from grader.author import mistake


def _turned(images, turns=(0, 1, 2, 3)):
    """Right images, one turn of all of them after the other."""
    return torch.cat([torch.rot90(images, k, (2, 3)) for k in turns])


@mistake(
    "rotation.rotate_images",
    "labels_interleaved",
    check="check_labels",
    help="Labels and images are in different orders. If one turn of all images comes after the other, use "
    "repeat_interleave(N): 0, 0, ..., 1, 1, ..., not repeat(N): 0, 1, 2, 3, 0, 1, ...",
)
def labels_interleaved(images):
    return _turned(images), torch.arange(4).repeat(len(images))


@mistake(
    "rotation.rotate_images",
    "images_interleaved",
    check="check_labels",
    help="Labels and images are in different orders. If the four turns of an image come together, use repeat(N): 0, "
    "1, 2, 3, 0, 1, ..., not repeat_interleave(N): 0, 0, ..., 1, 1, ...",
)
def images_interleaved(images):
    rotated = torch.stack([torch.rot90(images, k, (2, 3)) for k in range(4)], dim=1)
    return rotated.flatten(0, 1), torch.arange(4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "labels_from_one",
    check="check_labels",
    help="The labels run from 1 to 4. The label is the number of quarter turns: 0 for upright.",
)
def labels_from_one(images):
    return _turned(images), torch.arange(1, 5).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "labels_in_degrees",
    check="check_labels",
    help="The labels are degrees. The label is the number of quarter turns: 0 to 3.",
)
def labels_in_degrees(images):
    return _turned(images), torch.tensor([0, 90, 180, 270]).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "labels_one_hot",
    check="check_labels",
    help="The labels are one-hot rows. Return one number for each image, shape (4N,).",
)
def labels_one_hot(images):
    labels = torch.arange(4).repeat_interleave(len(images))
    return _turned(images), torch.nn.functional.one_hot(labels, 4)


@mistake(
    "rotation.rotate_images",
    "labels_of_images",
    check="check_labels",
    help="The labels say which image it is, not how it is turned.",
)
def labels_of_images(images):
    return _turned(images), torch.arange(len(images)).repeat(4)


@mistake(
    "rotation.rotate_images",
    "labels_all_zero",
    check="check_labels",
    help="All labels are 0. Give each turn its own.",
)
def labels_all_zero(images):
    return _turned(images), torch.zeros(4 * len(images), dtype=torch.long)


@mistake(
    "rotation.rotate_images",
    "labels_for_four",
    check="check_labels",
    help="There are only four labels. Each of the 4N outputs needs its own.",
)
def labels_for_four(images):
    return _turned(images), torch.arange(4)


@mistake(
    "rotation.rotate_images",
    "upright_is_last",
    check="check_labels",
    help="Upright images have the label 3. Upright is 0, and the quarter turns count on from there.",
)
def upright_is_last(images):
    return _turned(images, (1, 2, 3, 0)), torch.arange(4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "half_turn_is_not_two",
    check="check_labels",
    help="The half turn has the label 1. Labels count quarter turns in order: 90 degrees is 1, 180 is 2, 270 is 3.",
)
def half_turn_is_not_two(images):
    return _turned(images, (0, 2, 1, 3)), torch.arange(4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "quarter_turns_share_a_label",
    check="check_labels",
    help="Both quarter turns have the label 1. Left and right are different turns: 1 and 3.",
)
def quarter_turns_share_a_label(images):
    return _turned(images), torch.tensor([0, 1, 2, 1]).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "direction_alternates",
    check="check_labels",
    help="The same label is a turn to the left for some images and to the right for others. Keep one direction.",
)
def direction_alternates(images):
    turned = [
        torch.rot90(image, k if place % 2 == 0 else -k, (1, 2)) for k in range(4) for place, image in enumerate(images)
    ]
    return torch.stack(turned), torch.arange(4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "shuffles_images_only",
    check="check_labels",
    help="Labels and images do not belong together. Are they shuffled apart from each other? Use the same "
    "permutation for both.",
)
def shuffles_images_only(images):
    rotated = _turned(images)
    labels = torch.arange(4).repeat_interleave(len(images))
    return rotated[torch.randperm(len(rotated))], labels


@mistake(
    "rotation.rotate_images",
    "turns_what_is_turned",
    check="check_labels",
    help="These are the turns when the last result is turned by k each time. Turn the original by k, or the last "
    "result by 1.",
)
def turns_what_is_turned(images):
    turned, outputs = images, []
    for k in range(4):
        turned = torch.rot90(turned, k, (2, 3))
        outputs.append(turned)
    return torch.cat(outputs), torch.arange(4).repeat_interleave(len(images))
