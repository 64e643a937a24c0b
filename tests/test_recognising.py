"""A zip with modules of several assignments is of the one that it holds more completely."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sample_notebooks import notebook, opened
from sample_rubric import SMALL_RUBRIC

from grader.authoring.composing.notebook import notebook_of
from grader.errors import SubmissionRefused
from grader.rubric import PROJECT, find_assignments, get_assignment

MINIPLACES, TWO_NETWORKS = (
    {
        f"{name}.py": (PROJECT / "solutions" / assignment / f"{name}.py").read_bytes()
        for name in get_assignment(assignment).modules
    }
    for assignment in ("miniplaces", "two_networks")
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with both assignments and a third, whose only module is `features`."""
    folder = tmp_path / "project"
    for name in ("miniplaces", "two_networks"):
        shutil.copytree(PROJECT / "assignment" / name, folder / "assignment" / name)
    third = folder / "assignment" / "third"
    third.mkdir()
    (third / "assignment.toml").write_text(SMALL_RUBRIC.format(id="third", modules='"features"'))
    (third / "features.py").write_text("def describe(image):\n    raise NotImplementedError\n")
    return folder


def some(files: dict[str, bytes], count: int) -> dict[str, bytes]:
    """The first of some files."""
    return dict(list(files.items())[:count])


@pytest.mark.parametrize(
    ("files", "assignment"),
    [
        ({**TWO_NETWORKS, "cam.py": b"def show(image): pass"}, "two_networks"),
        ({**TWO_NETWORKS, "cam.py": MINIPLACES["cam.py"]}, "two_networks"),
        ({**some(TWO_NETWORKS, 5), "filters.py": b"", "units.py": b""}, "two_networks"),
        ({**MINIPLACES, "visualize.py": TWO_NETWORKS["visualize.py"]}, "miniplaces"),
        ({**MINIPLACES, "features.py": b"def helper(): pass"}, "miniplaces"),
        ({**some(MINIPLACES, 3), "features.py": b"def helper(): pass"}, "miniplaces"),
        ({**MINIPLACES, "features.py": b"def describe(image): pass"}, "miniplaces"),
        ({"features.py": b"def describe(image): pass", "cam.py": b""}, "third"),
    ],
)
def test_more_complete(files: dict[str, bytes], assignment: str, tmp_path: Path, project: Path) -> None:
    """A helper that has the name of another assignment's module changes nothing, and the notes say so."""
    found = opened(tmp_path, files, choices=find_assignments(project).values())
    assert found.assignment == assignment
    assert found.files.keys() == files.keys()
    assert found.notes[0].startswith(f"Graded as {assignment}, of which the zip holds ")


def test_note(tmp_path: Path) -> None:
    """The note counts the modules of both."""
    notes = opened(tmp_path, {**TWO_NETWORKS, "cam.py": b"x = 1"}).notes
    assert notes == (
        "Graded as two_networks, of which the zip holds 6 of 6 modules; of miniplaces it holds 1 of 4 (cam.py).",
    )


@pytest.mark.parametrize(
    "files", [{**MINIPLACES, **TWO_NETWORKS}, {**some(MINIPLACES, 2), **some(TWO_NETWORKS, 3)}], ids=["whole", "half"]
)
def test_equally_complete(files: dict[str, bytes], tmp_path: Path) -> None:
    """A zip that holds as much of two needs to be told which; then the rest are helpers."""
    with pytest.raises(
        SubmissionRefused, match=r"filters\.py of miniplaces and resnet\.py of two_networks.*ASSIGNMENT="
    ):
        opened(tmp_path, files)
    for named in ("miniplaces", "two_networks"):
        found = opened(tmp_path, files, choices=[get_assignment(named)])
        assert (found.assignment, found.notes) == (named, ())


@pytest.fixture(scope="module")
def solved() -> bytes:
    """The solutions of Two Networks as a notebook."""
    return notebook_of(
        get_assignment("two_networks"), {name[:-3]: text.decode() for name, text in TWO_NETWORKS.items()}
    )


@pytest.mark.parametrize(
    "beside",
    [
        {"cam.py": b"def show(image): pass"},
        {"cam.py": MINIPLACES["cam.py"]},
        {"lib/filters.py": MINIPLACES["filters.py"]},
    ],
)
def test_notebook_beside_a_helper(beside: dict[str, bytes], solved: bytes, tmp_path: Path) -> None:
    """A notebook counts by the functions that it defines: a helper module does not make it another assignment's."""
    found = opened(tmp_path, {"lab.ipynb": solved, **beside})
    assert found.assignment == "two_networks"
    assert "resnet.py" in found.files


def test_notebook_beside_modules(solved: bytes, tmp_path: Path) -> None:
    """Complete modules are of their assignment, whatever a notebook beside them defines."""
    assert opened(tmp_path, {**MINIPLACES, "lab.ipynb": solved}).assignment == "miniplaces"


def test_more_functions(tmp_path: Path) -> None:
    """Notebooks are of the assignment of which they define more functions, by number and by share."""
    cells = ("def rotate_images(x): pass", "def train_epoch(a): pass", "def normalize_tensor(t): pass")
    assert opened(tmp_path, {"lab.ipynb": notebook(*cells)}).assignment == "two_networks"
