"""Writes variations of the solutions as what a student would hand in: plain modules and files.

A variation is a function or a value in a file of ours. Its source takes the place of the solution's; what it needs of
its file (helpers, constants, imports) comes along. Where it calls the solution's own module, that module comes along
too, under another name, as a helper module.
"""

from __future__ import annotations

import builtins
import functools
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from grader.authoring.composing.sources import Edit, Imported, Source, apply_edits
from grader.authoring.composing.variations import VariationFile, rerouted
from grader.errors import MachineError
from grader.rubric import Assignment
from grader.solutions import Variation, importers, solution_files

PLAIN = "plain_"  # before the name of a solution's module that comes along as a helper module
_MARK = re.compile(r"^ +(?:# (?:BEGIN|END) SOLUTION.*|#: .*)\n|  # SOLUTION .*$", re.MULTILINE)


def compose(assignment: Assignment, variations: Sequence[Variation]) -> dict[str, bytes]:
    """What a student would hand in whose work is the solutions with some variations in place.

    Functions and values come first; then each file variation, in the given order, makes its file of all files.

    Args:
        assignment: Whose.
        variations: Its known mistakes or accepted ways, at most one per target.

    Returns:
        Contents by path, helper modules included. No module mentions the grader.

    Raises:
        MachineError: If two variations have one target, or one can't be written as plain source; a sentence.
    """
    targets = [variation.target for variation in variations]
    if twice := sorted({target for target in targets if targets.count(target) > 1}):
        raise MachineError(f"several variations of {', '.join(twice)} can't be in one submission")
    files = solution_files(assignment)
    solutions = {name: plain_source(data) for name, data in files.items() if name.endswith(".py")}
    files |= solutions
    varied = [variation for variation in variations if not variation.is_file]
    for module in sorted({_module_of(variation) for variation in varied}):
        chosen = [variation for variation in varied if _module_of(variation) == module]
        files |= _vary(assignment, module, solutions, chosen)
    for variation in variations:
        if variation.is_file:
            content = variation.replacement(dict(files))
            files.pop(variation.target, None)
            files |= {} if content is None else {variation.target: content}
    return files


def _module_of(variation: Variation) -> str:
    return variation.target.split(".")[0]


def plain_source(data: bytes) -> bytes:
    """A solution's source without the marks and hints that the release takes it apart by."""
    return _MARK.sub("", data.decode()).encode()


@functools.cache
def _read_files(folder: Path) -> dict[str, tuple[VariationFile, str]]:
    """The file that declares a variation, and the name that it has there, by its id."""
    files = [VariationFile(path) for kind in ("mistakes", "accepted") for path in sorted((folder / kind).glob("*.py"))]
    return {each.id: (file, name) for file in files for name, each in file.declared.items()}


@functools.cache
def _read_solution(data: bytes, file: str) -> Source:
    return Source(data, file)


def _vary(
    assignment: Assignment, module: str, solutions: Mapping[str, bytes], variations: Sequence[Variation]
) -> dict[str, bytes]:
    """A module with variations in place, and the helper module that it needs, if any."""
    file = f"{module}.py"
    if file not in solutions:
        raise MachineError(f"{assignment.id} has no solution of {file} for variations to stand in")
    declared = _read_files(assignment.solutions_folder)
    circular = importers(assignment, module) - {module}
    varied = _Varied(module, _read_solution(solutions[file], file), circular)
    for variation in sorted(variations, key=varied.place):
        varied.put(variation, *declared[variation.id])
    helpers = {f"{PLAIN}{file}": solutions[file]} if varied.is_leaning else {}
    return {file: varied.source()} | helpers


