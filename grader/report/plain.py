"""What the plain report shows: score, tasks and outcomes, without a figure and without a word of the student's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from grader.records import State
from grader.report.job import RenderJob
from grader.report.tasks import MARKS, MOST_CHECKS, STATES

NAME_LETTERS = 80


@dataclass(frozen=True)
class PlainTask:
    """One task's line; `score` is None where none was given, and `word` says why."""

    id: str
    title: str
    score: float | None
    max_score: float
    word: str
    checks: tuple[tuple[str, str], ...]  # (name of the check, how it ended)


@dataclass(frozen=True)
class PlainView:
    """Everything that the plain template shows."""

    title: str
    student: str
    sha256: str
    refused: bool
    why: str
    score: float
    max_score: float
    tasks: tuple[PlainTask, ...]
    ledger: tuple[tuple[str, float], ...]
    unshown: int


def view_plain(job: RenderJob) -> PlainView:
    """Arrange a grade for the plain page; names that are not ours lose all but plain letters."""
    grade = job.grade
    titles = {task.id: task.title for task in job.assignment.tasks} if job.assignment else {}
    tasks, left = [], MOST_CHECKS
    for task in grade.tasks:
        checks = [check for check in grade.checks if check.task == task.id]
        shown, left = checks[:left], left - len(checks[:left])
        tasks.append(
            PlainTask(
                id=_plain(task.id),
                title=titles.get(task.id, ""),
                score=task.score if task.state is State.SCORED else None,
                max_score=task.max_score,
                word=STATES[task.state][1] if task.state in STATES else "",
                checks=tuple((_plain(check.name), MARKS[check.outcome][1]) for check in shown),
            )
        )
    return PlainView(
        title=job.assignment.title if job.assignment else "Submission",
        student=_plain(grade.student),
        sha256=_plain(grade.submission_sha256),
        refused=grade.outcome == "refused",
        why=job.plain,
        score=grade.score,
        max_score=grade.max_score,
        tasks=tuple(tasks),
        ledger=tuple((_plain(line.label, " :,"), line.points) for line in grade.ledger),
        unshown=sum(1 for check in grade.checks) - (MOST_CHECKS - left),
    )


def _plain(text: str, also: str = "") -> str:
    return re.sub(rf"[^A-Za-z0-9._+\-{also}]", "_", text[:NAME_LETTERS])
