"""Notebooks for the tests: made of cells, and run as Jupyter runs them."""

from __future__ import annotations

import codeop
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sample_zip import Entry, zip_of

from grader.errors import MachineError
from grader.importing import load_modules
from grader.intake.opening import open_submission
from grader.notebooks import modules
from grader.notebooks.modules import ASKED, FOUND, Asked
from grader.notebooks.submitted import asked_names
from grader.records import Submission
from grader.rubric import get_assignment


def notebook(*cells: str | list[str], ran: bool = True) -> bytes:
    """A notebook of version 4 of these code cells."""
    common: dict[str, Any] = {"cell_type": "code", "execution_count": 1 if ran else None, "metadata": {}, "outputs": []}
    made = [{**common, "source": cell} for cell in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def opened(folder: Path, files: Mapping[str, bytes], **options: Any) -> Submission:
    """The submission of a zip of these files."""
    path = folder / "alice.zip"
    path.write_bytes(zip_of(*(Entry(name.encode(), data) for name, data in files.items())))
    return open_submission(path, **options)


@dataclass(frozen=True)
class Taken:
    """What was made of notebooks: sources by file name, sentences, and the modules, imported from `folder`."""

    files: dict[str, str]
    notes: list[str]
    folder: Path

    @property
    def modules(self) -> dict[str, ModuleType]:
        """All modules, imported anew."""
        return load_modules(self.folder, [name.removesuffix(".py") for name in self.files], MachineError)


def take(folder: Path, *cells: str | list[str], assignment: str = "miniplaces") -> Taken:
    """What is made of a notebook of these cells, in this process."""
    return take_books(folder, {"lab.ipynb": notebook(*cells)}, assignment=assignment)


def take_books(folder: Path, books: Mapping[str, bytes], *helpers: str, assignment: str = "miniplaces") -> Taken:
    """What is made of notebooks beside helper modules of these names, those that `folder` holds, in this process."""
    names = asked_names(get_assignment(assignment))
    sources = {name: path.read_bytes() for name in helpers if (path := folder / f"{name}.py").exists()}
    asked = Asked(books, frozenset(helpers), names.modules, names.networks, sources)
    (folder / ASKED).write_bytes(pickle.dumps(asked))
    modules.main(folder)
    found = json.loads((folder / FOUND).read_text())
    for name, text in found["files"].items():
        (folder / name).write_text(text)
    return Taken(found["files"], found["notes"], folder)


def run_cells(raw: bytes) -> tuple[dict[str, Any], int]:
    """Run a notebook's code cells in one namespace, in order, until one raises NotImplementedError.

    Returns:
        The namespace, and how many cells came to their end.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    compiler = codeop.Compile()  # remembers imports from the future, as Jupyter does
    cells = [cell for cell in json.loads(raw)["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells):
        try:
            exec(compiler("".join(cell["source"]), f"cell {number + 1}", "exec"), names)
        except NotImplementedError:
            return names, number
    return names, len(cells)
