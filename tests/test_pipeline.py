"""The way of a submission, from the zip to the record."""

from __future__ import annotations

import functools
import json
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from sample_session import CommandRun

from grader import pipeline
from grader.errors import MachineError, SandboxUnavailable, UsageError
from grader.pipeline import grade_zip, render_again, report_reference
from grader.records import CheckResult, Grade, Outcome, Run, RunFacts, State
from grader.results import read_results
from grader.rubric import PROJECT, Assignment, get_assignment
from grader.runner import run_submission
from grader.terminal import feedback_text

MINIPLACES = get_assignment("miniplaces")
FILES = {"report.pdf", "report.html", "results.json", "arrays.safetensors", "feedback.txt"}
ALICE = PROJECT / "examples" / "alice.zip"


def make_zip(path: Path, **files: str) -> Path:
    """A zip of these modules."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, source in files.items():
            archive.writestr(f"{name}.py", source)
    return path


@pytest.fixture
def everything_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Step 2 runs nothing: every task has one check, and it passed."""

    def run(submission: Any, _seed: str, _on_result: Any, **_options: Any) -> Run:
        checks = tuple(
            CheckResult(task=task.id, name=f"check_{task.id}", title="t.", outcome=Outcome.PASSED)
            for task in submission.assignment.tasks
        )
        return Run(checks, (), RunFacts(sandbox="none", seconds={"checks": 1.0}))

    monkeypatch.setattr(pipeline, "run_submission", run)


def content_of(folder: Path) -> dict[str, Any]:
    """`results.json`."""
    content: dict[str, Any] = json.loads((folder / "results.json").read_bytes())
    return content


@pytest.mark.parametrize("assignment", [None, MINIPLACES], ids=["recognised", "named"])
def test_refused(tmp_path: Path, assignment: Assignment | None) -> None:
    """A zip that is none gets 0 points, the reason, and a report of one page."""
    path = tmp_path / "bob.zip"
    path.write_bytes(b"no zip at all")
    grade = grade_zip(path, tmp_path / "out", assignment=assignment, variant="6.819")
    folder = tmp_path / "out" / "bob"
    content = content_of(folder)
    assert {each.name for each in folder.iterdir()} == FILES
    assert (grade.outcome, grade.score) == ("refused", 0)
    assert (content["score"], content["max_score"]) == (0, 10 if assignment else 0)
    assert content["extra_data"]["outcome"] == "refused"
    assert grade.reason in content["output"]
    pages = PdfReader(folder / "report.pdf").pages
    assert len(pages) == 1
    assert grade.reason in " ".join(pages[0].extract_text().split())
    assert grade.reason in " ".join((folder / "feedback.txt").read_text().split())


def test_refused_again(tmp_path: Path) -> None:
    """A refused submission's report is rendered again like any other."""
    path = tmp_path / "bob.zip"
    path.write_bytes(b"no zip at all")
    grade = grade_zip(path, tmp_path)
    report = (tmp_path / "bob" / "report.pdf").read_bytes()
    assert render_again(tmp_path, "bob") == grade
    assert (tmp_path / "bob" / "report.pdf").read_bytes() == report


@pytest.mark.parametrize("assignment", [None, MINIPLACES], ids=["recognised", "named"])
def test_marks_for_a_refused_one(tmp_path: Path, assignment: Assignment | None) -> None:
    """A form of manual scores for a refused submission is not ignored in silence."""
    path = tmp_path / "bob.zip"
    path.write_bytes(b"no zip at all")
    form = tmp_path / "bob.toml"
    lines: list[str] = []
    grade_zip(path, tmp_path, assignment=assignment, manual=form, log=lines.append)
    assert lines[-1] == f"          {form} is not used: {pipeline.NOTHING_TO_MARK}"
    with pytest.raises(UsageError, match=r"bob\.toml can't be merged: the submission was refused as a whole"):
        render_again(tmp_path, "bob", manual=form)


def test_wrong_variant(tmp_path: Path) -> None:
    """An unknown variant is wrong usage, and nothing is written."""
    path = make_zip(tmp_path / "bob.zip", filters="")
    with pytest.raises(UsageError, match=r"no variant '6\.0'"):
        grade_zip(path, tmp_path / "out", variant="6.0")
    assert not (tmp_path / "out").exists()


