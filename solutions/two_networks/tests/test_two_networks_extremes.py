"""Task 3.3: odd answers fail, and the plot of easy and hard turns is shown whatever a student lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sample_rotation import (
    ODD,
    Function,
    answers,
    implement,
    lay_out_into,
    looks_for_bright_quarter,
    make_reference,
    pictures,
    tells_turns_by,
)

from grader.errors import Failure
from grader.records import Exhibit
from grader.reference import Reference
from grader.sandbox.student import Implementation
from solutions.two_networks.checks import check_extremes, public_extremes
from solutions.two_networks.checks.rotation_network import LEFT, RIGHT


def rng() -> np.random.Generator:
    """Random numbers for the inputs, the same each time."""
    return np.random.default_rng(3)


@pytest.fixture
def reference() -> Reference:
    """Reference networks that are untrained."""
    return make_reference()


@pytest.fixture
def laid_out() -> list[Exhibit]:
    """What the checks have laid out."""
    return []


@pytest.fixture
def exhibit(laid_out: list[Exhibit]) -> Function:
    """Stands for the fixture of the checks."""
    return lay_out_into(laid_out)


@pytest.mark.parametrize("value", [*ODD, 0.5, (np.full(3, np.nan), [0, 1, 2]), ([0, 1, -1], [0, 1, 2]), "ab"], ids=str)
def test_odd_extremes(value: Any) -> None:
    """An answer that is no pair of lists of indices is a failure."""
    with pytest.raises(Failure):
        public_extremes.check_extreme_indices(implement(extreme_examples=answers(value)), np.random.default_rng(7))


@pytest.mark.parametrize(
    ("student", "is_cifar", "problem"),
    [
        (implement(), True, ""),
        (implement({}), True, "Your zip has no `rotation.pth`"),
        (implement({"rotation.pth": b"no"}), True, "`rotation.pth` can't be loaded"),
        (implement(), False, "CIFAR-10"),
    ],
)
def test_extremes_are_shown(
    student: Implementation,
    is_cifar: bool,
    problem: str,
    reference: Reference,
    exhibit: Function,
    laid_out: list[Exhibit],
) -> None:
    """The plot holds eight turned images of each side and end; where the student's can't be, a sentence says why."""
    shown = pictures(is_cifar=is_cifar)
    check_extremes.check_extremes_of_network(student, implement(), rng(), shown, reference, exhibit)
    (plot,) = laid_out
    sides = {name.split("_")[0] for name in plot.arrays}
    assert sides == ({"reference"} if problem else {"reference", "student"})
    assert problem in plot.facts.get("problem", "")
    assert plot.caption.endswith(shown.note)
    for side in sides:
        for end in ("lowest", "highest"):
            assert plot.arrays[f"{side}_{end}_images"].shape == (8, 32, 32, 3)
            assert plot.arrays[f"{side}_{end}_images"].dtype == np.uint8
            assert set(plot.arrays[f"{side}_{end}_turns"]) | set(plot.arrays[f"{side}_{end}_predicted"]) <= {0, 1, 2, 3}
        lowest, highest = (plot.arrays[f"{side}_{end}_losses"] for end in ("lowest", "highest"))
        assert (np.diff(lowest) >= 0).all()
        assert (np.diff(highest) <= 0).all()
        assert lowest[0] < highest[0]


def test_images_are_shown_as_seen(reference: Reference, exhibit: Function, laid_out: list[Exhibit]) -> None:
    """Turned back by as many quarter turns as the plot says, each shown image is one of the test images."""
    shown = pictures(is_cifar=True)
    check_extremes.check_extremes_of_network(implement(), implement(), rng(), shown, reference, exhibit)
    upright = {image.permute(1, 2, 0).numpy().tobytes() for image in shown.test.images}
    arrays = laid_out[0].arrays
    for image, turns in zip(arrays["student_lowest_images"], arrays["student_lowest_turns"], strict=True):
        assert np.ascontiguousarray(np.rot90(image, -turns)).tobytes() in upright


def test_network_that_turns_right(reference: Reference, exhibit: Function, laid_out: list[Exhibit]) -> None:
    """What a network whose labels count to the right said is shown as the turn that it meant."""
    for labels in (LEFT, RIGHT):
        student = tells_turns_by(looks_for_bright_quarter(labels))
        check_extremes.check_extremes_of_network(
            student, implement(), rng(), pictures(is_cifar=True), reference, exhibit
        )
    for plot in laid_out:
        np.testing.assert_array_equal(plot.arrays["student_lowest_turns"], plot.arrays["student_lowest_predicted"])
        for name, array in laid_out[0].arrays.items():
            np.testing.assert_allclose(plot.arrays[name], array, rtol=1e-5)


def test_wrong_choice_is_told_beside_the_reference(
    reference: Reference, exhibit: Function, laid_out: list[Exhibit]
) -> None:
    """Where extreme_examples is wrong the check fails, and the plot says why in the student's place."""
    student = implement(extreme_examples=answers(([0] * 8, [1] * 8)))
    with pytest.raises(Failure):
        check_extremes.check_extremes_of_network(
            student, implement(), rng(), pictures(is_cifar=True), reference, exhibit
        )
    (plot,) = laid_out
    assert plot.facts["problem"].startswith("These are not the 8 lowest losses")
    assert not any(name.startswith("student") for name in plot.arrays)
