"""Known mistakes in the images of `rotation.rotate_images`: task 3."""

from __future__ import annotations

import torch

from grader.author import mistake

# --- The turns --------------------------------------------------------------------------------------------------------


def _four(images, turn):
    """`turn(images, k)` for k = 0 to 3, one after the other, with right labels."""
    rotated = torch.cat([turn(images, k) for k in range(4)])
    return rotated, torch.arange(4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "flips_for_turns",
    check="check_turns",
    help="Mirror images stand where the quarter turns should be. A mirror image is not a turn: use torch.rot90.",
)
def flips_for_turns(images):
    return _four(images, lambda x, k: [x, x.flip(3), x.flip(2), x.flip(2, 3)][k])


@mistake(
    "rotation.rotate_images",
    "transposes_for_turns",
    check="check_turns",
    help="The quarter turns are mirrored along a diagonal, as transpose alone does. Transpose, then flip.",
)
def transposes_for_turns(images):
    return _four(images, lambda x, k: [x, x.transpose(2, 3), x.flip(2, 3), x.flip(2, 3).transpose(2, 3)][k])


@mistake(
    "rotation.rotate_images",
    "half_turn_mirrors",
    check="check_turns",
    help="The half turn is a mirror image: upside down, but with left and right in place. Flip rows and columns.",
)
def half_turn_mirrors(images):
    return _four(images, lambda x, k: x.flip(2) if k == 2 else torch.rot90(x, k, (2, 3)))


@mistake(
    "rotation.rotate_images",
    "quarter_turns_without_flip",
    check="check_turns",
    help="One quarter turn is a turn, the other only a transposed image. Both need a flip, along different dimensions.",
)
def quarter_turns_without_flip(images):
    def turn(x, k):
        return [x, x.transpose(2, 3).flip(2), x.flip(2, 3), x.transpose(2, 3)][k]

    return _four(images, turn)


@mistake(
    "rotation.rotate_images",
    "half_turn_twice",
    check="check_turns",
    help="The half turn is there twice, and a quarter turn is missing. Turning by 2 to the left and to the right is "
    "the same.",
)
def half_turn_twice(images):
    return _four(images, lambda x, k: torch.rot90(x, [0, 1, 2, -2][k], (2, 3)))


@mistake(
    "rotation.rotate_images",
    "upright_twice",
    check="check_turns",
    help="The upright image is there twice. Four quarter turns lead back to it: count them 0, 1, 2, 3.",
)
def upright_twice(images):
    return _four(images, lambda x, k: torch.rot90(x, [0, 1, 2, 4][k], (2, 3)))


@mistake(
    "rotation.rotate_images",
    "four_names_for_one",
    check="check_turns",
    help="All four outputs are the same turn. Is one tensor written to and kept four times? Keep copies.",
)
def four_names_for_one(images):
    turned, outputs = images.clone(), []
    for k in range(4):
        turned[:] = torch.rot90(images, k, (2, 3))
        outputs.append(turned)
    return torch.cat(outputs), torch.arange(4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "never_turns",
    check="check_turns",
    help="All outputs are upright. torch.rot90 returns a new tensor: it does not change the one that it is given.",
)
def never_turns(images):
    outputs = []
    for k in range(4):
        turned = images.clone()
        torch.rot90(turned, k, (2, 3))
        outputs.append(turned)
    return torch.cat(outputs), torch.arange(4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "turns_first_image_only",
    check="check_turns",
    help="All outputs show the first image. Turn each image of the batch.",
)
def turns_first_image_only(images):
    return _four(images, lambda x, k: torch.rot90(x[:1].expand_as(x), k, (2, 3)))


@mistake(
    "rotation.rotate_images",
    "one_turn_per_image",
    check="check_turns",
    help="There is one output for each image. Return all four turns of each: 4N images.",
)
def one_turn_per_image(images):
    labels = torch.randint(4, (len(images),))
    turned = [torch.rot90(image, int(k), (1, 2)) for image, k in zip(images, labels, strict=True)]
    return torch.stack(turned), labels


@mistake(
    "rotation.rotate_images",
    "leaves_upright_out",
    check="check_turns",
    help="The upright images are missing. 0 quarter turns is one of the four, with the label 0.",
)
def leaves_upright_out(images):
    rotated = torch.cat([torch.rot90(images, k, (2, 3)) for k in (1, 2, 3)])
    return rotated, torch.arange(1, 4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "leaves_last_turn_out",
    check="check_turns",
    help="One quarter turn is missing. range(4) counts from 0 to 3.",
)
def leaves_last_turn_out(images):
    rotated = torch.cat([torch.rot90(images, k, (2, 3)) for k in range(3)])
    return rotated, torch.arange(3).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "stacks_for_cat",
    check="check_turns",
    help="There is a dimension too many, (4, N, C, H, H), as with torch.stack. Use torch.cat, or reshape to (4N, C, "
    "H, H).",
)
def stacks_for_cat(images):
    rotated = torch.stack([torch.rot90(images, k, (2, 3)) for k in range(4)])
    return rotated, torch.arange(4).repeat_interleave(len(images))


@mistake(
    "rotation.rotate_images",
    "images_without_labels",
    check="check_turns",
    help="Only the images are returned. Return (rotated, labels).",
)
def images_without_labels(images):
    return torch.cat([torch.rot90(images, k, (2, 3)) for k in range(4)])


# --- The input --------------------------------------------------------------------------------------------------------


@mistake(
    "rotation.rotate_images",
    "turns_the_input",
    check="check_images_kept",
    help="The tensor that was passed in is different afterwards. Turn a copy.",
)
def turns_the_input(images):
    outputs = [images.clone()]
    for _ in range(3):
        images.copy_(torch.rot90(images, 1, (2, 3)))
        outputs.append(images.clone())
    return torch.cat(outputs), torch.arange(4).repeat_interleave(len(images))
