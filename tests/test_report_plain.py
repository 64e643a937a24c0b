"""The plain report: the same score, tasks, points and outcomes, why it is plain, and nothing of the student's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sample_grade as sample
from sample_exhibits import exhibits
from sample_report import Rendered, render

from grader.records import CheckResult, Outcome
from grader.report.tasks import MARKS, MOST_CHECKS, STATES

WHY = "it took longer than 60 seconds of computing"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    """The sample as a plain report, with figures that it must not show."""
    return render(tmp_path_factory.mktemp("plain"), sample.grade(), exhibits(), plain=WHY, has_page=True)


def test_same_score(plain: Rendered) -> None:
    """Total, every task's points and state, and the ledger are those of the grade."""
    grade = sample.grade()
    text = " ".join(plain.text.split())
    assert "7.93 of 15 points" in text
    for task in sample.assignment().tasks:
        (given,) = (one for one in grade.tasks if one.id == task.id)
        told = STATES[given.state][1] if given.state in STATES else f"{given.score:g} of {given.max_score:g}"
        assert f"{task.id} {task.title} {told}" in text
    for part in ("Total, of 15 7.93", "2 days late: times 0.857 −1.32", sample.SHA256):
        assert part in text


def test_every_outcome(plain: Rendered) -> None:
    """How each check ended is told by its name."""
    for check in sample.grade().checks:
        assert re.sub(r"\s", "", f"{check.name}: {MARKS[check.outcome][1]}") in plain.packed


def test_says_why(plain: Rendered) -> None:
    """It says why it is plain, that this costs nothing, and where the rest is."""
    text = " ".join(plain.text.split())
    assert f"could not be laid out: {WHY}." in text
    assert "You lose no points" in text
    assert "report.html beside this file is the whole report" in text
    assert "feedback.txt" in text


def test_nothing_of_the_students(tmp_path: Path, plain: Rendered) -> None:
    """No figure, no answer, no message; names keep only plain letters."""
    assert "<img" not in plain.html
    assert not {"bilinear", sample.RESHAPED_HELP[:30]} & set(plain.text.splitlines())
    attack = "</td><script>\u202eevil"
    check = CheckResult(task="1a", name=attack, title=attack, outcome=Outcome.ERROR, message=attack, mistake=attack)
    grade = sample.grade(student=attack, submission_sha256=attack, checks=(check,), answers={"2b": attack})
    rendered = render(tmp_path, grade, plain=WHY)
    assert rendered.html.count("evil") == rendered.html.count("__td__script__evil") == 4  # title, name, digest, check
    assert "whole report" not in rendered.html


def test_bounded(tmp_path: Path) -> None:
    """Of very many checks the first two hundred are named, and the rest counted."""
    checks = tuple(sample.passed("1a", f"check_{i}", "It works.") for i in range(1000))
    rendered = render(tmp_path, sample.grade(checks=checks), plain=WHY)
    assert rendered.text.count(": passed") == MOST_CHECKS
    assert "800 more checks are not shown here" in rendered.text


def test_refused(tmp_path: Path) -> None:
    """A refused submission's plain report says that it was refused, and has no table."""
    rendered = render(tmp_path, sample.refused_grade(), plain=WHY)
    assert "This submission was refused." in rendered.text
    assert "0 of 15 points" in rendered.text
    assert "Points by task" not in rendered.text


def test_nothing_logged(plain: Rendered) -> None:
    """Nothing about it is worth a complaint, and it is tagged like the full one."""
    assert plain.logged == plain.refused == []
    assert plain.reader.root_object["/MarkInfo"]["/Marked"]  # type: ignore[index]
