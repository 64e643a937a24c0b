"""A report leads to what matters: contents, what to look at first, one section a task, nothing said twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import sample_grade as sample
import sample_networks_grade as networks
from sample_report import Rendered, render

from grader.figures import Picture
from grader.records import PRACTICE, CheckResult, Outcome, State
from grader.report.tasks import pair
from grader.report.text import StudentText
from grader.report.view import view_report


def test_contents_name_pages(full: Rendered) -> None:
    """The second page lists every task and part with the page on which it stands."""
    listed = " ".join(full.reader.pages[1].extract_text().split())
    for task in sample.assignment().tasks:
        (found,) = re.findall(rf"{re.escape(task.id)} {re.escape(task.title)} (\d+)(?! of)(?!\.)", listed)
        page = full.reader.pages[int(found) - 1].extract_text()
        assert f"{task.id} {task.title}" in " ".join(page.split())
    last = len(full.reader.pages)
    assert f"Where these results come from {last}" in listed


@pytest.mark.slow
def test_practice_is_marked(tmp_path: Path, full: Rendered) -> None:
    """A run without a sandbox says on its cover and at the foot of every page that it is no grade; others don't."""
    rendered = render(tmp_path, sample.grade(), facts=sample.run_facts().model_copy(update={"sandbox": PRACTICE}))
    assert len(rendered.reader.pages) > 2
    assert all("Practice, no grade" in page.extract_text() for page in rendered.reader.pages)
    assert "ran without a sandbox" in rendered.html
    assert "Practice" not in full.html
    assert "Practice" not in full.text


def test_findings_name_pages(full: Rendered) -> None:
    """What to look at first says on which page more of it stands."""
    assert re.search(r"Task 3a \(page \d+\), Task 3c \(page \d+\)", full.reader.pages[0].extract_text())


@pytest.mark.parametrize(
    "tasks", [pytest.param(14, marks=pytest.mark.slow), 18, pytest.param(19, marks=pytest.mark.slow)]
)
def test_findings_stay_on_first_page(tmp_path: Path, tasks: int) -> None:
    """Three long findings, a long name and many tasks still leave what to look at first on the first page."""
    given = sample.task_grades()
    more = tuple(given[i % 14].model_copy(update={"id": f"{i}x"}) for i in range(14, tasks))
    checks = tuple(
        CheckResult(task="4a", name=f"check_{i}", title="It works.", outcome=Outcome.FAILED, mistake=f"cam.mistake_{i}",
                    help="Some advice that is long, and then longer. " * 20)
        for i in range(4)
    )  # fmt: skip
    rendered = render(tmp_path, sample.grade(student="a_long_name" * 7, tasks=(*given, *more), checks=checks))
    first, second = (rendered.reader.pages[i].extract_text() for i in (0, 1))
    assert "1 more check did not pass" in first
    assert "Contents" in second


def test_help_once_a_task(full: Rendered) -> None:
    """When two checks of a task name the same mistake, its help stands once and the other refers to it."""
    view = view_report(sample.grade(), (), sample.assignment())
    (cam,) = (task for task in view.tasks if task.id == "3c")
    named = [check for check in cam.checks if check.mistakes]
    assert [check.repeats for check in named] == [False, True]
    assert [bool(check.help) for check in named] == [True, False]
    assert full.html.count("Same mistake as above: <code>cam.reshape_without_transpose</code>") == 1


def test_other_help_not_repeated() -> None:
    """Checks with the same mistake but another help, or with none named, each keep their help."""
    failed = [check for check in sample.grade().checks if check.mistake and check.task == "3c"]
    changed = (failed[0], failed[1].model_copy(update={"help": "Other words."}))
    view = view_report(sample.grade(checks=changed), (), sample.assignment())
    (cam,) = (task for task in view.tasks if task.id == "3c")
    assert [check.repeats for check in cam.checks] == [False, False]


@pytest.mark.slow
def test_alternatives_are_both_named(tmp_path: Path) -> None:
    """Where two known mistakes lead to one result, the report shows the ids of both."""
    told = {"mistake": "cam.one", "mistakes": ("cam.one", "cam.other"), "help": "Either: one. Or: other."}
    checks = tuple(check.model_copy(update=told) for check in sample.grade().checks if check.mistake)
    html = render(tmp_path, sample.grade(checks=checks)).html
    both = "<code>cam.one</code> or <code>cam.other</code>"
    assert [
        html.count(f"{words} {both}") for words in ("known mistake", "Known mistake", "Same mistake as above:")
    ] == [1, 2, 1]


def test_bare_tasks_are_lines(tmp_path: Path) -> None:
    """Tasks without checks, figures or answers take a line each, with the grader's comment below."""
    comment = "This version of the grader has no checks for this task yet."
    tasks = tuple(task.model_copy(update={"state": State.WITHHELD, "score": 0.0, "comment": comment})
                  for task in sample.task_grades())  # fmt: skip
    rendered = render(tmp_path, sample.grade(tasks=tasks, checks=(), answers={}))
    assert rendered.text.count(comment) == 14
    assert "Comment of" not in rendered.text
    assert len(rendered.reader.pages) <= 3
    assert len(re.findall(r'class="task \w+ bare"', rendered.html)) == 14


