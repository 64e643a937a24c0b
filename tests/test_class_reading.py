"""What is read of the students' folders, and the walls of pictures made of it."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sample_class_page as sample
from sample_class_page import fault, row

from grader.course.class_report.reading import read_class
from grader.course.class_report.seen import Accuracy, Seen
from grader.course.class_report.walls import build_walls
from grader.records import Exhibit
from grader.results import ARRAYS
from grader.rubric import find_assignments


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../elsewhere"])
def test_no_folder_outside(tmp_path: Path, name: str) -> None:
    """A name that is a path reads nothing, inside or outside `out`."""
    out = tmp_path / "out"
    for folder in ("elsewhere", "out/a/b"):
        sample.write_student((tmp_path / folder).parent, Path(folder).name, [fault()])
    (seen,) = read_class([row(name)], out).values()
    assert seen == Seen(problem="This name can't be that of a folder, so that nothing was read.")


def test_stale_and_broken_folders(tmp_path: Path) -> None:
    """A folder of another zip, one that can't be read and one of an earlier run are told, never believed."""
    for student in ("stale", "broken", "failed"):
        sample.write_student(tmp_path, student, [fault()])
    (tmp_path / "broken" / ARRAYS).write_bytes(b"\xff" * 40)
    rows = [
        row("stale", sha256="0" * 64),
        row("broken"),
        row("gone"),
        row("failed", outcome="failed", message="Stopped."),
    ]
    seen = read_class(rows, tmp_path)
    assert [bool(one.problem) for one in seen.values()] == [True, True, True, False]
    assert all(one.faults == () and not one.has_page for one in seen.values())


def test_unasked_and_bonus_are_no_faults(tmp_path: Path) -> None:
    """What a variant does not ask for, and a bonus that nobody claimed, is no mistake of the class."""
    wrong = [fault(task="3d"), fault(task="2b", outcome="internal"), fault(task="1a", outcome="skipped"), fault()]
    sample.write_student(tmp_path, "ada", wrong)
    assert [check.task for check in read_class([row("ada")], tmp_path)["ada"].faults] == ["3a"]


def test_large_arrays_stay_small(tmp_path: Path) -> None:
    """What is kept of a student is small, whatever the pictures' size: memory stays flat in a large class."""
    image = np.zeros((1500, 2000, 3), np.uint8)
    shown = [
        Exhibit("3d", "overlays", "scene", "", {"image": image, "student_maps": np.zeros((5, 600, 800))}),
        Exhibit("1a", "filters", "conv1", "", {"student_images": np.zeros((64, 60, 60, 3), np.uint8)}),
    ]
    sample.write_student(tmp_path, "ada", [], shown)
    assert len(pickle.dumps(read_class([row("ada")], tmp_path))) < 600_000


def test_walls(tmp_path: Path) -> None:
    """Pictures that look the same stand once with all their students, the reference first, and nobody is left out."""
    for student, shade in (("ada", 0), ("bob", 2), ("cem", 0), ("dan", 2), ("eve", 3)):
        sample.write_student(tmp_path, student, [], sample.exhibits(shade=shade))
    odd = Exhibit("1a", "filters", "conv1", "", {"student_images": np.zeros((3, 0, 5), np.uint8)})
    flat = Exhibit(
        "3c", "overlays", "cams", "", {"image": np.zeros(4, np.uint8), "student_maps": np.full((1, 2, 2), np.nan)}
    )
    dropped = replace(next(one for one in sample.exhibits() if one.kind == "overlays"), task="2c", name="dropped")
    sample.write_student(tmp_path, "fay", [], [odd, flat, dropped])
    rows = [row(student) for student in ("ada", "bob", "cem", "dan", "eve", "fay")]
    filters, maps = build_walls(rows, read_class(rows, tmp_path), find_assignments())
    for wall in (filters, maps):
        assert [tile.students for tile in wall.tiles] == [("ada", "cem"), ("eve",), ("bob", "dan")]
        assert [tile.is_reference for tile in wall.tiles] == [True, False, False]
        assert wall.without == ("fay",)
        assert all(len(tile.picture.data) < 6 * 1024 for tile in wall.tiles)


@pytest.mark.parametrize("value", [None, True, "0.9", 1.5, -0.1])
def test_odd_accuracies(tmp_path: Path, value: object) -> None:
    """An accuracy that is no fraction is none; one that is stands beside the reference's and the threshold."""
    lines = [{"label": "Yours", "accuracy": value}, {"label": "Reference", "accuracy": 0.92}]
    odd = Exhibit("4c", "curves", "accuracy", "", {}, {"series": [], "lines": lines, "threshold": 0.9})
    sample.write_student(tmp_path, "odd", [], [odd])
    sample.write_student(tmp_path, "ada", [], sample.exhibits(0.91))
    seen = read_class([row("odd"), row("ada")], tmp_path)
    assert seen["odd"].accuracies == ()
    assert seen["ada"].accuracies == (Accuracy("4c", 0.91, 0.92, 0.9),)
