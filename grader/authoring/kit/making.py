"""Makes the students' kit: `check.py`, the public checks, and of the grader's own files what these need.

    grader/ --the public checks and what they need--> kit/grader/
    solutions/ --what they answer the public checks--> kit/recorded.npz

Neither hidden checks nor solutions nor mistakes come along. What a check compares with is known by construction, or is
the recorded answer of the solution; inputs derive from a fixed seed then.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from grader.authoring.kit.packing import KIT, OURS
from grader.authoring.kit.recorded import FILE
from grader.authoring.kit.sources import Tree
from grader.decoding import decode_text
from grader.environment import with_environment
from grader.errors import MachineError
from grader.manifest import load_manifest
from grader.packages import PATTERN, checks_folder, figures_folder
from grader.rubric import PROJECT, Assignment
from grader.zip_writer import pack_files

# What checks in a kit may ask for: data sets and reference models are not there.
FIXTURES = frozenset({"student", "oracle", "rng", "thresholds", "exhibit", "measured", "looks"})
COPIED = ("check.py", "plots.py", "START.md")  # from the project's `kit/`
NOT_THEIRS = ("README.md", "assignment.toml")  # of a folder, what a student does not hand in beside the kit's files
SUBSTITUTES = {
    "grader.records.Record": "Record",
    "grader.checking.diagnosis.Diagnosis": "Diagnosis",
    "grader.checking.diagnosis.passes_for_oracle": "passes_for_oracle",
    "grader.bounded_process.run_limited": "run_limited",
}
READ_IN_PLACE = ("grader.notebooks.modules", "main")  # what `run_limited` is asked for by its name
_COMMAND = (
    "import sys, pathlib; from grader.authoring.kit.recording import main; "
    "main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:])"
)
_EXPECTED = re.compile(r"^[├└]── (?P<name>\S+)(?: +(?P<what>.+))?$", re.MULTILINE)  # in the handout: what to hand in


@dataclass(frozen=True)
class PublicCheck:
    """A check that students get.

    Attributes:
        module: Full name of its module.
        name: Its own.
        task: Id of its task.
        fixtures: What it asks for.
        after: Names of the checks that it stands on.
    """

    module: str
    name: str
    task: str
    fixtures: tuple[str, ...]
    after: tuple[str, ...]


def kit_files(assignment: Assignment, stubs: Mapping[str, bytes]) -> dict[str, bytes]:
    """Contents of the kit's files by path, beside what the students' zip holds anyway.

    Args:
        assignment: Which.
        stubs: What is handed out to be written in, by name: stubs and notebook.

    Raises:
        MachineError: If a public check can't be run in a kit, or the solution does not pass it.
    """
    checks = find_public(assignment)
    refuse_unfit(checks)
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
    if checks:
        files[f"{KIT}/{FILE}"] = _record(assignment, checks, files)
    return files


def kit_code(assignment: Assignment) -> dict[str, bytes]:
    """The grader's own files in a kit, by path: the public checks, and what these and `check.py` need."""
    return _below_kit(_tree(assignment, find_public(assignment), _replaced(_truths(assignment))))


def find_public(assignment: Assignment) -> list[PublicCheck]:
    """The public checks of an assignment, as its check files declare them."""
    found: list[PublicCheck] = []
    for path in sorted(checks_folder(assignment).glob(PATTERN)):
        for node in ast.parse(path.read_bytes()).body:
            if isinstance(node, ast.FunctionDef):
                found += _public(f"solutions.{assignment.id}.checks.{path.stem}", node)
    return found


def _public(module: str, node: ast.FunctionDef) -> Iterator[PublicCheck]:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "check":
            told = {word.arg: ast.literal_eval(word.value) for word in each.keywords if word.arg in ("public", "after")}
            if told.get("public"):
                fixtures = tuple(arg.arg for arg in node.args.args)
                yield PublicCheck(module, node.name, ast.literal_eval(each.args[0]), fixtures, told.get("after", ()))


def refuse_unfit(checks: list[PublicCheck]) -> None:
    """Refuse checks that can't be run in a kit.

    Raises:
        MachineError: If one asks for what a kit has not, or stands on a check that is not public.
    """
    names = {(check.task, check.name) for check in checks}
    for check in checks:
        if unknown := set(check.fixtures) - FIXTURES:
            raise MachineError(f"{check.name} of task {check.task} can't be public: a kit has no {min(unknown)}")
        if hidden := [name for name in check.after if (check.task, name) not in names]:
            raise MachineError(f"{check.name} of task {check.task} is public and stands on {hidden[0]}, which is not")


def _truths(assignment: Assignment) -> list[str]:
    """Full names of functions of the checks whose source is a solution: the kit has their results instead."""
    return [f"solutions.{assignment.id}.checks.{name}" for name in load_manifest(assignment).recorded]


def _replaced(truths: Iterable[str] = ()) -> dict[str, str]:
    """Other texts for definitions, by full name; `truths` become what was recorded."""
    path = PROJECT / "kit" / "substitutes.py"
    source = path.read_text(encoding="utf-8")
    texts = {
        node.name: ast.get_source_segment(source, node) for node in ast.parse(source).body if hasattr(node, "name")
    }
    found = {full: texts[name] or "" for full, name in SUBSTITUTES.items()}
    for full in truths:
        name = full.rpartition(".")[2]
        found[full] = f'from grader.authoring.kit.recorded import recorded\n\n{name} = recorded("{name}")'
    return found


def _tree(assignment: Assignment, checks: list[PublicCheck], replaced: Mapping[str, str]) -> Tree:
    tree = Tree(PROJECT, replaced, assignment.root)
    for check in checks:
        tree.take(check.module, [check.name])
    tree.take("grader.checking.fixtures", sorted({"context", *(name for each in checks for name in each.fixtures)}))
    tree.take("grader.authoring.kit.main", ["main"])
    tree.take("grader.decoding", ["parse_json"])  # for `plots.py`
    tree.take(READ_IN_PLACE[0], READ_IN_PLACE[1:])
    library = (PROJECT / "grader" / "figures", PROJECT / "grader" / "vision" / "figures")
    for root, folder in (*((PROJECT, each) for each in library), (assignment.root, figures_folder(assignment))):
        package = ".".join(folder.relative_to(root).parts)
        for path in folder.glob("*.py"):
            tree.take_all(package if path.stem == "__init__" else f"{package}.{path.stem}")
    return tree


def _below_kit(tree: Tree) -> dict[str, bytes]:
    ini = (PROJECT / "grader" / "checking" / "pytest.ini").read_bytes()
    files = {f"{KIT}/{path}": data for path, data in tree.files().items()}
    return files | {f"{KIT}/grader/checking/pytest.ini": ini}


def _record(assignment: Assignment, checks: list[PublicCheck], files: Mapping[str, bytes]) -> bytes:
    """Run the public checks on the solutions in a kit of their own; what they answered.

    Raises:
        MachineError: If the solutions don't pass.
    """
    tree = _tree(assignment, checks, _replaced())
    tree.take("grader.authoring.kit.recording", ["main"])
    truths = [truth for truth in _truths(assignment) if tree.has(truth)]
    solutions = assignment.solutions_folder
    made = {path.name: path.read_bytes() for path in solutions.iterdir() if path.is_file()}
    made["assignment.toml"] = (assignment.handout_folder / "assignment.toml").read_bytes()
    with TemporaryDirectory(prefix="kit-") as scratch:
        folder = Path(scratch).resolve()
        for name, data in {**files, **made, **_below_kit(tree)}.items():
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
