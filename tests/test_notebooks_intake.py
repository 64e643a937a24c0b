"""A zip with notebooks becomes a submission: recognised by the functions defined, alone or beside modules."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_notebooks import notebook, opened, take_books
from sample_tiers import tiered

from grader.bounded_process import Bounds, Ended
from grader.errors import StudentRaised, SubmissionRefused
from grader.notebooks import submitted
from grader.rubric import Limits, get_assignment
from grader.sandbox.student import Implementation
from grader.sandbox.transport import WorkerTransport
from grader.sandbox.worker_pool import WorkerPool
from grader.text import clean_text

F = "def normalize_tensor(tensor):\n    return {}\n"
LAB = notebook(F.format(1))


def test_notebook_instead_of_modules(tmp_path: Path) -> None:
    """A notebook is recognised, its modules join its files, and other files and folders are as with modules."""
    found = opened(tmp_path, {"hw/lab.ipynb": LAB, "hw/model.pth": b"x", "hw/old/lab.ipynb": LAB, "answers.md": b"y"})
    assert found.assignment.id == "miniplaces"
    assert set(found.files) == {"lab.ipynb", "model.pth", "answers.md", "filters.py", "old/lab.ipynb"}
    assert found.files["filters.py"].endswith(F.format(1).encode())
    assert [note.split(":")[0] for note in found.notes] == ['"answers.md"', '"lab.ipynb"']


@pytest.mark.parametrize(
    ("cells", "assignment"),
    [
        (["def rotate_images(x): pass"], "two_networks"),
        (["LAYERS = ('conv1',)"], "two_networks"),
        (["class MyNet: pass", "def evaluate(a, b): pass"], "miniplaces"),
        (["class MyNet: pass", F, "def get_prediction(a, b): pass", "class BasicBlock: pass"], "miniplaces"),
    ],
)
def test_recognised_by_functions(cells: list[str], assignment: str, tmp_path: Path) -> None:
    """The assignment is the one whose own names are defined; a single one of another's is chance."""
    assert opened(tmp_path, {"lab.ipynb": notebook(*cells)}).assignment.id == assignment


@pytest.mark.parametrize("cells", [["def evaluate(a, b): pass"], [F, "def rotate_images(x): pass"]])
def test_both_assignments(cells: list[str], tmp_path: Path) -> None:
    """Notebooks for both are refused without an id, and opened as the one that is named."""
    files = {"lab.ipynb": notebook(*cells)}
    with pytest.raises(SubmissionRefused, match=r"of miniplaces and .* of two_networks.*ASSIGNMENT="):
        opened(tmp_path, files)
    assert opened(tmp_path, files, choices=[get_assignment("two_networks")]).assignment.id == "two_networks"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (notebook("x = 1"), r"by exactly its name\. Hand in your notebook, or filters\.py"),
        (b"[" * 10**6, r"\"lab\.ipynb\" can't be read: it is nested too deep\."),
        (b"PK", r"can't be read: it is not JSON"),
        (b"", "it is not JSON"),
    ],
)
def test_nothing_recognisable(content: bytes, sentence: str, tmp_path: Path) -> None:
    """A notebook without a function that is asked for is refused with a sentence."""
    with pytest.raises(SubmissionRefused, match=sentence):
        opened(tmp_path, {"lab.ipynb": content})


def test_a_broken_one_beside_a_good_one(tmp_path: Path) -> None:
    """A file that is no notebook costs nothing where another defines what is asked for."""
    found = opened(tmp_path, {"a.ipynb": b"{", "b.ipynb": LAB})
    assert "filters.py" in found.files
    assert found.notes[0] == '"a.ipynb" is no notebook that can be read: it is not JSON.'


def test_modules_win(tmp_path: Path) -> None:
    """Modules count where both are there; a module that is missing is made of the notebook, and the notes say so."""
    both = notebook(F.format("'notebook'"), "def flatten_activations(a):\n    return 3")
    found = opened(tmp_path, {"filters.py": b"def normalize_tensor(t): pass", "lab.ipynb": both})
    assert found.files["filters.py"] == b"def normalize_tensor(t): pass"
    assert b"return 3" in found.files["cam.py"]
    assert found.notes[0] == "Your modules are graded, and only those that are missing were made of a notebook."
    all_there = {f"{module}.py": b"" for module in get_assignment("miniplaces").modules}
    assert opened(tmp_path, {**all_there, "lab.ipynb": both}).notes == (
        '"lab.ipynb": not read, because your modules are graded.',
    )