def test_out_is_a_file(tmp_path: Path) -> None:
    """An output folder that can't be made is told before anything is run."""
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UsageError, match="can't be made"):
        grade_zip(make_zip(tmp_path / "bob.zip", filters=""), tmp_path / "out")


@pytest.mark.usefixtures("everything_passes")
@pytest.mark.parametrize(("variant", "score"), [(None, 15), ("6.869", 15), ("6.819", 10)])
def test_variants(tmp_path: Path, variant: str | None, score: float) -> None:
    """The variant decides what the grade is out of; the default is the assignment's."""
    grade = grade_zip(make_zip(tmp_path / "bob.zip", filters=""), tmp_path, variant=variant)
    assert (grade.score, grade.max_score) == (score, score)
    assert content_of(tmp_path / "bob")["extra_data"]["variant"] == (variant or "6.869")


@pytest.mark.usefixtures("everything_passes")
def test_late(tmp_path: Path) -> None:
    """The time of handing in reaches the ledger."""
    path = make_zip(tmp_path / "bob.zip", filters="")
    grade = grade_zip(path, tmp_path, submitted_at=datetime(2022, 4, 1, tzinfo=UTC))
    assert grade.days_late == 2
    assert content_of(tmp_path / "bob")["extra_data"]["ledger"][-1]["label"].startswith("2 days late: ")


@pytest.mark.usefixtures("everything_passes")
def test_log(tmp_path: Path) -> None:
    """The log names the six steps in order, and a file's name can't write into it."""
    lines: list[str] = []
    grade_zip(make_zip(tmp_path / "b\x1bob.zip", filters=""), tmp_path, log=lines.append)
    assert [line[0] for line in lines if line[0] != " "] == list("123456")
    assert "\x1b" not in "".join(lines)


@pytest.mark.usefixtures("everything_passes")
def test_score_does_not_wait_for_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no report can be made, the grade is recorded all the same."""

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise MachineError("no fonts")

    monkeypatch.setattr(pipeline, "render_report", fail)
    with pytest.raises(MachineError, match="no fonts"):
        grade_zip(make_zip(tmp_path / "bob.zip", filters=""), tmp_path)
    assert content_of(tmp_path / "bob")["score"] == 15


def test_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a sandbox nothing is graded, and no record claims that it was."""

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise SandboxUnavailable("no bwrap")

    monkeypatch.setattr(pipeline, "run_submission", fail)
    with pytest.raises(SandboxUnavailable):
        grade_zip(make_zip(tmp_path / "bob.zip", filters=""), tmp_path)
    assert not (tmp_path / "bob" / "results.json").exists()


@pytest.mark.usefixtures("everything_passes")
def test_reference_report(tmp_path: Path) -> None:
    """The reference report is a submission's, of the solutions, in a folder of its own."""
    grade = report_reference(MINIPLACES, tmp_path)
    assert (grade.student, grade.score) == ("reference-miniplaces", 15)
    assert {each.name for each in (tmp_path / "reference-miniplaces").iterdir()} >= FILES


def test_render_again_without_record(tmp_path: Path) -> None:
    """Rendering what was never graded is wrong usage."""
    with pytest.raises(UsageError, match="grade the submission first"):
        render_again(tmp_path, "nobody")


# The rest reads one real run.


@pytest.fixture(scope="module")
def alice(alice_run: CommandRun) -> Grade:
    """What the real run recorded."""
    grade, _, _ = read_results(alice_run.out / "alice")
    return grade


def test_files(alice_run: CommandRun) -> None:
    """Everything that the contract promises lies in the student's folder, and no half-written file."""
    names = {each.name for each in (alice_run.out / "alice").iterdir()}
    assert names >= FILES
    assert not [name for name in names if name.endswith(".part")]


def test_all_figures_are_drawn(alice_run: CommandRun) -> None:
    """Every figure of a graded report is there, the assignment's own kinds among them, and nothing is warned of."""
    page = (alice_run.out / "alice" / "report.html").read_text(encoding="utf-8")
    assert page.count("<figure") > 8
    assert "could not be drawn" not in page
    assert "WARNING" not in alice_run.noted


