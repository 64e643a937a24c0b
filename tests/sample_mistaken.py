"""The real checks of an assignment, put through one function of a student's in the solutions' place."""

from __future__ import annotations

from typing import Any

from grader.checking.context import Context
from grader.records import CheckResult
from grader.rubric import get_assignment
from grader.runner import run_checks
from grader.solutions import Variation, implementation, load_mistakes


def run_with(assignment_id: str, target: str, function: Any, *tasks: str) -> dict[str, CheckResult]:
    """How the checks of some tasks end for solutions with `module.name` replaced: by the checks' names."""
    context = Context(
        assignment=get_assignment(assignment_id),
        student=implementation(get_assignment(assignment_id), Variation(target, target, "", "", function)),
        oracle=implementation(get_assignment(assignment_id)),
        mistakes=load_mistakes(get_assignment(assignment_id)),
        implement=lambda variation: implementation(get_assignment(assignment_id), variation),
        seed="mistaken",
        most_images=400,
    )
    run_checks(context, tasks)
    return {result.name: result for result in context.results}
