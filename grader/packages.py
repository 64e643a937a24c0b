"""Imports an assignment's own checks and figures, which are modules of a package, `solutions.<id>`.

`solutions.<id>.checks.check_cam` imports `solutions.<id>.checks.networks`, wherever the folder of assignments lies.
Solutions, mistakes and manifests are loaded apart from all else, by `importing.py`.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from grader.errors import MachineError
from grader.importing import importing
from grader.rubric import Assignment

PACKAGE = "solutions"
PUBLIC = "public_*.py"


def checks_folder(assignment: Assignment) -> Path:
    """Where the checks of an assignment are."""
    return assignment.solutions_folder / "checks"


def is_public(path: Path) -> bool:
    """Whether students get a module of checks, as it is, in the kit that `make release` makes."""
    return path.match(PUBLIC)


def figures_folder(assignment: Assignment) -> Path:
    """Where the assignment's own kinds of figures are."""
    return assignment.solutions_folder / "figures"


def import_checks(assignment: Assignment) -> list[ModuleType]:
    """Import all modules of an assignment's checks.

    Raises:
        MachineError: If one can't be imported.
    """
    return [import_part(path) for path in sorted(checks_folder(assignment).glob("*.py"))]


def import_part(path: Path) -> ModuleType:
    """Import a module of an assignment by its file, `solutions/<id>/<part>/<module>.py`.

    Raises:
        MachineError: If it can't be imported.
    """
    _open_package(path.parents[2])
    name = ".".join((PACKAGE, *path.parts[-3:-1], path.stem))
    _forget_others(name, path)
    with importing(path, MachineError):
        return importlib.import_module(name)


def _open_package(folder: Path) -> None:
    """Let `solutions` be a package of this folder too, and look there first."""
    if PACKAGE not in sys.modules:
        sys.modules[PACKAGE] = module_from_spec(ModuleSpec(PACKAGE, None, is_package=True))
    package = sys.modules[PACKAGE]
    if package.__path__[:1] != [str(folder)]:
        package.__path__ = [str(folder), *(each for each in package.__path__ if each != str(folder))]


def _forget_others(name: str, path: Path) -> None:
    """Forget an assignment of the same id that lies elsewhere."""
    known = sys.modules.get(name)
    if known is not None and known.__file__ != str(path):
        assignment = ".".join(name.split(".")[:2])
        for each in [each for each in sys.modules if each == assignment or each.startswith(f"{assignment}.")]:
            del sys.modules[each]
