"""What the process that renders is given: one report's grade and pictures, plain data of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.records import Exhibit, Grade, RunFacts
from grader.rubric import Assignment

JOB, PAGE, PDF = "job.pickle", "report.html", "report.pdf"  # in the folder that the process is given
NO_ZIP = "0" * 64  # the digest of what was never a zip: no submission can have it


@dataclass(frozen=True)
class RenderJob:
    """One report to render.

    Attributes:
        grade: What it says.
        exhibits: What its figures are drawn from.
        assignment: The rubric; None for a refused zip that does not tell what it is.
        facts: What the checks were run with.
        models: The reference report's: how each reference model was trained, by its name.
        plain: Why only the plain report is asked for, a clause; empty for the full one.
        has_page: For a plain one, whether the full web page is there.
    """

    grade: Grade
    exhibits: tuple[Exhibit, ...]
    assignment: Assignment | None
    facts: RunFacts
    models: Mapping[str, Any] = field(default_factory=dict)
    plain: str = ""
    has_page: bool = False


def is_reference(grade: Grade) -> bool:
    """Whether it is the grade of the solutions, not of a zip."""
    return grade.submission_sha256 == NO_ZIP
