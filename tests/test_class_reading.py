"""What is read of the students' folders, and the walls of pictures made of it."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sample_class_page as sample
from sample_class_page import fault, row

from grader import figures
from grader.course.class_report import reading
from grader.course.class_report.reading import read_class
from grader.course.class_report.seen import Seen
from grader.course.class_report.walls import build_walls
from grader.figures.thumbnail import Accuracy
from grader.importing import load_module
from grader.packages import figures_folder
from grader.records import Exhibit
from grader.results import ARRAYS
from grader.rubric import PROJECT, find_assignments


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
    overlays = next(one for one in sample.exhibits() if one.kind == "overlays")
    dropped = replace(overlays, task="2c", name="dropped", facts={"class_page": False})
    sample.write_student(tmp_path, "fay", [], [odd, flat, dropped])
    rows = [row(student) for student in ("ada", "bob", "cem", "dan", "eve", "fay")]
    students = [one.student for one in rows]
    filters, maps = build_walls(find_assignments()["miniplaces"], students, read_class(rows, tmp_path))
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
    assert seen["ada"].accuracies == (("4c", Accuracy(0.91, 0.92, 0.9)),)


def test_no_kind_is_named() -> None:
    """The class report names no kind of figure: whatever a kind's module shows appears on the page."""
    folders = [PROJECT / "grader/vision/figures", *map(figures_folder, find_assignments().values())]
    kinds = {path.stem for folder in folders for path in folder.glob("*.py") if path.stem != "__init__"}
    assert len(kinds) > 8
    own = [*(PROJECT / "grader/course/class_report").glob("*.py"), *(PROJECT / "report_templates").glob("*class*")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in own}
    named = [(name, kind) for name, text in texts.items() for kind in kinds if re.search(rf"[\"'.]{kind}\b", text)]
    assert named == []
    assert [name for name, text in texts.items() if "grader.vision" in text] == []


OWN_KIND = """
import numpy as np
from grader.figures.thumbnail import Accuracy, Thumbnail

def thumbnail(exhibit):
    if exhibit.name == "odd":
        return [Thumbnail("Nothing", np.zeros((2, 2)), None)]
    if exhibit.name == "broken":
        raise KeyError("a defect")
    sides = (np.full((4, 4, 3), exhibit.arrays[name][0], np.uint8) for name in ("student_color", "reference_color"))
    return [Thumbnail("A color", *sides), Accuracy(0.5)]
"""


def test_own_kind_has_a_wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of an assignment's own is on the wall by its `thumbnail`; one that fails costs only its own picture."""
    kinds = tmp_path / "kinds"
    kinds.mkdir()
    (kinds / "swatch.py").write_text(OWN_KIND)
    (kinds / "silent.py").write_text("def draw(exhibit): ...\n")
    monkeypatch.setattr(reading, "figures_folder", lambda _assignment: kinds)
    monkeypatch.setattr(figures, "import_part", load_module)
    arrays = {"student_color": np.array([7]), "reference_color": np.array([200])}
    shown = [Exhibit("2a", "swatch", name, "", arrays) for name in ("own", "odd", "broken")]
    sample.write_student(tmp_path, "ada", [], [*shown, Exhibit("2a", "silent", "quiet", "", arrays)])
    seen = read_class([row("ada")], tmp_path)
    assert seen["ada"].accuracies == (("2a", Accuracy(0.5)),)
    (wall,) = build_walls(find_assignments()["miniplaces"], ["ada"], seen)
    assert [(tile.is_reference, tile.students) for tile in wall.tiles] == [(True, ()), (False, ("ada",))]
