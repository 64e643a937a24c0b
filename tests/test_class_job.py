"""One submission of a class, as the processes of the pool do it: for real."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import CommandRun

from grader.course import job
from grader.course.job import Graded, Job, grade_job
from grader.errors import SandboxUnavailable
from grader.manual import FORM
from grader.results import ARRAYS, RESULTS
from grader.rubric import get_assignment


@pytest.fixture
def recorded(alice_run: CommandRun) -> dict[str, bytes]:
    """What a run of the checks on `examples/alice.zip` left."""
    folder = alice_run.out / "alice"
    return {name: (folder / name).read_bytes() for name in (RESULTS, ARRAYS, FORM)}


def again(recorded: dict[str, bytes], form: str | None = None, **options: Any) -> Graded:
    """The recorded results scored again."""
    kept = {name: recorded[name] for name in (RESULTS, ARRAYS)}
    marks = recorded[FORM] if form is None else form.encode()
    return grade_job(Job("alice", recorded=kept, form=marks, **options))


def test_refused(tmp_path: Path) -> None:
    """A refused zip comes back with its page and the reason, and leaves nothing behind."""
    done = grade_job(Job("zoë", archive=b"nothing", scratch=str(tmp_path)))
    assert done.grade is not None
    assert (done.grade.outcome, done.grade.student) == ("refused", "zoë")
    assert "not a zip" in done.grade.reason
    assert {"report.pdf", "report.html", RESULTS, "feedback.txt"} <= done.files.keys()
    assert not list(tmp_path.iterdir())


def test_scored_again(recorded: dict[str, bytes]) -> None:
    """Scoring recorded results again by the same rules gives the same record, byte for byte."""
    done = again(recorded)
    assert done.message == ""
    assert done.files[RESULTS] == recorded[RESULTS]
    assert done.files[ARRAYS] == recorded[ARRAYS]


@pytest.mark.slow
def test_other_rules(recorded: dict[str, bytes]) -> None:
    """Another variant, a time after the deadline and a person's marks change the score, and the checks stay."""
    due = get_assignment("miniplaces").due_at
    form = recorded[FORM].decode().replace("score = -1.0", "score = 0.5", 1)
    assert form.encode() != recorded[FORM]
    late = datetime.fromtimestamp(due.timestamp() + 3600, due.tzinfo)
    done = again(recorded, form, variant="6.819", submitted_at=late)
    assert done.grade is not None
    before, after = json.loads(recorded[RESULTS]), json.loads(done.files[RESULTS])
    assert (done.grade.max_score, done.grade.days_late) == (10, 1)
    assert after["extra_data"]["checks"] == before["extra_data"]["checks"]
    assert any(line["label"].startswith("1 day late: ") for line in after["extra_data"]["ledger"])
    assert done.files[FORM] == form.encode()


@pytest.mark.slow
def test_slips_in_a_form(recorded: dict[str, bytes]) -> None:
    """A mark that the task can't have is told and not merged; the rest of the grade stands."""
    done = again(recorded, recorded[FORM].decode().replace("score = -1.0", "score = 99.0", 1))
    assert done.grade is not None
    assert done.grade.score == json.loads(recorded[RESULTS])["score"]
    assert done.message.startswith(f"alice/{FORM}, line 15: task 2b has 0 to 1 points, not 99")
    assert "No mark in this file counts until it is corrected" in done.message


@pytest.mark.slow
def test_marks_of_another_zip(recorded: dict[str, bytes]) -> None:
    """Marks that a person gave an earlier zip of the student are kept beside a new form, and told."""
    form = recorded[FORM].decode().replace("score = -1.0", "score = 0.5", 1)
    other = form.replace('submission_sha256 = "', 'submission_sha256 = "0', 1)
    done = again(recorded, other)
    (kept,) = (name for name in done.files if name.startswith("manual-"))
    assert done.files[kept] == other.encode()
    assert done.message == f"marks of another zip are kept in {kept}"


def test_other_code() -> None:
    """A machine with other code or data sets grades nothing."""
    done = grade_job(Job("alice", archive=b"nothing", expects="0" * 64))
    assert done.grade is None
    assert "code or data sets differ" in done.message
    here = job.own_digest("container")
    assert grade_job(Job("alice", archive=b"nothing", expects=here)).grade is not None


def test_own_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong on our side is told in the result, and a missing sandbox as such."""

    def fail(error: Exception) -> Graded:
        def grade_zip(*_arguments: Any, **_options: Any) -> None:
            raise error

        monkeypatch.setattr(job, "grade_zip", grade_zip)
        return grade_job(Job("alice", archive=b"nothing"))

    assert fail(SandboxUnavailable("no walls")).unavailable
    broken = fail(ZeroDivisionError("oops"))
    assert (broken.grade, broken.unavailable, broken.message) == (None, False, "ZeroDivisionError: oops")
