"""Checks of task 3: the four turns of every image, and the network that tells them apart."""

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
    public=True,
)
def check_turns(student: Implementation, rng: Generator) -> None:
    """rotate_images gives each image in its four turns, and nothing else."""
    for size in SIZES:
        images = make_images(rng, *size)
        rotated, _ = both_parts(_rotate(student, images, with_labels=False))
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


def _rotate(student: Implementation, images: Array, *, with_labels: bool) -> Any:
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


@check("3", weight=3, after=("check_turns",), help="The labels must be in the same order as the images.")
def check_labels(student: Implementation, rng: Generator) -> None:
    """Each label says how many quarter turns its image was given, 0 being upright, in one direction throughout."""
    directions = set()
    for size in SIZES:
        images = make_images(rng, *size)
        rotated, labels = both_parts(_rotate(student, images, with_labels=True))
        views = [view for view in recognise(as_batch(rotated, images), images) if view is not None]
        told = numbers(labels)
        expect(
            told.size == len(views) == max(told.shape, default=1),
            "There must be one label for each output.",
            expected=f"{len(views)} labels, shape ({len(views)},)",
            got=summarise(told),
        )
        directions.add(_direction(views, told.reshape(-1)))
    expect(
        len(directions) == 1,
        "The direction of the turns differs from call to call.",
        expected="label 1 always the same quarter turn",
        got="label 1 is a quarter turn left for some images and a quarter turn right for others",
    )


def _direction(views: list[View], labels: Array) -> int:
    """1 where labels count quarter turns to the left, -1 to the right; raises Failure if neither."""
    values = sorted(set(labels.tolist()))
    expect(
        values == [0, 1, 2, 3],
        "The labels are not the numbers from 0 to 3.",
        expected="0, 1, 2, 3",
        got=", ".join(f"{value:g}" for value in values[:8]),
    )
    for place, (view, label) in enumerate(zip(views, labels.tolist(), strict=True)):
        right = (label == 0) == (view.turns == 0) and (label == 2) == (view.turns == 2)
        expect(
            right,
            f"rotated[{place}] is {view}, but its label is {label:g}.",
            expected="the label 0 for upright, 2 for a half turn, 1 and 3 for the quarter turns",
            got=_table(views, labels),
        )
    found = {1 if label == view.turns else -1 for view, label in zip(views, labels.tolist(), strict=True) if label % 2}
    expect(
        len(found) == 1,
        "Label 1 is a quarter turn left for some outputs and a quarter turn right for others.",
        expected="one direction throughout",
        got=_table(views, labels),
    )
    return found.pop()


def _table(views: list[View], labels: Array) -> str:
    """Which labels each turn got, e.g. "upright: 0; a quarter turn left: 1, 3"."""
    pairs = sorted({(view.turns, label) for view, label in zip(views, labels.tolist(), strict=True)})
    told = [", ".join(f"{label:g}" for turned, label in pairs if turned == turns) for turns in range(4)]
    return "; ".join(f"{name}: {labels}" for name, labels in zip(TURN_NAMES, told, strict=True))


@check(
    "3",
    after=("check_turns",),
    help="Turn copies: torch.rot90 returns a new tensor, and `x[...] = ...` writes into the old one.",
    public=True,
)
def check_images_kept(student: Implementation, rng: Generator) -> None:
    """The images that were passed to rotate_images are not changed."""
    images = make_images(rng, 2, 3, 8)
    held = student.make(make("torch.clone", torch.from_numpy(images)))
    student.rotation.rotate_images.with_options(keep=True)(held)
    expect_close(numbers(held.clone()), images, within=0, what="images afterwards")
