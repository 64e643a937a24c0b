"""What a person sees on the terminal: a table of tasks, then each check that did not pass, in words."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.records import NOT_STARTED, CheckResult, Grade, Outcome, State, TaskGrade, WorthALook
from grader.report.repeats import tell_once
from grader.text import clean_name, clean_text

WIDTH = 100
MIN_WIDTH = 8  # of a paragraph: on a console narrower than that it is the terminal that wraps
INDENT = 4
AGAIN = "same mistake as above"
OUTCOMES = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.ERROR: "error",
    Outcome.TIMEOUT: "took too long",
    Outcome.CRASHED: "crashed",
    Outcome.MISSING: "missing",
    Outcome.SKIPPED: "skipped",
    Outcome.INTERNAL: "could not be checked",
}
STATES = {State.MANUAL: "waits for a person", State.WITHHELD: "not checked", State.UNASKED: "not asked"}
STYLES = {Outcome.PASSED: "green", Outcome.SKIPPED: "dim", Outcome.INTERNAL: "yellow"}


def show_grade(console: Console, grade: Grade, title: str) -> None:
    """Print a grade, no wider than the console and `WIDTH`.

    Args:
        console: Where to.
        grade: The grade; its texts may quote the student and are cleaned here.
        title: The assignment's title.
    """
    if grade.outcome == "refused":
        _print(console, Text.assemble(("Refused. ", "bold red"), _clean(grade.reason)))
        return
    console.print(_tasks(console, grade, title))
    for note in grade.first:
        _print(console, Text(_clean(note), style="bold yellow"))
    told = tell_once(grade.checks)
    for task in grade.tasks:
        own = [check for check in told if check.task == task.id]
        if own and all(check.message.startswith(NOT_STARTED) for check in own):
            _print(console, Text.assemble((f"{task.id} not started: ", "bold red"), "the TODO is still in place."))
            continue
        _explain(console, [check for check in own if check.outcome is not Outcome.PASSED or check.message])
    for note in grade.notes:
        if note in grade.first:
            continue
        _print(console, Text(f"note: {_clean(note)}", style="dim"))
    _print(console, Text(total_line(grade), style="bold"))


def show_looks(console: Console, looks: Sequence[WorthALook]) -> None:
    """Print what an instructor should look at; nothing where there is nothing.

    Args:
        console: The instructor's, never what becomes a student's file.
        looks: The remarks; they may quote the student and are cleaned here.
    """
    if not looks:
        return
    _print(console, Text("Worth a look. For you alone: no score depends on it, and the student is not told.", "bold"))
    for look in looks:
        _print(console, Text.assemble((f"{look.task}: ", "bold yellow"), _clean(look.sentence)), INDENT)


def total_line(grade: Grade) -> str:
    """The total in a sentence, with how it came about where that is not plain."""
    if grade.outcome == "refused":
        return f"{clean_name(grade.student)}: refused. {clean_text(grade.reason)}"
    extra = [line.label if "=" in line.label else f"{line.label} {line.points:+g}" for line in grade.ledger[1:]]
    waiting = [task.id for task in grade.tasks if task.state is State.MANUAL]
    withheld = [task.id for task in grade.tasks if task.state is State.WITHHELD]
    extra += [f"waiting for a person: {', '.join(waiting)}"] if waiting else []
    extra += [f"withheld: {', '.join(withheld)}"] if withheld else []
    tail = f" ({'; '.join(extra)})" if extra else ""
    return f"{clean_name(grade.student)}: {grade.score:g} of {grade.max_score:g} points{tail}"


def _tasks(console: Console, grade: Grade, title: str) -> Table:
    heading = Text(f"{title}\n{clean_name(grade.student)}, variant {grade.variant}")
    width = min(WIDTH, console.width)
    table = Table(title=heading, title_justify="left", title_style="bold", width=width, box=box.SIMPLE_HEAD)
    table.add_column("Task", no_wrap=True)
    table.add_column("", ratio=1)
    table.add_column("Checks", justify="right")
    table.add_column("Points", justify="right")
    for task in grade.tasks:
        checks = [check for check in grade.checks if check.task == task.id]
        passed = sum(check.outcome is Outcome.PASSED for check in checks)
        table.add_row(task.id, Text(task.title), f"{passed}/{len(checks)}" if checks else "", _points(task))
    return table


def _points(task: TaskGrade) -> Text:
    if task.state is not State.SCORED:
        return Text(STATES[task.state], style="yellow" if task.state is State.WITHHELD else "dim")
    share = task.score / task.max_score if task.max_score else 1.0
    style = "green" if share == 1 else "red" if share == 0 else "yellow"
    return Text(f"{task.score:g} / {task.max_score:g}", style=style)


def _explain(console: Console, checks: Sequence[CheckResult]) -> None:
    """Print what is to be said about one task's checks that did not pass; a known mistake is explained once."""
    explained: set[str] = set()
    for check in checks:
        heading = (f"{check.task} {OUTCOMES[check.outcome]}: ", f"bold {STYLES.get(check.outcome, 'red')}")
        _print(console, Text.assemble(heading, _clean(check.title)))
        for part in (check.message, *_anatomy(check)):
            for line in _clean(part).splitlines():
                _print(console, Text(line), INDENT)
        if check.help:
            again = check.mistake is not None and check.help in explained
            explained |= {check.help} if check.mistake else set()
            _print(console, Text(AGAIN if again else _clean(check.help), style="bold"), INDENT, "→ ")


def _anatomy(check: CheckResult) -> list[str]:
    parts = (("called", check.called), ("expected", check.expected), ("got", check.got))
    return [f"{label}: {value}" for label, value in parts if value]


def _clean(text: str) -> str:
    return clean_text(text, columns=1000)  # what is longer than a line is wrapped, not cut


def _print(console: Console, text: Text, indent: int = 0, mark: str = "") -> None:
    """Print a paragraph whose lines after the first hang below its beginning."""
    hang = indent + (cell_len(mark) or INDENT)
    width = max(MIN_WIDTH, min(WIDTH, console.width) - hang)
    for number, line in enumerate(text.wrap(console, width, overflow="fold") or [Text()]):
        line.rstrip()
        start = " " * indent + mark if number == 0 else " " * hang
        console.print(Text(start, style=text.style) + line, soft_wrap=True)


def feedback_text(grade: Grade, title: str) -> str:
    """What `show_grade` prints, as plain text."""
    console = Console(file=io.StringIO(), record=True, width=WIDTH, color_system=None)
    show_grade(console, grade, title)
    return console.export_text()
