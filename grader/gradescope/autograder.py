"""Makes an assignment's autograder for Gradescope: `dist/<id>-autograder.zip`.

    setup.sh, run_autograder    what Gradescope asks for, out of `gradescope/`
    project/                    this grader, with one assignment: no tests, no examples, no data, no other solutions
    secret                      the course secret, which `run_autograder` keeps from students' code

Gradescope unpacks it into `/autograder/source`, as its specification has it:
https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import tomli_w

from grader.errors import MachineError
from grader.packages import checks_folder
from grader.rubric import PROJECT, Assignment
from grader.zip_writer import EXECUTABLE, pack_files

SCRIPTS = ("setup.sh", "run_autograder")
FILES = ("setup.sh", "constraints.txt", "LICENSE")  # of the project's folder
FOLDERS = ("grader", "report_templates")
SECRET = "secret"  # beside the scripts


def pack_autograder(assignment: Assignment, secret: str, project: Path = PROJECT) -> Path:
    """Write the zip that an instructor uploads.

    Args:
        assignment: Which; wherever it lies, it is one of the project's there.
        secret: The course's, with which it grades there.
        project: The project's folder, for the grader itself.

    Returns:
        Path of the zip.

    Raises:
        MachineError: If it has no solution or no checks.
    """
    own = [assignment.handout_folder, assignment.solutions_folder]
    for folder in (own[1], checks_folder(assignment)):
        if not any(folder.glob("*.py")):
            raise MachineError(f"{folder} holds no modules, and nothing can be graded without")
    paths = [path for name in FOLDERS for path in _files_in(project / name)] + [project / name for name in FILES]
    named = [(path.relative_to(project), path) for path in paths]
    named += [(path.relative_to(assignment.root), path) for folder in own for path in _files_in(folder)]
    files = {f"project/{name.as_posix()}": path.read_bytes() for name, path in named}
    files["project/pyproject.toml"] = _requirements(project / "pyproject.toml")
    files |= {name: (project / "gradescope" / name).read_bytes() for name in SCRIPTS}
    files[SECRET] = f"{secret}\n".encode()
    target = assignment.root / "dist" / f"{assignment.id}-autograder.zip"
    return pack_files(files, target, dict.fromkeys((*SCRIPTS, "project/setup.sh"), EXECUTABLE))


def _files_in(folder: Path) -> Iterator[Path]:
    """Every file below a folder, without caches, tests and hidden files."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") or part in ("__pycache__", "tests") for part in parts):
            yield path


def _requirements(path: Path) -> bytes:
    """What pip reads of pyproject.toml, without the README and what only developers need."""
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    project = {name: value for name, value in settings["project"].items() if name != "readme"}
    project["optional-dependencies"] = {"dev": []}
    packages = {"setuptools": settings["tool"]["setuptools"]}
    return tomli_w.dumps({"build-system": settings["build-system"], "project": project, "tool": packages}).encode()
