"""What makes checks run again, and what only the score."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader.course import digests
from grader.course.digests import RUN, SCORE, Digests, take_digests
from grader.reference import load_reference
from grader.rubric import PROJECT, find_assignments, get_assignment


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what digests are taken of."""
    for folder in ("grader", "assignment", "solutions", "report_templates"):
        ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=ignored)
    monkeypatch.setattr(digests, "describe_data", lambda _assignment: {"CIFAR-10": "here"})
    return tmp_path


def digests_of(project: Path, weakest: str = "container") -> Digests:
    """Digests of that copy."""
    return take_digests(weakest, find_assignments(project).values(), project)


def edit(path: str, old: str = "", new: str = "\n# changed\n") -> Callable[[Path], None]:
    """A change of one file: `old` becomes `new`, or `new` stands at its end."""

    def change(project: Path) -> None:
        text = (project / path).read_text(encoding="utf-8")
        assert old in text
        (project / path).write_text(text.replace(old, new, 1) if old else text + new, encoding="utf-8")

    return change


RUBRIC = "assignment/miniplaces/assignment.toml"


@pytest.mark.parametrize(
    ("change", "runs", "scores"),
    [
        (edit("solutions/miniplaces/checks/check_cam.py"), True, False),
        (edit("grader/checking/compare.py"), True, False),
        (edit("grader/sandbox/worker_main.py"), True, False),
        (edit("grader/bounded_process_main.py"), True, True),  # notebooks are read in it, and pages drawn
        (edit("grader/notebooks/modules.py"), True, False),
        (edit("grader/intake/opening.py"), True, False),
        (edit("grader/intake/answers.py"), True, False),
        (edit("solutions/miniplaces/cam.py"), True, False),
        (edit("solutions/miniplaces/manifest.py"), True, False),
        (edit("solutions/miniplaces/figures/ramp.py"), False, True),
        (edit("grader/vision/figures/curves.py"), False, True),
        (edit("grader/vision/memorization.py"), True, False),
        (edit("solutions/two_networks/checks/check_layout.py"), False, False),  # another assignment's
        (edit("solutions/miniplaces/mistakes/cam.py"), True, False),
        (edit(RUBRIC, "call_s = 30", "call_s = 31"), True, True),
        (edit(RUBRIC, "points = 1\n", "points = 2\n"), False, True),
        (edit(RUBRIC, "floor = 0.5", "floor = 0.25"), False, True),
        (edit(RUBRIC, "due_at = 2022-03-29", "due_at = 2022-03-30"), False, True),
        (edit("grader/scoring.py"), False, True),
        (edit("report_templates/report.css"), False, True),
        (edit("solutions/two_networks/rotation.py"), False, False),  # another assignment's
        (edit("report_templates/_task.html.j2"), False, True),
        (edit("grader/course/class_report/rendering.py"), False, False),
        (edit("assignment/miniplaces/README.md"), False, False),
    ],
)
def test_changes(project: Path, change: Callable[[Path], None], runs: bool, scores: bool) -> None:
    """Each change has checks run again, or scores made again, or neither; never less than it must."""
    before = digests_of(project)
    change(project)
    after = digests_of(project)
    assert (before.run["miniplaces"] != after.run["miniplaces"]) is runs
    assert (before.score["miniplaces"] != after.score["miniplaces"]) is scores
    assert (before.whole != after.whole) is (before != after)


def test_data_and_walls(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another data set or another weakest sandbox has checks run again; the same gives the same digests."""
    before = digests_of(project)
    assert digests_of(project) == before
    assert digests_of(project, "cold").run != before.run
    monkeypatch.setattr(digests, "describe_data", lambda _assignment: {"CIFAR-10": "missing"})
    assert digests_of(project).run != before.run


def test_other_weights(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reference models that were trained again have checks run again, also where they come from the same place."""
    before = digests_of(project)
    trained = load_reference(get_assignment("miniplaces"))
    weights = {model: {name: value + 1 for name, value in each.items()} for model, each in trained.weights.items()}
    monkeypatch.setattr(digests, "load_reference", lambda _assignment: replace(trained, weights=weights))
    assert digests_of(project).run["miniplaces"] != before.run["miniplaces"]


def test_named_files_exist() -> None:
    """Every module that a digest begins with is there."""
    assert [name for name in (*RUN, *SCORE) if not (PROJECT / "grader" / name).is_file()] == []