class _Varied:
    """A solution's module in which definitions are replaced.

    Args:
        module: Its name.
        solution: Its source.
        circular: Modules that import it: what stands here can't import them.

    Attributes:
        is_leaning: Whether something in it calls the solution's module, which then has to come along.
    """

    def __init__(self, module: str, solution: Source, circular: frozenset[str]) -> None:
        self.is_leaning = False
        self._module, self._solution, self._circular = module, solution, circular
        self._taken = {*dir(builtins), *solution.globals}
        self._imports = dict(solution.imports)
        self._new_imports: list[str] = []
        self._edits: list[Edit] = []
        self._end: list[str] = []  # what replaces nothing
        self._names: dict[tuple[Path, str], str] = {}  # what is here of our files, and what it is called
        self._placed: set[tuple[Path, int]] = set()

    def place(self, variation: Variation) -> int:
        """Where in the module the variation's target is defined: statements that lean on others come after them."""
        return min(self._solution.bound.get(variation.name, [len(self._solution.statements)]))

    def put(self, variation: Variation, file: VariationFile, own: str) -> None:
        """Replace the variation's target by its source.

        Args:
            variation: Which.
            file: The file that declares it.
            own: Its name there.
        """
        numbers, imports = file.needs(own)
        names = {own: variation.name}
        for imported in imports:
            names[imported.bound] = self._import(imported, file)
        for name in sorted({bound for number in numbers for bound in file.binds(file.statements[number])} - {own}):
            names[name] = self._names.setdefault((file.path, name), self._free(name, file))
            self._taken.add(names[name])
        reroute = {self._module: PLAIN + self._module}
        self._names[file.path, own] = variation.name
        parts = []
        for number in numbers:
            if (file.path, number) not in self._placed or number in file.bound[own]:
                parts.append(file.text(number, names, reroute))
                self._placed.add((file.path, number))
        self.is_leaning |= any(PLAIN + self._module in part for part in parts)
        self._replace(variation.name, "\n\n\n".join(parts))

    def _replace(self, name: str, text: str) -> None:
        nodes = [self._solution.statements[number] for number in self._solution.bound.get(name, [])]
        alone = [node for node in nodes if self._solution.binds(node) == {name}]
        if not alone:
            self._end.append(text)
        for node in alone:
            self._edits.append((*self._solution.span(node), text.encode()))
            text = ""

    def _free(self, name: str, file: VariationFile) -> str:
        """The name itself, or with a number behind it where the module has another use for it."""
        others = (f"{name}_{number}" for number in itertools.count(2))
        free = (each for each in others if each not in self._taken | file.identifiers)
        return name if name not in self._taken else next(free)

    def _import(self, imported: Imported, file: VariationFile) -> str:
        """Import it here too; returns what it is called here."""
        first = (imported.package or imported.name).split(".")[0]
        if first in self._circular:
            raise MachineError(f"{file.path}: {self._module}.py can't import {first}.py, which imports it")
        wanted = rerouted(imported, {self._module: PLAIN + self._module}, file.path)
        self.is_leaning |= wanted != imported
        known = next((each for each in self._imports.values() if each.what == wanted.what), None)
        if known is not None and known.bound not in file.identifiers - {wanted.bound} and _is_enough(known, wanted):
            return known.bound
        if not (known is not None and known.bound == wanted.bound):
            bound = self._free(wanted.bound, file)
            if wanted.is_dotted and bound != wanted.bound:
                raise MachineError(f"{file.path}: {wanted.line()} can't have another name in {self._module}.py")
            wanted = Imported(wanted.package, wanted.name, bound)
        self._taken.add(wanted.bound)
        self._imports[wanted.bound] = wanted
        self._new_imports.append(wanted.line())
        return wanted.bound

    def source(self) -> bytes:
        """The module's source."""
        solution = self._solution
        edits = list(self._edits)
        if self._new_imports:
            place = solution.line_start(solution.head_ends + 1)
            edits.append((place, place, "".join(f"{line}\n" for line in self._new_imports).encode()))
        end = "".join(f"\n\n{text}\n" for text in self._end)
        return apply_edits(solution.data, edits) + end.encode()


def _is_enough(known: Imported, wanted: Imported) -> bool:
    """Whether one import makes another, of the same thing, unnecessary: `import torch.nn` also loads `torch.nn`."""
    return known == wanted or not wanted.is_dotted
