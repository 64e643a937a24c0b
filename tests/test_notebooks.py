"""What is taken of a notebook's cells, and what the modules made of them do."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_notebooks import notebook, opened, take, take_books

from grader.notebooks.places import cell_place
from grader.notebooks.submitted import asked_names
from grader.rubric import get_assignment

F = "def normalize_tensor(tensor):\n    return {}\n"


def test_names_asked_for() -> None:
    """Names come from the stubs: functions, classes and listed constants, but not what only running the file calls."""
    names = asked_names(get_assignment("miniplaces"))
    assert set(names.modules["filters"]) == {"normalize_tensor", "visualize_filters", "OTHER_LAYER"}
    assert "main" not in names.modules["fashion"]
    assert names.networks == {"fashion"}


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        ([F.format(1), F.format(2)], 2),
        ([F.format("device"), "device = 'cpu'"], "cpu"),
        ([F.format("a + b"), "a, b = 1, 2"], 3),
        ([F.format("a"), "a: int = 4"], 4),
        ([F.format("a"), "a = 1", "a += 1", "a += 1"], 3),
        ([F.format("a"), "a = b = 5"], 5),
        ([F.format("a"), "b = 1\na = [b, b]\na[1] = 7"], [1, 7]),
        ([F.format("a['x']"), "a = {}", "a['x'] = 2"], 2),
        (["a = helper()", F.format("a"), "def helper():\n    return scale", "scale = 9"], 9),
        (["def helper():\n    return 1\na = helper()", F.format("a"), "def helper():\n    return 2"], 1),
        ([F.format("helper(3)"), "helper = lambda x: x * k", "k = 2"], 6),
        (["class A:\n    x = 1", "class A(A):\n    y = 2", F.format("(A.x, A.y)")], (1, 2)),
        (["class A: pass", "def go(self):\n    return 3", "A.go = go", F.format("A().go()")], 3),
        (["def twice(f):\n    return lambda x: 2 * f(x)", "@twice\n" + F.format(4)], 8),
        (["a = 1; b = 2; c = a + b", F.format("c")], 3),
        (["if True:\n    print('x')\n    a = 1\nelse:\n    a = 2", F.format("a")], 1),
        (["try:\n    import nowhere\n    a = 1\nexcept ImportError:\n    a = 2", F.format("a")], 2),
        (["with open('/dev/null') as f:\n    a = 5", F.format("a")], 5),
        (["if True:\n    def helper():\n        return 6", F.format("helper()")], 6),
        (["import nowhere, math", F.format("math.floor(2.5)")], 2),
        (["from math import nothing, floor", F.format("floor(2.5)")], 2),
        (["from math import *", F.format("floor(2.5)")], 2),
        (["import xml.sax\nimport xml.dom", F.format("(xml.sax.__name__, xml.dom.__name__)")], ("xml.sax", "xml.dom")),
        (["a = '''\n!ls\n%x\n'''", F.format("a")], "\n!ls\n%x\n"),
        (["é = 'ü'; a = é", F.format("a")], "ü"),
        (['%%time\n%matplotlib inline\n!pip install "x\nx = !ls\nhelp?\n' + F.format("8\n\na = 1")], 8),
        (["    " + F.format(3).replace("\n", "\n    ")], 3),
        ([F.format(1).splitlines(keepends=True)], 1),
        ([F.format(1).replace("\n", "\r\n")], 1),
        (["from __future__ import division\n" + F.format(1)], 1),
        (["a = 1\nb = await a", F.format("a")], 1),
        (["x = [i for i in range(n)]", "n = 2", F.format("x")], [0, 1]),
    ],
)
def test_values(cells: list[str], value: object, tmp_path: Path) -> None:
    """A function finds what it needs: spread over cells, redefined, out of order, in blocks and beside magics."""
    module = take(tmp_path, *cells).modules["filters"]
    assert module.normalize_tensor(None) == value


NOT_RUN = [
    "raise SystemExit",
    "print(1 / 0)",
    "for i in range(3):\n    1 / 0",
    "while True: pass",
    "x = 1 / 0",
    "model = train_everything()",
    "if __name__ == '__main__':\n    1 / 0",
    "if True:\n    1 / 0",
    "%%bash\nexit 1",
    "!exit 1",
    "def broken(:",
    "del a",
    "return 1",
    "x = await something()",
    "x = (yield)",
    "def f(a, a): pass",
    "\0",
    "\ud800",
    "import torch\ntorch.backends.x.y = 1 / 0",
]


@pytest.mark.parametrize("cell", NOT_RUN)
def test_not_run(cell: str, tmp_path: Path) -> None:
    """Calls, loops, values that nothing needs, shell lines, magics and what is no Python are left out, and noted."""
    made = take(tmp_path, cell, F.format(1))
    assert "1 / 0" not in made.files["filters.py"]
    assert made.modules["filters"].normalize_tensor(0) == 1
    assert any("not run, in cell 1." in note or "nothing was taken of cell 1:" in note for note in made.notes)


@pytest.mark.parametrize("cell", ["pass", '"""A text."""', "# a remark", "from __future__ import annotations", " \n"])
def test_nobody_misses(cell: str, tmp_path: Path) -> None:
    """What does nothing is not noted as left out."""
    assert len(take(tmp_path, cell, F.format(1)).notes) == 1


def test_local_names_need_nothing(tmp_path: Path) -> None:
    """An argument or a local variable that shares its name with a value of the notebook does not take that value."""
    made = take(
        tmp_path, "model = train_everything()\nloss = 1 / 0", "def train(model):\n    loss = model\n    return loss"
    )
    assert "train_everything" not in made.files["fashion.py"]
    assert "1 / 0" not in made.files["fashion.py"]


def test_training_that_is_needed(tmp_path: Path) -> None:
    """A value made by a call is taken where a function needs it; when it fails, it costs that name only."""
    made = take(tmp_path, "net = 1 / 0\nk = 2", F.format("net"), "def visualize_filters(w):\n    return k")
    module = made.modules["filters"]
    assert module.visualize_filters(0) == 2
    with pytest.raises(NameError, match="'net' is not defined"):
        module.normalize_tensor(0)


def test_missing_library(tmp_path: Path) -> None:
    """An import that fails costs nothing but its name, and the note says which and where."""
    made = take(tmp_path, "import nowhere\nfrom os import path\nimport torch.nn.nowhere", F.format("nowhere.x"))
    with pytest.raises(NameError, match="'nowhere' is not defined"):
        made.modules["filters"].normalize_tensor(0)
    told = [note for note in made.notes if "was skipped" in note]
    assert [note.split("import of ")[1].split()[0] for note in told] == ["nowhere", "torch.nn.nowhere"]


def test_one_class_for_all(tmp_path: Path) -> None:
    """What two modules need is one object for both."""
    network = "from torch import nn\nclass SmallResNet(nn.Module):\n    pass"
    turned = "def rotation_model(model):\n    return isinstance(model, SmallResNet)"
    modules = take(tmp_path, turned, network, assignment="two_networks").modules
    assert modules["rotation"].rotation_model(modules["resnet"].SmallResNet())
    assert set(modules) == {"resnet", "rotation", "lab_ipynb"}


def test_a_module_costs_its_own(tmp_path: Path) -> None:
    """A value that fails or hangs is in the modules that need it and in no other."""
    made = take(tmp_path, "x = forever()", F.format("x"), "def flatten_activations(a):\n    return a")
    assert "forever" in made.files["filters.py"]
    assert "forever" not in made.files["cam.py"]


def test_any_class_for_a_model_file(tmp_path: Path) -> None:
    """A class that no function names is there for a network that was saved whole."""
    made = take(tmp_path, "class Wider:\n    size = WIDTH", "WIDTH = 3", "class MyNet:\n    pass")
    assert made.modules["fashion"].Wider.size == 3


def test_constants(tmp_path: Path) -> None:
    """Constants that the contract lists are taken though nothing refers to them, of an untouched notebook too."""
    made = take(tmp_path, "OTHER_LAYER = 'layer1.0.conv1'\nSKY_UNIT, BUILDING_UNIT = 3, 4")
    assert made.modules["filters"].OTHER_LAYER == "layer1.0.conv1"
    assert (made.modules["units"].SKY_UNIT, made.modules["units"].BUILDING_UNIT) == (3, 4)


def test_several_notebooks(tmp_path: Path) -> None:
    """Each notebook has names of its own, finds those that it lacks in the others, and a TODO gives way."""
    first = notebook(
        "k = 1\ndef helper():\n    return k", F.format("helper()"), "def get_prediction(a, b):\n    return k"
    )
    second = notebook("k = 2\ndef flatten_activations(a):\n    return helper() + k")
    untouched = notebook("def normalize_tensor(t):\n    raise NotImplementedError", "OTHER_LAYER = ''")
    modules = take_books(tmp_path, {"a.ipynb": first, "b 1.ipynb": second, "z.ipynb": untouched}).modules
    assert modules["filters"].normalize_tensor(0) == 1
    assert modules["cam"].flatten_activations(0) == 3
    assert modules["fashion"].get_prediction(0, 0) == 1
    assert modules["filters"].OTHER_LAYER == ""


def test_helper_modules(tmp_path: Path) -> None:
    """A module beside the notebook is imported, also for a function that is asked for; libraries' names don't count."""
    (tmp_path / "mine.py").write_text("def normalize_tensor(t):\n    return 5\n")
    cells = "from mine import normalize_tensor\nfrom torch.nn.functional import cross_entropy as train"
    made = take_books(tmp_path, {"lab.ipynb": notebook(cells)}, "mine")
    assert list(made.files) == ["filters.py"]
    assert made.modules["filters"].normalize_tensor(0) == 5
    assert not any("skipped" in note for note in made.notes)


@pytest.mark.parametrize(
    ("source", "cells", "value"),
    [
        ("def normalize_tensor(t):\n    return 5", ["from mine import *"], 5),
        ("def scale(t):\n    return 6", ["from mine import *", F.format("scale(0)")], 6),
        ("def normalize_tensor(t):\n    return 5", ["from mine import *", F.format("7")], 7),
        ("def normalize_tensor(t):\n    return 5", [F.format("7"), "from mine import *"], 5),
        ("__all__ = ['a']\na = 1\ndef normalize_tensor(t):\n    return 5", [F.format("7"), "from mine import *"], 7),
        ("def f(:", [F.format("7"), "from mine import *"], 7),
    ],
)
def test_star_import_of_helper(tmp_path: Path, source: str, cells: list[str], value: int) -> None:
    """A star import takes what the module beside the notebook offers, as Python does; nothing of a broken one."""
    (tmp_path / "mine.py").write_text(source)
    made = take_books(tmp_path, {"lab.ipynb": notebook(*cells)}, "mine")
    assert made.modules["filters"].normalize_tensor(0) == value


def test_star_import_in_a_folder(tmp_path: Path) -> None:
    """A zip may have one top folder; a helper in it is beside the notebook."""
    files = {"lab/hw.ipynb": notebook("from mine import *"), "lab/mine.py": F.format(5).encode()}
    found = opened(tmp_path, files)
    assert found.assignment.id == "miniplaces"
    assert "from mine import *" in found.files["filters.py"].decode()


def test_names_of_files(tmp_path: Path) -> None:
    """What modules share gets a file whose name can be imported and is nobody's."""
    cells = notebook("class A: pass", F.format("A"), "def flatten_activations(a):\n    return A")
    made = take_books(tmp_path, {"1 größe.ipynb": cells}, "_1_gr__e_ipynb")
    assert set(made.files) == {"filters.py", "cam.py", "_1_gr__e_ipynb_.py"}
    modules = made.modules
    assert modules["filters"].normalize_tensor(0) is modules["cam"].flatten_activations(0)


