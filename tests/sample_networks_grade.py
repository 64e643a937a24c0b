"""A realistic grade of A Tale of Two Networks, and the one of its solutions: builders, no state."""

from __future__ import annotations

from typing import Any

from sample_grade import SHA256, passed

from grader.records import CheckResult, Grade, LedgerLine, Outcome, State, TaskGrade
from grader.report.job import NO_ZIP
from grader.rubric import Assignment, get_assignment

SCORES = {"1": 2, "2.1": 0.5, "2.2": 3.2, "3": 4, "3.2": 1, "3.3": 1, "4.1": 2, "4.2": 1.5, "4.3": 2, "4.4": 3}
NEAREST = "visualize.enlarged_to_nearest"
NEAREST_HELP = "You enlarged the map pixel by pixel; the task asks for mode='bilinear' in F.interpolate."


def assignment() -> Assignment:
    """The real rubric."""
    return get_assignment("two_networks")


def checks() -> tuple[CheckResult, ...]:
    """Two checks of every task that has checks; two of them did not pass."""
    found = [passed(task.id, f"check_{name}", f"{task.title} is {name} what it should be.")
             for task in assignment().tasks if task.scoring != "manual" for name in ("roughly", "exactly")]  # fmt: skip
    failed = {
        "2.1": {"message": "The loss is infinite for logits of 1e4.", "called": "cross_entropy(float32 tensor (4, 10))",
                "expected": "20000", "got": "inf", "help": "Use log_softmax: it never computes exp(1e4)."},
        "4.2": {"message": "The map has steps.", "mistake": NEAREST, "help": NEAREST_HELP},
    }  # fmt: skip
    return tuple(
        check.model_copy(update={"outcome": Outcome.FAILED, **failed[check.task]})
        if check.task in failed and check.name == "check_exactly" else check
        for check in found
    )  # fmt: skip


def answers() -> dict[str, str]:
    """What the student wrote in answers.md."""
    words = "The rotation network sees what is up; its neighbours face the same way, whatever they are. " * 3
    return {task.id: words for task in assignment().tasks if task.written}


def task_grades(full: bool = False) -> tuple[TaskGrade, ...]:
    """One line per task; written ones wait for a person."""
    return tuple(
        TaskGrade(
            id=task.id, title=task.title, max_score=task.points, module=task.module,
            score=0 if task.scoring == "manual" else task.points if full else SCORES[task.id],
            state=State.MANUAL if task.scoring == "manual" else State.SCORED,
        )
        for task in assignment().tasks
    )  # fmt: skip


def grade(**changes: Any) -> Grade:
    """A graded submission; `changes` replace fields."""
    tasks = task_grades()
    earned = round(sum(task.score for task in tasks), 2)
    fields: dict[str, Any] = dict(
        student="ada_and_grace", assignment="two_networks", variant="default", submission_sha256=SHA256,
        outcome="graded", score=earned, max_score=33, tasks=tasks, checks=checks(), answers=answers(),
        ledger=(LedgerLine(label="Tasks", points=earned),),
    )  # fmt: skip
    return Grade(**{**fields, **changes})


def reference_grade(**changes: Any) -> Grade:
    """The grade of the solutions, as `make report` makes it."""
    everything = tuple(check.model_copy(update={"outcome": Outcome.PASSED, "mistake": None}) for check in checks())
    fields: dict[str, Any] = dict(
        student="reference-two_networks", submission_sha256=NO_ZIP, tasks=task_grades(full=True), score=23,
        checks=everything,
    )  # fmt: skip
    return grade(**{**fields, **changes})
