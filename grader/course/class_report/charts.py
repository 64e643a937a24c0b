"""The charts of the class report as plain numbers; templates draw them with boxes, which fit any width and shade."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from grader.course.class_report.statistics import Distribution
from grader.figures.thumbnail import Accuracy
from grader.rubric import Task

STRIP = 40  # bins of a strip of accuracies
STEP = 0.05  # accuracies' axes begin and end at a multiple of it
FAR = 0.1  # what lies further than that below median, reference and credit stands in the first bin: the rest needs room
TIMES = 10  # bins of run times


@dataclass(frozen=True)
class Bar:
    """One bar: how many, of what, how high (percent of the highest)."""

    label: str
    n: int
    height: float


@dataclass(frozen=True)
class Histogram:
    """Bars side by side.

    Attributes:
        bars: From left to right.
        alt: The same in a sentence.
        box: Places of lower quartile, median and upper quartile, percent of the width; empty without them.
    """

    bars: tuple[Bar, ...]
    alt: str
    box: tuple[float, float, float] | tuple[()] = ()


@dataclass(frozen=True)
class Strip:
    """Where the accuracies of everyone's networks lie; places and heights in percent.

    Attributes:
        bars: (left, height) of each bin that is not empty.
        low: Accuracy at the left end, in words.
        high: The same at the right.
        marks: (left, name, kind) of the reference and of what earns the credit.
        alt: The same in a sentence.
    """

    bars: tuple[tuple[float, float], ...]
    low: str
    high: str
    marks: tuple[tuple[float, str, str], ...]
    alt: str


def bars(labelled: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    """Bars to scale."""
    most = max((n for _, n in labelled), default=0) or 1
    return tuple(Bar(label, n, round(100 * n / most, 1)) for label, n in labelled)


def score_histogram(scores: Distribution) -> Histogram:
    """The distribution of the scores, in tenths of the points; above all points only where someone is."""
    over = scores.bins[-1]
    labels = [f"{10 * i}–{10 * i + 10}" for i in range(len(scores.bins) - 1)] + ["above"] * bool(over)
    shown = tuple(zip(labels, scores.bins, strict=False))
    scale = 100 * (len(shown) - 1) / len(shown) if over else 100.0
    low, middle, high = (round(min(scale * part, 100), 2) for part in (scores.lower, scores.median, scores.upper))
    told = ", ".join(f"{label}: {n}" for label, n in shown if n)
    return Histogram(bars(shown), f"Submissions by percent of the points. {told}.", (low, middle, high))


def late_histogram(days: Sequence[int], most: int) -> Histogram:
    """Submissions by days late; the last bar stands for `most` days and more."""
    labels = ["on time", *(f"{i}{'+' * (i == most)}" for i in range(1, len(days)))]
    told = ", ".join(f"{label}: {n}" for label, n in zip(labels, days, strict=True) if n)
    return Histogram(bars(tuple(zip(labels, days, strict=True))), f"Submissions by days late. {told}.")


def time_histogram(seconds: Sequence[float]) -> Histogram:
    """Submissions by run time, in equal steps from nothing to the longest."""
    step = max(1, math.ceil(max(seconds) / TIMES))
    steps = math.floor(max(seconds) / step) + 1
    counts = [sum(i <= each / step < i + 1 for each in seconds) for i in range(steps)]
    shown = [(f"{i * step}–{(i + 1) * step}", n) for i, n in enumerate(counts)]
    told = ", ".join(f"{label}: {n}" for label, n in shown if n)
    return Histogram(bars(shown), f"Submissions by seconds of run time. {told}.")


def strip(values: Sequence[float], reference: float | None, threshold: float | None) -> Strip:
    """Everyone's accuracies on one axis, with the reference's and the threshold.

    Args:
        values: Fractions in [0, 1], at least one.
        reference: The reference network's.
        threshold: What earns the credit.
    """
    known = [*values, *(mark for mark in (reference, threshold) if mark is not None)]
    middle = [statistics.median(values), *known[len(values) :]]
    far = min(middle) - FAR
    low = max(0.0, math.floor(min(value for value in known if value >= far) / STEP - 0.2) * STEP)
    high = min(1.0, math.ceil(max(known) / STEP + 0.2) * STEP)
    counts = [0] * STRIP
    for value in values:
        counts[min(STRIP - 1, max(0, int((value - low) / (high - low) * STRIP)))] += 1
    most = max(counts)
    lines = (("threshold", threshold, "credit above"), ("reference", reference, "reference"))
    marks = tuple((round(100 * (value - low) / (high - low), 2), f"{name} {percent(value)}", kind)
                  for kind, value, name in lines if value is not None)  # fmt: skip
    drawn = tuple((round(100 * i / STRIP, 2), round(100 * n / most, 1)) for i, n in enumerate(counts) if n)
    told = ", ".join(name for _, name, _ in marks)
    alt = f"Accuracies from {percent(min(values))} to {percent(max(values))}, {told}."
    lower = " and below" if min(values) < low else ""
    return Strip(drawn, f"{100 * low:.0f}%{lower}", f"{100 * high:.0f}%", marks, alt)


def percent(fraction: float) -> str:
    """A fraction as a reader writes it: 0.913 -> "91.3%", and 0.8996, which misses 90%, -> "89.96%"."""
    return f"{100 * fraction:.2f}".rstrip("0").rstrip(".") + "%"


@dataclass(frozen=True)
class Networks:
    """Everyone's trained networks of one task.

    Attributes:
        task: The rubric's line.
        strip: Where their accuracies lie.
        facts: Numbers in words.
        best: (student, accuracy) of the best.
        below: The same of those who earn no credit, the lowest first.
    """

    task: Task
    strip: Strip
    facts: tuple[str, ...]
    best: tuple[str, str]
    below: tuple[tuple[str, str], ...]


def networks(task: Task, found: Sequence[tuple[str, Accuracy]]) -> Networks:
    """Compare the networks of one task, at least one, given as (student, accuracy)."""
    reference, threshold = (_most_frequent([getattr(one, name) for _, one in found])
                            for name in ("reference", "threshold"))  # fmt: skip
    values = [one.value for _, one in found]
    facts = [f"{len(values)} network{'s' * (len(values) != 1)}", f"median {percent(statistics.median(values))}"]
    if threshold is not None:
        facts.append(f"{sum(value > threshold for value in values)} above the {percent(threshold)} that earns credit")
    if reference is not None:
        facts.append(f"{sum(value > reference for value in values)} above the reference’s {percent(reference)}")
    ranked = sorted((one.value, student) for student, one in found)
    best = next((student, percent(value)) for student, value in ((who, one.value) for who, one in found)
                if value == ranked[-1][0])  # fmt: skip
    low = tuple((student, percent(value)) for value, student in ranked if threshold is not None and value <= threshold)
    return Networks(task, strip(values, reference, threshold), tuple(facts), best, low)


def _most_frequent(values: Sequence[float | None]) -> float | None:
    known = sorted(value for value in values if value is not None)
    return statistics.mode(known) if known else None
