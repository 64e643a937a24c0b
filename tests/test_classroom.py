"""A class: what is graded, what is scored again, what is left alone, and what comes of it."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sample_class import Here, fill, pretend, rows_of

from grader import classroom
from grader.class_digests import Digests
from grader.class_job import Graded, Job
from grader.class_records import Row
from grader.errors import SandboxUnavailable, UsageError
from grader.gradebook import record_path
from grader.manual import FORM

DIGESTS = Digests(run={"miniplaces": "checks"}, score={"miniplaces": "rubric"})


@pytest.fixture(autouse=True)
def _digests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom, "take_digests", lambda _weakest: DIGESTS)


def grade(folder: Path, out: Path, roster: str = "", variant: str | None = None) -> tuple[list[Row], dict[str, str]]:
    """The rows, and for each student that was worked on whether the checks ran or only the score was made."""
    jobs: list[Job] = []
    path = out.parent / "roster.csv"
    path.write_text(roster)
    rows = list(rows_of(folder, out, Here(jobs, pretend), roster=path if roster else None, variant=variant))
    return rows, {job.student: "score" if job.recorded else "run" for job in jobs}


def gradebook(out: Path) -> list[dict[str, str]]:
    """What the gradebook holds."""
    with (out / "gradebook.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_only_new_and_changed(tmp_path: Path) -> None:
    """A second run grades what is new or changed and leaves the rest; the gradebook has all."""
    folder = fill(tmp_path / "in", "alice", "bob")
    assert grade(folder, tmp_path / "out")[1] == {"alice": "run", "bob": "run"}
    assert grade(folder, tmp_path / "out")[1] == {}
    fill(folder, "carol")
    fill(folder, "bob", content=b"OTHER_LAYER = 'conv1'\n")
    rows, worked = grade(folder, tmp_path / "out")
    assert worked == {"bob": "run", "carol": "run"}
    assert [row.student for row in rows] == ["alice", "bob", "carol"]
    assert [(line["student"], line["score"], line["1a"]) for line in gradebook(tmp_path / "out")] == [
        ("alice", "1", "1"),
        ("bob", "1", "1"),
        ("carol", "1", "1"),
    ]


def test_changed_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other checks, data sets or limits: all checks run again."""
    folder = fill(tmp_path / "in", "alice")
    grade(folder, tmp_path / "out")
    monkeypatch.setattr(classroom, "take_digests", lambda _weakest: replace(DIGESTS, run={"miniplaces": "other"}))
    assert grade(folder, tmp_path / "out")[1] == {"alice": "run"}


def test_changed_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other points or deadlines: the score is made again of the recorded results, which no student code changes."""
    folder = fill(tmp_path / "in", "alice")
    grade(folder, tmp_path / "out")
    monkeypatch.setattr(classroom, "take_digests", lambda _weakest: replace(DIGESTS, score={"miniplaces": "other"}))
    assert grade(folder, tmp_path / "out")[1] == {"alice": "score"}
    assert grade(folder, tmp_path / "out")[1] == {}


def test_changed_marks_and_times(tmp_path: Path) -> None:
    """A person's mark, another time or variant in the roster: scored again, for those concerned only."""
    folder, out = fill(tmp_path / "in", "alice", "bob", "carol"), tmp_path / "out"
    heading = "student,variant,submitted_at\n"
    grade(folder, out, heading + "alice,,\nbob,,\ncarol,,\n")
    (out / "alice" / FORM).write_text("score = 1")
    _, worked = grade(folder, out, heading + "alice,,\nbob,6.819,\ncarol,,2022-04-01T00:00Z\n")
    assert worked == {"alice": "score", "bob": "score", "carol": "score"}
    assert grade(folder, out, heading + "alice,,\nbob,6.819,\ncarol,,2022-04-01T00:00Z\n")[1] == {}


