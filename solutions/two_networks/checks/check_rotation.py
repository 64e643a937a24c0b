"""Hidden checks of task 3: the four turns of every image, and the network that tells them apart."""

from __future__ import annotations

from numpy.random import Generator

from grader.author import Array, Implementation, check, expect, numbers, summarise
from solutions.two_networks.checks.public_rotation import SIZES, rotate_images
from solutions.two_networks.checks.turns import (
    TURN_NAMES,
    View,
    as_batch,
    both_parts,
    make_images,
    recognise,
)


@check(
    "3",
    weight=3,
    after=("check_turns",),
    help="The labels must be in the same order as the images.",
    listed_before="check_images_kept",
)
def check_labels(student: Implementation, rng: Generator) -> None:
    """Each label says how many quarter turns its image was given, 0 being upright, in one direction throughout."""
    directions = set()
    for size in SIZES:
        images = make_images(rng, *size)
        rotated, labels = both_parts(rotate_images(student, images, with_labels=True))
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
