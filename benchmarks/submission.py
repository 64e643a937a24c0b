"""One submission from the zip to the PDF: cold and warm, by steps, against what nobody can go below."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from benchmarks.accounts import Account, account
from benchmarks.measuring import spread
from benchmarks.sections import Section, Table
from benchmarks.steps import STEPS, Grading, Warm, grade_cold, warm_grader
from grader.rubric import PROJECT, get_assignment
from grader.solutions import solution_files
from grader.vision.datasets.cifar import cifar10, normalise_cifar
from grader.vision.datasets.fashion import fashion_mnist, normalise_fashion
from grader.zip_writer import pack_files

HOW = (
    "A perfect submission (the solutions with the reference models). *Cold* is `python -m grader grade` with nothing "
    "running; *warm* is the same within a class, in a process that has graded it before. The *floor* is a bare Python, "
    "in the same run and with as many threads as a student's code has: it imports torch, loads the network of the zip "
    "and asks it about its 10,000 test images. Seconds on the clock by the lines that the grader logs, medians "
    "(and smallest to largest); computing is that of all processes, those of the sandbox included."
)
GOAL = 4


@dataclass(frozen=True)
class Asked:
    """An assignment, and the network that its floor asks: where it comes from, and about which images."""

    id: str
    rounds: int
    module: str
    maker: str
    weights: str
    images: Callable[[], Tensor]


def _fashion() -> Tensor:
    return normalise_fashion(fashion_mnist("test").images)


def _cifar() -> Tensor:
    return normalise_cifar(cifar10("test").images)


ASKED = (
    Asked("miniplaces", 3, "fashion", "MyNet", "model.pth", _fashion),
    Asked("two_networks", 1, "resnet", "SmallResNet", "supervised.pth", _cifar),
)


@dataclass
class Found:
    """What was measured of an assignment."""

    cold: list[Grading] = field(default_factory=list)
    warm: list[Grading] = field(default_factory=list)
    floor: list[tuple[float, float]] = field(default_factory=list)  # seconds on the clock, of computing

    @property
    def ratio(self) -> float:
        """Seconds of a warm grading over those of the floor."""
        return statistics.median(each.wall_s for each in self.warm) / statistics.median(wall for wall, _ in self.floor)


def measure(quick: bool) -> Section:
    """Grade one submission of each assignment, and run its floor, turn by turn."""
    tables, remarks = [], []
    for asked in ASKED[:1] if quick else ASKED:
        found = _measure(asked, 1 if quick else asked.rounds)
        tables.append(_table(asked.id, found))
        goal = f"; the goal for Miniplaces is below {GOAL}" if asked is ASKED[0] else ""
        remarks.append(f"{asked.id}: warm takes {found.ratio:.1f} times the floor, on the clock{goal}.")
    if quick:
        remarks.append(f"{ASKED[1].id} is left out of a quick run: it takes minutes.")
    return Section("submission", "One submission, start to PDF", HOW, tuple(tables), tuple(remarks))


def _measure(asked: Asked, rounds: int) -> Found:
    found = Found()
    files = solution_files(get_assignment(asked.id))
    with TemporaryDirectory(prefix="benchmark-") as made, account() as spent:
        folder = Path(made)
        archive = pack_files(files, folder / "perfect.zip")
        bare = folder / "bare"
        _prepare_floor(asked, files, bare)
        with warm_grader(spent) as warm:
            warm.grade(archive, folder / "first")
            for _ in range(rounds):
                _round(asked, archive, bare, warm, spent, found)
    return found


def _round(asked: Asked, archive: Path, bare: Path, warm: Warm, spent: Account, found: Found) -> None:
    threads = str(get_assignment(asked.id).limits.threads)
    script = PROJECT / "benchmarks" / "floor.py"
    wall_s, cpu_s = spent.cost.wall_s, spent.cost.cpu_s
    patient = {**os.environ, "OMP_WAIT_POLICY": "passive"}  # as the threads of a student's code
    spent.run([sys.executable, "-P", script, bare, asked.module, asked.maker, threads], bare, patient)
    found.floor.append((spent.cost.wall_s - wall_s, spent.cost.cpu_s - cpu_s))
    found.warm.append(warm.grade(archive, archive.parent / "warm"))
    found.cold.append(grade_cold(archive, archive.parent / "cold", spent))


def _prepare_floor(asked: Asked, files: dict[str, bytes], folder: Path) -> None:
    folder.mkdir()
    for name, content in files.items():
        if name.endswith(".py"):
            (folder / name).write_bytes(content)
    (folder / "weights.pth").write_bytes(files[asked.weights])
    torch.save(asked.images(), folder / "images.pt")


def _table(name: str, found: Found) -> Table:
    def row(title: str, read: Callable[[Grading], float]) -> tuple[str, ...]:
        return (title, *(spread([read(each) for each in some]) for some in (found.warm, found.cold)), "")

    floor = [spread(values) for values in zip(*found.floor, strict=True)]
    rows = [row("start", _seconds("start")), *(row(step, _seconds(step)) for step in STEPS[:3])]
    rows.append(row("4 draw, 5 render", lambda each: each.steps[STEPS[3]] + each.steps[STEPS[4]]))
    rows.append(row(STEPS[5], _seconds(STEPS[5])))
    totals = [(*row("together, s", lambda each: each.wall_s)[:3], floor[0])]
    totals.append((*row("computing, CPU s", lambda each: each.cpu_s)[:3], floor[1]))
    return Table((name, "warm", "cold", "floor"), (*rows, *totals))


def _seconds(step: str) -> Callable[[Grading], float]:
    return lambda each: each.steps[step]