def test_notes(tmp_path: Path) -> None:
    """The notes say which cells were used, what was left out, what was defined twice and that nothing was run."""
    cells = ("%pylab", F.format(1), "", F.format("a"), "a = 1", "print(a)", "b = 2", "def f(:")
    made = take_books(tmp_path, {"lab.ipynb": notebook(*cells, ran=False)})
    assert made.notes == [
        '"lab.ipynb": graded as filters.py, made of its cells 3-4 of 7 '
        '(code cells, numbered as "Restart and run all" numbers them).',
        '"lab.ipynb": calls, loops and assignments that nothing asked for needs were not run, in cells 5-6.',
        '"lab.ipynb": shell lines and magics were not run, in cell 1.',
        '"lab.ipynb": nothing was taken of cell 7: invalid syntax, line 1.',
        '"lab.ipynb": defined more than once, the last counts: normalize_tensor (cells 2-3).',
        '"lab.ipynb": no cell was ever run before it was handed in; it is graded all the same.',
    ]


def test_places_in_cells(tmp_path: Path) -> None:
    """A line of a module made of cells is told as the line of the cell; a place that is none stays as it is."""
    made = take(tmp_path, "import math", "\n\n@staticmethod\ndef normalize_tensor(t):\n    x = 1\n    return 1 / 0")
    files = {name: text.encode() for name, text in made.files.items()}
    line = made.files["filters.py"].split("\n").index("    return 1 / 0") + 1
    place = f"filters.py, line {line}, in normalize_tensor"
    assert cell_place(place, files) == '"lab.ipynb", cell 2, line 6, in normalize_tensor'
    for odd in (f"other.py, line {line}, in f", "filters.py, line 0, in f", "nonsense", "filters.py, line 1, in f"):
        assert cell_place(odd, files) == odd
    assert cell_place(place, {"filters.py": b"x = 1\n" * 99}) == place
