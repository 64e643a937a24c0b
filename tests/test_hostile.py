"""Hostile submissions, graded in real cells: each folder of `hostile/` is one, with what must come of it.

`<module>.py.txt` replaces a module of the solutions, `<module>.after.py.txt` is appended to it (not `.py`, so that no
tool runs or judges them here). `expected.toml` says which tasks are checked, how their checks end and how long that may
take; `[checks]` names single ones. All other files of the submission are the solutions', so what is passed is passed.
"""

from __future__ import annotations

import functools
import io
import os
import pickle
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sample_processes import descendants, of_users

from grader import pipeline
from grader.pipeline import grade_zip
from grader.records import CheckResult, Outcome, Submission
from grader.rubric import PROJECT, Assignment, Limits, get_assignment
from grader.runner import run_submission
from grader.sandbox import bubblewrap
from grader.solutions import solution_files

HOSTILE = Path(__file__).parent / "hostile"
CASES = sorted(path.parent.name for path in HOSTILE.glob("*/expected.toml"))
CANARY = "canary-9c1e55d203"
MARK = "hostile-was-here"  # the name of every file that a hostile submission tries to leave behind
LIMITS = Limits(import_s=4, call_s=4, submission_s=200, memory_mib=1536)

# What a check's own arithmetic says about odd numbers is no error of the grader when it is not under test.
pytestmark = pytest.mark.filterwarnings("default")


class Code:
    """Pickled, this is a model file that runs code when it is loaded."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self.source,)


@functools.cache
def assignment() -> Assignment:
    """Miniplaces with short limits."""
    return get_assignment("miniplaces").model_copy(update={"limits": LIMITS})


def expectation(name: str) -> dict[str, Any]:
    """What `expected.toml` of a case says."""
    return tomllib.loads((HOSTILE / name / "expected.toml").read_text(encoding="utf-8"))


def files_of(name: str) -> dict[str, bytes]:
    """The submission of a case."""
    files, expected = solution_files("miniplaces"), expectation(name)
    for path in sorted((HOSTILE / name).glob("*.py.txt")):
        module = path.name.split(".")[0] + ".py"
        before = files[module] + b"\n\n" if path.name.endswith(".after.py.txt") else b""
        files[module] = before + path.read_bytes()
    if "model_code" in expected:
        files["model.pth"] = pickle.dumps(Code(expected["model_code"]))
    files |= {member: text.encode() for member, text in expected.get("members", {}).items()}
    return {member: content for member, content in files.items() if member not in expected.get("missing", [])}


def zipped(folder: Path, name: str) -> Path:
    """A case as the zip that is handed in."""
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in files_of(name).items():
            archive.writestr(member, content)
    return path


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The users that cells were given during the test."""
    reserve, given = bubblewrap._reserve_uid, list[int]()

    def note() -> Any:
        uid, release = reserve()
        given.append(uid)
        return uid, release

    monkeypatch.setattr(bubblewrap, "_reserve_uid", note)
    return given


@pytest.fixture(autouse=True)
def unharmed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, used: list[int]) -> Iterator[None]:
    """Around each case: no process and no file is left, and no environment of ours was told."""
    monkeypatch.setenv("GRADER_CANARY", CANARY)
    before, modules = descendants(os.getpid()), {name: vars(sys.modules[name]).copy() for name in ("torch", "builtins")}
    yield
    assert of_users(used) == set()
    assert descendants(os.getpid()) <= before
    assert marks(tmp_path) == []
    changed = [
        f"{name}.{key}"
        for name, values in modules.items()
        for key in ("allclose", "equal", "isinstance", "abs")
        if values.get(key) is not vars(sys.modules[name]).get(key)
    ]
    assert changed == []


def marks(out: Path) -> list[Path]:
    """Files that a hostile submission has left anywhere on this machine that it tried."""
    folders: list[str | Path] = [
        "/",
        "/tmp",
        "/var/tmp",
        "/dev/shm",
        "/box",
        "/inside",
        "/autograder/results",
        Path.home(),
    ]
    folders += [PROJECT, PROJECT.parent, Path.cwd(), sys.prefix, sys.base_prefix, out.parent]
    return [path for folder in folders if (path := Path(folder, MARK)).exists()] + list(out.rglob(MARK))


