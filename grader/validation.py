"""Proves the checks of an assignment: solutions earn everything, stubs nothing, every variation what it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from grader.checks.context import Context
from grader.records import CheckResult, Outcome
from grader.rubric import PROJECT, Assignment, get_assignment
from grader.runner import run_checks
from grader.sandbox.student import Implementation
from grader.sandbox.transport import LocalTransport
from grader.solutions import Variation, implementation, load_accepted, load_mistakes, load_module


@dataclass(frozen=True)
class Finding:
    """One implementation that was put through the checks.

    Attributes:
        kind: "solutions", "stubs", "mistake" or "accepted".
        name: Id of the variation, or the kind.
        results: How each check ended.
        complaint: What is wrong with the checks, a sentence; empty when nothing is.
    """

    kind: str
    name: str
    results: tuple[CheckResult, ...]
    complaint: str


def validate_assignment(
    assignment_id: str, log: Callable[[str], None] = lambda _line: None, project: Path = PROJECT
) -> list[Finding]:
    """Put solutions, stubs, known mistakes and accepted ways through the checks, in this process.

    Args:
        assignment_id: Id of the assignment.
        log: Gets a line per implementation.
        project: The project's folder.
    """
    assignment = get_assignment(assignment_id, project)
    findings = [validate_solutions(assignment), validate_stubs(assignment, project)]
    findings += [validate_mistake(assignment, each) for each in load_mistakes(assignment_id, project)]
    findings += [validate_accepted(assignment, each) for each in load_accepted(assignment_id, project)]
    for finding in findings:
        log(f"{finding.kind:9} {finding.name:45} {finding.complaint or 'as it should be'}")
    return findings


def validate_solutions(assignment: Assignment) -> Finding:
    """Every check must pass for the solutions."""
    results = check_implementation(assignment, implementation(assignment.id))
    return Finding("solutions", "solutions", results, _not_passed(results))


def validate_stubs(assignment: Assignment, project: Path = PROJECT) -> Finding:
    """No task may give a point for the untouched stubs."""
    folder = project / "assignment" / assignment.id
    stubs = {path.stem: load_module(path) for path in sorted(folder.glob("*.py")) if path.stem in assignment.modules}
    results = check_implementation(assignment, Implementation(assignment.modules, LocalTransport(stubs, {})))
    passed = [result.name for result in results if result.outcome is Outcome.PASSED]
    return Finding("stubs", "stubs", results, f"passed by untouched stubs: {', '.join(passed)}" if passed else "")


def validate_mistake(assignment: Assignment, mistake: Variation) -> Finding:
    """The check that names the mistake must catch it, and it may cost no other task."""
    results = check_implementation(assignment, implementation(assignment.id, mistake))
    return Finding("mistake", mistake.id, results, _judge_mistake(mistake, results))


def _judge_mistake(mistake: Variation, results: tuple[CheckResult, ...]) -> str:
    catching = next((result for result in results if result.name == mistake.check), None)
    if catching is None:
        return f"there is no check {mistake.check}"
    if catching.outcome is Outcome.PASSED:
        return f"{mistake.check} lets it through"
    if mistake.id not in catching.mistakes:
        return f"{mistake.check} fails but names {catching.mistake}: {catching.message}"
    elsewhere = {r.task for r in results if r.outcome is not Outcome.PASSED} - {catching.task}
    return f"it also costs {', '.join(sorted(elsewhere))}" if elsewhere else ""


def validate_accepted(assignment: Assignment, accepted: Variation) -> Finding:
    """Every check must pass for another right way."""
    results = check_implementation(assignment, implementation(assignment.id, accepted))
    return Finding("accepted", accepted.id, results, _not_passed(results))


def _not_passed(results: tuple[CheckResult, ...]) -> str:
    wrong = [f"{result.name} ({result.outcome.value}: {result.message})" for result in results]
    wrong = [text for text, result in zip(wrong, results, strict=True) if result.outcome is not Outcome.PASSED]
    return f"not passed: {'; '.join(wrong)}" if wrong else "" if results else "no check was run"


def check_implementation(
    assignment: Assignment, who: Implementation, seed: str = "validation"
) -> tuple[CheckResult, ...]:
    """Run every check of an assignment against an implementation of ours, in this process."""
    context = Context(
        assignment=assignment,
        student=who,
        oracle=implementation(assignment.id),
        mistakes=load_mistakes(assignment.id),
        implement=lambda variation: implementation(assignment.id, variation),
        seed=seed,
    )
    run_checks(context)
    return tuple(context.results)


def show_validation(console: Console, findings: list[Finding]) -> bool:
    """Print how many of each kind are as they should be; returns whether all are."""
    table = Table("", "as it should be")
    for kind in ("solutions", "stubs", "mistake", "accepted"):
        of_kind = [finding for finding in findings if finding.kind == kind]
        table.add_row(kind, f"{sum(not finding.complaint for finding in of_kind)}/{len(of_kind)}")
    console.print(table)
    for finding in findings:
        if finding.complaint:
            console.print(f"{finding.kind} {finding.name}: {finding.complaint}", style="red", markup=False)
    return not any(finding.complaint for finding in findings)
