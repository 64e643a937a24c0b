"""The instructor's guide: its commands run, and its worked example is an assignment that the grader takes as it is."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from sample_guide import (
    GUIDE,
    copy_project,
    empty_environment,
    guide_commands,
    guide_files,
    write_submission,
)

from grader.rubric import PROJECT

WRONG = ("(torch.tensor(WEIGHTS).view(3, 1, 1) * image).sum(dim=0)", "image.mean(dim=0)")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the guide's third assignment, in which all of the guide's commands were run."""
    folder = copy_project(tmp_path_factory.mktemp("guide"))
    environment = empty_environment(tmp_path_factory.mktemp("environment"), folder)
    write_submission(folder / "submissions" / "alice.zip")
    write_submission(folder / "submissions" / "bob.zip", changed=WRONG)
    (folder / "roster.csv").write_text("student\nalice\nbob\ncarol\n", encoding="utf-8")
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    for command in guide_commands():
        assert command.startswith("make ")
        ended = subprocess.run(
            f"{command} VENV='{environment}'", shell=True, cwd=folder, env=variables,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return folder


def test_example_changes_no_code() -> None:
    """The third assignment is files of its own: nothing that the grader has, and nothing below `grader/`."""
    paths = guide_files()
    assert all(name.startswith(("assignment/toy/", "solutions/toy/")) for name in paths)
    assert [name for name in paths if (PROJECT / name).exists()] == []


def test_commands_are_of_the_makefile() -> None:
    """Each command of the guide, run here or left out, is a target that `make help` lists."""
    targets = set(re.findall(r"^([a-z-]+):.*  ##", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert guide_commands(left_out=True) == ["make grade SUBMISSION=examples/alice.zip", "make data"]
    named = [command.split()[1] for command in guide_commands() + guide_commands(left_out=True)]
    assert {"grade", "grade-all", "gradescope", "release", "validate", "report", "data"} <= set(named) <= targets


def test_files_that_are_named_exist() -> None:
    """Every path of the project that the guide names is there."""
    made = (*guide_files(), "assignment/toy/", "solutions/toy/")
    text = re.sub(r"^```.*?^```$", "", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"`((?:grader|assignment|solutions|tests|examples)/[\w./]+)`", text))
    assert len(named) > len(guide_files())
    assert [name for name in named if name not in made and not (PROJECT / name).exists()] == []


@pytest.mark.slow
def test_example_is_proved(project: Path) -> None:
    """`make validate` tries solutions, stubs, four mistakes and two other ways of the third assignment."""
    page = (project / "out" / "validation.html").read_text(encoding="utf-8")
    shown = re.sub(r"<[^>]*>", "", page)
    for name in ("plain_mean", "keeps_colours", "sides_swapped", "corner", "by_einsum", "by_torchvision"):
        assert f"pixels.{name}" in shown


@pytest.mark.slow
def test_example_is_released(project: Path) -> None:
    """Students get stubs of the third assignment, with its hint and without its solution."""
    stub = (project / "assignment" / "toy" / "pixels.py").read_text(encoding="utf-8")
    assert "# `WEIGHTS` has to become a tensor" in stub
    assert "torch.tensor(WEIGHTS)" not in stub
    assert (project / "dist" / "toy.zip").stat().st_size > 0


@pytest.mark.slow
def test_example_is_graded(project: Path) -> None:
    """The solution of the third assignment has all points, and a known mistake of it is named to its student."""
    alice, bob = (
        json.loads((project / "out" / name / "results.json").read_text(encoding="utf-8")) for name in ("alice", "bob")
    )
    assert (alice["score"], alice["max_score"]) == (3.0, 3.0)
    assert bob["score"] == 1.5  # a quarter of task 1 for one value a pixel, and task 2
    assert "pixels.plain_mean" in {check["mistake"] for check in bob["extra_data"]["checks"]}
    assert "eye sees green best" in bob["tests"][0]["output"]


@pytest.mark.slow
def test_class_is_graded(project: Path) -> None:
    """The guide's first class has a row for each student, also for who handed in nothing."""
    with (project / "out" / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row["outcome"] for row in csv.DictReader(file)}
    assert rows == {"alice": "graded", "bob": "graded", "carol": "missing"}


@pytest.mark.slow
def test_reference_report(project: Path) -> None:
    """An assignment that trains nothing has a reference report too."""
    assert (project / "out" / "reference-toy" / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_autograders(project: Path) -> None:
    """`make gradescope` writes an autograder for each assignment, the new one among them."""
    names = {path.name.removesuffix("-autograder.zip") for path in (project / "dist").glob("*-autograder.zip")}
    assert names == {path.parent.name for path in (project / "assignment").glob("*/assignment.toml")}
    assert "toy" in names