@pytest.mark.parametrize("task", ["1b", "4a", "4c"])
def test_alice_is_right(alice: Grade, task: str) -> None:
    """What alice did right earns all its points."""
    (found,) = [each for each in alice.tasks if each.id == task]
    assert (found.state, found.score) == (State.SCORED, found.max_score)


@pytest.mark.parametrize(
    ("task", "mistake"), [("1a", "filters.divides_by_maximum"), ("4b", "fashion.averages_batches")]
)
def test_alice_is_wrong(alice: Grade, task: str, mistake: str) -> None:
    """Alice's two mistakes are named, each in its task alone, and cost a part of the points."""
    (found,) = [each for each in alice.tasks if each.id == task]
    assert 0 < found.score < found.max_score
    named = {(check.task, check.mistake) for check in alice.checks if check.mistake}
    assert [pair for pair in named if pair[0] == task or pair[1] == mistake] == [(task, mistake)]


def test_every_check_has_a_result(alice: Grade) -> None:
    """Each check of the tasks that alice handed in is there, once, none of them internal."""
    counts = {task: [check.name for check in alice.checks if check.task == task] for task in ("1a", "4a", "4b", "4c")}
    assert all(len(set(names)) == len(names) for names in counts.values())
    assert {task: len(names) for task, names in counts.items()} == {"1a": 7, "4a": 7, "4b": 5, "4c": 3}
    handed_in = [check for check in alice.checks if check.task in counts]
    assert not [check.name for check in handed_in if check.outcome is Outcome.INTERNAL]


def test_feedback(alice_run: CommandRun, alice: Grade) -> None:
    """`feedback.txt` is what the terminal showed, and can be made from the record."""
    feedback = (alice_run.out / "alice" / "feedback.txt").read_text(encoding="utf-8")
    shown, _, last = alice_run.shown.rpartition("Report: ")
    assert feedback == shown
    assert last.strip() == str(alice_run.out / "alice" / "report.pdf")
    assert feedback == feedback_text(alice, MINIPLACES.title)


def test_one_module_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One module, graded twice, gives the same record, times aside; in real workers, but no report is drawn."""
    monkeypatch.setattr(pipeline, "render_report", lambda *_arguments, **_options: None)
    monkeypatch.setattr(pipeline, "run_submission", functools.partial(run_submission, tasks=("1a", "1b")))
    module = (PROJECT / "examples" / "alice" / "filters.py").read_text(encoding="utf-8")
    path, contents = make_zip(tmp_path / "bob.zip", filters=module), []
    for out in (tmp_path / "first", tmp_path / "second"):
        assert grade_zip(path, out).score > 0
        contents.append(content_of(out / "bob"))
        contents[-1].pop("execution_time")
        contents[-1]["extra_data"].pop("seconds")
    assert contents[0] == contents[1]


@pytest.mark.slow
def test_grading_twice(alice_run: CommandRun, tmp_path: Path) -> None:
    """The same zip gives the same record and the same arrays, times aside: a whole grading beside the shared one."""
    grade_zip(ALICE, tmp_path)
    first, second = content_of(alice_run.out / "alice"), content_of(tmp_path / "alice")
    for content in (first, second):
        assert content.pop("execution_time") > 0
        assert content["extra_data"].pop("seconds")
    assert first == second
    for name in ("arrays.safetensors", "feedback.txt"):
        assert (alice_run.out / "alice" / name).read_bytes() == (tmp_path / "alice" / name).read_bytes()


def test_rendering_again(alice_run: CommandRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report made from the record alone is the report, byte by byte; nothing is graded for it."""
    folder = shutil.copytree(alice_run.out / "alice", tmp_path / "alice")
    reports = [folder / "report.pdf", folder / "report.html"]
    before = [path.read_bytes() for path in reports]
    for path in reports:
        path.unlink()

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise AssertionError("graded")

    monkeypatch.setattr(pipeline, "run_submission", fail)
    render_again(tmp_path, "alice")
    assert [path.read_bytes() for path in reports] == before
