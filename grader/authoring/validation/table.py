"""What `make validate` shows on the terminal: what earned how much, and how many of each kind are as they should be."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.authoring.validation.cases import CaseFinding, CaseKind, SourceForm
from grader.records import State, Submission
from grader.rubric import Assignment
from grader.scoring import grade_submission

WORDS = {
    CaseKind.SOLUTIONS: "solutions",
    CaseKind.STUBS: "untouched stubs",
    CaseKind.MISTAKE: "mistakes caught and named",
    CaseKind.ACCEPTED: "accepted ways",
    CaseKind.LAZY: "lazy implementations earn nothing",
    CaseKind.RECORDED: "recorded answers earn nothing",
}


def show_validation(console: Console, assignment: Assignment, findings: Sequence[CaseFinding]) -> bool:
    """Print the proof of an assignment's checks.

    Returns:
        Whether everything is as it should be.
    """
    table = Table(assignment.title, "as it should be", "points")
    for form, kind in itertools.product(SourceForm, CaseKind):
        found = [finding for finding in findings if (finding.case.form, finding.case.kind) == (form, kind)]
        if found:
            right = sum(not finding.complaint for finding in found)
            title = WORDS[kind] + ("" if form is SourceForm.FUNCTIONS else f", {form}")
            table.add_row(title, f"{right}/{len(found)}", _points(assignment, found[0]))
    console.print(table)
    for finding in findings:
        if finding.complaint:
            console.print(Text(f"{finding.case.kind} {finding.case.written}: {finding.complaint}", style="red"))
    return not any(finding.complaint for finding in findings)


def _points(assignment: Assignment, finding: CaseFinding) -> str:
    """What solutions or stubs earn under each variant; what waits for a person is said, not counted."""
    if finding.case.kind not in (CaseKind.SOLUTIONS, CaseKind.STUBS):
        return ""
    parts = []
    for variant in assignment.variants:
        submission = Submission("validation", assignment, "", {})
        grade = grade_submission(submission, finding.results, variant)
        waiting = [task for task in grade.tasks if task.state is State.MANUAL and not task.bonus]
        tail = f", {', '.join(task.id for task in waiting)} by a person" if waiting else ""
        parts.append(f"{grade.score:g}/{grade.max_score:g} ({variant}{tail})")
    return "\n".join(parts)
