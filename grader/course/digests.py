"""What a recorded grade depends on, as digests: unchanged ones need no work, and some only need to be scored again.

Two digests for each submission. The *run* digest covers what the checks' results depend on: the zip, the checks and all
code before the score, the solutions, the data sets, and those parts of the rubric that checks read. The *score* digest
covers the rest as well: points, deadlines, times, marks, and how a report looks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import MachineError
from grader.imported import imported_files
from grader.packages import figures_folder
from grader.provenance import describe_data, versions
from grader.reference import load_reference
from grader.rubric import PROJECT, Assignment

# Where a run begins, and what turns its results into a grade and pages: with all that these import.
RUN = ("intake/opening.py", "intake/answers.py", "course_secret.py", "runner.py",
       "sandbox/worker_main.py", "sandbox/fork_server.py")  # fmt: skip
SCORE = ("scoring.py", "manual.py", "manual_merging.py", "results.py", "terminal.py",
         "report/rendering.py", "report/page.py")  # fmt: skip
OF_A_TASK = {"title", "points", "bonus", "variants", "scoring", "without_data"}  # read after the checks
OF_ALL = {"title", "course", "due_at", "variants", "default_variant", "late", "several_zips", "group_size", "tasks"}


@dataclass(frozen=True)
class Digests:
    """What all submissions of one run of the grader share.

    Attributes:
        run: By assignment: what its checks' results depend on beside the zip.
        score: By assignment: what a grade depends on beside those results.
    """

    run: dict[str, str]
    score: dict[str, str]

    @property
    def whole(self) -> str:
        """One digest of all."""
        return digest(self.run, self.score)


def take_digests(weakest: str, assignments: Iterable[Assignment], project: Path = PROJECT) -> Digests:
    """Digests of the assignments and the grader as they are now; `weakest` is the weakest sandbox that will do."""
    package = project / "grader"
    scoring = imported_files((package / name for name in SCORE), project) | {package / "pipeline.py"}
    scoring |= {*(package / "vision" / "figures").glob("*.py"), *(project / "report_templates").glob("*")}
    run, score = {}, {}
    for assignment in assignments:
        own = _files_below(assignment.solutions_folder)
        drawing = _files_below(figures_folder(assignment))
        folders = (project, assignment.root)
        started = [*(package / name for name in RUN), *(path for path in own - drawing if path.suffix == ".py")]
        code = imported_files(started, *folders) | own - drawing
        shared = (
            _digest_files(code - drawing, *folders),
            versions(),
            describe_data(assignment),
            _networks(assignment),
            weakest,
            _asked_by_checks(assignment),
        )
        run[assignment.id] = digest(*shared)
        score[assignment.id] = digest(_digest_files(scoring | drawing, *folders), assignment.model_dump(mode="json"))
    return Digests(run, score)


def _files_below(folder: Path) -> set[Path]:
    """Files on which a grade may depend: an assignment's tests are none."""
    files = {path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    return files - set((folder / "tests").rglob("*"))


def _networks(assignment: Assignment) -> str:
    """Digest of the reference models, which checks and pictures use."""
    try:
        reference = load_reference(assignment)
    except MachineError as error:
        return str(error)
    content = hashlib.sha256(reference.source.encode())
    for model, weights in sorted(reference.weights.items()):
        for name, value in sorted(weights.items()):
            content.update(f"{model} {name}".encode() + value.contiguous().numpy().tobytes())
    return content.hexdigest()


def code_digest(project: Path = PROJECT) -> str:
    """Digest of all our code and pages, for what has no finer one."""
    return _digest_files([*(project / "grader").rglob("*.py"), *(project / "report_templates").glob("*")], project)


def _asked_by_checks(assignment: Assignment) -> Any:
    """The rubric without what only the score needs."""
    tasks = [task.model_dump(mode="json", exclude=OF_A_TASK) for task in assignment.tasks]
    return assignment.model_dump(mode="json", exclude=OF_ALL), tasks


def _digest_files(paths: Iterable[Path], *folders: Path) -> str:
    """Digest of files and their names below the folder that holds them, wherever that lies."""
    named = ((_below(path, folders), path) for path in paths if path.is_file())
    return digest(*((name, hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in sorted(named)))


def _below(path: Path, folders: Sequence[Path]) -> str:
    return min((path.relative_to(each).as_posix() for each in folders if path.is_relative_to(each)), key=len)


def digest(*parts: Any) -> str:
    """SHA-256 of values that JSON can hold, hex; other values go in as their text."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
