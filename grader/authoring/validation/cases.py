"""What `make validate` puts through the checks, and the form of what it finds out."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from grader.authoring.validation.recorded import Replayed
from grader.records import CheckResult
from grader.rubric import Assignment
from grader.solutions import load_accepted, load_mistakes, solution_files


class CaseKind(StrEnum):
    """What is put through the checks, and with that what must come out."""

    SOLUTIONS = "solutions"
    STUBS = "stubs"
    MISTAKE = "mistake"
    ACCEPTED = "accepted"
    LAZY = "lazy"
    RECORDED = "recorded"


class SourceForm(StrEnum):
    """What it is written as."""

    FUNCTIONS = "functions"  # of ours, in the solutions' place
    MODULES = "modules"
    NOTEBOOK = "notebook"


FIRST = (SourceForm.FUNCTIONS,)
SECRETS = tuple(f"validation {number}" for number in range(1, 11))
ONCE = (CaseKind.STUBS, CaseKind.LAZY, CaseKind.RECORDED)  # tried in one form


@dataclass(frozen=True)
class Case:
    """One implementation to put through the checks.

    Attributes:
        assignment: Whose.
        kind: What it is.
        name: Id of the variation; what a lazy implementation replaces, `module.name` or a file; whose answers a
            recorded one plays back; else the kind.
        form: What it is written as.
        secret: What the checks' inputs derive from.
        tasks: Ids of the tasks whose checks are run; empty: of all that it can change.
    """

    assignment: Assignment
    kind: CaseKind
    name: str
    form: SourceForm = SourceForm.FUNCTIONS
    secret: str = SECRETS[0]
    tasks: tuple[str, ...] = ()

    @property
    def written(self) -> str:
        """Its name, and the form and the secret where they are not the first."""
        form = "" if self.form is SourceForm.FUNCTIONS else f", written as {self.form}"
        return self.name + form + ("" if self.secret == SECRETS[0] else f', under the secret "{self.secret}"')


@dataclass(frozen=True)
class Earned:
    """What an implementation earned that did not do the work.

    Attributes:
        task: Id of the task.
        share: Of the task's points.
        checks: Names of the checks that it passed.
        by: How it was done, such as "zeros".
    """

    task: str
    share: float
    checks: tuple[str, ...]
    by: tuple[str, ...]


@dataclass(frozen=True)
class CaseFinding:
    """What came out.

    Attributes:
        case: What was put through the checks.
        results: How each check ended.
        complaint: What is wrong with the checks, a sentence; empty when nothing is.
        earned: By a lazy or recorded implementation, what the assignment's exceptions allow included.
    """

    case: Case
    results: tuple[CheckResult, ...]
    complaint: str
    earned: tuple[Earned, ...] = ()


def list_cases(assignment: Assignment, forms: tuple[SourceForm, ...] = FIRST, secrets: int = 1) -> tuple[Case, ...]:
    """Everything that proves an assignment's checks: solutions, stubs, known mistakes, accepted ways, in each form.

    Stubs, and what does no work, are tried once, the rest in each form and under so many secrets.

    Raises:
        MachineError: If two variations have the same id.
    """
    named = [(CaseKind.SOLUTIONS, CaseKind.SOLUTIONS.value), (CaseKind.STUBS, CaseKind.STUBS.value)]
    named += [(CaseKind.MISTAKE, each.id) for each in load_mistakes(assignment)]
    named += [(CaseKind.ACCEPTED, each.id) for each in load_accepted(assignment)]
    named += [(CaseKind.LAZY, target) for target in list_targets(assignment)]
    named += [(CaseKind.RECORDED, each.value) for each in Replayed]
    return tuple(
        Case(assignment, kind, name, form, secret)
        for secret in SECRETS[:secrets]
        for form in forms
        for kind, name in named
        if kind not in ONCE or (form, secret) == (forms[0], SECRETS[0])
    )


def list_targets(assignment: Assignment) -> tuple[str, ...]:
    """What a student writes: `module.name` of what stubs and solutions both define, and the solutions' files."""
    targets = []
    for module in assignment.modules:
        stub, solution = (
            folder / f"{module}.py" for folder in (assignment.handout_folder, assignment.solutions_folder)
        )
        if stub.is_file() and solution.is_file():
            names = _defined(stub, assignment.constants)
            targets += [f"{module}.{name}" for name in names if name in _defined(solution, assignment.constants)]
    held = solution_files(assignment)
    return *targets, *(name for name in assignment.files if name in held)


def _defined(path: Path, constants: tuple[str, ...]) -> list[str]:
    """The functions, classes and constants that a module defines at its top, `main` aside."""
    names = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name != "main":
            names.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            assigned = node.targets if isinstance(node, ast.Assign) else [node.target]
            names += [each.id for each in assigned if isinstance(each, ast.Name) and each.id in constants]
    return names
