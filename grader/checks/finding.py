"""Finds the checks of an assignment, `solutions/<id>/checks/check_*.py`, and imports them.

They are modules of a package: `solutions.<id>.checks.check_cam` imports `solutions.<id>.checks.networks`, wherever the
folder of assignments lies.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path

from grader.errors import MachineError
from grader.importing import importing
from grader.rubric import PROJECT

PACKAGE = "solutions"
PATTERN = "check_*.py"


def checks_folder(assignment_id: str, project: Path = PROJECT) -> Path:
    """Where the checks of an assignment are."""
    return project / PACKAGE / assignment_id / "checks"


def import_checks(assignment_id: str, project: Path = PROJECT) -> None:
    """Import all modules of an assignment's checks, for pytest to find.

    Raises:
        MachineError: If one can't be imported.
    """
    _open_package(project / PACKAGE)
    folder = checks_folder(assignment_id, project)
    for path in sorted(folder.glob("*.py")):
        name = ".".join((*folder.relative_to(project).parts, path.stem))
        _forget_others(name, path)
        with importing(path, MachineError):
            importlib.import_module(name)


def _open_package(folder: Path) -> None:
    """Let `solutions` be a package of this folder too."""
    if PACKAGE not in sys.modules:
        sys.modules[PACKAGE] = module_from_spec(ModuleSpec(PACKAGE, None, is_package=True))
    package = sys.modules[PACKAGE]
    if str(folder) not in package.__path__:
        package.__path__ = [*package.__path__, str(folder)]


def _forget_others(name: str, path: Path) -> None:
    """Forget an assignment of the same id that lies elsewhere."""
    known = sys.modules.get(name)
    if known is not None and known.__file__ != str(path):
        assignment = ".".join(name.split(".")[:2])
        for each in [each for each in sys.modules if each == assignment or each.startswith(f"{assignment}.")]:
            del sys.modules[each]
