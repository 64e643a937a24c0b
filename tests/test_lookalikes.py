"""Files that are nearly called as an expected one: what is said of them, and that none is dropped silently."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_notebooks import opened
from sample_zip import CODE

from grader.errors import Missing, SubmissionRefused
from grader.intake.lookalikes import find_lookalikes
from grader.rubric import get_assignment
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport

MINIPLACES = get_assignment("miniplaces")
EXPECTED = [*(f"{module}.py" for module in MINIPLACES.modules), *MINIPLACES.files, "answers.md", "group.txt"]


def lookalike(path: str, expected: str) -> tuple[str, bool] | None:
    """For which expected file another one is told, beside all others, and whether surely."""
    files = [path, *(name for name in EXPECTED if name != expected and not name.startswith("my_scene."))]
    found = [each for each in find_lookalikes(MINIPLACES, files) if each.path == path and not each.instead]
    return (found[0].expected, found[0].is_sure) if found else None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Cam.py", "cam.py"),
        ("CAM.PY", "cam.py"),
        ("cam.py.txt", "cam.py"),
        ("cam (2).py", "cam.py"),
        ("cam-1.py", "cam.py"),
        ("cam - Copy.py", "cam.py"),
        ("Copy of cam.py", "cam.py"),
        ("cam copy 2.py", "cam.py"),
        ("cam .py", "cam.py"),
        ("cam.py ", "cam.py"),
        ("cam.pyc", "cam.py"),
        ("old/cam.py.bak", "cam.py"),
        ("code/cam.py", "cam.py"),
        ("Model.pth", "model.pth"),
        ("model (1).pth", "model.pth"),
        ("model.pt", "model.pth"),
        ("model.pth.zip", "model.pth"),
        ("model.pth.tar", "model.pth"),
        ("weights/model.pth", "model.pth"),
        ("\uff2d\uff2f\uff24\uff25\uff2c.pth", "model.pth"),
        ("Answers.md", "answers.md"),
        ("answers.txt", "answers.md"),
        ("answers.docx", "answers.md"),
        ("history.json.txt", "history.json"),
        ("experiments.csv", "experiments.json"),
        ("Group.txt", "group.txt"),
        ("group", "group.txt"),
        ("my-scene.jpg", "my_scene.jpg"),
        ("my_scene.heic", "my_scene.jpg"),
    ],
)
def test_surely_meant(path: str, expected: str) -> None:
    """Case, marks of copies, added or similar suffixes, blanks and a folder don't hide what a file is meant for."""
    assert lookalike(path, expected) == (expected, True)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("fasion.py", "fashion.py"),
        ("filter.py", "filters.py"),
        ("answer.md", "answers.md"),
        ("experiment.json", "experiments.json"),
        ("train_history.json", "history.json"),
        ("model_final.pth", "model.pth"),
        ("fmnist_net.pt", "model.pth"),
        ("scene.jpg", "my_scene.jpg"),
    ],
)
def test_perhaps_meant(path: str, expected: str) -> None:
    """A slip, a longer name and weights of any name are told as what may be meant."""
    assert lookalike(path, expected) == (expected, False)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("cam_utils.py", "cam.py"),
        ("helpers.py", "filters.py"),
        ("model.py", "model.pth"),
        ("README.md", "answers.md"),
        ("requirements.txt", "group.txt"),
        ("data.zip", "model.pth"),
        ("plot.png", "my_scene.jpg"),
        ("my_scene.JPG", "my_scene.jpg"),
    ],
)
def test_not_meant(path: str, expected: str) -> None:
    """Helpers, other files and a picture that is found in any case are not told."""
    assert lookalike(path, expected) is None


@pytest.mark.parametrize(
    ("path", "expected", "advice"),
    [
        ("Cam.py", "cam.py", "There is `Cam.py`: rename it to `cam.py`, exactly so."),
        ("model.pt", "model.pth", "There is `model.pt`: rename it to `model.pth`, exactly so."),
        ("model.pth.zip", "model.pth", "There is `model.pth.zip`: what it holds must be handed in as `model.pth`."),
        ("answers.pdf", "answers.md", "There is `answers.pdf`: what it holds must be handed in as `answers.md`."),
        ("w/model.pth", "model.pth", "There is `w/model.pth`: it must lie in the folder of your modules."),
        ("net.pth", "model.pth", "There is `net.pth`: if that is meant, its name must be `model.pth`."),
    ],
)
def test_advice(path: str, expected: str, advice: str) -> None:
    """The sentence says what to do: rename, move, or hand in what the file holds."""
    found = next(each for each in find_lookalikes(MINIPLACES, [path]) if each.path == path)
    assert (found.expected, found.sentence()) == (expected, advice)


