"""Task 3, the turns: outputs are recognised by their pixels, and odd answers fail.

That known mistakes are caught and other right ways accepted is shown by tests/test_validation.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sample_rotation import ODD, Function, answers, implement

from grader.errors import Failure
from grader.records import Array
from solutions.two_networks.checks import check_rotation, public_rotation
from solutions.two_networks.checks.turns import View, in_canonical_form, make_images, recognise


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers for the inputs."""
    return np.random.default_rng(7)


@pytest.fixture
def images(rng: np.random.Generator) -> Array:
    """Three images, (3, 2, 5, 5)."""
    return make_images(rng, 3, 2, 5)


# --- Recognising ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize(
    ("change", "mirrored", "reverse"),
    [
        (lambda x: x, False, False),
        (lambda x: x.flip(3), True, False),
        (lambda x: x.flip(1), False, True),
        (lambda x: x.flip(1, 3), True, True),
    ],
)
@pytest.mark.parametrize("size", [*public_rotation.SIZES])
def test_recognised(
    rng: np.random.Generator, size: tuple[int, int, int], change: Function, mirrored: bool, reverse: bool, turns: int
) -> None:
    """Each turn, mirror image and exchange of channels of each image is told from all others, at every size."""
    images = make_images(rng, *size)
    outputs = change(torch.rot90(torch.from_numpy(images), turns, (2, 3))).numpy().astype(np.float16)
    one_channel = size[1] == 1  # in which order a single channel is can't be told
    expected = [View(place, turns, mirrored, reverse and not one_channel) for place in range(size[0])]
    assert recognise(outputs.astype(np.float64), images) == expected


def test_not_recognised(images: Array) -> None:
    """What is not made of an image's own pixels is nothing, nan and infinity included."""
    outputs = np.stack([images[0] + 0.1, images[0] * np.nan, images[0] + np.inf, np.roll(images[0], 1, 2)])
    assert recognise(outputs, images) == [None] * 4


def rotate(images: torch.Tensor, turns: tuple[int, ...] = (0, 1, 2, 3)) -> tuple[torch.Tensor, torch.Tensor]:
    """All images in these turns, labelled 0 to 3 in this order."""
    rotated = torch.cat([torch.rot90(images, k, (2, 3)) for k in turns])
    return rotated, torch.arange(4).repeat_interleave(len(images))


def test_canonical_form(images: Array) -> None:
    """Order and direction make no difference to the recorded answer; other labels do, where labels matter."""
    canonical = {with_labels: in_canonical_form(images, with_labels=with_labels) for with_labels in (True, False)}
    left, labels = (part.numpy() for part in rotate(torch.from_numpy(images)))
    right = rotate(torch.from_numpy(images), (0, -1, -2, -3))[0].numpy()
    order = np.random.default_rng(0).permutation(12)
    for with_labels, form in canonical.items():
        first = form((left, labels))
        assert first == form((right, labels)) == form((left[order], labels[order])) == form([right, labels.tolist()])
        assert (first == form((left, labels[order]))) is not with_labels
    for odd in (None, (left, None), (left + 1, labels), (left, labels[:3])):
        assert canonical[True](odd) is odd


# --- Odd answers: a failure that says what is wrong, never a surprise -------------------------------------------------


@pytest.mark.parametrize("value", ODD, ids=str)
def test_odd_turns(rng: np.random.Generator, value: Any) -> None:
    """An answer of another kind than images and labels is a failure."""
    with pytest.raises(Failure):
        public_rotation.check_turns(implement(rotate_images=answers(value)), rng)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x[:0],
        lambda x: x * torch.nan,
        lambda x: x.to(torch.complex64),
        lambda x: x[..., :-1],
        lambda x: torch.cat([x] * 50),
        lambda x: x.flatten(1),
        lambda x: x.bool(),
        lambda x: [*x[:-1], None],
    ],
)
def test_odd_images(rng: np.random.Generator, change: Function) -> None:
    """Images that are empty, not numbers, far too many or of another shape are a failure."""
    student = implement(rotate_images=lambda images: (change(rotate(images)[0]), rotate(images)[1]))
    with pytest.raises(Failure):
        public_rotation.check_turns(student, rng)


@pytest.mark.parametrize(
    "change",
    [
        lambda y: None,
        lambda y: "0123",
        lambda y: y[:-1],
        lambda y: y * torch.nan,
        lambda y: y - 1,
        lambda y: y / 4,
        lambda y: y.bool(),
        lambda y: y.view(2, -1),
        lambda y: [*y.tolist()[:-1], None],
        lambda y: y.flip(0),
    ],
)
def test_odd_labels(rng: np.random.Generator, change: Function) -> None:
    """Labels that are missing, not numbers, of another shape or not from 0 to 3 are a failure, of the labels alone."""
    student = implement(rotate_images=lambda images: (rotate(images)[0], change(rotate(images)[1])))
    public_rotation.check_turns(student, np.random.default_rng(7))
    with pytest.raises(Failure):
        check_rotation.check_labels(student, rng)


def test_direction_changes_between_calls(rng: np.random.Generator) -> None:
    """Turning to the left in one call and to the right in the next is a failure."""
    student = implement(rotate_images=lambda images: rotate(images, (0, 1, 2, 3) if len(images) > 2 else (0, 3, 2, 1)))
    with pytest.raises(Failure, match="from call to call"):
        check_rotation.check_labels(student, rng)
