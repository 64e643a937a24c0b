"""The solutions of an assignment and their variations: known mistakes and accepted ways.

A variation replaces one name of one module (or one file) of the solutions. The files in
`solutions/<id>/mistakes/` and `accepted/` declare them with the decorators below; `implementation` builds the whole, to
be addressed like a student's.
"""

from __future__ import annotations

import ast
import functools
import io
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from grader.errors import MachineError
from grader.importing import Siblings, importing, load_modules
from grader.importing import load_module as load_module  # here too: mistakes are made of solutions' modules
from grader.manifest import load_manifest
from grader.reference import load_reference
from grader.rubric import Assignment
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport

EXCEPTIONS = "exceptions.toml"  # of an assignment, for `make validate`

Content = Callable[[dict[str, bytes]], bytes | None]


@dataclass(frozen=True)
class Variation:
    """One wrong, or one other right, way of doing one thing.

    Attributes:
        target: `module.name` that it replaces, or the name of a file.
        id: `module.words_for_it`, unique within the assignment.
        check: The check that must catch it, for a mistake; empty for an accepted way.
        help: What went wrong and what to do, one sentence for the student; for an accepted way what it is.
        replacement: The function or value; for a file, a function from the solutions' files to the new content
            (None: the file is missing).
        is_file: Whether `target` is a file.
    """

    target: str
    id: str
    check: str
    help: str
    replacement: Any
    is_file: bool = False

    @property
    def is_mistake(self) -> bool:
        """Whether it is wrong."""
        return bool(self.check)

    @property
    def module(self) -> str:
        """The module it belongs to."""
        return self.id.split(".")[0]

    @property
    def name(self) -> str:
        """The name that it replaces within its module."""
        return self.target.split(".", 1)[1]


def mistake(target: str, name: str, *, check: str, help: str) -> Callable[[Callable[..., Any]], Variation]:
    """Declare a function as a wrong implementation of `target`, caught by `check`."""
    return lambda function: Variation(target, f"{target.split('.')[0]}.{name}", check, help, function)


def mistaken_value(target: str, name: str, value: Any, *, check: str, help: str) -> Variation:
    """Declare a wrong value of the constant `target`."""
    return Variation(target, f"{target.split('.')[0]}.{name}", check, help, value)


def mistaken_file(file: str, id: str, *, check: str, help: str) -> Callable[[Content], Variation]:
    """Declare wrong contents of `file`, made from the solutions' files; None stands for a missing file."""
    return lambda content: Variation(file, id, check, help, content, is_file=True)


def accepted(target: str, name: str, what: str) -> Callable[[Callable[..., Any]], Variation]:
    """Declare a function as another right implementation of `target`."""
    return lambda function: Variation(target, f"{target.split('.')[0]}.{name}", "", what, function)


def accepted_value(target: str, name: str, value: Any, what: str) -> Variation:
    """Declare another right value of the constant `target`."""
    return Variation(target, f"{target.split('.')[0]}.{name}", "", what, value)


def accepted_file(file: str, id: str, what: str) -> Callable[[Content], Variation]:
    """Declare other right contents of `file`."""
    return lambda content: Variation(file, id, "", what, content, is_file=True)


@functools.cache
def load_mistakes(assignment: Assignment) -> tuple[Variation, ...]:
    """The assignment's known mistakes, in the order they are declared."""
    return tuple(_declared(assignment.solutions_folder / "mistakes"))


@functools.cache
def load_accepted(assignment: Assignment) -> tuple[Variation, ...]:
    """The assignment's accepted ways, in the order they are declared."""
    return tuple(_declared(assignment.solutions_folder / "accepted"))


def _declared(folder: Path) -> Iterable[Variation]:
    modules = []
    for path in sorted(folder.glob("*.py")):
        with importing(path, MachineError):
            modules.append(Siblings(folder.parent).execute(path))  # it imports the solutions, not other mistakes
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Variation)]
    ids = [variation.id for variation in found]
    if twice := {each for each in ids if ids.count(each) > 1}:
        raise MachineError(f"{folder}: declared twice: {', '.join(sorted(twice))}")
    return found


def solution_files(assignment: Assignment) -> dict[str, bytes]:
    """What a perfect submission holds: the solutions, written answers, and model files of the reference's weights."""
    files = {path.name: path.read_bytes() for path in _solved(assignment).values()}
    handed_in = (path for path in assignment.solutions_folder.iterdir() if path.is_file() and path.suffix != ".py")
    files |= {path.name: path.read_bytes() for path in handed_in if path.name != EXCEPTIONS}
    return files | _further_files(assignment)


def _solved(assignment: Assignment) -> dict[str, Path]:
    """The files of the solutions' modules by name."""
    paths = {name: assignment.solutions_folder / f"{name}.py" for name in assignment.modules}
    return {name: path for name, path in paths.items() if path.exists()}


@functools.cache
def importers(assignment: Assignment, module: str) -> frozenset[str]:
    """The module and every module of the solutions that imports it, directly or through another, by their sources.

    What only `main` imports does not count: it is for running the file, and no check asks it.
    """
    imports = {name: _imported(path) for name, path in _solved(assignment).items()}
    found = {module}
    while more := {name for name, imported in imports.items() if imported & found} - found:
        found |= more
    return frozenset(found)


def _imported(path: Path) -> set[str]:
    """First parts of the names that a module imports, also inside functions, `main` aside."""
    names = set()
    body = ast.parse(path.read_text(encoding="utf-8")).body
    asked = [top for top in body if not (isinstance(top, ast.FunctionDef) and top.name == "main")]
    for node in itertools.chain.from_iterable(map(ast.walk, asked)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} if node.module else {alias.name for alias in node.names}
    return {name.split(".")[0] for name in names}


@functools.cache
def _further_files(assignment: Assignment) -> dict[str, bytes]:
    """What the manifest names: model files of the reference's weights, and files that are made."""
    manifest = load_manifest(assignment)
    if not (manifest.files or manifest.model_files):
        return {}
    reference = load_reference(assignment)
    made = {name: make(reference.metrics) for name, make in manifest.files.items()}
    return made | {
        file: model_file({name: tensor.clone() for name, tensor in reference.weights[model].items()})
        for model, file in manifest.model_files.items()
        if model in reference.weights
    }


def model_file(content: Any) -> bytes:
    """What `torch.save` writes, for the model files of variations too."""
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def implementation(assignment: Assignment, variation: Variation | None = None) -> Implementation:
    """The solutions, with `variation` in its place, ready to be addressed like a student's submission."""
    is_file = variation is not None and variation.is_file
    modules, files = _load_all(assignment, None if is_file else variation), solution_files(assignment)
    if variation is not None and is_file:
        content = variation.replacement(files)
        files = {name: data for name, data in files.items() if name != variation.target}
        files |= {variation.target: content} if content is not None else {}
    return Implementation(assignment.modules, LocalTransport(modules, files), files)


def _load_all(assignment: Assignment, variation: Variation | None) -> dict[str, ModuleType]:
    """The solutions' modules; a variation is in its place before another module imports it."""

    def replace(name: str, module: ModuleType) -> None:
        if variation is not None and variation.target.split(".")[0] == name:
            setattr(module, variation.name, variation.replacement)

    return load_modules(assignment.solutions_folder, assignment.modules, MachineError, replace)
