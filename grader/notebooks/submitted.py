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
from fractions import Fraction
from typing import Any, NamedTuple

from grader.bounded_process import Bounds, run_limited
from grader.errors import SubmissionRefused
from grader.notebooks.absent import close_name
from grader.notebooks.modules import ASKED, FOUND, Asked
from grader.rubric import Assignment
from grader.text import clean_name, list_words

# A person's notebooks take a tenth of a second; 16 MiB of JSON that is all brackets take 600 MiB.
BOUNDS = Bounds(cpu_s=20, wall_s=240, memory_mib=2048, file_mib=64)
CLEARLY = 3  # so many times as much of one assignment as of another that is complete too: the others are chance
MOST_NOTEBOOKS = 20  # of a submission that are read
_MOST_NAMES, _MOST_TOLD, _MOST_HINTS = 300, 5, 600  # compared with those asked for; of paths, of letters in a sentence


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


def asked_names(assignment: Assignment) -> Names:
    """What an assignment's stubs define for others: not what begins with `_`, nor what only running the file calls.

    Of a module that has not been released yet, what the solution defines.
    """
    modules, networks = {}, set()
    for module in assignment.modules:
        paths = (folder / f"{module}.py" for folder in (assignment.handout_folder, assignment.solutions_folder))
        path = next((path for path in paths if path.is_file()), None)
        body = ast.parse(path.read_bytes()).body if path else []
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


def recognise_notebooks(members: Mapping[str, bytes], choices: list[Assignment]) -> tuple[Assignment, str, Fraction]:
    """The assignment whose functions a zip's notebooks define, the folder that holds them, and the share defined.

    Args:
        members: The zip's files by path.
        choices: The assignments it may be.

    Returns:
        The folder, with a final slash or "", is the shallowest with such a notebook; among equals the one that defines
        most.

    Raises:
        SubmissionRefused: If none defines anything that is asked for, they are for several assignments, or can't be
            read.
    """
    found = _ask(members, notebooks_in(members)[:MOST_NOTEBOOKS], members)
    names = {choice.id: asked_names(choice).all for choice in choices}
    folders: dict[str, Counter[str]] = {choice.id: Counter() for choice in choices}
    for path, here in found["names"].items():
        folder, slash, _ = path.rpartition("/")
        for choice in choices:
            folders[choice.id][folder + slash] += len(names[choice.id] & set(here))
    defined = set[str]().union(*found["names"].values())
    chosen = _choose(choices, names, defined)
    if chosen is None:
        broken = [f'"{clean_name(path)}" can\'t be read: {why}' for path, why in found["broken"].items()]
        told = "".join(f"; {each}" for each in broken)[:300]
        hints = " ".join([*_near(found["names"], names), *(each for why in found["why"].values() for each in why)])
        modules = " or ".join(", ".join(f"{module}.py" for module in choice.modules) for choice in choices)
        raise SubmissionRefused(
            f"No notebook in the zip defines a function that is asked for, by exactly its name{told}."
            f"{f' {hints}'[:_MOST_HINTS] if hints else ''} Hand in your notebook, or {modules}."
        )
    counts = +folders[chosen.id]
    folder = min(counts, key=lambda folder: (folder.count("/"), -counts[folder], folder))
    return chosen, folder, Fraction(len(names[chosen.id] & defined), len(names[chosen.id]))


def _near(defined: Mapping[str, Iterable[str]], names: Mapping[str, frozenset[str]]) -> list[str]:
    """A sentence on a name that is nearly one that is asked for, if there is one."""
    here = [name for found in defined.values() for name in found][:_MOST_NAMES]
    for asked in sorted(frozenset[str]().union(*names.values())):
        if near := close_name(asked, here):
            return [f"`{near}` is defined: if `{asked}` is meant, it must be called so."]
    return []


