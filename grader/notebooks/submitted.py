"""Makes modules of the notebooks that a student hands in (part of step 1); nothing of them is run here.

    lab.ipynb -> filters.py, fashion.py, ... and notes

Imports and definitions are taken, and those assignments that the contract lists or that something taken refers to. What
reads and writes sources works in a process with bounds (`modules.py`); here is what is asked of it, and which
assignment a notebook is for.
"""

from __future__ import annotations

import ast
import json
import pickle
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import SubmissionRefused
from grader.limited import Bounds, run_limited
from grader.notebooks.modules import ASKED, FOUND, Asked
from grader.rubric import PROJECT, Assignment
from grader.text import clean_name

# A person's notebooks take a tenth of a second; 16 MiB of JSON that is all brackets take 600 MiB.
BOUNDS = Bounds(cpu_s=20, wall_s=240, memory_mib=2048, file_mib=64)
MOST_NOTEBOOKS = 20  # of a submission that are read
CLEARLY = 3  # so many times as many names of one assignment as of another: those of the other are chance


@dataclass(frozen=True)
class Names:
    """What an assignment asks for.

    Attributes:
        modules: Names by module: what the stub defines, and the constants that the contract lists.
        networks: Modules that define a class, whose model files may hold any class.
    """

    modules: Mapping[str, tuple[str, ...]]
    networks: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Names of all modules."""
        return frozenset(name for names in self.modules.values() for name in names)


def asked_names(assignment: Assignment, project: Path = PROJECT) -> Names:
    """What an assignment's stubs define for others: not what begins with `_`, nor what only running the file calls."""
    modules, networks = {}, set()
    for module in assignment.modules:
        path = project / "assignment" / assignment.id / f"{module}.py"
        body = ast.parse(path.read_bytes()).body if path.is_file() else []
        called = {
            each.id
            for node in body
            if isinstance(node, ast.If)
            for each in ast.walk(node)
            if isinstance(each, ast.Name)
        }
        names = [node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        names += [name for name in assignment.constants if any(_assigns(node, name) for node in body)]
        modules[module] = tuple(name for name in names if name not in called and not name.startswith("_"))
        if any(isinstance(node, ast.ClassDef) for node in body):
            networks.add(module)
    return Names(modules, frozenset(networks))


def _assigns(node: ast.stmt, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def notebooks_in(files: Iterable[str]) -> list[str]:
    """Paths of the notebooks among some files, those in the shallowest folder first."""
    return sorted((path for path in files if path.lower().endswith(".ipynb")), key=lambda path: (path.count("/"), path))


def recognise_notebooks(
    members: Mapping[str, bytes], choices: list[Assignment], project: Path = PROJECT
) -> tuple[Assignment, str]:
    """The assignment whose functions a zip's notebooks define, and the folder that holds them.

    Args:
        members: The zip's files by path.
        choices: The assignments it may be.
        project: Folder whose `assignment/` holds the stubs.

    Returns:
        The folder, with a final slash or "", is the shallowest with such a notebook; among equals the one that defines
        most.

    Raises:
        SubmissionRefused: If none defines anything that is asked for, they are for several assignments, or can't be
            read.
    """
    found = _ask(members, notebooks_in(members)[:MOST_NOTEBOOKS], members)
    names = {choice.id: asked_names(choice, project).all for choice in choices}
    folders: dict[str, Counter[str]] = {choice.id: Counter() for choice in choices}
    for path, defined in found["names"].items():
        folder, slash, _ = path.rpartition("/")
        for choice in choices:
            folders[choice.id][folder + slash] += len(names[choice.id] & set(defined))
    chosen = _choose(choices, names, set().union(*found["names"].values()))
    if chosen is None:
        broken = "".join(f'; "{clean_name(path)}" can\'t be read: {why}' for path, why in found["broken"].items())
        modules = " or ".join(", ".join(f"{module}.py" for module in choice.modules) for choice in choices)
        raise SubmissionRefused(
            f"No notebook in the zip defines a function that is asked for, by exactly its name{broken[:300]}. "
            f"Hand in your notebook, or {modules}."
        )
    counts = +folders[chosen.id]
    return chosen, min(counts, key=lambda folder: (folder.count("/"), -counts[folder], folder))


def _choose(choices: list[Assignment], names: Mapping[str, frozenset[str]], defined: set[str]) -> Assignment | None:
    """The assignment of whose own names most are defined; names of several tell nothing where there are others."""
    counts = {}
    for choice in choices:
        others = frozenset[str]().union(*(names[other.id] for other in choices if other is not choice))
        counts[choice.id] = len((names[choice.id] - others) & defined)
    if not any(counts.values()):
        counts = {choice.id: len(names[choice.id] & defined) for choice in choices}
    ranked = sorted((choice for choice in choices if counts[choice.id]), key=lambda choice: -counts[choice.id])
    if len(ranked) > 1 and counts[ranked[0].id] < CLEARLY * counts[ranked[1].id]:
        both = " and ".join(f"{min(names[each.id] & defined)} of {each.id}" for each in ranked)
        raise SubmissionRefused(
            f"The notebooks define functions of several assignments ({both}): hand in a zip for each, "
            f"or have it graded with ASSIGNMENT={ranked[0].id}."
        )
    return ranked[0] if ranked else None


def with_modules(
    files: Mapping[str, bytes], assignment: Assignment, project: Path = PROJECT
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """A submission's files, its missing modules made of the notebooks beside the others, and notes about that.

    Modules that are there win over what a notebook defines.
    """
    books = [path for path in notebooks_in(files) if "/" not in path]
    missing = [module for module in assignment.modules if f"{module}.py" not in files]
    if not books:
        return dict(files), ()
    if not missing:
        return dict(files), tuple(f'"{clean_name(path)}": not read, because your modules are graded.' for path in books)
    names = asked_names(assignment, project)
    wanted = {module: names.modules[module] for module in missing}
    try:
        found = _ask(files, books[:MOST_NOTEBOOKS], files, wanted, names.networks)
    except SubmissionRefused as refusal:
        if len(missing) == len(assignment.modules):
            raise
        return dict(files), (str(refusal),)
    notes = [f'"{clean_name(path)}" is no notebook that can be read: {why}.' for path, why in found["broken"].items()]
    if len(missing) < len(assignment.modules) and found["files"]:
        notes.append("Your modules are graded, and only those that are missing were made of a notebook.")
    notes += found["notes"] if found["files"] else []
    return {**files, **{path: text.encode() for path, text in found["files"].items()}}, tuple(notes)


def _ask(
    files: Mapping[str, bytes],
    books: list[str],
    beside: Mapping[str, bytes],
    wanted: Mapping[str, tuple[str, ...]] | None = None,
    networks: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """What the process with bounds finds.

    Raises:
        SubmissionRefused: If it does not come to an end within its bounds.
    """
    helpers = {path.rpartition("/")[2].removesuffix(".py") for path in beside if path.endswith(".py")}
    helpers |= {path.partition("/")[0] for path in beside if "/" in path}
    sources: dict[str, bytes] = {}
    for home in dict.fromkeys(book[: book.rfind("/") + 1] for book in books):
        for path in beside:
            if path.startswith(home) and path.endswith(".py"):
                sources.setdefault(path[len(home) : -len(".py")].replace("/", "."), beside[path])
    asked = Asked({path: files[path] for path in books}, frozenset(helpers), wanted, networks, sources)
    ended = run_limited("grader.notebooks.modules", {ASKED: pickle.dumps(asked)}, [FOUND], BOUNDS)
    if ended.why:
        raise SubmissionRefused(
            f"The notebooks in the zip can't be read: {ended.why}. "
            "Take generated code and long tables out of their cells, or hand in modules."
        )
    found: dict[str, Any] = json.loads(ended.files[FOUND])
    return found
