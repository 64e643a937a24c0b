"""Chooses what `make validate ONLY=` puts through the checks: one variation, a function's or module's, or a task's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import NoReturn

from grader.authoring.validation.cases import Case, CaseKind
from grader.checking.declare import specs_in
from grader.errors import UsageError
from grader.packages import import_checks
from grader.rubric import Assignment, Task
from grader.solutions import Variation, load_accepted, load_mistakes


def choose_cases(assignment: Assignment, cases: Sequence[Case], only: str) -> tuple[Case, ...]:
    """The cases that `only` names.

    Args:
        assignment: The rubric.
        cases: All cases of the assignment.
        only: A known mistake, an accepted way, `module.name`, a file, a module, or the id of a task: its checks on
            solutions and stubs, and whatever else its checks are proved by.

    Returns:
        In their order; empty where it names nothing of this assignment.
    """
    if only in assignment.by_id:
        return tuple(_of_task(assignment, cases, assignment.by_id[only]))
    variations = _variations(assignment)

    def is_meant(case: Case) -> bool:
        variation = variations.get(case.name)
        return only in (case.name, case.name.split(".")[0], variation.target if variation else "")

    return tuple(case for case in cases if case.kind is not CaseKind.SOLUTIONS and is_meant(case))


def refuse_unknown(assignments: Sequence[Assignment], cases: Sequence[Case], only: str) -> NoReturn:
    """Say what `only` may have meant.

    Raises:
        UsageError: Always.
    """
    known = {task.id for each in assignments for task in each.tasks} | {case.name for case in cases}
    near = get_close_matches(only, known, n=3)
    told = f"; is it {' or '.join(near)}?" if near else ""
    raise UsageError(f"{only!r} is no task, module, function, file, known mistake or accepted way{told}")


def _of_task(assignment: Assignment, cases: Sequence[Case], task: Task) -> list[Case]:
    checks = {name for name, spec in specs_in(import_checks(assignment)).items() if spec.task == task.id}
    variations = _variations(assignment)
    found = []
    for case in cases:
        variation = variations.get(case.name)
        target = variation.target if variation else case.name
        asks = target in task.asks or target.split(".")[0] in task.asks
        if case.kind in (CaseKind.SOLUTIONS, CaseKind.STUBS):
            found.append(replace(case, tasks=(task.id,)))
        elif variation is not None and variation.is_mistake:
            found += [case] if variation.check in checks else []
        elif asks or (variation is not None and variation.is_file and variation.module == task.module):
            found.append(case)
    return found


def _variations(assignment: Assignment) -> dict[str, Variation]:
    return {each.id: each for each in (*load_mistakes(assignment), *load_accepted(assignment))}