@pytest.mark.slow
def test_scored_by_a_person(tmp_path: Path) -> None:
    """A task that a person scores says so before and after, and the staff's comment is named as theirs."""
    words = "A fine scene. <b>Say</b> next time what the network has not seen."
    tasks = tuple(
        task.model_copy(update={"state": State.SCORED, "score": 0.4, "comment": words}) if task.id == "3d"
        else task.model_copy(update={"comment": "No weights here."}) if task.id == "2b" else task
        for task in sample.task_grades()
    )  # fmt: skip
    rendered = render(tmp_path, sample.grade(tasks=tasks))
    text = " ".join(rendered.text.split())
    assert "Comment of the course staff A fine scene. <b>Say</b> next time" in text
    assert "Comment of the grader No weights here." in text
    assert "0.4 of 0.5 · ◆ by a person, bonus" in text
    assert "up to 2 · ○ by a person" in text


def test_comment_beside_checks(tmp_path: Path) -> None:
    """A comment on a task that checks scored leaves its state; a score where no check could be run is a person's."""
    changes: dict[str, dict[str, Any]] = {"3c": {"comment": "See me."}, "2b": {"state": State.SCORED, "score": 1.0}}
    tasks = tuple(task.model_copy(update=changes.get(task.id, {})) for task in sample.task_grades())
    view = view_report(sample.grade(tasks=tasks), (), sample.assignment())
    by_id = {task.id: task for task in view.tasks}
    assert (by_id["3c"].word, by_id["3c"].by_staff) == ("part of the points", True)
    assert (by_id["2b"].word, by_id["2b"].kind) == ("by a person", "full")


def test_written_part_stands_beside() -> None:
    """The written questions about a task follow it without a line between; a question of its own does not."""
    view = view_report(networks.grade(), (), networks.assignment())
    beside = ["2.1w", "4.1w", "4.2.1", "4.2.2", "4.2.3", "4.3w", "4.4w"]
    assert [task.id for task in view.tasks if task.is_beside] == beside
    assert not any(task.is_beside for task in view_report(sample.grade(), (), sample.assignment()).tasks)


def test_report_of_two_networks(tmp_path: Path) -> None:
    """The first page of the other assignment has its own title, tasks and mistakes; nothing is left of Miniplaces."""
    rendered = render(tmp_path, networks.grade(), assignment=networks.assignment())
    first = " ".join(rendered.reader.pages[0].extract_text().split())
    for part in ("A Tale of Two Networks", "Berkeley CS280", "ada_and_grace", "of 33 points", networks.NEAREST):
        assert part in first
    for task in networks.assignment().tasks:
        assert f"{task.id} {task.title}" in first
    assert "Miniplaces" not in rendered.html
    assert "Variant" not in first
    assert rendered.text.count("Written answer, in the student’s own words") == 9
    assert rendered.logged == []


@pytest.mark.slow
def test_import_error_told_once(tmp_path: Path) -> None:
    """A module that can't be imported is told in full at its first check; the others refer to it."""
    message = "`supervised.py` can't be imported: NameError: name 'F' is not defined."
    checks = tuple(
        check.model_copy(update={"outcome": Outcome.ERROR, "message": message, "mistake": None})
        if check.task in ("2.1", "2.2") else check
        for check in networks.checks()
    )  # fmt: skip
    rendered = render(tmp_path, networks.grade(checks=checks), assignment=networks.assignment())
    tasks = rendered.text[rendered.text.index("Task by task") :]
    assert tasks.count("NameError") == 1
    assert tasks.count("As above") == 3
    assert "NameError" in rendered.reader.pages[0].extract_text()


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("four epochs, batch size\n128, seed 0", "four epochs, batch size 128, seed 0"),
        ("about\n91.3% of them\nare right", "about 91.3% of them are right"),
        *((text, text) for text in ("as\n1. one\n2) two", "as\n- one", "a\n\nb", "as\n    a = 1", "as\n> said")),
    ],
)
def test_lines_are_joined(answer: str, shown: str) -> None:
    """An answer's lines flow, as Markdown's do, also before a number; lists, paragraphs, code and quotes stay."""
    assert StudentText().answer(answer) == shown


def picture_of(width: float) -> Picture:
    """A picture of that width."""
    return Picture("image/png", b"", "alt", "caption", width, 40)


@pytest.mark.parametrize(
    ("widths", "rows"),
    [([], []), ([75.5], [1]), ([75.5, 75.5], [2]), ([75.5] * 3, [2, 1]), ([122, 75.5, 75], [1, 2]), ([78, 78], [1, 1])],
)
def test_pairs(widths: list[float], rows: list[int]) -> None:
    """Two figures that follow each other share a row where both fit the column; none changes its place."""
    keyed = [(str(i), picture_of(width)) for i, width in enumerate(widths)]
    paired = pair(keyed)
    assert [len(row) for row in paired] == rows
    assert [key for row in paired for key, _ in row] == [key for key, _ in keyed]
