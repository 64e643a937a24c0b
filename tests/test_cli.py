"""The commands: what they print and how they end."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sample_session import CommandRun, run_grader

from grader import pipeline
from grader.cli.main import commands, main
from grader.errors import DataMissing, SandboxUnavailable
from grader.records import Run, RunFacts
from grader.rubric import PROJECT

Ended = tuple[int, str, str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs a command in this process: exit code, what it printed, what it noted."""

    def run_command(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["grader", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return caught.value.code, printed.out, printed.err

    return run_command


@pytest.fixture
def bob(tmp_path: Path) -> Path:
    """A zip that is none."""
    path = tmp_path / "bob.zip"
    path.write_bytes(b"no zip at all")
    return path


def test_graded(alice_run: CommandRun) -> None:
    """A graded submission ends with 0: the table on standard output, the steps on standard error."""
    assert alice_run.code == 0, alice_run.noted
    assert alice_run.shown.startswith("Miniplaces: network interpretability and training")
    assert "filters" not in alice_run.noted.splitlines()[0]
    assert alice_run.noted.startswith("1 open    alice.zip\n2 run     ")
    assert "Traceback" not in alice_run.noted


def test_refused(run: Callable[..., Ended], bob: Path, tmp_path: Path) -> None:
    """A refused submission ends with 1 and the reason, and has its record."""
    code, printed, _ = run("grade", bob, "--out", tmp_path / "out")
    assert code == 1
    assert printed.startswith("Refused. ")
    assert (tmp_path / "out" / "bob" / "results.json").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["grade"], "Missing argument"),
        (["grade", "nobody.zip"], "no such file"),
        (["grade", "."], "no such file"),
        (["grade", "{zip}", "--assignment", "x"], "no assignment 'x'"),
        (["grade", "{zip}", "--assignment", "miniplaces", "--variant", "6.0"], "no variant '6.0'"),
        (["grade", "{zip}", "--submitted", "yesterday"], "no time like"),
        (["grade", "{zip}", "--submitted", "2022-13-01"], "no time like"),
        (["grade", "{zip}", "--colour", "red"], "No such option"),
        (["grade", "{zip}", "second.zip"], "unexpected extra argument"),
        (["grade", "{zip}", "--out", "{zip}"], "can't be made"),
        (["report", "nobody.zip"], "grade the submission first"),
        (["report", "--assignment", "x"], "no assignment 'x'"),
        (["validate", "--assignment", "x"], "no assignment 'x'"),
        (["validate", "--jobs", "0"], "--jobs"),
        (["reference", "--preset", "x"], "no preset 'x'"),
        (["reference", "--assignment", "x"], "no assignment 'x'"),
        (["release", "--assignment", "x"], "no assignment 'x'"),
        (["grad"], "No such command"),
        ([], "Usage"),
    ],
)
def test_wrong_usage(run: Callable[..., Ended], bob: Path, options: list[str], words: str) -> None:
    """What makes no sense ends with 2 and a sentence, never a traceback."""
    code, _, noted = run(*(option.format(zip=bob) for option in options))
    assert code == 2
    assert words in noted
    assert "Traceback" not in noted


@pytest.mark.parametrize(
    "error", [SandboxUnavailable("no bwrap"), DataMissing("no images"), KeyError("x"), OSError("full")]
)
def test_our_fault(
    run: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """What is missing on the machine, and every surprise, ends with 3: it never looks like the submission's fault."""

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(pipeline, "run_submission", fail)
    zipped = shutil.copy(PROJECT / "examples" / "alice" / "filters.py", tmp_path / "filters.py")
    shutil.make_archive(str(tmp_path / "carol"), "zip", tmp_path, Path(zipped).name)
    code, _, _ = run("grade", tmp_path / "carol.zip", "--out", tmp_path / "out")
    assert code == 3


@pytest.mark.parametrize(("options", "weakest"), [((), "container"), (("--min-sandbox", "process"), "process")])
def test_weakest_sandbox(
    run: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], weakest: str
) -> None:
    """The weakest sandbox that will do is the one named, and no open process unless it is named."""
    asked = []

    def note(*_arguments: Any, weakest: str) -> Run:
        asked.append(weakest)
        return Run((), (), RunFacts(sandbox="none"))

    monkeypatch.setattr(pipeline, "run_submission", note)
    shutil.make_archive(str(tmp_path / "carol"), "zip", PROJECT / "examples" / "alice", "filters.py")
    command = ("grade", tmp_path / "carol.zip", "--out", tmp_path)
    assert run(*command, *options)[0] == 0
    assert asked == [weakest]
    assert run(*command, "--min-sandbox", "wet paper")[0] == 2