HOSTILE = {
    "brackets": b'{"cells": ' + b"[[]," * 10**6 + b"[]" + b"]" * 10**6 + b"}",
    "fields of one text": notebook(F, 'OTHER_LAYER = f"' + "{a}" * 87_000 + '"'),
    "statements": notebook(F.format("a"), "a = a\n" * 4_000),
    "a chain of functions": notebook(F.format("f0()"), "\n".join(f"x{i} = x{i + 1}" for i in range(9000))),
    "a deep expression": notebook(F, "x = " + "-" * 200_000 + "1"),
    "many lines of blanks": notebook(F, "!ls\n" + " " * 250_000),
}


@pytest.mark.parametrize("content", tiered(HOSTILE, slow=("statements", "fields of one text", "a chain of functions")))
def test_hostile(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook made to keep its reader busy is refused, or read within the bounds."""
    monkeypatch.setattr(submitted, "BOUNDS", Bounds(cpu_s=3, wall_s=120, memory_mib=1024, file_mib=64))
    try:
        found = opened(tmp_path, {"lab.ipynb": content}).files
    except SubmissionRefused as refusal:
        told = str(refusal)
        assert told == clean_text(told, columns=1000)
    else:
        assert "filters.py" in found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
TEXT = st.text(st.characters(exclude_categories=()), max_size=9)
WORDS = [
    "def normalize_tensor(t):",
    "    return a",
    "a = 1",
    "!ls",
    "%x",
    "%%time",
    "if a:",
    "'''",
    "(",
    "import x",
    "a?",
]
CELL = st.fixed_dictionaries(
    {
        "cell_type": st.just("code") | JSON,
        "source": st.lists(st.sampled_from(WORDS) | TEXT, max_size=6).map("\n".join) | JSON,
    },
    optional={"input": JSON, "execution_count": JSON, "outputs": JSON},
)
NOTEBOOK = st.lists(CELL | JSON, max_size=4).map(lambda cells: json.dumps({"cells": cells}).encode())


@pytest.mark.slow
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.binary(max_size=40) | NOTEBOOK, second=NOTEBOOK)
def test_any_notebooks(first: bytes, second: bytes, tmp_path: Path) -> None:
    """Whatever the bytes, what is made of notebooks is Python, and the notes can be shown."""
    made = take_books(tmp_path, {"a.ipynb": first, "b.ipynb": second})
    for text in made.files.values():
        compile(text, "module", "exec", dont_inherit=True)
    assert all(note == clean_text(note, columns=1000) for note in made.notes)


def test_in_the_sandbox(tmp_path: Path) -> None:
    """In a cell: a missing library costs only what uses it, messages name cell and line, whole networks are found."""
    cells = (
        "import nowhere\nimport torch\nfrom torch import nn",
        F.format("nowhere.scale(tensor)"),
        "def visualize_filters(w):\n\n    return [1 / 0]",
        "class MyNet(nn.Module):\n    size = 1",
        "def get_prediction(image, net):\n    return isinstance(net, MyNet)",
    )
    made = take_books(tmp_path, {"lab.ipynb": notebook(*cells)})
    module = made.modules["fashion"]
    saved = io.BytesIO()
    module.MyNet.__module__ = "__main__"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("__main__.MyNet", module.MyNet, raising=False)
        torch.save(module.MyNet(), saved)
    files = {name: text.encode() for name, text in made.files.items()} | {"model.pth": saved.getvalue()}
    pool = WorkerPool(Limits(), ("filters", "fashion"), files)
    transport = WorkerTransport(pool, Limits())
    student = Implementation(("filters", "fashion"), transport, files)
    try:
        with pytest.raises(StudentRaised) as caught:
            student.filters.normalize_tensor(1)
        place = '("lab.ipynb", cell 2, line 2, in normalize_tensor)'
        assert f"No module named 'nowhere' {place}" in caught.value.message
        assert "`nowhere` is no file of your zip, and no package" in caught.value.help
        with pytest.raises(StudentRaised, match=r'"lab\.ipynb", cell 3, line 3, in visualize_filters'):
            student.filters.visualize_filters(1)
        loaded = student.load_model("model.pth", "fashion", student.fashion.MyNet())
        assert (loaded.form, student.fashion.get_prediction(0, loaded.model)) == ("whole model", True)
    finally:
        transport.drop()
        pool.close()


def test_modules_beside_notebooks_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules are graded as they are when the notebooks beside them take too long to read; a note says so."""
    monkeypatch.setattr(submitted, "run_limited", lambda *_arguments: Ended({}, "it took too long"))
    found = opened(tmp_path, {"filters.py": F.format(1).encode(), "lab.ipynb": LAB})
    assert found.files["filters.py"] == F.format(1).encode()
    assert any("The notebooks in the zip can't be read: it took too long" in note for note in found.notes)
    with pytest.raises(SubmissionRefused, match="it took too long"):
        opened(tmp_path, {"lab.ipynb": LAB})
