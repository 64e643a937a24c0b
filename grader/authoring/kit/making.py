"""Makes the students' kit: `check.py`, the public checks, and the grader's modules that these import.

    solutions/<id>/checks/public_*.py, grader/ --the files as they are--> kit/
    solutions/ --what they answer the public checks--> kit/recorded.npz

A module below the project's `kit/grader/` stands in the kit in the place of the grader's own of that name, which a
student's machine could not run.

Neither hidden checks nor solutions nor mistakes come along. What a check compares with is known by construction, or is
the recorded answer of the solution; inputs derive from a fixed seed then.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from grader.authoring.kit.packing import KIT, OURS
from grader.authoring.kit.recorded import FILE
from grader.decoding import decode_text
from grader.environment import with_environment
from grader.errors import MachineError
from grader.imported import imported_files
from grader.manifest import load_manifest
from grader.packages import PUBLIC, checks_folder, figures_folder
from grader.rubric import PROJECT, Assignment
from grader.zip_writer import pack_files

COPIED = ("check.py", "plots.py", "START.md")  # from the project's `kit/`
NOT_THEIRS = ("README.md", "assignment.toml")  # of a folder, what a student does not hand in beside the kit's files
_COMMAND = (
    "import sys, pathlib; from grader.authoring.kit.recording import main; "
    "main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:])"
)
_EXPECTED = re.compile(r"^[├└]── (?P<name>\S+)(?: +(?P<what>.+))?$", re.MULTILINE)  # in the handout: what to hand in


def kit_files(assignment: Assignment, stubs: Mapping[str, bytes]) -> dict[str, bytes]:
    """Contents of the kit's files by path, beside what the students' zip holds anyway.

    Args:
        assignment: Which.
        stubs: What is handed out to be written in, by name: stubs and notebook.

    Raises:
        MachineError: If a public check can't be run in a kit, or the solution does not pass it.
    """
    files = {name: (PROJECT / "kit" / name).read_bytes() for name in COPIED}
    start = with_environment(files["START.md"].decode(), assignment.environment.packages)
    files["START.md"] = start.encode()
    handout = decode_text((assignment.handout_folder / "README.md").read_bytes())
    ours = dict.fromkeys((*NOT_THEIRS, KIT, "plots"), "") | {
        name: hashlib.sha256(files[name]).hexdigest() for name in files
    }
    expected = {match["name"]: match["what"] or "" for match in _EXPECTED.finditer(handout)}
    told = {"files": ours, "expected": expected}
    files[f"{KIT}/{OURS}"] = (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()
    files |= {f"{KIT}/assignment/{assignment.id}/{name}": data for name, data in stubs.items()}
    files |= kit_code(assignment)
    if any(checks_folder(assignment).glob(PUBLIC)):
        files[f"{KIT}/{FILE}"] = _record(assignment, files)
    return files


def kit_code(assignment: Assignment) -> dict[str, bytes]:
    """The public checks and the modules that these and `check.py` import, by path; truths are what was recorded."""
    files = _modules(assignment, PROJECT / "grader/authoring/kit/main.py")
    for module in sorted({truth.rpartition(".")[0] for truth in _truths(assignment)}):
        path = f"{KIT}/{module.replace('.', '/')}.py"
        names = [truth.rpartition(".")[2] for truth in _truths(assignment) if truth.rpartition(".")[0] == module]
        if path in files:
            lines = ["from grader.authoring.kit.recorded import recorded", ""]
            files[path] = "\n".join([*lines, *(f'{name} = recorded("{name}")' for name in names), ""]).encode()
    return files


def _modules(assignment: Assignment, *more: Path) -> dict[str, bytes]:
    """Whole modules, by path in the kit: the public checks, all kinds of figures, and what these and `more` import."""
    folders = (PROJECT / "kit", PROJECT, assignment.root)
    figures = (PROJECT / "grader/figures", PROJECT / "grader/vision/figures", figures_folder(assignment))
    kinds = [path for folder in figures for path in folder.glob("*.py")]
    files = imported_files([*checks_folder(assignment).glob(PUBLIC), *kinds, *more], *folders)
    settings = PROJECT / "grader/checking/pytest.ini"
    return {f"{KIT}/{_below(path, folders)}": path.read_bytes() for path in sorted({*files, settings})}


def _below(path: Path, folders: tuple[Path, ...]) -> str:
    return next(path.relative_to(folder).as_posix() for folder in folders if path.is_relative_to(folder))


def _truths(assignment: Assignment) -> list[str]:
    """Full names of functions of the checks whose source is a solution: the kit has their results instead."""
    return [f"solutions.{assignment.id}.checks.{name}" for name in load_manifest(assignment).recorded]


def _record(assignment: Assignment, files: Mapping[str, bytes]) -> bytes:
    """Run the public checks on the solutions in a kit of their own; what they answered.

    Raises:
        MachineError: If the solutions don't pass.
    """
    code = _modules(assignment, PROJECT / "grader/authoring/kit/recording.py")
    truths = [name for name in _truths(assignment) if f"{KIT}/{name.rpartition('.')[0].replace('.', '/')}.py" in code]
    solutions = assignment.solutions_folder
    made = {path.name: path.read_bytes() for path in solutions.iterdir() if path.is_file()}
    made["assignment.toml"] = (assignment.handout_folder / "assignment.toml").read_bytes()
    with TemporaryDirectory(prefix="kit-") as scratch:
        folder = Path(scratch).resolve()
        for name, data in {**files, **made, **code}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        command = [sys.executable, "-c", _COMMAND, str(folder), *truths]
        environment = {**os.environ, "PYTHONPATH": str(folder / KIT), "PYTHONDONTWRITEBYTECODE": "1"}
        ended = subprocess.run(command, cwd=folder / KIT, env=environment, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise MachineError(f"the kit of {assignment.id} can't be made: {ended.stderr.strip()[-2000:]}")
        with zipfile.ZipFile(folder / KIT / FILE) as arrays:  # again, with times that don't change
            recorded = {name: arrays.read(name) for name in arrays.namelist()}
        return pack_files(recorded, folder / FILE).read_bytes()
