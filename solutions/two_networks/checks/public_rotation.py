"""Public checks of task 3: the four turns of every image, and the network that tells them apart."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from numpy.random import Generator

from grader.author import Array, Implementation, check, expect, expect_close, make, numbers, summarise
from solutions.two_networks.checks.turns import (
    TURN_NAMES,
    View,
    as_batch,
    both_parts,
    in_canonical_form,
    make_images,
    recognise,
)

# Images, channels and side. In the first, dimensions that are mixed up do not show in the shape.
SIZES = ((3, 3, 3), (2, 3, 8), (1, 1, 5), (5, 2, 6), (1, 3, 32))


@check(
    "3",
    weight=3,
    help="Look at the result of one small image, such as torch.arange(9.0).view(1, 1, 3, 3).",
)
def check_turns(student: Implementation, rng: Generator) -> None:
    """rotate_images gives each image in its four turns, and nothing else."""
    for size in SIZES:
        images = make_images(rng, *size)
        rotated, _ = both_parts(rotate_images(student, images, with_labels=False))
        outputs = as_batch(rotated, images)
        _expect_count(len(outputs), len(images))
        views = recognise(outputs, images)
        strange = [place for place, view in enumerate(views) if view is None]
        expect(
            not strange,
            f"{len(strange)} of {len(views)} outputs are no turn of any of the images.",
            expected=", ".join(TURN_NAMES),
            got=f"rotated[{strange[0]}]: {summarise(outputs[strange[0]])}" if strange else "",
        )
        _expect_turns([view for view in views if view is not None], len(images))


def rotate_images(student: Implementation, images: Array, *, with_labels: bool) -> Any:
    """What the student's `rotate_images` returns, brought into one form."""
    canonical = in_canonical_form(images, with_labels=with_labels)
    return student.rotation.rotate_images.with_options(canonical=canonical)(torch.from_numpy(images.copy()))


def _expect_count(outputs: int, images: int) -> None:
    expect(
        outputs == 4 * images,
        f"Of {images} image{'s' if images > 1 else ''} there must be {4 * images} turns, upright included.",
        expected=f"{4 * images} outputs",
        got=f"{outputs} output{'s' if outputs != 1 else ''}",
        mistake="rotation.one_turn_per_image" if outputs == images else None,
    )


def _expect_turns(views: list[View], images: int) -> None:
    """Expect each image once in each of its four turns."""
    for place, view in enumerate(views):
        expect(
            not view.mirrored and not view.channels_reversed,
            "An output is not turned but changed in another way.",
            expected=f"images[{view.image}] in one of its turns: {', '.join(TURN_NAMES)}",
            got=f"rotated[{place}] is {view}",
        )
    counts = Counter(views)
    lacking = [view for view in (View(i, turns) for i in range(images) for turns in range(4)) if not counts[view]]
    twice = [view for view, count in counts.items() if count > 1]
    expect(
        not lacking,
        f"Of the {4 * images} turns, {len(lacking)} are missing.",
        expected="each image once in each of its four turns",
        got="; ".join(f"{view}: {counts[view] or 'never'}" for view in (*twice[:2], *lacking[:2])),
    )


@check(
    "3",
    after=("check_turns",),
    help="Turn copies: torch.rot90 returns a new tensor, and `x[...] = ...` writes into the old one.",
)
def check_images_kept(student: Implementation, rng: Generator) -> None:
    """The images that were passed to rotate_images are not changed."""
    images = make_images(rng, 2, 3, 8)
    held = student.make(make("torch.clone", torch.from_numpy(images)))
    student.rotation.rotate_images.with_options(keep=True)(held)
    expect_close(numbers(held.clone()), images, within=0, what="images afterwards")