def _choose(choices: list[Assignment], names: Mapping[str, frozenset[str]], defined: set[str]) -> Assignment | None:
    """The assignment that is there more completely, by its own names; names of several count where there are no others.

    Raises:
        SubmissionRefused: If two are there equally.
    """
    held = {}
    for choice in choices:
        others = frozenset[str]().union(*(names[other.id] for other in choices if other is not choice))
        held[choice.id] = (len((names[choice.id] - others) & defined), len(names[choice.id] - others))
    if not any(count for count, _ in held.values()):
        held = {choice.id: (len(names[choice.id] & defined), len(names[choice.id])) for choice in choices}
    found = [choice for choice in choices if held[choice.id][0]]
    for choice in found:
        count, all_of_it = held[choice.id]
        rivals = [held[other.id] for other in found if other is not choice]
        ahead = (
            count * all_of_other > other * all_of_it or (count == all_of_it and count >= CLEARLY * other)
            for other, all_of_other in rivals
            if count > other
        )
        if sum(ahead) == len(rivals):
            return choice
    if found:
        both = " and ".join(f"{min(names[each.id] & defined)} of {each.id}" for each in found)
        raise SubmissionRefused(
            f"The notebooks define functions of several assignments ({both}): hand in a zip for each, "
            f"or have it graded with ASSIGNMENT={found[0].id}."
        )
    return None


class WithModules(NamedTuple):
    """A submission's files, modules that were made of its notebooks among them.

    Attributes:
        files: By path.
        notes: Sentences about what was taken.
        first: Those of them that come before all others: what is graded is not what its author may think.
        absent: What to say of a name that is not there, by `module.name`, and by name for what functions may miss.
        made: The files that were made.
    """

    files: dict[str, bytes]
    notes: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    absent: Mapping[str, str] = {}
    made: frozenset[str] = frozenset()


def with_modules(files: Mapping[str, bytes], assignment: Assignment) -> WithModules:
    """A submission's files, its missing modules made of the notebooks beside the others.

    Modules that are there win over what a notebook defines, unless they are as they were handed out.

    Raises:
        SubmissionRefused: If there are no modules, and the notebooks can't be read.
    """
    books = [path for path in notebooks_in(files) if "/" not in path]
    present = {module: files[f"{module}.py"] for module in assignment.modules if f"{module}.py" in files}
    if not books:
        deeper = (
            [f'"{clean_name(path)}"' for path in notebooks_in(files)] if len(present) < len(assignment.modules) else []
        )
        told = f"{list_words(deeper[:_MOST_TOLD])}: below the folder of your modules, so not read; move it up to them."
        return WithModules(dict(files), (told,) if deeper else ())
    names = asked_names(assignment)
    try:
        found = _ask(
            files,
            books[:MOST_NOTEBOOKS],
            files,
            wanted=names.modules,
            networks=names.networks,
            given=_handed_out(assignment),
            present=present,
        )
    except SubmissionRefused as refusal:
        if not present:
            raise
        return WithModules(dict(files), (str(refusal),))
    return _with_found(files, found, books, {f"{module}.py" for module in present})


def _with_found(
    files: Mapping[str, bytes], found: Mapping[str, Any], books: list[str], present: set[str]
) -> WithModules:
    """The files with the modules that were made, and what is to be said about that."""
    made = {path: text.encode() for path, text in found["files"].items()}
    notes = [f'"{clean_name(path)}" is no notebook that can be read: {why}.' for path, why in found["broken"].items()]
    if made.keys() - present and present - made.keys():
        notes.append("Your modules are graded, and only those that are missing were made of a notebook.")
    if made:
        notes += found["notes"]
    elif not found["missing"]:
        notes = [f'"{clean_name(path)}": not read, because your modules are graded.' for path in books]
    return WithModules({**files, **made}, tuple(notes), tuple(found["first"]), found["absent"], frozenset(made))


def _handed_out(assignment: Assignment) -> dict[str, bytes]:
    """The stubs and the notebook that students got, by file name."""
    folder = assignment.handout_folder
    names = [*(f"{module}.py" for module in assignment.modules), f"{assignment.id}.ipynb"]
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}


def _ask(
    files: Mapping[str, bytes],
    books: list[str],
    beside: Mapping[str, bytes],
    **more: Any,
) -> dict[str, Any]:
    """What the process with bounds finds; `more` as `Asked` has it.

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
    asked = Asked({path: files[path] for path in books}, frozenset(helpers), sources=sources, **more)
    ended = run_limited("grader.notebooks.modules", {ASKED: pickle.dumps(asked)}, [FOUND], BOUNDS)
    if ended.why:
        raise SubmissionRefused(
            f"The notebooks in the zip can't be read: {ended.why}. "
            "Take generated code and long tables out of their cells, or hand in modules."
        )
    found: dict[str, Any] = json.loads(ended.files[FOUND])
    return found
