"""The course secret: where it comes from, who can read it, and that the inputs of checks derive from it."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from grader import pipeline
from grader.course_secret import course_secret, new_secret, secret_of, submission_seed
from grader.errors import MachineError, UsageError
from grader.pipeline import grade_zip
from grader.records import Run, RunFacts
from grader.zip_writer import pack_files


@pytest.fixture(autouse=True)
def no_secret_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only these tests do without the secret that all others share."""
    monkeypatch.delenv("GRADER_SECRET")


def test_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    """The first call makes a secret that only its owner can read; later calls return it."""
    first = course_secret(tmp_path)
    path = tmp_path / "instructor only" / "secret"
    assert len(first) == 64
    assert course_secret(tmp_path) == first == path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


def test_every_course_has_its_own(tmp_path: Path) -> None:
    """Two folders of results have two secrets."""
    assert course_secret(tmp_path / "one") != course_secret(tmp_path / "two")


def test_made_by_several_at_once(tmp_path: Path) -> None:
    """Graders that start at the same moment in one folder all get the same secret."""
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: course_secret(tmp_path), range(32)))) == 1


def test_given_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`GRADER_SECRET` comes before the file, and nothing is written then."""
    monkeypatch.setenv("GRADER_SECRET", f" {'s' * 32}\n")
    assert course_secret(tmp_path) == "s" * 32
    assert not list(tmp_path.iterdir())


def test_too_short_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret that could be guessed is refused, wherever it stands; a damaged file is not replaced."""
    path = tmp_path / "secret"
    path.write_text("12ab")
    with pytest.raises(MachineError, match="damaged"):
        secret_of(path)
    assert path.read_text() == "12ab"
    monkeypatch.setenv("GRADER_SECRET", "hunter2")
    with pytest.raises(UsageError, match="7 characters; a secret has 32"):
        secret_of(path)


def test_file_that_is_no_text(tmp_path: Path) -> None:
    """A secret that can't be read stops the grading with the file's name."""
    (tmp_path / "secret").write_bytes(b"\xff" * 40)
    with pytest.raises(MachineError, match="secret"):
        secret_of(tmp_path / "secret")


def test_seeds() -> None:
    """A seed depends on the secret and on the zip, and on nothing else."""
    one, other = new_secret(), new_secret()
    seeds = {submission_seed(secret, digest * 64) for secret in (one, other) for digest in "ab"}
    assert len(seeds) == 4
    assert submission_seed(one, "a" * 64) in seeds


@pytest.fixture
def seeds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The seeds that step 2 gets, which runs nothing."""
    given: list[str] = []

    def run(_submission: Any, seed: str, *_rest: Any, **_options: Any) -> Run:
        given.append(seed)
        return Run((), (), RunFacts(sandbox="none"))

    monkeypatch.setattr(pipeline, "run_submission", run)
    return given


def test_same_zip_same_inputs(tmp_path: Path, seeds: list[str]) -> None:
    """One zip meets the same inputs each time, and other inputs in another course."""
    zipped = pack_files({"filters.py": b"", "units.py": b"", "cam.py": b"", "fashion.py": b""}, tmp_path / "bob.zip")
    for out in ("here", "here", "elsewhere"):
        grade_zip(zipped, tmp_path / out)
    assert seeds[0] == seeds[1] != seeds[2]
