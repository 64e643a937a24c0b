"""A class or a function that is written over several cells is one class, one function."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sample_notebooks import notebook, take, take_books

NET = (
    "import torch\nfrom torch import nn\nclass MyNet(nn.Module):\n    def __init__(self, num_classes=10):\n"
    "        super().__init__()\n        self.fc = nn.Linear(784, num_classes)"
)
FORWARD = "def forward(self, x):\n    return self.fc(x.flatten(1))"
INDENTED = FORWARD.replace("\n", "\n    ")
# As https://d2l.ai writes it.
ADD = "def add_to_class(Class):\n    def wrapper(obj):\n        setattr(Class, obj.__name__, obj)\n    return wrapper"
METHOD = "\n    @classmethod\n    def method(cls, f):\n        setattr(cls, f.__name__, f)\n        return f"
PATCH = "def patch(f):\n    setattr(globals()[f.__annotations__['self']], f.__name__, f)\n    return f"
PREDICT = "def get_prediction(image, net):\n    assert isinstance(net, MyNet)\n    return net(image).argmax(1)"

CLASSES = {
    "a decorator that adds": [ADD, NET, f"@add_to_class(MyNet)\n{FORWARD}"],
    "a decorator above the class": [ADD, f"@add_to_class(MyNet)\n{FORWARD}", NET],
    "a decorator called": [ADD, NET, FORWARD, "add_to_class(MyNet)(forward)"],
    "a function that adds": ["def add(cls, f):\n    cls.forward = f", NET, FORWARD, "add(MyNet, forward)"],
    "its own class method": [NET + METHOD, f"@MyNet.method\n{FORWARD}"],
    "its own class method called": [NET + METHOD, FORWARD, "MyNet.method(forward)"],
    "a decorator that reads self": [PATCH, NET, "@patch\n" + FORWARD.replace("self,", "self: MyNet,")],
    "an assignment": [NET, FORWARD, "MyNet.forward = forward"],
    "setattr": [NET, FORWARD.replace("forward", "f"), 'setattr(MyNet, "forward", f)'],
    "setattr in a loop": [NET, FORWARD, "for f in (forward,):\n    setattr(MyNet, f.__name__, f)"],
    "setattr in a block": [
        NET,
        FORWARD,
        "if __name__ == '__main__':\n    setattr(MyNet, 'forward', forward)\n    1 / 0",
    ],
    "a class of its own name": [NET, f"class MyNet(MyNet):\n    {INDENTED}"],
    "a base class": [f"class Forward:\n    {INDENTED}", NET.replace("(nn.Module)", "(Forward, nn.Module)")],
}


@pytest.mark.parametrize("cells", CLASSES.values(), ids=CLASSES)
def test_a_class_over_cells(cells: list[str], tmp_path: Path) -> None:
    """However a later cell gives a class its method, the class that is graded has it."""
    module = take(tmp_path, *cells, PREDICT).modules["fashion"]
    assert module.get_prediction(torch.zeros(2, 1, 28, 28), module.MyNet()).shape == (2,)


def test_one_class_for_all_modules(tmp_path: Path) -> None:
    """A class over cells that two modules need is one, with its methods, for both."""
    cells = (
        ADD,
        "from torch import nn\nclass SmallResNet(nn.Module):\n    pass",
        "@add_to_class(SmallResNet)\ndef features(self, x):\n    return x + 1",
        "def rotation_model(model):\n    return isinstance(model, SmallResNet) and model.features(1)",
    )
    modules = take(tmp_path, *cells, assignment="two_networks").modules
    assert modules["rotation"].rotation_model(modules["resnet"].SmallResNet()) == 2


def test_methods_of_one_name(tmp_path: Path) -> None:
    """Of two functions of one name each goes to its own class, also where only one of the classes is asked for."""
    cells = (ADD, NET, "class Other(nn.Module): pass", f"@add_to_class(MyNet)\n{FORWARD}")
    other = "@add_to_class(Other)\ndef forward(self, x):\n    return 1 / 0"
    module = take(tmp_path, *cells, other, PREDICT).modules["fashion"]
    assert module.MyNet()(torch.zeros(1, 784)).shape == (1, 10)


def test_a_class_defined_again(tmp_path: Path) -> None:
    """What a cell gave a class is gone when a later cell defines the class anew, as when the cells are run."""
    cells = ("class MyNet:\n    x = 1", "MyNet.x = 2\nMyNet.y = 3", "class MyNet:\n    x = 4", "MyNet.z = 5")
    found = take(tmp_path, *cells).modules["fashion"].MyNet
    assert (found.x, hasattr(found, "y"), found.z) == (4, False, 5)


def test_calls_with_a_class_are_not_run(tmp_path: Path) -> None:
    """A call that only uses a class, such as one that trains it, is no part of it."""
    made = take(tmp_path, "def fit(cls):\n    return 1 / 0", NET, "fit(MyNet)\nprint(MyNet)", PREDICT)
    assert "fit(" not in made.files["fashion.py"]
    assert any("not run, in cell 3." in note for note in made.notes)


SINGLE = "from functools import singledispatch\n@singledispatch\n"
TODO = "def normalize_tensor(tensor):\n    raise NotImplementedError('1a')"
FUNCTIONS = {
    "a case for a type": ([SINGLE, "@normalize_tensor.register(int)\ndef _(t):\n    return 2"], 2),
    "decorated later": (["", "normalize_tensor = twice(normalize_tensor)", "def twice(f):\n    return lambda t: 2"], 2),
    "with an attribute": (["", "normalize_tensor.factor = 3"], 1),
    "a TODO below": (["", TODO], 1),
    "a case that is not written": (["", TODO.replace("raise", "if tensor > 9: raise") + "\n    return 7"], 7),
}


@pytest.mark.parametrize(("cells", "value"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_over_cells(cells: list[str], value: int, tmp_path: Path) -> None:
    """What later cells add to a function counts; a TODO below it does not, since it undoes nothing."""
    first, *rest = cells
    made = take(tmp_path, f"{first}def normalize_tensor(tensor):\n    return 1", *rest)
    assert made.modules["filters"].normalize_tensor(5) == value


def test_todo_below_is_told(tmp_path: Path) -> None:
    """The note says which of a function's cells counts where the last one holds the TODO."""
    todo = "def normalize_tensor(t):\n    raise NotImplementedError"
    notes = take(tmp_path, "def normalize_tensor(t):\n    return 1", todo).notes
    assert '"lab.ipynb": normalize_tensor counts as cell 1 has it, because cell 2 holds only the TODO.' in notes


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("import numpy as np\nnp.float = float", "np.float(3)"),
        ("import torch\ntorch.Tensor.twice = lambda t: 2 * t", "torch.ones(1).twice()[0] + 1"),
    ],
)
def test_a_library_patched(cell: str, value: str, tmp_path: Path) -> None:
    """What gives a library's class or module a function is taken."""
    made = take(tmp_path, cell, f"def normalize_tensor(t):\n    return {value}")
    assert made.modules["filters"].normalize_tensor(0) == 3


def test_methods_from_another_notebook(tmp_path: Path) -> None:
    """A notebook that lacks a decorator finds it in the other, and the class is complete."""
    first, second = notebook(ADD), notebook(NET, f"@add_to_class(MyNet)\n{FORWARD}", PREDICT)
    module = take_books(tmp_path, {"a.ipynb": first, "b.ipynb": second}).modules["fashion"]
    assert module.get_prediction(torch.zeros(1, 784), module.MyNet()).shape == (1,)
