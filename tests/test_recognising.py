"""A zip with modules of several assignments is of the one that it holds more completely."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from sample_notebooks import notebook, opened
from sample_rubric import SMALL_RUBRIC

from grader.authoring.composing.notebook import notebook_of
from grader.errors import SubmissionRefused
from grader.rubric import PROJECT, Assignment, find_assignments, get_assignment

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
    assert found.assignment.id == assignment
    assert found.files.keys() == files.keys()
    assert found.notes[0].startswith(f"Graded as {assignment}, of which the zip holds ")


SHAPES = b"from features import describe\n\ndef outline(image): return describe(image)\n"
PAIR = {"shapes.py": SHAPES, "colours.py": b"def mix(colours): pass", "features.py": b"def describe(image): pass"}


@pytest.fixture
def pair(project: Path) -> list[Assignment]:
    """The third assignment, and one of two modules, `shapes` and `colours`, of which no stub has been made."""
    own = project / "solutions" / "pair"
    for folder in (own, project / "assignment" / "pair"):
        folder.mkdir(parents=True)
    rubric = SMALL_RUBRIC.format(id="pair", modules='"shapes", "colours"')
    (project / "assignment" / "pair" / "assignment.toml").write_text(rubric)
    (own / "shapes.py").write_text("def outline(image): return image")
    (own / "colours.py").write_text("def mix(colours): return colours[0]")
    return [get_assignment(name, project) for name in ("third", "pair")]


@pytest.mark.parametrize("order", [1, -1])
def test_helper_is_imported(order: int, pair: list[Assignment], tmp_path: Path) -> None:
    """A helper that is another assignment's only module, name and all, is a helper where the work imports it."""
    found = opened(tmp_path, PAIR, choices=pair[::order])
    assert found.assignment.id == "pair"
    assert found.notes[0].endswith("of third it holds 1 of 1 (features.py).")


def test_two_works(pair: list[Assignment], tmp_path: Path) -> None:
    """Where no module imports the other assignment's, a zip that holds both whole needs to be told which."""
    files = PAIR | {"shapes.py": b"def outline(image): pass  # as features describe it"}
    with pytest.raises(SubmissionRefused, match="several assignments"):
        opened(tmp_path, files, choices=pair)


def test_helpers_named_like_modules_without_stubs(pair: list[Assignment], tmp_path: Path) -> None:
    """Helpers are none of an assignment that has not been released: what its solution defines is asked for."""
    found = opened(
        tmp_path, dict.fromkeys(PAIR, b"def helper(): pass") | {"features.py": PAIR["features.py"]}, choices=pair
    )
    assert found.assignment.id == "third"


def test_helper_in_a_notebook(pair: list[Assignment], solved: bytes, tmp_path: Path) -> None:
    """A notebook with all of an assignment is of it, also where one more function is all of another's."""
    book = json.loads(solved)
    book["cells"] += json.loads(notebook("def describe(image): pass"))["cells"]
    choices = [*pair, get_assignment("two_networks")]
    found = opened(tmp_path, {"lab.ipynb": json.dumps(book).encode()}, choices=choices)
    assert found.assignment.id == "two_networks"


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
        assert (found.assignment.id, found.notes) == (named, ())


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
    assert found.assignment.id == "two_networks"
    assert "resnet.py" in found.files


def test_notebook_beside_modules(solved: bytes, tmp_path: Path) -> None:
    """Complete modules are of their assignment, whatever a notebook beside them defines."""
    assert opened(tmp_path, {**MINIPLACES, "lab.ipynb": solved}).assignment.id == "miniplaces"


def test_more_functions(tmp_path: Path) -> None:
    """Notebooks are of the assignment of which they define more functions, by number and by share."""
    cells = ("def rotate_images(x): pass", "def train_epoch(a): pass", "def normalize_tensor(t): pass")
    assert opened(tmp_path, {"lab.ipynb": notebook(*cells)}).assignment.id == "two_networks"
