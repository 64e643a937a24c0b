"""docs/authoring.md holds an example of each thing that a check can do, and each of them works."""

from __future__ import annotations

import ast
import io
from pathlib import Path
from typing import Any

import pytest
import torch
from sample_guide import guide_files
from sample_modules import local

from grader import author, figures
from grader.checking import running
from grader.checking.context import Context
from grader.errors import Failure, Missing
from grader.records import Outcome
from grader.rubric import PROJECT, Assignment
from grader.sandbox.student import Implementation
from grader.vision.datasets.imageset import ImageSet
from grader.vision.model_files import expect_accuracy

FILES = guide_files(PROJECT / "docs" / "authoring.md")
SOLUTION, CHECKS = (FILES[f"solutions/lab/{name}.py"] for name in ("lab", "checks/check_lab"))
TASKS = [{"id": number, "title": "t", "points": 1, "module": "lab"} for number in "1234"]
LAB = {"id": "lab", "title": "Lab", "course": "c", "due_at": "2022-03-30T00:00:00Z", "modules": ["lab"], "task": TASKS}
OF_NUMBERS = {"check_trained", "check_above_60", "check_above_70"}  # they stand for a measured accuracy


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """Runs the page's checks on the source of a student's module; gives the run's context."""
    path = tmp_path / "solutions" / "lab" / "checks" / "check_lab.py"
    path.parent.mkdir(parents=True)
    path.write_text(CHECKS, encoding="utf-8")
    sides = (tmp_path / "student", tmp_path / "oracle")
    for side in sides:
        side.mkdir()

    def run(source: str) -> Context:
        student, oracle = local(sides[0], lab=source), local(sides[1], lab=SOLUTION)
        context = Context(Assignment.model_validate(LAB).at(tmp_path), student, oracle, (), lambda _one: oracle, "seed")
        running.run_checks(context)
        return context

    return run


def test_examples_accept_the_solution(run: Any) -> None:
    """The page's solution passes every check of the page, and its figure is drawn."""
    context = run(SOLUTION)
    assert [(each.name, each.message) for each in context.results if each.outcome is not Outcome.PASSED] == []
    assert len(context.results) == CHECKS.count("@check(")
    (exhibit,) = context.exhibits
    assert "could not be drawn" not in figures.draw(exhibit).alt


def test_examples_refuse_what_does_nothing(run: Any) -> None:
    """Functions that return nothing pass none of them but those that stand for a measured number."""
    names = [node.name for node in ast.parse(SOLUTION).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    context = run("".join(f"def {name}(*args):\n    return None\n" for name in names))
    assert {each.name for each in context.results if each.outcome is Outcome.PASSED} == OF_NUMBERS


def test_few_imports() -> None:
    """A file of checks needs four lines of imports: NumPy, torch, random numbers, and the author's."""
    lines = [line for line in CHECKS.splitlines() if line.startswith(("import ", "from "))]
    assert len(lines) == 4
    assert all(hasattr(author, name) for name in author.__all__)


@pytest.fixture
def images() -> ImageSet:
    """Twenty "images" of four numbers, whose class is where the largest is."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (20, 4), generator=generator).to(torch.uint8)
    return ImageSet("Dots", "test", pixels, pixels.argmax(1), ("a", "b", "c", "d"), "here", "0")


def probe(files: dict[str, bytes], folder: Path) -> Implementation:
    """A student whose `Probe()` takes four numbers and knows four classes."""
    source = SOLUTION.replace("features: int, classes: int = 3", "features: int = 4, classes: int = 4")
    return local(folder, files, lab=source)


@pytest.mark.parametrize(("sign", "share"), [(1.0, 1.0), (-1.0, 0.0)])
def test_expect_accuracy(tmp_path: Path, images: ImageSet, sign: float, share: float) -> None:
    """The share of right answers of a network in a file is returned, or told where it is too small."""
    saved = io.BytesIO()
    torch.save({"fc.weight": sign * torch.eye(4), "fc.bias": torch.zeros(4)}, saved)
    student = probe({"probe.pth": saved.getvalue()}, tmp_path)

    def ask() -> float:
        return expect_accuracy(
            student, "probe.pth", "lab.Probe", data=images, at_least=0.6, normalise=lambda pixels: pixels / 255
        )

    if share:
        assert ask() == share
    else:
        with pytest.raises(Failure, match=r"Of 20 images, the network classifies 0\.00% right\."):
            ask()
    with pytest.raises(Missing, match=r"no `probe\.pth` at its root"):
        expect_accuracy(
            probe({}, tmp_path), "probe.pth", "lab.Probe", data=images, at_least=0.6, normalise=lambda pixels: pixels
        )