def judge(expected: dict[str, Any], results: tuple[CheckResult, ...]) -> list[str]:
    """Sentences about what ended otherwise than expected."""
    faults = [f"{each.name}: {each.message}" for each in results if each.outcome is Outcome.INTERNAL]
    for task, outcomes in expected["tasks"].items():
        ended = [result for result in results if result.task == task]
        faults += [] if ended else [f"task {task} was not checked"]
        faults += [f"{e.name}: {e.outcome.value}, {e.message}" for e in ended if e.outcome.value not in _list(outcomes)]
    for name, outcomes in expected.get("checks", {}).items():
        ended = [result for result in results if result.name == name]
        faults += [] if ended else [f"{name} was not run"]
        faults += [f"{e.name}: {e.outcome.value}, {e.message}" for e in ended if e.outcome.value not in _list(outcomes)]
    return faults


def _list(outcomes: str | list[str]) -> list[str]:
    return [outcomes] if isinstance(outcomes, str) else outcomes


def tasks_of(expected: dict[str, Any]) -> tuple[str, ...]:
    """The tasks to check: those named, and those of the checks named."""
    return (*expected["tasks"], *expected.get("others", []))


@pytest.mark.parametrize("name", [name for name in CASES if not expectation(name).get("whole")])
def test_hostile_run(name: str, used: list[int]) -> None:
    """Each hostile submission loses what it breaks, keeps the rest, and ends in time."""
    expected = expectation(name)
    submission = Submission(name, "miniplaces", "0" * 64, files_of(name))
    started = time.monotonic()
    run = run_submission(submission, assignment(), tasks=tasks_of(expected))
    seconds = time.monotonic() - started
    assert judge(expected, run.checks) == []
    assert CANARY not in repr(run)
    assert all("Traceback" not in result.message for result in run.checks)
    assert seconds < expected["seconds"]
    if os.geteuid() == 0:
        assert used


@pytest.mark.parametrize("name", [name for name in CASES if expectation(name).get("whole")])
def test_hostile_zip(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Graded as a zip, it ends in a report and a record that tell the true score and nothing of ours."""
    expected = expectation(name)
    monkeypatch.setattr(pipeline, "get_assignment", lambda _id: assignment())
    monkeypatch.setattr(pipeline, "run_submission", functools.partial(run_submission, tasks=tasks_of(expected)))
    started = time.monotonic()
    grade = grade_zip(zipped(tmp_path, name), tmp_path / "out")
    assert time.monotonic() - started < expected["seconds"]
    if reason := expected.get("refused"):
        assert (grade.outcome, grade.score) == ("refused", 0)
        assert reason in grade.reason
    else:
        assert judge(expected, grade.checks) == []
        assert 0 < grade.score < grade.max_score
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.zip", "out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]
    written = {path.name: path.read_bytes() for path in (tmp_path / "out" / name).iterdir()}
    assert {"report.pdf", "report.html", "results.json", "feedback.txt"} <= written.keys()
    assert not any(CANARY.encode() in content for content in written.values())
    assert not any(b"\x1b" in written[file] for file in ("report.html", "results.json", "feedback.txt"))


def test_cases_are_complete() -> None:
    """Every folder of hostile submissions says what must come of it, in a sentence."""
    assert sorted(path.name for path in HOSTILE.iterdir()) == CASES
    assert all(expectation(name)["about"].endswith(".") for name in CASES)


def test_marks_are_found(tmp_path: Path) -> None:
    """The search for what a submission left behind does find it."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / MARK).touch()
    assert marks(tmp_path) == [tmp_path / "deep" / MARK]
    (tmp_path / "deep" / MARK).unlink()


def test_model_code_runs() -> None:
    """The hostile model file does run its code where it is loaded."""
    content = pickle.dumps(Code("import builtins; builtins.hostile = 1"))
    pickle.load(io.BytesIO(content))
    assert vars(sys.modules["builtins"]).pop("hostile") == 1


def test_good_submission_after_all(used: list[int]) -> None:
    """The solutions pass every check of these tasks under the same short limits."""
    submission = Submission("good", "miniplaces", "0" * 64, solution_files("miniplaces"))
    run = run_submission(submission, assignment(), tasks=("1a", "4b"))
    assert {result.outcome for result in run.checks} == {Outcome.PASSED}
