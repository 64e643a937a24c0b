"""What a person sees on the terminal: a table of tasks, then each check that did not pass, in words."""

from __future__ import annotations

import io

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.records import CheckResult, Grade, Outcome, State, TaskGrade
from grader.text import clean_name, clean_text

WIDTH = 100
STYLES = {Outcome.PASSED: "green", Outcome.SKIPPED: "dim", Outcome.INTERNAL: "yellow"}


def show_grade(console: Console, grade: Grade, title: str) -> None:
    """Print a grade.

    Args:
        console: Where to.
        grade: The grade; its texts may quote the student and are cleaned here.
        title: The assignment's title.
    """
    if grade.outcome == "refused":
        console.print(Text.assemble(("Refused. ", "bold red"), clean_text(grade.reason)))
        return
    console.print(_tasks(console, grade, title))
    for task in grade.tasks:
        for check in grade.checks:
            if check.task == task.id and check.outcome is not Outcome.PASSED:
                console.print(_explain(check))
    for note in grade.notes:
        console.print(Text(f"note: {clean_text(note)}", style="dim"))
    console.print(total_line(grade), style="bold")


def total_line(grade: Grade) -> str:
    """The total in a sentence, with how it came about where that is not plain."""
    if grade.outcome == "refused":
        return f"{clean_name(grade.student)}: refused. {grade.reason}"
    extra = [f"{line.label} {line.points:+g}" for line in grade.ledger[1:]]
    waiting = [task.id for task in grade.tasks if task.state is State.MANUAL]
    withheld = [task.id for task in grade.tasks if task.state is State.WITHHELD]
    extra += [f"waiting for a person: {', '.join(waiting)}"] if waiting else []
    extra += [f"withheld: {', '.join(withheld)}"] if withheld else []
    tail = f" ({'; '.join(extra)})" if extra else ""
    return f"{clean_name(grade.student)}: {grade.score:g} of {grade.max_score:g} points{tail}"


def _tasks(console: Console, grade: Grade, title: str) -> Table:
    heading = f"{title}\n{clean_name(grade.student)}, variant {grade.variant}"
    width = min(WIDTH, console.width)
    table = Table(title=heading, title_justify="left", title_style="bold", width=width, box=box.SIMPLE_HEAD)
    table.add_column("Task", no_wrap=True)
    table.add_column("", ratio=1)
    table.add_column("Checks", justify="right")
    table.add_column("Points", justify="right")
    for task in grade.tasks:
        checks = [check for check in grade.checks if check.task == task.id]
        passed = sum(check.outcome is Outcome.PASSED for check in checks)
        table.add_row(task.id, task.title, f"{passed}/{len(checks)}" if checks else "", _points(task))
    return table


def _points(task: TaskGrade) -> Text:
    if task.state is not State.SCORED:
        return Text(task.state.value, style="yellow" if task.state is State.WITHHELD else "dim")
    share = task.score / task.max_score if task.max_score else 1.0
    style = "green" if share == 1 else "red" if share == 0 else "yellow"
    return Text(f"{task.score:g} / {task.max_score:g}", style=style)


def _explain(check: CheckResult) -> Text:
    style = STYLES.get(check.outcome, "red")
    text = Text.assemble((f"{check.task} {check.outcome.value}: ", f"bold {style}"), check.title)
    parts = [check.message]
    parts += [f"{label}: {value}" for label, value in _anatomy(check) if value]
    for part in parts:
        text.append("\n    " + clean_text(part).replace("\n", "\n    ") if part else "")
    if check.help:
        text.append("\n    → " + clean_text(check.help).replace("\n", "\n      "), style="bold")
    return text


def _anatomy(check: CheckResult) -> tuple[tuple[str, str], ...]:
    return ("called", check.called), ("expected", check.expected), ("got", check.got)


def feedback_text(grade: Grade, title: str) -> str:
    """What `show_grade` prints, as plain text."""
    console = Console(file=io.StringIO(), record=True, width=WIDTH, color_system=None)
    show_grade(console, grade, title)
    return console.export_text()
