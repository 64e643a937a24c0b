"""Tasks 4.1 to 4.5, the exhibits: their forms, with and without networks of the student's, and what is kept on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sample_tiers import tiered
from sample_two_networks import expect_replay_fails, implement, model_files, pictures, reference, solved

from grader import figures
from grader.errors import CheckStopped
from grader.packages import figures_folder
from grader.records import Array, Exhibit
from grader.rubric import get_assignment
from grader.sandbox.student import Implementation
from solutions.two_networks.checks import check_class_maps, check_layout, check_neighbours, check_visualize
from solutions.two_networks.checks import computed_once as kept
from solutions.two_networks.checks import examples as chosen

DRAWN: dict[str, Callable[..., None]] = {
    "filters": check_visualize.check_filters_drawn,
    "cam_grid": check_class_maps.check_maps_drawn,
    "embedding": check_layout.check_layouts_drawn,
    "neighbours": check_neighbours.check_neighbours_drawn,
}
KINDS = tiered(DRAWN.keys(), slow=("embedding",))  # t-SNE takes long
NOT_SHOWN = {"filters": "student_images", "neighbours": "student_images"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path))


def shown(
    kind: str, student: Implementation, *, is_cifar: bool = True, fails: bool = False, seed: int = 5
) -> tuple[list[Exhibit], dict[str, float]]:
    """What a check lays out, and what it measures."""
    exhibits: list[Exhibit] = []
    measured = {"supervised_accuracy": 0.7}

    def lay_out(kind: str, name: str, caption: str, arrays: Any = None, facts: Any = None, task: str = "4") -> None:
        exhibits.append(Exhibit(task, kind, name, caption, dict(arrays or {}), dict(facts or {})))

    arguments: Mapping[str, Any] = {
        "student": student,
        "oracle": implement(),
        "reference": reference(),
        "pictures": pictures(is_cifar=is_cifar),
        "measured": measured,
        "rng": np.random.default_rng(seed),
        "exhibit": lay_out,
    }
    check = DRAWN[kind]
    taken = {name: value for name, value in arguments.items() if name in check.__annotations__}
    if fails:
        with pytest.raises(CheckStopped):
            check(**taken)
    else:
        check(**taken)
    return exhibits, measured


def arrays_of(exhibit: Exhibit, owner: str) -> dict[str, Array]:
    """The arrays of the student or the reference."""
    return {name.removeprefix(f"{owner}_"): a for name, a in exhibit.arrays.items() if name.startswith(f"{owner}_")}


@pytest.mark.parametrize("kind", KINDS)
def test_own_networks_shown(kind: str) -> None:
    """A student's networks are shown beside the reference's: here they are the same, and so are the arrays."""
    for exhibit in shown(kind, implement(model_files()))[0]:
        own, references = arrays_of(exhibit, "student"), arrays_of(exhibit, "reference")
        if exhibit.name not in ("pixels", "comparison"):
            assert own.keys() == references.keys()
            assert own
        for name, array in own.items():
            assert np.abs(array - references[name].astype(np.float64)).max() < 1e-3 * max(1, np.abs(array).max())
        assert not exhibit.facts.get("problem")
        assert "could not be drawn" not in figures.draw(exhibit, figures_folder(get_assignment("two_networks"))).caption


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("why", ["no files", "no CIFAR-10", "no network"])
def test_reference_alone(kind: str, why: str) -> None:
    """Where a student's networks can't be shown, nothing is lost: the reference's are, with a sentence why."""
    student = {
        "no files": implement(),
        "no CIFAR-10": implement(model_files()),
        "no network": implement(model_files(), SmallResNet=lambda: 1 / 0),
    }[why]
    for exhibit in shown(kind, student, is_cifar=why != "no CIFAR-10")[0]:
        is_shown = (kind, why) == ("filters", "no CIFAR-10")  # filters are seen without any picture
        assert bool(arrays_of(exhibit, "student")) is is_shown
        assert ("Drawn with noise." in exhibit.caption) is (why == "no CIFAR-10")
        if exhibit.name not in ("pixels", "comparison"):
            assert bool(exhibit.facts.get("problem")) is not is_shown


