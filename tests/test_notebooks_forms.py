"""Modules written as a notebook: what is in it, that it runs, and that it is graded as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
import pytest
from sample_notebooks import opened, run_cells
from sample_tiers import tiered

from grader.authoring.composing.notebook import notebook_of
from grader.authoring.composing.submission import plain_source
from grader.checking.running import run_checks
from grader.errors import MachineError
from grader.importing import load_modules
from grader.rubric import PROJECT, find_assignments, get_assignment
from grader.runner import context_of
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport

MINIPLACES = get_assignment("miniplaces")
ASSIGNMENTS = sorted(find_assignments())
FORMS = {
    "miniplaces": ("miniplaces", PROJECT / "solutions" / "miniplaces", ("1a", "3a", "3b")),
    "two_networks": ("two_networks", PROJECT / "solutions" / "two_networks", ("1", "2.1", "3")),
    "alice": ("miniplaces", PROJECT / "examples" / "alice", ("1a", "3a")),
}


def modules_in(assignment_id: str, folder: Path) -> dict[str, str]:
    """Sources of an assignment's modules in a folder, without marks."""
    names = get_assignment(assignment_id).modules
    return {name: plain_source((folder / f"{name}.py").read_bytes()).decode() for name in names}


def solved(assignment_id: str) -> bytes:
    """The notebook of the solutions."""
    return notebook_of(get_assignment(assignment_id), modules_in(assignment_id, PROJECT / "solutions" / assignment_id))


def cells_of(raw: bytes, kind: str) -> list[str]:
    """Sources of the cells of one kind."""
    return ["".join(cell["source"]) for cell in json.loads(raw)["cells"] if cell["cell_type"] == kind]


@pytest.mark.parametrize("assignment_id", ASSIGNMENTS)
def test_released(assignment_id: str) -> None:
    """What students get is a valid notebook, with the handout's words on every task and none of the solution."""
    raw = (PROJECT / "assignment" / assignment_id / f"{assignment_id}.ipynb").read_bytes()
    nbformat.validate(json.loads(raw))
    prose = "\n".join(cells_of(raw, "markdown"))
    handout = (PROJECT / "assignment" / assignment_id / "README.md").read_text(encoding="utf-8")
    tasks = [line for line in handout.splitlines() if line.startswith("**") and "point" in line.split("**")[1]]
    assert len(tasks) > 9
    assert [line for line in tasks if line not in prose] == []
    assert any("raise NotImplementedError" in cell for cell in cells_of(raw, "code"))


@pytest.mark.parametrize("assignment_id", ["miniplaces", pytest.param("two_networks", marks=pytest.mark.slow)])
def test_runs_on_solutions(assignment_id: str) -> None:
    """The solved notebook runs from top to bottom and draws; the students' runs up to the first TODO."""
    raw = solved(assignment_id)
    nbformat.validate(json.loads(raw))
    names, count = run_cells(raw)
    assert count == len(cells_of(raw, "code"))
    assert not names["TRAIN"]
    assert len(plt.get_fignums()) >= 4
    plt.close("all")
    stub = (PROJECT / "assignment" / assignment_id / f"{assignment_id}.ipynb").read_bytes()
    count = run_cells(stub)[1]
    code = cells_of(stub, "code")
    assert "TODO(" in "".join(code[:count])
    assert count < len(code)


def test_same_bytes() -> None:
    """The same sources give the same bytes."""
    assert solved("miniplaces") == solved("miniplaces")


def test_training_is_a_cell() -> None:
    """What running a module's file does is a cell of its own, without imports from siblings."""
    code = cells_of(solved("two_networks"), "code")
    training = [cell for cell in code if cell.startswith("if TRAIN:")]
    assert [cell.splitlines()[0] for cell in training] == [
        "if TRAIN:  # as running supervised.py does",
        "if TRAIN:  # as running rotation.py does",
    ]
    assert not any("from resnet" in cell or "__main__" in cell for cell in code)


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ("def f():\n    return 1", "def f():\n    return 2", "f"),
        ("K = 1\ndef f():\n    return K", "K = 2", "K"),
        ("class A: pass", "A = 1", "A"),
    ],
)
def test_clash(first: str, second: str, name: str) -> None:
    """Modules that mean different things by one name can't be in one notebook; each can be in its own."""
    with pytest.raises(MachineError, match=rf"filters\.py and units\.py can't be in one notebook: each has a {name}"):
        notebook_of(MINIPLACES, {"filters": first, "units": second})
    assert cells_of(notebook_of(MINIPLACES, {"units": second}), "code")[-1] == second


def test_no_python() -> None:
    """A source that does not parse is an error that names it."""
    with pytest.raises(MachineError, match=r"filters\.py: does not parse"):
        notebook_of(MINIPLACES, {"filters": "def ("})


def results_of(assignment_id: str, folder: Path, tasks: tuple[str, ...]) -> list[dict[str, Any]]:
    """What the checks of some tasks say of the modules in a folder, run in this process."""
    assignment = get_assignment(assignment_id)
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    modules = load_modules(folder, assignment.modules, MachineError)
    student = Implementation(assignment.modules, LocalTransport(modules, files), files)
    context = context_of(assignment, student, "0" * 64)
    run_checks(context, tasks)
    return [result.model_dump(exclude={"seconds"}) for result in context.results]


@pytest.mark.parametrize("form", tiered(FORMS.keys(), slow=FORMS.keys() - {"miniplaces"}))
def test_graded_as_modules_are(form: str, tmp_path: Path) -> None:
    """The same work earns the same results as modules and as a notebook."""
    assignment_id, folder, tasks = FORMS[form]
    modules = modules_in(assignment_id, folder)
    found = opened(tmp_path, {"work.ipynb": notebook_of(get_assignment(assignment_id), modules)})
    assert found.assignment.id == assignment_id
    results = []
    plain = {f"{name}.py": text.encode() for name, text in modules.items()}
    for name, files in {"modules": plain, "notebook": found.files}.items():
        written = tmp_path / name
        written.mkdir()
        for path, content in files.items():
            (written / path).write_bytes(content)
        results.append(results_of(assignment_id, written, tasks))
    assert {result["task"] for result in results[0]} == set(tasks)
    assert results[0] == results[1]