def test_lost_files(tmp_path: Path) -> None:
    """Where a student's folder or record is gone or unreadable, the submission is graded again."""
    folder, out = fill(tmp_path / "in", "alice", "bob", "carol"), tmp_path / "out"
    grade(folder, out)
    shutil.rmtree(out / "alice")
    record_path(out, "bob").write_text("{")
    assert grade(folder, out)[1] == {"alice": "run", "bob": "run"}


def test_missing_students(tmp_path: Path) -> None:
    """Who is on the roster and handed in nothing has a row; who left nothing in the folder any more has none."""
    folder, out = fill(tmp_path / "in", "alice", "bob"), tmp_path / "out"
    grade(folder, out)
    (folder / "bob.zip").unlink()
    rows, _ = grade(folder, out, 'student,name\nalice,"=HYPERLINK(""x"")"\ndave,Dave\n')
    assert [(row.student, row.outcome) for row in rows] == [("alice", "graded"), ("dave", "missing")]
    alice, dave = gradebook(out)
    assert alice["name"].startswith("'=")
    assert (dave["score"], dave["message"]) == ("", "Nothing was handed in.")


def test_groups(tmp_path: Path) -> None:
    """Who is named in a group and handed in nothing alone has the group's grade."""

    def in_group(job: Job) -> Graded:
        done = pretend(job)
        assert done.grade is not None
        return replace(done, grade=done.grade.model_copy(update={"group": ("Alice", "BOB@x.org", "nobody")}))

    (tmp_path / "roster.csv").write_text("student,name,email\nalice,Alice,\nbob,Bob,bob@x.org\n")
    folder = fill(tmp_path / "in", "alice")
    alice, bob = rows_of(folder, tmp_path / "out", Here([], in_group), roster=tmp_path / "roster.csv")
    assert (bob.student, bob.score, bob.graded_as) == ("bob", alice.score, "alice")


def test_grader_at_fault(tmp_path: Path) -> None:
    """What our side could not grade costs nobody anything, stops nobody, and is tried again."""

    def fail(job: Job) -> Graded:
        done = pretend(job)
        return done if job.student == "bob" else replace(done, grade=None, message="no space left")

    folder, out = fill(tmp_path / "in", "alice", "bob"), tmp_path / "out"
    alice, bob = rows_of(folder, out, Here([], fail))
    assert (alice.outcome, bob.outcome) == ("failed", "graded")
    assert gradebook(out)[0]["score"] == ""
    assert "no space left" in gradebook(out)[0]["message"]
    assert grade(folder, out)[1] == {"alice": "run"}


def test_no_sandbox(tmp_path: Path) -> None:
    """Without a sandbox nothing is graded, and the command ends."""

    def unavailable(job: Job) -> Graded:
        return replace(pretend(job), grade=None, message="no walls", unavailable=True)

    with pytest.raises(SandboxUnavailable, match="here: no walls"):
        list(rows_of(fill(tmp_path / "in", "alice"), tmp_path / "out", Here([], unavailable)))


@pytest.mark.parametrize("options", [{"assignment": "none"}, {"variant": "none"}])
def test_wrong_options(tmp_path: Path, options: dict[str, str]) -> None:
    """What no submission could be graded with is refused before the work."""
    jobs: list[Job] = []
    with pytest.raises(UsageError, match="none"):
        list(rows_of(fill(tmp_path / "in", "alice"), tmp_path / "out", Here(jobs, pretend), **options))
    assert jobs == []


def test_nothing_reaches_students(tmp_path: Path) -> None:
    """Records and remarks lie beside the students' folders, which may be handed out as they are."""
    out = tmp_path / "out"

    def look(job: Job) -> Graded:
        return replace(pretend(job), looks=json.dumps([]).encode())

    list(rows_of(fill(tmp_path / "in", "alice"), out, Here([], look)))
    assert sorted(path.name for path in (out / "alice").iterdir()) == ["arrays.safetensors", "results.json"]
    assert (out / "instructor only" / "alice.json").exists()
    assert not (out / classroom.SCRATCH).exists()