FUNCTIONS = [
    ("filters", "filter_images"),
    ("cam_grid", "class_activation_map"),
    pytest.param("embedding", "embed_2d", marks=pytest.mark.slow),
    ("neighbours", "nearest_neighbours"),
]


@pytest.mark.parametrize(("kind", "name"), FUNCTIONS)
def test_recorded_answers(kind: str, name: str) -> None:
    """Right answers of another day are none today, though networks and images are always the same."""
    expect_replay_fails(lambda student, seed: shown(kind, student, seed=seed), name, solved(name))


@pytest.mark.parametrize(("kind", "name"), FUNCTIONS)
@pytest.mark.parametrize("answer", [None, np.zeros((2, 2)), np.full((5, 10), 1e300)])
def test_wrong_function(kind: str, name: str, answer: Any) -> None:
    """A function that is wrong on real data fails the check, after all exhibits stand in the report."""
    student = implement(model_files(), **{name: lambda *_arguments, **_options: answer})
    exhibits, _ = shown(kind, student, fails=True)
    assert len(exhibits) == {"filters": 4, "neighbours": 4}.get(kind, 1)
    for exhibit in exhibits:
        assert not arrays_of(exhibit, "student")


@pytest.mark.slow
def test_wrong_features_cost_nothing() -> None:
    """Features that raise, or are none, only take the student's neighbours and layout out of the report."""
    for wrong in (lambda _model, _images: 1 / 0, lambda _model, _images: torch.zeros(3)):
        for kind in ("neighbours", "embedding"):
            exhibits, measured = shown(kind, implement(model_files(), penultimate_features=wrong))
            assert not arrays_of(exhibits[0], "student")
            assert exhibits[0].facts["problem"]
            assert measured.keys() == {"supervised_accuracy"}


def test_comparison() -> None:
    """The table for 4.5 holds what was measured before, the shares of neighbours, and the reference's."""
    exhibits, measured = shown("neighbours", implement(model_files()))
    assert [(exhibit.kind, exhibit.name) for exhibit in exhibits] == [
        *(("neighbours", name) for name in ("supervised", "rotation", "pixels")),
        ("comparison", "comparison"),
    ]
    assert exhibits[-1].task == "4.5"
    images, turns, shares = exhibits[-1].facts["rows"]
    assert (images["student_supervised"], images["reference_supervised"], images["student_rotation"]) == (
        0.7,
        0.5,
        None,
    )
    assert (turns["student_rotation"], turns["reference_rotation"], turns["chance"]) == (None, 0.5, 0.25)
    assert measured == {
        "supervised_accuracy": 0.7,
        "supervised_share": shares["student_supervised"],
        "rotation_share": shares["student_rotation"],
    }
    assert all(0 <= shares[name] <= 1 for name in ("student_rotation", "reference_rotation", "pixels"))


def test_examples_chosen() -> None:
    """Sure and right images are preferred; where there are none, whatever there is does."""
    labels = np.array([0, 1, 7, 0, 1, 7])
    chances = np.full((6, 10), 0.01)
    chances[np.arange(6), labels] = 0.91
    chances[[0, 1], labels[[0, 1]]] = 0.5
    sure = chosen._surest(chances, labels)
    assert sure.tolist() == [2, 3, 4, 5]
    assert chosen._one_of_each(labels, sure) == [3, 4, 2]
    assert chosen._surest(chances * 0.5, labels).tolist() == [0, 1, 2, 3, 4, 5]
    assert chosen._surest(chances, labels + 1).tolist() == list(range(6))


def test_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed once comes from the cache the second time, and anew under another key."""
    monkeypatch.setenv("GRADER_CACHE", str(tmp_path))
    calls: list[int] = []

    def compute() -> dict[str, Array]:
        calls.append(1)
        return {"rows": np.arange(3)}

    for key in ("a", "a", "b"):
        assert kept.computed_once("rows", key, compute)["rows"].tolist() == [0, 1, 2]
    assert len(calls) == 2