def test_where_it_costs_points(tmp_path: Path) -> None:
    """A check that misses a module or a file names the one that is there."""
    found = opened(tmp_path, {"filters.py": CODE, "Cam.py": CODE, "model (1).pth": b"x"})
    student = Implementation(("cam", "units"), LocalTransport({}, {}), found.files, found.absent)
    with pytest.raises(
        Missing, match=r"^Your submission has no `cam\.py`\. There is `Cam\.py`: rename it to `cam\.py`, exactly"
    ):
        student.cam.flatten_activations(0)
    with pytest.raises(Missing, match=r"^Your submission has no `units\.py`\.$"):
        student.units.top_units(0)
    missing = student.lacks("model.pth", help="Save it.")
    assert missing.message.startswith("Your zip has no `model.pth` at its root. There is `model (1).pth`: rename it")
    assert student.lacks("history.json").message == "Your zip has no `history.json` at its root."


def test_told_first(tmp_path: Path) -> None:
    """What somebody surely meant to hand in and no check may ask for is told before all else; the rest is noted."""
    found = opened(tmp_path, {"filters.py": CODE, "Answers.md": b"x", "a/history.json": b"", "experiment.json": b""})
    assert found.first == (
        "There is `a/history.json`: it must lie in the folder of your modules.",
        "There is `Answers.md`: rename it to `answers.md`, exactly so.",
    )
    assert found.notes == (
        *found.first,
        "There is `experiment.json`: if that is meant, its name must be `experiments.json`.",
    )


def test_outside_the_root(tmp_path: Path) -> None:
    """A file beside the folder of the modules is named as well."""
    found = opened(tmp_path, {"code/filters.py": CODE, "models/model.pth": b""})
    assert found.absent["model.pth"].endswith("There is `models/model.pth`: it must lie in the folder of your modules.")


def test_beside_the_expected(tmp_path: Path) -> None:
    """A second copy beside the expected file is noted as not read, a helper module is not."""
    files = dict.fromkeys(("cam.py", "cam (2).py", "Model.pt", "model.pth", "cam_2.py", "old/model.pth"), CODE)
    assert opened(tmp_path, files).notes == (
        "`cam (2).py` was not read; `cam.py` was.",
        "`Model.pt` was not read; `model.pth` was.",
    )


def test_no_module_at_all(tmp_path: Path) -> None:
    """A zip whose modules all have other names is refused with what to call them."""
    with pytest.raises(SubmissionRefused, match=r"There is `hw/Cam\.py`: rename it to `cam\.py`.*another archive"):
        opened(tmp_path, {"hw/Cam.py": CODE, "rest.7z": b""})


EXPORTED = b"# %%\nget_ipython().system('pip install x')\n# %%\ndef flatten_activations(a):\n    return a\n"


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (EXPORTED, "hand in the notebook itself"),
        (
            b"# In[3]:\n\ndef flatten_activations(a): pass\ndef class_scores(a): pass",
            "and 1 more that are asked for: hand",
        ),
        (
            b"def flatten_activations(a): pass",
            "defines `flatten_activations`: hand in each in the module that it is asked",
        ),
    ],
)
def test_all_in_one_file(content: bytes, advice: str, tmp_path: Path) -> None:
    """A file that holds what the modules should is named, and so is a notebook's export."""
    with pytest.raises(SubmissionRefused, match=advice):
        opened(tmp_path, {"miniplaces.py": content})


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (
            {"cam.py": b"", "hw.py": EXPORTED},
            "`cam.py` has no `flatten_activations`. `flatten_activations` stands in `hw.py`: it must be in `cam.py`. "
            "That file was exported of a notebook: hand in the notebook itself.",
        ),
        (
            {"filters.py": b"", "units.py": b"class_scores = 1\nflatten_activations = lambda a: a"},
            "Your zip has no `cam.py`. `flatten_activations` stands in `units.py`: it must be in `cam.py`.",
        ),
        (
            {"cam.py": b"def flatten_activation(a): pass"},
            "`cam.py` has no `flatten_activations`. `cam.py` defines `flatten_activation`: if that is meant, call it "
            "`flatten_activations`.",
        ),
    ],
)
def test_in_another_module(files: dict[str, bytes], sentence: str, tmp_path: Path) -> None:
    """A function in another file, or nearly of its name, is named where it is missed."""
    assert opened(tmp_path, files).absent["cam.flatten_activations"] == sentence
