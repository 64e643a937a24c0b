"""A class whose forms people edited in every clumsy way: no mark is lost, and each slip is told."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sample_class import Here, fill, rows_of

from grader import pipeline
from grader.course import grading, job
from grader.course.digests import Digests
from grader.course.job import grade_job
from grader.course.records import Row
from grader.errors import MarksRefused
from grader.manual import FORM
from grader.records import CheckResult, Outcome, Run, RunFacts

DIGESTS = Digests(run={"miniplaces": "checks"}, score={"miniplaces": "rubric"})
Edit = Callable[[str], bytes]


@pytest.fixture(autouse=True)
def _no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """All is real but the checks, all of which pass, and the report."""

    def run(submission: Any, *_arguments: Any, **_options: Any) -> Run:
        tasks = submission.assignment.tasks
        checks = (CheckResult(task=t.id, name=f"check_{t.id}", title="t.", outcome=Outcome.PASSED) for t in tasks)
        return Run(tuple(checks), (), RunFacts(sandbox="none"))

    monkeypatch.setattr(pipeline, "run_submission", run)
    monkeypatch.setattr(pipeline, "render_report", lambda *_arguments: None)
    monkeypatch.setattr(pipeline, "prepare", lambda: None)
    monkeypatch.setattr(grading, "take_digests", lambda *_: DIGESTS)
    monkeypatch.setattr(job, "own_digest", lambda *_: DIGESTS.whole)


def grade(folder: Path, out: Path) -> dict[str, Row]:
    """Grade the class; the rows by student."""
    return {row.student: row for row in rows_of(folder, out, Here([], grade_job))}


def score_of(out: Path, student: str) -> float:
    """The score that is recorded."""
    return float(json.loads((out / student / "results.json").read_text())["score"])


def marked(text: str) -> str:
    """A form with half a point for 3d, which always waits for a person, and a comment."""
    head, tail = text.split('task = "3d"')
    return (
        head
        + 'task = "3d"'
        + tail.replace("score = -1.0", "score = 0.5", 1).replace('comment = ""', 'comment = "Gut – ja"', 1)
    )


READ: dict[str, Edit] = {
    "notepad": lambda text: text.encode("utf-8-sig"),
    "windows": lambda text: text.replace("\n", "\r\n").encode("cp1252"),
    "powershell": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "crash": lambda text: text.encode() + bytes(512),
    "comment": lambda text: b"# Ask Bo.\n" + text.encode(),
}
TOLD: dict[str, tuple[Edit, str]] = {
    "comma": (lambda text: text.replace("score = 0.5", "score = 0,5").encode("utf-8-sig"), "write a decimal point"),
    "noquotes": (lambda text: text.replace('"Gut – ja"', "Gut").encode(), "write a text in quotes"),
    "open": (lambda text: text.replace('"Gut – ja"', '"Gut').encode(), "the closing quote is missing"),
    "cut": (lambda text: text.encode()[: text.encode().index(b"Gut")], "the closing quote is missing"),
    "empty": (lambda _text: b"", "is empty"),
    "zeros": (lambda text: bytes(len(text)), "is empty"),
    "garbage": (lambda text: text.encode() + b"\n:wq\n", "`:wq`"),
    "unknown": (lambda text: text.encode() + b'\n[[adjust]]\ntask = "1a"\npoints = -1\n', "no `adjust`"),
    "typo": (lambda text: text.replace("score = 0.5", "scoer = 0.5").encode(), "no `scoer`"),
    "toomuch": (lambda text: text.replace("score = 0.5", "score = 50").encode(), "0 to 0.5 points, not 50"),
    "word": (lambda _text: b"PK\x03\x04 a document", "an Office document"),
}


def test_no_mark_is_lost(tmp_path: Path) -> None:
    """Every form stays as it was typed; what can be read is merged, and the rest is told until it is mended."""
    folder, out = fill(tmp_path / "in", *READ, *TOLD), tmp_path / "out"
    before = {student: row.score for student, row in grade(folder, out).items()}
    fresh = {student: (out / student / FORM).read_text(encoding="utf-8") for student in (*READ, *TOLD)}
    edits = READ | {student: edit for student, (edit, _) in TOLD.items()}
    typed = {student: edit(marked(fresh[student])) for student, edit in edits.items()}
    for student, content in typed.items():
        (out / student / FORM).write_bytes(content)
    for _ in range(2):  # the second time nothing is new, and it is told all the same
        rows = grade(folder, out)
        assert {student: (out / student / FORM).read_bytes() for student in typed} == typed
        assert not list(out.glob("*/manual-*"))
        for student in READ:
            assert rows[student].remarks == ()
            assert rows[student].score == score_of(out, student) == before[student] + 0.5
        for student, (_, told) in TOLD.items():
            (remark,) = rows[student].remarks
            assert remark.startswith(f"{student}/{FORM}")
            assert re.search(told, remark), remark
            assert rows[student].outcome == "graded"
            assert rows[student].score == score_of(out, student) == before[student]
            assert "3d" in rows[student].waiting
    with (out / "gradebook.csv").open(newline="", encoding="utf-8") as file:
        messages = {line["student"]: line["message"] for line in csv.DictReader(file)}
    line = typed["comma"].decode("utf-8-sig").split("\n").index("score = 0,5") + 1
    assert f"comma/{FORM}, line {line}: `score = 0,5`: write a decimal point, `score = 0.5`" in messages["comma"]
    for student in TOLD:
        (out / student / FORM).write_text(marked(fresh[student]), encoding="utf-8")
    rows = grade(folder, out)
    assert {row.score - before[student] for student, row in rows.items()} == {0.5}
    assert not any(row.remarks for row in rows.values())


def test_zips_back_and_forth(tmp_path: Path) -> None:
    """Marks of two versions of a zip come back with the version, whatever is graded in which order."""
    folder, out = fill(tmp_path / "in", "alice"), tmp_path / "out"
    first = (folder / "alice.zip").read_bytes()
    low = grade(folder, out)["alice"].score
    form = out / "alice" / FORM
    form.write_text(marked(form.read_text()), encoding="utf-8-sig")
    typed = form.read_bytes()
    assert grade(folder, out)["alice"].score == low + 0.5
    fill(folder, "alice", content=b"OTHER_LAYER = 'conv1'\n")
    second = (folder / "alice.zip").read_bytes()
    alice = grade(folder, out)["alice"]
    (kept,) = (out / "alice").glob("manual-*.toml")
    assert kept.read_bytes() == typed
    assert alice.remarks == (f"marks of another zip are kept in {kept.name}",)
    assert alice.score == low
    form.write_text(marked(form.read_text()).replace("score = 0.5", "score = 0,25"), encoding="utf-8")
    assert "line" in grade(folder, out)["alice"].remarks[0]
    slip = form.read_bytes()
    for _ in range(2):
        (folder / "alice.zip").write_bytes(first)
        assert "write a decimal point" in grade(folder, out)["alice"].remarks[0]
        assert form.read_bytes() == slip  # nobody knows of which zip it is
    form.write_bytes(slip.replace(b"0,25", b"0.25"))
    for zipped, gained in ((first, 0.5), (second, 0.25), (first, 0.5)):
        (folder / "alice.zip").write_bytes(zipped)
        grade(folder, out)
        assert score_of(out, "alice") - low == gained
    contents = [path.read_bytes() for path in (out / "alice").glob("manual*.toml")]
    assert typed in contents
    assert slip.replace(b"0,25", b"0.25") in contents


def test_refused_zip_keeps_marks(tmp_path: Path) -> None:
    """A zip that is refused leaves the marks of the one before where they are, and tells it."""
    folder, out = fill(tmp_path / "in", "alice"), tmp_path / "out"
    grade(folder, out)
    form = out / "alice" / FORM
    form.write_text(marked(form.read_text()))
    typed = form.read_bytes()
    (folder / "alice.zip").write_bytes(b"nothing")
    alice = grade(folder, out)["alice"]
    assert (alice.outcome, form.read_bytes()) == ("refused", typed)
    assert "stays as it is and is not used" in alice.remarks[0]


def test_commands_alike(tmp_path: Path) -> None:
    """`grade` and `report` merge, keep and tell as `grade-all` does; a form that was asked for by name is refused."""
    folder, out = fill(tmp_path / "in", "alice"), tmp_path / "out"
    path, form, told = folder / "alice.zip", out / "alice" / FORM, list[str]()
    low = pipeline.grade_zip(path, out).score
    form.write_text(marked(form.read_text()), encoding="utf-8-sig")
    assert pipeline.render_again(out, "alice", tell=told.append).score == low + 0.5
    assert pipeline.grade_zip(path, out, tell=told.append).score == low + 0.5
    assert pipeline.grade_zip(path, out, manual=form, tell=told.append).score == low + 0.5
    assert told == []
    slip = form.read_bytes().replace(b"score = 0.5", b"score = 0,5")
    form.write_bytes(slip)
    assert pipeline.grade_zip(path, out, tell=told.append).score == low
    pipeline.render_again(out, "alice", tell=told.append)
    assert len(told) == 2
    assert re.match(rf"alice/{FORM}, line \d+: `score = 0,5`: write a decimal point", told[0])
    assert told[0] == told[1]
    with pytest.raises(MarksRefused, match=re.escape(told[0])):
        pipeline.grade_zip(path, out, manual=form)
    with pytest.raises(MarksRefused, match=re.escape(told[0])):
        pipeline.render_again(out, "alice", manual=form)
    assert form.read_bytes() == slip
    assert [each.name for each in form.parent.glob("manual*")] == [FORM]


def test_marks_that_do_not_fit(tmp_path: Path) -> None:
    """Marks that turn out not to fit after the checks have run cost nobody the run: the grade is recorded without."""
    folder, out = fill(tmp_path / "in", "alice"), tmp_path / "out"
    low = pipeline.grade_zip(folder / "alice.zip", out).score
    form = tmp_path / "elsewhere.toml"
    form.write_text((out / "alice" / FORM).read_text().replace("score = -1.0", "score = 7"))
    (out / "alice" / "results.json").unlink()
    with pytest.raises(MarksRefused, match=r"elsewhere.toml, line \d+: task 2b has 0 to 1 points"):
        pipeline.grade_zip(folder / "alice.zip", out, manual=form)
    assert score_of(out, "alice") == low
    before = {path.name: path.read_bytes() for path in (out / "alice").iterdir()}
    with pytest.raises(MarksRefused, match=r"elsewhere.toml, line \d+: task 2b has 0 to 1 points"):
        pipeline.render_again(out, "alice", manual=form)
    assert {path.name: path.read_bytes() for path in (out / "alice").iterdir()} == before
