"""What `make validate` puts through the checks, and the form of what it finds out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from grader.records import CheckResult
from grader.rubric import PROJECT, get_assignment
from grader.solutions import load_accepted, load_mistakes


class Kind(StrEnum):
    """What is put through the checks, and with that what must come out."""

    SOLUTIONS = "solutions"
    STUBS = "stubs"
    MISTAKE = "mistake"
    ACCEPTED = "accepted"


class Form(StrEnum):
    """What it is written as."""

    FUNCTIONS = "functions"  # of ours, in the solutions' place
    MODULES = "modules"
    NOTEBOOK = "notebook"


FIRST = (Form.FUNCTIONS,)


@dataclass(frozen=True)
class Case:
    """One implementation to put through the checks.

    Attributes:
        assignment: Id of the assignment.
        kind: What it is.
        name: Id of the variation, or the kind.
        project: The project's folder.
        form: What it is written as.
    """

    assignment: str
    kind: Kind
    name: str
    project: Path = PROJECT
    form: Form = Form.FUNCTIONS

    @property
    def written(self) -> str:
        """Its name, and the form where it is not the first."""
        return self.name if self.form is Form.FUNCTIONS else f"{self.name}, written as {self.form}"


@dataclass(frozen=True)
class Finding:
    """What came out.

    Attributes:
        case: What was put through the checks.
        results: How each check ended.
        complaint: What is wrong with the checks, a sentence; empty when nothing is.
    """

    case: Case
    results: tuple[CheckResult, ...]
    complaint: str


def list_cases(assignment_id: str, project: Path = PROJECT, forms: tuple[Form, ...] = FIRST) -> tuple[Case, ...]:
    """Everything that proves an assignment's checks: solutions, stubs, known mistakes, accepted ways, in each form.

    Stubs are tried in the first form alone: they are files as they are.

    Raises:
        UsageError: If there is no such assignment.
        MachineError: If two variations have the same id.
    """
    get_assignment(assignment_id, project)
    named = [(Kind.SOLUTIONS, Kind.SOLUTIONS.value), (Kind.STUBS, Kind.STUBS.value)]
    named += [(Kind.MISTAKE, each.id) for each in load_mistakes(assignment_id, project)]
    named += [(Kind.ACCEPTED, each.id) for each in load_accepted(assignment_id, project)]
    return tuple(
        Case(assignment_id, kind, name, project, form)
        for form in forms
        for kind, name in named
        if kind is not Kind.STUBS or form is forms[0]
    )
