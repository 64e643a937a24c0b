"""How fast the references are trained, beside the loop of PyTorch's CIFAR-10 tutorial and what the machine can do."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from benchmarks import accuracy, tutorial
from benchmarks.loops import LOADED, LOOP, OURS, WARM_UP, Case, loops_of
from benchmarks.measuring import spread
from benchmarks.rates import KINDS, REST, Convolutions, multiplication_rate, time_by_kind
from benchmarks.sections import Section, Table
from grader.errors import DataMissing

ROUNDS = 5
RUNS = 3  # to an accuracy, each way
SECONDS, QUICK_SECONDS = 1.5, 0.3  # between two looks at the clock, about
TARGET, QUICK_TARGET = 0.9, 0.5

HOW = (
    "Training steps with their loading, after {warm} steps: median (least-most) of {rounds} rounds in which all take "
    "turns, with {threads} threads. The tutorial's loop takes pictures from memory through PIL and torchvision's "
    "transforms into a DataLoader, and has our network, batch size, optimizer and augmentation. As printed it has its "
    "own batch size and optimizer, and no augmentation. Operations are counted by torch.utils.flop_counter, and the "
    "machine's rates taken in the same rounds: products of large matrices, and the network's convolutions alone, "
    "forward and backward, at its own sizes."
)
RATE_HEADINGS = (
    "ours, GFLOP/s",
    "MFLOP an image",
    "training",
    "matrices",
    "convolutions",
    "of matrices",
    "of convolutions",
)

CASES = (
    Case("MyNet, FashionMNIST", "miniplaces", "fashion", "quick"),
    Case("MyNet, FashionMNIST augmented", "miniplaces", "fashion", "full", printed=False),
    Case("SmallResNet, CIFAR-10 augmented", "two_networks", "supervised", "quick"),
)


@dataclass(frozen=True)
class Found:
    """What was measured of a case.

    Attributes:
        label: Of the case.
        speeds: Images a second in each round, by way to train.
        operations: Floating-point operations of training on one image.
        products: Operations a second in each round, multiplying matrices.
        convolutions: The same, doing the network's convolutions.
        kinds: Share of the time of ours by kind of operation.
    """

    label: str
    speeds: dict[str, list[float]]
    operations: float
    products: list[float]
    convolutions: list[float]
    kinds: dict[str, float]

    def speed_rows(self) -> list[tuple[str, ...]]:
        """A row for each way: images a second, and how many times that ours does."""
        rows: list[tuple[str, ...]] = []
        for name, speeds in self.speeds.items():
            times = "" if name == OURS else spread(_ratios(self.speeds[OURS], speeds), 1)
            rows.append((f"{self.label}: {name}", spread(speeds, 0), times))
        return rows

    def rate_row(self) -> tuple[str, ...]:
        """Operations a second, and the share of what the machine can do."""
        achieved = [self.operations * speed for speed in self.speeds[OURS]]
        shares = (_percent(_ratios(achieved, possible)) for possible in (self.products, self.convolutions))
        rates = (_giga(each) for each in (achieved, self.products, self.convolutions))
        return (self.label, f"{self.operations / 1e6:.1f}", *rates, *shares)

    @property
    def quickest(self) -> str:
        """The better of the tutorial's loop without workers and with them."""
        return max((LOOP, LOADED), key=lambda name: statistics.median(self.speeds[name]))

    def remark(self) -> str:
        """What ours gains over the better of these, and what it could gain at most."""
        ours, theirs = self.speeds[OURS], self.speeds[self.quickest]
        bound = [rate / self.operations for rate in self.convolutions]
        return (
            f"{self.label}: {_times(ours, theirs)} times the images a second of {self.quickest}, the better of its "
            f"two. With nothing but the convolutions to do, it would be {_times(bound, theirs)} times."
        )


def measure(quick: bool) -> Section:
    """Images a second, the share of what the machine can do, and seconds to an accuracy."""
    found: list[Found] = []
    remarks: list[str] = []
    for case in CASES:
        try:
            found.append(_measure(case, quick))
            remarks.append(found[-1].remark())
        except DataMissing as error:
            remarks.append(f"{case.label} is left out. {error}")
    races, told = _race(CASES[0], found, quick)
    wide = _giga([multiplication_rate(torch.bfloat16)])
    remarks += [
        *told,
        f"In bfloat16, matrices are multiplied at {wide} GFLOP/s here.",
        "Seconds to 80% on CIFAR-10 take too long for every day: `make bench SECTIONS=accuracy` measures them.",
    ]
    how = HOW.format(warm=WARM_UP, rounds=1 if quick else ROUNDS, threads=torch.get_num_threads())
    return Section("training", "Training the references", how, (*_tables(found), *races), tuple(remarks))


def _tables(found: Sequence[Found]) -> tuple[Table, ...]:
    speeds = tuple(row for each in found for row in each.speed_rows())
    shares = tuple((each.label, *(f"{share:.0%}" for share in each.kinds.values())) for each in found)
    return (
        Table(("training", "images a second", "ours: times as many"), speeds),
        Table(RATE_HEADINGS, tuple(each.rate_row() for each in found)),
        Table(("where the time of ours goes", *KINDS, REST), shares),
    )


def _race(case: Case, found: Sequence[Found], quick: bool) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """Seconds to an accuracy, if the data set is here."""
    measured = next((each for each in found if each.label == case.label), None)
    if measured is None:
        return (), ()
    target, recipe = (QUICK_TARGET, accuracy.shortened(case.recipe)) if quick else (TARGET, case.recipe)
    workers = tutorial.WORKERS if measured.quickest == LOADED else 0
    runs = 1 if quick else RUNS
    table, told = accuracy.race(case.label, recipe, target, workers, runs)
    loading = f"It loads with {workers} workers." if workers else "It loads without workers."
    return (table,), (f"{accuracy.HOW.format(runs=accuracy.runs_in_words(runs), target=target)} {loading}", *told)


def _measure(case: Case, quick: bool) -> Found:
    """Let all ways to train, and the machine's rates, take turns."""
    seconds = QUICK_SECONDS if quick else SECONDS
    loops = loops_of(case)
    for loop in loops.values():
        loop.steps = max(2, round(seconds * loop.rate() / loop.batch_size))
    setup = case.recipe.setup(case.preset)
    net = setup.net.to(memory_format=torch.channels_last)
    images, _ = next(iter(loops[OURS].batches))
    convolutions = Convolutions(net, images)
    times = max(1, round(seconds * convolutions.rate(1) / convolutions.operations))
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    products, alone = [], []
    for _ in range(1 if quick else ROUNDS):
        for name, loop in loops.items():
            speeds[name].append(loop.rate())
        products.append(multiplication_rate(torch.float32))
        alone.append(convolutions.rate(times))
    kinds = time_by_kind(loops[OURS].rate)
    return Found(case.label, speeds, convolutions.of_a_step / len(images), products, alone, kinds)


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def _times(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return f"{statistics.median(_ratios(ours, theirs)):.1f}"


def _giga(rates: Sequence[float]) -> str:
    return spread([rate / 1e9 for rate in rates], 0)


def _percent(shares: Sequence[float]) -> str:
    return f"{statistics.median(shares):.0%}"