def test_interrupted(run: Callable[..., Ended], bob: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control-C ends with 130, as shells expect."""

    def interrupt(*_arguments: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "open_submission", interrupt)
    assert run("grade", bob)[0] == 130


@pytest.mark.parametrize(
    ("given", "days"),
    [
        pytest.param("2022-03-29T18:00-04:00", 0, marks=pytest.mark.slow),
        ("2022-03-30T03:59Z", 0),
        pytest.param("2022-03-30T18:00-04:00", 1, marks=pytest.mark.slow),
        ("2022-03-31T00:00+02:00", 1),
    ],
)
def test_submitted(
    run: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, days: int
) -> None:
    """A time is read with its zone."""
    monkeypatch.setattr(pipeline, "run_submission", lambda *_, **__: Run((), (), RunFacts(sandbox="none")))
    shutil.make_archive(str(tmp_path / "carol"), "zip", PROJECT / "examples" / "alice", "filters.py")
    code, printed, _ = run(
        "grade", tmp_path / "carol.zip", "--submitted", given, "--out", tmp_path, "--variant", "6.819"
    )
    assert code == 0
    assert ("1 day late: " in printed) == (days == 1)
    assert "of 10 points" in printed


@pytest.mark.slow
def test_report(run: Callable[..., Ended], alice_run: CommandRun, tmp_path: Path) -> None:
    """`report` with a submission renders again what was graded, and prints where."""
    shutil.copytree(alice_run.out / "alice", tmp_path / "alice")
    (tmp_path / "alice" / "report.pdf").unlink()
    code, printed, _ = run("report", "somewhere/alice.zip", "--out", tmp_path)
    assert (code, printed) == (0, f"{tmp_path / 'alice' / 'report.pdf'}\n")
    assert (tmp_path / "alice" / "report.pdf").read_bytes() == (alice_run.out / "alice" / "report.pdf").read_bytes()


@pytest.mark.parametrize("command", ["", *sorted(commands.commands)])
def test_help(run: Callable[..., Ended], command: str) -> None:
    """Every command explains itself."""
    code, printed, _ = run(*command.split(), "--help")
    assert code == 0
    assert "Usage:" in printed


@pytest.mark.slow
def test_poor_terminal(bob: Path, tmp_path: Path) -> None:
    """A terminal that knows only ASCII shows question marks and costs nobody the grade.

    It starts the whole program, as a shell does.
    """
    umlaut = bob.with_name("bö→b.zip")
    bob.rename(umlaut)
    ended = run_grader("grade", umlaut, "--out", tmp_path / "out", out=tmp_path, PYTHONIOENCODING="ascii")
    assert ended.code == 1
    assert ended.shown.startswith("Refused. ")
    assert "Traceback" not in ended.noted


def test_examples(run: Callable[..., Ended]) -> None:
    """`examples` packs each example's folder, the same bytes each time."""
    code, printed, _ = run("examples")
    first = (PROJECT / "examples" / "alice.zip").read_bytes()
    assert code == 0
    assert "examples/alice.zip" in printed.splitlines()
    run("examples")
    assert (PROJECT / "examples" / "alice.zip").read_bytes() == first


def test_submitted_without_zone(run: Callable[..., Ended], tmp_path: Path) -> None:
    """A time without a zone is wrong usage: hours decide about days late."""
    shutil.make_archive(str(tmp_path / "carol"), "zip", PROJECT / "examples" / "alice", "filters.py")
    code, _, noted = run("grade", tmp_path / "carol.zip", "--submitted", "2022-03-30T03:59", "--out", tmp_path)
    assert code == 2
    assert "has no time zone" in noted
