"""The real checks of an assignment, put through one function of a student's in the solutions' place."""

from __future__ import annotations

from typing import Any

from grader.checking.running import run_checks
from grader.records import CheckResult
from grader.rubric import get_assignment
from grader.runner import context_of
from grader.solutions import Variation, implementation


def run_with(assignment_id: str, target: str, function: Any, *tasks: str) -> dict[str, CheckResult]:
    """How the checks of some tasks end for solutions with `module.name` replaced: by the checks' names."""
    assignment = get_assignment(assignment_id)
    student = implementation(assignment, Variation(target, target, "", "", function))
    context = context_of(assignment, student, "mistaken", most_images=400)
    run_checks(context, tasks)
    return {result.name: result for result in context.results}
