"""What a student is told of a name that a notebook lacks: where it stands, and why nothing was taken there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sample_notebooks import notebook, opened

from grader.errors import CheckStopped, Missing, SubmissionRefused
from grader.rubric import Limits, get_assignment
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport, WorkerTransport
from grader.sandbox.worker_pool import WorkerPool

PREDICT = "def get_prediction(image, net):\n    return {}"
TRAIN = "def train(loader, model, optimizer, epoch):\n    return 1"


def told(folder: Path, raw: bytes, name: str = "fashion.train") -> str:
    """What is said of a name that the modules made of a notebook lack."""
    return opened(folder, {"lab.ipynb": raw}).absent[name]


def with_prose(kind: str, text: str) -> bytes:
    """A notebook with a code cell and another one."""
    content = json.loads(notebook(PREDICT.format(1)))
    content["cells"].append({"cell_type": kind, "source": text, "metadata": {}})
    return json.dumps(content).encode()


ABSENT = {
    "nothing": (["x = 1"], ""),
    "written into a file": (
        [f"%%writefile fashion.py\n{TRAIN}"],
        ' Cell 2 of "lab.ipynb" does, but nothing of it was taken: `%%writefile fashion.py` writes it into a file '
        "instead of running it.",
    ),
    "another kernel": (
        [f"%%python3\n{TRAIN}"],
        ' Cell 2 of "lab.ipynb" does, but nothing of it was taken: `%%python3` hands it to something else than the '
        "notebook's Python.",
    ),
    "does not parse": (
        [f"x = 1\n{TRAIN}\n    y = = 2"],
        ' Cell 2 of "lab.ipynb" does, but nothing of it was taken: invalid syntax, line 4: `y = = 2`.',
    ),
    "another cell does not parse": (
        ["import os\nif x\n    pass"],
        " Nothing was taken of cell 2 of \"lab.ipynb\": expected ':', line 2: `if x`.",
    ),
    "a method": (
        [f"class Trainer:\n    {TRAIN.replace(chr(10), chr(10) + '    ')}"],
        ' It stands inside another definition (cell 2, line 2 of "lab.ipynb"): move it out of that, to the left '
        "margin.",
    ),
    "in a loop": (
        [f"for rate in rates:\n    {TRAIN.replace(chr(10), chr(10) + '    ')}"],
        ' It stands inside a loop that is not run (cell 2, line 2 of "lab.ipynb"): move it out of that.',
    ),
    "another name": (
        [TRAIN.replace("train", "Train_")],
        ' Cell 2 of "lab.ipynb" defines `Train_`: if that is meant, call it `train`.',
    ),
    "a longer name": (
        [TRAIN.replace("train", "train_one_epoch")],
        ' Cell 2 of "lab.ipynb" defines `train_one_epoch`: if that is meant, call it `train`.',
    ),
}


@pytest.mark.parametrize(("cells", "sentence"), ABSENT.values(), ids=ABSENT)
@pytest.mark.parametrize("first", [PREDICT.format(1), "def normalize_tensor(t): pass"], ids=["module", "no module"])
def test_absent(first: str, cells: list[str], sentence: str, tmp_path: Path) -> None:
    """The message names the function, not a module, and the cell where it is and why nothing was taken there."""
    assert told(tmp_path, notebook(first, *cells)) == f'No cell of "lab.ipynb" defines `train`.{sentence}'


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_not_a_code_cell(kind: str, tmp_path: Path) -> None:
    """A definition in a cell that is no code is named."""
    said = told(tmp_path, with_prose(kind, f"```python\n{TRAIN}\n```"))
    assert said.endswith(f'The {kind} cell below cell 1 of "lab.ipynb" does: make it a code cell.')


def test_several_notebooks(tmp_path: Path) -> None:
    """Of several notebooks all are named."""
    found = opened(tmp_path, {"a.ipynb": notebook(PREDICT), "b.ipynb": notebook("def evaluate(a, b): pass")})
    assert found.absent["fashion.train"] == 'No cell of "a.ipynb" or "b.ipynb" defines `train`.'


def test_module_without_it(tmp_path: Path) -> None:
    """Where a module is graded that lacks a name, the notebook that has it is named."""
    said = opened(tmp_path, {"fashion.py": PREDICT.encode(), "lab.ipynb": notebook(TRAIN)}).absent["fashion.train"]
    assert said == '`fashion.py` has no `train`. "lab.ipynb" defines it, but is not read where there is a fashion.py.'


def test_missing_is_told(tmp_path: Path) -> None:
    """A check that asks for the function, or for another name of a module that nobody could make, says so."""
    found = opened(tmp_path, {"lab.ipynb": notebook("def normalize_tensor(t): pass")})
    student = Implementation(("fashion",), LocalTransport({}, {}), found.files, found.absent)
    with pytest.raises(Missing, match=r'^No cell of "lab\.ipynb" defines `train`\.$'):
        student.fashion.train(1, 2, 3, 4)
    with pytest.raises(Missing, match=r'^No cell of "lab\.ipynb" defines `MyNet`\.$'):
        student.fashion.MyNet.with_options(keep=True)()


R = {"cells": [{"cell_type": "code", "source": "f <- function(x) x"}], "metadata": {"kernelspec": {"language": "R"}}}


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (json.dumps(R).encode(), '"lab.ipynb" says that it is written in r, not Python.'),
        (json.dumps(R).encode(), "invalid syntax, line 1: `f <- function(x) x`."),
        (b'{\n "cells": [\n<<<<<<< HEAD\n', '"lab.ipynb" can\'t be read: it is not JSON (line 3: Expecting value).'),
        (notebook("def normalise_tensor(t): pass"), "`normalise_tensor` is defined: if `normalize_tensor` is meant"),
        (notebook(f"%%writefile fashion.py\n{TRAIN}"), "`%%writefile fashion.py` writes it into a file"),
    ],
)
def test_refused(raw: bytes, sentence: str, tmp_path: Path) -> None:
    """A notebook in which nothing is found is refused with what stands in the way."""
    with pytest.raises(SubmissionRefused) as refusal:
        opened(tmp_path, {"lab.ipynb": raw})
    assert sentence in str(refusal.value)


ASKED = {
    "a value that fails": (
        ["import torch\ndevice = torch.device('cuda')\nbest = torch.ones(1, device=device)", PREDICT.format("best")],
        "name 'best' is not defined (\"lab.ipynb\", cell 2, line 2, in get_prediction)",
        '("lab.ipynb", cell 1, line 3)',
    ),
    "a value that two modules need": (
        ["best = open('gone')", PREDICT.format("best"), "def normalize_tensor(t):\n    return best"],
        "name 'best' is not defined",
        "`best` was left out: FileNotFoundError: [Errno 2] No such file or directory: 'gone' (\"lab.ipynb\", cell 1, "
        "line 1).",
    ),
    "a default that fails": (
        ["size = load()", PREDICT.format(1).replace("net)", "net, size=size)")],
        "`get_prediction` was left out: NameError: name 'size' is not defined (\"lab.ipynb\", cell 2, line 1). "
        "`size` was left out: NameError: name 'load' is not defined (\"lab.ipynb\", cell 1, line 1).",
        "",
    ),
    "a method that fails": (
        ["from torch import nn\nclass MyNet(nn.Module): pass", "MyNet.forward = made()", PREDICT.format("MyNet()(1)")],
        'Module [MyNet] is missing the required "forward" function',
        "A statement on `MyNet` was left out: NameError: name 'made' is not defined (\"lab.ipynb\", cell 2, line 1).",
    ),
    "a helper in a broken cell": (
        ["def helper(:\n    pass", PREDICT.format("helper()")],
        "name 'helper' is not defined",
        '`helper` stands in cell 1 of "lab.ipynb", of which nothing was taken: invalid syntax, line 1: `def helper(:`.',
    ),
    "a value of a loop": (
        ["for net in range(3):\n    best = net", PREDICT.format("best")],
        "name 'best' is not defined",
        '`best` stands inside a loop that is not run when your work is graded (cell 1, line 2 of "lab.ipynb").',
    ),
}


@pytest.mark.parametrize(("cells", "message", "help"), ASKED.values(), ids=ASKED)
def test_why_a_name_means_nothing(cells: list[str], message: str, help: str, tmp_path: Path) -> None:
    """Where a function misses a name, the message says which cell would set it and what went wrong there.

    Each case is a notebook that runs in a cell.
    """
    found = opened(tmp_path, {"lab.ipynb": notebook(*cells)})
    modules = get_assignment("miniplaces").modules
    pool = WorkerPool(Limits(), modules, found.files)
    transport = WorkerTransport(pool, Limits())
    try:
        with pytest.raises(CheckStopped) as caught:
            Implementation(modules, transport, found.files, found.absent).fashion.get_prediction(1, 2)
    finally:
        transport.drop()
        pool.close()
    assert message in caught.value.message
    assert help in caught.value.help
