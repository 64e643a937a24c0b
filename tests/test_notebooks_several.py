"""Several notebooks of one assignment, and notebooks beside modules: finished work counts, wherever it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sample_notebooks import notebook, opened

from grader.importing import ModulesOnDemand
from grader.records import Submission
from grader.rubric import PROJECT, get_assignment

FOLDER = PROJECT / "assignment" / "miniplaces"
UNTOUCHED = (FOLDER / "miniplaces.ipynb").read_bytes()
MODULES = get_assignment("miniplaces").modules
STUBS = {f"{module}.py": (FOLDER / f"{module}.py").read_bytes() for module in MODULES}


def written(**cells: str) -> bytes:
    """The notebook that is handed out, with other cells for the definitions of these names."""
    content = json.loads(UNTOUCHED)
    for cell in content["cells"]:
        for name, text in cells.items():
            if "".join(cell["source"]).startswith((f"def {name}(", f"class {name}(", f"{name} = ")):
                cell["source"] = text
    return json.dumps(content).encode()


NORMALIZE = "def normalize_tensor(tensor):\n    return helper(tensor)\n\ndef helper(tensor):\n    return {}"
TRAIN = "def train(loader, model, optimizer, epoch):\n    return {}"
NET = "class MyNet(nn.Module):\n    size = {}"


def modules_of(found: Submission, folder: Path) -> ModulesOnDemand:
    """The submission's modules, imported in this process."""
    (folder / "modules").mkdir()
    return ModulesOnDemand(folder / "modules", MODULES, found.files)


@pytest.mark.parametrize(
    ("copy", "first"),
    [
        ("Copy of miniplaces.ipynb", "miniplaces.ipynb"),
        ("miniplaces (1).ipynb", "miniplaces.ipynb"),
        ("miniplaces.ipynb", "miniplaces-Copy1.ipynb"),
        ("a.ipynb", "z.ipynb"),
    ],
)
def test_a_finished_copy(copy: str, first: str, tmp_path: Path) -> None:
    """Of a finished copy and the untouched notebook all is taken of the finished one, whatever their names."""
    found = opened(
        tmp_path, {copy: written(normalize_tensor=NORMALIZE.format(1), MyNet=NET.format(2)), first: UNTOUCHED}
    )
    modules = modules_of(found, tmp_path)
    assert modules["filters"].normalize_tensor(0) == 1
    assert modules["fashion"].MyNet.size == 2
    assert f'"{first}": nothing of it is needed, so nothing was taken.' in found.notes
    assert not any(f'"{first}"' in text.decode() for name, text in found.files.items() if name.endswith(".py"))


def test_each_part_from_where_it_is_finished(tmp_path: Path) -> None:
    """Of two copies each finished part counts, and a function that needs a part finds the finished one."""
    shown = "def visualize_filters(w, size=None):\n    return normalize_tensor(w)"
    files = {
        "a.ipynb": written(normalize_tensor=NORMALIZE.format(1), OTHER_LAYER="OTHER_LAYER = ''"),
        "b.ipynb": written(train=TRAIN.format(2), visualize_filters=shown),
    }
    modules = modules_of(opened(tmp_path, files), tmp_path)
    assert modules["filters"].normalize_tensor(0) == 1
    assert modules["filters"].visualize_filters(0) == 1
    assert modules["fashion"].train(0, 0, 0, 0) == 2
    with pytest.raises(NotImplementedError):
        modules["cam"].flatten_activations(0)


def test_a_definition_brings_its_own_names(tmp_path: Path) -> None:
    """A class uses its own notebook's helper, although the other notebook has changed the helper of that name."""
    files = {
        "a.ipynb": written(MyNet="class MyNet(nn.Module):\n    def size(self):\n        return len(convolution(1, 2))"),
        "b.ipynb": written(convolution="def convolution(a, b):\n    return []", train=TRAIN.format(2)),
    }
    fashion = modules_of(opened(tmp_path, files), tmp_path)["fashion"]
    assert fashion.MyNet().size() == 3  # what is given: convolution, batch norm, ReLU
    assert fashion.convolution(1, 2) == []


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ({"a.ipynb": ["normalize_tensor", "train"]}, {"z.ipynb": ["normalize_tensor"]}, "a.ipynb"),
        ({"lab (9).ipynb": ["normalize_tensor"]}, {"lab (10).ipynb": ["normalize_tensor"]}, "lab (10).ipynb"),
        ({"Copy of lab.ipynb": ["normalize_tensor"]}, {"lab.ipynb": ["normalize_tensor"]}, "Copy of lab.ipynb"),
        ({"lab.ipynb": ["normalize_tensor"]}, {"lab_v2.ipynb": ["normalize_tensor"]}, "lab_v2.ipynb"),
    ],
)
def test_both_finished(first: dict[str, list[str]], second: dict[str, list[str]], counts: str, tmp_path: Path) -> None:
    """Where several have a part finished, the one with more parts counts, then the last by name; the note says so."""
    texts = {"normalize_tensor": NORMALIZE, "train": TRAIN}
    books = {
        path: written(**{name: texts[name].format(repr(path)) for name in names})
        for path, names in (first | second).items()
    }
    found = opened(tmp_path, books)
    assert modules_of(found, tmp_path)["filters"].normalize_tensor(0) == counts
    # What is in both and equal, the functions given, is no matter of choice.
    (note,) = (note for note in found.notes if "in another way" in note)
    assert note.startswith("normalize_tensor: finished in")
    assert f'"{counts}" counts' in note


