"""Definitions inside blocks, behind magics and of unusual forms: what is taken of them, line for line."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_notebooks import take

from grader.notebooks.places import cell_place

F = "def normalize_tensor(tensor):\n    return {}\n"
TEXTS = "K = 1\ndef helper(k=K):\n    return '''\n  x\n y''', f'''{k}\n z'''"


@pytest.mark.parametrize(
    ("cells", "value"),
    [
        (["if __name__ == '__main__':\n    def helper():\n        return 4\n    1 / 0", F.format("helper()")], 4),
        (["if True:\n    a = 1; b = 2\n    1 / 0", F.format("a + b")], 3),
        (["if True:\n\tdef helper():\n\t\treturn 3", F.format("helper()")], 3),
        (["import torch\nif torch.cuda.is_available():\n    a = 1\nelse:\n    a = 2\n    1 / 0", F.format("a")], 2),
        (
            [
                "try:\n    from gone import helper\nexcept ImportError:\n    def helper():\n        return 5",
                F.format("helper()"),
            ],
            5,
        ),
        (["import contextlib\nwith contextlib.suppress(OSError):\n    a = 6\n    1 / 0", F.format("a")], 6),
        (["if 1 < 2:\n    print(1,\n          2); a = 7", F.format("a")], 7),
        (["async def helper(): pass", F.format("helper.__name__")], "helper"),
        (["normalize_tensor = lambda tensor: 8"], 8),
        (["from functools import partial\ndef f(a, t):\n    return a\nnormalize_tensor = partial(f, 9)"], 9),
        (["(n := 3)", F.format("n")], 3),
        (["if (n := 4) > 3:\n    m = n", F.format("m")], 4),
        (["A, (B, *C) = 1, (2, 3)", F.format("(A, B, C)")], (1, 2, [3])),
        (["a = 1\na += 1\na *= 3", F.format("a")], 6),
        (["a: int", "a = 5\ndel a", F.format("a")], 5),
        (["def helper():\n    return 1", "if True:\n    def helper():\n        return 2", F.format("helper()")], 2),
        (["%time x = 5", F.format("x")], 5),
        (["%%capture out\nx = 6", F.format("x")], 6),
        (["%%wandb\nx = 7", F.format("x")], 7),
        ([TEXTS, F.format("helper()")], ("\n  x\n y", "1\n z")),
    ],
)
def test_taken(cells: list[str], value: object, tmp_path: Path) -> None:
    """Blocks that a notebook runs, unusual assignments and magics that wrap code give names; nothing else is run."""
    made = take(tmp_path, *cells)
    assert "1 / 0" not in made.files["filters.py"]
    assert made.modules["filters"].normalize_tensor(0) == value


def test_run_of_a_module(tmp_path: Path) -> None:
    """`%run mine.py` gives what the module beside the notebook defines."""
    (tmp_path / "mine.py").write_text("def scale(t):\n    return 6")
    made = take(tmp_path, "%run ./mine.py", F.format("scale(0)"))
    assert made.modules["filters"].normalize_tensor(0) == 6


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("import nowhere\n@nowhere.jit\ndef visualize_filters(w):\n    return 1", "nowhere"),
        (
            "from gone import Base\nclass Helper(Base): pass\ndef visualize_filters(w, base=Helper):\n    return 1",
            "Helper",
        ),
        ("device = find()\ndef visualize_filters(w, device=device):\n    return 1", "device"),
    ],
)
def test_a_definition_costs_its_own(cell: str, name: str, tmp_path: Path) -> None:
    """A definition that fails, by its decorator, base or default, is missing; the others of its module are not."""
    module = take(tmp_path, cell, F.format(1)).modules["filters"]
    assert module.normalize_tensor(0) == 1
    assert not hasattr(module, "visualize_filters")
    assert module._cell_.why["visualize_filters"][:2] == ("NameError", f"name '{name}' is not defined")


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("\nif True:\n\n    def normalize_tensor(t):\n        x = 1\n        return 1 / 0", 6),
        ("try:\n    print(1,\n        2)\n    def normalize_tensor(t):\n        return 1 / 0\nfinally:\n    pass", 5),
        ("import functools\nK = 3\n@functools.cache\ndef normalize_tensor(t, k=K):\n    return 1 / 0", 5),
    ],
)
def test_places(cell: str, line: int, tmp_path: Path) -> None:
    """Lines inside blocks, and of what is left out where it fails, are told as the cell has them."""
    made = take(tmp_path, "import math", cell)
    files = {name: text.encode() for name, text in made.files.items()}
    (number,) = (n for n, each in enumerate(made.files["filters.py"].split("\n"), 1) if "1 / 0" in each)
    place = cell_place(f"filters.py, line {number}, in normalize_tensor", files)
    assert place == f'"lab.ipynb", cell 2, line {line}, in normalize_tensor'
