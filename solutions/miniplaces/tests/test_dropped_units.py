"""The maps of the units that 2c switches off are drawn, whatever became of the network, and of task 2a."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from grader.checking.compare import numbers
from grader.records import Exhibit
from grader.rubric import get_assignment
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import implementation
from solutions.miniplaces.checks.dropped_units import lay_out_dropped
from solutions.miniplaces.checks.scenes import load_scene, scene_network

DROPPED = (14, 3, 127)


@pytest.fixture(scope="module")
def oracle() -> Implementation:
    """The solutions."""
    return implementation(get_assignment("miniplaces"))


def laid_out(oracle: Implementation, **functions: Callable[..., Any]) -> Exhibit:
    """What is laid out for a student whose `units.py` has these functions; without any, for the solutions."""
    student = oracle
    if functions:
        module = ModuleType("units")
        vars(module).update(functions)
        student = Implementation(("units",), LocalTransport({"units": module}, {}))
    found: list[Exhibit] = []

    def exhibit(kind: str, name: str, caption: str, arrays: Any, facts: Any) -> None:
        found.append(Exhibit("2c", kind, name, caption, arrays, facts))

    lay_out_dropped(student, oracle, load_scene(), 1, DROPPED, exhibit)
    return found[0]


def test_maps(oracle: Implementation) -> None:
    """The units' maps stand beside the reference's; what they added is what the logit falls by without them."""
    shown, scene = laid_out(oracle), load_scene()
    assert shown.facts["labels"] == ["unit 14", "unit 3", "unit 127"]
    assert shown.facts["problem"] == ""
    np.testing.assert_array_equal(shown.arrays["student_maps"], shown.arrays["reference_maps"])
    net = scene_network(oracle, scene)
    before = numbers(net(scene.image[None])).reshape(-1)[1]
    after = numbers(oracle.units.deactivate_unit_activations(net, scene.image, list(DROPPED))).reshape(-1)[1]
    assert sum(map(float, shown.facts["scores"])) == pytest.approx(before - after, abs=0.02)
    assert f"{before - after:.2f} together" in shown.caption


def test_missing_maps(oracle: Implementation) -> None:
    """Where the student's functions give no maps, a sentence says why, and the reference's are shown."""

    def raises(*_: Any) -> None:
        raise ValueError("what a pity")

    for functions in ({"remove_last_layers": raises}, {"top_units": raises}):
        shown = laid_out(oracle, **functions)
        assert "student_maps" not in shown.arrays
        assert shown.arrays["reference_maps"].shape[0] == len(DROPPED)
        assert shown.facts["problem"].startswith("There are no maps by your generate_featuremap_unit. ")
    assert "what a pity" in laid_out(oracle, remove_last_layers=raises).facts["problem"]


def test_maps_of_another_shape(oracle: Implementation) -> None:
    """Maps that are not finite, or of another shape, are drawn as zeros there: judging them is for 2a."""
    shown = laid_out(
        oracle,
        remove_last_layers=lambda model, _count: model,
        generate_featuremap_unit=lambda _cut, unit, _image: np.full((unit, 2), np.nan),
    )
    assert shown.arrays["student_maps"].shape == shown.arrays["reference_maps"].shape
    assert not shown.arrays["student_maps"].any()