def test_untouched_modules(tmp_path: Path) -> None:
    """Beside modules that are as they were handed out the notebook counts, and that is said before all else."""
    work = written(normalize_tensor=NORMALIZE.format(1), train=TRAIN.format(2))
    found = opened(tmp_path, {**STUBS, "lab.ipynb": work})
    modules = modules_of(found, tmp_path)
    assert (modules["filters"].normalize_tensor(0), modules["fashion"].train(0, 0, 0, 0)) == (1, 2)
    assert found.files["cam.py"] == STUBS["cam.py"]
    assert found.first == (
        '"lab.ipynb" counts in the place of filters.py and fashion.py, which are untouched, just as they were handed '
        "out. Hand in the notebook alone.",
    )
    assert found.notes[0] == found.first[0]


def test_reformatted_stubs_are_untouched(tmp_path: Path) -> None:
    """Other line ends, comments and docstrings don't make a stub somebody's work."""
    stub = STUBS["fashion.py"].replace(b"    # TODO(4a): write train.\n", b"").replace(b"\n", b"\r\n")
    found = opened(
        tmp_path, {**STUBS, "fashion.py": b"\xef\xbb\xbf" + stub, "lab.ipynb": written(train=TRAIN.format(2))}
    )
    assert modules_of(found, tmp_path)["fashion"].train(0, 0, 0, 0) == 2


def test_modules_partly_done(tmp_path: Path) -> None:
    """A module that somebody has begun is graded, and the first note says what of the notebook goes unread."""
    begun = STUBS["fashion.py"].replace(b'raise NotImplementedError("4c', b'return ("4c')
    work = written(train=TRAIN.format(2), create_optimizer="def create_optimizer(net, lr):\n    return 3")
    found = opened(tmp_path, {**STUBS, "fashion.py": begun, "lab.ipynb": work})
    assert found.files["fashion.py"] == begun
    assert found.first == (
        'fashion.py is graded, where `train` is not written yet. What "lab.ipynb" has of it was not read: move it to '
        "fashion.py, or hand in the notebook alone.",
    )


@pytest.mark.parametrize("folder", ["kit/assignment/miniplaces", "stubs"])
def test_untouched_modules_elsewhere(folder: str, tmp_path: Path) -> None:
    """The root is where the notebook lies, not where the kit keeps the stubs and the notebook that it handed out."""
    kit = {f"hw/{folder}/{name}": data for name, data in {**STUBS, "miniplaces.ipynb": UNTOUCHED}.items()}
    found = opened(tmp_path, {**kit, "hw/miniplaces.ipynb": written(train=TRAIN.format(2)), "hw/model.pth": b"x"})
    assert modules_of(found, tmp_path)["fashion"].train(0, 0, 0, 0) == 2
    assert found.files["model.pth"] == b"x"


def test_untouched_both(tmp_path: Path) -> None:
    """Where nothing was written, neither in modules nor in the notebook, nothing is said before all else."""
    found = opened(tmp_path, {**STUBS, "miniplaces.ipynb": UNTOUCHED})
    assert found.first == ()
    assert all(found.files[name] == stub for name, stub in STUBS.items())


def test_a_notebook_that_imports_the_modules(tmp_path: Path) -> None:
    """A notebook that only imports what is untouched finishes nothing."""
    found = opened(tmp_path, {**STUBS, "lab.ipynb": notebook("from filters import *\nfrom cam import class_scores")})
    assert (found.first, found.files["cam.py"]) == ((), STUBS["cam.py"])


def test_a_notebook_in_a_folder(tmp_path: Path) -> None:
    """A notebook below the folder of the modules is not read, and named where a module is missing."""
    found = opened(tmp_path, {"filters.py": b"OTHER_LAYER = 1", "work/lab.ipynb": UNTOUCHED})
    assert '"work/lab.ipynb": below the folder of your modules, so not read; move it up to them.' in found.notes
